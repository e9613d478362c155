//! Schedules: generations that recur. A duty of every node makes what is due, by the way every request is accepted; the time's
//! own idempotency key lets one of them through, also after a crash between the two writes. What a time means is decided in
//! core's `schedule`. A refusal is noted, and the next time tried; what may pass in a moment leaves the time due.

use crate::accept::{ANONYMOUS, NAME_BYTES_MAX, Receipt, Request};
use crate::desk::{Desk, Inner};
use crate::error::{DeskError, Fault};
use copydesk_core::access::Permit;
use copydesk_core::job::Note;
use copydesk_core::metering::cuts::Zone;
use copydesk_core::refusal::Refusal;
use copydesk_core::schedule::{
    Cron, Due, GRACE, GRACE_MAX, INTERVAL_MIN, LEAD, LEAD_MAX, Live, Plan, RunKind, RunOutcome, SCHEDULES_MAX, Step,
    external_id,
};
use copydesk_core::{KeyId, NanoUsd, ScheduleId, Timestamp, UserId};
use copydesk_store::generations::{Accepted, Idempotency};
use copydesk_store::schedules::{
    Advance, NewSchedule, NoteRun, Run, Said, ScheduleChange, ScheduleFacts, ScheduleRow, occurrence,
};
use copydesk_store::{Scope, StoreError};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How many schedules one read of the duty takes.
const PAGE: u32 = 100;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    pub scope: Scope,
    /// What his key may do.
    pub permit: Arc<Permit>,
    pub key: Option<KeyId>,
}

/// What a schedule makes, and when.
#[derive(Clone, PartialEq, Debug)]
pub struct What {
    pub name: Option<String>,
    pub recipe: String,
    pub model: Option<String>,
    pub input: Value,
    /// As an object; `null` is nothing.
    pub params: Value,
    pub metadata: Value,
    /// Of each draft; see [`copydesk_core::schedule::external_id`].
    pub external_id: Option<String>,
    pub max_cost: Option<NanoUsd>,
    pub plan: Plan,
    /// Whoever said so sees one user's things only, and so does what it makes. It is set where it is said.
    pub confined: bool,
}

impl What {
    pub fn new(recipe: impl Into<String>, cron: Cron, zone: Zone) -> What {
        What {
            name: None,
            recipe: recipe.into(),
            model: None,
            input: json!({}),
            params: Value::Null,
            metadata: json!({}),
            external_id: None,
            max_cost: None,
            plan: Plan { cron, zone, lead: LEAD, grace: GRACE },
            confined: false,
        }
    }

    fn said(&self) -> Said {
        let spec = json!({
            "model": self.model,
            "input": self.input,
            "params": self.params,
            "metadata": self.metadata,
            "external_id": self.external_id,
            "max_cost": self.max_cost.map(|cost| cost.0),
            "cron": self.plan.cron.to_string(),
            "zone": self.plan.zone.name(),
            "lead_s": self.plan.lead.as_secs(),
            "grace_s": self.plan.grace.as_secs(),
            "confined": self.confined,
        });
        Said { name: self.name.clone(), recipe: self.recipe.clone(), spec: spec.to_string() }
    }

