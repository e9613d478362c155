//! The effects of a decision, carried out in their order: version, draft, credits, target, queue, event. Each is one
//! small write; the row of the generation itself is written by `apply.rs`.

use super::apply::Taken;
use super::queueing::{Queued, enqueue};
use crate::codec;
use crate::db::{Db, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::ledger;
use crate::memory::Session;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::effect::Announcement;
use copydesk_core::generation::{DraftMove, Effect, Origin, Shares, State, Wait};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::{DraftId, GenerationId, MicroCredits, TransferId, UserId, WorkspaceId};
use copydesk_store::StoreError;
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{Change, NewAsset};
use copydesk_store::jobs::ItemRef;
use rusqlite::params;
use std::fmt::Write;

/// One change under way: what is known of its generation, and what the effects have brought so far.
pub(super) struct Course {
    pub draft: DraftId,
    pub user: UserId,
    pub recipe: String,
    /// The item of a job it is made of.
    pub item: Option<ItemRef>,
    base_version: u32,
    target: Option<String>,
    dedupe_key: Option<String>,
    /// How many versions the draft has before this change.
    versions: u32,
    /// Its route has a further model after the attempts that are used up now.
    onward: bool,
    /// The live row, unless the run goes on.
    taken: Option<Taken>,
    pub version: Option<u32>,
    pub origin: Option<&'static str>,
    /// The last failed attempt's error, this change's included.
    pub last_error: Option<(String, String)>,
}

/// What the decision notes of the failed attempt.
fn noted(change: &Change) -> Option<(String, String)> {
    change.decision.noted.as_ref().map(|failure| (failure.code.as_str().to_owned(), failure.message.clone()))
}

impl Course {
    pub fn new(db: Db<'_>, change: &Change, taken: Option<Taken>) -> Done<Course> {
        let (id, workspace) = (change.fence.generation.0.as_bytes(), change.scope.workspace.0.as_bytes());
        let before = taken.as_ref().and_then(|taken| taken.last_error.clone());
        let last_error = match &change.decision.next {
            State::Pending { .. } => noted(change).or(before),
            State::Failed { failure, .. } => Some((failure.code.as_str().to_owned(), failure.message.clone())),
            State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => before,
        };
        db.first(sql!("apply/facts"), params![id, workspace], |row| {
            Ok(Course {
                draft: DraftId(codec::uuid(row, 0)?),
                user: UserId(codec::uuid(row, 1)?),
                recipe: row.get(2)?,
                base_version: row.get(3)?,
                target: row.get(4)?,
                dedupe_key: row.get(5)?,
                versions: row.get(6)?,
                onward: Shares { max_attempts: row.get(7)?, attempts_per_model: row.get(8)? }
                    .onward(change.decision.spent),
                item: crate::generations::read::item(row)?,
                taken,
                version: None,
                origin: None,
                last_error,
            })
        })?
        .ok_or_else(|| Fault::corrupt(format!("{} is live but was never accepted", change.fence.generation)))
    }
}

pub(super) fn carry_out(session: &mut Session<'_>, change: &Change, course: &mut Course) -> Done<()> {
    let db = session.db;
    for effect in &change.decision.effects {
        match effect {
            Effect::StoreVersion(origin) => store_version(db, change, course, origin)?,
            Effect::MoveDraft(order) => move_draft(db, change, course, *order)?,
            Effect::SettleHold(amount) => {
                move_hold(db, change, course, TransferKind::Settle, *amount, change.transfers[0])?;
            }
            Effect::ReleaseHold(amount) => {
                move_hold(db, change, course, TransferKind::Release, *amount, change.transfers[1])?;
            }
            Effect::Absorb(amount) => {
                move_hold(db, change, course, TransferKind::Absorb, *amount, change.transfers[2])?;
            }
            Effect::FreeTarget => free_target(session, change, course)?,
            Effect::Requeue => requeue(session, change, course)?,
            Effect::Announce(kind) => announce(db, change, course, *kind)?,
        }
    }
    Ok(())
}

/// Content and draft in one: the draft gives the number, and takes the version as its current one unless somebody edited
/// it meanwhile.
fn store_version(db: Db<'_>, change: &Change, course: &mut Course, origin: &Origin) -> Done<()> {
    let id = change.fence.generation;
    let content = change.content.as_ref().ok_or_else(|| Fault::corrupt(format!("{id} has no content to store")))?;
    let (draft, workspace, at) = (course.draft.0.as_bytes(), change.scope.workspace.0.as_bytes(), change.at.micros());
    let filled = DraftStatus::Draft.as_str();
    let fill = params![filled, at, course.base_version, content.title, Review::None.as_str(), draft, workspace];
    if db.execute(sql!("apply/fill_draft"), fill)? != 1 {
        return Err(Fault::corrupt(format!("{} of {id} does not exist", course.draft)));
    }
    let number = course.versions + 1;
    db.execute(
        sql!("apply/insert_version"),
        params![
            draft,
            number,
            workspace,
            id.0.as_bytes(),
            origin.as_str(),
            origin.reason(),
            content.form,
            content.title,
            content.body,
            content.words,
            content.hash,
            content.provenance,
            at,
        ],
    )?;
    for asset in &change.assets {
        insert_asset(db, change, course, number, asset)?;
    }
    course.version = Some(number);
    course.origin = Some(origin.as_str());
    Ok(())
}

fn insert_asset(db: Db<'_>, change: &Change, course: &Course, version: u32, asset: &NewAsset) -> Done<()> {
    db.execute(
        sql!("apply/insert_asset"),
        params![
            asset.id.0.as_bytes(),
            change.scope.workspace.0.as_bytes(),
            change.fence.generation.0.as_bytes(),
            course.draft.0.as_bytes(),
            version,
            asset.seq,
            asset.media_type,
            codec::signed(asset.bytes),
            asset.sha256,
            asset.path,
            change.at.micros(),
        ],
    )?;
    Ok(())
}

fn move_draft(db: Db<'_>, change: &Change, course: &Course, order: DraftMove) -> Done<()> {
    let (file, status) = match order {
        // Written together with the version.
        DraftMove::Fill => return Ok(()),
        DraftMove::ToPending => (sql!("claim/move_draft"), DraftStatus::Pending),
        DraftMove::ToProcessing => (sql!("claim/move_draft"), DraftStatus::Processing),
        DraftMove::ToFailed => (sql!("apply/end_draft"), DraftStatus::Failed),
        DraftMove::ToCancelled => (sql!("apply/end_draft"), DraftStatus::Cancelled),
    };
    let ids = (course.draft.0.as_bytes(), change.scope.workspace.0.as_bytes());
    db.execute(file, params![status.as_str(), change.at.micros(), ids.0, ids.1])?;
    Ok(())
}

fn move_hold(
    db: Db<'_>,
    change: &Change,
    course: &Course,
    kind: TransferKind,
    amount: MicroCredits,
    id: TransferId,
) -> Done<()> {
    let owner = (change.scope.workspace, course.user);
    let transfer = Transfer::of_generation(id, owner, kind, amount, change.fence.generation, change.at);
    match ledger::write(db, &transfer) {
        Ok(_) => Ok(()),
        // A hold that cannot be resolved is a ledger that contradicts itself, not something a caller can be refused.
        Err(Fault::Store(StoreError::Refused(refusal))) => {
            Err(Fault::corrupt(format!("{} of {}: {refusal}", kind.as_str(), change.fence.generation)))
        }
        Err(fault) => Err(fault),
    }
}

/// Gives the dedupe key and the target up; the first of those waiting for the target becomes its holder.
fn free_target(session: &mut Session<'_>, change: &Change, course: &Course) -> Done<()> {
    let (id, workspace) = (change.fence.generation, change.scope.workspace);
    if let Some(key) = &course.dedupe_key {
        session.free_key(workspace, key, id)?;
    }
    if let Some(target) = &course.target {
        let params = params![workspace.0.as_bytes(), target, id.0.as_bytes()];
        if session.db.execute(sql!("apply/free_target"), params)? > 0 {
            promote_target(session.db, change, workspace, target)?;
        }
    }
    Ok(())
}

struct NextHolder {
    id: GenerationId,
    attempt: u32,
    spent: u32,
    row_version: i64,
    place: Taken,
}

fn promote_target(db: Db<'_>, change: &Change, workspace: WorkspaceId, target: &str) -> Done<()> {
    let next = db.first(sql!("apply/next_for_target"), params![workspace.0.as_bytes(), target], |row| {
        Ok(NextHolder {
            id: GenerationId(codec::uuid(row, 2)?),
            attempt: row.get(3)?,
            spent: row.get(4)?,
            row_version: row.get(5)?,
            place: Taken {
                queue: row.get(0)?,
                sort_key: row.get(1)?,
                deadline_at: codec::instant(row, 6)?,
                model: row.get(7)?,
                step: row.get(8)?,
                last_error: row.get::<_, Option<String>>(9)?.zip(row.get(10)?),
            },
        })
    })?;
    let Some(next) = next else { return Ok(()) };
    let ids = (next.id.0.as_bytes(), workspace.0.as_bytes());
    let run_at = db.first(sql!("apply/run_at"), params![ids.0, ids.1], |row| codec::maybe_instant(row, 0))?;
    let wait = match run_at.flatten() {
        Some(until) if until > change.at => Wait::Scheduled { until },
        Some(_) | None => Wait::Ready,
    };
    let queued = Queued {
        id: next.id,
        attempt: next.attempt,
        spent: next.spent,
        row_version: next.row_version,
        ..next.place.requeued(change)
    };
    enqueue(db, &queued, wait, None)?;
    let held = db.execute(sql!("accept/insert_live_target"), params![ids.1, target, ids.0])?;
    if held == 1 { Ok(()) } else { Err(Fault::corrupt(format!("target {target:?} was freed and is held"))) }
}

/// Back into the queue at its old place; in another queue if the next attempt uses another model, or the last one.
fn requeue(session: &mut Session<'_>, change: &Change, course: &mut Course) -> Done<()> {
    let id = change.fence.generation;
    let State::Pending { wait } = change.decision.next else {
        return Err(Fault::corrupt(format!("{id} is put back into the queue but not pending")));
    };
    let Some(mut taken) = course.taken.take() else {
        return Err(Fault::corrupt(format!("{id} is put back into the queue but goes on running")));
    };
    if let Some(model) = &change.next_model {
        taken.model.clone_from(model);
    }
    if let Some(forgotten) = &change.forgets {
        taken.step.clone_from(&forgotten.step);
    }
    taken.queue = session.queue_id(change.scope.workspace, &course.recipe, &taken.model, course.onward)?;
    taken.last_error.clone_from(&course.last_error);
    enqueue(session.db, &taken.requeued(change), wait, course.target.as_deref())?;
    session.waiting_changed(1);
    Ok(())
}

fn announce(db: Db<'_>, change: &Change, course: &Course, kind: Announcement) -> Done<()> {
    let mut data = format!("{{\"attempt\":{}", change.decision.attempt.0);
    let add = |data: &mut String, text: std::fmt::Arguments<'_>| {
        data.write_fmt(text).expect("writing to a string cannot fail");
    };
    match (course.version, &course.last_error) {
        (Some(version), _) => add(&mut data, format_args!(",\"version\":{version}")),
        (None, Some((code, message))) => {
            let (code, message) = (codec::json_text(code), codec::json_text(message));
            add(&mut data, format_args!(",\"error\":{{\"code\":{code},\"message\":{message}}}"));
        }
        (None, None) => {}
    }
    if let Some(deadline) = change.decision.deadline_at {
        add(&mut data, format_args!(",\"deadline_at\":\"{deadline}\""));
    }
    data.push('}');
    let event = NewEvent {
        workspace: change.scope.workspace,
        kind: kind.as_str(),
        generation: Some(change.fence.generation),
        draft: Some(course.draft),
        user: Some(course.user),
        at: change.at,
        data: data.into(),
    };
    write_event(db, &event)
}
