//! One request, one result, one usage row per call - however often and however quickly somebody clicks.

use crate::harness::*;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::Status;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_core::{NanoUsd, Tokens};
use copydesk_desk::DeskError;
use copydesk_desk::accept::{Again, Receipt, Request};
use copydesk_providers::ErrorClass;
use copydesk_store::generations::{Accepted, Idempotency};
use futures::future::join_all;
use std::collections::BTreeSet;

#[tokio::test]
async fn seed_a1_one_request_one_draft_one_usage_row_per_call() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("A text about tea.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    bench.clock.advance(seconds(7));
    bench.script.release(1);
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.version, row.origin.as_deref()), (Some(1), Some("generated")));

    assert_eq!(bench.drafts().await.len(), 1);
    let draft = bench.draft(receipt.draft).await;
    assert_eq!((draft.status, draft.current_version), (DraftStatus::Draft, 1));
    assert!(bench.body(receipt.draft).await.contains("A text about tea."));
    let calls = bench.calls(None).await;
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.user_external.as_str(), call.service.as_str(), call.operation.as_str()), ("ada", "note", "write"));
    assert_eq!((call.provider.as_str(), call.model.as_str(), call.attempt), ("demo", "demo/one", 1));
    let (_, closed) = call.closed.clone().unwrap();
    assert_eq!((closed.outcome, closed.duration_ms, closed.error), (CallOutcome::Ok, 7_000, None));
    assert_eq!((closed.usage.input, closed.usage.output), (Some(Tokens(100)), Some(Tokens(20))));
    assert_eq!((closed.usage.output_reasoning, closed.usage.total()), (Some(Tokens(5)), Some(Tokens(120))));
    assert_eq!((closed.cost, closed.cost_status.as_str()), (Some(NanoUsd(140_000)), "priced"));
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s0_b16_two_clicks_within_a_second_give_one_draft() {
    let bench = Bench::new().await;
    let (here, there) = (bench.working_beside_others(config()).await, bench.idle_beside_others(config()).await);
    bench.script.then([Reply::hold("Once.")]);
    let first = here.accept(note("tea")).await;
    until("the first is being worked on", || async { bench.script.in_flight() == 1 }).await;
    bench.advance(std::time::Duration::from_millis(700)).await;
    let second = here.accept(note("tea")).await;
    let third = there.accept(note("tea")).await;
    for again in [&second, &third] {
        let (generation, draft) = (first.generation, first.draft);
        assert_eq!(again.accepted, Accepted::Duplicate { generation, draft });
    }
    bench.script.release(1);
    bench.completed(first.generation).await;
    assert_eq!((bench.drafts().await.len(), bench.script.calls()), (1, 1));
    assert_eq!(bench.left("ada").await, credits("995"), "one charge");
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s0_b16_fifty_clicks_at_once_on_two_desks_give_one_draft() {
    let bench = Bench::new().await;
    let (here, there) = (bench.working_beside_others(config()).await, bench.idle_beside_others(config()).await);
    bench.script.otherwise(Reply::hold("Once."));
    let clicks = (0..50).map(|n| if n % 2 == 0 { &here } else { &there }.accept(note("tea")));
    let receipts: Vec<Receipt> = join_all(clicks).await;
    let new = receipts.iter().filter(|receipt| matches!(receipt.accepted, Accepted::New { .. })).count();
    let ids: BTreeSet<_> = receipts.iter().map(|receipt| (receipt.generation, receipt.draft)).collect();
    assert_eq!((new, ids.len()), (1, 1));
    bench.script.release(50);
    bench.completed(receipts[0].generation).await;
    assert_eq!((bench.generations().await.len(), bench.script.calls()), (1, 1));
    bench.in_order().await;
}

#[tokio::test]
async fn another_input_or_another_user_is_not_a_double_click() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let mut bobs = note("tea");
    bobs.user = Some("bob".to_owned());
    for request in [note("tea"), note("coffee"), bobs] {
        assert!(matches!(node.accept(request).await.accepted, Accepted::New { .. }));
    }
    assert_eq!(bench.drafts().await.len(), 3);
    bench.in_order().await;
}

fn keyed(prompt: &str) -> copydesk_desk::accept::Request {
    let mut request = note(prompt);
    request.recipe = "loose".to_owned();
    request.idempotency = Some(Idempotency {
        owner: "key_1".to_owned(),
        route: "POST /api/v1/generations".to_owned(),
        key: "click-17".to_owned(),
        fingerprint: [prompt.len() as u8; 32],
        expires_at: START.plus(seconds(86_400)),
    });
    request
}

#[tokio::test]
async fn another_model_asked_for_by_name_is_not_a_double_click_and_the_same_one_is() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let by = |model: Option<&str>, target: Option<&str>| Request {
        model: model.map(str::to_owned),
        target: target.map(str::to_owned),
        ..note("tea")
    };
    for target in [None, Some("slot")] {
        let mut seen = BTreeSet::new();
        for model in [None, Some("demo/one"), Some("demo/two")] {
            let first = node.accept(by(model, target)).await;
            assert!(seen.insert(first.generation), "{model:?} got another model's answer");
            let (generation, draft) = (first.generation, first.draft);
            assert_eq!(node.accept(by(model, target)).await.accepted, Accepted::Duplicate { generation, draft });
        }
    }
    bench.in_order().await;
}

