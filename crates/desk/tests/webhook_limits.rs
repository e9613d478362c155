//! Webhooks at their limits: endpoints that are disabled, changed or rotated while messages wait, and how many may.

use crate::harness::{Bench, SCOPE, config, note, seconds, settle, until};
use crate::webhooks::{HOOK, HOUR, ended, hooked, log, order, signed_with};
use copydesk_core::WorkspaceId;
use copydesk_core::refusal::Refusal;
use copydesk_core::webhook::End;
use copydesk_desk::DeskError;
use copydesk_desk::webhooks::{Before, EndpointEdit, EndpointOrder, OVERLAP, WAITING_MAX};
use copydesk_store::webhooks::{DeliveryFilter, StateWord};
use copydesk_store::{DeliveryStore, PageRequest, Scope};
use copydesk_store_tests::Method;

#[tokio::test]
async fn what_waits_for_a_disabled_endpoint_is_dropped_after_a_week() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.statuses(HOOK, &[503]);
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    node.accept(note("tea")).await;
    until("it was tried", || async { log(&bench, hook.row.id).await.iter().any(|(_, log)| log.len() == 1) }).await;
    let edit = EndpointEdit { enabled: Some(false), ..EndpointEdit::default() };
    node.desk.change_webhook(SCOPE, hook.row.id, edit, None).await.unwrap();
    let how = || async { ended(&log(&bench, hook.row.id).await[0].0) };
    for _ in 0..7 * 24 - 1 {
        bench.advance(seconds(HOUR)).await;
    }
    settle().await;
    assert_eq!(how().await, None);
    bench.advance(seconds(2 * HOUR)).await;
    bench.pass_until("it is dropped", || async { how().await == Some(End::Dropped) }).await;
    assert_eq!(bench.receiver.got().len(), 1);
}

#[tokio::test]
async fn other_kinds_are_told_from_their_change_on() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["webhook.disabled"]).await;
    for n in 0..30 {
        let receipt = node.accept(note(&format!("before {n}"))).await;
        bench.completed(receipt.generation).await;
    }
    settle().await;
    let edit = EndpointEdit { events: Some(vec!["generation.completed".to_owned()]), ..EndpointEdit::default() };
    node.desk.change_webhook(SCOPE, hook.row.id, edit, None).await.unwrap();
    let after = node.accept(note("after")).await;
    bench.completed(after.generation).await;
    bench.pass_until("it is told", || async { !bench.receiver.got().is_empty() }).await;
    settle().await;
    let told: Vec<_> = bench.receiver.got().iter().map(|got| got.json()["data"]["generation_id"].clone()).collect();
    assert_eq!(told, [after.generation.to_string()], "what was before is for a replay");
}

#[tokio::test]
async fn what_happened_before_kinds_were_narrowed_is_still_told() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    node.plug.block(Method::FanOut);
    let before = node.accept(note("before")).await;
    let edit = EndpointEdit { events: Some(vec!["webhook.disabled".to_owned()]), ..EndpointEdit::default() };
    node.desk.change_webhook(SCOPE, hook.row.id, edit, None).await.unwrap();
    node.accept(note("after")).await;
    node.plug.unblock();
    bench.pass_until("it is told", || async { !bench.receiver.got().is_empty() }).await;
    settle().await;
    let told: Vec<_> = bench.receiver.got().iter().map(|got| got.json()["data"]["generation_id"].clone()).collect();
    assert_eq!(told, [before.generation.to_string()]);
}

