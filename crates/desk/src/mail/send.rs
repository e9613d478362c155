//! The duty that sends. It claims a few mails, which commits that they are being sent, hands them over one after the other on
//! one connection, and writes what came of each before it begins the next. A crash anywhere leaves at most the claimed ones in
//! doubt, and nothing takes those up again.

use super::letter;
use super::mailer::{Mailer, MailerLine};
use crate::desk::Inner;
use crate::error::DeskError;
use crate::publish::content_of;
use copydesk_core::draft::Review;
use copydesk_core::mail::{Fence, MailKind, Outcome, Reply, Then, Verdict, then};
use copydesk_core::metering::cuts::{Interval, start_of};
use copydesk_core::recipe::OutputForm;
use copydesk_core::recipe::output::mail::text_of;
use copydesk_core::{DraftId, Timestamp};
use copydesk_smtp::{Letter, Written};
use copydesk_store::mail::{ClaimMails, FinishedMail, MailFacts, MailRow};
use copydesk_store::{Scope, StoreError};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// How many mails are claimed together, and so at most in doubt after a crash.
const BATCH: u32 = 8;
/// How often due mails are looked for when nobody says that there are some.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When to try again what could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(1);
/// How long nothing is claimed after the server could not be reached, at first and at most.
const REST: Duration = Duration::from_secs(30);
const REST_MAX: Duration = Duration::from_secs(900);
/// How many earlier mails one names, so that its header stays within a line.
const REFERENCES_MAX: usize = 10;

pub(super) fn spawn(inner: &Arc<Inner>, mailer: Arc<dyn Mailer>) {
    let duty = Duty { inner: Arc::clone(inner), mailer, unreached: 0 };
    tokio::spawn(duty.run());
}

struct Duty {
    inner: Arc<Inner>,
    mailer: Arc<dyn Mailer>,
    /// How often in a row the server could not be reached.
    unreached: u32,
}

