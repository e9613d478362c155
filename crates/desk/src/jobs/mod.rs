//! Jobs: many generations that are asked for together. Making one checks and stages its items and seals it (`intake.rs`);
//! a duty of every node feeds them to the queue, a window at a time (`feed.rs`); orders move a job about. What an item's
//! generation does to it is written by the store with that generation, and decided by core's `job`.

mod feed;
mod intake;
pub mod item;
mod prospect;
pub mod source;

pub use feed::Fed;
pub(crate) use feed::spawn;
pub use intake::{FAULTS_MAX, ITEMS_MAX, Intake};
pub use prospect::{Carried, USERS_MAX, Under};

use crate::accept::{ANONYMOUS, METADATA_BYTES_MAX, NAME_BYTES_MAX, route};
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_core::access::Permit;
use copydesk_core::generation::fairness::Priority;
use copydesk_core::job::{Command, JobStatus, Note};
use copydesk_core::{JobId, KeyId, NanoUsd, Timestamp, UserId};
use copydesk_store::generations::Idempotency;
use copydesk_store::jobs::{JobFacts, JobOrder, JobRow, NewJob, ReopenItems, Sealed, Staged};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use intake::Mode;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use source::Source;
use std::sync::Arc;
use std::time::Duration;

/// How many items one transaction opens again, or removes.
const SLICE: u32 = 1_000;
/// How long staged items may wait to be sealed. Units: the age of their job's id.
const STAGED_FOR: Duration = Duration::from_secs(3_600);

/// What is done about items that are not valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnInvalid {
    /// All are named, and nothing is made.
    #[default]
    Refuse,
    /// They are skipped, with the reason.
    Skip,
}

/// What holds for all items that do not say otherwise, and what is asked for with them.
#[derive(Clone, Debug)]
pub struct Defaults {
    pub scope: Scope,
    /// What the key that asks may do.
    pub permit: Arc<Permit>,
    pub key: Option<KeyId>,
    /// Whose job it is; its items are this user's, too.
    pub user: Option<String>,
    pub name: Option<String>,
    pub recipe: String,
    pub model: Option<String>,
    /// What every item's input begins with; an item's own entries come on top.
    pub input: Map<String, Value>,
    pub priority: i16,
    pub metadata: Map<String, Value>,
    /// The most the job may cost.
    pub cost_max: Option<NanoUsd>,
    pub on_invalid: OnInvalid,
    /// Skip an item whose external id a draft has already.
    pub skip_existing: bool,
    /// Each item follows up what was sent to its prospect: it gets a new draft, unless there is one already that was not sent.
    pub follow_up: bool,
    pub dedupe_key: Option<String>,
    /// Whether it runs at once.
    pub start: bool,
    pub idempotency: Option<Idempotency>,
}

impl Defaults {
    pub fn new(recipe: impl Into<String>) -> Defaults {
        Defaults {
            scope: Scope::DEFAULT,
            permit: Arc::new(Permit::owner()),
            key: None,
            user: None,
            name: None,
            recipe: recipe.into(),
            model: None,
            input: Map::new(),
            priority: 0,
            metadata: Map::new(),
            cost_max: None,
            on_invalid: OnInvalid::default(),
            skip_existing: false,
            follow_up: false,
            dedupe_key: None,
            start: true,
            idempotency: None,
        }
    }

    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let names = [("/name", &self.name), ("/user", &self.user), ("/dedupe_key", &self.dedupe_key)];
        for (pointer, name) in names {
            if name.as_ref().is_some_and(|name| name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0')) {
                let detail = format!("it must have 1 to {NAME_BYTES_MAX} bytes without NUL");
                faults.push(Fault::new(pointer, "bad_length", detail));
            }
        }
        if Priority::new(self.priority).is_none() {
            let detail = format!("it must be {} to {}", Priority::MIN, Priority::MAX);
            faults.push(Fault::new("/priority", "out_of_range", detail));
        }
        if Value::Object(self.metadata.clone()).to_string().len() > METADATA_BYTES_MAX {
            let detail = format!("at most {METADATA_BYTES_MAX} bytes are allowed");
            faults.push(Fault::new("/metadata", "too_large", detail));
        }
        faults
    }

    /// As it is kept with the job.
    fn spec(&self) -> String {
        serde_json::json!({
            "model": self.model,
            "priority": self.priority,
            "metadata": self.metadata,
            "input": self.input,
            "skip_existing": self.skip_existing,
            "follow_up": self.follow_up,
            // Whoever sees one user's things only starts jobs that see no others.
            "confined": self.scope.user.is_some(),
        })
        .to_string()
    }

    /// What a job's items have in common, as the feeder uses it: for the workspace, asked by whoever made the job.
    pub(crate) fn of_row(row: &JobRow) -> Result<Defaults, DeskError> {
        let bad = |why: &dyn std::fmt::Display| StoreError::Corrupt(format!("the spec of {}: {why}", row.facts.id));
        let spec: Value = serde_json::from_str(&row.facts.spec).map_err(|error| bad(&error))?;
        let priority = spec["priority"].as_i64().and_then(|points| i16::try_from(points).ok());
        Ok(Defaults {
            scope: match spec["confined"].as_bool() {
                Some(true) => row.facts.scope.of_user(row.facts.user),
                Some(false) | None => row.facts.scope,
            },
            key: row.facts.key,
            user: Some(row.facts.user_external.clone()),
            model: spec["model"].as_str().map(str::to_owned),
            priority: priority.ok_or_else(|| bad(&"it has no priority"))?,
            input: spec["input"].as_object().cloned().unwrap_or_default(),
            metadata: spec["metadata"].as_object().cloned().unwrap_or_default(),
            skip_existing: spec["skip_existing"].as_bool().unwrap_or(false),
            follow_up: spec["follow_up"].as_bool().unwrap_or(false),
            cost_max: row.job.cost_max,
            ..Defaults::new(row.facts.recipe.clone())
        })
    }
}

