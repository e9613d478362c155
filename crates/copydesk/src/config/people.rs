//! The settings of people who sign in: the owner that every start makes sure of, how long people stay signed in, and the
//! identity provider whose tokens are taken.

use super::ConfigError;
use super::settings::Reader;
use copydesk_core::access::person::{EMAIL_BYTES_MAX, Email, SignInLimits, password_fault};
use copydesk_core::access::{KeyScope, ScopeSet};
use copydesk_desk::oidc::{self, OidcSettings};
use std::time::Duration;

/// The shortest anybody stays signed in: longer than a coffee.
const SHORTEST: Duration = Duration::from_secs(300);
/// The longest.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3_600);

#[derive(Clone, Debug)]
pub struct PeopleSettings {
    pub owner: Option<Owner>,
    pub limits: SignInLimits,
    pub oidc: Option<OidcSettings>,
}

/// The owner of the settings. Its `Debug` shows nothing of the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Owner {
    pub email: Email,
    pub password: String,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Owner({}, [redacted])", self.email)
    }
}

pub(super) fn read(reader: &Reader<'_>) -> Result<PeopleSettings, ConfigError> {
    let span = |key| {
        let rule = "it must be a duration from 5m to 400d";
        reader.read(key, rule, "7d", |text| super::parse_span(text).filter(|span| (SHORTEST..=LONGEST).contains(span)))
    };
    let limits = SignInLimits { absolute: span("session.max_age")?, idle: span("session.idle")? };
    Ok(PeopleSettings { owner: owner(reader)?, limits, oidc: issuer(reader)? })
}

fn owner(reader: &Reader<'_>) -> Result<Option<Owner>, ConfigError> {
    let (email, password) = (reader.text("admin_email"), reader.text("admin_password"));
    if email.is_none() && password.is_none() {
        return Ok(None);
    }
    let rule = "it must be an e-mail, and admin_password be set with it";
    let email = reader.read("admin_email", rule, "you@example.com", |text| {
        Email::parse(text).ok().filter(|email| email.as_str().len() <= EMAIL_BYTES_MAX && password.is_some())
    })?;
    let rule = "it must have 8 to 128 characters and be none of the passwords that are guessed first";
    let password = reader.read("admin_password", rule, "a few words", |text| {
        password_fault(text, &email).is_none().then(|| text.to_owned())
    })?;
    Ok(Some(Owner { email, password }))
}

fn issuer(reader: &Reader<'_>) -> Result<Option<OidcSettings>, ConfigError> {
    if reader.text("oidc.issuer").is_none() {
        let alone =
            ["oidc.audience", "oidc.subjects", "oidc.emails"].into_iter().find(|key| reader.text(key).is_some());
        return match alone {
            None => Ok(None),
            Some(key) => reader.read(key, "oidc.issuer must be set with it", "https://issuer.example.com", |_| None),
        };
    }
    let list = |key: &'static str| {
        let text = reader.text(key).unwrap_or_default();
        text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect::<Vec<_>>()
    };
    let (subjects, emails) = (list("oidc.subjects"), list("oidc.emails"));
    let everybody = "it must be there: an issuer has tokens for others, too. Name whose are taken, in oidc.subjects or \
                     oidc.emails; `*` in oidc.subjects takes all";
    if subjects.is_empty() && emails.is_empty() {
        return reader.read("oidc.subjects", everybody, "the `sub` of the scheduler's account", |_| None);
    }
    let scopes =
        reader.read("oidc.scopes", "it must be scopes of docs/keys.md with commas", "maintenance", |text| {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            let scopes = words.map(KeyScope::parse).collect::<Option<Vec<_>>>()?;
            (!scopes.is_empty()).then(|| ScopeSet::of(&scopes))
        })?;
    Ok(Some(OidcSettings {
        issuer: reader.read("oidc.issuer", "it must begin with https://", "https://accounts.google.com", |text| {
            (oidc::is_safe(text) && !text.contains(['?', '#'])).then(|| text.to_owned())
        })?,
        audience: reader.read(
            "oidc.audience",
            "it must be set with oidc.issuer",
            "https://desk.example.com",
            |text| (!text.is_empty()).then(|| text.to_owned()),
        )?,
        scopes,
        subjects,
        emails,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Loaded, Settings};

    fn with(pairs: &[(&'static str, &str)]) -> Result<PeopleSettings, String> {
        let flags: Flags = pairs.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let loaded = Loaded::read(&flags, &Environment::default(), None).map_err(|error| error.to_string())?;
        Settings::read(&loaded).map(|settings| settings.people).map_err(|error| error.to_string())
    }

    #[test]
    fn the_owner_is_an_email_and_a_password_or_nothing() {
        assert_eq!(with(&[]).unwrap().owner, None);
        let both = with(&[("admin_email", "Ann@Example.com"), ("admin_password", "correct horse")]).unwrap();
        let owner = both.owner.unwrap();
        assert_eq!((owner.email.as_str(), owner.password.as_str()), ("ann@example.com", "correct horse"));
        assert!(!format!("{owner:?}").contains("horse"));
        for (pairs, blamed) in [
            (&[("admin_email", "ann@example.com")][..], "admin_email"),
            (&[("admin_password", "correct horse")], "admin_email"),
            (&[("admin_email", "ann"), ("admin_password", "correct horse")], "admin_email"),
            (&[("admin_email", "ann@example.com"), ("admin_password", "hunter2")], "admin_password"),
        ] {
            let error = with(pairs).unwrap_err();
            assert!(error.starts_with(blamed) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_issuer_wants_an_audience_and_a_list_of_whom() {
        let issuer = ("oidc.issuer", "https://issuer.example.com");
        let (audience, subjects) = (("oidc.audience", "https://desk.example.com"), ("oidc.subjects", "a, b"));
        let read = with(&[issuer, audience, subjects]).unwrap().oidc.unwrap();
        assert_eq!((read.scopes, read.subjects.len()), (ScopeSet::of(&[KeyScope::Maintenance]), 2));
        for (pairs, blamed) in [
            (&[issuer, audience][..], "oidc.subjects"),
            (&[issuer, subjects], "oidc.audience"),
            (&[audience], "oidc.audience"),
            (&[("oidc.issuer", "http://issuer.example.com"), audience, subjects], "oidc.issuer"),
            (&[issuer, audience, subjects, ("oidc.scopes", "everything")], "oidc.scopes"),
        ] {
            let error = with(pairs).unwrap_err();
            assert!(error.starts_with(blamed), "{error}");
        }
    }

    #[test]
    fn nobody_stays_signed_in_for_ever_or_for_a_moment() {
        assert_eq!(with(&[]).unwrap().limits, SignInLimits::default());
        for bad in ["1m", "9999d", "7"] {
            assert!(with(&[("session.idle", bad)]).is_err(), "{bad}");
        }
    }
}
