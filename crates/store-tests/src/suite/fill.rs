//! Mailings to lists are written a slice at a time: everybody on the list comes once, whoever fills, stops or begins again; and
//! what is not whole has not ended.

use super::mail::{ALL, assert_counted, came, claim, draft, finish, now_of, open, order};
use super::subscribers::{list, people, suppress, write};
use crate::bench::{Bench, all};
use crate::builder::OTHER;
use copydesk_core::mail::{Limits, MailKind, MailStatus, Mailing, MailingStatus};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, MailId, MailingId, NodeId};
use copydesk_store::fill::{FillMailing, ToList};
use copydesk_store::generations::Idempotency;
use copydesk_store::mail::{
    ALREADY, FINISHED, MailFilter, MailRow, MailingChange, MailingOrder, MailingRow, NewMailing, ORDER_SLICE,
    OpenedMailing,
};
use copydesk_store::subscribers::UNSUBSCRIBED;
use copydesk_store::{Scope, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

async fn join(t: &Bench, count: usize) -> Vec<String> {
    let addresses: Vec<String> = (0..count).map(|n| format!("N{n}@x.example")).collect();
    for some in addresses.chunks(1_000) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        write(t, people(t, Scope::DEFAULT, "tea", &some)).await;
    }
    write(t, people(t, Scope::DEFAULT, "coffee", &["elsewhere@x.example"])).await;
    write(t, people(t, OTHER, "tea", &["foreign@x.example"])).await;
    addresses
}

/// An order to everybody who is on the list `tea` now.
async fn to_tea(t: &Bench, draft: DraftId) -> NewMailing {
    let until = t.store.last_on_list(Scope::DEFAULT, list("tea")).await.expect("last_on_list").expect("somebody");
    let to = Some(ToList { list: list("tea"), draft, version: 1, until });
    NewMailing { kind: MailKind::Newsletter, to, ..order(t, Vec::new()) }
}

fn slice(t: &Bench, mailing: MailingId, mails: usize) -> FillMailing {
    let mut ids: Vec<MailId> = (0..mails).map(|_| MailId(t.ids.uuid())).collect();
    ids.sort();
    FillMailing { scope: Scope::DEFAULT, mailing, at: t.now(), ids, domain: "desk.example".to_owned() }
}

async fn fill(t: &Bench, mailing: MailingId, mails: usize) -> MailingRow {
    let row = t.store.fill_mailing(slice(t, mailing, mails)).await.expect("fill_mailing");
    assert_eq!(now_of(t, mailing).await, row);
    row
}

async fn unfinished(t: &Bench) -> Vec<MailingId> {
    t.store.unfinished_mailings(100).await.expect("unfinished_mailings").into_iter().map(|row| row.id).collect()
}

async fn mails(t: &Bench, mailing: MailingId) -> Vec<MailRow> {
    all(|page| t.store.mails(Scope::DEFAULT, MailFilter { mailing, status: None }, page)).await
}

async fn change(t: &Bench, mailing: MailingId, to: MailingOrder) -> MailingRow {
    let change = MailingChange { scope: Scope::DEFAULT, mailing, at: t.now(), to };
    t.store.change_mailing(change).await.expect("change_mailing")
}

/// All that wait are sent, and this is what the mail server says of each.
async fn send_all(t: &Bench, code: u16) {
    let node = NodeId(t.ids.uuid());
    loop {
        t.advance_s(1);
        let mails = claim(t, node, Limits { per_day: 100_000, ..ALL }, 500).await;
        if mails.is_empty() {
            return;
        }
        let came = mails.iter().map(|row| came(t, row, Some(code))).collect();
        assert!(t.store.finish_mails(came).await.expect("finish_mails").into_iter().all(|done| done));
    }
}

async fn ends_told(t: &Bench) -> usize {
    t.events(Scope::DEFAULT).await.iter().filter(|event| event.kind == FINISHED).count()
}

