//! Budgets over a desk: what is refused before it is made, what is counted whatever becomes of it, and that no generation
//! ever uses more than was set aside for it.

use crate::harness::*;
use copydesk_core::budget::{Budget, Measure, Period};
use copydesk_core::generation::Status;
use copydesk_core::metering::price::Price;
use copydesk_core::refusal::{BudgetExceeded, Refusal};
use copydesk_core::{BudgetId, NanoUsd};
use copydesk_desk::accept::{Again, Request};
use copydesk_desk::budgets::{BudgetEdit, BudgetOrder, Of};
use copydesk_desk::metrics::Value;
use copydesk_desk::{Desk, DeskError};
use copydesk_providers::ErrorClass;

/// What a whole answer of the scripts costs with `demo/one`. Units: nano-dollars.
const ANSWER: i64 = 140_000;

fn order(of: Of, limit: i64) -> BudgetOrder {
    BudgetOrder {
        scope: SCOPE,
        of,
        measure: Measure::Cost,
        period: Period::Day,
        zone: "UTC".to_owned(),
        limit,
        warn_at: None,
        idempotency: None,
    }
}

async fn set(node: &Node, limit: i64) -> BudgetId {
    node.desk.set_budget(order(Of::Workspace, limit)).await.unwrap().id
}

/// Used and reserved now.
async fn standing(desk: &Desk, id: BudgetId) -> (i64, i64) {
    let state = desk.budget(SCOPE, id, 1).await.unwrap();
    state.uses.first().map_or((0, 0), |it| (it.row.used, it.row.reserved))
}

fn exceeded<T: std::fmt::Debug>(answer: Result<T, DeskError>) -> BudgetExceeded {
    let Err(DeskError::Refused(Refusal::BudgetExceeded(no))) = answer else { panic!("{answer:?}") };
    *no
}

/// What one request for `note` sets aside.
async fn bound_of(node: &Node, request: Request) -> i64 {
    let id = set(node, i64::from(u32::MAX) * 1_000).await;
    let receipt = node.accept(request).await;
    let (_, reserved) = standing(&node.desk, id).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    node.desk.end_budget(SCOPE, id).await.unwrap();
    reserved
}

#[tokio::test]
async fn a_reached_budget_refuses_the_next_request_before_any_call() {
    let bench = Bench::new().await;
    let idle = bench.idle(config()).await;
    let most = bound_of(&idle, note("tea")).await;
    assert!(most > ANSWER, "{most}");
    let id = set(&idle, most + ANSWER).await;
    idle.desk.start_working().await.unwrap();
    let first = idle.accept(note("tea")).await;
    bench.completed(first.generation).await;
    assert_eq!(standing(&idle.desk, id).await, (ANSWER, 0), "what was not used is free again");
    let second = idle.accept(note("ten")).await;
    bench.completed(second.generation).await;
    let calls = bench.script.calls();
    let no = exceeded(idle.desk.accept(note("tee")).await);
    assert_eq!((no.budget, no.limit, no.used, no.reserved), (id, most + ANSWER, 2 * ANSWER, 0));
    assert_eq!(no.needed, most, "{no}");
    assert_eq!(bench.script.calls(), calls, "no call was made");
    let families = idle.desk.metrics().await.unwrap();
    let refusals = families.iter().find(|family| family.name == "copydesk_budget_refusals_total").unwrap();
    assert!(matches!(refusals.samples[0].value, Value::Whole(1)));
    bench.advance(seconds(86_400)).await;
    idle.accept(note("tomorrow")).await;
    bench.in_order().await;
}

#[tokio::test]
async fn regenerating_and_retrying_are_under_the_budget_too() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("one")]);
    let first = node.accept(note("tea")).await;
    bench.completed(first.generation).await;
    let failed = Request { model: Some("demo/one".to_owned()), ..note("fails") };
    bench.script.then([Reply::Fail(ErrorClass::Refused)]);
    let failed = node.accept(failed).await;
    bench.until_status(failed.generation, Status::Failed).await;
    set(&node, 10).await;
    exceeded(node.desk.regenerate(SCOPE, first.draft, Again::default()).await);
    exceeded(node.desk.retry(SCOPE, failed.generation, Again::default()).await);
    let tested = node.desk.test_model(SCOPE, None, "demo/one", None).await;
    assert!(tested.is_err(), "a test of a model asks the same meter: {tested:?}");
    bench.in_order().await;
}

#[tokio::test]
async fn failed_attempts_count_and_all_attempts_together_stay_below_what_was_set_aside() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let id = set(&node, 1_000_000_000).await;
    bench.script.then([Reply::Fail(ErrorClass::CutOff), Reply::Fail(ErrorClass::CutOff), Reply::say("tea")]);
    let receipt = node.accept(note("tea")).await;
    let (_, reserved) = standing(&node.desk, id).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let cost: i64 = bench
        .calls(Some(receipt.generation))
        .await
        .iter()
        .filter_map(|row| row.closed.as_ref()?.1.cost)
        .map(|c| c.0)
        .sum();
    let (used, left) = standing(&node.desk, id).await;
    assert_eq!((used, left), (cost, 0));
    assert!(used <= reserved, "{used} of {reserved}");
    assert!(bench.calls(Some(receipt.generation)).await.len() > 1);
    bench.in_order().await;
}

