//! The model's users with their logins, links and sign-ins.

use super::ModelStore;
use super::data::{Data, User, paged};
use copydesk_core::access::{Email, Purpose, Role};
use copydesk_core::refusal::Refusal;
use copydesk_core::{LinkId, SignInId, Timestamp, UserId};
use copydesk_store::logins::{
    Deed, LinkKey, LinkRow, LinkUse, Login, LoginChange, LoginStore, NewLogin, SignIns, UserFilter, UserRow,
};
use copydesk_store::sign_ins::{Forget, NewSignIn, SIGN_INS_MAX, SignInRow, SignInStore, SignedIn};
use copydesk_store::{Answer, Page, PageRequest, Scope, StoreError};

impl LoginStore for ModelStore {
    fn users(&self, scope: Scope, filter: UserFilter, page: PageRequest) -> Answer<'_, Page<UserRow>> {
        Box::pin(async move { self.data().list_users(scope, filter, &page) })
    }
    fn user(&self, scope: Scope, id: UserId) -> Answer<'_, UserRow> {
        Box::pin(async move { self.data().user(scope, id) })
    }
    fn find_login(&self, scope: Scope, email: Email) -> Answer<'_, Option<UserRow>> {
        Box::pin(async move { Ok(self.data().login_of(scope, &email)) })
    }
    fn add_login(&self, new: NewLogin) -> Answer<'_, UserRow> {
        Box::pin(async move { self.data().add_login(new) })
    }
    fn change_login(&self, change: LoginChange) -> Answer<'_, UserRow> {
        Box::pin(async move { self.data().change_login(change) })
    }
    fn add_link(&self, link: LinkRow) -> Answer<'_, ()> {
        Box::pin(async move {
            self.data().add_link(link);
            Ok(())
        })
    }
    fn find_link(&self, key: LinkKey) -> Answer<'_, Option<LinkRow>> {
        let invite = |link: &LinkRow, scope: Scope| link.scope == scope && link.purpose == Purpose::Invite;
        let found = move |link: &&LinkRow| match &key {
            LinkKey::Secret(hash) => link.token_hash == *hash,
            LinkKey::Invite(scope, id) => invite(link, *scope) && link.id == *id,
            LinkKey::InviteFor(scope, email, at) => {
                invite(link, *scope) && link.email.as_ref() == Some(email) && link.is_open(*at)
            }
        };
        Box::pin(async move { Ok(self.data().links.iter().find(found).cloned()) })
    }
    fn invites(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<LinkRow>> {
        Box::pin(async move { self.data().list_invites(scope, &page) })
    }
    fn end_invite(&self, scope: Scope, id: LinkId, at: Timestamp) -> Answer<'_, LinkRow> {
        Box::pin(async move { self.data().end_invite(scope, id, at) })
    }
    fn use_link(&self, using: LinkUse) -> Answer<'_, SignedIn> {
        Box::pin(async move { self.data().use_link(using) })
    }
}

impl SignInStore for ModelStore {
    fn add_sign_in(&self, new: NewSignIn) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.data().add_sign_in(new)) })
    }
    fn find_sign_in(&self, token_hash: [u8; 32]) -> Answer<'_, Option<SignedIn>> {
        Box::pin(async move {
            let data = self.data();
            let found = data.sign_ins.values().find(|row| row.token_hash == token_hash).cloned();
            found.map(|row| data.signed_in(row)).transpose()
        })
    }
    fn get_sign_in(&self, scope: Scope, id: SignInId) -> Answer<'_, Option<SignedIn>> {
        Box::pin(async move {
            let data = self.data();
            let found = data.sign_ins.get(&id).filter(|row| row.scope == scope).cloned();
            found.map(|row| data.signed_in(row)).transpose()
        })
    }
    fn sign_ins(&self, scope: Scope, user: UserId) -> Answer<'_, Vec<SignInRow>> {
        Box::pin(async move {
            let data = self.data();
            let own = data.sign_ins.values().rev().filter(|row| row.scope == scope && row.user == user);
            Ok(own.cloned().collect())
        })
    }
    fn end_sign_ins(&self, scope: Scope, user: UserId, one: Option<SignInId>) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.data().end_sign_ins(scope, user, one)) })
    }
    fn touch_sign_ins(&self, uses: Vec<(SignInId, Timestamp)>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut data = self.data();
            for (id, at) in uses {
                if let Some(row) = data.sign_ins.get_mut(&id) {
                    row.last_seen_at = row.last_seen_at.max(at);
                }
            }
            Ok(())
        })
    }
    fn forget_sign_ins(&self, forget: Forget) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.data().forget_sign_ins(forget)) })
    }
}

