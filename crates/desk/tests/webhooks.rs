//! Webhooks from event to receiver, in virtual time: retries over days, ends, rotation, crashes, and who holds up whom.

use crate::harness::receiver::{Got, answer, later};
use crate::harness::{Bench, Node, SCOPE, config, note, seconds, settle, until};
use copydesk_core::webhook::{Disabled, End, Outcome};
use copydesk_core::{Timestamp, WebhookId};
use copydesk_desk::DeskError;
use copydesk_desk::accept::AskedHook;
use copydesk_desk::webhooks::{Before, EndpointEdit, EndpointOrder, OVERLAP, Secreted};
use copydesk_store::webhooks::{AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState};
use copydesk_store::{DeliveryStore, PageRequest, WebhookStore};
use copydesk_store_tests::Method;
use standardwebhooks::Webhook;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

pub const HOOK: &str = "https://app.example/hook";
pub const HOUR: u64 = 3_600;

pub fn order(url: &str, events: &[&str]) -> EndpointOrder {
    EndpointOrder {
        scope: SCOPE,
        url: Some(url.to_owned()),
        events: events.iter().map(|word| (*word).to_owned()).collect(),
        description: String::new(),
        idempotency: None,
    }
}

pub async fn hooked(node: &Node, url: &str, events: &[&str]) -> Secreted {
    node.desk.add_webhook(order(url, events)).await.unwrap()
}

/// All messages of an endpoint, oldest first, with their attempts.
pub async fn log(bench: &Bench, webhook: WebhookId) -> Vec<(DeliveryRow, Vec<AttemptRow>)> {
    let filter = DeliveryFilter { webhook, state: None };
    let page = bench.store.inner().deliveries(SCOPE, filter, PageRequest::newest(1_000)).await.unwrap();
    let mut all = Vec::new();
    for row in page.rows.into_iter().rev() {
        all.push(bench.store.inner().delivery(SCOPE, row.id).await.unwrap());
    }
    all
}

pub fn ended(row: &DeliveryRow) -> Option<End> {
    match row.state {
        DeliveryState::Ended { how, .. } => Some(how),
        DeliveryState::Waiting { .. } => None,
    }
}

/// What the authors of the specification say of a message. Their library reads the machine's clock and refuses what is old,
/// so the time is signed anew; what is compared is the signature for what is sent.
pub fn signed_with(got: &Got, secret: &str) -> bool {
    let timestamp: i64 = got.headers["webhook-timestamp"].parse().unwrap();
    let signed = Webhook::new(secret).unwrap().sign(got.id(), timestamp, got.body.as_bytes()).unwrap();
    got.headers["webhook-signature"].split(' ').any(|one| one == signed)
}

