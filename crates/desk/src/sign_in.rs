//! Signing in and out. Whoever is signed in has a secret in a cookie; here it becomes a person with a permit, exactly as a
//! key does. Every sign-in is a new one, and what ends it - signing out, another password, another role, being disabled -
//! ends it with the same commit. Who may sign in at all is `people.rs`.

use crate::desk::{Desk, Inner};
use crate::error::{DeskError, Fault};
use crate::guesses::{Barred, Network};
use crate::passwords::Verdict;
use crate::people::{self, Person};
use crate::recall::{KNOWN_MAX, Looked, Recall};
use crate::secrets::{SecretKind, SecretText};
use copydesk_core::access::person::{Email, password_fault};
use copydesk_core::access::{Permit, Purpose, Role};
use copydesk_core::refusal::Refusal;
use copydesk_core::{SignInId, Timestamp, UserId};
use copydesk_store::logins::{Deed, LinkKey, LinkRow, LinkUse, SignIns, UserFilter, UserRow};
use copydesk_store::sign_ins::{Forget, NewSignIn, SignInRow, SignedIn};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How old the last noted use of a sign-in is before another one is noted.
const TOUCH_AFTER: Duration = Duration::from_secs(60);
/// How long links that have expired stay in lists.
const LINKS_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How many rows one forgetting removes.
const FORGET_MAX: u32 = 500;

/// Whom a request to sign in is from.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Callers inside the process have none.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub client: String,
}

impl Visitor {
    fn shown(&self) -> String {
        self.address.map(|address| address.to_string()).unwrap_or_default()
    }
}

/// Somebody who has just signed in, with the secret for his cookie, which is nowhere else.
#[derive(Clone, Debug)]
pub struct Entered {
    pub token: SecretText,
    pub signed_in: SignedIn,
}

/// What is said beside a link.
#[derive(Clone, Default)]
pub struct Brought {
    /// For a setup: whose it is to be.
    pub email: Option<String>,
    /// The new one, for all but plain sign-in links.
    pub password: Option<String>,
    pub name: Option<String>,
}

#[derive(Default)]
pub(crate) struct SignedInRing {
    known: Recall<SignedIn>,
    uses: Mutex<BTreeMap<SignInId, Timestamp>>,
}

impl SignedInRing {
    /// The next request of this user reads who he is.
    pub fn forget(&self, user: UserId) {
        self.known.forget(|row| row.user.id == user);
    }

    fn note(&self, id: SignInId, at: Timestamp) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < KNOWN_MAX || uses.contains_key(&id) {
            uses.insert(id, at);
        }
    }
}

/// Writes what was noted since the last time. What cannot be written is noted again by the next request.
pub(crate) async fn write_uses(inner: &Inner) {
    let uses = std::mem::take(&mut *inner.signed_in.uses.lock().unwrap_or_else(PoisonError::into_inner));
    if uses.is_empty() {
        return;
    }
    if let Err(error) = inner.store.touch_sign_ins(uses.into_iter().collect()).await {
        tracing::warn!(%error, "When people were last seen could not be written");
    }
}

/// Removes what is over. Run twice is run once.
pub(crate) async fn forget(inner: &Inner) -> Result<u64, StoreError> {
    let (now, idle) = (inner.now(), inner.config.sign_in.idle);
    inner.store.forget_sign_ins(Forget { now, idle, links_kept: LINKS_KEPT, limit: FORGET_MAX }).await
}

/// What a person may do who signs in; `None` for users who do not.
pub fn permit(user: &UserRow) -> Option<Permit> {
    let login = user.login.as_ref()?;
    Some(permit_as(login.role, &user.external))
}

/// A member sees what is his, as a key of one user does.
pub(crate) fn permit_as(role: Role, external: &str) -> Permit {
    let user = (role == Role::Member).then(|| external.to_owned());
    Permit { user, ..Permit::of(role) }
}

