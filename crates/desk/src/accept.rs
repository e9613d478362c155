//! Accepting a request: everything that can be wrong with it is said before anything is written; then draft, generation,
//! queue row, hold, idempotency row and event are written together, or nothing is.

use crate::batch::Collector;
use crate::bound::Asked;
use crate::desk::{Desk, Inner};
use crate::error::{DeskError, Fault};
use crate::extend::too_far;
use crate::making::{maker, pictures_in};
use crate::revise::Revising;
use copydesk_core::access::Permit;
use copydesk_core::generation::fairness::Priority;
use copydesk_core::generation::{Decision, Generation, State, Status};
use copydesk_core::ledger::{Price, TransferKind};
use copydesk_core::recipe::revision::keep;
use copydesk_core::recipe::{ModelRef, Params, Recipe, StepKind};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, KeyId, NanoUsd, Timestamp, TransferId, UserId};
use copydesk_providers::{Registry, UnknownModel};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::{Accept, Accepted, Idempotency, Slot};
use copydesk_store::jobs::ForItem;
use copydesk_store::once::Once;
use copydesk_store::{Scope, Store, StoreError};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::Notify;

pub use crate::again::Again;
pub(crate) use crate::again::again;

/// What the collector answers for one request.
pub(crate) type AcceptDesk = Result<Result<Accepted, Refusal>, StoreError>;

/// The user of a request that names none.
pub const ANONYMOUS: &str = "anonymous";
/// Longest external id, target, dedupe key, idempotency key or user name. Units: bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// Largest `metadata` of a request. Units: bytes of compact JSON.
pub const METADATA_BYTES_MAX: usize = 16 * 1024;

/// A request as it arrives from any edge.
#[derive(Clone, Debug)]
pub struct Request {
    pub scope: Scope,
    /// What the key that asks may do.
    pub permit: Arc<Permit>,
    pub recipe: String,
    /// `provider/model`; `None` takes the first of the recipe's route.
    pub model: Option<String>,
    pub input: Value,
    /// The fields of the input that profiles and sources filled.
    pub filled: Vec<String>,
    /// Whatever the application calls its user.
    pub user: Option<String>,
    /// The key that asks; `None` where nobody needs one.
    pub key: Option<KeyId>,
    pub target: Option<String>,
    pub dedupe_key: Option<String>,
    pub external_id: Option<String>,
    /// Fill this draft once more instead of making a new one.
    pub draft: Option<DraftId>,
    pub priority: i16,
    pub run_at: Option<Timestamp>,
    pub deadline: Option<Timestamp>,
    /// The most it may cost the operator, over all steps, attempts and models.
    pub max_cost: Option<NanoUsd>,
    /// What it changes of the recipe's parameters, as an object; `null` is nothing.
    pub params: Value,
    /// Only this part of the draft is written anew.
    pub revision: Option<Arc<Revising>>,
    pub metadata: Value,
    pub idempotency: Option<Idempotency>,
    /// Where its own events are sent besides.
    pub webhook: Option<AskedHook>,
    /// The item of a job it is for.
    pub job: Option<ForItem>,
    /// Only if no draft has the external id yet.
    pub once: bool,
    /// It follows this draft up, which was sent: that one and those before it are in nobody's way.
    pub after: Option<DraftId>,
}

/// An address for the events of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedHook {
    pub url: String,
    /// Kinds, beginnings of kinds, or the words of other systems; all when there are none.
    pub events: Vec<String>,
}

impl Request {
    pub fn new(recipe: impl Into<String>, input: Value) -> Request {
        Request {
            scope: Scope::DEFAULT,
            permit: Arc::new(Permit::owner()),
            recipe: recipe.into(),
            model: None,
            input,
            filled: Vec::new(),
            user: None,
            key: None,
            target: None,
            dedupe_key: None,
            external_id: None,
            draft: None,
            priority: 0,
            run_at: None,
            deadline: None,
            max_cost: None,
            params: Value::Null,
            revision: None,
            metadata: Value::Object(serde_json::Map::new()),
            idempotency: None,
            webhook: None,
            job: None,
            once: false,
            after: None,
        }
    }

