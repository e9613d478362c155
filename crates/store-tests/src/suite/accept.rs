//! Accept: what a request writes, what refuses it, and that refused means nothing was written.

use crate::bench::{Bench, Setup};
use crate::builder::{self, AcceptWith};
use copydesk_core::NanoUsd;
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{AttemptNo, State, Status, Wait};
use copydesk_core::refusal::Refusal;
use copydesk_store::admin::PauseKey;
use copydesk_store::generations::{Accepted, Idempotency};
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

pub async fn a_new_draft_and_its_generation_are_visible(t: Arc<Bench>) {
    let request = t.request().user("ann").title("Tea news").external_id("ext-1").target("slot").dedupe("d").priority(3);
    let (generation, draft) = t.start(request.clone()).await;
    assert_eq!(generation, request.generation);

    let row = t.row(generation).await;
    assert_eq!(row.generation.state, State::Pending { wait: Wait::Ready });
    assert_eq!((row.generation.attempt, row.generation.spent), (AttemptNo(0), 0));
    assert_eq!(row.generation.terms.deadline_at, request.deadline_at);
    assert_eq!(row.generation.terms.attempt_timeout, request.attempt_timeout);
    assert_eq!(row.generation.terms.max_attempts, request.max_attempts);
    assert_eq!(row.generation.terms.accepted_at, request.at);
    assert_eq!((row.draft, row.user, row.user_external.as_str()), (draft, request.user, "ann"));
    assert_eq!((row.recipe, row.recipe_version), (request.recipe.clone(), request.recipe_version));
    assert_eq!((row.model, row.input, row.metadata), (request.model, request.input, request.metadata));
    assert_eq!((row.target, row.dedupe_key), (request.target, request.dedupe_key));
    assert_eq!((row.priority, row.version, row.origin, row.last_error), (request.priority, None, None, None));

    let draft = t.draft(draft).await;
    assert_eq!((draft.status, draft.title.as_str()), (DraftStatus::Pending, "Tea news"));
    assert_eq!((draft.current_version, draft.versions), (0, 0));
    assert_eq!(draft.live_generation, Some(generation));
    assert_eq!((draft.revision, draft.created_at, draft.updated_at), (1, request.at, request.at));
    assert_eq!((draft.external_id.as_deref(), draft.user_external.as_str()), (Some("ext-1"), "ann"));
    assert_eq!((draft.recipe, draft.generated_at, draft.published_at), (request.recipe, None, None));
    assert_eq!(t.event_kinds(generation).await, ["generation.accepted"]);
}

pub async fn a_cap_and_changed_parameters_are_kept_and_handed_to_whoever_claims_it(t: Arc<Bench>) {
    let (none, _) = t.start(t.request()).await;
    let capped = |cap| t.request().user("b").change(|it| it.cost_max = Some(NanoUsd(cap)));
    let (zero, _) = t.start(capped(0)).await;
    let words = r#"{"temperature":0.5}"#.to_owned();
    let (both, _) = t.start(capped(i64::MAX).change(|it| it.params = Some(words.clone()))).await;
    let expected = [(none, None, None), (zero, Some(NanoUsd(0)), None), (both, Some(NanoUsd(i64::MAX)), Some(words))];
    let listed = t.generations(Scope::DEFAULT).await;
    let runs = t.claim(3).await;
    for (id, cap, params) in expected {
        let row = t.row(id).await;
        assert_eq!((row.generation.terms.cost_max, &row.params), (cap, &params));
        let in_list = listed.iter().find(|row| row.generation.id == id).expect("listed");
        assert_eq!((in_list.generation.terms.cost_max, &in_list.params), (cap, &params));
        let run = runs.iter().find(|run| run.generation.id == id).expect("claimed");
        assert_eq!((run.generation.terms.cost_max, &run.params), (cap, &params));
        t.settle(run).await;
        assert_eq!(t.row(id).await.params, params, "also after the end");
    }
}

pub async fn a_replayed_key_gives_the_first_ids_also_after_the_end(t: Arc<Bench>) {
    let (generation, draft) = t.start(t.request().key("k", 1)).await;
    let replayed = Ok(Accepted::Replayed { generation, draft, deduplicated: false });
    assert_eq!(t.accept(t.request().key("k", 1)).await, replayed, "while it waits");
    let run = t.claim_one().await;
    assert_eq!(t.accept(t.request().key("k", 1)).await, replayed, "while it runs");
    t.settle(&run).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    assert_eq!(t.accept(t.request().key("k", 1)).await, replayed, "after its end");
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before, "a replay writes nothing");
}