/// What starting a job would do.
#[derive(Clone, PartialEq, Debug)]
pub struct Outlook {
    pub intake: Intake,
    /// The models that may be tried, in order.
    pub models: Vec<String>,
    /// What users' credits carry of it; `None` while credits are off.
    pub credits: Option<Carried>,
    /// What the budgets carry that its items are under.
    pub budgets: Vec<Under>,
    /// The caller sees one user's things only, and no figures of the workspace's.
    pub confined: bool,
}

impl Desk {
    /// Makes a job of the items: all of them, or nothing. The answer says whether it is another start's.
    pub async fn create_job(&self, defaults: Defaults, source: Source) -> Result<Sealed, DeskError> {
        let defaults = self.checked(defaults)?;
        if let (Some(key), false) = (&defaults.idempotency, source.has_lines())
            && let Some(first) = self.store().replay_job(defaults.scope, key.clone()).await?
        {
            return Ok(first);
        }
        let now = self.inner.now();
        let id = JobId(self.inner.world.uuid(now));
        let sealed = self.stage_and_seal(id, now, defaults, source).await;
        if !matches!(sealed, Ok(Sealed::New(_))) {
            // Left alone they would go by themselves, in an hour.
            self.drop_staged(Staged::Of(id)).await?;
        }
        self.inner.jobs_changed.notify_one();
        sealed
    }

    async fn stage_and_seal(
        &self,
        id: JobId,
        now: Timestamp,
        defaults: Defaults,
        source: Source,
    ) -> Result<Sealed, DeskError> {
        let of_file = source.has_lines();
        let intake = self.take_in(source, &defaults, Mode::Stage(id)).await?;
        if intake.invalid > 0 && defaults.on_invalid == OnInvalid::Refuse {
            return Err(intake.refusal());
        }
        if let (Some(_), Some(model)) = (defaults.cost_max, &intake.unpriced) {
            return Err(uncappable(model));
        }
        let external = defaults.user.clone().unwrap_or_else(|| ANONYMOUS.to_owned());
        // What a file holds is known only now.
        let idempotency = defaults.idempotency.clone().map(|key| {
            let whole = Sha256::new().chain_update(key.fingerprint).chain_update(intake.digest).finalize();
            if of_file { Idempotency { fingerprint: whole.into(), ..key } } else { key }
        });
        let facts = JobFacts {
            id,
            scope: defaults.scope,
            user: UserId::from_external(defaults.scope.workspace, &external),
            key: defaults.key,
            name: defaults.name.clone(),
            recipe: defaults.recipe.clone(),
            spec: defaults.spec(),
            dedupe_key: Some(defaults.dedupe_key(&external, &intake.digest)),
            user_external: external,
            created_at: now,
        };
        let status = if defaults.start { JobStatus::Running } else { JobStatus::Pending };
        let (total, cost_max) = (u64::from(intake.total), defaults.cost_max);
        Ok(self.store().seal_job(NewJob { facts, total, status, cost_max, idempotency }).await?)
    }

