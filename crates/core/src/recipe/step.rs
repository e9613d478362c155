//! A step of a recipe: what is asked of a model, and under which word its calls stand on the books. It renders nothing
//! and calls nobody; which steps are sound is said in `recipe.rs`.

use serde_json::{Map, Value};

/// One step inside a recipe.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// The word under which later templates find this step's answer.
    pub name: String,
    /// File name of the template of the user message, or of the words that say what is to be made.
    pub prompt: String,
    pub kind: StepKind,
}

/// What a step asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum StepKind {
    /// Text from a model.
    Chat(Chat),
    /// Pictures, by one request that waits for them.
    Picture(Settings),
    /// Whatever takes minutes: a job at the provider, which is started once and then asked about.
    Media {
        settings: Settings,
        /// The input property that holds pictures to start from, as data URLs: a text or a list of texts.
        pictures_from: Option<String>,
    },
}

/// A request to a model that writes.
#[derive(Clone, PartialEq, Debug)]
pub struct Chat {
    /// File name of the template of the system message.
    pub system: Option<String>,
    /// Units: tokens.
    pub output_tokens_max: u32,
    /// 0 to 2; `None` leaves it to the provider.
    pub temperature: Option<f64>,
    pub answer: StepAnswer,
}

/// What a chat step's answer must be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum StepAnswer {
    #[default]
    Text,
    /// The provider is asked for JSON, and anything else is a failed attempt.
    Json,
}

/// What is said to the provider beside the prompt, in the provider's own words.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// Always the same.
    pub fixed: Map<String, Value>,
    /// Input properties that are copied under their own names when the input has them; they win over the fixed ones.
    pub from_input: Vec<String>,
}

impl Settings {
    /// The settings for this input.
    pub fn of(&self, input: &Value) -> Map<String, Value> {
        let mut all = self.fixed.clone();
        for name in &self.from_input {
            if let Some(value) = input.get(name).filter(|value| !value.is_null()) {
                all.insert(name.clone(), value.clone());
            }
        }
        all
    }

    /// Every name that may be set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fixed.keys().chain(&self.from_input).map(String::as_str)
    }
}

impl StepKind {
    /// The word in `recipe.toml`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            StepKind::Chat(_) => "chat",
            StepKind::Picture(_) => "picture",
            StepKind::Media { .. } => "media",
        }
    }

    /// Whether it makes files instead of text.
    pub const fn makes_media(&self) -> bool {
        match self {
            StepKind::Chat(_) => false,
            StepKind::Picture(_) | StepKind::Media { .. } => true,
        }
    }
}

impl Step {
    /// The operation of the step's first call.
    pub fn operation(&self) -> String {
        match self.kind {
            StepKind::Chat(_) => self.name.clone(),
            StepKind::Picture(_) => format!("{}.draw", self.name),
            StepKind::Media { .. } => format!("{}.submit", self.name),
        }
    }

    /// The operation of the call that asks about a media step's job and fetches what it made.
    pub fn result_operation(&self) -> String {
        format!("{}.result", self.name)
    }

    /// The checkpoint that holds a media step's job.
    pub fn job_checkpoint(&self) -> String {
        format!("{}.job", self.name)
    }

    pub fn as_chat(&self) -> Option<&Chat> {
        match &self.kind {
            StepKind::Chat(chat) => Some(chat),
            StepKind::Picture(_) | StepKind::Media { .. } => None,
        }
    }
}

/// Whether this operation starts a job at a provider.
pub fn starts_job(operation: &str) -> bool {
    operation.ends_with(".submit")
}

/// Whether this operation asks about a job, so that there is one.
pub fn asks_about_job(operation: &str) -> bool {
    operation.ends_with(".result")
}

/// Whether a checkpoint of this name holds a job.
pub fn holds_job(checkpoint: &str) -> bool {
    checkpoint.ends_with(".job")
}

/// Whether a lost call of this operation can be estimated in tokens. Those of chat steps can, and stand under the step's
/// bare name, which has no dot; pictures and jobs are not billed by the length of their prompt, and a question about a
/// job is not billed at all. The same rule stands in `sql/sweep/close_orphan_calls.sql`.
pub fn counts_tokens(operation: &str) -> bool {
    !operation.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_of_the_input_win_and_absent_ones_are_left_out() {
        let fixed = json!({"resolution": "720p", "duration": 4}).as_object().cloned().unwrap();
        let settings = Settings { fixed, from_input: vec!["duration".into(), "seed".into(), "style".into()] };
        let of = settings.of(&json!({"duration": 8, "style": null, "other": 1}));
        assert_eq!(Value::Object(of), json!({"resolution": "720p", "duration": 8}));
        assert_eq!(settings.names().collect::<Vec<_>>(), ["duration", "resolution", "duration", "seed", "style"]);
    }

    #[test]
    fn only_a_chat_steps_lost_call_is_estimated_in_tokens() {
        let step = |kind| Step { name: "film".into(), prompt: "p.j2".into(), kind };
        let media = step(StepKind::Media { settings: Settings::default(), pictures_from: None });
        let chat = Chat { system: None, output_tokens_max: 9, temperature: None, answer: StepAnswer::Text };
        assert!(counts_tokens(&step(StepKind::Chat(chat)).operation()));
        for operation in
            [media.operation(), media.result_operation(), step(StepKind::Picture(Settings::default())).operation()]
        {
            assert!(!counts_tokens(&operation), "{operation}");
        }
    }
}
