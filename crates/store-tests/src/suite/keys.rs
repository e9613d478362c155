//! API keys: what is kept of each, its changes, its end, its successor, its last use.

use crate::bench::Bench;
use crate::builder::OTHER;
use copydesk_core::Timestamp;
use copydesk_core::access::{Allowed, Grant, KeyScope, KeyTerms, Life, Mode, Permit, Role, ScopeSet};
use copydesk_core::refusal::Refusal;
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow, KeyUse};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::num::NonZeroU32;
use std::sync::Arc;

fn key(t: &Bench, scope: Scope, byte: u8, role: Role) -> KeyRow {
    KeyRow {
        id: t.ids.key(),
        scope,
        secret_hash: [byte; 32],
        shown: "dk_live_abcd".to_owned(),
        terms: KeyTerms::new(format!("key {byte}"), Permit::of(role)),
        revision: 1,
        created_at: t.now(),
        revoked_at: None,
        replaced_by: None,
        last_used: None,
    }
}

async fn stored(t: &Bench, scope: Scope, byte: u8, role: Role) -> KeyRow {
    let key = key(t, scope, byte, role);
    assert!(t.store.add_key(key.clone()).await.expect("add_key"));
    key
}

fn revoke(key: &KeyRow, at: Timestamp) -> KeyChange {
    KeyChange {
        scope: key.scope,
        id: key.id,
        at,
        if_revision: key.revision,
        terms: key.terms.clone(),
        revoked_at: Some(at),
    }
}

fn change(key: &KeyRow, at: Timestamp, terms: KeyTerms) -> KeyChange {
    KeyChange { terms, revoked_at: None, ..revoke(key, at) }
}

fn rotation(key: &KeyRow, new: KeyRow, old_expires_at: Timestamp) -> KeyRotation {
    KeyRotation { old: key.id, if_revision: key.revision, old_expires_at, new }
}

pub async fn a_key_is_found_by_its_hash_only(t: Arc<Bench>) {
    let here = stored(&t, Scope::DEFAULT, 1, Role::Owner).await;
    let there = stored(&t, OTHER, 2, Role::Viewer).await;
    assert_eq!(t.store.find_key([1; 32]).await.expect("find_key"), Some(here));
    assert_eq!(t.second().find_key([2; 32]).await.expect("find_key"), Some(there));
    assert_eq!(t.store.find_key([3; 32]).await.expect("find_key"), None);
    assert_eq!(t.store.describe().await.expect("describe").keys, 2);
}

pub async fn what_was_agreed_on_is_kept_to_the_letter(t: Arc<Bench>) {
    let grants = [
        Grant::Role(Role::Member),
        Grant::Scopes(ScopeSet::of(&[KeyScope::DraftsRead])),
        Grant::Scopes(KeyScope::ALL.into_iter().collect()),
    ];
    for (byte, grant) in (1..).zip(grants) {
        let mut key = key(&t, Scope::DEFAULT, byte, Role::Owner);
        key.terms = KeyTerms {
            name: "Ann\u{2019}s \u{1f511}".to_owned(),
            permit: Permit {
                grant,
                mode: Mode::Test,
                user: Some("ann@example.com".to_owned()),
                recipes: Allowed::only(["text", "newsletter"]),
                models: Allowed::only(["demo/*", "box/a model with spaces"]),
            },
            requests_per_minute: NonZeroU32::new(u32::MAX),
            concurrent_max: NonZeroU32::new(1),
            expires_at: Some(t.now().plus(std::time::Duration::from_micros(1))),
        };
        assert!(t.store.add_key(key.clone()).await.expect("add_key"));
        assert_eq!(t.second().get_key(Scope::DEFAULT, key.id).await.expect("get_key"), key);
    }
}

pub async fn a_key_is_stored_once(t: Arc<Bench>) {
    let first = stored(&t, Scope::DEFAULT, 1, Role::Owner).await;
    let same_id = KeyRow { id: first.id, ..key(&t, Scope::DEFAULT, 2, Role::Viewer) };
    let same_hash = key(&t, OTHER, 1, Role::Viewer);
    for again in [same_id, same_hash] {
        assert!(!t.second().add_key(again).await.expect("add_key"));
    }
    assert_eq!(t.store.find_key([1; 32]).await.expect("find_key"), Some(first));
    assert_eq!(t.store.find_key([2; 32]).await.expect("find_key"), None);
}

