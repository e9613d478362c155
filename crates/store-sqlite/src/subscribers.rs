//! Subscribers, and who wants nothing. What becomes of a row that is written is decided in the contract.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::subscriber::{ListName, Person};
use copydesk_core::{MailId, SubscriberId, SuppressionId, Timestamp, WorkspaceId};
use copydesk_store::mail::MailFacts;
use copydesk_store::subscribers::{
    EVERYTHING, Kept, ListTally, RESUBSCRIBED_EVENT, SubscriberFilter, SubscriberRow, Suppress, Suppressed,
    SuppressionFilter, SuppressionRow, UNSUBSCRIBED_EVENT, Unsubscribed, Unwanted, WriteSubscribers, decide, list_text,
    no_subscriber, no_suppression,
};
use copydesk_store::{Answer, Page, PageRequest, Scope, StoreError, SubscriberStore};
use rusqlite::{Row, params};
use std::collections::BTreeMap;

/// About what a row takes.
const ROW_BYTES: usize = 128;

impl SubscriberStore for SqliteStore {
    fn write_subscribers(&self, write: WriteSubscribers) -> Answer<'_, Vec<Kept>> {
        Box::pin(self.write(write.rows.len() * ROW_BYTES, move |session| write_all(session.db, &write)))
    }

    fn subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, SubscriberRow> {
        Box::pin(self.read(move |db| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
            db.first(sql!("subscribers/get"), params, subscriber_row)?.ok_or_else(|| no_subscriber(id).into())
        }))
    }

    fn subscribers(
        &self,
        scope: Scope,
        filter: SubscriberFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SubscriberRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<SubscriberId>(&page, |id| id.0)?;
            let list = filter.list.as_ref().map(ListName::as_str);
            let (workspace, after) = (scope.workspace.0.as_bytes(), cut.after.as_bytes());
            let params = params![workspace, after, list, filter.unsubscribed, filter.recipient, cut.limit];
            let rows = db.all(ordered!(cut, "subscribers/list"), params, subscriber_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn tally_subscribers(&self, scope: Scope) -> Answer<'_, Vec<ListTally>> {
        Box::pin(self.read(move |db| {
            db.all(sql!("subscribers/tally"), params![scope.workspace.0.as_bytes()], |row| {
                let (all, unsubscribed) = (codec::unsigned(row, "subscribers")?, codec::unsigned(row, "unsubscribed")?);
                Ok(ListTally {
                    list: list_of(row.get("list")?)?,
                    active: all.saturating_sub(unsubscribed),
                    unsubscribed,
                })
            })
        }))
    }

    fn remove_subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
            match session.db.execute(sql!("subscribers/remove"), params)? {
                0 => Err(no_subscriber(id).into()),
                _ => Ok(()),
            }
        }))
    }

    fn suppress(&self, suppress: Suppress) -> Answer<'_, Suppressed> {
        Box::pin(self.write(0, move |session| put_suppression(session.db, &suppress)))
    }

    fn suppression(&self, scope: Scope, id: SuppressionId) -> Answer<'_, SuppressionRow> {
        Box::pin(self.read(move |db| get_suppression(db, scope, id)))
    }

    fn suppressions(
        &self,
        scope: Scope,
        filter: SuppressionFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SuppressionRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<SuppressionId>(&page, |id| id.0)?;
            let list = filter.list.as_ref().map(ListName::as_str);
            let (workspace, after) = (scope.workspace.0.as_bytes(), cut.after.as_bytes());
            let params = params![workspace, after, list, filter.recipient, cut.limit];
            let rows = db.all(ordered!(cut, "subscribers/suppressions"), params, suppression_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn lift_suppression(&self, scope: Scope, id: SuppressionId, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.write(0, move |session| {
            let row = get_suppression(session.db, scope, id)?;
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
            session.db.execute(sql!("subscribers/lift"), params)?;
            write_event(session.db, &row.event(RESUBSCRIBED_EVENT, at))
        }))
    }
}

fn write_all(db: Db<'_>, write: &WriteSubscribers) -> Done<Vec<Kept>> {
    let (workspace, list) = (write.scope.workspace.0.as_bytes(), write.list.as_str());
    let (mut found, mut unwanted) = (Vec::new(), BTreeMap::new());
    for (_, person) in &write.rows {
        let params = params![workspace, list, person.recipient];
        found.extend(db.first(sql!("subscribers/find"), params, subscriber_row)?);
        let params = params![workspace, person.recipient, list];
        unwanted.extend(db.all(sql!("subscribers/unsubscribed"), params, unsubscribed_row)?);
    }
    let kept = decide(write, found, &unwanted);
    if write.dry {
        return Ok(kept);
    }
    for one in &kept {
        let SubscriberRow { id, person, created_at, updated_at, .. } = one.row();
        let Person { address, recipient, name, external_id } = person;
        match one {
            Kept::Created(_) => {
                let (made, told) = (created_at.micros(), updated_at.micros());
                let id = id.0.as_bytes();
                let params = params![workspace, id, list, address, recipient, name, external_id, made, told];
                db.execute(sql!("subscribers/insert"), params)?;
            }
            Kept::Updated(_) => {
                let params = params![address, name, external_id, updated_at.micros(), workspace, id.0.as_bytes()];
                db.execute(sql!("subscribers/put"), params)?;
            }
            Kept::Unchanged(_) => {}
        }
    }
    Ok(kept)
}

