//! The claim: due rows become ready, the queues with room are found, their heads locked, the first ones taken. Counting
//! and choosing happen under one lock per database, so that a limit holds across all processes.

use super::choose::{Choice, Head, Room, ask, choose};
use super::next_due;
use crate::PostgresStore;
use crate::admin;
use crate::failure::Fault;
use crate::ledger::credits;
use crate::pipeline::{Answers, Steps, Tx, read};
use crate::queues::{COMMON, Queue};
use crate::types::{Micros, columns, narrow, params, sql};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{AttemptNo, Generation, RowVersion, State, Terms};
use copydesk_core::{CallId, DraftId, GenerationId, NodeId, Timestamp, UserId, WorkspaceId};
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::{Claim, Claimed, FinishedStep, Limits};
use copydesk_store::{Scope, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_postgres::Row;
use uuid::Uuid;

/// How many scheduled or backing-off generations one turn makes ready at most.
const PROMOTED_MAX: i64 = 1_000;
/// Every so many claims the users whose place is behind their queue's virtual time are forgotten, at most so many.
const PURGE_EVERY: u64 = 256;
const PURGED_MAX: i64 = 1_000;

/// Where the answers of the look stand.
pub struct Looked {
    pauses: usize,
    queues: usize,
    in_use: Option<usize>,
}

pub fn look<'a>(steps: &mut Steps<'a>, store: &PostgresStore, claim: &Claim, now: Timestamp) -> Looked {
    steps.add(sql!(deep "claim/promote_due"), params![Micros::from(now), PROMOTED_MAX]);
    let pauses = steps.add(sql!(deep "admin/pauses"), params![]);
    let limited = has_limits(&claim.limits);
    // As late as possible: whoever waits here has written everything else already.
    if limited {
        steps.add(sql!(deep "claim/lock"), params![store.claim_lock]);
    }
    let queues = steps.add(sql!(deep "claim/waiting_queues"), params![]);
    let in_use = limited.then(|| steps.add(sql!(deep "claim/lane_use"), params![]));
    Looked { pauses, queues, in_use }
}

fn has_limits(limits: &Limits) -> bool {
    limits.global.is_some() || !limits.lanes.is_empty()
}

pub async fn claim(
    store: &PostgresStore,
    mut tx: Tx,
    claim: &Claim,
    now: Timestamp,
    answers: &Answers,
    looked: &Looked,
) -> Result<(Vec<Claimed>, Option<Timestamp>), Fault> {
    let room = room(claim, answers, looked)?;
    let chosen = match room {
        Some(room) => heads(&mut tx, room, claim.calls.len()).await?,
        None => vec![],
    };
    if chosen.is_empty() {
        let mut steps = Steps::default();
        let due = steps.add(sql!(deep "claim/next_due"), params![]);
        let answers = tx.commit(steps).await?;
        return Ok((vec![], next_due(answers.rows(Some(due)))));
    }
    let times = times(&chosen);
    let pairs: Vec<(&Head, &CallId)> = chosen.iter().zip(&claim.calls).collect();
    let mut steps = Steps::default();
    let mut take = columns!(pairs, p => p.0.id, p.1.0);
    take.extend(params![claim.node.0, Micros::from(now), DraftStatus::Processing.as_str()]);
    let taken = steps.add(sql!(deep "claim/take"), take);
    let finished = steps.add(sql!(deep "claim/steps"), columns!(pairs, p => p.0.id));
    // Nothing is locked after it, so whoever holds a queue's time can finish.
    steps.add(sql!(deep "claim/set_clock"), columns!(times, time => *time.0, *time.1));
    let due = steps.add(sql!(deep "claim/next_due"), params![]);
    let answers = tx.commit(steps).await?;
    let claimed = claimed(answers.rows(Some(taken)), answers.rows(Some(finished)), claim.node, now)?;
    purge(store).await;
    Ok((claimed, next_due(answers.rows(Some(due)))))
}

/// The virtual times these claims move: the largest sort key of each queue, and of all as [`COMMON`]. Time begins at 0,
/// before which urgent work may stand.
fn times(chosen: &[Head]) -> BTreeMap<i32, i64> {
    let mut times = BTreeMap::new();
    for head in chosen {
        for queue in [COMMON, head.queue] {
            let time = times.entry(queue).or_insert(0);
            *time = head.sort_key.max(*time);
        }
    }
    times
}

