//! Parameters of a recipe that one request changes: in every attempt, kept with the generation, part of what it is.

use crate::harness::*;
use copydesk_desk::accept::{Again, Request};
use copydesk_providers::Finish;
use copydesk_store::generations::Accepted;
use serde_json::{Value, json};

fn changed(prompt: &str, params: Value) -> Request {
    Request { params, ..note(prompt) }
}

#[tokio::test]
async fn every_attempt_is_asked_with_them_and_so_is_a_new_try() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Finish("Cut".to_owned(), Finish::Length)]);
    let receipt = node.accept(changed("tea", json!({"temperature": 0.25, "max_output_tokens": 64}))).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    let row = bench.completed(receipt.generation).await;
    assert_eq!(row.params.as_deref(), Some(r#"{"max_output_tokens":64,"temperature":0.25}"#));
    let again = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    assert_eq!(bench.completed(again.generation).await.params, row.params);
    let plain = node.accept(note("milk")).await;
    assert_eq!(bench.completed(plain.generation).await.params, None);
    let seen: Vec<_> = bench.script.seen().iter().map(|call| (call.temperature, call.max_output_tokens)).collect();
    let (asked, own) = ((Some(0.25), Some(64)), (None, Some(4_096)));
    assert_eq!(seen, [asked, asked, asked, own]);
    let provenance: Value = serde_json::from_str(&bench.versions(receipt.draft).await[0].content.provenance).unwrap();
    assert_eq!(provenance["params"], json!({"max_output_tokens": 64, "temperature": 0.25}));
    bench.in_order().await;
}

#[tokio::test]
async fn who_asks_the_same_with_other_parameters_wants_another_answer() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let ids = async |params: Value| {
        let receipt = node.accept(changed("tea", params)).await;
        (receipt.generation, matches!(receipt.accepted, Accepted::New { .. }))
    };
    let (plain, _) = ids(json!({})).await;
    let (cool, is_new) = ids(json!({"temperature": 0})).await;
    assert!(is_new && cool != plain);
    assert_eq!(ids(json!({"temperature": 0.0})).await, (cool, false), "one spelling for one meaning");
    assert_eq!(ids(Value::Null).await, (plain, false));
}
