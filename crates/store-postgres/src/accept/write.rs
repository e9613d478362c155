//! Writes a planned batch: first what others may contest (idempotency keys, dedupe keys, targets, in this order and each
//! sorted, so that two batches cannot deadlock), then everything else, one statement per table, and with COMMIT the rows of
//! busy users and queues. The claim locks those of the queues too, last and in the same order.

use super::plan::{New, Parked, Plan, stand_in_line};
use crate::events;
use crate::failure::Fault;
use crate::jobs::Jobbed;
use crate::ledger;
use crate::pipeline::{Answers, Steps, Tx};
use crate::types::{Micros, columns, sql, text, wide};
use crate::waiting::{self, Park, WaitingRow};
use crate::webhooks;
use copydesk_core::GenerationId;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::Slot;
use std::collections::BTreeSet;

/// The kind of the event each accepted generation starts its history with.
const ACCEPTED: &str = "generation.accepted";

/// False when a contested key was taken by somebody else: nothing was written.
pub async fn write(mut tx: Tx, plan: &mut Plan<'_>, jobs: &mut Jobbed) -> Result<bool, Fault> {
    let contested = !(plan.remembered.is_empty() && plan.keys.is_empty());
    if !plan.targets.is_empty() {
        let mut steps = Steps::default();
        let places = contest(&mut steps, plan);
        let targets =
            steps.add(sql!(deep "accept/insert_live_target"), columns!(plan.targets, t => t.0.0.0, t.0.1, t.1.0));
        let answers = tx.send(steps).await?;
        if !won(&answers, places, plan) {
            tx.rollback().await?;
            return Ok(false);
        }
        let holders: BTreeSet<GenerationId> =
            answers.rows(Some(targets)).iter().map(|row| GenerationId(row.get("generation_id"))).collect();
        stand_in_line(plan, &holders);
        let mut steps = Steps::default();
        rest(&mut steps, plan);
        jobs.write(&mut steps);
        hottest(&mut steps, plan);
        tx.commit(steps).await?;
        return Ok(true);
    }
    let mut steps = Steps::default();
    let places = contest(&mut steps, plan);
    rest(&mut steps, plan);
    jobs.write(&mut steps);
    if !contested {
        hottest(&mut steps, plan);
        tx.commit(steps).await?;
        return Ok(true);
    }
    let answers = tx.send(steps).await?;
    if !won(&answers, places, plan) {
        tx.rollback().await?;
        return Ok(false);
    }
    let mut steps = Steps::default();
    hottest(&mut steps, plan);
    tx.commit(steps).await?;
    Ok(true)
}

type Places = (Option<usize>, Option<usize>);

fn contest<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) -> Places {
    let remembered = (!plan.remembered.is_empty()).then(|| {
        let params = columns!(plan.remembered, r => r.0.0.0, r.0.1, r.0.2, r.0.3, r.1.key.fingerprint.to_vec(),
            r.1.ids.0.0, r.1.ids.1.0, r.1.deduplicated, Micros::from(r.1.at), Micros::from(r.1.key.expires_at));
        steps.add(sql!(deep "accept/put_idempotency"), params)
    });
    let keys = (!plan.keys.is_empty()).then(|| {
        let params = columns!(plan.keys, k => k.0.0.0, k.0.1, k.1.0.0, k.1.1.0);
        steps.add(sql!(deep "accept/insert_live_key"), params)
    });
    (remembered, keys)
}

fn won(answers: &Answers, (remembered, keys): Places, plan: &Plan<'_>) -> bool {
    answers.rows(remembered).len() == plan.remembered.len() && answers.rows(keys).len() == plan.keys.len()
}

