//! The model's accept: checks of one request in their order, then all its writes. Refused means: nothing written.

use super::data::{Data, Draft, Entry, Queue, Replay, User};
use copydesk_core::draft::state::{DraftFacts, may_regenerate};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::fairness::{Place, QueueTime, VirtualTime, place};
use copydesk_core::generation::{AttemptNo, Generation, RowVersion, State, Wait};
use copydesk_core::ledger::{Transfer, TransferKind, rules};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, Timestamp, WorkspaceId};
use copydesk_store::admin::PauseKey;
use copydesk_store::drafts::DraftRow;
use copydesk_store::events::NewEvent;
use copydesk_store::generations::{Accept, Accepted, Idempotency, Slot};
use copydesk_store::once::Named;
use copydesk_store::{Scope, StoreError};

type Ids = (GenerationId, DraftId);

impl Data {
    pub(super) fn accept(&mut self, batch: Vec<Accept>) -> Result<Vec<Result<Accepted, Refusal>>, StoreError> {
        for request in &batch {
            let known = self.generations.contains_key(&request.generation);
            let remembered =
                request.idempotency.as_ref().and_then(|key| self.remembered(request.scope, key, request.at));
            if known && remembered.is_none() {
                return Err(StoreError::Corrupt(format!("{} exists already", request.generation)));
            }
        }
        let mut answers = Vec::with_capacity(batch.len());
        for request in batch {
            answers.push(match self.accept_one(request) {
                Ok(accepted) => Ok(accepted),
                Err(StoreError::Refused(refusal)) => Err(refusal),
                Err(error) => return Err(error),
            });
        }
        self.book_jobs();
        Ok(answers)
    }

    fn accept_one(&mut self, mut request: Accept) -> Result<Accepted, StoreError> {
        if let Some(key) = &request.idempotency
            && let Some(replayed) = self.replay(request.scope, key, request.at)?
        {
            return Ok(replayed);
        }
        if let Some(since) = self.paused(&PauseKey::Generation) {
            return Err(Refusal::GenerationPaused { since }.into());
        }
        let waiting = self.count_live(copydesk_core::generation::Status::Pending);
        if waiting >= self.waiting_max {
            return Err(Refusal::QueueFull { waiting }.into());
        }
        let item = self.check_item(&request)?;
        if let Some((generation, draft)) = self.same_work(&request)? {
            let answer = Accepted::Duplicate { generation, draft };
            self.remember(&request, &answer);
            return Ok(answer);
        }
        self.check_once(&request)?;
        self.check_budgets(&request)?;
        if !request.hold.is_zero() {
            let balance = self.balance(request.scope, request.user);
            rules::post(balance, TransferKind::Hold, request.hold)?;
        }
        // From here the write must succeed.
        request.job = request.job.filter(|_| item.is_some());
        let at = request.at;
        let ids = self.write_accept(request);
        if let Some(item) = item {
            self.attach(item, ids, at);
        }
        Ok(Accepted::New { generation: ids.0, draft: ids.1 })
    }

    fn remembered(&self, scope: Scope, key: &Idempotency, at: Timestamp) -> Option<&Replay> {
        self.idempotency.get(&name(scope.workspace, key)).filter(|row| at < row.expires_at)
    }

    pub(super) fn replay(&self, scope: Scope, key: &Idempotency, at: Timestamp) -> Result<Option<Accepted>, Refusal> {
        let Some(row) = self.remembered(scope, key, at) else { return Ok(None) };
        if row.fingerprint == key.fingerprint {
            let (generation, draft) = row.answer.ids();
            Ok(Some(Accepted::Replayed { generation, draft, deduplicated: row.answer.deduplicated() }))
        } else {
            Err(Refusal::IdempotencyKeyReused)
        }
    }

    fn remember(&mut self, request: &Accept, answer: &Accepted) {
        if let Some(key) = &request.idempotency {
            let row = Replay { fingerprint: key.fingerprint, answer: answer.clone(), expires_at: key.expires_at };
            self.idempotency.insert(name(request.scope.workspace, key), row);
        }
    }

    /// The live generation that does the same work already.
    fn same_work(&self, request: &Accept) -> Result<Option<Ids>, Refusal> {
        if let Slot::Existing(id) = &request.slot {
            let draft = self.drafts.get(id).filter(|draft| draft.scope == request.scope);
            let row = &draft.filter(|draft| draft.row.deleted_at.is_none()).ok_or(Refusal::DraftNotFound)?.row;
            may_regenerate(facts(row))?;
            if let Some(live) = row.live_generation {
                return Ok(Some((live, *id)));
            }
        }
        let key = request.dedupe_key.as_ref().map(|key| (request.scope.workspace, key.clone()));
        Ok(key.and_then(|key| self.live_keys.get(&key)).copied())
    }

    fn check_once(&self, request: &Accept) -> Result<(), Refusal> {
        let Some(once) = &request.once else { return Ok(()) };
        let drafts = self.drafts.values().filter(|draft| draft.scope == request.scope);
        let there = drafts.map(|draft| &draft.row).filter(|row| row.deleted_at.is_none());
        let there = there.filter(|row| row.external_id.as_ref() == Some(&once.external_id));
        let named = |row: &DraftRow| Named {
            draft: row.id,
            user: row.user,
            live: row.live_generation,
            has_version: row.versions > 0,
        };
        once.check(&request.slot, &there.map(named).collect::<Vec<_>>())
    }

