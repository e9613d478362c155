//! Sources: kept for users and for everybody, leased to who fetches them, and what a fetch writes under its lease.

use crate::bench::Bench;
use crate::builder::{OTHER, user_id};
use copydesk_core::refusal::Refusal;
use copydesk_core::source::{Kind, State, Trouble};
use copydesk_core::{ItemId, SourceId, Timestamp, UserId};
use copydesk_store::sources::{
    ClaimSources, FAILED, FETCHES_KEPT, FinishFetch, Found, ItemsOf, NewItem, NewSource, RECOVERED, SourceChange,
    SourceFilter, SourceItem, SourceRow, Whose,
};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn ann() -> UserId {
    user_id(Scope::DEFAULT, "ann")
}

/// A feed that is due.
fn feed(t: &Bench, user: Option<&str>) -> SourceRow {
    SourceRow {
        id: SourceId(t.ids.uuid()),
        workspace: Scope::DEFAULT.workspace,
        user: user.map(|name| (user_id(Scope::DEFAULT, name), name.to_owned())),
        kind: Kind::Feed,
        name: "News".to_owned(),
        url: Some("https://example.com/feed".to_owned()),
        text: None,
        schedule: "3600s".to_owned(),
        trouble: None,
        trouble_since: None,
        failures: 0,
        fetched_at: None,
        next_at: Some(t.now()),
        leased_until: None,
        paused_at: None,
        etag: None,
        last_modified: None,
        feed_url: None,
        fetches: 0,
        new_items: 0,
        items: 0,
        revision: 1,
        created_at: t.now(),
        updated_at: t.now(),
    }
}

fn given(t: &Bench, user: Option<&str>, text: &str) -> NewSource {
    let items = vec![item(t, "text", text)];
    let (kind, text) = (Kind::Text, Some(text.to_owned()));
    NewSource {
        row: SourceRow { kind, text, url: None, next_at: None, fetched_at: Some(t.now()), ..feed(t, user) },
        items,
        most: 9,
    }
}

async fn add(t: &Bench, row: SourceRow) -> SourceRow {
    t.store.add_source(NewSource { row, items: vec![], most: 9 }).await.expect("add_source").expect("there is room")
}

fn item(t: &Bench, key: &str, text: &str) -> NewItem {
    NewItem {
        id: ItemId(t.ids.uuid()),
        key: key.to_owned(),
        title: format!("About {key}"),
        link: Some(format!("https://example.com/{key}")),
        text: Some(text.to_owned()),
        published_at: None,
    }
}

async fn claim(t: &Bench, limit: u32) -> Vec<SourceRow> {
    let claim = ClaimSources { now: t.now(), until: t.now().plus(LEASE), limit, only: None };
    t.store.claim_sources(claim).await.expect("claim_sources")
}

fn well(t: &Bench, claimed: &SourceRow, items: Vec<NewItem>) -> FinishFetch {
    FinishFetch {
        workspace: claimed.workspace,
        source: claimed.id,
        lease: claimed.leased_until.expect("it was claimed"),
        at: t.now(),
        fetched: u32::try_from(items.len()).expect("few"),
        items,
        trouble: None,
        next_at: t.now().plus(HOUR),
        pause: false,
        etag: Some("\"1\"".to_owned()),
        last_modified: None,
        feed_url: Some("https://example.com/feed.xml".to_owned()),
        began_at: t.now(),
        ms: 12,
        status: Some(200),
    }
}

fn ill(t: &Bench, claimed: &SourceRow) -> FinishFetch {
    let trouble = Some(Trouble { code: "http_status".to_owned(), message: "It answered 500.".to_owned() });
    FinishFetch { trouble, status: Some(500), ..well(t, claimed, vec![]) }
}

async fn finish(t: &Bench, done: FinishFetch) -> Option<Found> {
    t.store.finish_fetch(done).await.expect("finish_fetch")
}

async fn now_of(t: &Bench, id: SourceId) -> SourceRow {
    t.store.source(Scope::DEFAULT, id).await.expect("source")
}

async fn items_of(t: &Bench, id: SourceId) -> Vec<SourceItem> {
    let filter = ItemsOf { source: Some(id), ..ItemsOf::default() };
    t.store.source_items(Scope::DEFAULT, filter, PageRequest::newest(100)).await.expect("source_items").rows
}

