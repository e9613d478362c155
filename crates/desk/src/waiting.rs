//! Waiting for a job at a provider: asking again and again with growing pauses, and fetching the files when it is done.
//! A question or a download that fails is repeated in place and spends no attempt. However it ends, the job itself is
//! known to the store, so that the next attempt can go on.

use crate::attempt::{Attempt, Call, Ending};
use crate::figures;
use crate::making::{Cut, Place};
use crate::witness::Witness;
use copydesk_assets::{AssetError, Intake, Taken};
use copydesk_core::AssetId;
use copydesk_core::generation::{Failure, FailureCode};
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::recipe::output::media::ASSETS_MAX;
use copydesk_providers::media::{AssetRef, FetchRequest, PollRequest, Progress};
use copydesk_providers::{CallReport, Picture, PictureSource, ProviderError, Timeouts};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// The first pause between two questions, doubled up to the longest one.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// The longest pause a provider may ask for.
const PAUSE_ASKED_MAX: Duration = Duration::from_secs(120);
/// How many questions or downloads in a row may fail before the attempt does.
const MISSES_MAX: u32 = 5;
/// How long one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a file did not come.
enum Missed {
    /// The way to it broke: worth another try.
    Again(ProviderError),
    Failed(Failure),
}

impl Attempt {
    /// Waits until the job is done and its files are here. `first` is what the provider said when it took the job; one
    /// that was found running is asked about at once.
    pub(crate) async fn wait_for_job(&mut self, place: &Place<'_>, first: Option<Progress>) -> Result<Vec<Taken>, Cut> {
        let (mut pause, mut misses) = (PAUSE_FIRST, 0);
        let mut told = first.map(quiet);
        loop {
            let report = match told.take() {
                Some(report) => report,
                None => self.ask(place).await?,
            };
            let broken = match &report.result {
                Ok(Progress::Running { wait, .. }) => {
                    misses = 0;
                    let asked = wait.map(|wait| wait.clamp(Duration::from_secs(1), PAUSE_ASKED_MAX));
                    self.nap(asked.unwrap_or(pause)).await?;
                    pause = (pause * 2).min(PAUSE_MAX);
                    continue;
                }
                Ok(Progress::Next(job)) => {
                    self.rename_job(job.clone()).await?;
                    continue;
                }
                Ok(Progress::Failed(error)) => return Err(self.job_failed(place, &report, error).into()),
                Ok(Progress::Done(files)) => match self.fetch_all(place, files).await? {
                    Ok(taken) => {
                        self.book(place, &report, &taken);
                        return Ok(taken);
                    }
                    Err(Missed::Failed(failure)) => {
                        self.book(place, &report, &[]);
                        return Err(self.failed(failure, None).into());
                    }
                    Err(Missed::Again(error)) => error,
                },
                Err(error) => error.clone(),
            };
            misses += 1;
            if !broken.retryable() || misses > MISSES_MAX {
                self.book(place, &report, &[]);
                let failure = broken.failure(place.provider);
                self.blame(&failure);
                return Err(self.failed(failure, None).into());
            }
            let asked = broken.retry_after.map(|wait| wait.min(PAUSE_ASKED_MAX)).unwrap_or_default();
            tracing::debug!(generation = %self.claimed.generation.id, misses, error = %broken, "a question about a job failed");
            self.nap(pause.max(asked)).await?;
        }
    }

    /// The job ended without files: the next attempt, if there is one, starts another.
    fn job_failed(&mut self, place: &Place<'_>, report: &CallReport<Progress>, error: &ProviderError) -> Ending {
        let failed: CallReport<()> = CallReport {
            result: Err(error.clone()),
            usage: report.usage,
            http_status: report.http_status,
            provider_request_id: report.provider_request_id.clone(),
            served_model: report.served_model.clone(),
            sent: true,
            partial_text: None,
        };
        let (price, timing) = (self.price.as_ref(), self.timing());
        let closed = figures::close_made(self.claimed.call, &failed, failed.usage, price, place.provider, timing);
        self.call = Call::Back(Box::new(closed));
        self.job = None;
        let failure = error.failure(place.provider);
        self.blame(&failure);
        self.failed(failure, None)
    }

    /// What the job's end is worth on the books. Pictures are counted where the provider does not.
    fn book(&mut self, place: &Place<'_>, report: &CallReport<Progress>, taken: &[Taken]) {
        let pictures = taken.iter().filter(|file| file.media_type.starts_with("image/")).count();
        // A film may be a moving picture; it is paid for by the second.
        let is_film = report.usage.video_seconds.is_some();
        let counted = u32::try_from(pictures).ok().filter(|count| *count > 0 && !is_film);
        let usage = TokenUsage { images: report.usage.images.or(counted), ..report.usage };
        let (price, timing) = (self.price.as_ref(), self.timing());
        let closed = figures::close_made(self.claimed.call, report, usage, price, place.provider, timing);
        self.call = Call::Back(Box::new(closed));
    }

    async fn ask(&mut self, place: &Place<'_>) -> Result<CallReport<Progress>, Cut> {
        let Some(job) = self.job.as_ref().map(|job| job.reference.clone()) else { return Err(Cut::Lost) };
        let timeouts = Timeouts { total: self.time_left().min(ASK_TIMEOUT), ..Timeouts::default() };
        let model = place.model.to_owned();
        let request = PollRequest { call_id: self.claimed.call, model, job, timeouts };
        self.call = Call::Sent;
        self.witness = Witness::of(self.inner.now());
        let report = self.unless_over(place.jobs.poll(&request)).await?;
        if report.result.is_ok() {
            self.witness.answered();
        }
        Ok(report)
    }

