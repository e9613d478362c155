//! Totals: what closed calls used together, in the quarter of an hour each was closed in, whoever asks by whatever.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER, START};
use copydesk_core::Timestamp;
use copydesk_core::metering::question::{Dimension, Group, Question, Total};
use copydesk_core::metering::totals::{Figure, QUARTER_US};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_store::generations::{Change, Claimed, Turn, Write};
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;

/// Cuts at whole quarters after [`START`].
fn question(quarters: &[i64], by: &[Dimension]) -> Question {
    let cut = |quarter: &i64| Timestamp::from_micros(START.micros() + quarter * QUARTER_US);
    let (only, by) = (Group::default(), by.iter().copied().collect());
    Question { only, by, cuts: quarters.iter().map(cut).collect() }
}

async fn totals(t: &Bench, question: Question) -> Vec<Total> {
    t.store.totals(Scope::DEFAULT, question).await.expect("totals")
}

/// Calls and input tokens of each part.
async fn calls_and_input(t: &Bench, quarters: &[i64]) -> Vec<(i64, i64)> {
    let totals = totals(t, question(quarters, &[])).await;
    totals.iter().map(|total| (total.figures.get(Figure::Calls), total.figures.get(Figure::TokensInput))).collect()
}

async fn late(t: &Bench, run: &Claimed, n: i64) {
    let call = builder::closed(run.call, CallOutcome::Ok, n);
    t.turn(Turn { now: t.now(), writes: vec![Write::Late { scope: run.scope, call }], claim: None }).await;
}

pub async fn a_call_counts_in_the_quarter_it_was_closed_in(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.advance_s(899);
    let next = t.running(t.request()).await;
    t.settle(&run).await;
    t.advance_s(1);
    t.settle(&next).await;
    assert_eq!(calls_and_input(&t, &[0, 1, 2, 3]).await, [(1, 100), (1, 100), (0, 0)]);
    assert_eq!(calls_and_input(&t, &[-4, 4]).await, [(2, 200)]);
    assert_eq!(calls_and_input(&t, &[1, 4]).await, [(1, 100)]);
}

pub async fn an_open_call_counts_nowhere_yet(t: Arc<Bench>) {
    t.running(t.request()).await;
    assert_eq!(calls_and_input(&t, &[0, 1]).await, [(0, 0)]);
}

pub async fn every_figure_is_summed(t: Arc<Bench>) {
    for outcome in CallOutcome::ALL {
        let run = t.running(t.request()).await;
        let mut call = builder::closed(run.call, outcome, 1);
        call.usage.input_cache_write = Some(copydesk_core::Tokens(7));
        call.usage.output_reasoning = Some(copydesk_core::Tokens(5));
        (call.usage.images, call.usage.video_seconds) = (Some(2), Some(8));
        call.usage.estimated = outcome == CallOutcome::Cancelled;
        call.cost = call.cost.filter(|_| outcome != CallOutcome::Late);
        t.done(Change { closes: Some(call), ..builder::hand_back(&t.ids, &run, t.now()) }).await;
        t.cancel(Scope::DEFAULT, run.generation.id).await;
    }
    let total = totals(&t, question(&[0, 1], &[])).await.remove(0);
    let expected = [6, 2, 1, 1, 606, 306, 60, 42, 30, 12, 48, 5_005, 6 * 1_234];
    assert_eq!(total.figures.values(), &expected);
}

