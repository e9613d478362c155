//! Keys in a process: what is believed for how long, what is never looked up, what is noted and when it is written.

use crate::harness::{Bench, SCOPE, config, seconds};
use copydesk_core::access::{KeyTerms, Permit, Role};
use copydesk_core::refusal::Refusal;
use copydesk_desk::accept::Request;
use copydesk_desk::error::DeskError;
use copydesk_desk::issue::{Issued, Issuer, TermsPatch};
use copydesk_desk::keyring::Shown;
use copydesk_desk::keys::KeyText;
use copydesk_store::generations::GenerationFilter;
use copydesk_store::keys::KeyUse;
use copydesk_store::{GenerationStore, KeyStore, PageRequest, StoreError};
use copydesk_store_tests::{Method, When};
use std::sync::Arc;
use std::time::Duration;

fn operator() -> Issuer {
    Issuer { scope: SCOPE, name: "test".to_owned(), terms: KeyTerms::new("test", Permit::owner()) }
}

async fn viewer(desk: &copydesk_desk::Desk) -> Issued {
    desk.issue_key(&operator(), KeyTerms::new("viewer", Permit::of(Role::Viewer)), None).await.unwrap()
}

fn away() -> StoreError {
    StoreError::Unavailable("away (injected)".to_owned())
}

#[tokio::test]
async fn a_key_is_read_once_a_second_and_not_with_every_request() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let key = viewer(&node.desk).await;
    assert!(matches!(node.desk.shown(&key.text).await, Ok(Shown::Living(_))));
    bench.store.fail_next(Method::FindKey, 1, When::Before, away());
    for _ in 0..100 {
        assert!(matches!(node.desk.shown(&key.text).await, Ok(Shown::Living(_))));
    }
    assert_eq!(bench.store.planned(), 1, "none of them was read");
    bench.clock.advance(seconds(1));
    let unread = node.desk.shown(&key.text).await;
    assert!(unread.is_err(), "what cannot be read is an error and not an old answer");
    assert!(matches!(node.desk.shown(&key.text).await, Ok(Shown::Living(_))));
    bench.in_order().await;
}

#[tokio::test]
async fn s_08_a_key_with_a_wrong_checksum_is_never_looked_up() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let key = viewer(&node.desk).await;
    bench.store.fail_next(Method::FindKey, 1, When::Before, away());
    let mut typo = key.text.reveal().to_owned();
    let last = typo.pop().unwrap();
    typo.push(if last == 'a' { 'b' } else { 'a' });
    for wrong in ["", "short", "dk_live_", "dk_test_\0", &typo, &"k".repeat(1_000_000)] {
        assert_eq!(node.desk.shown(&KeyText::new(wrong)).await, Ok(Shown::Unknown));
    }
    assert_eq!(bench.store.planned(), 1);
    bench.store.heal();
    bench.in_order().await;
}

#[tokio::test]
async fn s_10_a_key_revoked_elsewhere_is_refused_within_a_second() {
    let bench = Bench::new().await;
    let (here, there) = (bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await);
    let key = viewer(&here.desk).await;
    for node in [&here, &there] {
        assert!(matches!(node.desk.shown(&key.text).await, Ok(Shown::Living(_))));
    }
    let at = bench.world.now();
    here.desk.revoke_key(&operator(), key.row.id).await.unwrap();
    assert_eq!(here.desk.shown(&key.text).await, Ok(Shown::Revoked { at }), "at once where it was done");
    assert!(!here.desk.remembers(&key.text));
    bench.clock.advance(Duration::from_millis(999));
    assert!(matches!(there.desk.shown(&key.text).await, Ok(Shown::Living(_))), "it is believed for a moment");
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(there.desk.shown(&key.text).await, Ok(Shown::Revoked { at }));
    bench.in_order().await;
}

#[tokio::test]
async fn a_key_that_is_believed_expires_to_the_instant() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let at = bench.world.now().plus(Duration::from_millis(300));
    let terms = KeyTerms { expires_at: Some(at), ..KeyTerms::new("short", Permit::of(Role::Viewer)) };
    let key = node.desk.issue_key(&operator(), terms, None).await.unwrap();
    bench.clock.advance(Duration::from_millis(299));
    assert!(matches!(node.desk.shown(&key.text).await, Ok(Shown::Living(_))));
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(node.desk.shown(&key.text).await, Ok(Shown::Expired { at }));
    bench.in_order().await;
}

