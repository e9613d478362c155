//! Connections: the pools, what each session is set to, and one clear sentence for every way a connection can fail.
//! No error of this file ever shows the password or the connection string itself.

use crate::failure::{Fault, chain};
use crate::types::sql;
use copydesk_store::StoreError;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The oldest server whose behaviour we have tested. Units: `server_version_num`.
const VERSION_MIN: i64 = 150_000;

/// How the store uses its server. The defaults fit one node of an installation.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bring an older (or empty) database up to date at connect instead of refusing it.
    pub auto_migrate: bool,
    /// Another namespace than `public`, e.g. for tests that share a server. Made when `auto_migrate` is set.
    pub schema: Option<String>,
    /// Connections that write. Two keep a server busy: each carries hundreds of generations per transaction.
    pub writers: usize,
    pub readers: usize,
    /// How long one statement may run; an audit of a large database is the longest.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a caller waits for a free connection.
    pub acquire_timeout: Duration,
    pub connect_timeout: Duration,
    /// How many may wait in all; accepts beyond it are refused with `queue_full`.
    pub waiting_max: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            auto_migrate: false,
            schema: None,
            writers: 3,
            readers: 4,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            acquire_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
            waiting_max: 1_000_000,
        }
    }
}

/// What every connection is made from.
#[derive(Clone)]
pub struct Source {
    pub config: Config,
    pub tls: MakeRustlsConnect,
    pub options: Options,
}

/// What a session is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Statements by key over arrays: one plan for ever, always through indexes, whatever the statistics say.
    Writer,
    /// Lists with optional filters: planned for the values at hand.
    Reader,
}

impl Source {
    /// Reads a URL or key/value string.
    pub fn parse(url: &str, options: Options) -> Result<Source, StoreError> {
        // The parser's own words may quote a piece of the string, and so of the password: they are not shown.
        let mut config: Config = url.parse().map_err(|_| {
            StoreError::Unavailable(
                "the database URL cannot be read: write it as postgres://user:password@host:5432/database, or as \
                 host=/socket/folder user=name dbname=name, with special characters in the password written as %XX"
                    .to_owned(),
            )
        })?;
        if let Some(schema) = &options.schema {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if schema.is_empty() || schema.len() > 63 || !schema.bytes().all(plain) {
                return Err(StoreError::Unavailable(format!(
                    "{schema:?} cannot name a schema: use up to 63 of a-z, 0-9 and _"
                )));
            }
        }
        if config.get_application_name().is_none() {
            config.application_name("copydesk");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.connect_timeout);
        }
        Ok(Source { tls: tls(config.get_ssl_mode())?, config, options })
    }

    /// Where the database is, for people: no password, no user.
    pub fn location(&self) -> String {
        let hosts = self.config.get_hosts().iter().enumerate().map(|(place, host)| {
            let ports = self.config.get_ports();
            let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(folder) => format!("{}/.s.PGSQL.{port}", folder.display()),
            }
        });
        let hosts: Vec<String> = hosts.collect();
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or("(default)");
        format!("database {database:?} at {}", hosts.join(", "))
    }

    pub fn pool(&self, role: Role) -> Result<Pool, StoreError> {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), manager);
        let source = self.clone();
        let size = match role {
            Role::Writer => self.options.writers,
            Role::Reader => self.options.readers,
        };
        Pool::builder(manager)
            .max_size(size.max(1))
            .wait_timeout(Some(self.options.acquire_timeout))
            .create_timeout(Some(self.options.connect_timeout))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let source = source.clone();
                Box::pin(async move { source.set_up(client, role).await })
            }))
            .build()
            .map_err(|error| StoreError::Unavailable(chain(&error)))
    }

    /// Sets the session up and checks that the server took what durability needs.
    pub async fn set_up(&self, client: &tokio_postgres::Client, role: Role) -> Result<(), HookError> {
        let (plans, scans) = match role {
            Role::Writer => ("force_generic_plan", "off"),
            Role::Reader => ("force_custom_plan", "on"),
        };
        let millis = |span: Duration| format!("{}ms", span.as_millis());
        let statement = millis(self.options.statement_timeout);
        let lock = millis(self.options.lock_timeout);
        let idle = millis(self.options.statement_timeout * 2);
        let row = client
            .query_one(sql!("admin/session"), &[&self.options.schema, &statement, &lock, &idle, &plans, &scans])
            .await
            .map_err(HookError::Backend)?;
        let durable: String = row.get(4);
        if durable != "on" {
            return Err(HookError::message("the server does not accept synchronous_commit = on for our sessions"));
        }
        Ok(())
    }

    /// The sentence for a connection that could not be made.
    pub fn explain(&self, error: PoolError) -> StoreError {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                StoreError::Unavailable(self.sentence(&error))
            }
            PoolError::Timeout(_) => StoreError::Unavailable(format!(
                "{} did not answer within {:?}: is the address right, and does a firewall let it through?",
                self.location(),
                self.options.connect_timeout
            )),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Fault::from(error).into()
            }
        }
    }

    /// Why this server did not let us in, and what to do now.
    pub fn sentence(&self, error: &tokio_postgres::Error) -> String {
        let place = self.location();
        let user = self.config.get_user().unwrap_or("(the system user)");
        if let Some(db) = error.as_db_error() {
            let code = db.code();
            return if [&SqlState::INVALID_PASSWORD, &SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(&code) {
                format!(
                    "{place} refused user {user:?}: {} - correct user and password in the database URL",
                    db.message()
                )
            } else if *code == SqlState::INVALID_CATALOG_NAME {
                format!("{place} does not exist: create it with `createdb`, or correct the database URL")
            } else if *code == SqlState::CANNOT_CONNECT_NOW {
                format!("{place} is starting up or shutting down: try again in a moment")
            } else if *code == SqlState::TOO_MANY_CONNECTIONS {
                format!("{place} has no connection left: raise max_connections or start fewer nodes")
            } else {
                format!("{place} refused the connection: {} (SQLSTATE {})", db.message(), code.code())
            };
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<std::io::Error>()
                && matches!(io.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound)
            {
                return format!(
                    "{place} does not answer (connection refused): start PostgreSQL, or correct the database URL"
                );
            }
            cause = inner.source();
        }
        format!("{place} cannot be reached: {}", chain(error))
    }
}

