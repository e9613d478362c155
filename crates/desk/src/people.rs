//! The people of a workspace: inviting them, changing what they may do, making links for them, and the first owner. Nobody
//! gives a role that may do more than he, nor touches somebody who may; one owner who can sign in is always left.

use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::issue::Issuer;
use crate::secrets::{SecretKind, SecretText};
use crate::sign_in::{permit, permit_as};
use copydesk_core::access::person::Email;
use copydesk_core::access::{Denied, KeyTerms, Permit, Purpose, Role};
use copydesk_core::refusal::Refusal;
use copydesk_core::{LinkId, Timestamp, UserId};
use copydesk_store::logins::{LinkKey, LinkRow, Login, LoginChange, NewLogin, SignIns, UserRow};
use copydesk_store::{Scope, StoreError};

/// Longest name of a person. Units: characters.
pub const NAME_CHARS_MAX: usize = 100;
/// How often a change is tried that others get in the way of.
const TRIES: u32 = 4;
/// Who made a link that the program itself made.
const THE_SERVER: &str = "the server";

/// Somebody who is to be able to sign in.
#[derive(Clone)]
pub struct Person {
    pub scope: Scope,
    pub email: String,
    pub role: Role,
    pub name: Option<String>,
    /// What the application calls him; his e-mail unless it says otherwise.
    pub user: Option<String>,
    pub password: Option<String>,
}

/// An invite as it is asked for.
#[derive(Clone, Debug)]
pub struct NewInvite {
    pub email: String,
    pub role: Role,
    pub user: Option<String>,
    pub expires_at: Option<Timestamp>,
}

/// What a change sets; `Some(None)` takes a name away.
#[derive(Clone, Default)]
pub struct PersonPatch {
    pub name: Option<Option<String>>,
    pub role: Option<Role>,
    pub disabled: Option<bool>,
    pub password: Option<String>,
}

/// A link with its secret, which is nowhere else.
#[derive(Clone, Debug)]
pub struct MadeLink {
    pub row: LinkRow,
    pub secret: SecretText,
}

impl Desk {
    /// Lets somebody new in, by a link that he sets his password with. An earlier invite of his ends.
    ///
    /// Errors: `Invalid`; `Denied` when the role, or that of the earlier invite, may do more than the asker; `login_exists`.
    pub async fn invite(&self, by: &Issuer, new: NewInvite) -> Result<MadeLink, DeskError> {
        let now = self.inner.now();
        let NewInvite { email, role, user, expires_at } = new;
        let email = sound_email(&email)?;
        let external = user.unwrap_or_else(|| email.as_str().to_owned());
        sound_user(&external)?;
        covered(by, &permit_as(role, &external))?;
        let (usual, longest) = Purpose::Invite.life();
        let expires_at = expires_at.unwrap_or_else(|| now.plus(usual));
        if expires_at <= now || expires_at > now.plus(longest) {
            let detail = format!("it must lie in the next {} days", longest.as_secs() / 86_400);
            return Err(DeskError::invalid("/expires_at", "out_of_range", detail));
        }
        let id = UserId::from_external(by.scope.workspace, &external);
        let taken =
            self.store().find_login(by.scope, email.clone()).await?.is_some() || self.signs_in(by.scope, id).await?;
        if taken {
            return Err(Refusal::LoginExists.into());
        }
        if let Some(before) = self.store().find_link(LinkKey::InviteFor(by.scope, email.clone(), now)).await? {
            covers_invite(by, &before)?;
        }
        let made = self.link(by.scope, &by.name, Purpose::Invite, expires_at);
        let row = LinkRow { email: Some(email), role: Some(role), user_external: Some(external), ..made.row };
        self.store().add_link(row.clone()).await?;
        tracing::info!(link = %row.id, workspace = %by.scope.workspace, by = by.name, role = role.as_str(), "Somebody was invited");
        Ok(MadeLink { row, ..made })
    }

    async fn signs_in(&self, scope: Scope, id: UserId) -> Result<bool, DeskError> {
        match self.store().user(scope, id).await {
            Ok(user) => Ok(user.login.is_some()),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(
                error @ (StoreError::Refused(_)
                | StoreError::Busy(_)
                | StoreError::Unavailable(_)
                | StoreError::CommitUnknown(_)
                | StoreError::Corrupt(_)
                | StoreError::SchemaMismatch(_)
                | StoreError::TooNew { .. }
                | StoreError::Held { .. }),
            ) => Err(error.into()),
        }
    }

    /// Takes an invite back. One that was used stays as it is.
    ///
    /// Errors: `NotFound`; `Denied` when its role may do more than the asker.
    pub async fn end_invite(&self, by: &Issuer, id: LinkId) -> Result<LinkRow, DeskError> {
        if let Some(row) = self.store().find_link(LinkKey::Invite(by.scope, id)).await? {
            covers_invite(by, &row)?;
        }
        let row = self.store().end_invite(by.scope, id, self.inner.now()).await?;
        tracing::info!(link = %id, workspace = %by.scope.workspace, by = by.name, "An invite was taken back");
        Ok(row)
    }

