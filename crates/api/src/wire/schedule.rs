//! Schedules on the wire.

use super::links::Links;
use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{
    GenerationStatus, ModelAddress, RunKindWord, RunOutcomeWord, ScheduleStateWord, Span, TimeOfDay, VersionOrigin,
};
use copydesk_core::NanoUsd;
use copydesk_core::job::Note;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::schedule::{Cron, Due, Plan};
use copydesk_desk::DeskError;
use copydesk_desk::error::Fault;
use copydesk_desk::schedules::What;
use copydesk_desk::store::generations::GenerationRow;
use copydesk_desk::store::schedules::{RunRow, ScheduleRow};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use utoipa::ToSchema;

/// A generation that recurs.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleBody {
    object: &'static str,
    id: String,
    uuid: String,
    name: Option<String>,
    user: String,
    user_id: String,
    #[schema(value_type = ScheduleStateWord)]
    state: &'static str,
    /// Why it is broken.
    error: Option<ReasonBody>,
    recipe: String,
    model: Option<String>,
    #[schema(value_type = Object)]
    input: Value,
    #[schema(value_type = Option<Object>)]
    params: Value,
    #[schema(value_type = Object)]
    metadata: Value,
    external_id: Option<String>,
    max_cost: Option<i64>,
    #[serde(flatten)]
    when: WhenBody,
    /// When the next result is to be ready; nothing while it is not active.
    next_at: Option<String>,
    /// The same by the clocks of its zone.
    next_local: Option<String>,
    /// When that generation begins.
    next_start_at: Option<String>,
    /// Refusals in a row; five break it.
    failures: u32,
    /// The last time that was missed and not made up for.
    last_skipped_at: Option<String>,
    last_run: Option<RunBody>,
    /// Rises with every change by a person: the ETag.
    revision: i64,
    created_at: String,
    updated_at: String,
    url: String,
}

/// When results are to be ready.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleWhen)]
pub(crate) struct WhenBody {
    /// Minute, hour, day of the month, month, day of the week, by the clocks of `zone`.
    cron: String,
    /// The time of the day, where it is once a day.
    #[schema(value_type = Option<TimeOfDay>)]
    at: Option<String>,
    /// And on which days.
    days: Option<Vec<&'static str>>,
    zone: String,
    /// How long before it is to be ready a generation begins. Units: seconds.
    lead_s: u64,
    /// How late a missed one is still made up for. Units: seconds.
    grace_s: u64,
}

