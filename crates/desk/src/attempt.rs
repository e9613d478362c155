//! One attempt: render the prompt, call the model, judge the answer, and hand the decision to the turn loop. Whatever
//! happens inside, exactly one ending leaves here, and every call that was opened is closed with its figures.

use crate::bound::Asked;
use crate::decide::Checkpoint;
use crate::desk::Inner;
use crate::figures::{self, Timing};
use crate::first_text::FirstText;
use crate::live::Running;
use crate::making::Job;
use crate::metrics::Tally;
use crate::witness::Witness;
use crate::work::{Outgoing, SlotMove};
use copydesk_core::generation::event::{FallbackReason, Success};
use copydesk_core::generation::{AttemptNo, Event, Failure, FailureCode, FaultOf, Generation, State};
use copydesk_core::health::{Cooling, Door, Rows, door};
use copydesk_core::ledger::price;
use copydesk_core::metering::price::Price;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::recipe::{self, AnswerShape, Chat, Fallback, Params, PromptMessage, Role, Step, StepKind};
use copydesk_core::{GenerationId, NanoUsd, Timestamp};
use copydesk_providers::{Answer, CallReport, CallRequest, Finish, Message, Provider, Timeouts};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::{Applied, Claimed, FinishedStep, NewAsset, NewContent, Write};
use copydesk_store::usage::ClosedCall;
use futures::FutureExt;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// How an attempt ended, before the core decides what that means.
#[derive(Clone)]
pub(crate) struct Ending {
    pub event: Event,
    pub content: Option<NewContent>,
    /// The files the content names.
    pub assets: Vec<NewAsset>,
    pub closes: ClosedCall,
}

/// The slot of an attempt. However the attempt ends, also by a panic while it ends, its slot comes free exactly once.
pub(crate) struct Slot {
    inner: Arc<Inner>,
    generation: GenerationId,
    attempt: AttemptNo,
    /// It was given back while the attempt waited for a job, or had to say its end again.
    pub rested: bool,
    pub write: Option<Write>,
    pub reply: Option<oneshot::Sender<Applied>>,
    pub tally: Option<Tally>,
}

impl Slot {
    pub fn of(inner: &Arc<Inner>, generation: &Generation) -> Slot {
        let (inner, attempt) = (Arc::clone(inner), generation.attempt);
        Slot { inner, generation: generation.id, attempt, rested: false, write: None, reply: None, tally: None }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.inner.live.end(self.generation, self.attempt);
        let (write, reply) = (self.write.take(), self.reply.take());
        let slot = SlotMove::Frees { rested: self.rested };
        // The loop outlives all attempts; it ends only when none is left.
        let (generation, tally) = (self.generation, self.tally.take());
        drop(self.inner.outgoing.send(Outgoing { write, reply, slot, generation, tally }));
    }
}

