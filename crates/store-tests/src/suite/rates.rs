//! Rate lanes: what may start in a minute holds over all processes, tokens are paid when they are known, and debts of
//! several nodes add up. How much a rate allows is core's arithmetic.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::Timestamp;
use copydesk_core::Tokens;
use copydesk_core::generation::FailureCode;
use copydesk_core::generation::FaultOf;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::health::Rate;
use copydesk_store::Scope;
use copydesk_store::generations::{Change, Lane, Limits, Turn};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

fn provider() -> Lane {
    Lane::Provider("demo".to_owned())
}

fn rate(requests: u32, tokens: u32) -> Rate {
    Rate { requests_per_minute: NonZeroU32::new(requests), tokens_per_minute: NonZeroU32::new(tokens) }
}

fn limits(rate: Rate) -> Limits {
    Limits { rates: vec![(provider(), rate)], ..builder::no_limits() }
}

fn in_us(t: &Bench, micros: u64) -> Timestamp {
    t.now().plus(Duration::from_micros(micros))
}

pub async fn a_rate_lets_a_burst_through_and_then_one_after_the_other(t: Arc<Bench>) {
    t.beat(t.node).await;
    t.accept_all((0..9).map(|n| t.request().model(["demo/swift", "demo/other"][n % 2])).collect()).await;
    let (free, _) = t.start(t.request().user("z").model("spare/steady")).await;
    let limits = limits(rate(60, 0));
    let turn = t.claim_turn(20, limits.clone()).await;
    assert_eq!(turn.claimed.len(), 6, "five of the lane, over both its models, and the free one");
    assert!(turn.claimed.iter().any(|run| run.generation.id == free));
    assert_eq!(turn.next_due, Some(in_us(&t, 1_000_000)), "nobody needs to poll");
    let rows = t.generations(Scope::DEFAULT).await;
    let waits = rows.iter().find(|row| row.status() == copydesk_core::generation::Status::Pending).expect("four wait");
    let why = t.store.why(Scope::DEFAULT, waits.generation.id, t.now(), &limits).await.expect("why");
    let limited = Waiting::RateLimited { lane: "provider:demo".to_owned(), until: in_us(&t, 1_000_000) };
    assert_eq!(why, limited);
    for _ in 0..2 {
        t.advance(Duration::from_micros(999_999));
        assert_eq!(t.claim_with(20, limits.clone()).await, []);
        t.advance(Duration::from_micros(1));
        assert_eq!(t.claim_with(20, limits.clone()).await.len(), 1);
    }
    let paid = t.store.rates().await.expect("rates");
    assert_eq!(paid.len(), 1, "only lanes that are set have a row");
    assert_eq!((paid[0].0.as_str(), paid[0].1.requests_at), ("provider:demo", in_us(&t, 5_000_000)));
}

pub async fn a_rate_holds_across_processes(t: Arc<Bench>) {
    t.accept_all((0..40).map(|_| t.request()).collect()).await;
    let limits = limits(rate(120, 0));
    let mut tasks = vec![];
    for n in 0..8 {
        let (t, store) = (t.clone(), if n % 2 == 0 { t.store.clone() } else { t.second() });
        let limits = limits.clone();
        tasks.push(tokio::spawn(async move {
            let claim = Some(builder::claim(&t.ids, t.ids.node(), 7, limits));
            store.turn(Turn { now: t.now(), writes: vec![], claim }).await.expect("turn").claimed.len()
        }));
    }
    let mut claimed = 0;
    for task in tasks {
        claimed += task.await.expect("a claim");
    }
    assert_eq!(claimed, 10, "a burst of five seconds' worth, over both");
}

pub async fn tokens_that_were_used_hold_back_what_comes_next(t: Arc<Bench>) {
    t.accept_all((0..3).map(|_| t.request()).collect()).await;
    let rate = rate(0, 60_000);
    let run = t.claim_with(1, limits(rate)).await.remove(0);
    let debts = vec![(provider(), rate.cost(0, Tokens(16_000)))];
    let settle = Change { debts, ..builder::settle(&t.ids, &run, t.now()) };
    let claim = Some(builder::claim(&t.ids, t.node, 5, limits(rate)));
    let turn = t.turn(Turn { now: t.now(), writes: vec![builder::write(settle)], claim }).await;
    assert_eq!(turn.claimed, [], "what the turn itself wrote counts");
    assert_eq!(turn.next_due, Some(in_us(&t, 1_000_000)));
    t.advance_s(1);
    assert_eq!(t.claim_with(5, limits(rate)).await.len(), 2);
}

pub async fn debts_of_several_nodes_add_up(t: Arc<Bench>) {
    t.accept_all((0..30).map(|_| t.request()).collect()).await;
    let runs = t.claim(30).await;
    let rate = rate(600, 60_000);
    let lanes = [provider(), Lane::Model("demo/swift".to_owned())];
    let mut tasks = vec![];
    for (n, run) in runs.into_iter().enumerate() {
        let (t, store) = (t.clone(), if n % 2 == 0 { t.store.clone() } else { t.second() });
        // Each names the lanes in its own order: nobody waits for anybody for ever.
        let mut debts: Vec<_> = lanes.iter().map(|lane| (lane.clone(), rate.cost(1, Tokens(100)))).collect();
        debts.rotate_left(n % 2);
        tasks.push(tokio::spawn(async move {
            let settle = Change { debts, ..builder::settle(&t.ids, &run, t.now()) };
            let claim = (n % 3 == 0).then(|| builder::claim(&t.ids, t.node, 1, limits(rate)));
            store.turn(Turn { now: t.now(), writes: vec![builder::write(settle)], claim }).await.expect("turn");
        }));
    }
    for task in tasks {
        task.await.expect("a turn");
    }
    for (lane, paid) in t.store.rates().await.expect("rates") {
        assert_eq!(paid.requests_at, in_us(&t, 30 * 100_000), "{lane}");
        assert_eq!(paid.tokens_at, in_us(&t, 30 * 100_000), "{lane}");
    }
}

pub async fn what_is_moved_on_without_a_call_pays_nothing(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let asked = builder::fault(FaultOf::Model, FailureCode::RateLimited, Some(30));
    let fail = builder::fail(&t.ids, &run, FailureCode::RateLimited, t.now());
    t.done(Change { sign: Some(builder::sign(&run, asked, t.now())), ..fail }).await;
    t.accept_all((0..3).map(|_| t.request().change(|it| it.attempts_per_model = 1)).collect()).await;
    let turn = t.claim_turn(5, limits(rate(2, 0))).await;
    assert_eq!(turn.claimed.iter().filter(|run| run.cooling.is_some()).count(), 3, "all of them, at once");
    assert_eq!(t.store.rates().await.expect("rates"), []);
}
