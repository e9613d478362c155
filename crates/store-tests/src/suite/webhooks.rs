//! Webhooks: endpoints and their feed, messages that are made once, leased under a fence, and what becomes of both.

use crate::bench::Bench;
use crate::builder::OTHER;
use copydesk_core::refusal::Refusal;
use copydesk_core::webhook::{Disabled, End, Outcome};
use copydesk_core::{DeliveryId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::retention::{Aged, Prune};
use copydesk_store::webhooks::{
    AttemptRow, ClaimDeliveries, DISABLED, DeliveryFilter, DeliveryRow, DeliveryState, EndpointChange, EndpointRow,
    FanOut, Feed, FeedMark, Finished, Health, LeasedRow, Moved, NewDelivery, RequestHook, Resume, Rooms, StateWord,
};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) const LEASE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn endpoint(t: &Bench, scope: Scope, url: Option<&str>) -> EndpointRow {
    EndpointRow {
        id: WebhookId(t.ids.uuid()),
        workspace: scope.workspace,
        url: url.map(str::to_owned),
        events: "generation.*".to_owned(),
        description: "where \u{201c}it\u{201d} goes".to_owned(),
        secret: vec![1, 0, 255],
        old_secret: None,
        old_events: None,
        since_seq: 0,
        revision: 1,
        created_at: t.now(),
        disabled: None,
        failing_since: None,
        removed_at: None,
    }
}

pub(super) async fn stored(t: &Bench, scope: Scope, url: Option<&str>) -> EndpointRow {
    let row = endpoint(t, scope, url);
    assert!(t.store.add_webhook(row.clone()).await.expect("add_webhook"));
    t.store.webhook(scope, row.id).await.expect("webhook")
}

async fn changed(t: &Bench, row: &EndpointRow, change: impl FnOnce(&mut EndpointRow)) -> EndpointRow {
    let mut new = row.clone();
    change(&mut new);
    t.store
        .change_webhook(EndpointChange { if_revision: row.revision, row: new, resume: None })
        .await
        .expect("change_webhook")
}

pub(super) fn message(t: &Bench, endpoint: &EndpointRow, seq: i64) -> NewDelivery {
    NewDelivery {
        id: DeliveryId(t.ids.uuid()),
        workspace: endpoint.workspace,
        webhook: endpoint.id,
        seq: Some(seq),
        kind: "generation.completed".to_owned(),
        url: None,
        lane: endpoint.id.0,
        body: format!("{{\"seq\":{seq}}}"),
        at: t.now(),
        dropped: false,
    }
}

pub(super) async fn sent(t: &Bench, endpoint: &EndpointRow, count: i64) -> Vec<NewDelivery> {
    let messages: Vec<NewDelivery> = (1..=count).map(|seq| message(t, endpoint, seq)).collect();
    t.store.send(messages.clone()).await.expect("send");
    messages
}

pub(super) fn claim_with(now: Timestamp, rooms: Rooms) -> ClaimDeliveries {
    ClaimDeliveries { now, lease: LEASE, rooms }
}

pub(super) fn rooms(per_lane: u32) -> Rooms {
    Rooms { per_lane, per_workspace: 100, in_all: 100, under_way: BTreeMap::new() }
}

async fn claimed(t: &Bench) -> Vec<LeasedRow> {
    t.store.claim_deliveries(claim_with(t.now(), rooms(100))).await.expect("claim_deliveries").rows
}

pub(super) fn finished(row: &DeliveryRow, at: Timestamp, state: DeliveryState, health: Health) -> Finished {
    let outcome = if health == Health::Well { Outcome::Ok } else { Outcome::Status };
    let log =
        AttemptRow { attempt: row.attempt, at, ms: 12, outcome, status: Some(503), detail: Some("no".to_owned()) };
    let (id, workspace, webhook, lane) = (row.id, row.workspace, row.webhook, row.lane);
    Finished { id, workspace, webhook, lane, log: Some(log), attempt: row.attempt, at, state, put_by: false, health }
}

async fn feeds(t: &Bench) -> Vec<Feed> {
    t.store.feeds(None).await.expect("feeds").feeds.expect("nothing was known")
}

async fn moved(t: &Bench, fan_out: FanOut) -> bool {
    t.store.fan_out(fan_out).await.expect("fan_out") == Moved::Here
}

