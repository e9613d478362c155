//! What a request for work would do, as readers see it.

use super::generation::{GenerationBody, own_key};
use super::recipe::MeteredBody;
use copydesk_desk::rehearse::{Plan, Rehearsal};
use copydesk_desk::store::generations::{Accepted, Slot};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = DryRun)]
pub(crate) struct DryRunBody {
    object: &'static str,
    /// `accept`; `return_existing` when a live generation does the same work; `replay` when the idempotency key was used.
    would: &'static str,
    /// The generation and the draft that would be answered with, where nothing new would be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<DuplicateBody>,
    #[serde(flatten)]
    plan: Option<PlanBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DryRunDuplicate)]
struct DuplicateBody {
    generation_id: String,
    draft_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DryRunPlan)]
struct PlanBody {
    recipe: String,
    recipe_version: String,
    /// That of the first call.
    model: String,
    /// Those that may be tried, in order.
    models: Vec<String>,
    user: String,
    /// The draft that would be filled; `null` when one would be made.
    draft_id: Option<String>,
    /// What would be held, and what of it is there. Units: micro-credits.
    hold: i64,
    available: i64,
    held: i64,
    /// How the settled amount would follow from the cost, at most the hold; `null` when it is the hold.
    price_metered: Option<MeteredBody>,
    dedupe_key: Option<String>,
    target: Option<String>,
    priority: i16,
    run_at: Option<String>,
    deadline_at: String,
    attempts_max: u32,
    /// It would wait until the recipe goes on.
    recipe_paused_since: Option<String>,
}

impl From<Rehearsal> for DryRunBody {
    fn from(rehearsal: Rehearsal) -> DryRunBody {
        let object = "dry_run";
        match rehearsal {
            Rehearsal::New(plan) => {
                DryRunBody { object, would: "accept", duplicate_of: None, plan: Some(PlanBody::from(*plan)) }
            }
            Rehearsal::Repeat { accepted } => {
                let would = match accepted {
                    Accepted::Replayed { .. } => "replay",
                    Accepted::New { .. } | Accepted::Duplicate { .. } => "return_existing",
                };
                let (generation, draft) = accepted.ids();
                let duplicate = DuplicateBody { generation_id: generation.to_string(), draft_id: draft.to_string() };
                DryRunBody { object, would, duplicate_of: Some(duplicate), plan: None }
            }
        }
    }
}

impl From<Plan> for PlanBody {
    fn from(plan: Plan) -> PlanBody {
        let Plan { order, models, balance, recipe_paused_since } = plan;
        PlanBody {
            recipe: order.recipe,
            recipe_version: order.recipe_version,
            model: order.model,
            models,
            user: order.user_external,
            draft_id: match order.slot {
                Slot::Existing(draft) => Some(draft.to_string()),
                Slot::New { .. } => None,
            },
            hold: order.hold.micros(),
            available: balance.available.micros(),
            held: balance.held.micros(),
            price_metered: order.metered.map(MeteredBody::from),
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
