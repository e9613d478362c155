//! The model writes the mails of a mailing to a list.

use super::ModelStore;
use super::data::Data;
use copydesk_core::SubscriberId;
use copydesk_core::mail::Mailing;
use copydesk_core::subscriber::{ListName, Person};
use copydesk_store::fill::{FillMailing, NextOnList};
use copydesk_store::mail::{Book, MailingRow};
use copydesk_store::{Answer, FillStore, Scope, StoreError};

impl FillStore for ModelStore {
    fn last_on_list(&self, scope: Scope, list: ListName) -> Answer<'_, Option<SubscriberId>> {
        Box::pin(async move { Ok(self.data().on_list(scope, &list).map(|(id, _)| id).max()) })
    }

    fn unfinished_mailings(&self, limit: u32) -> Answer<'_, Vec<MailingRow>> {
        Box::pin(async move {
            let open = |row: &&MailingRow| {
                let Mailing { cancelling, retry_walk, .. } = row.mailing;
                cancelling || retry_walk.is_some() || row.mailing.may_fill()
            };
            Ok(self.data().mailings.values().filter(open).take(limit as usize).cloned().collect())
        })
    }

    fn fill_mailing(&self, fill: FillMailing) -> Answer<'_, MailingRow> {
        Box::pin(async move { self.data().fill_mailing(&fill) })
    }
}

impl Data {
    fn on_list(&self, scope: Scope, list: &ListName) -> impl Iterator<Item = (SubscriberId, Person)> {
        let of =
            self.subscribers.values().filter(move |row| row.scope.workspace == scope.workspace && row.list == *list);
        of.map(|row| (row.id, row.person.clone()))
    }

    fn fill_mailing(&mut self, fill: &FillMailing) -> Result<MailingRow, StoreError> {
        let row = self.mailing(fill.scope, fill.mailing)?;
        let Some(NextOnList { to, after, limit }) = fill.next(&row) else { return Ok(row) };
        let next = self.on_list(fill.scope, &to.list).filter(|(id, _)| *id > after && *id <= to.until);
        let people = next.take(limit as usize).collect();
        let slice = fill.slice(&row, to, people);
        let earlier = self.earlier(fill.scope.workspace);
        let mut book = Book::of(vec![row], Vec::new());
        book.fill(fill.mailing, &slice, fill.at, &earlier, &self.unwanted());
        self.put_book(book, fill.at);
        self.mailing(fill.scope, fill.mailing)
    }
}
