//! Generations: the contract's methods, each handed to the writer or to a reader. What they do is in the files beside
//! this one; nothing is decided here.

mod accept;
mod apply;
mod claim;
mod effects;
mod lanes;
mod queueing;
mod read;
mod sweep;
mod why;

use crate::open::SqliteStore;
use copydesk_core::generation::waiting::Waiting;
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_store::generations::{
    Accept, Accepted, Beaten, FinishedStep, GenerationFilter, GenerationRow, Heartbeat, Idempotency, Limits, Overdue,
    SweepRequest, Turn, TurnAnswer, Write,
};
use copydesk_store::{Answer, GenerationStore, Page, PageRequest, Scope};

pub(crate) use queueing::reason::HELD;
pub(crate) use sweep::forget_nodes;

/// What a row costs beside its texts, roughly.
const ROW_BYTES: usize = 512;

impl GenerationStore for SqliteStore {
    fn accept(&self, batch: Vec<Accept>) -> Answer<'_, Vec<Result<Accepted, Refusal>>> {
        let bytes = batch.iter().map(|request| ROW_BYTES + request.input.len() + request.metadata.len()).sum();
        Box::pin(self.write(bytes, move |session| accept::accept(session, &batch)))
    }

    fn replay(&self, scope: Scope, key: Idempotency, at: Timestamp) -> Answer<'_, Option<Accepted>> {
        Box::pin(self.read(move |db| accept::replay(db, scope, &key, at)))
    }

    fn turn(&self, turn: Turn) -> Answer<'_, TurnAnswer> {
        let bytes = turn.writes.iter().map(bytes_of).sum::<usize>()
            + turn.claim.as_ref().map_or(0, |claim| claim.calls.len() * ROW_BYTES);
        Box::pin(self.write(bytes, move |session| apply::turn(session, &turn)))
    }

    fn heartbeat(&self, beat: Heartbeat) -> Answer<'_, Beaten> {
        Box::pin(self.write(ROW_BYTES, move |session| sweep::heartbeat(session.db, &beat)))
    }

    fn overdue(&self, sweep: SweepRequest) -> Answer<'_, Vec<Overdue>> {
        Box::pin(self.read(move |db| sweep::overdue(db, &sweep)))
    }

    fn close_orphan_calls(&self, now: Timestamp, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        Box::pin(self.write(ROW_BYTES, move |session| sweep::close_orphan_calls(session, now, before, limit)))
    }

    fn why(&self, scope: Scope, id: GenerationId, now: Timestamp, limits: &Limits) -> Answer<'_, Waiting> {
        let limits = limits.clone();
        Box::pin(self.read(move |db| why::why(db, scope, id, now, &limits)))
    }

    fn get(&self, scope: Scope, id: GenerationId) -> Answer<'_, GenerationRow> {
        Box::pin(self.read(move |db| read::get(db, scope, id)))
    }

    fn steps(&self, scope: Scope, id: GenerationId) -> Answer<'_, Vec<FinishedStep>> {
        Box::pin(self.read(move |db| read::steps(db, scope, id)))
    }

    fn list(&self, scope: Scope, filter: GenerationFilter, page: PageRequest) -> Answer<'_, Page<GenerationRow>> {
        Box::pin(self.read(move |db| read::list(db, scope, &filter, &page)))
    }
}

fn bytes_of(write: &Write) -> usize {
    match write {
        Write::Change(change) => {
            let content = change.content.as_ref().map_or(0, |content| content.body.len() + content.provenance.len());
            ROW_BYTES + content + change.step.as_ref().map_or(0, |step| step.output.len())
        }
        Write::Late { .. } => ROW_BYTES,
    }
}
