//! What a wave of changes writes, computed in memory from the fence's winners: rows for each table. No I/O but the
//! number of a queue never seen before.

use super::fence::{Winner, Won};
use super::{News, Placed};
use crate::PostgresStore;
use crate::budgeted::Budgeted;
use crate::failure::Fault;
use crate::ledger::{Account, AccountKey, LedgerRow};
use crate::queues::Wanted;
use crate::read::usage::Standing;
use crate::waiting::{Park, WaitingRow};
use copydesk_core::draft::DraftStatus;
use copydesk_core::generation::{DraftMove, Effect, Origin, State, Wait};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::metering::totals::{CallFacts, Sheet};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{DraftId, MicroCredits, Timestamp, TransferId, UserId};
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{Change, Fence, Write};
use copydesk_store::usage::ClosedCall;
use copydesk_store::{Scope, StoreError};
use std::collections::BTreeMap;

/// A call's end, as it will be booked.
pub struct Closing<'a> {
    pub facts: &'a CallFacts,
    pub call: &'a ClosedCall,
    pub outcome: CallOutcome,
    pub at: Timestamp,
}

pub struct VersionPlan<'a> {
    pub change: &'a Change,
    pub draft: DraftId,
    pub number: i64,
    pub origin: &'a Origin,
}

pub struct DraftPlan<'a> {
    pub id: DraftId,
    pub status: DraftStatus,
    pub current_version: i64,
    pub version_count: i64,
    /// The new current version's title, when the current version moves.
    pub title: Option<&'a str>,
    /// The generation is still live.
    pub live: bool,
    pub at: Timestamp,
}

pub struct OutcomePlan<'a> {
    pub change: &'a Change,
    pub winner: &'a Winner,
    pub at: Timestamp,
    pub settled: MicroCredits,
    pub version: Option<i64>,
    pub origin: Option<&'a str>,
}

/// A target or dedupe key to be given up.
pub struct Freed<'a> {
    pub change: &'a Change,
    pub name: &'a str,
}

#[derive(Default)]
pub struct Plan<'a> {
    /// Calls that may be closed, those of losers and latecomers too.
    pub closings: Vec<Closing<'a>>,
    /// What they add to the totals, with what earlier waves of the turn do.
    pub sheet: Sheet,
    /// The sums of budgets these closings and ends change.
    pub budgets: Budgeted,
    /// Changes that go on with their attempt.
    pub steps: Vec<&'a Change>,
    /// Changes that drop a checkpoint.
    pub forgetful: Vec<&'a Change>,
    pub versions: Vec<VersionPlan<'a>>,
    pub drafts: Vec<DraftPlan<'a>>,
    pub outcomes: Vec<OutcomePlan<'a>>,
    pub waiting: Vec<WaitingRow<'a>>,
    pub transfers: Vec<LedgerRow>,
    pub accounts: BTreeMap<AccountKey, Account>,
    pub events: Vec<NewEvent<'a>>,
    pub keys: Vec<Freed<'a>>,
    pub targets: Vec<Freed<'a>>,
    /// Places in the turn of those whose fence did not match, with what stands there, and of those that stored a version.
    pub lost: Vec<(usize, Option<Fence>)>,
    pub stored: Vec<(usize, i64)>,
    /// Places of those that were written, in their order: what their calls said counts.
    pub heeded: Vec<usize>,
    pub news: News,
}

impl<'a> Plan<'a> {
    pub async fn of(
        store: &PostgresStore,
        now: Timestamp,
        wave: &[Placed<'a>],
        won: &'a Won,
        (sheet, budgets): (Sheet, Budgeted),
    ) -> Result<Plan<'a>, Fault> {
        let mut plan = Plan { accounts: won.accounts.clone(), sheet, budgets, ..Plan::default() };
        for (place, write) in wave {
            match write {
                Write::Late { scope, call } => plan.book_late(won, *scope, call, now),
                Write::Change(change) => {
                    if let Some(winner) = won.left.get(&change.fence.generation) {
                        plan.heeded.push(*place);
                        plan.close(won, change);
                        let queue = plan.queue_of(store, change, winner).await?;
                        plan.change(*place, change, winner, queue)?;
                    } else if won.stepped.contains(&change.fence.generation) {
                        plan.heeded.push(*place);
                        plan.close(won, change);
                        plan.steps.push(change);
                    } else if let Some((draft, user)) = won.extended.get(&change.fence.generation) {
                        plan.heeded.push(*place);
                        plan.extended(change, *draft, *user);
                    } else {
                        let found = won.found.get(&change.fence.generation).copied();
                        plan.lost.push((*place, found));
                        let goes_on = found.is_some_and(|found| change.fence.overtaken_by(&found));
                        if let Some(call) = change.closes.as_ref().filter(|_| !goes_on) {
                            plan.book_late(won, change.scope, call, change.at);
                        }
                    }
                }
            }
        }
        plan.sort();
        Ok(plan)
    }

    /// Rows that others may also want are taken in one order by everybody.
    fn sort(&mut self) {
        self.closings.sort_by_key(|closing| closing.call.id);
        self.keys.sort_by_key(|freed| (freed.change.scope.workspace, freed.name));
        self.targets.sort_by_key(|freed| (freed.change.scope.workspace, freed.name));
    }