fn put_suppression(db: Db<'_>, suppress: &Suppress) -> Done<Suppressed> {
    let row = suppress.row();
    let params = params![
        row.id.0.as_bytes(),
        row.workspace.0.as_bytes(),
        row.recipient,
        list_text(row.list.as_ref()),
        row.address,
        row.reason,
        row.mail.map(|mail| *mail.0.as_bytes()),
        row.created_at.micros(),
    ];
    if db.execute(sql!("subscribers/suppress"), params)? > 0 {
        write_event(db, &row.event(UNSUBSCRIBED_EVENT, row.created_at))?;
        return Ok(Suppressed::New(row));
    }
    let params = params![row.workspace.0.as_bytes(), row.recipient, list_text(row.list.as_ref())];
    let known = db.first(sql!("subscribers/find_suppression"), params, suppression_row)?;
    Ok(Suppressed::Known(known.ok_or_else(|| no_suppression(row.id))?))
}

/// Who of them wants nothing.
pub(crate) fn unwanted<'a>(db: Db<'_>, mails: impl Iterator<Item = &'a MailFacts>) -> Done<Unwanted> {
    let mut unwanted = Unwanted::default();
    for facts in mails {
        let params = params![facts.workspace.0.as_bytes(), facts.recipient, list_text(facts.list.as_ref())];
        for (workspace, recipient, list) in db.all(sql!("subscribers/unwanted"), params, |row| {
            Ok((WorkspaceId(codec::uuid(row, "workspace_id")?), row.get("recipient")?, row.get("list")?))
        })? {
            unwanted.add(workspace, recipient, list);
        }
    }
    Ok(unwanted)
}

fn get_suppression(db: Db<'_>, scope: Scope, id: SuppressionId) -> Done<SuppressionRow> {
    let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes()];
    db.first(sql!("subscribers/suppression"), params, suppression_row)?.ok_or_else(|| no_suppression(id).into())
}

/// The name of a list as a row has it.
pub(crate) fn list_of(text: String) -> Done<ListName> {
    Ok(ListName::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("{text:?} is no name of a list")))?)
}

fn subscriber_row(row: &Row<'_>) -> Done<SubscriberRow> {
    let suppression = codec::maybe_uuid(row, "suppression_id")?.map(SuppressionId);
    let unsubscribed = match suppression {
        Some(suppression) => Some(Unsubscribed {
            suppression,
            reason: row.get("reason")?,
            at: codec::instant(row, "unsubscribed_at")?,
            everything: row.get::<_, String>("suppression_list")? == EVERYTHING,
        }),
        None => None,
    };
    Ok(SubscriberRow {
        id: SubscriberId(codec::uuid(row, "id")?),
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        list: list_of(row.get("list")?)?,
        person: Person {
            address: row.get("address")?,
            recipient: row.get("recipient")?,
            name: row.get("name")?,
            external_id: row.get("external_id")?,
        },
        created_at: codec::instant(row, "created_at")?,
        updated_at: codec::instant(row, "updated_at")?,
        unsubscribed,
    })
}

fn unsubscribed_row(row: &Row<'_>) -> Done<(String, Unsubscribed)> {
    let unsubscribed = Unsubscribed {
        suppression: SuppressionId(codec::uuid(row, "id")?),
        reason: row.get("reason")?,
        at: codec::instant(row, "created_at")?,
        everything: row.get::<_, String>("list")? == EVERYTHING,
    };
    Ok((row.get("recipient")?, unsubscribed))
}

fn suppression_row(row: &Row<'_>) -> Done<SuppressionRow> {
    let list: String = row.get("list")?;
    Ok(SuppressionRow {
        id: SuppressionId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        address: row.get("address")?,
        recipient: row.get("recipient")?,
        list: if list == EVERYTHING { None } else { Some(list_of(list)?) },
        reason: row.get("reason")?,
        mail: codec::maybe_uuid(row, "mail_id")?.map(MailId),
        created_at: codec::instant(row, "created_at")?,
    })
}
