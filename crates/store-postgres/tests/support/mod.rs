//! A namespace of its own for each test, inside the cluster that `cargo xtask test` provides; dropped with it.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use copydesk_store_postgres::{Options, PostgresStore};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, NoTls};

/// What a writer sends at once is larger, what the wake-up connection sends is smaller.
const PIPELINE_BYTES: usize = 300;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The cluster. A missing one is a failure, never a silent pass.
#[expect(clippy::disallowed_methods, reason = "the test runner says where the server is")]
pub fn url() -> String {
    std::env::var("COPYDESK_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("these tests need a PostgreSQL server: run `cargo xtask test`, or set COPYDESK_TEST_POSTGRES_URL")
    })
}

/// A connection behind the contract's back.
pub async fn vandal(schema: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.expect("the test server answers");
    tokio::spawn(connection);
    client.query("select set_config('search_path', $1, false)", &[&schema]).await.unwrap();
    client
}

/// A way to the test server that can be cut at the worst moment: with the request through and the answer not.
pub struct Proxy {
    pub url: String,
    armed: std::sync::Arc<AtomicU32>,
    _folder: tempfile::TempDir,
}

impl Proxy {
    pub async fn start() -> Proxy {
        use std::sync::Arc;
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let armed = Arc::new(AtomicU32::new(0));
        let config: tokio_postgres::Config = url().parse().unwrap();
        let Some(tokio_postgres::config::Host::Unix(server)) = config.get_hosts().first().cloned() else {
            panic!("the test server listens on a socket")
        };
        let cut = armed.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = tokio::net::UnixStream::connect(server.join(".s.PGSQL.5432")).await.unwrap();
                tokio::spawn(relay(client, server, cut.clone()));
            }
        });
        let user = config.get_user().unwrap_or("postgres").to_owned();
        let url = format!("host={} user={user} dbname=postgres", folder.path().display());
        Proxy { url, armed, _folder: folder }
    }

    /// The `nth` pipeline from now goes through; its answer does not, and the connection ends.
    pub fn cut_answer_of(&self, nth: u32) {
        self.armed.store(nth, Ordering::SeqCst);
    }
}

async fn relay(
    mut client: tokio::net::UnixStream,
    mut server: tokio::net::UnixStream,
    armed: std::sync::Arc<AtomicU32>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut up, mut down) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        tokio::select! {
            sent = client.read(&mut up) => {
                let Ok(n @ 1..) = sent else { return };
                server.write_all(&up[..n]).await.unwrap();
                let counts = n >= PIPELINE_BYTES && armed.load(Ordering::SeqCst) > 0;
                if counts && armed.fetch_sub(1, Ordering::SeqCst) == 1 {
                    // The server's whole answer arrives here and goes no further.
                    let _answer = server.read(&mut down).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    return;
                }
            }
            answered = server.read(&mut down) => {
                let Ok(n @ 1..) = answered else { return };
                client.write_all(&down[..n]).await.unwrap();
            }
        }
    }
}

/// A namespace; dropped with this value.
pub struct Namespace {
    pub name: String,
}

impl Namespace {
    pub async fn new() -> Namespace {
        let name = format!("t_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        drop_schema(&name).await;
        Namespace { name }
    }

    pub fn options(&self) -> Options {
        Options { auto_migrate: true, schema: Some(self.name.clone()), ..Options::default() }
    }

    pub async fn open(&self) -> PostgresStore {
        PostgresStore::connect(&url(), self.options()).await.unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let name = self.name.clone();
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(drop_schema(&name));
        });
        assert!(gone.join().is_ok() || std::thread::panicking(), "the namespace could not be dropped");
    }
}

async fn drop_schema(name: &str) {
    let client = vandal("public").await;
    let sql = format!("drop schema if exists {name} cascade");
    client.batch_execute(&sql).await.unwrap();
}
