//! The tables `logins`, `links` and `sign_ins`. What they mean is decided in core and in the desk; here rows are written
//! and read.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::memory::Session;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::access::{Email, Purpose, Role};
use copydesk_core::refusal::Refusal;
use copydesk_core::{LinkId, SignInId, Timestamp, UserId, WorkspaceId};
use copydesk_store::logins::{
    Deed, LinkKey, LinkRow, LinkUse, Login, LoginChange, NewLogin, PasswordHash, SignIns, UserFilter, UserRow,
};
use copydesk_store::sign_ins::{Forget, NewSignIn, SIGN_INS_MAX, SignInRow, SignedIn};
use copydesk_store::{Answer, LoginStore, Page, PageRequest, Scope, SignInStore, StoreError};
use rusqlite::{Row, params};

impl LoginStore for SqliteStore {
    fn users(&self, scope: Scope, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRow>> {
        Box::pin(self.read(move |db| list(db, scope, filter, &page)))
    }
    fn user(&self, scope: Scope, id: UserId) -> Answer<'_, UserRow> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }
    fn find_login(&self, scope: Scope, email: Email) -> Answer<'_, Option<UserRow>> {
        let workspace = scope.workspace.0;
        Box::pin(
            self.read(move |db| db.first(sql!("logins/find"), params![workspace.as_bytes(), email.as_str()], user_row)),
        )
    }
    fn add_login(&self, new: NewLogin) -> Answer<'_, UserRow> {
        Box::pin(self.write(0, move |session| {
            insert(session, &new)?;
            get(session.db, new.scope, new.user)
        }))
    }
    fn change_login(&self, change: LoginChange) -> Answer<'_, UserRow> {
        Box::pin(self.write(0, move |session| alter(session.db, &change)))
    }
    fn add_link(&self, link: LinkRow) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| insert_link(session.db, &link)))
    }
    fn find_link(&self, key: LinkKey) -> Answer<'_, Option<LinkRow>> {
        let invite = Purpose::Invite.as_str();
        Box::pin(self.read(move |db| match &key {
            LinkKey::Secret(hash) => db.first(sql!("links/find"), [hash], link_row),
            LinkKey::Invite(scope, id) => {
                let params = params![scope.workspace.0.as_bytes(), invite, id.0.as_bytes()];
                db.first(sql!("links/get"), params, link_row)
            }
            LinkKey::InviteFor(scope, email, at) => {
                let params = params![scope.workspace.0.as_bytes(), invite, email.as_str(), at.micros()];
                db.first(sql!("links/good"), params, link_row)
            }
        }))
    }
    fn invites(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<LinkRow>> {
        Box::pin(self.read(move |db| invites(db, scope, &page)))
    }
    fn end_invite(&self, scope: Scope, id: LinkId, at: Timestamp) -> Answer<'_, LinkRow> {
        Box::pin(self.write(0, move |session| {
            let (workspace, purpose) = (scope.workspace.0, Purpose::Invite.as_str());
            let params = params![at.micros(), workspace.as_bytes(), purpose, id.0.as_bytes()];
            session.db.execute(sql!("links/end"), params)?;
            let params = params![workspace.as_bytes(), purpose, id.0.as_bytes()];
            let row = session.db.first(sql!("links/get"), params, link_row)?;
            row.ok_or_else(|| StoreError::NotFound { what: "invite", id: id.to_string() }.into())
        }))
    }
    fn use_link(&self, using: LinkUse) -> Answer<'_, SignedIn> {
        Box::pin(self.write(0, move |session| use_up(session, &using)))
    }
}

