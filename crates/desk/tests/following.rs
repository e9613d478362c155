//! Following events: whatever happens to a follower, it is told each event it may see once, in order.

use crate::harness::*;
use copydesk_desk::accept::Request;
use copydesk_desk::events::{EventFilter, Follower, Start, Told};
use copydesk_store::{EventStore, StoreError};
use copydesk_store_tests::{Method, When};

/// More than the ring of newest events holds.
const MANY: u64 = 3_000;

async fn follow(node: &Node, filter: EventFilter, start: Start) -> Follower {
    node.desk.follow_events(SCOPE, filter, start).await.unwrap()
}

/// The numbers of the next `n` events.
async fn take(follower: &mut Follower, n: usize) -> Vec<i64> {
    let mut numbers = vec![];
    while numbers.len() < n {
        match within("an event comes", follower.next()).await.unwrap() {
            Told::Events(frames) => numbers.extend(frames.iter().map(|frame| frame.row.seq)),
            other @ (Told::Resync | Told::Draining) => panic!("{other:?} after {numbers:?}"),
        }
    }
    numbers
}

async fn all(bench: &Bench) -> Vec<i64> {
    bench.store.inner().events(SCOPE, 0, 100_000).await.unwrap().rows.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn a_follower_that_falls_behind_the_ring_reads_on_from_the_store_and_misses_nothing() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let before = all(&bench).await.len();
    let mut slow = follow(&node, EventFilter::default(), Start::After(0)).await;
    let mut quick = follow(&node, EventFilter::default(), Start::Now).await;
    assert_eq!(take(&mut slow, before).await.len(), before);
    for n in 0..MANY {
        bench.grant("ada", &format!("0.00{:04}", n + 1)).await;
        if n % 100 == 99 {
            take(&mut quick, 100).await;
        }
    }
    let expected = all(&bench).await;
    assert_eq!(take(&mut slow, MANY as usize).await, expected[before..], "in order, each once");
    bench.grant("bob", "1").await;
    assert_eq!(take(&mut slow, 1).await, take(&mut quick, 1).await, "and is with the others again");
}

#[tokio::test]
async fn a_follower_bound_to_a_user_is_told_of_nobody_else() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let only = EventFilter { user: Some(user("ada")), ..EventFilter::default() };
    let mut ada = follow(&node, only.clone(), Start::Now).await;
    let receipt = node.accept(Request { user: Some("bob".to_owned()), ..note("tea") }).await;
    let own = node.accept(note("coffee")).await;
    match within("ada's comes", ada.next()).await.unwrap() {
        Told::Events(frames) => {
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].row.generation, Some(own.generation), "not {}", receipt.generation);
        }
        other @ (Told::Resync | Told::Draining) => panic!("{other:?}"),
    }
    let page = node.desk.events(SCOPE, &only, 0, 100).await.unwrap();
    assert!(page.rows.iter().all(|row| row.user == Some(user("ada"))) && page.rows.len() == 2, "with her grant");
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_delays_events_and_loses_none() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let mut follower = follow(&node, EventFilter::default(), Start::Now).await;
    bench.grant("ada", "1").await;
    take(&mut follower, 1).await;
    bench.store.fail_next(Method::Events, 3, When::Before, StoreError::Unavailable("gone (injected)".to_owned()));
    let before = all(&bench).await.len();
    bench.grant("ada", "2").await;
    let expected = all(&bench).await;
    let turning = async {
        loop {
            bench.advance(seconds(1)).await;
        }
    };
    let told = tokio::select! { told = take(&mut follower, 1) => told, () = turning => vec![] };
    assert_eq!(told, expected[before..]);
}

#[tokio::test]
async fn a_page_with_a_filter_ends_where_it_stopped_looking() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let receipt = node.accept(note("tea")).await;
    for _ in 0..3 {
        bench.grant("ada", "1").await;
    }
    let subject = Some(copydesk_desk::events::Subject::Generation(receipt.generation));
    let filter = EventFilter { subject, ..EventFilter::default() };
    let page = node.desk.events(SCOPE, &filter, 0, 1).await.unwrap();
    assert_eq!((page.rows.len(), page.more, page.missed), (1, false, false));
    assert_eq!(page.upto, *all(&bench).await.last().unwrap(), "what was passed over is not looked at again");
    let none = node.desk.events(SCOPE, &filter, page.upto, 1).await.unwrap();
    assert_eq!((none.rows.len(), none.upto), (0, page.upto));
}