#[tokio::test]
async fn no_more_than_ten_thousand_wait_for_one_receiver_and_the_log_has_the_rest() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.hold(HOOK);
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    let full = |n: u32| copydesk_store::webhooks::NewDelivery {
        id: copydesk_core::DeliveryId(uuid::Uuid::from_u128(u128::from(n) + 1)),
        workspace: SCOPE.workspace,
        webhook: hook.row.id,
        seq: Some(i64::from(n) + 1),
        kind: "generation.accepted".to_owned(),
        url: None,
        lane: hook.row.id.0,
        body: "{}".to_owned(),
        at: bench.world.now().plus(seconds(HOUR)),
        dropped: false,
    };
    bench.store.inner().send((0..WAITING_MAX - 2).map(full).collect()).await.unwrap();
    for n in 0..3 {
        node.accept(note(&format!("note {n}"))).await;
    }
    let all = || async {
        let filter = DeliveryFilter { webhook: hook.row.id, state: Some(StateWord::Ended(End::Dropped)) };
        bench.store.inner().deliveries(SCOPE, filter, PageRequest::newest(10)).await.unwrap().rows.len()
    };
    bench.pass_until("the third is dropped", || async { all().await == 1 }).await;
    until("two are under way", || async { bench.receiver.at(HOOK).len() == 2 }).await;
    let families = node.desk.metrics().await.unwrap();
    let counted = families.iter().find(|family| family.name == "copydesk_webhook_deliveries_total").unwrap();
    assert!(
        counted
            .samples
            .iter()
            .any(|it| format!("{:?} {:?}", it.labels, it.value) == "[(\"outcome\", \"dropped\")] Whole(1)")
    );
    let told = node.desk.replay_webhook(SCOPE, hook.row.id, (1, 1_000)).await.unwrap();
    assert_eq!((told.messages, told.upto_seq), (0, 0), "a replay waits for room, too");
    bench.receiver.let_go();
}

#[tokio::test]
async fn a_secret_that_receivers_may_know_is_ended_by_no_second_rotation_unless_somebody_says_so() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    let rotate = |before| node.desk.rotate_webhook(SCOPE, hook.row.id, OVERLAP, before);
    let first = rotate(Before::Kept).await.unwrap();
    let until_at = first.row.old_secret.as_ref().unwrap().1;
    let refused = rotate(Before::Kept).await.unwrap_err();
    let counts = Refusal::OldSecretCounts { webhook: hook.row.id, until: until_at };
    assert!(matches!(&refused, DeskError::Refused(no) if *no == counts), "{refused}");
    let second = rotate(Before::Dropped).await.unwrap();
    node.accept(note("tea")).await;
    until("it has arrived", || async { bench.receiver.got().len() == 1 }).await;
    let got = bench.receiver.got().remove(0);
    let signed = [&second, &first, &hook].map(|secret| signed_with(&got, &secret.secret.reveal()));
    assert_eq!(signed, [true, true, false]);
    bench.advance(OVERLAP).await;
    rotate(Before::Kept).await.unwrap();
}

/// What the duty reads of 40 workspaces with endpoints that want nothing of what happens, while 30 generations run.
#[tokio::test]
async fn events_that_no_endpoint_wants_are_not_read_for_webhooks() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    for n in 0..40 {
        let scope = Scope::of(WorkspaceId(uuid::Uuid::from_u128(n + 1_000)));
        let order = EndpointOrder { scope, ..order(HOOK, &[]) };
        node.desk.add_webhook(order).await.unwrap();
    }
    hooked(&node, HOOK, &["webhook.disabled"]).await;
    let read = || [Method::Events, Method::FanOut, Method::Feeds].map(|method| bench.store.called(method));
    bench.pass_until("all have been looked at", || async { read()[0] >= 41 }).await;
    let before = read();
    for n in 0..30 {
        let receipt = node.accept(note(&format!("note {n}"))).await;
        bench.completed(receipt.generation).await;
    }
    settle().await;
    let [events, fan_outs, feeds] = std::array::from_fn(|at| read()[at] - before[at]);
    println!("pages of events: {events}, feeds moved: {fan_outs}, endpoints read: {feeds}");
    assert_eq!((events, fan_outs), (0, 0), "nobody wants any of it");
    assert!(feeds <= 2, "and nobody reads the endpoints for each: {feeds}");
    hooked(&node, HOOK, &["generation.accepted"]).await;
    node.accept(note("wanted")).await;
    until("it is told", || async { !bench.receiver.got().is_empty() }).await;
    let read = read();
    assert!(read[0] - before[0] <= 4 && read[1] - before[1] <= 2, "{read:?} {before:?}");
}
