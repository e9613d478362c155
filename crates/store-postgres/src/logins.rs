//! The tables `logins`, `links` and `sign_ins`. What they mean is decided in core and in the desk; here rows are written
//! and read. Who changes the logins of a workspace does so one after the other (`logins/lock`).

use crate::PostgresStore;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, Param, columns, params, sql, text, unknown_word};
use copydesk_core::access::{Email, Purpose, Role};
use copydesk_core::refusal::Refusal;
use copydesk_core::{LinkId, SignInId, Timestamp, UserId, WorkspaceId};
use copydesk_store::logins::{
    Deed, LinkKey, LinkRow, LinkUse, Login, LoginChange, NewLogin, PasswordHash, SignIns, UserFilter, UserRow,
};
use copydesk_store::sign_ins::{Forget, NewSignIn, SIGN_INS_MAX, SignInRow, SignedIn};
use copydesk_store::{Answer, LoginStore, Order, Page, PageRequest, Scope, SignInStore, StoreError};
use tokio_postgres::Row;
use uuid::Uuid;

impl LoginStore for PostgresStore {
    fn users(&self, scope: Scope, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRow>> {
        Box::pin(async move { self.page_users(scope, filter, &page).await })
    }
    fn user(&self, scope: Scope, id: UserId) -> Answer<'_, UserRow> {
        Box::pin(self.user_by_id(scope, id))
    }
    fn find_login(&self, scope: Scope, email: Email) -> Answer<'_, Option<UserRow>> {
        Box::pin(async move {
            let params = params![scope.workspace.0, email.as_str()];
            read(&self.readers, sql!("logins/find"), params).await?.first().map(user_row).transpose()
        })
    }
    fn add_login(&self, new: NewLogin) -> Answer<'_, UserRow> {
        Box::pin(async move {
            let mut tx = Tx::open(&self.writers).await?;
            insert(&mut tx, &new).await?;
            tx.commit(Steps::default()).await?;
            self.user_by_id(new.scope, new.user).await
        })
    }
    fn change_login(&self, change: LoginChange) -> Answer<'_, UserRow> {
        Box::pin(async move { self.write_login_change(&change).await })
    }
    fn add_link(&self, link: LinkRow) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.insert_link(&link).await?) })
    }
    fn find_link(&self, key: LinkKey) -> Answer<'_, Option<LinkRow>> {
        Box::pin(async move {
            let invite = Purpose::Invite.as_str();
            let (sql, params) = match &key {
                LinkKey::Secret(hash) => (sql!("links/find"), params![hash.to_vec()]),
                LinkKey::Invite(scope, id) => (sql!("links/get"), params![scope.workspace.0, invite, id.0]),
                LinkKey::InviteFor(scope, email, at) => {
                    (sql!("links/good"), params![scope.workspace.0, invite, email.as_str(), Micros::from(*at)])
                }
            };
            let rows = read(&self.readers, sql, params).await?;
            rows.first().map(link_row).transpose()
        })
    }
    fn invites(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<LinkRow>> {
        Box::pin(async move {
            let cursor: Cursor<LinkId> = Cursor::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("links/list_newest"),
                Order::OldestFirst => sql!("links/list_oldest"),
            };
            let params = params![scope.workspace.0, Purpose::Invite.as_str(), cursor.after.0, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, link_row, |row| row.id.to_string())
        })
    }
    fn end_invite(&self, scope: Scope, id: LinkId, at: Timestamp) -> Answer<'_, LinkRow> {
        Box::pin(async move {
            let (workspace, purpose) = (scope.workspace.0, Purpose::Invite.as_str());
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            steps.add(sql!("links/end"), params![Micros::from(at), workspace, purpose, id.0]);
            let found = steps.add(sql!("links/get"), params![workspace, purpose, id.0]);
            let answers = tx.commit(steps).await?;
            let missing = || StoreError::NotFound { what: "invite", id: id.to_string() };
            answers.rows(Some(found)).first().map(link_row).ok_or_else(missing)?
        })
    }
    fn use_link(&self, using: LinkUse) -> Answer<'_, SignedIn> {
        Box::pin(async move {
            self.use_up(&using).await?;
            let LinkUse { sign_in, .. } = using;
            let user = self.user_by_id(sign_in.scope, sign_in.user).await?;
            Ok(SignedIn { sign_in, user })
        })
    }
}

