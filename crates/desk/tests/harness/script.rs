//! A provider that does what a script says and remembers every call it saw. It keeps no books: those are what is tested.

use copydesk_core::metering::price::Price;
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{CallId, NanoUsd, Timestamp, Tokens};
use copydesk_desk::clock::{Clock, HandClock};
use copydesk_providers::error::ErrorClass;
use copydesk_providers::{
    Answer, CallReport, CallRequest, Catalogue, DeltaSink, Finish, Message, Provider, ProviderError,
};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the provider does with one call.
#[derive(Clone, Debug)]
pub enum Reply {
    Say(String),
    /// Says what it was asked.
    Echo,
    /// Says it, but stopped for this reason.
    Finish(String, Finish),
    /// Streams the text, then waits to be released before the answer is whole.
    Hold(String),
    /// Streams the text after so long, and is whole after as long again.
    Slow(Duration, String),
    Fail(ErrorClass),
    /// Fails the first try of every prompt and answers the second.
    Flaky(ErrorClass),
    /// 429 with a wait.
    RateLimited(Duration),
    /// Fails with these very words of the provider's.
    FailSaying(ErrorClass, String),
    /// Never comes back.
    Hang,
    Panic,
}

impl Reply {
    pub fn say(text: &str) -> Reply {
        Reply::Say(text.to_owned())
    }
    pub fn hold(text: &str) -> Reply {
        Reply::Hold(text.to_owned())
    }
}

/// One call as the provider saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: CallId,
    pub model: String,
    /// All messages, one after the other.
    pub prompt: String,
    pub at: Timestamp,
    pub temperature: Option<f32>,
    pub max_output_tokens: Option<u32>,
}

pub struct Script {
    name: String,
    clock: Arc<HandClock>,
    replies: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Reply>,
    seen: Mutex<Vec<Seen>>,
    gate: Semaphore,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
    dropped: AtomicUsize,
    catalogue: Catalogue,
}

/// What every whole answer used.
pub fn usage() -> TokenUsage {
    TokenUsage {
        input: Some(Tokens(100)),
        output: Some(Tokens(20)),
        output_reasoning: Some(Tokens(5)),
        ..TokenUsage::default()
    }
}

/// Nobody has a model called `absent`, and nobody knows what `unlisted` costs.
fn catalogue() -> Catalogue {
    let models = ["one", "two", "three", "writer"].map(str::to_owned);
    let price = Price::per_million("test-1", NanoUsd(1_000_000_000), NanoUsd(2_000_000_000));
    let prices = models.iter().map(|model| (model.clone(), price.clone())).collect();
    let unpriced = "unlisted".to_owned();
    Catalogue::exact(models.into_iter().chain([unpriced]).collect(), prices)
}

impl Script {
    pub fn new(name: &str, clock: Arc<HandClock>) -> Arc<Script> {
        Arc::new(Script {
            name: name.to_owned(),
            clock,
            replies: Mutex::default(),
            otherwise: Mutex::new(Reply::say("A fine text.")),
            seen: Mutex::default(),
            gate: Semaphore::new(0),
            in_flight: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            catalogue: catalogue(),
        })
    }
    /// What the next calls get, in order.
    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }
    /// What every call gets when the script is used up.
    pub fn otherwise(&self, reply: Reply) {
        *self.otherwise.lock().unwrap() = reply;
    }
    /// Lets this many held calls go on, the longest waiting first.
    pub fn release(&self, n: usize) {
        self.gate.add_permits(n);
    }
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }
    /// Calls whose future was dropped before it was done.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    async fn answer(&self, reply: Reply, prompt: String, sink: &dyn DeltaSink) -> CallReport {
        let (text, finish) = match reply {
            Reply::Say(text) => (text, Finish::Stop),
            Reply::Echo => (prompt, Finish::Stop),
            Reply::Finish(text, finish) => (text, finish),
            Reply::Hold(text) => {
                sink.delta(&text);
                self.gate.acquire().await.unwrap().forget();
                return report(Ok(Answer::text(text, Finish::Stop)));
            }
            Reply::Slow(span, text) => {
                self.clock.sleep(span).await;
                sink.delta(&text);
                self.clock.sleep(span).await;
                return report(Ok(Answer::text(text, Finish::Stop)));
            }
            Reply::Flaky(class) if self.seen().iter().filter(|seen| seen.prompt == prompt).count() % 2 == 1 => {
                return report(Err(ProviderError::new(class, "it broke off")));
            }
            Reply::Flaky(_) => (prompt, Finish::Stop),
            Reply::Fail(class) => return report(Err(ProviderError::new(class, "it went wrong"))),
            Reply::RateLimited(wait) => {
                let error = ProviderError::new(ErrorClass::RateLimited, "slow down").with_retry_after(Some(wait));
                return report(Err(error));
            }
            Reply::FailSaying(class, words) => return report(Err(ProviderError::new(class, words))),
            Reply::Hang => return std::future::pending().await,
            Reply::Panic => panic!("the provider's code is broken"),
        };
        // An answer takes a while: others run meanwhile.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        sink.delta(&text);
        report(Ok(Answer::text(text, finish)))
    }
}

fn report(result: Result<Answer, ProviderError>) -> CallReport {
    let usage = if result.is_ok() { usage() } else { TokenUsage::default() };
    CallReport {
        http_status: Some(if result.is_ok() { 200 } else { 500 }),
        result,
        usage,
        provider_request_id: Some("req-1".to_owned()),
        served_model: None,
        sent: true,
        partial_text: None,
    }
}

/// Counts a call in, and out again however it ends.
struct InFlight<'a> {
    script: &'a Script,
    done: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.script.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.done && !std::thread::panicking() {
            self.script.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Provider for Script {
    fn name(&self) -> &str {
        &self.name
    }

    fn call<'a>(
        &'a self,
        request: &'a CallRequest,
        sink: &'a dyn DeltaSink,
    ) -> copydesk_providers::BoxFuture<'a, CallReport> {
        Box::pin(async move {
            let prompt: Vec<String> = request.messages.iter().map(Message::text).collect();
            let prompt = prompt.join("\n");
            let seen = Seen {
                id: request.call_id,
                model: request.model.clone(),
                prompt: prompt.clone(),
                at: self.clock.now(),
                temperature: request.temperature,
                max_output_tokens: request.max_output_tokens,
            };
            self.seen.lock().unwrap().push(seen);
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.peak.fetch_max(now, Ordering::SeqCst);
            let mut guard = InFlight { script: self, done: false };
            let reply = self.replies.lock().unwrap().pop_front();
            let reply = reply.unwrap_or_else(|| self.otherwise.lock().unwrap().clone());
            let report = self.answer(reply, prompt, sink).await;
            guard.done = true;
            report
        })
    }

    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}
