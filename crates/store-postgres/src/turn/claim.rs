//! The claim: due rows become ready, the queues with room are found, their heads locked, the first ones taken. Counting
//! and choosing happen under one lock per database, so that a limit holds across all processes.

use super::choose::{Choice, Head, Room, Running, Scene, ask, belongs, choose};
use super::heed::{self, Heed};
use super::next_due;
use crate::PostgresStore;
use crate::admin;
use crate::failure::Fault;
use crate::ledger::credits;
use crate::pipeline::{Answers, Steps, Tx, read};
use crate::queues::{COMMON, Queue};
use crate::totals::{self, SheetRow};
use crate::types::{Micros, columns, narrow, params, sql};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{AttemptNo, Generation, RowVersion, State, Terms};
use copydesk_core::health::{Cooling, Debt, Door, Paid};
use copydesk_core::ledger::{Margin, Metered};
use copydesk_core::{CallId, DraftId, GenerationId, NanoUsd, NodeId, Timestamp, Tokens, UserId, WorkspaceId};
use copydesk_store::admin::holding;
use copydesk_store::generations::{Claim, Claimed, FinishedStep, Lane, Limits, TurnAnswer};
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
    in_use: usize,
    pub health: usize,
    rates: Option<usize>,
}

/// The look and what it found.
pub struct Look {
    pub answers: Answers,
    pub places: Looked,
    /// What the turn's own writes said and cost.
    pub heed: Heed,
    /// What they add to the totals.
    pub booked: Vec<SheetRow>,
}

pub fn look<'a>(steps: &mut Steps<'a>, store: &PostgresStore, claim: &Claim, now: Timestamp) -> Looked {
    steps.add(sql!(deep "claim/promote_due"), params![Micros::from(now), PROMOTED_MAX]);
    let pauses = steps.add(sql!(deep "admin/pauses"), params![]);
    let limited = has_limits(&claim.limits);
    // As late as possible: whoever waits here has written everything else already.
    steps.add(sql!(deep "claim/lock"), params![store.claim_lock, limited]);
    let health = heed::read(steps);
    let queues = steps.add(sql!(deep "claim/waiting_queues"), params![]);
    let in_use = steps.add(sql!(deep "claim/lane_use"), params![limited]);
    let rates = (!claim.limits.rates.is_empty()).then(|| steps.add(sql!(deep "health/rates"), params![]));
    Looked { pauses, queues, in_use, health, rates }
}

fn has_limits(limits: &Limits) -> bool {
    limits.global.is_some() || !limits.lanes.is_empty() || !limits.rates.is_empty()
}

pub async fn claim(
    store: &PostgresStore,
    mut tx: Tx,
    claim: &Claim,
    now: Timestamp,
    look: Look,
) -> Result<TurnAnswer, Fault> {
    let Look { answers, places, mut heed, booked } = look;
    let rates = heed::rates(answers.rows(places.rates));
    let paid = |heed: &Heed| {
        claim.limits.rates.iter().map(|(lane, _)| heed.paid(&rates, &lane.name(), now)).collect::<Vec<_>>()
    };
    let health = heed.rows.clone();
    let mut chosen = vec![];
    let (mut let_go, mut cooling) = (None, HashMap::new());
    if let Some((running, waiting)) = queues(&answers, &places)? {
        let mut scene = Scene { limits: &claim.limits, running, waiting, health: &health, paid: paid(&heed), now };
        chosen = heads(&mut tx, Room::new(&scene), claim.calls.len()).await?;
        cooling = cooling_of(&scene, &chosen);
        for (lane, debt) in debts(&scene, &chosen) {
            heed.pay(&lane, debt);
        }
        scene.paid = paid(&heed);
        let_go = scene.waiting.iter().filter_map(|(_, queue)| release(&scene, queue)).min();
    }
    let mut steps = Steps::default();
    if chosen.is_empty() {
        let due = steps.add(sql!(deep "claim/next_due"), params![]);
        totals::write(&mut steps, &booked);
        heed.write(&mut steps, now);
        let answers = tx.commit(steps).await?;
        let next_due = next_due(answers.rows(Some(due))).into_iter().chain(let_go).min();
        return Ok(TurnAnswer { applied: vec![], claimed: vec![], next_due, health: heed.news });
    }
    let times = times(&chosen);
    let pairs: Vec<(&Head, &CallId)> = chosen.iter().zip(&claim.calls).collect();
    let mut take = columns!(pairs, p => p.0.id, p.1.0);
    take.extend(params![claim.node.0, Micros::from(now), DraftStatus::Processing.as_str()]);
    let taken = steps.add(sql!(deep "claim/take"), take);
    let finished = steps.add(sql!(deep "claim/steps"), columns!(pairs, p => p.0.id));
    let due = steps.add(sql!(deep "claim/next_due"), params![]);
    totals::write(&mut steps, &booked);
    // After the queues' times only health and rates are locked, and nothing after those, so whoever holds one can finish.
    steps.add(sql!(deep "claim/set_clock"), columns!(times, time => *time.0, *time.1));
    heed.write(&mut steps, now);
    let answers = tx.commit(steps).await?;
    let mut claimed = claimed(answers.rows(Some(taken)), answers.rows(Some(finished)), claim.node, now)?;
    for run in &mut claimed {
        run.cooling = cooling.remove(&run.generation.id.0);
    }
    purge(store).await;
    let next_due = next_due(answers.rows(Some(due))).into_iter().chain(let_go).min();
    Ok(TurnAnswer { applied: vec![], claimed, next_due, health: heed.news })
}