pub(super) fn ended(at: Timestamp, how: End) -> DeliveryState {
    DeliveryState::Ended { at, how }
}

pub(super) async fn finish(t: &Bench, row: &DeliveryRow, state: DeliveryState, health: Health) -> bool {
    let one = finished(row, t.now(), state, health);
    t.store.finish_deliveries(vec![one]).await.expect("finish_deliveries")[0]
}

pub async fn an_endpoint_is_kept_as_it_was_set_and_changed_under_its_revision(t: Arc<Bench>) {
    t.start(t.request()).await;
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/hook")).await;
    let settled = t.store.event_bounds(Scope::DEFAULT).await.expect("bounds").last;
    assert_eq!(row, EndpointRow { since_seq: settled, ..row.clone() }, "it hears what comes");
    assert!(!t.store.add_webhook(row.clone()).await.expect("add_webhook"), "once");
    let until = t.now().plus(DAY);
    let new = changed(&t, &row, |row| {
        row.url = Some("https://example.com/other".to_owned());
        row.events = String::new();
        row.description = "moved".to_owned();
        row.old_secret = Some((row.secret.clone(), until));
        row.secret = vec![9; 40];
    })
    .await;
    assert_eq!((new.revision, new.secret.len(), new.old_secret.clone()), (2, 40, Some((vec![1, 0, 255], until))));
    assert_eq!(t.second().webhook(Scope::DEFAULT, row.id).await.expect("webhook"), new);
    let late = t.store.change_webhook(EndpointChange { if_revision: 1, row, resume: None }).await;
    assert_eq!(late, Err(StoreError::Refused(Refusal::VersionConflict { current: 2 })));
}

pub async fn endpoints_belong_to_their_workspace_and_are_gone_when_removed(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    stored(&t, OTHER, Some("https://example.com/")).await;
    let missing = StoreError::NotFound { what: "webhook", id: row.id.to_string() };
    assert_eq!(t.store.webhook(OTHER, row.id).await, Err(missing.clone()));
    let foreign = EndpointRow { workspace: OTHER.workspace, ..row.clone() };
    assert_eq!(
        t.store.change_webhook(EndpointChange { if_revision: 1, row: foreign, resume: None }).await,
        Err(missing.clone())
    );
    let all = async |scope| t.store.webhooks(scope, PageRequest::newest(10)).await.expect("webhooks").rows;
    assert_eq!((all(Scope::DEFAULT).await.len(), all(OTHER).await.len()), (1, 1));
    let at = t.now();
    changed(&t, &row, |row| row.removed_at = Some(at)).await;
    assert_eq!(t.store.webhook(Scope::DEFAULT, row.id).await, Err(missing));
    assert_eq!((all(Scope::DEFAULT).await.len(), feeds(&t).await.len()), (0, 1));
}

pub async fn endpoints_are_paged_in_the_order_of_their_ids(t: Arc<Bench>) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(stored(&t, Scope::DEFAULT, Some("https://example.com/")).await.id);
    }
    let (mut page, mut seen) = (PageRequest::newest(2), Vec::new());
    loop {
        let rows = t.store.webhooks(Scope::DEFAULT, page.clone()).await.expect("webhooks");
        seen.extend(rows.rows.iter().map(|row| row.id));
        match rows.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
}

pub async fn a_workspace_has_one_endpoint_for_the_addresses_of_requests(t: Arc<Bench>) {
    assert_eq!(t.store.request_webhook(Scope::DEFAULT).await.expect("request_webhook"), None);
    let row = stored(&t, Scope::DEFAULT, None).await;
    assert!(!t.store.add_webhook(endpoint(&t, Scope::DEFAULT, None)).await.expect("add_webhook"));
    stored(&t, OTHER, None).await;
    assert_eq!(t.store.request_webhook(Scope::DEFAULT).await.expect("request_webhook"), Some(row.clone()));
    let at = t.now();
    changed(&t, &row, |row| row.removed_at = Some(at)).await;
    stored(&t, Scope::DEFAULT, None).await;
}

