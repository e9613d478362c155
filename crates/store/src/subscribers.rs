//! Subscribers, and who wants nothing. A suppression is the only thing that keeps somebody from getting mail, and it is asked
//! where mails are ordered and where they are claimed, in the same transaction.

use crate::events::NewEvent;
use crate::mail::MailFacts;
use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::subscriber::{ListName, Person};
use copydesk_core::{MailId, SubscriberId, SuppressionId, Timestamp, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of the events that are told.
pub const UNSUBSCRIBED_EVENT: &str = "subscriber.unsubscribed";
pub const RESUBSCRIBED_EVENT: &str = "subscriber.resubscribed";
/// Why a mail is skipped whose recipient wants nothing.
pub const UNSUBSCRIBED: &str = "unsubscribed";
/// How the table says "everything".
pub const EVERYTHING: &str = "";

pub trait SubscriberStore: Send + Sync {
    /// Writes people onto a list, in the order given. Who is there is changed by what is said of it; who wants nothing stays so.
    fn write_subscribers(&self, write: WriteSubscribers) -> Answer<'_, Vec<Kept>>;

    fn subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, SubscriberRow>;

    /// In the order of their ids.
    fn subscribers(&self, scope: Scope, filter: SubscriberFilter, page: PageRequest)
    -> Answer<'_, Page<SubscriberRow>>;

    /// How many each list has, by name.
    fn tally_subscribers(&self, scope: Scope) -> Answer<'_, Vec<ListTally>>;

    /// That somebody wants nothing stays.
    ///
    /// Errors: `NotFound`.
    fn remove_subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, ()>;

    /// From now on this address gets nothing, of one list or at all. Saying it twice is saying it once.
    fn suppress(&self, suppress: Suppress) -> Answer<'_, Suppressed>;

    fn suppression(&self, scope: Scope, id: SuppressionId) -> Answer<'_, SuppressionRow>;

    /// In the order of their ids.
    fn suppressions(
        &self,
        scope: Scope,
        filter: SuppressionFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SuppressionRow>>;

    /// The address may get mail again.
    ///
    /// Errors: `NotFound`.
    fn lift_suppression(&self, scope: Scope, id: SuppressionId, at: Timestamp) -> Answer<'_, ()>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriberRow {
    pub id: SubscriberId,
    pub scope: Scope,
    pub list: ListName,
    pub person: Person,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// It gets nothing. Read from the suppressions, never written.
    pub unsubscribed: Option<Unsubscribed>,
}

/// Why and since when somebody gets nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsubscribed {
    pub suppression: SuppressionId,
    pub reason: String,
    pub at: Timestamp,
    /// Not only of this list.
    pub everything: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteSubscribers {
    pub scope: Scope,
    pub list: ListName,
    pub at: Timestamp,
    /// At most a thousand.
    pub rows: Vec<(SubscriberId, Person)>,
    /// Only what would be written.
    pub dry: bool,
}

/// What became of one that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    Created(SubscriberRow),
    Updated(SubscriberRow),
    Unchanged(SubscriberRow),
}

impl Kept {
    pub fn row(&self) -> &SubscriberRow {
        match self {
            Kept::Created(row) | Kept::Updated(row) | Kept::Unchanged(row) => row,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubscriberFilter {
    pub list: Option<ListName>,
    /// Only those who get nothing, or only those who get something.
    pub unsubscribed: Option<bool>,
    /// In small letters.
    pub recipient: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListTally {
    pub list: ListName,
    pub active: u64,
    pub unsubscribed: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suppress {
    pub scope: Scope,
    pub id: SuppressionId,
    pub at: Timestamp,
    pub address: String,
    /// In small letters.
    pub recipient: String,
    /// `None`: everything.
    pub list: Option<ListName>,
    pub reason: String,
    /// The mail whose link said it.
    pub mail: Option<MailId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Suppressed {
    New(SuppressionRow),
    /// It was said before.
    Known(SuppressionRow),
}

impl Suppressed {
    pub fn row(&self) -> &SuppressionRow {
        match self {
            Suppressed::New(row) | Suppressed::Known(row) => row,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuppressionRow {
    pub id: SuppressionId,
    pub workspace: WorkspaceId,
    pub address: String,
    pub recipient: String,
    /// `None`: everything.
    pub list: Option<ListName>,
    pub reason: String,
    pub mail: Option<MailId>,
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SuppressionFilter {
    /// Those that say something of this list, and of no other.
    pub list: Option<ListName>,
    /// In small letters.
    pub recipient: Option<String>,
}

/// Who wants nothing, of those somebody asked about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unwanted(BTreeSet<(WorkspaceId, String, String)>);

impl Unwanted {
    /// `list` as the table has it.
    pub fn add(&mut self, workspace: WorkspaceId, recipient: String, list: String) {
        self.0.insert((workspace, recipient, list));
    }

    pub fn holds_for(&self, facts: &MailFacts) -> bool {
        let of = |list: &str| self.0.contains(&(facts.workspace, facts.recipient.clone(), list.to_owned()));
        !self.0.is_empty() && (of(EVERYTHING) || facts.list.as_ref().is_some_and(|list| of(list.as_str())))
    }
}

/// How the table calls a list.
pub fn list_text(list: Option<&ListName>) -> &str {
    list.map_or(EVERYTHING, ListName::as_str)
}

/// What writing makes of each row, given those of the list that are there, and who of them all wants nothing.
pub fn decide(
    write: &WriteSubscribers,
    found: Vec<SubscriberRow>,
    unwanted: &BTreeMap<String, Unsubscribed>,
) -> Vec<Kept> {
    let mut known: BTreeMap<String, SubscriberRow> =
        found.into_iter().map(|row| (row.person.recipient.clone(), row)).collect();
    let mut kept = Vec::with_capacity(write.rows.len());
    for (id, person) in &write.rows {
        let one = match known.get(&person.recipient) {
            None => Kept::Created(SubscriberRow {
                id: *id,
                scope: write.scope,
                list: write.list.clone(),
                person: person.clone(),
                created_at: write.at,
                updated_at: write.at,
                unsubscribed: unwanted.get(&person.recipient).cloned(),
            }),
            Some(row) => {
                let told = row.person.retold(person);
                if told == row.person {
                    Kept::Unchanged(row.clone())
                } else {
                    Kept::Updated(SubscriberRow { person: told, updated_at: write.at, ..row.clone() })
                }
            }
        };
        known.insert(person.recipient.clone(), one.row().clone());
        kept.push(one);
    }
    kept
}

impl Suppress {
    pub fn row(&self) -> SuppressionRow {
        SuppressionRow {
            id: self.id,
            workspace: self.scope.workspace,
            address: self.address.clone(),
            recipient: self.recipient.clone(),
            list: self.list.clone(),
            reason: self.reason.clone(),
            mail: self.mail,
            created_at: self.at,
        }
    }
}

impl SuppressionRow {
    /// It names nobody: the address is behind the id.
    pub fn event(&self, kind: &'static str, at: Timestamp) -> NewEvent<'static> {
        let list = self.list.as_ref().map_or_else(|| "null".to_owned(), |list| format!("\"{list}\""));
        let mail = self.mail.map(|mail| format!(",\"mail\":\"{mail}\"")).unwrap_or_default();
        NewEvent {
            workspace: self.workspace,
            kind,
            generation: None,
            draft: None,
            user: None,
            at,
            data: format!("{{\"suppression\":\"{}\",\"list\":{list}{mail}}}", self.id).into(),
        }
    }
}

pub fn no_subscriber(id: SubscriberId) -> StoreError {
    StoreError::NotFound { what: "subscriber", id: id.to_string() }
}

pub fn no_suppression(id: SuppressionId) -> StoreError {
    StoreError::NotFound { what: "suppression", id: id.to_string() }
}
