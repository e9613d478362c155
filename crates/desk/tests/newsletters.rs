//! Newsletters to long lists: written a slice at a time by whoever lives, to everybody once, whatever dies or is said meanwhile.

use crate::harness::*;
use copydesk_core::mail::{Limits, MailStatus, MailingStatus, Reply as Said, Verdict};
use copydesk_core::subscriber::{ListName, Person};
use copydesk_core::{DraftId, MailingId, SubscriberId};
use copydesk_desk::accept::Request;
use copydesk_desk::mail::{MailConfig, Mailer, MailerLine, Newsletter, SLICE, To};
use copydesk_desk::{Desk, DeskConfig};
use copydesk_smtp::Written;
use copydesk_store::drafts::DraftSetting;
use copydesk_store::mail::{MailFilter, MailRow, MailingOrder, MailingRow, OpenedMailing};
use copydesk_store::subscribers::{Suppress, WriteSubscribers};
use copydesk_store::{MailStore, Order, PageRequest, SubscriberStore};
use copydesk_store_tests::Method;
use futures::future::BoxFuture;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ARTICLE: &str = r#"{"title": "Tea", "intro": "Hello.", "topics": [{"heading": "Tea", "body": "Up.", "sources": [1]}], "conclusion": "Bye."}"#;

/// A mail server that takes everything, and counts.
#[derive(Default)]
struct Letterbox(AtomicUsize);

struct Slot(Arc<Letterbox>);

impl Mailer for Slot {
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn MailerLine>, (Verdict, Said)>> {
        Box::pin(async { Ok(Box::new(Slot(Arc::clone(&self.0))) as Box<dyn MailerLine>) })
    }
    fn place(&self) -> String {
        "a letterbox".to_owned()
    }
}

impl MailerLine for Slot {
    fn send<'a>(&'a mut self, _mail: &'a Written) -> BoxFuture<'a, (Verdict, Said)> {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { (Verdict::Sent, Said { code: Some(250), text: "ok".to_owned() }) })
    }
    fn is_broken(&self) -> bool {
        false
    }
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// A bench with a mail server.
struct Press {
    bench: Bench,
    letters: Arc<Letterbox>,
}

impl Press {
    async fn new() -> Press {
        Press { bench: Bench::new().await, letters: Arc::default() }
    }

    /// So many mails a day.
    async fn node(&self, per_day: u64) -> Node {
        let limits = Limits { per_day, reserve: 0, every: std::time::Duration::from_micros(1) };
        let from = Some("Ann <ann@desk.example>".to_owned());
        let public_url = Some("https://desk.example".to_owned());
        let mail = MailConfig { from, limits, public_url, ..MailConfig::default() };
        let plug = Plug::new(self.bench.store.clone(), Some(self.bench.clock.clone()));
        let mut parts = self.bench.parts(&plug, DeskConfig { mail, ..config() });
        parts.hooks.mailer = Some(Arc::new(Slot(Arc::clone(&self.letters))));
        let node = Node { desk: Desk::open(parts).await.unwrap(), plug };
        node.desk.start_working().await.unwrap();
        node
    }

    /// A published article, and so many readers.
    async fn issue(&self, node: &Node, readers: usize) -> DraftId {
        self.bench.script.then([Reply::Say(ARTICLE.to_owned())]);
        let items = json!([{"title": "Tea rises", "text": "By two per cent.", "link": "https://x.example/1"}]);
        let input = json!({"topics": 1, "items": items});
        let receipt = node.accept(Request { user: Some("ada".to_owned()), ..Request::new("letter", input) }).await;
        self.bench.completed(receipt.generation).await;
        node.desk.set_draft(SCOPE, receipt.draft, DraftSetting::Publish, None).await.unwrap();
        let mut rows: Vec<(SubscriberId, Person)> = (0..readers)
            .map(|n| {
                let person = Person::of(&format!("n{n}@x.example"), None, None).unwrap();
                (SubscriberId(self.bench.world.uuid(START)), person)
            })
            .collect();
        rows.sort_by_key(|(id, _)| *id);
        let write = WriteSubscribers { scope: SCOPE, list: ListName::usual(), at: START, rows, dry: false };
        self.bench.store.inner().write_subscribers(write).await.unwrap();
        receipt.draft
    }