pub async fn keys_are_paged_and_read_in_their_workspace_only(t: Arc<Bench>) {
    let mut ids = Vec::new();
    for byte in 1..=5 {
        ids.push(stored(&t, Scope::DEFAULT, byte, Role::Editor).await.id);
    }
    let foreign = stored(&t, OTHER, 9, Role::Owner).await;
    ids.sort();
    for (order, expected) in
        [(Order::OldestFirst, ids.clone()), (Order::NewestFirst, ids.iter().rev().copied().collect())]
    {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { limit: 2, after, order };
            let page = t.store.list_keys(Scope::DEFAULT, page).await.expect("list_keys");
            found.extend(page.rows.iter().map(|row| row.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
    let missing = t.store.get_key(Scope::DEFAULT, foreign.id).await.expect_err("another workspace's");
    assert_eq!(missing, StoreError::NotFound { what: "key", id: foreign.id.to_string() });
    let stolen = KeyChange { scope: Scope::DEFAULT, ..revoke(&foreign, t.now()) };
    assert!(matches!(t.store.change_key(stolen).await, Err(StoreError::NotFound { .. })));
    let new = key(&t, Scope::DEFAULT, 10, Role::Owner);
    assert!(matches!(t.store.rotate_key(rotation(&foreign, new, t.now())).await, Err(StoreError::NotFound { .. })));
    assert_eq!(t.store.find_key([10; 32]).await.expect("find_key"), None, "nothing was written");
    assert_eq!(t.store.get_key(OTHER, foreign.id).await.expect("get_key"), foreign);
}

pub async fn a_change_names_the_revision_it_saw(t: Arc<Bench>) {
    let key = stored(&t, Scope::DEFAULT, 1, Role::Editor).await;
    let renamed = KeyTerms { name: "renamed".to_owned(), ..key.terms.clone() };
    let after = t.store.change_key(change(&key, t.now(), renamed.clone())).await.expect("change_key");
    assert_eq!(after, KeyRow { terms: renamed, revision: 2, ..key.clone() });
    let late = t.store.change_key(change(&key, t.now(), key.terms.clone())).await.expect_err("an old revision");
    assert_eq!(late, StoreError::Refused(Refusal::VersionConflict { current: 2 }));
    assert_eq!(t.second().get_key(Scope::DEFAULT, key.id).await.expect("get_key"), after);
}

pub async fn a_revoked_key_is_found_and_says_so(t: Arc<Bench>) {
    let key = stored(&t, Scope::DEFAULT, 1, Role::Editor).await;
    let at = t.advance_s(5);
    t.store.change_key(revoke(&key, at)).await.expect("change_key");
    let found = t.second().find_key([1; 32]).await.expect("find_key").expect("it stays");
    assert_eq!(found.life(at), Life::Revoked { at });
    assert_eq!(t.store.describe().await.expect("describe").keys, 0);
}

pub async fn the_last_key_that_manages_keys_is_not_given_up(t: Arc<Bench>) {
    let key = stored(&t, Scope::DEFAULT, 1, Role::Owner).await;
    stored(&t, Scope::DEFAULT, 2, Role::Editor).await;
    stored(&t, OTHER, 3, Role::Owner).await;
    let last = StoreError::Refused(Refusal::LastKey);
    let weaker = KeyTerms { permit: Permit::of(Role::Viewer), ..key.terms.clone() };
    let over = KeyTerms { expires_at: Some(t.now()), ..key.terms.clone() };
    for wrong in [revoke(&key, t.now()), change(&key, t.now(), weaker), change(&key, t.now(), over)] {
        assert_eq!(t.store.change_key(wrong).await.expect_err("the last one"), last);
    }
    let expiring = stored(&t, Scope::DEFAULT, 4, Role::Admin).await;
    let soon = KeyTerms { expires_at: Some(t.now().plus(std::time::Duration::from_secs(1))), ..expiring.terms.clone() };
    t.store.change_key(change(&expiring, t.now(), soon)).await.expect("another one is there");
    let at = t.advance_s(1);
    assert_eq!(t.store.change_key(revoke(&key, at)).await.expect_err("the other has expired"), last);
    let ended = t.store.get_key(Scope::DEFAULT, expiring.id).await.expect("get_key");
    t.store.change_key(revoke(&ended, at)).await.expect("what has expired manages nothing");
    stored(&t, Scope::DEFAULT, 5, Role::Admin).await;
    t.store.change_key(revoke(&key, at)).await.expect("another one is there");
}

pub async fn racing_ends_of_the_last_two_keys_leave_one(t: Arc<Bench>) {
    let mut left = stored(&t, Scope::DEFAULT, 1, Role::Owner).await;
    for byte in 2..10 {
        let next = stored(&t, Scope::DEFAULT, byte, Role::Owner).await;
        let elsewhere = t.second();
        let (one, other) =
            futures::join!(t.store.change_key(revoke(&left, t.now())), elsewhere.change_key(revoke(&next, t.now())));
        let last = StoreError::Refused(Refusal::LastKey);
        left = match (one, other) {
            (Ok(_), Err(error)) if error == last => next,
            (Err(error), Ok(_)) if error == last => left,
            both => panic!("exactly one of two must win: {both:?}"),
        };
    }
}

pub async fn a_rotation_ends_the_old_key_and_stores_the_new_one_together(t: Arc<Bench>) {
    let old = stored(&t, Scope::DEFAULT, 1, Role::Owner).await;
    let new = key(&t, Scope::DEFAULT, 2, Role::Owner);
    let ends = t.now().plus(std::time::Duration::from_secs(60));
    t.store.rotate_key(rotation(&old, new.clone(), ends)).await.expect("rotate_key");
    let left = t.second().get_key(Scope::DEFAULT, old.id).await.expect("get_key");
    assert_eq!((left.replaced_by, left.terms.expires_at, left.revision), (Some(new.id), Some(ends), 2));
    assert_eq!(t.second().get_key(Scope::DEFAULT, new.id).await.expect("get_key"), new);
    let another = key(&t, Scope::DEFAULT, 3, Role::Owner);
    let late = t.store.rotate_key(rotation(&old, another, ends)).await.expect_err("an old revision");
    assert_eq!(late, StoreError::Refused(Refusal::VersionConflict { current: 2 }));
    assert_eq!(t.store.find_key([3; 32]).await.expect("find_key"), None, "nothing was written");
    let last = t.store.change_key(revoke(&new, t.now())).await.expect_err("the old one is on its way out");
    assert_eq!(last, StoreError::Refused(Refusal::LastKey));
    t.store.change_key(revoke(&left, t.now())).await.expect("its successor is there");
}

pub async fn the_latest_use_of_a_key_stays(t: Arc<Bench>) {
    let (first, second) = (stored(&t, Scope::DEFAULT, 1, Role::Owner).await, stored(&t, OTHER, 2, Role::Owner).await);
    let used = |seconds: u64, from: &str| KeyUse {
        at: t.now().plus(std::time::Duration::from_secs(seconds)),
        from: from.to_owned(),
        by: "curl/8".to_owned(),
    };
    let uses = vec![(second.id, used(1, "::1")), (first.id, used(2, "127.0.0.1")), (t.ids.key(), used(1, "x"))];
    t.store.touch_keys(uses).await.expect("touch_keys");
    t.second().touch_keys(vec![(first.id, used(1, "10.0.0.1"))]).await.expect("touch_keys");
    t.store.touch_keys(vec![]).await.expect("touch_keys");
    let first = t.store.get_key(Scope::DEFAULT, first.id).await.expect("get_key");
    assert_eq!(first.last_used, Some(used(2, "127.0.0.1")), "an earlier one comes too late");
    let second = t.store.get_key(OTHER, second.id).await.expect("get_key");
    assert_eq!((second.last_used, second.revision), (Some(used(1, "::1")), 1));
}
