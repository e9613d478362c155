//! The settings of the HTTP server: the names it answers to, whom it believes, and its limits.

use super::ConfigError;
use super::settings::Reader;
use copydesk_api::compat::CompatSettings;
use copydesk_api::edge::{EdgeSettings, Hosts, Network, Origins};
use copydesk_api::server::Limits;
use std::net::IpAddr;
use std::time::Duration;

/// Not more than this is read into memory for one request. Units: bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where clients reach the server; `None` is the address it listens on.
    pub public_url: Option<String>,
    /// Largest body of a request. Units: bytes.
    pub body_bytes_max: usize,
    pub edge: EdgeSettings,
    pub compat: CompatSettings,
    pub coalesce_retries: bool,
    /// Whom to tell of security problems, as `mailto:`, `https:` or `tel:`.
    pub security_contact: Option<String>,
    pub limits: Limits,
}

pub(super) fn read(reader: &Reader<'_>, listen: IpAddr) -> Result<HttpSettings, ConfigError> {
    let public_url = match reader.text("public_url") {
        None => None,
        Some(_) => Some(reader.read(
            "public_url",
            "it must begin with http:// or https:// and name a host, without a question mark",
            "https://desk.example.com",
            |text| host_of(text).map(|_| text.trim_end_matches('/').to_owned()),
        )?),
    };
    let own_host = public_url.as_deref().and_then(host_of);
    let is_https = public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let hsts = match reader.text("hsts") {
        None => None,
        Some(_) => Some(reader.read(
            "hsts",
            "it must be a duration, and public_url must begin with https://",
            "365d",
            |text| super::parse_span(text).filter(|_| is_https),
        )?),
    };
    let edge = EdgeSettings {
        hosts: Some(reader.read("hosts", "it must be host names with commas", "desk.example.com", |text| {
            let names: Vec<&str> = list(text).collect();
            let plain = names.iter().all(|name| !name.contains(['/', ' ', '@']));
            plain.then(|| Hosts::new(listen, names.into_iter().chain(own_host)))
        })?),
        trusted_proxies: reader.read(
            "trusted_proxies",
            "it must be addresses or ranges with commas",
            "127.0.0.1, 10.0.0.0/8",
            |text| list(text).map(str::parse::<Network>).collect::<Result<_, _>>().ok(),
        )?,
        cors_origins: reader.read(
            "cors_origins",
            "it must be origins with commas: scheme, host and port, nothing behind them; or *",
            "https://app.example.com",
            |text| Origins::new(list(text)).ok(),
        )?,
        hsts,
        access_log: reader.switch("access_log")?,
        ..EdgeSettings::default()
    };
    let body_bytes_max =
        reader.read("http.max_body_bytes", "it must be 1024 to 1073741824 bytes", "1048576", |text| {
            text.parse().ok().filter(|bytes| (1_024..=BODY_BYTES_MAX).contains(bytes))
        })?;
    let coalesce_retries = reader.switch("coalesce_retries")?;
    let compat = compat(reader)?;
    let security_contact = security_contact(reader)?;
    let limits = limits(reader)?;
    Ok(HttpSettings { public_url, body_bytes_max, edge, compat, coalesce_retries, security_contact, limits })
}

fn security_contact(reader: &Reader<'_>) -> Result<Option<String>, ConfigError> {
    let rule = "it must be an e-mail address, or an address that begins with mailto:, https:// or tel:";
    let read = || reader.read("security_contact", rule, "security@example.com", contact);
    reader.text("security_contact").map(|_| read()).transpose()
}

