//! Mail is the workspace's: a key of one user finds none, and cannot order any.

use super::{Confined, unconfined};
use copydesk_core::{MailId, MailingId};
use copydesk_store::mail::{
    ClaimMails, ClaimedMails, FinishedMail, JudgeMail, LostMails, MailFilter, MailRow, MailingChange, MailingRow,
    NewMailing, OpenedMailing,
};
use copydesk_store::{Answer, MailStore, Page, PageRequest, Scope, StoreError};

impl MailStore for Confined {
    fn open_mailing(&self, new: NewMailing) -> Answer<'_, OpenedMailing> {
        if new.scope.user.is_some() {
            let (what, id) = ("mailing", "for a key of one user".to_owned());
            return Box::pin(async move { Err(StoreError::NotFound { what, id }) });
        }
        self.inner.open_mailing(new)
    }
    fn mailing(&self, scope: Scope, id: MailingId) -> Answer<'_, MailingRow> {
        self.inner.mailing(unconfined(scope), id)
    }
    fn mailings(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<MailingRow>> {
        self.inner.mailings(unconfined(scope), page)
    }
    fn mails(&self, scope: Scope, filter: MailFilter, page: PageRequest) -> Answer<'_, Page<MailRow>> {
        self.inner.mails(unconfined(scope), filter, page)
    }
    fn mail(&self, scope: Scope, id: MailId) -> Answer<'_, MailRow> {
        self.inner.mail(unconfined(scope), id)
    }
    fn claim_mails(&self, claim: ClaimMails) -> Answer<'_, ClaimedMails> {
        self.inner.claim_mails(claim)
    }
    fn finish_mails(&self, finished: Vec<FinishedMail>) -> Answer<'_, Vec<bool>> {
        self.inner.finish_mails(finished)
    }
    fn lose_mails(&self, lost: LostMails) -> Answer<'_, u64> {
        self.inner.lose_mails(lost)
    }
    fn change_mailing(&self, mut change: MailingChange) -> Answer<'_, MailingRow> {
        change.scope = unconfined(change.scope);
        self.inner.change_mailing(change)
    }
    fn judge_mail(&self, mut judge: JudgeMail) -> Answer<'_, MailRow> {
        judge.scope = unconfined(judge.scope);
        self.inner.judge_mail(judge)
    }
}
