//! A try of a model as readers see it.

use crate::wire::call::{CostBody, TokensBody, cost};
use copydesk_desk::model_test::{ModelTest, Unanswered};
use serde::Serialize;
use std::time::Duration;

#[derive(Serialize)]
pub(crate) struct ModelTestBody {
    object: &'static str,
    /// `provider/model`, as it was asked for.
    model: String,
    provider: String,
    /// Whether the model answered.
    ok: bool,
    at: String,
    text: Option<String>,
    finish: Option<String>,
    served_model: Option<String>,
    first_text_ms: Option<u64>,
    duration_ms: u64,
    http_status: Option<u16>,
    tokens: TokensBody,
    cost: CostBody,
    error: Option<TestError>,
}

#[derive(Serialize)]
struct TestError {
    class: &'static str,
    code: &'static str,
    message: String,
    provider_message: String,
    provider_code: Option<String>,
}

impl From<Unanswered> for TestError {
    fn from(why: Unanswered) -> TestError {
        TestError {
            class: why.class,
            code: why.code,
            message: why.sentence,
            provider_message: why.provider_words,
            provider_code: why.provider_code,
        }
    }
}

impl From<ModelTest> for ModelTestBody {
    fn from(test: ModelTest) -> ModelTestBody {
        let (answer, error) = match test.result {
            Ok(answer) => (Some(answer), None),
            Err(why) => (None, Some(TestError::from(why))),
        };
        ModelTestBody {
            object: "model_test",
            model: format!("{}/{}", test.provider, test.model),
            provider: test.provider,
            ok: error.is_none(),
            at: test.at.to_string(),
            text: answer.as_ref().map(|answer| answer.text.clone()),
            finish: answer.map(|answer| answer.finish),
            served_model: test.served_model,
            first_text_ms: test.first_text.map(millis),
            duration_ms: millis(test.took),
            http_status: test.http_status,
            tokens: TokensBody::from(&test.usage),
            cost: cost(test.cost.nanousd(), test.cost.status(), test.cost.price_version().map(str::to_owned)),
            error,
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
