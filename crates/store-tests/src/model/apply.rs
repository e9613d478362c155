//! The model's apply: the fence, then everything a decision orders. A write that lost its fence books its call and
//! nothing else. Decisions come from core; this file only carries them out.

use super::claim::open_call;
use super::data::{Call, Data};
use copydesk_core::draft::Review;
use copydesk_core::generation::effect::Announcement;
use copydesk_core::generation::{DraftMove, Effect, Origin, State, Wait};
use copydesk_core::health::HealthNews;
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{DraftId, GenerationId, MicroCredits, Timestamp, TransferId, WorkspaceId};
use copydesk_store::drafts::{AssetRow, VersionRow};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{Applied, Change, Turn, TurnAnswer, Write};
use copydesk_store::usage::ClosedCall;
use copydesk_store::{Scope, StoreError};
use std::fmt::Write as _;

impl Data {
    /// Writes first, then the claim.
    pub(super) fn turn(&mut self, turn: &Turn) -> Result<TurnAnswer, StoreError> {
        for write in &turn.writes {
            check_shape(write)?;
        }
        // From here the write must succeed.
        let mut health = vec![];
        let applied: Vec<Applied> = turn.writes.iter().map(|write| self.write(write, turn.now, &mut health)).collect();
        self.book_jobs();
        let (claimed, due) = turn.claim.as_ref().map_or_else(|| (vec![], None), |claim| self.claim(turn.now, claim));
        let next_due = self.next_due().into_iter().chain(due).min();
        Ok(TurnAnswer { applied, claimed, next_due, health })
    }

    fn write(&mut self, write: &Write, now: Timestamp, health: &mut Vec<HealthNews>) -> Applied {
        match write {
            Write::Change(change) => {
                let applied = self.apply(change);
                if matches!(applied, Applied::Done { .. }) {
                    self.heed(change, now, health);
                }
                applied
            }
            Write::Late { scope, call } => {
                self.book_late(*scope, call, now);
                Applied::Done { version: None }
            }
        }
    }

    fn apply(&mut self, change: &Change) -> Applied {
        let id = change.fence.generation;
        let found = self.fence(change.scope, id);
        if found != Some(change.fence) {
            let goes_on = found.is_some_and(|found| change.fence.overtaken_by(&found));
            if let Some(call) = change.closes.as_ref().filter(|_| !goes_on) {
                self.book_late(change.scope, call, change.at);
            }
            return Applied::Lost { found };
        }
        if let Some(call) = &change.closes {
            self.close_call(change.scope, call, change.at);
        }
        self.write_progress(change);
        if change.decision.next.status().is_final() {
            self.budgets.end(id);
            self.end_item(id, &change.decision, change.at);
        }
        let mut version = None;
        for effect in &change.decision.effects {
            match effect {
                Effect::StoreVersion(origin) => version = self.store_version(change, origin),
                Effect::MoveDraft(order) => self.order_draft(id, *order, change.at),
                Effect::SettleHold(amount) => {
                    self.move_hold(id, TransferKind::Settle, *amount, change.transfers[0], change.at);
                }
                Effect::ReleaseHold(amount) => {
                    self.move_hold(id, TransferKind::Release, *amount, change.transfers[1], change.at);
                }
                Effect::Absorb(amount) => {
                    self.move_hold(id, TransferKind::Absorb, *amount, change.transfers[2], change.at);
                }
                Effect::FreeTarget => self.free_target(id, change.at),
                // Said by the next state, which is written already.
                Effect::Requeue => {}
                Effect::Announce(kind) => self.announce_change(change, *kind, version),
            }
        }
        Applied::Done { version }
    }

