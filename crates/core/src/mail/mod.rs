//! Mail: what becomes of one mail, of the mailing it belongs to, and how many may go. At most once is the rule everything here
//! serves: a mail is written down as being sent before the server is called, and where nobody can know whether the server took
//! it, it is `unknown` and stays so until a person says what it is. Reads no clock, touches no store.

mod answer;
mod kind;
mod pace;
mod state;
#[cfg(test)]
mod tests;

pub use answer::{Outcome, Reply, Stage, TRIES_MAX, Then, Verdict, then};
pub use kind::{MailKind, Secret};
pub use pace::{Limits, Pace, Room};
pub use state::{MailStatus, MailingStatus, Tally};

use crate::{MailId, NodeId, SubscriberId, Timestamp};
use uuid::Uuid;

/// Where one mail is, and how it came there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    pub status: MailStatus,
    /// How often a process took it. It only rises: with the node it is the fence of what that process writes.
    pub tries: u32,
    /// What `tries` was when a person last sent it on its way.
    pub round: u32,
    /// While it is queued: not before.
    pub due_at: Timestamp,
    /// The process that has it, or had it last.
    pub node: Option<NodeId>,
    pub claimed_at: Option<Timestamp>,
    /// The last thing the server said, or what broke.
    pub reply: Option<Reply>,
    pub ended_at: Option<Timestamp>,
}

/// Which claim somebody speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence {
    pub node: NodeId,
    pub tries: u32,
}

/// What a person says of a mail nobody can know about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It arrived.
    Sent,
    /// It did not.
    Failed,
    /// Send it again, whether it arrived or not.
    Again,
}

impl Judgement {
    pub const WORDS: [&'static str; 3] = ["sent", "not_sent", "again"];

    pub fn parse(word: &str) -> Option<Judgement> {
        let all = [Judgement::Sent, Judgement::Failed, Judgement::Again];
        Judgement::WORDS.iter().position(|known| *known == word).map(|place| all[place])
    }
}

impl Mail {
    pub fn queued(at: Timestamp) -> Mail {
        Mail {
            status: MailStatus::Queued,
            tries: 0,
            round: 0,
            due_at: at,
            node: None,
            claimed_at: None,
            reply: None,
            ended_at: None,
        }
    }

    pub fn skipped(at: Timestamp) -> Mail {
        Mail { status: MailStatus::Skipped, ended_at: Some(at), ..Mail::queued(at) }
    }

    /// A process takes it.
    #[must_use]
    pub fn claimed(&self, node: NodeId, at: Timestamp) -> Option<Mail> {
        (self.status == MailStatus::Queued && self.due_at <= at).then(|| Mail {
            status: MailStatus::Sending,
            tries: self.tries + 1,
            node: Some(node),
            claimed_at: Some(at),
            ..self.clone()
        })
    }

    /// The process that took it says what came of it. Also of one that was given up as unknown meanwhile, unless a person has
    /// spoken: its own word is what nobody else could know.
    #[must_use]
    pub fn answered(&self, fence: Fence, outcome: &Outcome, at: Timestamp) -> Option<Mail> {
        let mine = self.node == Some(fence.node) && self.tries == fence.tries;
        let waits = matches!(self.status, MailStatus::Sending | MailStatus::Unknown);
        if !(mine && waits) || self.status == MailStatus::Unknown && outcome.then == Then::Unknown {
            return None;
        }
        let reply = Some(outcome.reply.clone());
        let ended = |status| Mail { status, reply: reply.clone(), ended_at: Some(at), ..self.clone() };
        Some(match outcome.then {
            Then::Sent => ended(MailStatus::Sent),
            Then::Failed => ended(MailStatus::Failed),
            Then::Unknown => ended(MailStatus::Unknown),
            Then::NotBegun => {
                Mail { status: MailStatus::Queued, round: self.round + 1, ended_at: None, ..self.clone() }
            }
            Then::Again { due_at } => {
                Mail { status: MailStatus::Queued, due_at, ended_at: None, ..ended(MailStatus::Queued) }
            }
        })
    }

    /// The process that had it is gone.
    #[must_use]
    pub fn lost(&self, at: Timestamp) -> Option<Mail> {
        let reply = Some(Reply { code: None, text: "the process that was sending it is gone".to_owned() });
        (self.status == MailStatus::Sending).then(|| Mail {
            status: MailStatus::Unknown,
            reply,
            ended_at: Some(at),
            ..self.clone()
        })
    }

