//! Everything that is agreed on with a key, the rules such an agreement keeps, and whether a key is still alive.

use super::allowed::Allowed;
use super::permit::{Grant, Mode, Permit};
use super::role::Role;
use super::scope::KeyScope;
use crate::{Timestamp, UserId};
use std::num::NonZeroU32;

/// Longest name of a key, and longest entry of a list. Units: characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest name of a user, recipe or model in a key. Units: bytes.
pub const ENTRY_BYTES_MAX: usize = 255;
/// Most recipes, and most models, a key can name.
pub const ENTRIES_MAX: usize = 100;

/// What is agreed on with a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyTerms {
    /// For people.
    pub name: String,
    pub permit: Permit,
    /// Requests that may start in a minute, in each process.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Requests under way at once, in each process.
    pub concurrent_max: Option<NonZeroU32>,
    /// From this instant on the key is refused.
    pub expires_at: Option<Timestamp>,
}

/// What is wrong with terms. `field` is the API's name of what is to blame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TermsFault {
    pub field: &'static str,
    pub code: &'static str,
    pub detail: String,
}

impl KeyTerms {
    pub fn new(name: impl Into<String>, permit: Permit) -> KeyTerms {
        KeyTerms { name: name.into(), permit, requests_per_minute: None, concurrent_max: None, expires_at: None }
    }

    /// Whether keys can be made and revoked with it. The last such key of a workspace is not given up.
    pub fn manages_keys(&self) -> bool {
        self.permit.grant.scopes().contains(KeyScope::KeysWrite)
    }

    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<TermsFault> {
        let mut faults = Vec::new();
        let mut fault = |field, code, detail: String| faults.push(TermsFault { field, code, detail });
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_CHARS_MAX {
            fault("name", "bad_length", format!("it must have 1 to {NAME_CHARS_MAX} characters"));
        }
        if self.name.chars().any(char::is_control) {
            fault("name", "bad_character", "it contains a control character".to_owned());
        }
        let Permit { grant, mode: _, user, recipes, models } = &self.permit;
        if grant.scopes().is_empty() {
            fault("scopes", "required", "a key without any scope can do nothing; name at least one".to_owned());
        }
        match (grant, user) {
            (Grant::Role(Role::Member), None) => {
                fault("user", "required", "the role member belongs to one user; say which".to_owned());
            }
            (_, Some(user)) => {
                if user.is_empty() || user.len() > ENTRY_BYTES_MAX {
                    fault("user", "bad_length", format!("it must have 1 to {ENTRY_BYTES_MAX} bytes"));
                }
                if user.contains('\0') {
                    fault("user", "bad_character", "it contains a NUL character".to_owned());
                }
                if user.starts_with(UserId::PREFIX) && user.parse::<UserId>().is_ok() {
                    let detail = "give the name your application calls the user by, as in `user` of a generation";
                    fault("user", "not_allowed", detail.to_owned());
                }
                let outside = grant.scopes().beyond(Role::Member.scopes());
                if !outside.is_empty() {
                    let field = match grant {
                        Grant::Role(_) => "role",
                        Grant::Scopes(_) => "scopes",
                    };
                    let words: Vec<&str> = outside.iter().map(KeyScope::as_str).collect();
                    let detail = format!(
                        "a key of one user can have the role member or scopes out of it; {} cannot be confined to a user",
                        words.join(", ")
                    );
                    fault(field, "not_allowed", detail);
                }
            }
            (Grant::Role(_) | Grant::Scopes(_), None) => {}
        }
        for (field, allowed) in [("recipes", recipes), ("models", models)] {
            if let Err((code, detail)) = sound(allowed) {
                fault(field, code, detail);
            }
        }
        faults
    }

    /// What the other terms give and these do not have: nobody hands on more than he was given.
    pub fn lacks(&self, other: &KeyTerms) -> Option<String> {
        if let Some(lacking) = self.permit.lacks(&other.permit) {
            return Some(lacking);
        }
        let more = |mine: Option<NonZeroU32>, theirs: Option<NonZeroU32>| match (mine, theirs) {
            (None, _) => None,
            (Some(mine), Some(theirs)) if theirs <= mine => None,
            (Some(mine), _) => Some(mine),
        };
        if let Some(mine) = more(self.requests_per_minute, other.requests_per_minute) {
            return Some(format!("more than {mine} requests per minute"));
        }
        if let Some(mine) = more(self.concurrent_max, other.concurrent_max) {
            return Some(format!("more than {mine} requests at once"));
        }
        match (self.expires_at, other.expires_at) {
            (Some(mine), theirs) if theirs.is_none_or(|theirs| theirs > mine) => {
                Some(format!("validity beyond {mine}"))
            }
            (Some(_) | None, _) => None,
        }
    }