impl SignInStore for SqliteStore {
    fn add_sign_in(&self, new: NewSignIn) -> Answer<'_, bool> {
        Box::pin(self.write(0, move |session| {
            let NewSignIn { row, if_revision, rehash } = &new;
            insert_sign_in(session.db, row, Some(*if_revision), rehash.as_ref())
        }))
    }
    fn find_sign_in(&self, token_hash: [u8; 32]) -> Answer<'_, Option<SignedIn>> {
        Box::pin(self.read(move |db| db.first(sql!("sign_ins/find"), [token_hash], signed_in)))
    }
    fn get_sign_in(&self, scope: Scope, id: SignInId) -> Answer<'_, Option<SignedIn>> {
        Box::pin(self.read(move |db| {
            db.first(sql!("sign_ins/get"), params![scope.workspace.0.as_bytes(), id.0.as_bytes()], signed_in)
        }))
    }
    fn sign_ins(&self, scope: Scope, user: UserId) -> Answer<'_, Vec<SignInRow>> {
        Box::pin(self.read(move |db| {
            let params = params![scope.workspace.0.as_bytes(), user.0.as_bytes()];
            db.all(sql!("sign_ins/list"), params, |row| sign_in_row(row, scope, user))
        }))
    }
    fn end_sign_ins(&self, scope: Scope, user: UserId, one: Option<SignInId>) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| end(session.db, scope, user, one)))
    }
    fn touch_sign_ins(&self, uses: Vec<(SignInId, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            for (id, at) in &uses {
                session.db.execute(sql!("sign_ins/touch"), params![at.micros(), id.0.as_bytes()])?;
            }
            Ok(())
        }))
    }
    fn forget_sign_ins(&self, forget: Forget) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| {
            let Forget { now, idle, links_kept, limit } = forget;
            let count = |sql, params: &[&dyn rusqlite::ToSql]| session.db.all(sql, params, |_| Ok(()));
            let (now_micros, unused, old) = (now.micros(), now.minus(idle).micros(), now.minus(links_kept).micros());
            let gone = count(sql!("sign_ins/forget"), params![now_micros, unused, limit])?.len();
            Ok((gone + count(sql!("links/forget"), params![old, limit])?.len()) as u64)
        }))
    }
}

fn list(db: Db<'_>, scope: Scope, filter: UserFilter, page: &PageRequest) -> Done<Page<UserRow>> {
    let cut = Cut::new(page, |id: UserId| id.0)?;
    let (workspace, role) = (scope.workspace.0, filter.role.map(Role::as_str));
    let rows = if filter.signs_in || role.is_some() {
        let params = params![workspace.as_bytes(), cut.after.as_bytes(), role, cut.limit];
        db.all(ordered!(cut, "logins/list_signing"), params, user_row)?
    } else {
        db.all(ordered!(cut, "logins/list"), params![workspace.as_bytes(), cut.after.as_bytes(), cut.limit], user_row)?
    };
    Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
}

fn get(db: Db<'_>, scope: Scope, id: UserId) -> Done<UserRow> {
    let found = db.first(sql!("logins/get"), params![scope.workspace.0.as_bytes(), id.0.as_bytes()], user_row)?;
    found.ok_or_else(|| StoreError::NotFound { what: "user", id: id.to_string() }.into())
}

fn insert(session: &mut Session<'_>, new: &NewLogin) -> Done<()> {
    let NewLogin { scope, user, external, login } = new;
    session.user_no_or_new(scope.workspace, *user, external, login.created_at)?;
    let params = params![
        scope.workspace.0.as_bytes(),
        user.0.as_bytes(),
        login.email.as_str(),
        login.name,
        login.role.as_str(),
        login.password.as_ref().map(|hash| &hash.0),
        login.disabled_at.map(Timestamp::micros),
        login.revision,
        login.created_at.micros(),
    ];
    let written: Option<i64> = session.db.first(sql!("logins/insert"), params, |row| Ok(row.get(0)?))?;
    written.map(drop).ok_or_else(|| refused(Refusal::LoginExists))
}

