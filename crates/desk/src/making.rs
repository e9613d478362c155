//! Steps that make files. A picture step is one request. A media step starts a job at the provider and makes its id
//! durable before it asks how far the job is; from there on it only waits, without a slot, and whoever claims the
//! generation next goes on asking about the same job. The files are on the disk before the result counts as done.

use crate::abandon::cancel_job;
use crate::attempt::{Attempt, Call, Ending};
use crate::bound::Asked;
use crate::decide::Checkpoint;
use crate::figures;
use crate::witness::Witness;
use copydesk_assets::{Shelf, Taken};
use copydesk_core::generation::event::Success;
use copydesk_core::generation::{Event, Failure, FailureCode, FaultOf};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::recipe::output::media;
use copydesk_core::recipe::step::holds_job;
use copydesk_core::recipe::{MediaAsset, Settings, Step, StepKind};
use copydesk_providers::media::{
    DrawRequest, DrawsPictures, JobRef, Progress, RunsMediaJobs, SubmitRequest, Submitted,
};
use copydesk_providers::{CallReport, ErrorClass, Part, Picture, Provider, Timeouts};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::{FinishedStep, NewAsset};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The most pictures a job may start from.
pub(crate) const PICTURES_IN_MAX: usize = 16;

/// A job that was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Job {
    pub reference: JobRef,
    /// What was asked for.
    pub prompt: String,
}

impl Job {
    /// As a checkpoint keeps it.
    fn stored(&self) -> String {
        json!({"job": self.reference.0, "prompt": self.prompt}).to_string()
    }

    pub fn parse(stored: &str) -> Option<Job> {
        let stored: Value = serde_json::from_str(stored).ok()?;
        let text = |name: &str| stored.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Job { reference: JobRef(text("job")?), prompt: text("prompt")? })
    }
}

/// Why a step that makes files stops before they are there.
pub(crate) enum Cut {
    /// The lease is lost, and what there was to book was booked.
    Lost,
    Ended(Box<Ending>),
}

impl From<Ending> for Cut {
    fn from(ending: Ending) -> Cut {
        Cut::Ended(Box::new(ending))
    }
}

impl From<Box<Ending>> for Cut {
    fn from(ending: Box<Ending>) -> Cut {
        Cut::Ended(ending)
    }
}

/// The place a job is asked for.
pub(crate) struct Place<'a> {
    pub jobs: &'a dyn RunsMediaJobs,
    /// The provider's name, and the model's at the provider.
    pub provider: &'a str,
    pub model: &'a str,
}

impl Attempt {
    /// Takes the job out of the finished steps: it is no step of the recipe.
    ///
    /// Errors: a sentence, when it cannot be read.
    pub(crate) fn take_job(&mut self) -> Result<(), String> {
        let Some(kept) = self.claimed.steps.pop_if(|step| holds_job(&step.name)) else { return Ok(()) };
        self.job = Job::parse(&kept.output);
        let read = self.job.is_some().then_some(());
        let answer = read.ok_or_else(|| format!("The stored checkpoint {:?} cannot be read.", kept.name));
        self.kept = Some(kept.name);
        answer
    }

    pub(crate) fn shelf(&self) -> Shelf {
        Shelf { workspace: self.claimed.scope.workspace, generation: self.claimed.generation.id }
    }

    /// The last step, which makes files. `None` means that the lease was lost on the way.
    pub(crate) async fn make(&mut self, loaded: &LoadedRecipe, step: &Step, input: &Value) -> Option<Ending> {
        self.making = Some(step.clone());
        match self.made(loaded, step, input).await {
            Ok(ending) => Some(ending),
            Err(Cut::Ended(ending)) => Some(*ending),
            Err(Cut::Lost) => None,
        }
    }