#[tokio::test]
async fn every_wanted_event_arrives_once_signed_and_in_a_small_message() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["generation.*"]).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    until("both have arrived", || async { bench.receiver.got().len() == 2 }).await;
    settle().await;
    let got = bench.receiver.got();
    let kinds: BTreeSet<String> = got.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, BTreeSet::from(["generation.accepted".to_owned(), "generation.completed".to_owned()]));
    for one in &got {
        let (json, events) = (one.json(), bench.events(receipt.generation).await);
        let event = events.iter().find(|event| event.kind == json["type"]).unwrap();
        assert_eq!((&json["seq"], &json["timestamp"]), (&event.seq.into(), &event.at.to_string().into()));
        assert_eq!(json["data"]["generation_id"], receipt.generation.to_string());
        assert!(json["data"]["draft_url"].as_str().unwrap().starts_with("https://desk.example/api/v1/drafts/drf_"));
        assert!(signed_with(one, &hook.secret.reveal()) && one.body.len() < 20_000);
    }
    for (row, attempts) in log(&bench, hook.row.id).await {
        assert_eq!((ended(&row), attempts.len(), attempts[0].status), (Some(End::Delivered), 1, Some(200)));
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_well_is_asked_ten_times_over_three_days() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.statuses(HOOK, &[500; 20]);
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    node.accept(note("tea")).await;
    until("the first attempt is written", || async {
        log(&bench, hook.row.id).await.iter().any(|(_, log)| log.len() == 1)
    })
    .await;
    for n in 2..=10_usize {
        let (row, _) = log(&bench, hook.row.id).await.remove(0);
        let DeliveryState::Waiting { due_at } = row.state else { panic!("{:?}", row.state) };
        bench.advance(due_at.since(bench.world.now())).await;
        until("the next attempt is written", || async { log(&bench, hook.row.id).await[0].1.len() == n }).await;
    }
    let (row, attempts) = log(&bench, hook.row.id).await.remove(0);
    assert_eq!(ended(&row), Some(End::GivenUp));
    let at: Vec<Timestamp> = attempts.iter().map(|attempt| attempt.at).collect();
    let pauses: Vec<u64> = at.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    for (pause, planned) in
        pauses.iter().zip([5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR])
    {
        assert!((planned..=planned + planned / 10 + 1).contains(pause), "{pause} instead of {planned}");
    }
    let ids: BTreeSet<String> = bench.receiver.got().iter().map(|got| got.id().to_owned()).collect();
    assert_eq!((bench.receiver.got().len(), ids.len()), (10, 1), "one message, one id");
    let stamps: Vec<i64> =
        bench.receiver.got().iter().map(|got| got.headers["webhook-timestamp"].parse().unwrap()).collect();
    assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]), "each attempt is signed at its own time");
    let row = node.desk.webhook(SCOPE, hook.row.id).await.unwrap();
    assert!(row.disabled.is_none() && row.failing_since.is_some(), "three days are not five");
}

#[tokio::test]
async fn five_days_of_failure_only_disable_an_endpoint_and_others_are_told() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.statuses(HOOK, &[503; 100]);
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    hooked(&node, "https://ops.example/", &["webhook.disabled"]).await;
    for day in 0..7 {
        node.accept(note(&format!("day {day}"))).await;
        let sent = || async { log(&bench, hook.row.id).await.len() == day + 1 };
        until("it is sent", sent).await;
        settle().await;
        if node.desk.webhook(SCOPE, hook.row.id).await.unwrap().disabled.is_some() {
            break;
        }
        for _ in 0..24 {
            bench.advance(seconds(HOUR)).await;
        }
    }
    let row = node.desk.webhook(SCOPE, hook.row.id).await.unwrap();
    let (at, why) = row.disabled.unwrap();
    assert_eq!(why, Disabled::Failing);
    assert!(at.since(row.failing_since.unwrap()) >= seconds(5 * 24 * HOUR), "{at} {row:?}");
    until("operations know", || async { bench.receiver.at("https://ops.example/").len() == 1 }).await;
    assert_eq!(bench.receiver.at("https://ops.example/")[0].json()["data"]["reason"], "failing");
    // What waits is put by and sent when it is enabled again; a new start forgets the failures.
    let before = bench.receiver.at(HOOK).len();
    for _ in 0..24 {
        bench.advance(seconds(HOUR)).await;
    }
    assert_eq!(bench.receiver.at(HOOK).len(), before);
    let waiting = |log: &[(DeliveryRow, Vec<AttemptRow>)]| log.iter().filter(|(row, _)| ended(row).is_none()).count();
    let kept = waiting(&log(&bench, hook.row.id).await);
    assert!(kept >= 3, "nothing was given up before its ten tries: {kept}");
    bench.receiver.well(HOOK);
    let edit = EndpointEdit { enabled: Some(true), ..EndpointEdit::default() };
    let on = node.desk.change_webhook(SCOPE, hook.row.id, edit, None).await.unwrap();
    assert_eq!((on.disabled, on.failing_since), (None, None));
    bench.pass_until("all that waited has arrived", || async { bench.receiver.at(HOOK).len() == before + kept }).await;
    assert_eq!(waiting(&log(&bench, hook.row.id).await), 0);
}

