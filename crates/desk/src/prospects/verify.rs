//! Checking addresses by their domains: a page of prospects, each domain asked for once, and what follows written in one
//! transaction. A rejection is certain and can be taken back; that nobody answered changes nothing.

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::prospect::{Field, MailDomain, NoMail, judge};
use copydesk_smtp::Domains;
use copydesk_store::prospects::{JudgeProspects, Listed, ProspectFilter};
use copydesk_store::{PageRequest, Scope};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};

/// How many domains are asked for at the same time.
const ASKED_AT_ONCE: usize = 16;
/// How many domains of which nothing is known an answer names.
pub const NAMED_MAX: usize = 20;

/// The way to the domain name system. The real one is in crate `smtp`; tests have their own.
pub trait MailDomains: Send + Sync {
    fn ask<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailDomain>;
}

impl MailDomains for Domains {
    fn ask<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailDomain> {
        Box::pin(Domains::ask(self, domain))
    }
}

/// There is no way, and this is why.
pub struct NoDomains(pub String);

impl MailDomains for NoDomains {
    fn ask<'a>(&'a self, _: &'a str) -> BoxFuture<'a, MailDomain> {
        Box::pin(async { MailDomain::Unclear(self.0.clone()) })
    }
}

/// Whose domains are to be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verify {
    pub scope: Scope,
    pub filter: ProspectFilter,
    pub page: PageRequest,
    /// Who is not verified becomes so when the domain takes mail.
    pub trusting: bool,
    /// Writes nothing.
    pub dry: bool,
}

/// What was found, in prospects except where it says otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdicts {
    pub prospects: u64,
    pub domains: u64,
    pub takes_mail: u64,
    pub without: BTreeMap<NoMail, u64>,
    pub unclear: u64,
    /// How many are, or would be, something else now.
    pub changed: u64,
    /// The first [`NAMED_MAX`] domains of which nothing is known, and what was heard.
    pub unknown: Vec<(String, String)>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Desk {
    /// Asks for the domains of one page of prospects with an address, and writes what follows.
    pub async fn verify_prospects(&self, verify: Verify) -> Result<Verdicts, DeskError> {
        let Verify { scope, filter, page, trusting, dry } = verify;
        let filter = ProspectFilter { has_email: Some(true), ..filter };
        let page = self.store().prospects(scope, filter, page).await?;
        let names: BTreeSet<String> = page.rows.iter().filter_map(domain).collect();
        let answers: BTreeMap<String, MailDomain> = stream::iter(names)
            .map(|name| async move {
                let says = self.inner.hooks.domains.ask(&name).await;
                (name, says)
            })
            .buffer_unordered(ASKED_AT_ONCE)
            .collect()
            .await;
        let mut verdicts = Verdicts { domains: answers.len() as u64, next: page.next, ..Verdicts::default() };
        let mut changes = Vec::new();
        for listed in &page.rows {
            let Some(says) = domain(listed).and_then(|name| answers.get(&name)) else { continue };
            verdicts.count(says);
            let row = &listed.row;
            changes.extend(judge(&row.facts, says, trusting).map(|judgement| (row.id, row.revision, judgement)));
        }
        let unknown = answers.into_iter().filter_map(|(name, says)| match says {
            MailDomain::Unclear(words) => Some((name, words)),
            MailDomain::Takes | MailDomain::Without(_) => None,
        });
        verdicts.unknown = unknown.take(NAMED_MAX).collect();
        verdicts.changed = if dry || changes.is_empty() {
            changes.len() as u64
        } else {
            let judge = JudgeProspects { scope, at: self.inner.now(), verdicts: changes };
            self.store().judge_prospects(judge).await?
        };
        Ok(verdicts)
    }
}

/// What stands behind the last `@` of the address, in small letters.
fn domain(listed: &Listed) -> Option<String> {
    let (_, domain) = listed.row.facts.text(Field::ContactEmail)?.rsplit_once('@')?;
    Some(domain.to_lowercase())
}

impl Verdicts {
    fn count(&mut self, says: &MailDomain) {
        self.prospects += 1;
        match says {
            MailDomain::Takes => self.takes_mail += 1,
            MailDomain::Without(why) => *self.without.entry(*why).or_default() += 1,
            MailDomain::Unclear(_) => self.unclear += 1,
        }
    }
}