    /// Does it, unless the attempt is stopped or its time is up before.
    async fn unless_over<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cut> {
        let (stop, inner) = (self.running.stop.clone(), std::sync::Arc::clone(&self.inner));
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(self.stopped().into()),
            done = work => Ok(done),
            () = inner.world.sleep(self.time_left()) => Err(self.still_running().into()),
        }
    }

    /// A pause. A desk that stops need not wait for it: the job goes on by itself.
    async fn nap(&mut self, pause: Duration) -> Result<(), Cut> {
        let inner = std::sync::Arc::clone(&self.inner);
        tokio::select! {
            biased;
            () = inner.drained() => Err(self.stopped().into()),
            over = self.unless_over(inner.world.sleep(pause)) => over,
        }
    }

    /// That a job takes its time says nothing of the model; the next attempt goes on asking about the same one.
    fn still_running(&mut self) -> Ending {
        let span = self.claimed.generation.terms.attempt_timeout.as_secs();
        let sentence = format!("{} was still at work on this after {span} s.", self.claimed.model);
        self.failed(Failure::new(FailureCode::AttemptTimeout, sentence), None)
    }

    async fn fetch_all(&mut self, place: &Place<'_>, files: &[AssetRef]) -> Result<Result<Vec<Taken>, Missed>, Cut> {
        if files.len() > ASSETS_MAX {
            let (id, made) = (self.claimed.generation.id, files.len());
            tracing::warn!(generation = %id, made, "only the first {ASSETS_MAX} files are kept");
        }
        let mut taken = Vec::with_capacity(files.len());
        for (file, number) in files.iter().take(ASSETS_MAX).zip(1..) {
            match self.fetch(place, file, number).await? {
                Ok(one) => taken.push(one),
                Err(missed) => return Ok(Err(missed)),
            }
        }
        Ok(Ok(taken))
    }

    async fn fetch(&mut self, place: &Place<'_>, file: &AssetRef, number: u32) -> Result<Result<Taken, Missed>, Cut> {
        let mut intake = match self.intake().await {
            Ok(intake) => intake,
            Err(error) => return Ok(Err(Missed::Failed(local(&error)))),
        };
        let request = FetchRequest {
            call_id: self.claimed.call,
            model: place.model.to_owned(),
            asset: file.clone(),
            timeouts: Timeouts { total: self.time_left(), ..Timeouts::default() },
        };
        let report = self.unless_over(place.jobs.fetch(&request, &mut intake)).await?;
        if let Some(fault) = intake.fault() {
            return Ok(Err(Missed::Failed(local(fault))));
        }
        let fetched = match report.result {
            Ok(fetched) => fetched,
            Err(error) if error.retryable() => return Ok(Err(Missed::Again(error))),
            Err(error) => {
                let failure = error.failure(place.provider);
                let sentence = format!("What {} made could not be fetched: {}.", place.provider, error.message);
                return Ok(Err(Missed::Failed(Failure { message: sentence, ..failure })));
            }
        };
        let said = Some(fetched.media_type).filter(|said| said != copydesk_assets::UNKNOWN);
        let said = said.or_else(|| file.media_type.clone());
        let kept = intake.keep(self.shelf(), number, said.as_deref()).await;
        Ok(kept.map_err(|error| Missed::Failed(local(&error))))
    }

    async fn intake(&self) -> Result<Intake, AssetError> {
        let id = AssetId(self.inner.world.uuid(self.inner.now()));
        Intake::begin(self.inner.assets.as_ref(), id, self.inner.config.asset_bytes_max).await
    }

    /// Puts pictures that came inside an answer where files are kept.
    pub(crate) async fn keep_pictures(&mut self, pictures: Vec<Picture>, provider: &str) -> Result<Vec<Taken>, Cut> {
        let mut taken = Vec::with_capacity(pictures.len());
        for (picture, number) in pictures.into_iter().take(ASSETS_MAX).zip(1..) {
            let bytes = match picture.source {
                PictureSource::Bytes(bytes) => bytes,
                PictureSource::Url(_) => {
                    let sentence = format!("{provider} answered with the address of a picture instead of the picture.");
                    let failure = Failure::new(FailureCode::ProviderBadResponse, sentence).for_good();
                    return Err(self.failed(failure, None).into());
                }
            };
            let kept = async {
                let mut intake = self.intake().await?;
                if intake.write_all(&bytes).await.is_err()
                    && let Some(fault) = intake.fault()
                {
                    return Err(fault.clone());
                }
                intake.keep(self.shelf(), number, Some(&picture.media_type)).await
            };
            taken.push(kept.await.map_err(|error| self.failed(local(&error), None))?);
        }
        Ok(taken)
    }
}

/// A progress that came with another answer.
fn quiet(progress: Progress) -> CallReport<Progress> {
    CallReport {
        result: Ok(progress),
        usage: TokenUsage::default(),
        http_status: None,
        provider_request_id: None,
        served_model: None,
        sent: true,
        partial_text: None,
    }
}

/// A file that our own side cannot keep. Too large a one stays so; a full disk may be emptied.
fn local(error: &AssetError) -> Failure {
    match error {
        AssetError::TooLarge { bytes_max } => {
            let sentence = format!("What was made is larger than {bytes_max} bytes, the limit of one file here.");
            Failure::new(FailureCode::OutputInvalid, sentence).for_good()
        }
        AssetError::Missing { .. } | AssetError::BadPath { .. } | AssetError::Unwritable { .. } => {
            let sentence = "What was made could not be stored here.";
            Failure::new(FailureCode::Internal, sentence).with_detail(error.to_string())
        }
    }
}
