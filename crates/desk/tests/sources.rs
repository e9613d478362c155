//! Sources: each is fetched once for each time it is due, whoever looks, whatever dies between, and however slow others are.

use crate::harness::*;
use copydesk_core::SourceId;
use copydesk_core::source::{Kind, State};
use copydesk_desk::Desk;
use copydesk_desk::config::Retention;
use copydesk_desk::prune::Gone;
use copydesk_desk::sources::{SourceEdit, SourceOrder};
use copydesk_desk::webhooks::courier::{Parcel, Receipt};
use copydesk_desk::webhooks::{BadAddress, Courier};
use copydesk_outbound::{GetLimits, Page, Unread, Wanted};
use copydesk_store::sources::{ItemsOf, NewSource, SourceItem, SourceRow};
use copydesk_store::{PageRequest, SourceItemStore, SourceStore};
use copydesk_store_tests::contract::Method;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

const HOUR: Duration = Duration::from_secs(3_600);
/// Longer than a source is left to who took it, with the time until somebody looks.
const LEASE_AND_LOOK: Duration = Duration::from_secs(120 + 16);

/// The web: every address has a feed of one entry, or what was put there.
struct Web {
    got: Mutex<Vec<String>>,
    pages: Mutex<HashMap<String, &'static str>>,
    /// Answers only when let go.
    slow: Mutex<Option<String>>,
    released: watch::Sender<bool>,
}

impl Web {
    fn new() -> Arc<Web> {
        let (got, pages, slow) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Web { got, pages, slow, released: watch::Sender::new(false) })
    }
    fn got(&self, url: &str) -> usize {
        self.got.lock().unwrap().iter().filter(|got| *got == url).count()
    }
    fn hold(&self, url: &str) {
        *self.slow.lock().unwrap() = Some(url.to_owned());
    }
    fn says(&self, url: &str, page: &'static str) {
        self.pages.lock().unwrap().insert(url.to_owned(), page);
    }
}

impl Courier for Web {
    fn check(&self, url: &str) -> Result<String, BadAddress> {
        Ok(url.to_owned())
    }
    fn probe(&self, url: String) -> BoxFuture<'_, Result<String, BadAddress>> {
        Box::pin(async move { Ok(url) })
    }
    fn carry(&self, _parcel: Parcel) -> BoxFuture<'_, Receipt> {
        Box::pin(async { receiver::answer(200) })
    }
    fn readable(&self, url: &str) -> Result<String, BadAddress> {
        Ok(url.to_owned())
    }
    fn get(&self, wanted: Wanted, _limits: GetLimits) -> BoxFuture<'_, Result<Page, Unread>> {
        Box::pin(async move {
            self.got.lock().unwrap().push(wanted.url.clone());
            if self.slow.lock().unwrap().as_ref() == Some(&wanted.url) {
                self.released.subscribe().wait_for(|released| *released).await.unwrap();
            }
            let said = self.pages.lock().unwrap().get(&wanted.url).copied();
            let body = said.unwrap_or("<rss><channel><item><title>News</title></item></channel></rss>").into();
            Ok(Page { status: 200, body, ..Page::default() })
        })
    }
}

impl Bench {
    /// A desk among others that fetches from here.
    async fn fetching(&self, web: &Arc<Web>) -> Node {
        let plug = Plug::new(self.store.clone(), Some(self.clock.clone()));
        let mut parts = self.parts(&plug, config());
        parts.hooks.courier = web.clone();
        let desk = Desk::open(parts).await.unwrap();
        desk.start_working().await.unwrap();
        Node { desk, plug }
    }

    async fn source(&self, id: SourceId) -> SourceRow {
        self.store.inner().source(SCOPE, id).await.unwrap()
    }

    async fn items(&self, id: SourceId) -> Vec<SourceItem> {
        let filter = ItemsOf { source: Some(id), ..ItemsOf::default() };
        self.store.inner().source_items(SCOPE, filter, PageRequest::newest(9)).await.unwrap().rows
    }
}