/// A contact of RFC 9116, which is an address with its scheme; it must stay on its line.
fn contact(text: &str) -> Option<String> {
    let plain = text.is_ascii() && !text.contains(|c: char| c.is_ascii_control() || c == ' ');
    let has_scheme =
        ["mailto:", "https://", "tel:"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    let is_mail =
        !text.contains(':') && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    match (plain, has_scheme, is_mail) {
        (true, true, _) => Some(text.to_owned()),
        (true, false, true) => Some(format!("mailto:{text}")),
        (true, false, false) | (false, ..) => None,
    }
}

fn compat(reader: &Reader<'_>) -> Result<CompatSettings, ConfigError> {
    let prefix = reader.read(
        "compat.prefix",
        "it must be a path of its own with one slash before each part",
        "/legacy",
        |text| CompatSettings::new(text, []).ok().map(|_| text.to_owned()),
    )?;
    let wanted = "it must be names of systems with commas (docs/compat.md), or all";
    let settings = reader
        .read("compat.off", wanted, "newsletter, creations", |text| CompatSettings::new(&prefix, list(text)).ok())?;
    let new_ids = reader.switch("compat.regenerate_new_id")?;
    Ok(if new_ids { settings.regenerating_into_new_drafts() } else { settings })
}

fn limits(reader: &Reader<'_>) -> Result<Limits, ConfigError> {
    let count = |key, example| {
        reader.read(key, "it must be a whole number of at least 1", example, |text| {
            text.parse::<u32>().ok().filter(|count| *count > 0)
        })
    };
    let span = |key| -> Result<Duration, ConfigError> { reader.span(key) };
    Ok(Limits {
        connections_max: count("http.max_connections", "10000")? as usize,
        first_byte: span("http.first_byte_timeout")?,
        head: span("http.head_timeout")?,
        idle: span("http.idle_timeout")?,
        body_grace: span("http.body_grace")?,
        body_rate_min: count("http.body_rate", "1024")?,
        write_stall: span("http.write_timeout")?,
        streams_max: count("http.max_streams", "100")?,
    })
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Host and port of an address of the web.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split('/').next()?;
    (!host.is_empty() && !rest.contains(['?', '#', '@', ' '])).then_some(host)
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, Flags, Loaded, Settings};

    fn with(pairs: &[(&'static str, &str)]) -> Result<Settings, super::ConfigError> {
        let flags: Flags = pairs.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        Settings::read(&Loaded::read(&flags, &Environment::default(), None)?)
    }

    #[test]
    fn the_public_address_names_a_host_that_is_answered() {
        let http =
            with(&[("public_url", "https://desk.example.com/"), ("hosts", "a.example, b.example")]).unwrap().http;
        assert_eq!(http.public_url.as_deref(), Some("https://desk.example.com"));
        let hosts = http.edge.hosts.unwrap();
        for host in ["desk.example.com", "a.example:8420", "b.example", "localhost"] {
            assert!(hosts.allow(host), "{host}");
        }
        assert!(!hosts.allow("c.example"));
    }

    #[test]
    fn a_security_contact_is_an_address_with_its_scheme() {
        let contact = |text: &str| with(&[("security_contact", text)]).map(|settings| settings.http.security_contact);
        assert_eq!(contact("").unwrap(), None);
        for (given, said) in [
            ("security@example.com", "mailto:security@example.com"),
            ("mailto:security@example.com", "mailto:security@example.com"),
            ("https://example.com/security", "https://example.com/security"),
            ("tel:+1-201-555-0123", "tel:+1-201-555-0123"),
        ] {
            assert_eq!(contact(given).unwrap().as_deref(), Some(said));
        }
        for bad in ["example.com", "http://example.com", "a@b.c\nContact: evil", "mailto:", "@example.com"] {
            let error = contact(bad).unwrap_err().to_string();
            assert!(error.starts_with("security_contact") && error.contains("e-mail"), "{error}");
        }
    }

    #[test]
    fn what_the_edge_cannot_use_is_refused_with_its_rule() {
        for (name, text) in [
            ("public_url", "desk.example.com"),
            ("public_url", "https://"),
            ("hsts", "365d"),
            ("trusted_proxies", "10.0.0.0/64"),
            ("cors_origins", "null"),
            ("cors_origins", "https://a.example/path"),
            ("http.max_connections", "0"),
            ("http.idle_timeout", "75"),
            ("http.max_body_bytes", "10"),
        ] {
            let error = with(&[(name, text)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains("for example"), "{error}");
        }
        assert!(with(&[("hsts", "365d"), ("public_url", "https://desk.example.com")]).is_ok());
    }
}