    /// Attempt, row version, state, step, next call.
    fn write_progress(&mut self, change: &Change) {
        let Some(entry) = self.generations.get_mut(&change.fence.generation) else { return };
        entry.generation.attempt = change.decision.attempt;
        entry.generation.spent = change.decision.spent;
        entry.generation.row_version = change.decision.row_version;
        if let Some(deadline) = change.decision.deadline_at {
            entry.generation.terms.deadline_at = deadline;
            return;
        }
        if let Some(step) = &change.step {
            match entry.steps.iter_mut().find(|kept| kept.name == step.name) {
                Some(kept) => kept.output.clone_from(&step.output),
                None => entry.steps.push(step.clone()),
            }
        }
        if let Some(forgotten) = &change.forgets {
            entry.steps.retain(|kept| kept.name != forgotten.checkpoint);
            entry.step.clone_from(&forgotten.step);
        }
        entry.waits = change.waits;
        let mut next = change.decision.next.clone();
        match &mut next {
            State::Pending { .. } => {
                entry.call = None;
                if let Some(model) = &change.next_model {
                    entry.model.clone_from(model);
                }
                if let Some(error) = change
                    .decision
                    .noted
                    .as_ref()
                    .map(|failure| (failure.code.as_str().to_owned(), failure.message.clone()))
                {
                    entry.last_error = Some(error);
                }
            }
            State::Failed { failure, .. } => {
                entry.call = None;
                // How long the provider asked to wait is not kept: nobody waits any more.
                failure.retry_after = None;
                entry.last_error = Some((failure.code.as_str().to_owned(), failure.message.clone()));
            }
            State::Completed { .. } | State::Cancelled { .. } => entry.call = None,
            State::Processing { .. } => {}
        }
        if let Some(opens) = &change.opens {
            entry.call = Some(opens.id);
            entry.step.clone_from(&opens.step);
            let row = open_call(entry, opens.id, &opens.step, &opens.model, change.at);
            self.calls.insert(opens.id, Call { scope: change.scope, row });
        }
        self.set_state(change.fence.generation, next);
    }

    fn store_version(&mut self, change: &Change, origin: &Origin) -> Option<u32> {
        let content = change.content.clone()?;
        let entry = self.generations.get_mut(&change.fence.generation)?;
        let row = &mut self.drafts.get_mut(&entry.draft)?.row;
        let number = row.versions + 1;
        row.versions = number;
        // Somebody edited meanwhile: their version stays the current one.
        if row.current_version == entry.base_version {
            row.current_version = number;
            row.title.clone_from(&content.title);
            (row.review, row.review_reason) = (Review::None, None);
            row.generated_at = Some(change.at);
        }
        entry.version = Some(number);
        entry.origin = Some(origin.as_str().to_owned());
        let version = VersionRow {
            draft: entry.draft,
            number,
            origin: origin.as_str().to_owned(),
            reason: origin.reason(),
            generation: Some(change.fence.generation),
            content,
            created_at: change.at,
        };
        self.versions.insert((entry.draft, number), version);
        for asset in &change.assets {
            let row = AssetRow {
                generation: change.fence.generation,
                draft: entry.draft,
                version: number,
                asset: asset.clone(),
                created_at: change.at,
            };
            self.assets.insert(asset.id, (change.scope, row));
        }
        Some(number)
    }

    fn order_draft(&mut self, id: GenerationId, order: DraftMove, at: Timestamp) {
        let Some(draft) = self.generations.get(&id).map(|entry| entry.draft) else { return };
        match order {
            DraftMove::Fill | DraftMove::ToFailed | DraftMove::ToCancelled => {
                if let Some(draft) = self.drafts.get_mut(&draft) {
                    draft.row.live_generation = None;
                    draft.row.revision += 1;
                    draft.row.updated_at = at;
                }
            }
            DraftMove::ToPending | DraftMove::ToProcessing => {}
        }
        self.move_draft(draft, order, at);
    }

    /// The draft's status; its revision rises when that changes.
    pub(super) fn move_draft(&mut self, draft: DraftId, order: DraftMove, at: Timestamp) {
        let Some(draft) = self.drafts.get_mut(&draft) else { return };
        let after = draft.row.status.after(order, draft.row.versions > 0);
        if after != draft.row.status {
            draft.row.status = after;
            draft.row.revision += 1;
            draft.row.updated_at = at;
        }
    }

    fn move_hold(
        &mut self,
        id: GenerationId,
        kind: TransferKind,
        amount: MicroCredits,
        row: TransferId,
        at: Timestamp,
    ) {
        let Some(entry) = self.generations.get(&id) else { return };
        let owner = (entry.scope().workspace, entry.accept.user);
        self.write_transfer(Transfer::of_generation(row, owner, kind, amount, id, at));
    }

    /// Gives the dedupe key and the target up; the first of those waiting for the target becomes its holder.
    fn free_target(&mut self, id: GenerationId, at: Timestamp) {
        let Some(entry) = self.generations.get(&id) else { return };
        let (workspace, dedupe_key, target) =
            (entry.scope().workspace, entry.accept.dedupe_key.clone(), entry.accept.target.clone());
        if let Some(key) = dedupe_key.map(|key| (workspace, key))
            && self.live_keys.get(&key).is_some_and(|(holder, _)| *holder == id)
        {
            self.live_keys.remove(&key);
        }
        if let Some(target) = target
            && self.live_targets.get(&(workspace, target.clone())) == Some(&id)
        {
            self.live_targets.remove(&(workspace, target.clone()));
            self.promote_target(workspace, target, at);
        }
    }

