//! What some providers do besides chat: pictures, embeddings, and media jobs that run for minutes at the provider. Each
//! method is at most one request on the wire and one call on the books. It keeps no state: the id of a provider's job is
//! handed out so that the caller can make it durable before anybody polls.

use std::time::Duration;

use copydesk_core::CallId;
use serde_json::{Map, Value};
use tokio::io::AsyncWrite;

use crate::error::ProviderError;
use crate::provider::{BoxFuture, CallReport, Part, Picture, Timeouts};
use crate::secret::Secret;

/// A provider with an endpoint for pictures. Models that draw within a chat answer through `Provider::call`.
pub trait DrawsPictures: Send + Sync {
    /// Whole, decoded pictures, at least one; an answer without any is `Empty`.
    fn draw<'a>(&'a self, request: &'a DrawRequest) -> BoxFuture<'a, CallReport<Vec<Picture>>>;
}

/// A provider that turns text into vectors.
pub trait EmbedsText: Send + Sync {
    /// One vector per text, in the order of the texts; a missing, extra or ragged one is `Malformed`.
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> BoxFuture<'a, CallReport<Vec<Vec<f32>>>>;
}

/// A provider that makes videos, or anything else that takes minutes, as jobs of its own.
pub trait RunsMediaJobs: Send + Sync {
    /// Starts a job. When its answer is lost (`sent` and an error), a job may run that nobody knows: the caller must
    /// not simply submit again.
    fn submit<'a>(&'a self, request: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>>;

    /// Asks once how far it is.
    fn poll<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>>;

    /// Downloads a finished asset into `into`, piece by piece. Keys are sent only to the provider's own host. After an
    /// error `into` holds a beginning of no use.
    fn fetch<'a>(
        &'a self,
        request: &'a FetchRequest,
        into: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>>;

    /// Asks the provider to stop. Says nothing about whether it will bill.
    fn cancel<'a>(&'a self, request: &'a PollRequest) -> BoxFuture<'a, CallReport<()>>;
}

/// Pictures to be made at once.
#[derive(Clone, PartialEq, Debug)]
pub struct DrawRequest {
    pub call_id: CallId,
    pub model: String,
    pub prompt: String,
    pub count: u32,
    /// In the provider's own words, for example `1024x1024`.
    pub size: Option<String>,
    pub timeouts: Timeouts,
}

/// Texts to be turned into vectors.
#[derive(Clone, PartialEq, Debug)]
pub struct EmbedRequest {
    pub call_id: CallId,
    pub model: String,
    pub texts: Vec<String>,
    pub dimensions: Option<u32>,
    pub timeouts: Timeouts,
}

/// A job to be started.
#[derive(Clone, PartialEq, Debug)]
pub struct SubmitRequest {
    pub call_id: CallId,
    pub model: String,
    /// The prompt, and pictures to start from.
    pub input: Vec<Part>,
    /// Further settings in the provider's own words (duration, aspect ratio); they win over nothing of ours.
    pub settings: Map<String, Value>,
    pub timeouts: Timeouts,
}

/// A job the provider has accepted.
#[derive(Clone, PartialEq, Debug)]
pub struct Submitted {
    pub job: JobRef,
    /// Some providers answer at once.
    pub progress: Option<Progress>,
}

/// The provider's own name of a job; everything needed to ask for it after a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRef(pub String);

/// A question about a job.
#[derive(Clone, PartialEq, Debug)]
pub struct PollRequest {
    pub call_id: CallId,
    pub model: String,
    pub job: JobRef,
    pub timeouts: Timeouts,
}

/// How far a job is. An error of the poll itself says nothing about the job; asking again may.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// Percent where the provider says; `wait` where it says when to ask again.
    Running {
        percent: Option<u8>,
        wait: Option<Duration>,
    },
    /// It has reached another stage, which has another name: the caller keeps that one in place of the first and asks
    /// again at once. Asking by the first name is still right, it only leads here again.
    Next(JobRef),
    Done(Vec<AssetRef>),
    /// It has ended without anything to fetch, and no further question changes that. Whether another job may do better
    /// is said by the error's class.
    Failed(ProviderError),
}

impl CallReport<Progress> {
    /// The key never leaves here, also not inside the words of a job that failed.
    pub(crate) fn masked(mut self, key: Option<&Secret>) -> CallReport<Progress> {
        self.result = self.result.map(|progress| match progress {
            Progress::Failed(error) => Progress::Failed(error.masked(key)),
            Progress::Running { .. } | Progress::Next(_) | Progress::Done(_) => progress,
        });
        self
    }
}

/// Where a finished asset can be fetched from, for as long as the provider keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssetRef {
    pub url: String,
    pub media_type: Option<String>,
}

/// A download that came whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    pub media_type: String,
    pub bytes: u64,
}

/// A download.
#[derive(Clone, PartialEq, Debug)]
pub struct FetchRequest {
    pub call_id: CallId,
    pub model: String,
    pub asset: AssetRef,
    pub timeouts: Timeouts,
}
