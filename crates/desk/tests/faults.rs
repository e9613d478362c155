//! A store that fails: results are kept and written exactly once, errors reach whoever asked, and one contradiction takes
//! nothing else along.

use crate::harness::*;
use copydesk_core::generation::Status;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_desk::DeskError;
use copydesk_desk::accept::{Receipt, Request};
use copydesk_store::StoreError;
use copydesk_store::generations::Accepted;
use copydesk_store_tests::{Method, When};

/// A generation whose provider has the answer ready: released, it comes to its turn at once.
async fn under_way(bench: &Bench, node: &Node, prompt: &str) -> Receipt {
    bench.script.then([Reply::hold(prompt)]);
    let calls = bench.script.calls();
    let receipt = node.accept(note(prompt)).await;
    until("the call is under way", || async { bench.script.calls() == calls + 1 }).await;
    settle().await;
    receipt
}

async fn one_version_and_paid_once(bench: &Bench, receipt: &Receipt) {
    bench.completed(receipt.generation).await;
    assert_eq!(bench.versions(receipt.draft).await.len(), 1);
    assert_eq!((bench.script.calls(), bench.left("ada").await), (1, credits("995")));
    assert_eq!(bench.outcomes(receipt.generation).await.last(), Some(&Some(CallOutcome::Ok)));
    bench.in_order().await;
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_kept_until_it_can() {
    let busy = StoreError::Busy("injected".to_owned());
    let gone = StoreError::Unavailable("injected".to_owned());
    for (error, times) in [(busy, 1), (gone, 5)] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        let receipt = under_way(&bench, &node, "tea").await;
        bench.store.fail_next(Method::Turn, times, When::Before, error);
        bench.script.release(1);
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        assert!(bench.world.now() <= START.plus(seconds(5)));
        assert_eq!((bench.store.injected(), bench.store.planned()), (times as u64, 0));
        one_version_and_paid_once(&bench, &receipt).await;
    }
}

#[tokio::test]
async fn a_result_whose_commit_nobody_knows_about_is_written_exactly_once() {
    for when in [When::Before, When::After] {
        let bench = Bench::new().await;
        let node = bench.working(config()).await;
        let receipt = under_way(&bench, &node, "tea").await;
        bench.store.fail_next(Method::Turn, 2, when, StoreError::CommitUnknown("injected".to_owned()));
        bench.script.release(1);
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        one_version_and_paid_once(&bench, &receipt).await;
    }
}

#[tokio::test]
async fn a_step_whose_commit_nobody_knows_about_is_not_called_for_again() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("three leaves"), Reply::say("The tea.")]);
    let receipt = node.accept(Request { recipe: "pair".to_owned(), ..note("tea") }).await;
    until("the first step is under way", || async { bench.script.in_flight() == 1 }).await;
    settle().await;
    bench.store.lose_next_commit(Method::Turn, 1);
    bench.script.release(1);
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert_eq!((bench.script.calls(), bench.left("ada").await), (2, credits("995")));
    bench.in_order().await;
}

#[tokio::test]
async fn runs_of_a_claim_whose_answer_was_lost_are_handed_back_and_done() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    settle().await;
    bench.store.lose_next_commit(Method::Turn, 1);
    let receipt = node.accept(note("tea")).await;
    until("it is claimed and nobody knows", || async { bench.store.injected() == 1 }).await;
    settle().await;
    assert_eq!((bench.status(receipt.generation).await, bench.script.calls()), (Status::Processing, 0));
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    assert!(bench.world.now() <= START.plus(seconds(6)), "at the next sweep: {}", bench.world.now());
    let row = bench.completed(receipt.generation).await;
    assert_eq!((row.generation.attempt.0, row.generation.spent), (2, 1), "no attempt was used up");
    assert_eq!(bench.outcomes(receipt.generation).await[0], Some(CallOutcome::NotSent));
    one_version_and_paid_once(&bench, &receipt).await;
}