impl Data {
    fn row_of(&self, scope: Scope, id: UserId, user: &User) -> UserRow {
        let login = self.logins.get(&(scope.workspace, id)).cloned();
        UserRow { scope, id, external: user.external.clone(), created_at: user.created_at, login }
    }

    fn list_users(&self, scope: Scope, filter: UserFilter, page: &PageRequest) -> Result<Page<UserRow>, StoreError> {
        let own = self.users.iter().filter(|((workspace, _), _)| *workspace == scope.workspace);
        let rows = own.map(|((_, id), user)| (*id, self.row_of(scope, *id, user)));
        let wanted = |row: &UserRow| {
            let role = row.login.as_ref().map(|login| login.role);
            (role.is_some() || !filter.signs_in && filter.role.is_none())
                && filter.role.is_none_or(|wanted| role == Some(wanted))
        };
        paged(rows.filter(|(_, row)| wanted(row)).collect(), page)
    }

    fn user(&self, scope: Scope, id: UserId) -> Result<UserRow, StoreError> {
        let user = self.users.get(&(scope.workspace, id));
        let missing = || StoreError::NotFound { what: "user", id: id.to_string() };
        user.map(|user| self.row_of(scope, id, user)).ok_or_else(missing)
    }

    fn login_of(&self, scope: Scope, email: &Email) -> Option<UserRow> {
        let mut own = self.logins.iter().filter(|((workspace, _), _)| *workspace == scope.workspace);
        let ((_, id), _) = own.find(|(_, login)| login.email == *email)?;
        self.user(scope, *id).ok()
    }

    fn add_login(&mut self, new: NewLogin) -> Result<UserRow, StoreError> {
        let NewLogin { scope, user, external, login } = new;
        let place = (scope.workspace, user);
        if self.logins.contains_key(&place) || self.login_of(scope, &login.email).is_some() {
            return Err(Refusal::LoginExists.into());
        }
        self.users.entry(place).or_insert(User { external, created_at: login.created_at });
        self.logins.insert(place, login);
        self.user(scope, user)
    }

    fn change_login(&mut self, change: LoginChange) -> Result<UserRow, StoreError> {
        let (scope, user) = (change.scope, change.user);
        let place = (scope.workspace, user);
        let Some(login) = self.user(scope, user)?.login else { return Err(Refusal::NoLogin.into()) };
        if login.revision != change.if_revision {
            return Err(Refusal::VersionConflict { current: login.revision }.into());
        }
        let owns = |login: &Login| login.role == Role::Owner && login.disabled_at.is_none();
        let mut others = self.logins.iter().filter(|(other, _)| other.0 == scope.workspace && **other != place);
        if owns(&login) && !change.owns() && !others.any(|(_, login)| owns(login)) {
            return Err(Refusal::LastOwner.into());
        }
        let LoginChange { name, role, password, disabled_at, sign_ins, .. } = change;
        let revision = login.revision + 1;
        self.logins.insert(place, Login { name, role, password, disabled_at, revision, ..login });
        if sign_ins != SignIns::Stay {
            self.end_sign_ins(scope, user, None);
        }
        if let SignIns::Renew(row) = sign_ins {
            self.put_sign_in(row);
        }
        self.user(scope, user)
    }

    fn add_link(&mut self, link: LinkRow) {
        let same = |other: &&mut LinkRow| {
            other.scope == link.scope
                && other.purpose == link.purpose
                && link.email.is_some()
                && other.email == link.email
        };
        for earlier in self.links.iter_mut().filter(same).filter(|other| other.is_open(link.created_at)) {
            earlier.revoked_at = Some(link.created_at);
        }
        self.links.push(link);
    }

    fn list_invites(&self, scope: Scope, page: &PageRequest) -> Result<Page<LinkRow>, StoreError> {
        let own = self.links.iter().filter(|link| link.scope == scope && link.purpose == Purpose::Invite);
        let mut rows: Vec<(LinkId, LinkRow)> = own.map(|link| (link.id, link.clone())).collect();
        rows.sort_by_key(|(id, _)| *id);
        paged(rows, page)
    }

    fn end_invite(&mut self, scope: Scope, id: LinkId, at: Timestamp) -> Result<LinkRow, StoreError> {
        let mut links = self.links.iter_mut().filter(|link| link.scope == scope && link.purpose == Purpose::Invite);
        let Some(link) = links.find(|link| link.id == id) else {
            return Err(StoreError::NotFound { what: "invite", id: id.to_string() });
        };
        if link.used_at.is_none() && link.revoked_at.is_none() {
            link.revoked_at = Some(at);
        }
        Ok(link.clone())
    }

