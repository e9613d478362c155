//! Mail: `order.rs` and `newsletter.rs` are what people do with mailings, `fill.rs` the duty that writes the mails of those to
//! lists, `send.rs` the duty that hands mails to the server, `mailer.rs` the way
//! there. What becomes of a mail is decided in core's `mail`.

mod fill;
mod letter;
pub mod link;
pub mod mailer;
mod newsletter;
mod order;
mod send;

pub use fill::SLICE;
pub use mailer::{Mailer, MailerLine};
pub use newsletter::{Newsletter, TESTS_MAX, To};
pub use order::{Order, REASONS};

use crate::desk::Inner;
use crate::error::DeskError;
use copydesk_core::mail::Limits;
use copydesk_store::mail::LostMails;
use std::sync::Arc;
use std::time::Duration;

/// How many mails one write makes unknown.
const LOST_PAGE: u32 = 500;

/// How mail is sent; whether it can be is said by `hooks.mailer`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailConfig {
    /// Who writes: `Name <ann@example.com>`.
    pub from: Option<String>,
    pub reply_to: Option<String>,
    /// Where the server is reached, without a slash at the end: unsubscribe links begin with it.
    pub public_url: Option<String>,
    /// 500 a day in the zone of the desk, of which 50 are kept for single mails, as seed S0 has it; two seconds apart, as S1.
    pub limits: Limits,
    /// Only drafts that somebody approved are sent. On by default.
    pub needs_approval: bool,
}

impl Default for MailConfig {
    fn default() -> MailConfig {
        let limits = Limits { per_day: 500, reserve: 50, every: Duration::from_secs(2) };
        MailConfig { from: None, reply_to: None, public_url: None, limits, needs_approval: true }
    }
}

/// The duty runs where there is a way to a mail server.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    if let Some(mailer) = &inner.hooks.mailer {
        fill::spawn(inner);
        send::spawn(inner, Arc::clone(mailer));
    }
}

/// What processes that are gone were sending becomes unknown.
pub(crate) async fn lose(inner: &Inner, only_worker: bool) -> Result<u64, DeskError> {
    let now = inner.now();
    let lost_before = now.minus(inner.config.lease);
    let only_living = only_worker.then_some(inner.node);
    let count = inner.store.lose_mails(LostMails { now, lost_before, only_living, limit: LOST_PAGE }).await?;
    if count > 0 {
        tracing::warn!(mails = count, "A process died while it was sending mails; whether they arrived is unknown");
    }
    Ok(count)
}