pub async fn an_accepted_request_keeps_its_own_address(t: Arc<Bench>) {
    let hook = RequestHook { url: "https://example.com/mine".to_owned(), events: "completed".to_owned() };
    let mut with = t.request();
    with.webhook = Some(hook.clone());
    let (with, _) = t.start(with).await;
    let (without, _) = t.start(t.request()).await;
    let hooks = t.store.request_hooks(Scope::DEFAULT.workspace, vec![with, without]).await.expect("request_hooks");
    assert_eq!(hooks, [(with, hook)]);
    assert_eq!(t.store.request_hooks(OTHER.workspace, vec![with]).await.expect("request_hooks"), []);
}

pub async fn a_feed_moves_only_from_where_it_was_read_and_for_the_endpoints_it_knew(t: Arc<Bench>) {
    assert_eq!(feeds(&t).await, []);
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let feed = feeds(&t).await.remove(0);
    assert_eq!((feed.workspace, feed.epoch, feed.endpoints.as_slice()), (row.workspace, 1, [row.clone()].as_slice()));
    let fan_out = FanOut {
        workspace: feed.workspace,
        from_seq: feed.seq,
        epoch: feed.epoch,
        upto_seq: feed.seq + 3,
        messages: vec![message(&t, &row, feed.seq + 1), message(&t, &row, feed.seq + 3)],
    };
    let theirs = t.second();
    // Two movers that read the same: one of them writes.
    let (one, other) = futures::join!(t.store.fan_out(fan_out.clone()), theirs.fan_out(fan_out.clone()));
    let both = [one.expect("fan_out"), other.expect("fan_out")];
    let elsewhere = Moved::Elsewhere { seq: feed.seq + 3, epoch: feed.epoch };
    assert!(both == [Moved::Here, elsewhere] || both == [elsewhere, Moved::Here], "{both:?}");
    assert!(!moved(&t, fan_out.clone()).await);
    assert_eq!(claimed(&t).await.len(), 2, "each message once");
    stored(&t, Scope::DEFAULT, Some("https://example.com/2")).await;
    let next = FanOut { from_seq: feed.seq + 3, upto_seq: feed.seq + 4, messages: vec![], ..fan_out };
    assert!(!moved(&t, next.clone()).await, "an endpoint was added meanwhile");
    assert!(moved(&t, FanOut { epoch: 2, ..next }).await);
}

pub async fn feeds_are_read_again_only_after_a_change_of_an_endpoint(t: Arc<Bench>) {
    let read = async |known| t.store.feeds(known).await.expect("feeds");
    let empty = read(None).await;
    assert_eq!(empty.feeds, Some(vec![]));
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let one = read(Some(empty.stamp)).await;
    assert_eq!(one.feeds.map(|feeds| feeds.len()), Some(1));
    assert_eq!(read(Some(one.stamp)).await.feeds, None);
    stored(&t, OTHER, Some("https://example.com/")).await;
    let two = read(Some(one.stamp)).await;
    assert_eq!(two.feeds.map(|feeds| feeds.len()), Some(2));
    changed(&t, &row, |row| row.events = String::new()).await;
    assert!(t.second().feeds(Some(two.stamp)).await.expect("feeds").feeds.is_some());
}

pub async fn news_name_each_event_of_workspaces_with_a_feed_once(t: Arc<Bench>) {
    let news = async |since: &FeedMark| t.store.feed_news(Some(since.clone())).await.expect("feed_news");
    stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    t.start(t.request()).await;
    let first = t.store.feed_news(None).await.expect("feed_news");
    assert_eq!((first.events.len(), first.more), (0, false), "from now on");
    assert_eq!(first.mark.of(Scope::DEFAULT.workspace), feeds_last(&t, Scope::DEFAULT).await);
    let mut foreign = t.request();
    foreign.scope = OTHER;
    t.start(foreign).await;
    t.start(t.request()).await;
    let told = news(&first.mark).await;
    let after = first.mark.of(Scope::DEFAULT.workspace);
    let there = t.store.events(Scope::DEFAULT, after, 100).await.expect("events").rows;
    let there: Vec<_> = there.into_iter().map(|row| (Scope::DEFAULT.workspace, row.seq, row.kind)).collect();
    assert!(!there.is_empty() && told.events == there, "{:?}", told.events);
    assert_eq!((told.more, told.held_back), (false, false));
    assert_eq!(news(&told.mark).await.events, [], "once");
    // A feed that comes later: from where it begins.
    let last = feeds_last(&t, OTHER).await;
    stored(&t, OTHER, Some("https://example.com/")).await;
    let mut theirs = t.request();
    theirs.scope = OTHER;
    t.start(theirs).await;
    let told = news(&told.mark).await.events;
    let new = |(of, seq, _): &&(WorkspaceId, i64, String)| *of == OTHER.workspace && *seq > last;
    assert!(told.iter().filter(new).count() > 0, "{told:?}");
}

