//! Claims: order, lanes, pauses, due times, and that a claim is exactly what core's `transition` decides.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::GenerationId;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::generation::{AttemptNo, Event, FailureCode, State, Status, Verdict, Wait, transition};
use copydesk_store::Scope;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::{Accepted, Claimed, Lane, Limits, Turn};
use std::sync::Arc;
use std::time::Duration;

fn ids(runs: &[Claimed]) -> Vec<GenerationId> {
    runs.iter().map(|run| run.generation.id).collect()
}

pub async fn claiming_is_what_transition_decides(t: Arc<Bench>) {
    let (id, draft) = t.start(t.request()).await;
    let before = t.row(id).await.generation;
    t.advance_s(2);
    let Ok(Verdict::Change(decision)) = transition(&before, &Event::Claimed { node: t.node }, t.now()) else {
        panic!("a ready generation is claimable")
    };
    let run = t.claim_one().await;
    let row = t.row(id).await;
    assert_eq!(row.generation.state, decision.next);
    assert_eq!(row.generation.attempt, decision.attempt);
    assert_eq!(row.generation.spent, decision.spent);
    assert_eq!(row.generation.row_version, decision.row_version);
    assert_eq!(run.generation, row.generation, "the worker is given what stands in the store");
    assert_eq!((run.scope, run.draft, run.user), (Scope::DEFAULT, draft, row.user));
    assert_eq!((run.recipe, run.recipe_version), (row.recipe, row.recipe_version));
    assert_eq!((run.model, run.input, run.steps), (row.model, row.input, vec![]));
}

pub async fn an_attempts_deadline_is_never_later_than_the_generations(t: Arc<Bench>) {
    let request = t.request().deadline_in_s(20);
    let run = t.running(request.clone()).await;
    let State::Processing { attempt_deadline, claimed_at, node } = run.generation.state else {
        panic!("a claimed generation is being processed")
    };
    assert_eq!((attempt_deadline, claimed_at, node), (request.deadline_at, t.now(), t.node));
}

pub async fn the_call_is_open_before_the_work_starts(t: Arc<Bench>) {
    let (id, draft) = t.start(t.request().user("ann").model("demo/swift")).await;
    t.advance_s(1);
    let run = t.claim_one().await;
    let calls = t.calls(id).await;
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!((call.id, call.generation, call.draft, call.attempt), (run.call, id, draft, 1));
    assert_eq!((call.service.as_str(), call.operation.as_str()), ("newsletter", "write"));
    assert_eq!((call.provider.as_str(), call.model.as_str()), ("demo", "demo/swift"));
    assert_eq!((call.user, call.user_external.as_str()), (builder::user_id(Scope::DEFAULT, "ann"), "ann"));
    assert_eq!((call.opened_at, &call.closed), (t.now(), &None));
}

pub async fn a_single_click_overtakes_another_users_batch_of_a_thousand(t: Arc<Bench>) {
    let batch = (0..1_000).map(|_| t.request().user("batch")).collect();
    assert!(t.accept_all(batch).await.iter().all(|answer| matches!(answer, Ok(Accepted::New { .. }))));
    assert_eq!(t.claim(10).await.len(), 10);
    let (click, _) = t.start(t.request().user("click")).await;
    let next = ids(&t.claim(2).await);
    assert!(next.contains(&click), "the click is among the next two, not behind 990 others");
}

pub async fn a_users_own_generations_run_in_the_order_of_their_accept(t: Arc<Bench>) {
    let batch: Vec<_> = (0..50).map(|_| t.request()).collect();
    let accepted: Vec<_> = batch.iter().map(|request| request.generation).collect();
    t.accept_all(batch).await;
    let mut claimed = ids(&t.claim(20).await);
    claimed.extend(ids(&t.claim(50).await));
    assert_eq!(claimed, accepted);
}

pub async fn two_users_batches_take_turns(t: Arc<Bench>) {
    let batch = |user: &'static str| (0..10).map(|_| t.request().user(user)).collect::<Vec<_>>();
    t.accept_all(batch("ann")).await;
    t.accept_all(batch("bob")).await;
    let ann = builder::user_id(Scope::DEFAULT, "ann");
    for _ in 0..10 {
        let pair = t.claim(2).await;
        assert_eq!(pair.iter().filter(|run| run.user == ann).count(), 1, "one of each user in every pair");
    }
}

pub async fn priority_is_a_bounded_head_start(t: Arc<Bench>) {
    let (plain, _) = t.start(t.request().user("plain")).await;
    t.accept_all((0..30).map(|_| t.request().user("urgent").priority(5)).collect()).await;
    let (lazy, _) = t.start(t.request().user("lazy").priority(-100)).await;
    let claimed = ids(&t.claim(100).await);
    let place = |id| claimed.iter().position(|other| *other == id).expect("claimed");
    assert_eq!(place(plain), 5, "five points let five of one user's overtake, and no more");
    assert_eq!(place(lazy), 31, "the lazy one is last, and still comes");
}