    async fn made(&mut self, loaded: &LoadedRecipe, step: &Step, input: &Value) -> Result<Ending, Cut> {
        let address = self.claimed.model.clone();
        let resolved = self.inner.providers.resolve(&address);
        let (provider, model) = resolved.map_err(|unknown| self.broken(unknown.to_string()))?;
        self.price = self.inner.price_at(provider.as_ref(), &model, self.inner.now());
        let maker = maker(provider.as_ref(), step).map_err(|lack| self.broken(lack.sentence(&address, step)))?;
        // A job that runs is paid for already.
        let params = self.params();
        let ask = Asked { loaded, input, params: &params };
        if self.job.is_none()
            && let Some(over) = self.within_cap(ask, self.claimed.steps.len()).await
        {
            return Err(over.into());
        }
        let prompt = match &self.job {
            Some(job) => job.prompt.clone(),
            None => self.words(loaded, input)?,
        };
        let files = match maker {
            Maker::Draws { draws, settings } => {
                self.draw(draws, provider.name(), model, &prompt, &settings.of(input)).await?
            }
            Maker::Runs { jobs, settings, pictures_from } => {
                let place = Place { jobs, provider: provider.name(), model: &model };
                let first = if self.job.is_some() {
                    self.rest().await?;
                    None
                } else {
                    Some(self.start(&place, input, &prompt, settings, pictures_from).await?)
                };
                self.wait_for_job(&place, first).await?
            }
        };
        self.filmed(loaded, &prompt, files)
    }

    /// The words that say what is to be made.
    fn words(&self, loaded: &LoadedRecipe, input: &Value) -> Result<String, Cut> {
        let prompt = self.prompt(loaded, self.claimed.steps.len(), input)?;
        let texts: Vec<String> = prompt.into_iter().map(|message| message.text).collect();
        Ok(texts.join("\n"))
    }

    fn filmed(&self, loaded: &LoadedRecipe, prompt: &str, files: Vec<Taken>) -> Result<Ending, Cut> {
        let named: Vec<MediaAsset> = files.iter().map(named).collect();
        let content = media::content(prompt, &named)
            .map_err(|why| self.failed(Failure::new(FailureCode::OutputInvalid, why.to_string()), None))?;
        let stored = |(file, seq): (Taken, u32)| NewAsset {
            id: file.id,
            seq,
            media_type: file.media_type,
            bytes: file.bytes,
            sha256: file.sha256,
            path: file.path,
        };
        let closes = self.closes(CallOutcome::Ok);
        let (attempt, cost) = (self.claimed.generation.attempt, self.cost(&closes));
        Ok(Ending {
            event: Event::AttemptSucceeded { attempt, success: Success::Generated, cost },
            content: Some(self.content(loaded, &content)),
            assets: files.into_iter().zip(1..).map(stored).collect(),
            closes,
        })
    }

    /// Starts the job and makes its id durable. It is never cut off by a stop: a job nobody knows is worse than a late
    /// one.
    async fn start(
        &mut self,
        place: &Place<'_>,
        input: &Value,
        prompt: &str,
        settings: &Settings,
        pictures_from: Option<&str>,
    ) -> Result<Progress, Cut> {
        let mut parts = vec![Part::Text(prompt.to_owned())];
        let pictures = pictures_in(input, pictures_from).map_err(|what| self.broken(what))?;
        parts.extend(pictures.into_iter().map(Part::Picture));
        if self.running.stop.is_cancelled() {
            return Err(self.stopped().into());
        }
        // The total is the job's own deadline where a provider takes one; every later attempt asks about this job.
        let total = self.claimed.generation.terms.deadline_at.since(self.inner.now());
        let request = SubmitRequest {
            call_id: self.claimed.call,
            model: place.model.to_owned(),
            input: parts,
            settings: settings.of(input),
            timeouts: Timeouts { total, ..Timeouts::default() },
        };
        self.call = Call::Sent;
        self.witness = Witness::of(self.inner.now());
        let report = tokio::select! {
            biased;
            report = place.jobs.submit(&request) => report,
            () = self.inner.world.sleep(self.time_left()) => {
                return Err(self.failed(unknown_start(place.provider), None).into());
            }
        };
        let timing = self.timing();
        self.call = Call::Back(Box::new(figures::close_started(self.claimed.call, &report, place.provider, timing)));
        let unknown = may_have_started(&report);
        match report.result {
            Ok(submitted) => self.keep_job(submitted, prompt).await,
            Err(error) => {
                let failure = error.failure(place.provider);
                self.blame(&failure);
                let failure =
                    if unknown { unknown_start(place.provider).with_detail(error.to_string()) } else { failure };
                Err(self.failed(failure, None).into())
            }
        }
    }

