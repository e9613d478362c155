//! People on the wire: users, invites, links, and who is signed in. A secret is in the answer that made it and nowhere else.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{InstantOrSpan, InviteStatus, KeyMode, KeyRole, KeyScopeWord, LinkPurpose, UserStatus};
use copydesk_core::access::{Grant, KeyScope, Permit, Purpose, Role};
use copydesk_core::{Timestamp, WorkspaceId};
use copydesk_desk::people::{MadeLink, NewInvite, PersonPatch};
use copydesk_desk::sign_in::Brought;
use copydesk_desk::store::logins::{LinkRow, UserRow};
use copydesk_desk::store::sign_ins::SignInRow;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    object: &'static str,
    id: String,
    uuid: String,
    /// What your application calls the user.
    user: String,
    /// `active` and `disabled` are people who sign in; other users are `none`.
    #[schema(value_type = UserStatus)]
    status: &'static str,
    email: Option<String>,
    name: Option<String>,
    #[schema(value_type = Option<KeyRole>)]
    role: Option<&'static str>,
    /// Whether a password lets the person in; without one, only links do.
    has_password: bool,
    created_at: String,
    disabled_at: Option<String>,
    last_sign_in_at: Option<String>,
}

impl From<UserRow> for UserBody {
    fn from(row: UserRow) -> UserBody {
        let login = row.login.as_ref();
        UserBody {
            object: "user",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            status: match login.map(|login| login.disabled_at) {
                None => "none",
                Some(None) => "active",
                Some(Some(_)) => "disabled",
            },
            email: login.map(|login| login.email.to_string()),
            name: login.and_then(|login| login.name.clone()),
            role: login.map(|login| login.role.as_str()),
            has_password: login.is_some_and(|login| login.password.is_some()),
            created_at: row.created_at.to_string(),
            disabled_at: login.and_then(|login| login.disabled_at).map(|at| at.to_string()),
            last_sign_in_at: login.and_then(|login| login.last_sign_in_at).map(|at| at.to_string()),
            user: row.external,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Invite)]
pub(crate) struct InviteBody {
    object: &'static str,
    id: String,
    uuid: String,
    email: Option<String>,
    #[schema(value_type = Option<KeyRole>)]
    role: Option<&'static str>,
    /// Which user of your application the person will be.
    user: Option<String>,
    /// `open`, `used`, `expired` or `revoked`
    #[schema(value_type = InviteStatus)]
    status: &'static str,
    made_by: String,
    created_at: String,
    expires_at: String,
    used_at: Option<String>,
    /// What the link is made of, in the answer that made it only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

impl InviteBody {
    pub fn of(row: LinkRow, now: Timestamp) -> InviteBody {
        InviteBody {
            object: "invite",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            status: match (row.used_at, row.revoked_at) {
                (Some(_), _) => "used",
                (None, Some(_)) => "revoked",
                (None, None) if row.expires_at <= now => "expired",
                (None, None) => "open",
            },
            email: row.email.map(|email| email.to_string()),
            role: row.role.map(Role::as_str),
            user: row.user_external,
            made_by: row.made_by,
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.to_string(),
            used_at: row.used_at.map(|at| at.to_string()),
            secret: None,
        }
    }

    pub fn made(made: MadeLink, now: Timestamp) -> InviteBody {
        let secret = Some(made.secret.reveal().to_owned());
        InviteBody { secret, ..InviteBody::of(made.row, now) }
    }
}

/// A link that was just made for a person.
#[derive(Serialize, ToSchema)]
#[schema(as = OneTimeLink)]
pub(crate) struct LinkBody {
    object: &'static str,
    #[schema(value_type = LinkPurpose)]
    purpose: &'static str,
    email: Option<String>,
    expires_at: String,
    /// What the link is made of. It works once.
    secret: String,
}

impl From<MadeLink> for LinkBody {
    fn from(made: MadeLink) -> LinkBody {
        let MadeLink { row, secret } = made;
        LinkBody {
            object: "link",
            purpose: row.purpose.as_str(),
            email: row.email.map(|email| email.to_string()),
            expires_at: row.expires_at.to_string(),
            secret: secret.reveal().to_owned(),
        }
    }
}

/// Who asks, and what he may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    object: &'static str,
    workspace_id: String,
    /// `null` for a key.
    user: Option<UserBody>,
    /// `null` for a person.
    key_id: Option<String>,
    #[schema(value_type = Option<KeyRole>)]
    role: Option<&'static str>,
    #[schema(value_type = Vec<KeyScopeWord>)]
    scopes: Vec<&'static str>,
    #[schema(value_type = KeyMode)]
    mode: &'static str,
    /// Of a person: where he is signed in.
    sign_in: Option<SignInBody>,
    /// Whether the cookie is kept from plain HTTP. If not, whoever listens on the network can take it: put TLS in front.
    secure: Option<bool>,
}

impl SessionBody {
    pub fn of(workspace: WorkspaceId, permit: &Permit) -> SessionBody {
        SessionBody {
            object: "session",
            workspace_id: workspace.to_string(),
            user: None,
            key_id: None,
            role: match permit.grant {
                Grant::Role(role) => Some(role.as_str()),
                Grant::Scopes(_) => None,
            },
            scopes: permit.grant.scopes().iter().map(KeyScope::as_str).collect(),
            mode: permit.mode.as_str(),
            sign_in: None,
            secure: None,
        }
    }

