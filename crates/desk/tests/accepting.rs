//! What is refused at the door is refused whole: nothing is written, nothing is held.

use crate::harness::*;
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_desk::accept::Request;
use copydesk_store::StoreError;
use copydesk_store::generations::Idempotency;
use copydesk_store_tests::{Method, When};
use serde_json::json;

async fn nothing_was_written(bench: &Bench) {
    assert_eq!((bench.drafts().await.len(), bench.generations().await.len()), (0, 0));
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_wrong_request_is_told_all_its_faults_at_once() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let mut request = note("");
    request.user = Some("a\0da".to_owned());
    request.target = Some("x".repeat(256));
    request.priority = 101;
    request.deadline = Some(START);
    request.metadata = json!([]);
    let DeskError::Invalid(faults) = node.desk.accept(request).await.unwrap_err() else { panic!("not invalid") };
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    for wrong in ["/user", "/target", "/input/prompt", "/priority", "/deadline", "/metadata"] {
        assert!(pointers.contains(&wrong), "{wrong} is not among {pointers:?}");
    }
    nothing_was_written(&bench).await;
}

#[tokio::test]
async fn an_unknown_recipe_or_model_is_refused_with_what_there_is() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let error = node.desk.accept(Request::new("nowt", json!({}))).await.unwrap_err();
    assert!(error.to_string().contains("note") && error.to_string().contains("newsletter"), "{error}");
    let mut request = note("tea");
    request.model = Some("demo/onne".to_owned());
    let error = node.desk.accept(request).await.unwrap_err();
    assert!(matches!(error, DeskError::UnknownModel { .. }));
    assert!(error.to_string().contains("demo/one"), "{error}");
    nothing_was_written(&bench).await;
}

#[tokio::test]
async fn who_cannot_pay_is_refused_before_anything_is_written() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let mut request = note("tea");
    request.user = Some("carl".to_owned());
    let error = node.desk.accept(request).await.unwrap_err();
    assert!(matches!(error, DeskError::Refused(Refusal::InsufficientCredits { .. })), "{error}");
    nothing_was_written(&bench).await;
}

#[tokio::test]
async fn a_hold_is_never_overshot_by_requests_at_once() {
    let bench = Bench::new().await;
    bench.grant("carl", "17").await;
    let node = bench.working(config()).await;
    let requests = (0..20).map(|n| {
        let mut request = note(&format!("tea {n}"));
        request.user = Some("carl".to_owned());
        node.desk.accept(request)
    });
    let answers = futures::future::join_all(requests).await;
    let accepted: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    assert_eq!(accepted.len(), 3, "17 credits pay three times 5");
    for receipt in accepted {
        bench.completed(receipt.generation).await;
    }
    assert_eq!(bench.left("carl").await, credits("2"));
    bench.in_order().await;
}

#[tokio::test]
async fn without_credits_nothing_is_held_and_nobody_pays() {
    let bench = Bench::new().await;
    let node = bench.working(copydesk_desk::DeskConfig::default()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_request_for_later_waits_until_then() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let mut request = note("tea");
    request.run_at = Some(START.plus(seconds(90)));
    let receipt = node.accept(request).await;
    bench.advance(seconds(89)).await;
    assert_eq!(bench.script.calls(), 0);
    assert_eq!(node.desk.why(SCOPE, receipt.generation).await.unwrap().reason(), "scheduled");
    bench.advance(seconds(1)).await;
    bench.completed(receipt.generation).await;
    assert_eq!(bench.script.seen()[0].at, START.plus(seconds(90)));
    bench.in_order().await;
}

#[tokio::test]
async fn a_name_that_cannot_be_stored_everywhere_is_refused_with_its_field() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let too_long = "k".repeat(256);
    for bad in ["", "a\0b", too_long.as_str()] {
        let with = |change: fn(&mut Request, String)| {
            let mut request = note("tea");
            change(&mut request, bad.to_owned());
            request
        };
        let requests = [
            ("/user", with(|request, bad| request.user = Some(bad))),
            ("/target", with(|request, bad| request.target = Some(bad))),
            ("/dedupe_key", with(|request, bad| request.dedupe_key = Some(bad))),
            ("/external_id", with(|request, bad| request.external_id = Some(bad))),
            ("/idempotency_key", with(|request, bad| request.idempotency = Some(keyed(bad)))),
        ];
        for (pointer, request) in requests {
            let refused = node.desk.accept(request).await.unwrap_err();
            let DeskError::Invalid(faults) = refused else { panic!("{refused}") };
            assert!(faults.iter().all(|fault| fault.pointer == pointer), "{faults:?}");
        }
        for pointer in ["/model", "/input/prompt", "/metadata/note"] {
            let mut request = note("tea");
            match pointer {
                "/model" => request.model = Some(format!("demo/{bad}")),
                "/input/prompt" => request.input = serde_json::json!({ "prompt": "a\0b" }),
                _ => request.metadata = serde_json::json!({ "note": "a\0b" }),
            }
            let refused = node.desk.accept(request).await.unwrap_err();
            assert!(matches!(&refused, DeskError::Invalid(faults) if faults[0].pointer == pointer), "{refused}");
        }
    }
    assert_eq!(bench.generations().await, []);
}

fn keyed(key: String) -> Idempotency {
    let (owner, route) = ("key_1".to_owned(), "POST /api/v1/generations".to_owned());
    Idempotency { owner, route, key, fingerprint: [1; 32], expires_at: START.plus(seconds(60)) }
}

#[tokio::test]
async fn one_request_the_store_cannot_take_does_not_take_its_batch_along() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    node.plug.block(Method::Accept);
    // The first one goes alone; the two behind it share the next batch.
    let impossible = StoreError::Corrupt("no database can hold this".to_owned());
    bench.store.fail_next(Method::Accept, 3, When::Before, impossible.clone());
    let accept = |prompt: &'static str| {
        let desk = node.desk.clone();
        tokio::spawn(async move { desk.accept(note(prompt)).await })
    };
    let first = accept("tea");
    settle().await;
    let (second, third) = (accept("coffee"), accept("milk"));
    settle().await;
    node.plug.unblock();
    assert_eq!(first.await.unwrap(), Err(DeskError::Store(impossible.clone())));
    assert_eq!(second.await.unwrap(), Err(DeskError::Store(impossible)), "refused in the batch and alone");
    let receipt = third.await.unwrap().unwrap();
    bench.completed(receipt.generation).await;
    assert_eq!((bench.generations().await.len(), bench.store.injected()), (1, 3));
    bench.in_order().await;
}
