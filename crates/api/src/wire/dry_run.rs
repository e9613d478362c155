//! What would be accepted.

use super::generation::{GenerationBody, own_key};
use copydesk_core::Timestamp;
use copydesk_desk::store::generations::Accept;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = DryRun)]
pub(crate) struct DryRunBody {
    object: &'static str,
    recipe: String,
    recipe_version: String,
    model: String,
    user: String,
    /// What would be held. Units: micro-credits.
    hold: i64,
    dedupe_key: Option<String>,
    target: Option<String>,
    priority: i16,
    run_at: Option<String>,
    deadline_at: String,
    attempts_max: u32,
    /// The recipe is paused: it would be accepted and wait.
    recipe_paused_since: Option<String>,
}

impl DryRunBody {
    pub fn of(order: Accept, recipe_paused_since: Option<Timestamp>) -> DryRunBody {
        DryRunBody {
            object: "dry_run",
            recipe: order.recipe,
            recipe_version: order.recipe_version,
            model: order.model,
            user: order.user_external.clone(),
            hold: order.hold.micros(),
            dedupe_key: order.dedupe_key.as_deref().map(own_key),
            target: order.target,
            priority: order.priority.value(),
            run_at: order.run_at.map(|at| at.to_string()),
            deadline_at: order.deadline_at.to_string(),
            attempts_max: order.max_attempts,
            recipe_paused_since: recipe_paused_since.map(|at| at.to_string()),
        }
    }
}

/// What a request for work is answered with at once.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum FinishedOrRehearsed {
    Generation(Box<GenerationBody>),
    DryRun(Box<DryRunBody>),
}
