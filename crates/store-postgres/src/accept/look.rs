//! What accept needs to know before it decides, in one round trip: pauses, virtual times, keys taken, drafts and accounts
//! (both locked in the order of their ids). Writes nothing.

use crate::admin;
use crate::budgeted::Budgeted;
use crate::failure::Fault;
use crate::jobs::Jobbed;
use crate::ledger::{self, Account, AccountKey};
use crate::pipeline::{Steps, Tx};
use crate::types::{Micros, columns, narrow, sql, unknown_word};
use copydesk_core::draft::DraftStatus;
use copydesk_core::draft::state::DraftFacts;
use copydesk_core::generation::fairness::{QueueTime, VirtualTime};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, Timestamp, UserId, WorkspaceId};
use copydesk_store::StoreError;
use copydesk_store::admin::{Pause, PauseKey};
use copydesk_store::generations::{Accept, Accepted, Idempotency, Slot};
use copydesk_store::once::Named;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio_postgres::Row;

pub type Ids = (GenerationId, DraftId);

/// An existing draft.
#[derive(Clone, Copy, Debug)]
pub struct DraftSeen {
    pub workspace: WorkspaceId,
    pub facts: DraftFacts,
    pub current_version: i64,
    pub live: Option<GenerationId>,
    /// No generation filled it when we locked it, and none will until we commit.
    pub locked: bool,
}

/// An idempotency key in use.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    pub fingerprint: [u8; 32],
    pub ids: Ids,
    pub deduplicated: bool,
    pub expires_at: Option<Timestamp>,
}

impl Replay {
    /// The first answer again, if this is the same request.
    pub fn answer(&self, key: &Idempotency) -> Result<Accepted, Refusal> {
        if self.fingerprint == key.fingerprint {
            let (generation, draft) = self.ids;
            Ok(Accepted::Replayed { generation, draft, deduplicated: self.deduplicated })
        } else {
            Err(Refusal::IdempotencyKeyReused)
        }
    }
}

#[derive(Default)]
pub struct Seen {
    pub paused_since: Option<Timestamp>,
    /// Counted only when it was asked for.
    pub waiting: Option<u64>,
    /// By queue.
    pub times: BTreeMap<i32, QueueTime>,
    /// By place in the batch.
    pub replays: HashMap<usize, Replay>,
    pub known: HashSet<GenerationId>,
    pub keys: HashMap<(WorkspaceId, String), Ids>,
    pub drafts: HashMap<DraftId, DraftSeen>,
    /// Where each user's last one in each queue ends.
    pub finish: BTreeMap<(i32, UserId), VirtualTime>,
    pub accounts: BTreeMap<AccountKey, Account>,
    /// By the names that only one draft may have.
    pub named: HashMap<(WorkspaceId, String), Vec<Named>>,
    pub budgets: Budgeted,
    pub jobs: Jobbed,
}

