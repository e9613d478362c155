//! Users who sign in: logins, one-time links, sign-ins, and what races for them.

use crate::bench::Bench;
use crate::builder::{AcceptWith, OTHER};
use copydesk_core::access::{Email, Purpose, Role};
use copydesk_core::refusal::Refusal;
use copydesk_core::{LinkId, SignInId, Timestamp, UserId};
use copydesk_store::logins::{
    Deed, LinkKey, LinkRow, LinkUse, Login, LoginChange, NewLogin, PasswordHash, SignIns, UserFilter, UserRow,
};
use copydesk_store::sign_ins::{Forget, NewSignIn, SIGN_INS_MAX, SignInRow};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).expect("an e-mail")
}

fn user_of(scope: Scope, name: &str) -> UserId {
    UserId::from_external(scope.workspace, name)
}

fn login(t: &Bench, scope: Scope, name: &str, role: Role) -> NewLogin {
    NewLogin {
        scope,
        user: user_of(scope, name),
        external: name.to_owned(),
        login: Login {
            email: email(name),
            name: Some(format!("{name} ünï")),
            role,
            password: Some(PasswordHash(format!("hash of {name}"))),
            disabled_at: None,
            revision: 1,
            created_at: t.now(),
            last_sign_in_at: None,
        },
    }
}

async fn added(t: &Bench, scope: Scope, name: &str, role: Role) -> UserRow {
    t.store.add_login(login(t, scope, name, role)).await.expect("add_login")
}

fn change(row: &UserRow, at: Timestamp) -> LoginChange {
    let login = row.login.clone().expect("a login");
    LoginChange {
        scope: row.scope,
        user: row.id,
        at,
        if_revision: login.revision,
        name: login.name,
        role: login.role,
        password: login.password,
        disabled_at: login.disabled_at,
        sign_ins: SignIns::Stay,
    }
}

fn hash(t: &Bench) -> [u8; 32] {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(t.ids.uuid().as_bytes());
    hash
}

fn sign_in(t: &Bench, scope: Scope, user: UserId) -> SignInRow {
    SignInRow {
        id: SignInId(t.ids.uuid()),
        scope,
        user,
        token_hash: hash(t),
        created_at: t.now(),
        expires_at: t.now().plus(24 * HOUR),
        last_seen_at: t.now(),
        from: "192.0.2.1".to_owned(),
        client: "a browser".to_owned(),
    }
}

async fn signed_in(t: &Bench, row: &UserRow) -> SignInRow {
    let sign_in = sign_in(t, row.scope, row.id);
    let if_revision = row.login.as_ref().expect("a login").revision;
    let new = NewSignIn { row: sign_in.clone(), if_revision, rehash: None };
    assert!(t.store.add_sign_in(new).await.expect("add_sign_in"));
    sign_in
}

fn link(t: &Bench, scope: Scope, purpose: Purpose, name: Option<&str>) -> LinkRow {
    let invite = purpose == Purpose::Invite;
    LinkRow {
        id: LinkId(t.ids.uuid()),
        scope,
        token_hash: hash(t),
        purpose,
        email: name.map(email),
        role: invite.then_some(Role::Editor),
        user_external: name.filter(|_| invite).map(str::to_owned),
        made_by: "somebody".to_owned(),
        login_revision: None,
        created_at: t.now(),
        expires_at: t.now().plus(HOUR),
        used_at: None,
        revoked_at: None,
    }
}

async fn linked(t: &Bench, scope: Scope, purpose: Purpose, name: Option<&str>) -> LinkRow {
    let link = link(t, scope, purpose, name);
    t.store.add_link(link.clone()).await.expect("add_link");
    link
}

