//! Writing the mails of a mailing to a list, a slice at a time. How they begin is decided by [`Book`], on a mailing that was locked
//! after the lock under which mails are ordered.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::mail::{earlier_row, mailing_row, put};
use crate::pipeline::{Steps, Tx, read};
use crate::subscribers::unwanted;
use crate::types::{params, sql, text};
use copydesk_core::SubscriberId;
use copydesk_core::subscriber::{ListName, Person};
use copydesk_store::fill::{FillMailing, NextOnList};
use copydesk_store::mail::{Book, MailingRow, asked, no_mailing};
use copydesk_store::{Answer, FillStore, MailStore, Scope};
use tokio_postgres::Row;
use uuid::Uuid;

impl FillStore for PostgresStore {
    fn last_on_list(&self, scope: Scope, list: ListName) -> Answer<'_, Option<SubscriberId>> {
        Box::pin(async move {
            let params = params![scope.workspace.0, list.as_str()];
            let rows = read(&self.readers, sql!("fill/last_on_list"), params).await?;
            Ok(rows.first().map(|row| SubscriberId(row.get("id"))))
        })
    }

    fn unfinished_mailings(&self, limit: u32) -> Answer<'_, Vec<MailingRow>> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("fill/unfinished"), params![i64::from(limit)]).await?;
            rows.iter().map(mailing_row).collect()
        })
    }

    fn fill_mailing(&self, fill: FillMailing) -> Answer<'_, MailingRow> {
        Box::pin(self.telling(async move {
            self.add_mails(&fill).await?;
            self.mailing(fill.scope, fill.mailing).await
        }))
    }
}

impl PostgresStore {
    async fn add_mails(&self, fill: &FillMailing) -> Result<(), Fault> {
        let workspace = fill.scope.workspace.0;
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        steps.add(sql!("mail/lock"), params![workspace]);
        tx.send(steps).await?;
        // After the lock, so that they see what whoever had it before has written.
        let mut steps = Steps::default();
        steps.add(sql!("mail/load_mailings"), params![vec![workspace], vec![fill.mailing.0]]);
        let rows = tx.send(steps).await?.into_rows();
        let row = mailing_row(rows.first().ok_or_else(|| no_mailing(fill.mailing))?)?;
        let Some(NextOnList { to, after, limit }) = fill.next(&row) else {
            tx.rollback().await?;
            return Ok(());
        };
        let mut steps = Steps::default();
        let next = params![workspace, to.list.as_str(), after.0, to.until.0, i64::from(limit)];
        steps.add(sql!("fill/next_on_list"), next);
        let people = tx.send(steps).await?.into_rows().iter().map(person).collect();
        let slice = fill.slice(&row, to, people);
        let pairs = asked(&slice.mails);
        let drafts: Vec<Uuid> = pairs.iter().map(|(draft, _)| draft.0).collect();
        let recipients: Vec<_> = pairs.iter().map(|(_, recipient)| text(recipient)).collect();
        let mut steps = Steps::default();
        steps.add(sql!("mail/earlier"), params![workspace, drafts, recipients]);
        let earlier = tx.send(steps).await?.into_rows().iter().map(earlier_row).collect::<Result<_, _>>()?;
        let unwanted = unwanted(&mut tx, slice.mails.iter().collect()).await?;
        let mut book = Book::of(vec![row], Vec::new());
        book.fill(fill.mailing, &slice, fill.at, &earlier, &unwanted);
        put(tx, book, fill.at, None).await
    }
}

fn person(row: &Row) -> (SubscriberId, Person) {
    let person = Person {
        address: row.get("address"),
        recipient: row.get("recipient"),
        name: row.get("name"),
        external_id: row.get("external_id"),
    };
    (SubscriberId(row.get("id")), person)
}