impl WhenBody {
    fn of(plan: &Plan) -> WhenBody {
        let (at, days) = plan.cron.as_daily().unzip();
        WhenBody {
            cron: plan.cron.to_string(),
            at,
            days,
            zone: plan.zone.name().to_owned(),
            lead_s: plan.lead.as_secs(),
            grace_s: plan.grace.as_secs(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleReason)]
pub(crate) struct ReasonBody {
    code: String,
    message: String,
}

fn reason(note: Option<Note>) -> Option<ReasonBody> {
    note.map(|Note { code, message }| ReasonBody { code, message })
}

impl ScheduleBody {
    /// Errors: a stored spec that is none.
    pub fn of(row: ScheduleRow, links: Links<'_>) -> Result<ScheduleBody, DeskError> {
        let What { name, recipe, model, input, params, metadata, external_id, max_cost, plan, .. } =
            What::of_row(&row)?;
        let next = row.live.next;
        Ok(ScheduleBody {
            object: "schedule",
            id: row.facts.id.to_string(),
            uuid: row.facts.id.uuid().to_string(),
            name,
            user: row.facts.user_external,
            user_id: row.facts.user.to_string(),
            state: row.live.state.as_str(),
            error: reason(row.live.note),
            recipe,
            model,
            input,
            params,
            metadata,
            external_id,
            max_cost: max_cost.map(|cost| cost.0),
            when: WhenBody::of(&plan),
            next_at: next.map(|due| due.ready_at.to_string()),
            next_local: next.map(|due| plan.zone.shown(due.ready_at)),
            next_start_at: next.map(|due| due.start_at.to_string()),
            failures: row.live.failures,
            last_skipped_at: row.live.skipped_at.map(|at| at.to_string()),
            last_run: row.last.map(|last| RunBody::of(last, None)),
            revision: row.revision,
            created_at: row.facts.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
            url: links.schedule(row.facts.id, ""),
        })
    }

    /// With what became of the last generation.
    pub fn with_last(self, last_run: Option<RunBody>) -> ScheduleBody {
        ScheduleBody { last_run, ..self }
    }
}

/// What became of one time of a schedule.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleRun)]
pub(crate) struct RunBody {
    object: &'static str,
    /// From 1.
    number: u64,
    #[schema(value_type = RunKindWord)]
    kind: &'static str,
    /// The time it was for.
    ready_at: String,
    at: String,
    #[schema(value_type = RunOutcomeWord)]
    outcome: &'static str,
    /// How many times before this one were passed over.
    missed: u32,
    generation_id: Option<String>,
    draft_id: Option<String>,
    /// How that generation stands; nothing in lists of schedules, and of one that is gone.
    #[schema(value_type = Option<GenerationStatus>)]
    status: Option<&'static str>,
    /// What its version is: `fallback` where there was nothing to write about.
    #[schema(value_type = Option<VersionOrigin>)]
    origin: Option<String>,
    /// Why it was refused or passed over.
    error: Option<ReasonBody>,
}

impl RunBody {
    pub fn of(RunRow { seq, run }: RunRow, made: Option<GenerationRow>) -> RunBody {
        let (generation, draft) = run.made.unzip();
        RunBody {
            object: "schedule_run",
            number: seq,
            kind: run.kind.as_str(),
            ready_at: run.ready_at.to_string(),
            at: run.made_at.to_string(),
            outcome: run.outcome.as_str(),
            missed: run.missed,
            generation_id: generation.map(|id| id.to_string()),
            draft_id: draft.map(|id| id.to_string()),
            status: made.as_ref().map(|row| row.status().as_str()),
            origin: made.and_then(|row| row.origin),
            error: reason(run.note),
        }
    }
}

/// The next times of a schedule.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleTimes)]
pub(crate) struct TimesBody {
    object: &'static str,
    #[serde(flatten)]
    when: WhenBody,
    times: Vec<TimeBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleTime)]
pub(crate) struct TimeBody {
    ready_at: String,
    /// By the clocks of the zone, with their offset on that day.
    local: String,
    start_at: String,
}

impl TimesBody {
    pub fn of(plan: &Plan, times: Vec<Due>) -> TimesBody {
        let time = |due: Due| TimeBody {
            ready_at: due.ready_at.to_string(),
            local: plan.zone.shown(due.ready_at),
            start_at: due.start_at.to_string(),
        };
        TimesBody { object: "schedule_times", when: WhenBody::of(plan), times: times.into_iter().map(time).collect() }
    }
}

/// A schedule as it is sent: `cron`, or `at` with `days`. Of a change, only what changes; `null` takes a field away.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema of what is read field by field")]
pub(crate) struct ScheduleFields {
    /// A name for people.
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The name of a recipe; needed for a new one.
    recipe: Option<String>,
    /// `provider/model`; without it the recipe's route is gone along.
    #[schema(value_type = Option<ModelAddress>)]
    model: Option<String>,
    #[schema(value_type = Option<Object>)]
    input: Value,
    #[schema(value_type = Option<Object>)]
    params: Value,
    /// Of each generation.
    #[schema(value_type = Option<Object>)]
    metadata: Value,
    /// Your own id of each draft; `{date}`, `{time}` and `{schedule}` stand for themselves, as in `letter-{date}`.
    #[schema(min_length = 1, max_length = 255)]
    external_id: Option<String>,
    /// The most each may cost you. Units: billionths of a US dollar.
    #[schema(minimum = 0)]
    max_cost: Option<i64>,
    /// Whose drafts they are; it never changes.
    #[schema(min_length = 1, max_length = 255)]
    user: Option<String>,
    /// Minute, hour, day of the month, month, day of the week: `0 8 * * mon-fri`.
    #[schema(max_length = 200)]
    cron: Option<String>,
    /// Or once a day, when the result is to be ready: `08:00`.
    #[schema(value_type = Option<TimeOfDay>)]
    at: Option<String>,
    /// On these days: `mon`, `mon-fri`, `weekdays`; every day without them.
    days: Option<Vec<String>>,
    /// A zone of the IANA database, such as `Europe/Warsaw`; needed for a new one.
    zone: Option<String>,
    /// How long before that each begins: 0s to 6h, 15m unless said otherwise.
    #[schema(value_type = Option<Span>)]
    lead: Option<Duration>,
    /// How late a missed one is still made up for: 0s to 24h, 2h unless said otherwise.
    #[schema(value_type = Option<Span>)]
    grace: Option<Duration>,
}

/// What says when, as it was sent.
#[derive(Default)]
pub(crate) struct When {
    pub cron: Option<Cron>,
    pub at: Option<String>,
    pub days: Option<Vec<String>>,
    pub zone: Option<Zone>,
    pub lead: Option<Duration>,
    pub grace: Option<Duration>,
}

impl When {
    fn read(fields: &mut Fields) -> When {
        let cron = fields.text("cron").map(|text| Cron::parse(&text));
        let cron = cron.and_then(|read| read.map_err(|bad| fields.fault("cron", "bad_cron", bad.to_string())).ok());
        let zone = fields.text("zone").map(|text| Zone::named(&text));
        let zone = zone.and_then(|read| read.map_err(|bad| fields.fault("zone", "unknown_zone", bad.to_string())).ok());
        let (at, days) = (fields.text("at"), fields.texts("days"));
        if cron.is_some() && (at.is_some() || days.is_some()) {
            fields.fault("cron", "not_allowed", "it says when already: leave it out, or at and days");
        }
        When { cron, at, days, zone, lead: fields.span("lead"), grace: fields.span("grace") }
    }

