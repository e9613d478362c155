//! The names this server answers to. A page that points a name of its own at this machine (DNS rebinding) would otherwise
//! talk to a server on loopback as if it were its own.

use std::net::IpAddr;

/// The hosts a request may name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    any_address: bool,
    any: bool,
}

impl Hosts {
    /// Loopback, the listen address, and the names given; a port in a name does not matter, `*` allows every host. A server
    /// that listens on all addresses answers to every bare address: rebinding needs a name.
    pub fn new<'a>(listen: IpAddr, names: impl IntoIterator<Item = &'a str>) -> Hosts {
        let mut hosts = Hosts { any_address: listen.is_unspecified(), addresses: vec![listen], ..Hosts::default() };
        for name in names {
            match host_of(name) {
                "*" => hosts.any = true,
                name => match address(name) {
                    Some(address) => hosts.addresses.push(address),
                    None => hosts.names.push(plain(name)),
                },
            }
        }
        hosts
    }

    /// Whether a request may be addressed to `authority`, the text of a `Host` header.
    pub fn allow(&self, authority: &str) -> bool {
        let host = host_of(authority);
        if let Some(address) = address(host) {
            return self.any || self.any_address || address.is_loopback() || self.addresses.contains(&address);
        }
        let name = plain(host);
        let loopback = name == "localhost" || name.ends_with(".localhost");
        !name.is_empty() && (self.any || loopback || self.names.contains(&name))
    }
}

/// Without the port.
fn host_of(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or_default();
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listen: &str, names: &[&str]) -> Hosts {
        Hosts::new(listen.parse().unwrap(), names.iter().copied())
    }

    #[test]
    fn loopback_the_listen_address_and_the_names_are_ours() {
        let ours = hosts("10.0.0.7", &["desk.example.com:443", "Copy.Example."]);
        for good in [
            "localhost",
            "LOCALHOST:8420",
            "app.localhost",
            "127.0.0.1:8420",
            "127.9.9.9",
            "[::1]:8420",
            "[::ffff:127.0.0.1]",
            "10.0.0.7:1",
            "desk.example.com",
            "desk.example.com.:8443",
            "copy.example",
        ] {
            assert!(ours.allow(good), "{good}");
        }
        for bad in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "desk.example.com.evil.example",
            "10.0.0.8",
            "[fe80::1]",
            "evillocalhost",
            "[::1",
        ] {
            assert!(!ours.allow(bad), "{bad}");
        }
    }

    #[test]
    fn who_listens_everywhere_answers_to_addresses_but_not_to_names() {
        let ours = hosts("0.0.0.0", &[]);
        assert!(ours.allow("192.168.1.5:8420") && ours.allow("[fe80::1]"));
        assert!(!ours.allow("evil.example"));
        assert!(hosts("127.0.0.1", &["*"]).allow("evil.example"));
    }
}
