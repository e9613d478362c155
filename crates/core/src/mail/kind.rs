//! What a mail is for, and what its unsubscribe link is signed with.

use std::fmt;

/// What a mail is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MailKind {
    /// A draft of its own to one prospect.
    Outreach,
    /// One draft to everybody on a list.
    Newsletter,
    /// To see what it looks like. It stands in nobody's way.
    Test,
}

impl MailKind {
    pub const ALL: [MailKind; 3] = [MailKind::Outreach, MailKind::Newsletter, MailKind::Test];
    pub const WORDS: [&'static str; 3] = ["outreach", "newsletter", "test"];

    pub const fn as_str(self) -> &'static str {
        MailKind::WORDS[self as usize]
    }
    pub fn parse(word: &str) -> Option<MailKind> {
        MailKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What the unsubscribe links of one mailing are signed with: random, made with it, kept as long as it. Its `Debug` shows
/// nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; Secret::BYTES]);

impl Secret {
    pub const BYTES: usize = 32;
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
