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
use copydesk_store::fill::ToList;
use copydesk_store::generations::Idempotency;
use copydesk_store::mail::{MailFacts, MailingRow, NewMailing, OpenedMailing, Skips, message_id};
use copydesk_store::subscribers::SubscriberFilter;
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
    /// Orders a mail of the draft's current version for everybody on the list, or for the addresses of a test. Of a list no mail is
    /// written yet: a duty does that; who is on the list now and still is then gets one.
    ///
    /// Errors: `MailOff`; `NoPublicUrl` for a list; `NotFound`; `Invalid` for a draft that is not published, is no article, or
    /// a list that has nobody.
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
        let mut secret = Secret([0; Secret::BYTES]);
        self.inner.world.fill(&mut secret.0);
        let id = MailingId(self.inner.world.uuid(at));
        let (mails, list) = (Vec::new(), None);
        let mut new = NewMailing { id, scope, kind, secret, spec, at, again, mails, to: list, idempotency, dry };
        let content = (draft, row.current_version);
        let opened = match to {
            To::Test(people) => {
                let people = people.into_iter().map(|person| (None, person)).collect();
                new.mails = self.mails_for(&new, content, None, people, &domain);
                self.store().open_mailing(new).await?
            }
            To::List(list) => {
                let until = self.store().last_on_list(scope, list.clone()).await?.ok_or_else(|| nobody(&list))?;
                if dry {
                    return self.rehearse_list(new, content, list, &domain).await;
                }
                new.to = Some(ToList { list, draft, version: row.current_version, until });
                self.store().open_mailing(new).await?
            }
        };
        self.inner.bells.mailings.notify_one();
        self.inner.bells.mails.notify_one();
        Ok(opened)
    }

    /// What a newsletter would send, a page of the list at a time.
    async fn rehearse_list(
        &self,
        new: NewMailing,
        content: (DraftId, u32),
        list: ListName,
        domain: &str,
    ) -> Result<OpenedMailing, DeskError> {
        let filter = SubscriberFilter { list: Some(list.clone()), ..SubscriberFilter::default() };
        let mut request = PageRequest { limit: PageRequest::LIMIT_MAX, after: None, order: Order::OldestFirst };
        let (mut whole, mut skips) = (None::<MailingRow>, Skips::new());
        loop {
            let page = self.store().subscribers(new.scope, filter.clone(), request.clone()).await?;
            let people = page.rows.into_iter().map(|row| (Some(row.id), row.person)).collect();
            let mails = self.mails_for(&new, content, Some(&list), people, domain);
            let opened = self.store().open_mailing(NewMailing { mails, ..new.clone() }).await?;
            if let OpenedMailing::Dry(_, more) = &opened {
                more.iter().for_each(|(reason, count)| *skips.entry(reason.clone()).or_default() += count);
            }
            let row = opened.row();
            match &mut whole {
                Some(whole) => whole.mailing.filled(&row.mailing.tally, None),
                None => whole = Some(row.clone()),
            }
            request.after = page.next;
            if let (None, Some(whole)) = (&request.after, &whole) {
                return Ok(OpenedMailing::Dry(whole.clone(), skips));
            }
        }
    }

    fn mails_for(
        &self,
        new: &NewMailing,
        content: (DraftId, u32),
        list: Option<&ListName>,
        people: Vec<(Option<SubscriberId>, Person)>,
        domain: &str,
    ) -> Vec<MailFacts> {
        let mut ids: Vec<MailId> = people.iter().map(|_| MailId(self.inner.world.uuid(new.at))).collect();
        ids.sort();
        let mails = ids.into_iter().zip(people).map(|(id, (subscriber, person))| MailFacts {
            id,
            mailing: new.id,
            workspace: new.scope.workspace,
            kind: new.kind,
            prospect: None,
            subscriber,
            list: list.cloned(),
            content: Some(content),
            name: person.name,
            address: person.address,
            recipient: person.recipient,
            message_id: message_id(id, domain),
            reason: None,
            created_at: new.at,
        });
        mails.collect()
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
}

fn nobody(list: &ListName) -> DeskError {
    let detail = format!("nobody is on the list {list}: POST /subscribers/import?list={list} takes a file");
    DeskError::invalid("/list", "nobody", detail)
}