    async fn queue_of(&self, store: &PostgresStore, change: &Change, winner: &Winner) -> Result<i32, Fault> {
        let next = change.next_model.as_deref().filter(|model| *model != winner.model);
        let onward = winner.shares.onward(change.decision.spent);
        if next.is_none() && onward == winner.shares.onward(winner.spent) {
            return Ok(winner.queue);
        }
        let (workspace, model) = (change.scope.workspace, next.unwrap_or(&winner.model));
        let wanted = Wanted { workspace, recipe: &winner.recipe, model, onward };
        store.queues.intern(&store.readers, wanted).await
    }

    /// The figures of a call whose attempt is over: an open one is closed as late, a lost one gets the true figures, any
    /// other has been reported already. Somebody's guess at a call they saw as lost is no figure.
    fn book_late(&mut self, won: &'a Won, scope: Scope, call: &'a ClosedCall, at: Timestamp) {
        if call.outcome == CallOutcome::Lost {
            return;
        }
        let Some(standing) = standing(won, scope, call) else { return };
        match &standing.closed {
            None => {}
            Some((then, lost)) if lost.outcome == CallOutcome::Lost => {
                self.sheet.take_back(&standing.call, *then, &lost.figures(lost.outcome));
            }
            Some(_) => return,
        }
        self.book(standing, Closing { facts: &standing.call, call, outcome: CallOutcome::Late, at });
    }

    /// The figures of a call whose write won. One that is closed already stays as it is.
    fn close(&mut self, won: &'a Won, change: &'a Change) {
        let Some(call) = &change.closes else { return };
        if let Some(standing) = standing(won, change.scope, call).filter(|standing| standing.closed.is_none()) {
            self.book(standing, Closing { facts: &standing.call, call, outcome: call.outcome, at: change.at });
        }
    }

    fn book(&mut self, standing: &Standing, closing: Closing<'a>) {
        self.budgets.spend(standing, closing.call, closing.outcome, closing.at);
        self.sheet.add(closing.facts, closing.at, &closing.call.figures(closing.outcome));
        self.closings.push(closing);
    }

    /// It has another deadline, and stays where it is.
    fn extended(&mut self, change: &'a Change, draft: DraftId, user: UserId) {
        let deadline = change.decision.deadline_at.map(|at| at.to_string());
        let data = serde_json::json!({ "attempt": change.decision.attempt.0, "deadline_at": deadline });
        let announced = change.decision.effects.iter().filter_map(|effect| match effect {
            Effect::Announce(kind) => Some(kind.as_str()),
            Effect::StoreVersion(_)
            | Effect::MoveDraft(_)
            | Effect::SettleHold(_)
            | Effect::ReleaseHold(_)
            | Effect::Absorb(_)
            | Effect::FreeTarget
            | Effect::Requeue => None,
        });
        self.events.extend(announced.map(|kind| NewEvent {
            workspace: change.scope.workspace,
            kind,
            generation: Some(change.fence.generation),
            draft: Some(draft),
            user: Some(user),
            at: change.at,
            data: data.to_string().into(),
        }));
    }

    /// Carries one decision out.
    fn change(&mut self, place: usize, change: &'a Change, winner: &'a Winner, queue: i32) -> Result<(), StoreError> {
        if change.forgets.is_some() {
            self.forgetful.push(change);
        }
        let mut draft = DraftPlan {
            id: winner.draft,
            status: winner.draft_status,
            current_version: winner.current_version,
            version_count: winner.version_count,
            title: None,
            live: true,
            at: change.at,
        };
        let mut version = None;
        let mut origin = None;
        for effect in &change.decision.effects {
            match effect {
                Effect::StoreVersion(from) => {
                    let number = self.store_version(change, winner, &mut draft, from);
                    self.stored.push((place, number));
                    (version, origin) = (Some(number), Some(from.as_str()));
                }
                Effect::MoveDraft(order) => move_draft(&mut draft, *order),
                Effect::SettleHold(amount) => {
                    self.transfer(change, winner, TransferKind::Settle, *amount, change.transfers[0])?;
                }
                Effect::ReleaseHold(amount) => {
                    self.transfer(change, winner, TransferKind::Release, *amount, change.transfers[1])?;
                }
                Effect::Absorb(amount) => {
                    self.transfer(change, winner, TransferKind::Absorb, *amount, change.transfers[2])?;
                }
                Effect::FreeTarget => self.free(change, winner),
                // Said by the next state.
                Effect::Requeue => {}
                Effect::Announce(kind) => {
                    self.events.push(NewEvent {
                        workspace: change.scope.workspace,
                        kind: kind.as_str(),
                        generation: Some(change.fence.generation),
                        draft: Some(winner.draft),
                        user: Some(winner.user),
                        at: change.at,
                        data: event_data(change, winner, version).into(),
                    });
                }
            }
        }
        if !draft.live || draft.status != winner.draft_status {
            self.drafts.push(draft);
        }
        self.news.ended += 1;
        self.next_state(change, winner, queue, version, origin);
        Ok(())
    }