impl Desk {
    /// Signs in with a password.
    ///
    /// Errors: `SignInFailed`, whatever the reason is; `TooMany`.
    pub async fn sign_in(
        &self,
        scope: Scope,
        email: &str,
        password: &str,
        from: &Visitor,
    ) -> Result<Entered, DeskError> {
        let now = self.inner.now();
        // What is no e-mail is nobody's: it is counted and answered like one.
        let email = Email::parse(email).ok();
        let account = (scope.workspace, email.clone());
        // Who is turned away has cost no look into the database.
        let barred = self.count_guess(from, &account, now)?;
        let found = match &email {
            Some(email) => self.store().find_login(scope, email.clone()).await?,
            None => None,
        };
        self.spare_who_is_here(barred, from, found.as_ref()).await?;
        let login = found.as_ref().and_then(|user| user.login.as_ref());
        let hash = login.and_then(|login| login.password.as_ref());
        let verdict = self.inner.passwords.verify(&self.inner.world, password, hash).await?;
        let failed = |why: &'static str| {
            let user = found.as_ref().map(|user| user.id.to_string()).unwrap_or_default();
            tracing::warn!(user, workspace = %scope.workspace, address = from.shown(), why, "A sign-in failed");
            DeskError::SignInFailed
        };
        let (Some(user), Some(login)) = (&found, login) else { return Err(failed("nobody has this e-mail")) };
        let outdated = match verdict {
            Verdict::Wrong => return Err(failed("wrong password")),
            Verdict::Right { .. } if login.disabled_at.is_some() => return Err(failed("disabled")),
            Verdict::Right { outdated } => outdated,
        };
        let rehash = if outdated { Some(self.inner.passwords.hash(&self.inner.world, password).await?) } else { None };
        let (token, row) = self.new_sign_in(user.scope, user.id, from);
        let new = NewSignIn { row: row.clone(), if_revision: login.revision, rehash };
        if !self.store().add_sign_in(new).await? {
            return Err(failed("changed meanwhile"));
        }
        if let (workspace, Some(email)) = account {
            self.inner.guesses.succeeded(from.address, &(workspace, email));
        }
        let user = seen_at(user.clone(), row.created_at);
        self.entered(token, SignedIn { sign_in: row, user }, "password", from)
    }

    /// Signs in with a one-time link for one of `purposes`, which is used up by it. An invite and a reset want a new password, a setup an e-mail
    /// besides.
    ///
    /// Errors: `link_spent`, whatever the reason is; `Invalid`; `login_exists`; `TooMany`.
    pub async fn open_link(
        &self,
        link: &str,
        purposes: &[Purpose],
        brought: Brought,
        from: &Visitor,
    ) -> Result<Entered, DeskError> {
        let now = self.inner.now();
        self.inner.guesses.pay_network(from.address, now).map_err(|barred| too_many(&barred))?;
        let spent = || {
            tracing::warn!(address = from.shown(), "A one-time link was refused");
            DeskError::from(Refusal::LinkSpent)
        };
        let secret = SecretText::read(link, SecretKind::Link).ok_or_else(spent)?;
        let found = self.store().find_link(LinkKey::Secret(secret.hash())).await?;
        let row = found.filter(|row| row.is_open(now) && purposes.contains(&row.purpose)).ok_or_else(spent)?;
        let purpose = row.purpose;
        let user = match (purpose, &row.email) {
            (Purpose::SignIn | Purpose::Reset, Some(email)) => {
                self.store().find_login(row.scope, email.clone()).await?
            }
            (Purpose::SignIn | Purpose::Reset, None) | (Purpose::Setup | Purpose::Invite, _) => None,
        };
        let (user, deed) = match purpose {
            Purpose::SignIn => {
                refuse_what_is_not_asked_for(&brought)?;
                (user.ok_or_else(spent)?.id, Deed::Enter)
            }
            Purpose::Reset => {
                let email = row.email.as_ref().ok_or_else(spent)?;
                let user = user.ok_or_else(spent)?.id;
                (user, Deed::SetPassword(self.new_password("/password", brought.password.as_deref(), email).await?))
            }
            Purpose::Setup | Purpose::Invite => {
                let new = people::new_login(self, person(&row, brought)?, now).await?;
                (new.user, Deed::Make(new))
            }
        };
        let (token, sign_in) = self.new_sign_in(row.scope, user, from);
        let using = LinkUse { link: row.id, purpose, at: now, deed, sign_in };
        let signed_in = self.store().use_link(using).await.map_err(|error| match error {
            StoreError::Refused(Refusal::LinkSpent) => spent(),
            other @ (StoreError::Refused(_)
            | StoreError::NotFound { .. }
            | StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::Corrupt(_)
            | StoreError::SchemaMismatch(_)
            | StoreError::TooNew { .. }
            | StoreError::Held { .. }) => other.into(),
        })?;
        self.inner.signed_in.forget(user);
        self.entered(token, signed_in, purpose.as_str(), from)
    }

    /// Whether nobody owns the workspace yet, so that a setup link may make its first owner.
    pub async fn needs_setup(&self, scope: Scope) -> Result<bool, DeskError> {
        let owners = UserFilter { signs_in: true, role: Some(Role::Owner) };
        let page = PageRequest { limit: 1, after: None, order: Order::OldestFirst };
        Ok(self.store().users(scope, owners, page).await?.rows.is_empty())
    }

    /// Who shows this secret; `None` when it is nobody's, or his sign-in is over.
    pub async fn signed_in(&self, token: &str) -> Result<Option<Arc<SignedIn>>, DeskError> {
        let Some(token) = SecretText::read(token, SecretKind::SignIn) else { return Ok(None) };
        let (hash, known) = (token.hash(), &self.inner.signed_in.known);
        let row = match known.look(&hash, self.inner.world.steady()) {
            Looked::Fresh(row) => row,
            Looked::Stale(asked) => match self.store().find_sign_in(hash).await? {
                Some(row) => known.learn(hash, asked, row),
                None => return Ok(None),
            },
        };
        let now = self.inner.now();
        if !self.is_living(&row, now) {
            return Ok(None);
        }
        if now.since(row.sign_in.last_seen_at) > TOUCH_AFTER {
            self.inner.signed_in.note(row.sign_in.id, now);
        }
        Ok(Some(row))
    }

    /// Whether this process has seen it alive, be it a while ago: its owner is let in where strangers have to wait.
    pub fn remembers_signed_in(&self, token: &str) -> bool {
        let token = SecretText::read(token, SecretKind::SignIn);
        let row = token.and_then(|token| self.inner.signed_in.known.any(&token.hash()));
        row.is_some_and(|row| self.is_living(&row, self.inner.now()))
    }

    /// Whether a sign-in is still good.
    pub fn is_living(&self, row: &SignedIn, now: Timestamp) -> bool {
        let enabled = row.user.login.as_ref().is_some_and(|login| login.disabled_at.is_none());
        enabled && self.sign_in_ends_at(&row.sign_in) > now
    }

    /// When a sign-in is over if it is not used again.
    pub fn sign_in_ends_at(&self, row: &SignInRow) -> Timestamp {
        self.inner.config.sign_in.ends_at(row.expires_at, row.last_seen_at)
    }

    /// Ends the sign-in: here at once, elsewhere within a second. Doing it twice changes nothing.
    pub async fn sign_out(&self, who: &SignedIn) -> Result<(), DeskError> {
        self.end_sign_in(who, who.sign_in.id).await?;
        Ok(())
    }

    /// Where somebody is signed in, newest first.
    pub async fn sign_ins_of(&self, who: &SignedIn) -> Result<Vec<SignInRow>, DeskError> {
        let now = self.inner.now();
        let mut rows = self.store().sign_ins(who.user.scope, who.user.id).await?;
        rows.retain(|row| self.sign_in_ends_at(row) > now);
        Ok(rows)
    }

    /// Ends one of somebody's own sign-ins. Whether there was such.
    pub async fn end_sign_in(&self, who: &SignedIn, id: SignInId) -> Result<bool, DeskError> {
        let ended = self.store().end_sign_ins(who.user.scope, who.user.id, Some(id)).await?;
        self.inner.signed_in.forget(who.user.id);
        tracing::info!(user = %who.user.id, workspace = %who.user.scope.workspace, sign_in = %id, "Signed out");
        Ok(ended > 0)
    }

    /// Sets one's own password. Every sign-in of the user ends, also this one; another one begins.
    ///
    /// Errors: `SignInFailed` when `current` is wrong; `Invalid`; `TooMany`.
    pub async fn set_own_password(
        &self,
        who: &SignedIn,
        current: &str,
        new: &str,
        from: &Visitor,
    ) -> Result<Entered, DeskError> {
        let (scope, now) = (who.user.scope, self.inner.now());
        let email = who.user.login.as_ref().map(|login| login.email.clone());
        let barred = self.count_guess(from, &(scope.workspace, email), now)?;
        let user = self.store().user(scope, who.user.id).await?;
        let Some(login) = &user.login else { return Err(Refusal::NoLogin.into()) };
        self.spare_who_is_here(barred, from, Some(&user)).await?;
        let checked = self.inner.passwords.verify(&self.inner.world, current, login.password.as_ref()).await?;
        // A cookie is believed for up to a second after its person was disabled somewhere else.
        if checked == Verdict::Wrong || login.disabled_at.is_some() {
            tracing::warn!(user = %user.id, workspace = %scope.workspace, disabled = login.disabled_at.is_some(),
                "A password was not changed: the old one is wrong, or the person is disabled");
            return Err(DeskError::SignInFailed);
        }
        let password = self.new_password("/new_password", Some(new), &login.email).await?;
        let (token, sign_in) = self.new_sign_in(scope, user.id, from);
        let change = people::unchanged(&user, login, now);
        let change = copydesk_store::logins::LoginChange {
            password: Some(password),
            sign_ins: SignIns::Renew(sign_in.clone()),
            ..change
        };
        let user = self.store().change_login(change).await.map_err(people::contended)?;
        self.inner.signed_in.forget(user.id);
        self.inner.guesses.succeeded(from.address, &(scope.workspace, login.email.clone()));
        tracing::info!(user = %user.id, workspace = %scope.workspace, "A password was changed");
        self.entered(token, SignedIn { sign_in, user }, "password change", from)
    }

    /// The hash of a password that may be one.
    pub(crate) async fn new_password(
        &self,
        pointer: &str,
        password: Option<&str>,
        email: &Email,
    ) -> Result<copydesk_store::logins::PasswordHash, DeskError> {
        let Some(password) = password else {
            return Err(DeskError::invalid(pointer, "required", "say the new password"));
        };
        if let Some((code, detail)) = password_fault(password, email) {
            return Err(DeskError::Invalid(vec![Fault::new(pointer, code, detail)]));
        }
        self.inner.passwords.hash(&self.inner.world, password).await
    }

    /// Counts a try. What bars this e-mail everywhere is for [`Desk::spare_who_is_here`] to decide.
    fn count_guess(
        &self,
        from: &Visitor,
        account: &(copydesk_core::WorkspaceId, Option<Email>),
        now: Timestamp,
    ) -> Result<Option<Barred>, DeskError> {
        let counted = match account {
            (workspace, Some(email)) => self.inner.guesses.pay(from.address, &(*workspace, email.clone()), now),
            (_, None) => self.inner.guesses.pay_network(from.address, now),
        };
        match counted {
            Ok(()) => Ok(None),
            Err(barred @ Barred::Everywhere { .. }) => Ok(Some(barred)),
            Err(barred @ Barred::Here { .. }) => Err(turned_away(&barred, from, None)),
        }
    }

    /// An e-mail that is barred is not, for where its owner is signed in.
    async fn spare_who_is_here(
        &self,
        barred: Option<Barred>,
        from: &Visitor,
        found: Option<&UserRow>,
    ) -> Result<(), DeskError> {
        let Some(barred) = barred else { return Ok(()) };
        if let (Some(user), Some(address)) = (found, from.address) {
            let known = self.store().sign_ins(user.scope, user.id).await?;
            let here = |row: &SignInRow| row.from.parse().is_ok_and(|from| Network::of(from) == Network::of(address));
            if known.iter().any(here) {
                return Ok(());
            }
        }
        Err(turned_away(&barred, from, found))
    }

    fn new_sign_in(&self, scope: Scope, user: UserId, from: &Visitor) -> (SecretText, SignInRow) {
        let now = self.inner.now();
        let token = SecretText::random(&self.inner.world, SecretKind::SignIn);
        let row = SignInRow {
            id: SignInId(self.inner.world.uuid(now)),
            scope,
            user,
            token_hash: token.hash(),
            created_at: now,
            expires_at: now.plus(self.inner.config.sign_in.absolute),
            last_seen_at: now,
            from: from.shown(),
            client: from.client.clone(),
        };
        (token, row)
    }

    fn entered(&self, token: SecretText, signed_in: SignedIn, by: &str, from: &Visitor) -> Result<Entered, DeskError> {
        let SignedIn { sign_in, user } = &signed_in;
        let (id, user) = (sign_in.id, user.id);
        tracing::info!(%user, workspace = %sign_in.scope.workspace, sign_in = %id, by, address = from.shown(), "Signed in");
        Ok(Entered { token, signed_in })
    }
}

