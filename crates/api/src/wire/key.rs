//! API keys on the wire. Lists that are `null` allow everything; a limit that is `null` is none.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::{InstantOrSpan, KeyMode, KeyRole, KeyScopeWord, KeyStatus, Span};
use copydesk_core::Timestamp;
use copydesk_core::access::{Allowed, Grant, KeyScope, KeyTerms, Life, Mode, Permit, Role, ScopeSet};
use copydesk_desk::issue::{OVERLAP, TermsPatch};
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::keys::{KeyRow, KeyUse};
use serde::Serialize;
use std::num::NonZeroU32;
use std::time::Duration;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyBody {
    object: &'static str,
    id: String,
    uuid: String,
    name: String,
    /// The first characters of the secret.
    shown: String,
    /// `live` or `test`
    #[schema(value_type = KeyMode)]
    mode: &'static str,
    /// `active`, `rotated` (until it expires), `expired` or `revoked`
    #[schema(value_type = KeyStatus)]
    status: &'static str,
    /// `null` when it has a list of scopes of its own.
    #[schema(value_type = Option<KeyRole>)]
    role: Option<&'static str>,
    #[schema(value_type = Vec<KeyScopeWord>)]
    scopes: Vec<&'static str>,
    /// The one user whose things it sees.
    user: Option<String>,
    recipes: Option<Vec<String>>,
    models: Option<Vec<String>>,
    requests_per_minute: Option<u32>,
    concurrent_max: Option<u32>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    replaced_by: Option<String>,
    last_used: Option<UseBody>,
    /// The whole key, in the answer that made it only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = KeyUse)]
struct UseBody {
    at: String,
    address: String,
    /// What the client called itself.
    client: String,
}

impl From<KeyUse> for UseBody {
    fn from(used: KeyUse) -> UseBody {
        UseBody { at: used.at.to_string(), address: used.from, client: used.by }
    }
}

impl KeyBody {
    pub fn of(row: KeyRow, now: Timestamp) -> KeyBody {
        let status = match row.life(now) {
            Life::Revoked { .. } => "revoked",
            Life::Expired { .. } => "expired",
            Life::Living if row.replaced_by.is_some() => "rotated",
            Life::Living => "active",
        };
        let KeyTerms { name, permit, requests_per_minute, concurrent_max, expires_at } = row.terms;
        let role = match permit.grant {
            Grant::Role(role) => Some(role.as_str()),
            Grant::Scopes(_) => None,
        };
        KeyBody {
            object: "key",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            name,
            shown: row.shown,
            mode: permit.mode.as_str(),
            status,
            role,
            scopes: permit.grant.scopes().iter().map(KeyScope::as_str).collect(),
            user: permit.user,
            recipes: listed(permit.recipes),
            models: listed(permit.models),
            requests_per_minute: requests_per_minute.map(NonZeroU32::get),
            concurrent_max: concurrent_max.map(NonZeroU32::get),
            created_at: row.created_at.to_string(),
            expires_at: expires_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            replaced_by: row.replaced_by.map(|id| id.to_string()),
            last_used: row.last_used.map(UseBody::from),
            secret: None,
        }
    }

    pub fn with_secret(self, text: &KeyText) -> KeyBody {
        KeyBody { secret: Some(text.reveal().to_owned()), ..self }
    }
}

fn listed(allowed: Allowed) -> Option<Vec<String>> {
    match allowed {
        Allowed::Any => None,
        Allowed::Only(entries) => Some(entries.into_iter().collect()),
    }
}

/// What a key may do, as it is sent.
#[derive(ToSchema)]
#[schema(as = NewKey)]
#[expect(dead_code, reason = "only its description is used: a role and a list of scopes are read as one grant")]
pub(crate) struct KeyFields {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// A set of scopes. Either this or `scopes`.
    #[schema(value_type = Option<KeyRole>)]
    role: Option<String>,
    /// Exactly these, instead of a role.
    #[schema(value_type = Option<Vec<KeyScopeWord>>)]
    scopes: Option<Vec<String>>,
    /// `test` reaches the demo provider only.
    #[schema(value_type = Option<KeyMode>)]
    mode: Option<String>,
    /// The one user whose things it sees; your name of him.
    #[schema(min_length = 1, max_length = 255)]
    user: Option<String>,
    /// The recipes it may use; without a list, all. `news*` stands for every name that begins so.
    recipes: Option<Vec<String>>,
    /// The models it may use; without a list, all: `openai/*`.
    models: Option<Vec<String>>,
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    requests_per_minute: Option<u32>,
    /// How many requests may be under way at once; open streams count.
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    concurrent_max: Option<u32>,
    /// An instant, or a length of time from now.
    #[schema(value_type = Option<InstantOrSpan>)]
    expires_at: Option<String>,
}

/// A change of a key, as it is sent: what is named is set, `null` takes a list or a limit away.
#[derive(ToSchema)]
#[schema(as = KeyPatch)]
#[expect(dead_code, reason = "only its description is used: a role and a list of scopes are read as one grant")]
pub(crate) struct KeyPatchFields {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(value_type = Option<KeyRole>)]
    role: Option<String>,
    #[schema(value_type = Option<Vec<KeyScopeWord>>)]
    scopes: Option<Vec<String>>,
    recipes: Option<Vec<String>>,
    models: Option<Vec<String>>,
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    requests_per_minute: Option<u32>,
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    concurrent_max: Option<u32>,
    #[schema(value_type = Option<InstantOrSpan>)]
    expires_at: Option<String>,
}