fn alter(db: Db<'_>, change: &LoginChange) -> Done<UserRow> {
    let LoginChange { scope, user, if_revision, .. } = change;
    let params = params![
        change.name,
        change.role.as_str(),
        change.password.as_ref().map(|hash| &hash.0),
        change.disabled_at.map(Timestamp::micros),
        scope.workspace.0.as_bytes(),
        user.0.as_bytes(),
        if_revision,
        change.owns(),
        Role::Owner.as_str(),
    ];
    let changed: Option<i64> = db.first(sql!("logins/change"), params, |row| Ok(row.get(0)?))?;
    if changed.is_none() {
        return Err(refused(match get(db, *scope, *user)?.login {
            None => Refusal::NoLogin,
            Some(login) if login.revision == *if_revision => Refusal::LastOwner,
            Some(login) => Refusal::VersionConflict { current: login.revision },
        }));
    }
    if change.sign_ins != SignIns::Stay {
        end(db, *scope, *user, None)?;
    }
    if let SignIns::Renew(row) = &change.sign_ins {
        insert_sign_in(db, row, None, None)?;
    }
    get(db, *scope, *user)
}

fn insert_link(db: Db<'_>, link: &LinkRow) -> Done<()> {
    let (workspace, purpose, email) = (link.scope.workspace.0, link.purpose.as_str(), link.email.as_ref());
    let (made_at, email) = (link.created_at.micros(), email.map(Email::as_str));
    db.execute(sql!("links/supersede"), params![made_at, workspace.as_bytes(), purpose, email])?;
    let params = params![
        link.id.0.as_bytes(),
        workspace.as_bytes(),
        link.token_hash,
        purpose,
        email,
        link.role.map(Role::as_str),
        link.user_external,
        link.made_by,
        link.login_revision,
        made_at,
        link.expires_at.micros(),
    ];
    db.execute(sql!("links/insert"), params)?;
    Ok(())
}

fn invites(db: Db<'_>, scope: Scope, page: &PageRequest) -> Done<Page<LinkRow>> {
    let cut = Cut::new(page, |id: LinkId| id.0)?;
    let purpose = Purpose::Invite.as_str();
    let params = params![scope.workspace.0.as_bytes(), purpose, cut.after.as_bytes(), cut.limit];
    let rows = db.all(ordered!(cut, "links/list"), params, link_row)?;
    Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
}

fn use_up(session: &mut Session<'_>, using: &LinkUse) -> Done<SignedIn> {
    let LinkUse { link, purpose, at, deed, sign_in } = using;
    let (workspace, user) = (sign_in.scope.workspace.0, sign_in.user);
    let params = params![at.micros(), workspace.as_bytes(), purpose.as_str(), link.0.as_bytes()];
    if session.db.first(sql!("links/use"), params, |_| Ok(()))?.is_none() {
        return Err(refused(Refusal::LinkSpent));
    }
    match deed {
        Deed::Make(new) => {
            let params = params![workspace.as_bytes(), Role::Owner.as_str()];
            let owned = session.db.first(sql!("logins/has_owner"), params, |_| Ok(()))?.is_some();
            if *purpose == Purpose::Setup && owned {
                return Err(refused(Refusal::LinkSpent));
            }
            insert(session, new)?;
        }
        Deed::SetPassword(hash) => {
            let params = params![hash.0, workspace.as_bytes(), user.0.as_bytes()];
            session.db.first(sql!("logins/set_password"), params, |_| Ok(()))?;
            end(session.db, sign_in.scope, user, None)?;
        }
        Deed::Enter => {}
    }
    if !insert_sign_in(session.db, sign_in, None, None)? {
        return Err(refused(Refusal::LinkSpent));
    }
    Ok(SignedIn { sign_in: sign_in.clone(), user: get(session.db, sign_in.scope, user)? })
}