    async fn row(&self, id: MailingId) -> MailingRow {
        self.bench.store.inner().mailing(SCOPE, id).await.unwrap()
    }

    async fn mails(&self, mailing: MailingId) -> Vec<MailRow> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { limit: 1_000, after, order: Order::OldestFirst };
            let filter = MailFilter { mailing, status: None };
            let found = self.bench.store.inner().mails(SCOPE, filter, page).await.unwrap();
            rows.extend(found.rows);
            after = found.next;
            if after.is_none() {
                return rows;
            }
        }
    }

    /// All of them are there, each once.
    async fn assert_whole(&self, mailing: MailingId, readers: usize) {
        let rows = self.mails(mailing).await;
        let to: BTreeSet<&str> = rows.iter().map(|row| row.facts.recipient.as_str()).collect();
        assert_eq!((rows.len(), to.len()), (readers, readers));
        assert_eq!(self.row(mailing).await.mailing.tally.total(), readers as u64);
    }
}

fn newsletter(draft: DraftId) -> Newsletter {
    let (scope, to, spec) = (SCOPE, To::List(ListName::usual()), "{}".to_owned());
    Newsletter { scope, draft, to, spec, again: false, dry: false, idempotency: None }
}

async fn order(node: &Node, draft: DraftId) -> MailingId {
    let opened = node.desk.order_newsletter(newsletter(draft)).await.unwrap();
    assert_eq!(opened.row().mailing.tally.total(), 0, "it is answered before any mail is written");
    opened.row().id
}

#[tokio::test]
async fn a_process_that_dies_between_two_slices_loses_nobody_and_nobody_gets_two() {
    let press = Press::new().await;
    let readers = 2 * SLICE + 10;
    let first = press.node(10).await;
    let draft = press.issue(&first, readers).await;
    first.plug.die_after(Method::FillMailing);
    let id = order(&first, draft).await;
    until("it dies", || async { first.plug.is_dead() }).await;
    let left = press.row(id).await.mailing;
    assert_eq!((left.tally.total(), left.walk.is_some()), (SLICE as u64, true));
    settle().await;
    assert_eq!(press.row(id).await.mailing.tally.total(), SLICE as u64, "nobody is there to go on");
    let _second = press.node(10).await;
    until("it is whole", || async { press.row(id).await.mailing.walk.is_none() }).await;
    press.assert_whole(id, readers).await;
    // The first ten of the list go out, and no more that day: it has not ended.
    press.bench.pass_until("ten are sent", || async { press.letters.0.load(Ordering::SeqCst) == 10 }).await;
    assert_eq!(press.row(id).await.mailing.status(), MailingStatus::Sending);
    press.bench.in_order().await;
}

#[tokio::test]
async fn two_nodes_that_fill_one_mailing_write_everybody_once_and_all_is_sent() {
    let press = Press::new().await;
    let readers = SLICE + 50;
    let (one, two) = (press.node(1_000_000).await, press.node(1_000_000).await);
    let draft = press.issue(&one, readers).await;
    let id = order(&one, draft).await;
    let also = async { while two.desk.tend_mailings().await.unwrap() > 0 {} };
    let mine = async { while one.desk.tend_mailings().await.unwrap() > 0 {} };
    tokio::join!(also, mine);
    press.bench.pass_until("it is finished", || async { press.row(id).await.mailing.finished_at.is_some() }).await;
    press.assert_whole(id, readers).await;
    assert_eq!(press.row(id).await.mailing.tally.of(MailStatus::Sent), readers as u64);
    assert_eq!(press.letters.0.load(Ordering::SeqCst), readers, "nobody got two");
    press.bench.in_order().await;
}