/// Why those that are claimed all the same are not to be called.
fn cooling_of(scene: &Scene<'_>, chosen: &[Head]) -> HashMap<Uuid, Cooling> {
    let mut of_queue = HashMap::new();
    for (id, queue) in &scene.waiting {
        if let Door::Cooling(cooling) = scene.door(queue) {
            of_queue.insert(*id, cooling);
        }
    }
    chosen.iter().filter_map(|head| Some((head.id, of_queue.get(&head.queue)?.clone()))).collect()
}

/// What the chosen ones cost the rates: one request each.
fn debts(scene: &Scene<'_>, chosen: &[Head]) -> Vec<(Lane, Debt)> {
    let mut debts = vec![];
    for (id, queue) in &scene.waiting {
        let count = chosen.iter().filter(|head| head.queue == *id).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        for place in scene.rates_of(queue) {
            let (lane, rate) = &scene.limits.rates[place];
            debts.push((lane.clone(), rate.cost(count, Tokens(0))));
        }
    }
    debts.retain(|(_, debt)| !debt.is_none());
    debts
}

/// When a queue that waits for a cooldown or a rate is let go.
fn release(scene: &Scene<'_>, queue: &Queue) -> Option<Timestamp> {
    let Scene { limits, paid, now, .. } = scene;
    match scene.door(queue) {
        Door::Cooling(cooling) => (!queue.onward).then_some(cooling.until),
        Door::Open => {
            let paid = |name: &str| {
                let place = limits.rates.iter().position(|(lane, _)| lane.name() == name);
                place.map_or_else(Paid::default, |place| paid[place])
            };
            limits.rate_limited(|lane| belongs(lane, queue), paid, *now).map(|(_, until)| until)
        }
    }
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

/// Who runs and who waits; `None` when nothing may be claimed.
#[allow(clippy::type_complexity, reason = "two lists, taken apart at once")]
fn queues(answers: &Answers, looked: &Looked) -> Result<Option<(Vec<Running>, Vec<(i32, Queue)>)>, StoreError> {
    let pauses = admin::pauses_of(answers.rows(Some(looked.pauses)))?;
    let waiting: Vec<(i32, Queue)> = answers
        .rows(Some(looked.queues))
        .iter()
        .map(|row| (row.get("id"), Queue::of(row)))
        .filter(|(_, queue)| holding(&pauses, |lane| belongs(lane, queue)).is_none())
        .collect();
    let mut running = Vec::new();
    for row in answers.rows(Some(looked.in_use)) {
        running.push(Running::of(row)?);
    }
    Ok((!waiting.is_empty()).then_some((running, waiting)))
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
        finished.entry(row.get("generation_id")).or_default().push(finished_step(row));
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
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
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
        params: row.get("params"),
        steps,
        call: CallId(row.get("call_id")),
        cooling: None,
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
        metered: metered(row)?,
        cost_max: row.get::<_, Option<i64>>("cost_max").map(NanoUsd),
    })
}

fn metered(row: &Row) -> Result<Option<Metered>, StoreError> {
    let Some(per_usd) = row.get::<_, Option<i64>>("metered_per_usd") else { return Ok(None) };
    Ok(Some(Metered {
        per_usd: credits(per_usd)?,
        margin: Margin(narrow("metered_margin", row.get("metered_margin"))?),
        min: credits(row.get("metered_min"))?,
    }))
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

/// A row of `steps`.
pub(crate) fn finished_step(row: &Row) -> FinishedStep {
    let cost = row.get::<_, Option<i64>>("cost_nanousd").map(NanoUsd);
    FinishedStep { name: row.get("name"), output: row.get("output"), cost }
}
