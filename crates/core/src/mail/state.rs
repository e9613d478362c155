//! The words for where a mail is.

use std::fmt;

/// Where one mail is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MailStatus {
    /// It waits for its turn, or for its next try.
    Queued,
    /// A process is about to hand it to the mail server, or does it now. From here on nobody else touches it.
    Sending,
    /// The server has taken it: it answered 2xx to the end of the message.
    Sent,
    /// The server has not taken it, and will not be asked again.
    Failed,
    /// Whether the server has taken it cannot be known. Nothing sends it again but a person's word.
    Unknown,
    /// It was taken back before a process had it.
    Cancelled,
    /// It was never to be sent; the reason stands with it.
    Skipped,
}

impl MailStatus {
    pub const ALL: [MailStatus; 7] = [
        MailStatus::Queued,
        MailStatus::Sending,
        MailStatus::Sent,
        MailStatus::Failed,
        MailStatus::Unknown,
        MailStatus::Cancelled,
        MailStatus::Skipped,
    ];
    pub const WORDS: [&'static str; 7] = ["queued", "sending", "sent", "failed", "unknown", "cancelled", "skipped"];

    pub const fn as_str(self) -> &'static str {
        MailStatus::WORDS[self as usize]
    }
    pub fn parse(word: &str) -> Option<MailStatus> {
        MailStatus::ALL.into_iter().find(|status| status.as_str() == word)
    }
    /// Whether there is something left to do.
    pub const fn is_open(self) -> bool {
        matches!(self, MailStatus::Queued | MailStatus::Sending)
    }
    /// Whether it stands in the way of another mail of the same version to the same address.
    pub const fn holds(self) -> bool {
        !matches!(self, MailStatus::Cancelled | MailStatus::Skipped)
    }
}

impl fmt::Display for MailStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a mailing stands as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MailingStatus {
    Sending,
    Paused,
    Finished,
}

impl MailingStatus {
    pub const WORDS: [&'static str; 3] = ["sending", "paused", "finished"];

    pub const fn as_str(self) -> &'static str {
        MailingStatus::WORDS[self as usize]
    }
}

/// How many mails are where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally([u64; 7]);

impl Tally {
    pub const fn of(&self, status: MailStatus) -> u64 {
        self.0[status as usize]
    }
    pub fn add(&mut self, status: MailStatus, count: u64) {
        self.0[status as usize] += count;
    }
    /// The rows of mails are the truth; the database refuses a sum that does not hold.
    pub fn moved(&mut self, from: MailStatus, to: MailStatus) {
        self.0[from as usize] = self.0[from as usize].saturating_sub(1);
        self.0[to as usize] += 1;
    }
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
    pub const fn open(&self) -> u64 {
        self.of(MailStatus::Queued) + self.of(MailStatus::Sending)
    }
}
