//! The model's mailings and mails: two maps and the pace.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::mail::{MailStatus, Pace, Tally};
use copydesk_core::refusal::Refusal;
use copydesk_core::{MailId, MailingId, Timestamp, WorkspaceId};
use copydesk_store::budgets::key_text;
use copydesk_store::mail::{
    Book, ClaimMails, ClaimedMails, Earlier, FinishedMail, JudgeMail, LostMails, MailFilter, MailRow, MailingChange,
    MailingOrder, MailingRow, NewMailing, ORDER_SLICE, OpenedMailing, no_mail, no_mailing, opened,
};
use copydesk_store::{Answer, MailStore, Page, PageRequest, Scope, StoreError};
use std::collections::BTreeSet;

impl MailStore for ModelStore {
    fn open_mailing(&self, new: NewMailing) -> Answer<'_, OpenedMailing> {
        Box::pin(async move { self.data().open_mailing(&new) })
    }
    fn mailing(&self, scope: Scope, id: MailingId) -> Answer<'_, MailingRow> {
        Box::pin(async move { self.data().mailing(scope, id) })
    }
    fn mailings(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<MailingRow>> {
        Box::pin(async move {
            let data = self.data();
            let rows = data.mailings.values().filter(|row| row.scope == scope);
            paged(rows.map(|row| (row.id, row.clone())).collect(), &page)
        })
    }
    fn mails(&self, scope: Scope, filter: MailFilter, page: PageRequest) -> Answer<'_, Page<MailRow>> {
        Box::pin(async move {
            let data = self.data();
            data.mailing(scope, filter.mailing)?;
            let fits = |row: &&MailRow| {
                row.facts.mailing == filter.mailing && filter.status.is_none_or(|status| row.mail.status == status)
            };
            paged(data.mails.values().filter(fits).map(|row| (row.facts.id, row.clone())).collect(), &page)
        })
    }
    fn mail(&self, scope: Scope, id: MailId) -> Answer<'_, MailRow> {
        Box::pin(async move { self.data().mail(scope, id) })
    }
    fn claim_mails(&self, claim: ClaimMails) -> Answer<'_, ClaimedMails> {
        Box::pin(async move { Ok(self.data().claim_mails(&claim)) })
    }
    fn finish_mails(&self, finished: Vec<FinishedMail>) -> Answer<'_, Vec<bool>> {
        Box::pin(async move {
            let mut data = self.data();
            let mut book = data.mail_book(|row| finished.iter().any(|one| one.mail == row.facts.id));
            let done = finished.iter().map(|one| book.finish(one)).collect();
            if let Some(at) = finished.iter().map(|one| one.at).max() {
                data.put_book(book, at);
            }
            Ok(done)
        })
    }
    fn lose_mails(&self, lost: LostMails) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.data().lose_mails(lost)) })
    }
    fn change_mailing(&self, change: MailingChange) -> Answer<'_, MailingRow> {
        Box::pin(async move {
            let mut data = self.data();
            let mailing = data.mailing(change.scope, change.mailing)?;
            let of =
                |row: &&MailRow| row.facts.mailing == change.mailing && Some(row.mail.status) == change.to.concerns();
            let mut mails: Vec<MailRow> = data.mails.values().filter(of).cloned().collect();
            match change.to {
                MailingOrder::RetryFailed => mails.retain(|row| row.facts.id > mailing.mailing.retry_from()),
                MailingOrder::Cancel => mails.sort_by_key(|row| (row.mail.due_at, row.facts.id)),
                MailingOrder::Pause | MailingOrder::Resume => {}
            }
            mails.truncate(ORDER_SLICE as usize);
            let mut book = Book::of(vec![mailing], mails);
            book.order(&change);
            data.put_book(book, change.at);
            data.mailing(change.scope, change.mailing)
        })
    }
    fn judge_mail(&self, judge: JudgeMail) -> Answer<'_, MailRow> {
        Box::pin(async move {
            let mut data = self.data();
            data.mail(judge.scope, judge.mail)?;
            let mut book = data.mail_book(|row| row.facts.id == judge.mail);
            book.judge(&judge);
            data.put_book(book, judge.at);
            data.mail(judge.scope, judge.mail)
        })
    }
}

impl Data {
    pub(super) fn mailing(&self, scope: Scope, id: MailingId) -> Result<MailingRow, StoreError> {
        self.mailings.get(&id).filter(|row| row.scope == scope).cloned().ok_or_else(|| no_mailing(id))
    }

    fn mail(&self, scope: Scope, id: MailId) -> Result<MailRow, StoreError> {
        let mine = |row: &&MailRow| row.facts.workspace == scope.workspace;
        self.mails.get(&id).filter(mine).cloned().ok_or_else(|| no_mail(id))
    }

    fn open_mailing(&mut self, new: &NewMailing) -> Result<OpenedMailing, StoreError> {
        let workspace = new.scope.workspace;
        if let Some(given) = &new.idempotency {
            match self.mailing_keys.get(&(workspace, key_text(given))) {
                Some((fingerprint, id)) if *fingerprint == given.fingerprint => {
                    return Ok(OpenedMailing::Replayed(self.mailing(new.scope, *id)?));
                }
                Some(_) => return Err(Refusal::IdempotencyKeyReused.into()),
                None => {}
            }
        }
        let (mailing, mails, skips) = opened(new, &self.earlier(workspace), &self.unwanted());
        if new.dry {
            return Ok(OpenedMailing::Dry(mailing, skips));
        }
        if let Some(given) = &new.idempotency {
            self.mailing_keys.insert((workspace, key_text(given)), (given.fingerprint, mailing.id));
        }
        self.mailings.insert(mailing.id, mailing.clone());
        self.mails.extend(mails.into_iter().map(|row| (row.facts.id, row)));
        Ok(OpenedMailing::New(mailing, skips))
    }