    /// What [`Desk::create_job`] would do, and how much of it credits and budgets carry now. Writes nothing; what they do not
    /// carry is no refusal here, because a job waits for it.
    pub async fn dry_job(&self, defaults: Defaults, source: Source) -> Result<Outlook, DeskError> {
        let defaults = self.checked(defaults)?;
        let models = self.models_of(&defaults)?;
        let prospect = self.prospect(&defaults, self.inner.now()).await?;
        let intake = self.take_in(source, &defaults, Mode::Look(prospect)).await?;
        if let (Some(_), Some(model)) = (defaults.cost_max, &intake.unpriced) {
            return Err(uncappable(model));
        }
        let credits = self.carried(defaults.scope, &intake.prospect).await?;
        let (budgets, confined) = (intake.prospect.under(), defaults.scope.user.is_some());
        Ok(Outlook { intake, models, credits, budgets, confined })
    }

    pub(crate) fn checked(&self, mut defaults: Defaults) -> Result<Defaults, DeskError> {
        if self.is_draining() {
            return Err(DeskError::Draining);
        }
        if let Some(own) = defaults.permit.user.clone() {
            if defaults.user.as_ref().is_some_and(|asked| *asked != own) {
                let detail =
                    format!("this key belongs to the user {own:?}; leave user out, or use a key for all users");
                return Err(DeskError::invalid("/user", "not_allowed", detail));
            }
            defaults.scope = defaults.scope.of_user(UserId::from_external(defaults.scope.workspace, &own));
            defaults.user = Some(own);
        }
        let faults = defaults.faults();
        if faults.is_empty() { Ok(defaults) } else { Err(DeskError::Invalid(faults)) }
    }

    /// The models that may be tried for an item.
    fn models_of(&self, defaults: &Defaults) -> Result<Vec<String>, DeskError> {
        let loaded = self.recipe(&defaults.recipe)?;
        Ok(match &defaults.model {
            Some(model) => vec![model.clone()],
            None => route(&loaded.recipe, &self.inner.providers),
        })
    }

    /// Orders a job about. `revision` is the one the caller has seen.
    pub async fn order_job(
        &self,
        scope: Scope,
        job: JobId,
        revision: Option<i64>,
        command: Command,
    ) -> Result<JobRow, DeskError> {
        let order = JobOrder { scope, job, at: self.inner.now(), revision, command };
        let row = self.store().order_job(order).await?;
        self.inner.jobs_changed.notify_one();
        // What was held may be claimable again.
        self.inner.wake.notify_one();
        Ok(row)
    }

    pub async fn pause_job(&self, scope: Scope, job: JobId) -> Result<JobRow, DeskError> {
        self.order_job(scope, job, None, Command::Pause(Note::new(Note::PAUSED, "It was paused."))).await
    }

    /// Makes failed items, and with `cancelled` those, pending again; their drafts stay theirs. How many.
    pub async fn retry_failed(
        &self,
        scope: Scope,
        job: JobId,
        cancelled: bool,
        model: Option<String>,
    ) -> Result<(JobRow, u64), DeskError> {
        if let Some(model) = &model {
            self.inner.providers.resolve(model).map_err(|why| DeskError::UnknownModel { reason: why.to_string() })?;
        }
        let (mut count, mut after) = (0, 0);
        loop {
            let (at, model) = (self.inner.now(), model.clone());
            let reopen = ReopenItems { scope, job, at, cancelled, model, after, limit: SLICE };
            let reopened = self.store().reopen_items(reopen).await?;
            count += reopened.count;
            match reopened.next {
                Some(next) => after = next,
                None => break,
            }
        }
        self.inner.jobs_changed.notify_one();
        Ok((self.store().job(scope, job).await?, count))
    }

    /// The job at its end, or as it is when the patience is over.
    pub async fn wait_for_job(&self, scope: Scope, job: JobId, patience: Duration) -> Result<JobRow, DeskError> {
        self.at_its_end(patience, || self.store().job(scope, job), |row: &JobRow| row.job.status.ended().is_some())
            .await
    }

    async fn drop_staged(&self, which: Staged) -> Result<(), DeskError> {
        while self.store().drop_staged(which, SLICE).await? > 0 {}
        Ok(())
    }

    /// Removes what was staged an hour ago and never sealed.
    pub(crate) async fn drop_stale_staged(&self) -> Result<(), DeskError> {
        let before = self.inner.now().minus(STAGED_FOR);
        self.drop_staged(Staged::Before(JobId(copydesk_core::uuid_at(before, [0; 8])))).await
    }
}

fn uncappable(model: &str) -> DeskError {
    let detail = format!(
        "what a call of {model} may cost is not known, so no cap can hold: set its price, or leave the cap out"
    );
    DeskError::invalid("/max_cost", "unpriced_model", detail)
}

/// The first items of a status, in their order.
fn first(limit: u32) -> PageRequest {
    PageRequest { limit, after: None, order: Order::OldestFirst }
}
