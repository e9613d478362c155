//! Health: what calls say opens and closes breakers, what is cooling is left alone by everybody, what can go on to another
//! model does, and one probe at a time is let through. The rules themselves are core's; these checks are about the rows.
//! Rates are in `rates.rs`.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{FailureCode, FaultOf, State, Status, Wait};
use copydesk_core::health::breaker::FAULTS_SPAN;
use copydesk_core::health::{Ended, HealthNews, Subject};
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::generations::{Accept, Change, Claimed, Lane, Turn};
use copydesk_store::health::{Backlog, Load};
use copydesk_store::{HealthRow, Scope};
use std::sync::Arc;
use std::time::Duration;

const MODEL: &str = "demo/swift";

pub async fn the_backlog_tells_models_apart_and_what_is_being_worked_on(t: Arc<Bench>) {
    let with = |it: Accept, model: &str| it.change(|it| it.model = model.to_owned());
    t.accept_all(vec![t.request(), with(t.request(), "Other/deep"), with(t.request(), "demo/slow")]).await;
    let models = |found: &Backlog| found.depths.iter().map(|it| it.model.clone()).collect::<Vec<_>>();
    let before = t.store.backlog().await.expect("backlog");
    assert_eq!((models(&before), before.loads), (vec!["Other/deep".into(), "demo/slow".into(), MODEL.into()], vec![]));
    t.beat(t.node).await;
    let claimed = t.claim(2).await;
    let found = t.second().backlog().await.expect("backlog");
    assert_eq!(models(&found).len(), 1);
    let mut loads: Vec<Load> =
        claimed.iter().map(|run| Load { recipe: run.recipe.clone(), model: run.model.clone(), running: 1 }).collect();
    loads.sort();
    assert_eq!(found.loads, loads);
    let nodes = t.store.describe().await.expect("describe").nodes;
    assert_eq!(nodes.iter().map(|node| node.running).sum::<u64>(), 2, "{nodes:?}");
}

pub async fn the_backlog_counts_what_waits_by_recipe_and_reason(t: Arc<Bench>) {
    let backlog = async || {
        let found = t.store.backlog().await.expect("backlog");
        let depths = found.depths.into_iter().map(|depth| (depth.recipe, depth.reason, depth.waiting));
        (depths.collect::<Vec<_>>(), found.oldest_ready)
    };
    assert_eq!(backlog().await, (vec![], None));
    let first = t.now();
    let mail = |it: Accept| it.recipe("Mail");
    t.accept_all(vec![t.request(), t.request(), mail(t.request()), t.request().run_in_s(60)]).await;
    t.accept_all(vec![t.request().target("shop"), t.request().target("shop")]).await;
    let depth = |recipe: &str, reason: &str, waiting: u64| (recipe.to_owned(), reason.to_owned(), waiting);
    let recipe = t.request().recipe;
    let all = [
        depth("Mail", "ready", 1),
        depth(&recipe, "ready", 3),
        depth(&recipe, "scheduled", 1),
        depth(&recipe, "target", 1),
    ];
    assert_eq!(backlog().await, (all.to_vec(), Some(first)));
    let claimed = t.claim(10).await;
    assert_eq!(claimed.len(), 4);
    let run = &claimed[0];
    t.done(builder::fail(&t.ids, run, FailureCode::ProviderError, t.now())).await;
    let (depths, oldest) = backlog().await;
    assert!(depths.contains(&depth(&run.recipe, "backing_off", 1)), "{depths:?}");
    assert_eq!(oldest, None, "nothing is ready any more");
}

/// A request whose route has a further model.
fn onward(t: &Bench) -> Accept {
    t.request().change(|it| (it.max_attempts, it.attempts_per_model) = (4, 2))
}

fn in_s(t: &Bench, seconds: u64) -> Timestamp {
    t.now().plus(Duration::from_secs(seconds))
}

/// A failed attempt that says this about its model.
fn says(t: &Bench, run: &Claimed, ended: Ended) -> Change {
    let change = builder::fail(&t.ids, run, FailureCode::ProviderError, t.now());
    Change { sign: Some(builder::sign(run, ended, t.now())), ..change }
}