impl Duty {
    async fn run(mut self) {
        let mut stopped = self.inner.stopped.subscribe();
        loop {
            let pause = match self.round().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "Mails cannot be claimed; it is tried again");
                    WRITE_AGAIN
                }
            };
            // A server that is down is not knocked at because another mailing is ordered.
            let rung = async {
                match self.unreached {
                    0 => self.inner.bells.mails.notified().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = rung => {}
                () = self.inner.world.sleep(pause) => {}
            }
        }
    }

    /// Sends what may be sent now; how long to wait for the next look.
    async fn round(&mut self) -> Result<Duration, DeskError> {
        let inner = Arc::clone(&self.inner);
        let _handing_over = inner.mailing.lock().await;
        let now = inner.now();
        if inner.draining() {
            return Ok(LOOK_EVERY);
        }
        let zone = &inner.config.zone;
        let day_at =
            start_of(Interval::Day, zone, now).map_err(|error| DeskError::invalid("", "zone", error.to_string()))?;
        let limits = inner.config.mail.limits.clone();
        let claim = ClaimMails { node: inner.node, now, day_at, limits, limit: BATCH };
        let begun = inner.world.steady();
        let claimed = inner.store.claim_mails(claim).await?;
        if !claimed.mails.is_empty() && !self.carry(claimed.mails, begun).await {
            self.unreached += 1;
            let rest = REST * 2_u32.saturating_pow(self.unreached - 1).min(64);
            return Ok(rest.min(REST_MAX));
        }
        self.unreached = 0;
        let wait = claimed.next_at.map_or(LOOK_EVERY, |at| at.since(self.inner.now()).min(LOOK_EVERY));
        Ok(wait.max(Duration::from_millis(1)))
    }

    /// Hands them over. False when the server could not be reached.
    async fn carry(&self, mails: Vec<MailRow>, begun: Duration) -> bool {
        let (mut line, mut reached): (Option<Box<dyn MailerLine>>, _) = (None, true);
        for row in mails {
            let late = self.inner.world.steady().saturating_sub(begun) > self.inner.config.lease / 2;
            if late || !reached || self.inner.draining() {
                // This process may have slept and be given up; or the server is not there, or it stops. It was not begun.
                self.finish(&row, Then::NotBegun, unwritten("it was not begun")).await;
                continue;
            }
            let written = match self.write(&row).await {
                Ok(written) => written,
                Err(Unwritten { then, why }) => {
                    self.finish(&row, then, unwritten(why)).await;
                    continue;
                }
            };
            if line.is_none() {
                match self.mailer.open().await {
                    Ok(opened) => line = Some(opened),
                    Err((verdict, reply)) => {
                        tracing::warn!(
                            server = self.mailer.place(),
                            why = reply.text,
                            "The mail server cannot be used"
                        );
                        self.told(&row, verdict, reply).await;
                        reached = false;
                        continue;
                    }
                }
            }
            if let Some(open) = &mut line {
                let (verdict, reply) = open.send(&written).await;
                self.told(&row, verdict, reply).await;
            }
            line = line.filter(|line| !line.is_broken());
        }
        if let Some(line) = line {
            line.close().await;
        }
        reached
    }

    async fn told(&self, row: &MailRow, verdict: Verdict, reply: Reply) {
        let tries = row.mail.tries - row.mail.round;
        let next = then(verdict, tries, self.inner.now(), self.inner.world.jitter());
        self.finish(row, next, reply).await;
    }

    /// Writes what came of one, however long that takes: nobody else knows it.
    async fn finish(&self, row: &MailRow, then: Then, reply: Reply) {
        let finished = FinishedMail {
            workspace: row.facts.workspace,
            mailing: row.facts.mailing,
            mail: row.facts.id,
            fence: Fence { node: self.inner.node, tries: row.mail.tries },
            outcome: Outcome { then, reply },
            at: self.inner.now(),
        };
        let mut stopped = self.inner.stopped.subscribe();
        loop {
            match self.inner.store.finish_mails(vec![finished.clone()]).await {
                Ok(done) => {
                    if done != [true] {
                        tracing::warn!(mail = %row.facts.id, outcome = ?finished.outcome.then, "A person has spoken of this mail before its sender did");
                    }
                    return;
                }
                Err(error) => {
                    tracing::error!(mail = %row.facts.id, %error, "What came of a mail cannot be written; it is tried again")
                }
            }
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.inner.world.sleep(WRITE_AGAIN) => {}
            }
        }
    }

    /// The mail as it goes out. A draft that was rejected or deleted since it was ordered goes to nobody.
    ///
    /// Errors: there is nothing that can be sent, and why.
    async fn write(&self, row: &MailRow) -> Result<Written, Unwritten> {
        let facts = &row.facts;
        let (draft, version) = facts.content.ok_or_else(|| Unwritten::ever("it has no draft"))?;
        let scope = Scope::of(facts.workspace);
        let now = self.inner.store.get_draft(scope, draft).await.map_err(Unwritten::unread)?;
        if now.deleted_at.is_some() {
            return Err(Unwritten::ever("its draft was deleted after it was ordered"));
        }
        if now.review == Review::Rejected {
            return Err(Unwritten::ever("its draft was rejected after it was ordered"));
        }
        let version = self.inner.store.version(scope, draft, Some(version)).await.map_err(Unwritten::unread)?;
        let content = content_of(&version).map_err(|error| Unwritten::ever(error.to_string()))?;
        let link = letter::link_of(&self.inner, row).await.map_err(Unwritten::unread)?;
        let (text, html) = match (content.form, facts.kind) {
            (OutputForm::Mail, _) => (text_of(&content.body).to_owned(), None),
            (OutputForm::Article, MailKind::Newsletter | MailKind::Test) => {
                let said = letter::newsletter(row, &version, &content, link.as_deref());
                (said.text, Some(said.html))
            }
            (OutputForm::Article | OutputForm::Text | OutputForm::Media, _) => {
                return Err(Unwritten::ever("the draft is no mail"));
            }
        };
        let mut headers = letter::headers(&self.inner, row, link.as_deref());
        headers.extend(self.thread_of(facts, draft).await?.headers());
        let config = &self.inner.config.mail;
        let letter = Letter {
            from: config.from.clone().ok_or_else(|| Unwritten::ever("mail.from is not set"))?,
            reply_to: config.reply_to.clone(),
            to_name: facts.name.clone(),
            to: facts.address.clone(),
            subject: letter::subject(row, content.title),
            text,
            html,
            message_id: facts.message_id.clone(),
            at: UNIX_EPOCH + self.inner.now().since(Timestamp::from_micros(0)),
            headers,
        };
        letter.write().map_err(|error| Unwritten::ever(error.to_string()))
    }

    /// What was sent to its prospect before this draft.
    async fn thread_of(&self, facts: &MailFacts, draft: DraftId) -> Result<Thread, Unwritten> {
        let Some(prospect) = facts.prospect else { return Ok(Thread(Vec::new())) };
        let scope = Scope::of(facts.workspace);
        let letters = self.inner.store.letters_sent(scope, vec![prospect]).await.map_err(Unwritten::unread)?;
        let mut ids: Vec<String> =
            letters.into_iter().filter(|letter| letter.draft < draft).map(|letter| letter.message_id).collect();
        ids.drain(..ids.len().saturating_sub(REFERENCES_MAX));
        Ok(Thread(ids))
    }
}

/// The mails that one follows up, the oldest first.
struct Thread(Vec<String>);

impl Thread {
    /// By which mail programs show it below them.
    fn headers(&self) -> Vec<(&'static str, String)> {
        match self.0.last() {
            Some(last) => vec![("In-Reply-To", last.clone()), ("References", self.0.join(" "))],
            None => Vec::new(),
        }
    }
}

/// Why a mail was not written.
struct Unwritten {
    then: Then,
    why: String,
}

impl Unwritten {
    /// It never will be.
    fn ever(why: impl Into<String>) -> Unwritten {
        Unwritten { then: Then::Failed, why: why.into() }
    }

    /// A database that does not answer says nothing of the mail.
    fn unread(error: StoreError) -> Unwritten {
        match error {
            StoreError::NotFound { .. } | StoreError::Corrupt(_) => Unwritten::ever(error.to_string()),
            StoreError::Refused(_)
            | StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::CommitUnknown(_)
            | StoreError::SchemaMismatch(_)
            | StoreError::TooNew { .. }
            | StoreError::Held { .. } => Unwritten { then: Then::NotBegun, why: error.to_string() },
        }
    }
}

fn unwritten(why: impl Into<String>) -> Reply {
    Reply { code: None, text: why.into() }
}
