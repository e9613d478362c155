//! Ordering mailings, and what people do with them: a mail for each prospect, of its draft as it is now.

use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::prospects::drafting::Which;
use copydesk_core::access::Email;
use copydesk_core::draft::Review;
use copydesk_core::mail::{Judgement, MailKind, MailStatus, Secret};
use copydesk_core::prospect::{Field, Stage, Verification};
use copydesk_core::{MailId, MailingId, Timestamp};
use copydesk_smtp::domain_of;
use copydesk_store::generations::Idempotency;
use copydesk_store::mail::{
    ALREADY, JudgeMail, MAILS_MAX, MailFacts, MailRow, MailingChange, MailingOrder, MailingRow, NewMailing,
    OpenedMailing, message_id,
};
use copydesk_store::prospects::{Listed, ProspectFilter};
use copydesk_store::subscribers::UNSUBSCRIBED;
use copydesk_store::{Order as Sort, PageRequest, Scope};
use std::time::Duration;

const REJECTED: &str = "rejected";
const NO_EMAIL: &str = "no_email";
const BAD_EMAIL: &str = "bad_email";
const DRAFTING: &str = "drafting";
const NO_DRAFT: &str = "no_draft";
const NOT_APPROVED: &str = "not_approved";
const ANSWERED: &str = "answered";
/// Why a prospect gets no mail, with a sentence each.
pub const REASONS: [(&str, &str); 9] = [
    (REJECTED, "its address is marked as rejected"),
    (NO_EMAIL, "it has no address"),
    (BAD_EMAIL, "its address is none"),
    (DRAFTING, "its draft is being written"),
    (NO_DRAFT, "it has no draft"),
    (ANSWERED, "it has answered, and is not followed up"),
    (NOT_APPROVED, "nobody has approved its draft"),
    (ALREADY, "it got its draft before, or is about to"),
    (UNSUBSCRIBED, "it wants no mail"),
];

/// A mailing as somebody wants it.
#[derive(Clone, Debug)]
pub struct Order {
    pub scope: Scope,
    pub which: Which,
    /// `which` as it was asked, as JSON text.
    pub spec: String,
    /// Also who has got another version of the draft.
    pub again: bool,
    pub dry: bool,
    pub idempotency: Option<Idempotency>,
}

impl Desk {
    /// Orders a mail for each of them, at most [`MAILS_MAX`]. Who cannot get one is skipped, with the reason.
    ///
    /// Errors: `MailOff`; `Invalid` when nobody is meant, or too many.
    pub async fn order_mailing(&self, order: Order) -> Result<OpenedMailing, DeskError> {
        let from = self.inner.config.mail.from.as_deref().filter(|_| self.inner.hooks.mailer.is_some());
        let domain = from.and_then(domain_of).ok_or(DeskError::MailOff)?;
        let Order { scope, which, spec, again, dry, idempotency } = order;
        let listed = self.recipients(scope, which).await?;
        let at = self.inner.now();
        let id = MailingId(self.inner.world.uuid(at));
        // They go out in the order of their ids: that of the prospects.
        let mut ids: Vec<MailId> = listed.iter().map(|_| MailId(self.inner.world.uuid(at))).collect();
        ids.sort();
        let mails = ids.into_iter().zip(&listed).map(|(mail, to)| self.mail_for((mail, at), to, id, &domain)).collect();
        let mut secret = Secret([0; Secret::BYTES]);
        self.inner.world.fill(&mut secret.0);
        let kind = MailKind::Outreach;
        let new = NewMailing { id, scope, kind, secret, spec, at, again, mails, to: None, idempotency, dry };
        let opened = self.store().open_mailing(new).await?;
        self.inner.bells.mails.notify_one();
        Ok(opened)
    }

    /// Where the mail server is, and whether it lets us in; `None` where there is none. Nothing is sent.
    pub async fn try_mail(&self) -> Option<(String, Result<(), String>)> {
        let mailer = self.inner.hooks.mailer.as_ref()?;
        let tried = match mailer.open().await {
            Ok(line) => {
                line.close().await;
                Ok(())
            }
            Err((_, reply)) => Err(reply.text),
        };
        Some((mailer.place(), tried))
    }

    /// Errors: `NotFound`.
    pub async fn change_mailing(
        &self,
        scope: Scope,
        mailing: MailingId,
        to: MailingOrder,
    ) -> Result<MailingRow, DeskError> {
        let at = self.inner.now();
        let row = self.store().change_mailing(MailingChange { scope, mailing, at, to }).await?;
        self.inner.bells.mails.notify_one();
        self.inner.bells.mailings.notify_one();
        Ok(row)
    }

