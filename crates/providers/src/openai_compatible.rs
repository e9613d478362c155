//! The adapter for every provider that speaks OpenAI's chat format: OpenRouter, OpenAI, Ollama, vLLM, llama.cpp, the
//! demo provider. It makes one call and reports it; it never retries, never prices what it has no table for, and keeps
//! no state between calls.

use std::collections::BTreeMap;

use copydesk_core::Timestamp;
use copydesk_core::metering::price::Price;

use crate::error::{ErrorClass, ProviderError};
use crate::error_text::{ErrorText, describe, into_error};
use crate::http::{ContentKind, ERROR_BYTES_MAX, HttpClient, PostJson, Posted, Response, head_of};
use crate::openai_stream::{Shape, Transcript, read_stream, read_whole};
pub use crate::openai_wire::MaxTokensField;
use crate::openai_wire::{parse_json, request_body};
use crate::prices::ProviderPrices;
use crate::provider::{BoxFuture, CallReport, CallRequest, DeltaSink, NoSink, Provider};
use crate::secret::Secret;

/// Where a provider's own name for a request may stand, the most useful first.
const REQUEST_ID_HEADERS: [&str; 3] = ["x-generation-id", "x-request-id", "request-id"];

/// One configured provider of this kind.
#[derive(Debug)]
pub struct OpenAiCompatible {
    name: String,
    url: String,
    api_key: Option<Secret>,
    http: HttpClient,
    max_tokens_field: MaxTokensField,
    models: Vec<String>,
    prices: BTreeMap<String, Price>,
    table: ProviderPrices,
}

impl OpenAiCompatible {
    /// A provider called `name` under `base_url`, the part before `/chat/completions`.
    pub fn new(name: impl Into<String>, base_url: &str, http: HttpClient) -> OpenAiCompatible {
        OpenAiCompatible {
            name: name.into(),
            url: format!("{}/chat/completions", base_url.trim_end_matches('/')),
            api_key: None,
            http,
            max_tokens_field: MaxTokensField::MaxTokens,
            models: Vec::new(),
            prices: BTreeMap::new(),
            table: ProviderPrices::default(),
        }
    }
    pub fn with_api_key(mut self, api_key: Option<Secret>) -> OpenAiCompatible {
        self.api_key = api_key;
        self
    }
    pub fn with_max_tokens_field(mut self, field: MaxTokensField) -> OpenAiCompatible {
        self.max_tokens_field = field;
        self
    }
    /// Names the models there are; a name outside the list is then unknown.
    pub fn with_models(mut self, models: Vec<String>) -> OpenAiCompatible {
        self.models = models;
        self
    }
    /// The prices of models by their name without options.
    pub fn with_prices(mut self, prices: BTreeMap<String, Price>) -> OpenAiCompatible {
        self.prices = prices;
        self
    }
    /// The dated prices of this provider, asked where it has no price of its own for a model.
    pub fn with_price_table(mut self, table: ProviderPrices) -> OpenAiCompatible {
        self.table = table;
        self
    }

    async fn run(&self, request: &CallRequest, sink: &dyn DeltaSink) -> CallReport {
        let post = PostJson {
            url: &self.url,
            secret: self.api_key.as_ref(),
            call_id: request.call_id.to_string(),
            accept: if request.stream { "text/event-stream, application/json" } else { "application/json" },
            body: request_body(request, self.max_tokens_field),
            timeouts: request.timeouts,
        };
        let Posted { sent, response } = self.http.post_json(post).await;
        let mut response = match response {
            Ok(response) => response,
            Err(error) => return CallReport { sent, ..CallReport::not_sent(error.masked(self.api_key.as_ref())) },
        };
        let sink: &dyn DeltaSink = if request.stream { sink } else { &NoSink };
        let mut transcript = Transcript::default();
        let result = read_answer(&mut response, &mut transcript, sink).await;
        let result = result.and_then(|shape| transcript.conclude(shape));
        let failed = result.is_err();
        let id_header = REQUEST_ID_HEADERS.iter().find_map(|name| response.header(name)).map(str::to_owned);
        CallReport {
            result: result.map_err(|error| error.masked(self.api_key.as_ref())),
            usage: transcript.usage,
            http_status: Some(response.status),
            provider_request_id: id_header.or(transcript.id),
            served_model: transcript.model,
            sent,
            partial_text: Some(transcript.text).filter(|text| failed && !text.is_empty()),
        }
    }
}

