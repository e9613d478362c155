//! Budgets on the wire. Amounts are whole nano-dollars where the unit is `cost`, else tokens.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{BudgetPeriod, BudgetSubject, BudgetUnit, KeyKey};
use copydesk_core::budget::book::Use;
use copydesk_core::budget::{Budget, Measure, Owner, Period, Subject};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::{KeyId, Timestamp, UserId};
use copydesk_desk::budgets::{BudgetEdit, BudgetState, Of};
use copydesk_desk::store::budgets::UseRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The zone of a budget that names none.
const USUAL_ZONE: &str = "UTC";

/// A budget, and what is used of it now.
#[derive(Serialize, ToSchema)]
#[schema(as = Budget)]
pub(crate) struct BudgetBody {
    object: &'static str,
    id: String,
    /// `workspace`, `each_user`, `user`, `each_key` or `key`.
    #[schema(value_type = BudgetSubject)]
    subject: &'static str,
    user: Option<String>,
    user_id: Option<String>,
    key_id: Option<String>,
    #[schema(value_type = BudgetUnit)]
    unit: &'static str,
    #[schema(value_type = BudgetPeriod)]
    period: &'static str,
    zone: String,
    limit: i64,
    /// Units: percent of the limit.
    warn_at: Vec<u8>,
    created_at: String,
    ended_at: Option<String>,
    /// This moment's; of a budget for each user or key the largest.
    current: UseBody,
}

/// What is used in one period, by one owner.
#[derive(Serialize, ToSchema)]
#[schema(as = BudgetUse)]
pub(crate) struct UseBody {
    period_start: String,
    period_end: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key_id: Option<String>,
    used: i64,
    /// Set aside for what is in progress.
    reserved: i64,
    /// Of the limit as it is now; never below zero.
    remaining: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BudgetHistory)]
pub(crate) struct BudgetHistoryBody {
    #[serde(flatten)]
    budget: BudgetBody,
    /// Newest first; periods in which nothing was used are left out.
    periods: Vec<UseBody>,
}

impl From<BudgetState> for BudgetBody {
    fn from(state: BudgetState) -> BudgetBody {
        let (start, _) = state.period;
        let newest = state.uses.first().filter(|row| row.period_at == start);
        let current = use_body(&state, newest, start);
        let own = state.budget.subject.id().map(|id| owner(&state, Owner(id))).unwrap_or_default();
        let Budget { id, subject, measure, period, zone, limit, warn_at, created_at, ended_at, workspace: _ } =
            state.budget;
        BudgetBody {
            object: "budget",
            id: id.to_string(),
            subject: subject.as_str(),
            user: own.user,
            user_id: own.user_id,
            key_id: own.key_id,
            unit: measure.as_str(),
            period: period.as_str(),
            zone: zone.name().to_owned(),
            limit,
            warn_at: warn_at.as_slice().to_vec(),
            created_at: created_at.to_string(),
            ended_at: ended_at.map(|at| at.to_string()),
            current,
        }
    }
}

impl From<BudgetState> for BudgetHistoryBody {
    fn from(state: BudgetState) -> BudgetHistoryBody {
        let periods = state.uses.iter().map(|row| use_body(&state, Some(row), row.period_at)).collect();
        BudgetHistoryBody { budget: state.into(), periods }
    }
}

#[derive(Default)]
struct OwnerNames {
    user: Option<String>,
    user_id: Option<String>,
    key_id: Option<String>,
}

fn owner(state: &BudgetState, owner: Owner) -> OwnerNames {
    match state.budget.subject {
        Subject::Workspace => OwnerNames::default(),
        Subject::EachUser | Subject::User(_) => {
            let id = UserId(owner.0);
            let name = state.names.iter().find(|(user, _)| *user == id).map(|(_, name)| name.clone());
            OwnerNames { user: name, user_id: Some(id.to_string()), key_id: None }
        }
        Subject::EachKey | Subject::Key(_) => {
            OwnerNames { key_id: Some(KeyId(owner.0).to_string()), ..OwnerNames::default() }
        }
    }
}

fn use_body(state: &BudgetState, row: Option<&UseRow>, period_at: Timestamp) -> UseBody {
    let budget = &state.budget;
    let (start, end) = budget.period_of(period_at);
    let Use { used, reserved, warned: _ } = row.map(|row| row.row).unwrap_or_default();
    let names = row.map(|row| owner(state, row.owner)).unwrap_or_default();
    UseBody {
        period_start: shown(&budget.zone, start),
        period_end: shown(&budget.zone, end),
        user: names.user,
        user_id: names.user_id,
        key_id: names.key_id,
        used,
        reserved,
        remaining: budget.limit.saturating_sub(used).saturating_sub(reserved).max(0),
    }
}

/// In the budget's own zone, so that its days are seen to begin at midnight.
fn shown(zone: &Zone, at: Timestamp) -> String {
    zone.shown(at)
}

