//! A provider that runs jobs and draws pictures as a test says, and remembers everything it was asked.

use copydesk_core::CallId;
use copydesk_core::metering::usage::TokenUsage;
use copydesk_providers::error::ErrorClass;
use copydesk_providers::media::{
    AssetRef, DrawRequest, DrawsPictures, FetchRequest, Fetched, JobRef, PollRequest, Progress, RunsMediaJobs,
    SubmitRequest, Submitted,
};
use copydesk_providers::provider::Bytes;
use copydesk_providers::{
    BoxFuture, CallReport, CallRequest, Catalogue, DeltaSink, Part, Picture, PictureSource, Provider, ProviderError,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

/// What becomes of one submission.
#[derive(Clone, Debug)]
pub enum Start {
    Taken,
    /// Taken, and done at once.
    Done(usize),
    /// Waits to be released, and is taken.
    Held,
    /// It left, and its answer did not come.
    Lost,
    Refused(ErrorClass),
}

/// What one question is answered.
#[derive(Clone, Debug)]
pub enum Told {
    Running,
    RunningFor(Duration),
    /// The job is called like this from now on.
    Next(&'static str),
    /// So many files.
    Done(usize),
    Failed(ErrorClass),
    /// The question itself fails.
    Broken(ErrorClass),
    Hang,
}

/// What one download brings.
#[derive(Clone, Debug)]
pub enum File {
    Whole(Vec<u8>),
    Broken(ErrorClass, &'static str),
    /// A beginning, and then nothing more.
    Hang,
}

/// What it was asked, in the order of the questions.
#[derive(Clone, PartialEq, Debug)]
pub enum Asked {
    Submit { prompt: String, settings: String, pictures: usize },
    Poll(String),
    Fetch(String),
    Cancel(String),
    Draw { prompt: String, count: u32, size: Option<String> },
}

#[derive(Default)]
pub struct Studio {
    starts: Mutex<VecDeque<Start>>,
    told: Mutex<VecDeque<Told>>,
    files: Mutex<VecDeque<File>>,
    asked: Mutex<Vec<(CallId, Asked)>>,
    gate: Option<Semaphore>,
    catalogue: Catalogue,
}

impl Studio {
    pub fn new() -> Arc<Studio> {
        let catalogue = Catalogue::exact(vec!["reel".to_owned()], BTreeMap::new());
        Arc::new(Studio { gate: Some(Semaphore::new(0)), catalogue, ..Studio::default() })
    }
    /// What the next submissions get; `Taken` when none is left.
    pub fn starts(&self, starts: impl IntoIterator<Item = Start>) {
        self.starts.lock().unwrap().extend(starts);
    }
    /// What the next questions are answered; one file when none is left.
    pub fn tells(&self, told: impl IntoIterator<Item = Told>) {
        self.told.lock().unwrap().extend(told);
    }
    /// What the next downloads bring; a small picture when none is left.
    pub fn brings(&self, files: impl IntoIterator<Item = File>) {
        self.files.lock().unwrap().extend(files);
    }
    pub fn release(&self) {
        self.gate.as_ref().unwrap().add_permits(1);
    }
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().map(|(_, asked)| asked.clone()).collect()
    }
    pub fn call_ids(&self) -> Vec<CallId> {
        let asked = self.asked.lock().unwrap();
        let on_the_books = asked.iter().filter(|(_, asked)| !matches!(asked, Asked::Cancel(_)));
        on_the_books.map(|(id, _)| *id).collect()
    }
    pub fn count(&self, kind: impl Fn(&Asked) -> bool) -> usize {
        self.asked().iter().filter(|asked| kind(asked)).count()
    }
    pub fn submits(&self) -> usize {
        self.count(|asked| matches!(asked, Asked::Submit { .. }))
    }
    pub fn polls(&self) -> usize {
        self.count(|asked| matches!(asked, Asked::Poll(_)))
    }
    pub fn fetches(&self) -> usize {
        self.count(|asked| matches!(asked, Asked::Fetch(_)))
    }
    pub fn cancelled(&self) -> Vec<String> {
        let job = |asked: Asked| match asked {
            Asked::Cancel(job) => Some(job),
            Asked::Submit { .. } | Asked::Poll(_) | Asked::Fetch(_) | Asked::Draw { .. } => None,
        };
        self.asked().into_iter().filter_map(job).collect()
    }
    fn note(&self, id: CallId, asked: Asked) {
        self.asked.lock().unwrap().push((id, asked));
    }
}

fn report<T>(result: Result<T, ProviderError>) -> CallReport<T> {
    let http_status = match &result {
        Ok(_) => Some(200),
        Err(error) if matches!(error.class, ErrorClass::Network | ErrorClass::CutOff) => None,
        Err(_) => Some(500),
    };
    CallReport {
        result,
        usage: TokenUsage::default(),
        http_status,
        provider_request_id: None,
        served_model: None,
        sent: true,
        partial_text: None,
    }
}

fn broken<T>(class: ErrorClass) -> CallReport<T> {
    report(Err(ProviderError::new(class, "it went wrong")))
}

fn files(count: usize) -> Progress {
    let asset = |n| AssetRef { url: format!("https://studio.example/{n}"), media_type: Some("video/mp4".into()) };
    Progress::Done((1..=count).map(asset).collect())
}

impl RunsMediaJobs for Studio {
    fn submit<'a>(&'a self, request: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>> {
        Box::pin(async move {
            let text = |part: &Part| match part {
                Part::Text(text) => Some(text.clone()),
                Part::Picture(_) => None,
            };
            let prompt: Vec<String> = request.input.iter().filter_map(text).collect();
            let pictures = request.input.len() - prompt.len();
            let settings = serde_json::Value::Object(request.settings.clone()).to_string();
            self.note(request.call_id, Asked::Submit { prompt: prompt.join("|"), settings, pictures });
            let job = JobRef(format!("job-{}", self.submits()));
            let start = self.starts.lock().unwrap().pop_front().unwrap_or(Start::Taken);
            let progress = match start {
                Start::Taken => None,
                Start::Done(count) => Some(files(count)),
                Start::Held => {
                    self.gate.as_ref().unwrap().acquire().await.unwrap().forget();
                    None
                }
                Start::Lost => return broken(ErrorClass::Network),
                Start::Refused(class) => return broken(class),
            };
            report(Ok(Submitted { job, progress }))
        })
    }

    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>> {
        Box::pin(async move {
            self.note(request.call_id, Asked::Poll(request.job.0.clone()));
            let told = self.told.lock().unwrap().pop_front().unwrap_or(Told::Done(1));
            let progress = match told {
                Told::Running => Progress::Running { percent: None, wait: None },
                Told::RunningFor(wait) => Progress::Running { percent: None, wait: Some(wait) },
                Told::Next(name) => Progress::Next(JobRef(name.to_owned())),
                Told::Done(count) => files(count),
                Told::Failed(class) => Progress::Failed(ProviderError::new(class, "the film tore")),
                Told::Broken(class) => return broken(class),
                Told::Hang => return std::future::pending().await,
            };
            let mut report = report(Ok(progress));
            report.usage.video_seconds = Some(3);
            report
        })
    }

    fn fetch<'a>(
        &'a self,
        request: &'a FetchRequest,
        into: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>> {
        Box::pin(async move {
            self.note(request.call_id, Asked::Fetch(request.asset.url.clone()));
            let file = self.files.lock().unwrap().pop_front().unwrap_or_else(|| File::Whole(PNG.to_vec()));
            match file {
                File::Whole(bytes) => match into.write_all(&bytes).await {
                    Ok(()) => report(Ok(Fetched { media_type: "video/mp4".to_owned(), bytes: bytes.len() as u64 })),
                    Err(error) => report(Err(ProviderError::new(ErrorClass::CutOff, error.to_string()))),
                },
                File::Broken(class, words) => report(Err(ProviderError::new(class, words))),
                File::Hang => {
                    into.write_all(b"half a fi").await.unwrap();
                    std::future::pending().await
                }
            }
        })
    }

    fn cancel<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<()>> {
        Box::pin(async move {
            self.note(request.call_id, Asked::Cancel(request.job.0.clone()));
            report(Ok(()))
        })
    }
}

impl DrawsPictures for Studio {
    fn draw<'a>(&'a self, request: &'a DrawRequest) -> BoxFuture<'a, CallReport<Vec<Picture>>> {
        Box::pin(async move {
            let DrawRequest { prompt, count, size, .. } = request.clone();
            self.note(request.call_id, Asked::Draw { prompt, count, size });
            match self.starts.lock().unwrap().pop_front() {
                Some(Start::Refused(class)) => broken(class),
                Some(Start::Taken | Start::Done(_) | Start::Held | Start::Lost) | None => {
                    let source = PictureSource::Bytes(Bytes::from_static(PNG));
                    let picture = Picture { media_type: "image/png".to_owned(), source };
                    report(Ok(vec![picture; count as usize]))
                }
            }
        })
    }
}

impl Provider for Studio {
    fn name(&self) -> &str {
        "studio"
    }
    fn call<'a>(&'a self, _: &'a CallRequest, _: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(async { CallReport::not_sent(ProviderError::new(ErrorClass::Misconfigured, "it does not chat")) })
    }
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
    fn draws_pictures(&self) -> Option<&dyn DrawsPictures> {
        Some(self)
    }
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        Some(self)
    }
}
