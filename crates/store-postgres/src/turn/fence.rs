//! The fence: takes the rows out of `runs`, `ready` and `parked` that are still what their writers believe, and says
//! everything a decision needs about the winners. A row that does not match is not touched.

use super::{Placed, extends, heed, is_step};
use crate::failure::Fault;
use crate::ledger::{self, Account, AccountKey};
use crate::pipeline::{Steps, Tx};
use crate::read::usage::Standing;
use crate::types::{Micros, columns, narrow, sql, unknown_word};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{AttemptNo, Effect, RowVersion, Shares, Status};
use copydesk_core::health::Rows;
use copydesk_core::{CallId, DraftId, GenerationId, Timestamp, UserId};
use copydesk_store::StoreError;
use copydesk_store::generations::{Change, Fence, Write};
use copydesk_store::jobs::ItemRef;
use std::collections::{BTreeMap, HashMap, HashSet};
use tokio_postgres::Row;
use uuid::Uuid;

/// A generation that was what its writer believed, and is nowhere now until the plan is written.
#[derive(Clone, Debug)]
pub struct Winner {
    pub queue: i32,
    pub sort_key: i64,
    pub deadline_at: Timestamp,
    pub model: String,
    pub step: String,
    pub last_error: Option<(String, String)>,
    pub draft: DraftId,
    pub user: UserId,
    pub recipe: String,
    pub target: Option<String>,
    pub dedupe_key: Option<String>,
    /// The item of a job it is made of.
    pub item: Option<ItemRef>,
    pub base_version: i64,
    /// Attempts used up before this change, and how they are shared out.
    pub spent: u32,
    pub shares: Shares,
    pub draft_status: DraftStatus,
    pub current_version: i64,
    pub version_count: i64,
}

#[derive(Default)]
pub struct Won {
    pub left: HashMap<GenerationId, Winner>,
    /// Those that go on with their attempt.
    pub stepped: HashSet<GenerationId>,
    /// Those that have another deadline, with whose they are.
    pub extended: HashMap<GenerationId, (DraftId, UserId)>,
    /// What stands where the losers wanted to write.
    pub found: HashMap<GenerationId, Fence>,
    /// Of the users whose holds may move.
    pub accounts: BTreeMap<AccountKey, Account>,
    /// The calls of the wave as they stand, locked.
    pub calls: HashMap<CallId, Standing>,
    /// There are budgets, whether or not this process has learnt of them.
    pub budgeted: bool,
    /// Read when it was asked for.
    pub health: Rows,
}

/// Whether the health is to be read on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Read,
    /// Nobody needs it, or it is read later.
    Leave,
}

