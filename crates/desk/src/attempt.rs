//! One attempt: render the prompt, call the model, judge the answer, and hand the decision to the turn loop. Whatever
//! happens inside, exactly one ending leaves here, and every call that was opened is closed with its figures.

use crate::desk::Inner;
use crate::figures;
use crate::live::Running;
use crate::witness::Witness;
use crate::work::Outgoing;
use copydesk_core::generation::event::{FallbackReason, Success};
use copydesk_core::generation::{
    AttemptNo, Effect, Event, Failure, FailureCode, FaultOf, Generation, State, Verdict, transition,
};
use copydesk_core::health::{Cooling, Debt, Subject};
use copydesk_core::ledger::price;
use copydesk_core::metering::price::Price;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::recipe::{self, Content, Fallback, PromptMessage, Role};
use copydesk_core::{CallId, GenerationId, NanoUsd, Tokens};
use copydesk_providers::{Answer, CallReport, CallRequest, Finish, Message, Provider, Timeouts};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::{Applied, Change, Claimed, Fence, FinishedStep, Lane, NewContent, Write};
use copydesk_store::usage::{ClosedCall, OpenCall};
use futures::FutureExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How an attempt ended, before the core decides what that means.
struct Ending {
    event: Event,
    content: Option<NewContent>,
    closes: ClosedCall,
}

/// The slot of an attempt. However the attempt ends, also by a panic while it ends, its slot comes free exactly once.
struct Slot {
    inner: Arc<Inner>,
    generation: GenerationId,
    attempt: AttemptNo,
    write: Option<Write>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.inner.live.end(self.generation, self.attempt);
        let write = self.write.take();
        // The loop outlives all attempts; it ends only when none is left.
        drop(self.inner.outgoing.send(Outgoing { write, reply: None, ended: true, generation: self.generation }));
    }
}

/// Runs a claimed generation to the end of this attempt.
pub(crate) async fn run(inner: Arc<Inner>, claimed: Claimed, running: Running) {
    let (id, number) = (claimed.generation.id, claimed.generation.attempt);
    let mut slot = Slot { inner: Arc::clone(&inner), generation: id, attempt: number, write: None };
    let opened = inner.world.steady();
    let mut attempt = Attempt {
        inner,
        claimed,
        running,
        opened,
        prompt_bytes: 0,
        text_before: 0,
        price: None,
        call: Call::Opened,
        odd_finish: None,
        witness: Witness::default(),
    };
    let ending = match AssertUnwindSafe(attempt.work()).catch_unwind().await {
        Ok(ending) => ending,
        Err(panic) => {
            let what =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            let failure = Failure::new(FailureCode::Internal, "Something inside Copydesk broke while working on this.")
                .with_detail(what.unwrap_or("a panic without a message"));
            tracing::error!(generation = %id, detail = failure.detail, "An attempt panicked");
            Some(attempt.failed(failure, None))
        }
    };
    slot.write = ending.map(|ending| attempt.decide(ending));
}

struct Attempt {
    inner: Arc<Inner>,
    claimed: Claimed,
    running: Running,
    /// When the open call was opened, on the steady clock.
    opened: Duration,
    prompt_bytes: u64,
    /// How much of the live text belongs to the calls before this one. Units: bytes.
    text_before: usize,
    price: Option<Price>,
    call: Call,
    /// The reason the last answer ended with, where nobody knows it: its text is taken, and marked.
    odd_finish: Option<String>,
    /// What the last call said of its model.
    witness: Witness,
}

/// How far the open call has come; it decides what is put on the books when the attempt ends here.
enum Call {
    /// The intent is written; nothing has left.
    Opened,
    /// With the provider. Whatever cuts it off now, it may be billed.
    Sent,
    /// It came back with these figures.
    Back(Box<ClosedCall>),
}

/// What became of one call.
enum Called {
    Reported(Box<CallReport>),
    Stopped,
    OutOfTime,
}