/// Cools `of` of [`MODEL`] down for so long.
async fn cool(t: &Bench, of: FaultOf, seconds: u64) {
    let run = t.running(t.request()).await;
    let asked = builder::fault(of, FailureCode::RateLimited, Some(seconds));
    let turn = builder::writes(t.now(), vec![says(t, &run, asked)]);
    let news = t.turn(turn).await.health;
    assert!(matches!(&news[..], [HealthNews::Opened { until, .. }] if *until == in_s(t, seconds)), "{news:?}");
    let parked = t.generation(Scope::DEFAULT, run.generation.id).await;
    t.done(builder::cancel(&t.ids, Scope::DEFAULT, &parked, t.now())).await;
}

async fn rows(t: &Bench) -> Vec<HealthRow> {
    t.store.health().await.expect("health")
}

async fn why(t: &Bench, id: GenerationId) -> Waiting {
    t.store.why(Scope::DEFAULT, id, t.now(), &builder::no_limits()).await.expect("why")
}

pub async fn five_faults_open_the_model_and_not_its_provider(t: Arc<Bench>) {
    t.accept_all((0..5).map(|_| t.request()).collect()).await;
    let (runs, first) = (t.claim(5).await, t.now());
    for (n, run) in runs.iter().enumerate() {
        let down = builder::fault(FaultOf::Model, FailureCode::ProviderError, None);
        let news = t.turn(builder::writes(t.now(), vec![says(&t, run, down)])).await.health;
        assert_eq!(news.len(), usize::from(n == 4), "told once, when it opens");
        if n < 4 {
            let health = rows(&t).await.remove(0).health;
            assert_eq!((health.since, health.open_until), (first, None), "the row keeps its first fault");
            t.advance_s(1);
        }
    }
    let row = rows(&t).await.remove(0);
    assert_eq!(row.subject, Subject::Model(MODEL.to_owned()));
    assert_eq!((row.health.failures, row.health.opened), (5, 1));
    assert_eq!((row.health.open_until, row.health.since), (Some(in_s(&t, 5)), t.now()));
    assert_eq!((row.health.code, rows(&t).await.len()), (FailureCode::ProviderError, 1));
    let (free, _) = t.start(t.request().model("demo/other")).await;
    let (waits, _) = t.start(t.request()).await;
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!(turn.claimed.iter().map(|run| run.generation.id).collect::<Vec<_>>(), [free]);
    assert_eq!(t.status(waits).await, Status::Pending);
}

pub async fn faults_of_one_batch_are_counted_one_after_the_other(t: Arc<Bench>) {
    t.accept_all((0..6).map(|_| t.request()).collect()).await;
    let down = || builder::fault(FaultOf::Provider, FailureCode::ProviderUnreachable, None);
    let runs = t.claim(6).await;
    t.done(says(&t, &runs[0], down())).await;
    t.advance(FAULTS_SPAN);
    let changes: Vec<Change> = runs[1..].iter().map(|run| says(&t, run, down())).collect();
    let news = t.turn(builder::writes(t.now(), changes)).await.health;
    assert!(matches!(&news[..], [HealthNews::Opened { subject: Subject::Provider(name), .. }] if name == "demo"));
    let row = rows(&t).await.remove(0);
    assert_eq!((row.health.failures, row.health.opened), (5, 1), "the sixth came while it was open");
}

pub async fn any_number_of_faults_of_one_moment_opens_nothing(t: Arc<Bench>) {
    t.accept_all((0..20).map(|_| t.request()).collect()).await;
    let down = || builder::fault(FaultOf::Model, FailureCode::ProviderError, None);
    let runs = t.claim(20).await;
    for half in runs.chunks(10) {
        let changes: Vec<Change> = half.iter().map(|run| says(&t, run, down())).collect();
        assert_eq!(t.turn(builder::writes(t.now(), changes)).await.health, []);
        t.advance(FAULTS_SPAN - Duration::from_micros(1));
    }
    let health = rows(&t).await.remove(0).health;
    assert_eq!((health.failures, health.open_until), (20, None));
}

