//! Accept: look (one round trip), decide in memory, write (one more), commit. Contested keys are taken with
//! `on conflict do nothing`; a batch that finds one taken meanwhile starts again and then sees the winner.

mod look;
mod plan;
mod write;

use crate::PostgresStore;
use crate::failure::Fault;
use crate::jobs::Jobbed;
use crate::pipeline::{Tx, read};
use crate::queues::Wanted;
use crate::types::{Micros, columns, sql};
use copydesk_core::Timestamp;
use copydesk_core::refusal::Refusal;
use copydesk_store::generations::{Accept, Accepted, Idempotency, Slot};
use copydesk_store::{Scope, StoreError};
use std::sync::atomic::{AtomicU64, Ordering};

/// Each further try means that somebody else has committed, so the number is only a safety net.
const TRIES_MAX: u32 = 20;
/// What fits into an entry of an index of Postgres (2,704 bytes), with room for the ids beside it.
const KEY_BYTES_MAX: usize = 2_000;

type Answered = Vec<Result<Accepted, Refusal>>;

/// How many may be accepted before the waiting ones must be counted again. Counting a long queue is dear and the limit is
/// a safety net, so a process trusts a count for a sixteenth of the room it found; sixteen processes together then
/// overshoot by less than the limit itself.
#[derive(Default)]
pub struct Headroom(AtomicU64);

impl Headroom {
    fn take(&self, wanted: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted)).is_ok()
    }
    fn found(&self, room: u64) {
        self.0.store(room / 16, Ordering::Relaxed);
    }
}

impl PostgresStore {
    pub(crate) async fn accept_batch(&self, batch: &[Accept]) -> Result<Answered, StoreError> {
        if batch.is_empty() {
            return Ok(vec![]);
        }
        for request in batch {
            check_text(request)?;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_accept(batch).await {
                Ok(Some(answers)) => return Ok(answers),
                Ok(None) if tries < TRIES_MAX => {}
                Err(Fault::Race(words)) if tries < TRIES_MAX => tracing::debug!(words, "accept starts again"),
                Ok(None) => return Err(StoreError::Busy("others took the same keys too many times".to_owned())),
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    pub(crate) async fn find_replay(
        &self,
        scope: Scope,
        key: &Idempotency,
        at: Timestamp,
    ) -> Result<Option<Accepted>, StoreError> {
        if [&key.owner, &key.route, &key.key].iter().any(|part| part.contains('\0')) {
            // No row can hold it.
            return Ok(None);
        }
        let one = [key];
        let params = columns!(one, key => scope.workspace.0, key.owner.as_str(), key.route.as_str(), key.key.as_str(),
            Micros::from(at));
        let rows = read(&self.readers, sql!(deep "accept/find_idempotency"), params).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(look::replay(row)?.answer(key)?))
    }

    /// `None`: somebody took a key between our look and our write.
    async fn try_accept(&self, batch: &[Accept]) -> Result<Option<Answered>, Fault> {
        let mut queues = Vec::with_capacity(batch.len());
        for request in batch {
            let wanted = Wanted {
                workspace: request.scope.workspace,
                recipe: &request.recipe,
                model: &request.model,
                onward: request.terms().onward(0),
            };
            queues.push(self.queues.intern(&self.readers, wanted).await?);
        }
        let count = !self.headroom.take(batch.len() as u64);
        let mut tx = Tx::open(&self.writers).await?;
        let mut seen = look::look(&mut tx, batch, &queues, count).await?;
        seen.budgets = self.budgets.of_batch(&mut tx, batch).await?;
        seen.jobs = Jobbed::of_batch(&mut tx, batch).await?;
        if let Some(waiting) = seen.waiting {
            self.headroom.found(self.options().waiting_max.saturating_sub(waiting));
        }
        let Some(mut plan) = plan::plan(batch, &queues, &mut seen, self.options().waiting_max)? else {
            tx.rollback().await?;
            return Ok(None);
        };
        if plan.nothing_to_write() {
            tx.rollback().await?;
            return Ok(Some(plan.answers));
        }
        // From here the write must succeed.
        seen.budgets.write(&mut tx).await?;
        if !write::write(tx, &mut plan, &mut seen.jobs).await? {
            return Ok(None);
        }
        if plan.new.iter().any(|new| new.parked.is_none()) {
            self.wake.others();
        }
        Ok(Some(plan.answers))
    }
}

/// Keys are compared byte by byte, so a U+0000, which Postgres cannot hold, is never replaced in them. The edge refuses
/// both cases long before; here it is only made sure that nothing is half written.
fn check_text(request: &Accept) -> Result<(), StoreError> {
    let bad = |what: &str, why: &str| {
        Err(StoreError::Corrupt(format!("nothing was written: the {what} of {} {why}", request.generation)))
    };
    let check = |what: &str, parts: &[&str]| {
        if parts.iter().any(|part| part.contains('\0')) {
            return bad(what, "contains U+0000, which PostgreSQL cannot store");
        }
        if parts.iter().map(|part| part.len()).sum::<usize>() > KEY_BYTES_MAX {
            return bad(what, "is longer than 2,000 bytes");
        }
        Ok(())
    };
    check("target", &[request.target.as_deref().unwrap_or_default()])?;
    check("dedupe key", &[request.dedupe_key.as_deref().unwrap_or_default()])?;
    check("recipe and model", &[&request.recipe, &request.recipe_version, &request.model, &request.step])?;
    if let Some(key) = &request.idempotency {
        check("idempotency key", &[&key.owner, &key.route, &key.key])?;
    }
    match &request.slot {
        Slot::New { external_id: Some(external), .. } => check("draft's external id", &[external]),
        Slot::New { external_id: None, .. } | Slot::Existing(_) => Ok(()),
    }
}
