//! The same program on PostgreSQL: databases that are missing, empty, and brought up to date.

use crate::support::{Place, text};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of its own on the test server; dropped with this value.
pub struct Database {
    name: String,
    pub url: String,
}

/// A missing server is a failure, never a silent pass.
#[expect(clippy::disallowed_methods, reason = "the test runner says where the server is")]
fn server() -> String {
    std::env::var("COPYDESK_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("these tests need a PostgreSQL server: run `cargo xtask test`, or set COPYDESK_TEST_POSTGRES_URL")
    })
}

fn order(sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection): (Client, _) = tokio_postgres::connect(&server(), NoTls).await.unwrap();
        let served = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        served.await.unwrap().unwrap();
    });
}

impl Database {
    pub fn new() -> Database {
        let name = format!("cli_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        order(&format!("create database {name}"));
        Database { url: url_of(&name), name }
    }

    /// Every row of every table, as text.
    pub fn dump(&self) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection): (Client, _) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
            let served = tokio::spawn(connection);
            let tables = "select table_name from information_schema.tables where table_schema = 'public' \
                          and table_type = 'BASE TABLE'";
            let mut dump = String::new();
            for table in client.query(tables, &[]).await.unwrap() {
                let name: String = table.get(0);
                for row in client.query(&format!("select t::text from {name} t"), &[]).await.unwrap() {
                    dump.push_str(row.get(0));
                    dump.push('\n');
                }
            }
            drop(client);
            served.await.unwrap().unwrap();
            dump
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        order(&format!("drop database {} with (force)", self.name));
    }
}

/// The test server's address with another database.
fn url_of(database: &str) -> String {
    let config: Config = server().parse().unwrap();
    let Some(tokio_postgres::config::Host::Unix(folder)) = config.get_hosts().first() else {
        panic!("the test server listens on a socket")
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("host={} port={port} user={} dbname={database}", folder.display(), config.get_user().unwrap_or("postgres"))
}

#[test]
fn an_unknown_database_says_how_to_make_it() {
    let ran = Place::new().run(&["drafts", "ls", "--database-url", &url_of("nobody_made_this")]);
    ran.exits(10).prints_nothing().says("nobody_made_this").says("does not exist").says("createdb");
}

#[test]
fn an_empty_database_is_refused_until_it_is_migrated() {
    let database = Database::new();
    let place = Place::new().with("COPYDESK_DATABASE_URL", &database.url);
    for command in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["generate", "text", "--set", "prompt=x"], &["db", "check"]]
    {
        place.run(command).exits(11).prints_nothing().says("schema_mismatch").says("`copydesk db migrate`");
    }
    place.run(&["db", "migrate"]).exits(0).says("from version 0");
    place.run(&["db", "migrate"]).exits(0).says("already");
    place.run(&["db", "check"]).exits(0).says("exactly the expected one");
    place.run(&["db", "status"]).exits(0).prints("postgres").prints("schema");
    place.run(&["generate", "text", "--set", "prompt=Hello"]).exits(0).prints("Hello");
    let (_, draft) = place.written();
    place.run(&["drafts", "ls"]).exits(0).prints(&draft);
    place.run(&["audit"]).exits(0).says("nothing was found");
    assert!(!place.path("copydesk-data").exists(), "nothing is kept beside the database");
}

#[test]
fn two_processes_share_one_database_and_the_server_does_the_work() {
    let database = Database::new();
    let place = Place::new().with("COPYDESK_DATABASE_URL", &database.url);
    let server = place.serve(&["--auto-migrate"]);
    let accepted = place.json(&["generate", "text", "--set", "prompt=Hello", "--no-wait"]);
    let key = server.admin_key();
    let path = format!("/api/v1/generations/{}/stream", text(&accepted, "/id"));
    let (status, events) = server.http("GET", &path, Some(&key), "");
    assert_eq!(status, 200);
    assert!(events.contains("generation.completed"), "{events}");
    server.stop().exits(0);
    place.run(&["audit"]).exits(0);
}
