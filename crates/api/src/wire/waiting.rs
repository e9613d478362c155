//! What a generation waits for.

use copydesk_core::generation::waiting::Waiting;
use serde::Serialize;

#[derive(Serialize, Default)]
pub(crate) struct WaitingBody {
    reason: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// The generation it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// What is paused, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

impl WaitingBody {
    /// `None` when it does not wait.
    pub fn of(waiting: Waiting) -> Option<WaitingBody> {
        let plain = WaitingBody { reason: waiting.reason(), detail: waiting.sentence(), ..WaitingBody::default() };
        Some(match waiting {
            Waiting::NotWaiting => return None,
            Waiting::NoWorker => plain,
            Waiting::BehindOthers { position } => WaitingBody { position: Some(position), ..plain },
            Waiting::LaneFull { lane, limit, in_use } => {
                WaitingBody { lane: Some(lane), limit: Some(limit), in_use: Some(in_use), ..plain }
            }
            Waiting::CoolingDown { lane, until, last_error } => {
                WaitingBody { lane: Some(lane), until: Some(until.to_string()), last_error: Some(last_error), ..plain }
            }
            Waiting::RateLimited { lane, until } => {
                WaitingBody { lane: Some(lane), until: Some(until.to_string()), ..plain }
            }
            Waiting::TargetLocked { target, holder } => {
                WaitingBody { target: Some(target), holder: Some(holder.to_string()), ..plain }
            }
            Waiting::BackingOff { until, failed_attempts, last_error } => WaitingBody {
                until: Some(until.to_string()),
                failed_attempts: Some(failed_attempts),
                last_error,
                ..plain
            },
            Waiting::Scheduled { until } => WaitingBody { until: Some(until.to_string()), ..plain },
            Waiting::Paused { what, since } => {
                WaitingBody { paused: Some(what), since: Some(since.to_string()), ..plain }
            }
        })
    }
}
