//! What a pending generation waits for: one answer for the CLI, the API and every screen.

use crate::{GenerationId, JobId, Timestamp};

/// The reason, with the data that belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// Others are before it. `position` counts from 1 and is exact up to [`Waiting::POSITION_MAX`].
    BehindOthers { position: u32 },
    /// A lane it belongs to is full.
    LaneFull { lane: String, limit: u32, in_use: u32 },
    /// Its model or provider is left alone after failures (`health/breaker.rs`).
    CoolingDown { lane: String, until: Timestamp, last_error: String },
    /// A lane it belongs to has used up its requests or tokens of this minute.
    RateLimited { lane: String, until: Timestamp },
    /// Another generation holds its target.
    TargetLocked { target: String, holder: GenerationId },
    /// An attempt failed; the next one may not start before `until`.
    BackingOff { until: Timestamp, failed_attempts: u32, last_error: Option<String> },
    /// Its owner asked for a later time.
    Scheduled { until: Timestamp },
    /// Claims are paused; `what` is `generation` (the master switch) or the name of a lane.
    Paused { what: String, since: Timestamp },
    /// The job it is an item of is paused, and it had not begun.
    JobPaused { job: JobId },
    /// No node with a living heartbeat.
    NoWorker,
    /// Not waiting: being worked on.
    NotWaiting,
}

impl Waiting {
    pub const POSITION_MAX: u32 = 10_000;

    /// The reason word of the API.
    pub const fn reason(&self) -> &'static str {
        match self {
            Waiting::BehindOthers { .. } => "behind_others",
            Waiting::LaneFull { .. } => "lane_full",
            Waiting::CoolingDown { .. } => "cooling_down",
            Waiting::RateLimited { .. } => "rate_limited",
            Waiting::TargetLocked { .. } => "target_locked",
            Waiting::BackingOff { .. } => "backing_off",
            Waiting::Scheduled { .. } => "scheduled",
            Waiting::Paused { .. } | Waiting::JobPaused { .. } => "paused",
            Waiting::NoWorker => "no_worker",
            Waiting::NotWaiting => "not_waiting",
        }
    }

    /// One sentence for a person.
    pub fn sentence(&self) -> String {
        match self {
            Waiting::BehindOthers { position: 0 | 1 } => "Next in line.".to_owned(),
            Waiting::BehindOthers { position: 2 } => "One other is before it.".to_owned(),
            Waiting::BehindOthers { position } => format!("{} others are before it.", position - 1),
            Waiting::LaneFull { lane, limit, in_use } => {
                format!("{in_use} of {limit} slots of lane {lane:?} are in use.")
            }
            Waiting::CoolingDown { lane, until, last_error } => {
                format!("Lane {lane:?} is left alone until {until} after failures. The last one: {last_error}")
            }
            Waiting::RateLimited { lane, until } => {
                format!("Lane {lane:?} has used up its rate; the next request may start at {until}.")
            }
            Waiting::TargetLocked { target, holder } => format!("{holder} is working on the same target {target:?}."),
            Waiting::BackingOff { until, failed_attempts, last_error } => match last_error {
                Some(error) => format!("Attempt {failed_attempts} failed ({error}); the next one starts at {until}."),
                None => format!("Attempt {failed_attempts} failed; the next one starts at {until}."),
            },
            Waiting::Scheduled { until } => format!("It was asked for at {until}."),
            Waiting::Paused { what, since } if what == "generation" => {
                format!("Generation has been switched off since {since}.")
            }
            Waiting::Paused { what, since } => format!("{what} has been paused since {since}."),
            Waiting::JobPaused { job } => {
                format!("Its job {job} is paused: `copydesk jobs resume {job}` lets it go on.")
            }
            Waiting::NoWorker => "No worker is alive: start one with `copydesk serve`.".to_owned(),
            Waiting::NotWaiting => "It is not waiting.".to_owned(),
        }
    }
}