fn rest<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) {
    if plan.new.is_empty() {
        return;
    }
    let users = columns!(plan.users, u => u.0.0.0, u.0.1.0, text(u.1.0), Micros::from(u.1.1));
    steps.add(sql!(deep "accept/insert_user"), users);
    insert_drafts(steps, plan);
    let new = &plan.new;
    let generations = columns!(new, n =>
        n.request.generation.0, n.request.scope.workspace.0, n.draft.0, n.request.user.0,
        n.request.key.map(|key| key.0), n.request.recipe.as_str(),
        n.request.recipe_version.as_str(), n.request.model.as_str(), n.request.step.as_str(), n.queue,
        n.request.target.as_deref(), n.request.dedupe_key.as_deref(), i32::from(n.request.priority.value()),
        n.base_version, Micros::from(n.request.at), n.request.run_at.map(Micros::from),
        Micros::from(n.request.deadline_at), timeout_us(n), i64::from(n.request.max_attempts),
        i64::from(n.request.attempts_per_model),
        n.request.hold.micros(), n.request.metered.map(|it| it.per_usd.micros()),
        n.request.metered.map(|it| i64::from(it.margin.0)), n.request.metered.map(|it| it.min.micros()),
        n.request.cost_max.map(|cost| cost.0), n.request.params.as_deref().map(text), wide(n.request.input.len() as u64),
        n.item.map(|item| item.job.0), n.item.map(|item| i64::from(item.seq)));
    steps.add(sql!(deep "accept/insert_generation"), generations);
    let inputs = columns!(new, n => n.request.generation.0, n.request.scope.workspace.0, text(&n.request.input),
        text(&n.request.metadata), n.request.filled.as_deref().map(text));
    steps.add(sql!(deep "accept/insert_input"), inputs);
    waiting::insert(steps, &new.iter().map(waiting_row).collect::<Vec<_>>());
    webhooks::put_requests(steps, new.iter().map(|new| new.request));
    ledger::write(steps, &plan.transfers, &plan.accounts);
    events::write(steps, &new.iter().map(accepted).collect::<Vec<_>>());
}

/// Last: the rows of busy users and queues stay locked for the shortest time. Nothing is locked after the queues' rows, so
/// whoever holds one can finish.
fn hottest<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) {
    if !plan.finish.is_empty() {
        steps.add(sql!(deep "accept/set_user_finish"), columns!(plan.finish, f => f.0.0, f.0.1.0, f.1.0));
    }
    if !plan.lifts.is_empty() {
        steps.add(sql!(deep "claim/set_clock"), columns!(plan.lifts, l => *l.0, l.1.0));
    }
}

fn insert_drafts<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) {
    let fresh: Vec<_> = plan
        .new
        .iter()
        .filter_map(|new| match &new.request.slot {
            Slot::New { draft, title, external_id } => Some((new.request, draft, text(title), external_id.as_deref())),
            Slot::Existing(_) => None,
        })
        .collect();
    if !fresh.is_empty() {
        let drafts = columns!(fresh, d => d.1.0, d.0.scope.workspace.0, d.0.user.0, d.0.recipe.as_str(), d.2.clone(),
            DraftStatus::Pending.as_str(), Review::None.as_str(), d.0.generation.0, d.3, 1_i64, Micros::from(d.0.at),
            Micros::from(d.0.at));
        steps.add(sql!(deep "accept/insert_draft"), drafts);
    }
    if !plan.refills.is_empty() {
        let refills = columns!(plan.refills, r => r.draft.0, r.generation.0, r.status.as_str(), Micros::from(r.at));
        steps.add(sql!(deep "accept/refill_draft"), refills);
    }
}

fn timeout_us(new: &New<'_>) -> i64 {
    i64::try_from(new.request.attempt_timeout.as_micros()).unwrap_or(i64::MAX)
}

fn waiting_row<'a>(new: &New<'a>) -> WaitingRow<'a> {
    let request = new.request;
    WaitingRow {
        queue: new.queue,
        sort_key: new.sort_key.0,
        id: request.generation.0,
        workspace: request.scope.workspace.0,
        attempt: 0,
        spent: 0,
        row_version: 1,
        deadline_at: request.deadline_at,
        model: &request.model,
        step: &request.step,
        last_error: None,
        park: new.parked.map(|parked| match parked {
            Parked::Scheduled(until) => Park::Scheduled(until),
            Parked::Target => Park::Target(request.target.as_deref().unwrap_or_default()),
        }),
    }
}

fn accepted<'a>(new: &New<'_>) -> NewEvent<'a> {
    let recipe = serde_json::Value::from(new.request.recipe.as_str());
    NewEvent {
        workspace: new.request.scope.workspace,
        kind: ACCEPTED,
        generation: Some(new.request.generation),
        draft: Some(new.draft),
        user: Some(new.request.user),
        at: new.request.at,
        data: format!("{{\"recipe\":{recipe},\"draft\":\"{}\"}}", new.draft).into(),
    }
}