    /// Errors: stored text that this program does not write.
    pub fn of_row(row: &ScheduleRow) -> Result<What, DeskError> {
        let bad = |why: &dyn std::fmt::Display| StoreError::Corrupt(format!("the spec of {}: {why}", row.facts.id));
        let mut spec: Value = serde_json::from_str(&row.said.spec).map_err(|error| bad(&error))?;
        let text = |name: &str| spec[name].as_str().map(str::to_owned);
        let seconds = |name: &str| spec[name].as_u64().map(Duration::from_secs).ok_or_else(|| bad(&name));
        let plan = Plan {
            cron: Cron::parse(&text("cron").unwrap_or_default()).map_err(|error| bad(&error))?,
            zone: Zone::named(&text("zone").unwrap_or_default()).map_err(|error| bad(&error))?,
            lead: seconds("lead_s")?,
            grace: seconds("grace_s")?,
        };
        Ok(What {
            name: row.said.name.clone(),
            recipe: row.said.recipe.clone(),
            model: text("model"),
            external_id: text("external_id"),
            max_cost: spec["max_cost"].as_i64().map(NanoUsd),
            confined: spec["confined"].as_bool().ok_or_else(|| bad(&"confined"))?,
            plan,
            input: spec["input"].take(),
            params: spec["params"].take(),
            metadata: spec["metadata"].take(),
        })
    }

    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.name.as_ref().is_some_and(|name| name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0'))
        {
            let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes without NUL");
            faults.push(Fault::new("/name", "bad_length", detail));
        }
        let shortest = self.plan.cron.shortest_minutes();
        if shortest < INTERVAL_MIN {
            let detail = format!("two times are {shortest} minutes apart; {INTERVAL_MIN} is the least");
            faults.push(Fault::new("/cron", "too_often", detail));
        } else if self.plan.lead > Duration::from_secs(u64::from(shortest) * 60) {
            let detail = format!("it is longer than the {shortest} minutes between two times");
            faults.push(Fault::new("/lead", "out_of_range", detail));
        }
        for (pointer, span, max) in [("/lead", self.plan.lead, LEAD_MAX), ("/grace", self.plan.grace, GRACE_MAX)] {
            if span > max {
                let detail = format!("it must be at most {} hours", max.as_secs() / 3_600);
                faults.push(Fault::new(pointer, "out_of_range", detail));
            }
        }
        faults
    }

    /// What is asked for of one time.
    fn request(&self, asker: &Asker, user: &str, id: ScheduleId, ready_at: Timestamp) -> Request {
        let named = self.external_id.as_ref().map(|name| external_id(name, &self.plan.zone, ready_at, id));
        Request {
            scope: asker.scope,
            permit: asker.permit.clone(),
            key: asker.key,
            user: Some(user.to_owned()),
            model: self.model.clone(),
            params: self.params.clone(),
            metadata: self.metadata.clone(),
            external_id: named,
            max_cost: self.max_cost,
            ..Request::new(self.recipe.clone(), self.input.clone())
        }
    }
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let desk = Desk { inner: Arc::clone(inner) };
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            if let Err(error) = desk.run_schedules().await {
                tracing::error!(%error, "Schedules could not be looked at; it is tried again");
            }
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.schedules_changed.notified() => {}
                () = desk.inner.world.sleep(desk.inner.config.sweep_every) => {}
            }
        }
    });
}

impl Desk {
    /// Makes what is due in all workspaces. How many times it dealt with.
    pub async fn run_schedules(&self) -> Result<u64, DeskError> {
        let (mut dealt, mut after) = (0, None);
        while !self.inner.draining() {
            let now = self.inner.now();
            let rows = self.store().due_schedules(now, after, PAGE).await?;
            let Some(last) = rows.last().map(|row| row.facts.id) else { break };
            for row in &rows {
                match self.run_due(row, now).await {
                    Ok(moved) => dealt += u64::from(moved),
                    // One schedule must not keep the others from running.
                    Err(error) => {
                        tracing::error!(schedule = %row.facts.id, %error, "A schedule could not run; it is tried again")
                    }
                }
            }
            after = Some(last);
        }
        Ok(dealt)
    }

