//! Mailings to lists are the workspace's; only a duty fills them.

use super::{Confined, unconfined};
use copydesk_core::SubscriberId;
use copydesk_core::subscriber::ListName;
use copydesk_store::fill::FillMailing;
use copydesk_store::mail::MailingRow;
use copydesk_store::{Answer, FillStore, Scope};

impl FillStore for Confined {
    fn last_on_list(&self, scope: Scope, list: ListName) -> Answer<'_, Option<SubscriberId>> {
        self.inner.last_on_list(unconfined(scope), list)
    }
    fn unfinished_mailings(&self, limit: u32) -> Answer<'_, Vec<MailingRow>> {
        self.inner.unfinished_mailings(limit)
    }
    fn fill_mailing(&self, mut fill: FillMailing) -> Answer<'_, MailingRow> {
        fill.scope = unconfined(fill.scope);
        self.inner.fill_mailing(fill)
    }
}
