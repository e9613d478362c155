//! A recipe that is ready for work: checked, its schema and its templates compiled once. It is shared by all workers and
//! never changes; a new version of the folder is a new value.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use copydesk_core::recipe::{
    AnswerShape, Content, Fallback, FallbackReason, FallbackRules, OutputContext, PromptMessage, Recipe, Revision,
    Role, Source, StepAnswer, WhyNot, items, output,
};
use serde_json::Value;

use crate::loader::Origin;
use crate::render::{self, RenderError, TemplateSet};
use crate::validate::{InputFault, InputValidator};

/// A checked recipe with everything compiled.
pub struct LoadedRecipe {
    pub recipe: Recipe,
    pub origin: Origin,
    /// The folder's example input, which is sound: for forms, documentation and trying out.
    pub example: Value,
    pub(crate) templates: Arc<TemplateSet>,
    pub(crate) validator: Arc<InputValidator>,
    /// What it writes anew, and of what content; only in what [`LoadedRecipe::revising`] gives.
    pub(crate) revision: Option<(Revision, Content)>,
}

impl LoadedRecipe {
    /// Checks an input. Errors: all faults, each with a pointer, a code and a sentence.
    pub fn validate(&self, input: &Value) -> Result<(), Vec<InputFault>> {
        self.validator.validate(input)
    }

    /// The recipe as it writes one part of `base` anew: its `[revise]` table is its one step, its output the whole content
    /// with the new part in it, and it has no stand-ins. `None` when the recipe has no such table.
    pub fn revising(&self, revision: Revision, base: Content) -> Option<LoadedRecipe> {
        let steps = vec![self.recipe.revise.clone()?];
        Some(LoadedRecipe {
            recipe: Recipe { steps, fallback: FallbackRules::default(), ..self.recipe.clone() },
            origin: self.origin.clone(),
            example: self.example.clone(),
            templates: Arc::clone(&self.templates),
            validator: Arc::clone(&self.validator),
            revision: Some((revision, base)),
        })
    }

    /// The messages of a step. `step_outputs` are the answers of the earlier steps in their order; further ones are
    /// ignored. The input must have been validated.
    pub fn render_step(
        &self,
        step_index: usize,
        input: &Value,
        step_outputs: &[String],
    ) -> Result<Vec<PromptMessage>, RenderError> {
        let step = self.recipe.steps.get(step_index).ok_or(RenderError::NoSuchStep(step_index))?;
        let mut earlier = BTreeMap::new();
        for (index, before) in self.recipe.steps.iter().take(step_index).enumerate() {
            let missing = || RenderError::MissingStepOutput { step: step.name.clone(), missing: before.name.clone() };
            let answer = step_outputs.get(index).ok_or_else(missing)?;
            let value = match before.as_chat().map(|chat| chat.answer) {
                Some(StepAnswer::Text) | None => Value::String(answer.clone()),
                Some(StepAnswer::Json) => output::parse_json(answer)
                    .map_err(|_| RenderError::StepOutputNotJson { step: before.name.clone() })?,
            };
            earlier.insert(before.name.as_str(), value);
        }
        let about = BTreeMap::from([
            ("name", self.recipe.name.as_str()),
            ("title", self.recipe.title.as_str()),
            ("version", self.recipe.version.as_str()),
        ]);
        let facts = self.revision.as_ref().map(|(revision, base)| revision.facts(base));
        let context = render::context(input, &earlier, &about, facts.as_ref());
        let mut messages = Vec::with_capacity(2);
        if let Some(system) = step.as_chat().and_then(|chat| chat.system.as_ref()) {
            let text = self.templates.render(system, &context)?;
            // A system template may come to nothing for some inputs; providers refuse empty messages.
            if !text.is_empty() {
                messages.push(PromptMessage { role: Role::System, text });
            }
        }
        messages.push(PromptMessage { role: Role::User, text: self.templates.render(&step.prompt, &context)? });
        Ok(messages)
    }

    /// The shape a step's answer is asked for in, of providers that can hold a model to one.
    pub fn answer_shape(&self, step_index: usize) -> AnswerShape {
        if let Some((revision, _)) = &self.revision {
            return revision.shape();
        }
        match self.recipe.steps.get(step_index).and_then(|step| step.as_chat()).map(|chat| chat.answer) {
            Some(StepAnswer::Json) if step_index + 1 < self.recipe.steps.len() => AnswerShape::Json,
            Some(StepAnswer::Json) => match self.recipe.output.shape() {
                AnswerShape::Free => AnswerShape::Json,
                shape @ (AnswerShape::Json | AnswerShape::Schema(_)) => shape,
            },
            Some(StepAnswer::Text) | None => AnswerShape::Free,
        }
    }

    /// Whether an answer will do for its step. The last step's answer must be an output; an earlier JSON step's must be
    /// JSON; an earlier text step's must not be empty.
    pub fn check_answer(&self, step_index: usize, answer_text: &str, input: &Value) -> Result<(), WhyNot> {
        if step_index + 1 >= self.recipe.steps.len() {
            return self.parse_output(answer_text, input).map(drop);
        }
        match self.recipe.steps.get(step_index).and_then(|step| step.as_chat()).map(|chat| chat.answer) {
            Some(StepAnswer::Json) => output::parse_json(answer_text).map(drop),
            Some(StepAnswer::Text) | None => {
                copydesk_core::recipe::OutputForm::Text.parse(answer_text, &OutputContext::default()).map(drop)
            }
        }
    }

    /// The content in the last step's answer.
    pub fn parse_output(&self, answer_text: &str, input: &Value) -> Result<Content, WhyNot> {
        let sources: Vec<Source> = items::read(input).iter().map(items::Item::source).collect();
        if let Some((revision, base)) = &self.revision {
            return revision.merge(base, &sources, answer_text);
        }
        self.recipe.output.parse(answer_text, &OutputContext { sources })
    }

    /// The fallback that makes calling a model pointless, if the input calls for one. Ask before holding or calling.
    pub fn before_call(&self, input: &Value) -> Option<Fallback> {
        self.recipe.fallback.before_call(&self.recipe.title, input)
    }

    /// The fallback for a reason, e.g. after the last attempt's answer could not be used. `None`: the generation fails.
    pub fn fallback(&self, input: &Value, reason: FallbackReason) -> Option<Fallback> {
        self.recipe.fallback.build(&self.recipe.title, input, reason)
    }

    /// The largest answer to ask for. Units: tokens. `None` when there is no such step.
    pub fn output_tokens_max(&self, step_index: usize, input: &Value) -> Option<u32> {
        self.recipe.output_tokens_max(step_index, input)
    }
}

impl fmt::Debug for LoadedRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoadedRecipe({} {}, {})", self.recipe.name, self.recipe.version, self.origin)
    }
}