    /// Who has got which draft, or is about to.
    pub(super) fn earlier(&self, workspace: WorkspaceId) -> BTreeSet<Earlier> {
        let holding = self.mails.values().filter(|row| row.facts.workspace == workspace && row.holds());
        let earlier = holding.filter_map(|row| {
            let (draft, version) = row.facts.content?;
            Some(Earlier { draft, recipient: row.facts.recipient.clone(), version })
        });
        earlier.collect()
    }

    fn claim_mails(&mut self, claim: &ClaimMails) -> ClaimedMails {
        let works =
            |row: &MailRow| self.mailings.get(&row.facts.mailing).is_some_and(|mailing| !mailing.mailing.is_held());
        let waits = |row: &&MailRow| row.mail.status == MailStatus::Queued && works(row);
        let next_due = |data: &Data| {
            let paused =
                |row: &&MailRow| data.mailings.get(&row.facts.mailing).is_none_or(|mailing| mailing.mailing.is_held());
            let queued = data.mails.values().filter(|row| row.mail.status == MailStatus::Queued && !paused(row));
            queued.map(|row| row.mail.due_at).min()
        };
        let next_at = next_due(self);
        if next_at.is_none_or(|due| due > claim.now) {
            return ClaimedMails { mails: Vec::new(), next_at };
        }
        let mut due: Vec<_> =
            self.mails.values().filter(waits).filter(|row| row.mail.due_at <= claim.now).cloned().collect();
        let single = |row: &MailRow| self.mailings.get(&row.facts.mailing).is_some_and(|mailing| mailing.single);
        due.sort_by_key(|row| (!single(row), row.facts.mailing, row.mail.due_at, row.facts.id));
        let ids: Vec<MailId> = due.iter().take(claim.limit as usize).map(|row| row.facts.id).collect();
        let pace = self.mail_pace.unwrap_or(Pace::new(claim.day_at)).on(claim.day_at);
        let mut book = self.mail_book(|row| ids.contains(&row.facts.id));
        let mails = book.claim(claim, &pace, &self.unwanted());
        if !book.is_moved() {
            return ClaimedMails { mails, next_at: pace.room(&claim.limits, claim.now).next_at };
        }
        self.mail_pace = Some(pace.took(mails.len() as u32, &claim.limits, claim.now));
        self.put_book(book, claim.now);
        ClaimedMails { mails, next_at: next_due(self) }
    }

    fn lose_mails(&mut self, lost: LostMails) -> u64 {
        let gone = |row: &&MailRow| {
            let node = row.mail.node;
            row.mail.status == MailStatus::Sending
                && match lost.only_living {
                    Some(living) => node != Some(living),
                    None => {
                        node.is_none_or(|node| self.nodes.get(&node).is_none_or(|row| row.beat_at < lost.lost_before))
                    }
                }
        };
        let ids: Vec<MailId> =
            self.mails.values().filter(gone).take(lost.limit as usize).map(|row| row.facts.id).collect();
        let mut book = self.mail_book(|row| ids.contains(&row.facts.id));
        let count = book.lose(lost.now);
        self.put_book(book, lost.now);
        count
    }

    pub(super) fn mailings_out_of_step(&self) -> Vec<MailingId> {
        let counted = |id: MailingId| {
            let mut tally = Tally::default();
            self.mails.values().filter(|row| row.facts.mailing == id).for_each(|row| tally.add(row.mail.status, 1));
            tally
        };
        self.mailings.values().filter(|row| row.mailing.tally != counted(row.id)).map(|row| row.id).collect()
    }

    fn mail_book(&self, wanted: impl Fn(&MailRow) -> bool) -> Book {
        let mails: Vec<MailRow> = self.mails.values().filter(|row| wanted(row)).cloned().collect();
        let of = |row: &&MailingRow| mails.iter().any(|mail| mail.facts.mailing == row.id);
        let mailings = self.mailings.values().filter(of).cloned().collect();
        Book::of(mailings, mails)
    }

    pub(super) fn put_book(&mut self, book: Book, at: Timestamp) {
        let written = book.done(at);
        self.mails.extend(written.made.into_iter().map(|row| (row.facts.id, row)));
        self.mails.extend(written.mails.into_iter().map(|row| (row.facts.id, row)));
        self.mailings.extend(written.mailings.into_iter().map(|row| (row.id, row)));
        for (_, prospect, draft, at) in written.reached {
            if let Some(row) = self.prospects.get_mut(&prospect)
                && row.sent_at.is_none_or(|before| before < at)
            {
                (row.sent_at, row.sent_draft) = (Some(at), row.sent_draft.max(Some(draft)));
            }
        }
        for claimed_at in written.back {
            self.mail_pace = self.mail_pace.map(|pace| pace.gave_back(claimed_at));
        }
        written.events.into_iter().for_each(|event| self.announce(event));
    }
}
