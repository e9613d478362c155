//! Accepts for an existing draft, and holds: what refuses them and what they move.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, credits};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::FailureCode;
use copydesk_core::ledger::TransferKind;
use copydesk_core::refusal::Refusal;
use copydesk_store::Scope;
use copydesk_store::drafts::{DraftSetting, SetDraft};
use copydesk_store::generations::Accepted;
use std::sync::Arc;

pub async fn a_draft_with_a_live_generation_gives_its_ids(t: Arc<Bench>) {
    let (generation, draft) = t.start(t.request()).await;
    let duplicate = Ok(Accepted::Duplicate { generation, draft });
    assert_eq!(t.accept(t.request().existing(draft)).await, duplicate, "while it waits");
    let run = t.claim_one().await;
    assert_eq!(t.accept(t.request().existing(draft)).await, duplicate, "while it runs");
    t.settle(&run).await;
    let (second, same) = t.start(t.request().existing(draft)).await;
    assert_eq!(same, draft);
    assert_eq!(t.draft(draft).await.live_generation, Some(second));
}

pub async fn regenerating_keeps_the_draft_a_draft(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let before = t.draft(run.draft).await;
    t.advance_s(1);
    t.start(t.request().existing(run.draft)).await;
    let after = t.draft(run.draft).await;
    assert_eq!((after.status, after.versions, after.title), (DraftStatus::Draft, 1, before.title));
}

pub async fn a_failed_draft_goes_back_to_pending(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderAuth, t.now())).await;
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Failed);
    let (again, _) = t.start(t.request().existing(run.draft)).await;
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Pending);
    t.cancel(Scope::DEFAULT, again).await;
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Cancelled);
    t.start(t.request().existing(run.draft)).await;
    assert_eq!(t.draft(run.draft).await.status, DraftStatus::Pending, "a cancelled one too");
}

pub async fn a_published_draft_is_refused(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    set(&t, &run, DraftSetting::Publish).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    assert_eq!(t.accept(t.request().existing(run.draft)).await, Err(Refusal::DraftPublished));
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
}

pub async fn a_missing_foreign_or_deleted_draft_is_not_found(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let missing = t.request().existing(t.ids.draft());
    let foreign = t.request().scope(builder::OTHER).existing(run.draft);
    let answers = t.accept_all(vec![missing, foreign, t.request()]).await;
    assert_eq!(answers[..2], [Err(Refusal::DraftNotFound), Err(Refusal::DraftNotFound)]);
    assert!(matches!(answers[2], Ok(Accepted::New { .. })), "the third of the batch is not disturbed");
    set(&t, &run, DraftSetting::Delete).await;
    assert_eq!(t.accept(t.request().existing(run.draft)).await, Err(Refusal::DraftNotFound));
    set(&t, &run, DraftSetting::Undelete).await;
    t.start(t.request().existing(run.draft)).await;
}

async fn set(t: &Bench, run: &copydesk_store::generations::Claimed, to: DraftSetting) {
    let set = SetDraft { scope: run.scope, at: t.now(), draft: run.draft, if_revision: None, to };
    t.store.set_draft(set).await.expect("set_draft");
}

pub async fn a_hold_moves_available_to_held(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let request = t.request().hold(30);
    let (generation, _) = t.start(request.clone()).await;
    assert_eq!(t.balance("a").await, (70, 30));
    let transfers = t.transfers(Scope::DEFAULT).await;
    let hold = transfers.iter().find(|row| row.kind == TransferKind::Hold).expect("a hold");
    assert_eq!((hold.id, hold.amount, hold.at), (request.hold_id, credits(30), request.at));
    assert_eq!((hold.generation, hold.user, &hold.reference), (Some(generation), request.user, &None));
}

pub async fn insufficient_credits_write_nothing(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.start(t.request().hold(80)).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    let refused =
        Err(Refusal::InsufficientCredits { required: credits(21), available: credits(20), held: credits(80) });
    let request = t.request().hold(21).key("k", 1).dedupe("d").target("x").external_id("e");
    assert_eq!(t.accept(request).await, refused);
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before, "no draft, no generation, no hold, no event");
    let free = t.request().key("k", 9).dedupe("d").target("x");
    t.start(free).await;
    let nobody = t.request().user("nobody").hold(1);
    let none = Refusal::InsufficientCredits { required: credits(1), available: credits(0), held: credits(0) };
    assert_eq!(t.accept(nobody).await, Err(none), "a user never seen has nothing");
}

pub async fn a_batch_never_holds_more_than_there_is(t: Arc<Bench>) {
    t.grant("a", 100).await;
    t.grant("b", 10).await;
    let batch = vec![
        t.request().hold(60),
        t.request().hold(50),
        t.request().user("b").hold(10),
        t.request().hold(40),
        t.request().hold(1),
        t.request().user("b").hold(1),
    ];
    let answers = t.accept_all(batch).await;
    let taken: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true, true, false, false], "in the order of the requests");
    assert_eq!((t.balance("a").await, t.balance("b").await), ((0, 100), (0, 10)));
}

pub async fn without_credits_nothing_is_written_to_the_ledger(t: Arc<Bench>) {
    let run = t.running(t.request().hold(0)).await;
    t.settle(&run).await;
    let (second, _) = t.start(t.request()).await;
    t.cancel(Scope::DEFAULT, second).await;
    assert_eq!(t.transfers(Scope::DEFAULT).await, []);
}

pub async fn a_duplicate_holds_nothing(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let (generation, draft) = t.start(t.request().hold(30).dedupe("d").key("k", 1)).await;
    let ids = (generation, draft);
    for request in
        [t.request().hold(30).dedupe("d"), t.request().hold(30).key("k", 1), t.request().existing(draft).hold(30)]
    {
        assert_eq!(t.accept(request).await.expect("accepted").ids(), ids);
    }
    assert_eq!(t.balance("a").await, (70, 30));
}

pub async fn racing_accepts_never_overdraw(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let mut tasks = vec![];
    for n in 0..40 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let batch = vec![t.request().hold(7), t.request().hold(7)];
        tasks.push(tokio::spawn(async move { store.accept(batch).await.expect("accept") }));
    }
    let mut taken = 0;
    for task in tasks {
        taken += task.await.expect("an accepting task").iter().filter(|answer| answer.is_ok()).count();
    }
    assert_eq!((taken, t.balance("a").await), (14, (2, 98)));
}

pub async fn racing_equal_requests_make_one_generation(t: Arc<Bench>) {
    let mut tasks = vec![];
    for n in 0..20 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let batch = vec![t.request().key("k", 1), t.request().dedupe("d"), t.request().target("x")];
        tasks.push(tokio::spawn(async move { store.accept(batch).await.expect("accept") }));
    }
    let (mut keyed, mut deduped) = (vec![], vec![]);
    for task in tasks {
        let answers = task.await.expect("an accepting task");
        keyed.push(answers[0].as_ref().expect("accepted").ids());
        deduped.push(answers[1].as_ref().expect("accepted").ids());
    }
    assert!(keyed.iter().all(|ids| *ids == keyed[0]), "one idempotency key, one answer");
    assert!(deduped.iter().all(|ids| *ids == deduped[0]), "one dedupe key, one live generation");
    assert_eq!(t.generations(Scope::DEFAULT).await.len(), 22);
    assert_eq!(t.claim(100).await.len(), 3, "one keyed, one deduped, one holder of the target");
}
