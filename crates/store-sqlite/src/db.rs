//! Running a statement: every one is prepared once and cached by its text, parameters are always bound. Never begins or
//! commits anything.

use crate::fault::{Done, Fault};
use rusqlite::{CachedStatement, Connection, Params, Row, Statement};
use std::cell::RefCell;
use std::collections::HashMap;

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

/// Where prepared statements come from.
pub(crate) trait Statements {
    /// Runs `work` with the statement of this text.
    fn with(&self, sql: &'static str, work: &mut dyn FnMut(&mut Statement<'_>) -> Done<()>) -> Done<()>;
}

/// The connection's own cache, which looks a statement up by its whole text.
impl Statements for Connection {
    fn with(&self, sql: &'static str, work: &mut dyn FnMut(&mut Statement<'_>) -> Done<()>) -> Done<()> {
        work(&mut *self.prepare_cached(sql)?)
    }
}

/// The statements of one transaction, kept at hand: a batch runs each of them hundreds of times, and hashing its text
/// every time costs as much as a small statement does. Texts are compiled in, so the address of one names it.
pub(crate) struct AtHand<'c> {
    connection: &'c Connection,
    statements: RefCell<HashMap<usize, CachedStatement<'c>>>,
}

impl<'c> AtHand<'c> {
    pub fn new(connection: &'c Connection) -> AtHand<'c> {
        AtHand { connection, statements: RefCell::default() }
    }
}

impl Statements for AtHand<'_> {
    fn with(&self, sql: &'static str, work: &mut dyn FnMut(&mut Statement<'_>) -> Done<()>) -> Done<()> {
        let place = sql.as_ptr().addr();
        // Taken out while it runs, so that work may run other statements, and even the same one.
        let held = self.statements.borrow_mut().remove(&place);
        let mut statement = match held {
            Some(statement) => statement,
            None => self.connection.prepare_cached(sql)?,
        };
        let done = work(&mut statement);
        self.statements.borrow_mut().insert(place, statement);
        done
    }
}

/// A way to run statements.
#[derive(Clone, Copy)]
pub(crate) struct Db<'c>(pub &'c dyn Statements);

impl Db<'_> {
    /// Runs `work` with the prepared statement.
    pub fn with<T>(self, sql: &'static str, work: impl FnOnce(&mut Statement<'_>) -> Done<T>) -> Done<T> {
        let (mut work, mut answer) = (Some(work), None);
        self.0.with(sql, &mut |statement| {
            if let Some(work) = work.take() {
                answer = Some(work(statement)?);
            }
            Ok(())
        })?;
        answer.ok_or_else(|| Fault::corrupt("a statement was not run"))
    }

    /// How many rows it changed.
    pub fn execute(self, sql: &'static str, params: impl Params) -> Done<usize> {
        self.with(sql, |statement| Ok(statement.execute(params)?))
    }

    /// The first row, if there is one.
    pub fn first<T>(
        self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Done<T>,
    ) -> Done<Option<T>> {
        self.with(sql, |statement| statement.query(params)?.next()?.map(read).transpose())
    }

    pub fn all<T>(
        self,
        sql: &'static str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Done<T>,
    ) -> Done<Vec<T>> {
        self.with(sql, |statement| {
            let mut rows = statement.query(params)?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(read(row)?);
            }
            Ok(all)
        })
    }

    /// Row by row, for what may be too much to hold.
    pub fn each(self, sql: &'static str, params: impl Params, mut read: impl FnMut(&Row<'_>) -> Done<()>) -> Done<()> {
        self.with(sql, |statement| {
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                read(row)?;
            }
            Ok(())
        })
    }

    /// A count, or any other single number.
    pub fn number(self, sql: &'static str, params: impl Params) -> Done<i64> {
        self.with(sql, |statement| Ok(statement.query_row(params, |row| row.get(0))?))
    }
}