/// The user as the store has him after a sign-in.
fn seen_at(mut user: UserRow, now: Timestamp) -> UserRow {
    if let Some(login) = &mut user.login {
        login.last_sign_in_at = Some(now);
    }
    user
}

/// What a link that only lets in does not take.
fn refuse_what_is_not_asked_for(brought: &Brought) -> Result<(), DeskError> {
    let given = [("/email", &brought.email), ("/password", &brought.password), ("/name", &brought.name)];
    match given.into_iter().find(|(_, given)| given.is_some()) {
        Some((pointer, _)) => Err(DeskError::invalid(pointer, "not_allowed", "this link lets in without it")),
        None => Ok(()),
    }
}

fn person(row: &LinkRow, brought: Brought) -> Result<Person, DeskError> {
    let Brought { email: said, password, name } = brought;
    let email = match (&row.email, said) {
        (Some(email), None) => email.as_str().to_owned(),
        (None, Some(said)) => said,
        (None, None) => return Err(DeskError::invalid("/email", "required", "say whose installation it is")),
        (Some(_), Some(_)) => {
            return Err(DeskError::invalid("/email", "not_allowed", "the invite says whose it is; leave it out"));
        }
    };
    let (role, user) = (row.role.unwrap_or(Role::Owner), row.user_external.clone());
    Ok(Person { scope: row.scope, email, role, name, user, password })
}

fn turned_away(barred: &Barred, from: &Visitor, found: Option<&UserRow>) -> DeskError {
    let user = found.map(|user| user.id.to_string()).unwrap_or_default();
    tracing::warn!(user, address = from.shown(), "Too many tried to sign in; one was turned away");
    too_many(barred)
}

fn too_many(barred: &Barred) -> DeskError {
    let (detail, wait) = match barred {
        Barred::Here { wait } => ("Too many tries to sign in came from this address; nothing was looked at.", wait),
        Barred::Everywhere { wait } => (
            "Too many tries to sign in with this e-mail came from everywhere; nothing was looked at. A one-time link still \
             lets its owner in.",
            wait,
        ),
    };
    DeskError::TooMany { detail, retry_s: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1) }
}