/// What the server said about itself.
#[derive(Clone, Debug)]
pub struct Server {
    pub version: String,
}

/// Refuses a server that is too old, read-only, of another encoding, or does not keep what it acknowledged.
pub async fn check_server(pool: &Pool, source: &Source) -> Result<Server, StoreError> {
    let client = pool.get().await.map_err(|error| source.explain(error))?;
    let row = client.query_one(sql!("admin/server"), &[]).await.map_err(Fault::from)?;
    let refuse = |why: String| Err(StoreError::Unavailable(format!("{} {why}", source.location())));
    let (version, text): (i64, String) = (row.get("version"), row.get("version_text"));
    let (durable, read_only, encoding): (String, String, String) =
        (row.get("synchronous_commit"), row.get("read_only"), row.get("encoding"));
    if version < VERSION_MIN {
        return refuse(format!("runs PostgreSQL {text}; Copydesk needs 15 or newer: upgrade the server"));
    }
    if read_only == "on" {
        return refuse("is read-only (a standby?): give the URL of the primary".to_owned());
    }
    if durable != "on" {
        return refuse(format!("has synchronous_commit = {durable} and does not let us set it to on"));
    }
    if encoding != "UTF8" {
        return refuse(format!("has encoding {encoding}: create it with encoding UTF8"));
    }
    Ok(Server { version: text })
}

/// TLS with the machine's own roots, so that a company's private authority works. A certificate is always checked.
fn tls(mode: SslMode) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    if mode != SslMode::Disable {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Unavailable(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The number of the advisory lock of this namespace.
pub async fn claim_lock(pool: &Pool) -> Result<i64, StoreError> {
    let rows = crate::pipeline::read(pool, sql!("admin/claim_lock"), vec![]).await?;
    rows.first().map(|row| row.get("number")).ok_or_else(|| StoreError::Corrupt("no current schema".to_owned()))
}