    fn write_accept(&mut self, request: Accept) -> Ids {
        let (id, workspace, user) = (request.generation, request.scope.workspace, request.user);
        let seen = || User { external: request.user_external.clone(), created_at: request.at };
        self.users.entry((workspace, user)).or_insert_with(seen);
        let draft = self.write_slot(&request);
        let base_version = self.drafts.get(&draft).map_or(0, |draft| draft.row.current_version);
        let sort_key = self.take_place(&request);
        if let Some(key) = &request.dedupe_key {
            self.live_keys.insert((workspace, key.clone()), (id, draft));
        }
        self.remember(&request, &Accepted::New { generation: id, draft });
        let wait = self.first_wait(&request);
        let terms = request.terms();
        let state = State::Pending { wait };
        let generation =
            Generation { id, terms, state: state.clone(), attempt: AttemptNo(0), spent: 0, row_version: RowVersion(1) };
        self.reserve(&request);
        self.write_hold(&request);
        let data = format!("{{\"recipe\":{:?},\"draft\":\"{draft}\"}}", request.recipe);
        self.announce(NewEvent {
            workspace,
            kind: "generation.accepted",
            generation: Some(id),
            draft: Some(draft),
            user: Some(user),
            at: request.at,
            data: data.into(),
        });
        let (model, step) = (request.model.clone(), request.step.clone());
        let entry = Entry {
            accept: request,
            draft,
            sort_key,
            base_version,
            generation,
            model,
            step,
            called: None,
            claimed_at: None,
            call: None,
            last_error: None,
            waits: false,
            steps: vec![],
            version: None,
            origin: None,
        };
        self.generations.insert(id, entry);
        self.set_state(id, state);
        (id, draft)
    }

    /// Its place in its queue; moves the queue's virtual time and the user's finish.
    fn take_place(&mut self, request: &Accept) -> VirtualTime {
        let onward = request.terms().onward(0);
        let queue: Queue = (request.scope.workspace, request.recipe.clone(), request.model.clone(), onward);
        let mut ready = self.ready.iter().filter_map(|(_, id)| self.generations.get(id));
        let has_ready = ready.any(|entry| entry.queue() == queue);
        let own = self.clock.get(&queue).copied().unwrap_or_default();
        let base = QueueTime { own, common: self.common_time, has_ready }.base();
        self.clock.insert(queue.clone(), base);
        let key = (queue, request.user);
        let Place { sort_key, user_finish } = place(base, self.fair.get(&key).copied(), request.priority);
        self.fair.insert(key, user_finish);
        sort_key
    }

    /// A free target is taken at once, also by a generation that is to run later.
    fn first_wait(&mut self, request: &Accept) -> Wait {
        if let Some(target) = &request.target {
            let key = (request.scope.workspace, target.clone());
            if self.live_targets.contains_key(&key) {
                return Wait::Target;
            }
            self.live_targets.insert(key, request.generation);
        }
        match request.run_at {
            Some(until) if until > request.at => Wait::Scheduled { until },
            Some(_) | None => Wait::Ready,
        }
    }

    fn write_slot(&mut self, request: &Accept) -> DraftId {
        match &request.slot {
            Slot::New { draft, title, external_id } => {
                let row = DraftRow {
                    id: *draft,
                    user: request.user,
                    user_external: String::new(),
                    recipe: request.recipe.clone(),
                    title: title.clone(),
                    status: DraftStatus::Pending,
                    review: Review::None,
                    review_reason: None,
                    current_version: 0,
                    versions: 0,
                    live_generation: Some(request.generation),
                    external_id: external_id.clone(),
                    revision: 1,
                    created_at: request.at,
                    updated_at: request.at,
                    generated_at: None,
                    published_at: None,
                    deleted_at: None,
                };
                self.drafts.insert(*draft, Draft { scope: request.scope, row });
                *draft
            }
            Slot::Existing(id) => {
                if let Some(draft) = self.drafts.get_mut(id) {
                    draft.row.live_generation = Some(request.generation);
                    if draft.row.versions == 0 {
                        draft.row.status = DraftStatus::Pending;
                    }
                    draft.row.revision += 1;
                    draft.row.updated_at = request.at;
                }
                *id
            }
        }
    }

    fn write_hold(&mut self, request: &Accept) {
        if request.hold.is_zero() {
            return;
        }
        let owner = (request.scope.workspace, request.user);
        let (id, hold) = (request.hold_id, request.hold);
        self.write_transfer(Transfer::of_generation(
            id,
            owner,
            TransferKind::Hold,
            hold,
            request.generation,
            request.at,
        ));
    }
}

fn name(workspace: WorkspaceId, key: &Idempotency) -> (WorkspaceId, String, String, String) {
    (workspace, key.owner.clone(), key.route.clone(), key.key.clone())
}

pub(super) fn facts(row: &DraftRow) -> DraftFacts {
    DraftFacts { status: row.status, has_version: row.versions > 0, busy: row.live_generation.is_some() }
}