pub async fn no_lane_is_ever_exceeded(t: Arc<Bench>) {
    let lanes = [
        Lane::Recipe("newsletter".to_owned()),
        Lane::Provider("demo".to_owned()),
        Lane::Model("demo/swift".to_owned()),
        Lane::Workspace(Scope::DEFAULT.workspace),
    ];
    for lane in lanes {
        let t = t.fresh(crate::Setup::default()).await;
        t.accept_all((0..10).map(|_| t.request()).collect()).await;
        let limits = builder::lane(lane.clone(), 4);
        assert_eq!(t.claim_with(3, limits.clone()).await.len(), 3, "{lane:?}");
        let last = t.claim_with(3, limits.clone()).await;
        assert_eq!(last.len(), 1, "{lane:?} has room for one more");
        assert_eq!(t.claim_with(3, limits.clone()).await, [], "{lane:?} is full");
        t.settle(&last[0]).await;
        assert_eq!(t.claim_with(3, limits).await.len(), 1, "{lane:?}: a settle makes room");
    }
}

pub async fn the_global_limit_holds_across_processes(t: Arc<Bench>) {
    t.accept_all((0..10).map(|_| t.request()).collect()).await;
    let limits = Limits { global: Some(5), ..builder::no_limits() };
    assert_eq!(t.claim_with(3, limits.clone()).await.len(), 3);
    let claim = Some(builder::claim(&t.ids, t.ids.node(), 10, limits.clone()));
    let other = t.second().turn(Turn { now: t.now(), writes: vec![], claim }).await.expect("turn");
    assert_eq!(other.claimed.len(), 2);
    assert_eq!(t.claim_with(10, limits).await, []);
}

pub async fn a_lane_of_nothing_claims_nothing(t: Arc<Bench>) {
    t.start(t.request()).await;
    assert_eq!(t.claim_with(5, builder::lane(Lane::Provider("demo".to_owned()), 0)).await, []);
    assert_eq!(t.claim_with(5, Limits { global: Some(0), ..builder::no_limits() }).await, []);
    assert_eq!(t.claim_with(0, builder::no_limits()).await, []);
}

pub async fn a_full_lane_with_many_waiting_does_not_block_another(t: Arc<Bench>) {
    t.accept_all((0..1_200).map(|_| t.request().model("slow/model")).collect()).await;
    let (free, _) = t.start(t.request().model("demo/swift")).await;
    let limits = builder::lane(Lane::Provider("slow".to_owned()), 2);
    let claimed = t.claim_with(10, limits.clone()).await;
    assert_eq!(claimed.len(), 3, "two of the slow lane and the free one");
    assert!(ids(&claimed).contains(&free));
    let (next, _) = t.start(t.request().model("demo/swift")).await;
    assert_eq!(ids(&t.claim_with(10, limits).await), [next]);
}

pub async fn a_generation_must_fit_into_all_its_lanes(t: Arc<Bench>) {
    t.accept_all((0..4).map(|_| t.request().recipe("code").model("demo/swift")).collect()).await;
    t.accept_all((0..4).map(|_| t.request().recipe("chat").model("demo/swift")).collect()).await;
    let lanes = vec![(Lane::Recipe("code".to_owned()), 2), (Lane::Model("demo/swift".to_owned()), 3)];
    let claimed = t.claim_with(10, Limits { lanes, ..builder::no_limits() }).await;
    assert_eq!(claimed.len(), 3);
    assert!(claimed.iter().filter(|run| run.recipe == "code").count() <= 2);
}

pub async fn a_paused_model_or_provider_is_skipped(t: Arc<Bench>) {
    let with = |model: &str| t.request().change(|it| it.model = model.to_owned());
    let (held, _) = t.start(with("far/deep/slow")).await;
    let (beside, _) = t.start(with("far/quick")).await;
    let (free, _) = t.start(with("near/deep/slow")).await;
    for (name, open) in [("model:far/deep/slow", vec![beside, free]), ("provider:far", vec![])] {
        let pause = PauseKey::parse(name).expect("a lane");
        t.store.set_pause(pause.clone(), true, t.now()).await.expect("set_pause");
        assert_eq!(ids(&t.claim(10).await), open, "{name}");
        t.beat(t.node).await;
        let why = t.store.why(Scope::DEFAULT, held, t.now(), &builder::no_limits()).await.expect("why");
        assert_eq!(why, Waiting::Paused { what: name.to_owned(), since: t.now() });
        t.store.set_pause(pause, false, t.now()).await.expect("set_pause");
    }
    assert_eq!(ids(&t.claim(10).await), [held]);
}

