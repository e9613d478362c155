//! How long the prompt of a step may become, before any model has written anything: what a budget sets aside for its input.

use copydesk_core::recipe::{AnswerShape, StepAnswer};
use serde_json::Value;

use crate::loaded::LoadedRecipe;

/// Stands for an earlier answer, to count how often the templates use it. Units: bytes.
const MARK_BYTES: usize = 64;
/// How often an answer is taken to be used where that cannot be counted.
const USES: u64 = 2;
/// What a provider puts around messages: roles, separators, its own words for an answer's shape. Units: tokens.
const AROUND_TOKENS: u64 = 256;

impl LoadedRecipe {
    /// The most tokens the prompt of a step may have for this input. A token has a byte at least, so what is known counts
    /// by its bytes; an answer of an earlier step counts as the longest it may be, as often as the templates use it. How
    /// often they use one that is JSON is not known, and taken to be twice.
    pub fn prompt_tokens_max(&self, step_index: usize, input: &Value) -> u64 {
        let earlier: Vec<u64> =
            (0..step_index).map(|step| u64::from(self.output_tokens_max(step, input).unwrap_or(0))).collect();
        let shape = match self.answer_shape(step_index) {
            AnswerShape::Schema(schema) => schema.to_string().len() as u64,
            AnswerShape::Free | AnswerShape::Json => 0,
        };
        let around = AROUND_TOKENS.saturating_add(shape);
        let Some(plain) = self.rendered_bytes(step_index, input, None) else {
            // It cannot be filled in without the real answers.
            let all: u64 = earlier.iter().sum();
            let known = self.template_bytes(step_index).saturating_add(input.to_string().len() as u64);
            return known.saturating_add(all.saturating_mul(USES)).saturating_add(around);
        };
        let answers = earlier.iter().enumerate().map(|(step, most)| {
            let marked = self.rendered_bytes(step_index, input, Some(step));
            let uses = match (self.is_json(step), marked) {
                (false, Some(bytes)) => bytes.saturating_sub(plain).div_ceil(MARK_BYTES as u64),
                (_, _) => USES,
            };
            most.saturating_mul(uses)
        });
        answers.fold(plain.saturating_add(around), u64::saturating_add)
    }

    fn is_json(&self, step_index: usize) -> bool {
        let chat = self.recipe.steps.get(step_index).and_then(|step| step.as_chat());
        chat.is_some_and(|chat| chat.answer == StepAnswer::Json)
    }

    /// The length of a step's prompt with empty answers before it, one of them replaced by a mark.
    fn rendered_bytes(&self, step_index: usize, input: &Value, marked: Option<usize>) -> Option<u64> {
        let answer = |step: usize| match (self.is_json(step), marked == Some(step)) {
            (true, _) => "{}".to_owned(),
            (false, true) => "x".repeat(MARK_BYTES),
            (false, false) => String::new(),
        };
        let answers: Vec<String> = (0..step_index).map(answer).collect();
        let messages = self.render_step(step_index, input, &answers).ok()?;
        Some(messages.iter().map(|message| message.text.len() as u64).sum())
    }

    fn template_bytes(&self, step_index: usize) -> u64 {
        let Some(step) = self.recipe.steps.get(step_index) else { return 0 };
        let system = step.as_chat().and_then(|chat| chat.system.as_ref());
        [Some(&step.prompt), system].into_iter().flatten().map(|name| self.templates.source_bytes(name)).sum()
    }
}