    /// It is taken back.
    #[must_use]
    pub fn cancelled(&self, at: Timestamp) -> Option<Mail> {
        let status = MailStatus::Cancelled;
        (self.status == MailStatus::Queued).then(|| Mail { status, ended_at: Some(at), ..self.clone() })
    }

    /// Its recipient wants nothing any more.
    #[must_use]
    pub fn unwanted(&self, at: Timestamp) -> Option<Mail> {
        let status = MailStatus::Skipped;
        (self.status == MailStatus::Queued).then(|| Mail { status, ended_at: Some(at), ..self.clone() })
    }

    /// A failed one is tried again, because a person wants it.
    #[must_use]
    pub fn retried(&self, at: Timestamp) -> Option<Mail> {
        (self.status == MailStatus::Failed).then(|| self.again(at))
    }

    /// A person says what became of it.
    #[must_use]
    pub fn judged(&self, word: Judgement, at: Timestamp) -> Option<Mail> {
        // No process speaks of it after a person has.
        let judged = |status| Mail { status, node: None, ended_at: Some(at), ..self.clone() };
        (self.status == MailStatus::Unknown).then(|| match word {
            Judgement::Sent => judged(MailStatus::Sent),
            Judgement::Failed => judged(MailStatus::Failed),
            Judgement::Again => self.again(at),
        })
    }

    fn again(&self, at: Timestamp) -> Mail {
        let (status, round) = (MailStatus::Queued, self.tries);
        Mail { status, round, due_at: at, node: None, claimed_at: None, ended_at: None, ..self.clone() }
    }
}

/// How a mailing stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mailing {
    pub tally: Tally,
    /// How far the list it is for was walked, while its mails are being written; `None` when all are there.
    pub walk: Option<SubscriberId>,
    /// It is taken back, and some of its mails have yet to be.
    pub cancelling: bool,
    /// How far its failed mails were looked at, while they are being sent again.
    pub retry_walk: Option<MailId>,
    pub paused_at: Option<Timestamp>,
    /// Nothing is left to do. A mail that is sent again opens it again.
    pub finished_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

impl Mailing {
    /// Where the walk over a list begins.
    pub const START: SubscriberId = SubscriberId(Uuid::nil());

    /// One without mails. With a `walk` they are still to be written.
    pub fn new(walk: Option<SubscriberId>, at: Timestamp) -> Mailing {
        let (tally, cancelling, retry_walk) = (Tally::default(), false, None);
        Mailing { tally, walk, cancelling, retry_walk, paused_at: None, finished_at: None, updated_at: at }
    }

    /// Nothing further of it begins.
    pub const fn is_held(&self) -> bool {
        self.paused_at.is_some() || self.cancelling
    }

    /// Whether the next of its mails may be written.
    pub const fn may_fill(&self) -> bool {
        self.walk.is_some() && !self.is_held()
    }

    /// More of its mails are there, and its list was walked so far with them; `None`: these were the last.
    pub fn filled(&mut self, made: &Tally, walk: Option<SubscriberId>) {
        MailStatus::ALL.into_iter().for_each(|status| self.tally.add(status, made.of(status)));
        self.walk = walk;
    }

    /// All that waits is taken back, a part at a time; none is added any more, and none goes meanwhile.
    pub const fn cancel(&mut self) {
        (self.walk, self.cancelling, self.retry_walk) = (None, true, None);
    }

    /// Behind which of its mails those are that are sent again next, in the order of their ids, so that what fails once more
    /// meanwhile is not sent for ever.
    pub fn retry_from(&self) -> MailId {
        self.retry_walk.unwrap_or(MailId(Uuid::nil()))
    }

    /// Failed mails go again, up to this one; `None`: those were the last. False while it is being taken back: none go.
    pub const fn retry(&mut self, walk: Option<MailId>) -> bool {
        if !self.cancelling {
            self.retry_walk = walk;
        }
        !self.cancelling
    }

    pub const fn status(&self) -> MailingStatus {
        match (self.finished_at, self.paused_at) {
            (Some(_), _) => MailingStatus::Finished,
            (None, Some(_)) => MailingStatus::Paused,
            (None, None) => MailingStatus::Sending,
        }
    }

    /// After its mails moved. Says whether it ends with that.
    pub fn settle(&mut self, at: Timestamp) -> bool {
        self.updated_at = self.updated_at.max(at);
        self.cancelling &= self.tally.of(MailStatus::Queued) > 0;
        let (was, is) =
            (self.finished_at.is_some(), self.tally.open() == 0 && self.walk.is_none() && self.retry_walk.is_none());
        if was != is {
            self.finished_at = is.then_some(self.updated_at);
        }
        is && !was
    }
}
