//! The master switch and paused recipes.

use crate::harness::*;
use copydesk_core::generation::Status;
use copydesk_core::refusal::Refusal;
use copydesk_desk::accept::Request;
use copydesk_desk::{DeskConfig, DeskError};
use copydesk_store::AdminStore;
use copydesk_store::admin::PauseKey;

#[tokio::test]
async fn seed_s1_a16_master_switch_off_refuses_and_writes_nothing_and_accepted_ones_wait() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let accepted = node.accept(note("tea")).await;
    bench.store.set_pause(PauseKey::Generation, true, START).await.unwrap();
    node.desk.start_working().await.unwrap();

    let refused = node.desk.accept(note("coffee")).await.unwrap_err();
    assert_eq!(refused, DeskError::Refused(Refusal::GenerationPaused { since: START }));
    assert!(refused.to_string().contains("Nothing was queued and nothing was charged."), "{refused}");
    assert_eq!((bench.generations().await.len(), bench.drafts().await.len()), (1, 1));
    assert_eq!(bench.balance("ada").await.held, credits("5"));

    bench.advance(seconds(30)).await;
    assert_eq!((bench.status(accepted.generation).await, bench.script.calls()), (Status::Pending, 0));
    let why = node.desk.why(SCOPE, accepted.generation).await.unwrap();
    assert!(
        why.sentence().starts_with("Generation has been switched off since 2026-01-01T00:00:00"),
        "{}",
        why.sentence()
    );

    bench.store.set_pause(PauseKey::Generation, false, bench.world.now()).await.unwrap();
    node.desk.wake();
    bench.completed(accepted.generation).await;
    let next = node.accept(note("coffee")).await;
    bench.completed(next.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_process_that_is_switched_off_refuses_and_claims_nothing_and_leaves_the_others_alone() {
    let bench = Bench::new().await;
    let off = bench.idle_beside_others(DeskConfig { generation: false, ..config() }).await;
    let other = bench.idle_beside_others(config()).await;
    let waiting = other.accept(note("tea")).await;
    off.desk.start_working().await.unwrap();
    let refused = off.desk.accept(note("coffee")).await.unwrap_err();
    assert_eq!(refused, DeskError::Refused(Refusal::GenerationPaused { since: START }));
    assert_eq!(off.desk.rehearse(note("coffee")), Err(refused));
    bench.advance(seconds(30)).await;
    assert_eq!((bench.status(waiting.generation).await, bench.script.calls()), (Status::Pending, 0));
    assert_eq!((bench.generations().await.len(), bench.store.pauses().await), (1, Ok(vec![])));
    other.desk.start_working().await.unwrap();
    bench.completed(waiting.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn what_runs_when_the_master_switch_goes_off_is_finished() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("Done.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    bench.store.set_pause(PauseKey::Generation, true, START).await.unwrap();
    bench.script.release(1);
    bench.completed(receipt.generation).await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_paused_recipe_accepts_and_waits_while_others_run() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let recipe = PauseKey::recipe("loose".to_owned());
    bench.store.set_pause(recipe.clone(), true, START).await.unwrap();
    let waits = node.accept(Request { recipe: "loose".to_owned(), ..note("tea") }).await;
    let runs = node.accept(note("coffee")).await;
    bench.completed(runs.generation).await;
    assert_eq!(bench.status(waits.generation).await, Status::Pending);
    let why = node.desk.why(SCOPE, waits.generation).await.unwrap();
    assert!(why.sentence().starts_with("recipe:loose has been paused since"), "{}", why.sentence());
    bench.store.set_pause(recipe, false, START).await.unwrap();
    // Nobody in this process says so: the desk looks by itself.
    bench.advance(seconds(1)).await;
    bench.completed(waits.generation).await;
    bench.in_order().await;
}
