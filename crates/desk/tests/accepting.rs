//! What is refused at the door is refused whole: nothing is written, nothing is held.

use crate::harness::*;
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_desk::accept::Request;
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