pub async fn a_mailing_to_a_list_is_written_in_slices_and_ends_with_the_last(t: Arc<Bench>) {
    let addresses = join(&t, 5).await;
    let new = to_tea(&t, draft(&t)).await;
    let OpenedMailing::New(row, _) = open(&t, new.clone()).await else { panic!("it is new") };
    assert_eq!((row.to.clone(), row.mailing.clone()), (new.to.clone(), Mailing::new(Some(Mailing::START), t.now())));
    assert_eq!(now_of(&t, row.id).await, row, "it is on disk before any of its mails");
    assert_eq!(unfinished(&t).await, [row.id]);
    assert!(!row.single && claim(&t, NodeId(t.ids.uuid()), ALL, 9).await.is_empty());
    let foreign = t.store.fill_mailing(FillMailing { scope: OTHER, ..slice(&t, row.id, 2) }).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })));

    let two = fill(&t, row.id, 2).await;
    assert_eq!((two.mailing.tally.total(), two.mailing.walk.is_some()), (2, true));
    assert_counted(&t, row.id).await;
    send_all(&t, 250).await;
    let sent = now_of(&t, row.id).await.mailing;
    assert_eq!((sent.tally.of(MailStatus::Sent), sent.status()), (2, MailingStatus::Sending), "it is not whole");
    fill(&t, row.id, 2).await;
    let whole = fill(&t, row.id, 2).await;
    assert_eq!((whole.mailing.tally.total(), whole.mailing.walk), (5, None));
    assert_eq!((unfinished(&t).await, ends_told(&t).await), (vec![], 0));
    assert_eq!(fill(&t, row.id, 2).await, whole, "there is nothing to add");
    send_all(&t, 250).await;
    assert_counted(&t, row.id).await;
    assert_eq!((now_of(&t, row.id).await.mailing.status(), ends_told(&t).await), (MailingStatus::Finished, 1));

    let written = mails(&t, row.id).await;
    let to: Vec<&str> = written.iter().map(|row| row.facts.address.as_str()).collect();
    assert_eq!(to, addresses, "in the order they came");
    let (first, last) = (&written[0].facts, new.to.expect("a list"));
    assert_eq!((first.list.clone(), first.content), (Some(last.list), Some((last.draft, 1))));
    assert_eq!(first.message_id, format!("<{}@desk.example>", first.id.uuid()));
    assert_eq!((first.kind, first.recipient.as_str()), (MailKind::Newsletter, "n0@x.example"));
    let ann = t.store.subscriber(Scope::DEFAULT, first.subscriber.expect("a subscriber")).await.expect("subscriber");
    assert_eq!((ann.person.address, ann.person.name), (first.address.clone(), first.name.clone()));
}

pub async fn a_slice_that_ends_with_the_last_of_the_list_is_the_last(t: Arc<Bench>) {
    join(&t, 4).await;
    let id = open(&t, to_tea(&t, draft(&t)).await).await.row().id;
    assert!(fill(&t, id, 2).await.mailing.walk.is_some());
    assert_eq!(fill(&t, id, 2).await.mailing.walk, None);
    // All that nobody wants or has already, and a list that became empty: it ends, and that is told.
    let again = to_tea(&t, now_of(&t, id).await.to.expect("a list").draft).await;
    let second = open(&t, again).await.row().id;
    let skipped = fill(&t, second, 9).await.mailing;
    assert_eq!((skipped.tally.of(MailStatus::Skipped), skipped.status()), (4, MailingStatus::Finished));
    assert_eq!(mails(&t, second).await[0].facts.reason.as_deref(), Some(ALREADY));
    let third = open(&t, to_tea(&t, draft(&t)).await).await.row().id;
    for row in mails(&t, id).await {
        let gone = row.facts.subscriber.expect("a subscriber");
        t.store.remove_subscriber(Scope::DEFAULT, gone).await.expect("remove_subscriber");
    }
    let empty = fill(&t, third, 2).await.mailing;
    assert_eq!((empty.tally.total(), empty.status()), (0, MailingStatus::Finished));
    assert_eq!(ends_told(&t).await, 2);
    assert_eq!(t.store.last_on_list(Scope::DEFAULT, list("tea")).await.expect("last_on_list"), None);
}