/// `queues` are those of the batch's requests, in their order.
pub async fn look(tx: &mut Tx, batch: &[Accept], queues: &[i32], count: bool) -> Result<Seen, Fault> {
    let users: BTreeSet<_> = queues.iter().zip(batch).map(|(queue, request)| (*queue, request.user)).collect();
    let touched: BTreeSet<i32> = queues.iter().copied().collect();
    let payers: BTreeSet<_> = batch
        .iter()
        .filter(|request| !request.hold.is_zero())
        .map(|request| (request.scope.workspace, request.user))
        .collect();
    let slots: BTreeSet<DraftId> = batch.iter().filter_map(existing).collect();
    let keyed: Vec<_> = batch
        .iter()
        .enumerate()
        .filter_map(|(place, request)| request.idempotency.as_ref().map(|key| (place, request, key)))
        .collect();
    let deduped: BTreeSet<_> = batch
        .iter()
        .filter_map(|request| request.dedupe_key.as_deref().map(|key| (request.scope.workspace, key)))
        .collect();

    let mut steps = Steps::default();
    let named = find_named(&mut steps, batch);
    let pauses = steps.add(sql!(deep "admin/pauses"), vec![]);
    let clock = steps.add(sql!(deep "claim/clock"), columns!(touched, queue => *queue));
    let known = steps.add(sql!(deep "accept/find_generation"), columns!(batch, r => r.generation.0));
    let finish = steps.add(sql!(deep "accept/user_finish"), columns!(users, u => u.0, u.1.0));
    let waiting = count.then(|| steps.add(sql!(deep "accept/waiting_count"), vec![]));
    let replays = (!keyed.is_empty()).then(|| {
        let params = columns!(keyed, k => k.1.scope.workspace.0, k.2.owner.as_str(), k.2.route.as_str(),
            k.2.key.as_str(), Micros::from(k.1.at));
        steps.add(sql!(deep "accept/find_idempotency"), params)
    });
    let keys =
        (!deduped.is_empty()).then(|| steps.add(sql!(deep "accept/find_live_key"), columns!(deduped, d => d.0.0, d.1)));
    let locks = (!slots.is_empty()).then(|| steps.add(sql!(deep "accept/lock_draft"), columns!(slots, s => s.0)));
    let drafts = (!slots.is_empty()).then(|| steps.add(sql!(deep "accept/find_draft"), columns!(slots, s => s.0)));
    let accounts =
        (!payers.is_empty()).then(|| steps.add(sql!(deep "ledger/lock_account"), columns!(payers, p => p.0.0, p.1.0)));
    let found = tx.send(steps).await?;

    let mut seen = Seen::default();
    let pauses: Vec<Pause> = admin::pauses_of(found.rows(Some(pauses)))?;
    seen.paused_since = pauses.iter().find(|pause| pause.what == PauseKey::Generation).map(|pause| pause.since);
    for row in found.rows(waiting) {
        seen.waiting = Some(narrow("count of waiting generations", row.get("waiting"))?);
    }
    for row in found.rows(Some(clock)) {
        let [own, common] = ["own", "common"].map(|time| VirtualTime(row.get(time)));
        seen.times.insert(row.get("queue_id"), QueueTime { own, common, has_ready: row.get("has_ready") });
    }
    seen.known = found.rows(Some(known)).iter().map(|row| GenerationId(row.get("id"))).collect();
    for row in found.rows(Some(finish)) {
        let user = (row.get("queue_id"), UserId(row.get("user_id")));
        seen.finish.insert(user, VirtualTime(row.get("finish")));
    }
    for row in found.rows(replays) {
        // `place` counts the keyed requests from 1.
        let place: usize = narrow("place", row.get("place"))?;
        seen.replays.insert(keyed[place - 1].0, replay(row)?);
    }
    for row in found.rows(keys) {
        seen.keys.insert((WorkspaceId(row.get("workspace_id")), row.get("dedupe_key")), ids(row));
    }
    let locked: HashSet<DraftId> = found.rows(locks).iter().map(|row| DraftId(row.get("id"))).collect();
    for row in found.rows(drafts) {
        let (id, draft) = draft(row, &locked)?;
        seen.drafts.insert(id, draft);
    }
    found.rows(named).iter().for_each(|row| name_of(row, &mut seen.named));
    seen.accounts = ledger::accounts(found.rows(accounts))?;
    Ok(seen)
}

/// First of all, and in one order: whoever has the lock of a name sees what the one before wrote.
fn find_named<'a>(steps: &mut Steps<'a>, batch: &'a [Accept]) -> Option<usize> {
    let name =
        |request: &'a Accept| request.once.as_ref().map(|once| (request.scope.workspace, once.external_id.as_str()));
    let names: BTreeSet<(WorkspaceId, &str)> = batch.iter().filter_map(name).collect();
    (!names.is_empty()).then(|| {
        steps.add(sql!(deep "accept/lock_name"), columns!(names, o => o.0.0, o.1));
        steps.add(sql!(deep "accept/find_named"), columns!(names, o => o.0.0, o.1))
    })
}

fn name_of(row: &Row, into: &mut HashMap<(WorkspaceId, String), Vec<Named>>) {
    let name = (WorkspaceId(row.get("workspace_id")), row.get("external_id"));
    let live = row.get::<_, Option<uuid::Uuid>>("live_generation_id").map(GenerationId);
    let (draft, user) = (DraftId(row.get("id")), UserId(row.get("user_id")));
    into.entry(name).or_default().push(Named { draft, user, live, has_version: row.get("has_version") });
}

pub fn replay(row: &Row) -> Result<Replay, StoreError> {
    let fingerprint = ledger::hash_of(row, "fingerprint")?;
    Ok(Replay { fingerprint, ids: ids(row), deduplicated: row.get("deduplicated"), expires_at: None })
}

fn existing(request: &Accept) -> Option<DraftId> {
    match &request.slot {
        Slot::Existing(id) => Some(*id),
        Slot::New { .. } => None,
    }
}

fn ids(row: &Row) -> Ids {
    (GenerationId(row.get("generation_id")), DraftId(row.get("draft_id")))
}

fn draft(row: &Row, locked: &HashSet<DraftId>) -> Result<(DraftId, DraftSeen), StoreError> {
    let id = DraftId(row.get("id"));
    let word: &str = row.get("status");
    let live: Option<uuid::Uuid> = row.get("live_generation_id");
    let facts = DraftFacts {
        status: DraftStatus::parse(word).ok_or_else(|| unknown_word("draft status", word))?,
        has_version: row.get::<_, i64>("version_count") > 0,
        busy: live.is_some(),
    };
    let draft = DraftSeen {
        workspace: WorkspaceId(row.get("workspace_id")),
        facts,
        current_version: row.get("current_version"),
        live: live.map(GenerationId),
        locked: locked.contains(&id),
    };
    Ok((id, draft))
}
