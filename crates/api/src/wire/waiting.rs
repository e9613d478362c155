//! What a generation waits for.

use crate::openapi::words::WaitingReason;
use copydesk_core::generation::waiting::Waiting;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema, Default)]
#[schema(as = Waiting)]
pub(crate) struct WaitingBody {
    #[schema(value_type = WaitingReason)]
    reason: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub position: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    until: Option<String>,
    /// The generation it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    lane: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    in_use: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failed_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_error: Option<String>,
    /// What is paused, and since when; of a job its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    paused: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
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
            Waiting::JobPaused { job } => WaitingBody { paused: Some(job.to_string()), ..plain },
            Waiting::Paused { what, since } => {
                WaitingBody { paused: Some(what), since: Some(since.to_string()), ..plain }
            }
        })
    }
}
