//! The background audit: a working desk goes through everything by itself, keeps what it finds and notices what is mended.

use crate::harness::*;
use copydesk_core::NodeId;
use copydesk_desk::DeskConfig;
use copydesk_desk::error::DeskError;
use copydesk_store::audit::{AuditState, Finding, Found, Place, Proved, Record, Space, Span};
use copydesk_store::{AuditStore, EventStore, StoreError};
use copydesk_store_tests::{Method, When};

async fn state(bench: &Bench) -> AuditState {
    bench.store.audit_state().await.unwrap()
}

/// Beats until another whole round has ended.
async fn round(bench: &Bench) {
    let before = state(bench).await.round.map_or(0, |round| round.rounds);
    let ended = || async { state(bench).await.round.is_some_and(|round| round.rounds > before) };
    bench.pass_until("a round has ended", ended).await;
}

async fn gauges(node: &Node) -> Vec<String> {
    let families = node.desk.metrics().await.unwrap();
    let ours = families.iter().filter(|family| family.name.contains("audit") || family.name.contains("promise"));
    let sample = |family: &copydesk_desk::metrics::Family| {
        let samples: Vec<String> =
            family.samples.iter().map(|sample| format!("{:?} {:?}", sample.labels, sample.value)).collect();
        format!("{}: {}", family.name, samples.join(", "))
    };
    ours.map(sample).collect()
}

#[tokio::test]
async fn a_working_desk_audits_everything_round_after_round() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    until("it is written", || async { bench.row(receipt.generation).await.finished_at().is_some() }).await;
    assert_eq!((state(&bench).await.round, gauges(&node).await), (None, vec![]));
    round(&bench).await;
    round(&bench).await;
    let state = state(&bench).await;
    assert_eq!(state.open, []);
    assert!(state.round.unwrap().rows_before >= 2, "a generation and its draft");
    let shown = gauges(&node).await;
    assert_eq!(shown[..2], ["copydesk_audit_findings: [] Whole(0)", "copydesk_promise_violations: "]);
}

#[tokio::test]
async fn what_is_mended_is_gone_after_the_next_round() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    round(&bench).await;
    let (store, other, now) =
        (&bench.store, NodeId(copydesk_store_tests::builder::Ids::new().uuid()), bench.world.now());
    let later = now.plus(seconds(600));
    let reached = state(&bench).await.round.unwrap();
    let taken = store.claim_audit(other, later, later, reached.clone()).await.unwrap().unwrap();
    let finding = Finding { check: "balance_is_fold", subject: "usr_x".to_owned(), detail: "x".to_owned() };
    let found = vec![Found { finding, place: Place::END, workspace: None, generation: None }];
    let proved = Proved { span: Span::whole(Space::Ledger), rows: 0, found };
    store.record_proof(Record { node: other, at: now, round: taken, proved }).await.unwrap().unwrap();
    let shown = gauges(&node).await;
    let violations = "copydesk_promise_violations: [(\"promise\", \"balance_is_fold\")] Whole(1)";
    assert_eq!(shown[..2], ["copydesk_audit_findings: [] Whole(1)", violations]);
    bench.advance(seconds(600)).await;
    round(&bench).await;
    assert_eq!(state(&bench).await.open, []);
    let events = store.events(SCOPE, 0, 1_000).await.unwrap().rows;
    let told = events.iter().filter(|event| event.kind == "promise.violated").count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let bench = Bench::new().await;
    let _node = bench.working(DeskConfig { audit_every: None, ..config() }).await;
    bench.advance(seconds(600)).await;
    assert_eq!(state(&bench).await, AuditState { round: None, open: vec![] });
}

#[tokio::test]
async fn one_audit_of_everything_runs_at_a_time() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    node.plug.block(Method::Audit);
    let desk = node.desk.clone();
    let first = tokio::spawn(async move { desk.audit().await });
    settle().await;
    assert_eq!(node.desk.audit().await, Err(DeskError::AuditRunning));
    node.plug.unblock();
    assert_eq!(first.await.unwrap(), Ok(vec![]));
    assert_eq!(node.desk.audit().await, Ok(vec![]));
}

/// Two nodes whose slices take longer than an audit is held would take it from each other for ever, and prove nothing.
#[tokio::test]
async fn a_slice_that_takes_long_stays_its_nodes_and_is_recorded() {
    let bench = Bench::new().await;
    let nodes = [bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await];
    nodes[0].plug.block(Method::Prove);
    let (every, desk) = (seconds(60), nodes[0].desk.clone());
    let slow = tokio::spawn(async move { desk.audit_beat(every).await });
    settle().await;
    for _ in 0..10 {
        bench.advance(every).await;
        nodes[1].desk.audit_beat(every).await.unwrap();
    }
    assert_eq!(bench.store.called(Method::Prove), 0, "the other one leaves it to who is at it");
    nodes[0].plug.unblock();
    slow.await.unwrap().unwrap();
    assert_eq!(state(&bench).await.round.unwrap().rounds, 1);
}

#[tokio::test]
async fn a_slice_that_cannot_be_proved_is_tried_in_smaller_ones() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let slow = || StoreError::Unavailable("canceling statement due to statement timeout".to_owned());
    bench.store.fail_next(Method::Prove, 2, When::Before, slow());
    node.desk.audit_beat(seconds(60)).await.unwrap();
    assert_eq!(state(&bench).await.round.unwrap().rounds, 1);
    bench.store.fail_next(Method::Prove, 10, When::Before, slow());
    assert!(node.desk.audit_beat(seconds(60)).await.is_err(), "it ends");
    assert_eq!(bench.store.planned(), 7, "500 at once, then 20, then 1");
}
