//! Mailings and their mails. A mail is written down as being sent, with the process that has it, before the mail server is
//! called; every later word about it names that process and its try. What moves is decided in core's `mail`, on rows that were
//! locked; the counts of a mailing are written with what they count.

use crate::events::NewEvent;
use crate::fill::{Slice, ToList};
use crate::generations::Idempotency;
use crate::page::{Page, PageRequest};
use crate::subscribers::{UNSUBSCRIBED, Unwanted};
use crate::{Answer, Scope, StoreError};
use copydesk_core::mail::{
    Fence, Judgement, Limits, Mail, MailKind, MailStatus, Mailing, Outcome, Pace, Secret, Tally, Then,
};
use copydesk_core::subscriber::ListName;
use copydesk_core::{DraftId, MailId, MailingId, NodeId, ProspectId, SubscriberId, Timestamp, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of the events that are told.
pub const FINISHED: &str = "mailing.finished";
pub const FAILED: &str = "mail.failed";
pub const UNKNOWN: &str = "mail.unknown";

/// Why a mail is skipped by the store: what else keeps one back is known to whoever orders it.
pub const ALREADY: &str = "already_mailed";
/// How many mails one mailing may have.
pub const MAILS_MAX: usize = 10_000;
/// How many mails an order moves in one transaction.
pub const ORDER_SLICE: u32 = 1_000;

pub trait MailStore: Send + Sync {
    /// Makes a mailing with its mails; those of one to a list are written later, by [`FillStore`](crate::FillStore). Who has got
    /// this draft before, or is about to, is skipped with [`ALREADY`]; with [`NewMailing::again`] only who has got this version.
    /// Who wants nothing is skipped with [`UNSUBSCRIBED`]. The same idempotency key and request are answered with the first.
    ///
    /// Errors: `Refused(IdempotencyKeyReused)`.
    fn open_mailing(&self, new: NewMailing) -> Answer<'_, OpenedMailing>;

    fn mailing(&self, scope: Scope, id: MailingId) -> Answer<'_, MailingRow>;

    /// In the order of their ids.
    fn mailings(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<MailingRow>>;

    /// The send log. In the order of their ids.
    fn mails(&self, scope: Scope, filter: MailFilter, page: PageRequest) -> Answer<'_, Page<MailRow>>;

    fn mail(&self, scope: Scope, id: MailId) -> Answer<'_, MailRow>;

    /// Takes mails that are due and that the limits have room for: from now on they are being sent by this process. Those whose
    /// recipients want nothing meanwhile are skipped with [`UNSUBSCRIBED`] instead.
    fn claim_mails(&self, claim: ClaimMails) -> Answer<'_, ClaimedMails>;

    /// Writes what came of mails. Says which were still the sender's.
    fn finish_mails(&self, finished: Vec<FinishedMail>) -> Answer<'_, Vec<bool>>;

    /// What processes that are gone were sending becomes unknown. How many did.
    fn lose_mails(&self, lost: LostMails) -> Answer<'_, u64>;

    /// At most [`ORDER_SLICE`] mails are taken back, or sent again, at a time; the rest when it is said again. Nothing of what is
    /// being taken back goes meanwhile.
    fn change_mailing(&self, change: MailingChange) -> Answer<'_, MailingRow>;

    /// A person's word about a mail that is unknown; one that is not is left as it is.
    fn judge_mail(&self, judge: JudgeMail) -> Answer<'_, MailRow>;
}

/// To whom, and what. It never changes, but for the reason of one that nobody wants any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailFacts {
    pub id: MailId,
    pub mailing: MailingId,
    pub workspace: WorkspaceId,
    pub kind: MailKind,
    pub prospect: Option<ProspectId>,
    pub subscriber: Option<SubscriberId>,
    /// The list it is for; `None` where only who wants nothing at all gets nothing.
    pub list: Option<ListName>,
    /// `None` where there was nothing to send.
    pub content: Option<(DraftId, u32)>,
    /// What the recipient is called.
    pub name: Option<String>,
    /// As it is written to; empty where there is none.
    pub address: String,
    /// The same in small letters: what makes two addresses one.
    pub recipient: String,
    /// Its `Message-ID`, the same in every try.
    pub message_id: String,
    /// Why it is skipped.
    pub reason: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailRow {
    pub facts: MailFacts,
    pub mail: Mail,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailingRow {
    pub id: MailingId,
    pub scope: Scope,
    pub kind: MailKind,
    /// What its unsubscribe links are signed with.
    pub secret: Secret,
    /// Whom it is for, as JSON text.
    pub spec: String,
    /// It is one mail: what is kept of a day for such ones is for it, too.
    pub single: bool,
    /// Also who has got another version of the draft.
    pub again: bool,
    /// The list it is for.
    pub to: Option<ToList>,
    pub created_at: Timestamp,
    pub mailing: Mailing,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMailing {
    pub id: MailingId,
    pub scope: Scope,
    pub kind: MailKind,
    pub secret: Secret,
    pub spec: String,
    pub at: Timestamp,
    /// Also who has got another version of the draft.
    pub again: bool,
    /// At most [`MAILS_MAX`]. Those with a reason are skipped.
    pub mails: Vec<MailFacts>,
    /// The list whose people are added to these, later.
    pub to: Option<ToList>,
    pub idempotency: Option<Idempotency>,
    /// Only what would be made.
    pub dry: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenedMailing {
    New(MailingRow, Skips),
    /// The idempotency key was used before for the same request.
    Replayed(MailingRow),
    /// Nothing was written.
    Dry(MailingRow, Skips),
}

impl OpenedMailing {
    pub fn row(&self) -> &MailingRow {
        match self {
            OpenedMailing::New(row, _) | OpenedMailing::Replayed(row) | OpenedMailing::Dry(row, _) => row,
        }
    }
}

/// How many are skipped for which reason.
pub type Skips = BTreeMap<String, u64>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailFilter {
    pub mailing: MailingId,
    pub status: Option<MailStatus>,
}

/// A mail that stands in the way of others of its draft.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Earlier {
    pub draft: DraftId,
    pub recipient: String,
    pub version: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimMails {
    pub node: NodeId,
    pub now: Timestamp,
    /// When the day of the limits began.
    pub day_at: Timestamp,
    pub limits: Limits,
    pub limit: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClaimedMails {
    pub mails: Vec<MailRow>,
    /// When there may be more to do: the next that is due, or when the limits have room again. `None` when nobody knows.
    pub next_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinishedMail {
    pub workspace: WorkspaceId,
    pub mailing: MailingId,
    pub mail: MailId,
    pub fence: Fence,
    pub outcome: Outcome,
    pub at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LostMails {
    pub now: Timestamp,
    /// Who has not beaten since is gone.
    pub lost_before: Timestamp,
    /// Everybody else is gone.
    pub only_living: Option<NodeId>,
    pub limit: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MailingChange {
    pub scope: Scope,
    pub mailing: MailingId,
    pub at: Timestamp,
    pub to: MailingOrder,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailingOrder {
    /// What is under way ends; nothing further begins.
    Pause,
    Resume,
    /// Takes back all that waits.
    Cancel,
    /// Sends those that failed once more; not while it is being taken back.
    RetryFailed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JudgeMail {
    pub scope: Scope,
    pub mail: MailId,
    pub at: Timestamp,
    pub word: Judgement,
}

pub fn no_mailing(id: MailingId) -> StoreError {
    StoreError::NotFound { what: "mailing", id: id.to_string() }
}

pub fn no_mail(id: MailId) -> StoreError {
    StoreError::NotFound { what: "mail", id: id.to_string() }
}

/// What the `Message-ID` of a mail is.
pub fn message_id(mail: MailId, domain: &str) -> String {
    format!("<{}@{domain}>", mail.uuid())
}

/// Mails as they begin.
struct Begun {
    tally: Tally,
    skips: Skips,
    rows: Vec<MailRow>,
}

/// How mails begin, given those of these drafts that stand in the way, and who wants nothing.
fn begun(mails: &[MailFacts], again: bool, at: Timestamp, earlier: &BTreeSet<Earlier>, unwanted: &Unwanted) -> Begun {
    let mut taken = earlier.clone();
    let (mut tally, mut skips, mut rows) = (Tally::default(), Skips::new(), Vec::with_capacity(mails.len()));
    for facts in mails {
        let mut facts = facts.clone();
        if facts.reason.is_none() && unwanted.holds_for(&facts) {
            facts.reason = Some(UNSUBSCRIBED.to_owned());
        }
        let counts = facts.kind != MailKind::Test;
        if let (true, Some((draft, version)), None) = (counts, facts.content, &facts.reason) {
            let recipient = facts.recipient.clone();
            let this = Earlier { draft, recipient: recipient.clone(), version };
            let any = Earlier { draft, recipient: recipient.clone(), version: 0 }..=Earlier {
                draft,
                recipient,
                version: u32::MAX,
            };
            let stands = if again { taken.contains(&this) } else { taken.range(any).next().is_some() };
            if stands {
                facts.reason = Some(ALREADY.to_owned());
            } else {
                taken.insert(this);
            }
        }
        let mail = match &facts.reason {
            Some(reason) => {
                *skips.entry(reason.clone()).or_default() += 1;
                Mail::skipped(at)
            }
            None => Mail::queued(at),
        };
        tally.add(mail.status, 1);
        rows.push(MailRow { facts, mail });
    }
    Begun { tally, skips, rows }
}

/// What opening makes, given the mails of these drafts that stand in the way, and who wants nothing.
pub fn opened(new: &NewMailing, earlier: &BTreeSet<Earlier>, unwanted: &Unwanted) -> (MailingRow, Vec<MailRow>, Skips) {
    let Begun { tally, skips, rows } = begun(&new.mails, new.again, new.at, earlier, unwanted);
    let walk = new.to.as_ref().map(|_| Mailing::START);
    let mut mailing = Mailing::new(walk, new.at);
    mailing.filled(&tally, walk);
    mailing.settle(new.at);
    let single = walk.is_none() && tally.of(MailStatus::Queued) == 1;
    let row = MailingRow {
        id: new.id,
        scope: new.scope,
        kind: new.kind,
        secret: new.secret,
        spec: new.spec.clone(),
        single,
        again: new.again,
        to: new.to.clone(),
        created_at: new.at,
        mailing,
    };
    (row, rows, skips)
}

/// The drafts and recipients of which it must be known who has got them before mails begin.
pub fn asked(mails: &[MailFacts]) -> Vec<(DraftId, &str)> {
    let counts = |facts: &MailFacts| facts.reason.is_none() && facts.kind != MailKind::Test;
    let of = |facts: &MailFacts| counts(facts).then_some(facts.content).flatten();
    mails.iter().filter_map(|facts| Some((of(facts)?.0, facts.recipient.as_str()))).collect()
}

/// Mailings and mails that were read to be changed, and what becomes of them. Every engine fills it with rows that nobody else
/// can change meanwhile, asks it, and writes what it says.
#[derive(Debug, Default)]
pub struct Book {
    mailings: BTreeMap<(WorkspaceId, MailingId), MailingRow>,
    mails: BTreeMap<(WorkspaceId, MailId), MailRow>,
    moved: BTreeSet<(WorkspaceId, MailId)>,
    written: Written,
}

/// What is to be written.
#[derive(Debug, Default)]
pub struct Written {
    pub mailings: Vec<MailingRow>,
    /// Those that are new.
    pub made: Vec<MailRow>,
    pub mails: Vec<MailRow>,
    pub events: Vec<NewEvent<'static>>,
    /// To whom a mail has gone, of which draft, and when.
    pub reached: Vec<(WorkspaceId, ProspectId, DraftId, Timestamp)>,
    /// When mails were claimed that certainly did not go: the day has room for as many more.
    pub back: Vec<Timestamp>,
}

impl Book {
    pub fn of(mailings: Vec<MailingRow>, mails: Vec<MailRow>) -> Book {
        Book {
            mailings: mailings.into_iter().map(|row| ((row.scope.workspace, row.id), row)).collect(),
            mails: mails.into_iter().map(|row| ((row.facts.workspace, row.facts.id), row)).collect(),
            ..Book::default()
        }
    }

    /// Skips what nobody wants any more, and takes those that may be taken: singles first, as far as there is room. Those taken.
    pub fn claim(&mut self, claim: &ClaimMails, pace: &Pace, unwanted: &Unwanted) -> Vec<MailRow> {
        self.skip_unwanted(claim, unwanted);
        let room = pace.room(&claim.limits, claim.now);
        let mut order: Vec<_> = self.mails.keys().copied().collect();
        let single = |book: &Book, key: &(WorkspaceId, MailId)| book.mailing_of(key).is_some_and(|row| row.single);
        order.sort_by_key(|key| (!single(self, key), *key));
        let mut taken = Vec::new();
        for key in order {
            let waits = self.mailing_of(&key).is_some_and(|row| row.mailing.is_held());
            let most = if single(self, &key) { room.single } else { room.mailing }.min(claim.limit);
            if !waits && taken.len() < most as usize {
                let next = self.mails.get(&key).and_then(|row| row.mail.claimed(claim.node, claim.now));
                if self.move_to(key, next) {
                    taken.extend(self.mails.get(&key).cloned());
                }
            }
        }
        taken
    }

    fn skip_unwanted(&mut self, claim: &ClaimMails, unwanted: &Unwanted) {
        let keys: Vec<_> =
            self.mails.iter().filter(|(_, row)| unwanted.holds_for(&row.facts)).map(|(key, _)| *key).collect();
        for key in keys {
            let next = self.mails.get(&key).and_then(|row| row.mail.unwanted(claim.now));
            if self.move_to(key, next)
                && let Some(row) = self.mails.get_mut(&key)
            {
                row.facts.reason = Some(UNSUBSCRIBED.to_owned());
            }
        }
    }

    /// Whether anything is to be written.
    pub fn is_moved(&self) -> bool {
        !self.moved.is_empty()
    }

    /// The mails it was filled with.
    pub fn mails(&self) -> impl Iterator<Item = &MailRow> {
        self.mails.values()
    }

    /// Whether it was still the sender's.
    pub fn finish(&mut self, one: &FinishedMail) -> bool {
        let key = (one.workspace, one.mail);
        let Some(row) = self.mails.get(&key) else { return false };
        let claimed_at = row.mail.claimed_at;
        let done = self.move_to(key, row.mail.answered(one.fence, &one.outcome, one.at));
        if done && one.gives_back() {
            self.written.back.extend(claimed_at);
        }
        done
    }

    /// All that are being sent: their processes are gone.
    pub fn lose(&mut self, at: Timestamp) -> u64 {
        let keys: Vec<_> = self.mails.keys().copied().collect();
        keys.into_iter().filter(|key| self.move_to(*key, self.mails.get(key).and_then(|row| row.mail.lost(at)))).count()
            as u64
    }

    pub fn judge(&mut self, judge: &JudgeMail) {
        let key = (judge.scope.workspace, judge.mail);
        self.move_to(key, self.mails.get(&key).and_then(|row| row.mail.judged(judge.word, judge.at)));
    }

    /// Adds the next mails of a mailing that may be filled.
    pub fn fill(
        &mut self,
        id: MailingId,
        slice: &Slice,
        at: Timestamp,
        earlier: &BTreeSet<Earlier>,
        unwanted: &Unwanted,
    ) {
        for row in self.mailings.values_mut().filter(|row| row.id == id) {
            let begun = begun(&slice.mails, row.again, at, earlier, unwanted);
            row.mailing.filled(&begun.tally, slice.walk);
            self.written.made.extend(begun.rows);
        }
    }

    /// Carries out an order, given the next [`ORDER_SLICE`] mails of the status it concerns.
    pub fn order(&mut self, change: &MailingChange) {
        let at = change.at;
        let keys: Vec<_> = self.mails.keys().copied().collect();
        let walk = keys.last().map(|(_, mail)| *mail).filter(|_| keys.len() >= ORDER_SLICE as usize);
        let mut retry = false;
        if let Some(row) = self.mailings.get_mut(&(change.scope.workspace, change.mailing)) {
            match change.to {
                MailingOrder::Pause => row.mailing.paused_at = row.mailing.paused_at.or(Some(at)),
                MailingOrder::Resume => row.mailing.paused_at = None,
                MailingOrder::Cancel => row.mailing.cancel(),
                MailingOrder::RetryFailed => retry = row.mailing.retry(walk),
            }
        }
        for key in keys {
            let mail = self.mails.get(&key).map(|row| &row.mail);
            let next = match change.to {
                MailingOrder::Pause | MailingOrder::Resume => None,
                MailingOrder::Cancel => mail.and_then(|mail| mail.cancelled(at)),
                MailingOrder::RetryFailed => mail.filter(|_| retry).and_then(|mail| mail.retried(at)),
            };
            self.move_to(key, next);
        }
    }

    pub fn mail(&self, workspace: WorkspaceId, id: MailId) -> Option<&MailRow> {
        self.mails.get(&(workspace, id))
    }

    /// What there is to write after everything was said.
    pub fn done(mut self, at: Timestamp) -> Written {
        for row in self.mailings.values_mut() {
            if row.mailing.settle(at) {
                self.written.events.push(event(row, FINISHED, at, None));
            }
        }
        let moved = &self.moved;
        self.written.mailings = self.mailings.into_values().collect();
        self.written.mails =
            self.mails.into_iter().filter(|(key, _)| moved.contains(key)).map(|(_, row)| row).collect();
        self.written
    }

    fn mailing_of(&self, (workspace, mail): &(WorkspaceId, MailId)) -> Option<&MailingRow> {
        let mailing = self.mails.get(&(*workspace, *mail))?.facts.mailing;
        self.mailings.get(&(*workspace, mailing))
    }

    /// False when it stays.
    fn move_to(&mut self, key: (WorkspaceId, MailId), next: Option<Mail>) -> bool {
        let (Some(next), Some(row)) = (next, self.mails.get_mut(&key)) else { return false };
        let Some(mailing) = self.mailings.get_mut(&(key.0, row.facts.mailing)) else { return false };
        let before = std::mem::replace(&mut row.mail, next);
        mailing.mailing.tally.moved(before.status, row.mail.status);
        self.moved.insert(key);
        let at = row.mail.ended_at.unwrap_or(mailing.mailing.updated_at);
        match row.mail.status {
            MailStatus::Failed => self.written.events.push(event(mailing, FAILED, at, Some(&row.facts))),
            MailStatus::Unknown => self.written.events.push(event(mailing, UNKNOWN, at, Some(&row.facts))),
            MailStatus::Sent => {
                let whose = row.facts.prospect.zip(row.facts.content);
                self.written.reached.extend(whose.map(|(prospect, (draft, _))| (key.0, prospect, draft, at)));
            }
            MailStatus::Queued | MailStatus::Sending | MailStatus::Cancelled | MailStatus::Skipped => {}
        }
        true
    }
}

fn event(row: &MailingRow, kind: &'static str, at: Timestamp, mail: Option<&MailFacts>) -> NewEvent<'static> {
    let counts = MailStatus::ALL.map(|status| format!("\"{status}\":{}", row.mailing.tally.of(status))).join(",");
    let named = mail.map(|mail| format!("\"mail\":\"{}\",", mail.id)).unwrap_or_default();
    NewEvent {
        workspace: row.scope.workspace,
        kind,
        generation: None,
        draft: mail.and_then(|mail| mail.content).map(|(draft, _)| draft),
        user: None,
        at,
        data: format!("{{\"mailing\":\"{}\",{named}\"counts\":{{{counts}}}}}", row.id).into(),
    }
}

impl MailRow {
    /// Whether it stands in the way of another mail of the same version to the same address.
    pub fn holds(&self) -> bool {
        self.facts.kind != MailKind::Test && self.mail.status.holds()
    }
}

impl FinishedMail {
    /// Whether the day has one more for others.
    pub fn gives_back(&self) -> bool {
        matches!(self.outcome.then, Then::Again { .. } | Then::NotBegun)
    }
}

impl MailingOrder {
    /// The mails of which status it moves.
    pub const fn concerns(self) -> Option<MailStatus> {
        match self {
            MailingOrder::Pause | MailingOrder::Resume => None,
            MailingOrder::Cancel => Some(MailStatus::Queued),
            MailingOrder::RetryFailed => Some(MailStatus::Failed),
        }
    }
}
