//! The duty that writes the mails of newsletters, takes back those of mailings that are cancelled, and puts failed ones in line
//! again: a slice of each at a time, each slice one transaction, so that nobody else waits long for the database. Every node
//! does it; it has no leader and remembers nothing: how far a mailing is stands in its row, and moves with the mails of a slice.

use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_core::MailId;
use copydesk_smtp::domain_of;
use copydesk_store::fill::FillMailing;
use copydesk_store::mail::{MailingChange, MailingOrder, MailingRow};
use std::sync::Arc;

/// How many mails are written in one transaction.
pub const SLICE: usize = 1_000;
/// How many mailings are looked at in one read.
const ROWS: u32 = 100;

pub(super) fn spawn(inner: &Arc<Inner>) {
    let desk = Desk { inner: Arc::clone(inner) };
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            match desk.tend_mailings().await {
                // There may be more at once.
                Ok(moved) if moved > 0 && !*stopped.borrow() => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "Mailings cannot be filled; it is tried again"),
            }
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.bells.mailings.notified() => {}
                // What was ordered elsewhere, and what a process left when it died.
                () = desk.inner.world.sleep(desk.inner.config.poll_every) => {}
            }
        }
    });
}

impl Desk {
    /// One look at all mailings that are being filled or cancelled: a slice of each. How many have moved.
    pub async fn tend_mailings(&self) -> Result<u64, DeskError> {
        if self.inner.draining() {
            return Ok(0);
        }
        let mut moved = 0;
        for row in self.store().unfinished_mailings(ROWS).await? {
            match self.tend_mailing(&row).await {
                Ok(after) => moved += u64::from(after.mailing != row.mailing),
                // One must not keep the others from going on.
                Err(error) => {
                    tracing::error!(mailing = %row.id, %error, "A mailing cannot be filled; it is tried again");
                }
            }
        }
        if moved > 0 {
            self.inner.bells.mails.notify_one();
        }
        Ok(moved)
    }

    async fn tend_mailing(&self, row: &MailingRow) -> Result<MailingRow, DeskError> {
        let (scope, mailing, at) = (row.scope, row.id, self.inner.now());
        let begun = match (row.mailing.cancelling, row.mailing.retry_walk) {
            (true, _) => Some(MailingOrder::Cancel),
            (false, Some(_)) => Some(MailingOrder::RetryFailed),
            (false, None) => None,
        };
        if let Some(to) = begun {
            return Ok(self.store().change_mailing(MailingChange { scope, mailing, at, to }).await?);
        }
        let domain = self.inner.config.mail.from.as_deref().and_then(domain_of).ok_or(DeskError::MailOff)?;
        // They go out in the order of their ids: that of the list.
        let mut ids: Vec<MailId> = (0..SLICE).map(|_| MailId(self.inner.world.uuid(at))).collect();
        ids.sort();
        Ok(self.store().fill_mailing(FillMailing { scope, mailing, at, ids, domain }).await?)
    }
}
