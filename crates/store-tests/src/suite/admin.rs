//! The installation: keys, pauses, schema, the write-read check, the description.

use crate::bench::Bench;
use crate::builder::{AcceptWith, OTHER};
use copydesk_store::Scope;
use copydesk_store::admin::{KeyRow, Pause, PauseKey};
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

pub async fn a_key_is_found_by_its_hash_and_by_its_id_in_its_workspace(t: Arc<Bench>) {
    let key = |scope, byte: u8| KeyRow {
        id: t.ids.key(),
        scope,
        name: format!("key {byte}"),
        secret_hash: [byte; 32],
        shown: "cd_abc".to_owned(),
        created_at: t.now(),
    };
    let (here, there) = (key(Scope::DEFAULT, 1), key(OTHER, 2));
    for key in [&here, &there] {
        t.store.add_key(key.clone()).await.expect("add_key");
    }
    assert_eq!(t.second().get_key(Scope::DEFAULT, here.id).await.expect("get_key"), here);
    t.store.get_key(OTHER, here.id).await.expect_err("another workspace's key");
    assert_eq!(t.store.find_key([1; 32]).await.expect("find_key"), Some(here));
    assert_eq!(t.second().find_key([2; 32]).await.expect("find_key"), Some(there));
    assert_eq!(t.store.find_key([3; 32]).await.expect("find_key"), None);
    assert_eq!(t.store.describe().await.expect("describe").keys, 2);
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
