//! Which addresses a download may go to. An asset's address comes out of a provider's answer, so it is somebody else's
//! words: it must not make this machine ask its own neighbours (cloud metadata, a database, the dashboard). The check is
//! made on the address that is connected to, after the name was resolved, so a name that changes its mind gains nothing.
//! It opens no connection and decides nothing about keys.
//!
//! Source: the IANA special-purpose address registries, IPv4 and IPv6 (read November 2026).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How far a request may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// To an address the operator chose.
    Anywhere,
    /// To public addresses only.
    Public,
}

/// A download was led to an address that is not public.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NotPublic(String);

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a public address", self.0)
    }
}

impl std::error::Error for NotPublic {}

/// Resolves names, and keeps only the public addresses behind them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Checks a host that is written as an address: those are connected to without asking a resolver.
pub(crate) fn check_literal(url: &Url) -> Result<(), NotPublic> {
    match literal(url) {
        Some(address) if !is_public(address) => Err(NotPublic(address.to_string())),
        Some(_) | None => Ok(()),
    }
}

/// Whether a configured address is on the operator's own machine or network by its looks: an address that is not public,
/// or a name public DNS does not give out. A public name that happens to resolve to such an address does not count: it
/// could be made to.
pub(crate) fn is_private(url: &Url) -> bool {
    if let Some(address) = literal(url) {
        return !is_public(address);
    }
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let local = [".localhost", ".local", ".internal", ".home.arpa"];
    !host.is_empty() && (!host.contains('.') || local.iter().any(|ending| host.ends_with(ending)))
}

fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether an address belongs to the public internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private, loopback, link-local (cloud metadata), private.
        (0 | 10 | 127, _, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Shared between a carrier and its customers.
        (100, 64..=127, _) => true,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224..=255, _, _) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    match address.segments() {
        // Addresses of the other family behind a translator.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments with Teredo, documentation, 6to4, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only 2000::/3 is given out. This leaves out ::/96, unique-local, link-local, site-local and multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn no_special_address_is_public() {
        let special = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in special {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        let ordinary = [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ];
        for text in ordinary {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_address_is_recognised_in_every_spelling() {
        for host in
            ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1.", "[::1]", "[::ffff:7f00:1]"]
        {
            assert!(check_literal(&url(&format!("http://{host}:8080/x"))).is_err(), "{host}");
        }
        assert_eq!(check_literal(&url("https://example.com/x")), Ok(()));
        assert_eq!(check_literal(&url("https://[2606:4700::1111]/x")), Ok(()));
    }

    #[test]
    fn only_names_that_public_dns_does_not_give_out_are_the_operators_own() {
        for own in
            ["http://127.0.0.1:1/v1", "http://[::1]/", "http://10.0.0.7", "http://localhost:1", "http://cog:5000"]
        {
            assert!(is_private(&url(own)), "{own}");
        }
        assert!(is_private(&url("http://fal.internal/")) && is_private(&url("http://a.localhost./")));
        for foreign in ["https://api.replicate.com/v1", "https://8.8.8.8/", "https://internal.example.com/"] {
            assert!(!is_private(&url(foreign)), "{foreign}");
        }
    }

    #[tokio::test]
    async fn a_name_for_this_machine_resolves_to_nothing() {
        let error = PublicOnly.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert_eq!(error.to_string(), "localhost is not a public address");
    }
}
