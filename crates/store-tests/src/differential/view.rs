//! Answers and worlds as the differential test compares them: text, with what the contract leaves open taken out.

use super::Move;
use crate::bench::Bench;
use copydesk_core::generation::{Generation, State, Status, Wait};
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, Timestamp};
use copydesk_store::drafts::DraftRow;
use copydesk_store::events::EventRow;
use copydesk_store::generations::{Applied, Claimed, Fence, GenerationRow, Overdue, Turn, Write};
use copydesk_store::usage::{CallFilter, CallRow, ClosedCall};
use copydesk_store::{Scope, Store, StoreError};
use std::fmt::Debug;

/// An answer: what is compared, and what the driver learns from the model's.
#[derive(Default)]
pub(super) struct Told {
    pub text: String,
    pub accepted: Vec<(GenerationId, DraftId)>,
    pub applied: Vec<Applied>,
    pub claimed: Vec<Claimed>,
}

fn told(answer: impl Debug) -> Told {
    Told { text: format!("{answer:#?}"), ..Told::default() }
}

pub(super) async fn answer(store: &dyn Store, it: &Move) -> Told {
    match it {
        Move::Accept(batch) => {
            let answers = store.accept(batch.clone()).await.expect("accept");
            let accepted = answers.iter().flatten().map(copydesk_store::generations::Accepted::ids).collect();
            Told { accepted, ..told(answers) }
        }
        Move::Turn(turn) => of_turn(store, turn).await,
        Move::Beat(beat) => told(said(store.heartbeat(beat.clone()).await)),
        Move::Overdue(sweep) => {
            let found = store.overdue(sweep.clone()).await.expect("overdue");
            told(found.into_iter().map(|it| overdue(it, sweep.now)).collect::<Vec<_>>())
        }
        Move::CloseOrphans { now, before } => {
            told(store.close_orphan_calls(*now, *before, 1_000).await.expect("close_orphan_calls"))
        }
        Move::Pause { what, paused, at } => told(said(store.set_pause(what.clone(), *paused, *at).await)),
        Move::Edit(edit) => told(said(store.add_version(edit.clone()).await.map(draft))),
        Move::Set(set) => told(said(store.set_draft(set.clone()).await.map(draft))),
        Move::Post(post) => told(said(store.post(post.clone()).await)),
        Move::Gift(gift) => told(said(store.gift(gift.clone()).await)),
        Move::Expire(now, ids) => told(said(store.expire_lots(*now, ids.clone()).await)),
        Move::Order(order) => told(said(store.order_job(order.clone()).await)),
        Move::CloseItems(close) => told(said(store.close_items(close.clone()).await)),
        Move::Reopen(reopen) => told(said(store.reopen_items(reopen.clone()).await)),
        // When a parked one is moved to the queue is the engine's affair: the end of time makes all of them due.
        Move::Get(id) => {
            let row = store.get(Scope::DEFAULT, *id).await;
            told(row.map(|row| generation_row(row, Timestamp::from_micros(i64::MAX))))
        }
    }
}

async fn of_turn(store: &dyn Store, turn: &Turn) -> Told {
    let answer = store.turn(turn.clone()).await.expect("turn");
    let compared: Vec<Option<&Applied>> = turn
        .writes
        .iter()
        .zip(&answer.applied)
        .map(|(write, applied)| matches!(write, Write::Change(_)).then_some(applied))
        .collect();
    let next_due = turn.claim.is_some().then_some(answer.next_due);
    let told = told((compared, &answer.claimed, next_due, &answer.health));
    Told { applied: answer.applied, claimed: answer.claimed, ..told }
}

/// Engines may name a missing draft in either of two ways.
fn said<T: Debug>(answer: Result<T, StoreError>) -> Result<T, String> {
    answer.map_err(|error| match error {
        StoreError::NotFound { .. } | StoreError::Refused(Refusal::DraftNotFound) => "not found".to_owned(),
        StoreError::Refused(refusal) => refusal.code().to_owned(),
        StoreError::Busy(_)
        | StoreError::Unavailable(_)
        | StoreError::CommitUnknown(_)
        | StoreError::Corrupt(_)
        | StoreError::SchemaMismatch(_)
        | StoreError::TooNew { .. }
        | StoreError::Held { .. } => panic!("the store broke: {error:?}"),
    })
}