pub async fn whoever_fills_a_mailing_everybody_comes_once(t: Arc<Bench>) {
    let addresses = join(&t, 40).await;
    let tea = draft(&t);
    // Two orders of the same, as by a double click, and eight who fill each.
    let (one, two) = (open(&t, to_tea(&t, tea).await).await.row().id, open(&t, to_tea(&t, tea).await).await.row().id);
    let fills = (0..16).map(|n| t.store.fill_mailing(slice(&t, if n % 2 == 0 { one } else { two }, 6)));
    futures::future::join_all(fills).await.into_iter().for_each(|done| drop(done.expect("fill_mailing")));
    let (mut rows, mut queued) = (Vec::new(), BTreeMap::<String, usize>::new());
    for id in [one, two] {
        assert_counted(&t, id).await;
        assert_eq!(now_of(&t, id).await.mailing.walk, None);
        let mine = mails(&t, id).await;
        assert_eq!(mine.len(), addresses.len(), "each of them names everybody once");
        rows.extend(mine);
    }
    for row in rows.iter().filter(|row| row.mail.status == MailStatus::Queued) {
        *queued.entry(row.facts.address.clone()).or_default() += 1;
    }
    assert_eq!(queued.len(), addresses.len());
    assert!(queued.values().all(|count| *count == 1), "{queued:?}");
}

pub async fn who_comes_leaves_or_wants_nothing_while_it_is_filled_is_seen_at_his_turn(t: Arc<Bench>) {
    join(&t, 6).await;
    let id = open(&t, to_tea(&t, draft(&t)).await).await.row().id;
    fill(&t, id, 2).await;
    let ids: Vec<_> = all(|page| {
        let filter = copydesk_store::subscribers::SubscriberFilter { list: Some(list("tea")), ..Default::default() };
        t.store.subscribers(Scope::DEFAULT, filter, page)
    })
    .await
    .into_iter()
    .map(|row| row.id)
    .collect();
    for gone in [ids[0], ids[3]] {
        t.store.remove_subscriber(Scope::DEFAULT, gone).await.expect("remove_subscriber");
    }
    suppress(&t, "n4@x.example", Some("tea")).await;
    write(&t, people(&t, Scope::DEFAULT, "tea", &["late@x.example"])).await;
    let whole = fill(&t, id, 9).await;
    assert_eq!((whole.mailing.walk, whole.mailing.tally.total()), (None, 5));
    let said: Vec<_> = mails(&t, id)
        .await
        .into_iter()
        .map(|row| (row.facts.recipient, row.mail.status, row.facts.reason.unwrap_or_default()))
        .collect();
    let queued = |n: u32| (format!("n{n}@x.example"), MailStatus::Queued, String::new());
    let skipped = ("n4@x.example".to_owned(), MailStatus::Skipped, UNSUBSCRIBED.to_owned());
    assert_eq!(said, [queued(0), queued(1), queued(2), skipped, queued(5)]);
}

pub async fn what_is_held_back_or_taken_back_is_not_filled(t: Arc<Bench>) {
    join(&t, 6).await;
    let tea = draft(&t);
    let id = open(&t, to_tea(&t, tea).await).await.row().id;
    fill(&t, id, 2).await;
    let paused = change(&t, id, MailingOrder::Pause).await;
    assert_eq!((fill(&t, id, 2).await, unfinished(&t).await), (paused, vec![]));
    change(&t, id, MailingOrder::Resume).await;
    assert_eq!(unfinished(&t).await, [id]);
    assert_eq!(fill(&t, id, 2).await.mailing.tally.total(), 4);
    let cancelled = change(&t, id, MailingOrder::Cancel).await;
    assert_eq!((cancelled.mailing.tally.of(MailStatus::Cancelled), cancelled.mailing.walk), (4, None));
    assert_eq!((cancelled.mailing.status(), ends_told(&t).await), (MailingStatus::Finished, 1));
    assert_eq!((fill(&t, id, 2).await, unfinished(&t).await), (cancelled, vec![]));
    assert_counted(&t, id).await;
    // Before any was written, too; and what was taken back may be ordered anew.
    let second = open(&t, to_tea(&t, tea).await).await.row().id;
    assert_eq!(change(&t, second, MailingOrder::Cancel).await.mailing.status(), MailingStatus::Finished);
    let third = open(&t, to_tea(&t, tea).await).await.row().id;
    assert_eq!(fill(&t, third, 9).await.mailing.tally.of(MailStatus::Queued), 6);
}

