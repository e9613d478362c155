//! Claim: due generations become ready, then ready ones are taken by place (sort key, then id) over all queues that are
//! neither full nor paused nor cooling down. The queues are merged here by cursors that read chunks, so a full lane with a hundred
//! thousand waiting rows costs nothing and the common case of one queue is one range scan.

use super::lanes::{Gates, Through, belongs};
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::health;
use crate::memory::{COMMON, Queue, Session};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::fairness::VirtualTime;
use copydesk_core::generation::{AttemptNo, Event, Generation, RowVersion, State, Terms};
use copydesk_core::health::{Cooling, Debt, Door};
use copydesk_core::{CallId, DraftId, GenerationId, NanoUsd, NodeId, Timestamp, UserId, WorkspaceId};
use copydesk_store::Scope;
use copydesk_store::admin::{Pause, PauseKey, holding};
use copydesk_store::generations::{Claim, Claimed, FinishedStep, Lane, Limits};
use rusqlite::{Row, params};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

/// How many due generations one turn moves into the ready queue.
const DUE_MAX: i64 = 1_000;
/// The least a cursor reads at a time.
const CHUNK_MIN: usize = 16;
/// After this many claims the finishes of users who have fallen behind are dropped,
const PURGE_EVERY: u64 = 20_000;
/// this many at a time.
const PURGE_MAX: i64 = 10_000;

/// What was claimed, and when the first cooldown or rate lets something of the rest go.
pub(super) fn claim(
    session: &mut Session<'_>,
    now: Timestamp,
    claim: &Claim,
) -> Done<(Vec<Claimed>, Option<Timestamp>)> {
    promote_due(session.db, now)?;
    if session.paused(&PauseKey::Generation)?.is_some() || claim.calls.is_empty() {
        return Ok((vec![], None));
    }
    let Choice { chosen, debts, let_go } = choose(session, &claim.limits, claim.calls.len(), now)?;
    // From here the write must succeed.
    let mut latest: BTreeMap<i64, VirtualTime> = BTreeMap::new();
    for one in &chosen {
        for queue in [COMMON, one.queue] {
            let time = latest.entry(queue).or_default();
            *time = VirtualTime(one.row.sort_key).max(*time);
        }
    }
    let mut claimed = Vec::with_capacity(chosen.len());
    for (one, call) in chosen.into_iter().zip(&claim.calls) {
        claimed.push(take(session, one, *call, claim.node, now)?);
    }
    for (lane, debt) in debts {
        health::pay(session.db, &lane, debt, now)?;
    }
    session.waiting_changed(-codec::signed(claimed.len() as u64));
    for (queue, time) in latest {
        session.advance_virtual_time(queue, time)?;
    }
    purge(session, claimed.len() as u64)?;
    Ok((claimed, let_go))
}

/// When the next parked generation becomes due.
pub(super) fn next_due(db: Db<'_>) -> Done<Option<Timestamp>> {
    let due = db.first(sql!("claim/next_due"), [], |row| codec::maybe_instant(row, 0))?;
    Ok(due.flatten())
}

fn promote_due(db: Db<'_>, now: Timestamp) -> Done<()> {
    if next_due(db)?.is_some_and(|due| due <= now) {
        let moved = db.execute(sql!("claim/promote_due"), params![now.micros(), DUE_MAX])?;
        let removed = db.execute(sql!("claim/remove_due"), params![now.micros(), DUE_MAX])?;
        if moved != removed {
            return Err(Fault::corrupt(format!("{moved} generations became ready and {removed} left the parking")));
        }
    }
    Ok(())
}

/// A row of `ready`, without its queue.
struct ReadyRow {
    sort_key: i64,
    id: GenerationId,
    workspace: WorkspaceId,
    attempt: u32,
    spent: u32,
    row_version: i64,
    deadline_at: Timestamp,
    model: String,
    step: String,
    last_error: (Option<String>, Option<String>),
}

fn ready_row(row: &Row<'_>) -> Done<ReadyRow> {
    Ok(ReadyRow {
        sort_key: row.get(0)?,
        id: GenerationId(codec::uuid(row, 1)?),
        workspace: WorkspaceId(codec::uuid(row, 2)?),
        attempt: row.get(3)?,
        spent: row.get(4)?,
        row_version: row.get(5)?,
        deadline_at: codec::instant(row, 6)?,
        model: row.get(7)?,
        step: row.get(8)?,
        last_error: (row.get(9)?, row.get(10)?),
    })
}

/// One queue's place in the merge.
struct Cursor {
    queue: i64,
    cooling: Option<Cooling>,
    through: Through,
    rows: VecDeque<ReadyRow>,
    /// The place of the last row read.
    last: (i64, Vec<u8>),
    chunk: usize,
    at_end: bool,
}