fn using(t: &Bench, link: &LinkRow, user: UserId, deed: Deed) -> LinkUse {
    let sign_in = sign_in(t, link.scope, user);
    LinkUse { link: link.id, purpose: link.purpose, at: t.now(), deed, sign_in }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Refusal {
    match answer {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("a refusal was expected: {other:?}"),
    }
}

pub async fn a_login_is_kept_to_the_letter_and_makes_its_user(t: Arc<Bench>) {
    let new = login(&t, Scope::DEFAULT, "ann", Role::Admin);
    let row = t.store.add_login(new.clone()).await.expect("add_login");
    let expected = UserRow {
        scope: Scope::DEFAULT,
        id: new.user,
        external: "ann".to_owned(),
        created_at: t.now(),
        login: Some(new.login),
    };
    assert_eq!(row, expected);
    assert_eq!(t.second().user(Scope::DEFAULT, row.id).await.expect("user"), expected);
    assert_eq!(t.second().find_login(Scope::DEFAULT, email("ann")).await.expect("find_login"), Some(expected));
    assert_eq!(t.store.find_login(Scope::DEFAULT, email("bob")).await.expect("find_login"), None);
}

pub async fn a_user_who_made_something_can_be_given_a_login(t: Arc<Bench>) {
    t.accept(t.request().user("ann")).await.expect("accept");
    let before = t.store.user(Scope::DEFAULT, user_of(Scope::DEFAULT, "ann")).await.expect("user");
    assert_eq!((before.external.as_str(), &before.login), ("ann", &None));
    t.advance_s(5);
    let after = added(&t, Scope::DEFAULT, "ann", Role::Member).await;
    assert_eq!(UserRow { login: None, ..after }, before, "the user is the same");
    t.accept(t.request().user("ann")).await.expect("accept");
}

pub async fn an_email_and_a_user_have_one_login(t: Arc<Bench>) {
    added(&t, Scope::DEFAULT, "ann", Role::Admin).await;
    let ann = login(&t, Scope::DEFAULT, "ann", Role::Viewer);
    assert_eq!(refusal(t.store.add_login(ann.clone()).await), Refusal::LoginExists);
    let as_another = NewLogin { user: user_of(Scope::DEFAULT, "bob"), external: "bob".to_owned(), ..ann.clone() };
    assert_eq!(refusal(t.store.add_login(as_another.clone()).await), Refusal::LoginExists);
    let missing = t.store.user(Scope::DEFAULT, as_another.user).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "nothing of it was written: {missing:?}");
    let other_email = NewLogin { login: Login { email: email("x"), ..ann.login.clone() }, ..ann };
    assert_eq!(refusal(t.store.add_login(other_email).await), Refusal::LoginExists);
    added(&t, OTHER, "ann", Role::Owner).await;
}

pub async fn users_are_paged_and_found_by_role_in_their_workspace_only(t: Arc<Bench>) {
    t.accept(t.request().user("end user")).await.expect("accept");
    let mut ids = vec![user_of(Scope::DEFAULT, "end user")];
    for (name, role) in [("ann", Role::Owner), ("bob", Role::Viewer), ("cy", Role::Viewer)] {
        ids.push(added(&t, Scope::DEFAULT, name, role).await.id);
    }
    let foreign = added(&t, OTHER, "dora", Role::Viewer).await;
    ids.sort();
    let all = UserFilter::default();
    let signing = UserFilter { signs_in: true, role: None };
    let viewers = UserFilter { signs_in: false, role: Some(Role::Viewer) };
    for (filter, order, count) in [
        (all, Order::OldestFirst, 4),
        (all, Order::NewestFirst, 4),
        (signing, Order::OldestFirst, 3),
        (signing, Order::NewestFirst, 3),
        (viewers, Order::OldestFirst, 2),
        (viewers, Order::NewestFirst, 2),
    ] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page =
                t.store.users(Scope::DEFAULT, filter, PageRequest { limit: 2, after, order }).await.expect("users");
            found.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let wanted = |row: &UserRow| row.login.is_some() || filter == all;
        assert!(found.iter().all(wanted), "{filter:?}");
        let mut order_of: Vec<UserId> = found.iter().map(|row| row.id).collect();
        assert_eq!(order_of.len(), count, "{filter:?} {order:?}");
        if order == Order::NewestFirst {
            order_of.reverse();
        }
        assert!(order_of.is_sorted() && order_of.iter().all(|id| ids.contains(id)), "{filter:?} {order:?}");
    }
    let missing = t.store.user(Scope::DEFAULT, foreign.id).await.expect_err("another workspace's");
    assert_eq!(missing, StoreError::NotFound { what: "user", id: foreign.id.to_string() });
    let stolen = LoginChange { scope: Scope::DEFAULT, ..change(&foreign, t.now()) };
    assert!(matches!(t.store.change_login(stolen).await, Err(StoreError::NotFound { .. })));
    assert_eq!(t.store.find_login(Scope::DEFAULT, email("dora")).await.expect("find_login"), None);
    assert_eq!(t.store.user(OTHER, foreign.id).await.expect("user"), foreign);
}

