//! One tiny call to a model, to see whether it answers, how fast and for how much. It is nobody's generation: nothing is
//! written, no credits move, and its tokens stand in the answer alone.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use copydesk_core::metering::cost::{Cost, cost};
use copydesk_core::metering::usage::TokenUsage;
use copydesk_core::{CallId, Timestamp};
use copydesk_providers::{CallRequest, DeltaSink, Message, ProviderError, Timeouts};

use crate::clock::World;
use crate::desk::Desk;
use crate::error::DeskError;

/// What the model is asked.
const PROMPT: &str = "Reply with OK.";
/// Room for models that think before they say two letters. Units: tokens.
const OUTPUT_TOKENS_MAX: u32 = 512;
/// The whole call; shorter than the command line waits for a server.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelTest {
    pub provider: String,
    /// The model's name at the provider.
    pub model: String,
    pub at: Timestamp,
    pub result: Result<Answered, Unanswered>,
    /// Until the first piece of text; `None` when there was none.
    pub first_text: Option<Duration>,
    pub took: Duration,
    pub usage: TokenUsage,
    pub cost: Cost,
    pub http_status: Option<u16>,
    pub served_model: Option<String>,
}

/// The model's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    pub text: String,
    pub finish: String,
}

/// Why there was no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unanswered {
    pub class: &'static str,
    /// The public code a generation would have failed with.
    pub code: &'static str,
    /// One sentence for anybody.
    pub sentence: String,
    /// The provider's own words, secrets removed.
    pub provider_words: String,
    pub provider_code: Option<String>,
}

impl Unanswered {
    fn of(error: &ProviderError, provider: &str) -> Unanswered {
        let failure = error.failure(provider);
        Unanswered {
            class: error.class.as_str(),
            code: failure.code.as_str(),
            sentence: failure.message,
            provider_words: error.message.clone(),
            provider_code: error.provider_code.clone(),
        }
    }
}

/// Notes when the first text came.
struct FirstText {
    world: World,
    began: Duration,
    after: OnceLock<Duration>,
}

impl DeltaSink for FirstText {
    fn delta(&self, _text: &str) {
        self.after.get_or_init(|| self.world.steady().saturating_sub(self.began));
    }
}

impl Desk {
    /// Asks the model at `address` to say OK.
    ///
    /// Errors: `UnknownModel`. A provider that does not answer is no error here; it is what was asked.
    pub async fn test_model(&self, address: &str) -> Result<ModelTest, DeskError> {
        let (provider, model) = self
            .providers()
            .resolve(address)
            .map_err(|unknown| DeskError::UnknownModel { reason: unknown.to_string() })?;
        let world = self.world();
        let (at, began) = (world.now(), world.steady());
        let price = provider.price_at(&model, at);
        let request = CallRequest {
            max_output_tokens: Some(OUTPUT_TOKENS_MAX),
            stream: true,
            timeouts: Timeouts { total: TIMEOUT, ..Timeouts::default() },
            ..CallRequest::new(CallId(world.uuid(at)), model.clone(), vec![Message::user(PROMPT)])
        };
        let sink = Arc::new(FirstText { world: world.clone(), began, after: OnceLock::new() });
        let report = provider.call(&request, sink.as_ref()).await;
        let took = world.steady().saturating_sub(began);
        let result = match &report.result {
            Ok(answer) => Ok(Answered { text: answer.text.clone(), finish: answer.finish.as_str().to_owned() }),
            Err(error) => Err(Unanswered::of(error, provider.name())),
        };
        Ok(ModelTest {
            provider: provider.name().to_owned(),
            model,
            at,
            result,
            first_text: sink.after.get().copied(),
            took,
            cost: cost(&report.usage, price.as_ref()),
            usage: report.usage,
            http_status: report.http_status,
            served_model: report.served_model,
        })
    }
}
