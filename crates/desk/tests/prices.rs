//! Prices that are set while desks run: which one a call is booked with.

use crate::harness::*;
use copydesk_core::metering::price::Price;
use copydesk_core::{GenerationId, NanoUsd};
use copydesk_desk::DeskError;
use copydesk_store::StoreError;
use copydesk_store_tests::{Method, When};

const DOLLAR: i64 = 1_000_000_000;

/// So many dollars per million tokens, in and out.
fn dollars(input: i64, output: i64) -> Price {
    Price::per_million("replaced", NanoUsd(input * DOLLAR), NanoUsd(output * DOLLAR))
}

/// What the only call of a finished generation cost, and by which price. Every whole answer used 100 tokens in, 20 out.
async fn booked(bench: &Bench, id: GenerationId) -> (Option<i64>, String) {
    let call = bench.calls(Some(id)).await.remove(0).closed.expect("closed").1;
    (call.cost.map(|cost| cost.0), call.price_version.unwrap_or_default())
}

async fn next(bench: &Bench, node: &Node) -> (Option<i64>, String) {
    let number = bench.script.calls();
    let receipt = node.accept(note(&format!("letter {number}"))).await;
    bench.completed(receipt.generation).await;
    booked(bench, receipt.generation).await
}

#[tokio::test]
async fn a_set_price_holds_for_the_next_call_and_its_end_gives_the_catalogue_back() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    assert_eq!(next(&bench, &node).await, (Some(140_000), "test-1".to_owned()));
    let row = node.desk.set_price("demo/one", bench.world.now(), &dollars(10, 20)).await.unwrap();
    let version = row.price.price.unwrap().version;
    assert!(version.starts_with("api-2"), "{version}");
    assert_eq!(next(&bench, &node).await, (Some(1_400_000), version));
    node.desk.end_price("demo/one").await.unwrap();
    assert_eq!(next(&bench, &node).await.1, "test-1");
    let twice = node.desk.end_price("demo/one").await.unwrap_err();
    assert!(matches!(twice, DeskError::NotFound { .. }), "{twice}");
    bench.in_order().await;
}

#[tokio::test]
async fn a_price_begins_at_its_instant_and_a_newer_one_takes_the_place_of_a_later_one() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let later = bench.world.now().plus(seconds(60));
    node.desk.set_price("demo/one", later, &dollars(3, 3)).await.unwrap();
    assert_eq!(next(&bench, &node).await.1, "test-1", "it has not begun");
    bench.advance(seconds(60)).await;
    assert_eq!(next(&bench, &node).await.0, Some(360_000));

    for (after, price) in [(30, 5), (60, 6), (0, 4)] {
        let from = bench.world.now().plus(seconds(after));
        node.desk.set_price("demo/one", from, &dollars(price, price)).await.unwrap();
    }
    assert_eq!(next(&bench, &node).await.0, Some(480_000));
    bench.advance(seconds(60)).await;
    assert_eq!(next(&bench, &node).await.0, Some(480_000), "the newest one that has begun holds");
}

#[tokio::test]
async fn a_call_keeps_the_price_it_began_with() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("A text.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.desk.set_price("demo/one", bench.world.now(), &dollars(10, 20)).await.unwrap();
    bench.script.release(1);
    bench.completed(receipt.generation).await;
    assert_eq!(booked(&bench, receipt.generation).await.1, "test-1");
}

#[tokio::test]
async fn another_desk_learns_a_price_with_its_next_beat_and_a_new_one_when_it_opens() {
    let bench = Bench::new().await;
    let first = bench.idle_beside_others(config()).await;
    let second = bench.working_beside_others(config()).await;
    settle().await;
    first.desk.set_price("demo/one", bench.world.now(), &dollars(10, 20)).await.unwrap();
    let asked = bench.script.calls();
    bench.advance(second.desk.config().heartbeat_every).await;
    assert_eq!(next(&bench, &second).await.0, Some(1_400_000));
    assert_eq!(bench.script.calls(), asked + 1);
    first.desk.end_price("demo/one").await.unwrap();
    second.kill();
    let third = bench.working_beside_others(config()).await;
    assert_eq!(next(&bench, &third).await.1, "test-1", "what ended before it opened");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_read_with_a_later_beat() {
    let bench = Bench::new().await;
    let first = bench.idle_beside_others(config()).await;
    let second = bench.working_beside_others(config()).await;
    settle().await;
    first.desk.set_price("demo/one", bench.world.now(), &dollars(10, 20)).await.unwrap();
    bench.store.fail_next(Method::Prices, 1, When::Before, StoreError::Busy("for a moment".to_owned()));
    bench.advance(second.desk.config().heartbeat_every).await;
    assert_eq!(next(&bench, &second).await.1, "test-1");
    bench.advance(second.desk.config().heartbeat_every).await;
    assert_eq!(next(&bench, &second).await.0, Some(1_400_000));
}

#[tokio::test]
async fn a_price_of_a_model_nobody_has_is_refused() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    for address in ["one", "", "demo/", "demo/one?ms=3", "demo/o ne", "demo/o\0ne"] {
        let refused = node.desk.set_price(address, bench.world.now(), &dollars(1, 1)).await.unwrap_err();
        assert!(matches!(refused, DeskError::Invalid(_)), "{address}: {refused}");
    }
    for address in ["demo/absent", "nobody/one"] {
        let refused = node.desk.set_price(address, bench.world.now(), &dollars(1, 1)).await.unwrap_err();
        assert!(matches!(refused, DeskError::UnknownModel { .. }), "{address}: {refused}");
    }
}

#[tokio::test]
async fn options_change_no_price_and_a_size_may_have_one_of_its_own() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let now = bench.world.now();
    node.desk.set_price("demo/one", now, &dollars(1, 1)).await.unwrap();
    let provider = node.desk.providers().get("demo").unwrap().clone();
    let set = |model: &str| node.desk.price_at(provider.as_ref(), model, now).unwrap().version;
    assert!(set("one?ms=3").starts_with("api-"));
    assert_eq!(set("one#4k"), set("one"));
    assert_eq!(set("two"), "test-1");
}