/// A due scheduled or backing-off generation is as good as ready.
fn generation(mut it: Generation, now: Timestamp) -> Generation {
    if let State::Pending { wait: Wait::Scheduled { until } | Wait::BackingOff { until } } = it.state
        && until <= now
    {
        it.state = State::Pending { wait: Wait::Ready };
    }
    it
}

fn overdue(it: Overdue, now: Timestamp) -> impl Debug {
    (it.scope, generation(it.generation, now), it.reason, it.open_call, it.input_bytes)
}

fn generation_row(row: GenerationRow, now: Timestamp) -> GenerationRow {
    let shows_error = match row.status() {
        Status::Pending | Status::Processing | Status::Failed => true,
        Status::Completed | Status::Cancelled => false,
    };
    GenerationRow {
        generation: generation(row.generation.clone(), now),
        last_error: row.last_error.clone().filter(|_| shows_error),
        ..row
    }
}

fn draft(row: DraftRow) -> DraftRow {
    DraftRow { revision: 0, updated_at: row.created_at, ..row }
}

fn call(row: CallRow) -> CallRow {
    let closed = row.closed.map(|(at, it)| match it.outcome {
        // When a second report replaced an estimate, either instant may stand.
        CallOutcome::Late => (row.opened_at, it),
        // How an estimate is made is the engine's affair; that it is one is not.
        CallOutcome::Lost => (at, estimate(it)),
        CallOutcome::Ok | CallOutcome::Failed | CallOutcome::Cancelled | CallOutcome::NotSent => (at, it),
    });
    CallRow { closed, ..row }
}

fn estimate(it: ClosedCall) -> ClosedCall {
    let usage = TokenUsage { estimated: it.usage.estimated, ..TokenUsage::default() };
    ClosedCall {
        id: it.id,
        outcome: it.outcome,
        usage,
        cost: None,
        cost_status: String::new(),
        price_version: None,
        duration_ms: 0,
        first_token_ms: None,
        http_status: None,
        provider_request_id: None,
        served_model: None,
        error: None,
    }
}

/// In the order of what they are about, each thing's own order kept; without the engine's numbers.
fn events(mut rows: Vec<EventRow>) -> Vec<impl Debug + PartialEq> {
    rows.sort_by_key(|row| (row.draft, row.generation));
    rows.into_iter().map(|row| (row.kind, row.generation, row.draft, row.user, row.at)).collect()
}

/// Compares everything visible in the default workspace.
pub(super) async fn assert_same_world(found: &Bench, expected: &Bench, now: Timestamp, seed: u64) {
    let (left, right) = (found.snapshot(Scope::DEFAULT).await, expected.snapshot(Scope::DEFAULT).await);
    let rows = |rows: Vec<GenerationRow>| rows.into_iter().map(|row| generation_row(row, now)).collect::<Vec<_>>();
    for (left, right) in rows(left.generations).into_iter().zip(rows(right.generations)) {
        assert_eq!(left, right, "seed {seed}: a generation");
        let fence = Fence::of(&left.generation);
        assert_eq!(fence.status, left.status());
    }
    let drafts = |rows: Vec<DraftRow>| rows.into_iter().map(draft).collect::<Vec<_>>();
    assert_eq!(drafts(left.drafts), drafts(right.drafts), "seed {seed}: drafts");
    assert_eq!(left.versions, right.versions, "seed {seed}: versions");
    assert_eq!(left.transfers, right.transfers, "seed {seed}: transfers");
    assert_eq!(left.balances, right.balances, "seed {seed}: balances");
    assert_eq!(events(left.events), events(right.events), "seed {seed}: events");
    let (left, right) = (calls(found).await, calls(expected).await);
    assert_eq!(left, right, "seed {seed}: calls");
    let health =
        async |bench: &Bench| (bench.store.health().await.expect("health"), bench.store.rates().await.expect("rates"));
    assert_eq!(health(found).await, health(expected).await, "seed {seed}: health and rates");
    let counts = async |bench: &Bench| {
        let what = bench.store.describe().await.expect("describe");
        (what.waiting, what.processing)
    };
    assert_eq!(counts(found).await, counts(expected).await, "seed {seed}: what waits and what runs");
}

async fn calls(bench: &Bench) -> Vec<CallRow> {
    bench.calls_of(Scope::DEFAULT, CallFilter::default()).await.into_iter().map(call).collect()
}