    /// Gives a user a login with a password.
    ///
    /// Errors: as for [`Desk::invite`].
    pub async fn add_person(&self, by: &Issuer, person: Person) -> Result<UserRow, DeskError> {
        let external = person.user.clone().unwrap_or_else(|| person.email.trim().to_lowercase());
        covered(by, &permit_as(person.role, &external))?;
        let role = person.role;
        let new = new_login(self, person, self.inner.now()).await?;
        let row = self.store().add_login(new).await?;
        tracing::info!(user = %row.id, workspace = %by.scope.workspace, by = by.name, role = role.as_str(), "A person was added");
        Ok(row)
    }

    /// Changes a person. Another role, another password or being disabled ends where he is signed in.
    ///
    /// Errors: `NotFound`; `no_login`; `last_owner`; `Denied` when he may do more than the asker, before or after;
    /// `Invalid`.
    pub async fn change_person(&self, by: &Issuer, id: UserId, patch: PersonPatch) -> Result<UserRow, DeskError> {
        if let Some(Some(name)) = &patch.name {
            sound_name(name)?;
        }
        let mut tries = 1;
        loop {
            let (now, user) = (self.inner.now(), self.store().user(by.scope, id).await?);
            let Some(login) = &user.login else { return Err(Refusal::NoLogin.into()) };
            covered(by, &permit_as(login.role, &user.external))?;
            let role = patch.role.unwrap_or(login.role);
            covered(by, &permit_as(role, &user.external))?;
            let password = match &patch.password {
                Some(password) => Some(self.new_password("/password", Some(password), &login.email).await?),
                None => login.password.clone(),
            };
            let disabled_at = match patch.disabled {
                None => login.disabled_at,
                Some(false) => None,
                Some(true) => login.disabled_at.or(Some(now)),
            };
            let same = role == login.role && disabled_at == login.disabled_at && patch.password.is_none();
            let change = LoginChange {
                name: patch.name.clone().unwrap_or_else(|| login.name.clone()),
                role,
                password,
                disabled_at,
                sign_ins: if same { SignIns::Stay } else { SignIns::End },
                ..unchanged(&user, login, now)
            };
            match self.store().change_login(change).await {
                Err(StoreError::Refused(Refusal::VersionConflict { .. })) if tries < TRIES => tries += 1,
                answer => {
                    self.inner.signed_in.forget(id);
                    let row = answer.map_err(contended)?;
                    let (workspace, disabled) = (by.scope.workspace, disabled_at.is_some());
                    let (by, role) = (&by.name, role.as_str());
                    tracing::info!(user = %id, %workspace, by, role, disabled, "A person was changed");
                    return Ok(row);
                }
            }
        }
    }

    /// A link that lets a person in once, or in with a new password.
    ///
    /// Errors: as for [`Desk::change_person`].
    pub async fn link_for(&self, by: &Issuer, id: UserId, purpose: Purpose) -> Result<MadeLink, DeskError> {
        let user = self.store().user(by.scope, id).await?;
        let (Some(login), Some(permit)) = (&user.login, permit(&user)) else { return Err(Refusal::NoLogin.into()) };
        covered(by, &permit)?;
        let made = self.link(by.scope, &by.name, purpose, self.inner.now().plus(purpose.life().0));
        let (email, login_revision) = (Some(login.email.clone()), Some(login.revision));
        let row = LinkRow { email, login_revision, ..made.row };
        self.store().add_link(row.clone()).await?;
        tracing::info!(
            link = %row.id, user = %id, workspace = %by.scope.workspace, by = by.name, purpose = purpose.as_str(),
            "A link was made"
        );
        Ok(MadeLink { row, ..made })
    }

    /// A link for whoever sees what the server says at its start: it makes the first owner.
    pub async fn setup_link(&self, scope: Scope) -> Result<MadeLink, DeskError> {
        let made = self.link(scope, THE_SERVER, Purpose::Setup, self.inner.now().plus(Purpose::Setup.life().0));
        self.store().add_link(made.row.clone()).await?;
        Ok(made)
    }

    /// The owner of the settings: made if there is none with this e-mail, else made an owner again with this password. Doing
    /// it twice changes nothing. Whether something was.
    pub async fn put_owner(&self, scope: Scope, email: &str, password: &str) -> Result<bool, DeskError> {
        let email = sound_email(email)?;
        let by = Issuer::server(scope);
        let Some(user) = self.store().find_login(scope, email.clone()).await? else {
            let (email, password) = (email.as_str().to_owned(), Some(password.to_owned()));
            let person = Person { scope, email, role: Role::Owner, name: None, user: None, password };
            return match self.add_person(&by, person).await {
                // Another process that starts was faster.
                Err(DeskError::Refused(Refusal::LoginExists)) => Ok(false),
                added => added.map(|_| true),
            };
        };
        let hash = user.login.as_ref().and_then(|login| login.password.as_ref());
        let checked = self.inner.passwords.verify(&self.inner.world, password, hash).await?;
        let fits = checked != crate::passwords::Verdict::Wrong;
        let owns = user.login.as_ref().is_some_and(|login| login.role == Role::Owner && login.disabled_at.is_none());
        if fits && owns {
            return Ok(false);
        }
        let password = (!fits).then(|| password.to_owned());
        let patch = PersonPatch { role: Some(Role::Owner), disabled: Some(false), password, name: None };
        self.change_person(&by, user.id, patch).await?;
        Ok(true)
    }

