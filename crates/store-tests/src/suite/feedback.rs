//! Feedback: one opinion of each part of a version, found again for the user whose draft it is.

use crate::bench::Bench;
use crate::builder::{AcceptWith, OTHER, user_id};
use copydesk_core::feedback::{Opinion, Vote};
use copydesk_core::{DraftId, FeedbackId, UserId};
use copydesk_store::drafts::{DraftSetting, SetDraft};
use copydesk_store::feedback::{FeedbackFilter, FeedbackFor, FeedbackRow, PutFeedback};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::sync::Arc;

fn new(t: &Bench, draft: DraftId, part: Option<&str>, vote: Vote, comment: Option<&str>) -> PutFeedback {
    let opinion =
        Opinion { part: part.map(str::to_owned), heading: "Tea".to_owned(), vote, comment: comment.map(str::to_owned) };
    PutFeedback { scope: Scope::DEFAULT, at: t.now(), id: FeedbackId(t.ids.uuid()), draft, version: 1, opinion }
}

async fn put(t: &Bench, put: PutFeedback) -> FeedbackRow {
    t.store.put_feedback(put).await.expect("put_feedback")
}

/// A finished draft of this user.
async fn drafted(t: &Bench, user: &str) -> DraftId {
    let (_, draft) = t.start(t.request().user(user)).await;
    let run = t.claim_one().await;
    t.done(crate::builder::settle(&t.ids, &run, t.now())).await;
    draft
}

fn missing(answer: Result<impl std::fmt::Debug, StoreError>) -> &'static str {
    match answer {
        Err(StoreError::NotFound { what, .. }) => what,
        other => panic!("expected that it is not there, got {other:?}"),
    }
}

pub async fn an_opinion_of_a_part_is_there_once_and_the_last_word_counts(t: Arc<Bench>) {
    let draft = drafted(&t, "ann").await;
    let first = new(&t, draft, Some("intro"), Vote::Down, Some("Too long."));
    let row = put(&t, first.clone()).await;
    let recipe = t.draft(draft).await.recipe;
    let expected = FeedbackRow {
        id: first.id,
        draft,
        version: 1,
        recipe,
        user: user_id(Scope::DEFAULT, "ann"),
        opinion: first.opinion.clone(),
        created_at: first.at,
        updated_at: first.at,
    };
    assert_eq!(row, expected);
    t.advance_s(1);
    let again = new(&t, draft, Some("intro"), Vote::Up, None);
    let changed = put(&t, again.clone()).await;
    assert_eq!(changed, FeedbackRow { opinion: again.opinion, updated_at: again.at, ..expected });
    assert_eq!(t.store.one_feedback(Scope::DEFAULT, row.id).await.expect("one_feedback"), changed);
    put(&t, new(&t, draft, None, Vote::Up, None)).await;
    let other_version = PutFeedback { version: 2, ..new(&t, draft, Some("intro"), Vote::Up, None) };
    assert_ne!(put(&t, other_version).await.id, row.id, "another version is another thing");
    t.store.remove_feedback(Scope::DEFAULT, row.id).await.expect("remove_feedback");
    assert_eq!(missing(t.store.one_feedback(Scope::DEFAULT, row.id).await), "feedback");
    assert_eq!(missing(t.store.remove_feedback(Scope::DEFAULT, row.id).await), "feedback");
}

pub async fn seed_s0_b18_feedback_outlives_its_draft_and_stays_in_its_workspace(t: Arc<Bench>) {
    let draft = drafted(&t, "ann").await;
    let row = put(&t, new(&t, draft, Some("topics/1"), Vote::Up, Some("More like this."))).await;
    let to = DraftSetting::Delete;
    t.store
        .set_draft(SetDraft { scope: Scope::DEFAULT, at: t.now(), draft, if_revision: None, to })
        .await
        .expect("delete");
    assert_eq!(t.store.one_feedback(Scope::DEFAULT, row.id).await.expect("it stays"), row);
    assert_eq!(missing(t.store.one_feedback(OTHER, row.id).await), "feedback");
    assert_eq!(missing(t.store.remove_feedback(OTHER, row.id).await), "feedback");
    let foreign = PutFeedback { scope: OTHER, ..new(&t, draft, None, Vote::Up, None) };
    assert_eq!(missing(t.store.put_feedback(foreign).await), "draft");
    let nowhere = new(&t, DraftId(t.ids.uuid()), None, Vote::Up, None);
    assert_eq!(missing(t.store.put_feedback(nowhere).await), "draft");
    let seen = t.store.feedback(OTHER, FeedbackFilter::default(), PageRequest::newest(10)).await.expect("feedback");
    assert_eq!(seen.rows, []);
}

pub async fn feedback_is_paged_and_the_newest_of_a_user_is_found(t: Arc<Bench>) {
    let (ann, bob) = (drafted(&t, "ann").await, drafted(&t, "bob").await);
    let mut rows = vec![];
    for (draft, part) in [(ann, "intro"), (bob, "intro"), (ann, "topics/1"), (ann, "conclusion")] {
        t.advance_s(60);
        rows.push(put(&t, new(&t, draft, Some(part), Vote::Up, None)).await);
    }
    let list = async |filter: FeedbackFilter, order: Order| {
        let mut found = vec![];
        let mut page = PageRequest { order, limit: 2, after: None };
        loop {
            let part = t.store.feedback(Scope::DEFAULT, filter.clone(), page.clone()).await.expect("feedback");
            found.extend(part.rows);
            match part.next {
                Some(next) => page.after = Some(next),
                None => return found,
            }
        }
    };
    let all = || FeedbackFilter::default();
    assert_eq!(list(all(), Order::OldestFirst).await, rows);
    assert_eq!(list(all(), Order::NewestFirst).await, rows.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(list(FeedbackFilter { draft: Some(bob), ..all() }, Order::OldestFirst).await, rows[1..2]);
    let user = |name: &str| -> UserId { user_id(Scope::DEFAULT, name) };
    let of_bob = FeedbackFilter { user: Some(user("bob")), recipe: Some(rows[1].recipe.clone()), ..all() };
    assert_eq!(list(of_bob, Order::OldestFirst).await, rows[1..2]);
    assert_eq!(list(FeedbackFilter { recipe: Some("none".to_owned()), ..all() }, Order::OldestFirst).await, []);
    let asked = |since, limit| FeedbackFor {
        scope: Scope::DEFAULT,
        recipe: rows[0].recipe.clone(),
        user: user("ann"),
        since,
        limit,
    };
    let newest = t.store.feedback_for(asked(rows[0].updated_at, 2)).await.expect("feedback_for");
    assert_eq!(newest, [rows[3].clone(), rows[2].clone()]);
    let recent = t.store.feedback_for(asked(rows[3].updated_at, 9)).await.expect("feedback_for");
    assert_eq!(recent, [rows[3].clone()], "from that moment on");
}
