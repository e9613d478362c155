//! Mailings to lists are written in steps: the order makes the mailing, and a slice of its mails after the other follows, each in
//! one transaction that reads the next people of the list, judges them and moves the walk. Who was on the list when it was
//! ordered and still is when his turn comes gets a mail; the walk is the fence, so that nobody is passed over or comes twice.

use crate::mail::{MailFacts, MailingRow, message_id};
use crate::{Answer, Scope};
use copydesk_core::mail::MailKind;
use copydesk_core::subscriber::{ListName, Person};
use copydesk_core::{DraftId, MailId, MailingId, SubscriberId, Timestamp};

pub trait FillStore: Send + Sync {
    /// Who came onto the list last; `None` when nobody is on it.
    fn last_on_list(&self, scope: Scope, list: ListName) -> Answer<'_, Option<SubscriberId>>;

    /// Mailings of all workspaces with something left to do for [`FillStore::fill_mailing`] or, where they are being cancelled or
    /// tried again, for [`MailStore::change_mailing`](crate::MailStore::change_mailing). The oldest first.
    fn unfinished_mailings(&self, limit: u32) -> Answer<'_, Vec<MailingRow>>;

    /// Adds the next mails of a mailing, and says how it is then. Who has got this draft before, or is about to, and who wants
    /// nothing, is skipped as [`MailStore::open_mailing`](crate::MailStore::open_mailing) says. One that is held back, cancelled
    /// or whole stays as it is.
    fn fill_mailing(&self, fill: FillMailing) -> Answer<'_, MailingRow>;
}

/// To whom a newsletter goes, and what. It never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToList {
    pub list: ListName,
    pub draft: DraftId,
    pub version: u32,
    /// Who came later gets nothing of it.
    pub until: SubscriberId,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FillMailing {
    pub scope: Scope,
    pub mailing: MailingId,
    pub at: Timestamp,
    /// What the next mails are called, in the order in which they go; no more are added. Not empty.
    pub ids: Vec<MailId>,
    /// Where their `Message-ID`s are from.
    pub domain: String,
}

/// The next mails of a mailing, not yet judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slice {
    pub mails: Vec<MailFacts>,
    /// How far the list was walked with them; `None` when they are the last.
    pub walk: Option<SubscriberId>,
}

/// Which people of a list are next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextOnList<'a> {
    pub to: &'a ToList,
    pub after: SubscriberId,
    pub limit: u32,
}

impl FillMailing {
    /// Whom to read; `None` when nothing may be added.
    pub fn next<'a>(&self, row: &'a MailingRow) -> Option<NextOnList<'a>> {
        let to = row.to.as_ref().filter(|_| row.mailing.may_fill())?;
        Some(NextOnList { to, after: row.mailing.walk?, limit: u32::try_from(self.ids.len()).unwrap_or(u32::MAX) })
    }

    /// A mail for each of them, who were read as [`FillMailing::next`] says, in the order of their ids.
    pub fn slice(&self, row: &MailingRow, to: &ToList, people: Vec<(SubscriberId, Person)>) -> Slice {
        let whole = people.len() < self.ids.len();
        let walk = people.last().map(|(id, _)| *id).filter(|last| !whole && *last < to.until);
        let mails = self.ids.iter().zip(people).map(|(id, (subscriber, person))| MailFacts {
            id: *id,
            mailing: row.id,
            workspace: row.scope.workspace,
            kind: MailKind::Newsletter,
            prospect: None,
            subscriber: Some(subscriber),
            list: Some(to.list.clone()),
            content: Some((to.draft, to.version)),
            name: person.name,
            address: person.address,
            recipient: person.recipient,
            message_id: message_id(*id, &self.domain),
            reason: None,
            created_at: self.at,
        });
        Slice { mails: mails.collect(), walk }
    }
}