#[tokio::test]
async fn a_410_disables_the_endpoint_at_once() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.statuses(HOOK, &[410]);
    let hook = hooked(&node, HOOK, &[]).await;
    node.accept(note("tea")).await;
    let state = || async { node.desk.webhook(SCOPE, hook.row.id).await.unwrap().disabled.map(|(_, why)| why) };
    until("it is disabled", || async { state().await == Some(Disabled::Gone) }).await;
    let refused = node.desk.redeliver(SCOPE, log(&bench, hook.row.id).await[0].0.id).await.unwrap_err();
    assert!(refused.to_string().contains("disabled (gone)"), "{refused}");
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it_up_to_a_day() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.answers(HOOK, [later(429, 120), later(503, 90 * 24 * HOUR)]);
    let hook = hooked(&node, HOOK, &["start"]).await;
    node.accept(note("tea")).await;
    let due = |n: usize| {
        let bench = &bench;
        async move {
            until("the attempt is written", || async {
                log(bench, hook.row.id).await.first().is_some_and(|(_, log)| log.len() == n)
            })
            .await;
            let DeliveryState::Waiting { due_at } = log(bench, hook.row.id).await[0].0.state else {
                panic!("it waits")
            };
            due_at.since(bench.world.now())
        }
    };
    let first = due(1).await;
    assert!((seconds(120)..=seconds(133)).contains(&first), "{first:?}");
    bench.advance(first).await;
    let second = due(2).await;
    assert!((seconds(24 * HOUR)..=seconds(27 * HOUR)).contains(&second), "{second:?}");
}

#[tokio::test]
async fn a_process_that_dies_between_sending_and_writing_sends_again_under_the_same_id() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    node.plug.block(Method::FinishDeliveries);
    node.accept(note("tea")).await;
    until("it arrived", || async { bench.receiver.got().len() == 1 }).await;
    node.kill();
    let second = bench.working(config()).await;
    settle().await;
    assert_eq!(bench.receiver.got().len(), 1, "the lease of the dead holds");
    bench.pass_until("it is sent again", || async { bench.receiver.got().len() == 2 }).await;
    until("it is written", || async { ended(&log(&bench, hook.row.id).await[0].0) == Some(End::Delivered) }).await;
    let got = bench.receiver.got();
    assert_eq!(got[0].id(), got[1].id());
    assert_eq!(got[0].body, got[1].body);
    let (row, attempts) = log(&bench, hook.row.id).await.remove(0);
    assert_eq!((row.attempt, attempts.len(), attempts[0].attempt), (2, 1, 2), "only what is known is logged");
    drop(second);
}

