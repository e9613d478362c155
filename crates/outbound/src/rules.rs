//! What may be dialled at all, decided by the address's text alone. Names are decided by `resolve.rs`, each time.

use crate::address::{Range, is_public, literal};
use reqwest::Url;
use std::net::IpAddr;
use std::sync::Arc;

/// The longest address. Units: bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// Where web servers listen; other ports belong to other protocols.
pub const PORTS: [u16; 3] = [443, 80, 8443];

/// The public internet over https, and what the operator allows besides.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Ranges that may be dialled although they are not public; in them plain http and every port is allowed.
    pub allow: Arc<[Range]>,
    /// The setting that fills `allow`, for the sentences.
    pub setting: &'static str,
    /// Plain http is allowed to public addresses, too: nothing secret is sent, and what is read is not trusted.
    reads: bool,
}

/// An address that has passed. There is no other way to make one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    url: Url,
    /// Its scheme or port is only for allowed ranges, so every address behind it must be in one.
    allowed_only: bool,
}

/// Why an address is not dialled. Its words are for whoever gave it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("it has {bytes} bytes; at most {URL_BYTES_MAX} are allowed")]
    TooLong { bytes: usize },
    #[error("it contains a space, a control character or a backslash, which programs read in different ways")]
    Ambiguous,
    #[error("it cannot be read as an address: {0}")]
    Unreadable(String),
    #[error("{0}: is not a web address; give one that begins with https://")]
    Scheme(String),
    #[error("it holds a user name or password; put a secret into the path, or verify the signature instead")]
    Login,
    #[error("it has a part after #, which is never sent")]
    Fragment,
    #[error(
        "it is plain http, which anybody on the way can read and change; use https, or allow the receiver's address range with {setting}"
    )]
    PlainHttp { setting: &'static str },
    #[error(
        "port {port} is not one of 443, 80 and 8443; use one of them, or allow the receiver's address range with {setting}"
    )]
    Port { port: u16, setting: &'static str },
    #[error(
        "{address} is not a public address; if the receiver is meant to be in your own network, allow its range on the server with {setting}={address}/{}",
        if .address.is_ipv4() { 32 } else { 128 }
    )]
    NotPublic { address: IpAddr, setting: &'static str },
    #[error("{address} is a public address, and plain http or another port is only allowed in the ranges of {setting}")]
    NotAllowed { address: IpAddr, setting: &'static str },
}

impl Refused {
    /// A plain word for a fault of a request.
    pub const fn code(&self) -> &'static str {
        match self {
            Refused::TooLong { .. } => "too_long",
            Refused::Ambiguous | Refused::Unreadable(_) => "bad_url",
            Refused::Scheme(_) | Refused::PlainHttp { .. } => "bad_scheme",
            Refused::Login => "login_in_url",
            Refused::Fragment => "fragment_in_url",
            Refused::Port { .. } => "bad_port",
            Refused::NotPublic { .. } | Refused::NotAllowed { .. } => "not_public",
        }
    }
}

impl Rules {
    pub fn new(allow: Vec<Range>, setting: &'static str) -> Rules {
        Rules { allow: allow.into(), setting, reads: false }
    }

    /// The same rules for pages that are only read.
    #[must_use]
    pub fn reading(&self) -> Rules {
        Rules { reads: true, ..self.clone() }
    }

