//! The auditor against planted damage and a second opinion. Only here: the tables are reached behind the contract's back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store::Store;
use copydesk_store_postgres::PostgresStore;
use copydesk_store_tests::checker::{Cell, Dump, Row, TABLES};
use copydesk_store_tests::damage::{self, Damage, Patient};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use support::{Namespace, vandal};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Takes every rule away that a damage may break.
const LAWLESS: &str = "do $$ declare c record; begin \
    for c in select conrelid::regclass as t, conname as n from pg_constraint \
             where contype = 'c' and connamespace = current_schema()::regnamespace loop \
      execute format('alter table %s drop constraint %I', c.t, c.n); \
    end loop; end $$";
/// The tables of this engine.
fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().filter(|table| *table != "belongings")
}

struct Schema {
    store: Arc<PostgresStore>,
    vandal: Client,
    _namespace: Namespace,
}

impl Schema {
    async fn new() -> Schema {
        let namespace = Namespace::new().await;
        let store = Arc::new(namespace.open().await);
        let vandal = vandal(&namespace.name).await;
        vandal.batch_execute("set timezone to 'UTC'; set synchronous_commit to off").await.unwrap();
        Schema { store, vandal, _namespace: namespace }
    }

    async fn for_each_table(&self, sql: impl Fn(&str) -> String) {
        let all: String = tables().map(sql).collect();
        self.vandal.batch_execute(&format!("begin; {all} commit;")).await.unwrap();
    }

    async fn rows(&self, table: &str) -> Vec<Row> {
        let found = self.vandal.query(&format!("select * from {table}"), &[]).await.unwrap();
        found.iter().map(row).collect()
    }
}

fn row(row: &tokio_postgres::Row) -> Row {
    let cell = |at: usize, kind: &Type| match *kind {
        Type::UUID => row.get::<_, Option<uuid::Uuid>>(at).map(|id| Cell::Bytes(id.as_bytes().to_vec())),
        Type::BYTEA => row.get::<_, Option<Vec<u8>>>(at).map(Cell::Bytes),
        Type::TEXT => row.get::<_, Option<String>>(at).map(Cell::Text),
        Type::INT8 => row.get::<_, Option<i64>>(at).map(Cell::Whole),
        Type::INT4 => row.get::<_, Option<i32>>(at).map(|whole| Cell::Whole(whole.into())),
        Type::BOOL => row.get::<_, Option<bool>>(at).map(|truth| Cell::Whole(truth.into())),
        Type::TIMESTAMPTZ => row.get::<_, Option<std::time::SystemTime>>(at).map(|at| Cell::Whole(micros(at))),
        // The number of a transaction: nothing of ours.
        _ => None,
    };
    let cells = row.columns().iter().enumerate();
    let cells: BTreeMap<String, Cell> =
        cells.map(|(at, column)| (column.name().to_owned(), cell(at, column.type_()).unwrap_or(Cell::Null))).collect();
    Row(cells)
}

fn micros(at: std::time::SystemTime) -> i64 {
    i64::try_from(at.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

impl Patient for Schema {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }
    fn dump(&self) -> BoxFuture<'_, Dump> {
        async {
            let mut dump = Dump::default();
            for table in tables() {
                dump.0.insert(table, self.rows(table).await);
            }
            dump
        }
        .boxed()
    }
    fn words(&self, damage: &Damage) -> Option<&'static str> {
        damage.postgres
    }
    fn harm(&self, sql: &'static str) -> BoxFuture<'_, u64> {
        async move { self.vandal.execute(sql, &[]).await.unwrap() }.boxed()
    }
    fn save(&self) -> BoxFuture<'_, ()> {
        async {
            self.vandal.batch_execute(LAWLESS).await.unwrap();
            self.for_each_table(|table| format!("create table saved_{table} as table {table};")).await;
        }
        .boxed()
    }
    fn heal(&self) -> BoxFuture<'_, ()> {
        let heal = |table: &str| {
            format!("delete from {table}; insert into {table} overriding system value select * from saved_{table};")
        };
        async move { self.for_each_table(heal).await }.boxed()
    }
}

#[tokio::test]
async fn the_auditor_finds_planted_damage() {
    damage::every_damage_is_named_by_both_and_none_when_it_is_undone(&Schema::new().await).await;
}

#[tokio::test]
async fn no_damage_is_found_after_days_with_retention() {
    damage::no_damage_is_found_after_days_with_retention(&Schema::new().await).await;
}