pub async fn a_reused_key_with_another_body_is_refused(t: Arc<Bench>) {
    t.start(t.request().key("k", 1)).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    assert_eq!(t.accept(t.request().key("k", 2)).await, Err(Refusal::IdempotencyKeyReused));
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);

    let of = |route: &str, owner: &str| {
        t.request().key("k", 2).change(|it| {
            let key = it.idempotency.as_mut().expect("just set");
            (key.route, key.owner) = (route.to_owned(), owner.to_owned());
        })
    };
    t.start(of("POST /other", "key_1")).await;
    t.start(of("POST /generations", "key_2")).await;
}

pub async fn an_expired_key_counts_as_absent(t: Arc<Bench>) {
    let (first, _) = t.start(t.request().key("k", 1)).await;
    t.advance_s(86_401);
    let (second, draft) = t.start(t.request().key("k", 2)).await;
    assert_ne!(first, second);
    let replayed = Ok(Accepted::Replayed { generation: second, draft, deduplicated: false });
    assert_eq!(t.accept(t.request().key("k", 2)).await, replayed, "the new row took the old one's place");
}

pub async fn a_used_key_is_found_without_a_request(t: Arc<Bench>) {
    let request = t.request().key("k", 1);
    let key = request.idempotency.clone().expect("just set");
    let find = async |key: &Idempotency, at| t.store.replay(Scope::DEFAULT, key.clone(), at).await;
    assert_eq!(find(&key, t.now()).await, Ok(None));
    let (generation, draft) = t.start(request).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    assert_eq!(find(&key, t.now()).await, Ok(Some(Accepted::Replayed { generation, draft, deduplicated: false })));
    let other = Idempotency { fingerprint: [2; 32], ..key.clone() };
    assert_eq!(find(&other, t.now()).await, Err(StoreError::Refused(Refusal::IdempotencyKeyReused)));
    let nobodys = Idempotency { key: "a\0b".to_owned(), ..key.clone() };
    assert_eq!(find(&nobodys, t.now()).await, Ok(None));
    let foreign = t.store.replay(builder::OTHER, key.clone(), t.now()).await;
    assert_eq!(foreign, Ok(None), "a key belongs to its workspace");
    assert_eq!(find(&key, key.expires_at).await, Ok(None), "and is forgotten in time");
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before, "looking writes nothing");
}

pub async fn a_live_dedupe_key_gives_the_first_ids_and_is_free_after_the_end(t: Arc<Bench>) {
    let (generation, draft) = t.start(t.request().dedupe("d")).await;
    let duplicate = Ok(Accepted::Duplicate { generation, draft });
    let before = t.snapshot(Scope::DEFAULT).await;
    assert_eq!(t.accept(t.request().dedupe("d")).await, duplicate, "while it waits");
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before, "a duplicate makes nothing new");
    let run = t.claim_one().await;
    assert_eq!(t.accept(t.request().dedupe("d")).await, duplicate, "while it runs");
    t.settle(&run).await;
    let (second, _) = t.start(t.request().dedupe("d")).await;
    t.cancel(Scope::DEFAULT, second).await;
    t.start(t.request().dedupe("d")).await;
}

pub async fn two_equal_requests_of_one_batch_make_one_generation(t: Arc<Bench>) {
    let answers = t
        .accept_all(vec![
            t.request().dedupe("d"),
            t.request().dedupe("d"),
            t.request().key("k", 1),
            t.request().key("k", 1),
            t.request().key("k", 2),
            t.request().dedupe("d").key("k2", 1),
            t.request().dedupe("d").key("k2", 1),
        ])
        .await;
    let ids = |n: usize| answers[n].as_ref().expect("accepted").ids();
    assert!(matches!(answers[0], Ok(Accepted::New { .. })));
    assert!(matches!(answers[1], Ok(Accepted::Duplicate { .. })));
    assert_eq!(ids(0), ids(1));
    assert!(matches!(answers[2], Ok(Accepted::New { .. })));
    assert!(matches!(answers[3], Ok(Accepted::Replayed { .. })));
    assert_eq!(ids(2), ids(3));
    assert_eq!(answers[4], Err(Refusal::IdempotencyKeyReused));
    let (generation, draft) = ids(0);
    assert_eq!(answers[5], Ok(Accepted::Duplicate { generation, draft }));
    assert_eq!(answers[6], Ok(Accepted::Replayed { generation, draft, deduplicated: true }));
    assert_eq!(t.generations(Scope::DEFAULT).await.len(), 2);
    assert_eq!(t.drafts(Scope::DEFAULT).await.len(), 2);
}

