//! Retries and hand-backs: what goes back into the queue, where, and what it remembers.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{AttemptNo, FailureCode, State, Status, Wait};
use copydesk_store::Scope;
use copydesk_store::generations::Change;
use std::sync::Arc;

pub async fn a_retryable_failure_parks_with_a_back_off(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(30)).await;
    let change = builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now());
    let State::Pending { wait: Wait::BackingOff { until } } = change.decision.next else { panic!("a retry is due") };
    assert_eq!(t.done(change).await, None);
    let row = t.row(run.generation.id).await;
    assert_eq!(row.generation.state, State::Pending { wait: Wait::BackingOff { until } });
    assert_eq!((row.generation.attempt, row.generation.spent), (AttemptNo(1), 1));
    let shown = ("provider_error".to_owned(), "It failed: provider_error.".to_owned());
    assert_eq!(row.last_error, Some(shown), "the sentence for the user, not the provider's own words");
    assert_eq!(t.balance("a").await, (70, 30), "the hold stays");
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Pending);
    let turn = t.claim_turn(5, builder::no_limits()).await;
    assert_eq!((turn.claimed, turn.next_due), (vec![], Some(until)));
    assert_eq!(t.event_kinds(run.generation.id).await, ["generation.accepted", "generation.retrying"]);

    t.advance(until.since(t.now()));
    let again = t.claim_one().await;
    assert_eq!((again.generation.attempt, again.generation.spent), (AttemptNo(2), 1));
    assert_ne!(again.call, run.call);
    assert_eq!(t.row(run.generation.id).await.last_error.map(|(code, _)| code).as_deref(), Some("provider_error"));
    t.settle(&again).await;
    assert_eq!((t.balance("a").await, t.row(run.generation.id).await.generation.spent), ((70, 0), 2));
}

pub async fn a_retry_keeps_its_place(t: Arc<Bench>) {
    t.accept_all((0..5).map(|_| t.request()).collect()).await;
    let run = t.claim_one().await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    t.advance_s(60);
    let next: Vec<_> = t.claim(5).await.iter().map(|run| run.generation.id).collect();
    assert_eq!(next[0], run.generation.id, "it goes before those that came after it");
    assert_eq!(next.len(), 5);
}

pub async fn a_hand_back_spends_no_attempt_and_is_claimable_at_once(t: Arc<Bench>) {
    let run = t.running(t.request().max_attempts(1)).await;
    t.done(builder::hand_back(&t.ids, &run, t.now())).await;
    let row = t.row(run.generation.id).await;
    assert_eq!(row.generation.state, State::Pending { wait: Wait::Ready });
    assert_eq!((row.generation.attempt, row.generation.spent, row.last_error), (AttemptNo(1), 0, None));
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Pending);
    let again = t.claim_one().await;
    assert_eq!((again.generation.attempt, again.generation.spent), (AttemptNo(2), 0));
    t.settle(&again).await;
    assert_eq!(t.status(run.generation.id).await, Status::Completed);
}

pub async fn used_up_attempts_end_in_a_failure(t: Arc<Bench>) {
    let (id, _) = t.start(t.request().max_attempts(2)).await;
    for _ in 0..2 {
        let run = t.claim_one().await;
        t.done(builder::fail(&t.ids, &run, FailureCode::ProviderTimeout, t.now())).await;
        t.advance_s(60);
    }
    let row = t.row(id).await;
    assert_eq!((row.status(), row.generation.spent, row.generation.attempt), (Status::Failed, 2, AttemptNo(2)));
    assert_eq!(t.claim(5).await, []);
}

pub async fn a_retry_on_another_model_moves_to_that_models_lanes(t: Arc<Bench>) {
    let run = t.running(t.request().model("demo/swift")).await;
    let fail = builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now());
    t.done(Change { next_model: Some("spare/steady".to_owned()), ..fail }).await;
    t.advance_s(60);
    let lane = |name: &str| builder::lane(copydesk_store::generations::Lane::Provider(name.to_owned()), 0);
    assert_eq!(t.claim_with(1, lane("spare")).await, [], "it waits in the lane of the other provider");
    let again = t.claim_with(1, lane("demo")).await.remove(0);
    assert_eq!(again.model, "spare/steady");
    let calls = t.calls(run.generation.id).await;
    assert_eq!((calls[1].provider.as_str(), calls[1].model.as_str()), ("spare", "spare/steady"));
    t.done(builder::hand_back(&t.ids, &again, t.now())).await;
    assert_eq!(t.claim_one().await.model, "spare/steady", "without another one named, the model stays");
}

pub async fn after_its_end_a_generation_names_the_model_of_its_last_call(t: Arc<Bench>) {
    let names = async |id| {
        let row = t.row(id).await;
        let listed =
            t.generations(Scope::DEFAULT).await.into_iter().find(|row| row.generation.id == id).expect("listed");
        assert_eq!((&listed.model, &listed.asked_model), (&row.model, &row.asked_model));
        (row.model, row.asked_model)
    };
    let named = |model: &str| (model.to_owned(), "demo/swift".to_owned());
    let moved = async || {
        let run = t.running(t.request().model("demo/swift")).await;
        let fail = builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now());
        t.done(Change { next_model: Some("spare/steady".to_owned()), ..fail }).await;
        run.generation.id
    };
    let id = moved().await;
    assert_eq!(names(id).await, named("spare/steady"), "while it waits, the next one's");
    t.advance_s(60);
    let again = t.claim_one().await;
    t.settle(&again).await;
    assert_eq!(names(id).await, named("spare/steady"));
    let id = moved().await;
    let waits = t.generation(Scope::DEFAULT, id).await;
    t.done(builder::cancel(&t.ids, Scope::DEFAULT, &waits, t.now())).await;
    assert_eq!(names(id).await, named("demo/swift"), "the next one was never called");
    let (id, _) = t.start(t.request().model("demo/swift")).await;
    let waits = t.generation(Scope::DEFAULT, id).await;
    t.done(builder::cancel(&t.ids, Scope::DEFAULT, &waits, t.now())).await;
    assert_eq!(names(id).await, named("demo/swift"), "without a call, the one that was asked for");
}

pub async fn a_retry_of_a_regeneration_leaves_the_draft_as_it_was(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let again = t.running(t.request().existing(run.draft)).await;
    let before = t.draft(run.draft).await;
    t.done(builder::fail(&t.ids, &again, FailureCode::ProviderError, t.now())).await;
    let after = t.draft(run.draft).await;
    assert_eq!((after.status, after.live_generation), (DraftStatus::Draft, before.live_generation));
}
