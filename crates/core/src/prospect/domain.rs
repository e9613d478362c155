//! What the domain name system says of the domain behind an address, and what follows for the prospect who has it. That mail
//! cannot get there is certain; that it can says nothing of the one address, so nobody is called verified by it unless the
//! caller wants that.

use super::{Facts, Field, Verification};

/// The reason of those that are called verified because their domain takes mail.
pub const DOMAIN_TAKES_MAIL: &str = "domain_takes_mail";

/// What was found out about a domain (RFC 5321, section 5.1; RFC 7505).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailDomain {
    /// A host takes its mail: one that its MX records name, or itself.
    Takes,
    Without(NoMail),
    /// Nobody answered, or not clearly; the sentence says what was heard.
    Unclear(String),
}

/// Why no mail gets to a domain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NoMail {
    /// The name does not exist.
    NoDomain,
    /// It says by a null MX that it takes none.
    NullMx,
    /// Neither an MX record that leads to an address nor an address of its own.
    NoMailHost,
}

impl NoMail {
    pub const ALL: [NoMail; 3] = [Self::NoDomain, Self::NullMx, Self::NoMailHost];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoDomain => "no_domain",
            Self::NullMx => "null_mx",
            Self::NoMailHost => "no_mail_host",
        }
    }
    pub fn parse(word: &str) -> Option<NoMail> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

/// What a prospect is to be from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judgement {
    pub verification: Verification,
    pub reason: Option<&'static str>,
}

/// What follows for this prospect; `None` when nothing changes. `trusting`: who is not verified becomes so because the
/// domain takes mail. A rejection that was made here before, and no other, is taken back when the domain takes mail again.
pub fn judge(facts: &Facts, domain: &MailDomain, trusting: bool) -> Option<Judgement> {
    let rejected = facts.verification == Verification::Rejected;
    match domain {
        MailDomain::Unclear(_) => None,
        MailDomain::Without(why) => {
            let judgement = Judgement { verification: Verification::Rejected, reason: Some(why.as_str()) };
            (!rejected).then_some(judgement)
        }
        MailDomain::Takes => {
            let ours = rejected && facts.text(Field::VerificationReason).and_then(NoMail::parse).is_some();
            let open = matches!(facts.verification, Verification::Unverified | Verification::Unknown);
            if trusting && (open || ours) {
                Some(Judgement { verification: Verification::Verified, reason: Some(DOMAIN_TAKES_MAIL) })
            } else {
                ours.then_some(Judgement { verification: Verification::Unverified, reason: None })
            }
        }
    }
}