#[tokio::test]
async fn a_change_that_races_with_another_is_made_on_top_of_it() {
    let bench = Bench::new().await;
    let (here, there) = (bench.idle_beside_others(config()).await, bench.idle_beside_others(config()).await);
    let id = viewer(&here.desk).await.row.id;
    let rename = |name: &str| TermsPatch { name: Some(name.to_owned()), ..TermsPatch::default() };
    let limit = TermsPatch { concurrent_max: Some(std::num::NonZeroU32::new(7)), ..TermsPatch::default() };
    here.plug.hold_next(Method::GetKey);
    let (desk, by) = (here.desk.clone(), operator());
    let first = tokio::spawn(async move { desk.change_key(&by, id, limit).await });
    crate::harness::until("it has read", async || here.plug.waiting() == 1).await;
    there.desk.change_key(&operator(), id, rename("renamed")).await.unwrap();
    here.plug.let_go();
    let row = first.await.unwrap().unwrap();
    assert_eq!((row.terms.name.as_str(), row.terms.concurrent_max.map(|max| max.get())), ("renamed", Some(7)));
    bench.in_order().await;
}

#[tokio::test]
async fn the_lesser_key_neither_ends_nor_changes_the_greater_one() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let owner = node.desk.issue_key(&operator(), KeyTerms::new("o", Permit::owner()), None).await.unwrap();
    let until = Some(bench.world.now().plus(seconds(3_600)));
    let terms = KeyTerms { expires_at: until, ..KeyTerms::new("a", Permit::of(Role::Admin)) };
    let admin = Issuer { scope: SCOPE, name: "a".to_owned(), terms };
    let denied = |answer: Result<(), DeskError>| matches!(answer, Err(DeskError::Denied { .. }));
    assert!(denied(node.desk.revoke_key(&admin, owner.row.id).await.map(drop)));
    assert!(denied(node.desk.rotate_key(&admin, owner.row.id, seconds(1)).await.map(drop)));
    assert!(denied(node.desk.change_key(&admin, owner.row.id, TermsPatch::default()).await.map(drop)));
    let eternal = viewer(&node.desk).await.row.id;
    assert!(
        denied(node.desk.rotate_key(&admin, eternal, seconds(1)).await.map(drop)),
        "its successor would outlive him"
    );
    node.desk.revoke_key(&admin, eternal).await.expect("to end it gives nothing");
    let again = node.desk.rotate_key(&operator(), eternal, seconds(1)).await.unwrap_err();
    assert_eq!(again, Refusal::KeyEnded { how: "was revoked" }.into());
    bench.in_order().await;
}

#[tokio::test]
async fn uses_are_written_in_one_batch_with_the_beat() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let key = viewer(&node.desk).await;
    bench.store.fail_next(Method::TouchKeys, 1, When::Before, away());
    let used = |from: &str| KeyUse { at: bench.world.now(), from: from.to_owned(), by: String::new() };
    node.desk.note_use(key.row.id, used("10.0.0.1"));
    assert_eq!(bench.store.planned(), 1, "no write with the request");
    node.desk.start_working().await.unwrap();
    assert_eq!(bench.store.planned(), 0, "the beat tried, and is not harmed by the failure");
    node.desk.note_use(key.row.id, used("10.0.0.2"));
    node.desk.note_use(key.row.id, used("10.0.0.3"));
    node.desk.stop(Duration::ZERO).await.unwrap();
    let row = bench.store.get_key(SCOPE, key.row.id).await.unwrap();
    assert_eq!(row.last_used.map(|used| used.from).as_deref(), Some("10.0.0.3"), "the last one, at the goodbye");
    bench.in_order().await;
}

#[tokio::test]
async fn a_request_for_somebody_else_cannot_pass_a_confined_scope() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let permit = Arc::new(Permit { user: Some("ada".to_owned()), ..Permit::of(Role::Member) });
    let request = |user: Option<&str>| Request {
        permit: Arc::clone(&permit),
        user: user.map(str::to_owned),
        ..Request::new("note", serde_json::json!({ "prompt": "tea" }))
    };
    assert!(matches!(node.desk.accept(request(Some("bob"))).await, Err(DeskError::Invalid(_))));
    // Also when a handler makes up the request and forgets what the key may.
    let forgotten = Request {
        permit: Arc::new(Permit::owner()),
        scope: SCOPE.of_user(crate::harness::user("ada")),
        ..request(Some("bob"))
    };
    assert!(matches!(node.desk.accept(forgotten).await, Err(DeskError::Store(StoreError::Corrupt(_)))));
    let receipt = node.desk.accept(request(None)).await.unwrap();
    assert_eq!(receipt.user, crate::harness::user("ada"));
    let rows = bench.store.list(SCOPE, GenerationFilter::default(), PageRequest::newest(10)).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.user_external.as_str()).collect::<Vec<_>>(), ["ada"]);
}
