//! What one generation may use at most: the steps of its recipe with each model of its route, by the prices of this
//! moment. A budget sets so much aside before the first call. The arithmetic is core's.

use crate::desk::Inner;
use copydesk_core::budget::bound::{Bound, CallBound, MostCost, of_all_calls};
use copydesk_core::metering::price::Price;
use copydesk_core::recipe::recipe::PICTURES_MAX;
use copydesk_core::recipe::{Params, Settings, StepKind};
use copydesk_core::{NanoUsd, Timestamp, Tokens};
use copydesk_recipes::LoadedRecipe;
use serde_json::Value;

/// The longest video a job is taken to make when its settings do not say. Units: seconds.
const VIDEO_SECONDS_MAX: u32 = 60;
/// What one picture takes where pictures are paid for in tokens; the largest known takes about 6,300. Units: tokens.
/// Source: OpenAI's and Google's price pages.
const PICTURE_TOKENS_MAX: u64 = 8_192;
/// The names providers give to the length of a video, and to the number of pictures.
const LENGTH_SETTINGS: [&str; 5] = ["seconds", "duration", "durationSeconds", "duration_seconds", "video_length"];
const COUNT_SETTINGS: [&str; 6] = ["count", "n", "num_images", "num_outputs", "number_of_images", "sampleCount"];

/// What is asked for: what bounds a generation's calls.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub loaded: &'a LoadedRecipe,
    pub input: &'a Value,
    pub params: &'a Params,
}

impl Asked<'_> {
    /// The largest answer of a step. Units: tokens. `None` when it does not write.
    pub fn output_tokens_max(&self, step_index: usize) -> Option<u32> {
        let own = self.loaded.output_tokens_max(step_index, self.input)?;
        Some(self.params.output_tokens_max.map_or(own, |asked| own.min(asked)))
    }
}

impl Inner {
    /// The bound of a generation that may be tried with each of these models.
    pub fn bound(&self, ask: Asked<'_>, models: &[String], at: Timestamp) -> Bound {
        let Asked { loaded, .. } = ask;
        let attempts = loaded.recipe.limits.attempts_max;
        let steps = 0..loaded.recipe.steps.len();
        let (mut tokens, mut costs, mut unknown) = (vec![], vec![], None);
        for model in models {
            let price = self
                .providers
                .resolve(model)
                .ok()
                .and_then(|(provider, name)| self.price_at(provider.as_ref(), &name, at));
            let price = price.unwrap_or_default();
            let calls: Vec<CallBound> = steps.clone().map(|step| call(ask, step, &price)).collect();
            tokens.push(calls.iter().map(CallBound::tokens).collect());
            let cost: Option<Vec<i64>> = calls.iter().map(|call| Some(call.cost(&price)?.0)).collect();
            match cost {
                Some(cost) => costs.push(cost),
                None => unknown = unknown.or_else(|| Some(model.clone())),
            }
        }
        let cost = match unknown {
            Some(model) => MostCost::Unknown { model },
            None => MostCost::Known(NanoUsd(of_all_calls(&costs, attempts))),
        };
        Bound { tokens: Tokens(of_all_calls(&tokens, attempts)), cost }
    }
}

/// What one call of a step may use.
pub(crate) fn call(ask: Asked<'_>, step_index: usize, price: &Price) -> CallBound {
    let Asked { loaded, input, .. } = ask;
    let prompt = loaded.prompt_tokens_max(step_index, input);
    // Tokens count for what makes files only where its price knows any.
    let rates = price.tokens;
    let in_tokens = [rates.input, rates.output, rates.output_image].iter().any(Option::is_some);
    let drawn = |count: u32| if in_tokens { u64::from(count) * PICTURE_TOKENS_MAX } else { 0 };
    let asked = if in_tokens { prompt } else { 0 };
    match &loaded.recipe.steps[step_index].kind {
        StepKind::Chat(_) => CallBound {
            input: prompt,
            output: u64::from(ask.output_tokens_max(step_index).unwrap_or(0)),
            writes: true,
            requests: 1,
            ..CallBound::default()
        },
        StepKind::Picture(settings) => {
            let images = number(settings, input, &COUNT_SETTINGS).unwrap_or(1).clamp(1, PICTURES_MAX);
            CallBound { input: asked, output: drawn(images), images, requests: 1, ..CallBound::default() }
        }
        StepKind::Media { settings, pictures_from } => {
            let images = number(settings, input, &COUNT_SETTINGS).unwrap_or(PICTURES_MAX);
            let given = if pictures_from.is_some() { drawn(PICTURES_MAX) } else { 0 };
            let video_seconds = number(settings, input, &LENGTH_SETTINGS).unwrap_or(VIDEO_SECONDS_MAX);
            // The job and the question for its result.
            CallBound { input: asked + given, output: drawn(images), writes: false, images, video_seconds, requests: 2 }
        }
    }
}

/// The first of these settings that is a number, whole or begun.
fn number(settings: &Settings, input: &Value, names: &[&str]) -> Option<u32> {
    let all = settings.of(input);
    let value = names.iter().find_map(|name| all.get(*name))?;
    let text = value.as_str().map(|text| text.trim_end_matches('s').parse::<f64>());
    let number = value.as_f64().or(text.and_then(Result::ok))?;
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number.ceil() as u32)
}
