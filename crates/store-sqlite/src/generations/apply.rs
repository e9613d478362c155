//! One turn: writes first, then the claim. A write takes its generation's row out of the table the fence names, matching
//! attempt and row version; a row that is not there means that the fence is lost, and then at most the call's usage is
//! booked. What a decision orders is carried out in `effects.rs`.

use super::effects::{Course, carry_out};
use super::{claim, queueing::Queued};
use crate::budgets;
use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::health;
use crate::jobs;
use crate::memory::Session;
use crate::usage::{book_late, close_call};
use copydesk_core::generation::{AttemptNo, Effect, RowVersion, State, Status};
use copydesk_core::health::HealthNews;
use copydesk_core::{GenerationId, MicroCredits, Timestamp};
use copydesk_store::Scope;
use copydesk_store::generations::{Applied, Change, Fence, Turn, TurnAnswer, Write};
use rusqlite::{Row, params};

pub(super) fn turn(session: &mut Session<'_>, turn: &Turn) -> Done<TurnAnswer> {
    for write in &turn.writes {
        check_shape(write)?;
    }
    let mut applied = Vec::with_capacity(turn.writes.len());
    let mut health = vec![];
    for write in &turn.writes {
        applied.push(match write {
            Write::Change(change) => {
                let done = apply(session, change)?;
                if matches!(done, Applied::Done { .. }) {
                    heed(session, change, turn.now, &mut health)?;
                }
                done
            }
            Write::Late { scope, call } => {
                book_late(session, *scope, call, turn.now)?;
                Applied::Done { version: None }
            }
        });
    }
    session.book_sheet()?;
    session.book_jobs()?;
    let (claimed, let_go) = match &turn.claim {
        Some(claim) => claim::claim(session, turn.now, claim)?,
        None => (vec![], None),
    };
    let next_due = claim::next_due(session.db)?.into_iter().chain(let_go).min();
    Ok(TurnAnswer { applied, claimed, next_due, health })
}

/// What a change that was written says of its model, and what its call used.
fn heed(session: &mut Session<'_>, change: &Change, now: Timestamp, news: &mut Vec<HealthNews>) -> Done<()> {
    if let Some(sign) = &change.sign {
        session.learn(sign, now, news)?;
    }
    change.debts.iter().try_for_each(|(lane, debt)| health::pay(session.db, lane, *debt, now))
}

/// A change that contradicts itself is a bug of its author and is never half written.
fn check_shape(write: &Write) -> Done<()> {
    let Write::Change(change) = write else { return Ok(()) };
    let stores = change.decision.effects.iter().any(|effect| matches!(effect, Effect::StoreVersion(_)));
    if stores != change.content.is_some() {
        return Err(Fault::corrupt(format!("{}: content and effects disagree", change.fence.generation)));
    }
    if !change.assets.is_empty() && change.content.is_none() {
        return Err(Fault::corrupt(format!("{}: assets without content", change.fence.generation)));
    }
    if change.decision.row_version.0 != change.fence.row_version.0 + 1 {
        return Err(Fault::corrupt(format!("{}: the row version must rise by one", change.fence.generation)));
    }
    Ok(())
}

fn apply(session: &mut Session<'_>, change: &Change) -> Done<Applied> {
    let db = session.db;
    let held = match (&change.decision.next, change.decision.deadline_at) {
        (_, Some(deadline_at)) => extend(db, change, deadline_at)?.then_some(None),
        (State::Processing { .. }, None) => advance(db, change)?.then_some(None),
        (State::Pending { .. } | State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. }, None) => {
            take(session, change)?.map(Some)
        }
    };
    let Some(taken) = held else {
        let found = found(db, change.scope, change.fence.generation)?;
        let goes_on = found.is_some_and(|found| change.fence.overtaken_by(&found));
        if let Some(call) = change.closes.as_ref().filter(|_| !goes_on) {
            book_late(session, change.scope, call, change.at)?;
        }
        return Ok(Applied::Lost { found });
    };
    // From here the write must succeed.
    if let Some(call) = &change.closes {
        close_call(session, change.scope, call, change.at)?;
    }
    let mut course = Course::new(db, change, taken)?;
    write_step(session, change, &course)?;
    carry_out(session, change, &mut course)?;
    write_outcome(db, change, &course)?;
    if change.decision.next.status().is_final() {
        budgets::end(session, change.fence.generation)?;
        if let Some(item) = course.item {
            jobs::end(session, change.scope, item, change.fence.generation, &change.decision, change.at)?;
        }
    }
    Ok(Applied::Done { version: course.version })
}

/// The live row a change took out of its table: where it stood in the queue.
pub(super) struct Taken {
    pub queue: i64,
    pub sort_key: i64,
    pub deadline_at: Timestamp,
    pub model: String,
    pub step: String,
    pub last_error: Option<(String, String)>,
}

fn taken(row: &Row<'_>) -> Done<Taken> {
    Ok(Taken {
        queue: row.get(0)?,
        sort_key: row.get(1)?,
        deadline_at: codec::instant(row, 2)?,
        model: row.get(3)?,
        step: row.get(4)?,
        last_error: row.get::<_, Option<String>>(5)?.zip(row.get(6)?),
    })
}

impl Taken {
    /// The place of the same generation after a decision.
    pub fn requeued<'a>(&'a self, change: &Change) -> Queued<'a> {
        Queued {
            id: change.fence.generation,
            workspace: change.scope.workspace,
            queue: self.queue,
            sort_key: self.sort_key,
            attempt: change.decision.attempt.0,
            spent: change.decision.spent,
            row_version: change.decision.row_version.0,
            deadline_at: self.deadline_at,
            model: &self.model,
            step: &self.step,
            last_error: self.last_error.as_ref().map(|(code, message)| (code.as_str(), message.as_str())),
        }
    }
}