/// A budget, as it is sent.
#[derive(ToSchema)]
#[schema(as = NewBudget)]
#[expect(dead_code, reason = "only its description is used: user, key and each are read as one subject")]
pub(crate) struct BudgetFields {
    /// Only this user's: your name of him. At most one of `user`, `key` and `each`.
    #[schema(min_length = 1, max_length = 255)]
    user: Option<String>,
    /// Only what is asked for with this key.
    #[schema(value_type = Option<KeyKey>)]
    key: Option<String>,
    /// For each `user` or each `key` by itself.
    #[schema(pattern = "^(user|key)$")]
    each: Option<String>,
    #[schema(value_type = BudgetUnit)]
    unit: String,
    #[schema(value_type = BudgetPeriod)]
    period: String,
    /// Whose days and months; UTC unless said otherwise.
    zone: Option<String>,
    /// Nano-dollars where the unit is `cost`, else tokens.
    #[schema(minimum = 1)]
    limit: i64,
    /// At which shares it warns, in percent, rising; 80 and 100 unless said otherwise.
    warn_at: Option<Vec<u8>>,
}

/// A change of a budget, as it is sent.
#[derive(ToSchema)]
#[schema(as = BudgetPatch)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct BudgetEditFields {
    #[schema(minimum = 1)]
    limit: Option<i64>,
    warn_at: Option<Vec<u8>>,
}

/// POST `/budgets`.
pub(crate) struct NewBudgetBody {
    pub of: Of,
    pub measure: Measure,
    pub period: Period,
    pub zone: String,
    pub limit: i64,
    pub warn_at: Option<Vec<i64>>,
}

impl FromFields for NewBudgetBody {
    fn read(fields: &mut Fields) -> NewBudgetBody {
        let of = read_subject(fields);
        let units = Measure::ALL.map(Measure::as_str);
        let measure = word(fields, "unit", Measure::parse, &units).unwrap_or(Measure::Cost);
        let periods = Period::ALL.map(Period::as_str);
        let period = word(fields, "period", Period::parse, &periods).unwrap_or(Period::Month);
        let zone = fields.text("zone").unwrap_or_else(|| USUAL_ZONE.to_owned());
        let limit = limit(fields);
        if limit.is_none() && !fields.blamed("limit") {
            fields.fault("limit", "required", "give the limit: nano-dollars where the unit is cost, else tokens");
        }
        // What is wrong with it was said; the desk must not say it again.
        NewBudgetBody { of, measure, period, zone, limit: limit.unwrap_or(1), warn_at: shares(fields) }
    }
}

/// PATCH `/budgets/{id}`.
pub(crate) struct BudgetEditBody(pub BudgetEdit);

impl FromFields for BudgetEditBody {
    fn read(fields: &mut Fields) -> BudgetEditBody {
        BudgetEditBody(BudgetEdit { limit: limit(fields), warn_at: shares(fields) })
    }
}

/// One of `user`, `key` and `each`, or none for the whole workspace.
fn read_subject(fields: &mut Fields) -> Of {
    let (user, key) = (fields.text("user"), fields.text("key"));
    let each = fields.text("each").and_then(|word| match word.as_str() {
        "user" => Some(Of::EachUser),
        "key" => Some(Of::EachKey),
        _ => {
            fields.fault("each", "not_allowed", "it must be user or key");
            None
        }
    });
    let alone = "give one of user, key and each, or none of them for the whole workspace";
    match (user, key, each) {
        (Some(user), None, None) => Of::User(user),
        (None, Some(key), None) => Of::Key(key),
        (None, None, Some(each)) => each,
        (None, None, None) => Of::Workspace,
        (Some(_), Some(_), _) => {
            fields.fault("key", "not_allowed", alone);
            Of::Workspace
        }
        (_, _, Some(_)) => {
            fields.fault("each", "not_allowed", alone);
            Of::Workspace
        }
    }
}

fn word<T>(fields: &mut Fields, name: &'static str, parse: fn(&str) -> Option<T>, known: &[&str]) -> Option<T> {
    let Some(given) = fields.text(name) else {
        if !fields.blamed(name) {
            fields.fault(name, "required", format!("it must be {}", known.join(" or ")));
        }
        return None;
    };
    let found = parse(&given);
    if found.is_none() {
        fields.fault(name, "not_allowed", format!("it must be {}", known.join(" or ")));
    }
    found
}

fn limit(fields: &mut Fields) -> Option<i64> {
    let value = fields.value("limit")?;
    match (value.as_i64(), value.as_f64()) {
        (Some(limit), _) if limit > 0 => return Some(limit),
        (Some(_), _) => fields.fault("limit", "out_of_range", "it must be above zero"),
        (None, Some(given)) if given.fract() != 0.0 => {
            fields.fault("limit", "fractional", "there is nothing smaller than a nano-dollar or a token");
        }
        (None, Some(_)) => fields.fault("limit", "out_of_range", "it is larger than any limit can be"),
        (None, None) => fields.fault("limit", "wrong_type", "it must be a whole number without quotes"),
    }
    None
}

fn shares(fields: &mut Fields) -> Option<Vec<i64>> {
    let value = fields.value("warn_at")?;
    let numbers = value.as_array().and_then(|items| items.iter().map(Value::as_i64).collect::<Option<Vec<_>>>());
    if numbers.is_none() {
        fields.fault("warn_at", "wrong_type", "it must be a list of whole numbers, such as [80, 100]");
    }
    numbers
}
