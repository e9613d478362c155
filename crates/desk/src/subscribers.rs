//! Subscribers: who gets a newsletter, added and imported; who wants nothing, said by an operator or by the link in a mail.

use crate::desk::Desk;
use crate::error::DeskError;
use crate::mail::link::Link;
use crate::row_files::{Format, NAMED_MAX, Piece, Reading, Rows, source};
use copydesk_core::mail::MailKind;
use copydesk_core::subscriber::{BY_LINK, BY_ONE_CLICK, ListName, Person};
use copydesk_core::{SubscriberId, SuppressionId};
use copydesk_store::mail::{MailFacts, MailRow};
use copydesk_store::prospects::Skip;
use copydesk_store::subscribers::{Kept, Suppress, Suppressed, WriteSubscribers};
use copydesk_store::{Scope, StoreError};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Read;

/// What holds for all rows of a file.
#[derive(Clone, Debug)]
pub struct Terms {
    pub scope: Scope,
    pub list: ListName,
    pub format: Format,
    /// From a field of a subscriber to the name of the column that fills it.
    pub columns: BTreeMap<String, String>,
    pub dry: bool,
}

/// What an import did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
    /// How many of those taken in get nothing, because they said so before.
    pub unsubscribed: u64,
    /// The first [`NAMED_MAX`] that were left out.
    pub skips: Vec<Skip>,
    /// How many were left out for what reason.
    pub reasons: BTreeMap<String, u64>,
}

/// How somebody says that he wants nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Click {
    /// On our page.
    Page,
    /// By his mail program (RFC 8058).
    OneClick,
}

/// Whom a link is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addressee {
    pub kind: MailKind,
    /// The address, of which only the first letter before the `@` is shown.
    pub shown: String,
    /// `None`: the mail was of no list.
    pub list: Option<ListName>,
}

impl Rows for Terms {
    type Row = Person;
    const WHAT: &'static str = "subscriber";

    fn read(&self, row: &Map<String, Value>) -> Result<Person, (String, String)> {
        Person::read(row).map_err(|bad| (bad.code.to_owned(), format!("{}: {}", bad.field, bad.detail)))
    }

    fn identity(&self, row: &Person) -> String {
        row.recipient.clone()
    }
}

impl Desk {
    /// Puts somebody on a list. Saying the same twice is saying it once; who wants nothing stays so.
    pub async fn add_subscriber(&self, scope: Scope, list: ListName, person: Person) -> Result<Kept, DeskError> {
        let at = self.inner.now();
        let rows = vec![(SubscriberId(self.inner.world.uuid(at)), person)];
        let written = self.store().write_subscribers(WriteSubscribers { scope, list, at, rows, dry: false }).await?;
        let lost = || StoreError::Corrupt("a subscriber was written and is not answered".to_owned());
        Ok(written.into_iter().next().ok_or_else(lost)?)
    }

    /// Puts everybody of a file on a list, or counts what that would do.
    ///
    /// Errors: bytes that cannot be read any further. What was read before stays; the same file again changes nothing of it.
    pub async fn import_subscribers(&self, terms: Terms, reader: Box<dyn Read + Send>) -> Result<Outcome, DeskError> {
        let source = source(terms.format, &terms.columns, Person::FIELDS.into_iter(), reader);
        let mut reading = Reading::of(terms.clone(), source);
        let (mut outcome, mut stopped) = (Outcome::default(), None);
        while let Some(piece) = reading.next().await {
            if let Err(error) = self.take_people(&terms, piece, &mut outcome).await {
                stopped = Some(error);
                break;
            }
        }
        reading.end(stopped).await?;
        Ok(outcome)
    }

