//! Only this engine numbers events in another order than it commits them in: what a reader sees while a transaction is
//! held open, and that transactions which write no events hold nobody up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store::events::EventRow;
use copydesk_store::{EventStore, GenerationStore, LedgerStore, Scope};
use copydesk_store_postgres::{Options, PostgresStore};
use copydesk_store_tests::builder::{self, Ids, START};
use std::time::Duration;
use support::{Namespace, url, vandal};
use tokio_postgres::{Client, NoTls};

/// Everything a reader gets after `after`, as long as nothing is held back.
async fn read_on(store: &PostgresStore, after: &mut i64) -> Vec<EventRow> {
    let mut rows = vec![];
    loop {
        let page = store.events(Scope::DEFAULT, *after, 10).await.unwrap();
        *after = page.upto;
        rows.extend(page.rows);
        if !page.more {
            return rows;
        }
    }
}

async fn grant(store: &PostgresStore, ids: &Ids, name: &str) {
    store.post(builder::grant(ids, name, 10, START)).await.unwrap();
}

fn kinds(rows: &[EventRow]) -> Vec<&str> {
    rows.iter().map(|row| row.kind.as_str()).collect()
}

/// Waits until an accept stands before the tables it writes last, with its events written.
async fn stands_before_the_lock(vandal: &Client) {
    for _ in 0..1_000 {
        let sql = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
                   where c.relname in ('clock', 'fair') and c.relnamespace = current_schema()::regnamespace and not l.granted";
        if vandal.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the accept never came to the lock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_held_open_holds_later_events_back_and_none_is_skipped() {
    let namespace = Namespace::new().await;
    let two = namespace.open().await;
    let one = PostgresStore::connect(&url(), Options { writers: 1, ..namespace.options() }).await.unwrap();
    let ids = Ids::new();
    let mut after = 0;
    grant(&two, &ids, "before").await;
    // To prepare a statement takes locks as well; the next accept finds its statements prepared.
    one.accept(vec![builder::accept(&ids, START)]).await.unwrap();
    assert_eq!(kinds(&read_on(&two, &mut after).await), ["credits.changed", "generation.accepted"]);
    // The generation's event is numbered; its COMMIT waits behind the tables that an accept writes last.
    let locker = vandal(&namespace.name).await;
    locker.batch_execute("begin; lock table clock, fair in share mode").await.unwrap();
    let accepting = tokio::spawn({
        let (one, request) = (one.clone(), builder::accept(&ids, START));
        async move { one.accept(vec![request]).await.unwrap() }
    });
    stands_before_the_lock(&vandal(&namespace.name).await).await;
    // Others commit meanwhile, with higher numbers.
    for name in ["while", "still"] {
        grant(&two, &ids, name).await;
    }
    for _ in 0..3 {
        assert_eq!(kinds(&read_on(&two, &mut after).await), Vec::<&str>::new(), "the older one may still appear");
    }
    let page = two.events(Scope::DEFAULT, after, 10).await.unwrap();
    assert!(page.held_back.is_some_and(|last| last > page.bounds.settled), "{page:?}");
    locker.batch_execute("rollback").await.unwrap();
    accepting.await.unwrap();
    let rows = read_on(&two, &mut after).await;
    assert_eq!(kinds(&rows), ["generation.accepted", "credits.changed", "credits.changed"]);
    assert!(rows.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(kinds(&read_on(&two, &mut after).await), Vec::<&str>::new(), "each once");
}

#[tokio::test]
async fn an_undone_transaction_leaves_a_gap_and_holds_nobody_back() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let ids = Ids::new();
    let undone = vandal(&namespace.name).await;
    let insert = include_str!("../sql/admin/insert_event.sql");
    undone.batch_execute("begin").await.unwrap();
    let nothing = (vec![None::<uuid::Uuid>], vec![std::time::UNIX_EPOCH]);
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&vec![uuid::Uuid::nil()], &vec!["draft.updated"], &nothing.0, &nothing.0, &nothing.0, &nothing.1, &vec!["{}"]];
    undone.execute(insert, &row).await.unwrap();
    grant(&store, &ids, "after").await;
    let mut after = 0;
    assert_eq!(kinds(&read_on(&store, &mut after).await), Vec::<&str>::new());
    undone.batch_execute("rollback").await.unwrap();
    assert_eq!(kinds(&read_on(&store, &mut after).await), ["credits.changed"]);
}

/// A dump, a load into another table, another namespace's or another database's writer: none of them writes our events.
#[tokio::test]
async fn long_transactions_of_others_hold_no_event_back() {
    let (namespace, other) = (Namespace::new().await, Namespace::new().await);
    let (store, _stranger) = (namespace.open().await, other.open().await);
    let ids = Ids::new();
    let dump = vandal(&namespace.name).await;
    dump.batch_execute("begin isolation level repeatable read; select count(*) from events").await.unwrap();
    let load = vandal(&namespace.name).await;
    load.batch_execute("begin; create table loaded (n int); insert into loaded values (1)").await.unwrap();
    // A writer of another installation in the same database, with its events written and not committed.
    let neighbour = vandal(&other.name).await;
    let locked = "select pg_advisory_xact_lock_shared(((hashtext(current_schema())::bigint & 32767) << 48) | 0)";
    neighbour.batch_execute(&format!("begin; {locked}")).await.unwrap();
    let database = format!("events_{}", std::process::id());
    let admin = vandal("public").await;
    admin.batch_execute(&format!("drop database if exists {database} with (force)")).await.unwrap();
    admin.batch_execute(&format!("create database {database}")).await.unwrap();
    let own = url().replace("dbname=postgres", &format!("dbname={database}"));
    let (elsewhere, connection) = tokio_postgres::connect(&own, NoTls).await.unwrap();
    tokio::spawn(connection);
    elsewhere.batch_execute("begin; create temporary table busy (n int)").await.unwrap();
    let mut after = 0;
    for n in 0..3 {
        grant(&store, &ids, &format!("n{n}")).await;
        assert_eq!(kinds(&read_on(&store, &mut after).await), ["credits.changed"], "at once, whoever is busy");
    }
    for client in [&dump, &load, &neighbour, &elsewhere] {
        client.batch_execute("rollback").await.unwrap();
    }
    drop(elsewhere);
    admin.batch_execute(&format!("drop database {database} with (force)")).await.unwrap();
}
