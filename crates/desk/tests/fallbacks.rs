//! Honest fallbacks: marked, free, only when the answer could not be used - and what a person sees of a failure.

use crate::harness::*;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::FailureCode;
use copydesk_core::ledger::TransferKind;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_desk::accept::Request;
use copydesk_providers::ErrorClass;
use copydesk_store::ledger::TransferFilter;
use copydesk_store::{LedgerStore, PageRequest};
use serde_json::json;

fn letter(items: serde_json::Value) -> Request {
    Request { user: Some("ada".to_owned()), ..Request::new("letter", json!({ "topics": 1, "items": items })) }
}

fn news() -> serde_json::Value {
    json!([{ "title": "Tea", "text": "Tea is up.", "link": "https://example.com/tea" }])
}

const ARTICLE: &str = r#"{"title": "Tea", "intro": "Hello.", "topics": [{"heading": "Tea", "body": "Up.", "sources": [1]}], "conclusion": "Bye."}"#;

#[tokio::test]
async fn seed_s0_b22_a_fallback_is_marked_free_and_never_called_success_of_a_model() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.otherwise(Reply::say("I would rather talk about something else."));
    let receipt = node.accept(letter(news())).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;

    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.origin.as_deref(), row.generation.spent, bench.script.calls()), (Some("fallback"), 3, 3));
    let versions = bench.versions(receipt.draft).await;
    assert_eq!((versions[0].origin.as_str(), versions[0].reason.as_deref()), ("fallback", Some("unparsable_answer")));
    assert!(bench.body(receipt.draft).await.contains("not a written draft"));
    assert_eq!(bench.left("ada").await, credits("1000"), "free");
    let kinds: Vec<TransferKind> = bench
        .store
        .transfers(SCOPE, TransferFilter::default(), PageRequest::newest(10))
        .await
        .unwrap()
        .rows
        .into_iter()
        .filter(|line| line.entry.transfer.generation == Some(receipt.generation))
        .map(|line| line.entry.transfer.kind)
        .collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&TransferKind::Hold) && kinds.contains(&TransferKind::Release), "{kinds:?}");
    assert_eq!(bench.outcomes(receipt.generation).await, [Some(CallOutcome::Ok); 3], "the operator paid three calls");
    bench.in_order().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_tried_again_before_a_fallback_stands_in() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("Sorry?"), Reply::say(ARTICLE)]);
    let receipt = node.accept(letter(news())).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.origin.as_deref(), bench.script.calls()), (Some("generated"), 2));
    assert_eq!(bench.left("ada").await, credits("995"));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s0_b22_no_model_is_called_when_there_is_nothing_to_write_about() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    for (items, reason) in [(json!([]), "no_content"), (json!([{ "title": "Tea" }]), "no_trends")] {
        let receipt = node.accept(letter(items)).await;
        let row = bench.completed(receipt.generation).await;
        assert_eq!(row.origin.as_deref(), Some("fallback"));
        assert_eq!(bench.versions(receipt.draft).await[0].reason.as_deref(), Some(reason));
        assert_eq!(bench.outcomes(receipt.generation).await, [Some(CallOutcome::NotSent)]);
    }
    assert_eq!((bench.script.calls(), bench.left("ada").await), (0, credits("1000")));
    bench.in_order().await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_never_a_fallback() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("Sorry?"), Reply::say("Sorry?"), Reply::Fail(ErrorClass::ServerError)]);
    let receipt = node.accept(letter(news())).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::ProviderError);
    let draft = bench.draft(receipt.draft).await;
    assert_eq!((draft.status, draft.versions), (DraftStatus::Failed, 0));
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s0_b22_a_failed_draft_shows_a_sentence_and_no_internals() {
    const WORDS: &str = "Traceback (most recent call last): File \"/srv/app.py\", line 7 at 10.0.0.7:5432";
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let refused = Reply::FailSaying(ErrorClass::Rejected, WORDS.to_owned());
    bench.script.then([refused, Reply::Panic, Reply::Panic, Reply::Panic]);
    for (prompt, sentence) in [
        ("tea", "demo did not accept the request."),
        ("coffee", "Something inside Copydesk broke while working on this."),
    ] {
        let receipt = node.accept(note(prompt)).await;
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        let failure = bench.failed(receipt.generation).await;
        assert_eq!(failure.message, sentence);
        let (code, shown) = bench.row(receipt.generation).await.last_error.unwrap();
        assert_eq!((code.as_str(), shown.as_str()), (failure.code.as_str(), sentence));
        let events = bench.events(receipt.generation).await;
        assert!(events.iter().all(|event| !event.data.contains("Traceback") && !event.data.contains("code is broken")));
    }
    let calls = bench.calls(None).await;
    let (_, said) = calls[0].closed.as_ref().unwrap().1.error.clone().unwrap();
    assert!(said.contains(WORDS), "the operator finds the provider's own words beside the call: {said}");
    bench.in_order().await;
}