/// `None` when nothing may be claimed.
fn room(claim: &Claim, answers: &Answers, looked: &Looked) -> Result<Option<Room>, StoreError> {
    let pauses = admin::pauses_of(answers.rows(Some(looked.pauses)))?;
    let paused = |what: &PauseKey| pauses.iter().any(|pause| pause.what == *what);
    if paused(&PauseKey::Generation) {
        return Ok(None);
    }
    let waiting: Vec<(i32, Queue)> = answers
        .rows(Some(looked.queues))
        .iter()
        .map(|row| (row.get("id"), Queue::of(row)))
        .filter(|(_, queue)| !paused(&PauseKey::Recipe(queue.recipe.clone())))
        .collect();
    let mut running = Vec::new();
    for row in answers.rows(looked.in_use) {
        running.push((Queue::of(row), narrow("count of runs", row.get("running"))?));
    }
    Ok((!waiting.is_empty()).then(|| Room::new(&claim.limits, &running, &waiting)))
}

/// Locks the heads of the queues and chooses among them. Rows that somebody else is moving are passed over, so an empty
/// answer means "nothing to be had now", never "the queue is empty": workers poll on.
async fn heads(tx: &mut Tx, room: Room, want: usize) -> Result<Vec<Head>, Fault> {
    for whole in [false, true] {
        let asked = ask(&room, want, whole);
        if asked.is_empty() {
            return Ok(vec![]);
        }
        let mut steps = Steps::default();
        let numbers = columns!(asked, a => a.0, i64::try_from(a.1).unwrap_or(i64::MAX));
        let place = steps.add(sql!(deep "claim/next_in_queue"), numbers);
        let answers = tx.send(steps).await?;
        let head = |row: &Row| Head { queue: row.get("queue_id"), sort_key: row.get("sort_key"), id: row.get("id") };
        let found: Vec<Head> = answers.rows(Some(place)).iter().map(head).collect();
        if let Choice::Chosen(chosen) = choose(found, &asked, room.clone(), want) {
            return Ok(chosen);
        }
    }
    Ok(vec![])
}

fn claimed(rows: &[Row], steps: &[Row], node: NodeId, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
    let mut finished: HashMap<Uuid, Vec<FinishedStep>> = HashMap::new();
    for row in steps {
        let step = FinishedStep { name: row.get("name"), output: row.get("output") };
        finished.entry(row.get("generation_id")).or_default().push(step);
    }
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Uuid = row.get("id");
        let place = (row.get::<_, i64>("sort_key"), id);
        claimed.push((place, one(row, finished.remove(&id).unwrap_or_default(), node, now)?));
    }
    claimed.sort_by_key(|(place, _)| *place);
    Ok(claimed.into_iter().map(|(_, claimed)| claimed).collect())
}

fn one(row: &Row, steps: Vec<FinishedStep>, node: NodeId, now: Timestamp) -> Result<Claimed, StoreError> {
    let attempt_deadline = Timestamp::from(row.get::<_, Micros>("attempt_deadline_at"));
    Ok(Claimed {
        scope: Scope { workspace: WorkspaceId(row.get("workspace_id")) },
        generation: Generation {
            id: GenerationId(row.get("id")),
            terms: terms(row)?,
            state: State::Processing { node, claimed_at: now, attempt_deadline },
            attempt: AttemptNo(narrow("attempt", row.get("attempt"))?),
            spent: narrow("spent", row.get("spent"))?,
            row_version: RowVersion(row.get("row_version")),
        },
        draft: DraftId(row.get("draft_id")),
        user: UserId(row.get("user_id")),
        recipe: row.get("recipe"),
        recipe_version: row.get("recipe_version"),
        model: row.get("model"),
        input: row.get("input"),
        steps,
        call: CallId(row.get("call_id")),
    })
}

/// What was agreed at accept, from any row that carries the columns of `generations`.
pub fn terms(row: &Row) -> Result<Terms, StoreError> {
    Ok(Terms {
        accepted_at: row.get::<_, Micros>("accepted_at").into(),
        deadline_at: row.get::<_, Micros>("deadline_at").into(),
        attempt_timeout: Duration::from_micros(narrow("attempt_timeout_us", row.get("attempt_timeout_us"))?),
        max_attempts: narrow("max_attempts", row.get("max_attempts"))?,
        attempts_per_model: narrow("attempts_per_model", row.get("attempts_per_model"))?,
        hold: credits(row.get("hold"))?,
    })
}

/// Housekeeping that may fail: the next one does it.
async fn purge(store: &PostgresStore) {
    if store.claims.fetch_add(1, Ordering::Relaxed) % PURGE_EVERY != PURGE_EVERY - 1 {
        return;
    }
    if let Err(fault) = read(&store.writers, sql!(deep "claim/purge_fair"), params![PURGED_MAX]).await {
        tracing::debug!(error = %StoreError::from(fault), "users behind virtual time were not forgotten");
    }
}