    pub fn mode(&self) -> Mode {
        self.permit.mode
    }
}

fn sound(allowed: &Allowed) -> Result<(), (&'static str, String)> {
    let Allowed::Only(entries) = allowed else { return Ok(()) };
    if entries.is_empty() || entries.len() > ENTRIES_MAX {
        return Err(("bad_length", format!("it must name 1 to {ENTRIES_MAX}; leave it out to allow all")));
    }
    for entry in entries {
        if entry.is_empty() || entry.len() > ENTRY_BYTES_MAX {
            return Err(("bad_length", format!("each name must have 1 to {ENTRY_BYTES_MAX} bytes")));
        }
        if entry.chars().any(char::is_control) {
            return Err(("bad_character", "a name contains a control character".to_owned()));
        }
    }
    Ok(())
}

/// Whether a key is still good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    Living,
    Expired { at: Timestamp },
    Revoked { at: Timestamp },
}

pub fn life(expires_at: Option<Timestamp>, revoked_at: Option<Timestamp>, now: Timestamp) -> Life {
    match (revoked_at, expires_at) {
        (Some(at), _) => Life::Revoked { at },
        (None, Some(at)) if at <= now => Life::Expired { at },
        (None, Some(_) | None) => Life::Living,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::ScopeSet;
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);

    fn later(seconds: u64) -> Timestamp {
        NOON.plus(std::time::Duration::from_secs(seconds))
    }

    #[test]
    fn a_key_lives_until_the_instant_it_expires_and_revoked_is_for_ever() {
        assert_eq!(life(None, None, NOON), Life::Living);
        assert_eq!(life(Some(later(1)), None, NOON), Life::Living);
        assert_eq!(life(Some(NOON), None, NOON), Life::Expired { at: NOON });
        assert_eq!(life(Some(later(9)), Some(NOON), later(5)), Life::Revoked { at: NOON });
    }

    #[test]
    fn every_fault_of_terms_is_named() {
        let good = KeyTerms::new("site", Permit::of(Role::Editor));
        assert_eq!(good.faults(), []);
        let with = |change: fn(&mut KeyTerms)| {
            let mut terms = good.clone();
            change(&mut terms);
            terms.faults().into_iter().map(|fault| (fault.field, fault.code)).collect::<Vec<_>>()
        };
        assert_eq!(with(|t| t.name = " ".to_owned()), [("name", "bad_length")]);
        assert_eq!(with(|t| t.name = "a\nb".to_owned()), [("name", "bad_character")]);
        assert_eq!(with(|t| t.permit.grant = Grant::Scopes(ScopeSet::EMPTY)), [("scopes", "required")]);
        assert_eq!(with(|t| t.permit.grant = Grant::Role(Role::Member)), [("user", "required")]);
        assert_eq!(with(|t| t.permit.user = Some("ann".to_owned())), [("role", "not_allowed")]);
        let by_id = |t: &mut KeyTerms| {
            let id = UserId::from_external(crate::WorkspaceId::DEFAULT, "ann");
            t.permit = Permit { user: Some(id.to_string()), ..Permit::of(Role::Member) };
        };
        assert_eq!(with(by_id), [("user", "not_allowed")], "another user than the one meant would be made");
        assert_eq!(with(|t| t.permit.recipes = Allowed::only([""; 0])), [("recipes", "bad_length")]);
        assert_eq!(with(|t| t.permit.models = Allowed::only(["a\nb"])), [("models", "bad_character")]);
    }

    #[test]
    fn limits_and_expiry_cannot_be_widened() {
        let mut mine = KeyTerms::new("mine", Permit::of(Role::Admin));
        assert_eq!(mine.lacks(&mine), None);
        mine.requests_per_minute = NonZeroU32::new(60);
        mine.expires_at = Some(later(60));
        let with =
            |rate: u32, expires_at| KeyTerms { requests_per_minute: NonZeroU32::new(rate), expires_at, ..mine.clone() };
        assert_eq!(mine.lacks(&with(60, Some(later(60)))), None);
        for wider in [with(61, Some(NOON)), with(0, Some(NOON)), with(1, None), with(1, Some(later(61)))] {
            assert!(mine.lacks(&wider).is_some(), "{wider:?}");
        }
    }
}