/// Runs a claimed generation to the end of this attempt.
pub(crate) async fn run(inner: Arc<Inner>, claimed: Claimed, running: Running) {
    let id = claimed.generation.id;
    let mut slot = Slot::of(&inner, &claimed.generation);
    let opened = inner.world.steady();
    let mut attempt = Attempt {
        inner,
        claimed,
        running,
        opened,
        first_text: FirstText::default(),
        prompt_bytes: 0,
        text_before: 0,
        price: None,
        call: Call::Opened,
        odd_finish: None,
        left_out_temperature: false,
        witness: Witness::default(),
        making: None,
        job: None,
        kept: None,
        resting: None,
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
    slot.rested = attempt.resting.take().is_some();
    if let Some(ending) = ending {
        attempt.see_through(slot, ending).await;
    }
}

pub(crate) struct Attempt {
    pub inner: Arc<Inner>,
    pub claimed: Claimed,
    pub running: Running,
    /// When the open call was opened, on the steady clock.
    pub opened: Duration,
    /// When the open call's first text came, on the same clock.
    pub first_text: FirstText,
    pub prompt_bytes: u64,
    /// How much of the live text belongs to the calls before this one. Units: bytes.
    pub text_before: usize,
    pub price: Option<Price>,
    pub call: Call,
    /// The reason the last answer ended with, where nobody knows it: its text is taken, and marked.
    pub odd_finish: Option<String>,
    /// The recipe names a temperature, and the model takes none.
    pub left_out_temperature: bool,
    /// What the last call said of its model.
    pub witness: Witness,
    /// The step that makes files, once the attempt has come to that one.
    pub making: Option<Step>,
    /// Its job at the provider, as long as there is something to expect of it.
    pub job: Option<Job>,
    /// The name of the checkpoint that holds a job in the store, whatever has become of it.
    pub kept: Option<String>,
    /// Held while the attempt has no slot, because it only waits for a job.
    pub resting: Option<OwnedSemaphorePermit>,
}

/// How far the open call has come; it decides what is put on the books when the attempt ends here.
pub(crate) enum Call {
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
        if let Err(what) = self.take_job() {
            return Some(self.broken(what));
        }
        // A job that runs already is asked about all the same: it was paid for.
        if let Some(cooling) = self.claimed.cooling.take().filter(|_| self.job.is_none()) {
            return Some(self.passed_over(&cooling).await);
        }
        let Some(loaded) = self.inner.shelf.get(&self.claimed.recipe) else {
            let name = &self.claimed.recipe;
            return Some(self.broken(format!("The recipe {name:?} is not installed any more.")));
        };
        let loaded = match self.recipe_for(loaded).await {
            Ok(loaded) => loaded,
            Err(ending) => return Some(ending),
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
            let step = &loaded.recipe.steps[index];
            let chat = match &step.kind {
                StepKind::Chat(chat) => chat,
                StepKind::Picture(_) | StepKind::Media { .. } => return self.make(&loaded, step, &input).await,
            };
            let answer = match self.step(&loaded, index, chat, &input).await {
                Ok(answer) => answer,
                Err(ending) => return Some(*ending),
            };
            if index + 1 == loaded.recipe.steps.len() {
                return Some(self.judge(&loaded, &input, &answer));
            }
            let cost = self.closes(CallOutcome::Failed).cost;
            let step = FinishedStep { name: step.name.clone(), output: answer, cost };
            let next = loaded.recipe.steps[index + 1].operation();
            if !self.commit(Checkpoint { step: Some(step), next: Some(next), ..Checkpoint::default() }).await {
                return None;
            }
        }
    }

    /// Whether the finished steps are the first ones of the recipe as it is now, with at least one to go, and a job is
    /// one of that.
    fn steps_fit(&self, loaded: &LoadedRecipe) -> bool {
        let (done, planned) = (&self.claimed.steps, &loaded.recipe.steps);
        let job_fits = |step: &Step| self.kept.as_ref().is_none_or(|kept| *kept == step.job_checkpoint());
        planned.get(done.len()).is_some_and(job_fits)
            && done.iter().zip(planned).all(|(done, planned)| done.name == planned.name)
    }

    /// One call of the model, judged as far as a step can be.
    async fn step(
        &mut self,
        loaded: &LoadedRecipe,
        index: usize,
        chat: &Chat,
        input: &Value,
    ) -> Result<String, Box<Ending>> {
        let (provider, model) = match self.inner.providers.resolve(&self.claimed.model) {
            Ok(found) => found,
            Err(unknown) => return Err(Box::new(self.broken(unknown.to_string()))),
        };
        self.price = self.inner.price_at(provider.as_ref(), &model, self.inner.now());
        let params = self.params();
        let ask = Asked { loaded, input, params: &params };
        if let Some(over) = self.within_cap(ask, index).await {
            return Err(Box::new(over));
        }
        let prompt = self.prompt(loaded, index, input)?;
        self.prompt_bytes = prompt.iter().map(|message| message.text.len() as u64).sum();
        let able = provider.catalogue().abilities(&model);
        let wanted = params.temperature.or(chat.temperature);
        let temperature = wanted.filter(|_| able.temperature).map(|degrees| degrees as f32);
        self.left_out_temperature |= temperature.is_none() && wanted.is_some();
        let request = CallRequest {
            max_output_tokens: ask.output_tokens_max(index),
            temperature,
            shape: if able.json_schema { loaded.answer_shape(index) } else { AnswerShape::Free },
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
        let timing = self.timing();
        let closed =
            figures::close(self.claimed.call, &report, self.prompt_bytes, self.price.as_ref(), provider.name(), timing);
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

    /// What its request changes of the recipe.
    pub(crate) fn params(&self) -> Params {
        self.claimed.params.as_deref().and_then(Params::from_text).unwrap_or_default()
    }

    pub(crate) fn prompt(
        &self,
        loaded: &LoadedRecipe,
        index: usize,
        input: &Value,
    ) -> Result<Vec<PromptMessage>, Box<Ending>> {
        let outputs: Vec<String> = self.claimed.steps.iter().map(|step| step.output.clone()).collect();
        loaded.render_step(index, input, &outputs).map_err(|error| Box::new(self.broken(error.to_string())))
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
        let sink = self.first_text.noting(self.running.text.as_ref(), &self.inner.world);
        tokio::select! {
            biased;
            () = self.running.stop.cancelled() => Called::Stopped,
            report = provider.call(request, &sink) => Called::Reported(Box::new(report)),
            () = self.inner.world.sleep(self.time_left()) => Called::OutOfTime,
        }
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
                    assets: Vec::new(),
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
    pub(crate) fn cost(&self, last: &ClosedCall) -> Option<NanoUsd> {
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
            assets: Vec::new(),
            closes: self.closes(CallOutcome::NotSent),
        }
    }

    /// A failed attempt. Its reason stands beside the call too, because that is what is shown while it is tried again.
    pub(crate) fn failed(&self, failure: Failure, fallback: Option<(&LoadedRecipe, Fallback)>) -> Ending {
        let mut closes = self.closes(CallOutcome::Failed);
        if closes.error.is_none() {
            closes.error = Some((failure.code.as_str().to_owned(), failure.message.clone()));
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
            assets: Vec::new(),
            closes,
        }
    }

    /// Our own side is wrong: another attempt would find the same.
    pub(crate) fn broken(&self, sentence: String) -> Ending {
        self.failed(Failure::new(FailureCode::ProviderRejected, sentence).for_good(), None)
    }

    pub(crate) fn stopped(&self) -> Ending {
        // Cancelled by its owner: the store has the end already, this one comes late and only its figures count.
        Ending {
            event: Event::HandedBack { attempt: self.claimed.generation.attempt },
            content: None,
            assets: Vec::new(),
            closes: self.closes(CallOutcome::Cancelled),
        }
    }

    pub(crate) fn out_of_time(&mut self) -> Ending {
        let span = self.claimed.generation.terms.attempt_timeout;
        let sentence = format!("{} did not finish within {} s.", self.claimed.model, span.as_secs());
        let failure = Failure::new(FailureCode::AttemptTimeout, sentence).of(FaultOf::Model);
        self.blame(&failure);
        self.failed(failure, None)
    }

    /// A call that was still under way at the generation's own deadline had not the time it is given otherwise: that it
    /// did not finish says nothing of the model.
    pub(crate) fn blame(&mut self, failure: &Failure) {
        let timed_out = matches!(failure.code, FailureCode::ProviderTimeout | FailureCode::AttemptTimeout);
        if !(timed_out && self.past_deadline()) {
            self.witness.failed(failure);
        }
    }

    /// The model is cooling down and the route has further ones: no call is made, and the core says where it goes.
    async fn passed_over(&self, cooling: &Cooling) -> Ending {
        let Cooling { lane, until, code, message } = cooling;
        let sentence = format!("{} was passed over: {lane} is left alone until {until}. {message}", self.claimed.model);
        let failure = Failure::new(*code, sentence);
        let error = Some((code.as_str().to_owned(), failure.message.clone()));
        let closes = ClosedCall { error, ..self.closes(CallOutcome::NotSent) };
        let attempt = self.claimed.generation.attempt;
        let event = Event::PassedOver { attempt, failure, doors: self.doors(*until).await };
        Ending { event, content: None, assets: Vec::new(), closes }
    }

    /// Until when each model of the route is left alone; our own until `until`.
    async fn doors(&self, until: Timestamp) -> Vec<Option<Timestamp>> {
        let route = self.inner.shelf.get(&self.claimed.recipe);
        let route = route.map(|loaded| crate::accept::route(&loaded.recipe, &self.inner.providers)).unwrap_or_default();
        let rows = match self.inner.store.health().await {
            Ok(rows) => rows.into_iter().map(|row| (row.subject.name(), row.health)).collect(),
            Err(error) => {
                tracing::warn!(%error, "Nobody knows which models are left alone; the next of the route is tried");
                Rows::new()
            }
        };
        let (generation, now) = (&self.claimed.generation, self.inner.now());
        let door_of = |model: &String| match door(&rows, model, now) {
            Door::Open => None,
            Door::Cooling(cooling) => Some(cooling.until),
        };
        let mut doors: Vec<Option<Timestamp>> = route.iter().map(door_of).collect();
        // Also when the route has become shorter or is gone: what was claimed as cooling never comes back at once.
        let here = generation.terms.place(generation.spent) as usize;
        doors.resize(doors.len().max(here + 1), None);
        doors[here] = Some(until);
        doors
    }

    pub(crate) fn past_deadline(&self) -> bool {
        self.inner.now() >= self.claimed.generation.terms.deadline_at
    }

    /// The end of the open call: its own figures when it came back, an estimate when it was `cut` off on the way, nothing
    /// when it never left.
    pub(crate) fn closes(&self, cut: CallOutcome) -> ClosedCall {
        let (outcome, usage) = match &self.call {
            Call::Back(closed) => return closed.as_ref().clone(),
            // How long its words are says nothing of what a picture or a video costs.
            Call::Sent if self.making.is_some() => (cut, TokenUsage::default()),
            Call::Sent => {
                let written = self.running.text.bytes().saturating_sub(self.text_before);
                (cut, figures::estimate(self.prompt_bytes, written as u64))
            }
            Call::Opened => (CallOutcome::NotSent, TokenUsage::default()),
        };
        figures::close_without_report(self.claimed.call, outcome, usage, self.price.as_ref(), self.timing())
    }

    pub(crate) fn timing(&self) -> Timing {
        let since = |instant: Duration| instant.saturating_sub(self.opened);
        Timing { first_text: self.first_text.at().map(since), whole: since(self.inner.world.steady()) }
    }

    pub(crate) fn time_left(&self) -> Duration {
        match &self.claimed.generation.state {
            State::Processing { attempt_deadline, .. } => attempt_deadline.since(self.inner.now()),
            State::Pending { .. } | State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => {
                Duration::ZERO
            }
        }
    }
}

fn message(prompt: PromptMessage) -> Message {
    match prompt.role {
        Role::System => Message::system(prompt.text),
        Role::User => Message::user(prompt.text),
        Role::Assistant => Message::assistant(prompt.text),
    }
}