pub async fn a_long_mailing_is_taken_back_in_parts_and_nothing_of_it_goes_meanwhile(t: Arc<Bench>) {
    let most = ORDER_SLICE as usize;
    join(&t, most + 2).await;
    let id = open(&t, to_tea(&t, draft(&t)).await).await.row().id;
    fill(&t, id, most + 2).await;
    let node = NodeId(t.ids.uuid());
    let sending = claim(&t, node, ALL, 1).await.remove(0);
    let part = change(&t, id, MailingOrder::Cancel).await.mailing;
    assert_eq!((part.tally.of(MailStatus::Cancelled), part.cancelling), (u64::from(ORDER_SLICE), true));
    t.advance_s(1);
    assert!(claim(&t, node, ALL, 9).await.is_empty());
    change(&t, id, MailingOrder::Resume).await;
    assert!(claim(&t, node, ALL, 9).await.is_empty());
    assert_eq!(unfinished(&t).await, [id]);
    let rest = change(&t, id, MailingOrder::Cancel).await.mailing;
    assert_eq!((rest.tally.of(MailStatus::Queued), rest.cancelling, rest.finished_at), (0, false, None));
    assert_eq!(unfinished(&t).await, []);
    assert!(finish(&t, &sending, Some(250)).await);
    assert_eq!(now_of(&t, id).await.mailing.status(), MailingStatus::Finished);
    assert_counted(&t, id).await;
}

/// One that fails once more while the rest is put in line waits for the next order, or it would go for ever.
pub async fn failed_ones_of_a_long_mailing_go_again_in_parts_each_of_them_once(t: Arc<Bench>) {
    let most = ORDER_SLICE as usize;
    join(&t, most + 2).await;
    let id = open(&t, to_tea(&t, draft(&t)).await).await.row().id;
    fill(&t, id, most + 2).await;
    fill(&t, id, 1).await;
    send_all(&t, 550).await;
    assert_eq!(now_of(&t, id).await.mailing.status(), MailingStatus::Finished);
    let part = change(&t, id, MailingOrder::RetryFailed).await.mailing;
    let counts = |of: &Mailing| (of.tally.of(MailStatus::Queued), of.tally.of(MailStatus::Failed));
    assert_eq!((counts(&part), part.finished_at), ((most as u64, 2), None));
    change(&t, id, MailingOrder::Pause).await;
    assert_eq!(unfinished(&t).await, [id], "what is held back is put in line all the same");
    change(&t, id, MailingOrder::Resume).await;
    // All of the first part came to an end before the second is begun: the mailing did not.
    send_all(&t, 550).await;
    let row = now_of(&t, id).await.mailing;
    assert_eq!((counts(&row), row.finished_at), ((0, most as u64 + 2), None));
    let rest = change(&t, id, MailingOrder::RetryFailed).await.mailing;
    assert_eq!((counts(&rest), unfinished(&t).await), ((2, most as u64), vec![]));
    send_all(&t, 250).await;
    assert_eq!(now_of(&t, id).await.mailing.status(), MailingStatus::Finished);
    assert_eq!(counts(&change(&t, id, MailingOrder::RetryFailed).await.mailing), (most as u64, 0), "a new order");
    // What is taken back is not tried again.
    change(&t, id, MailingOrder::Cancel).await;
    assert_eq!((ends_told(&t).await, now_of(&t, id).await.mailing.status()), (3, MailingStatus::Finished));
    assert_counted(&t, id).await;
}

pub async fn a_newsletter_with_the_same_key_is_the_first_one_as_it_is_now(t: Arc<Bench>) {
    join(&t, 3).await;
    let key = |fingerprint| {
        let (owner, route, key) = ("k".to_owned(), "POST /send".to_owned(), "one".to_owned());
        let expires_at = t.now().plus(Duration::from_secs(60));
        Some(Idempotency { owner, route, key, fingerprint: [fingerprint; 32], expires_at })
    };
    let new = NewMailing { idempotency: key(1), ..to_tea(&t, draft(&t)).await };
    let id = open(&t, new.clone()).await.row().id;
    let now = fill(&t, id, 2).await;
    let twice = NewMailing { id: MailingId(t.ids.uuid()), ..new };
    assert_eq!(open(&t, twice.clone()).await, OpenedMailing::Replayed(now));
    let other = t.store.open_mailing(NewMailing { idempotency: key(2), ..twice }).await;
    assert!(matches!(other, Err(StoreError::Refused(Refusal::IdempotencyKeyReused))));
    assert_eq!(unfinished(&t).await, [id]);
}