    /// Whether this desk is the one that wrote what became of it.
    async fn run_due(&self, row: &ScheduleRow, now: Timestamp) -> Result<bool, DeskError> {
        let (what, Some(from)) = (What::of_row(row)?, row.live.next) else { return Ok(false) };
        let live = row.live.clone();
        let run = |due: Due, kind, missed| Run {
            kind,
            ready_at: due.ready_at,
            made_at: now,
            outcome: RunOutcome::Skipped,
            missed,
            made: None,
            note: None,
        };
        let (run, live) = match what.plan.step(from, now) {
            Step::Wait => return Ok(false),
            Step::Run { due, kind, missed, passed, next } => {
                let (run, live) = (run(due, kind, missed), live.passing(passed));
                match self.make(row, &what, due).await {
                    Ok(accepted) => (made(run, &accepted), live.made(next)),
                    Err(error) => {
                        let why = reason(&error).ok_or(error)?;
                        let live = live.refused(&why, next);
                        (Run { outcome: RunOutcome::Refused, note: Some(why), ..run }, live)
                    }
                }
            }
            Step::Skip { due, missed, next } => {
                let run = run(due, RunKind::CatchUp, missed);
                // Whoever made it may have died before he could say so.
                match self.replay(row.facts.scope, Some(occurrence(row.facts.id, due.ready_at))).await? {
                    Some(accepted) => (made(run, &accepted), live.made(next)),
                    None => (Run { note: Some(too_late(&what.plan, due)), ..run }, live.skipped(due, next)),
                }
            }
        };
        let moved = Some(Advance { revision: row.revision, from, live });
        let (scope, id, user) = (row.facts.scope, row.facts.id, row.facts.user);
        Ok(self.store().note_run(NoteRun { scope, id, user, run, moved }).await?)
    }

    /// The generation of one time: a new one, or the one that was made of it before.
    async fn make(&self, row: &ScheduleRow, what: &What, due: Due) -> Result<Accepted, DeskError> {
        let (scope, facts) = (row.facts.scope, &row.facts);
        let scope = if what.confined { scope.of_user(facts.user) } else { scope };
        // What its maker may do was checked when he said it.
        let asker = Asker { scope, permit: Arc::new(Permit::owner()), key: facts.key };
        let mut request = what.request(&asker, &facts.user_external, facts.id, due.ready_at);
        // The one before may still be at work, and somebody may have asked for the same: this time has its own.
        request.dedupe_key = Some(format!("schedule:{}:{}", facts.id, due.ready_at));
        request.idempotency = Some(occurrence(facts.id, due.ready_at));
        Ok(self.accept(request).await?.accepted)
    }

    /// Makes a schedule, which begins with its next time. What it would make is checked as if it were asked for now.
    pub async fn add_schedule(
        &self,
        asker: Asker,
        user: Option<String>,
        mut what: What,
        idempotency: Option<Idempotency>,
    ) -> Result<ScheduleRow, DeskError> {
        let now = self.inner.now();
        let id = ScheduleId(self.inner.world.uuid(now));
        what.confined = asker.scope.user.is_some();
        let external = user.or_else(|| asker.permit.user.clone()).unwrap_or_else(|| ANONYMOUS.to_owned());
        self.check_schedule(&asker, &what, &external, id).await?;
        let scope = asker.scope;
        let facts = ScheduleFacts {
            id,
            scope,
            user: UserId::from_external(scope.workspace, &external),
            user_external: external,
            key: asker.key,
            created_at: now,
        };
        let live = Live::new(what.plan.next(now));
        let new = NewSchedule { facts, said: what.said(), live, idempotency, max: SCHEDULES_MAX };
        let row = self.store().add_schedule(new).await?;
        self.inner.schedules_changed.notify_one();
        Ok(row)
    }

    /// Everything that can be wrong with a schedule, without writing it.
    pub async fn check_schedule(
        &self,
        asker: &Asker,
        what: &What,
        user: &str,
        id: ScheduleId,
    ) -> Result<(), DeskError> {
        let mut faults = what.faults();
        let mut request = what.request(asker, user, id, self.inner.now());
        self.fill(&mut request).await?;
        match self.rehearse(request) {
            // It may be switched on again until then.
            Ok(_) | Err(DeskError::Refused(Refusal::GenerationPaused { .. })) => {}
            Err(DeskError::Invalid(wrong)) => faults.extend(wrong),
            Err(error) => return Err(error),
        }
        if faults.is_empty() { Ok(()) } else { Err(DeskError::Invalid(faults)) }
    }