pub async fn a_paused_recipe_is_skipped(t: Arc<Bench>) {
    let (paused, _) = t.start(t.request().recipe("code")).await;
    let (free, _) = t.start(t.request().recipe("chat")).await;
    let pause = PauseKey::recipe("code".to_owned());
    t.store.set_pause(pause.clone(), true, t.now()).await.expect("set_pause");
    assert_eq!(ids(&t.claim(10).await), [free]);
    assert_eq!(t.status(paused).await, Status::Pending);
    t.store.set_pause(pause, false, t.now()).await.expect("set_pause");
    assert_eq!(ids(&t.claim(10).await), [paused]);
}

pub async fn nothing_runs_before_its_run_at(t: Arc<Bench>) {
    let request = t.request().run_in_s(600);
    let until = request.run_at.expect("just set");
    let (id, _) = t.start(request).await;
    assert_eq!(t.row(id).await.generation.state, State::Pending { wait: Wait::Scheduled { until } });
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!((turn.claimed, turn.next_due), (vec![], Some(until)));
    t.advance(Duration::from_secs(600) - Duration::from_micros(1));
    assert_eq!(t.claim(5).await, []);
    t.advance(Duration::from_micros(1));
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!((ids(&turn.claimed), turn.next_due), (vec![id], None));
}

pub async fn next_due_is_the_earliest_of_those_that_wait_for_a_time(t: Arc<Bench>) {
    assert_eq!(t.claim_turn(1, builder::no_limits()).await.next_due, None, "nothing waits");
    t.start(t.request()).await;
    let run = t.claim_one().await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    let State::Pending { wait: Wait::BackingOff { until } } = t.status_of(&run).await else { panic!("it backs off") };
    t.start(t.request().run_in_s(600)).await;
    assert_eq!(t.claim_turn(1, builder::no_limits()).await.next_due, Some(until));
}

pub async fn a_run_at_that_has_passed_is_no_wait(t: Arc<Bench>) {
    let (id, _) = t.start(t.request().run_in_s(0)).await;
    assert_eq!(t.row(id).await.generation.state, State::Pending { wait: Wait::Ready });
    assert_eq!(t.claim_one().await.generation.id, id);
}

pub async fn the_draft_is_processing_only_without_a_version(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Processing);
    t.settle(&run).await;
    let again = t.running(t.request().existing(run.draft)).await;
    let draft = t.draft(run.draft).await;
    assert_eq!((draft.status, draft.live_generation), (DraftStatus::Draft, Some(again.generation.id)));
}

pub async fn attempt_numbers_rise_without_a_gap(t: Arc<Bench>) {
    t.start(t.request().max_attempts(4)).await;
    let mut runs = vec![];
    for attempt in 1..=4 {
        let run = t.claim_one().await;
        assert_eq!(run.generation.attempt, AttemptNo(attempt));
        let change = match attempt {
            2 => builder::hand_back(&t.ids, &run, t.now()),
            4 => builder::settle(&t.ids, &run, t.now()),
            _ => builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now()),
        };
        t.done(change).await;
        t.advance_s(120);
        runs.push(run);
    }
    let attempts: Vec<_> = t.calls(runs[0].generation.id).await.iter().map(|call| call.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
}

pub async fn two_processes_never_claim_the_same_generation(t: Arc<Bench>) {
    t.accept_all((0..300).map(|n| t.request().user(["ann", "bob", "cy"][n % 3])).collect()).await;
    let claim = |store: Arc<dyn copydesk_store::Store>, node| {
        let t = t.clone();
        tokio::spawn(async move {
            let mut claimed = vec![];
            loop {
                let claim = Some(builder::claim(&t.ids, node, 7, builder::no_limits()));
                let answer = store.turn(Turn { now: t.now(), writes: vec![], claim }).await.expect("turn");
                if answer.claimed.is_empty() {
                    return claimed;
                }
                claimed.extend(ids(&answer.claimed));
            }
        })
    };
    let tasks: Vec<_> = [t.store.clone(), t.second(), t.store.clone(), t.second()]
        .into_iter()
        .map(|store| claim(store, t.ids.node()))
        .collect();
    let mut claimed = vec![];
    for task in tasks {
        claimed.extend(task.await.expect("a claiming task"));
    }
    claimed.sort();
    let before = claimed.len();
    claimed.dedup();
    assert_eq!(claimed.len(), before, "none was claimed twice");
    // A claimer that finds rows locked by another may stop early; what it left is claimable still.
    claimed.extend(ids(&t.claim(300).await));
    assert_eq!(claimed.len(), 300);
}