impl SignInStore for PostgresStore {
    fn add_sign_in(&self, new: NewSignIn) -> Answer<'_, bool> {
        Box::pin(async move {
            let NewSignIn { row, if_revision, rehash } = &new;
            let mut tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            lock(&mut steps, row.scope);
            tx.send(steps).await?;
            if !insert_sign_in(&mut tx, row, Some(*if_revision), rehash.as_ref()).await? {
                tx.rollback().await?;
                return Ok(false);
            }
            tx.commit(Steps::default()).await?;
            Ok(true)
        })
    }
    fn find_sign_in(&self, token_hash: [u8; 32]) -> Answer<'_, Option<SignedIn>> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("sign_ins/find"), params![token_hash.to_vec()]).await?;
            rows.first().map(signed_in).transpose()
        })
    }
    fn get_sign_in(&self, scope: Scope, id: SignInId) -> Answer<'_, Option<SignedIn>> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("sign_ins/get"), params![scope.workspace.0, id.0]).await?;
            rows.first().map(signed_in).transpose()
        })
    }
    fn sign_ins(&self, scope: Scope, user: UserId) -> Answer<'_, Vec<SignInRow>> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("sign_ins/list"), params![scope.workspace.0, user.0]).await?;
            rows.iter().map(|row| sign_in_row(row, scope, user)).collect()
        })
    }
    fn end_sign_ins(&self, scope: Scope, user: UserId, one: Option<SignInId>) -> Answer<'_, u64> {
        Box::pin(async move {
            let params = params![scope.workspace.0, user.0, one.map(|id| id.0)];
            Ok(read(&self.writers, sql!("sign_ins/end"), params).await?.len() as u64)
        })
    }
    fn touch_sign_ins(&self, mut uses: Vec<(SignInId, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move {
            uses.sort_by_key(|(id, _)| *id);
            let params = columns!(uses, used => used.0.0, Micros::from(used.1));
            read(&self.writers, sql!("sign_ins/touch"), params).await?;
            Ok(())
        })
    }
    fn forget_sign_ins(&self, forget: Forget) -> Answer<'_, u64> {
        Box::pin(async move {
            let Forget { now, idle, links_kept, limit } = forget;
            let (unused, old) = (Micros::from(now.minus(idle)), Micros::from(now.minus(links_kept)));
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("sign_ins/forget"), params![Micros::from(now), unused, i64::from(limit)]);
            let links = steps.add(sql!("links/forget"), params![old, i64::from(limit)]);
            let answers = tx.commit(steps).await?;
            Ok((answers.rows(Some(gone)).len() + answers.rows(Some(links)).len()) as u64)
        })
    }
}

