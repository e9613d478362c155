//! Ordering newsletters: one published draft for everybody on a list; and tests of any draft to a few addresses.

use crate::desk::Desk;
use crate::error::DeskError;
use crate::publish::content_of;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::mail::{MailKind, Secret};
use copydesk_core::recipe::OutputForm;
use copydesk_core::subscriber::{ListName, Person};
use copydesk_core::{DraftId, MailId, MailingId, SubscriberId};
use copydesk_smtp::domain_of;
use copydesk_store::drafts::{DraftRow, no_draft};
use copydesk_store::generations::Idempotency;
use copydesk_store::mail::{MailFacts, NEWSLETTER_MAX, NewMailing, OpenedMailing};
use copydesk_store::subscribers::{SubscriberFilter, SubscriberRow};
use copydesk_store::{Order, PageRequest, Scope};

/// How many addresses a test goes to.
pub const TESTS_MAX: usize = 5;

/// To whom.
#[derive(Clone, Debug)]
pub enum To {
    List(ListName),
    /// To see what it looks like; at most [`TESTS_MAX`].
    Test(Vec<Person>),
}

/// A newsletter as somebody wants it.
#[derive(Clone, Debug)]
pub struct Newsletter {
    pub scope: Scope,
    pub draft: DraftId,
    pub to: To,
    /// As it was asked, as JSON text.
    pub spec: String,
    /// Also who has got another version of the draft.
    pub again: bool,
    pub dry: bool,
    pub idempotency: Option<Idempotency>,
}

impl Desk {
    /// Orders a mail of the draft's current version for everybody on the list, or for the addresses of a test.
    ///
    /// Errors: `MailOff`; `NoPublicUrl` for a list; `NotFound`; `Invalid` for a draft that is not published, is no article, or
    /// a list that has nobody, or too many.
    pub async fn order_newsletter(&self, order: Newsletter) -> Result<OpenedMailing, DeskError> {
        let from = self.inner.config.mail.from.as_deref().filter(|_| self.inner.hooks.mailer.is_some());
        let domain = from.and_then(domain_of).ok_or(DeskError::MailOff)?;
        let Newsletter { scope, draft, to, spec, again, dry, idempotency } = order;
        let row = self.store().get_draft(scope, draft).await?;
        if row.deleted_at.is_some() {
            return Err(no_draft(draft).into());
        }
        let kind = match &to {
            To::List(_) => MailKind::Newsletter,
            To::Test(_) => MailKind::Test,
        };
        self.check(scope, &row, kind).await?;
        let at = self.inner.now();
        let mailing = MailingId(self.inner.world.uuid(at));
        let mut secret = Secret([0; Secret::BYTES]);
        self.inner.world.fill(&mut secret.0);
        let to = self.people(scope, to).await?;
        // They go out in the order of their ids: that of the list.
        let mut ids: Vec<MailId> = to.iter().map(|_| MailId(self.inner.world.uuid(at))).collect();
        ids.sort();
        let mails = ids.into_iter().zip(to).map(|(id, (subscriber, list, person))| MailFacts {
            id,
            mailing,
            workspace: scope.workspace,
            kind,
            prospect: None,
            subscriber,
            list,
            content: Some((draft, row.current_version)),
            name: person.name,
            address: person.address,
            recipient: person.recipient,
            message_id: format!("<{}@{domain}>", id.uuid()),
            reason: None,
            created_at: at,
        });
        let mails = mails.collect();
        let new = NewMailing { id: mailing, scope, kind, secret, spec, at, again, mails, idempotency, dry };
        let opened = self.store().open_mailing(new).await?;
        self.inner.bells.mails.notify_one();
        Ok(opened)
    }

    /// Whether the draft can go out like this.
    async fn check(&self, scope: Scope, row: &DraftRow, kind: MailKind) -> Result<(), DeskError> {
        let no = |code, detail: &str| Err(DeskError::invalid("/", code, detail.to_owned()));
        if row.current_version == 0 {
            return no("no_content", "the draft has no text yet");
        }
        let form = content_of(&self.store().version(scope, row.id, None).await?)?.form;
        let fits = match (kind, form) {
            (_, OutputForm::Article) | (MailKind::Test, OutputForm::Mail) => true,
            (_, OutputForm::Mail | OutputForm::Text | OutputForm::Media) => false,
        };
        if !fits {
            return no(
                "not_an_article",
                "only articles go to a list; mails to prospects are ordered with POST /mailings",
            );
        }
        if kind == MailKind::Test {
            return Ok(());
        }
        if self.inner.config.mail.public_url.is_none() {
            return Err(DeskError::NoPublicUrl);
        }
        if row.status != DraftStatus::Published || row.review == Review::Rejected {
            return no("not_published", "the draft is not published: publish it first, POST /drafts/{id}/publish");
        }
        Ok(())
    }

    async fn people(
        &self,
        scope: Scope,
        to: To,
    ) -> Result<Vec<(Option<SubscriberId>, Option<ListName>, Person)>, DeskError> {
        let list = match to {
            To::List(list) => list,
            To::Test(people) => return Ok(people.into_iter().map(|person| (None, None, person)).collect()),
        };
        let filter = SubscriberFilter { list: Some(list.clone()), ..SubscriberFilter::default() };
        let mut request = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
        let mut found = Vec::new();
        loop {
            let page = self.store().subscribers(scope, filter.clone(), request.clone()).await?;
            let of = |row: SubscriberRow| (Some(row.id), Some(row.list), row.person);
            found.extend(page.rows.into_iter().map(of));
            if found.len() > NEWSLETTER_MAX {
                let detail =
                    format!("the list {list} has more than {NEWSLETTER_MAX} subscribers, the most of one newsletter");
                return Err(DeskError::invalid("/list", "too_many", detail));
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        if found.is_empty() {
            let detail = format!("nobody is on the list {list}: POST /subscribers/import?list={list} takes a file");
            return Err(DeskError::invalid("/list", "nobody", detail));
        }
        Ok(found)
    }
}
