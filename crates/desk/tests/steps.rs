//! Recipes of several steps: a finished step is never called for again.

use crate::harness::*;
use copydesk_core::Tokens;
use copydesk_core::generation::Status;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_desk::Desk;
use copydesk_desk::accept::Request;
use copydesk_providers::ErrorClass;
use std::sync::Arc;

fn pair() -> Request {
    Request { recipe: "pair".to_owned(), ..note("tea") }
}

fn prompts(bench: &Bench) -> Vec<String> {
    bench.script.seen().into_iter().map(|call| call.prompt).collect()
}

#[tokio::test]
async fn the_answer_of_a_step_reaches_the_prompt_of_the_next_one() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("three leaves"), Reply::say("The tea has three leaves.")]);
    let receipt = node.accept(pair()).await;
    bench.completed(receipt.generation).await;
    assert_eq!(prompts(&bench), ["Plan for: tea", "Write this out: three leaves"]);
    assert!(bench.body(receipt.draft).await.contains("The tea has three leaves."));
    let calls = bench.calls(Some(receipt.generation)).await;
    let operations: Vec<&str> = calls.iter().map(|row| row.operation.as_str()).collect();
    assert_eq!((operations, calls[1].attempt), (vec!["plan", "write"], 1));
    assert_eq!((bench.versions(receipt.draft).await.len(), bench.left("ada").await), (1, credits("995")));
    bench.in_order().await;
}

#[tokio::test]
async fn a_crash_after_the_first_step_does_not_call_for_it_again() {
    let bench = Bench::new().await;
    bench.script.then([Reply::say("three leaves"), Reply::Hang]);
    let receipt = bench.left_by_a_dead_process(config(), pair(), 2).await;
    let _second = bench.working(config()).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert_eq!(prompts(&bench)[1..], ["Write this out: three leaves", "Write this out: three leaves"]);
    let (ok, lost) = (Some(CallOutcome::Ok), Some(CallOutcome::Lost));
    assert_eq!(bench.outcomes(receipt.generation).await, [ok, lost, ok]);
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_failed_second_step_is_tried_again_without_the_first() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("three leaves"), Reply::Fail(ErrorClass::CutOff)]);
    let receipt = node.accept(pair()).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert_eq!(prompts(&bench).len(), 3);
    assert!(prompts(&bench)[2].contains("three leaves"));
    bench.in_order().await;
}

#[tokio::test]
async fn an_unusable_first_answer_is_a_failed_attempt_of_the_first_step() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say(" ")]);
    let receipt = node.accept(pair()).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert_eq!(prompts(&bench)[..2], ["Plan for: tea", "Plan for: tea"]);
    bench.in_order().await;
}

#[tokio::test]
async fn a_recipe_whose_steps_were_changed_in_between_fails_with_a_sentence() {
    let bench = Bench::new().await;
    bench.script.then([Reply::say("three leaves"), Reply::Hang]);
    let receipt = bench.left_by_a_dead_process(config(), pair(), 2).await;
    let (_folder, shelf) = recipes::changed_shelf();
    let plug = Plug::new(bench.store.clone(), None);
    let parts = copydesk_desk::Parts { shelf, store: Arc::new(plug.clone()), ..bench.parts(&plug, config()) };
    let second = Desk::open(parts).await.unwrap();
    second.start_working().await.unwrap();
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let failure = bench.failed(receipt.generation).await;
    assert!(failure.message.contains("steps of the recipe \"pair\" were changed"), "{failure}");
    assert_eq!((bench.script.calls(), bench.left("ada").await), (2, credits("1000")));
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancel_in_the_second_step_books_only_what_the_second_call_wrote() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say(&"leaf ".repeat(100)), Reply::hold("Eight by")]);
    let receipt = node.accept(pair()).await;
    until("the second step is under way", || async { bench.script.calls() == 2 }).await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    until("its figures are booked", || async { bench.outcomes(receipt.generation).await[1].is_some() }).await;
    let calls = bench.calls(Some(receipt.generation)).await;
    assert_eq!(calls[0].closed.as_ref().unwrap().1.usage.output, Some(Tokens(20)));
    assert_eq!(calls[1].closed.as_ref().unwrap().1.usage.output, Some(Tokens(2)));
    assert_eq!(bench.status(receipt.generation).await, Status::Cancelled);
    assert_eq!(bench.left("ada").await, credits("1000"), "cancelled before anything was shown");
    bench.in_order().await;
}