impl Attempt {
    /// The steps in order. `None` means that the lease was lost on the way: somebody else has it, and it was booked.
    async fn work(&mut self) -> Option<Ending> {
        if let Some(cooling) = self.claimed.cooling.take() {
            return Some(self.passed_over(&cooling));
        }
        let Some(loaded) = self.inner.shelf.get(&self.claimed.recipe) else {
            let name = &self.claimed.recipe;
            return Some(self.broken(format!("The recipe {name:?} is not installed any more.")));
        };
        if !self.steps_fit(&loaded) {
            let name = &self.claimed.recipe;
            return Some(
                self.broken(format!("The steps of the recipe {name:?} were changed while this was in progress.")),
            );
        }
        let input: Value = match serde_json::from_str(&self.claimed.input) {
            Ok(input) => input,
            Err(error) => return Some(self.broken(format!("The stored input cannot be read: {error}."))),
        };
        if self.claimed.steps.is_empty()
            && let Some(fallback) = loaded.before_call(&input)
        {
            return Some(self.fallback_before_call(&loaded, fallback));
        }
        loop {
            let index = self.claimed.steps.len();
            let answer = match self.step(&loaded, index, &input).await {
                Ok(answer) => answer,
                Err(ending) => return Some(*ending),
            };
            if index + 1 == loaded.recipe.steps.len() {
                return Some(self.judge(&loaded, &input, &answer));
            }
            if !self.checkpoint(&loaded, index, answer).await {
                return None;
            }
        }
    }

    /// Whether the finished steps are the first ones of the recipe as it is now, with at least one to go.
    fn steps_fit(&self, loaded: &LoadedRecipe) -> bool {
        let (done, planned) = (&self.claimed.steps, &loaded.recipe.steps);
        done.len() < planned.len() && done.iter().zip(planned).all(|(done, planned)| done.name == planned.name)
    }

    /// One call of the model, judged as far as a step can be.
    async fn step(&mut self, loaded: &LoadedRecipe, index: usize, input: &Value) -> Result<String, Box<Ending>> {
        let step = &loaded.recipe.steps[index];
        let (provider, model) = match self.inner.providers.resolve(&self.claimed.model) {
            Ok(found) => found,
            Err(unknown) => return Err(Box::new(self.broken(unknown.to_string()))),
        };
        self.price = provider.catalogue().price_at(&model, self.inner.now());
        let outputs: Vec<String> = self.claimed.steps.iter().map(|step| step.output.clone()).collect();
        let prompt = match loaded.render_step(index, input, &outputs) {
            Ok(prompt) => prompt,
            Err(error) => return Err(Box::new(self.broken(error.to_string()))),
        };
        self.prompt_bytes = prompt.iter().map(|message| message.text.len() as u64).sum();
        let request = CallRequest {
            max_output_tokens: loaded.output_tokens_max(index, input),
            temperature: step.temperature.map(|degrees| degrees as f32),
            stream: true,
            timeouts: Timeouts { total: self.time_left(), ..Timeouts::default() },
            ..CallRequest::new(self.claimed.call, model, prompt.into_iter().map(message).collect())
        };
        if self.running.stop.is_cancelled() {
            return Err(Box::new(self.stopped()));
        }
        self.call = Call::Sent;
        self.witness = Witness::of(self.inner.now());
        let report = match self.call(provider.as_ref(), &request).await {
            Called::Reported(report) => report,
            Called::Stopped => return Err(Box::new(self.stopped())),
            Called::OutOfTime => return Err(Box::new(self.out_of_time())),
        };
        let took = self.took();
        let closed =
            figures::close(self.claimed.call, &report, self.prompt_bytes, self.price.as_ref(), provider.name(), took);
        self.call = Call::Back(Box::new(closed));
        let failure = match report.result {
            Ok(answer) => {
                self.witness.answered();
                match answer.shortfall().or_else(|| self.unusable_step(loaded, index, &answer, input)) {
                    None => {
                        self.note_odd_finish(&answer);
                        return Ok(answer.text);
                    }
                    Some(failure) => failure,
                }
            }
            Err(error) => {
                let failure = error.failure(provider.name());
                self.blame(&failure);
                failure
            }
        };
        Err(Box::new(self.failed(failure, None)))
    }

    /// An earlier step's answer that later steps cannot build on. The last one is judged by [`Attempt::judge`], which
    /// knows about fallbacks.
    fn unusable_step(&self, loaded: &LoadedRecipe, index: usize, answer: &Answer, input: &Value) -> Option<Failure> {
        if index + 1 == loaded.recipe.steps.len() {
            return None;
        }
        let why = loaded.check_answer(index, &answer.text, input).err()?;
        Some(Failure::new(FailureCode::OutputInvalid, why.to_string()))
    }

