//! What can go wrong between us and the server, and what is then said. Only this engine has a server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store::{AdminStore, AuditStore, GenerationStore, Scope, StoreError};
use copydesk_store_postgres::{Options, PostgresStore};
use copydesk_store_tests::builder::{self, Ids, START};
use std::time::Duration;
use support::{Namespace, Proxy, url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn refusal(url: &str) -> String {
    let error = PostgresStore::connect(url, Options::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let words = error.to_string();
    assert!(!words.contains("hunter2"), "the password is never shown: {words}");
    words
}

/// A server that answers every login with one error.
async fn grumpy(code: &str, message: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut fields = Vec::new();
    for (kind, value) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', code), (b'M', message)] {
        fields.push(kind);
        fields.extend_from_slice(value.as_bytes());
        fields.push(0);
    }
    fields.push(0);
    let mut answer = vec![b'E'];
    answer.extend_from_slice(&(fields.len() as u32 + 4).to_be_bytes());
    answer.extend_from_slice(&fields);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut hello = [0; 1024];
            let heard = client.read(&mut hello).await.unwrap();
            assert!(heard > 0);
            client.write_all(&answer).await.unwrap();
        }
    });
    format!("postgres://anna:hunter2@127.0.0.1:{port}/shop?sslmode=disable")
}

#[tokio::test]
async fn a_wrong_password_says_so_and_never_shows_it() {
    for (code, message) in [
        ("28P01", "password authentication failed for user \"anna\""),
        ("28000", "no pg_hba.conf entry for host \"10.0.0.1\", user \"anna\""),
    ] {
        let words = refusal(&grumpy(code, message).await).await;
        assert!(words.contains("correct user and password in the database URL"), "{words}");
        assert!(words.contains("anna") && words.contains("shop") && words.contains(message), "{words}");
    }
}

#[tokio::test]
async fn a_refused_connection_says_where_and_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let words = refusal(&format!("postgres://anna:hunter2@127.0.0.1:{free}/shop")).await;
    assert!(words.contains(&format!("\"shop\" at 127.0.0.1:{free} does not answer")), "{words}");
    assert!(words.contains("start PostgreSQL"), "{words}");
    let words = refusal("host=/nowhere/at/all user=anna password=hunter2 dbname=shop").await;
    assert!(words.contains("/nowhere/at/all") && words.contains("does not answer"), "{words}");
}

#[tokio::test]
async fn an_unreadable_url_and_an_unknown_database_are_named() {
    for url in ["postgres://anna:hunter2@host:notaport/x", "password=hunter2 hunter2=x host=y", "mysql://hunter2"] {
        assert!(refusal(url).await.contains("postgres://user:password@host:5432/database"));
    }
    let words = refusal(&url().replace("dbname=postgres", "dbname=no_such_shop")).await;
    assert!(words.contains("no_such_shop") && words.contains("createdb"), "{words}");
}

#[tokio::test]
async fn a_read_only_server_is_refused() {
    let words = refusal(&format!("{} options='-c default_transaction_read_only=on'", url())).await;
    assert!(words.contains("read-only") && words.contains("primary"), "{words}");
}

#[tokio::test]
async fn synchronous_commit_is_on_whatever_the_url_says() {
    let namespace = Namespace::new().await;
    let relaxed = format!("{} options='-c synchronous_commit=off'", url());
    let store = PostgresStore::connect(&relaxed, namespace.options()).await.unwrap();
    store.canary(START).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_while_committing_is_said_to_be_unknown() {
    let namespace = Namespace::new().await;
    let proxy = Proxy::start().await;
    let options = Options { writers: 1, ..namespace.options() };
    let store = PostgresStore::connect(&proxy.url, options).await.unwrap();
    let ids = Ids::new();
    store.accept(vec![builder::accept(&ids, START)]).await.unwrap();
    let request = builder::accept(&ids, START);
    // The first request looks, the second one writes and commits.
    proxy.cut_answer_of(2);
    let error = store.accept(vec![request.clone()]).await.unwrap_err();
    assert!(matches!(error, StoreError::CommitUnknown(_)), "{error:?}");
    let row = store.get(Scope::DEFAULT, request.generation).await.unwrap();
    assert_eq!(row.draft, namespace.open().await.get(Scope::DEFAULT, request.generation).await.unwrap().draft);
    // One that breaks before the commit was sent is known not to have happened.
    let request = builder::accept(&ids, START);
    store.accept(vec![builder::accept(&ids, START)]).await.unwrap();
    proxy.cut_answer_of(1);
    let error = store.accept(vec![request.clone()]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(matches!(store.get(Scope::DEFAULT, request.generation).await, Err(StoreError::NotFound { .. })));
}

/// The channel is one per database and the other tests notify too, so this one has a database of its own.
#[tokio::test]
async fn an_accept_wakes_other_processes_and_not_itself() {
    let name = format!("wake_{}", std::process::id());
    let admin = support::vandal("public").await;
    admin.batch_execute(&format!("drop database if exists {name} with (force)")).await.unwrap();
    admin.batch_execute(&format!("create database {name}")).await.unwrap();
    let own = url().replace("dbname=postgres", &format!("dbname={name}"));
    assert_ne!(own, url(), "the test server's address names its database");
    let options = Options { auto_migrate: true, ..Options::default() };
    let one = PostgresStore::connect(&own, options.clone()).await.unwrap();
    let two = PostgresStore::connect(&own, options).await.unwrap();
    let (mut heard_by_one, mut heard_by_two) = (one.wakeups(), two.wakeups());
    // Both raise once when they begin to listen.
    for heard in [&mut heard_by_one, &mut heard_by_two] {
        tokio::time::timeout(Duration::from_secs(10), heard.wait_for(|count| *count > 0)).await.unwrap().unwrap();
    }
    let idle =
        tokio::time::timeout(Duration::from_millis(300), heard_by_two.wait_for(|count| *count > 1)).await.is_ok();
    assert!(!idle, "nobody is woken while nothing happens");
    one.accept(vec![builder::accept(&Ids::new(), START)]).await.unwrap();
    let woken = heard_by_two.wait_for(|count| *count == 2);
    tokio::time::timeout(Duration::from_secs(10), woken).await.expect("the other process is woken").unwrap();
    let echo =
        tokio::time::timeout(Duration::from_millis(300), heard_by_one.wait_for(|count| *count > 1)).await.is_ok();
    assert!(!echo, "its own notification does not wake it");
    drop((one, two));
    admin.batch_execute(&format!("drop database {name} with (force)")).await.unwrap();
}

#[tokio::test]
async fn a_dropped_request_leaves_no_open_transaction_behind() {
    let namespace = Namespace::new().await;
    let store = PostgresStore::connect(&url(), Options { writers: 1, ..namespace.options() }).await.unwrap();
    let ids = Ids::new();
    for micros in [0, 200, 1_000, 3_000] {
        let accept = store.accept(vec![builder::accept(&ids, START)]);
        let outcome = tokio::time::timeout(Duration::from_micros(micros), accept).await;
        drop(outcome);
        let answers = store.accept(vec![builder::accept(&ids, START)]).await.unwrap();
        assert!(answers[0].is_ok());
    }
    assert_eq!(store.audit().await.unwrap(), vec![]);
}