pub async fn check(tx: &mut Tx, wave: &[Placed<'_>], health: Health) -> Result<Won, Fault> {
    let mut changes: Vec<&Change> = wave
        .iter()
        .filter_map(|(_, write)| match write {
            Write::Change(change) => Some(&**change),
            Write::Late { .. } => None,
        })
        .collect();
    let closes: Vec<CallId> = wave.iter().filter_map(|(_, write)| closes(write)).collect();
    if changes.is_empty() && closes.is_empty() {
        return Ok(Won::default());
    }
    // In the order of ids, so that two batches never wait for each other.
    changes.sort_by_key(|change| change.fence.generation);
    let (more_time, others): (Vec<&Change>, Vec<&Change>) = changes.into_iter().partition(|change| extends(change));
    let (steps, ends): (Vec<&Change>, Vec<&Change>) = others.iter().copied().partition(|change| is_step(change));
    let running: Vec<_> = ends.iter().filter(|change| change.fence.status == Status::Processing).collect();
    let pending: Vec<_> = ends.iter().filter(|change| change.fence.status == Status::Pending).collect();
    let paying: Vec<_> = ends.iter().filter(|change| moves_credits(change)).collect();
    let mut sent = Steps::default();
    let extended = (!more_time.is_empty()).then(|| {
        let params = columns!(more_time, c => c.fence.generation.0, c.scope.workspace.0, i64::from(c.fence.attempt.0),
            c.fence.row_version.0, c.fence.status == Status::Processing, c.decision.deadline_at.map(Micros::from));
        sent.add(sql!(deep "apply/extend"), params)
    });
    let stepped = (!steps.is_empty()).then(|| {
        let params = columns!(steps, c => c.fence.generation.0, c.scope.workspace.0, i64::from(c.fence.attempt.0),
            c.fence.row_version.0, c.opens.as_ref().map(|call| call.step.as_str()),
            c.opens.as_ref().map(|call| call.id.0), c.waits);
        sent.add(sql!(deep "apply/advance_run"), params)
    });
    let left = (!ends.is_empty()).then(|| {
        let mut params = columns!(running, c => c.fence.generation.0, c.scope.workspace.0,
            i64::from(c.fence.attempt.0), c.fence.row_version.0);
        params.extend(columns!(pending, c => c.fence.generation.0, c.scope.workspace.0,
            i64::from(c.fence.attempt.0), c.fence.row_version.0));
        sent.add(sql!(deep "apply/fence"), params)
    });
    let accounts = (!paying.is_empty())
        .then(|| sent.add(sql!(deep "ledger/lock_account_of"), columns!(paying, c => c.fence.generation.0)));
    let calls = (!closes.is_empty()).then(|| sent.add(sql!(deep "apply/find_call"), columns!(closes, id => id.0)));
    let health = (health == Health::Read).then(|| heed::read(&mut sent));
    let answers = tx.send(sent).await?;
    let mut won = Won { accounts: ledger::accounts(answers.rows(accounts))?, ..Won::default() };
    ledger::load_lots(tx, &mut won.accounts).await?;
    won.health = heed::rows(answers.rows(health))?;
    won.stepped = answers.rows(stepped).iter().map(|row| GenerationId(row.get("id"))).collect();
    won.budgeted = [left, calls].iter().flat_map(|place| answers.rows(*place)).any(|row| row.get("budgeted"));
    for row in answers.rows(calls) {
        won.calls.insert(CallId(row.get("id")), Standing::of(row)?);
    }
    for row in answers.rows(left) {
        won.left.insert(GenerationId(row.get("id")), winner(row)?);
    }
    for row in answers.rows(extended) {
        won.extended.insert(GenerationId(row.get("id")), (DraftId(row.get("draft_id")), UserId(row.get("user_id"))));
    }
    let losers: Vec<&Change> = more_time.into_iter().chain(others).filter(|change| !won.has(change)).collect();
    if !losers.is_empty() {
        let mut steps = Steps::default();
        let place = find(&mut steps, &losers);
        won.found = found(tx.send(steps).await?.rows(place))?;
    }
    Ok(won)
}

impl Won {
    /// Whether the change's fence matched.
    fn has(&self, change: &Change) -> bool {
        let id = &change.fence.generation;
        self.left.contains_key(id) || self.stepped.contains(id) || self.extended.contains_key(id)
    }
}

/// The call whose end a write reports.
fn closes(write: &Write) -> Option<CallId> {
    match write {
        Write::Change(change) => change.closes.as_ref().map(|call| call.id),
        Write::Late { call, .. } => Some(call.id),
    }
}

fn moves_credits(change: &Change) -> bool {
    let moves = |effect: &Effect| matches!(effect, Effect::SettleHold(_) | Effect::ReleaseHold(_) | Effect::Absorb(_));
    change.decision.effects.iter().any(moves)
}

fn winner(row: &Row) -> Result<Winner, StoreError> {
    let status: &str = row.get("status");
    let code: Option<String> = row.get("last_error_code");
    let words: Option<String> = row.get("last_error");
    Ok(Winner {
        queue: row.get("queue_id"),
        sort_key: row.get("sort_key"),
        deadline_at: row.get::<_, Micros>("deadline_at").into(),
        model: row.get("model"),
        step: row.get("step"),
        last_error: code.zip(words),
        draft: DraftId(row.get("draft_id")),
        user: UserId(row.get("user_id")),
        recipe: row.get("recipe"),
        target: row.get("target"),
        dedupe_key: row.get("dedupe_key"),
        item: crate::read::generations::item(row)?,
        base_version: row.get("base_version"),
        spent: narrow("spent", row.get("spent"))?,
        shares: Shares {
            max_attempts: narrow("max_attempts", row.get("max_attempts"))?,
            attempts_per_model: narrow("attempts_per_model", row.get("attempts_per_model"))?,
        },
        draft_status: DraftStatus::parse(status).ok_or_else(|| unknown_word("draft status", status))?,
        current_version: row.get("current_version"),
        version_count: row.get("version_count"),
    })
}

/// Asks what stands where the losers wanted to write.
pub fn find<'a>(steps: &mut Steps<'a>, losers: &[&Change]) -> Option<usize> {
    if losers.is_empty() {
        return None;
    }
    let mut params = columns!(losers, c => c.fence.generation.0, c.scope.workspace.0);
    params.push(Box::new(Status::Processing.as_str()));
    params.push(Box::new(Status::Pending.as_str()));
    Some(steps.add(sql!(deep "apply/found"), params))
}

pub fn found(rows: &[Row]) -> Result<HashMap<GenerationId, Fence>, StoreError> {
    let mut fences = HashMap::new();
    for row in rows {
        let id: Uuid = row.get("id");
        let Some(word) = row.get::<_, Option<&str>>("status") else { continue };
        let fence = Fence {
            generation: GenerationId(id),
            attempt: AttemptNo(narrow("attempt", row.get("attempt"))?),
            row_version: RowVersion(row.get("row_version")),
            status: Status::parse(word).ok_or_else(|| unknown_word("generation status", word))?,
        };
        fences.insert(fence.generation, fence);
    }
    Ok(fences)
}