pub async fn a_duplicate_is_replayed_by_its_own_key(t: Arc<Bench>) {
    let (generation, draft) = t.start(t.request().dedupe("d")).await;
    let duplicate = Accepted::Duplicate { generation, draft };
    assert_eq!(t.accept(t.request().dedupe("d").key("k", 1)).await, Ok(duplicate));
    let run = t.claim_one().await;
    t.settle(&run).await;
    let replayed = Accepted::Replayed { generation, draft, deduplicated: true };
    assert_eq!(t.accept(t.request().dedupe("d").key("k", 1)).await, Ok(replayed), "the same answer after its end");
}

pub async fn the_switched_off_master_switch_refuses_and_writes_nothing(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let (waiting, _) = t.start(t.request().dedupe("d")).await;
    let since = t.now();
    t.store.set_pause(PauseKey::Generation, true, since).await.expect("set_pause");
    t.advance_s(1);
    let refused = Err(Refusal::GenerationPaused { since });
    assert_eq!(t.accept(t.request().hold(10).key("k", 1)).await, refused);
    assert_eq!(t.accept(t.request().dedupe("d")).await, refused, "a duplicate is refused as well");
    assert_eq!(t.claim(5).await, [], "accepted ones wait");
    assert_eq!(t.status(waiting).await, Status::Pending);
    assert_eq!(t.balance("a").await, (100, 0));
    assert_eq!(t.generations(Scope::DEFAULT).await.len(), 1);
    t.store.set_pause(PauseKey::Generation, false, t.now()).await.expect("set_pause");
    t.start(t.request().hold(10).key("k", 1)).await;
    assert_eq!(t.claim(5).await.len(), 2);
}

pub async fn the_switched_off_master_switch_still_answers_replays(t: Arc<Bench>) {
    let (generation, draft) = t.start(t.request().key("k", 1)).await;
    t.store.set_pause(PauseKey::Generation, true, t.now()).await.expect("set_pause");
    let replayed = Ok(Accepted::Replayed { generation, draft, deduplicated: false });
    assert_eq!(t.accept(t.request().key("k", 1)).await, replayed);
    assert_eq!(t.accept(t.request().key("k", 2)).await, Err(Refusal::IdempotencyKeyReused));
}

pub async fn a_paused_recipe_accepts_and_waits(t: Arc<Bench>) {
    let pause = PauseKey::recipe("newsletter".to_owned());
    t.store.set_pause(pause.clone(), true, t.now()).await.expect("set_pause");
    let (paused, _) = t.start(t.request().recipe("newsletter")).await;
    let (free, _) = t.start(t.request().recipe("outreach")).await;
    let claimed: Vec<_> = t.claim(5).await.iter().map(|run| run.generation.id).collect();
    assert_eq!(claimed, [free]);
    assert_eq!(t.status(paused).await, Status::Pending);
    t.store.set_pause(pause, false, t.now()).await.expect("set_pause");
    assert_eq!(t.claim_one().await.generation.id, paused);
}

pub async fn a_full_queue_refuses_and_writes_nothing(t: Arc<Bench>) {
    let t = t.fresh(Setup { waiting_max: 3 }).await;
    for _ in 0..3 {
        t.start(t.request()).await;
    }
    let before = t.snapshot(Scope::DEFAULT).await;
    assert_eq!(t.accept(t.request().key("k", 1)).await, Err(Refusal::QueueFull { waiting: 3 }));
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
    t.claim_one().await;
    t.advance(Duration::from_secs(60));
    t.start(t.request().key("k", 1)).await;
    t.assert_clean().await;
}