    async fn take_people(&self, terms: &Terms, piece: Piece<Person>, outcome: &mut Outcome) -> Result<(), DeskError> {
        outcome.skipped += piece.skips.len() as u64;
        for skip in &piece.skips {
            *outcome.reasons.entry(skip.code.clone()).or_default() += 1;
        }
        let room = NAMED_MAX.saturating_sub(outcome.skips.len());
        outcome.skips.extend(piece.skips.into_iter().take(room));
        let at = self.inner.now();
        // In the order of the file, which is the order they are listed in.
        let mut ids: Vec<SubscriberId> = piece.rows.iter().map(|_| SubscriberId(self.inner.world.uuid(at))).collect();
        ids.sort();
        let rows = ids.into_iter().zip(piece.rows).collect();
        let write = WriteSubscribers { scope: terms.scope, list: terms.list.clone(), at, rows, dry: terms.dry };
        for one in self.store().write_subscribers(write).await? {
            outcome.unsubscribed += u64::from(one.row().unsubscribed.is_some());
            match one {
                Kept::Created(_) => outcome.created += 1,
                Kept::Updated(_) => outcome.updated += 1,
                Kept::Unchanged(_) => outcome.unchanged += 1,
            }
        }
        Ok(())
    }

    /// An operator says that an address gets nothing, of one list or at all.
    pub async fn suppress(
        &self,
        scope: Scope,
        person: Person,
        list: Option<ListName>,
        reason: String,
    ) -> Result<Suppressed, DeskError> {
        let at = self.inner.now();
        let Person { address, recipient, .. } = person;
        let id = SuppressionId(self.inner.world.uuid(at));
        Ok(self.store().suppress(Suppress { scope, id, at, address, recipient, list, reason, mail: None }).await?)
    }

    /// An operator says that an address may get mail again.
    ///
    /// Errors: `NotFound`.
    pub async fn lift_suppression(&self, scope: Scope, id: SuppressionId) -> Result<(), DeskError> {
        Ok(self.store().lift_suppression(scope, id, self.inner.now()).await?)
    }

    /// Whom the link in a mail is about; `None` for one that is not ours. Changes nothing.
    pub async fn addressee(&self, token: &str) -> Result<Option<Addressee>, DeskError> {
        Ok(self.linked(token).await?.map(|row| Addressee::of(&row.facts)))
    }

    /// Whoever the link in a mail is about wants no more of it, or nothing at all; `None` for a link that is not ours. A test
    /// is about nobody. Twice is once.
    pub async fn unsubscribe(
        &self,
        token: &str,
        click: Click,
        everything: bool,
    ) -> Result<Option<Addressee>, DeskError> {
        let Some(MailRow { facts, .. }) = self.linked(token).await? else { return Ok(None) };
        if facts.kind != MailKind::Test {
            let at = self.inner.now();
            let reason = match click {
                Click::Page => BY_LINK,
                Click::OneClick => BY_ONE_CLICK,
            };
            let suppress = Suppress {
                scope: Scope::of(facts.workspace),
                id: SuppressionId(self.inner.world.uuid(at)),
                at,
                address: facts.address.clone(),
                recipient: facts.recipient.clone(),
                list: facts.list.clone().filter(|_| !everything),
                reason: reason.to_owned(),
                mail: Some(facts.id),
            };
            self.store().suppress(suppress).await?;
        }
        Ok(Some(Addressee::of(&facts)))
    }

    /// The mail that a link was in, when its mailing signed it.
    async fn linked(&self, token: &str) -> Result<Option<MailRow>, DeskError> {
        let Some(link) = Link::parse(token) else { return Ok(None) };
        let scope = Scope::of(link.workspace);
        let found = async {
            let row = self.store().mail(scope, link.mail).await?;
            let mailing = self.store().mailing(scope, row.facts.mailing).await?;
            Ok(link.holds(&mailing.secret).then_some(row))
        };
        match found.await {
            Ok(row) => Ok(row),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Addressee {
    fn of(facts: &MailFacts) -> Addressee {
        let (before, domain) = facts.address.rsplit_once('@').unwrap_or((&facts.address, ""));
        let first: String = before.chars().take(1).collect();
        Addressee { kind: facts.kind, shown: format!("{first}\u{2026}@{domain}"), list: facts.list.clone() }
    }
}
