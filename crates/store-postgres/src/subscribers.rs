//! Subscribers, and who wants nothing. What becomes of a row that is written is decided in the contract.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, columns, narrow, params, sql, text};
use copydesk_core::subscriber::{ListName, Person};
use copydesk_core::{MailId, SubscriberId, SuppressionId, Timestamp, WorkspaceId};
use copydesk_store::mail::MailFacts;
use copydesk_store::subscribers::{
    EVERYTHING, Kept, ListTally, RESUBSCRIBED_EVENT, SubscriberFilter, SubscriberRow, Suppress, Suppressed,
    SuppressionFilter, SuppressionRow, UNSUBSCRIBED_EVENT, Unsubscribed, Unwanted, WriteSubscribers, decide, list_text,
    no_subscriber, no_suppression,
};
use copydesk_store::{Answer, Order, Page, PageRequest, Scope, StoreError, SubscriberStore};
use tokio_postgres::Row;
use uuid::Uuid;

impl SubscriberStore for PostgresStore {
    fn write_subscribers(&self, write: WriteSubscribers) -> Answer<'_, Vec<Kept>> {
        Box::pin(self.telling(async move { Ok(self.write_people(&write).await?) }))
    }

    fn subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, SubscriberRow> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("subscribers/get"), params![scope.workspace.0, id.0]).await?;
            subscriber_row(rows.first().ok_or_else(|| no_subscriber(id))?)
        })
    }

    fn subscribers(
        &self,
        scope: Scope,
        filter: SubscriberFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SubscriberRow>> {
        Box::pin(async move {
            let cursor = Cursor::<SubscriberId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("subscribers/list_newest"),
                Order::OldestFirst => sql!("subscribers/list_oldest"),
            };
            let (list, recipient) = (filter.list.as_ref().map(ListName::as_str), filter.recipient.as_deref().map(text));
            let params = params![scope.workspace.0, cursor.after.0, list, filter.unsubscribed, recipient, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, subscriber_row, |row| row.id.to_string())
        })
    }

    fn tally_subscribers(&self, scope: Scope) -> Answer<'_, Vec<ListTally>> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("subscribers/tally"), params![scope.workspace.0]).await?;
            let tally = |row: &Row| {
                let all: u64 = narrow("subscribers", row.get("subscribers"))?;
                let unsubscribed = narrow("unsubscribed", row.get("unsubscribed"))?;
                let list = list_of(row.get("list"))?;
                Ok(ListTally { list, active: all.saturating_sub(unsubscribed), unsubscribed })
            };
            rows.iter().map(tally).collect()
        })
    }

    fn remove_subscriber(&self, scope: Scope, id: SubscriberId) -> Answer<'_, ()> {
        Box::pin(self.telling(async move {
            let tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let gone = steps.add(sql!("subscribers/remove"), params![scope.workspace.0, id.0]);
            let answers = tx.commit(steps).await?;
            answers.rows(Some(gone)).first().map(|_| ()).ok_or_else(|| no_subscriber(id))
        }))
    }

    fn suppress(&self, suppress: Suppress) -> Answer<'_, Suppressed> {
        Box::pin(self.telling(async move { Ok(self.put_suppression(&suppress).await?) }))
    }

    fn suppression(&self, scope: Scope, id: SuppressionId) -> Answer<'_, SuppressionRow> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("subscribers/suppression"), params![scope.workspace.0, id.0]).await?;
            suppression_row(rows.first().ok_or_else(|| no_suppression(id))?)
        })
    }

    fn suppressions(
        &self,
        scope: Scope,
        filter: SuppressionFilter,
        page: PageRequest,
    ) -> Answer<'_, Page<SuppressionRow>> {
        Box::pin(async move {
            let cursor = Cursor::<SuppressionId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("subscribers/suppressions_newest"),
                Order::OldestFirst => sql!("subscribers/suppressions_oldest"),
            };
            let (list, recipient) = (filter.list.as_ref().map(ListName::as_str), filter.recipient.as_deref().map(text));
            let params = params![scope.workspace.0, cursor.after.0, list, recipient, cursor.limit];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, suppression_row, |row| row.id.to_string())
        })
    }

    fn lift_suppression(&self, scope: Scope, id: SuppressionId, at: Timestamp) -> Answer<'_, ()> {
        Box::pin(self.telling(async move {
            let mut tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            steps.add(sql!("subscribers/lift"), params![scope.workspace.0, id.0]);
            let rows = tx.send(steps).await?.into_rows();
            let row = suppression_row(rows.first().ok_or_else(|| no_suppression(id))?)?;
            let mut steps = Steps::default();
            events::write(&mut steps, &[row.event(RESUBSCRIBED_EVENT, at)]);
            tx.commit(steps).await?;
            Ok(())
        }))
    }
}