impl PostgresStore {
    async fn page_users(
        &self,
        scope: Scope,
        filter: UserFilter,
        page: &PageRequest,
    ) -> Result<Page<UserRow>, StoreError> {
        let cursor: Cursor<UserId> = Cursor::of(page)?;
        let (workspace, role) = (scope.workspace.0, filter.role.map(Role::as_str));
        let signing = filter.signs_in || role.is_some();
        let sql = match (page.order, signing) {
            (Order::NewestFirst, false) => sql!("logins/list_newest"),
            (Order::OldestFirst, false) => sql!("logins/list_oldest"),
            (Order::NewestFirst, true) => sql!("logins/list_signing_newest"),
            (Order::OldestFirst, true) => sql!("logins/list_signing_oldest"),
        };
        let params = if signing {
            params![workspace, cursor.after.0, role, cursor.limit]
        } else {
            params![workspace, cursor.after.0, cursor.limit]
        };
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, user_row, |row| row.id.to_string())
    }

    async fn user_by_id(&self, scope: Scope, id: UserId) -> Result<UserRow, StoreError> {
        let rows = read(&self.readers, sql!("logins/get"), params![scope.workspace.0, id.0]).await?;
        let missing = || StoreError::NotFound { what: "user", id: id.to_string() };
        rows.first().map(user_row).ok_or_else(missing)?
    }

    async fn write_login_change(&self, change: &LoginChange) -> Result<UserRow, StoreError> {
        let LoginChange { scope, user, if_revision, .. } = change;
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        lock(&mut steps, *scope);
        let changed = steps.add(
            sql!("logins/change"),
            params![
                change.name.as_deref().map(text),
                change.role.as_str(),
                change.password.as_ref().map(|hash| hash.0.as_str()),
                change.disabled_at.map(Micros::from),
                scope.workspace.0,
                user.0,
                *if_revision,
                change.owns(),
                Role::Owner.as_str()
            ],
        );
        if tx.send(steps).await?.rows(Some(changed)).is_empty() {
            tx.rollback().await?;
            return Err(refused(match self.user_by_id(*scope, *user).await?.login {
                None => Refusal::NoLogin,
                Some(login) if login.revision == *if_revision => Refusal::LastOwner,
                Some(login) => Refusal::VersionConflict { current: login.revision },
            }));
        }
        let mut steps = Steps::default();
        if change.sign_ins != SignIns::Stay {
            steps.add(sql!("sign_ins/end"), params![scope.workspace.0, user.0, None::<Uuid>]);
        }
        if let SignIns::Renew(row) = &change.sign_ins {
            tx.send(steps).await?;
            insert_sign_in(&mut tx, row, None, None).await?;
            steps = Steps::default();
        }
        tx.commit(steps).await?;
        self.user_by_id(*scope, *user).await
    }

    async fn insert_link(&self, link: &LinkRow) -> Result<(), Fault> {
        let (workspace, purpose) = (link.scope.workspace.0, link.purpose.as_str());
        let (made_at, email) = (Micros::from(link.created_at), link.email.as_ref().map(Email::as_str));
        let tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        lock(&mut steps, link.scope);
        steps.add(sql!("links/supersede"), params![made_at, workspace, purpose, email]);
        let row = params![
            link.id.0,
            workspace,
            link.token_hash.to_vec(),
            purpose,
            email,
            link.role.map(Role::as_str),
            link.user_external.as_deref().map(text),
            text(&link.made_by),
            link.login_revision,
            made_at,
            Micros::from(link.expires_at)
        ];
        steps.add(sql!("links/insert"), row);
        tx.commit(steps).await?;
        Ok(())
    }

    async fn use_up(&self, using: &LinkUse) -> Result<(), StoreError> {
        let LinkUse { link, purpose, at, deed, sign_in } = using;
        let (workspace, user) = (sign_in.scope.workspace.0, sign_in.user.0);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        lock(&mut steps, sign_in.scope);
        let used = steps.add(sql!("links/use"), params![Micros::from(*at), workspace, purpose.as_str(), link.0]);
        let owned = steps.add(sql!("logins/has_owner"), params![workspace, Role::Owner.as_str()]);
        let answers = tx.send(steps).await?;
        let set_up = *purpose == Purpose::Setup && !answers.rows(Some(owned)).is_empty();
        if answers.rows(Some(used)).is_empty() || set_up {
            tx.rollback().await?;
            return Err(refused(Refusal::LinkSpent));
        }
        match deed {
            Deed::Make(new) => insert(&mut tx, new).await?,
            Deed::SetPassword(hash) => {
                let mut steps = Steps::default();
                steps.add(sql!("logins/set_password"), params![hash.0.as_str(), workspace, user]);
                steps.add(sql!("sign_ins/end"), params![workspace, user, None::<Uuid>]);
                tx.send(steps).await?;
            }
            Deed::Enter => {}
        }
        if !insert_sign_in(&mut tx, sign_in, None, None).await? {
            tx.rollback().await?;
            return Err(refused(Refusal::LinkSpent));
        }
        tx.commit(Steps::default()).await?;
        Ok(())
    }
}

fn lock(steps: &mut Steps<'_>, scope: Scope) {
    steps.add(sql!("logins/lock"), params![scope.workspace.0]);
}

/// Errors: `Refused(LoginExists)`; dropped with it, the transaction is undone.
async fn insert(tx: &mut Tx, new: &NewLogin) -> Result<(), StoreError> {
    let NewLogin { scope, user, external, login } = new;
    let mut steps = Steps::default();
    lock(&mut steps, *scope);
    let users = [(scope.workspace, *user, external.as_str(), login.created_at)];
    steps.add(sql!("accept/insert_user"), columns!(users, u => u.0.0, u.1.0, text(u.2), Micros::from(u.3)));
    let row: Vec<Param<'_>> = params![
        scope.workspace.0,
        user.0,
        login.email.as_str(),
        login.name.as_deref().map(text),
        login.role.as_str(),
        login.password.as_ref().map(|hash| hash.0.as_str()),
        login.disabled_at.map(Micros::from),
        login.revision,
        Micros::from(login.created_at)
    ];
    let written = steps.add(sql!("logins/insert"), row);
    if tx.send(steps).await?.rows(Some(written)).is_empty() { Err(refused(Refusal::LoginExists)) } else { Ok(()) }
}

