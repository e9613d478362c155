//! The installation: pauses, schema, the write-read check, the description, events.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::draft::Review;
use copydesk_core::generation::FailureCode;
use copydesk_store::admin::{EventRow, Pause, PauseKey};
use copydesk_store::drafts::{DraftSetting, SetDraft};
use copydesk_store::{Order, PageRequest, Scope};
use std::sync::Arc;

pub async fn a_fresh_store_fits_its_schema(t: Arc<Bench>) {
    assert_eq!(t.store.check_schema().await.expect("check_schema"), []);
    assert_eq!(t.store.audit().await.expect("audit"), []);
}

pub async fn the_canary_writes_reads_and_leaves_nothing(t: Arc<Bench>) {
    for _ in 0..3 {
        t.store.canary(t.advance_s(1)).await.expect("canary");
    }
    t.second().canary(t.now()).await.expect("canary");
}

pub async fn the_clock_moves_forward_where_the_engine_has_one(t: Arc<Bench>) {
    let (first, second) = (t.store.now().await.expect("now"), t.store.now().await.expect("now"));
    assert_eq!(first.is_some(), second.is_some());
    assert!(second >= first);
}

pub async fn pausing_twice_changes_nothing(t: Arc<Bench>) {
    assert_eq!(t.store.pauses().await.expect("pauses"), []);
    let since = t.now();
    let recipe = PauseKey::Recipe("code".to_owned());
    for what in [PauseKey::Generation, recipe.clone()] {
        t.store.set_pause(what.clone(), true, since).await.expect("set_pause");
        t.store.set_pause(what, true, t.advance_s(1)).await.expect("set_pause");
    }
    let mut pauses = t.second().pauses().await.expect("pauses");
    pauses.sort_by_key(|pause| pause.what.name());
    let first = Pause { what: PauseKey::Generation, since };
    assert_eq!(pauses, [first.clone(), Pause { what: recipe.clone(), since }], "since the first time");
    for _ in 0..2 {
        t.store.set_pause(recipe.clone(), false, t.now()).await.expect("set_pause");
    }
    assert_eq!(t.store.pauses().await.expect("pauses"), [first]);
    t.store.set_pause(PauseKey::Generation, false, t.now()).await.expect("set_pause");
}

pub async fn the_description_counts_what_waits_and_runs(t: Arc<Bench>) {
    let empty = t.store.describe().await.expect("describe");
    assert_eq!((empty.waiting, empty.processing), (0, 0));
    assert_eq!(empty.schema_version, empty.known_schema_version);
    t.beat(t.node).await;
    t.accept_all((0..5).map(|_| t.request()).collect()).await;
    t.start(t.request().run_in_s(60)).await;
    let runs = t.claim(2).await;
    t.settle(&runs[0]).await;
    let full = t.second().describe().await.expect("describe");
    assert_eq!((full.waiting, full.processing), (4, 1));
    let node = full.nodes.iter().find(|node| node.id == t.node).expect("the node that beat");
    assert_eq!((node.label.as_str(), node.started_at, node.beat_at), ("test", t.now(), t.now()));
}

pub async fn a_beat_keeps_the_nodes_start(t: Arc<Bench>) {
    t.beat(t.node).await;
    let started = t.now();
    t.advance_s(10);
    t.beat(t.node).await;
    let nodes = t.store.describe().await.expect("describe").nodes;
    let node = nodes.iter().find(|node| node.id == t.node).expect("the node that beat");
    assert_eq!((node.started_at, node.beat_at), (started, t.now()));
}

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
        DraftSetting::Review(Review::Approved),
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

pub async fn events_are_read_on_from_a_cursor(t: Arc<Bench>) {
    t.start(t.request()).await;
    let seen = t.events(Scope::DEFAULT).await;
    let after = Some(seen[0].seq.to_string());
    t.start(t.request().scope(OTHER)).await;
    let (next, _) = t.start(t.request()).await;
    assert_eq!(t.events(Scope::DEFAULT).await.len(), 2);
    let page = PageRequest { limit: 10, after, order: Order::OldestFirst };
    let page = t.store.events(Scope::DEFAULT, page).await.expect("events");
    let about: Vec<_> = page.rows.iter().map(|event| event.generation).collect();
    assert_eq!((about, page.next), (vec![Some(next)], None), "of this workspace only");
}