    /// The name that no draft may have yet, where there is one.
    fn sole(&self) -> Option<Once> {
        let external_id = self.external_id.clone().filter(|_| self.once)?;
        Some(Once { external_id, user: self.scope.user, after: self.after })
    }
}

/// An accepted request: new, or the one it repeats.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub generation: GenerationId,
    pub draft: DraftId,
    pub user: UserId,
    pub accepted: Accepted,
}

pub(crate) fn collector(store: Arc<dyn Store>, wake: Arc<Notify>) -> Collector<Accept, AcceptDesk> {
    Collector::start(move |batch: Vec<Accept>| {
        let (store, wake) = (Arc::clone(&store), Arc::clone(&wake));
        Box::pin(async move {
            let answers = match store.accept(batch.clone()).await {
                // Nothing was written, and only one of them may be to blame.
                Err(StoreError::Corrupt(why)) if batch.len() > 1 => {
                    tracing::error!(
                        requests = batch.len(),
                        why,
                        "The store refuses the batch; its requests are tried one by one"
                    );
                    let mut answers = Vec::with_capacity(batch.len());
                    for request in batch {
                        let answer = store.accept(vec![request.clone()]).await;
                        answers.extend(answered(store.as_ref(), &[request], answer).await);
                    }
                    answers
                }
                answer => answered(store.as_ref(), &batch, answer).await,
            };
            wake.notify_one();
            answers
        })
    })
}