    /// An end that is neither good nor bad by its word is never passed over in silence.
    fn note_odd_finish(&mut self, answer: &Answer) {
        self.odd_finish = match &answer.finish {
            Finish::Unknown(word) => Some(if word.is_empty() { "none".to_owned() } else { word.clone() }),
            Finish::Stop | Finish::Length | Finish::ContentFilter | Finish::ToolCalls => None,
        };
        if let Some(word) = &self.odd_finish {
            let (id, model) = (self.claimed.generation.id, &self.claimed.model);
            tracing::warn!(generation = %id, model, finish = word, "the answer ended for a reason nobody knows; it is kept");
        }
    }

    async fn call(&self, provider: &dyn Provider, request: &CallRequest) -> Called {
        tokio::select! {
            biased;
            () = self.running.stop.cancelled() => Called::Stopped,
            report = provider.call(request, self.running.text.as_ref()) => Called::Reported(Box::new(report)),
            () = self.inner.world.sleep(self.time_left()) => Called::OutOfTime,
        }
    }

    /// Writes the finished step and opens the next call, and waits until both are durable.
    async fn checkpoint(&mut self, loaded: &LoadedRecipe, index: usize, output: String) -> bool {
        let recipe = &loaded.recipe;
        let now = self.inner.now();
        let next = OpenCall {
            id: CallId(self.inner.world.uuid(now)),
            step: recipe.steps[index + 1].name.clone(),
            model: self.claimed.model.clone(),
        };
        let closes = self.closes(CallOutcome::Failed);
        let done = FinishedStep { name: recipe.steps[index].name.clone(), output, cost: closes.cost };
        let event = Event::StepFinished { attempt: self.claimed.generation.attempt };
        let Ok(Verdict::Change(decision)) = transition(&self.claimed.generation, &event, now) else {
            return false;
        };
        let (state, row_version) = (decision.next.clone(), decision.row_version);
        let change = Change {
            decision,
            sign: self.witness.sign(&self.claimed.model),
            debts: self.debts(&closes, 1),
            closes: Some(closes),
            opens: Some(next.clone()),
            step: Some(done.clone()),
            ..self.change_at(now)
        };
        let (reply, applied) = oneshot::channel();
        let write = Some(Write::Change(Box::new(change)));
        let generation = self.claimed.generation.id;
        drop(self.inner.outgoing.send(Outgoing { write, reply: Some(reply), ended: false, generation }));
        if !matches!(applied.await, Ok(Applied::Done { .. })) {
            return false;
        }
        self.claimed.generation.state = state;
        self.claimed.generation.row_version = row_version;
        self.claimed.steps.push(done);
        self.claimed.call = next.id;
        self.call = Call::Opened;
        self.witness = Witness::default();
        self.text_before = self.running.text.bytes();
        self.opened = self.inner.world.steady();
        true
    }

    /// The last answer becomes the content, or the recipe's honest fallback, or a failed attempt.
    fn judge(&self, loaded: &LoadedRecipe, input: &Value, answer: &str) -> Ending {
        match loaded.parse_output(answer, input) {
            Ok(content) => {
                let closes = self.closes(CallOutcome::Ok);
                Ending {
                    event: Event::AttemptSucceeded {
                        attempt: self.claimed.generation.attempt,
                        success: Success::Generated,
                        cost: self.cost(&closes),
                    },
                    content: Some(self.content(loaded, &content)),
                    closes,
                }
            }
            Err(why) => {
                let failure = Failure::new(FailureCode::OutputInvalid, why.to_string());
                let fallback = loaded.fallback(input, recipe::FallbackReason::UnparsableAnswer);
                self.failed(failure, fallback.map(|fallback| (loaded, fallback)))
            }
        }
    }

    /// What the calls cost whose output is in the result. Those of failed attempts are the operator's.
    fn cost(&self, last: &ClosedCall) -> Option<NanoUsd> {
        price::total(self.claimed.steps.iter().map(|step| step.cost).chain([last.cost]))
    }

    fn fallback_before_call(&self, loaded: &LoadedRecipe, fallback: Fallback) -> Ending {
        Ending {
            event: Event::AttemptSucceeded {
                attempt: self.claimed.generation.attempt,
                success: Success::Fallback(FallbackReason(fallback.reason_code.to_owned())),
                cost: None,
            },
            content: Some(self.content(loaded, &fallback.content)),
            closes: self.closes(CallOutcome::NotSent),
        }
    }