fn change(row: &SourceRow, at: Timestamp) -> SourceChange {
    SourceChange {
        scope: Scope::DEFAULT,
        id: row.id,
        revision: row.revision,
        at,
        name: row.name.clone(),
        url: row.url.clone(),
        text: row.text.clone(),
        schedule: row.schedule.clone(),
        next_at: row.next_at,
        paused_at: row.paused_at,
        anew: false,
        items: vec![],
    }
}

pub async fn a_source_is_kept_changed_and_removed_by_who_has_seen_it(t: Arc<Bench>) {
    let row = feed(&t, Some("ann"));
    assert_eq!(add(&t, row.clone()).await, row);
    assert_eq!(add(&t, SourceRow { name: "Other".to_owned(), ..row.clone() }).await, row, "it is left as it is");
    assert_eq!(now_of(&t, row.id).await, row);
    let later = t.advance_s(5);
    let renamed = SourceChange { name: "Renamed".to_owned(), paused_at: Some(later), ..change(&row, later) };
    let changed = t.store.change_source(renamed.clone()).await.expect("change_source");
    let expected =
        SourceRow { name: "Renamed".to_owned(), paused_at: Some(later), updated_at: later, revision: 2, ..row.clone() };
    assert_eq!(changed, expected);
    let conflict = StoreError::Refused(Refusal::VersionConflict { current: 2 });
    assert_eq!(t.store.change_source(renamed).await.expect_err("it was changed"), conflict);
    assert_eq!(t.store.remove_source(Scope::DEFAULT, row.id, Some(1)).await.expect_err("so is this"), conflict);
    let missing = StoreError::NotFound { what: "source", id: row.id.to_string() };
    assert_eq!(t.store.source(OTHER, row.id).await.expect_err("another workspace's"), missing);
    assert_eq!(t.store.remove_source(OTHER, row.id, None).await.expect_err("nor there"), missing);
    let elsewhere = SourceChange { scope: OTHER, ..change(&changed, later) };
    assert_eq!(t.store.change_source(elsewhere).await.expect_err("nor there"), missing);
    assert_eq!(t.store.fetches(OTHER, row.id, PageRequest::newest(1)).await.expect_err("nor there"), missing);
    t.store.remove_source(Scope::DEFAULT, row.id, Some(2)).await.expect("remove_source");
    assert_eq!(t.store.source(Scope::DEFAULT, row.id).await.expect_err("it is gone"), missing);
    assert_eq!(t.store.change_source(change(&changed, later)).await.expect_err("it is gone"), missing);
}

pub async fn an_owner_has_no_more_sources_than_the_most_also_when_many_are_made_at_once(t: Arc<Bench>) {
    let full = |row| t.store.add_source(NewSource { row, items: vec![], most: 3 });
    let many = (0..8).map(|_| full(feed(&t, Some("ann"))));
    let made = futures::future::join_all(many).await.into_iter().map(|made| made.expect("add_source"));
    let made: Vec<SourceRow> = made.flatten().collect();
    assert_eq!(made.len(), 3, "those that found room");
    assert_eq!(full(made[0].clone()).await.expect("add_source").as_ref(), Some(&made[0]), "one that is there is there");
    let others =
        [feed(&t, Some("bob")), feed(&t, None), SourceRow { workspace: OTHER.workspace, ..feed(&t, Some("ann")) }];
    for row in others {
        assert!(full(row).await.expect("add_source").is_some(), "others have room of their own");
    }
    t.store.remove_source(Scope::DEFAULT, made[0].id, None).await.expect("remove_source");
    assert!(full(feed(&t, Some("ann"))).await.expect("add_source").is_some());
    assert!(full(feed(&t, Some("ann"))).await.expect("add_source").is_none());
}

pub async fn a_text_that_is_made_twice_keeps_what_it_says_now(t: Arc<Bench>) {
    let note = given(&t, None, "Old");
    let row = t.store.add_source(note.clone()).await.expect("add_source").expect("there is room");
    let (text, items) = (Some("New".to_owned()), vec![item(&t, "text", "New")]);
    t.store.change_source(SourceChange { text, items, ..change(&row, t.now()) }).await.expect("change_source");
    t.store.add_source(note).await.expect("add_source");
    assert_eq!(items_of(&t, row.id).await[0].text.as_deref(), Some("New"));
}