pub async fn a_success_clears_the_model_and_its_provider(t: Arc<Bench>) {
    t.accept_all((0..3).map(|_| t.request()).collect()).await;
    let runs = t.claim(3).await;
    for (run, of) in runs.iter().zip([FaultOf::Model, FaultOf::Provider]) {
        t.done(says(&t, run, builder::fault(of, FailureCode::ProviderError, None))).await;
    }
    assert_eq!(rows(&t).await.len(), 2);
    let sign = Some(builder::sign(&runs[2], Ended::Answered, t.now()));
    let settle = Change { sign, ..builder::settle(&t.ids, &runs[2], t.now()) };
    let turn = t.turn(builder::writes(t.now(), vec![settle])).await;
    assert_eq!((turn.health, rows(&t).await), (vec![], vec![]), "nothing had opened, so nothing is told");
}

pub async fn a_success_and_a_new_fault_in_one_turn_begin_a_new_count(t: Arc<Bench>) {
    cool(&t, FaultOf::Model, 5).await;
    t.advance_s(5);
    let limits = builder::no_limits();
    t.accept_all((0..2).map(|_| t.request()).collect()).await;
    let probe = t.claim_with(1, limits).await.remove(0);
    let answered = Change {
        sign: Some(builder::sign(&probe, Ended::Answered, t.now())),
        ..builder::step(&t.ids, &probe, "plan", "{}", "write", t.now())
    };
    let after = builder::after(&probe, &answered);
    let down = says(&t, &after, builder::fault(FaultOf::Model, FailureCode::ProviderError, None));
    t.turn(builder::writes(t.now(), vec![answered, down])).await;
    let health = rows(&t).await.remove(0).health;
    assert_eq!((health.failures, health.opened, health.open_until), (1, 0, None), "nothing is left of the old opening");
}

pub async fn a_sign_whose_write_is_lost_does_not_count(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let asked = builder::fault(FaultOf::Model, FailureCode::RateLimited, Some(60));
    let mut stale = says(&t, &run, asked);
    stale.closes = None;
    t.lost(stale).await;
    assert_eq!(rows(&t).await, []);
}

pub async fn a_finished_step_says_that_the_model_answers(t: Arc<Bench>) {
    t.accept_all((0..2).map(|_| t.request()).collect()).await;
    let runs = t.claim(2).await;
    t.done(says(&t, &runs[0], builder::fault(FaultOf::Model, FailureCode::ProviderError, None))).await;
    let step = builder::step(&t.ids, &runs[1], "plan", "{}", "write", t.now());
    t.done(Change { sign: Some(builder::sign(&runs[1], Ended::Answered, t.now())), ..step }).await;
    assert_eq!(rows(&t).await, []);
}

pub async fn what_is_cooling_is_left_alone_until_it_is_over(t: Arc<Bench>) {
    t.beat(t.node).await;
    cool(&t, FaultOf::Model, 30).await;
    let (until, (id, _)) = (in_s(&t, 30), t.start(t.request()).await);
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!((turn.claimed, turn.next_due), (vec![], Some(until)), "nobody needs to poll");
    let waiting = why(&t, id).await;
    assert!(waiting.sentence().contains("model:demo/swift"), "{}", waiting.sentence());
    let Waiting::CoolingDown { lane, until: end, last_error } = waiting else { panic!("{waiting:?}") };
    assert_eq!((lane.as_str(), end), ("model:demo/swift", until));
    assert!(!last_error.is_empty());
    t.advance(Duration::from_secs(30) - Duration::from_micros(1));
    assert_eq!(t.claim(5).await, []);
    t.advance(Duration::from_micros(1));
    assert_eq!(t.claim_one().await.generation.id, id);
}

pub async fn a_cooling_provider_holds_all_its_models_back(t: Arc<Bench>) {
    t.beat(t.node).await;
    cool(&t, FaultOf::Provider, 30).await;
    let (id, _) = t.start(t.request().model("demo/other")).await;
    let (free, _) = t.start(t.request().model("spare/steady")).await;
    assert_eq!(t.claim_one().await.generation.id, free);
    assert_eq!(t.claim(5).await, []);
    assert!(matches!(why(&t, id).await, Waiting::CoolingDown { lane, .. } if lane == "provider:demo"));
}

