//! A namespace of its own for each test, inside the cluster that `cargo xtask test` provides; dropped with it.

#![allow(dead_code, reason = "each test program uses its own part")]

use copydesk_store_postgres::{Options, PostgresStore};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, NoTls};

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