#[tokio::test]
async fn two_desks_on_one_database_send_each_message_once() {
    let bench = Bench::new().await;
    let nodes = [bench.working_beside_others(config()).await, bench.working_beside_others(config()).await];
    let hook = hooked(&nodes[0], HOOK, &["generation.accepted"]).await;
    for n in 0..20 {
        nodes[n % 2].accept(note(&format!("note {n}"))).await;
    }
    let all = || async { log(&bench, hook.row.id).await.iter().filter(|(row, _)| ended(row).is_some()).count() == 20 };
    bench.pass_until("all are delivered", all).await;
    settle().await;
    let mut counts: HashMap<String, u32> = HashMap::new();
    bench.receiver.got().iter().for_each(|got| *counts.entry(got.id().to_owned()).or_default() += 1);
    assert!(counts.len() == 20 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let slow = "https://slow.example/";
    bench.receiver.hold(slow);
    hooked(&node, slow, &["generation.accepted"]).await;
    hooked(&node, HOOK, &["generation.accepted"]).await;
    for n in 0..30 {
        node.accept(note(&format!("note {n}"))).await;
    }
    until("the quick one has all", || async { bench.receiver.at(HOOK).len() == 30 }).await;
    settle().await;
    assert_eq!(bench.receiver.at(slow).len(), 8, "its own room and no more");
    bench.receiver.let_go();
    until("the slow one has all", || async { bench.receiver.at(slow).len() == 30 }).await;
}

#[tokio::test]
async fn s38_a_rotation_during_a_thousand_deliveries_breaks_no_signature() {
    let bench = Bench::new().await;
    let node = bench.working(copydesk_desk::DeskConfig { credits: false, ..config() }).await;
    let first = hooked(&node, HOOK, &["generation.accepted"]).await;
    let (id, mut second) = (first.row.id, None);
    for batch in 0..10 {
        if batch == 4 {
            second = Some(node.desk.rotate_webhook(SCOPE, id, OVERLAP, Before::Kept).await.unwrap());
        }
        let before = bench.receiver.got().len();
        let one = |n: usize| node.accept(note(&format!("note {batch} {n}")));
        futures::future::join_all((0..100).map(one)).await;
        until("they have arrived", || async { bench.receiver.got().len() == before + 100 }).await;
    }
    let (old, new) = (first.secret.reveal(), second.unwrap().secret.reveal());
    assert_ne!(old, new);
    let got = bench.receiver.got();
    assert_eq!(got.len(), 1_000);
    // Who knows only the old secret verifies all of them; who knows the new one, all since the rotation.
    assert!(got.iter().all(|one| signed_with(one, &old)));
    assert!(got[400..].iter().all(|one| signed_with(one, &new)));
    bench.advance(OVERLAP).await;
    node.accept(note("after")).await;
    until("it has arrived", || async { bench.receiver.got().len() == 1_001 }).await;
    let last = bench.receiver.got().pop().unwrap();
    assert!(signed_with(&last, &new) && !signed_with(&last, &old), "the old secret is over");
}

#[tokio::test]
async fn a_rotation_without_overlap_ends_the_old_secret_at_once() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let first = hooked(&node, HOOK, &["start"]).await;
    let second = node.desk.rotate_webhook(SCOPE, first.row.id, Duration::ZERO, Before::Kept).await.unwrap();
    node.accept(note("tea")).await;
    until("it has arrived", || async { bench.receiver.got().len() == 1 }).await;
    let got = bench.receiver.got().remove(0);
    assert!(signed_with(&got, &second.secret.reveal()) && !signed_with(&got, &first.secret.reveal()));
}

#[tokio::test]
async fn a_request_names_its_own_address_and_kinds() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let asked = |url: &str, events: &[&str]| {
        let events = events.iter().map(|word| (*word).to_owned()).collect();
        copydesk_desk::accept::Request { webhook: Some(AskedHook { url: url.to_owned(), events }), ..note("tea") }
    };
    let refused = node.desk.accept(asked("https://mine.example/", &[])).await.unwrap_err();
    assert!(
        matches!(&refused, DeskError::Invalid(faults) if faults[0].pointer == "/webhook_url" && faults[0].code == "no_webhook_secret"),
        "{refused}"
    );
    let secret = node.desk.add_webhook(EndpointOrder { url: None, ..order("", &[]) }).await.unwrap();
    let again = node.desk.add_webhook(EndpointOrder { url: None, ..order("", &[]) }).await.unwrap_err();
    assert!(again.to_string().contains(&secret.row.id.to_string()), "{again}");
    for (url, events, pointer) in
        [("http://mine.example/", vec![], "/webhook_url"), ("https://m.example/", vec!["nothing"], "/webhook_events")]
    {
        let refused = node.desk.accept(asked(url, &events)).await.unwrap_err();
        assert!(matches!(&refused, DeskError::Invalid(faults) if faults[0].pointer == pointer), "{refused}");
    }
    let receipt = node.accept(asked("https://mine.example/", &["completed"])).await;
    let other = node.accept(note("coffee")).await;
    bench.completed(receipt.generation).await;
    bench.completed(other.generation).await;
    until("it has arrived", || async { bench.receiver.got().len() == 1 }).await;
    settle().await;
    let got = bench.receiver.got().remove(0);
    assert_eq!((got.url.as_str(), &got.json()["type"]), ("https://mine.example/", &"generation.completed".into()));
    assert_eq!(got.json()["data"]["generation_id"], receipt.generation.to_string());
    assert!(signed_with(&got, &secret.secret.reveal()));
    assert_eq!(bench.receiver.got().len(), 1, "the other request asked for none");
}