pub async fn another_process_sees_an_opening_at_once(t: Arc<Bench>) {
    cool(&t, FaultOf::Model, 30).await;
    t.start(t.request()).await;
    let claim = Some(builder::claim(&t.ids, t.ids.node(), 5, builder::no_limits()));
    let other = t.second().turn(Turn { now: t.now(), writes: vec![], claim }).await.expect("turn");
    assert_eq!(other.claimed, []);
    assert_eq!(t.second().health().await.expect("health"), rows(&t).await);
}

pub async fn after_the_cooldown_one_probe_at_a_time_is_let_through(t: Arc<Bench>) {
    t.beat(t.node).await;
    cool(&t, FaultOf::Provider, 10).await;
    t.accept_all((0..4).map(|n| t.request().model(["demo/swift", "demo/other"][n % 2])).collect()).await;
    t.advance_s(10);
    let probe = t.claim(4).await;
    assert_eq!(probe.len(), 1, "one of all its models");
    assert_eq!(t.claim(4).await, []);
    let waits = t.generations(Scope::DEFAULT).await;
    let waits = waits.iter().find(|row| row.status() == Status::Pending).expect("three wait").generation.id;
    let full = Waiting::LaneFull { lane: "provider:demo".to_owned(), limit: 1, in_use: 1 };
    assert_eq!(why(&t, waits).await, full);
    let down = builder::fault(FaultOf::Provider, FailureCode::ProviderUnreachable, None);
    t.done(says(&t, &probe[0], down)).await;
    let row = rows(&t).await.remove(0);
    assert_eq!((row.health.opened, row.health.open_until), (2, Some(in_s(&t, 10))), "a failed probe doubles it");
    t.advance_s(10);
    let probe = t.claim_one().await;
    let sign = Some(builder::sign(&probe, Ended::Answered, t.now()));
    let settle = Change { sign, ..builder::settle(&t.ids, &probe, t.now()) };
    let claim = Some(builder::claim(&t.ids, t.node, 4, builder::no_limits()));
    let turn = t.turn(Turn { now: t.now(), writes: vec![builder::write(settle)], claim }).await;
    assert_eq!(turn.health, [HealthNews::Closed { subject: Subject::Provider("demo".to_owned()) }]);
    assert_eq!(turn.claimed.len(), 3, "a success opens it for everybody, in the same turn");
}

pub async fn processes_that_claim_at_once_let_one_probe_through(t: Arc<Bench>) {
    cool(&t, FaultOf::Model, 300).await;
    t.accept_all((0..40).map(|_| t.request()).collect()).await;
    for round in 0..6 {
        t.advance_s(300);
        let start = Arc::new(tokio::sync::Barrier::new(8));
        let mut tasks = vec![];
        for n in 0..8 {
            let (t, start, store) = (t.clone(), start.clone(), if n % 2 == 0 { t.store.clone() } else { t.second() });
            tasks.push(tokio::spawn(async move {
                let claim = Some(builder::claim(&t.ids, t.ids.node(), 5, builder::no_limits()));
                start.wait().await;
                store.turn(Turn { now: t.now(), writes: vec![], claim }).await.expect("turn").claimed
            }));
        }
        let mut claimed = vec![];
        for task in tasks {
            claimed.extend(task.await.expect("a claim"));
        }
        assert_eq!(claimed.len(), 1, "round {round}: one, although no lane is limited");
        let down = builder::fault(FaultOf::Model, FailureCode::ProviderError, None);
        t.done(says(&t, &claimed[0], down)).await;
    }
}

pub async fn what_can_go_on_is_claimed_although_it_is_cooling(t: Arc<Bench>) {
    t.beat(t.node).await;
    cool(&t, FaultOf::Model, 30).await;
    let until = in_s(&t, 30);
    let (waits, _) = t.start(t.request()).await;
    let (id, _) = t.start(onward(&t)).await;
    assert!(matches!(why(&t, id).await, Waiting::BehindOthers { .. }), "it does not wait for the cooldown");
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!(turn.next_due, Some(until), "somebody else does");
    let [run] = &turn.claimed[..] else { panic!("one is claimed: {:?}", turn.claimed) };
    assert_eq!(run.generation.id, id);
    let cooling = run.cooling.clone().expect("it says why no call is to be made");
    assert_eq!(
        (cooling.lane.as_str(), cooling.until, cooling.code),
        ("model:demo/swift", until, FailureCode::RateLimited)
    );
    let skipped = builder::skip(&t.ids, run, &cooling, "spare/steady", t.now());
    t.done(skipped).await;
    let next = t.claim_one().await;
    assert_eq!((next.generation.id, next.model.as_str(), next.generation.spent), (id, "spare/steady", 2));
    assert_eq!(next.cooling, None);
    assert_eq!(t.status(waits).await, Status::Pending);
}

