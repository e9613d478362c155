//! How mail is sent, and by which server.

use super::ConfigError;
use super::settings::Reader;
use copydesk_core::mail::Limits;
use copydesk_desk::mail::MailConfig;
use copydesk_smtp::{Authority, Server, check_mailbox};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const DNS_PORT: u16 = 53;

pub(super) fn config(reader: &Reader<'_>) -> Result<MailConfig, ConfigError> {
    let mailbox = |name: &'static str| {
        let read = || {
            reader.read(name, "it must be one address", "Ann of Fernleaf <ann@example.com>", |text| {
                check_mailbox(text).ok().map(|()| text.to_owned())
            })
        };
        reader.text(name).map(|_| read()).transpose()
    };
    let every = reader.read("mail.per_second", "it must be a number from 0.001 to 1000", "0.5", |text| {
        let rate = text.parse::<f64>().ok().filter(|rate| (0.001..=1_000.0).contains(rate))?;
        Some(Duration::from_secs_f64(1.0 / rate))
    })?;
    let count =
        |name, example| reader.read(name, "it must be a whole number", example, |text| text.parse::<u64>().ok());
    let limits = Limits { per_day: count("mail.per_day", "500")?, reserve: count("mail.reserve", "50")?, every };
    let needs_approval = reader.switch("mail.needs_approval")?;
    // What is wrong with it is said where the server's other addresses are read.
    let public_url = reader.text("public_url").map(|url| url.trim_end_matches('/').to_owned());
    let (from, reply_to) = (mailbox("mail.from")?, mailbox("mail.reply_to")?);
    Ok(MailConfig { from, reply_to, public_url, limits, needs_approval })
}

pub(super) fn server(reader: &Reader<'_>) -> Result<Option<Server>, ConfigError> {
    let read = || {
        let words =
            "it must begin with smtps://, smtp:// or smtp+plain:// and name a host; write %XX for signs in a password";
        reader.read("smtp.url", words, "smtps://user:password@mail.example.com", |text| Server::parse(text).ok())
    };
    let Some(server) = reader.text("smtp.url").map(|_| read()).transpose()? else { return Ok(None) };
    Ok(Some(Server { authority: authority(reader)?, ..server }))
}

/// Where domains are asked for. Empty: as this machine is set up.
pub(super) fn name_servers(reader: &Reader<'_>) -> Result<Vec<SocketAddr>, ConfigError> {
    if reader.text("dns.servers").is_none() {
        return Ok(Vec::new());
    }
    let server = |text: &str| {
        let usual = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
        text.parse::<SocketAddr>().or_else(|_| usual()).ok()
    };
    let words = "it must be addresses of name servers, with commas, each with a port or without one";
    reader.read("dns.servers", words, "9.9.9.9, 127.0.0.1:5353", |text| {
        text.split(',').map(|part| server(part.trim())).collect()
    })
}

fn authority(reader: &Reader<'_>) -> Result<Option<Authority>, ConfigError> {
    let Some(path) = reader.text("smtp.ca_file") else { return Ok(None) };
    let unreadable = |reason: String| ConfigError::Unreadable { path: format!("smtp.ca_file {path}"), reason };
    let pem = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
    Authority::parse(pem).map(Some).map_err(unreadable)
}
