//! A provider in the process. What it does is said by the model's name:
//! `writer` answers at once, with a mail where it is asked for one; `editor` answers with a newsletter; `held` writes the first half, waits for the gate, writes the second; `flaky` fails once for
//! good reasons and then answers; `refuses` never answers; `busy` asks for five minutes; those of [`FAILURES`] fail as they
//! are called. `unlisted` has no price, and what `camera` was asked for nobody knows.

use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{CallId, Tokens};
use copydesk_providers::media::{
    DrawRequest, DrawsPictures, FetchRequest, Fetched, PollRequest, Progress, RunsMediaJobs, SubmitRequest, Submitted,
};
use copydesk_providers::provider::Bytes;
use copydesk_providers::{
    Answer, BoxFuture, CallReport, CallRequest, Catalogue, DeltaSink, ErrorClass, Finish, Message, Picture,
    PictureSource, Provider, ProviderError, TimeoutPhase, Timeouts,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::io::AsyncWrite;
use tokio::sync::watch;

pub const FIRST_HALF: &str = "Héllo ";
pub const SECOND_HALF: &str = "world.";

const NEWSLETTER: &str = r#"{"title": "The week", "intro": "Hello.", "conclusion": "Bye.",
    "topics": [{"heading": "Rust", "body": "A paragraph about it.", "sources": []}]}"#;

const MAIL: &str =
    r#"{"subject": "A question about your cafe", "body": "Hello,\n\nWe read your page.\n\nKind regards"}"#;

/// Models that fail, how, and the code that comes of it.
pub const FAILURES: [(&str, ErrorClass, &str); 7] = [
    ("unreachable", ErrorClass::Network, "provider_unreachable"),
    ("late", ErrorClass::TimedOut(TimeoutPhase::FirstByte), "provider_timeout"),
    ("locked", ErrorClass::Unauthorized, "provider_auth"),
    ("spent", ErrorClass::Quota, "provider_quota"),
    ("strict", ErrorClass::Rejected, "provider_rejected"),
    ("terse", ErrorClass::Truncated, "output_truncated"),
    ("garbled", ErrorClass::Malformed, "provider_bad_response"),
];

pub struct Scripted {
    gate: watch::Sender<bool>,
    calls: AtomicU32,
    /// What it was asked, in order.
    prompts: Mutex<Vec<String>>,
    /// Whether it makes videos. Every question about one breaks off.
    films: AtomicBool,
    /// What comes of the question which models it has; `None`: it cannot be asked.
    pub listing: Mutex<Option<Result<Vec<String>, ErrorClass>>>,
    catalogue: Catalogue,
}

impl Scripted {
    pub fn new() -> Scripted {
        let models =
            ["writer", "editor", "held", "flaky", "refuses", "busy", "painter", "camera", "unlisted"].into_iter();
        let models: Vec<String> = models.chain(FAILURES.map(|(model, ..)| model)).map(str::to_owned).collect();
        let price = copydesk_providers::demo::prices()["writer"].clone();
        let prices =
            models.iter().filter(|model| *model != "unlisted").map(|model| (model.clone(), price.clone())).collect();
        let catalogue = Catalogue::exact(models, prices);
        let (gate, listing) = (watch::Sender::new(false), Mutex::new(None));
        let (calls, prompts, films) = (AtomicU32::new(0), Mutex::default(), AtomicBool::new(false));
        Scripted { gate, calls, prompts, films, listing, catalogue }
    }
    pub fn open_gate(&self) {
        self.gate.send_replace(true);
    }
    pub fn film(&self) {
        self.films.store(true, Ordering::SeqCst);
    }
    pub fn prompts(&self) -> Vec<String> {
        self.prompts.lock().unwrap().clone()
    }
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

fn report(result: Result<Answer, ProviderError>) -> CallReport {
    let usage = TokenUsage { input: Some(Tokens(10)), output: Some(Tokens(4)), ..TokenUsage::default() };
    CallReport {
        result,
        usage,
        http_status: Some(200),
        provider_request_id: Some("req-1".into()),
        served_model: None,
        sent: true,
        partial_text: None,
    }
}

fn written() -> CallReport {
    report(Ok(Answer::text(format!("{FIRST_HALF}{SECOND_HALF}"), Finish::Stop)))
}

impl DrawsPictures for Scripted {
    fn draw<'a>(&'a self, request: &'a DrawRequest) -> BoxFuture<'a, CallReport<Vec<Picture>>> {
        let (media_type, bytes) = match request.prompt.as_str() {
            "svg" => ("image/svg+xml", &b"<svg onload=\"alert(1)\"/>"[..]),
            _ => ("image/png", &b"\x89PNG\r\n\x1a\nnot much of a picture"[..]),
        };
        let source = PictureSource::Bytes(Bytes::from_static(bytes));
        let result = Ok(vec![Picture { media_type: media_type.to_owned(), source }]);
        let report = CallReport {
            result,
            usage: TokenUsage { images: Some(1), ..TokenUsage::default() },
            http_status: Some(200),
            provider_request_id: None,
            served_model: None,
            sent: true,
            partial_text: None,
        };
        Box::pin(std::future::ready(report))
    }
}

/// Every question breaks off after it was sent.
fn lost<'a, T: Send + 'a>() -> BoxFuture<'a, CallReport<T>> {
    let result = Err(ProviderError::new(ErrorClass::CutOff, "the answer broke off"));
    let report = report(Ok(Answer::text(String::new(), Finish::Stop)));
    let CallReport { usage, provider_request_id, served_model, sent, partial_text, .. } = report;
    let report = CallReport { result, usage, http_status: None, provider_request_id, served_model, sent, partial_text };
    Box::pin(std::future::ready(report))
}

