//! What can go wrong in a store. Nothing here ever becomes an empty list or a zero.

use copydesk_core::refusal::Refusal;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("{what} {id} does not exist")]
    NotFound { what: &'static str, id: String },
    /// The domain says no; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another writer was in the way for too long; trying again may help.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The database cannot be reached, is full or read-only; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The commit was sent and its answer lost: it may or may not have happened. Read before acting again.
    #[error("the connection broke while committing, so it is unknown whether this was written: {0}")]
    CommitUnknown(String),
    /// The data contradicts itself.
    #[error("the database contains something impossible: {0}")]
    Corrupt(String),
    /// The live schema is not the one this program was built for.
    #[error("the database schema does not fit this program: {} difference(s)", .0.len())]
    SchemaMismatch(Vec<SchemaFault>),
    /// The database was written by a newer program.
    #[error("the database has schema version {found}, this program knows {known}: use the newer program")]
    TooNew { found: i64, known: i64 },
    /// The data folder belongs to a running process.
    #[error("the data folder {folder} is in use by process {holder}: stop it, or talk to it over HTTP")]
    Held { folder: String, holder: String },
}

impl StoreError {
    /// Whether the same call may succeed when made again.
    pub const fn retryable(&self) -> bool {
        match self {
            StoreError::Busy(_) | StoreError::Unavailable(_) => true,
            StoreError::NotFound { .. }
            | StoreError::Refused(_)
            | StoreError::CommitUnknown(_)
            | StoreError::Corrupt(_)
            | StoreError::SchemaMismatch(_)
            | StoreError::TooNew { .. }
            | StoreError::Held { .. } => false,
        }
    }
}

/// One difference between the expected schema and the live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// `column drafts.title is missing`
    pub what: String,
    /// The statement that mends it.
    pub sql: String,
}
