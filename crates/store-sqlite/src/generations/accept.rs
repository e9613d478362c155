//! Accept: per request first every check, then every write. A refusal or a duplicate of one request leaves the others
//! of its batch alone. Within a batch each user's virtual finish in each queue is kept here and
//! written once.

use super::queueing::{Queued, enqueue};
use crate::budgets;
use crate::codec;
use crate::db::{Db, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::jobs::{self, Attached};
use crate::ledger;
use crate::memory::Session;
use crate::webhooks;
use copydesk_core::draft::state::{DraftFacts, may_regenerate};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::fairness::{Place, VirtualTime, place};
use copydesk_core::generation::{DraftMove, Wait};
use copydesk_core::ledger::{Transfer, TransferKind, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, Timestamp, UserId};
use copydesk_store::admin::PauseKey;
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{Accept, Accepted, Idempotency, Slot};
use copydesk_store::once::Named;
use copydesk_store::{Scope, StoreError};
use rusqlite::params;
use std::collections::HashMap;

/// The row version of a generation nobody has touched yet.
const FIRST_ROW_VERSION: i64 = 1;
const ACCEPTED: &str = "generation.accepted";

pub(super) fn accept(session: &mut Session<'_>, batch: &[Accept]) -> Done<Vec<Result<Accepted, Refusal>>> {
    let mut places = Places::default();
    let mut answers = Vec::with_capacity(batch.len());
    for request in batch {
        let answer = match check(session, request) {
            Ok(Checked::Known(accepted)) => Ok(accepted),
            Ok(Checked::Fresh(slot, item)) => {
                // From here the write must succeed.
                let draft = write(session, &mut places, request, slot, item)?;
                Ok(Accepted::New { generation: request.generation, draft })
            }
            Err(Fault::Store(StoreError::Refused(refusal))) => Err(refusal),
            Err(fault) => return Err(fault),
        };
        answers.push(answer);
    }
    places.save(session.db)?;
    session.book_jobs()?;
    Ok(answers)
}

/// What the checks found.
enum Checked {
    /// Nothing new is to be made.
    Known(Accepted),
    Fresh(Base, Option<Attached>),
}

/// What the new generation starts from.
enum Base {
    New,
    Existing { status: DraftStatus, current_version: u32 },
}

fn check(session: &mut Session<'_>, request: &Accept) -> Done<Checked> {
    let db = session.db;
    if let Some(key) = &request.idempotency
        && let Some(replayed) = replay(db, request.scope, key, request.at)?
    {
        return Ok(Checked::Known(replayed));
    }
    if let Some(since) = session.paused(&PauseKey::Generation)? {
        return Err(Refusal::GenerationPaused { since }.into());
    }
    let waiting = u64::try_from(session.waiting()?).unwrap_or(0);
    if waiting >= session.memory.waiting_max {
        return Err(Refusal::QueueFull { waiting }.into());
    }
    let item = jobs::check(session, request)?;
    let (base, live) = check_slot(db, request)?;
    let same_work = match (live, &request.dedupe_key) {
        (None, Some(key)) => session.holder_of_key(request.scope.workspace, key)?,
        (live, _) => live,
    };
    if let Some((generation, draft)) = same_work {
        let answer = Accepted::Duplicate { generation, draft };
        remember(db, request, &answer)?;
        return Ok(Checked::Known(answer));
    }
    check_once(db, request)?;
    budgets::check(session, request)?;
    if !request.hold.is_zero() {
        let balance = ledger::account(db, request.scope.workspace, request.user)?.balance;
        rules::post(balance, TransferKind::Hold, request.hold)?;
    }
    Ok(Checked::Fresh(base, item))
}

pub(super) fn replay(db: Db<'_>, scope: Scope, key: &Idempotency, at: Timestamp) -> Done<Option<Accepted>> {
    let Idempotency { owner, route, key, fingerprint, .. } = key;
    let params = params![scope.workspace.0.as_bytes(), owner, route, key, at.micros()];
    let known = db.first(sql!("accept/find_idempotency"), params, |row| {
        let before: [u8; 32] = row.get(0)?;
        let (generation, draft) = (GenerationId(codec::uuid(row, 1)?), DraftId(codec::uuid(row, 2)?));
        Ok((before, Accepted::Replayed { generation, draft, deduplicated: row.get(3)? }))
    })?;
    match known {
        None => Ok(None),
        Some((before, replayed)) if before == *fingerprint => Ok(Some(replayed)),
        Some(_) => Err(Refusal::IdempotencyKeyReused.into()),
    }
}

type Ids = (GenerationId, DraftId);

/// The draft the result goes to, and the live generation that fills it already, if there is one.
fn check_slot(db: Db<'_>, request: &Accept) -> Done<(Base, Option<Ids>)> {
    let draft = match &request.slot {
        Slot::New { .. } => return Ok((Base::New, None)),
        Slot::Existing(draft) => *draft,
    };
    let params = params![draft.0.as_bytes(), request.scope.workspace.0.as_bytes()];
    let row = db.first(sql!("accept/find_draft"), params, |row| {
        let status = codec::word(row, "drafts.status", DraftStatus::parse)?;
        Ok((status, row.get::<_, u32>(1)?, codec::maybe_uuid(row, 2)?.map(GenerationId)))
    })?;
    let (status, current_version, live) = row.ok_or(Refusal::DraftNotFound)?;
    may_regenerate(DraftFacts { status, has_version: current_version > 0, busy: live.is_some() })?;
    let base = Base::Existing { status, current_version };
    Ok((base, live.map(|generation| (generation, draft))))
}

fn check_once(db: Db<'_>, request: &Accept) -> Done<()> {
    let Some(once) = &request.once else { return Ok(()) };
    let params = params![request.scope.workspace.0.as_bytes(), once.external_id];
    let there = db.all(sql!("accept/find_named"), params, |row| {
        Ok(Named {
            draft: DraftId(codec::uuid(row, "id")?),
            user: UserId(codec::uuid(row, "user_id")?),
            live: codec::maybe_uuid(row, "live_generation_id")?.map(GenerationId),
            has_version: row.get("has_version")?,
        })
    })?;
    Ok(once.check(&request.slot, &there)?)
}

fn remember(db: Db<'_>, request: &Accept, answer: &Accepted) -> Done<()> {
    let Some(key) = &request.idempotency else { return Ok(()) };
    let (generation, draft) = answer.ids();
    db.execute(
        sql!("accept/put_idempotency"),
        params![
            request.scope.workspace.0.as_bytes(),
            key.owner,
            key.route,
            key.key,
            key.fingerprint,
            generation.0.as_bytes(),
            draft.0.as_bytes(),
            answer.deduplicated(),
            request.at.micros(),
            key.expires_at.micros(),
        ],
    )?;
    Ok(())
}

fn write(
    session: &mut Session<'_>,
    places: &mut Places,
    request: &Accept,
    base: Base,
    item: Option<Attached>,
) -> Done<DraftId> {
    let db = session.db;
    let workspace = request.scope.workspace;
    let user_no = session.user_no_or_new(workspace, request.user, &request.user_external, request.at)?;
    let base_version = match &base {
        Base::New => 0,
        Base::Existing { current_version, .. } => *current_version,
    };
    let draft = write_slot(db, request, &base)?;
    let queue = session.queue_id(workspace, &request.recipe, &request.model, request.terms().onward(0))?;
    write_facts(db, request, draft, queue, base_version, item)?;
    if matches!(base, Base::New) {
        session.add_belonging(user_no, draft.0)?;
    }
    session.add_belonging(user_no, request.generation.0)?;
    let sort_key = places.take(session, queue, request)?;
    let queued = Queued {
        id: request.generation,
        workspace,
        queue,
        sort_key: sort_key.0,
        attempt: 0,
        spent: 0,
        row_version: FIRST_ROW_VERSION,
        deadline_at: request.deadline_at,
        model: &request.model,
        step: &request.step,
        last_error: None,
    };
    enqueue(db, &queued, first_wait(db, request)?, request.target.as_deref())?;
    session.waiting_changed(1);
    if let Some(key) = &request.dedupe_key {
        session.hold_key(workspace, key, request.generation)?;
    }
    remember(db, request, &Accepted::New { generation: request.generation, draft })?;
    budgets::reserve(session, request)?;
    webhooks::put_request(db, request)?;
    write_hold(db, request)?;
    if let Some(item) = item {
        jobs::attach(session, item, (request.generation, draft), request.at)?;
    }
    let data = format!("{{\"recipe\":{},\"draft\":\"{draft}\"}}", codec::json_text(&request.recipe));
    let event = NewEvent {
        workspace,
        kind: ACCEPTED,
        generation: Some(request.generation),
        draft: Some(draft),
        user: Some(request.user),
        at: request.at,
        data: data.into(),
    };
    write_event(db, &event)?;
    Ok(draft)
}

fn write_slot(db: Db<'_>, request: &Accept, base: &Base) -> Done<DraftId> {
    let (workspace, generation, at) = (request.scope.workspace, request.generation, request.at.micros());
    match (&request.slot, base) {
        (Slot::New { draft, title, external_id }, _) => {
            db.execute(
                sql!("accept/insert_draft"),
                params![
                    draft.0.as_bytes(),
                    workspace.0.as_bytes(),
                    request.user.0.as_bytes(),
                    request.recipe,
                    title,
                    DraftStatus::Pending.as_str(),
                    Review::None.as_str(),
                    generation.0.as_bytes(),
                    external_id,
                    at,
                ],
            )?;
            Ok(*draft)
        }
        (Slot::Existing(draft), Base::Existing { status, current_version }) => {
            let status = status.after(DraftMove::ToPending, *current_version > 0);
            let ids = (draft.0.as_bytes(), workspace.0.as_bytes());
            let params = params![generation.0.as_bytes(), status.as_str(), at, ids.0, ids.1];
            db.execute(sql!("accept/refill_draft"), params)?;
            Ok(*draft)
        }
        (Slot::Existing(draft), Base::New) => Err(Fault::corrupt(format!("{draft} was not checked"))),
    }
}

fn write_facts(
    db: Db<'_>,
    request: &Accept,
    draft: DraftId,
    queue: i64,
    base_version: u32,
    item: Option<Attached>,
) -> Done<()> {
    let (id, workspace) = (request.generation.0.as_bytes(), request.scope.workspace.0.as_bytes());
    db.execute(
        sql!("accept/insert_generation"),
        params![
            id,
            workspace,
            draft.0.as_bytes(),
            request.user.0.as_bytes(),
            request.key.map(|key| *key.0.as_bytes()),
            request.recipe,
            request.recipe_version,
            request.model,
            request.step,
            queue,
            request.target,
            request.dedupe_key,
            request.priority.value(),
            base_version,
            request.at.micros(),
            request.run_at.map(copydesk_core::Timestamp::micros),
            request.deadline_at.micros(),
            codec::micros(request.attempt_timeout),
            request.max_attempts,
            request.attempts_per_model,
            request.hold.micros(),
            request.metered.map(|metered| metered.per_usd.micros()),
            request.metered.map(|metered| metered.margin.0),
            request.metered.map(|metered| metered.min.micros()),
            request.cost_max.map(|cost| cost.0),
            request.params,
            codec::signed(request.input.len() as u64),
            item.map(|it| *it.item.job.0.as_bytes()),
            item.map(|it| it.item.seq),
        ],
    )?;
    db.execute(sql!("accept/insert_input"), params![id, workspace, request.input, request.metadata, request.filled])?;
    Ok(())
}

/// A free target is taken at once, also by a generation that is to run later.
fn first_wait(db: Db<'_>, request: &Accept) -> Done<Wait> {
    if let Some(target) = &request.target {
        let params = params![request.scope.workspace.0.as_bytes(), target, request.generation.0.as_bytes()];
        if db.execute(sql!("accept/insert_live_target"), params)? == 0 {
            return Ok(Wait::Target);
        }
    }
    Ok(match request.run_at {
        Some(until) if until > request.at => Wait::Scheduled { until },
        Some(_) | None => Wait::Ready,
    })
}

fn write_hold(db: Db<'_>, request: &Accept) -> Done<()> {
    if request.hold.is_zero() {
        return Ok(());
    }
    let owner = (request.scope.workspace, request.user);
    let (id, amount, generation) = (request.hold_id, request.hold, request.generation);
    ledger::write(db, &Transfer::of_generation(id, owner, TransferKind::Hold, amount, generation, request.at))?;
    Ok(())
}

/// Where the queues and the users of the batch stand in virtual time.
#[derive(Default)]
struct Places {
    /// By queue, as the batch found it: the batch itself does not change where its next request starts.
    bases: HashMap<i64, VirtualTime>,
    finishes: HashMap<(i64, UserId), VirtualTime>,
}

impl Places {
    fn take(&mut self, session: &mut Session<'_>, queue: i64, request: &Accept) -> Done<VirtualTime> {
        let base = match self.bases.get(&queue) {
            Some(base) => *base,
            None => {
                let base = session.queue_time(queue)?.base();
                session.advance_virtual_time(queue, base)?;
                *self.bases.entry(queue).or_insert(base)
            }
        };
        let user = request.user;
        let last = match self.finishes.get(&(queue, user)) {
            Some(finish) => Some(*finish),
            None => {
                let params = params![queue, user.0.as_bytes()];
                session.db.first(sql!("accept/user_finish"), params, |row| Ok(VirtualTime(row.get(0)?)))?
            }
        };
        let Place { sort_key, user_finish } = place(base, last, request.priority);
        self.finishes.insert((queue, user), user_finish);
        Ok(sort_key)
    }

    fn save(self, db: Db<'_>) -> Done<()> {
        for ((queue, user), finish) in self.finishes {
            db.execute(sql!("accept/set_user_finish"), params![queue, user.0.as_bytes(), finish.0])?;
        }
        Ok(())
    }
}
