//! Retention: a working desk removes what its settings keep for a while only, and no total changes.

use crate::harness::*;
use copydesk_core::metering::cuts::{Interval, Zone};
use copydesk_desk::DeskConfig;
use copydesk_desk::config::Retention;
use copydesk_desk::prune::Gone;
use copydesk_desk::usage::{Usage, UsageRequest};
use copydesk_store::AuditStore;
use std::collections::BTreeSet;

const DAY: u64 = 86_400;

async fn usage(node: &Node) -> Usage {
    let request = UsageRequest {
        zone: Zone::utc(),
        interval: Interval::Day,
        from: Some(START),
        since: None,
        to: None,
        by: BTreeSet::new(),
        only: copydesk_core::metering::question::Group::default(),
    };
    node.desk.usage(SCOPE, request).await.unwrap()
}

#[tokio::test]
async fn a_desk_removes_old_rows_by_itself_and_no_total_changes() {
    let bench = Bench::new().await;
    let retention =
        Retention { usage: Some(seconds(2 * DAY)), events: Some(seconds(DAY)), deliveries: None, items: None };
    let node = bench.working(DeskConfig { retention, ..config() }).await;
    for prompt in ["tea", "coffee"] {
        let receipt = node.accept(note(prompt)).await;
        until("it is written", || async { bench.row(receipt.generation).await.finished_at().is_some() }).await;
        bench.advance(seconds(DAY)).await;
    }
    assert_eq!(bench.calls(None).await.len(), 2, "kept for two days");
    bench.advance(seconds(120)).await;
    until("the older one is gone", || async { bench.calls(None).await.len() == 1 }).await;
    let day = usage(&node).await.totals;
    let calls: Vec<i64> = day.iter().map(|total| total.figures.values()[0]).collect();
    assert_eq!(calls, [1, 1, 0]);
    assert_eq!(bench.store.audit().await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_trial_counts_and_removes_nothing_and_a_desk_without_settings_keeps_everything() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    until("it is written", || async { bench.row(receipt.generation).await.finished_at().is_some() }).await;
    bench.advance(seconds(400 * DAY)).await;
    assert_eq!(bench.calls(None).await.len(), 1);
    let keep = Retention { usage: Some(seconds(DAY)), events: None, deliveries: None, items: None };
    assert_eq!(node.desk.prune(keep, true).await.unwrap(), Gone { calls: 1, ..Gone::default() });
    assert_eq!(bench.calls(None).await.len(), 1);
    assert_eq!(node.desk.prune(keep, false).await.unwrap(), Gone { calls: 1, ..Gone::default() });
    assert_eq!(bench.calls(None).await.len(), 0);
}
