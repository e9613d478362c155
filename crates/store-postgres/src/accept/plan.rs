//! Decides a whole batch in memory: each request meets what the ones before it in the batch will have written. No I/O.

use super::look::{DraftSeen, Ids, Replay, Seen};
use crate::failure::Fault;
use crate::ledger::{Account, AccountKey, LedgerRow};
use copydesk_core::draft::DraftStatus;
use copydesk_core::draft::state::{DraftFacts, may_regenerate};
use copydesk_core::generation::fairness::{VirtualTime, place};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, Timestamp, UserId, WorkspaceId};
use copydesk_store::StoreError;
use copydesk_store::generations::{Accept, Accepted, Idempotency, Slot};
use copydesk_store::jobs::ItemRef;
use copydesk_store::once::Named;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Workspace, owner, route, key.
pub type KeyName<'a> = (WorkspaceId, &'a str, &'a str, &'a str);

/// One generation to be written.
pub struct New<'a> {
    pub request: &'a Accept,
    pub draft: DraftId,
    pub base_version: i64,
    pub sort_key: VirtualTime,
    pub queue: i32,
    pub item: Option<ItemRef>,
    /// Present when it is not claimable yet.
    pub parked: Option<Parked>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parked {
    Scheduled(Timestamp),
    Target,
}

/// An idempotency row to be written.
pub struct Remembered<'a> {
    pub key: &'a Idempotency,
    pub at: Timestamp,
    pub ids: Ids,
    pub deduplicated: bool,
}

/// An existing draft that gets another generation.
pub struct Refill {
    pub draft: DraftId,
    pub generation: GenerationId,
    pub status: DraftStatus,
    pub at: Timestamp,
}

#[derive(Default)]
pub struct Plan<'a> {
    pub answers: Vec<Result<Accepted, Refusal>>,
    pub new: Vec<New<'a>>,
    pub remembered: BTreeMap<KeyName<'a>, Remembered<'a>>,
    pub keys: BTreeMap<(WorkspaceId, &'a str), Ids>,
    /// The first of the batch that wants each target.
    pub targets: BTreeMap<(WorkspaceId, &'a str), GenerationId>,
    pub users: BTreeMap<(WorkspaceId, UserId), (&'a str, Timestamp)>,
    pub refills: Vec<Refill>,
    /// By queue and user.
    pub finish: BTreeMap<(i32, UserId), VirtualTime>,
    /// Empty queues that fell behind, and where they start now.
    pub lifts: BTreeMap<i32, VirtualTime>,
    pub transfers: Vec<LedgerRow>,
    pub accounts: BTreeMap<AccountKey, Account>,
}

impl Plan<'_> {
    pub fn nothing_to_write(&self) -> bool {
        self.new.is_empty() && self.remembered.is_empty()
    }
}

enum Verdict {
    Answer(Result<Accepted, Refusal>),
    /// What we saw does not fit together: somebody was between our statements. Look again.
    LookAgain,
}

/// `None` when the batch must look again.
pub fn plan<'a>(
    batch: &'a [Accept],
    queues: &[i32],
    seen: &mut Seen,
    waiting_max: u64,
) -> Result<Option<Plan<'a>>, Fault> {
    let mut plan = Plan::default();
    let mut batch_replays: HashMap<KeyName<'a>, Replay> = HashMap::new();
    for (at, (request, queue)) in batch.iter().zip(queues).enumerate() {
        let replay = request.idempotency.as_ref().and_then(|key| {
            let own = batch_replays.get(&name(request, key)).copied();
            own.filter(|own| own.expires_at.is_none_or(|until| request.at < until))
                .or_else(|| seen.replays.get(&at).copied())
        });
        if replay.is_none() && seen.known.contains(&request.generation) {
            return Err(StoreError::Corrupt(format!("{} exists already", request.generation)).into());
        }
        let verdict = match (&request.idempotency, replay) {
            (Some(key), Some(replay)) => Verdict::Answer(replay.answer(key)),
            (_, _) => decide(request, *queue, seen, &mut plan, waiting_max),
        };
        let Verdict::Answer(answer) = verdict else { return Ok(None) };
        if let (Some(key), Ok(first), None) = (&request.idempotency, &answer, replay) {
            let (ids, deduplicated) = (first.ids(), first.deduplicated());
            let replay = Replay { fingerprint: key.fingerprint, ids, deduplicated, expires_at: Some(key.expires_at) };
            batch_replays.insert(name(request, key), replay);
            plan.remembered.insert(name(request, key), Remembered { key, at: request.at, ids, deduplicated });
        }
        plan.answers.push(answer);
    }
    Ok(Some(plan))
}

fn name<'a>(request: &Accept, key: &'a Idempotency) -> KeyName<'a> {
    (request.scope.workspace, &key.owner, &key.route, &key.key)
}

