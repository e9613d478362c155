//! What accepting and ending a generation means for the item it is made of. The item's row moves at once, the counts of its
//! job are gathered in the command's book and written once, at its end. Requests without a job cost nothing here.

use crate::codec;
use crate::db::sql;
use crate::fault::{Done, Fault};
use crate::memory::Session;
use copydesk_core::generation::{Decision, State, Status};
use copydesk_core::job::ItemStatus;
use copydesk_core::job::book::Spent;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, NanoUsd, Timestamp};
use copydesk_store::Scope;
use copydesk_store::generations::Accept;
use copydesk_store::jobs::{ForItem, ItemRef, no_job};
use rusqlite::params;

/// The item a generation will be made of, and what it is now.
#[derive(Clone, Copy)]
pub(crate) struct Attached {
    pub item: ItemRef,
    from: ItemStatus,
}

/// Whether the request's item may become a generation now. `None` for a request that goes on without a job.
pub(crate) fn check(session: &mut Session<'_>, request: &Accept) -> Done<Option<Attached>> {
    let Some(wanted) = request.job else { return Ok(None) };
    let item = wanted.item();
    let exists = session.load_job(request.scope, item.job)?;
    let params = params![item.job.0.as_bytes(), item.seq, request.scope.workspace.0.as_bytes()];
    let status =
        session.db.first(sql!("jobs/item"), params, |row| codec::word(row, "job_items.status", ItemStatus::parse))?;
    let from = status.filter(|_| exists);
    match (wanted, from) {
        (ForItem::Feeds(_), None) => Err(Refusal::NotClaimable { status: Status::Cancelled }.into()),
        (ForItem::Feeds(_), Some(from)) => {
            session.jobs.may_feed(item.job, from)?;
            Ok(Some(Attached { item, from }))
        }
        (ForItem::Again(_), from) => {
            let from = from.filter(|from| session.jobs.may_try_again(item.job, *from));
            Ok(from.map(|from| Attached { item, from }))
        }
    }
}

pub(crate) fn attach(
    session: &mut Session<'_>,
    attached: Attached,
    (generation, draft): (GenerationId, DraftId),
    at: Timestamp,
) -> Done<()> {
    let Attached { item, from } = attached;
    let to = ItemStatus::Processing;
    let ids = (generation.0.as_bytes(), draft.0.as_bytes());
    let params = params![to.as_str(), ids.0, ids.1, item.job.0.as_bytes(), item.seq];
    session.db.execute(sql!("jobs/feed_item"), params)?;
    session.jobs.moves(item.job, from, to, at);
    Ok(())
}

/// The item's generation was ended by this decision.
pub(crate) fn end(
    session: &mut Session<'_>,
    scope: Scope,
    item: ItemRef,
    generation: GenerationId,
    decision: &Decision,
    at: Timestamp,
) -> Done<()> {
    let Some(to) = ItemStatus::after(decision.next.status()) else { return Ok(()) };
    if !session.load_job(scope, item.job)? {
        return Err(no_job(item.job).into());
    }
    let failure = match &decision.next {
        State::Failed { failure, .. } => Some((failure.code.as_str(), failure.message.as_str())),
        State::Pending { .. } | State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => None,
    };
    let (code, message) = failure.unzip();
    let (id, job) = (generation.0.as_bytes(), item.job.0.as_bytes());
    let params = params![to.as_str(), code, message, job, item.seq, id];
    if session.db.execute(sql!("jobs/end_item"), params)? != 1 {
        return Err(Fault::corrupt(format!("{generation} is not what item {} of {} is made of", item.seq, item.job)));
    }
    let params = params![CallOutcome::NotSent.as_str(), id];
    let spent = session.db.first(sql!("jobs/cost_of"), params, |row| {
        Ok(Spent { cost: NanoUsd(row.get(0)?), unpriced: codec::unsigned(row, 1)? })
    })?;
    session.jobs.ends(item.job, to, spent.unwrap_or_default(), at);
    Ok(())
}
