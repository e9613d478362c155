//! Usage: one row per call, with every figure the worker reported and none it did not.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{NanoUsd, Tokens};
use copydesk_store::Scope;
use copydesk_store::generations::Change;
use copydesk_store::usage::{CallFilter, ClosedCall};
use std::sync::Arc;

pub async fn every_figure_of_a_call_is_kept(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let full = ClosedCall {
        id: run.call,
        outcome: CallOutcome::Ok,
        usage: TokenUsage {
            input: Some(Tokens(123)),
            output: Some(Tokens(0)),
            input_cached: Some(Tokens(45)),
            input_cache_write: Some(Tokens(30)),
            input_cache_write_1h: Some(Tokens(20)),
            input_image: Some(Tokens(7)),
            output_reasoning: Some(Tokens(6)),
            output_image: Some(Tokens(5)),
            images: Some(4),
            video_seconds: Some(u32::MAX),
            requests: Some(2),
            provider_cost: None,
            estimated: true,
        },
        cost: Some(NanoUsd(9_000_000_000_000)),
        cost_status: "estimated".to_owned(),
        price_version: Some("demo-2026-11".to_owned()),
        duration_ms: 3_600_000,
        first_token_ms: Some(0),
        http_status: Some(206),
        provider_request_id: Some("req-äö'\"".to_owned()),
        served_model: Some("swift-2".to_owned()),
        error: Some(("internal".to_owned(), "quotes ' and \" and \u{1F600}".to_owned())),
    };
    let change = Change { closes: Some(full.clone()), ..builder::settle(&t.ids, &run, t.now()) };
    t.done(change).await;
    let call = t.calls(run.generation.id).await.remove(0);
    assert_eq!(call.closed, Some((t.now(), full)));
}

pub async fn a_providers_own_figure_is_kept_as_its_report(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let cost = Some(NanoUsd(77));
    let usage = TokenUsage { provider_cost: cost, ..TokenUsage::default() };
    let plain = builder::closed(run.call, CallOutcome::Ok, 1);
    let told = ClosedCall { usage, cost, cost_status: "provider".to_owned(), price_version: None, ..plain };
    t.done(Change { closes: Some(told.clone()), ..builder::settle(&t.ids, &run, t.now()) }).await;
    assert_eq!(t.calls(run.generation.id).await.remove(0).closed, Some((t.now(), told)));
}

pub async fn what_was_not_reported_is_absent_and_never_zero(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let bare = ClosedCall {
        id: run.call,
        outcome: CallOutcome::Ok,
        usage: TokenUsage::default(),
        cost: None,
        cost_status: "unpriced".to_owned(),
        price_version: None,
        duration_ms: 0,
        first_token_ms: None,
        http_status: None,
        provider_request_id: None,
        served_model: None,
        error: None,
    };
    let change = Change { closes: Some(bare.clone()), ..builder::settle(&t.ids, &run, t.now()) };
    t.done(change).await;
    assert_eq!(t.calls(run.generation.id).await.remove(0).closed, Some((t.now(), bare)));
}

pub async fn every_outcome_of_a_call_is_kept(t: Arc<Bench>) {
    for outcome in CallOutcome::ALL {
        let run = t.running(t.request()).await;
        // A hand-back is the one end whose generation says nothing about how its call ended.
        let closes = Some(builder::closed(run.call, outcome, 1));
        t.done(Change { closes, ..builder::hand_back(&t.ids, &run, t.now()) }).await;
        let (_, call) = t.calls(run.generation.id).await.remove(0).closed.expect("closed");
        assert_eq!(call.outcome, outcome);
        t.cancel(Scope::DEFAULT, run.generation.id).await;
    }
}

pub async fn calls_are_found_by_user_generation_and_draft(t: Arc<Bench>) {
    let ann = t.running(t.request().user("ann")).await;
    t.settle(&ann).await;
    let bob = t.running(t.request().user("bob")).await;
    let again = t.running(t.request().user("bob").existing(ann.draft)).await;
    let any = CallFilter::default;
    let cases = [
        (any(), vec![ann.call, bob.call, again.call]),
        (CallFilter { user: Some(bob.user), ..any() }, vec![bob.call, again.call]),
        (CallFilter { generation: Some(ann.generation.id), ..any() }, vec![ann.call]),
        (CallFilter { draft: Some(ann.draft), ..any() }, vec![ann.call, again.call]),
        (CallFilter { draft: Some(ann.draft), user: Some(bob.user), ..any() }, vec![again.call]),
        (CallFilter { generation: Some(t.ids.generation()), ..any() }, vec![]),
    ];
    for (filter, expected) in cases {
        let calls: Vec<_> = t.calls_of(Scope::DEFAULT, filter.clone()).await.iter().map(|call| call.id).collect();
        assert_eq!(calls, expected, "{filter:?}");
    }
}

pub async fn open_calls_are_listed_and_newest_come_first(t: Arc<Bench>) {
    let first = t.running(t.request()).await;
    let second = t.running(t.request()).await;
    t.settle(&first).await;
    let page = copydesk_store::PageRequest::newest(10);
    let page = t.store.calls(Scope::DEFAULT, CallFilter::default(), page).await.expect("calls");
    let rows: Vec<_> = page.rows.iter().map(|call| (call.id, call.closed.is_some())).collect();
    assert_eq!(rows, [(second.call, false), (first.call, true)]);
}