    pub fn of_key(self, key: Option<String>) -> SessionBody {
        SessionBody { key_id: key, ..self }
    }

    pub fn of_person(self, user: UserRow, sign_in: SignInBody, secure: bool) -> SessionBody {
        SessionBody { user: Some(user.into()), sign_in: Some(sign_in), secure: Some(secure), ..self }
    }
}

/// One browser somebody is signed in with.
#[derive(Serialize, ToSchema)]
#[schema(as = SignIn)]
pub(crate) struct SignInBody {
    object: &'static str,
    id: String,
    uuid: String,
    /// It is the one this request came with.
    current: bool,
    created_at: String,
    last_seen_at: String,
    /// When it is over if it is not used again.
    idle_until: String,
    /// When it is over in any case.
    expires_at: String,
    address: String,
    /// What the browser calls itself.
    client: String,
}

/// Which of somebody's sign-ins it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    Current,
    Another,
}

impl SignInBody {
    pub fn of(row: SignInRow, idle_until: Timestamp, which: Which) -> SignInBody {
        SignInBody {
            object: "sign_in",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            current: which == Which::Current,
            created_at: row.created_at.to_string(),
            last_seen_at: row.last_seen_at.to_string(),
            idle_until: idle_until.to_string(),
            expires_at: row.expires_at.to_string(),
            address: row.from,
            client: row.client,
        }
    }
}

/// Whether the installation has an owner yet.
#[derive(Serialize, ToSchema)]
#[schema(as = Setup)]
pub(crate) struct SetupBody {
    pub object: &'static str,
    /// Nobody owns it: the link that the server printed at its start makes the first owner.
    pub needed: bool,
}

/// POST `/session`: an e-mail with a password, or a link.
#[derive(ToSchema)]
#[schema(as = NewSession)]
pub(crate) struct NewSession {
    #[schema(max_length = 254)]
    pub email: Option<String>,
    /// Beside a link it is the new one, which invites and resets want.
    #[schema(max_length = 1000)]
    pub password: Option<String>,
    /// The secret of a one-time link, instead of an e-mail.
    #[schema(max_length = 100)]
    pub link: Option<String>,
    /// Beside an invite: what to call you.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Unless it is the default one.
    #[schema(value_type = Option<String>, pattern = "^(wsp_[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$")]
    pub workspace_id: Option<WorkspaceId>,
}

impl FromFields for NewSession {
    fn read(fields: &mut Fields) -> NewSession {
        let workspace_id = fields.text("workspace_id").and_then(|text| {
            let id = text.parse();
            id.map_err(|_| fields.fault("workspace_id", "bad_id", "it must be the id of a workspace")).ok()
        });
        let read = NewSession {
            email: fields.text("email"),
            password: secret(fields, "password"),
            link: fields.text("link"),
            name: fields.text("name"),
            workspace_id,
        };
        match &read.link {
            Some(_) => {
                for (name, given) in [("email", read.email.is_some()), ("workspace_id", read.workspace_id.is_some())] {
                    if given {
                        fields.fault(name, "not_allowed", "the link says whose it is; leave it out");
                    }
                }
            }
            None => {
                for (name, given) in [("email", read.email.is_some()), ("password", read.password.is_some())] {
                    if !given && !fields.blamed(name) {
                        fields.fault(name, "required", "say e-mail and password, or a link");
                    }
                }
                if read.name.is_some() {
                    fields.fault("name", "not_allowed", "it is said beside an invite only");
                }
            }
        }
        read
    }
}

/// Longest password that is looked at; which ones are good is decided in core. Units: bytes.
const PASSWORD_BYTES_MAX: usize = 1_000;

fn secret(fields: &mut Fields, name: &'static str) -> Option<String> {
    let text = fields.text(name)?;
    if text.len() > PASSWORD_BYTES_MAX {
        fields.fault(name, "bad_length", format!("it must have at most {PASSWORD_BYTES_MAX} bytes"));
        return None;
    }
    Some(text)
}

fn required_secret(fields: &mut Fields, name: &'static str) -> String {
    let given = secret(fields, name);
    if given.is_none() && !fields.blamed(name) {
        fields.fault(name, "required", format!("{name:?} is missing"));
    }
    given.unwrap_or_default()
}

/// POST `/setup`.
#[derive(ToSchema)]
#[schema(as = FirstOwner)]
pub(crate) struct FirstOwner {
    /// The secret that the server printed at its start.
    #[schema(max_length = 100)]
    pub link: String,
    #[schema(max_length = 254)]
    pub email: String,
    #[schema(min_length = 8, max_length = 128)]
    pub password: String,
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
}

impl FromFields for FirstOwner {
    fn read(fields: &mut Fields) -> FirstOwner {
        let link = fields.required_text("link");
        let email = fields.required_text("email");
        FirstOwner { link, email, password: required_secret(fields, "password"), name: fields.text("name") }
    }
}

