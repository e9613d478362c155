//! Subscribers, suppressions and newsletters on the wire.

use super::list::List;
use super::prospect::SkipBody;
use crate::extract::fields::{Fields, FromFields};
use copydesk_core::subscriber::{BY_OPERATOR, ListName, Person, REASON_CHARS_MAX};
use copydesk_desk::mail::TESTS_MAX;
use copydesk_desk::store::subscribers::{Kept, ListTally, SubscriberRow, SuppressionRow, Unsubscribed};
use copydesk_desk::subscribers::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Somebody on a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub(crate) struct SubscriberBody {
    object: &'static str,
    id: String,
    uuid: String,
    list: String,
    address: String,
    name: Option<String>,
    /// Your own id of it.
    external_id: Option<String>,
    /// `active`, or `unsubscribed`: then it gets nothing.
    status: &'static str,
    /// Why and since when it gets nothing.
    unsubscribed: Option<UnsubscribedBody>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SubscriberUnsubscribed)]
pub(crate) struct UnsubscribedBody {
    /// What says so; deleting it lets mail go again.
    suppression_id: String,
    reason: String,
    /// Not only of this list.
    everything: bool,
    at: String,
}

pub(crate) const STATUSES: [&str; 2] = ["active", "unsubscribed"];

impl SubscriberBody {
    pub fn of(row: SubscriberRow) -> SubscriberBody {
        let gone = |why: Unsubscribed| UnsubscribedBody {
            suppression_id: why.suppression.to_string(),
            reason: why.reason,
            everything: why.everything,
            at: why.at.to_string(),
        };
        SubscriberBody {
            object: "subscriber",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            list: row.list.to_string(),
            address: row.person.address,
            name: row.person.name,
            external_id: row.person.external_id,
            status: STATUSES[usize::from(row.unsubscribed.is_some())],
            unsubscribed: row.unsubscribed.map(gone),
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }

    pub fn of_kept(kept: Kept) -> SubscriberBody {
        match kept {
            Kept::Created(row) | Kept::Updated(row) | Kept::Unchanged(row) => SubscriberBody::of(row),
        }
    }
}

/// How many a list has.
#[derive(Serialize, ToSchema)]
#[schema(as = SubscriberListCount)]
pub(crate) struct ListCountBody {
    object: &'static str,
    list: String,
    /// They get what is sent to the list.
    active: u64,
    /// They get nothing.
    unsubscribed: u64,
}

pub(crate) fn lists(tally: Vec<ListTally>) -> List<ListCountBody> {
    let body = |ListTally { list, active, unsubscribed }| ListCountBody {
        object: "subscriber_list",
        list: list.to_string(),
        active,
        unsubscribed,
    };
    List::whole(tally.into_iter().map(body).collect())
}

/// What an import of subscribers did, or would do.
#[derive(Serialize, ToSchema)]
#[schema(as = SubscriberImport)]
pub(crate) struct SubscriberImportBody {
    object: &'static str,
    /// Nothing was written.
    dry_run: bool,
    list: String,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
    /// Of those taken in, how many get nothing, because they said so before. An import brings nobody back.
    unsubscribed: u64,
    /// How many rows were left out for what reason.
    reasons: BTreeMap<String, u64>,
    /// The first hundred that were left out, with their lines.
    skips: Vec<SkipBody>,
}

impl SubscriberImportBody {
    pub fn of(outcome: Outcome, list: &ListName, dry_run: bool) -> SubscriberImportBody {
        SubscriberImportBody {
            object: "subscriber_import",
            dry_run,
            list: list.to_string(),
            created: outcome.created,
            updated: outcome.updated,
            unchanged: outcome.unchanged,
            skipped: outcome.skipped,
            unsubscribed: outcome.unsubscribed,
            reasons: outcome.reasons,
            skips: outcome.skips.into_iter().map(SkipBody::of).collect(),
        }
    }
}

/// That an address gets nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(crate) struct SuppressionBody {
    object: &'static str,
    id: String,
    uuid: String,
    address: String,
    /// `null`: nothing at all, also no mail to a prospect.
    list: Option<String>,
    reason: String,
    /// The mail whose link said it.
    mail_id: Option<String>,
    created_at: String,
}

impl SuppressionBody {
    pub fn of(row: SuppressionRow) -> SuppressionBody {
        SuppressionBody {
            object: "suppression",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            address: row.address,
            list: row.list.map(|list| list.to_string()),
            reason: row.reason,
            mail_id: row.mail.map(|mail| mail.to_string()),
            created_at: row.created_at.to_string(),
        }
    }
}