fn decide<'a>(request: &'a Accept, queue: i32, seen: &mut Seen, plan: &mut Plan<'a>, waiting_max: u64) -> Verdict {
    let refuse = |refusal| Verdict::Answer(Err(refusal));
    if let Some(since) = seen.paused_since {
        return refuse(Refusal::GenerationPaused { since });
    }
    if let Some(waiting) = seen.waiting.map(|waiting| waiting + plan.new.len() as u64)
        && waiting >= waiting_max
    {
        return refuse(Refusal::QueueFull { waiting });
    }
    let item = match seen.jobs.check(request) {
        Ok(item) => item,
        Err(refusal) => return refuse(refusal),
    };
    let slot = match slot(request, seen) {
        Ok(slot) => slot,
        Err(refusal) => return refuse(refusal),
    };
    if let Some((id, draft)) = slot {
        match draft.live {
            Some(generation) => return Verdict::Answer(Ok(Accepted::Duplicate { generation, draft: id })),
            None if !draft.locked => return Verdict::LookAgain,
            None => {}
        }
    }
    let workspace = request.scope.workspace;
    if let Some(key) = &request.dedupe_key {
        let before = plan.keys.get(&(workspace, key.as_str())).or_else(|| seen.keys.get(&(workspace, key.clone())));
        if let Some((generation, draft)) = before.copied() {
            return Verdict::Answer(Ok(Accepted::Duplicate { generation, draft }));
        }
    }
    if let Err(refusal) = once(request, seen) {
        return refuse(refusal);
    }
    if let Err(refusal) = seen.budgets.check(request) {
        return refuse(refusal);
    }
    if let Err(refusal) = hold(request, seen, plan) {
        return refuse(refusal);
    }
    let ids = write(request, queue, slot, item.map(|(item, _)| item), seen, plan);
    if let Some(item) = item {
        seen.jobs.attach(item, ids, request.at);
    }
    Verdict::Answer(Ok(Accepted::New { generation: ids.0, draft: ids.1 }))
}

fn once(request: &Accept, seen: &Seen) -> Result<(), Refusal> {
    let Some(once) = &request.once else { return Ok(()) };
    let there = seen.named.get(&(request.scope.workspace, once.external_id.clone()));
    once.check(&request.slot, there.map_or(&[], Vec::as_slice))
}

/// The existing draft, if the request names one that may be filled.
fn slot(request: &Accept, seen: &Seen) -> Result<Option<(DraftId, DraftSeen)>, Refusal> {
    match &request.slot {
        Slot::New { .. } => Ok(None),
        Slot::Existing(id) => {
            let draft = seen.drafts.get(id).filter(|draft| draft.workspace == request.scope.workspace);
            let draft = draft.copied().ok_or(Refusal::DraftNotFound)?;
            may_regenerate(draft.facts)?;
            Ok(Some((*id, draft)))
        }
    }
}

fn hold(request: &Accept, seen: &mut Seen, plan: &mut Plan<'_>) -> Result<(), Refusal> {
    if request.hold.is_zero() {
        return Ok(());
    }
    let key = (request.scope.workspace, request.user);
    let mut account = seen.accounts.get(&key).cloned().unwrap_or_default();
    let (id, amount, generation) = (request.hold_id, request.hold, request.generation);
    let hold = Transfer::of_generation(id, key, TransferKind::Hold, amount, generation, request.at);
    let row = account.append(hold)?;
    seen.accounts.insert(key, account.clone());
    plan.accounts.insert(key, account);
    plan.transfers.push(row);
    Ok(())
}

/// Puts everything of an accepted request into the plan.
fn write<'a>(
    request: &'a Accept,
    queue: i32,
    slot: Option<(DraftId, DraftSeen)>,
    item: Option<ItemRef>,
    seen: &mut Seen,
    plan: &mut Plan<'a>,
) -> Ids {
    let (workspace, id) = (request.scope.workspace, request.generation);
    let (draft, base_version) = match (&request.slot, slot) {
        (Slot::New { draft, .. }, _) => {
            let facts = DraftFacts { status: DraftStatus::Pending, has_version: false, busy: true };
            let row = DraftSeen { workspace, facts, current_version: 0, live: Some(id), locked: true };
            seen.drafts.insert(*draft, row);
            (*draft, 0)
        }
        (Slot::Existing(draft), slot) => {
            let before = slot.map_or(0, |(_, before)| before.current_version);
            let status = match slot {
                Some((_, before)) if before.facts.has_version => before.facts.status,
                Some(_) | None => DraftStatus::Pending,
            };
            if let Some(row) = seen.drafts.get_mut(draft) {
                (row.live, row.facts.busy, row.facts.status) = (Some(id), true, status);
            }
            plan.refills.push(Refill { draft: *draft, generation: id, status, at: request.at });
            (*draft, before)
        }
    };
    if let Some(once) = &request.once {
        let there = seen.named.entry((workspace, once.external_id.clone())).or_default();
        there.retain(|named| named.draft != draft);
        there.push(Named { draft, user: request.user, live: Some(id), has_version: false });
    }
    seen.budgets.reserve(request);
    let sort_key = take_place(request, queue, seen, plan);
    plan.users.entry((workspace, request.user)).or_insert((&request.user_external, request.at));
    if let Some(key) = &request.dedupe_key {
        plan.keys.insert((workspace, key), (id, draft));
    }
    let mut parked = request.run_at.filter(|until| *until > request.at).map(Parked::Scheduled);
    if let Some(target) = &request.target {
        let first = *plan.targets.entry((workspace, target)).or_insert(id);
        if first != id {
            parked = Some(Parked::Target);
        }
    }
    plan.new.push(New { request, draft, base_version, sort_key, queue, item, parked });
    (id, draft)
}

/// Its place in its queue. The batch itself does not change where its next request starts, so what was seen stays true.
fn take_place(request: &Accept, queue: i32, seen: &mut Seen, plan: &mut Plan<'_>) -> VirtualTime {
    let time = seen.times.get(&queue).copied().unwrap_or_default();
    let base = time.base();
    if base > time.own {
        plan.lifts.insert(queue, base);
    }
    let user = (queue, request.user);
    let place = place(base, seen.finish.get(&user).copied(), request.priority);
    seen.finish.insert(user, place.user_finish);
    plan.finish.insert(user, place.user_finish);
    place.sort_key
}

/// After the targets were taken: those whose target has another holder stand in line.
pub fn stand_in_line(plan: &mut Plan<'_>, holders: &BTreeSet<GenerationId>) {
    for new in plan.new.iter_mut().filter(|new| new.request.target.is_some()) {
        if !holders.contains(&new.request.generation) {
            new.parked = Some(Parked::Target);
        }
    }
}
