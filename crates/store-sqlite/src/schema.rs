//! The schema check: the live catalogue against that of a fresh database with all migrations applied. Each difference
//! comes with the SQL that mends it, or with a sentence where no single statement does. Only compares; runs no mending.

use crate::db::{Db, sql};
use crate::fault::Done;
use crate::migrate::{self, Migration};
use copydesk_store::{SchemaFault, StoreError};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// What the program relies on in one database.
#[derive(Debug)]
struct Catalogue {
    tables: BTreeMap<String, Table>,
    indexes: BTreeMap<String, String>,
    views: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Table {
    sql: String,
    columns: Vec<Column>,
    /// Column lists of the primary key and the unique constraints.
    keys: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    key_position: i64,
}

impl Column {
    fn definition(&self) -> String {
        let mut text = format!("{} {}", self.name, self.declared);
        if self.not_null {
            text.push_str(" NOT NULL");
        }
        if let Some(default) = &self.default {
            text.push_str(" DEFAULT ");
            text.push_str(default);
        }
        text
    }

    /// `ADD COLUMN` with NOT NULL needs a default; existing rows get the type's empty value.
    fn addition(&self) -> String {
        if self.not_null && self.default.is_none() {
            let empty = match self.declared.as_str() {
                "INTEGER" => "0",
                "BLOB" => "x''",
                _ => "''",
            };
            format!("{} DEFAULT {empty}", self.definition())
        } else {
            self.definition()
        }
    }
}

/// Empty means that the live schema fits.
pub(crate) fn check(live: Db<'_>, migrations: &[Migration]) -> Result<Vec<SchemaFault>, StoreError> {
    let mut fresh = Connection::open_in_memory().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    migrate::run(&mut fresh, migrations, None)?;
    let expected = read(Db(&fresh))?;
    let live = read(live)?;
    let mut faults = Vec::new();
    compare_tables(&expected, &live, &mut faults);
    compare_indexes(&expected, &live, &mut faults);
    compare_views(&expected, &live, &mut faults);
    Ok(faults)
}

fn read(db: Db<'_>) -> Done<Catalogue> {
    let objects = db.all(sql!("admin/schema_objects"), [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(3)?))
    })?;
    let mut catalogue = Catalogue { tables: BTreeMap::new(), indexes: BTreeMap::new(), views: BTreeMap::new() };
    for (kind, name, sql) in objects {
        match kind.as_str() {
            "table" => {
                let table = Table { columns: columns(db, &name)?, keys: keys(db, &name)?, sql };
                catalogue.tables.insert(name, table);
            }
            "index" => {
                catalogue.indexes.insert(name, sql);
            }
            _ => {
                catalogue.views.insert(name, sql);
            }
        }
    }
    Ok(catalogue)
}

fn columns(db: Db<'_>, table: &str) -> Done<Vec<Column>> {
    db.all(sql!("admin/schema_columns"), [table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            key_position: row.get(4)?,
        })
    })
}

fn keys(db: Db<'_>, table: &str) -> Done<BTreeSet<String>> {
    let keys = db.all(sql!("admin/schema_keys"), [table], |row| Ok(row.get::<_, String>(2)?))?;
    Ok(keys.into_iter().collect())
}

fn compare_tables(expected: &Catalogue, live: &Catalogue, faults: &mut Vec<SchemaFault>) {
    for (name, table) in &expected.tables {
        match live.tables.get(name) {
            None => fault(faults, format!("table {name} is missing"), format!("{};", table.sql)),
            Some(found) => compare_table(name, table, found, faults),
        }
    }
}

