//! What a request for work would do, as readers see it.

use super::generation::{GenerationBody, own_key};
use super::model_test::ModelTestBody;
use super::recipe::MeteredBody;
use copydesk_core::budget::bound::{Bound, MostCost};
use copydesk_desk::rehearse::{Plan, Rehearsal};
use copydesk_desk::store::generations::{Accepted, Slot};
use serde::Serialize;
use utoipa::ToSchema;

const OBJECT: &str = "dry_run";

/// What would come of it: something new, or what is there already.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DryRun)]
pub(crate) enum DryRunBody {
    New(Box<PlanBody>),
    Repeat(RepeatBody),
}

#[derive(Serialize, ToSchema)]
#[schema(as = DryRunRepeat)]
pub(crate) struct RepeatBody {
    object: &'static str,
    /// `return_existing` when a live generation does the same work; `replay` when the idempotency key was used.
    #[schema(pattern = "^(return_existing|replay)$")]
    would: &'static str,
    /// The generation and the draft that would be answered with.
    duplicate_of: DuplicateBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DryRunDuplicate)]
struct DuplicateBody {
    generation_id: String,
    draft_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DryRunPlan)]
pub(crate) struct PlanBody {
    object: &'static str,
    /// `accept`
    #[schema(pattern = "^accept$")]
    would: &'static str,
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
    estimate: EstimateBody,
    /// The cap that was asked for; `null` is none. Units: billionths of a US dollar.
    max_cost: Option<i64>,
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
        match rehearsal {
            Rehearsal::New(plan) => DryRunBody::New(Box::new(PlanBody::from(*plan))),
            Rehearsal::Repeat { accepted } => {
                let would = match accepted {
                    Accepted::Replayed { .. } => "replay",
                    Accepted::New { .. } | Accepted::Duplicate { .. } => "return_existing",
                };
                let (generation, draft) = accepted.ids();
                let (generation_id, draft_id) = (generation.to_string(), draft.to_string());
                let duplicate_of = DuplicateBody { generation_id, draft_id };
                DryRunBody::Repeat(RepeatBody { object: OBJECT, would, duplicate_of })
            }
        }
    }
}

/// The most it may use over all its steps, attempts and models, by the prices of now.
#[derive(Serialize, ToSchema)]
#[schema(as = DryRunEstimate)]
struct EstimateBody {
    tokens_max: i64,
    /// Units: nano-dollars; `null` when a model has no price that bounds it.
    cost_max_nanousd: Option<i64>,
}

impl From<Bound> for EstimateBody {
    fn from(bound: Bound) -> EstimateBody {
        let cost_max_nanousd = match bound.cost {
            MostCost::Known(cost) => Some(cost.0),
            MostCost::Unknown { .. } => None,
        };
        EstimateBody { tokens_max: bound.tokens.0, cost_max_nanousd }
    }
}

impl From<Plan> for PlanBody {
    fn from(plan: Plan) -> PlanBody {
        let Plan { order, models, balance, bound, recipe_paused_since } = plan;
        PlanBody {
            object: OBJECT,
            would: "accept",
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
            estimate: EstimateBody::from(bound),
            max_cost: order.cost_max.map(|cost| cost.0),
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

/// What a try of a model is answered with.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum TriedOrRehearsed {
    Tried(Box<ModelTestBody>),
    DryRun(Box<DryRunBody>),
}

/// What a request for work is answered with at once.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum FinishedOrRehearsed {
    Generation(Box<GenerationBody>),
    DryRun(Box<DryRunBody>),
}