    /// A failed attempt. Its reason stands beside the call too, because that is what is shown while it is tried again.
    fn failed(&self, failure: Failure, fallback: Option<(&LoadedRecipe, Fallback)>) -> Ending {
        let mut closes = self.closes(CallOutcome::Failed);
        if closes.error.is_none() {
            closes.error = Some((failure.code.as_str().to_owned(), failure.message.clone()));
        }
        if fallback.is_none() && failure.code.retryable() && self.past_deadline() {
            // What would have been tried again ended with the deadline, whoever noticed first.
            return Ending { event: Event::DeadlinePassed, content: None, closes };
        }
        let reason = fallback.as_ref().map(|(_, fallback)| FallbackReason(fallback.reason_code.to_owned()));
        Ending {
            event: Event::AttemptFailed {
                attempt: self.claimed.generation.attempt,
                failure,
                jitter: self.inner.world.jitter(),
                fallback: reason,
            },
            content: fallback.map(|(loaded, fallback)| self.content(loaded, &fallback.content)),
            closes,
        }
    }

    /// Our own side is wrong: another attempt would find the same.
    fn broken(&self, sentence: String) -> Ending {
        self.failed(Failure::new(FailureCode::ProviderRejected, sentence).for_good(), None)
    }

    fn stopped(&self) -> Ending {
        // Cancelled by its owner: the store has the end already, this one comes late and only its figures count.
        Ending {
            event: Event::HandedBack { attempt: self.claimed.generation.attempt },
            content: None,
            closes: self.closes(CallOutcome::Cancelled),
        }
    }

    fn out_of_time(&mut self) -> Ending {
        let span = self.claimed.generation.terms.attempt_timeout;
        let sentence = format!("{} did not finish within {} s.", self.claimed.model, span.as_secs());
        let failure = Failure::new(FailureCode::AttemptTimeout, sentence).of(FaultOf::Model);
        self.blame(&failure);
        self.failed(failure, None)
    }

    /// A call that was still under way at the generation's own deadline had not the time it is given otherwise: that it
    /// did not finish says nothing of the model.
    fn blame(&mut self, failure: &Failure) {
        let timed_out = matches!(failure.code, FailureCode::ProviderTimeout | FailureCode::AttemptTimeout);
        if !(timed_out && self.past_deadline()) {
            self.witness.failed(failure);
        }
    }

    /// The model is cooling down and the route has a further one: no call is made, and the generation goes on at once.
    fn passed_over(&self, cooling: &Cooling) -> Ending {
        let Cooling { lane, until, code, message } = cooling;
        let sentence = format!("{} was passed over: {lane} is left alone until {until}. {message}", self.claimed.model);
        let failure = Failure { tries_max: Some(1), elsewhere: true, ..Failure::new(*code, sentence) };
        self.failed(failure, None)
    }

    /// What the call that ends used of the rates that are set, and the one it opens, if it does.
    fn debts(&self, closes: &ClosedCall, opens: u32) -> Vec<(Lane, Debt)> {
        let tokens = [closes.usage.input, closes.usage.output].into_iter().flatten().map(|tokens| tokens.0);
        let tokens = Tokens(tokens.fold(0, i64::saturating_add));
        let model = &self.claimed.model;
        let own = |lane: &Lane| match lane {
            Lane::Recipe(recipe) => *recipe == self.claimed.recipe,
            Lane::Provider(name) => Subject::provider_of(model) == Subject::Provider(name.clone()),
            Lane::Model(address) => address == model,
            Lane::Workspace(workspace) => *workspace == self.claimed.scope.workspace,
        };
        let rates = self.inner.config.rates.iter().filter(|(lane, _)| own(lane));
        let debts = rates.map(|(lane, rate)| (lane.clone(), rate.cost(opens, tokens)));
        debts.filter(|(_, debt)| !debt.is_none()).collect()
    }

    fn past_deadline(&self) -> bool {
        self.inner.now() >= self.claimed.generation.terms.deadline_at
    }

    /// The end of the open call: its own figures when it came back, an estimate when it was `cut` off on the way, nothing
    /// when it never left.
    fn closes(&self, cut: CallOutcome) -> ClosedCall {
        let (outcome, usage) = match &self.call {
            Call::Back(closed) => return closed.as_ref().clone(),
            Call::Sent => {
                let written = self.running.text.bytes().saturating_sub(self.text_before);
                (cut, figures::estimate(self.prompt_bytes, written as u64))
            }
            Call::Opened => (CallOutcome::NotSent, TokenUsage::default()),
        };
        figures::close_without_report(self.claimed.call, outcome, usage, self.price.as_ref(), self.took())
    }

