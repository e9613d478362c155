//! What is known of a prospect: short texts under fixed names, and an object of anything else.

use super::{DOMAIN_TAKES_MAIL, NoMail, Verification};
use crate::access::Email;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// All that has no field of its own, as JSON. Units: bytes.
pub const FACTS_BYTES_MAX: usize = 65_536;

/// A text of a prospect. Its word is its name in requests, files and columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Field {
    /// The caller's own name for it; unique in its workspace.
    ExternalId,
    /// The person who is written to.
    Name,
    Company,
    ContactEmail,
    Website,
    Category,
    /// Where it came from, in the caller's words: `website`, `list`, `referral`.
    SourceType,
    /// For people; no model sees them.
    Notes,
    /// Why the verification is what it is, in the words of whoever looked. It goes when the verification changes without one.
    VerificationReason,
}

impl Field {
    pub const ALL: [Field; 9] = [
        Field::ExternalId,
        Field::Name,
        Field::Company,
        Field::ContactEmail,
        Field::Website,
        Field::Category,
        Field::SourceType,
        Field::Notes,
        Field::VerificationReason,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Field::ExternalId => "external_id",
            Field::Name => "name",
            Field::Company => "company",
            Field::ContactEmail => "contact_email",
            Field::Website => "website",
            Field::Category => "category",
            Field::SourceType => "source_type",
            Field::Notes => "notes",
            Field::VerificationReason => "verification_reason",
        }
    }
    pub fn parse(word: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.as_str() == word)
    }
    /// Units: bytes.
    pub const fn bytes_max(self) -> usize {
        match self {
            Field::ExternalId
            | Field::Name
            | Field::Company
            | Field::Category
            | Field::SourceType
            | Field::VerificationReason => 255,
            Field::ContactEmail => crate::access::EMAIL_BYTES_MAX,
            Field::Website => 2_000,
            Field::Notes => 10_000,
        }
    }
}

/// What is wrong with something that was said of a prospect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadFact {
    pub field: String,
    pub code: &'static str,
    pub detail: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Invariant: none is empty.
    pub texts: BTreeMap<Field, String>,
    pub verification: Verification,
    /// Anything else: page text, positioning, the person's role.
    pub more: Map<String, Value>,
}

impl Facts {
    pub fn text(&self, field: Field) -> Option<&str> {
        self.texts.get(&field).map(String::as_str)
    }

    /// What makes it this prospect and no other: its external id, else its address, else its texts. No two that are not
    /// deleted have the same in one workspace.
    pub fn identity(&self) -> String {
        if let Some(external) = self.text(Field::ExternalId) {
            return Facts::identity_of(external);
        }
        if let Some(email) = self.text(Field::ContactEmail) {
            return format!("mail:{}", email.to_lowercase());
        }
        let mut hash = Sha256::new();
        // A verdict on it makes nobody else of it.
        let said = self.texts.iter().filter(|(field, _)| **field != Field::VerificationReason);
        for (field, text) in said {
            hash.update(field.as_str());
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let digest: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("texts:{digest}")
    }

    /// The identity of the prospect with this external id.
    pub fn identity_of(external: &str) -> String {
        format!("id:{external}")
    }

    /// With the edit made; the same again when it says nothing new. What was found of another address goes with that address;
    /// only that nothing is to be sent, as somebody outside said, stays.
    pub fn edited(&self, edit: &Edit) -> Facts {
        let mut facts = self.clone();
        for (field, text) in &edit.texts {
            match text {
                Some(text) => facts.texts.insert(*field, text.clone()),
                None => facts.texts.remove(field),
            };
        }
        let stays = self.verification == Verification::Rejected && !self.is_judged_by_domain();
        let moved = facts.address() != self.address() && !stays;
        if moved {
            facts.verification = Verification::Unverified;
        }
        facts.verification = edit.verification.unwrap_or(facts.verification);
        let says_why = edit.texts.contains_key(&Field::VerificationReason);
        if (moved || facts.verification != self.verification) && !says_why {
            facts.texts.remove(&Field::VerificationReason);
        }
        for (name, value) in &edit.more {
            if value.is_null() {
                facts.more.remove(name);
            } else {
                facts.more.insert(name.clone(), value.clone());
            }
        }
        facts
    }

    /// Its address in small letters.
    fn address(&self) -> Option<String> {
        self.text(Field::ContactEmail).map(str::to_lowercase)
    }

    /// Whether its verification was said of the domain of its address, not by somebody outside.
    fn is_judged_by_domain(&self) -> bool {
        let reason = self.text(Field::VerificationReason);
        reason.is_some_and(|reason| reason == DOMAIN_TAKES_MAIL || NoMail::parse(reason).is_some())
    }

    /// What is wrong with it as a whole.
    pub fn faults(&self) -> Vec<BadFact> {
        let mut faults = Vec::new();
        let told = [Field::Name, Field::Company, Field::ContactEmail, Field::Website, Field::ExternalId];
        if !told.into_iter().any(|field| self.texts.contains_key(&field)) {
            let detail = "say at least one of name, company, contact_email, website and external_id".to_owned();
            faults.push(BadFact { field: String::new(), code: "required", detail });
        }
        if Value::Object(self.more.clone()).to_string().len() > FACTS_BYTES_MAX {
            let detail = format!("at most {FACTS_BYTES_MAX} bytes are allowed");
            faults.push(BadFact { field: "facts".to_owned(), code: "too_large", detail });
        }
        faults
    }
}

/// What is said of a prospect, new or known. What it does not name stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edit {
    /// `None` takes the text away.
    pub texts: BTreeMap<Field, Option<String>>,
    pub verification: Option<Verification>,
    /// Whether it has answered a mail: who has is not followed up.
    pub answered: Option<bool>,
    /// Entry by entry; `null` takes one away.
    pub more: Map<String, Value>,
}

impl Edit {
    /// Takes a text as somebody wrote it: white space around it goes, and an empty one takes the field away.
    ///
    /// Errors: too long, or no e-mail where one is wanted.
    pub fn say(&mut self, field: Field, text: &str) -> Result<(), BadFact> {
        let text = text.trim();
        let bad = |code, detail: String| BadFact { field: field.as_str().to_owned(), code, detail };
        if text.len() > field.bytes_max() || text.contains('\0') {
            return Err(bad("bad_length", format!("it must have at most {} bytes without NUL", field.bytes_max())));
        }
        if text.is_empty() {
            self.texts.insert(field, None);
            return Ok(());
        }
        if field == Field::ContactEmail {
            Email::parse(text).map_err(|error| bad("bad_email", format!("{text:?}: {error}")))?;
        }
        self.texts.insert(field, Some(text.to_owned()));
        Ok(())
    }

    /// Without what it takes away: what a file leaves empty, it does not speak of.
    #[must_use]
    pub fn telling(mut self) -> Edit {
        self.texts.retain(|_, text| text.is_some());
        self.more.retain(|_, value| !value.is_null());
        self
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.verification.is_none() && self.answered.is_none() && self.more.is_empty()
    }
}