pub async fn where_the_whole_route_is_cooling_it_is_parked_with_its_model_and_its_attempts(t: Arc<Bench>) {
    cool(&t, FaultOf::Model, 30).await;
    let (id, _) = t.start(onward(&t)).await;
    let run = t.claim_one().await;
    let cooling = run.cooling.clone().expect("it says why no call is to be made");
    let doors = vec![Some(cooling.until), Some(in_s(&t, 60))];
    t.done(builder::pass_over(&t.ids, &run, &cooling, doors, t.now())).await;
    let parked = State::Pending { wait: Wait::BackingOff { until: cooling.until } };
    assert_eq!(t.row(id).await.generation.state, parked);
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!((turn.claimed, turn.next_due), (vec![], Some(cooling.until)), "nobody turns in circles meanwhile");
    t.advance_s(30);
    let again = t.claim_one().await;
    assert_eq!((again.model.as_str(), again.generation.spent, again.cooling), (MODEL, 0, None));
}

pub async fn the_last_model_of_a_route_waits_for_its_cooldown(t: Arc<Bench>) {
    t.beat(t.node).await;
    cool(&t, FaultOf::Model, 30).await;
    // Two attempts of the first model are used up: the second one is the last, and it is the one that is cooling.
    let (id, _) = t.start(onward(&t).model("spare/steady")).await;
    let run = t.claim_one().await;
    let skip = builder::fail_for_good_here(&t.ids, &run, t.now());
    t.done(Change { next_model: Some(MODEL.to_owned()), ..skip }).await;
    assert_eq!(t.row(id).await.generation.state, State::Pending { wait: Wait::Ready });
    assert_eq!(t.claim(5).await, []);
    assert!(matches!(why(&t, id).await, Waiting::CoolingDown { .. }));
}

pub async fn a_cooldown_does_not_lift_the_limits_of_its_lanes(t: Arc<Bench>) {
    cool(&t, FaultOf::Model, 30).await;
    t.accept_all((0..3).map(|_| onward(&t)).collect()).await;
    let limits = builder::lane(Lane::Provider("demo".to_owned()), 2);
    assert_eq!(t.claim_with(5, limits.clone()).await.len(), 2);
    assert_eq!(t.claim_with(5, limits).await, []);
}

pub async fn a_paused_recipe_is_woken_by_no_cooldown(t: Arc<Bench>) {
    cool(&t, FaultOf::Model, 30).await;
    t.start(t.request().recipe("code")).await;
    let pause = copydesk_store::admin::PauseKey::recipe("code".to_owned());
    t.store.set_pause(pause, true, t.now()).await.expect("set_pause");
    assert_eq!(t.claim_turn(5, builder::no_limits()).await.next_due, None);
}

pub async fn nodes_that_fail_together_never_lose_an_opening(t: Arc<Bench>) {
    for round in 0..6 {
        let model = format!("demo/round-{round}");
        t.accept_all((0..24).map(|_| t.request().model(&model)).collect()).await;
        let mut tasks = vec![];
        for (n, run) in t.claim(24).await.into_iter().enumerate() {
            let (t, store) = (t.clone(), if n % 2 == 0 { t.store.clone() } else { t.second() });
            tasks.push(tokio::spawn(async move {
                let wait = (n == 12).then_some(120);
                let fault = builder::fault(FaultOf::Model, FailureCode::RateLimited, wait);
                let turn = builder::writes(t.now(), vec![says(&t, &run, fault)]);
                store.turn(turn).await.expect("turn");
            }));
        }
        for task in tasks {
            task.await.expect("a turn");
        }
        let rows = rows(&t).await;
        let row = rows.iter().find(|row| row.subject == Subject::Model(model.clone())).expect("it has failed");
        assert_eq!(row.health.open_until, Some(in_s(&t, 120)), "the wait the provider asked for stands");
    }
}
