//! What a generation may cost at most: a call that might pass it is never made, and what was made is never undone by it.

use crate::harness::*;
use copydesk_core::NanoUsd;
use copydesk_core::generation::{FailureCode, Status};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_desk::accept::{Again, Request};
use copydesk_desk::error::Fault;
use copydesk_desk::{Desk, DeskError};
use copydesk_providers::ErrorClass;

/// What each call of these tests costs.
const CALL: i64 = 140_000;

fn capped(request: Request, cap: i64) -> Request {
    Request { max_cost: Some(NanoUsd(cap)), ..request }
}

fn fault(answer: Result<impl std::fmt::Debug, DeskError>) -> Fault {
    match answer {
        Err(DeskError::Invalid(faults)) if faults.len() == 1 => faults[0].clone(),
        other => panic!("one fault was expected: {other:?}"),
    }
}

/// The most one attempt at this may cost, as a refusal says it.
fn most(desk: &Desk, request: Request) -> i64 {
    let fault = fault(desk.rehearse(capped(request, 0)));
    assert_eq!((fault.pointer.as_str(), fault.code.as_str()), ("/max_cost", "too_small"));
    let amount = fault.detail.rsplit('$').next().unwrap();
    amount.parse::<NanoUsd>().unwrap().0
}

#[tokio::test]
async fn a_cap_that_not_even_one_attempt_fits_under_is_refused_with_the_figures() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let most = most(&node.desk, note("tea"));
    assert!(most > CALL, "{most}");
    let refused = fault(node.desk.accept(capped(note("tea"), most - 1)).await);
    let (cap, first) = (NanoUsd(most - 1), NanoUsd(most));
    let detail = format!("${cap} is too little: one attempt with demo/one may cost up to ${first}");
    assert_eq!(refused.detail, detail);
    assert_eq!(bench.generations().await.len(), 0);
    let receipt = node.accept(capped(note("tea"), most)).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!(row.generation.terms.cost_max, Some(NanoUsd(most)));
    bench.in_order().await;
}

#[tokio::test]
async fn a_model_without_a_price_cannot_be_capped_wherever_it_stands_in_the_route() {
    let bench = Bench::new().await;
    let node = bench.idle(copydesk_desk::DeskConfig::default()).await;
    let of = |recipe: &str| Request { recipe: recipe.to_owned(), ..note("tea") };
    for request in [of("guess"), Request { model: Some("demo/unlisted".to_owned()), ..note("tea") }] {
        let fault = fault(node.desk.accept(capped(request.clone(), i64::MAX)).await);
        assert_eq!((fault.pointer.as_str(), fault.code.as_str()), ("/max_cost", "unpriced_model"));
        assert!(fault.detail.contains("demo/unlisted"), "{}", fault.detail);
        node.accept(request).await;
    }
}

#[tokio::test]
async fn another_try_is_made_only_where_what_is_spent_leaves_room_for_the_most_it_may_cost() {
    for (room, calls) in [(CALL - 1, 1), (CALL, 2)] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        bench.script.then([Reply::Finish("Cut of".to_owned(), copydesk_providers::Finish::Length)]);
        let cap = most(&node.desk, note("tea")) + room;
        let receipt = node.accept(capped(note("tea"), cap)).await;
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        assert_eq!(bench.script.calls(), calls);
        if calls == 2 {
            bench.completed(receipt.generation).await;
            continue;
        }
        let failure = bench.failed(receipt.generation).await;
        assert_eq!(failure.code, FailureCode::MaxCostReached);
        let (cap, spent, next) = (NanoUsd(cap), NanoUsd(CALL), NanoUsd(cap - room));
        let sentence = format!(
            "It may cost ${cap} at most: up to ${spent} is spent, and the next call of demo/one may cost up to ${next}."
        );
        assert_eq!(failure.message, sentence);
        let (cut, unsent) = (Some(CallOutcome::Ok), Some(CallOutcome::NotSent));
        assert_eq!(bench.outcomes(receipt.generation).await, [cut, unsent]);
        assert_eq!(bench.left("ada").await, credits("1000"), "the whole hold comes back");
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_route_ends_where_its_next_model_might_pass_the_cap() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([
        Reply::Finish("Cut of".to_owned(), copydesk_providers::Finish::Length),
        Reply::Fail(ErrorClass::Rejected),
    ]);
    let wide = || Request { recipe: "wide".to_owned(), ..note("tea") };
    let cap = most(&node.desk, wide()) + CALL;
    let receipt = node.accept(capped(wide(), cap)).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    // The second call was refused and cost nothing, so the next model has the same room.
    assert_eq!((bench.script.calls(), bench.status(receipt.generation).await), (3, Status::Completed));
    bench.in_order().await;
}

#[tokio::test]
async fn a_second_step_is_asked_behind_what_the_first_one_cost() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let pair = || Request { recipe: "pair".to_owned(), ..note("tea") };
    bench
        .script
        .then([Reply::say("three leaves"), Reply::Finish("Cut".to_owned(), copydesk_providers::Finish::Length)]);
    let cap = most(&node.desk, pair());
    let receipt = node.accept(capped(pair(), cap)).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let spent: i64 = bench
        .calls(Some(receipt.generation))
        .await
        .iter()
        .filter_map(|call| call.closed.as_ref()?.1.cost)
        .map(|cost| cost.0)
        .sum();
    assert!(spent <= cap && bench.script.calls() >= 2, "{spent} of {cap}");
    bench.in_order().await;
}

#[tokio::test]
async fn a_call_that_was_lost_counts_as_the_most_it_can_have_cost() {
    for (more, calls) in [(CALL, 1), (0, 1), (i64::from(u32::MAX), 2)] {
        let bench = Bench::new().await;
        bench.script.then([Reply::Hang]);
        let most = most(&bench.idle(config()).await.desk, note("tea"));
        let receipt = bench.left_by_a_dead_process(config(), capped(note("tea"), most + more), 1).await;
        let _second = bench.working(config()).await;
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        assert_eq!(bench.script.calls(), calls);
        if calls == 1 {
            assert_eq!(bench.failed(receipt.generation).await.code, FailureCode::MaxCostReached);
        } else {
            bench.completed(receipt.generation).await;
        }
        bench.in_order().await;
    }
}

#[tokio::test]
async fn a_new_try_has_the_cap_of_the_old_one_or_its_own() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Rejected)]);
    let cap = most(&node.desk, note("tea"));
    let receipt = node.accept(capped(note("tea"), cap)).await;
    bench.failed(receipt.generation).await;
    let low = Again { max_cost: Some(NanoUsd(1)), ..Again::default() };
    assert_eq!(fault(node.desk.retry(SCOPE, receipt.generation, low).await).code, "too_small");
    let again = node.desk.retry(SCOPE, receipt.generation, Again::default()).await.unwrap();
    let row = bench.completed(again.generation).await;
    assert_eq!(row.generation.terms.cost_max, Some(NanoUsd(cap)));
    let more = Again { max_cost: Some(NanoUsd(cap * 2)), ..Again::default() };
    let more = node.desk.regenerate(SCOPE, receipt.draft, more).await.unwrap();
    assert_eq!(bench.completed(more.generation).await.generation.terms.cost_max, Some(NanoUsd(cap * 2)));
    bench.in_order().await;
}