pub async fn a_change_of_a_login_names_the_revision_it_saw(t: Arc<Bench>) {
    let row = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let at = t.advance_s(1);
    let wanted = LoginChange { name: None, role: Role::Viewer, disabled_at: Some(at), ..change(&row, at) };
    let after = t.store.change_login(wanted.clone()).await.expect("change_login");
    let login = after.login.clone().expect("a login");
    assert_eq!((login.name, login.role, login.disabled_at, login.revision), (None, Role::Viewer, Some(at), 2));
    assert_eq!(t.second().user(Scope::DEFAULT, row.id).await.expect("user"), after);
    assert_eq!(refusal(t.store.change_login(wanted).await), Refusal::VersionConflict { current: 2 });
    t.accept(t.request().user("end user")).await.expect("accept");
    let nobody = LoginChange { user: user_of(Scope::DEFAULT, "end user"), ..change(&row, at) };
    assert_eq!(refusal(t.store.change_login(nobody).await), Refusal::NoLogin);
}

pub async fn the_last_owner_stays_one(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Owner).await;
    added(&t, OTHER, "bob", Role::Owner).await;
    let away = LoginChange {
        name: None,
        disabled_at: Some(t.now()),
        ..change(&added(&t, Scope::DEFAULT, "cy", Role::Owner).await, t.now())
    };
    t.store.change_login(away).await.expect("another one is there");
    let demoted = LoginChange { role: Role::Admin, ..change(&ann, t.now()) };
    let disabled = LoginChange { disabled_at: Some(t.now()), ..change(&ann, t.now()) };
    for wrong in [demoted.clone(), disabled] {
        assert_eq!(refusal(t.store.change_login(wrong).await), Refusal::LastOwner);
    }
    added(&t, Scope::DEFAULT, "dora", Role::Owner).await;
    t.store.change_login(demoted).await.expect("another one is there");
}

pub async fn racing_demotions_of_the_last_two_owners_leave_one(t: Arc<Bench>) {
    let mut left = added(&t, Scope::DEFAULT, "owner", Role::Owner).await;
    for round in 0..8 {
        let next = added(&t, Scope::DEFAULT, &format!("owner{round}"), Role::Owner).await;
        let demoted = |row: &UserRow| LoginChange { role: Role::Editor, ..change(row, t.now()) };
        let elsewhere = t.second();
        let (one, other) = futures::join!(t.store.change_login(demoted(&left)), elsewhere.change_login(demoted(&next)));
        let last = StoreError::Refused(Refusal::LastOwner);
        left = match (one, other) {
            (Ok(_), Err(error)) if error == last => next,
            (Err(error), Ok(_)) if error == last => left,
            both => panic!("exactly one of two must win: {both:?}"),
        };
    }
}