/// One answer for each request of the batch.
async fn answered(
    store: &dyn Store,
    batch: &[Accept],
    answer: Result<Vec<Result<Accepted, Refusal>>, StoreError>,
) -> Vec<AcceptDesk> {
    match answer {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(StoreError::CommitUnknown(why)) => read_back(store, batch, &why).await,
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Nobody knows whether the batch was written, so the store is asked: what is there was accepted. For the others the
/// doubt stays, and their callers are told.
async fn read_back(store: &dyn Store, batch: &[Accept], why: &str) -> Vec<AcceptDesk> {
    let mut answers = Vec::with_capacity(batch.len());
    for request in batch {
        answers.push(match store.get(request.scope, request.generation).await {
            Ok(row) => Ok(Ok(Accepted::New { generation: request.generation, draft: row.draft })),
            Err(_) => Err(StoreError::CommitUnknown(why.to_owned())),
        });
    }
    answers
}

impl Desk {
    /// Makes a request durable and returns its ids. The work itself goes on without the caller.
    pub async fn accept(&self, mut request: Request) -> Result<Receipt, DeskError> {
        if self.inner.draining() {
            return Err(DeskError::Draining);
        }
        self.fill(&mut request).await?;
        let (scope, user, key) = (request.scope, user_of(&request), request.idempotency.clone());
        let hooked = self.check_request_hook(&request).await;
        let accepted = match hooked.and_then(|()| self.rehearse(request)) {
            Ok(order) => self.submit(order).await?,
            // What was right when it was accepted (a deadline, a model) may be wrong by now. A repeat is still a repeat.
            Err(wrong) => self.replay(scope, key).await?.ok_or(wrong)?,
        };
        let (generation, draft) = accepted.ids();
        Ok(Receipt { generation, draft, user, accepted })
    }

    async fn submit(&self, order: Accept) -> Result<Accepted, DeskError> {
        let hold = order.hold;
        let answer = self.inner.accepts.submit(order).await.map_err(unanswered)??;
        match &answer {
            Ok(Accepted::New { .. }) => self.inner.metrics.moved(TransferKind::Hold, hold),
            Err(Refusal::BudgetExceeded(_)) => self.inner.metrics.refused_by_budget(),
            Ok(Accepted::Duplicate { .. } | Accepted::Replayed { .. }) | Err(_) => {}
        }
        Ok(answer?)
    }

    /// Makes an order durable that was checked by [`Desk::rehearse`], and answers with its generation.
    pub(crate) async fn place(&self, order: Accept) -> Result<GenerationId, DeskError> {
        if self.inner.draining() {
            return Err(DeskError::Draining);
        }
        Ok(self.submit(order).await?.ids().0)
    }

    /// What the request with this key was answered before.
    pub(crate) async fn replay(&self, scope: Scope, key: Option<Idempotency>) -> Result<Option<Accepted>, DeskError> {
        match key {
            Some(key) => Ok(self.store().replay(scope, key, self.inner.now()).await?),
            None => Ok(None),
        }
    }

    /// What `accept` would write for this request: everything in it is checked, nothing is written, its ids are not kept.
    pub fn rehearse(&self, mut request: Request) -> Result<Accept, DeskError> {
        self.inner.for_own_user(&mut request)?;
        if !self.inner.config.generation {
            return Err(DeskError::Refused(Refusal::GenerationPaused { since: self.inner.opened_at }));
        }
        let recipe = self.recipe(&request.recipe)?;
        self.inner.allowed(&request, &recipe.recipe)?;
        let recipe = match &request.revision {
            Some(revising) => revising.recipe(&recipe)?,
            None => recipe,
        };
        self.order(request, &recipe)
    }

    /// Another version for a draft: the same recipe and input as the generation that filled it last, unless told otherwise;
    /// or a part of it, and the rest as it stands.
    pub async fn regenerate(&self, scope: Scope, draft: DraftId, change: Again) -> Result<Receipt, DeskError> {
        let key = change.idempotency.clone();
        let request = match self.regeneration(scope, draft, change).await {
            Ok(request) => request,
            // The version it started from may be gone by now. A repeat is still a repeat.
            Err(wrong) => {
                let accepted = self.replay(scope, key).await?.ok_or(wrong)?;
                let ((generation, draft), user) = (accepted.ids(), self.store().get_draft(scope, draft).await?.user);
                return Ok(Receipt { generation, draft, user, accepted });
            }
        };
        self.accept(request).await
    }

    pub(crate) async fn regeneration(
        &self,
        scope: Scope,
        draft: DraftId,
        mut change: Again,
    ) -> Result<Request, DeskError> {
        if let Some(asked) = change.part.take() {
            return self.part_of(scope, draft, asked, change).await;
        }
        self.store().get_draft(scope, draft).await?;
        let filter = copydesk_store::generations::GenerationFilter { draft: Some(draft), ..Default::default() };
        let page = self.store().list(scope, filter, copydesk_store::PageRequest::newest(1)).await?;
        let last = page
            .rows
            .first()
            .ok_or_else(|| DeskError::NotFound { what: "generation of draft", id: draft.to_string() })?;
        again(scope, self.store().get(scope, last.generation.id).await?, change)
    }

    /// Tries a failed or cancelled generation again: a new one, with a new hold, for the same draft.
    pub async fn retry(&self, scope: Scope, id: GenerationId, change: Again) -> Result<Receipt, DeskError> {
        let row = self.store().get(scope, id).await?;
        let accepted = match row.status() {
            Status::Failed | Status::Cancelled => return self.accept(self.once_more(scope, row, change).await?).await,
            // It is live: there is nothing to try again, the running one is the answer, which the store gives for its
            // draft and remembers with the key.
            Status::Pending | Status::Processing if change.idempotency.is_some() => {
                return self.accept(self.once_more(scope, row, change).await?).await;
            }
            Status::Pending | Status::Processing => {
                Accepted::Duplicate { generation: row.generation.id, draft: row.draft }
            }
            Status::Completed => {
                let refusal = Refusal::AlreadyTerminal { status: row.status() };
                self.replay(scope, change.idempotency).await?.ok_or(refusal)?
            }
        };
        let (generation, draft) = accepted.ids();
        Ok(Receipt { generation, draft, user: row.user, accepted })
    }

    pub(crate) fn recipe(&self, name: &str) -> Result<Arc<LoadedRecipe>, DeskError> {
        self.inner.shelf.get(name).ok_or_else(|| DeskError::UnknownRecipe {
            given: name.to_owned(),
            known: self.inner.shelf.names().into_iter().map(str::to_owned).collect(),
        })
    }

    /// Checks everything, then draws ids and times.
    fn order(&self, request: Request, loaded: &LoadedRecipe) -> Result<Accept, DeskError> {
        let recipe = &loaded.recipe;
        let input = request.input.to_string();
        let mut faults = name_faults(&request);
        faults.extend(input_faults(&request, input.len(), loaded));
        let priority = Priority::new(request.priority).unwrap_or_else(|| {
            faults.push(Fault::new(
                "/priority",
                "out_of_range",
                format!("it must be {} to {}", Priority::MIN, Priority::MAX),
            ));
            Priority::default()
        });
        let now = self.inner.now();
        let deadline_at = self.deadline(&request, recipe, now, &mut faults);
        let (model, models) = self.model(request.model.as_deref(), recipe, &mut faults)?;
        self.check_making(recipe, &request, &mut faults);
        let webhook = self.request_hook(&request, &mut faults);
        let params = params(&request, recipe, &mut faults);
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        let price = self.price(recipe, request.model.as_ref().map(|_| &model), now)?;
        let ask = Asked { loaded, input: &request.input, params: &params };
        let bound = self.bounded(&request, ask, &model, now)?;
        let (user, world) = (user_of(&request), &self.inner.world);
        let dedupe_key = dedupe_key(&request, recipe, &params, user, &input);
        let once = request.sole();
        let slot = match request.draft {
            Some(draft) => Slot::Existing(draft),
            None => Slot::New {
                draft: DraftId(world.uuid(now)),
                title: recipe.title.clone(),
                external_id: request.external_id,
            },
        };
        Ok(Accept {
            scope: request.scope,
            at: now,
            generation: GenerationId(world.uuid(now)),
            slot,
            user,
            user_external: request.user.unwrap_or_else(|| ANONYMOUS.to_owned()),
            key: request.key,
            recipe: recipe.name.clone(),
            recipe_version: recipe.version.clone(),
            model,
            step: recipe.steps[0].operation(),
            input,
            filled: (!request.filled.is_empty()).then(|| Value::from(request.filled).to_string()),
            metadata: request.metadata.to_string(),
            target: request.target,
            dedupe_key,
            idempotency: request.idempotency,
            priority,
            run_at: request.run_at.filter(|at| *at > now),
            deadline_at,
            attempt_timeout: recipe.limits.attempt_timeout.min(self.inner.config.attempt_timeout),
            max_attempts: recipe.limits.attempts_max * models,
            attempts_per_model: recipe.limits.attempts_max,
            hold: price.hold(),
            metered: price.metered(),
            cost_max: request.max_cost,
            params: keep(&params, request.revision.as_ref().map(|it| &it.revision)),
            hold_id: TransferId(world.uuid(now)),
            bound,
            webhook,
            job: request.job,
            once,
        })
    }

    /// Every model that may be tried must be able to make what the recipe's last step makes.
    fn check_making(&self, recipe: &Recipe, request: &Request, faults: &mut Vec<Fault>) {
        let Some(step) = recipe.steps.last().filter(|step| step.kind.makes_media()) else { return };
        let asked =
            request.model.as_ref().filter(|name| name.parse::<ModelRef>().is_ok()).map(|name| vec![name.clone()]);
        for address in asked.unwrap_or_else(|| route(recipe, &self.inner.providers)) {
            let Ok((provider, _)) = self.inner.providers.resolve(&address) else { continue };
            if let Err(lack) = maker(provider.as_ref(), step) {
                faults.push(Fault::new("/model", "cannot_serve", lack.sentence(&address, step)));
            }
        }
        if let StepKind::Media { pictures_from: Some(property), .. } = &step.kind
            && let Err(what) = pictures_in(&request.input, Some(property))
        {
            faults.push(Fault::new(format!("/input/{property}"), "not_a_picture", what));
        }
    }

    /// What is agreed on; nothing while credits are off. A price that follows from the cost needs the price of every
    /// model that may serve: the `only` one, or those of the route.
    fn price(&self, recipe: &Recipe, only: Option<&String>, now: Timestamp) -> Result<Price, DeskError> {
        if !self.inner.config.credits {
            return Ok(Price::default());
        }
        if recipe.price.metered().is_some() {
            let providers = &self.inner.providers;
            let models = only.map_or_else(|| route(recipe, providers), |only| vec![only.clone()]);
            if let Some(model) = models.into_iter().find(|model| !providers.is_priced(model, now)) {
                return Err(DeskError::UnpricedModel { recipe: recipe.name.clone(), model });
            }
        }
        Ok(recipe.price)
    }

    fn deadline(&self, request: &Request, recipe: &Recipe, now: Timestamp, faults: &mut Vec<Fault>) -> Timestamp {
        let start = request.run_at.map_or(now, |at| at.max(now));
        let deadline = request
            .deadline
            .unwrap_or_else(|| start.plus(recipe.limits.deadline.unwrap_or(self.inner.config.deadline)));
        if deadline <= start {
            faults.push(Fault::new(
                "/deadline",
                "in_the_past",
                format!("{deadline} leaves no time: it must lie after {start}"),
            ));
        }
        if let Some(fault) = too_far(deadline, start) {
            faults.push(Fault::new("/deadline", "too_far", fault));
        }
        deadline
    }

    /// The model of the first call, and how many models may be tried. A model asked for by name is the only one.
    fn model(&self, asked: Option<&str>, recipe: &Recipe, faults: &mut Vec<Fault>) -> Result<(String, u32), DeskError> {
        let unknown = |reason: UnknownModel| DeskError::UnknownModel { reason: reason.to_string() };
        let Some(name) = asked else {
            let route = route(recipe, &self.inner.providers);
            return match route.first() {
                Some(model) => Ok((model.clone(), u32::try_from(route.len()).unwrap_or(1))),
                None => Err(self.inner.providers.resolve(&recipe.route[0].to_string()).err().map_or_else(
                    || DeskError::UnknownModel { reason: "The route of the recipe is empty.".to_owned() },
                    unknown,
                )),
            };
        };
        match name.parse::<ModelRef>() {
            Ok(model) => {
                let model = model.to_string();
                self.inner.providers.resolve(&model).map_err(unknown)?;
                Ok((model, 1))
            }
            Err(bad) => {
                faults.push(Fault::new("/model", "bad_model", bad.to_string()));
                Ok((String::new(), 1))
            }
        }
    }
}

/// The recipe's models that are set up here, in order.
pub(crate) fn route(recipe: &Recipe, providers: &Registry) -> Vec<String> {
    let models = recipe.route.iter().map(ToString::to_string);
    models.filter(|model| providers.resolve(model).is_ok()).collect()
}

/// The model of the next attempt, when the used-up attempts move a generation on along its recipe's route.
pub(crate) fn next_model(inner: &Inner, recipe: &str, before: &Generation, decision: &Decision) -> Option<String> {
    let place = before.terms.place(decision.spent);
    if !matches!(decision.next, State::Pending { .. }) || place == before.terms.place(before.spent) {
        return None;
    }
    let loaded = inner.shelf.get(recipe)?;
    route(&loaded.recipe, &inner.providers).into_iter().nth(place as usize)
}

pub(crate) fn user_of(request: &Request) -> UserId {
    UserId::from_external(request.scope.workspace, request.user.as_deref().unwrap_or(ANONYMOUS))
}

fn unanswered(gone: crate::batch::Gone) -> DeskError {
    DeskError::Store(StoreError::CommitUnknown(gone.to_string()))
}

/// Unique while a generation with it is live. The caller's own key if there is one; else, for recipes that ask for it,
/// user, recipe, the model if one is asked for by name, changed parameters, and target or input: who asks two models the same wants two
/// answers. A request for an existing draft needs none: the draft itself is the lock.
fn dedupe_key(request: &Request, recipe: &Recipe, params: &Params, user: UserId, input: &str) -> Option<String> {
    if let Some(key) = &request.dedupe_key {
        // Whose generations a key sees must not be found out by what another user called his.
        return Some(match request.scope.user {
            None => format!("own:{key}"),
            Some(user) => format!("own@{user}:{key}"),
        });
    }
    if request.draft.is_some() || !recipe.dedupe {
        return None;
    }
    let what = match &request.target {
        Some(target) => format!("target:{target}"),
        None => hex(&Sha256::digest(input.as_bytes())),
    };
    // Quoted, because names of models may hold any sign.
    let asked = request.model.as_ref().map(|model| format!("@{model:?}")).unwrap_or_default();
    let changed =
        params.to_text().map(|text| format!("#{}", hex(&Sha256::digest(text.as_bytes())))).unwrap_or_default();
    Some(format!("auto:{user}:{}{asked}{changed}:{what}", recipe.name))
}

/// What is wrong with the input, whose compact JSON has so many bytes.
fn input_faults(request: &Request, bytes: usize, loaded: &LoadedRecipe) -> Vec<Fault> {
    let of_schema = loaded.validate(&request.input).err().unwrap_or_default().into_iter();
    let mut faults: Vec<Fault> = of_schema
        .map(|fault| {
            let field = fault.pointer.split('/').nth(1).unwrap_or_default();
            let of_profile = request.filled.iter().any(|filled| filled == field);
            let whence = if of_profile { " (a profile says it, the request does not)" } else { "" };
            Fault::new(format!("/input{}", fault.pointer), fault.code, format!("{}{whence}", fault.detail))
        })
        .collect();
    let max = loaded.recipe.limits.input_bytes_max;
    if bytes > max {
        faults.push(Fault::new("/input", "too_large", format!("it has {bytes} bytes; at most {max} are allowed")));
    }
    faults
}

/// What the request changes of the recipe's parameters.
fn params(request: &Request, recipe: &Recipe, faults: &mut Vec<Fault>) -> Params {
    Params::read(&request.params, recipe, &request.input).unwrap_or_else(|wrong| {
        faults.extend(wrong.into_iter().map(|fault| {
            let pointer = if fault.name.is_empty() { "/params".to_owned() } else { format!("/params/{}", fault.name) };
            Fault::new(pointer, fault.code, fault.detail)
        }));
        Params::default()
    })
}

fn name_faults(request: &Request) -> Vec<Fault> {
    let mut faults = Vec::new();
    let names = [
        ("/user", &request.user),
        ("/target", &request.target),
        ("/dedupe_key", &request.dedupe_key),
        ("/external_id", &request.external_id),
    ];
    let names = names.into_iter().filter_map(|(pointer, name)| Some((pointer, name.as_ref()?)));
    let key = request.idempotency.iter().map(|idempotency| ("/idempotency_key", &idempotency.key));
    for (pointer, name) in names.chain(key) {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            faults.push(Fault::new(pointer, "bad_length", format!("it must have 1 to {NAME_BYTES_MAX} bytes")));
        }
        if name.contains('\0') {
            faults.push(Fault::new(pointer, "bad_character", "it contains a NUL character"));
        }
    }
    for (pointer, value) in [("/input", &request.input), ("/metadata", &request.metadata)] {
        if let Some(at) = nul_in(value, pointer) {
            faults.push(Fault::new(at, "bad_character", "it contains a NUL character"));
        }
    }
    if !request.metadata.is_object() {
        faults.push(Fault::new("/metadata", "wrong_type", "it must be an object"));
    } else if request.metadata.to_string().len() > METADATA_BYTES_MAX {
        faults.push(Fault::new("/metadata", "too_large", format!("at most {METADATA_BYTES_MAX} bytes are allowed")));
    }
    faults
}

/// The pointer of the first text with a NUL, which no database here stores alike.
fn nul_in(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(|| pointer.to_owned()),
        Value::Array(items) => items.iter().enumerate().find_map(|(n, item)| nul_in(item, &format!("{pointer}/{n}"))),
        Value::Object(fields) => fields.iter().find_map(|(key, item)| {
            if key.contains('\0') { Some(pointer.to_owned()) } else { nul_in(item, &format!("{pointer}/{key}")) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
