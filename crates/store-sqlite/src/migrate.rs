//! Migrations: embedded, applied in order, each in one immediate transaction, remembered with a checksum. Before an
//! existing database is changed a copy of it is laid beside it. Never goes back, never skips one.

use crate::db::{Db, sql};
use crate::fault::Done;
use copydesk_store::{SchemaFault, StoreError};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// One step of the schema. Append-only: a migration that was released is never edited.
pub(crate) struct Migration {
    pub version: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "base", sql: include_str!("../migrations/0001_base.sql") }];

/// The newest version among `migrations`.
pub(crate) fn known(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The version a database has; 0 for an empty one.
pub(crate) fn version(db: Db<'_>) -> Done<i64> {
    Ok(applied(db)?.last().map_or(0, |applied| applied.version))
}

/// Brings the database to the newest version. `file` is where it lies, for the copy beside it.
///
/// Errors: `TooNew`; `SchemaMismatch` when an applied migration is not the one this program holds, or when the file holds
/// something else than a Copydesk database.
pub(crate) fn run(
    connection: &mut Connection,
    migrations: &[Migration],
    file: Option<&Path>,
) -> Result<(), StoreError> {
    let before = applied(Db(connection))?;
    let (found, known) = (before.last().map_or(0, |applied| applied.version), known(migrations));
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    refuse_foreign(Db(connection), found)?;
    let changed = changed(&before, migrations);
    if !changed.is_empty() {
        return Err(StoreError::SchemaMismatch(changed));
    }
    let pending: Vec<&Migration> = migrations.iter().filter(|migration| migration.version > found).collect();
    if let (Some(first), Some(file)) = (pending.first(), file)
        && found > 0
    {
        back_up(connection, file, first.version)?;
    }
    for migration in pending {
        apply(connection, migration)?;
        // Without a file it is the copy in memory that the schema check compares with.
        if file.is_some() {
            tracing::info!(version = migration.version, name = migration.name, "database migrated");
        }
    }
    Ok(())
}

struct Applied {
    version: i64,
    name: String,
    checksum: String,
}

fn applied(db: Db<'_>) -> Done<Vec<Applied>> {
    if db.number(sql!("admin/has_migrations"), [])? == 0 {
        return Ok(vec![]);
    }
    db.all(sql!("admin/migrations"), [], |row| {
        Ok(Applied { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? })
    })
}

fn refuse_foreign(db: Db<'_>, found: i64) -> Result<(), StoreError> {
    if found == 0 && db.number(sql!("admin/has_tables"), [])? > 0 {
        return Err(StoreError::SchemaMismatch(vec![SchemaFault {
            what: "the file holds tables, but not those of Copydesk".to_owned(),
            sql: "-- Choose another data folder, or move copydesk.db away.".to_owned(),
        }]));
    }
    Ok(())
}

fn changed(before: &[Applied], migrations: &[Migration]) -> Vec<SchemaFault> {
    let differs = |applied: &&Applied| {
        !migrations.iter().any(|known| known.version == applied.version && checksum(known.sql) == applied.checksum)
    };
    before
        .iter()
        .filter(differs)
        .map(|applied| SchemaFault {
            what: format!("migration {:04} {} is not the one this program holds", applied.version, applied.name),
            sql: "-- Use the program that made this database, or restore a copy made by a released one.".to_owned(),
        })
        .collect()
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let mut run = || -> Done<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let db = Db(&*transaction);
        db.execute(sql!("admin/create_migrations"), [])?;
        transaction.execute_batch(migration.sql)?;
        let now = db.number(sql!("admin/now"), [])?;
        let row = params![migration.version, migration.name, checksum(migration.sql), now];
        db.execute(sql!("admin/insert_migration"), row)?;
        transaction.commit()?;
        Ok(())
    };
    run().map_err(StoreError::from)
}

/// `copydesk.db.before-0002`: written under another name first, so that a half-made copy never has the good name.
fn back_up(connection: &Connection, file: &Path, version: i64) -> Result<(), StoreError> {
    let name = |end: &str| file.with_added_extension(format!("before-{version:04}{end}"));
    let (unfinished, finished) = (name(".tmp"), name(""));
    let io = |error: std::io::Error| {
        StoreError::Unavailable(format!(
            "cannot copy the database to {} before migrating it: {error}",
            finished.display()
        ))
    };
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(io)?;
    }
    let copy = || -> Done<StepResult> {
        let mut target = Connection::open(&unfinished)?;
        let backup = Backup::new(connection, &mut target)?;
        // All pages at once: nobody else has the database open yet.
        Ok(backup.step(-1)?)
    };
    let end = copy().map_err(StoreError::from)?;
    if end != StepResult::Done {
        return Err(StoreError::Busy(format!("the copy before migrating stopped: {end:?}")));
    }
    std::fs::File::open(&unfinished).and_then(|copy| copy.sync_all()).map_err(io)?;
    std::fs::rename(&unfinished, &finished).map_err(io)?;
    tracing::info!(copy = %finished.display(), "copied the database before migrating it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { version: 1, name: "one", sql: "CREATE TABLE a (x INTEGER) STRICT;" };
    const SECOND: Migration = Migration { version: 2, name: "two", sql: "CREATE TABLE b (x INTEGER) STRICT;" };

    #[test]
    fn an_older_database_is_copied_before_it_is_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copydesk.db");
        let mut connection = Connection::open(&file).unwrap();
        run(&mut connection, &[FIRST], Some(&file)).unwrap();
        let copy = folder.path().join("copydesk.db.before-0002");
        assert!(!copy.exists(), "an empty database needs no copy");
        connection.execute_batch("INSERT INTO a VALUES (7)").unwrap();

        run(&mut connection, &[FIRST, SECOND], Some(&file)).unwrap();

        let old = Connection::open(&copy).unwrap();
        assert_eq!(version(Db(&old)).unwrap(), 1);
        assert_eq!(Db(&old).number("SELECT x FROM a", []).unwrap(), 7);
        assert_eq!(version(Db(&connection)).unwrap(), 2);
    }

    #[test]
    fn a_newer_database_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &[FIRST, SECOND], None).unwrap();
        let refused = run(&mut connection, &[FIRST], None);
        assert_eq!(refused, Err(StoreError::TooNew { found: 2, known: 1 }));
    }

    #[test]
    fn an_edited_migration_and_a_foreign_file_are_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &[FIRST], None).unwrap();
        let edited = Migration { sql: "CREATE TABLE a (x TEXT) STRICT;", ..FIRST };
        assert!(matches!(run(&mut connection, &[edited], None), Err(StoreError::SchemaMismatch(_))));

        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE contacts (id)").unwrap();
        assert!(matches!(run(&mut foreign, &[FIRST], None), Err(StoreError::SchemaMismatch(_))));
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let bad = Migration { version: 1, name: "bad", sql: "CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (y);" };
        assert!(run(&mut connection, &[bad], None).is_err());
        run(&mut connection, &[FIRST], None).unwrap();
    }
}
