//! The installation: clock, schema, settings, keys, nodes, the auditor.

use crate::{Answer, Scope};
use copydesk_core::{KeyId, NodeId, Timestamp};

pub trait AdminStore: Send + Sync {
    /// The engine's clock: the server's in Postgres, `None` where the process's own clock is the only one (SQLite).
    fn now(&self) -> Answer<'_, Option<Timestamp>>;

    /// What engine this is and what it holds.
    fn describe(&self) -> Answer<'_, Description>;

    /// Compares the live schema with the expected one (tables, columns, types, indexes). Empty means it fits.
    fn check_schema(&self) -> Answer<'_, Vec<crate::SchemaFault>>;

    /// Really writes a row, reads it back and removes it.
    fn canary(&self, at: Timestamp) -> Answer<'_, ()>;

    /// What is switched off or paused, and since when.
    fn pauses(&self) -> Answer<'_, Vec<Pause>>;

    /// Switches `what` on or off; doing it twice changes nothing.
    fn set_pause(&self, what: PauseKey, paused: bool, at: Timestamp) -> Answer<'_, ()>;

    /// Stores a key. The secret itself is never stored, only its SHA-256.
    fn add_key(&self, key: KeyRow) -> Answer<'_, ()>;

    /// The key with this hash, unless it was revoked.
    fn find_key(&self, secret_hash: [u8; 32]) -> Answer<'_, Option<KeyRow>>;

    /// The key with this id, unless it was revoked.
    fn get_key(&self, scope: Scope, id: KeyId) -> Answer<'_, KeyRow>;

    /// Re-proves the invariants on live data. Empty means that nothing was found.
    fn audit(&self) -> Answer<'_, Vec<Finding>>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// `sqlite` or `postgres`
    pub engine: &'static str,
    /// Version of the engine and where the data is; passwords removed.
    pub version: String,
    pub location: String,
    pub schema_version: i64,
    pub known_schema_version: i64,
    pub nodes: Vec<NodeRow>,
    pub waiting: u64,
    pub processing: u64,
    /// API keys that were not revoked.
    pub keys: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRow {
    pub id: NodeId,
    pub label: String,
    pub started_at: Timestamp,
    pub beat_at: Timestamp,
}

/// What can be paused.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PauseKey {
    /// The master switch: new requests are refused, accepted ones wait.
    Generation,
    /// Claims of one recipe stop; new requests are accepted and wait.
    Recipe(String),
}

impl PauseKey {
    pub fn name(&self) -> String {
        match self {
            PauseKey::Generation => "generation".to_owned(),
            PauseKey::Recipe(name) => format!("recipe:{name}"),
        }
    }
    pub fn parse(name: &str) -> Option<PauseKey> {
        match name.strip_prefix("recipe:") {
            Some(recipe) => Some(PauseKey::Recipe(recipe.to_owned())),
            None => (name == "generation").then_some(PauseKey::Generation),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    pub what: PauseKey,
    pub since: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    pub id: KeyId,
    pub scope: Scope,
    pub name: String,
    pub secret_hash: [u8; 32],
    /// The first characters, to tell keys apart.
    pub shown: String,
    pub created_at: Timestamp,
}

/// A broken invariant on live data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// Name of the check, the same in every engine (`sql/audit/<check>.sql`).
    pub check: &'static str,
    /// The row it was found on.
    pub subject: String,
    pub detail: String,
}
