//! Subscribers: one of an address on a list, and who wants nothing gets nothing, whatever is imported, ordered or claimed.

use super::mail::{ALL, assert_counted, claim, draft, finish, get, mail, now_of, open, order};
use crate::bench::{Bench, all};
use crate::builder::OTHER;
use copydesk_core::mail::{MailKind, MailStatus};
use copydesk_core::subscriber::{BY_LINK, ListName, Person};
use copydesk_core::{NodeId, SubscriberId, SuppressionId};
use copydesk_store::mail::{MailFacts, NewMailing, OpenedMailing};
use copydesk_store::subscribers::{
    Kept, RESUBSCRIBED_EVENT, SubscriberFilter, SubscriberRow, Suppress, Suppressed, SuppressionFilter, UNSUBSCRIBED,
    UNSUBSCRIBED_EVENT, WriteSubscribers,
};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::sync::Arc;

pub(super) fn list(name: &str) -> ListName {
    ListName::parse(name).expect("the name of a list")
}

fn person(address: &str) -> Person {
    Person::of(address, Some("Ann, \"of\" Tea; \u{fc}"), None).expect("a person")
}

pub(super) fn people(t: &Bench, scope: Scope, to: &str, addresses: &[&str]) -> WriteSubscribers {
    let rows = addresses.iter().map(|address| (SubscriberId(t.ids.uuid()), person(address))).collect();
    WriteSubscribers { scope, list: list(to), at: t.now(), rows, dry: false }
}

pub(super) async fn write(t: &Bench, write: WriteSubscribers) -> Vec<Kept> {
    t.store.write_subscribers(write).await.expect("write_subscribers")
}

async fn found(t: &Bench, filter: SubscriberFilter) -> Vec<SubscriberRow> {
    all(|page| t.store.subscribers(Scope::DEFAULT, filter.clone(), page)).await
}

fn wish(t: &Bench, address: &str, of: Option<&str>) -> Suppress {
    Suppress {
        scope: Scope::DEFAULT,
        id: SuppressionId(t.ids.uuid()),
        at: t.now(),
        address: address.to_owned(),
        recipient: address.to_lowercase(),
        list: of.map(list),
        reason: BY_LINK.to_owned(),
        mail: None,
    }
}

pub(super) async fn suppress(t: &Bench, address: &str, of: Option<&str>) -> Suppressed {
    t.store.suppress(wish(t, address, of)).await.expect("suppress")
}

fn newsletter(t: &Bench, facts: Vec<MailFacts>) -> NewMailing {
    let of = |facts| MailFacts { kind: MailKind::Newsletter, list: Some(list("tea")), ..facts };
    NewMailing { kind: MailKind::Newsletter, ..order(t, facts.into_iter().map(of).collect()) }
}

async fn told(t: &Bench, kind: &str) -> usize {
    t.events(Scope::DEFAULT).await.iter().filter(|event| event.kind == kind).count()
}

