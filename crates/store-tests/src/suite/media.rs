//! What jobs at a provider need of a store: a checkpoint that is replaced or forgotten, runs that only wait, files that
//! are written with their version or not at all.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::AssetId;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{FailureCode, State};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store::generations::{Change, Claimed, FinishedStep, Forgotten, Lane, Limits, NewAsset};
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

fn job(output: &str) -> FinishedStep {
    builder::finished("film.job", output)
}

/// The checkpoint that makes the job's id durable: from here on the run waits.
fn submitted(t: &Bench, run: &Claimed, id: &str) -> Change {
    Change { waits: true, ..builder::step(&t.ids, run, "film.job", id, "film.result", t.now()) }
}

async fn waiting(t: &Bench, run: &Claimed, id: &str) -> Claimed {
    let change = submitted(t, run, id);
    t.done(change.clone()).await;
    builder::after(run, &change)
}

/// The next name of the same job.
fn renamed(t: &Bench, run: &Claimed, id: &str) -> Change {
    let change = builder::step(&t.ids, run, "film.job", id, "film.result", t.now());
    Change { waits: true, opens: None, closes: None, ..change }
}

fn assets(t: &Bench, count: u32) -> Vec<NewAsset> {
    let asset = |seq: u32| NewAsset {
        id: AssetId(t.ids.uuid()),
        seq,
        media_type: "image/png".to_owned(),
        bytes: u64::from(seq) * 1_000,
        sha256: [seq as u8; 32],
        path: format!("w/g/{seq}.png"),
    };
    (1..=count).map(asset).collect()
}

fn not_found(answer: Result<impl Sized, StoreError>) -> bool {
    matches!(answer, Err(StoreError::NotFound { .. }))
}

pub async fn a_checkpoint_of_the_same_name_is_replaced_in_its_place(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let plan = builder::step(&t.ids, &run, "plan", "{}", "film.submit", t.now());
    t.done(plan.clone()).await;
    let run = waiting(&t, &builder::after(&run, &plan), "first").await;
    let next = renamed(&t, &run, "second");
    t.done(next.clone()).await;
    t.lost(next.clone()).await;
    let run = builder::after(&run, &next);
    let plan = builder::finished("plan", "{}");
    let id = run.generation.id;
    assert_eq!(t.store.steps(Scope::DEFAULT, id).await, Ok(vec![plan.clone(), job("second")]));
    assert_eq!(t.store.steps(builder::OTHER, id).await, Ok(vec![]), "not another workspace's");
    assert_eq!(t.calls(id).await.len(), 3, "the question about the job is one call, however it is called");
    t.done(builder::hand_back(&t.ids, &run, t.now())).await;
    assert_eq!(t.claim_one().await.steps, [plan, job("second")]);
}

pub async fn a_forgotten_checkpoint_begins_its_step_again(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let plan = builder::step(&t.ids, &run, "plan", "{}", "film.submit", t.now());
    t.done(plan.clone()).await;
    let run = waiting(&t, &builder::after(&run, &plan), "dead").await;
    let forgets = Some(Forgotten { checkpoint: "film.job".to_owned(), step: "film.submit".to_owned() });
    let failed = Change { forgets, ..builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now()) };
    t.done(failed.clone()).await;
    t.lost(failed).await;
    t.advance_s(60);
    let again = t.claim_one().await;
    assert_eq!(again.steps, [builder::finished("plan", "{}")]);
    let calls = t.calls(run.generation.id).await;
    let last = calls.iter().find(|call| call.id == again.call).expect("the call of the new attempt");
    assert_eq!((last.operation.as_str(), last.attempt), ("film.submit", 2));
}

pub async fn a_late_write_forgets_nothing(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let old = waiting(&t, &run, "alive").await;
    t.done(builder::lose(&t.ids, old.scope, &old.generation, Some(old.call), t.now())).await;
    t.advance_s(60);
    let forgets = Some(Forgotten { checkpoint: "film.job".to_owned(), step: "film.submit".to_owned() });
    t.lost(Change { forgets, ..builder::fail(&t.ids, &old, FailureCode::ProviderError, t.now()) }).await;
    assert_eq!(t.claim_one().await.steps, [job("alive")]);
}