impl Provider for OpenAiCompatible {
    fn name(&self) -> &str {
        &self.name
    }
    fn call<'a>(&'a self, request: &'a CallRequest, sink: &'a dyn DeltaSink) -> BoxFuture<'a, CallReport> {
        Box::pin(self.run(request, sink))
    }
    fn price(&self, model: &str) -> Option<Price> {
        self.price_at(model, Timestamp::from_micros(i64::MAX))
    }
    fn price_at(&self, model: &str, at: Timestamp) -> Option<Price> {
        let base = model.split_once('?').map_or(model, |(base, _)| base);
        let listed = self.prices.get(model).or_else(|| self.prices.get(base)).cloned();
        listed.or_else(|| self.table.price(base, at))
    }
    fn priced_models(&self) -> Vec<String> {
        self.table.models()
    }
    fn models(&self) -> Vec<String> {
        self.models.clone()
    }
}

/// Reads the body after looking at the status and the content type, in that order and before any parsing.
async fn read_answer(
    response: &mut Response,
    transcript: &mut Transcript,
    sink: &dyn DeltaSink,
) -> Result<Shape, ProviderError> {
    if !(200..300).contains(&response.status) {
        return Err(error_answer(response).await);
    }
    match response.content_kind() {
        ContentKind::EventStream => {
            read_stream(response, transcript, sink).await?;
            Ok(Shape::Stream)
        }
        ContentKind::Json | ContentKind::Missing => {
            // No limit of its own here: `chunk` ends with an error over the cap, and a cut body must not look whole.
            let (body, broken) = response.read(usize::MAX).await;
            if let Some(error) = broken {
                return Err(error);
            }
            read_whole(&body, response, transcript, sink)?;
            Ok(Shape::Whole)
        }
        ContentKind::Html => Err(not_an_answer(response, "an HTML page").await),
        ContentKind::Other(kind) => Err(not_an_answer(response, &format!("{kind:?}")).await),
    }
}

/// A success that is not JSON. It is wrapped into the same shape as any other error.
async fn not_an_answer(response: &mut Response, what: &str) -> ProviderError {
    let (body, _broken) = response.read(ERROR_BYTES_MAX).await;
    let raw = String::from_utf8_lossy(head_of(&body)).into_owned();
    let title = page_title(&raw).map(|title| format!(" titled {title:?}")).unwrap_or_default();
    let message = format!("status {} with {what}{title} instead of JSON", response.status);
    ProviderError::new(ErrorClass::Malformed, message).with_raw(raw)
}

/// An answer with an error status. A body that broke off is read as far as it came: the status says enough.
async fn error_answer(response: &mut Response) -> ProviderError {
    let (body, _broken) = response.read(ERROR_BYTES_MAX).await;
    let text = String::from_utf8_lossy(&body);
    let raw = String::from_utf8_lossy(head_of(&body));
    if let Ok(value) = parse_json(&text) {
        return into_error(response.status, describe(&value, &raw), &response.headers, &raw);
    }
    let message = match (response.content_kind(), page_title(&raw)) {
        (ContentKind::Html, Some(title)) => format!("status {} with an HTML page titled {title:?}", response.status),
        (ContentKind::Html, None) => format!("status {} with an HTML page", response.status),
        (ContentKind::Json | ContentKind::EventStream | ContentKind::Missing | ContentKind::Other(_), _) => {
            raw.trim().to_owned()
        }
    };
    let mut error = into_error(response.status, ErrorText { message, ..ErrorText::default() }, &response.headers, &raw);
    // A provider of this format explains an unknown model in JSON. Anything else with a 404 is not at this address.
    if error.class == ErrorClass::ModelNotFound {
        error.class = ErrorClass::Misconfigured;
    }
    error
}

fn page_title(html: &str) -> Option<&str> {
    let (_, after) = html.split_once("<title>")?;
    let (title, _) = after.split_once("</title>")?;
    Some(title.trim()).filter(|title| !title.is_empty())
}