pub async fn a_subscriber_is_kept_as_it_was_said_and_read_in_its_workspace_only(t: Arc<Bench>) {
    let new = people(&t, Scope::DEFAULT, "tea", &["Ann@X.example"]);
    let dry = write(&t, WriteSubscribers { dry: true, ..new.clone() }).await;
    assert!(matches!(dry[..], [Kept::Created(_)]) && found(&t, SubscriberFilter::default()).await.is_empty());
    let kept = write(&t, new.clone()).await;
    let [Kept::Created(row)] = &kept[..] else { panic!("one is made: {kept:?}") };
    assert_eq!((row.id, &row.person), (new.rows[0].0, &new.rows[0].1));
    assert_eq!(t.store.subscriber(Scope::DEFAULT, row.id).await.expect("subscriber"), *row);
    for foreign in [t.store.subscriber(OTHER, row.id).await.map(drop), t.store.remove_subscriber(OTHER, row.id).await] {
        assert!(matches!(foreign, Err(StoreError::NotFound { .. })));
    }
    assert_eq!(t.store.tally_subscribers(OTHER).await.expect("tally"), []);
    // The same person elsewhere is another one, and so are their wishes.
    let elsewhere = write(&t, people(&t, OTHER, "tea", &["ann@x.example"])).await;
    assert!(matches!(elsewhere[..], [Kept::Created(_)]));
    let wish = suppress(&t, "ann@x.example", Some("tea")).await.row().clone();
    let there = t.store.subscriber(OTHER, elsewhere[0].row().id).await.expect("subscriber");
    assert_eq!(there.unsubscribed, None);
    assert!(matches!(t.store.suppression(OTHER, wish.id).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(t.store.lift_suppression(OTHER, wish.id, t.now()).await, Err(StoreError::NotFound { .. })));
    let page = t.store.suppressions(OTHER, SuppressionFilter::default(), PageRequest::newest(10)).await;
    assert_eq!(page.expect("suppressions").rows, []);
}

pub async fn the_same_people_twice_change_nothing_and_a_newer_word_keeps_what_it_does_not_say(t: Arc<Bench>) {
    let first = write(&t, people(&t, Scope::DEFAULT, "tea", &["ann@x.example", "ANN@x.example", "b@x.example"])).await;
    assert!(matches!(first[..], [Kept::Created(_), Kept::Updated(_), Kept::Created(_)]), "{first:?}");
    assert_eq!(first[0].row().id, first[1].row().id);
    let again = write(&t, people(&t, Scope::DEFAULT, "tea", &["ANN@x.example", "b@x.example"])).await;
    assert!(matches!(again[..], [Kept::Unchanged(_), Kept::Unchanged(_)]), "{again:?}");
    let newer = Person::of("ann@x.example", None, Some("a-1")).expect("a person");
    let rows = vec![(SubscriberId(t.ids.uuid()), newer)];
    let told = WriteSubscribers { rows, ..people(&t, Scope::DEFAULT, "tea", &[]) };
    let kept = write(&t, told).await;
    let [Kept::Updated(row)] = &kept[..] else { panic!("it is changed: {kept:?}") };
    assert_eq!((&row.person.name, row.person.external_id.as_deref()), (&person("a@x.example").name, Some("a-1")));
    assert_eq!(t.store.subscriber(Scope::DEFAULT, row.id).await.expect("subscriber"), *row);
    let other = write(&t, people(&t, Scope::DEFAULT, "coffee", &["ann@x.example"])).await;
    assert!(matches!(other[..], [Kept::Created(_)]), "another list");
    assert_eq!(found(&t, SubscriberFilter::default()).await.len(), 3);
}

pub async fn of_many_who_write_the_same_people_at_once_one_makes_them(t: Arc<Bench>) {
    let writes =
        (0..8).map(|_| t.store.write_subscribers(people(&t, Scope::DEFAULT, "tea", &["a@x.example", "b@x.example"])));
    let kept: Vec<Kept> =
        futures::future::join_all(writes).await.into_iter().flat_map(|one| one.expect("write_subscribers")).collect();
    assert_eq!(kept.iter().filter(|one| matches!(one, Kept::Created(_))).count(), 2);
    assert_eq!(found(&t, SubscriberFilter::default()).await.len(), 2);
}

pub async fn who_wants_nothing_stays_so_whoever_writes_or_removes_the_subscriber(t: Arc<Bench>) {
    let id = write(&t, people(&t, Scope::DEFAULT, "tea", &["Ann@x.example"])).await[0].row().id;
    let first = suppress(&t, "ann@X.example", Some("tea")).await;
    assert!(matches!(first, Suppressed::New(_)));
    let again = suppress(&t, "ann@x.example", Some("tea")).await;
    assert_eq!(again, Suppressed::Known(first.row().clone()), "twice is once");
    assert_eq!(told(&t, UNSUBSCRIBED_EVENT).await, 1);
    let why = t.store.subscriber(Scope::DEFAULT, id).await.expect("subscriber").unsubscribed.expect("it is gone");
    assert_eq!((why.suppression, why.everything, why.reason.as_str()), (first.row().id, false, BY_LINK));
    let back = write(&t, people(&t, Scope::DEFAULT, "tea", &["ann@x.example"])).await;
    assert!(back[0].row().unsubscribed.is_some(), "the row says so");
    t.store.remove_subscriber(Scope::DEFAULT, id).await.expect("remove_subscriber");
    let made = write(&t, people(&t, Scope::DEFAULT, "tea", &["ann@x.example"])).await;
    let [Kept::Created(row)] = &made[..] else { panic!("it is made anew: {made:?}") };
    assert!(row.unsubscribed.is_some());
    assert_eq!(t.store.subscriber(Scope::DEFAULT, row.id).await.expect("subscriber"), *row);
    suppress(&t, "ann@x.example", None).await;
    let both = t.store.subscriber(Scope::DEFAULT, row.id).await.expect("subscriber").unsubscribed;
    assert!(both.expect("it is gone").everything);
    for wish in all(|page| t.store.suppressions(Scope::DEFAULT, SuppressionFilter::default(), page)).await {
        assert_eq!(t.store.suppression(Scope::DEFAULT, wish.id).await.expect("suppression"), wish);
        t.store.lift_suppression(Scope::DEFAULT, wish.id, t.now()).await.expect("lift_suppression");
    }
    assert_eq!(t.store.subscriber(Scope::DEFAULT, row.id).await.expect("subscriber").unsubscribed, None);
    assert_eq!(told(&t, RESUBSCRIBED_EVENT).await, 2);
    let gone = t.store.lift_suppression(Scope::DEFAULT, first.row().id, t.now()).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
}

pub async fn lists_are_counted_paged_and_filtered_by_who_gets_something(t: Arc<Bench>) {
    let addresses: Vec<String> = (0..25).map(|n| format!("n{n}@x.example")).collect();
    let all_of: Vec<&str> = addresses.iter().map(String::as_str).collect();
    write(&t, people(&t, Scope::DEFAULT, "tea", &all_of)).await;
    write(&t, people(&t, Scope::DEFAULT, "coffee", &all_of[..5])).await;
    suppress(&t, &addresses[0], Some("tea")).await;
    suppress(&t, &addresses[1], None).await;
    suppress(&t, "nobody@x.example", Some("tea")).await;
    let tally = t.store.tally_subscribers(Scope::DEFAULT).await.expect("tally");
    let counts: Vec<_> = tally.iter().map(|one| (one.list.as_str(), one.active, one.unsubscribed)).collect();
    assert_eq!(counts, [("coffee", 4, 1), ("tea", 23, 2)]);
    let of = |unsubscribed| SubscriberFilter { list: Some(list("tea")), unsubscribed, recipient: None };
    assert_eq!(found(&t, of(None)).await.len(), 25);
    assert_eq!(found(&t, of(Some(false))).await.len(), 23);
    let gone = found(&t, of(Some(true))).await;
    assert_eq!(gone.iter().map(|row| row.person.recipient.as_str()).collect::<Vec<_>>(), &all_of[..2]);
    let named = SubscriberFilter { recipient: Some(addresses[3].clone()), ..SubscriberFilter::default() };
    assert_eq!(found(&t, named).await.len(), 2);
    let of_tea = SuppressionFilter { list: Some(list("tea")), recipient: None };
    assert_eq!(all(|page| t.store.suppressions(Scope::DEFAULT, of_tea.clone(), page)).await.len(), 2);
    let of_one = SuppressionFilter { list: None, recipient: Some(addresses[1].clone()) };
    assert_eq!(all(|page| t.store.suppressions(Scope::DEFAULT, of_one.clone(), page)).await.len(), 1);
}

pub async fn who_unsubscribes_between_order_and_claim_gets_nothing(t: Arc<Bench>) {
    let (node, tea) = (NodeId(t.ids.uuid()), draft(&t));
    suppress(&t, "before@x.example", Some("tea")).await;
    let mails = ["before@x.example", "Between@x.example", "stays@x.example"].map(|to| mail(&t, tea, 1, to));
    let OpenedMailing::New(row, skips) = open(&t, newsletter(&t, mails.to_vec())).await else { panic!("it is new") };
    assert_eq!(skips.into_iter().collect::<Vec<_>>(), [(UNSUBSCRIBED.to_owned(), 1)]);
    suppress(&t, "between@x.example", None).await;
    let claimed = claim(&t, node, ALL, 8).await;
    assert_eq!(claimed.iter().map(|row| row.facts.id).collect::<Vec<_>>(), [mails[2].id]);
    assert_counted(&t, row.id).await;
    let skipped = get(&t, mails[1].id).await;
    assert_eq!((skipped.mail.status, skipped.facts.reason.as_deref()), (MailStatus::Skipped, Some(UNSUBSCRIBED)));
    assert!(finish(&t, &claimed[0], Some(250)).await);
    assert!(now_of(&t, row.id).await.mailing.finished_at.is_some());
    // A whole claim that nobody wants sends nothing, and ends its mailing.
    let mails = ["one@x.example", "two@x.example"].map(|to| mail(&t, draft(&t), 1, to));
    let second = open(&t, newsletter(&t, mails.to_vec())).await.row().id;
    suppress(&t, "one@x.example", Some("tea")).await;
    suppress(&t, "two@x.example", Some("tea")).await;
    t.advance_s(10);
    assert_eq!(claim(&t, node, ALL, 8).await, []);
    assert_counted(&t, second).await;
    assert_eq!(now_of(&t, second).await.mailing.tally.of(MailStatus::Skipped), 2);
}

pub async fn who_wants_nothing_of_one_list_gets_the_others_and_who_wants_nothing_gets_no_outreach(t: Arc<Bench>) {
    let queued = |opened: OpenedMailing| opened.row().mailing.tally.of(MailStatus::Queued);
    suppress(&t, "ann@x.example", Some("coffee")).await;
    assert_eq!(queued(open(&t, newsletter(&t, vec![mail(&t, draft(&t), 1, "ann@x.example")])).await), 1);
    assert_eq!(queued(open(&t, order(&t, vec![mail(&t, draft(&t), 1, "ann@x.example")])).await), 1);
    suppress(&t, "ann@x.example", None).await;
    let dry = NewMailing { dry: true, ..order(&t, vec![mail(&t, draft(&t), 1, "Ann@x.example")]) };
    assert_eq!(queued(open(&t, dry).await), 0);
    assert_eq!(claim(&t, NodeId(t.ids.uuid()), ALL, 8).await, [], "nor what waits");
}

pub async fn a_test_stands_in_nobodys_way(t: Arc<Bench>) {
    let tea = draft(&t);
    let test = |t: &Bench| {
        let mails = vec![MailFacts { kind: MailKind::Test, ..mail(t, tea, 1, "ann@x.example") }];
        NewMailing { kind: MailKind::Test, ..order(t, mails) }
    };
    let queued = |opened: OpenedMailing| opened.row().mailing.tally.of(MailStatus::Queued);
    assert_eq!(queued(open(&t, test(&t)).await), 1);
    assert_eq!(queued(open(&t, test(&t)).await), 1, "as often as somebody likes");
    assert_eq!(queued(open(&t, newsletter(&t, vec![mail(&t, tea, 1, "ann@x.example")])).await), 1);
    assert_eq!(queued(open(&t, newsletter(&t, vec![mail(&t, tea, 1, "ann@x.example")])).await), 0);
    assert_eq!(queued(open(&t, test(&t)).await), 1, "nor is it in the way of one");
}