    /// From here on the job cannot be lost any more: submit's call closed, the job's name and the next call's intent
    /// written, in one commit.
    async fn keep_job(&mut self, submitted: Submitted, prompt: &str) -> Result<Progress, Cut> {
        self.witness.answered();
        let job = Job { reference: submitted.job, prompt: prompt.to_owned() };
        let checkpoint = self.job_checkpoint(&job);
        let rests = self.take_rest();
        let next = self.making.as_ref().map(Step::result_operation);
        if !self.commit(Checkpoint { step: checkpoint, next, rests }).await {
            // Nobody else can know of it.
            let (inner, model) = (Arc::clone(&self.inner), self.claimed.model.clone());
            tokio::spawn(async move { cancel_job(&inner, &model, job.reference).await });
            return Err(Cut::Lost);
        }
        self.kept = self.making.as_ref().map(Step::job_checkpoint);
        self.job = Some(job);
        Ok(submitted.progress.unwrap_or(Progress::Running { percent: None, wait: None }))
    }

    /// The job has another name from now on.
    pub(crate) async fn rename_job(&mut self, reference: JobRef) -> Result<(), Cut> {
        let Some(job) = self.job.clone().map(|job| Job { reference, ..job }) else { return Ok(()) };
        let checkpoint = self.job_checkpoint(&job);
        if !self.commit(Checkpoint { step: checkpoint, ..Checkpoint::default() }).await {
            return Err(Cut::Lost);
        }
        self.job = Some(job);
        Ok(())
    }

    /// A claim found the job running already: the slot is given back at once.
    async fn rest(&mut self) -> Result<(), Cut> {
        if self.take_rest() && !self.commit(Checkpoint { rests: true, ..Checkpoint::default() }).await {
            return Err(Cut::Lost);
        }
        Ok(())
    }

    /// Whether the attempt may wait without a slot. Beyond the limit it keeps it, and others wait.
    fn take_rest(&mut self) -> bool {
        self.resting = Semaphore::try_acquire_owned(Arc::clone(&self.inner.resting)).ok();
        self.resting.is_some()
    }

    fn job_checkpoint(&self, job: &Job) -> Option<FinishedStep> {
        let step = self.making.as_ref()?;
        Some(FinishedStep { name: step.job_checkpoint(), output: job.stored(), cost: None })
    }

    /// One request for pictures.
    async fn draw(
        &mut self,
        draws: &dyn DrawsPictures,
        provider: &str,
        model: String,
        prompt: &str,
        settings: &serde_json::Map<String, Value>,
    ) -> Result<Vec<Taken>, Cut> {
        let count = settings.get("count").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
        let size = settings.get("size").and_then(Value::as_str).map(str::to_owned);
        let request = DrawRequest {
            call_id: self.claimed.call,
            model,
            prompt: prompt.to_owned(),
            count: count.unwrap_or(1).clamp(1, copydesk_core::recipe::recipe::PICTURES_MAX),
            size,
            timeouts: Timeouts { total: self.time_left(), ..Timeouts::default() },
        };
        if self.running.stop.is_cancelled() {
            return Err(self.stopped().into());
        }
        self.call = Call::Sent;
        self.witness = Witness::of(self.inner.now());
        let stop = self.running.stop.clone();
        let report = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(self.stopped().into()),
            report = draws.draw(&request) => report,
            () = self.inner.world.sleep(self.time_left()) => return Err(self.out_of_time().into()),
        };
        let mut usage = report.usage;
        if let Ok(pictures) = &report.result {
            usage.images = usage.images.or_else(|| u32::try_from(pictures.len()).ok());
        }
        let (price, timing) = (self.price.as_ref(), self.timing());
        let closed = figures::close_made(self.claimed.call, &report, usage, price, provider, timing);
        self.call = Call::Back(Box::new(closed));
        match report.result {
            Ok(pictures) => {
                self.witness.answered();
                self.keep_pictures(pictures, provider).await
            }
            Err(error) => {
                let failure = error.failure(provider);
                self.blame(&failure);
                Err(self.failed(failure, None).into())
            }
        }
    }
}

