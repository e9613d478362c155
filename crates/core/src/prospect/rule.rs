//! For whom a mail is drafted when nobody names anybody: the rule, and what keeps each of the others out.

use super::{Facts, Field, Verification};

/// How far a prospect's mail is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// There is none: nothing was tried, or what was tried failed.
    None,
    /// One is being written.
    Drafting,
    Drafted,
    /// A mail server has taken one, whatever became of its draft, and no newer one follows it up yet.
    Sent,
}

impl Stage {
    pub const ALL: [Stage; 4] = [Stage::None, Stage::Drafting, Stage::Drafted, Stage::Sent];
    pub const WORDS: [&'static str; 4] = ["none", "drafting", "drafted", "sent"];

    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::None => "none",
            Stage::Drafting => "drafting",
            Stage::Drafted => "drafted",
            Stage::Sent => "sent",
        }
    }
    pub fn parse(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
    /// By the draft that is newer than what was sent, if it has one.
    pub const fn of(has_version: bool, is_live: bool) -> Stage {
        match (has_version, is_live) {
            (true, _) => Stage::Drafted,
            (false, true) => Stage::Drafting,
            (false, false) => Stage::None,
        }
    }
}

/// Who is eligible, beside having no mail yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub verification: Verification,
    pub needs_email: bool,
    /// `None` is any.
    pub source_type: Option<String>,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule { verification: Verification::Verified, needs_email: true, source_type: Some("website".to_owned()) }
    }
}

/// What keeps a prospect from being drafted, or that nothing does. The first that applies, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Standing {
    Rejected,
    NoEmail,
    Unverified,
    OtherSource,
    Drafted,
    Drafting,
    Eligible,
}

impl Standing {
    pub const ALL: [Standing; 7] = [
        Standing::Rejected,
        Standing::NoEmail,
        Standing::Unverified,
        Standing::OtherSource,
        Standing::Drafted,
        Standing::Drafting,
        Standing::Eligible,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Rejected => "rejected",
            Standing::NoEmail => "no_email",
            Standing::Unverified => "unverified",
            Standing::OtherSource => "other_source",
            Standing::Drafted => "drafted",
            Standing::Drafting => "drafting",
            Standing::Eligible => "eligible",
        }
    }
    pub fn parse(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.as_str() == word)
    }
}

impl Rule {
    pub fn standing(&self, facts: &Facts, stage: Stage) -> Standing {
        let wanted = self.verification;
        let source = self.source_type.as_deref();
        if facts.verification == Verification::Rejected && wanted != Verification::Rejected {
            Standing::Rejected
        } else if self.needs_email && facts.text(Field::ContactEmail).is_none() {
            Standing::NoEmail
        } else if facts.verification != wanted {
            Standing::Unverified
        } else if source.is_some() && facts.text(Field::SourceType) != source {
            Standing::OtherSource
        } else {
            match stage {
                Stage::Drafted | Stage::Sent => Standing::Drafted,
                Stage::Drafting => Standing::Drafting,
                Stage::None => Standing::Eligible,
            }
        }
    }
}

/// How many stand how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally(pub std::collections::BTreeMap<Standing, u64>);

impl Tally {
    pub fn of(&self, standing: Standing) -> u64 {
        self.0.get(&standing).copied().unwrap_or(0)
    }
    pub fn add(&mut self, standing: Standing, count: u64) {
        *self.0.entry(standing).or_default() += count;
    }
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}