#[tokio::test]
async fn a_repeat_of_a_request_is_a_repeat_also_when_its_address_would_not_be_taken_any_more() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let secret = node.desk.add_webhook(EndpointOrder { url: None, ..order("", &[]) }).await.unwrap();
    let idempotency = copydesk_store::generations::Idempotency {
        owner: "o".to_owned(),
        route: "r".to_owned(),
        key: "k".to_owned(),
        fingerprint: [1; 32],
        expires_at: bench.world.now().plus(seconds(HOUR)),
    };
    let webhook = Some(AskedHook { url: "https://mine.example/".to_owned(), events: vec![] });
    let request = copydesk_desk::accept::Request { webhook, idempotency: Some(idempotency), ..note("tea") };
    let first = node.accept(request.clone()).await;
    node.desk.remove_webhook(SCOPE, secret.row.id, None).await.unwrap();
    assert_eq!(node.accept(request.clone()).await.generation, first.generation);
    let fresh = copydesk_desk::accept::Request { idempotency: None, ..request };
    assert!(node.desk.accept(fresh).await.is_err());
}

#[tokio::test]
async fn the_address_of_a_request_that_is_gone_harms_no_other() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let secret = node.desk.add_webhook(EndpointOrder { url: None, ..order("", &[]) }).await.unwrap();
    bench.receiver.statuses("https://gone.example/", &[410]);
    for url in ["https://gone.example/", "https://mine.example/"] {
        let webhook = Some(AskedHook { url: url.to_owned(), events: vec!["start".to_owned()] });
        node.accept(copydesk_desk::accept::Request { webhook, ..note(url) }).await;
    }
    until("both have ended", || async {
        log(&bench, secret.row.id).await.iter().filter(|(row, _)| ended(row).is_some()).count() == 2
    })
    .await;
    let row = node.desk.webhook(SCOPE, secret.row.id).await.unwrap();
    assert_eq!((row.disabled, row.failing_since), (None, None));
}