impl FirstOwner {
    pub fn brought(self) -> Brought {
        Brought { email: Some(self.email), password: Some(self.password), name: self.name }
    }
}

/// POST `/session/password`.
#[derive(ToSchema)]
#[schema(as = PasswordChange)]
pub(crate) struct PasswordChange {
    #[schema(max_length = 1000)]
    pub current_password: String,
    #[schema(min_length = 8, max_length = 128)]
    pub new_password: String,
}

impl FromFields for PasswordChange {
    fn read(fields: &mut Fields) -> PasswordChange {
        PasswordChange {
            current_password: required_secret(fields, "current_password"),
            new_password: required_secret(fields, "new_password"),
        }
    }
}

/// POST `/users`.
#[derive(ToSchema)]
#[schema(as = NewUser)]
pub(crate) struct NewUser {
    #[schema(max_length = 254)]
    pub email: String,
    #[schema(value_type = KeyRole)]
    pub role: Role,
    #[schema(min_length = 8, max_length = 128)]
    pub password: String,
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Which user of your application the person is; the e-mail unless said otherwise. A `member` sees what is this user's.
    #[schema(min_length = 1, max_length = 255)]
    pub user: Option<String>,
}

impl FromFields for NewUser {
    fn read(fields: &mut Fields) -> NewUser {
        let email = fields.required_text("email");
        let role = required_role(fields);
        let password = required_secret(fields, "password");
        NewUser { email, role, password, name: fields.text("name"), user: fields.text("user") }
    }
}

/// PATCH `/users/{id}`.
#[derive(ToSchema)]
#[schema(as = UserPatch, min_properties = 1)]
#[expect(dead_code, reason = "only its description is used: null takes a name away")]
pub(crate) struct UserPatchFields {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(value_type = Option<KeyRole>)]
    role: Option<String>,
    disabled: Option<bool>,
    #[schema(min_length = 8, max_length = 128)]
    password: Option<String>,
}

pub(crate) struct UserPatch(pub PersonPatch);

impl FromFields for UserPatch {
    fn read(fields: &mut Fields) -> UserPatch {
        let nameless = fields.is_null("name");
        let patch = PersonPatch {
            name: fields.text("name").map(Some).or(nameless.then_some(None)),
            role: role(fields),
            disabled: fields.boolean("disabled"),
            password: secret(fields, "password"),
        };
        let PersonPatch { name, role, disabled, password } = &patch;
        if name.is_none() && role.is_none() && disabled.is_none() && password.is_none() {
            fields.whole_fault("required", "say what to change: name, role, disabled or password");
        }
        UserPatch(patch)
    }
}

/// POST `/users/{id}/link`.
#[derive(ToSchema)]
#[schema(as = NewLink)]
pub(crate) struct NewLink {
    /// `sign_in` lets in; `reset`, which is what is meant without it, lets in with a new password.
    #[schema(value_type = Option<LinkPurpose>)]
    pub purpose: Purpose,
}

impl FromFields for NewLink {
    fn read(fields: &mut Fields) -> NewLink {
        let given = fields.text("purpose");
        let purpose = given.as_deref().map_or(Some(Purpose::Reset), Purpose::parse);
        let purpose = purpose.filter(|purpose| matches!(purpose, Purpose::SignIn | Purpose::Reset));
        if purpose.is_none() {
            fields.fault("purpose", "not_allowed", "it must be sign_in or reset");
        }
        NewLink { purpose: purpose.unwrap_or(Purpose::Reset) }
    }
}

/// POST `/invites`, as it is sent.
#[derive(ToSchema)]
#[schema(as = NewInvite)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct InviteFields {
    #[schema(max_length = 254)]
    email: String,
    #[schema(value_type = KeyRole)]
    role: String,
    /// Which user of your application the person will be; the e-mail unless said otherwise.
    #[schema(min_length = 1, max_length = 255)]
    user: Option<String>,
    /// An instant, or a length of time from now: 7 days unless said otherwise, 30 at most.
    #[schema(value_type = Option<InstantOrSpan>)]
    expires_at: Option<String>,
}

pub(crate) struct InviteAsked(pub NewInvite);

impl FromFields for InviteAsked {
    fn read(fields: &mut Fields) -> InviteAsked {
        InviteAsked(NewInvite {
            email: fields.required_text("email"),
            role: required_role(fields),
            user: fields.text("user"),
            expires_at: fields.instant_or_span("expires_at", fields.now),
        })
    }
}

fn role(fields: &mut Fields) -> Option<Role> {
    let word = fields.text("role")?;
    let role = Role::parse(&word);
    if role.is_none() {
        fields.fault("role", "not_allowed", format!("it must be one of {}", Role::ALL.map(Role::as_str).join(", ")));
    }
    role
}

fn required_role(fields: &mut Fields) -> Role {
    let role = role(fields);
    if role.is_none() && !fields.blamed("role") {
        fields.fault("role", "required", format!("say one of {}", Role::ALL.map(Role::as_str).join(", ")));
    }
    // Never used when it is missing: a request with a fault ends here.
    role.unwrap_or(Role::Member)
}