    /// Changes what a schedule says. A broken one goes on from here; a paused one stays paused. `seen` is the revision the
    /// caller has seen.
    ///
    /// Errors: those of `change`; as for a new one; `NotFound`; `Refused(VersionConflict)`.
    pub async fn edit_schedule(
        &self,
        asker: Asker,
        id: ScheduleId,
        seen: Option<i64>,
        change: impl FnOnce(&mut What) -> Result<(), Vec<Fault>> + Send,
    ) -> Result<ScheduleRow, DeskError> {
        let row = self.seen_schedule(asker.scope, id, seen).await?;
        let mut what = What::of_row(&row)?;
        change(&mut what).map_err(DeskError::Invalid)?;
        what.confined |= asker.scope.user.is_some();
        self.check_schedule(&asker, &what, &row.facts.user_external, id).await?;
        let live = row.live.clone().edited(what.plan.next(self.inner.now()));
        self.write_schedule(asker.scope, &row, what.said(), live).await
    }

    pub async fn pause_schedule(
        &self,
        scope: Scope,
        id: ScheduleId,
        seen: Option<i64>,
    ) -> Result<ScheduleRow, DeskError> {
        let row = self.seen_schedule(scope, id, seen).await?;
        self.write_schedule(scope, &row, row.said.clone(), row.live.clone().paused()).await
    }

    /// Goes on with the next time; what was missed meanwhile is not made up for.
    pub async fn resume_schedule(
        &self,
        scope: Scope,
        id: ScheduleId,
        seen: Option<i64>,
    ) -> Result<ScheduleRow, DeskError> {
        let row = self.seen_schedule(scope, id, seen).await?;
        let next = What::of_row(&row)?.plan.next(self.inner.now());
        self.write_schedule(scope, &row, row.said.clone(), row.live.clone().resumed(next)).await
    }

    async fn seen_schedule(&self, scope: Scope, id: ScheduleId, seen: Option<i64>) -> Result<ScheduleRow, DeskError> {
        let row = self.store().schedule(scope, id).await?;
        match seen {
            Some(seen) if seen != row.revision => Err(Refusal::VersionConflict { current: row.revision }.into()),
            Some(_) | None => Ok(row),
        }
    }

    async fn write_schedule(
        &self,
        scope: Scope,
        row: &ScheduleRow,
        said: Said,
        live: Live,
    ) -> Result<ScheduleRow, DeskError> {
        let (id, revision, at) = (row.facts.id, row.revision, self.inner.now());
        let row = self.store().change_schedule(ScheduleChange { scope, id, revision, at, said, live }).await?;
        self.inner.schedules_changed.notify_one();
        Ok(row)
    }

    /// One generation of a schedule now, outside its plan, asked for by whoever calls.
    pub async fn run_schedule(
        &self,
        asker: Asker,
        id: ScheduleId,
        idempotency: Option<Idempotency>,
    ) -> Result<Receipt, DeskError> {
        let row = self.store().schedule(asker.scope, id).await?;
        let now = self.inner.now();
        let mut request = What::of_row(&row)?.request(&asker, &row.facts.user_external, id, now);
        request.idempotency = idempotency;
        let receipt = self.accept(request).await?;
        let run = Run {
            kind: RunKind::ByHand,
            ready_at: now,
            made_at: now,
            outcome: RunOutcome::Made,
            missed: 0,
            made: Some(receipt.accepted.ids()),
            note: None,
        };
        self.store().note_run(NoteRun { scope: asker.scope, id, user: row.facts.user, run, moved: None }).await?;
        Ok(receipt)
    }
}

fn made(run: Run, accepted: &Accepted) -> Run {
    Run { outcome: RunOutcome::Made, made: Some(accepted.ids()), ..run }
}

fn too_late(plan: &Plan, due: Due) -> Note {
    let message = format!(
        "Nobody was there at {} or within {} minutes after it, so it was passed over.",
        plan.zone.shown(due.ready_at),
        plan.grace.as_secs() / 60
    );
    Note::new("too_late", message)
}

/// Why there is no generation of a time; `None` where the same may go well in a moment.
fn reason(error: &DeskError) -> Option<Note> {
    let off = matches!(error, DeskError::Refused(Refusal::GenerationPaused { .. }));
    let code = if off { "generation_paused" } else { error.of_item()? };
    Some(Note::new(code, error.to_string()))
}