pub(crate) const LIST_RULE: &str =
    "it must be 1 to 60 small letters, digits, `.`, `_` or `-`, and begin with a letter or digit";

/// Somebody to put on a list.
#[derive(ToSchema)]
pub(crate) struct NewSubscriber {
    /// `newsletter` unless said otherwise.
    #[schema(value_type = Option<String>)]
    pub list: ListName,
    #[schema(value_type = String)]
    pub address: Option<Person>,
    #[schema(value_type = Option<String>, max_length = 200)]
    #[allow(dead_code, reason = "it is read into the person")]
    name: (),
    /// Your own id of it.
    #[schema(value_type = Option<String>, max_length = 200)]
    #[allow(dead_code, reason = "it is read into the person")]
    external_id: (),
}

fn list(fields: &mut Fields) -> Option<ListName> {
    let text = fields.text("list")?;
    let list = ListName::parse(&text);
    if list.is_none() {
        fields.fault("list", "bad_list", LIST_RULE);
    }
    list
}

fn person(fields: &mut Fields, name: Option<&str>, external_id: Option<&str>) -> Option<Person> {
    let address = fields.required_text("address");
    if fields.blamed("address") {
        return None;
    }
    match Person::of(&address, name, external_id) {
        Ok(person) => Some(person),
        Err(bad) => {
            fields.fault(bad.field, bad.code, bad.detail);
            None
        }
    }
}

impl FromFields for NewSubscriber {
    fn read(fields: &mut Fields) -> NewSubscriber {
        let (name, external_id) = (fields.text("name"), fields.text("external_id"));
        let list = list(fields).unwrap_or_else(ListName::usual);
        let address = person(fields, name.as_deref(), external_id.as_deref());
        NewSubscriber { list, address, name: (), external_id: () }
    }
}

/// Somebody who wants nothing.
#[derive(ToSchema)]
pub(crate) struct NewSuppression {
    #[schema(value_type = String)]
    pub address: Option<Person>,
    /// Only of this list; without it nothing at all.
    #[schema(value_type = Option<String>)]
    pub list: Option<ListName>,
    /// Why, such as `by telephone`.
    #[schema(value_type = Option<String>, max_length = 200)]
    pub reason: String,
}

impl FromFields for NewSuppression {
    fn read(fields: &mut Fields) -> NewSuppression {
        let list = list(fields);
        let reason = fields.text("reason").unwrap_or_else(|| BY_OPERATOR.to_owned());
        if reason.chars().count() > REASON_CHARS_MAX {
            fields.fault("reason", "too_long", format!("it has more than {REASON_CHARS_MAX} characters"));
        }
        NewSuppression { address: person(fields, None, None), list, reason }
    }
}

/// A newsletter to a list.
#[derive(ToSchema)]
pub(crate) struct NewsletterFields {
    /// To everybody on it who gets something.
    #[schema(value_type = String)]
    pub list: Option<ListName>,
    /// Also who got another version of the draft before.
    #[schema(value_type = Option<bool>)]
    pub again: bool,
}

impl FromFields for NewsletterFields {
    fn read(fields: &mut Fields) -> NewsletterFields {
        let list = list(fields);
        if list.is_none() && !fields.blamed("list") {
            fields.fault("list", "required", "say to which list");
        }
        NewsletterFields { list, again: fields.boolean("again").unwrap_or_default() }
    }
}

/// A test of a mail.
#[derive(ToSchema)]
pub(crate) struct TestMailFields {
    /// At most five addresses.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 5)]
    pub to: Vec<Person>,
}

impl FromFields for TestMailFields {
    fn read(fields: &mut Fields) -> TestMailFields {
        let given = fields.texts("to").unwrap_or_default();
        if !fields.blamed("to") && (given.is_empty() || given.len() > TESTS_MAX) {
            fields.fault("to", "out_of_range", format!("name 1 to {TESTS_MAX} addresses"));
        }
        let mut to: Vec<Person> = Vec::new();
        for (place, address) in given.iter().enumerate() {
            match Person::of(address, None, None) {
                Ok(person) if to.iter().any(|known| known.recipient == person.recipient) => {}
                Ok(person) => to.push(person),
                Err(bad) => fields.fault_at("to", place, bad.code, bad.detail),
            }
        }
        TestMailFields { to }
    }
}