fn address(n: usize) -> String {
    format!("https://example.com/{n}")
}

async fn add(desk: &Desk, kind: Kind, url: String) -> SourceId {
    let edit = SourceEdit { url: Some(url), ..SourceEdit::default() };
    let order = SourceOrder { scope: SCOPE, user: Some("ada".to_owned()), kind, edit, idempotency: None };
    desk.add_source(order).await.unwrap().id
}

#[tokio::test]
async fn two_servers_fetch_each_source_once_for_each_time() {
    let (bench, web) = (Bench::new().await, Web::new());
    let (first, second) = (bench.fetching(&web).await, bench.fetching(&web).await);
    for n in 0..30 {
        add(if n % 2 == 0 { &first.desk } else { &second.desk }, Kind::Feed, address(n)).await;
    }
    for times in 1..=3 {
        until("all are fetched", || async { (0..30).all(|n| web.got(&address(n)) >= times) }).await;
        settle().await;
        assert!((0..30).all(|n| web.got(&address(n)) == times), "{:?}", web.got.lock().unwrap());
        bench.advance(HOUR + seconds(16)).await;
    }
}

#[tokio::test]
async fn a_fetch_that_dies_is_taken_up_when_its_lease_is_over() {
    let (bench, web) = (Bench::new().await, Web::new());
    let first = bench.fetching(&web).await;
    // It dies between the answer of the server and its writing.
    first.plug.die_after(Method::ClaimSources);
    let id = add(&first.desk, Kind::Feed, address(1)).await;
    until("it has died", || async { first.plug.is_dead() }).await;
    let second = bench.fetching(&web).await;
    bench.advance(seconds(60)).await;
    let row = bench.source(id).await;
    assert_eq!((row.state(), row.fetches, row.leased_until.is_some()), (State::Pending, 0, true), "it is still leased");
    assert_eq!(web.got(&address(1)), 0, "and nobody else asks");
    bench.advance(LEASE_AND_LOOK).await;
    until("it is fetched", || async { bench.source(id).await.fetches == 1 }).await;
    settle().await;
    let row = bench.source(id).await;
    assert_eq!((row.state(), row.fetches, row.leased_until, row.items), (State::Active, 1, None, 1));
    drop(second);
}

