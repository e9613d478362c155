//! `why`: one true reason for every generation that waits.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::GenerationId;
use copydesk_core::generation::FailureCode;
use copydesk_core::generation::waiting::Waiting;
use copydesk_store::Scope;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::{Heartbeat, Lane, Limits};
use std::sync::Arc;

async fn why(t: &Bench, id: GenerationId) -> Waiting {
    why_with(t, id, &builder::no_limits()).await
}

async fn why_with(t: &Bench, id: GenerationId, limits: &Limits) -> Waiting {
    t.store.why(Scope::DEFAULT, id, t.now(), limits).await.expect("why")
}

pub async fn behind_others_counts_those_before_it(t: Arc<Bench>) {
    t.beat(t.node).await;
    let batch: Vec<_> = (0..5).map(|_| t.request()).collect();
    let last = batch[4].generation;
    t.accept_all(batch).await;
    assert_eq!(why(&t, last).await, Waiting::BehindOthers { position: 5 });
    t.claim(4).await;
    assert_eq!(why(&t, last).await, Waiting::BehindOthers { position: 1 });
}

pub async fn a_full_lane_is_named_with_its_limit_and_use(t: Arc<Bench>) {
    t.beat(t.node).await;
    t.accept_all((0..2).map(|_| t.request()).collect()).await;
    t.claim(2).await;
    let (id, _) = t.start(t.request()).await;
    for lane in [Lane::Provider("demo".to_owned()), Lane::Recipe("newsletter".to_owned())] {
        let full = Waiting::LaneFull { lane: lane.name(), limit: 2, in_use: 2 };
        assert_eq!(why_with(&t, id, &builder::lane(lane, 2)).await, full);
    }
    let limits = Limits { global: Some(1), ..builder::no_limits() };
    let full = Waiting::LaneFull { lane: "global".to_owned(), limit: 1, in_use: 2 };
    assert_eq!(why_with(&t, id, &limits).await, full);
    let other = builder::lane(Lane::Provider("other".to_owned()), 1);
    assert_eq!(why_with(&t, id, &other).await, Waiting::BehindOthers { position: 1 });
}

pub async fn a_locked_target_is_named_with_its_holder(t: Arc<Bench>) {
    t.beat(t.node).await;
    let (holder, _) = t.start(t.request().target("app7")).await;
    let (id, _) = t.start(t.request().target("app7")).await;
    assert_eq!(why(&t, id).await, Waiting::TargetLocked { target: "app7".to_owned(), holder });
}

pub async fn backing_off_says_until_when_and_after_what(t: Arc<Bench>) {
    t.beat(t.node).await;
    let run = t.running(t.request()).await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    let Waiting::BackingOff { until, failed_attempts, last_error } = why(&t, run.generation.id).await else {
        panic!("it backs off")
    };
    assert!(until > t.now());
    assert_eq!((failed_attempts, last_error.is_some()), (1, true));
}

pub async fn scheduled_says_when(t: Arc<Bench>) {
    t.beat(t.node).await;
    let request = t.request().run_in_s(60);
    let until = request.run_at.expect("just set");
    let (id, _) = t.start(request).await;
    assert_eq!(why(&t, id).await, Waiting::Scheduled { until });
}

pub async fn paused_says_what_and_since_when(t: Arc<Bench>) {
    t.beat(t.node).await;
    let (id, _) = t.start(t.request().recipe("code")).await;
    for what in [PauseKey::recipe("code".to_owned()), PauseKey::Generation] {
        t.store.set_pause(what.clone(), true, t.now()).await.expect("set_pause");
        assert_eq!(why(&t, id).await, Waiting::Paused { what: what.name(), since: t.now() });
        t.store.set_pause(what, false, t.now()).await.expect("set_pause");
    }
    t.store.set_pause(PauseKey::recipe("chat".to_owned()), true, t.now()).await.expect("set_pause");
    assert_eq!(why(&t, id).await, Waiting::BehindOthers { position: 1 });
}

pub async fn no_worker_when_no_node_is_alive(t: Arc<Bench>) {
    let (id, _) = t.start(t.request()).await;
    assert_eq!(why(&t, id).await, Waiting::NoWorker, "none ever was");
    t.beat(t.node).await;
    assert_eq!(why(&t, id).await, Waiting::BehindOthers { position: 1 });
    t.advance_s(60);
    assert_eq!(why(&t, id).await, Waiting::NoWorker, "silent for longer than 30 s");
    t.beat(t.node).await;
    let goodbye = Heartbeat { node: t.node, at: t.now(), label: "test".to_owned(), goodbye: true, runs: vec![] };
    t.store.heartbeat(goodbye).await.expect("heartbeat");
    assert_eq!(why(&t, id).await, Waiting::NoWorker, "it said goodbye");
}

pub async fn running_and_finished_ones_wait_for_nothing(t: Arc<Bench>) {
    t.beat(t.node).await;
    let run = t.running(t.request()).await;
    assert_eq!(why(&t, run.generation.id).await, Waiting::NotWaiting);
    t.settle(&run).await;
    assert_eq!(why(&t, run.generation.id).await, Waiting::NotWaiting);
}
