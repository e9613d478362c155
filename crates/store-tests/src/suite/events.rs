//! Events: what is announced, and that who reads on gets each once, in one order, whoever writes meanwhile.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::draft::Review;
use copydesk_core::generation::FailureCode;
use copydesk_store::Scope;
use copydesk_store::drafts::{DraftSetting, SetDraft};
use copydesk_store::events::EventRow;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many write at once, and how often each.
const WRITERS: u16 = 8;
const WRITES: usize = 15;

pub async fn every_change_of_a_generation_is_announced_in_order(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    let retried = t.advance_s(1);
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, retried)).await;
    t.advance_s(60);
    let again = t.claim_one().await;
    t.settle(&again).await;
    let events = t.events(Scope::DEFAULT).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["generation.accepted", "generation.retrying", "generation.completed"]);
    assert!(events.iter().all(|event| event.generation == Some(run.generation.id) && event.draft == Some(run.draft)));
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(events.iter().map(|event| event.at).collect::<Vec<_>>(), [builder::START, retried, t.now()]);
}

fn data(event: &EventRow) -> serde_json::Value {
    serde_json::from_str(&event.data).expect("an event's data is JSON")
}

pub async fn events_carry_small_facts_as_json(t: Arc<Bench>) {
    let good = t.running(t.request()).await;
    t.settle(&good).await;
    let bad = t.running(t.request()).await;
    t.done(builder::fail(&t.ids, &bad, FailureCode::Refused, t.now())).await;
    let events = t.events(Scope::DEFAULT).await;
    assert_eq!(data(&events[0])["recipe"], "newsletter");
    let completed = events.iter().find(|event| event.kind == "generation.completed").expect("completed");
    assert_eq!((&data(completed)["attempt"], &data(completed)["version"]), (&1.into(), &1.into()));
    let failed = events.iter().find(|event| event.kind == "generation.failed").expect("failed");
    assert_eq!((&data(failed)["attempt"], &data(failed)["error"]["code"]), (&1.into(), &"refused".into()));
    assert_eq!(data(failed)["error"]["message"], builder::failure(FailureCode::Refused).message);
}

pub async fn editorial_moves_are_announced_once(t: Arc<Bench>) {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    let moves = [
        DraftSetting::review(Review::Approved, None),
        DraftSetting::Publish,
        DraftSetting::Publish,
        DraftSetting::Unpublish,
        DraftSetting::Delete,
        DraftSetting::Undelete,
    ];
    for to in moves {
        let set = SetDraft { scope: Scope::DEFAULT, at: t.now(), draft: run.draft, if_revision: None, to };
        t.store.set_draft(set).await.expect("set_draft");
    }
    let events = t.events(Scope::DEFAULT).await;
    let moves: Vec<_> = events.iter().filter(|event| event.kind.starts_with("draft.")).collect();
    assert!(moves.iter().all(|event| event.draft == Some(run.draft) && event.generation.is_none()));
    let kinds: Vec<_> = moves.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["draft.updated", "draft.published", "draft.updated", "draft.deleted", "draft.updated"]);
}

pub async fn events_are_read_on_from_a_number(t: Arc<Bench>) {
    t.start(t.request()).await;
    let seen = t.events(Scope::DEFAULT).await;
    t.start(t.request().scope(OTHER)).await;
    let (next, _) = t.start(t.request()).await;
    assert_eq!(t.events(Scope::DEFAULT).await.len(), 2);
    let about: Vec<_> =
        t.events_after(Scope::DEFAULT, seen[0].seq, 10).await.iter().map(|event| event.generation).collect();
    assert_eq!(about, [Some(next)], "of this workspace only");
    let bounds = t.store.event_bounds(Scope::DEFAULT).await.expect("event_bounds");
    assert!(bounds.settled >= seen[0].seq && bounds.last >= bounds.settled && bounds.removed_to == 0, "{bounds:?}");
    assert!(t.events_after(Scope::DEFAULT, bounds.settled, 10).await.is_empty());
}

pub async fn an_event_names_its_user(t: Arc<Bench>) {
    let ann = builder::user_id(Scope::DEFAULT, "ann");
    t.grant("ann", 1_000).await;
    let run = t.running(t.request().user("ann").hold(10)).await;
    t.settle(&run).await;
    let set =
        SetDraft { scope: Scope::DEFAULT, at: t.now(), draft: run.draft, if_revision: None, to: DraftSetting::Publish };
    t.store.set_draft(set).await.expect("set_draft");
    let events = t.events(Scope::DEFAULT).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["credits.changed", "generation.accepted", "generation.completed", "draft.published"]);
    assert!(events.iter().all(|event| event.user == Some(ann)), "{events:#?}");
}

pub async fn readers_are_told_of_news_in_both_processes(t: Arc<Bench>) {
    let (mut here, mut there) = (t.store.event_news(), t.second().event_news());
    t.start(t.request()).await;
    for news in [&mut here, &mut there] {
        let told = tokio::time::timeout(Duration::from_secs(20), news.next()).await;
        told.expect("a reader is woken").expect("the store lives");
    }
}

/// Two processes write; one that reads on all the while sees what a reader sees who comes when all is over.
pub async fn who_follows_many_writers_misses_nothing_and_sees_nothing_twice(t: Arc<Bench>) {
    let writing = Arc::new(AtomicUsize::new(usize::from(WRITERS)));
    let writers = (0..WRITERS).map(|writer| {
        let store = if writer % 2 == 0 { t.store.clone() } else { t.second() };
        let writing = writing.clone();
        tokio::spawn(async move {
            let own = Bench::over(store, 300 + writer);
            for _ in 0..WRITES {
                let (id, _) = own.start(own.request()).await;
                own.cancel(Scope::DEFAULT, id).await;
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        })
    });
    let writers: Vec<_> = writers.collect();
    let (mut after, mut seen) = (0, vec![]);
    loop {
        let last_look = writing.load(Ordering::SeqCst) == 0;
        let page = t.second().events(Scope::DEFAULT, after, 7).await.expect("events");
        after = page.upto;
        let waits = page.more || page.held_back.is_some();
        seen.extend(page.rows);
        if last_look && !waits {
            break;
        }
    }
    futures::future::join_all(writers).await.into_iter().for_each(|done| done.expect("a writer"));
    let all = t.events(Scope::DEFAULT).await;
    assert_eq!(all.len(), usize::from(WRITERS) * WRITES * 2);
    assert!(seen.windows(2).all(|pair| pair[0].seq < pair[1].seq), "in order, none twice");
    assert_eq!(seen, all, "none skipped");
}