pub async fn totals_are_told_apart_by_what_is_asked(t: Arc<Bench>) {
    let cases = [
        ("ann", "code", "demo/swift"),
        ("ann", "chat", "demo/slow"),
        ("bob", "code", "demo/slow"),
        ("bob", "code", "spare/x"),
    ];
    for (user, recipe, model) in cases {
        let run = t.running(t.request().user(user).recipe(recipe).model(model)).await;
        t.settle(&run).await;
    }
    let counts = async |by: &[Dimension], only: Group| {
        let totals = totals(&t, Question { only, ..question(&[0, 4], by) }).await;
        let name = |group: &Group| group.service.clone().or(group.provider.clone()).or(group.model.clone());
        let row = |total: &Total| (name(&total.group).unwrap_or_default(), total.figures.get(Figure::Calls));
        totals.iter().map(row).collect::<Vec<_>>()
    };
    let pairs = |pairs: &[(&str, i64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
    let any = Group::default;
    assert_eq!(counts(&[Dimension::Service], any()).await, pairs(&[("chat", 1), ("code", 3)]));
    assert_eq!(counts(&[Dimension::Provider], any()).await, pairs(&[("demo", 3), ("spare", 1)]));
    let bob = Group { user: Some(builder::user_id(Scope::DEFAULT, "bob")), ..any() };
    assert_eq!(counts(&[Dimension::Model], bob).await, pairs(&[("demo/slow", 1), ("spare/x", 1)]));
    let demo = Group { provider: Some("demo".to_owned()), ..any() };
    assert_eq!(counts(&[], demo).await, pairs(&[("", 3)]));
    assert_eq!(counts(&[Dimension::User], any()).await, pairs(&[("", 2), ("", 2)]));
    let nobody = Group { service: Some("none".to_owned()), ..any() };
    assert_eq!(counts(&[Dimension::Model], nobody).await, []);
}

pub async fn the_true_figures_of_a_lost_call_take_the_place_of_its_estimate(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let generation = t.generation(Scope::DEFAULT, run.generation.id).await;
    t.done(builder::lose(&t.ids, Scope::DEFAULT, &generation, Some(run.call), t.now())).await;
    assert_eq!(calls_and_input(&t, &[0, 1]).await, [(1, 107)]);
    t.advance_s(3 * 900);
    late(&t, &run, 20).await;
    assert_eq!(calls_and_input(&t, &[0, 1, 2, 3, 4]).await, [(0, 0), (0, 0), (0, 0), (1, 120)]);
    late(&t, &run, 30).await;
    assert_eq!(calls_and_input(&t, &[0, 4]).await, [(1, 120)], "the same result twice is once");
}

pub async fn a_clock_that_goes_back_counts_where_it_says(t: Arc<Bench>) {
    t.advance_s(2 * 900);
    let (first, second) = (t.running(t.request()).await, t.running(t.request().user("b")).await);
    t.settle(&first).await;
    let earlier = Timestamp::from_micros(t.now().micros() - QUARTER_US - 1);
    t.done(builder::settle(&t.ids, &second, earlier)).await;
    assert_eq!(calls_and_input(&t, &[0, 1, 2, 3]).await, [(1, 100), (0, 0), (1, 100)]);
}

pub async fn orphaned_calls_are_counted_as_failed_estimates(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.cancel(Scope::DEFAULT, run.generation.id).await;
    t.advance_s(900);
    assert_eq!(t.store.close_orphan_calls(t.now(), t.now(), 10).await, Ok(1));
    let total = totals(&t, question(&[1, 2], &[])).await.remove(0);
    let figures = [Figure::Calls, Figure::Failed, Figure::Estimated, Figure::Unpriced, Figure::DurationMs];
    assert_eq!(figures.map(|figure| total.figures.get(figure)), [1, 1, 1, 1, 0]);
}

pub async fn the_calls_of_a_turn_that_is_undone_count_nowhere(t: Arc<Bench>) {
    let (run, bad) = (t.running(t.request()).await, t.running(t.request()).await);
    let broken = Change { content: None, ..builder::settle(&t.ids, &bad, t.now()) };
    let turn = builder::writes(t.now(), vec![builder::settle(&t.ids, &run, t.now()), broken]);
    t.store.turn(turn).await.expect_err("a change that contradicts itself");
    assert_eq!(calls_and_input(&t, &[0, 1]).await, [(0, 0)]);
    t.settle(&run).await;
    assert_eq!(calls_and_input(&t, &[0, 1]).await, [(1, 100)]);
}

pub async fn two_processes_book_into_the_same_totals(t: Arc<Bench>) {
    let mut runs = vec![];
    for n in 0..40 {
        runs.push(t.running(t.request().user(&format!("u{}", n % 5))).await);
    }
    t.advance_s(900);
    let (mine, theirs) = runs.split_at(20);
    let settle = async |store: Arc<dyn copydesk_store::Store>, runs: &[Claimed]| {
        for run in runs {
            let turn = builder::writes(t.now(), vec![builder::settle(&t.ids, run, t.now())]);
            store.turn(turn).await.expect("turn");
        }
    };
    futures::join!(settle(t.store.clone(), mine), settle(t.second(), theirs));
    assert_eq!(calls_and_input(&t, &[0, 1, 2]).await, [(0, 0), (40, 4_000)]);
    let by_user = totals(&t, question(&[1, 2], &[Dimension::User])).await;
    assert_eq!(by_user.iter().map(|total| total.figures.get(Figure::Calls)).collect::<Vec<_>>(), [8; 5]);
}

pub async fn a_straggler_races_with_a_new_quarter_and_each_counts_where_it_was(t: Arc<Bench>) {
    const ROUNDS: usize = 40;
    let mut runs = vec![];
    for _ in 0..2 * ROUNDS {
        runs.push(t.running(t.request().deadline_in_s(1_000_000)).await);
    }
    for pair in runs.chunks(2) {
        let before = t.now();
        t.advance_s(900);
        let settle = |store: Arc<dyn copydesk_store::Store>, run: &Claimed, at: Timestamp| {
            let turn = builder::writes(at, vec![builder::settle(&t.ids, run, at)]);
            tokio::spawn(async move { store.turn(turn).await })
        };
        let (late, new) = (settle(t.store.clone(), &pair[0], before), settle(t.second(), &pair[1], t.now()));
        for done in [late.await, new.await] {
            done.expect("no panic").expect("turn");
        }
    }
    let quarters: Vec<i64> = (0..=ROUNDS as i64 + 1).collect();
    let counts: Vec<i64> = calls_and_input(&t, &quarters).await.into_iter().map(|(calls, _)| calls).collect();
    let expected: Vec<i64> = [vec![1], vec![2; ROUNDS - 1], vec![1]].concat();
    assert_eq!(counts, expected);
}

pub async fn another_workspaces_calls_are_not_counted(t: Arc<Bench>) {
    let run = t.running(t.request().scope(OTHER)).await;
    t.settle(&run).await;
    assert_eq!(calls_and_input(&t, &[0, 1]).await, [(0, 0)]);
    let theirs = t.store.totals(OTHER, question(&[0, 1], &[Dimension::User])).await.expect("totals");
    assert_eq!(theirs.len(), 1);
    assert_eq!(theirs[0].group.user, Some(run.user));
}

pub async fn users_are_found_by_what_the_application_calls_them(t: Arc<Bench>) {
    let (ann, other) =
        (t.running(t.request().user("ann")).await, t.running(t.request().scope(OTHER).user("bob")).await);
    let names = t.store.user_names(Scope::DEFAULT, vec![ann.user, other.user]).await.expect("user_names");
    assert_eq!(names, [(ann.user, "ann".to_owned())]);
}

pub async fn a_question_whose_answer_would_be_too_large_is_refused(t: Arc<Bench>) {
    for user in ["a", "b", "c"] {
        let run = t.running(t.request().user(user)).await;
        t.settle(&run).await;
    }
    let cuts: Vec<i64> = (0..40_001).collect();
    let refused = t.store.totals(Scope::DEFAULT, question(&cuts, &[Dimension::User])).await;
    assert_eq!(refused, Err(StoreError::Refused(Refusal::UsageTooLarge { rows: 120_000, max: 100_000 })));
}