async fn feeds_last(t: &Bench, scope: Scope) -> i64 {
    t.store.event_bounds(scope).await.expect("bounds").last
}

pub async fn an_endpoint_enabled_again_hears_what_comes_and_not_what_was(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let at = t.now();
    let off = changed(&t, &row, |row| row.disabled = Some((at, Disabled::ByHand))).await;
    assert_eq!((off.disabled, feeds(&t).await.len()), (Some((at, Disabled::ByHand)), 0));
    t.start(t.request()).await;
    let on = changed(&t, &off, |row| row.disabled = None).await;
    assert_eq!(on.since_seq, t.store.event_bounds(Scope::DEFAULT).await.expect("bounds").last);
    assert!(on.since_seq > row.since_seq);
    assert_eq!(feeds(&t).await[0].epoch, 3);
}

pub async fn other_kinds_count_from_their_change_on(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let last = async || t.store.event_bounds(Scope::DEFAULT).await.expect("bounds").last;
    let kinds = async |row: &EndpointRow, text: &str| changed(&t, row, |row| row.events = text.to_owned()).await;
    t.start(t.request()).await;
    let first = kinds(&row, "draft.*").await;
    assert_eq!(first.old_events, Some(("generation.*".to_owned(), last().await)));
    assert_eq!(kinds(&first, "draft.*").await.old_events, first.old_events, "the same kinds change nothing");
    // The feed has not passed that change: what was wanted before it counts until this one.
    t.start(t.request()).await;
    let first = t.store.webhook(Scope::DEFAULT, row.id).await.expect("webhook");
    let second = kinds(&first, "key.*").await;
    assert_eq!(
        (second.old_events.clone(), second.events.as_str()),
        (Some(("generation.*".to_owned(), last().await)), "key.*")
    );
    let feed = feeds(&t).await.remove(0);
    assert_eq!(feed.endpoints, std::slice::from_ref(&second));
    let (workspace, from_seq, epoch, upto_seq) = (feed.workspace, feed.seq, feed.epoch, last().await);
    assert!(moved(&t, FanOut { workspace, from_seq, epoch, upto_seq, messages: vec![] }).await);
    let third = kinds(&second, "").await;
    assert_eq!(third.old_events, Some(("key.*".to_owned(), last().await)));
}

pub async fn what_was_put_by_begins_anew_when_its_endpoint_is_enabled(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let other = stored(&t, Scope::DEFAULT, Some("https://example.com/other")).await;
    sent(&t, &row, 3).await;
    sent(&t, &other, 1).await;
    let put_by = t.now().plus(7 * DAY);
    let leased = claimed(&t).await;
    for one in &leased[..2] {
        assert!(finish(&t, &one.delivery, DeliveryState::Waiting { due_at: put_by }, Health::Unsaid).await);
    }
    assert!(finish(&t, &leased[3].delivery, DeliveryState::Waiting { due_at: put_by }, Health::Unsaid).await);
    let off = changed(&t, &row, |row| row.disabled = Some((t.now(), Disabled::Failing))).await;
    let at = t.advance_s(1);
    let mut on = off.clone();
    on.disabled = None;
    let change = EndpointChange { if_revision: off.revision, row: on, resume: Some(Resume { put_by, at }) };
    t.store.change_webhook(change).await.expect("change_webhook");
    // What is put by only now, by somebody who knew of no change, is due at once.
    let late = Finished {
        put_by: true,
        ..finished(&leased[2].delivery, at, DeliveryState::Waiting { due_at: put_by }, Health::Unsaid)
    };
    let again = claimed(&t).await;
    assert_eq!(again.len(), 2, "what is under way and what is another's stay as they are");
    assert!(again.iter().all(|one| (one.delivery.attempt, one.delivery.round) == (2, 1)));
    assert!(!finish(&t, &leased[0].delivery, ended(t.now(), End::Dropped), Health::Unsaid).await);
    assert_eq!(t.store.finish_deliveries(vec![late]).await.expect("finish_deliveries"), [true]);
    assert_eq!(claimed(&t).await.iter().map(|one| one.delivery.id).collect::<Vec<_>>(), [leased[2].delivery.id]);
}