    fn use_link(&mut self, using: LinkUse) -> Result<SignedIn, StoreError> {
        let LinkUse { link, purpose, at, deed, sign_in } = using;
        let before = self.clone();
        let found = self.links.iter_mut().find(|row| row.id == link && row.scope == sign_in.scope);
        let Some(row) = found.filter(|row| row.purpose == purpose && row.is_open(at)) else {
            return Err(Refusal::LinkSpent.into());
        };
        row.used_at = Some(at);
        let (bound, email) = (row.login_revision, row.email.clone());
        let same = self.logins.iter().any(|((place, _), login)| {
            *place == sign_in.scope.workspace && Some(&login.email) == email.as_ref() && Some(login.revision) == bound
        });
        if bound.is_some() && !same {
            *self = before;
            return Err(Refusal::LinkSpent.into());
        }
        let done = self.do_what_it_is_for(purpose, deed, &sign_in).and_then(|()| {
            let may = self.logins.get(&(sign_in.scope.workspace, sign_in.user));
            if may.is_none_or(|login| login.disabled_at.is_some()) {
                return Err(Refusal::LinkSpent.into());
            }
            self.put_sign_in(sign_in.clone());
            self.signed_in(sign_in)
        });
        if done.is_err() {
            *self = before;
        }
        done
    }

    fn do_what_it_is_for(&mut self, purpose: Purpose, deed: Deed, sign_in: &SignInRow) -> Result<(), StoreError> {
        let workspace = sign_in.scope.workspace;
        match deed {
            Deed::Make(new) => {
                let owned =
                    self.logins.iter().any(|((place, _), login)| *place == workspace && login.role == Role::Owner);
                if purpose == Purpose::Setup && owned {
                    return Err(Refusal::LinkSpent.into());
                }
                self.add_login(new)?;
            }
            Deed::SetPassword(password) => {
                if let Some(login) = self.logins.get_mut(&(workspace, sign_in.user)) {
                    login.password = Some(password);
                    login.revision += 1;
                }
                self.end_sign_ins(sign_in.scope, sign_in.user, None);
            }
            Deed::Enter => {}
        }
        Ok(())
    }

    fn add_sign_in(&mut self, new: NewSignIn) -> bool {
        let NewSignIn { row, if_revision, rehash } = new;
        let login = self.logins.get_mut(&(row.scope.workspace, row.user));
        let Some(login) = login.filter(|login| login.revision == if_revision && login.disabled_at.is_none()) else {
            return false;
        };
        if rehash.is_some() {
            login.password = rehash;
        }
        self.put_sign_in(row);
        true
    }

    /// Signs in; the oldest sign-ins of the user that are too many end.
    fn put_sign_in(&mut self, row: SignInRow) {
        if let Some(login) = self.logins.get_mut(&(row.scope.workspace, row.user)) {
            login.last_sign_in_at = Some(row.created_at);
        }
        let (scope, user) = (row.scope, row.user);
        self.sign_ins.insert(row.id, row);
        let own = self.sign_ins.values().rev().filter(|row| row.scope == scope && row.user == user);
        let surplus: Vec<SignInId> = own.skip(SIGN_INS_MAX as usize).map(|row| row.id).collect();
        self.sign_ins.retain(|id, _| !surplus.contains(id));
    }

    fn signed_in(&self, sign_in: SignInRow) -> Result<SignedIn, StoreError> {
        let user = self.user(sign_in.scope, sign_in.user)?;
        Ok(SignedIn { sign_in, user })
    }

    fn end_sign_ins(&mut self, scope: Scope, user: UserId, one: Option<SignInId>) -> u64 {
        let before = self.sign_ins.len();
        self.sign_ins.retain(|id, row| row.scope != scope || row.user != user || one.is_some_and(|one| one != *id));
        (before - self.sign_ins.len()) as u64
    }

    fn forget_sign_ins(&mut self, forget: Forget) -> u64 {
        let Forget { now, idle, links_kept, limit } = forget;
        let unused_since = now.minus(idle);
        let over = |row: &&SignInRow| row.expires_at <= now || row.last_seen_at <= unused_since;
        let gone: Vec<SignInId> = self.sign_ins.values().filter(over).take(limit as usize).map(|row| row.id).collect();
        self.sign_ins.retain(|id, _| !gone.contains(id));
        let before = now.minus(links_kept);
        let old: Vec<LinkId> = self
            .links
            .iter()
            .filter(|link| link.expires_at <= before)
            .take(limit as usize)
            .map(|link| link.id)
            .collect();
        self.links.retain(|link| !old.contains(&link.id));
        (gone.len() + old.len()) as u64
    }
}