fn take(session: &mut Session<'_>, change: &Change) -> Done<Option<Taken>> {
    let (db, fence) = (session.db, &change.fence);
    let (id, workspace) = (fence.generation.0.as_bytes(), change.scope.workspace.0.as_bytes());
    let params = params![id, workspace, fence.attempt.0, fence.row_version.0];
    match fence.status {
        Status::Processing => {
            let run = db.first(sql!("apply/find_run"), params, taken)?;
            if run.is_some() {
                db.execute(sql!("apply/take_run"), params![id, fence.attempt.0, fence.row_version.0])?;
            }
            Ok(run)
        }
        Status::Pending => {
            let row = match db.first(sql!("apply/take_ready"), params, taken)? {
                Some(row) => Some(row),
                None => db.first(sql!("apply/take_parked"), params, taken)?,
            };
            if row.is_some() {
                session.waiting_changed(-1);
            }
            Ok(row)
        }
        Status::Completed | Status::Failed | Status::Cancelled => Ok(None),
    }
}

/// A finished step: the run goes on under the next row version. Whether the fence matched.
fn advance(db: Db<'_>, change: &Change) -> Done<bool> {
    let fence = &change.fence;
    if fence.status != Status::Processing {
        return Ok(false);
    }
    let opens = change.opens.as_ref();
    let changed = db.execute(
        sql!("apply/advance_run"),
        params![
            change.decision.row_version.0,
            opens.map(|call| &call.step),
            opens.map(|call| call.id.0.as_bytes()),
            change.waits,
            fence.generation.0.as_bytes(),
            change.scope.workspace.0.as_bytes(),
            fence.attempt.0,
            fence.row_version.0,
        ],
    )?;
    Ok(changed == 1)
}

/// Another deadline, where the row stands and in the facts. Whether the fence matched.
fn extend(db: Db<'_>, change: &Change, deadline_at: Timestamp) -> Done<bool> {
    let fence = &change.fence;
    let (id, workspace) = (fence.generation.0.as_bytes(), change.scope.workspace.0.as_bytes());
    let (to, from) = (change.decision.row_version.0, fence.row_version.0);
    let row = params![deadline_at.micros(), to, id, workspace, fence.attempt.0, from];
    let moved = match fence.status {
        Status::Pending => match db.execute(sql!("apply/extend_ready"), row)? {
            0 => db.execute(sql!("apply/extend_parked"), row)?,
            moved => moved,
        },
        Status::Processing => db.execute(sql!("apply/extend_run"), row)?,
        Status::Completed | Status::Failed | Status::Cancelled => 0,
    };
    if moved == 1 {
        db.execute(sql!("apply/extend_facts"), params![deadline_at.micros(), id, workspace])?;
    }
    Ok(moved == 1)
}

fn write_step(session: &mut Session<'_>, change: &Change, course: &Course) -> Done<()> {
    let generation = change.fence.generation;
    if let Some(step) = &change.step {
        let (id, workspace) = (generation.0.as_bytes(), change.scope.workspace.0.as_bytes());
        let cost = step.cost.map(|cost| cost.0);
        let params = params![id, step.name, step.output, workspace, change.at.micros(), cost];
        session.db.execute(sql!("apply/insert_step"), params)?;
    }
    if let Some(forgotten) = &change.forgets {
        let (id, workspace) = (generation.0.as_bytes(), change.scope.workspace.0.as_bytes());
        session.db.execute(sql!("apply/forget_step"), params![id, workspace, forgotten.checkpoint])?;
    }
    if let Some(opens) = &change.opens {
        let intent = claim::Intent {
            id: opens.id,
            workspace: change.scope.workspace,
            user: course.user,
            draft: course.draft,
            generation,
            attempt: change.decision.attempt.0,
            recipe: &course.recipe,
            step: &opens.step,
            model: &opens.model,
            at: change.at,
        };
        claim::open_call(session, &intent)?;
    }
    Ok(())
}

fn write_outcome(db: Db<'_>, change: &Change, course: &Course) -> Done<()> {
    let (at, settled, failure) = match &change.decision.next {
        State::Pending { .. } | State::Processing { .. } => return Ok(()),
        State::Completed { at, settled } => (*at, *settled, None),
        State::Failed { at, failure } => (*at, MicroCredits::ZERO, Some(failure)),
        State::Cancelled { at } => (*at, MicroCredits::ZERO, None),
    };
    let (code, message) = course.last_error.as_ref().map(|(code, message)| (code, message)).unzip();
    db.execute(
        sql!("apply/insert_outcome"),
        params![
            change.fence.generation.0.as_bytes(),
            change.scope.workspace.0.as_bytes(),
            course.user.0.as_bytes(),
            change.decision.next.status().as_str(),
            change.decision.attempt.0,
            change.decision.spent,
            change.decision.row_version.0,
            at.micros(),
            settled.micros(),
            course.version,
            course.origin,
            code,
            message,
            failure.and_then(|failure| failure.detail.as_ref()),
        ],
    )?;
    Ok(())
}

/// What the generation is now.
fn found(db: Db<'_>, scope: Scope, id: GenerationId) -> Done<Option<Fence>> {
    let (pending, processing) = (Status::Pending.as_str(), Status::Processing.as_str());
    let params = params![pending, id.0.as_bytes(), scope.workspace.0.as_bytes(), processing];
    db.first(sql!("apply/found"), params, |row| {
        Ok(Fence {
            generation: id,
            attempt: AttemptNo(row.get(0)?),
            row_version: RowVersion(row.get(1)?),
            status: codec::word(row, "outcomes.status", Status::parse)?,
        })
    })
}