pub async fn waiting_messages_are_counted_by_lane_and_dropped_ones_are_only_in_the_log(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let theirs = stored(&t, OTHER, Some("https://example.com/")).await;
    sent(&t, &row, 5).await;
    sent(&t, &theirs, 1).await;
    let leased = claimed(&t).await.remove(0).delivery;
    assert!(finish(&t, &leased, ended(t.now(), End::Delivered), Health::Unsaid).await);
    let feed = feeds(&t).await.remove(0);
    let dropped = NewDelivery { dropped: true, ..message(&t, &row, 9) };
    let (workspace, from_seq, epoch, upto_seq) = (feed.workspace, feed.seq, feed.epoch, feed.seq + 1);
    let messages = vec![dropped.clone()];
    assert!(moved(&t, FanOut { workspace, from_seq, epoch, upto_seq, messages }).await);
    let lanes = vec![t.ids.uuid(), row.id.0, theirs.id.0];
    let second = t.second();
    let count = async |at_most| second.waiting(row.workspace, lanes.clone(), at_most).await.expect("waiting");
    assert_eq!((count(100).await, count(3).await), (vec![0, 4, 0], vec![0, 3, 0]));
    let (log, _) = t.store.delivery(Scope::DEFAULT, dropped.id).await.expect("delivery");
    assert_eq!((log.state, log.attempt), (ended(dropped.at, End::Dropped), 0));
    // Somebody asks for it all the same.
    t.store.send(vec![dropped.clone()]).await.expect("send");
    assert_eq!((count(100).await, claimed(&t).await.len()), (vec![0, 5, 0], 1));
}

pub async fn a_message_is_claimed_by_one_and_again_when_its_lease_is_over(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let messages = sent(&t, &row, 4).await;
    let claim = || claim_with(t.now(), rooms(100));
    let second = t.second();
    let (mine, theirs) = futures::join!(t.store.claim_deliveries(claim()), second.claim_deliveries(claim()));
    let mut both = mine.expect("claim").rows;
    both.extend(theirs.expect("claim").rows);
    both.sort_by_key(|row| row.delivery.id);
    let ids: Vec<DeliveryId> = both.iter().map(|row| row.delivery.id).collect();
    assert_eq!(ids, messages.iter().map(|message| message.id).collect::<Vec<_>>());
    let due_at = t.now().plus(LEASE);
    assert!(both.iter().all(|it| it.delivery.attempt == 1 && it.delivery.state == DeliveryState::Waiting { due_at }));
    assert_eq!((&both[0].endpoint, &both[0].delivery.body), (&row, &messages[0].body));
    let idle = t.store.claim_deliveries(claim()).await.expect("claim");
    assert_eq!((idle.rows.len(), idle.next_due), (0, Some(due_at)));
    t.advance_s(60);
    let again = claimed(&t).await;
    assert!(again.len() == 4 && again.iter().all(|it| it.delivery.attempt == 2), "whoever had them is gone");
}