fn named(file: &Taken) -> MediaAsset {
    MediaAsset {
        id: file.id,
        media_type: file.media_type.clone(),
        bytes: file.bytes,
        sha256: file.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// What serves a step that makes files.
pub(crate) enum Maker<'a> {
    Draws { draws: &'a dyn DrawsPictures, settings: &'a Settings },
    Runs { jobs: &'a dyn RunsMediaJobs, settings: &'a Settings, pictures_from: Option<&'a str> },
}

/// What a provider would have to do for a step, and does not.
pub(crate) struct Lack {
    needed: &'static str,
    can: String,
}

impl Lack {
    pub fn sentence(&self, address: &str, step: &Step) -> String {
        let Lack { needed, can } = self;
        format!("The step {:?} needs {needed}, and {address} has none: its provider {can}.", step.name)
    }
}

/// Who serves this step at the provider.
///
/// Errors: what it lacks.
pub(crate) fn maker<'a>(provider: &'a dyn Provider, step: &'a Step) -> Result<Maker<'a>, Lack> {
    let (draws, runs) = (provider.draws_pictures(), provider.runs_media_jobs());
    let needed = match (&step.kind, draws, runs) {
        (StepKind::Picture(settings), Some(draws), _) => return Ok(Maker::Draws { draws, settings }),
        (StepKind::Media { settings, pictures_from }, _, Some(jobs)) => {
            return Ok(Maker::Runs { jobs, settings, pictures_from: pictures_from.as_deref() });
        }
        (StepKind::Picture(_), None, _) => "an interface for pictures",
        (StepKind::Media { .. }, _, None) => "an interface for media jobs",
        (StepKind::Chat(_), _, _) => "an interface for files",
    };
    let all = [(draws.is_some(), "draws pictures"), (runs.is_some(), "runs media jobs")];
    let can: Vec<&str> = all.into_iter().filter(|(can, _)| *can).map(|(_, what)| what).collect();
    Err(Lack { needed, can: if can.is_empty() { "only chats".to_owned() } else { can.join(" and ") } })
}

/// The pictures of an input to start from.
///
/// Errors: a sentence that names what is wrong.
pub(crate) fn pictures_in(input: &Value, property: Option<&str>) -> Result<Vec<Picture>, String> {
    let Some((property, value)) = property.and_then(|name| Some((name, input.get(name)?))) else {
        return Ok(Vec::new());
    };
    let entries = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries.as_slice(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => std::slice::from_ref(value),
    };
    if entries.len() > PICTURES_IN_MAX {
        return Err(format!("{property:?} holds {} pictures; at most {PICTURES_IN_MAX} are taken", entries.len()));
    }
    let picture = |entry: &Value| entry.as_str().and_then(Picture::from_data_url);
    let pictures: Option<Vec<Picture>> = entries.iter().map(picture).collect();
    pictures.ok_or_else(|| format!("{property:?} is not a picture: give a data: URL such as data:image/png;base64,..."))
}

/// Whether a job may run that nobody knows. A provider that refuses says so with a status; what broke off, came garbled
/// or comes from a gateway in between says nothing.
fn may_have_started<T>(report: &CallReport<T>) -> bool {
    let Err(error) = &report.result else { return false };
    let unclear = match error.class {
        ErrorClass::TimedOut(_)
        | ErrorClass::Network
        | ErrorClass::CutOff
        | ErrorClass::Empty
        | ErrorClass::Malformed => true,
        ErrorClass::RateLimited
        | ErrorClass::Overloaded
        | ErrorClass::Certificate
        | ErrorClass::Misconfigured
        | ErrorClass::Unauthorized
        | ErrorClass::Quota
        | ErrorClass::Rejected
        | ErrorClass::ModelNotFound
        | ErrorClass::TooLarge
        | ErrorClass::Refused
        | ErrorClass::Truncated
        | ErrorClass::ServerError => false,
    };
    report.sent && (unclear || matches!(report.http_status, Some(502 | 504)))
}

/// The failure that is never tried again by itself.
pub(crate) fn unknown_start(provider: &str) -> Failure {
    let sentence = format!(
        "{provider} did not confirm that it began. It may have, and may bill for it, so it was not asked a second time."
    );
    Failure::new(FailureCode::SubmissionUnknown, sentence).of(FaultOf::Request)
}