#[tokio::test]
async fn a_lost_claim_hands_back_nothing_that_was_begun() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let running = under_way(&bench, &node, "tea").await;
    bench.store.lose_next_commit(Method::Turn, 1);
    let lost = node.accept(note("coffee")).await;
    bench.pass_until("the lost one is done", || async { bench.status(lost.generation).await.is_final() }).await;
    assert_eq!(bench.row(running.generation).await.generation.attempt.0, 1);
    bench.script.release(1);
    let row = bench.completed(running.generation).await;
    assert_eq!((row.generation.attempt.0, bench.script.calls()), (1, 2));
    bench.in_order().await;
}

#[tokio::test]
async fn a_claim_that_fails_is_made_again_by_itself() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    settle().await;
    bench.store.fail_next(Method::Turn, 3, When::Before, StoreError::Unavailable("injected".to_owned()));
    let receipt = node.accept(note("tea")).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    one_version_and_paid_once(&bench, &receipt).await;
}

#[tokio::test]
async fn an_accept_that_fails_tells_its_caller_and_leaves_nothing_half_written() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    for error in [StoreError::Busy("injected".to_owned()), StoreError::CommitUnknown("injected".to_owned())] {
        bench.store.fail_next(Method::Accept, 1, When::Before, error.clone());
        assert_eq!(node.desk.accept(note("tea")).await, Err(DeskError::Store(error)));
        assert_eq!((bench.drafts().await.len(), bench.left("ada").await), (0, credits("1000")));
    }
    let receipt = node.accept(note("tea")).await;
    one_version_and_paid_once(&bench, &receipt).await;
}

#[tokio::test]
async fn an_accept_that_was_written_without_an_answer_is_found_and_answered() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.store.lose_next_commit(Method::Accept, 1);
    let receipt = node.accept(note("tea")).await;
    assert!(matches!(receipt.accepted, Accepted::New { .. }));
    one_version_and_paid_once(&bench, &receipt).await;
    assert_eq!(bench.world.now(), START, "it was worked on at once");
}

#[tokio::test]
async fn one_result_the_store_refuses_does_not_take_the_others_along() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let mut receipts = Vec::new();
    for prompt in ["tea", "coffee", "milk"] {
        receipts.push(under_way(&bench, &node, prompt).await);
    }
    // The batch with its claim, the batch alone, and the first result by itself.
    bench.store.fail_next(Method::Turn, 3, When::Before, StoreError::Corrupt("injected".to_owned()));
    bench.script.release(3);
    until("all failures struck", || async { bench.store.planned() == 0 }).await;
    bench.completed(receipts[1].generation).await;
    bench.completed(receipts[2].generation).await;
    assert_eq!(node.desk.live().count(), 0, "no slot is lost");
    assert_eq!(bench.status(receipts[0].generation).await, Status::Processing);
    bench
        .pass_until("the sweeper ends the refused one", || async {
            bench.status(receipts[0].generation).await.is_final()
        })
        .await;
    assert_eq!(bench.left("ada").await, credits("985"));
    bench.in_order().await;
}

#[tokio::test]
async fn one_write_of_the_sweeper_that_is_refused_does_not_hide_the_others() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    for prompt in ["tea", "coffee", "milk"] {
        node.accept(note(prompt)).await;
    }
    bench.advance(seconds(3_600)).await;
    // The page, and the first one by itself.
    bench.store.fail_next(Method::Turn, 2, When::Before, StoreError::Corrupt("injected".to_owned()));
    let error = node.desk.sweep_once().await.unwrap_err();
    assert!(matches!(error, DeskError::Store(StoreError::Corrupt(_))), "it is not silent: {error}");
    let failed = bench.generations().await.iter().filter(|row| row.status() == Status::Failed).count();
    assert_eq!(failed, 2);
    assert_eq!(node.desk.sweep_once().await.unwrap().len(), 1);
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_cancel_that_cannot_be_written_tells_its_caller_and_stops_nothing() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = under_way(&bench, &node, "tea").await;
    bench.store.fail_next(Method::Turn, 1, When::Before, StoreError::Busy("injected".to_owned()));
    let answer = node.desk.cancel(SCOPE, receipt.generation).await;
    assert!(matches!(answer, Err(DeskError::Store(StoreError::Busy(_)))));
    bench.script.release(1);
    one_version_and_paid_once(&bench, &receipt).await;
}