impl RunsMediaJobs for Scripted {
    fn submit<'a>(&'a self, _: &'a SubmitRequest) -> BoxFuture<'a, CallReport<Submitted>> {
        lost()
    }
    fn poll<'a>(&'a self, _: &'a PollRequest) -> BoxFuture<'a, CallReport<Progress>> {
        lost()
    }
    fn fetch<'a>(
        &'a self,
        _: &'a FetchRequest,
        _: &'a mut (dyn AsyncWrite + Unpin + Send),
    ) -> BoxFuture<'a, CallReport<Fetched>> {
        lost()
    }
    fn cancel<'a>(&'a self, _: &'a PollRequest) -> BoxFuture<'a, CallReport<()>> {
        lost()
    }
}

impl Provider for Scripted {
    fn runs_media_jobs(&self) -> Option<&dyn RunsMediaJobs> {
        self.films.load(Ordering::SeqCst).then_some(self as &dyn RunsMediaJobs)
    }
    fn draws_pictures(&self) -> Option<&dyn DrawsPictures> {
        Some(self)
    }
    fn name(&self) -> &str {
        "demo"
    }
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
    fn list_models(&self, _: CallId, _: Timeouts) -> Option<BoxFuture<'_, CallReport<Vec<String>>>> {
        let listed = self.listing.lock().unwrap().clone()?;
        let result = listed.map_err(|class| ProviderError::new(class, "as it was told to"));
        let CallReport { usage, http_status, provider_request_id, served_model, sent, partial_text, .. } = written();
        let report = CallReport { result, usage, http_status, provider_request_id, served_model, sent, partial_text };
        Some(Box::pin(std::future::ready(report)))
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(async move {
            let calls = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            self.prompts.lock().unwrap().extend(request.messages.iter().map(Message::text));
            sink.delta(FIRST_HALF);
            if let Some((_, class, _)) = FAILURES.iter().find(|(model, ..)| *model == request.model) {
                return report(Err(ProviderError::new(*class, "as it was told to")));
            }
            if request.messages.iter().any(|message| message.text().contains("\n<part>\n")) {
                return report(Ok(Answer::text(r#"{"text": "you."}"#.to_owned(), Finish::Stop)));
            }
            match request.model.as_str() {
                "writer" if request.messages.iter().any(|message| message.text().contains("<prospect>")) => {
                    return report(Ok(Answer::text(MAIL.to_owned(), Finish::Stop)));
                }
                "editor" => return report(Ok(Answer::text(NEWSLETTER.to_owned(), Finish::Stop))),
                "refuses" => return report(Err(ProviderError::new(ErrorClass::Refused, "I would rather not."))),
                "busy" => {
                    let wait = Some(std::time::Duration::from_secs(300));
                    let error = ProviderError::new(ErrorClass::RateLimited, "slow down").with_retry_after(wait);
                    return report(Err(error));
                }
                "flaky" if calls == 1 => return report(Err(ProviderError::new(ErrorClass::Overloaded, "busy"))),
                "held" => {
                    let mut gate = self.gate.subscribe();
                    gate.wait_for(|open| *open).await.unwrap();
                }
                _ => {}
            }
            sink.delta(SECOND_HALF);
            written()
        })
    }
}
