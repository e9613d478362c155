//! Tenants: another workspace sees nothing of this one, whatever it asks for and whichever ids it knows.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::generation::Origin;
use copydesk_core::refusal::Refusal;
use copydesk_store::drafts::{DraftSetting, Edit, SetDraft};
use copydesk_store::generations::{Accepted, Change};
use copydesk_store::ledger::TransferFilter;
use copydesk_store::usage::CallFilter;
use copydesk_store::{PageRequest, Scope, StoreError};
use std::fmt::Debug;
use std::sync::Arc;

fn assert_not_found<T: Debug>(answer: Result<T, StoreError>, what: &str) {
    assert!(matches!(answer, Err(StoreError::NotFound { .. })), "{what}: {answer:?}");
}

pub async fn another_workspace_reads_nothing(t: Arc<Bench>) {
    t.grant("a", 100).await;
    let run = t.running(t.request().hold(10).external_id("e")).await;
    t.settle(&run).await;
    let (id, draft) = (run.generation.id, run.draft);
    assert_not_found(t.store.get(OTHER, id).await, "get");
    assert_not_found(t.store.why(OTHER, id, t.now(), &builder::no_limits()).await, "why");
    assert_not_found(t.store.get_draft(OTHER, draft).await, "get_draft");
    assert_not_found(t.store.versions(OTHER, draft).await, "versions");
    assert_not_found(t.store.version(OTHER, draft, Some(1)).await, "version 1");
    assert_not_found(t.store.version(OTHER, draft, None).await, "the current version");
    let nothing = t.snapshot(OTHER).await;
    assert!(nothing.generations.is_empty() && nothing.drafts.is_empty());
    assert!(nothing.transfers.is_empty() && nothing.events.is_empty());
    for filter in [
        CallFilter::default(),
        CallFilter { generation: Some(id), ..CallFilter::default() },
        CallFilter { user: Some(run.user), ..CallFilter::default() },
        CallFilter { draft: Some(draft), ..CallFilter::default() },
    ] {
        assert_eq!(t.calls_of(OTHER, filter).await, []);
    }
    let counts = t.store.count_drafts(OTHER, None).await.expect("count_drafts");
    assert!(counts.iter().all(|(_, n)| *n == 0), "{counts:?}");
    let page = PageRequest::newest(10);
    let own = TransferFilter { user: Some(run.user), ..TransferFilter::default() };
    assert_eq!(t.store.transfers(OTHER, own, page).await.expect("transfers").rows, []);
    let balance = t.store.balance(OTHER, run.user).await.expect("balance");
    assert_eq!((balance.available.micros(), balance.held.micros()), (0, 0));
}

pub async fn another_workspace_changes_nothing(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let (waiting, _) = t.start(t.request()).await;
    let before = t.snapshot(Scope::DEFAULT).await;
    let edit = Edit {
        scope: OTHER,
        at: t.now(),
        draft: run.draft,
        if_revision: None,
        origin: Origin::Edited,
        content: builder::content("Foreign words"),
    };
    assert_not_found(t.store.add_version(edit).await, "add_version");
    for to in [DraftSetting::Publish, DraftSetting::Unpublish, DraftSetting::Delete, DraftSetting::Undelete] {
        let set = SetDraft { scope: OTHER, at: t.now(), draft: run.draft, if_revision: None, to };
        assert_not_found(t.store.set_draft(set).await, "set_draft");
    }
    let regenerate = t.request().scope(OTHER).existing(run.draft);
    assert_eq!(t.accept(regenerate).await, Err(Refusal::DraftNotFound));
    let generation = t.generation(Scope::DEFAULT, waiting).await;
    let cancel = builder::cancel(&t.ids, OTHER, &generation, t.now());
    let applied = t.apply(Change { scope: OTHER, ..cancel }).await;
    assert_eq!(applied, copydesk_store::generations::Applied::Lost { found: None });
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
}

pub async fn keys_and_dedupe_keys_of_two_workspaces_never_meet(t: Arc<Bench>) {
    let here = t.request().key("k", 1).dedupe("d");
    let there = t.request().key("k", 2).dedupe("d").scope(OTHER);
    for answer in t.accept_all(vec![here, there]).await {
        assert!(matches!(answer, Ok(Accepted::New { .. })), "{answer:?}");
    }
}

pub async fn two_workspaces_users_of_one_name_are_two(t: Arc<Bench>) {
    t.grant("ann", 100).await;
    let there = t.request().user("ann").scope(OTHER).hold(1);
    assert!(matches!(t.accept(there).await, Err(Refusal::InsufficientCredits { .. })));
    t.start(t.request().user("ann").hold(1)).await;
    assert_eq!(t.balance("ann").await, (99, 1));
}

pub async fn a_claim_serves_all_workspaces_and_names_each(t: Arc<Bench>) {
    t.start(t.request()).await;
    t.start(t.request().scope(OTHER)).await;
    let runs = t.claim(5).await;
    let mut scopes: Vec<_> = runs.iter().map(|run| run.scope.workspace).collect();
    scopes.sort();
    let mut expected = [Scope::DEFAULT.workspace, OTHER.workspace];
    expected.sort();
    assert_eq!(scopes, expected);
    for run in &runs {
        t.settle(run).await;
    }
    assert_eq!((t.drafts(OTHER).await.len(), t.drafts(Scope::DEFAULT).await.len()), (1, 1));
}

pub async fn a_refused_request_does_not_disturb_the_others_of_its_batch(t: Arc<Bench>) {
    t.grant("a", 10).await;
    let batch = vec![
        t.request().hold(10),
        t.request().hold(1),
        t.request().existing(t.ids.draft()),
        t.request().user("b"),
        t.request().scope(OTHER),
    ];
    let answers = t.accept_all(batch).await;
    let taken: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, false, true, true]);
    assert_eq!(t.claim(10).await.len(), 3);
}
