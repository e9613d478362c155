//! Where the mail server is, as one address: `smtp://user:password@host:587`, `smtps://...`, `smtp+plain://...`.

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{Certificate, TlsParameters, TlsParametersBuilder};
use std::fmt;

/// How the talk is kept from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// `smtps`: encrypted from the first byte.
    Tls,
    /// `smtp`: encrypted by STARTTLS, and not begun without it.
    StartTls,
    /// `smtp+plain`: not at all. For a server on the same machine.
    Plain,
}

/// A mail server and who we are to it. Its `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<(String, String)>,
    /// Who else may vouch for it, beside those this machine trusts.
    pub authority: Option<Authority>,
}

/// Certificates of an authority, such as a company's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority(Vec<u8>);

impl Authority {
    /// Errors: no certificate in it, or one that is none.
    pub fn parse(pem: Vec<u8>) -> Result<Authority, String> {
        let authority = Authority(pem);
        if !authority.0.windows(MARK.len()).any(|part| part == MARK) {
            return Err("there is no certificate in it; it must be PEM: -----BEGIN CERTIFICATE-----".to_owned());
        }
        authority.trusted_by(TlsParameters::builder("localhost".to_owned())).map_err(|error| error.to_string())?;
        Ok(authority)
    }

    pub(crate) fn trusted_by(&self, tls: TlsParametersBuilder) -> Result<TlsParameters, Error> {
        tls.add_root_certificate(Certificate::from_pem(&self.0)?).build_rustls()
    }
}

const MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// Why an address is none. It never repeats what was given: there may be a password in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadServer(pub &'static str);

impl fmt::Display for BadServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Server {
    pub fn parse(text: &str) -> Result<Server, BadServer> {
        let schemes = [
            ("smtps://", Security::Tls, 465),
            ("smtp://", Security::StartTls, 587),
            ("smtp+plain://", Security::Plain, 25),
        ];
        let known = schemes
            .iter()
            .find_map(|(scheme, security, port)| text.trim().strip_prefix(scheme).map(|rest| (rest, *security, *port)));
        let (rest, security, port) = known.ok_or(BadServer(
            "it must begin with smtps:// (TLS), smtp:// (STARTTLS) or smtp+plain:// (no encryption)",
        ))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let login = login.map(|login| login.split_once(':').ok_or(BadServer("there is a user without a password")));
        let login = login.transpose()?.map(|(user, word)| Ok((decoded(user)?, decoded(word)?))).transpose()?;
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !port.ends_with(']') => {
                (host, port.parse().map_err(|_| BadServer("the port is no number up to 65535"))?)
            }
            _ => (place, port),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(BadServer(
                "the host is missing, or has signs that no host has; write %XX for signs in a password",
            ));
        }
        Ok(Server { host: host.to_owned(), port, security, login, authority: None })
    }
}

/// `%XX` stands for a byte.
fn decoded(text: &str) -> Result<String, BadServer> {
    let bad = BadServer("a % in user or password is not followed by two hexadecimal digits");
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(rest.next()).ok_or(bad)?, digit(rest.next()).ok_or(bad)?);
        bytes.extend(u8::try_from(high * 16 + low));
    }
    String::from_utf8(bytes).map_err(|_| BadServer("user or password are not UTF-8"))
}

/// Whether this is `Name <a@b.example>` or `a@b.example`; what is wrong with it otherwise.
pub fn check_mailbox(text: &str) -> Result<(), String> {
    text.parse::<Mailbox>().map(drop).map_err(|error| format!("it must be `Name <ann@example.com>`: {error}"))
}

/// What stands behind the `@` of a mailbox: where message ids come from.
pub fn domain_of(mailbox: &str) -> Option<String> {
    mailbox.parse::<Mailbox>().ok().map(|mailbox| mailbox.email.domain().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_server_is_read() {
        let read = |text| Server::parse(text).unwrap();
        let one = read("smtps://ann:p%40ss%3a@mail.x.example");
        assert_eq!((one.host.as_str(), one.port, one.security), ("mail.x.example", 465, Security::Tls));
        assert_eq!(one.login, Some(("ann".to_owned(), "p@ss:".to_owned())));
        assert_eq!(format!("{one:?}"), "Server(mail.x.example:465, Tls)");
        assert_eq!(read("smtp://a%40b:c@h:2525/").login, Some(("a@b".to_owned(), "c".to_owned())));
        assert_eq!((read("smtp://h").port, read("smtp+plain://127.0.0.1").port), (587, 25));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for bad in [
            "",
            "mail.x.example",
            "smtp://",
            "smtp://h:99999",
            "smtp://u@h",
            "smtp://u:%zz@h",
            "http://h",
            "smtp://h\r\n",
        ] {
            let error = Server::parse(bad);
            assert!(error.is_err() || bad.ends_with('\n'), "{bad:?}: {error:?}");
        }
        assert!(!Server::parse("smtp://u:secr%zz@h").unwrap_err().to_string().contains("secr"));
    }
}
