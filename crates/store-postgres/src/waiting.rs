//! A pending generation's row: in `ready` when it can be claimed, in `parked` when it cannot yet. Accept and a turn that
//! puts generations back write it alike. Never updates a row of `ready`.

use crate::pipeline::Steps;
use crate::types::{Micros, Param, columns, sql, text};
use copydesk_core::Timestamp;
use uuid::Uuid;

pub struct WaitingRow<'a> {
    pub queue: i32,
    pub sort_key: i64,
    pub id: Uuid,
    pub workspace: Uuid,
    pub attempt: i64,
    pub spent: i64,
    pub row_version: i64,
    pub deadline_at: Timestamp,
    pub model: &'a str,
    pub step: &'a str,
    /// Code and sentence of the last failed attempt.
    pub last_error: Option<(&'a str, &'a str)>,
    /// Absent when it can be claimed at once.
    pub park: Option<Park<'a>>,
}

/// Why it cannot be claimed yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Park<'a> {
    Scheduled(Timestamp),
    BackingOff(Timestamp),
    Target(&'a str),
    Held,
}

impl<'a> Park<'a> {
    pub const SCHEDULED: &'static str = "scheduled";
    pub const BACKING_OFF: &'static str = "backing_off";
    pub const TARGET: &'static str = "target";
    pub const HELD: &'static str = "held";

    fn reason(self) -> &'static str {
        match self {
            Park::Scheduled(_) => Self::SCHEDULED,
            Park::BackingOff(_) => Self::BACKING_OFF,
            Park::Target(_) => Self::TARGET,
            Park::Held => Self::HELD,
        }
    }
    fn until(self) -> Option<Timestamp> {
        match self {
            Park::Scheduled(until) | Park::BackingOff(until) => Some(until),
            Park::Target(_) | Park::Held => None,
        }
    }
    fn target(self) -> Option<&'a str> {
        match self {
            Park::Target(target) => Some(target),
            Park::Scheduled(_) | Park::BackingOff(_) | Park::Held => None,
        }
    }
}

/// The statements that write `rows`.
pub fn insert<'a>(steps: &mut Steps<'a>, rows: &[WaitingRow<'a>]) {
    let (ready, parked): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.park.is_none());
    if !ready.is_empty() {
        steps.add(sql!("accept/insert_ready"), place(&ready));
    }
    if !parked.is_empty() {
        let mut params = place(&parked);
        let parks: Vec<Park<'a>> = parked.iter().filter_map(|row| row.park).collect();
        params.extend(columns!(parks, p => p.reason(), p.until().map(Micros::from), p.target()));
        steps.add(sql!("accept/insert_parked"), params);
    }
}

fn place<'a>(rows: &[&WaitingRow<'a>]) -> Vec<Param<'a>> {
    columns!(rows, r => r.queue, r.sort_key, r.id, r.workspace, r.attempt, r.spent, r.row_version,
        Micros::from(r.deadline_at), r.model, r.step, r.last_error.map(|(code, _)| code),
        r.last_error.map(|(_, words)| text(words)))
}
