//! Whether mail gets to a domain, as the domain name system has it: its MX records, and without any its own address (RFC 5321,
//! section 5.1); a null MX says that it takes none (RFC 7505). Nothing is ever sent to a host that is found here.

use copydesk_core::prospect::{MailDomain, NoMail};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use std::net::SocketAddr;
use std::time::Duration;

/// How long one question is waited for, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// How many hosts of a domain are looked for; one that is there is enough.
const HOSTS_MAX: usize = 5;

/// The way to the domain name system. Answers are kept as long as they say, that there is nothing is not.
pub struct Domains {
    resolver: TokioResolver,
}

/// What one question found.
enum Found<T> {
    There(T),
    /// The name is there, and has no such record.
    Nothing,
    NoName,
    Unclear(String),
}

impl Domains {
    /// Those servers, or without any the ones that this machine asks.
    ///
    /// Errors: this machine names none that can be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Domains, String> {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| error.to_string())?
        } else {
            let servers = servers.iter().map(|server| name_server(*server)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            Resolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = ATTEMPTS;
        options.use_hosts_file = ResolveHosts::Never;
        options.negative_max_ttl = Some(Duration::ZERO);
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Domains { resolver })
    }

    pub async fn ask(&self, domain: &str) -> MailDomain {
        let name = match Name::from_utf8(domain) {
            // A name that is whole is never asked for below a domain of this machine.
            Ok(mut name) => {
                name.set_fqdn(true);
                name
            }
            Err(error) => return MailDomain::Unclear(format!("{domain:?} is no domain: {error}")),
        };
        match self.found(self.resolver.mx_lookup(name.clone()).await).await {
            Found::There(records) => self.by_records(&records).await,
            Found::Nothing => match self.address(name).await {
                Found::There(()) => MailDomain::Takes,
                Found::Nothing => MailDomain::Without(NoMail::NoMailHost),
                Found::NoName => MailDomain::Without(NoMail::NoDomain),
                Found::Unclear(words) => MailDomain::Unclear(words),
            },
            Found::NoName => MailDomain::Without(NoMail::NoDomain),
            Found::Unclear(words) => MailDomain::Unclear(words),
        }
    }

    async fn by_records(&self, records: &Lookup) -> MailDomain {
        let host = |record: &Record| {
            let RData::MX(mx) = &record.data else { return None };
            Some((mx.preference, mx.exchange.clone()))
        };
        let mut hosts: Vec<(u16, Name)> = records.answers().iter().filter_map(host).collect();
        if !hosts.is_empty() && hosts.iter().all(|(_, host)| host.is_root()) {
            return MailDomain::Without(NoMail::NullMx);
        }
        hosts.sort();
        let mut unclear = None;
        for (_, host) in hosts.into_iter().take(HOSTS_MAX) {
            match self.address(host).await {
                Found::There(()) => return MailDomain::Takes,
                Found::Nothing | Found::NoName => {}
                Found::Unclear(words) => unclear = Some(words),
            }
        }
        unclear.map_or(MailDomain::Without(NoMail::NoMailHost), MailDomain::Unclear)
    }

    async fn address(&self, host: Name) -> Found<()> {
        match self.found(self.resolver.ipv4_lookup(host.clone()).await).await {
            Found::There(_) => Found::There(()),
            Found::NoName => Found::NoName,
            Found::Nothing => match self.found(self.resolver.ipv6_lookup(host).await).await {
                Found::There(_) => Found::There(()),
                Found::Nothing => Found::Nothing,
                Found::NoName => Found::NoName,
                Found::Unclear(words) => Found::Unclear(words),
            },
            Found::Unclear(words) => Found::Unclear(words),
        }
    }

    async fn found(&self, answer: Result<Lookup, NetError>) -> Found<Lookup> {
        match answer {
            Ok(records) => Found::There(records),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => self.nothing(&none).await,
            Err(error) => Found::Unclear(error.to_string()),
        }
    }

    /// Who denies a name names the zone that lacks it (RFC 2308, section 3), or at least knows the root: the name server of a
    /// closed network denies every name that is not its own.
    async fn nothing<T>(&self, none: &NoRecords) -> Found<T> {
        let code = none.response_code;
        if none.soa.is_none() && self.resolver.lookup(Name::root(), RecordType::NS).await.is_err() {
            let why = "by a name server that does not know the root; name another one in dns.servers";
            return Found::Unclear(format!("answered with {code} {why}"));
        }
        if code == ResponseCode::NoError {
            Found::Nothing
        } else if code == ResponseCode::NXDomain {
            Found::NoName
        } else {
            Found::Unclear(format!("answered with {code}"))
        }
    }
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(server.ip(), true, connections)
}