impl PostgresStore {
    async fn write_people(&self, write: &WriteSubscribers) -> Result<Vec<Kept>, Fault> {
        let (workspace, list) = (write.scope.workspace.0, write.list.as_str());
        let recipients: Vec<_> = write.rows.iter().map(|(_, person)| text(&person.recipient)).collect();
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("subscribers/lock"), params![workspace]);
        tx.send(steps).await?;
        // After the lock, so that they see what whoever had it before has written.
        let mut steps = Steps::default();
        let found = steps.add(sql!("subscribers/find"), params![workspace, list, recipients.clone()]);
        let unwanted = steps.add(sql!("subscribers/unsubscribed"), params![workspace, recipients, list]);
        let answers = tx.send(steps).await?;
        let found = answers.rows(Some(found)).iter().map(subscriber_row).collect::<Result<_, _>>()?;
        let unwanted = answers.rows(Some(unwanted)).iter().map(unsubscribed_row).collect();
        let kept = decide(write, found, &unwanted);
        if write.dry {
            tx.rollback().await?;
            return Ok(kept);
        }
        let made: Vec<&SubscriberRow> =
            kept.iter().filter(|one| matches!(one, Kept::Created(_))).map(Kept::row).collect();
        let told: Vec<&SubscriberRow> =
            kept.iter().filter(|one| matches!(one, Kept::Updated(_))).map(Kept::row).collect();
        let mut steps = Steps::default();
        if !made.is_empty() {
            let params = columns!(made, row => workspace, row.id.0, list, text(&row.person.address),
                text(&row.person.recipient), row.person.name.as_deref().map(text),
                row.person.external_id.as_deref().map(text), Micros::from(row.created_at), Micros::from(row.updated_at));
            steps.add(sql!("subscribers/insert"), params);
        }
        if !told.is_empty() {
            let params = columns!(told, row => text(&row.person.address), row.person.name.as_deref().map(text),
                row.person.external_id.as_deref().map(text), Micros::from(row.updated_at), workspace, row.id.0);
            steps.add(sql!("subscribers/put"), params);
        }
        tx.commit(steps).await?;
        Ok(kept)
    }

    async fn put_suppression(&self, suppress: &Suppress) -> Result<Suppressed, Fault> {
        let row = suppress.row();
        let list = list_text(row.list.as_ref());
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let (recipient, address, reason) = (text(&row.recipient), text(&row.address), text(&row.reason));
        let (mail, at) = (row.mail.map(|mail| mail.0), Micros::from(row.created_at));
        let params = params![row.id.0, row.workspace.0, recipient.clone(), list, address, reason, mail, at];
        steps.add(sql!("subscribers/suppress"), params);
        let is_new = !tx.send(steps).await?.into_rows().is_empty();
        let mut steps = Steps::default();
        if is_new {
            events::write(&mut steps, &[row.event(UNSUBSCRIBED_EVENT, row.created_at)]);
            tx.commit(steps).await?;
            return Ok(Suppressed::New(row));
        }
        steps.add(sql!("subscribers/find_suppression"), params![row.workspace.0, recipient, list]);
        let rows = tx.send(steps).await?.into_rows();
        tx.rollback().await?;
        Ok(Suppressed::Known(suppression_row(rows.first().ok_or_else(|| no_suppression(row.id))?)?))
    }
}

/// Who of them wants nothing.
pub async fn unwanted(tx: &mut Tx, mails: Vec<&MailFacts>) -> Result<Unwanted, Fault> {
    let mut steps = Steps::default();
    let params = columns!(mails, facts => facts.workspace.0, text(&facts.recipient), list_text(facts.list.as_ref()));
    steps.add(sql!("subscribers/unwanted"), params);
    let mut unwanted = Unwanted::default();
    for row in tx.send(steps).await?.into_rows() {
        unwanted.add(WorkspaceId(row.get("workspace_id")), row.get("recipient"), row.get("list"));
    }
    Ok(unwanted)
}

/// The name of a list as a row has it.
pub fn list_of(text: &str) -> Result<ListName, StoreError> {
    ListName::parse(text).ok_or_else(|| StoreError::Corrupt(format!("{text:?} is no name of a list")))
}

fn subscriber_row(row: &Row) -> Result<SubscriberRow, StoreError> {
    let unsubscribed = row.get::<_, Option<Uuid>>("suppression_id").map(|suppression| Unsubscribed {
        suppression: SuppressionId(suppression),
        reason: row.get("reason"),
        at: row.get::<_, Micros>("unsubscribed_at").into(),
        everything: row.get::<_, &str>("suppression_list") == EVERYTHING,
    });
    Ok(SubscriberRow {
        id: SubscriberId(row.get("id")),
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        list: list_of(row.get("list"))?,
        person: Person {
            address: row.get("address"),
            recipient: row.get("recipient"),
            name: row.get("name"),
            external_id: row.get("external_id"),
        },
        created_at: row.get::<_, Micros>("created_at").into(),
        updated_at: row.get::<_, Micros>("updated_at").into(),
        unsubscribed,
    })
}

fn unsubscribed_row(row: &Row) -> (String, Unsubscribed) {
    let unsubscribed = Unsubscribed {
        suppression: SuppressionId(row.get("id")),
        reason: row.get("reason"),
        at: row.get::<_, Micros>("created_at").into(),
        everything: row.get::<_, &str>("list") == EVERYTHING,
    };
    (row.get("recipient"), unsubscribed)
}

fn suppression_row(row: &Row) -> Result<SuppressionRow, StoreError> {
    let list: &str = row.get("list");
    Ok(SuppressionRow {
        id: SuppressionId(row.get("id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        address: row.get("address"),
        recipient: row.get("recipient"),
        list: if list == EVERYTHING { None } else { Some(list_of(list)?) },
        reason: row.get("reason"),
        mail: row.get::<_, Option<Uuid>>("mail_id").map(MailId),
        created_at: row.get::<_, Micros>("created_at").into(),
    })
}