/// POST `/keys`.
pub(crate) struct NewKey(pub KeyTerms);

impl FromFields for NewKey {
    fn read(fields: &mut Fields) -> NewKey {
        let name = fields.required_text("name");
        let mode = word(fields, "mode", Mode::parse, &Mode::ALL.map(Mode::as_str));
        let grant = grant(fields).unwrap_or_else(|| {
            if !fields.blamed("role") {
                fields.fault("role", "required", "say what the key may do: a role, or a list of scopes");
            }
            // Never used: a request with a fault ends here.
            Grant::Role(Role::Viewer)
        });
        let permit = Permit {
            grant,
            mode: mode.unwrap_or(Mode::Live),
            user: fields.text("user"),
            recipes: names(fields, "recipes").unwrap_or_default(),
            models: names(fields, "models").unwrap_or_default(),
        };
        NewKey(KeyTerms {
            requests_per_minute: limit(fields, "requests_per_minute"),
            concurrent_max: limit(fields, "concurrent_max"),
            expires_at: fields.instant_or_span("expires_at", fields.now),
            ..KeyTerms::new(name, permit)
        })
    }
}

/// PATCH `/keys/{id}`: what is named is set, `null` takes a list or a limit away.
pub(crate) struct KeyPatch(pub TermsPatch);

impl FromFields for KeyPatch {
    fn read(fields: &mut Fields) -> KeyPatch {
        let no = |fields: &Fields, name| fields.is_null(name);
        let (all_recipes, all_models) = (no(fields, "recipes"), no(fields, "models"));
        let (any_rate, any_number) = (no(fields, "requests_per_minute"), no(fields, "concurrent_max"));
        let for_ever = no(fields, "expires_at");
        KeyPatch(TermsPatch {
            name: fields.text("name"),
            grant: grant(fields),
            recipes: names(fields, "recipes").or(all_recipes.then_some(Allowed::Any)),
            models: names(fields, "models").or(all_models.then_some(Allowed::Any)),
            requests_per_minute: set_or_none(limit(fields, "requests_per_minute"), any_rate),
            concurrent_max: set_or_none(limit(fields, "concurrent_max"), any_number),
            expires_at: set_or_none(fields.instant_or_span("expires_at", fields.now), for_ever),
        })
    }
}

fn set_or_none<T>(given: Option<T>, none: bool) -> Option<Option<T>> {
    if none { Some(None) } else { given.map(Some) }
}

/// POST `/keys/{id}/rotate`.
#[derive(ToSchema)]
#[schema(as = KeyRotation)]
pub(crate) struct Rotation {
    /// How long the old key stays good; a day unless said otherwise.
    #[schema(value_type = Option<Span>)]
    pub overlap: Duration,
}

impl FromFields for Rotation {
    fn read(fields: &mut Fields) -> Rotation {
        Rotation { overlap: fields.span("overlap").unwrap_or(OVERLAP) }
    }
}

fn word<T>(
    fields: &mut Fields,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    known: &[&'static str],
) -> Option<T> {
    let text = fields.text(name)?;
    let parsed = parse(&text);
    if parsed.is_none() {
        fields.fault(name, "not_allowed", format!("it must be one of {}", known.join(", ")));
    }
    parsed
}

/// A role or a list of scopes; `None` when neither is there.
fn grant(fields: &mut Fields) -> Option<Grant> {
    let role = word(fields, "role", Role::parse, &Role::ALL.map(Role::as_str));
    let Some(scopes) = fields.texts("scopes") else { return role.map(Grant::Role) };
    if role.is_some() {
        fields.fault("scopes", "not_allowed", "a role is a set of scopes already; give one of the two");
    }
    let mut set = ScopeSet::EMPTY;
    for word in &scopes {
        match KeyScope::parse(word) {
            Some(scope) => set = set.and(ScopeSet::of(&[scope])),
            None => {
                let word: String = word.chars().take(80).collect();
                let known = KeyScope::ALL.map(KeyScope::as_str).join(", ");
                fields.fault("scopes", "not_allowed", format!("there is no scope {word:?}; there are {known}"));
            }
        }
    }
    Some(Grant::Scopes(set))
}

fn names(fields: &mut Fields, name: &'static str) -> Option<Allowed> {
    Some(Allowed::only(fields.texts(name)?))
}

fn limit(fields: &mut Fields, name: &'static str) -> Option<NonZeroU32> {
    let number = fields.count(name, i64::from(u32::MAX))?;
    let limit = u32::try_from(number).ok().and_then(NonZeroU32::new);
    if limit.is_none() {
        fields.fault(name, "out_of_range", "it must be at least 1; leave it out for no limit");
    }
    limit
}