impl Cursor {
    fn peek(&mut self, db: Db<'_>) -> Done<Option<&ReadyRow>> {
        if self.rows.is_empty() && !self.at_end {
            let params = params![self.queue, self.last.0, self.last.1, codec::signed(self.chunk as u64)];
            self.rows = db.all(sql!("claim/next_in_queue"), params, ready_row)?.into();
            self.at_end = self.rows.len() < self.chunk;
            if let Some(last) = self.rows.back() {
                self.last = (last.sort_key, last.id.0.as_bytes().to_vec());
            }
        }
        Ok(self.rows.front())
    }
}

/// One to be claimed.
struct Chosen {
    queue: i64,
    row: ReadyRow,
    cooling: Option<Cooling>,
}

struct Choice {
    chosen: Vec<Chosen>,
    /// What they cost the rates.
    debts: Vec<(Lane, Debt)>,
    let_go: Option<Timestamp>,
}

/// The first `wanted` ready generations of all open queues.
fn choose(session: &mut Session<'_>, limits: &Limits, wanted: usize, now: Timestamp) -> Done<Choice> {
    let db = session.db;
    let paused = session.pauses()?.to_vec();
    // Nearly always empty.
    let health = session.health()?.clone();
    let queues = session.queues_by_id()?;
    let mut gates = Gates::read(db, queues, limits, &health, now)?;
    let waiting = waiting_queues(db, queues, &paused)?;
    let mut cursors = open_cursors(&waiting, &gates, wanted);
    let mut heads = BinaryHeap::new();
    for (index, cursor) in cursors.iter_mut().enumerate() {
        if let Some(row) = cursor.peek(db)? {
            heads.push(Reverse((row.sort_key, row.id, index)));
        }
    }
    let mut chosen = Vec::new();
    while chosen.len() < wanted {
        let Some(Reverse((.., index))) = heads.pop() else { break };
        let cursor = &mut cursors[index];
        if gates.room(&cursor.through) == 0 {
            // Full by now: nothing more of this queue.
            continue;
        }
        if let Some(row) = cursor.rows.pop_front() {
            gates.enter(&cursor.through);
            chosen.push(Chosen { queue: cursor.queue, row, cooling: cursor.cooling.clone() });
        }
        if chosen.len() < wanted
            && let Some(row) = cursor.peek(db)?
        {
            heads.push(Reverse((row.sort_key, row.id, index)));
        }
    }
    let let_go = waiting.iter().filter_map(|(_, queue)| gates.let_go(queue)).min();
    Ok(Choice { chosen, debts: gates.debts(), let_go })
}

/// The queues that have something ready and are not paused.
fn waiting_queues<'q>(db: Db<'_>, queues: &'q BTreeMap<i64, Queue>, paused: &[Pause]) -> Done<Vec<(i64, &'q Queue)>> {
    let ids = db.all(sql!("claim/waiting_queues"), [], |row| Ok(row.get::<_, i64>(0)?))?;
    let mut waiting = Vec::with_capacity(ids.len());
    for id in ids {
        let queue = queues.get(&id).ok_or_else(|| Fault::corrupt(format!("queue {id} of ready rows is unknown")))?;
        if holding(paused, |lane| belongs(lane, queue)).is_none() {
            waiting.push((id, queue));
        }
    }
    Ok(waiting)
}

fn open_cursors(waiting: &[(i64, &Queue)], gates: &Gates<'_>, wanted: usize) -> Vec<Cursor> {
    let share = if waiting.len() == 1 { wanted } else { (wanted * 2 / waiting.len().max(1)).max(CHUNK_MIN) };
    let mut cursors = Vec::with_capacity(waiting.len());
    for (id, queue) in waiting {
        let door = gates.door(queue);
        let through = gates.of(queue, &door);
        let cooling = match door {
            Door::Open => None,
            Door::Cooling(cooling) if queue.onward => Some(cooling),
            Door::Cooling(_) => continue,
        };
        let room = gates.room(&through) as usize;
        if room > 0 {
            let (last, chunk) = ((i64::MIN, vec![]), share.min(wanted).min(room));
            cursors.push(Cursor { queue: *id, cooling, through, rows: VecDeque::new(), last, chunk, at_end: false });
        }
    }
    cursors
}

/// What accept wrote about it.
struct Facts {
    draft: DraftId,
    user: UserId,
    recipe: String,
    recipe_version: String,
    terms: Terms,
    params: Option<String>,
    input: String,
}

fn facts(row: &Row<'_>) -> Done<Facts> {
    Ok(Facts {
        draft: DraftId(codec::uuid(row, 0)?),
        user: UserId(codec::uuid(row, 1)?),
        recipe: row.get(2)?,
        recipe_version: row.get(3)?,
        terms: Terms {
            accepted_at: codec::instant(row, 4)?,
            deadline_at: codec::instant(row, 5)?,
            attempt_timeout: Duration::from_micros(codec::unsigned(row, 6)?),
            max_attempts: row.get(7)?,
            attempts_per_model: row.get(8)?,
            hold: codec::credits(row, 9)?,
            metered: codec::metered(row)?,
            cost_max: row.get::<_, Option<i64>>("cost_max")?.map(NanoUsd),
        },
        params: row.get("params")?,
        input: row.get("input")?,
    })
}

