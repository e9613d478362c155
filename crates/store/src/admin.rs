//! The installation: clock, schema, settings, nodes.

use crate::Answer;
use crate::generations::Lane;
use copydesk_core::{NodeId, Timestamp};

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
    /// How many generations it is working on.
    pub running: u64,
}

/// What can be paused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PauseKey {
    /// The master switch: new requests are refused, accepted ones wait.
    Generation,
    /// Claims of one lane stop; new requests are accepted and wait.
    Lane(Lane),
}

impl PauseKey {
    pub fn recipe(name: impl Into<String>) -> PauseKey {
        PauseKey::Lane(Lane::Recipe(name.into()))
    }
    pub fn name(&self) -> String {
        match self {
            PauseKey::Generation => "generation".to_owned(),
            PauseKey::Lane(lane) => lane.name(),
        }
    }
    pub fn parse(name: &str) -> Option<PauseKey> {
        if name == "generation" { Some(PauseKey::Generation) } else { Lane::parse(name).map(PauseKey::Lane) }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    pub what: PauseKey,
    pub since: Timestamp,
}

/// The pause that holds something back: the master switch before all others, then that of the first of its lanes.
pub fn holding(pauses: &[Pause], belongs: impl Fn(&Lane) -> bool) -> Option<&Pause> {
    let holds = |pause: &&Pause| match &pause.what {
        PauseKey::Generation => true,
        PauseKey::Lane(lane) => belongs(lane),
    };
    pauses.iter().filter(holds).min_by(|one, other| one.what.cmp(&other.what))
}