#[tokio::test]
async fn the_same_idempotency_key_a_hundred_times_at_once_gives_one_generation() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipts = join_all((0..100).map(|_| node.accept(keyed("tea")))).await;
    let ids: BTreeSet<_> = receipts.iter().map(|receipt| receipt.generation).collect();
    let replayed = receipts.iter().filter(|receipt| matches!(receipt.accepted, Accepted::Replayed { .. })).count();
    assert_eq!((ids.len(), replayed), (1, 99));
    bench.completed(receipts[0].generation).await;
    let late = node.accept(keyed("tea")).await;
    assert!(matches!(late.accepted, Accepted::Replayed { .. }), "also after the end");
    let other = node.desk.accept(keyed("another body")).await.unwrap_err();
    assert!(other.to_string().contains("idempotency key was used before"), "{other}");
    assert_eq!((bench.generations().await.len(), bench.script.calls()), (1, 1));
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_repeat_after_its_deadline_is_the_replay_and_not_a_refusal() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let timed = |prompt: &str| {
        let mut request = keyed(prompt);
        (request.run_at, request.deadline) = (Some(START.plus(seconds(5))), Some(START.plus(seconds(60))));
        request
    };
    let first = node.accept(timed("tea")).await;
    bench.pass_until("it has ended", || async { bench.status(first.generation).await.is_final() }).await;
    bench.advance(seconds(120)).await;
    let again = node.accept(timed("tea")).await;
    assert!(matches!(again.accepted, Accepted::Replayed { .. }));
    assert_eq!((again.generation, again.draft, again.user), (first.generation, first.draft, first.user));
    let other = node.desk.accept(timed("another body")).await.unwrap_err();
    assert!(other.to_string().contains("idempotency key was used before"), "{other}");
    let mut unused = timed("tea");
    unused.idempotency.as_mut().unwrap().key = "click-18".to_owned();
    let late = node.desk.accept(unused).await.unwrap_err();
    assert!(late.to_string().contains("leaves no time"), "{late}");
    assert_eq!((bench.generations().await.len(), bench.script.calls()), (1, 1));
    bench.in_order().await;
}

#[tokio::test]
async fn a_repeated_retry_of_a_running_one_gives_its_ids_also_after_its_end() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("A text about tea.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let again = || Again { idempotency: keyed("tea").idempotency, ..Again::default() };
    let retry = async || node.desk.retry(SCOPE, receipt.generation, again()).await.map(|receipt| receipt.accepted);
    let (generation, draft) = (receipt.generation, receipt.draft);
    assert_eq!(retry().await, Ok(Accepted::Duplicate { generation, draft }));
    bench.script.release(1);
    bench.completed(generation).await;
    assert_eq!(retry().await, Ok(Accepted::Replayed { generation, draft, deduplicated: true }));
    let keyless = node.desk.retry(SCOPE, generation, Again::default()).await;
    assert_eq!(keyless, Err(DeskError::Refused(Refusal::AlreadyTerminal { status: Status::Completed })));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_a3_regenerate_keeps_one_draft_and_a_failed_regeneration_keeps_the_old_version() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("First."), Reply::say("Second."), Reply::Fail(ErrorClass::Refused)]);
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;

    let second = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    assert_eq!(second.draft, receipt.draft);
    bench.completed(second.generation).await;
    let draft = bench.draft(receipt.draft).await;
    assert_eq!((draft.current_version, draft.versions, bench.drafts().await.len()), (2, 2, 1));
    assert!(bench.body(receipt.draft).await.contains("Second."));

    let third = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    bench.failed(third.generation).await;
    let draft = bench.draft(receipt.draft).await;
    assert_eq!((draft.status, draft.current_version, draft.live_generation), (DraftStatus::Draft, 2, None));
    assert!(bench.body(receipt.draft).await.contains("Second."), "the old version stays");
    assert_eq!(bench.left("ada").await, credits("990"), "two texts were paid for");
    bench.in_order().await;
}

#[tokio::test]
async fn two_clicks_on_regenerate_give_one_further_version() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    bench.script.then([Reply::hold("Second.")]);
    let first = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    let second = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    assert_eq!(first.generation, second.generation);
    bench.script.release(1);
    bench.completed(first.generation).await;
    assert_eq!(bench.versions(receipt.draft).await.len(), 2);
    bench.in_order().await;
}

#[tokio::test]
async fn a_retry_is_a_new_generation_for_the_same_draft_with_a_new_hold() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Fail(ErrorClass::Rejected)]);
    let receipt = node.accept(note("tea")).await;
    bench.failed(receipt.generation).await;
    assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Failed);

    let again = node.desk.retry(SCOPE, receipt.generation, Again::default()).await.unwrap();
    assert_eq!(again.draft, receipt.draft);
    assert_ne!(again.generation, receipt.generation);
    bench.completed(again.generation).await;
    assert_eq!(bench.status(receipt.generation).await, Status::Failed, "a final state never changes");
    assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Draft);
    let refused = node.desk.retry(SCOPE, again.generation, Again::default()).await.unwrap_err();
    assert!(refused.to_string().contains("completed already"), "{refused}");
    assert_eq!(bench.left("ada").await, credits("995"), "only the text was paid for");
    bench.in_order().await;
}
