//! The schema check at start and the snapshot it compares with: only this engine has them in this form.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store::{AdminStore, StoreError};
use copydesk_store_postgres::{Options, PostgresStore, live_schema, migrate_with};
use support::{Namespace, url, vandal};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.snapshot.txt");

fn strict(namespace: &Namespace) -> Options {
    Options { auto_migrate: false, ..namespace.options() }
}

/// To renew the snapshot after a new migration: delete the file's lines and run this test once; it writes what it found.
#[tokio::test]
async fn the_snapshot_is_what_the_migrations_make() {
    let namespace = Namespace::new().await;
    migrate_with(&url(), namespace.options()).await.unwrap();
    let expected = std::fs::read_to_string(SNAPSHOT).unwrap();
    let source = tokio_postgres_lines(&namespace).await;
    if expected.lines().filter(|line| !line.starts_with('#')).count() == 0 {
        let head = "# What the code relies on, one line each; made by tests/schema_check.rs from a fresh database.\n";
        std::fs::write(SNAPSHOT, [head, &source.join("\n"), "\n"].concat()).unwrap();
        panic!("the snapshot was empty and has been written: look at it and run again");
    }
    let expected: Vec<&str> = expected.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(source, expected);
}

async fn tokio_postgres_lines(namespace: &Namespace) -> Vec<String> {
    let sql = include_str!("../sql/admin/live_schema.sql");
    let rows = vandal(&namespace.name).await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}

#[tokio::test]
async fn an_empty_database_says_how_to_migrate_it() {
    let namespace = Namespace::new().await;
    vandal("public").await.batch_execute(&format!("create schema {}", namespace.name)).await.unwrap();
    let error = PostgresStore::connect(&url(), strict(&namespace)).await.unwrap_err();
    let StoreError::SchemaMismatch(faults) = error else { panic!("{error}") };
    assert!(faults[0].what.contains("copydesk db migrate"), "{faults:?}");
    assert!(faults[0].what.contains("--auto-migrate"), "{faults:?}");
    let report = migrate_with(&url(), namespace.options()).await.unwrap();
    assert_eq!((report.from, report.to), (0, 1));
    let report = migrate_with(&url(), namespace.options()).await.unwrap();
    assert_eq!((report.from, report.to), (1, 1));
    let store = PostgresStore::connect(&url(), strict(&namespace)).await.unwrap();
    assert_eq!(store.check_schema().await.unwrap(), vec![]);
    assert!(!live_schema(&store).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_processes_that_migrate_at_once_do_it_once() {
    let namespace = Namespace::new().await;
    let all = futures::future::join_all((0..4).map(|_| migrate_with_url(&namespace))).await;
    assert_eq!(all.iter().filter(|report| report.from == 0).count(), 1, "{all:?}");
}

async fn migrate_with_url(namespace: &Namespace) -> copydesk_store_postgres::MigrationReport {
    migrate_with(&url(), namespace.options()).await.unwrap()
}

#[tokio::test]
async fn seed_s1_missing_column_refuses_to_start() {
    let namespace = Namespace::new().await;
    drop(namespace.open().await);
    let vandal = vandal(&namespace.name).await;
    vandal.batch_execute("alter table drafts drop column title cascade; drop index ready_by_place").await.unwrap();
    let error = PostgresStore::connect(&url(), namespace.options()).await.unwrap_err();
    let StoreError::SchemaMismatch(faults) = error else { panic!("{error}") };
    let column =
        faults.iter().find(|fault| fault.what == "column drafts.title is missing").expect("the column is named");
    assert_eq!(column.sql, "alter table drafts add column title text not null;");
    let index = faults.iter().find(|fault| fault.what.contains("index ready_by_place is missing")).expect("the index");
    vandal.batch_execute(&index.sql).await.unwrap();
    vandal.batch_execute(&column.sql).await.unwrap();
    let error = PostgresStore::connect(&url(), namespace.options()).await.unwrap_err();
    let StoreError::SchemaMismatch(faults) = error else { panic!("{error}") };
    assert!(faults.iter().all(|fault| fault.what.contains("newsletter_drafts")), "only the view is left: {faults:?}");
    vandal.batch_execute(&faults[0].sql).await.unwrap();
    drop(namespace.open().await);
}

#[tokio::test]
async fn a_changed_type_and_an_index_without_its_predicate_are_found_and_mended() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    let vandal = vandal(&namespace.name).await;
    let damage = "alter table nodes alter column label type varchar(10), alter column label drop not null; \
                  drop index calls_open; create index calls_open on calls (opened_at); \
                  alter table accounts drop constraint accounts_held_check";
    vandal.batch_execute(damage).await.unwrap();
    let faults = store.check_schema().await.unwrap();
    assert_eq!(faults.len(), 3, "{faults:?}");
    for fault in faults {
        vandal.batch_execute(&fault.sql).await.unwrap();
    }
    assert_eq!(store.check_schema().await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_column_that_is_lost_while_the_program_runs_says_what_finds_and_mends_it() {
    let namespace = Namespace::new().await;
    let store = namespace.open().await;
    vandal(&namespace.name).await.batch_execute("alter table pauses drop column since_at").await.unwrap();
    let StoreError::SchemaMismatch(faults) = store.pauses().await.unwrap_err() else { panic!("another error") };
    assert!(faults[0].what.contains("since_at") && faults[0].what.contains("42703"), "{faults:?}");
    for command in ["copydesk db check", "copydesk db migrate"] {
        assert!(faults[0].sql.contains(command), "{faults:?}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let namespace = Namespace::new().await;
    drop(namespace.open().await);
    let newer = "insert into schema_migrations values (99, 'future', '', '2030-01-01T00:00:00Z')";
    vandal(&namespace.name).await.batch_execute(newer).await.unwrap();
    for options in [namespace.options(), strict(&namespace)] {
        let error = PostgresStore::connect(&url(), options).await.unwrap_err();
        assert_eq!(error, StoreError::TooNew { found: 99, known: 1 });
    }
}