    fn took(&self) -> Duration {
        self.inner.world.steady().saturating_sub(self.opened)
    }

    fn time_left(&self) -> Duration {
        match &self.claimed.generation.state {
            State::Processing { attempt_deadline, .. } => attempt_deadline.since(self.inner.now()),
            State::Pending { .. } | State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => {
                Duration::ZERO
            }
        }
    }

    fn content(&self, loaded: &LoadedRecipe, content: &Content) -> NewContent {
        let mut provenance = serde_json::json!({
            "recipe": self.claimed.recipe,
            "recipe_version": loaded.recipe.version,
            "model": self.claimed.model,
            "attempt": self.claimed.generation.attempt.0,
            "call": self.claimed.call.to_string(),
        });
        if let Some(word) = &self.odd_finish {
            provenance["finish"] = word.as_str().into();
        }
        new_content(content, provenance.to_string())
    }

    fn change_at(&self, now: copydesk_core::Timestamp) -> Change {
        let generation = &self.claimed.generation;
        Change {
            scope: self.claimed.scope,
            at: now,
            fence: Fence::of(generation),
            decision: copydesk_core::generation::Decision {
                next: generation.state.clone(),
                attempt: generation.attempt,
                spent: generation.spent,
                row_version: generation.row_version,
                noted: None,
                effects: Vec::new(),
            },
            content: None,
            closes: None,
            opens: None,
            step: None,
            next_model: None,
            sign: None,
            debts: Vec::new(),
            transfers: self.inner.world.transfer_ids(now),
        }
    }

    /// Asks the core what the ending means and packs everything that must be written with it.
    fn decide(&self, ending: Ending) -> Write {
        let now = self.inner.now();
        let generation: &Generation = &self.claimed.generation;
        let Ok(Verdict::Change(decision)) = transition(generation, &ending.event, now) else {
            return Write::Late { scope: self.claimed.scope, call: ending.closes };
        };
        log_ending(&self.claimed, &decision.next);
        let stores = decision.effects.iter().any(|effect| matches!(effect, Effect::StoreVersion(_)));
        let next_model = self.next_model(&decision.next, decision.spent);
        Write::Change(Box::new(Change {
            decision,
            content: ending.content.filter(|_| stores),
            sign: self.witness.sign(&self.claimed.model),
            debts: self.debts(&ending.closes, 0),
            closes: Some(ending.closes),
            next_model,
            ..self.change_at(now)
        }))
    }

    /// The model of the next attempt, when the used-up attempts have moved the generation on along its route.
    fn next_model(&self, next: &State, spent: u32) -> Option<String> {
        let terms = &self.claimed.generation.terms;
        let place = terms.place(spent);
        if !matches!(next, State::Pending { .. }) || place == terms.place(self.claimed.generation.spent) {
            return None;
        }
        let loaded = self.inner.shelf.get(&self.claimed.recipe)?;
        crate::accept::route(&loaded.recipe, &self.inner.providers).into_iter().nth(place as usize)
    }
}

fn message(prompt: PromptMessage) -> Message {
    match prompt.role {
        Role::System => Message::system(prompt.text),
        Role::User => Message::user(prompt.text),
        Role::Assistant => Message::assistant(prompt.text),
    }
}

fn log_ending(claimed: &Claimed, next: &State) {
    let (id, attempt, model) = (claimed.generation.id, claimed.generation.attempt.0, &claimed.model);
    match next {
        State::Completed { .. } => tracing::info!(generation = %id, attempt, model, "the result is there"),
        State::Pending { .. } => {
            tracing::warn!(generation = %id, attempt, model, "attempt failed, goes back to the queue")
        }
        State::Failed { failure, .. } => {
            tracing::warn!(generation = %id, attempt, model, code = %failure.code, "failed: {failure}");
        }
        State::Processing { .. } | State::Cancelled { .. } => {}
    }
}

/// A content as the store takes it. The hash covers form, title and body.
pub(crate) fn new_content(content: &Content, provenance: String) -> NewContent {
    let body = content.body.to_string();
    let mut hash = Sha256::new();
    for part in [content.form.as_str(), &content.title, &body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    NewContent {
        title: content.title.clone(),
        form: content.form.as_str().to_owned(),
        words: u32::try_from(content.word_count()).unwrap_or(u32::MAX),
        body,
        hash: hash.finalize().into(),
        provenance,
    }
}