    fn link(&self, scope: Scope, made_by: &str, purpose: Purpose, expires_at: Timestamp) -> MadeLink {
        let now = self.inner.now();
        let secret = SecretText::random(&self.inner.world, SecretKind::Link);
        let row = LinkRow {
            id: LinkId(self.inner.world.uuid(now)),
            scope,
            token_hash: secret.hash(),
            purpose,
            email: None,
            role: None,
            user_external: None,
            made_by: made_by.to_owned(),
            login_revision: None,
            created_at: now,
            expires_at,
            used_at: None,
            revoked_at: None,
        };
        MadeLink { row, secret }
    }
}

impl Issuer {
    /// The program itself, on behalf of whoever runs it.
    fn server(scope: Scope) -> Issuer {
        Issuer { scope, name: THE_SERVER.to_owned(), terms: KeyTerms::new(THE_SERVER, Permit::owner()) }
    }
}

/// Errors: `Invalid`, with everything that is wrong but the password named first.
pub(crate) async fn new_login(desk: &Desk, person: Person, now: Timestamp) -> Result<NewLogin, DeskError> {
    let Person { scope, email, role, name, user, password } = person;
    let email = sound_email(&email)?;
    let external = user.unwrap_or_else(|| email.as_str().to_owned());
    sound_user(&external)?;
    name.as_deref().map_or(Ok(()), sound_name)?;
    let password = Some(desk.new_password("/password", password.as_deref(), &email).await?);
    let user = UserId::from_external(scope.workspace, &external);
    let login =
        Login { email, name, role, password, disabled_at: None, revision: 1, created_at: now, last_sign_in_at: None };
    Ok(NewLogin { scope, user, external, login })
}

/// A change that changes nothing, to say in it what does.
pub(crate) fn unchanged(user: &UserRow, login: &Login, at: Timestamp) -> LoginChange {
    LoginChange {
        scope: user.scope,
        user: user.id,
        at,
        if_revision: login.revision,
        name: login.name.clone(),
        role: login.role,
        password: login.password.clone(),
        disabled_at: login.disabled_at,
        sign_ins: SignIns::Stay,
    }
}

fn sound_email(email: &str) -> Result<Email, DeskError> {
    Email::parse(email).map_err(|bad| DeskError::invalid("/email", "bad_email", bad.to_string()))
}

fn sound_name(name: &str) -> Result<(), DeskError> {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let detail = format!("it must have 1 to {NAME_CHARS_MAX} characters");
        return Err(DeskError::invalid("/name", "bad_length", detail));
    }
    if name.chars().any(char::is_control) {
        return Err(DeskError::invalid("/name", "bad_character", "it contains a control character"));
    }
    Ok(())
}

/// The rules for the user of a key hold for people, too.
fn sound_user(external: &str) -> Result<(), DeskError> {
    let member = KeyTerms::new("a person", permit_as(Role::Member, external));
    let faults = member.faults().into_iter().filter(|fault| fault.field == "user");
    let faults: Vec<Fault> = faults.map(|it| Fault::new("/user", it.code, it.detail)).collect();
    if faults.is_empty() { Ok(()) } else { Err(DeskError::Invalid(faults)) }
}

/// A person has no end, so who has one cannot make or take one over, however much he may do until then.
fn covered(by: &Issuer, permit: &Permit) -> Result<(), DeskError> {
    let ends = by.terms.expires_at.is_some().then(|| "validity beyond its own".to_owned());
    match ends.or_else(|| by.terms.permit.lacks(permit)) {
        None => Ok(()),
        Some(what) => Err(DeskError::Denied { denied: Denied::Beyond { what }, instead: Vec::new() }),
    }
}

/// Whoever could not have made an invite does not end it either, be it by a newer one.
fn covers_invite(by: &Issuer, row: &LinkRow) -> Result<(), DeskError> {
    let external = row.user_external.clone().unwrap_or_default();
    covered(by, &permit_as(row.role.unwrap_or(Role::Owner), &external))
}

/// A conflict of revisions is nobody's fault: it may be tried again.
pub(crate) fn contended(error: StoreError) -> DeskError {
    match error {
        StoreError::Refused(Refusal::VersionConflict { .. }) => {
            DeskError::Store(StoreError::Busy("the person kept changing".to_owned()))
        }
        StoreError::Refused(_)
        | StoreError::NotFound { .. }
        | StoreError::Busy(_)
        | StoreError::Unavailable(_)
        | StoreError::CommitUnknown(_)
        | StoreError::Corrupt(_)
        | StoreError::SchemaMismatch(_)
        | StoreError::TooNew { .. }
        | StoreError::Held { .. } => error.into(),
    }
}
