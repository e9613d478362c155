//! Writing the mails of a mailing to a list, a slice at a time. How they begin is decided by [`Book`].

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::Done;
use crate::mail::{earlier, get_mailing, mailing_row, put};
use crate::open::SqliteStore;
use crate::subscribers::unwanted;
use copydesk_core::SubscriberId;
use copydesk_core::subscriber::{ListName, Person};
use copydesk_store::fill::{FillMailing, NextOnList};
use copydesk_store::mail::{Book, MailingRow};
use copydesk_store::{Answer, FillStore, Scope};
use rusqlite::{Row, params};

/// About what a mail takes.
const MAIL_BYTES: usize = 256;

impl FillStore for SqliteStore {
    fn last_on_list(&self, scope: Scope, list: ListName) -> Answer<'_, Option<SubscriberId>> {
        Box::pin(self.read(move |db| {
            let params = params![scope.workspace.0.as_bytes(), list.as_str()];
            db.first(sql!("fill/last_on_list"), params, |row| Ok(SubscriberId(codec::uuid(row, "id")?)))
        }))
    }

    fn unfinished_mailings(&self, limit: u32) -> Answer<'_, Vec<MailingRow>> {
        Box::pin(self.read(move |db| db.all(sql!("fill/unfinished"), [limit], mailing_row)))
    }

    fn fill_mailing(&self, fill: FillMailing) -> Answer<'_, MailingRow> {
        Box::pin(self.write(fill.ids.len() * MAIL_BYTES, move |session| add(session.db, &fill)))
    }
}

fn add(db: Db<'_>, fill: &FillMailing) -> Done<MailingRow> {
    let workspace = fill.scope.workspace;
    let row = get_mailing(db, workspace, fill.mailing)?;
    let Some(NextOnList { to, after, limit }) = fill.next(&row) else { return Ok(row) };
    let until = to.until.0.as_bytes();
    let params = params![workspace.0.as_bytes(), to.list.as_str(), after.0.as_bytes(), until, limit];
    let people = db.all(sql!("fill/next_on_list"), params, person_row)?;
    let slice = fill.slice(&row, to, people);
    let (earlier, unwanted) = (earlier(db, workspace, &slice.mails)?, unwanted(db, slice.mails.iter())?);
    let mut book = Book::of(vec![row], Vec::new());
    book.fill(fill.mailing, &slice, fill.at, &earlier, &unwanted);
    put(db, book, fill.at)?;
    get_mailing(db, workspace, fill.mailing)
}

fn person_row(row: &Row<'_>) -> Done<(SubscriberId, Person)> {
    let person = Person {
        address: row.get("address")?,
        recipient: row.get("recipient")?,
        name: row.get("name")?,
        external_id: row.get("external_id")?,
    };
    Ok((SubscriberId(codec::uuid(row, "id")?), person))
}