#[tokio::test]
async fn what_was_given_up_is_sent_again_by_hand_and_by_range() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.statuses(HOOK, &[410]);
    let hook = hooked(&node, HOOK, &["generation.accepted"]).await;
    let first = node.accept(note("one")).await;
    until("it is disabled", || async { node.desk.webhook(SCOPE, hook.row.id).await.unwrap().disabled.is_some() }).await;
    let missed = node.accept(note("two")).await;
    bench.completed(missed.generation).await;
    let edit = EndpointEdit { enabled: Some(true), ..EndpointEdit::default() };
    node.desk.change_webhook(SCOPE, hook.row.id, edit, None).await.unwrap();
    let known = log(&bench, hook.row.id).await.remove(0).0;
    node.desk.redeliver(SCOPE, known.id).await.unwrap();
    until("it has arrived", || async { bench.receiver.got().len() == 2 }).await;
    let got = bench.receiver.got();
    assert_eq!((got[0].id(), &got[0].body), (got[1].id(), &got[1].body), "the same message");
    let last = bench.events(missed.generation).await.last().unwrap().seq;
    let told = node.desk.replay_webhook(SCOPE, hook.row.id, (1, last)).await.unwrap();
    assert_eq!((told.messages, told.upto_seq), (2, last));
    until("both have arrived", || async { bench.receiver.got().len() == 4 }).await;
    let generations: BTreeSet<String> = bench.receiver.got()[2..]
        .iter()
        .map(|got| got.json()["data"]["generation_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(generations, BTreeSet::from([first.generation.to_string(), missed.generation.to_string()]));
    assert!(node.desk.replay_webhook(SCOPE, hook.row.id, (5, 4)).await.is_err());
}

#[tokio::test]
async fn a_test_is_sent_once_and_decides_nothing_about_the_endpoint() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.receiver.statuses(HOOK, &[500, 410]);
    let hook = hooked(&node, HOOK, &["draft.*"]).await;
    for kind in [None, Some("generation.completed".to_owned())] {
        let ping = node.desk.ping_webhook(SCOPE, hook.row.id, kind).await.unwrap();
        let written =
            || async { ended(&bench.store.inner().delivery(SCOPE, ping.id).await.unwrap().0) == Some(End::GivenUp) };
        until("it is written", written).await;
    }
    let row = node.desk.webhook(SCOPE, hook.row.id).await.unwrap();
    assert_eq!((row.disabled, row.failing_since), (None, None));
    let got = bench.receiver.got();
    assert_eq!(
        (&got[0].json()["type"], &got[1].json()["type"]),
        (&"webhook.ping".into(), &"generation.completed".into())
    );
    assert!(got.iter().all(|one| one.json()["data"]["test"] == true && signed_with(one, &hook.secret.reveal())));
    for bad in ["Bad", "draft.*", "a\nb.c", ""] {
        assert!(node.desk.ping_webhook(SCOPE, hook.row.id, Some(bad.to_owned())).await.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_comes_later_or_is_removed_hears_nothing_of_before_and_after() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let early = node.accept(note("before")).await;
    bench.completed(early.generation).await;
    let hook = hooked(&node, HOOK, &[]).await;
    let during = node.accept(note("during")).await;
    bench.completed(during.generation).await;
    until("it hears what happens", || async { bench.receiver.got().len() == 2 }).await;
    node.desk.remove_webhook(SCOPE, hook.row.id, None).await.unwrap();
    let late = node.accept(note("after")).await;
    bench.completed(late.generation).await;
    settle().await;
    assert_eq!(bench.receiver.got().len(), 2);
    assert!(
        bench.receiver.got().iter().all(|got| got.json()["data"]["generation_id"] == during.generation.to_string())
    );
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_sends_nothing_and_says_so() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["start"]).await;
    let mut row = hook.row.clone();
    row.secret[20] ^= 1;
    let change = copydesk_store::webhooks::EndpointChange { if_revision: row.revision, row, resume: None };
    bench.store.inner().change_webhook(change).await.unwrap();
    node.accept(note("tea")).await;
    until("it is written", || async { log(&bench, hook.row.id).await.first().is_some_and(|(_, log)| log.len() == 1) })
        .await;
    let (_, attempts) = log(&bench, hook.row.id).await.remove(0);
    assert_eq!(attempts[0].outcome, Outcome::NoSecret);
    assert!(attempts[0].detail.as_ref().unwrap().contains("damaged") && bench.receiver.got().is_empty());
}

#[tokio::test]
async fn what_cannot_be_written_is_written_later() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let hook = hooked(&node, HOOK, &["start"]).await;
    let busy = || copydesk_store::StoreError::Busy("injected".to_owned());
    bench.store.fail_next(Method::FinishDeliveries, 3, copydesk_store_tests::When::Before, busy());
    bench.store.fail_next(Method::FanOut, 2, copydesk_store_tests::When::Before, busy());
    node.accept(note("tea")).await;
    let written =
        || async { log(&bench, hook.row.id).await.first().and_then(|(row, _)| ended(row)) == Some(End::Delivered) };
    bench.pass_until("it is written", written).await;
    assert_eq!(bench.receiver.got().len(), 1, "and sent once");
}

#[tokio::test]
async fn an_edit_names_the_revision_it_saw() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let hook = hooked(&node, HOOK, &[]).await;
    let edit = |text: &str| EndpointEdit { description: Some(text.to_owned()), ..EndpointEdit::default() };
    let (id, seen) = (hook.row.id, Some(hook.row.revision));
    let changed = node.desk.change_webhook(SCOPE, id, edit("one"), seen).await.unwrap();
    assert_eq!((changed.description.as_str(), changed.revision), ("one", 2));
    assert!(node.desk.change_webhook(SCOPE, id, edit("two"), seen).await.is_err());
    assert!(node.desk.change_webhook(SCOPE, id, EndpointEdit::default(), None).await.is_err());
    let bad = EndpointEdit { url: Some("http://x.example/".to_owned()), ..EndpointEdit::default() };
    let refused = node.desk.change_webhook(SCOPE, id, bad, None).await.unwrap_err();
    assert!(matches!(&refused, DeskError::Invalid(faults) if faults[0].pointer == "/url"), "{refused}");
    assert_eq!(answer(200).status, Some(200));
}