    /// The mailing when all its mails have ended, or as it is when the patience is over.
    pub async fn wait_for_mailing(
        &self,
        scope: Scope,
        mailing: MailingId,
        patience: Duration,
    ) -> Result<MailingRow, DeskError> {
        let ended = |row: &MailingRow| row.mailing.finished_at.is_some();
        self.at_its_end(patience, || self.store().mailing(scope, mailing), ended).await
    }

    /// A person says what became of a mail nobody can know about.
    ///
    /// Errors: `NotFound`; `Invalid` for one that is not unknown, unless it is as he says.
    pub async fn judge_mail(&self, scope: Scope, mail: MailId, word: Judgement) -> Result<MailRow, DeskError> {
        let before = self.store().mail(scope, mail).await?.mail.status;
        let row = self.store().judge_mail(JudgeMail { scope, mail, at: self.inner.now(), word }).await?;
        let fits = match word {
            Judgement::Sent => row.mail.status == MailStatus::Sent,
            Judgement::Failed => row.mail.status == MailStatus::Failed,
            Judgement::Again => before == MailStatus::Unknown || row.mail.status.is_open(),
        };
        if !fits {
            let detail =
                format!("the mail is {}: only of one that is unknown a person says what became of it", row.mail.status);
            return Err(DeskError::invalid("/outcome", "not_unknown", detail));
        }
        self.inner.bells.mails.notify_one();
        Ok(row)
    }

    async fn recipients(&self, scope: Scope, which: Which) -> Result<Vec<Listed>, DeskError> {
        let filter = match which {
            Which::Named(names) => {
                let rows = self.named_prospects(scope, &names).await.map_err(placed)?;
                let mut listed = Vec::with_capacity(rows.len());
                for row in rows {
                    listed.push(self.store().prospect(scope, row.id).await?);
                }
                return Ok(listed);
            }
            Which::Filter(filter) => filter,
            Which::Eligible => {
                ProspectFilter { stage: Some(Stage::Drafted), ..ProspectFilter::eligible(self.eligibility()) }
            }
        };
        let mut request = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Sort::OldestFirst };
        let mut listed = Vec::new();
        loop {
            let page = self.store().prospects(scope, filter.clone(), request.clone()).await?;
            listed.extend(page.rows);
            if listed.len() > MAILS_MAX {
                let detail =
                    format!("these are more than {MAILS_MAX} prospects, the most of one mailing: filter or name fewer");
                return Err(DeskError::invalid("/prospects", "too_many", detail));
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        if listed.is_empty() {
            let detail = "no prospect is meant by this: `copydesk prospects ls` shows how far each is";
            return Err(DeskError::invalid("/prospects", "nobody", detail));
        }
        Ok(listed)
    }

    fn mail_for(&self, (id, at): (MailId, Timestamp), listed: &Listed, mailing: MailingId, domain: &str) -> MailFacts {
        let row = &listed.row;
        let address = row.facts.text(Field::ContactEmail).unwrap_or_default().trim().to_owned();
        let draft = listed.draft.as_ref().filter(|_| listed.is_drafted());
        let reason = self.reason(listed, &address);
        MailFacts {
            id,
            mailing,
            workspace: row.scope.workspace,
            kind: MailKind::Outreach,
            prospect: Some(row.id),
            subscriber: None,
            list: None,
            content: draft.map(|draft| (draft.id, draft.version)),
            name: row.facts.text(Field::Name).map(str::to_owned),
            recipient: address.to_lowercase(),
            address,
            message_id: message_id(id, domain),
            reason: reason.map(str::to_owned),
            created_at: at,
        }
    }

    /// What keeps a prospect from getting its draft.
    fn reason(&self, listed: &Listed, address: &str) -> Option<&'static str> {
        let Some(draft) = listed.draft.as_ref().filter(|_| listed.is_drafted()) else { return Some(NO_DRAFT) };
        match () {
            () if listed.row.facts.verification == Verification::Rejected => Some(REJECTED),
            () if address.is_empty() => Some(NO_EMAIL),
            () if Email::parse(address).is_err() => Some(BAD_EMAIL),
            () if listed.row.answered_at.is_some() && listed.row.sent_at.is_some() => Some(ANSWERED),
            () if draft.live.is_some() => Some(DRAFTING),
            () if self.inner.config.mail.needs_approval && draft.review != Review::Approved => Some(NOT_APPROVED),
            () => None,
        }
    }
}

/// Faults of names, where they stand in the request.
fn placed(error: DeskError) -> DeskError {
    let DeskError::Invalid(faults) = error else { return error };
    let place = |fault: Fault| Fault { pointer: format!("/prospects/ids{}", fault.pointer), ..fault };
    DeskError::Invalid(faults.into_iter().map(place).collect())
}