/// Whether its user may sign in, at this revision if one is named.
fn insert_sign_in(db: Db<'_>, row: &SignInRow, if_revision: Option<i64>, rehash: Option<&PasswordHash>) -> Done<bool> {
    let (workspace, user) = (row.scope.workspace.0, row.user.0);
    let params = params![
        row.id.0.as_bytes(),
        row.token_hash,
        row.created_at.micros(),
        row.expires_at.micros(),
        row.last_seen_at.micros(),
        row.from,
        row.client,
        workspace.as_bytes(),
        user.as_bytes(),
        if_revision,
    ];
    if db.first(sql!("sign_ins/insert"), params, |_| Ok(()))?.is_none() {
        return Ok(false);
    }
    let hash = rehash.map(|hash| &hash.0);
    db.execute(sql!("logins/seen"), params![row.created_at.micros(), hash, workspace.as_bytes(), user.as_bytes()])?;
    db.execute(sql!("sign_ins/cut"), params![workspace.as_bytes(), user.as_bytes(), SIGN_INS_MAX])?;
    Ok(true)
}

fn end(db: Db<'_>, scope: Scope, user: UserId, one: Option<SignInId>) -> Done<u64> {
    let one = one.map(|id| *id.0.as_bytes());
    let params = params![scope.workspace.0.as_bytes(), user.0.as_bytes(), one];
    Ok(db.all(sql!("sign_ins/end"), params, |_| Ok(()))?.len() as u64)
}

fn refused(refusal: Refusal) -> Fault {
    StoreError::Refused(refusal).into()
}

fn user_row(row: &Row<'_>) -> Done<UserRow> {
    let email: Option<String> = row.get("email")?;
    let login = match email {
        None => None,
        Some(email) => Some(Login {
            email: stored_email(&email)?,
            name: row.get("name")?,
            role: codec::word(row, "logins.role", Role::parse)?,
            password: row.get::<_, Option<String>>("password_hash")?.map(PasswordHash),
            disabled_at: codec::maybe_instant(row, "disabled_at")?,
            revision: row.get("revision")?,
            created_at: codec::instant(row, "login_created_at")?,
            last_sign_in_at: codec::maybe_instant(row, "last_sign_in_at")?,
        }),
    };
    Ok(UserRow {
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        id: UserId(codec::uuid(row, "id")?),
        external: row.get("external_id")?,
        created_at: codec::instant(row, "created_at")?,
        login,
    })
}

fn stored_email(email: &str) -> Done<Email> {
    Email::parse(email).map_err(|_| Fault::corrupt(format!("{email:?} is stored as an e-mail")))
}

fn link_row(row: &Row<'_>) -> Done<LinkRow> {
    let email: Option<String> = row.get("email")?;
    let role: Option<String> = row.get("role")?;
    Ok(LinkRow {
        id: LinkId(codec::uuid(row, "id")?),
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        token_hash: row.get("token_hash")?,
        purpose: codec::word(row, "links.purpose", Purpose::parse)?,
        email: email.as_deref().map(stored_email).transpose()?,
        role: role.map(|word| codec::known("links.role", &word, Role::parse)).transpose()?,
        user_external: row.get("user_external")?,
        made_by: row.get("made_by")?,
        login_revision: row.get("login_revision")?,
        created_at: codec::instant(row, "created_at")?,
        expires_at: codec::instant(row, "expires_at")?,
        used_at: codec::maybe_instant(row, "used_at")?,
        revoked_at: codec::maybe_instant(row, "revoked_at")?,
    })
}

fn signed_in(row: &Row<'_>) -> Done<SignedIn> {
    let user = user_row(row)?;
    Ok(SignedIn { sign_in: sign_in_row(row, user.scope, user.id)?, user })
}

fn sign_in_row(row: &Row<'_>, scope: Scope, user: UserId) -> Done<SignInRow> {
    Ok(SignInRow {
        id: SignInId(codec::uuid(row, "sign_in_id")?),
        scope,
        user,
        token_hash: row.get("token_hash")?,
        created_at: codec::instant(row, "began_at")?,
        expires_at: codec::instant(row, "expires_at")?,
        last_seen_at: codec::instant(row, "last_seen_at")?,
        from: row.get("from_address")?,
        client: row.get("client")?,
    })
}
