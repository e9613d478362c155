//! What a Postgres error means to the caller, and whether the same batch may be tried again. No message of this file
//! ever contains a password: only the server's own words and the error's class are used.

use copydesk_store::StoreError;
use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// What helps when a table or a column is not there, or not as the program knows it.
const MENDING: &str = "-- `copydesk db check` names every difference and the statement that mends it; \
                       `copydesk db migrate` brings the database of an older program up to date";

/// Inside the crate errors keep their class, so that a batch can be tried again or bisected.
#[derive(Debug)]
pub enum Fault {
    /// Somebody else was faster (deadlock, a key taken meanwhile): the same batch may succeed now.
    Race(String),
    /// One row of the batch cannot be stored; the others can.
    BadRow(String),
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Store(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        let Some(db) = error.as_db_error() else {
            return Fault::Store(StoreError::Unavailable(chain(&error)));
        };
        let words = format!("{} (SQLSTATE {})", db.message(), db.code().code());
        let code = db.code();
        if [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::UNIQUE_VIOLATION]
            .contains(&code)
        {
            return Fault::Race(words);
        }
        Fault::Store(match &code.code()[..2] {
            "22" | "23" | "54" => return Fault::BadRow(words),
            // lock_not_available, query_canceled by a timeout
            "55" if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy(words),
            "57" if *code == SqlState::QUERY_CANCELED => StoreError::Busy(words),
            "08" | "25" | "28" | "53" | "57" | "58" => StoreError::Unavailable(words),
            // Another role's tables are no matter of their shape.
            "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE => StoreError::Unavailable(words),
            "42" => {
                StoreError::SchemaMismatch(vec![copydesk_store::SchemaFault { what: words, sql: MENDING.to_owned() }])
            }
            _ => StoreError::Corrupt(words),
        })
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Fault {
        match error {
            PoolError::Backend(error) => Fault::from(error),
            PoolError::Timeout(_) => {
                Fault::Store(StoreError::Busy("no database connection became free in time".to_owned()))
            }
            PoolError::Closed => Fault::Store(StoreError::Unavailable("the connection pool is closed".to_owned())),
            PoolError::NoRuntimeSpecified => {
                Fault::Store(StoreError::Unavailable("the connection pool has no runtime".to_owned()))
            }
            PoolError::PostCreateHook(hook) => match hook {
                deadpool_postgres::HookError::Backend(error) => Fault::from(error),
                deadpool_postgres::HookError::Message(words) => {
                    Fault::Store(StoreError::Unavailable(words.into_owned()))
                }
            },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Race(words) => StoreError::Busy(words),
            Fault::BadRow(words) => {
                StoreError::Corrupt(format!("nothing was written, PostgreSQL cannot store this: {words}"))
            }
            Fault::Store(error) => error,
        }
    }
}

/// The error and what caused it. `tokio_postgres` keeps passwords out of its errors.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}
