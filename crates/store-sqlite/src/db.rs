//! Running a statement: every one is prepared once and cached by its text, parameters are always bound. Never begins or
//! commits anything.

use crate::fault::Done;
use rusqlite::{CachedStatement, Connection, Params, Row};

/// The text of `sql/<path>.sql`, compiled in.
macro_rules! sql {
    ($($path:literal),+) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", $($path),+, ".sql"))
    };
}
pub(crate) use sql;

/// The text of a list in the order a [`crate::page::Cut`] asks for: `sql/<path>_newest.sql` or `sql/<path>_oldest.sql`.
macro_rules! ordered {
    ($cut:expr, $path:literal) => {
        if $cut.newest_first { crate::db::sql!($path, "_newest") } else { crate::db::sql!($path, "_oldest") }
    };
}
pub(crate) use ordered;

/// A connection to run statements on.
#[derive(Clone, Copy)]
pub(crate) struct Db<'c>(pub &'c Connection);

impl<'c> Db<'c> {
    pub fn prepare(self, sql: &str) -> Done<CachedStatement<'c>> {
        Ok(self.0.prepare_cached(sql)?)
    }

    /// How many rows it changed.
    pub fn execute(self, sql: &str, params: impl Params) -> Done<usize> {
        Ok(self.prepare(sql)?.execute(params)?)
    }

    /// The first row, if there is one.
    pub fn first<T>(self, sql: &str, params: impl Params, read: impl FnOnce(&Row<'_>) -> Done<T>) -> Done<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }

    pub fn all<T>(self, sql: &str, params: impl Params, mut read: impl FnMut(&Row<'_>) -> Done<T>) -> Done<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    /// A count, or any other single number.
    pub fn number(self, sql: &str, params: impl Params) -> Done<i64> {
        Ok(self.prepare(sql)?.query_row(params, |row| row.get(0))?)
    }
}
