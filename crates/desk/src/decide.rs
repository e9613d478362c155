//! From an attempt's ending, or a checkpoint on the way, to what is written: the core is asked what the event means, and
//! everything that must be written with its decision is packed together. Nothing else of an attempt writes.

use crate::abandon::Aftermath;
use crate::accept::next_model;
use crate::attempt::{Attempt, Call, Ending};
use crate::figures;
use crate::first_text::FirstText;
use crate::metrics::Tally;
use crate::witness::Witness;
use crate::work::{Outgoing, SlotMove};
use copydesk_core::generation::{Decision, Effect, Event, State, Verdict, transition};
use copydesk_core::health::{Debt, Subject};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::recipe::Content;
use copydesk_core::recipe::revision::kept;
use copydesk_core::{CallId, Timestamp, Tokens};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::{Applied, Change, Claimed, Fence, FinishedStep, Forgotten, Lane, NewContent, Write};
use copydesk_store::usage::{ClosedCall, OpenCall};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

/// What is made durable before the attempt goes on.
#[derive(Default)]
pub(crate) struct Checkpoint {
    pub step: Option<FinishedStep>,
    /// The operation of the next call: the open one is closed with its figures, and this one opened.
    pub next: Option<String>,
    /// The attempt gives its slot back with this.
    pub rests: bool,
}

impl Attempt {
    /// Writes a checkpoint and waits until it is durable. `false` means that the lease is lost; then the call was booked.
    pub(crate) async fn commit(&mut self, mut what: Checkpoint) -> bool {
        loop {
            match self.try_commit(&what).await {
                Some(Applied::Done { .. }) => return true,
                Some(applied) if self.overtaken(&applied) => self.look_again().await,
                Some(Applied::Lost { .. }) | None => return false,
            }
            // The slot was given back with the first word.
            what.rests = false;
        }
    }

    async fn try_commit(&mut self, what: &Checkpoint) -> Option<Applied> {
        let now = self.inner.now();
        let event = Event::StepFinished { attempt: self.claimed.generation.attempt };
        let Ok(Verdict::Change(decision)) = transition(&self.claimed.generation, &event, now) else {
            return None;
        };
        let (state, row_version) = (decision.next.clone(), decision.row_version);
        let opens = what.next.clone().map(|step| OpenCall {
            id: CallId(self.inner.world.uuid(now)),
            step,
            model: self.claimed.model.clone(),
        });
        let closes = opens.is_some().then(|| self.closes(CallOutcome::Failed));
        let change = Change {
            sign: closes.as_ref().and_then(|_| self.witness.sign(&self.claimed.model)),
            debts: closes.as_ref().map_or_else(Vec::new, |closes| self.debts(closes, 1)),
            closes,
            opens: opens.clone(),
            step: what.step.clone(),
            waits: self.resting.is_some(),
            ..self.change(decision, now)
        };
        let (reply, applied) = oneshot::channel();
        let write = Write::Change(Box::new(change));
        let slot = if what.rests { SlotMove::Rests } else { SlotMove::Keeps };
        let (generation, tally) = (self.claimed.generation.id, Some(self.tally(&write)));
        drop(self.inner.outgoing.send(Outgoing { write: Some(write), reply: Some(reply), slot, generation, tally }));
        let applied = applied.await.ok()?;
        if !matches!(applied, Applied::Done { .. }) {
            return Some(applied);
        }
        self.claimed.generation.state = state;
        self.claimed.generation.row_version = row_version;
        // The steps of the recipe, without what a step remembers of its own.
        self.claimed.steps.extend(what.step.clone().filter(|_| self.making.is_none()));
        if let Some(next) = opens {
            self.claimed.call = next.id;
            self.call = Call::Opened;
            self.witness = Witness::default();
            self.text_before = self.running.text.bytes();
            self.opened = self.inner.world.steady();
            self.first_text = FirstText::default();
        }
        Some(applied)
    }

    /// Asks the core what the ending means and packs everything that must be written with it, and what is to be tidied
    /// up afterwards.
    pub(crate) fn decide(&self, ending: Ending) -> (Write, Option<Aftermath>) {
        let now = self.inner.now();
        let event = self.at_its_time(ending.event, now);
        let Ok(Verdict::Change(decision)) = transition(&self.claimed.generation, &event, now) else {
            return (Write::Late { scope: self.claimed.scope, call: ending.closes }, None);
        };
        log_ending(&self.claimed, &decision.next);
        let stores = decision.effects.iter().any(|effect| matches!(effect, Effect::StoreVersion(_)));
        let next_model = next_model(&self.inner, &self.claimed.recipe, &self.claimed.generation, &decision);
        let forgets = self.forgets(&decision.next, next_model.is_some());
        // What the job costs is said again by the next attempt's questions, and booked there.
        let goes_on = matches!(decision.next, State::Pending { .. }) && self.job.is_some() && forgets.is_none();
        let closes = if goes_on { figures::without_cost(ending.closes) } else { ending.closes };
        let paths = ending.assets.iter().map(|asset| asset.path.clone()).collect();
        let aftermath = self.aftermath(&decision.next, forgets.is_some(), paths);
        let change = Change {
            content: ending.content.filter(|_| stores),
            assets: if stores { ending.assets } else { Vec::new() },
            sign: self.witness.sign(&self.claimed.model),
            debts: self.debts(&closes, 0),
            closes: Some(closes),
            next_model,
            forgets,
            ..self.change(decision, now)
        };
        (Write::Change(Box::new(change)), aftermath)
    }

    /// What `/metrics` counts once this is written.
    pub(crate) fn tally(&self, write: &Write) -> Tally {
        let claimed = &self.claimed;
        Tally::of(write, &claimed.recipe, &claimed.model, &claimed.generation.state)
    }

    /// A job that has failed is started anew by the next attempt, and one of another model is no use to it.
    fn forgets(&self, next: &State, moves_on: bool) -> Option<Forgotten> {
        let (checkpoint, step) = (self.kept.clone()?, self.making.as_ref()?.operation());
        let starts_anew = matches!(next, State::Pending { .. }) && (moves_on || self.job.is_none());
        starts_anew.then_some(Forgotten { checkpoint, step })
    }

    fn aftermath(&self, next: &State, forgets: bool, paths: Vec<String>) -> Option<Aftermath> {
        if self.making.is_none() && self.kept.is_none() {
            return None;
        }
        let job = self.job.as_ref().map(|job| (self.claimed.model.clone(), job.reference.clone()));
        let (job, keep) = match next {
            State::Completed { .. } => (None, Some(paths)),
            State::Failed { .. } | State::Cancelled { .. } => (job, Some(Vec::new())),
            State::Pending { .. } => (job.filter(|_| forgets), None),
            State::Processing { .. } => (None, None),
        };
        Some(Aftermath { shelf: self.shelf(), job, keep })
    }

    fn change(&self, decision: Decision, now: Timestamp) -> Change {
        let transfers = self.inner.world.transfer_ids(now);
        Change::of(self.claimed.scope, now, Fence::of(&self.claimed.generation), decision, transfers)
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

    pub(crate) fn content(&self, loaded: &LoadedRecipe, content: &Content) -> NewContent {
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
        // What cannot be read was refused before anything was written.
        if let Ok((params, revision)) = kept(self.claimed.params.as_deref()) {
            if params.is_object() {
                provenance["params"] = params;
            }
            if let Some(revision) = revision {
                provenance["revision"] = revision.to_value();
            }
        }
        if self.left_out_temperature {
            provenance["left_out"] = serde_json::json!(["temperature"]);
        }
        new_content(content, provenance.to_string())
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
