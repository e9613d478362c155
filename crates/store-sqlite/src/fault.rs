//! Errors inside this crate: SQLite's own, or a [`StoreError`] already. They become a [`StoreError`] where a command or a
//! read ends, and nowhere earlier, so that the writer can tell an I/O error from a refusal.

use copydesk_core::refusal::Refusal;
use copydesk_store::StoreError;
use rusqlite::ErrorCode;

#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Store(StoreError),
}

pub(crate) type Done<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Store(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Store(StoreError::Refused(refusal))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Store(error) => error,
            Fault::Sql(error) => classify(&error),
        }
    }
}

impl Fault {
    pub fn corrupt(what: impl Into<String>) -> Fault {
        Fault::Store(StoreError::Corrupt(what.into()))
    }

    /// After one of these the file's state is unknown: the process must end and recover from the log.
    pub fn ends_the_store(&self) -> bool {
        match self {
            Fault::Sql(error) => code(error) == Some(ErrorCode::SystemIoFailure),
            Fault::Store(_) => false,
        }
    }
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

fn classify(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    let Some(code) = code(error) else {
        // No SQLite code: a value of the wrong type, a missing column.
        return StoreError::Corrupt(text);
    };
    let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::FileLockingProtocolFailed];
    let broken =
        [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase, ErrorCode::ConstraintViolation, ErrorCode::TypeMismatch];
    if busy.contains(&code) {
        StoreError::Busy(text)
    } else if broken.contains(&code) {
        StoreError::Corrupt(text)
    } else {
        StoreError::Unavailable(text)
    }
}
