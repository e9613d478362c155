//! Prospects: whom an outreach mail is written to. What is known of one, when two rows mean the same one, what an edit makes
//! of it, and which ones a mail may be drafted for. Reads no clock, touches no store.

mod domain;
mod facts;
mod row;
mod rule;
#[cfg(test)]
mod tests;

pub use domain::{DOMAIN_TAKES_MAIL, Judgement, MailDomain, NoMail, judge};
pub use facts::{BadFact, Edit, FACTS_BYTES_MAX, Facts, Field};
pub use row::{ANSWERED, VERIFICATION, read_row};
pub use rule::{Rule, Stage, Standing, Tally};

use crate::ProspectId;

/// Whether the address is right, as far as somebody looked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Verification {
    /// Nobody has looked.
    #[default]
    Unverified,
    /// It takes mail.
    Verified,
    /// Nothing is to be sent there.
    Rejected,
    /// Somebody looked and could not tell.
    Unknown,
}

impl Verification {
    pub const ALL: [Verification; 4] = [Self::Unverified, Self::Verified, Self::Rejected, Self::Unknown];
    pub const WORDS: [&'static str; 4] = ["unverified", "verified", "rejected", "unknown"];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        }
    }
    pub fn parse(word: &str) -> Option<Verification> {
        Self::ALL.into_iter().find(|verification| verification.as_str() == word)
    }
}

/// The external id of a prospect's draft: by it a prospect and its draft find each other.
///
/// All drafts of a prospect have it, the first one and those that follow up; the newest is the one that is shown.
pub fn draft_name(id: ProspectId) -> String {
    format!("prospect:{id}")
}

/// The prospect whose draft is called so.
pub fn prospect_of(name: &str) -> Option<ProspectId> {
    let id = name.strip_prefix("prospect:")?.parse().ok()?;
    (draft_name(id) == name).then_some(id)
}

/// A mail is there only when both of its parts are.
pub fn is_drafted(subject: Option<&str>, body: Option<&str>) -> bool {
    [subject, body].into_iter().all(|part| part.is_some_and(|part| !part.trim().is_empty()))
}