/// What [`take`] writes: ready row out, run row and open call in, draft to processing.
fn take(session: &mut Session<'_>, chosen: Chosen, call: CallId, node: NodeId, now: Timestamp) -> Done<Claimed> {
    let db = session.db;
    let Chosen { queue, row, cooling } = chosen;
    let id = row.id.0.as_bytes();
    if db.execute(sql!("claim/delete_ready"), params![queue, row.sort_key, id, row.attempt, row.row_version])? != 1 {
        return Err(Fault::corrupt(format!("{} was ready and is not any more", row.id)));
    }
    let facts = db
        .first(sql!("claim/facts"), [id], facts)?
        .ok_or_else(|| Fault::corrupt(format!("{} is ready but was never accepted", row.id)))?;
    let attempt = row.attempt + 1;
    let attempt_deadline = Event::attempt_deadline(now, facts.terms.attempt_timeout, facts.terms.deadline_at);
    insert_run(db, queue, &row, call, node, now, attempt_deadline)?;
    let intent = Intent {
        id: call,
        workspace: row.workspace,
        user: facts.user,
        draft: facts.draft,
        generation: row.id,
        attempt,
        recipe: &facts.recipe,
        step: &row.step,
        model: &row.model,
        at: now,
    };
    open_call(session, &intent)?;
    let ids = (facts.draft.0.as_bytes(), row.workspace.0.as_bytes());
    db.execute(sql!("claim/move_draft"), params![DraftStatus::Processing.as_str(), now.micros(), ids.0, ids.1])?;
    let steps = if row.attempt == 0 { vec![] } else { finished_steps(db, row.id)? };
    Ok(Claimed {
        scope: Scope::of(row.workspace),
        generation: Generation {
            id: row.id,
            terms: facts.terms,
            state: State::Processing { node, claimed_at: now, attempt_deadline },
            attempt: AttemptNo(attempt),
            spent: row.spent,
            row_version: RowVersion(row.row_version + 1),
        },
        draft: facts.draft,
        user: facts.user,
        recipe: facts.recipe,
        recipe_version: facts.recipe_version,
        model: row.model,
        input: facts.input,
        params: facts.params,
        steps,
        call,
        cooling,
    })
}

fn insert_run(
    db: Db<'_>,
    queue: i64,
    row: &ReadyRow,
    call: CallId,
    node: NodeId,
    now: Timestamp,
    attempt_deadline: Timestamp,
) -> Done<()> {
    db.execute(
        sql!("claim/insert_run"),
        params![
            row.id.0.as_bytes(),
            row.workspace.0.as_bytes(),
            queue,
            row.sort_key,
            row.attempt + 1,
            row.spent,
            row.row_version + 1,
            row.deadline_at.micros(),
            row.model,
            row.step,
            node.0.as_bytes(),
            now.micros(),
            attempt_deadline.micros(),
            call.0.as_bytes(),
            row.last_error.0,
            row.last_error.1,
        ],
    )?;
    Ok(())
}

/// A call about to leave.
pub(super) struct Intent<'a> {
    pub id: CallId,
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub draft: DraftId,
    pub generation: GenerationId,
    pub attempt: u32,
    pub recipe: &'a str,
    pub step: &'a str,
    pub model: &'a str,
    pub at: Timestamp,
}

pub(super) fn open_call(session: &mut Session<'_>, intent: &Intent<'_>) -> Done<()> {
    session.db.execute(
        sql!("claim/insert_call"),
        params![
            intent.id.0.as_bytes(),
            intent.workspace.0.as_bytes(),
            intent.user.0.as_bytes(),
            intent.draft.0.as_bytes(),
            intent.generation.0.as_bytes(),
            intent.attempt,
            intent.recipe,
            intent.step,
            codec::provider(intent.model),
            intent.model,
            intent.at.micros(),
        ],
    )?;
    let user_no = session
        .user_no(intent.workspace, intent.user)?
        .ok_or_else(|| Fault::corrupt(format!("{} of {} does not exist", intent.user, intent.generation)))?;
    session.add_belonging(user_no, intent.id.0)
}

fn finished_steps(db: Db<'_>, id: GenerationId) -> Done<Vec<FinishedStep>> {
    db.all(sql!("claim/steps"), [id.0.as_bytes()], finished_step)
}

/// A row of `steps`: name, output, cost.
pub(super) fn finished_step(row: &Row<'_>) -> Done<FinishedStep> {
    let cost: Option<i64> = row.get(2)?;
    Ok(FinishedStep { name: row.get(0)?, output: row.get(1)?, cost: cost.map(NanoUsd) })
}

fn purge(session: &mut Session<'_>, claimed: u64) -> Done<()> {
    session.memory.claimed_since_purge += claimed;
    if session.memory.claimed_since_purge >= PURGE_EVERY {
        session.memory.claimed_since_purge = 0;
        session.db.execute(sql!("claim/purge_fair"), params![PURGE_MAX])?;
    }
    Ok(())
}
