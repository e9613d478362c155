//! API keys on the wire. Lists that are `null` allow everything; a limit that is `null` is none.

use crate::extract::fields::{Fields, FromFields};
use copydesk_core::Timestamp;
use copydesk_core::access::{Allowed, Grant, KeyScope, KeyTerms, Life, Mode, Permit, Role, ScopeSet};
use copydesk_desk::issue::{OVERLAP, TermsPatch};
use copydesk_desk::keys::KeyText;
use copydesk_desk::store::keys::{KeyRow, KeyUse};
use serde::Serialize;
use std::num::NonZeroU32;
use std::time::Duration;

#[derive(Serialize)]
pub(crate) struct KeyBody {
    object: &'static str,
    id: String,
    uuid: String,
    name: String,
    /// The first characters of the secret.
    shown: String,
    /// `live` or `test`
    mode: &'static str,
    /// `active`, `rotated` (until it expires), `expired` or `revoked`
    status: &'static str,
    /// `null` when it has a list of scopes of its own.
    role: Option<&'static str>,
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
    secret: Option<String>,
}

#[derive(Serialize)]
struct UseBody {
    at: String,
    from: String,
    by: String,
}

impl From<KeyUse> for UseBody {
    fn from(used: KeyUse) -> UseBody {
        UseBody { at: used.at.to_string(), from: used.from, by: used.by }
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
pub(crate) struct Rotation {
    /// How long the old key stays good.
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