#[tokio::test]
async fn a_killed_process_loses_no_figure_of_a_budget() {
    let bench = Bench::new().await;
    let idle = bench.idle(config()).await;
    let id = set(&idle, 1_000_000_000).await;
    bench.script.then([Reply::Hang]);
    let receipt = bench.left_by_a_dead_process(config(), note("tea"), 1).await;
    assert!(standing(&idle.desk, id).await.1 > 0);
    let node = bench.working(config()).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let (used, reserved) = standing(&node.desk, id).await;
    assert!(used >= ANSWER && reserved == 0, "{used} {reserved}");
    bench.in_order().await;
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_where_cost_is_counted_and_says_which() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let unpriced = || Request { model: Some("demo/unlisted".to_owned()), ..note("tea") };
    let tokens = BudgetOrder { measure: Measure::Tokens, ..order(Of::EachUser, 1_000_000) };
    node.desk.set_budget(tokens).await.unwrap();
    node.accept(unpriced()).await;
    let budget = set(&node, 1_000_000_000).await;
    let answer = node.desk.accept(Request { user: Some("bob".to_owned()), ..unpriced() }).await;
    let expected = Refusal::UnpricedModelWithBudget { model: "demo/unlisted".to_owned(), budget };
    assert_eq!(answer.unwrap_err(), DeskError::Refused(expected));
}

#[tokio::test]
async fn what_was_set_aside_stays_when_a_price_is_edited() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let id = set(&node, 1_000_000_000_000).await;
    let receipt = node.accept(note("tea")).await;
    let before = standing(&node.desk, id).await;
    let dearer = Price::per_million("x", NanoUsd(50_000_000_000), NanoUsd(90_000_000_000));
    node.desk.set_price("demo/one", bench.world.now(), &dearer).await.unwrap();
    assert_eq!(standing(&node.desk, id).await, before);
    node.accept(Request { user: Some("bob".to_owned()), ..note("tea") }).await;
    assert!(standing(&node.desk, id).await.1 > before.1 * 2, "the next one is bounded by the new price");
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    bench.in_order().await;
}

#[tokio::test]
async fn bad_budgets_are_refused_with_all_their_faults() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let faults = |answer: Result<Budget, DeskError>| {
        let Err(DeskError::Invalid(faults)) = answer else { panic!("{answer:?}") };
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>()
    };
    let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    let all = BudgetOrder {
        zone: "Europe/Berlni".to_owned(),
        warn_at: Some(vec![90, 50]),
        ..order(Of::Key("nothing".to_owned()), 0)
    };
    let expected = [
        pair("/zone", "unknown_zone"),
        pair("/key", "bad_id"),
        pair("/limit", "out_of_range"),
        pair("/warn_at", "out_of_range"),
    ];
    assert_eq!(faults(node.desk.set_budget(all).await), expected);
    let nobody = node.desk.set_budget(order(Of::User("nobody".to_owned()), 5)).await;
    assert_eq!(faults(nobody), [pair("/user", "unknown")]);
    let no_key = copydesk_core::KeyId(bench.world.uuid(START)).to_string();
    assert_eq!(faults(node.desk.set_budget(order(Of::Key(no_key), 5)).await), [pair("/key", "unknown")]);
    let id = set(&node, 5).await;
    assert_eq!(faults(node.desk.change_budget(SCOPE, id, BudgetEdit::default()).await), [pair("", "required")]);
    let shares = BudgetEdit { limit: Some(-1), warn_at: Some(vec![101]) };
    let expected = [pair("/limit", "out_of_range"), pair("/warn_at", "out_of_range")];
    assert_eq!(faults(node.desk.change_budget(SCOPE, id, shares).await), expected);
}

#[tokio::test]
async fn every_recipe_of_the_bench_keeps_its_bound_with_every_model() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let id = set(&node, 1_000_000_000_000_000).await;
    let mut before = 0;
    for recipe in ["note", "metered"] {
        for round in 0..3 {
            let request = Request { recipe: recipe.to_owned(), ..note(&format!("{recipe} {round}")) };
            let bound = node.desk.rehearse(request.clone()).unwrap().bound.unwrap();
            let receipt = node.accept(request).await;
            bench.completed(receipt.generation).await;
            let (used, reserved) = standing(&node.desk, id).await;
            let tokens: i64 = bench
                .calls(Some(receipt.generation))
                .await
                .iter()
                .filter_map(|row| row.closed.as_ref()?.1.usage.total())
                .map(|tokens| tokens.0)
                .sum();
            let copydesk_core::budget::bound::MostCost::Known(most) = bound.cost else { panic!("{bound:?}") };
            assert!(used - before <= most.0 && reserved == 0, "{recipe}: {used} {before} {most:?}");
            assert!(tokens <= bound.tokens.0, "{recipe}: {tokens} {:?}", bound.tokens);
            before = used;
        }
    }
    bench.in_order().await;
}
