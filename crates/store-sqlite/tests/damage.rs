//! The auditor against planted damage and a second opinion. Only here: the tables are reached behind the contract's back.

#![allow(clippy::unwrap_used)]

use copydesk_store::Store;
use copydesk_store_sqlite::{Options, SqliteStore};
use copydesk_store_tests::checker::{Cell, Dump, Row, TABLES};
use copydesk_store_tests::damage::{self, Damage, Patient};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::sync::{Arc, Mutex};

struct Folder {
    folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    /// May break every rule, and waits for no disk.
    vandal: Mutex<Connection>,
}

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap());
        let vandal = Connection::open(folder.path().join("copydesk.db")).unwrap();
        for (name, value) in [("foreign_keys", false), ("ignore_check_constraints", true), ("synchronous", false)] {
            vandal.pragma_update(None, name, value).unwrap();
        }
        Folder { folder, store, vandal: Mutex::new(vandal) }
    }

    fn for_each_table(&self, sql: impl Fn(&str) -> String) {
        let all: String = TABLES.iter().map(|table| sql(table)).collect();
        self.vandal.lock().unwrap().execute_batch(&format!("BEGIN; {all} COMMIT;")).unwrap();
    }

    fn rows(&self, table: &str) -> Vec<Row> {
        let vandal = self.vandal.lock().unwrap();
        let mut statement = vandal.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let cell = |value: Value| match value {
            Value::Null => Cell::Null,
            Value::Integer(whole) => Cell::Whole(whole),
            Value::Text(text) => Cell::Text(text),
            Value::Blob(bytes) => Cell::Bytes(bytes),
            Value::Real(_) => panic!("{table} has a fraction"),
        };
        let row = |row: &rusqlite::Row<'_>| {
            let cells = columns.iter().enumerate().map(|(at, name)| Ok((name.clone(), cell(row.get(at)?))));
            cells.collect::<rusqlite::Result<_>>().map(Row)
        };
        statement.query_map([], row).unwrap().collect::<rusqlite::Result<Vec<Row>>>().unwrap()
    }
}

impl Patient for Folder {
    fn store(&self) -> Arc<dyn Store> {
        assert!(self.folder.path().exists());
        self.store.clone()
    }
    fn dump(&self) -> BoxFuture<'_, Dump> {
        ready(Dump(TABLES.into_iter().map(|table| (table, self.rows(table))).collect())).boxed()
    }
    fn words(&self, damage: &Damage) -> Option<&'static str> {
        damage.sqlite
    }
    fn harm(&self, sql: &'static str) -> BoxFuture<'_, u64> {
        ready(self.vandal.lock().unwrap().execute(sql, []).unwrap() as u64).boxed()
    }
    fn save(&self) -> BoxFuture<'_, ()> {
        self.for_each_table(|table| format!("CREATE TABLE saved_{table} AS SELECT * FROM {table};"));
        ready(()).boxed()
    }
    fn heal(&self) -> BoxFuture<'_, ()> {
        self.for_each_table(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table};"));
        ready(()).boxed()
    }
}

#[tokio::test]
async fn the_auditor_finds_planted_damage() {
    damage::every_damage_is_named_by_both_and_none_when_it_is_undone(&Folder::new()).await;
}

#[tokio::test]
async fn no_damage_is_found_after_days_with_retention() {
    damage::no_damage_is_found_after_days_with_retention(&Folder::new()).await;
}