pub async fn sources_are_found_by_whose_they_are_by_kind_and_by_state(t: Arc<Bench>) {
    let anns = add(&t, feed(&t, Some("ann"))).await.id;
    let all = t.store.add_source(given(&t, None, "Hello")).await.expect("add_source").expect("there is room").id;
    let bobs = add(&t, SourceRow { paused_at: Some(t.now()), ..feed(&t, Some("bob")) }).await.id;
    add(&t, SourceRow { workspace: OTHER.workspace, ..feed(&t, None) }).await;
    let listed = async |filter: SourceFilter, page: PageRequest| {
        let page = t.store.sources(Scope::DEFAULT, filter, page).await.expect("sources");
        (page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = listed(SourceFilter::default(), PageRequest::newest(2)).await;
    assert_eq!(first, [bobs, all]);
    let rest = PageRequest { after: next, ..PageRequest::newest(2) };
    assert_eq!(listed(SourceFilter::default(), rest).await, (vec![anns], None));
    let of = async |filter| listed(filter, PageRequest::newest(9)).await.0;
    let whose = async |whose| of(SourceFilter { whose: Some(whose), ..SourceFilter::default() }).await;
    assert_eq!(whose(Whose::Everybodys).await, [all]);
    assert_eq!(whose(Whose::Own(ann())).await, [anns]);
    assert_eq!(whose(Whose::For(ann())).await, [all, anns]);
    let state = async |state| of(SourceFilter { state: Some(state), ..SourceFilter::default() }).await;
    assert_eq!((state(State::Pending).await, state(State::Active).await), (vec![anns], vec![all]));
    assert_eq!((state(State::Error).await, state(State::Paused).await), (vec![], vec![bobs]));
    let kind = SourceFilter { kind: Some(Kind::Text), ..SourceFilter::default() };
    assert_eq!(of(kind).await, [all]);
    let claimed = claim(&t, 1).await.remove(0);
    finish(&t, ill(&t, &claimed)).await;
    assert_eq!((claimed.id, state(State::Error).await), (anns, vec![anns]));
}

pub async fn a_due_source_is_claimed_once_until_its_lease_is_over(t: Arc<Bench>) {
    let first = add(&t, feed(&t, None)).await;
    let second = add(&t, SourceRow { next_at: Some(t.now().plus(HOUR)), ..feed(&t, None) }).await;
    add(&t, SourceRow { paused_at: Some(t.now()), ..feed(&t, None) }).await;
    t.store.add_source(given(&t, None, "Hello")).await.expect("add_source");
    let claims = (0..8).map(|_| claim(&t, 9));
    let claimed: Vec<SourceRow> = futures::future::join_all(claims).await.into_iter().flatten().collect();
    assert_eq!(claimed.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id], "by one of those who claim at once");
    assert_eq!(claimed[0].leased_until, Some(t.now().plus(LEASE)));
    // One that is named is due at any time, but not while somebody has it.
    let named = async |id| {
        let only = Some((Scope::DEFAULT.workspace, id));
        let claim = ClaimSources { now: t.now(), until: t.now().plus(LEASE), limit: 1, only };
        t.store.claim_sources(claim).await.expect("claim_sources").len()
    };
    assert_eq!((named(first.id).await, named(second.id).await), (0, 1));
    t.advance(LEASE);
    assert_eq!(claim(&t, 9).await.iter().map(|row| row.id).collect::<Vec<_>>(), [first.id], "its fetcher died");
    t.advance(HOUR);
    assert_eq!(claim(&t, 1).await.len(), 1, "no more than asked for");
}

pub async fn a_fetch_writes_items_state_and_log_together_and_announces_only_news(t: Arc<Bench>) {
    let id = add(&t, feed(&t, Some("ann"))).await.id;
    let fetch = async |how: fn(&Bench, &SourceRow) -> FinishFetch| {
        t.advance(HOUR * 2);
        let claimed = claim(&t, 1).await.remove(0);
        finish(&t, how(&t, &claimed)).await
    };
    let good: fn(&Bench, &SourceRow) -> FinishFetch = |t, row| well(t, row, vec![item(t, "a", "1"), item(t, "b", "2")]);
    assert_eq!(fetch(good).await, Some(Found { new: 2, updated: 0 }));
    let row = now_of(&t, id).await;
    assert_eq!((row.state(), row.items, row.new_items, row.fetches, row.revision), (State::Active, 2, 2, 1, 1));
    assert_eq!((row.fetched_at, row.next_at, row.leased_until), (Some(t.now()), Some(t.now().plus(HOUR)), None));
    let marks = |row: &SourceRow| (row.etag.is_some(), row.feed_url.clone());
    assert_eq!(marks(&row), (true, Some("https://example.com/feed.xml".to_owned())));
    fetch(ill).await;
    let since = t.now();
    fetch(ill).await;
    let row = now_of(&t, id).await;
    assert_eq!((row.state(), row.failures, row.trouble_since, row.items), (State::Error, 2, Some(since), 2));
    assert_eq!(row.trouble.as_ref().map(|trouble| trouble.code.as_str()), Some("http_status"));
    fetch(good).await;
    let row = now_of(&t, id).await;
    assert_eq!((row.state(), row.failures, row.trouble_since, row.new_items), (State::Active, 0, None, 0));
    fetch(|t, row| FinishFetch { pause: true, ..ill(t, row) }).await;
    assert_eq!(now_of(&t, id).await.state(), State::Paused);
    let events = t.events(Scope::DEFAULT).await;
    let told: Vec<(&str, Option<UserId>)> =
        events.iter().filter(|event| event.kind.starts_with("source.")).map(|it| (it.kind.as_str(), it.user)).collect();
    assert_eq!(told, [(FAILED, Some(ann())), (RECOVERED, Some(ann())), (FAILED, Some(ann()))]);
    let log = t.store.fetches(Scope::DEFAULT, id, PageRequest::newest(2)).await.expect("fetches");
    let said: Vec<_> =
        log.rows.iter().map(|row| (row.number, row.status, row.fetched, row.trouble.is_some())).collect();
    assert_eq!(said, [(5, Some(500), 0, true), (4, Some(200), 2, false)]);
    let rest = PageRequest { after: log.next, ..PageRequest::newest(9) };
    assert_eq!(t.store.fetches(Scope::DEFAULT, id, rest).await.expect("fetches").rows.len(), 3);
}

pub async fn a_fetch_that_lost_its_lease_writes_nothing(t: Arc<Bench>) {
    let row = add(&t, feed(&t, None)).await;
    let first = claim(&t, 1).await.remove(0);
    t.advance(LEASE);
    let second = claim(&t, 1).await.remove(0);
    assert_eq!(finish(&t, well(&t, &first, vec![item(&t, "late", "x")])).await, None);
    assert_eq!((now_of(&t, row.id).await, items_of(&t, row.id).await), (second.clone(), vec![]));
    assert_eq!(finish(&t, well(&t, &second, vec![item(&t, "a", "x")])).await, Some(Found { new: 1, updated: 0 }));
    assert_eq!(finish(&t, well(&t, &second, vec![item(&t, "b", "x")])).await, None, "twice is once");
    // Whoever fetches an address that is no longer wanted has lost it.
    t.advance(HOUR);
    let third = claim(&t, 1).await.remove(0);
    let url = Some("https://example.com/other".to_owned());
    let moved = SourceChange { url, anew: true, ..change(&third, t.now()) };
    let moved = t.store.change_source(moved).await.expect("change_source");
    assert_eq!((moved.etag.as_deref(), moved.fetched_at, moved.state()), (None, None, State::Pending));
    assert_eq!(moved.feed_url, None);
    assert_eq!(finish(&t, well(&t, &third, vec![])).await, None);
    // Only so many fetches are remembered.
    for _ in 0..FETCHES_KEPT + 2 {
        t.advance(HOUR * 2);
        let claimed = claim(&t, 1).await.remove(0);
        finish(&t, well(&t, &claimed, vec![])).await;
    }
    let log = t.store.fetches(Scope::DEFAULT, row.id, PageRequest::newest(200)).await.expect("fetches").rows;
    assert_eq!((log.len(), log[0].number), (100, FETCHES_KEPT + 3));
}

pub async fn an_entry_is_kept_once_and_changed_in_its_place(t: Arc<Bench>) {
    let row = add(&t, feed(&t, None)).await;
    let claimed = claim(&t, 1).await.remove(0);
    let first = item(&t, "a", "old é\u{1F600}");
    finish(&t, well(&t, &claimed, vec![first.clone(), item(&t, "b", "same")])).await;
    let seen_at = t.now();
    t.advance(HOUR * 2);
    let claimed = claim(&t, 1).await.remove(0);
    let published_at = Some(t.now());
    let again = NewItem { published_at, ..item(&t, "a", "new") };
    let found = finish(&t, well(&t, &claimed, vec![again, item(&t, "b", "same"), item(&t, "c", "x")])).await;
    assert_eq!(found, Some(Found { new: 1, updated: 1 }));
    let items = items_of(&t, row.id).await;
    let changed = items.iter().find(|item| item.id == first.id).expect("it keeps its id");
    assert_eq!(items.len(), 3);
    let expected = SourceItem {
        id: first.id,
        source: row.id,
        source_name: "News".to_owned(),
        title: "About a".to_owned(),
        link: first.link.clone(),
        text: Some("new".to_owned()),
        published_at,
        seen_at,
        last_seen_at: t.now(),
    };
    assert_eq!(*changed, expected);
    let since = ItemsOf { since: Some(t.now()), ..ItemsOf::default() };
    let recent = t.store.source_items(Scope::DEFAULT, since, PageRequest::newest(9)).await.expect("source_items");
    assert_eq!(recent.rows.len(), 2, "published, or first seen where nothing says when");
    let elsewhere = t.store.source_items(OTHER, ItemsOf::default(), PageRequest::newest(9)).await;
    assert_eq!(elsewhere.expect("source_items").rows, []);
    t.store.remove_source(Scope::DEFAULT, row.id, None).await.expect("remove_source");
    assert_eq!(items_of(&t, row.id).await, []);
}

pub async fn recent_items_are_the_users_own_and_everybodys_with_texts_of_any_age(t: Arc<Bench>) {
    let note = t.store.add_source(given(&t, None, "A note")).await.expect("add_source").expect("there is room");
    t.store.add_source(given(&t, Some("bob"), "Bob's")).await.expect("add_source");
    t.advance(HOUR * 24 * 30);
    add(&t, feed(&t, Some("ann"))).await;
    let claimed = claim(&t, 1).await.remove(0);
    let old = NewItem { published_at: Some(t.now().minus(HOUR * 24 * 8)), ..item(&t, "old", "x") };
    let newer = NewItem { published_at: Some(t.now().minus(HOUR)), ..item(&t, "newer", "x") };
    finish(&t, well(&t, &claimed, vec![old, newer, item(&t, "undated", "x")])).await;
    let since = t.now().minus(HOUR * 24 * 7);
    let recent = async |scope, user, limit| {
        let items = t.store.recent_items(scope, user, since, limit).await.expect("recent_items");
        items.into_iter().map(|item| item.title).collect::<Vec<_>>()
    };
    assert_eq!(recent(Scope::DEFAULT, ann(), 9).await, ["About undated", "About newer", "About text"]);
    assert_eq!(recent(Scope::DEFAULT, ann(), 1).await, ["About undated"]);
    assert_eq!(recent(Scope::DEFAULT, user_id(Scope::DEFAULT, "carl"), 9).await, ["About text"]);
    assert_eq!(recent(OTHER, ann(), 9).await, [""; 0]);
    // A text that is changed is the same item.
    let (text, items) =
        (Some("Changed".to_owned()), vec![NewItem { title: "New".to_owned(), ..item(&t, "text", "Changed") }]);
    let changed = t.store.change_source(SourceChange { text, items, ..change(&note, t.now()) }).await;
    assert_eq!(changed.expect("change_source").items, 1);
    assert_eq!(recent(Scope::DEFAULT, ann(), 9).await, ["About undated", "About newer", "New"]);
}

pub async fn items_that_nobody_sees_any_more_are_forgotten_and_texts_are_not(t: Arc<Bench>) {
    t.store.add_source(given(&t, None, "A note")).await.expect("add_source");
    let row = add(&t, feed(&t, None)).await;
    let claimed = claim(&t, 1).await.remove(0);
    finish(&t, well(&t, &claimed, ["a", "b", "c"].map(|key| item(&t, key, "x")).into())).await;
    t.advance(HOUR * 2);
    let claimed = claim(&t, 1).await.remove(0);
    finish(&t, well(&t, &claimed, vec![item(&t, "a", "x")])).await;
    let before = t.now();
    assert_eq!(t.store.items_to_forget(before).await.expect("items_to_forget"), 2);
    assert_eq!(items_of(&t, row.id).await.len(), 3, "counting removes nothing");
    assert_eq!(t.store.forget_items(before, 1).await.expect("forget_items"), 1);
    assert_eq!(t.store.items_to_forget(before).await.expect("items_to_forget"), 1);
    assert_eq!(t.store.forget_items(before, 9).await.expect("forget_items"), 1);
    assert_eq!(t.store.items_to_forget(before).await.expect("items_to_forget"), 0);
    assert_eq!(t.store.forget_items(before, 9).await.expect("forget_items"), 0);
    assert_eq!(items_of(&t, row.id).await.len(), 1);
    let all = t.store.source_items(Scope::DEFAULT, ItemsOf::default(), PageRequest::newest(9)).await;
    assert_eq!(all.expect("source_items").rows.len(), 2);
}
