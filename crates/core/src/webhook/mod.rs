//! Webhooks: when a message is sent again, when an endpoint is given up, and the words for both. Nothing here sends, signs
//! or reads an address.

mod kinds;
mod schedule;

pub use kinds::{BadKind, Wanted};
pub use schedule::{
    ATTEMPTS_MAX, FAILING_MAX, Facts, Next, PUT_BY_MAX, RETRY_AFTER_MAX, Then, after_attempt, put_by, while_disabled,
};

/// What came of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Answered with 2xx: the only success.
    Ok,
    /// Answered with another status.
    Status,
    /// Answered with 3xx: nobody goes there.
    Redirect,
    /// Answered with 410: the receiver wants no more.
    Gone,
    /// No answer in time.
    Timeout,
    /// The name has no address.
    NoName,
    /// No connection, or no TLS.
    Connect,
    /// The name or address is not a public one.
    Blocked,
    /// The exchange broke off.
    Broken,
    /// The signing secret cannot be read with the server's key.
    NoSecret,
}

impl Outcome {
    pub const ALL: [Outcome; 10] = [
        Self::Ok,
        Self::Status,
        Self::Redirect,
        Self::Gone,
        Self::Timeout,
        Self::NoName,
        Self::Connect,
        Self::Blocked,
        Self::Broken,
        Self::NoSecret,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Status => "status",
            Self::Redirect => "redirect",
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::NoName => "no_name",
            Self::Connect => "connect",
            Self::Blocked => "blocked",
            Self::Broken => "broken",
            Self::NoSecret => "no_secret",
        }
    }
    pub fn parse(word: &str) -> Option<Outcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
    /// What an answer with this status means.
    pub const fn of_status(status: u16) -> Outcome {
        match status {
            200..=299 => Self::Ok,
            300..=399 => Self::Redirect,
            410 => Self::Gone,
            _ => Self::Status,
        }
    }
}

/// How a delivery ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// A receiver took it.
    Delivered,
    /// The last attempt came to nothing.
    GivenUp,
    /// Its endpoint was removed, was disabled for too long, or had too much waiting already.
    Dropped,
}

impl End {
    pub const ALL: [End; 3] = [Self::Delivered, Self::GivenUp, Self::Dropped];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
            Self::Dropped => "dropped",
        }
    }
    pub fn parse(word: &str) -> Option<End> {
        Self::ALL.into_iter().find(|end| end.as_str() == word)
    }
}

/// Why an endpoint gets nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Disabled {
    ByHand,
    /// The receiver said 410.
    Gone,
    /// For [`FAILING_MAX`] nothing but failures.
    Failing,
}

impl Disabled {
    pub const ALL: [Disabled; 3] = [Self::ByHand, Self::Gone, Self::Failing];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
    pub fn parse(word: &str) -> Option<Disabled> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}
