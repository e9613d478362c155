//! Profiles of recipes: one for each user who has his own and one for everybody, changed by who has seen what is there.

use crate::bench::Bench;
use crate::builder::{OTHER, user_id};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ProfileId, UserId};
use copydesk_store::profiles::{ProfileFilter, ProfileRow, PutProfile};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;

fn of(name: &str) -> Option<(UserId, String)> {
    Some((user_id(Scope::DEFAULT, name), name.to_owned()))
}

/// One that is to be made.
fn new(t: &Bench, recipe: &str, user: Option<(UserId, String)>, fields: &str) -> PutProfile {
    PutProfile {
        scope: Scope::DEFAULT,
        at: t.now(),
        id: ProfileId(t.ids.uuid()),
        recipe: recipe.to_owned(),
        user,
        fields: fields.to_owned(),
        revision: None,
    }
}

async fn make(t: &Bench, recipe: &str, user: Option<(UserId, String)>, fields: &str) -> ProfileRow {
    t.store.put_profile(new(t, recipe, user, fields)).await.expect("put_profile")
}

fn conflict(current: i64) -> StoreError {
    StoreError::Refused(Refusal::VersionConflict { current })
}

pub async fn a_profile_is_made_changed_and_removed_by_who_has_seen_it(t: Arc<Bench>) {
    let put = new(&t, "newsletter", of("ann"), r#"{"tone":{"formality":"casual"}}"#);
    let row = t.store.put_profile(put.clone()).await.expect("put_profile");
    let expected = ProfileRow {
        id: put.id,
        recipe: put.recipe.clone(),
        user: put.user.clone(),
        fields: put.fields.clone(),
        revision: 1,
        created_at: put.at,
        updated_at: put.at,
    };
    assert_eq!(row, expected);
    assert_eq!(t.store.profile(Scope::DEFAULT, row.id).await.expect("profile"), expected);
    // Who thinks there is none, or has seen another one, writes nothing.
    let again = PutProfile { id: ProfileId(t.ids.uuid()), ..put.clone() };
    assert_eq!(t.store.put_profile(again.clone()).await.expect_err("it is there"), conflict(1));
    let later = put.at.plus(Duration::from_secs(1));
    let change = PutProfile { revision: Some(1), fields: "{}".to_owned(), at: later, ..again };
    let changed = t.store.put_profile(change.clone()).await.expect("put_profile");
    assert_eq!(changed, ProfileRow { fields: "{}".to_owned(), revision: 2, updated_at: later, ..expected });
    assert_eq!(t.store.put_profile(change.clone()).await.expect_err("it was changed"), conflict(2));
    assert_eq!(t.store.remove_profile(Scope::DEFAULT, row.id, Some(1)).await.expect_err("so is this"), conflict(2));
    let foreign = t.store.profile(OTHER, row.id).await.expect_err("it is another workspace's");
    assert_eq!(foreign, StoreError::NotFound { what: "profile", id: row.id.to_string() });
    assert_eq!(t.store.remove_profile(OTHER, row.id, None).await.expect_err("nor removed there"), foreign);
    t.store.remove_profile(Scope::DEFAULT, row.id, Some(2)).await.expect("remove_profile");
    assert_eq!(t.store.remove_profile(Scope::DEFAULT, row.id, None).await.expect_err("it is gone"), foreign);
    let gone = t.store.put_profile(PutProfile { revision: Some(2), ..change }).await.expect_err("it is gone");
    assert_eq!(gone, StoreError::NotFound { what: "profile", id: "newsletter".to_owned() });
}

pub async fn profiles_are_paged_and_found_by_recipe_and_user(t: Arc<Bench>) {
    let ann = make(&t, "newsletter", of("ann"), "{}").await.id;
    let all = make(&t, "newsletter", None, "{}").await.id;
    let mails = make(&t, "outreach", of("ann"), "{}").await.id;
    let elsewhere = PutProfile { scope: OTHER, ..new(&t, "newsletter", None, "{}") };
    t.store.put_profile(elsewhere).await.expect("another workspace has its own");
    let listed = async |filter: ProfileFilter, page: PageRequest| {
        let page = t.store.profiles(Scope::DEFAULT, filter, page).await.expect("profiles");
        (page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), page.next)
    };
    let (first, next) = listed(ProfileFilter::default(), PageRequest::newest(2)).await;
    assert_eq!(first, [mails, all]);
    let rest = PageRequest { after: next, ..PageRequest::newest(2) };
    assert_eq!(listed(ProfileFilter::default(), rest).await, (vec![ann], None));
    let oldest = PageRequest { limit: 9, after: None, order: Order::OldestFirst };
    let newsletter = ProfileFilter { recipe: Some("newsletter".to_owned()), user: None };
    assert_eq!(listed(newsletter, oldest.clone()).await.0, [ann, all]);
    let anns = ProfileFilter { recipe: None, user: of("ann").map(|(user, _)| user) };
    assert_eq!(listed(anns, oldest).await.0, [ann, mails]);
}

pub async fn a_request_finds_its_users_own_profile_and_everybodys(t: Arc<Bench>) {
    let found = async |recipe: &str, name: &str| {
        let user = user_id(Scope::DEFAULT, name);
        let found = t.store.profiles_for(Scope::DEFAULT, recipe.to_owned(), user).await.expect("profiles_for");
        (found.own.map(|row| row.fields), found.everybodys.map(|row| row.fields))
    };
    assert_eq!(found("newsletter", "ann").await, (None, None));
    make(&t, "newsletter", None, r#"{"a":1}"#).await;
    make(&t, "newsletter", of("ann"), r#"{"b":"é\u0000"}"#).await;
    let (own, everybodys) = (Some(r#"{"b":"é\u0000"}"#.to_owned()), Some(r#"{"a":1}"#.to_owned()));
    assert_eq!(found("newsletter", "ann").await, (own, everybodys.clone()));
    assert_eq!(found("newsletter", "bob").await, (None, everybodys));
    assert_eq!(found("outreach", "ann").await, (None, None));
    let elsewhere = t.store.profiles_for(OTHER, "newsletter".to_owned(), user_id(Scope::DEFAULT, "ann")).await;
    assert_eq!(elsewhere.expect("profiles_for").everybodys, None);
}

pub async fn of_many_who_make_one_at_once_one_does(t: Arc<Bench>) {
    let puts = (0..16).map(|n| t.store.put_profile(new(&t, "newsletter", None, &format!("{{\"n\":{n}}}"))));
    let (made, refused): (Vec<_>, Vec<_>) = join_all(puts).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 15));
    for one in refused {
        assert_eq!(one.expect_err("refused"), conflict(1));
    }
}
