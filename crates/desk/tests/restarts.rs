//! A process that dies without a word, at each point of a generation's life; the next one finishes or ends it.

use crate::harness::*;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::FailureCode;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store_tests::Method;

/// Where the process dies.
#[derive(Clone, Copy, Debug)]
enum Dies {
    BeforeTheClaim,
    AfterTheClaimIsWritten,
    DuringTheCall,
    AfterTheAnswer,
    AfterTheResultIsWritten,
}

/// Accepts a request on a fresh desk and lets it die there.
async fn die(bench: &Bench, at: Dies) -> copydesk_desk::accept::Receipt {
    let node = bench.idle(config()).await;
    match at {
        Dies::BeforeTheClaim => {
            let receipt = node.accept(note("tea")).await;
            node.kill();
            return receipt;
        }
        Dies::AfterTheClaimIsWritten => {
            let receipt = node.accept(note("tea")).await;
            node.plug.die_after(Method::Turn);
            node.desk.start_working().await.unwrap();
            until("it dies", || async { node.plug.is_dead() }).await;
            return receipt;
        }
        Dies::DuringTheCall | Dies::AfterTheAnswer | Dies::AfterTheResultIsWritten => {}
    }
    node.desk.start_working().await.unwrap();
    bench.script.then([Reply::hold("The first answer.")]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    settle().await;
    if let Dies::AfterTheResultIsWritten = at {
        node.plug.die_after(Method::Turn);
    } else {
        node.kill();
    }
    if let Dies::AfterTheAnswer | Dies::AfterTheResultIsWritten = at {
        bench.script.release(1);
        until("the answer is there", || async { bench.script.in_flight() == 0 }).await;
    }
    until("it is dead", || async { node.plug.is_dead() }).await;
    settle().await;
    receipt
}

#[tokio::test]
async fn seed_s0_b17_a_restart_does_not_leave_generating_for_ever() {
    let (ok, lost) = (Some(CallOutcome::Ok), Some(CallOutcome::Lost));
    let table = [
        (Dies::BeforeTheClaim, 1, vec![ok]),
        // Nobody can know any more that this call never left: it is booked as lost, with an estimate.
        (Dies::AfterTheClaimIsWritten, 1, vec![lost, ok]),
        (Dies::DuringTheCall, 2, vec![lost, ok]),
        (Dies::AfterTheAnswer, 2, vec![lost, ok]),
        (Dies::AfterTheResultIsWritten, 1, vec![ok]),
    ];
    for (dies, seen, books) in table {
        let bench = Bench::new().await;
        let receipt = die(&bench, dies).await;
        let _next = bench.working(config()).await;
        bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
        bench.completed(receipt.generation).await;
        assert!(bench.world.now() <= START.plus(seconds(2)), "{dies:?}: a single node takes its own back at once");
        assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Draft, "{dies:?}");
        assert_eq!(bench.versions(receipt.draft).await.len(), 1, "{dies:?}");
        assert_eq!(bench.script.calls(), seen, "{dies:?}");
        assert_eq!(bench.outcomes(receipt.generation).await, books, "{dies:?}");
        assert_eq!(bench.left("ada").await, credits("995"), "{dies:?}");
        bench.in_order().await;
    }
}

#[tokio::test]
async fn seed_a20_the_usage_row_of_an_answer_is_there_after_a_crash_right_behind_it() {
    let bench = Bench::new().await;
    let receipt = die(&bench, Dies::AfterTheResultIsWritten).await;
    let (_, closed) = bench.calls(Some(receipt.generation)).await[0].closed.clone().unwrap();
    assert_eq!((closed.outcome, closed.usage), (CallOutcome::Ok, script::usage()));
    bench.in_order().await;
}

#[tokio::test]
async fn beside_others_the_work_of_a_dead_process_is_taken_over_when_its_lease_runs_out() {
    let bench = Bench::new().await;
    let first = bench.working_beside_others(config()).await;
    bench.script.then([Reply::Hang]);
    let receipt = first.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    let _second = bench.working_beside_others(config()).await;
    first.kill();
    bench.advance(seconds(29)).await;
    assert_eq!(bench.script.calls(), 1);
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    bench.completed(receipt.generation).await;
    assert!(bench.world.now() <= START.plus(seconds(40)), "{}", bench.world.now());
    bench.in_order().await;
}

#[tokio::test]
async fn what_dies_with_its_server_three_times_is_given_up_and_not_charged() {
    let bench = Bench::new().await;
    bench.script.otherwise(Reply::Hang);
    let mut node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    for attempt in 1..=3 {
        bench.pass_until("the call is under way", || async { bench.script.calls() == attempt }).await;
        settle().await;
        node.kill();
        node = bench.working(config()).await;
    }
    let failure = bench.failed(receipt.generation).await;
    assert_eq!(failure.code, FailureCode::LeaseLost);
    assert_eq!(bench.draft(receipt.draft).await.status, DraftStatus::Failed);
    assert_eq!(bench.outcomes(receipt.generation).await, [Some(CallOutcome::Lost); 3]);
    assert_eq!(bench.left("ada").await, credits("1000"));
    bench.in_order().await;
}

#[tokio::test]
async fn every_accepted_request_survives_a_crash_in_the_middle_of_the_work() {
    let bench = Bench::new().await;
    let first = bench.working(config()).await;
    for n in 0..60 {
        first.accept(note(&format!("tea {n}"))).await;
    }
    first.plug.die_after(Method::Turn);
    first.accept(note("the last straw")).await;
    until("it dies", || async { first.plug.is_dead() }).await;
    assert_eq!(bench.generations().await.len(), 61);
    let _second = bench.working(config()).await;
    bench
        .pass_until("all are over", || async { bench.generations().await.iter().all(|row| row.status().is_final()) })
        .await;
    for row in bench.generations().await {
        assert_eq!(bench.versions(row.draft).await.len(), 1);
    }
    assert_eq!(bench.left("ada").await.micros(), (1_000 - 5 * 61) * 1_000_000);
    bench.in_order().await;
}
