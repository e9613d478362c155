//! What an answer of the mail server, or a connection that broke, says about a mail. One pure function: the difference between
//! "certainly not sent" and "nobody can know" is made here and nowhere else.

use crate::Timestamp;
use crate::generation::event::Jitter;
use std::time::Duration;

/// How far the talk with the server had come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Reaching the server, its greeting.
    Connect,
    /// Encryption.
    Tls,
    Login,
    /// `MAIL FROM`
    From,
    /// `RCPT TO`
    Recipient,
    /// `DATA`
    Data,
    /// The message itself and the dot that ends it. From its first byte on a break leaves doubt: what was buffered on the way
    /// may hold the dot.
    Body,
}

/// What the server said last, or what broke.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// `None` where there was no answer.
    pub code: Option<u16>,
    pub text: String,
}

/// What the talk came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Sent,
    /// Certainly not sent, and never will be like this.
    Refused,
    /// Certainly not sent this time.
    Later,
    /// Nobody can know.
    Doubt,
}

impl Verdict {
    /// `code` is the server's answer at this stage; `None` where there was none that can be read.
    pub const fn of(stage: Stage, code: Option<u16>) -> Verdict {
        match (stage, code) {
            (Stage::Body, Some(200..=299)) => Verdict::Sent,
            (Stage::From | Stage::Recipient | Stage::Data | Stage::Body, Some(500..=599)) => Verdict::Refused,
            (Stage::Body, Some(400..=499)) => Verdict::Later,
            (Stage::Body, _) => Verdict::Doubt,
            // Wrong passwords and servers that are down say nothing about this mail.
            _ => Verdict::Later,
        }
    }
}

/// What becomes of the mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    Sent,
    Failed,
    Unknown,
    Again {
        due_at: Timestamp,
    },
    /// Its process did not begin: that was no try.
    NotBegun,
}

/// What came of one try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub then: Then,
    pub reply: Reply,
}

/// The pauses between tries: a greylisting server wants minutes, one that is down hours. About a day and a half in all.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(4 * 3_600),
    Duration::from_secs(8 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// How often a mail is tried until a person wants it tried again.
pub const TRIES_MAX: u32 = PAUSES.len() as u32 + 1;

/// `tries` counts this one. Jitter adds up to a tenth of the pause.
pub fn then(verdict: Verdict, tries: u32, now: Timestamp, jitter: Jitter) -> Then {
    match verdict {
        Verdict::Sent => Then::Sent,
        Verdict::Refused => Then::Failed,
        Verdict::Doubt => Then::Unknown,
        Verdict::Later => match PAUSES.get(tries.saturating_sub(1) as usize) {
            Some(pause) => {
                let more = *pause / 10 * u32::from(jitter.0) / u32::from(u16::MAX);
                Then::Again { due_at: now.plus(*pause + more) }
            }
            None => Then::Failed,
        },
    }
}