    fn next_state(
        &mut self,
        change: &'a Change,
        winner: &'a Winner,
        queue: i32,
        version: Option<i64>,
        origin: Option<&'a str>,
    ) {
        let (at, settled) = match &change.decision.next {
            State::Pending { wait } => return self.requeue(change, winner, queue, *wait),
            // Refused by `check_shape`, and a step is not a winner that left its table.
            State::Processing { .. } => return,
            State::Completed { at, settled } => (*at, *settled),
            State::Failed { at, .. } | State::Cancelled { at } => (*at, MicroCredits::ZERO),
        };
        self.budgets.end(change.fence.generation);
        self.outcomes.push(OutcomePlan { change, winner, at, settled, version, origin });
    }

    fn requeue(&mut self, change: &'a Change, winner: &'a Winner, queue: i32, wait: Wait) {
        let park = match wait {
            Wait::Ready => None,
            Wait::Scheduled { until } => Some(Park::Scheduled(until)),
            Wait::BackingOff { until } => Some(Park::BackingOff(until)),
            Wait::Target => Some(Park::Target(winner.target.as_deref().unwrap_or_default())),
            Wait::Held => Some(Park::Held),
        };
        self.news.made_ready |= park.is_none();
        self.waiting.push(WaitingRow {
            queue,
            sort_key: winner.sort_key,
            id: change.fence.generation.0,
            workspace: change.scope.workspace.0,
            attempt: i64::from(change.decision.attempt.0),
            spent: i64::from(change.decision.spent),
            row_version: change.decision.row_version.0,
            deadline_at: winner.deadline_at,
            model: change.next_model.as_deref().unwrap_or(&winner.model),
            step: change.forgets.as_ref().map_or(&winner.step, |forgotten| &forgotten.step),
            last_error: last_error(change, winner),
            park,
        });
    }

    fn store_version(
        &mut self,
        change: &'a Change,
        winner: &Winner,
        draft: &mut DraftPlan<'a>,
        origin: &'a Origin,
    ) -> i64 {
        draft.version_count += 1;
        // Somebody edited meanwhile: their version stays the current one.
        if winner.current_version == winner.base_version {
            draft.current_version = draft.version_count;
            draft.title = change.content.as_ref().map(|content| content.title.as_str());
        }
        self.versions.push(VersionPlan { change, draft: winner.draft, number: draft.version_count, origin });
        draft.version_count
    }

    fn transfer(
        &mut self,
        change: &Change,
        winner: &Winner,
        kind: TransferKind,
        amount: MicroCredits,
        id: TransferId,
    ) -> Result<(), StoreError> {
        let owner = (change.scope.workspace, winner.user);
        let transfer = Transfer::of_generation(id, owner, kind, amount, change.fence.generation, change.at);
        let account = self.accounts.get_mut(&owner);
        let account = account.ok_or_else(|| StoreError::Corrupt(format!("{} has a hold and no account", owner.1)))?;
        let row = account.append(transfer).map_err(|refusal| {
            StoreError::Corrupt(format!("the {} of {}: {refusal}", kind.as_str(), change.fence.generation))
        })?;
        self.transfers.push(row);
        Ok(())
    }

    fn free(&mut self, change: &'a Change, winner: &'a Winner) {
        self.keys.extend(winner.dedupe_key.as_deref().map(|name| Freed { change, name }));
        self.targets.extend(winner.target.as_deref().map(|name| Freed { change, name }));
    }
}

fn standing<'a>(won: &'a Won, scope: Scope, call: &ClosedCall) -> Option<&'a Standing> {
    won.calls.get(&call.id).filter(|standing| standing.call.workspace == scope.workspace)
}

fn move_draft(draft: &mut DraftPlan<'_>, order: DraftMove) {
    match order {
        DraftMove::Fill | DraftMove::ToFailed | DraftMove::ToCancelled => draft.live = false,
        DraftMove::ToPending | DraftMove::ToProcessing => {}
    }
    draft.status = draft.status.after(order, draft.version_count > 0);
}

/// The last failed attempt's error after this change.
pub fn last_error<'a>(change: &'a Change, winner: &'a Winner) -> Option<(&'a str, &'a str)> {
    if let State::Failed { failure, .. } = &change.decision.next {
        return Some((failure.code.as_str(), &failure.message));
    }
    let noted = change.decision.noted.as_ref().map(|failure| (failure.code.as_str(), failure.message.as_str()));
    noted.or_else(|| winner.last_error.as_ref().map(|(code, words)| (code.as_str(), words.as_str())))
}

fn event_data(change: &Change, winner: &Winner, version: Option<i64>) -> String {
    let attempt = change.decision.attempt.0;
    match (version, last_error(change, winner)) {
        (Some(version), _) => format!("{{\"attempt\":{attempt},\"version\":{version}}}"),
        (None, None) => format!("{{\"attempt\":{attempt}}}"),
        (None, Some((code, message))) => {
            let error = serde_json::json!({ "code": code, "message": message });
            format!("{{\"attempt\":{attempt},\"error\":{error}}}")
        }
    }
}