fn compare_table(name: &str, expected: &Table, live: &Table, faults: &mut Vec<SchemaFault>) {
    for column in &expected.columns {
        let what = format!("column {name}.{}", column.name);
        match live.columns.iter().find(|found| found.name == column.name) {
            None => {
                let mend = format!("ALTER TABLE {name} ADD COLUMN {};", column.addition());
                fault(faults, format!("{what} is missing"), mend);
            }
            Some(found) if found != column => {
                let what = format!("{what} is {:?}, expected {:?}", found.definition(), column.definition());
                let mend = format!("-- Make {name} anew with its column as: {}", column.definition());
                fault(faults, what, mend);
            }
            Some(_) => {}
        }
    }
    for column in &live.columns {
        if !expected.columns.iter().any(|known| known.name == column.name) {
            let what = format!("column {name}.{} is unknown to this program", column.name);
            fault(faults, what, format!("-- If nothing else needs it: ALTER TABLE {name} DROP COLUMN {}", column.name));
        }
    }
    for key in expected.keys.symmetric_difference(&live.keys) {
        let state = if expected.keys.contains(key) { "is missing" } else { "is unknown to this program" };
        fault(
            faults,
            format!("unique key ({key}) of {name} {state}"),
            format!("-- Make {name} anew as: {}", expected.sql),
        );
    }
}

fn compare_indexes(expected: &Catalogue, live: &Catalogue, faults: &mut Vec<SchemaFault>) {
    for (name, sql) in &expected.indexes {
        match live.indexes.get(name) {
            None => fault(faults, format!("index {name} is missing"), format!("{sql};")),
            Some(found) if plain(found) != plain(sql) => {
                let mend = format!("DROP INDEX {name}; {sql};");
                fault(faults, format!("index {name} is {:?}, expected {:?}", plain(found), plain(sql)), mend);
            }
            Some(_) => {}
        }
    }
    // Other people's indexes only cost time, but a unique one refuses rows.
    for (name, sql) in &live.indexes {
        if !expected.indexes.contains_key(name) && plain(sql).starts_with("create unique ") {
            let mend = format!("DROP INDEX {name};");
            fault(faults, format!("unique index {name} is unknown to this program"), mend);
        }
    }
}

fn compare_views(expected: &Catalogue, live: &Catalogue, faults: &mut Vec<SchemaFault>) {
    for (name, sql) in &expected.views {
        match live.views.get(name) {
            None => fault(faults, format!("view {name} is missing"), format!("{sql};")),
            Some(found) if plain(found) != plain(sql) => {
                fault(faults, format!("view {name} is another one"), format!("DROP VIEW {name}; {sql};"));
            }
            Some(_) => {}
        }
    }
}

fn fault(faults: &mut Vec<SchemaFault>, what: String, sql: String) {
    faults.push(SchemaFault { what, sql });
}

/// The statement without what does not matter: case, line ends, quotes around names.
fn plain(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    words.join(" ").replace('"', "").replace("( ", "(").replace(" )", ")").replace(" (", "(").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MIGRATIONS;

    fn fresh() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::run(&mut connection, MIGRATIONS, None).unwrap();
        connection
    }

    #[test]
    fn a_fresh_database_fits() {
        assert_eq!(check(Db(&fresh()), MIGRATIONS), Ok(vec![]));
    }

    #[test]
    fn every_kind_of_difference_is_named_with_what_mends_it() {
        let live = fresh();
        live.execute_batch(
            "DROP VIEW usage_logs; DROP VIEW generation_status;
             CREATE VIEW generation_status AS SELECT 1;
             DROP TABLE canary;
             ALTER TABLE nodes ADD COLUMN colour TEXT;
             DROP INDEX parked_target;
             CREATE INDEX parked_target ON parked (workspace_id, target);
             CREATE UNIQUE INDEX one_label ON nodes (label);
             CREATE INDEX somebody_elses ON nodes (beat_at);",
        )
        .unwrap();
        let faults = check(Db(&live), MIGRATIONS).unwrap();
        let named: Vec<&str> = faults.iter().map(|fault| fault.what.split(" is ").next().unwrap()).collect();
        assert_eq!(
            named,
            [
                "table canary",
                "column nodes.colour",
                "index parked_target",
                "unique index one_label",
                "view generation_status",
                "view usage_logs",
            ]
        );
        for fault in faults.iter().filter(|fault| !fault.sql.starts_with("--")) {
            live.execute_batch(&fault.sql).unwrap();
        }
        live.execute_batch("ALTER TABLE nodes DROP COLUMN colour").unwrap();
        assert_eq!(check(Db(&live), MIGRATIONS), Ok(vec![]));
    }
}
