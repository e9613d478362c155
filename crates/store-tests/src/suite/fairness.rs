//! Fairness across lanes: each queue has its own virtual time, and an empty one catches up with the common time.
//! Fairness within one queue is in `claim.rs`.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::GenerationId;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::{Accept, Claimed, Lane, Limits};
use std::sync::Arc;

fn ids(runs: &[Claimed]) -> Vec<GenerationId> {
    runs.iter().map(|run| run.generation.id).collect()
}

/// `count` requests of one user, accepted together.
async fn batch(t: &Bench, count: usize, user: &str, model: &str) -> Vec<GenerationId> {
    let requests: Vec<Accept> = (0..count).map(|_| t.request().user(user).model(model)).collect();
    let ids = requests.iter().map(|request| request.generation).collect();
    t.accept_all(requests).await;
    ids
}

fn without(provider: &str) -> Limits {
    builder::lane(Lane::Provider(provider.to_owned()), 0)
}

pub async fn a_click_in_a_slow_lane_goes_before_the_rest_of_a_batch_although_a_fast_lane_moved_on(t: Arc<Bench>) {
    batch(&t, 100, "batch", "slow/model").await;
    batch(&t, 100, "other", "fast/model").await;
    assert_eq!(t.claim_with(100, without("slow")).await.len(), 100);
    let (click, _) = t.start(t.request().user("click").model("slow/model")).await;
    let order = ids(&t.claim(200).await);
    assert_eq!(order.len(), 101);
    assert_eq!(
        order.iter().position(|id| *id == click),
        Some(1),
        "behind the head of the batch, before the rest of it"
    );
}

pub async fn an_own_batch_in_a_paused_lane_does_not_delay_a_click_in_another(t: Arc<Bench>) {
    t.accept_all((0..50).map(|_| t.request().user("ann").recipe("code")).collect()).await;
    t.store.set_pause(PauseKey::recipe("code".to_owned()), true, t.now()).await.expect("set_pause");
    t.accept_all((0..50).map(|_| t.request().user("bob").recipe("chat")).collect()).await;
    let (click, _) = t.start(t.request().user("ann").recipe("chat")).await;
    let order = ids(&t.claim(100).await);
    assert_eq!(order.len(), 51);
    assert_eq!(order.iter().position(|id| *id == click), Some(1), "behind the head of the other user's batch only");
}

pub async fn an_empty_queue_starts_at_the_common_clock(t: Arc<Bench>) {
    let busy = batch(&t, 20, "busy", "fast/model").await;
    assert_eq!(ids(&t.claim(10).await), busy[..10]);
    let late = batch(&t, 20, "late", "idle/model").await;
    let mut turns = vec![late[0]];
    turns.extend(busy[10..].iter().zip(&late[1..]).flat_map(|(busy, late)| [*busy, *late]));
    turns.extend(&late[11..]);
    assert_eq!(ids(&t.claim(100).await), turns, "they take turns: nobody gains by a queue that was idle");
    // Empty once more, and behind once more: it catches up again.
    let busy = batch(&t, 20, "busy", "fast/model").await;
    assert_eq!(ids(&t.claim(10).await), busy[..10]);
    let (click, _) = t.start(t.request().user("click").model("idle/model")).await;
    assert_eq!(
        ids(&t.claim(100).await).iter().position(|id| *id == click),
        Some(0),
        "it is at the clock, not behind it"
    );
}

pub async fn who_comes_late_to_a_queue_does_not_make_up_for_it(t: Arc<Bench>) {
    let early = batch(&t, 40, "early", "demo/swift").await;
    assert_eq!(ids(&t.claim(20).await), early[..20]);
    let late = batch(&t, 20, "late", "demo/swift").await;
    let claimed = ids(&t.claim(20).await);
    assert_eq!(claimed.iter().filter(|id| late.contains(id)).count(), 10, "they take turns from now on");
}

pub async fn two_arrivals_in_an_empty_queue_start_at_the_same_place(t: Arc<Bench>) {
    batch(&t, 50, "busy", "fast/model").await;
    assert_eq!(t.claim(50).await.len(), 50);
    let mut order = batch(&t, 1, "first", "idle/model").await;
    order.extend(batch(&t, 3, "second", "idle/model").await);
    assert_eq!(ids(&t.claim(10).await), order, "the second is not placed before the first");
    // The same of one batch, and when the first arrival is not claimable yet.
    batch(&t, 50, "busy", "fast/model").await;
    assert_eq!(t.claim(50).await.len(), 50);
    let later = t.request().user("later").model("other/model").run_in_s(60);
    let (first, second) =
        (t.request().user("first").model("other/model"), t.request().user("second").model("other/model"));
    let order = [later.generation, first.generation, second.generation];
    t.accept_all(vec![later, first, second]).await;
    t.advance_s(60);
    assert_eq!(ids(&t.claim(10).await), order);
}

pub async fn urgent_work_before_the_beginning_of_time_moves_no_clock_back(t: Arc<Bench>) {
    t.start(t.request().user("urgent").priority(100)).await;
    assert_eq!(t.claim(1).await.len(), 1);
    let mut order = batch(&t, 2, "batch", "elsewhere/model").await;
    let (plain, _) = t.start(t.request().user("plain")).await;
    order.insert(1, plain);
    assert_eq!(ids(&t.claim(10).await), order);
}