pub async fn a_late_attempt_is_logged_and_decides_nothing(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    sent(&t, &row, 1).await;
    let first = claimed(&t).await.remove(0).delivery;
    t.advance_s(60);
    let second = claimed(&t).await.remove(0).delivery;
    let at = t.now();
    assert!(!finish(&t, &first, ended(at, End::GivenUp), Health::Unsaid).await);
    let due_at = at.plus(Duration::from_secs(5));
    assert!(finish(&t, &second, DeliveryState::Waiting { due_at }, Health::Failing).await);
    t.advance_s(5);
    let third = claimed(&t).await.remove(0).delivery;
    assert!(finish(&t, &third, ended(t.now(), End::Delivered), Health::Well).await);
    assert!(!finish(&t, &third, ended(t.now(), End::GivenUp), Health::Unsaid).await, "an end is an end");
    let (end, log) = t.second().delivery(Scope::DEFAULT, first.id).await.expect("delivery");
    assert_eq!(end.state, ended(t.now(), End::Delivered));
    assert_eq!(log.iter().map(|it| it.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((log[2].outcome, log[0].status, log[0].detail.as_deref()), (Outcome::Ok, Some(503), Some("no")));
}

pub async fn a_slow_lane_holds_nobody_else_up(t: Arc<Bench>) {
    let slow = stored(&t, Scope::DEFAULT, Some("https://example.com/slow")).await;
    sent(&t, &slow, 50).await;
    t.advance_s(1);
    let quick = stored(&t, Scope::DEFAULT, Some("https://example.com/quick")).await;
    let theirs = stored(&t, OTHER, Some("https://example.com/theirs")).await;
    sent(&t, &quick, 2).await;
    sent(&t, &theirs, 1).await;
    let leased = t.store.claim_deliveries(claim_with(t.now(), rooms(3))).await.expect("claim").rows;
    let of = |id: WebhookId| leased.iter().filter(|row| row.delivery.webhook == id).count();
    assert_eq!((of(slow.id), of(quick.id), of(theirs.id)), (3, 2, 1));
    let under_way = BTreeMap::from([((slow.workspace, slow.id.0), 3)]);
    let none = t.store.claim_deliveries(claim_with(t.now(), Rooms { under_way, ..rooms(3) })).await.expect("claim");
    assert_eq!(none.rows.len(), 0, "its room is taken");
}

pub async fn an_attempt_from_before_a_message_was_sent_again_does_not_end_it(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let messages = sent(&t, &row, 1).await;
    let first = claimed(&t).await.remove(0).delivery;
    let at = t.advance_s(1);
    t.store.send(vec![NewDelivery { at, ..messages[0].clone() }]).await.expect("send");
    assert!(!finish(&t, &first, ended(t.now(), End::GivenUp), Health::Unsaid).await);
    let again = claimed(&t).await.remove(0).delivery;
    assert_eq!((again.id, again.attempt), (first.id, 2), "it still waits");
    assert!(finish(&t, &again, ended(t.now(), End::Delivered), Health::Well).await);
}

pub async fn a_backlog_for_dead_receivers_stands_behind_who_has_nothing_under_way(t: Arc<Bench>) {
    let dead = stored(&t, Scope::DEFAULT, Some("https://example.com/dead")).await;
    sent(&t, &dead, 50).await;
    t.advance_s(9);
    let theirs = stored(&t, OTHER, Some("https://example.com/theirs")).await;
    sent(&t, &theirs, 1).await;
    let under_way = BTreeMap::from([((dead.workspace, dead.id.0), 5)]);
    let tight = Rooms { per_lane: 8, per_workspace: 64, in_all: 6, under_way };
    let leased = t.store.claim_deliveries(claim_with(t.now(), tight)).await.expect("claim").rows;
    assert_eq!(leased.iter().map(|row| row.delivery.webhook).collect::<Vec<_>>(), [theirs.id]);
}

pub async fn a_message_sent_again_begins_a_new_round_under_the_same_id(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let messages = sent(&t, &row, 1).await;
    let first = claimed(&t).await.remove(0).delivery;
    assert!(finish(&t, &first, ended(t.now(), End::GivenUp), Health::Failing).await);
    let at = t.advance_s(9);
    t.store.send(vec![NewDelivery { at, body: "{}".to_owned(), ..messages[0].clone() }]).await.expect("send");
    let again = claimed(&t).await.remove(0).delivery;
    assert_eq!(
        (again.id, again.attempt, again.round, &again.body),
        (first.id, 2, 1, &first.body),
        "what it says stays"
    );
    let fan_out =
        FanOut { workspace: row.workspace, from_seq: feeds(&t).await[0].seq, epoch: 1, upto_seq: 99, messages };
    assert!(moved(&t, fan_out).await);
    assert_eq!(t.store.delivery(Scope::DEFAULT, first.id).await.expect("delivery").0.attempt, 2, "a feed changes none");
}

pub async fn five_days_of_failure_or_a_gone_receiver_disable_and_are_announced_once(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    sent(&t, &row, 4).await;
    let leased: Vec<DeliveryRow> = claimed(&t).await.into_iter().map(|it| it.delivery).collect();
    let over = |why| Health::Over { why, failing_before: t.now().minus(5 * DAY) };
    let state = async || t.store.webhook(Scope::DEFAULT, row.id).await.expect("webhook");
    finish(&t, &leased[0], ended(t.now(), End::GivenUp), Health::Failing).await;
    let since = t.now();
    t.advance_s(4 * 86_400);
    finish(&t, &leased[1], ended(t.now(), End::GivenUp), over(Disabled::Failing)).await;
    assert_eq!((state().await.failing_since, state().await.disabled), (Some(since), None), "it is too early");
    finish(&t, &leased[2], ended(t.now(), End::Delivered), Health::Well).await;
    assert_eq!(state().await.failing_since, None);
    t.advance_s(86_400);
    let both = [Disabled::Gone, Disabled::Failing]
        .map(|why| finished(&leased[3], t.now(), ended(t.now(), End::GivenUp), over(why)));
    t.store.finish_deliveries(both.to_vec()).await.expect("finish_deliveries");
    assert_eq!(state().await.disabled, Some((t.now(), Disabled::Gone)));
    t.store.finish_deliveries(both.to_vec()).await.expect("finish_deliveries");
    let events = t.events(Scope::DEFAULT).await;
    let told: Vec<_> = events.iter().filter(|event| event.kind == DISABLED).collect();
    assert_eq!((told.len(), told[0].data.contains("\"gone\""), told[0].user), (1, true, None));
    assert_eq!(feeds(&t).await, []);
    let backlog = t.second().delivery_backlog(t.now()).await.expect("backlog");
    assert_eq!((backlog.failing, backlog.disabled), (0, 1));
}

pub async fn messages_are_listed_by_state_in_their_workspace_only(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    sent(&t, &row, 5).await;
    let leased = claimed(&t).await;
    for (row, how) in leased.iter().zip([End::Delivered, End::GivenUp, End::Dropped]) {
        finish(&t, &row.delivery, ended(t.now(), how), Health::Unsaid).await;
    }
    let list = async |scope: Scope, state| {
        let filter = DeliveryFilter { webhook: row.id, state };
        let (mut page, mut all) = (PageRequest::newest(2), Vec::new());
        loop {
            let rows = t.store.deliveries(scope, filter.clone(), page.clone()).await.expect("deliveries");
            all.extend(rows.rows);
            match rows.next {
                Some(next) => page.after = Some(next),
                None => return all,
            }
        }
    };
    let all = list(Scope::DEFAULT, None).await;
    assert!(all.len() == 5 && all.windows(2).all(|pair| pair[0].id > pair[1].id));
    for state in StateWord::ALL {
        let some = list(Scope::DEFAULT, Some(state)).await;
        assert!(!some.is_empty() && some.iter().all(|row| row.state.word() == state), "{state:?}");
    }
    assert_eq!(list(OTHER, None).await, []);
    let foreign = t.store.delivery(OTHER, all[0].id).await;
    assert_eq!(foreign, Err(StoreError::NotFound { what: "delivery", id: all[0].id.to_string() }));
    let backlog = t.store.delivery_backlog(t.now().plus(LEASE)).await.expect("backlog");
    assert_eq!((backlog.waiting, backlog.oldest_due), (2, Some(t.now().plus(LEASE))));
}

pub async fn ended_messages_go_with_their_age_and_waiting_ones_stay(t: Arc<Bench>) {
    let row = stored(&t, Scope::DEFAULT, Some("https://example.com/")).await;
    let messages = sent(&t, &row, 3).await;
    for row in claimed(&t).await.into_iter().take(2) {
        finish(&t, &row.delivery, ended(t.now(), End::Delivered), Health::Well).await;
    }
    let before = t.advance_s(86_400);
    let prune = |dry_run| Prune { what: Aged::Deliveries, before, after: None, limit: 10, dry_run };
    assert_eq!(t.store.prune(prune(true)).await.expect("prune").removed, 2);
    assert_eq!(t.store.prune(prune(false)).await.expect("prune").removed, 2);
    assert_eq!(t.store.prune(prune(false)).await.expect("prune").removed, 0);
    assert!(t.store.delivery(Scope::DEFAULT, messages[0].id).await.is_err());
    assert_eq!(t.store.delivery(Scope::DEFAULT, messages[2].id).await.expect("delivery").0.attempt, 1);
}
