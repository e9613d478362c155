//! Lanes of webhook messages: looked at when something is due, whoever writes meanwhile, and no earlier.

use super::webhooks::{LEASE, claim_with, ended, finish, finished, message, rooms, sent, stored};
use crate::bench::Bench;
use crate::builder::OTHER;
use copydesk_core::webhook::End;
use copydesk_store::webhooks::{DeliveryState, Health, LANES_MAX, NewDelivery, Rooms};
use copydesk_store::{Scope, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub async fn a_lane_is_looked_at_again_when_its_next_message_is_due(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    sent(&t, &row, 2).await;
    let (claim, lease) = (|| t.store.claim_deliveries(claim_with(t.now(), rooms(1))), t.now().plus(LEASE));
    let first = claim().await.expect("claim").rows.remove(0).delivery;
    let second = claim().await.expect("claim").rows.remove(0).delivery;
    assert_eq!(claim().await.expect("claim").next_due, Some(lease));
    // One is tried again soon, one is over: the lane waits for the first, then for nothing.
    let due_at = t.now().plus(Duration::from_secs(5));
    assert!(finish(&t, &first, DeliveryState::Waiting { due_at }, Health::Failing).await);
    assert!(finish(&t, &second, ended(t.now(), End::Delivered), Health::Unsaid).await);
    assert_eq!(claim().await.expect("claim").next_due, Some(due_at));
    t.advance_s(5);
    let again = claim().await.expect("claim").rows.remove(0).delivery;
    assert_eq!(again.id, first.id);
    assert!(finish(&t, &again, ended(t.now(), End::Delivered), Health::Well).await);
    t.advance_s(60);
    let over = claim().await.expect("claim");
    assert_eq!((over.rows.len(), over.more, over.next_due), (0, false, None));
    // And a new message is found in it again.
    sent(&t, &row, 1).await;
    assert_eq!(claim().await.expect("claim").rows.len(), 1);
}

pub async fn more_lanes_than_one_claim_looks_at_are_all_served(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, None).await;
    let lanes = LANES_MAX + 44;
    let of_host = |n: u32| {
        let lane = t.ids.uuid();
        NewDelivery { lane, url: Some(format!("https://{n}.example/")), ..message(&t, &row, i64::from(n) + 1) }
    };
    t.store.send((0..lanes).map(of_host).collect()).await.expect("send");
    let (mut under_way, mut served) = (BTreeMap::new(), 0);
    loop {
        let rooms = Rooms { per_lane: 1, per_workspace: 1_000, in_all: 1_000, under_way: under_way.clone() };
        let leased = t.store.claim_deliveries(claim_with(t.now(), rooms)).await.expect("claim");
        for row in &leased.rows {
            served += 1;
            assert_eq!(under_way.insert((row.delivery.workspace, row.delivery.lane), 1), None);
        }
        if !leased.more {
            break;
        }
    }
    assert_eq!(served, lanes);
}

pub async fn lanes_without_room_do_not_stand_before_those_that_have_some(t: Arc<Bench>) {
    let full = stored(&t, Scope::DEFAULT, None).await;
    let of_host = |n: u32| NewDelivery { lane: t.ids.uuid(), ..message(&t, &full, i64::from(n) + 1) };
    t.store.send((0..LANES_MAX).map(of_host).collect()).await.expect("send");
    t.advance_s(1);
    let theirs = stored(&t, OTHER, Some("https://example.com/theirs")).await;
    sent(&t, &theirs, 1).await;
    let under_way = BTreeMap::from([((full.workspace, t.ids.uuid()), 64)]);
    let tight = Rooms { per_lane: 64, per_workspace: 64, in_all: 100, under_way };
    let leased = t.store.claim_deliveries(claim_with(t.now(), tight)).await.expect("claim").rows;
    assert_eq!(leased.iter().map(|row| row.delivery.webhook).collect::<Vec<_>>(), [theirs.id]);
}

/// Makers and carriers at once: no message is forgotten in a lane that somebody set right while another wrote into it, and
/// nobody waits for somebody who waits for him.
pub async fn racing_makers_and_carriers_leave_no_message_behind(t: Arc<Bench>) {
    const LANES: usize = 5;
    const EACH: usize = 40;
    let endpoint = stored(&t, Scope::DEFAULT, None).await;
    let (now, lanes) = (t.now(), (0..LANES).map(|_| t.ids.uuid()).collect::<Vec<_>>());
    let messages = |n: usize| {
        let one = |lane: &uuid::Uuid| NewDelivery { lane: *lane, ..message(&t, &endpoint, n as i64 + 1) };
        lanes.iter().map(one).collect::<Vec<_>>()
    };
    let batches: Vec<Vec<NewDelivery>> = (0..EACH).map(messages).collect();
    let delivered = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for part in 0..2 {
        let (store, batches): (Arc<dyn Store>, _) =
            (if part == 0 { t.store.clone() } else { t.second() }, batches.clone());
        tasks.push(tokio::spawn(async move {
            for mut batch in batches.into_iter().skip(part).step_by(2) {
                // Each in another order of the lanes.
                batch.rotate_left(part);
                store.send(batch).await.expect("send");
            }
        }));
        let (store, delivered): (Arc<dyn Store>, _) =
            (if part == 0 { t.second() } else { t.store.clone() }, delivered.clone());
        tasks.push(tokio::spawn(async move {
            let mut idle = 0;
            while delivered.load(Ordering::SeqCst) < LANES * EACH && idle < 3_000 {
                let leased = store.claim_deliveries(claim_with(now, rooms(3))).await.expect("claim").rows;
                idle = if leased.is_empty() { idle + 1 } else { 0 };
                // Once more at once, and then they have arrived.
                let end = |row: &copydesk_store::webhooks::LeasedRow| match row.delivery.attempt {
                    1 => finished(&row.delivery, now, DeliveryState::Waiting { due_at: now }, Health::Unsaid),
                    _ => finished(&row.delivery, now, ended(now, End::Delivered), Health::Unsaid),
                };
                let ends: Vec<_> = leased.iter().map(end).collect();
                let over = ends.iter().filter(|one| matches!(one.state, DeliveryState::Ended { .. })).count();
                if !ends.is_empty() {
                    assert!(store.finish_deliveries(ends).await.expect("finish").iter().all(|held| *held));
                }
                delivered.fetch_add(over, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("it ran");
    }
    assert_eq!(delivered.load(Ordering::SeqCst), LANES * EACH);
    // Lanes of which all has ended are looked at once more, when a lease would have been over, and never again.
    let over = t.store.claim_deliveries(claim_with(now.plus(LEASE), rooms(3))).await.expect("claim");
    assert_eq!((over.rows.len(), over.more, over.next_due), (0, false, None));
}