pub async fn a_sign_in_is_found_with_its_user_and_ends_at_once(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let first = signed_in(&t, &ann).await;
    let second = signed_in(&t, &ann).await;
    let seen = t.store.user(Scope::DEFAULT, ann.id).await.expect("user");
    assert_eq!(seen.login.as_ref().and_then(|login| login.last_sign_in_at), Some(t.now()));
    let found = t.second().find_sign_in(first.token_hash).await.expect("find_sign_in").expect("it is there");
    assert_eq!((&found.sign_in, &found.user), (&first, &seen));
    assert_eq!(t.store.get_sign_in(Scope::DEFAULT, first.id).await.expect("get_sign_in"), Some(found));
    assert_eq!(t.store.get_sign_in(OTHER, first.id).await.expect("get_sign_in"), None);
    let listed = t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins");
    assert_eq!(listed, [second.clone(), first.clone()]);
    assert_eq!(t.store.end_sign_ins(OTHER, ann.id, Some(first.id)).await.expect("end_sign_ins"), 0);
    let bob = added(&t, Scope::DEFAULT, "bob", Role::Editor).await;
    assert_eq!(t.store.end_sign_ins(Scope::DEFAULT, bob.id, Some(first.id)).await.expect("end_sign_ins"), 0);
    assert_eq!(t.store.end_sign_ins(Scope::DEFAULT, ann.id, Some(first.id)).await.expect("end_sign_ins"), 1);
    assert_eq!(t.second().find_sign_in(first.token_hash).await.expect("find_sign_in"), None);
    assert_eq!(t.store.end_sign_ins(Scope::DEFAULT, ann.id, None).await.expect("end_sign_ins"), 1);
    assert_eq!(t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins"), []);
}

pub async fn nobody_signs_in_by_a_login_that_has_changed_or_is_disabled(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let late = |revision| NewSignIn { row: sign_in(&t, Scope::DEFAULT, ann.id), if_revision: revision, rehash: None };
    let renamed = t.store.change_login(change(&ann, t.now())).await.expect("change_login");
    assert!(!t.store.add_sign_in(late(1)).await.expect("add_sign_in"), "an old revision");
    let rehash = Some(PasswordHash("stronger".to_owned()));
    assert!(t.store.add_sign_in(NewSignIn { rehash, ..late(2) }).await.expect("add_sign_in"));
    let login = t.store.user(Scope::DEFAULT, ann.id).await.expect("user").login.expect("a login");
    assert_eq!((login.password, login.revision), (Some(PasswordHash("stronger".to_owned())), 2));
    let disabled = LoginChange { disabled_at: Some(t.now()), sign_ins: SignIns::End, ..change(&renamed, t.now()) };
    t.store.change_login(disabled).await.expect("change_login");
    assert_eq!(t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins"), [], "they ended with it");
    assert!(!t.store.add_sign_in(late(3)).await.expect("add_sign_in"), "disabled");
    assert_eq!(t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins"), []);
}

pub async fn a_changed_password_replaces_every_sign_in_by_one(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let bob = added(&t, Scope::DEFAULT, "bob", Role::Editor).await;
    for _ in 0..3 {
        signed_in(&t, &ann).await;
    }
    let bobs = signed_in(&t, &bob).await;
    let fresh = sign_in(&t, Scope::DEFAULT, ann.id);
    let password = Some(PasswordHash("new".to_owned()));
    let wanted = LoginChange { password, sign_ins: SignIns::Renew(fresh.clone()), ..change(&ann, t.now()) };
    t.store.change_login(wanted).await.expect("change_login");
    assert_eq!(t.second().sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins"), [fresh]);
    assert_eq!(t.second().sign_ins(Scope::DEFAULT, bob.id).await.expect("sign_ins"), [bobs]);
}

pub async fn a_user_has_no_more_sign_ins_than_the_limit(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let first = signed_in(&t, &ann).await;
    for _ in 0..SIGN_INS_MAX {
        signed_in(&t, &ann).await;
    }
    let rows = t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins");
    assert_eq!(rows.len(), SIGN_INS_MAX as usize);
    assert!(!rows.contains(&first), "the oldest has ended");
}

pub async fn the_latest_use_of_a_sign_in_stays_and_what_is_over_is_forgotten(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let (used, unused) = (signed_in(&t, &ann).await, signed_in(&t, &ann).await);
    let old = linked(&t, Scope::DEFAULT, Purpose::Invite, Some("bob")).await;
    let at = t.advance_s(2 * 3_600);
    let young = linked(&t, Scope::DEFAULT, Purpose::Invite, Some("cy")).await;
    t.store.touch_sign_ins(vec![(used.id, at), (SignInId(t.ids.uuid()), at)]).await.expect("touch_sign_ins");
    t.second().touch_sign_ins(vec![(used.id, at.minus(HOUR))]).await.expect("touch_sign_ins");
    t.store.touch_sign_ins(vec![]).await.expect("touch_sign_ins");
    let seen = t.store.find_sign_in(used.token_hash).await.expect("find_sign_in").expect("it is there");
    assert_eq!(seen.sign_in.last_seen_at, at, "an earlier one comes too late");
    let forget = |now| Forget { now, idle: 2 * HOUR, links_kept: HOUR, limit: 10 };
    assert_eq!(t.store.forget_sign_ins(Forget { limit: 0, ..forget(at) }).await.expect("forget_sign_ins"), 0);
    assert_eq!(t.store.forget_sign_ins(forget(at)).await.expect("forget_sign_ins"), 2);
    assert_eq!(t.store.find_sign_in(unused.token_hash).await.expect("find_sign_in"), None);
    assert_eq!(t.store.find_link(LinkKey::Secret(old.token_hash)).await.expect("find_link"), None);
    assert_eq!(t.store.find_link(LinkKey::Secret(young.token_hash)).await.expect("find_link"), Some(young));
    let end = seen.sign_in.expires_at;
    t.store.touch_sign_ins(vec![(used.id, end)]).await.expect("touch_sign_ins");
    assert_eq!(t.store.forget_sign_ins(Forget { links_kept: 1_000 * HOUR, ..forget(end) }).await.expect("forget"), 1);
}

pub async fn a_link_works_once(t: Arc<Bench>) {
    let invite = linked(&t, Scope::DEFAULT, Purpose::Invite, Some("ann")).await;
    assert_eq!(
        t.second().find_link(LinkKey::Secret(invite.token_hash)).await.expect("find_link"),
        Some(invite.clone())
    );
    assert_eq!(t.store.find_link(LinkKey::Secret([9; 32])).await.expect("find_link"), None);
    let (email, found) =
        (invite.email.clone().expect("an invite"), async |key| t.store.find_link(key).await.expect("find"));
    assert_eq!(found(LinkKey::Invite(Scope::DEFAULT, invite.id)).await, Some(invite.clone()));
    assert_eq!(found(LinkKey::Invite(OTHER, invite.id)).await, None);
    assert_eq!(found(LinkKey::InviteFor(Scope::DEFAULT, email.clone(), t.now())).await, Some(invite.clone()));
    assert_eq!(found(LinkKey::InviteFor(Scope::DEFAULT, email.clone(), invite.expires_at)).await, None);
    assert_eq!(found(LinkKey::InviteFor(OTHER, email, t.now())).await, None);
    let make = Deed::Make(login(&t, Scope::DEFAULT, "ann", Role::Editor));
    let first = using(&t, &invite, user_of(Scope::DEFAULT, "ann"), make.clone());
    let entered = t.store.use_link(first.clone()).await.expect("use_link");
    assert_eq!(entered.sign_in, first.sign_in);
    assert_eq!(entered.user, t.store.user(Scope::DEFAULT, entered.user.id).await.expect("user"));
    let again = using(&t, &invite, user_of(Scope::DEFAULT, "ann"), make);
    assert_eq!(refusal(t.second().use_link(again.clone()).await), Refusal::LinkSpent);
    assert_eq!(t.store.find_sign_in(again.sign_in.token_hash).await.expect("find_sign_in"), None);
    let used = t.store.find_link(LinkKey::Secret(invite.token_hash)).await.expect("find_link").expect("it stays");
    assert_eq!(used.used_at, Some(t.now()));
}

pub async fn of_fifty_who_use_one_link_one_gets_in(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Owner).await;
    let link = linked(&t, Scope::DEFAULT, Purpose::SignIn, Some("ann")).await;
    let tries = (0..50).map(|n| {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let using = using(&t, &link, ann.id, Deed::Enter);
        tokio::spawn(async move { store.use_link(using).await })
    });
    let mut entered = 0;
    for answer in futures::future::join_all(tries).await {
        match answer.expect("it ran") {
            Ok(_) => entered += 1,
            other => assert_eq!(refusal(other), Refusal::LinkSpent),
        }
    }
    assert_eq!(entered, 1);
    assert_eq!(t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins").len(), 1);
}

pub async fn a_link_that_is_over_opens_nothing(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Owner).await;
    let bob = added(&t, Scope::DEFAULT, "bob", Role::Editor).await;
    let replaced = linked(&t, Scope::DEFAULT, Purpose::SignIn, Some("ann")).await;
    let newest = linked(&t, Scope::DEFAULT, Purpose::SignIn, Some("ann")).await;
    let enter = |link: &LinkRow, user| using(&t, link, user, Deed::Enter);
    assert_eq!(refusal(t.store.use_link(enter(&replaced, ann.id)).await), Refusal::LinkSpent);
    let as_reset = LinkUse { purpose: Purpose::Reset, ..enter(&newest, ann.id) };
    assert_eq!(refusal(t.store.use_link(as_reset).await), Refusal::LinkSpent, "of another purpose");
    let late = LinkUse { at: newest.expires_at, ..enter(&newest, ann.id) };
    assert_eq!(refusal(t.store.use_link(late).await), Refusal::LinkSpent, "expired");
    let bobs = linked(&t, Scope::DEFAULT, Purpose::SignIn, Some("bob")).await;
    let disabled = LoginChange { disabled_at: Some(t.now()), ..change(&bob, t.now()) };
    t.store.change_login(disabled).await.expect("change_login");
    assert_eq!(refusal(t.store.use_link(enter(&bobs, bob.id)).await), Refusal::LinkSpent, "its user is disabled");
    let unused = t.store.find_link(LinkKey::Secret(bobs.token_hash)).await.expect("find_link").expect("it is there");
    assert_eq!(unused.used_at, None, "nothing was written");
    t.store.use_link(enter(&newest, ann.id)).await.expect("the newest one is good");
}

pub async fn a_link_opens_nothing_when_the_login_it_was_made_for_has_changed(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Editor).await;
    let made = async |purpose| {
        let revision = t.store.user(Scope::DEFAULT, ann.id).await.expect("user").login.expect("a login").revision;
        let row = LinkRow { login_revision: Some(revision), ..link(&t, Scope::DEFAULT, purpose, Some("ann")) };
        t.store.add_link(row.clone()).await.expect("add_link");
        assert_eq!(t.store.find_link(LinkKey::Secret(row.token_hash)).await.expect("find_link"), Some(row.clone()));
        row
    };
    let (enter, reset) = (made(Purpose::SignIn).await, made(Purpose::Reset).await);
    let risen = LoginChange { role: Role::Owner, ..change(&ann, t.now()) };
    t.store.change_login(risen).await.expect("change_login");
    let password = || Deed::SetPassword(PasswordHash("new".to_owned()));
    assert_eq!(refusal(t.store.use_link(using(&t, &enter, ann.id, Deed::Enter)).await), Refusal::LinkSpent);
    assert_eq!(refusal(t.store.use_link(using(&t, &reset, ann.id, password())).await), Refusal::LinkSpent);
    let (enter, reset) = (made(Purpose::SignIn).await, made(Purpose::Reset).await);
    t.store.use_link(using(&t, &reset, ann.id, password())).await.expect("it is of this revision");
    let spent = t.store.use_link(using(&t, &enter, ann.id, Deed::Enter)).await;
    assert_eq!(refusal(spent), Refusal::LinkSpent, "a new password ends what was made before it");
}

pub async fn a_reset_sets_the_password_and_ends_what_was(t: Arc<Bench>) {
    let ann = added(&t, Scope::DEFAULT, "ann", Role::Owner).await;
    let before = signed_in(&t, &ann).await;
    let link = linked(&t, Scope::DEFAULT, Purpose::Reset, Some("ann")).await;
    let reset = using(&t, &link, ann.id, Deed::SetPassword(PasswordHash("new".to_owned())));
    let entered = t.store.use_link(reset.clone()).await.expect("use_link");
    let login = entered.user.login.expect("a login");
    assert_eq!((login.password, login.revision), (Some(PasswordHash("new".to_owned())), 2));
    assert_eq!(t.store.find_sign_in(before.token_hash).await.expect("find_sign_in"), None);
    assert_eq!(t.store.sign_ins(Scope::DEFAULT, ann.id).await.expect("sign_ins"), [reset.sign_in]);
}

pub async fn a_setup_makes_one_owner_and_no_second(t: Arc<Bench>) {
    let links = [
        linked(&t, Scope::DEFAULT, Purpose::Setup, None).await,
        linked(&t, Scope::DEFAULT, Purpose::Setup, None).await,
    ];
    let names = ["ann", "bob"];
    let tries = links.iter().zip(names).enumerate().map(|(n, (link, name))| {
        let store = if n == 0 { t.store.clone() } else { t.second() };
        let make = Deed::Make(login(&t, Scope::DEFAULT, name, Role::Owner));
        let using = using(&t, link, user_of(Scope::DEFAULT, name), make);
        tokio::spawn(async move { store.use_link(using).await.is_ok() })
    });
    let won: Vec<bool> = futures::future::join_all(tries).await.into_iter().map(|it| it.expect("it ran")).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "both were good when they began");
    let late = linked(&t, Scope::DEFAULT, Purpose::Setup, None).await;
    let make = Deed::Make(login(&t, Scope::DEFAULT, "stranger", Role::Owner));
    let late = using(&t, &late, user_of(Scope::DEFAULT, "stranger"), make);
    assert_eq!(refusal(t.store.use_link(late).await), Refusal::LinkSpent);
    assert!(t.store.user(Scope::DEFAULT, user_of(Scope::DEFAULT, "stranger")).await.is_err(), "nothing was written");
}

pub async fn an_invite_of_somebody_who_signs_in_makes_nothing(t: Arc<Bench>) {
    let invite = linked(&t, Scope::DEFAULT, Purpose::Invite, Some("ann")).await;
    added(&t, Scope::DEFAULT, "ann", Role::Viewer).await;
    let make = Deed::Make(login(&t, Scope::DEFAULT, "ann", Role::Owner));
    let using = using(&t, &invite, user_of(Scope::DEFAULT, "ann"), make);
    assert_eq!(refusal(t.store.use_link(using).await), Refusal::LoginExists);
    let open = t.store.find_link(LinkKey::Secret(invite.token_hash)).await.expect("find_link").expect("it is there");
    assert_eq!(open.used_at, None, "nothing was written");
}

pub async fn invites_are_paged_and_taken_back_in_their_workspace_only(t: Arc<Bench>) {
    let mut made = Vec::new();
    for name in ["ann", "bob", "cy"] {
        made.push(linked(&t, Scope::DEFAULT, Purpose::Invite, Some(name)).await);
    }
    let sign_in = linked(&t, Scope::DEFAULT, Purpose::SignIn, Some("ann")).await;
    let foreign = linked(&t, OTHER, Purpose::Invite, Some("ann")).await;
    let first = t.store.invites(Scope::DEFAULT, PageRequest { limit: 2, after: None, order: Order::NewestFirst });
    let first = first.await.expect("invites");
    let rest = PageRequest { limit: 2, after: first.next.clone(), order: Order::NewestFirst };
    let rest = t.store.invites(Scope::DEFAULT, rest).await.expect("invites");
    let found: Vec<LinkRow> = first.rows.into_iter().chain(rest.rows).collect();
    assert_eq!(found, made.iter().rev().cloned().collect::<Vec<_>>());
    for not_ours in [foreign.id, sign_in.id] {
        let missing = t.store.end_invite(Scope::DEFAULT, not_ours, t.now()).await.expect_err("none of these");
        assert_eq!(missing, StoreError::NotFound { what: "invite", id: not_ours.to_string() });
    }
    let at = t.advance_s(1);
    let ended = t.store.end_invite(Scope::DEFAULT, made[0].id, at).await.expect("end_invite");
    assert_eq!(ended, LinkRow { revoked_at: Some(at), ..made[0].clone() });
    t.advance_s(1);
    let again = t.store.end_invite(Scope::DEFAULT, made[0].id, t.now()).await.expect("end_invite");
    assert_eq!(again, ended, "the second time changes nothing");
    let make = Deed::Make(login(&t, Scope::DEFAULT, "ann", Role::Editor));
    let late = using(&t, &made[0], user_of(Scope::DEFAULT, "ann"), make);
    assert_eq!(refusal(t.store.use_link(late).await), Refusal::LinkSpent);
}