#[tokio::test]
async fn what_is_said_before_the_mails_are_written_holds_for_them() {
    let press = Press::new().await;
    let node = press.node(1_000).await;
    let draft = press.issue(&node, 20).await;
    // Taken back before any was written.
    node.plug.block(Method::FillMailing);
    let back = order(&node, draft).await;
    let row = node.desk.change_mailing(SCOPE, back, MailingOrder::Cancel).await.unwrap();
    assert_eq!((row.mailing.status(), row.mailing.tally.total()), (MailingStatus::Finished, 0));
    node.plug.unblock();
    settle().await;
    assert_eq!(press.row(back).await.mailing, row.mailing);
    // Held back: nothing is written until it goes on. A publication that is taken back does not stop what is ordered.
    node.plug.block(Method::FillMailing);
    let id = order(&node, draft).await;
    node.desk.change_mailing(SCOPE, id, MailingOrder::Pause).await.unwrap();
    node.plug.unblock();
    settle().await;
    assert_eq!(press.row(id).await.mailing.tally.total(), 0);
    node.desk.set_draft(SCOPE, draft, DraftSetting::Unpublish, None).await.unwrap();
    node.desk.change_mailing(SCOPE, id, MailingOrder::Resume).await.unwrap();
    press.bench.pass_until("it is finished", || async { press.row(id).await.mailing.finished_at.is_some() }).await;
    assert_eq!(press.letters.0.load(Ordering::SeqCst), 20);
    press.bench.in_order().await;
}

#[tokio::test]
async fn a_rehearsal_counts_a_long_list_exactly_and_writes_nothing() {
    let press = Press::new().await;
    let node = press.node(1_000_000).await;
    let readers = SLICE + 5;
    let draft = press.issue(&node, readers).await;
    let suppress = |n: usize| Suppress {
        scope: SCOPE,
        id: copydesk_core::SuppressionId(press.bench.world.uuid(START)),
        at: START,
        address: format!("n{n}@x.example"),
        recipient: format!("n{n}@x.example"),
        list: None,
        reason: "operator".to_owned(),
        mail: None,
    };
    for n in [3, SLICE + 1] {
        press.bench.store.inner().suppress(suppress(n)).await.unwrap();
    }
    let dry = node.desk.order_newsletter(Newsletter { dry: true, ..newsletter(draft) }).await.unwrap();
    let OpenedMailing::Dry(row, skips) = dry else { panic!("{dry:?}") };
    assert_eq!(row.mailing.tally.of(MailStatus::Queued), readers as u64 - 2);
    assert_eq!(skips.into_iter().collect::<Vec<_>>(), [("unsubscribed".to_owned(), 2)]);
    let none = press.bench.store.inner().mailings(SCOPE, PageRequest::newest(10)).await.unwrap();
    assert_eq!(none.rows, []);
}

#[tokio::test]
async fn a_long_mailing_is_taken_back_to_the_end_by_whoever_lives() {
    let press = Press::new().await;
    let readers = SLICE + 30;
    let first = press.node(0).await;
    let draft = press.issue(&first, readers).await;
    let id = order(&first, draft).await;
    until("it is whole", || async { press.row(id).await.mailing.walk.is_none() }).await;
    first.plug.die_after(Method::ChangeMailing);
    let asked = {
        let desk = first.desk.clone();
        tokio::spawn(async move { desk.change_mailing(SCOPE, id, MailingOrder::Cancel).await })
    };
    until("it dies", || async { first.plug.is_dead() }).await;
    let part = press.row(id).await.mailing;
    assert_eq!((part.tally.of(MailStatus::Cancelled), part.cancelling), (SLICE as u64, true));
    let _second = press.node(1_000).await;
    until("all is taken back", || async { press.row(id).await.mailing.finished_at.is_some() }).await;
    assert_eq!(press.row(id).await.mailing.tally.of(MailStatus::Cancelled), readers as u64);
    assert_eq!(press.letters.0.load(Ordering::SeqCst), 0, "nothing of it went meanwhile");
    asked.abort();
    press.bench.in_order().await;
}