pub async fn a_run_that_waits_is_counted_in_its_lanes_and_not_in_the_global_limit(t: Arc<Bench>) {
    let provider = Lane::Provider("demo".to_owned());
    let limits = |global, lane| Limits { global, lanes: lane, ..builder::no_limits() };
    let one = || limits(Some(1), vec![]);
    t.start(t.request().target("a")).await;
    let first = t.claim_with(1, one()).await.remove(0);
    t.start(t.request().target("b")).await;
    assert_eq!(t.claim_with(1, one()).await, [], "the global limit is full");
    let first = waiting(&t, &first, "job").await;
    let in_lane = limits(None, vec![(provider.clone(), 1)]);
    assert_eq!(t.claim_with(1, in_lane.clone()).await, [], "it still takes its place in the lane");
    let second = t.claim_with(1, one()).await;
    assert_eq!(second.len(), 1, "it takes none in the global limit");
    let (third, _) = t.start(t.request().target("c")).await;
    assert_eq!(t.claim_with(1, one()).await, []);
    t.beat(t.node).await;
    let (store, now) = (&t.store, t.now());
    let why = |limits: Limits| async move { store.why(Scope::DEFAULT, third, now, &limits).await };
    let global = Waiting::LaneFull { lane: "global".to_owned(), limit: 1, in_use: 1 };
    assert_eq!(why(one()).await, Ok(global));
    let lane = Waiting::LaneFull { lane: provider.name(), limit: 1, in_use: 2 };
    assert_eq!(why(in_lane).await, Ok(lane));
    assert_eq!(why(limits(Some(2), vec![])).await, Ok(Waiting::BehindOthers { position: 1 }));
    t.settle(&first).await;
}

pub async fn a_run_that_is_claimed_again_waits_no_more(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let run = waiting(&t, &run, "job").await;
    t.done(builder::hand_back(&t.ids, &run, t.now())).await;
    let one = Limits { global: Some(1), ..builder::no_limits() };
    assert_eq!(t.claim_with(1, one.clone()).await.len(), 1);
    t.start(t.request().target("b")).await;
    assert_eq!(t.claim_with(1, one).await, [], "the run that was claimed again counts until it waits again");
}

pub async fn assets_are_written_with_their_version(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let files = assets(&t, 2);
    let at = t.advance_s(3);
    let settle = Change { assets: files.clone(), ..builder::settle(&t.ids, &run, at) };
    let version = t.done(settle.clone()).await;
    for file in &files {
        let row = t.store.asset(Scope::DEFAULT, file.id).await.expect("the asset");
        assert_eq!((&row.asset, row.generation, row.draft), (file, run.generation.id, run.draft));
        assert_eq!((Some(row.version), row.created_at), (version, at));
        assert!(not_found(t.store.asset(builder::OTHER, file.id).await), "not another workspace's");
    }
    t.lost(Change { assets: assets(&t, 1), ..settle }).await;
    assert!(not_found(t.store.asset(Scope::DEFAULT, AssetId(t.ids.uuid())).await));
}

pub async fn a_late_result_writes_no_assets(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.cancel(run.scope, run.generation.id).await;
    let files = assets(&t, 1);
    t.lost(Change { assets: files.clone(), ..builder::settle(&t.ids, &run, t.now()) }).await;
    assert!(not_found(t.store.asset(Scope::DEFAULT, files[0].id).await));
}

pub async fn assets_without_content_are_refused_whole(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let files = assets(&t, 1);
    let bad = Change { assets: files.clone(), ..builder::fail(&t.ids, &run, FailureCode::Refused, t.now()) };
    let answer = t.store.turn(builder::writes(t.now(), vec![bad])).await;
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
    assert!(matches!(t.status_of(&run).await, State::Processing { .. }));
    assert!(not_found(t.store.asset(Scope::DEFAULT, files[0].id).await));
}

pub async fn a_lost_call_that_only_asks_is_given_no_tokens(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let run = waiting(&t, &run, "job").await;
    t.cancel(run.scope, run.generation.id).await;
    let asked = run.call;
    let before = t.advance(Duration::from_secs(1));
    assert_eq!(t.store.close_orphan_calls(t.now(), before, 10).await, Ok(1));
    let calls = t.calls(run.generation.id).await;
    let (_, closed) = calls.iter().find(|call| call.id == asked).and_then(|call| call.closed.clone()).expect("closed");
    assert_eq!((closed.outcome, closed.cost), (CallOutcome::Lost, None));
    assert_eq!((closed.usage.input, closed.usage.output, closed.usage.estimated), (None, None, false));
}

pub async fn the_sweeper_is_told_what_the_open_call_was_for(t: Arc<Bench>) {
    let run = t.running(t.request().deadline_in_s(10)).await;
    let run = waiting(&t, &run, "job").await;
    t.advance_s(20);
    let sweep = copydesk_store::generations::SweepRequest {
        now: t.now(),
        lost_before: builder::START,
        only_living: Some(t.node),
        attempt_grace: Duration::ZERO,
        stale_before: None,
        limit: 10,
        after: None,
    };
    let found = t.store.overdue(sweep).await.expect("overdue");
    assert_eq!((found[0].operation.as_str(), found[0].open_call), ("film.result", Some(run.call)));
}