/// Whether its user may sign in, at this revision if one is named.
async fn insert_sign_in(
    tx: &mut Tx,
    row: &SignInRow,
    if_revision: Option<i64>,
    rehash: Option<&PasswordHash>,
) -> Result<bool, StoreError> {
    let (workspace, user) = (row.scope.workspace.0, row.user.0);
    let mut steps = Steps::default();
    let made = steps.add(
        sql!("sign_ins/insert"),
        params![
            row.id.0,
            row.token_hash.to_vec(),
            Micros::from(row.created_at),
            Micros::from(row.expires_at),
            Micros::from(row.last_seen_at),
            text(&row.from),
            text(&row.client),
            workspace,
            user,
            if_revision
        ],
    );
    if tx.send(steps).await?.rows(Some(made)).is_empty() {
        return Ok(false);
    }
    let mut steps = Steps::default();
    let hash = rehash.map(|hash| hash.0.as_str());
    steps.add(sql!("logins/seen"), params![Micros::from(row.created_at), hash, workspace, user]);
    steps.add(sql!("sign_ins/cut"), params![workspace, user, i64::from(SIGN_INS_MAX)]);
    tx.send(steps).await?;
    Ok(true)
}

fn refused(refusal: Refusal) -> StoreError {
    StoreError::Refused(refusal)
}

fn user_row(row: &Row) -> Result<UserRow, StoreError> {
    let email: Option<String> = row.get("email");
    let login = match email {
        None => None,
        Some(email) => Some(Login {
            email: stored_email(&email)?,
            name: row.get("name"),
            role: stored_role(row.get("role"))?,
            password: row.get::<_, Option<String>>("password_hash").map(PasswordHash),
            disabled_at: maybe_instant(row, "disabled_at"),
            revision: row.get("revision"),
            created_at: row.get::<_, Micros>("login_created_at").into(),
            last_sign_in_at: maybe_instant(row, "last_sign_in_at"),
        }),
    };
    Ok(UserRow {
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        id: UserId(row.get("id")),
        external: row.get("external_id"),
        created_at: row.get::<_, Micros>("created_at").into(),
        login,
    })
}

fn maybe_instant(row: &Row, column: &str) -> Option<Timestamp> {
    row.get::<_, Option<Micros>>(column).map(Into::into)
}

fn stored_email(email: &str) -> Result<Email, StoreError> {
    Email::parse(email).map_err(|_| unknown_word("e-mail", email))
}

fn stored_role(word: &str) -> Result<Role, StoreError> {
    Role::parse(word).ok_or_else(|| unknown_word("role", word))
}

fn link_row(row: &Row) -> Result<LinkRow, StoreError> {
    let purpose: &str = row.get("purpose");
    let (email, role): (Option<&str>, Option<&str>) = (row.get("email"), row.get("role"));
    Ok(LinkRow {
        id: LinkId(row.get("id")),
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        token_hash: hash_of(row, "token_hash")?,
        purpose: Purpose::parse(purpose).ok_or_else(|| unknown_word("purpose of a link", purpose))?,
        email: email.map(stored_email).transpose()?,
        role: role.map(stored_role).transpose()?,
        user_external: row.get("user_external"),
        made_by: row.get("made_by"),
        login_revision: row.get("login_revision"),
        created_at: row.get::<_, Micros>("created_at").into(),
        expires_at: row.get::<_, Micros>("expires_at").into(),
        used_at: maybe_instant(row, "used_at"),
        revoked_at: maybe_instant(row, "revoked_at"),
    })
}

fn signed_in(row: &Row) -> Result<SignedIn, StoreError> {
    let user = user_row(row)?;
    Ok(SignedIn { sign_in: sign_in_row(row, user.scope, user.id)?, user })
}

fn sign_in_row(row: &Row, scope: Scope, user: UserId) -> Result<SignInRow, StoreError> {
    Ok(SignInRow {
        id: SignInId(row.get("sign_in_id")),
        scope,
        user,
        token_hash: hash_of(row, "token_hash")?,
        created_at: row.get::<_, Micros>("began_at").into(),
        expires_at: row.get::<_, Micros>("expires_at").into(),
        last_seen_at: row.get::<_, Micros>("last_seen_at").into(),
        from: row.get("from_address"),
        client: row.get("client"),
    })
}
