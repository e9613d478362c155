//! What starting a job would do, as its dry run answers.

use copydesk_desk::jobs::{Carried, OnInvalid, Outlook, Under};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What starting a job would do.
#[derive(Serialize, ToSchema)]
#[schema(as = JobOutlook)]
pub(crate) struct OutlookBody {
    object: &'static str,
    dry_run: bool,
    total_targets: u32,
    /// Those that would be made.
    would_create: u32,
    /// Those that ask for the same as an earlier one, and with `on_invalid=skip` those that are not valid.
    would_skip: u32,
    /// Those that are not valid. Unless `on_invalid` is `skip`, nothing at all would be made.
    invalid: u32,
    /// The first hundred faults.
    #[schema(value_type = Vec<Object>)]
    errors: Vec<Value>,
    /// The models that may be tried, in order.
    models: Vec<String>,
    estimate: EstimateBody,
    /// What users' credits carry as they stand; `null` while credits are off. What they do not carry is no refusal: the job
    /// pauses when they are used up.
    credits: Option<CarriedBody>,
    /// The same of the budgets that its items are under.
    budgets: Vec<UnderBody>,
}

/// Units: micro-credits.
#[derive(Serialize, ToSchema)]
#[schema(as = JobCredits)]
struct CarriedBody {
    /// What all items that would be made hold together; of a metered price the most.
    needed_max: i64,
    /// What their users have; `null` when the items are of more than 100 users, whose balances nobody adds up.
    available: Option<i64>,
    /// How many users the items are of.
    users: usize,
    /// How many of the items that carries.
    carried: Option<u32>,
    /// Whether it carries all.
    enough: Option<bool>,
}

impl From<Carried> for CarriedBody {
    fn from(credits: Carried) -> CarriedBody {
        let Carried { needed, users, found, items } = credits;
        let (available, carried) = found.unzip();
        CarriedBody {
            needed_max: needed.micros(),
            available: available.map(|available| available.micros()),
            users,
            carried,
            enough: carried.map(|carried| carried == items),
        }
    }
}

/// Units: nano-dollars or tokens, as `unit` says.
#[derive(Serialize, ToSchema)]
#[schema(as = JobUnderBudget)]
struct UnderBody {
    /// Its id; left out for keys of one user, as `remaining` is: the figures are the workspace's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    /// `cost` or `tokens`.
    unit: &'static str,
    /// `day` or `month`.
    period: &'static str,
    /// What the items may use at most; `null` when it is not known of one of them.
    needed_max: Option<i64>,
    /// What is left of it now; left out where each user or key has a sum of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    remaining: Option<i64>,
    /// How many of the items have room at once, by the most they may use. As they use less, more will be made.
    carried: u32,
    enough: bool,
}

impl UnderBody {
    fn of(under: Under, confined: bool) -> UnderBody {
        let Under { budget, share, left } = under;
        UnderBody {
            id: (!confined).then(|| budget.id.to_string()),
            unit: budget.measure.as_str(),
            period: budget.period.as_str(),
            needed_max: share.needed,
            remaining: left.filter(|_| !confined),
            carried: share.carried,
            enough: share.enough(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = JobEstimate)]
struct EstimateBody {
    /// What all items may cost at most, with every attempt on every model; `null` when it is not known of one of them.
    high_nanousd: Option<i64>,
    /// A model whose cost is not known.
    unpriced_model: Option<String>,
}

impl OutlookBody {
    pub fn of(outlook: Outlook, on_invalid: OnInvalid) -> OutlookBody {
        let Outlook { intake, models, credits, budgets, confined } = outlook;
        let refused = intake.invalid > 0 && on_invalid == OnInvalid::Refuse;
        let repeats = intake.skipped - intake.invalid;
        let errors = intake
            .faults
            .into_iter()
            .map(|fault| serde_json::json!({ "pointer": fault.pointer, "code": fault.code, "detail": fault.detail }));
        OutlookBody {
            object: "dry_run",
            dry_run: true,
            total_targets: intake.total,
            would_create: if refused { 0 } else { intake.total - intake.skipped },
            would_skip: if refused { 0 } else { repeats + intake.invalid },
            invalid: intake.invalid,
            errors: errors.collect(),
            models,
            estimate: EstimateBody { high_nanousd: intake.most.map(|cost| cost.0), unpriced_model: intake.unpriced },
            credits: credits.map(CarriedBody::from),
            budgets: budgets.into_iter().map(|under| UnderBody::of(under, confined)).collect(),
        }
    }
}