    /// The times it means, where `before` are those it changes.
    ///
    /// Errors: what is wrong, with a pointer.
    pub fn cron(self, before: Option<&Cron>) -> Result<Option<Cron>, Fault> {
        if self.cron.is_some() || (self.at.is_none() && self.days.is_none()) {
            return Ok(self.cron);
        }
        let (usual_at, usual_days) = before.and_then(Cron::as_daily).unzip();
        let Some(at) = self.at.or(usual_at) else {
            return Err(Fault::new("/at", "required", "on these days, at what time of the day?"));
        };
        let usual_days = usual_days.unwrap_or_default().into_iter().map(str::to_owned).collect();
        let days: Vec<String> = self.days.unwrap_or(usual_days);
        Cron::daily(&at, &days).map(Some).map_err(|bad| {
            let of_time = Cron::daily(&at, &[""; 0]).is_err();
            Fault::new(if of_time { "/at" } else { "/days" }, "bad_time_of_day", bad.to_string())
        })
    }
}

/// A new one.
pub(crate) struct NewSchedule {
    pub user: Option<String>,
    /// Nothing after a fault.
    pub what: Option<What>,
}

impl FromFields for NewSchedule {
    fn read(fields: &mut Fields) -> NewSchedule {
        let (user, recipe) = (fields.text("user"), fields.required_text("recipe"));
        let mut when = When::read(fields);
        let said = when.cron.is_some() || when.at.is_some() || when.days.is_some();
        let (zone, lead, grace) = (when.zone.take(), when.lead, when.grace);
        if zone.is_none() && !fields.blamed("zone") {
            fields.fault("zone", "required", "whose clocks? A zone such as Europe/Warsaw, or UTC");
        }
        let cron = when.cron(None).unwrap_or_else(|fault| {
            fields.fault(&fault.pointer[1..], &fault.code, fault.detail);
            None
        });
        if !said && !fields.blamed("cron") {
            fields.fault("cron", "required", "when? Give cron, or at and days");
        }
        let change = Change::read(fields);
        let what = cron.zip(zone).map(|(cron, zone)| {
            let mut what = What::new(recipe, cron, zone);
            what.plan.lead = lead.unwrap_or(what.plan.lead);
            what.plan.grace = grace.unwrap_or(what.plan.grace);
            change.apply(&mut what);
            what
        });
        NewSchedule { user, what }
    }
}

/// A change: what is there changes, `null` takes a field away.
pub(crate) struct ScheduleEdit {
    recipe: Option<String>,
    when: When,
    change: Change,
}

impl FromFields for ScheduleEdit {
    fn read(fields: &mut Fields) -> ScheduleEdit {
        ScheduleEdit { recipe: fields.text("recipe"), when: When::read(fields), change: Change::read(fields) }
    }
}

impl ScheduleEdit {
    /// Errors: what is wrong, with a pointer.
    pub fn apply(self, what: &mut What) -> Result<(), Vec<Fault>> {
        let ScheduleEdit { recipe, mut when, change } = self;
        let (zone, lead, grace) = (when.zone.take(), when.lead, when.grace);
        if let Some(cron) = when.cron(Some(&what.plan.cron)).map_err(|fault| vec![fault])? {
            what.plan.cron = cron;
        }
        if let Some(recipe) = recipe {
            what.recipe = recipe;
        }
        let plan = &mut what.plan;
        plan.zone = zone.unwrap_or_else(|| plan.zone.clone());
        plan.lead = lead.unwrap_or(plan.lead);
        plan.grace = grace.unwrap_or(plan.grace);
        change.apply(what);
        Ok(())
    }
}

/// Fields that may be there, be `null`, or not be there.
struct Change {
    name: Option<Option<String>>,
    model: Option<Option<String>>,
    external_id: Option<Option<String>>,
    max_cost: Option<Option<NanoUsd>>,
    input: Option<Value>,
    params: Option<Value>,
    metadata: Option<Value>,
}

impl Change {
    fn read(fields: &mut Fields) -> Change {
        let mut text = |name: &'static str| {
            let there = fields.has(name);
            let text = fields.text(name);
            there.then_some(text)
        };
        let (name, model, external_id) = (text("name"), text("model"), text("external_id"));
        let max_cost = fields.has("max_cost").then(|| fields.count("max_cost", i64::MAX).map(NanoUsd));
        let mut value = |name: &'static str, none: Value| {
            let there = fields.has(name);
            let value = fields.value(name);
            there.then(|| value.unwrap_or(none))
        };
        let (input, metadata) = (value("input", serde_json::json!({})), value("metadata", serde_json::json!({})));
        Change { name, model, external_id, max_cost, input, metadata, params: value("params", Value::Null) }
    }

    fn apply(self, what: &mut What) {
        fn set<T>(place: &mut T, change: Option<T>) {
            if let Some(value) = change {
                *place = value;
            }
        }
        set(&mut what.name, self.name);
        set(&mut what.model, self.model);
        set(&mut what.external_id, self.external_id);
        set(&mut what.max_cost, self.max_cost);
        set(&mut what.input, self.input);
        set(&mut what.params, self.params);
        set(&mut what.metadata, self.metadata);
    }
}