    fn promote_target(&mut self, workspace: WorkspaceId, target: String, at: Timestamp) {
        let first = self
            .live_entries()
            .filter(|(_, entry)| entry.scope().workspace == workspace)
            .filter(|(_, entry)| entry.accept.target.as_ref() == Some(&target))
            .filter(|(_, entry)| matches!(entry.generation.state, State::Pending { wait: Wait::Target }))
            .map(|(id, entry)| (entry.sort_key, id, entry.accept.run_at))
            .min_by_key(|(sort_key, id, _)| (*sort_key, *id));
        if let Some((_, id, run_at)) = first {
            let wait = match run_at {
                Some(until) if until > at => Wait::Scheduled { until },
                Some(_) | None => Wait::Ready,
            };
            self.live_targets.insert((workspace, target), id);
            self.set_state(id, State::Pending { wait });
        }
    }

    fn announce_change(&mut self, change: &Change, kind: Announcement, version: Option<u32>) {
        let id = change.fence.generation;
        let Some(entry) = self.generations.get(&id) else { return };
        let (draft, user) = (entry.draft, entry.accept.user);
        let mut data = format!("{{\"attempt\":{}", change.decision.attempt.0);
        if let Some(version) = version {
            write!(data, ",\"version\":{version}").expect("writing to a string cannot fail");
        }
        if let Some(deadline) = change.decision.deadline_at {
            write!(data, ",\"deadline_at\":\"{deadline}\"").expect("writing to a string cannot fail");
        } else if let Some((code, message)) = entry.last_error.as_ref().filter(|_| version.is_none()) {
            let error = serde_json::json!({ "code": code, "message": message });
            write!(data, ",\"error\":{error}").expect("writing to a string cannot fail");
        }
        data.push('}');
        self.announce(NewEvent {
            workspace: change.scope.workspace,
            kind: kind.as_str(),
            generation: Some(id),
            draft: Some(draft),
            user: Some(user),
            at: change.at,
            data: data.into(),
        });
    }

    /// The figures of a call whose write won.
    fn close_call(&mut self, scope: Scope, closed: &ClosedCall, at: Timestamp) {
        if let Some(call) = self.calls.get_mut(&closed.id).filter(|call| call.scope == scope)
            && call.row.closed.is_none()
        {
            call.row.closed = Some((at, closed.clone()));
            self.spend(closed, None, at);
        }
    }

    /// The figures of a call whose attempt is over: an open one is closed as late, a lost one gets the true figures, any
    /// other has been reported already. Somebody's guess at a call they saw as lost is no figure.
    fn book_late(&mut self, scope: Scope, closed: &ClosedCall, at: Timestamp) {
        if closed.outcome == CallOutcome::Lost {
            return;
        }
        let Some(call) = self.calls.get_mut(&closed.id).filter(|call| call.scope == scope) else { return };
        let before = call.row.closed.as_ref().map(|(_, closed)| closed.clone());
        if before.as_ref().is_none_or(|before| before.outcome == CallOutcome::Lost) {
            let late = ClosedCall { outcome: CallOutcome::Late, ..closed.clone() };
            call.row.closed = Some((at, late.clone()));
            self.spend(&late, before, at);
        }
    }
}

/// A change that contradicts itself is a bug of its author and is never half written.
fn check_shape(write: &Write) -> Result<(), StoreError> {
    let Write::Change(change) = write else { return Ok(()) };
    let stores = change.decision.effects.iter().any(|effect| matches!(effect, Effect::StoreVersion(_)));
    if stores != change.content.is_some() {
        return Err(StoreError::Corrupt(format!("{}: content and effects disagree", change.fence.generation)));
    }
    if !change.assets.is_empty() && change.content.is_none() {
        return Err(StoreError::Corrupt(format!("{}: assets without content", change.fence.generation)));
    }
    if change.decision.row_version.0 != change.fence.row_version.0 + 1 {
        return Err(StoreError::Corrupt(format!("{}: the row version must rise by one", change.fence.generation)));
    }
    Ok(())
}