    /// Reads an address and decides all that its text can decide. Every spelling of an address is the address: one parser
    /// reads it here, and what it read is what is dialled.
    pub fn check(&self, text: &str) -> Result<Target, Refused> {
        if text.len() > URL_BYTES_MAX {
            return Err(Refused::TooLong { bytes: text.len() });
        }
        if text.chars().any(|sign| sign.is_control() || sign.is_whitespace() || sign == '\\') {
            return Err(Refused::Ambiguous);
        }
        let url = Url::parse(text).map_err(|error| Refused::Unreadable(error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        // `http:/\/host` and the like are read by some as a path, by others as a host.
        if !text.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://") && !rest.starts_with(":///")) {
            return Err(Refused::Unreadable("two slashes and a host must follow the scheme".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() || self.authority(text).contains('@') {
            return Err(Refused::Login);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        let allowed_only = match self.unusual(&url) {
            None => false,
            // A name may still lead into an allowed range.
            Some(refused) if self.allow.is_empty() => return Err(refused),
            Some(_) => true,
        };
        if let Some(address) = literal(&url) {
            self.admits(address, allowed_only)?;
        }
        Ok(Target { url, allowed_only })
    }

    fn unusual(&self, url: &Url) -> Option<Refused> {
        if url.scheme() == "http" && !self.reads {
            return Some(Refused::PlainHttp { setting: self.setting });
        }
        let port = url.port_or_known_default().unwrap_or(0);
        (!PORTS.contains(&port)).then_some(Refused::Port { port, setting: self.setting })
    }

    /// What stands between the slashes and the path.
    fn authority<'a>(&self, text: &'a str) -> &'a str {
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or("")
    }

    /// Whether this address may be dialled.
    pub(crate) fn admits(&self, address: IpAddr, allowed_only: bool) -> Result<(), Refused> {
        let setting = self.setting;
        if self.allow.iter().any(|range| range.contains(address)) {
            return Ok(());
        }
        match (is_public(address), allowed_only) {
            (true, false) => Ok(()),
            (true, true) => Err(Refused::NotAllowed { address, setting }),
            (false, _) => Err(Refused::NotPublic { address, setting }),
        }
    }
}

impl Target {
    pub fn url(&self) -> &Url {
        &self.url
    }
    /// The host as it is dialled, with its port.
    pub fn place(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or(0))
    }
    pub(crate) fn allowed_only(&self) -> bool {
        self.allowed_only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str]) -> Rules {
        Rules::new(allow.iter().map(|range| range.parse().unwrap()).collect(), "THE_SETTING")
    }

    #[test]
    fn s26_s27_s28_s31_s32_the_corpus_of_bad_addresses_is_refused_and_that_of_good_ones_is_not() {
        let (mut refused, mut passed) = (0, 0);
        for line in include_str!("../corpus.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, quoted) = line.split_once(' ').unwrap();
            let url: String = serde_json::from_str(quoted).unwrap();
            let answer = rules(&[]).check(&url);
            match word {
                "ok" => assert!(answer.is_ok(), "{line}: {answer:?}"),
                row => assert!(row.starts_with("S-") && answer.is_err(), "{line}: {answer:?}"),
            }
            if word == "ok" { passed += 1 } else { refused += 1 }
        }
        assert!(refused > 80 && passed > 8, "{refused} and {passed}");
    }

    #[test]
    fn s36_an_allowed_range_lifts_the_rules_for_itself_only() {
        let open = rules(&["10.0.0.0/8", "127.0.0.1"]);
        for good in
            ["http://10.1.2.3:9000/hook", "http://127.0.0.1:5000/", "https://10.1.2.3/", "http://hooks.internal:9000/"]
        {
            assert!(open.check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://192.168.0.1/",
            "http://8.8.8.8/",
            "https://8.8.8.8:9000/",
            "http://127.0.0.2:5000/",
            "ftp://10.1.2.3/",
        ] {
            assert!(open.check(bad).is_err(), "{bad}");
        }
        assert!(open.check("http://example.com/").unwrap().allowed_only(), "the name must lead into a range");
        assert!(!open.check("https://example.com/").unwrap().allowed_only());
    }

    #[test]
    fn a_refusal_names_the_setting_that_would_allow_it() {
        let said = rules(&[]).check("https://10.0.0.7/hook").unwrap_err().to_string();
        assert!(said.contains("THE_SETTING=10.0.0.7/32"), "{said}");
        let said = rules(&[]).check("http://hooks.internal:9000/").unwrap_err().to_string();
        assert!(said.contains("THE_SETTING"), "{said}");
    }
}