#[tokio::test]
async fn a_slow_server_holds_nobody_but_itself() {
    let (bench, web) = (Bench::new().await, Web::new());
    let idle = bench.idle_beside_others(config()).await;
    web.hold(&address(0));
    let mut parts = bench.parts(&idle.plug, config());
    parts.hooks.courier = web.clone();
    let setting_up = Desk::open(parts).await.unwrap();
    for n in 0..25 {
        add(&setting_up, Kind::Feed, address(n)).await;
    }
    let _node = bench.fetching(&web).await;
    until("all others are fetched", || async { (1..25).all(|n| web.got(&address(n)) == 1) }).await;
    assert_eq!(web.got(&address(0)), 1, "and it was the first");
    web.released.send_replace(true);
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_is_the_sources_error_and_holds_nobody() {
    let (bench, web) = (Bench::new().await, Web::new());
    let node = bench.fetching(&web).await;
    let good = add(&node.desk, Kind::Feed, address(1)).await;
    until("it is fetched", || async { bench.source(good).await.fetches == 1 }).await;
    let row = SourceRow {
        id: SourceId(bench.world.uuid(START)),
        schedule: "when it rains".to_owned(),
        ..bench.source(good).await
    };
    let bad = row.id;
    let row = SourceRow { url: Some(address(2)), next_at: Some(START), fetched_at: None, items: 0, fetches: 0, ..row };
    bench.store.inner().add_source(NewSource { row, items: vec![], most: 9 }).await.unwrap();
    bench.advance(HOUR + seconds(16)).await;
    until("both are seen", || async { bench.source(bad).await.fetches > 0 && bench.source(good).await.fetches == 2 })
        .await;
    let row = bench.source(bad).await;
    let trouble = row.trouble.clone().unwrap();
    assert_eq!((row.state(), trouble.code.as_str(), web.got(&address(2))), (State::Error, "bad_schedule", 0));
    assert!(trouble.message.contains("when it rains"), "{trouble:?}");
    assert!(row.next_at.unwrap() > bench.world.now(), "and it is tried later, not at once");
    let edit = SourceEdit { schedule: Some("1h".to_owned()), ..SourceEdit::default() };
    node.desk.edit_source(SCOPE, bad, None, edit).await.unwrap();
    until("it is well again", || async { bench.source(bad).await.state() == State::Active }).await;
}

#[tokio::test]
async fn a_page_is_one_item_that_is_as_old_as_its_words() {
    let (bench, web) = (Bench::new().await, Web::new());
    let node = bench.fetching(&web).await;
    web.says(
        &address(1),
        "<html><base href=/blog/><link rel=alternate type=application/rss+xml href=feed><title>Tea</title><p>Tea is up",
    );
    let id = add(&node.desk, Kind::Page, address(1)).await;
    until("it is read", || async { bench.source(id).await.fetches == 1 }).await;
    let first = bench.items(id).await.remove(0);
    assert_eq!((first.title.as_str(), first.text.as_deref(), first.published_at), ("Tea", Some("Tea is up"), None));
    assert_eq!(first.link, Some(address(1)));
    assert_eq!(bench.source(id).await.feed_url.as_deref(), Some("https://example.com/blog/feed"));
    // Other markup, the same words.
    web.says(&address(1), "<html><title>Tea</title><nav>New</nav><main><div>Tea   is up</div></main>");
    bench.advance(HOUR + seconds(16)).await;
    until("it is read", || async { bench.source(id).await.fetches == 2 }).await;
    let same = bench.items(id).await.remove(0);
    assert_eq!((same.published_at, same.last_seen_at > first.last_seen_at), (None, true));
    assert_eq!(bench.source(id).await.feed_url, None, "it names none any more");
    web.says(&address(1), "<html><title>Tea</title><p>Tea is down");
    bench.advance(HOUR + seconds(16)).await;
    until("it is read", || async { bench.source(id).await.fetches == 3 }).await;
    let items = bench.items(id).await;
    assert_eq!((items.len(), items[0].id, items[0].text.as_deref()), (1, first.id, Some("Tea is down")));
    let changed = items[0].published_at.unwrap();
    assert!(changed.since(first.seen_at) > HOUR);
    bench.advance(HOUR + seconds(16)).await;
    until("it is read", || async { bench.source(id).await.fetches == 4 }).await;
    assert_eq!(bench.items(id).await[0].published_at, Some(changed), "it stays as old as its words");
}

#[tokio::test]
async fn a_trial_counts_the_items_that_the_real_one_removes() {
    let (bench, web) = (Bench::new().await, Web::new());
    let node = bench.fetching(&web).await;
    let id = add(&node.desk, Kind::Feed, address(1)).await;
    until("it is read", || async { bench.source(id).await.fetches == 1 }).await;
    node.desk.edit_source(SCOPE, id, None, SourceEdit { paused: Some(true), ..SourceEdit::default() }).await.unwrap();
    bench.advance(HOUR * 48).await;
    let keep = |hours| Retention { items: Some(HOUR * hours), ..Retention::NOTHING };
    for (hours, gone) in [(72, 0), (24, 1)] {
        let gone = Gone { items: gone, ..Gone::default() };
        assert_eq!(node.desk.prune(keep(hours), true).await.unwrap(), gone);
        assert_eq!(bench.items(id).await.len(), 1, "a trial removes nothing");
    }
    assert_eq!(node.desk.prune(keep(24), false).await.unwrap().items, 1);
    assert_eq!((bench.items(id).await.len(), node.desk.prune(keep(24), true).await.unwrap().items), (0, 0));
}
