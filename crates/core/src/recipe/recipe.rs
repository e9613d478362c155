//! A recipe and the rules it must keep. Reading one from a folder is the `copydesk-recipes` crate's work; this file only
//! says which recipes are sound and what is wrong with the others. It renders nothing and calls nobody.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;

use super::fallback::{FallbackReason, FallbackRules};
use super::fill::Fill;
use super::output::OutputForm;
use super::params::Param;
use super::step::{Chat, Settings, Step, StepAnswer, StepKind};
use crate::ledger::Price;

/// Longest name of a recipe or a step. Units: characters.
pub const NAME_CHARS_MAX: usize = 63;
/// Most steps in one recipe.
pub const STEPS_MAX: usize = 16;
/// Most models in one route.
pub const ROUTE_MAX: usize = 8;
/// Most attempts a recipe may ask for.
pub const ATTEMPTS_MAX: u32 = 20;
/// Largest answer a step may ask for. Units: tokens.
pub const OUTPUT_TOKENS_MAX: u32 = 1_000_000;
/// Largest input a recipe may accept. Units: bytes of JSON.
pub const INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest a single attempt may take.
pub const ATTEMPT_TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Longest a generation may live.
pub const DEADLINE_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);
/// What a picture step may set: how many, and their size in the provider's own words.
pub const PICTURE_SETTINGS: [&str; 2] = ["count", "size"];
/// The most pictures one request asks for.
pub const PICTURES_MAX: u32 = 10;
/// The input property that overrides a step's `max_output_tokens`, when the schema has it.
pub const OUTPUT_TOKENS_INPUT: &str = "max_output_tokens";

/// A kind of generation as data.
#[derive(Clone, PartialEq, Debug)]
pub struct Recipe {
    /// Unique on the shelf and equal to the name of its folder.
    pub name: String,
    /// For people, e.g. `Newsletter draft`.
    pub title: String,
    pub description: String,
    /// A short hash of the folder's contents, computed by the loader: the same text is the same version everywhere.
    pub version: String,
    /// JSON Schema of the input.
    pub input_schema: Value,
    /// At least one. The last step's answer is the output.
    pub steps: Vec<Step>,
    /// At least one. The first is the default, the others are tried in order when it cannot serve.
    pub route: Vec<ModelRef>,
    pub output: OutputForm,
    pub limits: Limits,
    /// What one generation costs the user; frozen when a request is accepted.
    pub price: Price,
    /// Whether a second request with the same user and input gets the first one's ids while that one is live.
    pub dedupe: bool,
    /// What a request may change of its parameters.
    pub params: Vec<Param>,
    pub fallback: FallbackRules,
    pub fill: Fill,
    /// How one part of a content is written anew; `None` where only the whole is. A chat step.
    pub revise: Option<Step>,
}

/// Bounds of one generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    pub attempts_max: u32,
    pub attempt_timeout: Duration,
    /// Bounds waiting and working together; `None` takes the server's default.
    pub deadline: Option<Duration>,
    /// Units: bytes of the input written as compact JSON.
    pub input_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            attempts_max: 3,
            attempt_timeout: Duration::from_secs(5 * 60),
            deadline: None,
            input_bytes_max: 1024 * 1024,
        }
    }
}

/// Who speaks in a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// One message of a rendered prompt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromptMessage {
    pub role: Role,
    pub text: String,
}

/// A model as users write it: `provider/model`. The model's own name may contain further slashes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ModelRef {
    pub provider: String,
    pub model: String,
}

/// A text that does not name a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} does not name a model: write provider/model, such as demo/writer or openrouter/openai/gpt-oss-20b")]
pub struct BadModelRef {
    pub given: String,
}

impl FromStr for ModelRef {
    type Err = BadModelRef;
    fn from_str(text: &str) -> Result<Self, BadModelRef> {
        let bad = || BadModelRef { given: text.chars().take(80).collect() };
        let (provider, model) = text.split_once('/').ok_or_else(bad)?;
        let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
        if !plain(provider) || !plain(model) || model.starts_with('/') || model.ends_with('/') || text.len() > 255 {
            return Err(bad());
        }
        Ok(ModelRef { provider: provider.to_owned(), model: model.to_owned() })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// Something a recipe must not say: the key as it is written in `recipe.toml`, what is wrong and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecipeFault {
    pub key: String,
    pub what: String,
    pub fix: String,
}

impl RecipeFault {
    pub fn new(key: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> RecipeFault {
        RecipeFault { key: key.into(), what: what.into(), fix: fix.into() }
    }
}

/// Whether a word can name a recipe or a step: a small letter, then small letters, digits, `-` and `_`.
pub fn is_name(word: &str) -> bool {
    let mut chars = word.chars();
    let head = chars.next().is_some_and(|c| c.is_ascii_lowercase());
    head && word.len() <= NAME_CHARS_MAX
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

impl Recipe {
    /// Everything that is wrong with this recipe, in the order of the file. Empty means sound.
    pub fn faults(&self) -> Vec<RecipeFault> {
        let mut faults = Vec::new();
        if !is_name(&self.name) {
            faults.push(RecipeFault::new("name", format!("{:?} is not a name", self.name), NAME_FIX));
        }
        if self.title.trim().is_empty() {
            faults.push(RecipeFault::new("title", "is empty", "Say in a few words what is made."));
        }
        self.route_faults(&mut faults);
        self.step_faults(&mut faults);
        self.price_faults(&mut faults);
        self.limits.faults(&mut faults);
        self.fallback_faults(&mut faults);
        self.fill.faults(&self.input_schema, &mut faults);
        faults
    }

    /// The largest answer of a step for this input. Units: tokens.
    ///
    /// An integer `max_output_tokens` in the input wins over the recipe's figure; the input schema bounds it. `None`
    /// when there is no such step, or it does not write.
    pub fn output_tokens_max(&self, step_index: usize, input: &Value) -> Option<u32> {
        let step = self.steps.get(step_index)?.as_chat()?;
        let asked = input.get(OUTPUT_TOKENS_INPUT).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        Some(asked.filter(|n| *n > 0).map_or(step.output_tokens_max, |n| n.min(OUTPUT_TOKENS_MAX)))
    }

    fn route_faults(&self, faults: &mut Vec<RecipeFault>) {
        if self.route.is_empty() {
            faults.push(RecipeFault::new("route", "names no model", "Write route = [\"demo/writer\"]."));
        }
        if self.route.len() > ROUTE_MAX {
            let what = format!("has {} models, at most {ROUTE_MAX} are tried", self.route.len());
            faults.push(RecipeFault::new("route", what, "Keep the ones worth trying."));
        }
        let mut seen = BTreeSet::new();
        for (index, model) in self.route.iter().enumerate() {
            if !seen.insert(model) {
                let what = format!("names {model} a second time");
                faults.push(RecipeFault::new(format!("route[{index}]"), what, "Remove one of the two."));
            }
        }
    }

    fn step_faults(&self, faults: &mut Vec<RecipeFault>) {
        if self.steps.is_empty() {
            faults.push(RecipeFault::new(
                "steps",
                "there is no step",
                "Add a [[steps]] table with a name and a prompt.",
            ));
        }
        if self.steps.len() > STEPS_MAX {
            let what = format!("there are {} steps, at most {STEPS_MAX} are allowed", self.steps.len());
            faults.push(RecipeFault::new("steps", what, "Join some of them."));
        }
        let mut seen = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            let key = |field: &str| format!("steps[{index}].{field}");
            if !is_name(&step.name) {
                faults.push(RecipeFault::new(key("name"), format!("{:?} is not a name", step.name), NAME_FIX));
            } else if !seen.insert(&step.name) {
                let what = format!("another step is called {:?} already", step.name);
                faults.push(RecipeFault::new(key("name"), what, "Give every step a name of its own."));
            }
            match &step.kind {
                StepKind::Chat(chat) => chat_faults(chat, key, faults),
                StepKind::Picture(settings) => {
                    self.named_input_faults(&key("settings_from"), &settings.from_input, faults);
                    picture_faults(index, settings, faults);
                }
                StepKind::Media { settings, pictures_from } => {
                    self.named_input_faults(&key("settings_from"), &settings.from_input, faults);
                    self.named_input_faults(&key("pictures_from"), pictures_from.as_slice(), faults);
                }
            }
        }
        self.last_step_faults(faults);
        if let Some(chat) = self.revise.as_ref().and_then(Step::as_chat) {
            chat_faults(chat, |name| format!("revise.{name}"), faults);
            if self.output == OutputForm::Media {
                faults.push(RecipeFault::new("revise", "files have no parts to write anew", "Remove the table."));
            }
        }
    }

    /// What the last step makes must be what the output form reads.
    fn last_step_faults(&self, faults: &mut Vec<RecipeFault>) {
        let last = self.steps.len().saturating_sub(1);
        for (index, step) in self.steps.iter().enumerate().filter(|(index, _)| *index != last) {
            if step.kind.makes_media() {
                let what = format!("a step of the kind {:?} comes last, because files are no text", step.kind.as_str());
                let fix = "Move it to the end; there can be one.";
                faults.push(RecipeFault::new(format!("steps[{index}].kind"), what, fix));
            }
        }
        let Some(step) = self.steps.last() else { return };
        let form = self.output.as_str();
        if step.kind.makes_media() != (self.output == OutputForm::Media) {
            let what = format!("{form:?} is not what a last step of the kind {:?} makes", step.kind.as_str());
            let fix = "A media or picture step makes \"media\"; a chat step makes \"text\" or \"article\".";
            faults.push(RecipeFault::new("output", what, fix));
        }
        if self.output.is_json() && step.as_chat().is_some_and(|chat| chat.answer == StepAnswer::Text) {
            let what = format!("the output form {form:?} is read from JSON");
            let fix = "Set answer = \"json\" on the last step.";
            faults.push(RecipeFault::new(format!("steps[{last}].answer"), what, fix));
        }
    }

    fn named_input_faults(&self, key: &str, names: &[String], faults: &mut Vec<RecipeFault>) {
        let properties = self.input_schema.get("properties").and_then(Value::as_object);
        for name in names.iter().filter(|name| !properties.is_some_and(|all| all.contains_key(*name))) {
            let what = format!("the input schema has no property {name:?}");
            faults.push(RecipeFault::new(key, what, "Add it to the schema or correct the name."));
        }
    }

    fn price_faults(&self, faults: &mut Vec<RecipeFault>) {
        let Price::Metered { max, rate } = self.price else { return };
        let mut fault = |key: &str, what: &str, fix: &str| faults.push(RecipeFault::new(key, what, fix));
        if max.is_zero() {
            fault("price.max", "is zero, so nothing could ever be taken", "Write the most that one result may cost.");
        }
        if rate.per_usd.is_zero() {
            fault("price.per_usd", "is zero", "Write the credits for one dollar of cost, such as \"100\".");
        }
        if rate.min > max {
            fault("price.min", "is more than price.max", "Lower it: what is held is price.max.");
        }
    }

    fn fallback_faults(&self, faults: &mut Vec<RecipeFault>) {
        if !self.fallback.is_empty() && self.output != OutputForm::Article {
            let what = format!("fallbacks are articles, but the output form is {:?}", self.output.as_str());
            faults.push(RecipeFault::new("fallback", what, "Remove the [fallback] table or set output = \"article\"."));
        }
        let has_items = self.input_schema.pointer("/properties/items").is_some();
        if !self.fallback.is_empty() && !has_items {
            let what = "fallbacks are built from input.items, which the input schema does not have";
            faults.push(RecipeFault::new("fallback", what, "Add `items` to the schema or remove [fallback]."));
        }
        for (reason, body) in self.fallback.rules() {
            if !reason.allows(body) {
                let what = format!("{:?} cannot be built for this reason", body.as_str());
                let words: Vec<_> = reason.allowed().iter().map(|body| format!("{:?}", body.as_str())).collect();
                let fix = format!("Use one of {}.", words.join(", "));
                faults.push(RecipeFault::new(format!("fallback.{}", FallbackReason::as_str(reason)), what, fix));
            }
        }
    }
}

fn chat_faults(chat: &Chat, key: impl Fn(&str) -> String, faults: &mut Vec<RecipeFault>) {
    if !(1..=OUTPUT_TOKENS_MAX).contains(&chat.output_tokens_max) {
        let what = format!("{} is not between 1 and {OUTPUT_TOKENS_MAX} tokens", chat.output_tokens_max);
        faults.push(RecipeFault::new(key("max_output_tokens"), what, "Write a number in that range."));
    }
    if chat.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        faults.push(RecipeFault::new(key("temperature"), "is not between 0 and 2", "Write a number such as 0.7."));
    }
}

/// A request for pictures has no other settings.
fn picture_faults(index: usize, settings: &Settings, faults: &mut Vec<RecipeFault>) {
    let fix = "Write count = 1 or size = \"1024x1024\", or use a step of the kind \"media\".";
    for name in settings.names().filter(|name| !PICTURE_SETTINGS.contains(name)) {
        let what = format!("{name:?} is not a setting of a picture step");
        faults.push(RecipeFault::new(format!("steps[{index}].settings"), what, fix));
    }
    let count = settings.fixed.get("count");
    if count.is_some_and(|count| !count.as_u64().is_some_and(|count| (1..=u64::from(PICTURES_MAX)).contains(&count))) {
        let what = format!("count is not a number between 1 and {PICTURES_MAX}");
        faults.push(RecipeFault::new(format!("steps[{index}].settings"), what, fix));
    }
    if settings.fixed.get("size").is_some_and(|size| !size.is_string()) {
        faults.push(RecipeFault::new(format!("steps[{index}].settings"), "size is not a text", fix));
    }
}

impl Limits {
    fn faults(&self, faults: &mut Vec<RecipeFault>) {
        let mut fault = |key: &str, what: String, fix: &str| {
            faults.push(RecipeFault::new(format!("limits.{key}"), what, fix));
        };
        if !(1..=ATTEMPTS_MAX).contains(&self.attempts_max) {
            let what = format!("{} is not between 1 and {ATTEMPTS_MAX}", self.attempts_max);
            fault("max_attempts", what, "The default is 3.");
        }
        if self.attempt_timeout < Duration::from_secs(1) || self.attempt_timeout > ATTEMPT_TIMEOUT_MAX {
            fault("attempt_timeout", "is not between 1s and 24h".to_owned(), "The default is \"5m\".");
        }
        if self.deadline.is_some_and(|deadline| deadline > DEADLINE_MAX) {
            fault("deadline", "is more than 30d".to_owned(), "Shorten it, or leave it out for the server's default.");
        }
        if self.deadline.is_some_and(|deadline| deadline < self.attempt_timeout) {
            let fix = "A deadline bounds all attempts: make it at least as long as attempt_timeout.";
            fault("deadline", "is shorter than one attempt".to_owned(), fix);
        }
        if !(1..=INPUT_BYTES_MAX).contains(&self.input_bytes_max) {
            let what = format!("{} is not between 1 and {INPUT_BYTES_MAX} bytes", self.input_bytes_max);
            fault("max_input_bytes", what, "The default is 1048576.");
        }
    }
}

const NAME_FIX: &str = "Start with a small letter; use small letters, digits, - and _, at most 63 characters.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Margin, Metered};
    use crate::recipe::fallback::FallbackBody;
    use crate::recipe::step::Chat;
    use serde_json::json;

    fn sound() -> Recipe {
        Recipe {
            name: "note".into(),
            title: "Note".into(),
            description: String::new(),
            version: "0".into(),
            input_schema: json!({"type": "object"}),
            steps: vec![Step {
                name: "write".into(),
                prompt: "prompt.j2".into(),
                kind: StepKind::Chat(Chat {
                    system: None,
                    output_tokens_max: 500,
                    temperature: Some(0.7),
                    answer: StepAnswer::Text,
                }),
            }],
            route: vec!["demo/writer".parse().unwrap()],
            output: OutputForm::Text,
            limits: Limits::default(),
            price: Price::default(),
            dedupe: true,
            params: Param::ALL.to_vec(),
            fill: Fill::default(),
            revise: None,
            fallback: FallbackRules::default(),
        }
    }

    fn metered(max: &str, per_usd: &str, min: &str) -> Price {
        let credits = |text: &str| text.parse().unwrap();
        let rate = Metered { per_usd: credits(per_usd), margin: Margin(0), min: credits(min) };
        Price::Metered { max: credits(max), rate }
    }

    #[test]
    fn what_is_filled_from_sources_is_a_list_of_the_schema() {
        let mut recipe = sound();
        recipe.fill.sources = Some("items".into());
        for (schema, faults) in [
            (json!({"properties": {"items": {"type": "array"}}}), 0),
            (json!({"properties": {"items": {"type": "string"}}}), 1),
            (json!({"type": "object"}), 1),
        ] {
            recipe.input_schema = schema;
            let told: Vec<_> = recipe.faults().into_iter().filter(|fault| fault.key == "fill.sources").collect();
            assert_eq!(told.len(), faults, "{told:?}");
        }
    }

    #[test]
    fn a_request_changes_only_what_the_recipe_lets_and_never_raises_a_bound() {
        use crate::recipe::params::Params;
        let mut recipe = sound();
        let read = |recipe: &Recipe, given: Value| {
            Params::read(&given, recipe, &json!({})).map_err(|faults| {
                faults.into_iter().map(|fault| format!("{} {}", fault.name, fault.code)).collect::<Vec<_>>()
            })
        };
        let none = Ok(Params::default());
        assert_eq!((read(&recipe, Value::Null), read(&recipe, json!({}))), (none.clone(), none));
        let both = read(&recipe, json!({"temperature": 0, "max_output_tokens": 500})).unwrap();
        assert_eq!(both, Params { temperature: Some(0.0), output_tokens_max: Some(500) });
        let text = both.to_text().unwrap();
        assert_eq!(
            (text.as_str(), Params::from_text(&text)),
            (r#"{"max_output_tokens":500,"temperature":0.0}"#, Some(both))
        );
        assert_eq!(Params::default().to_text(), None);
        for (given, fault) in [
            (json!({"temperature": 2.1}), "temperature out_of_range"),
            (json!({"temperature": -0.1}), "temperature out_of_range"),
            (json!({"temperature": "hot"}), "temperature wrong_type"),
            (json!({"max_output_tokens": 501}), "max_output_tokens out_of_range"),
            (json!({"max_output_tokens": 0}), "max_output_tokens out_of_range"),
            (json!({"max_output_tokens": 1.5}), "max_output_tokens wrong_type"),
            (json!({"max_output_tokens": -1}), "max_output_tokens wrong_type"),
            (json!({"top_p": 1}), "top_p unknown_field"),
            (json!([1]), " wrong_type"),
        ] {
            assert_eq!(read(&recipe, given.clone()), Err(vec![fault.to_owned()]), "{given}");
        }
        let longer = json!({"max_output_tokens": 900});
        assert!(Params::read(&longer, &recipe, &json!({"max_output_tokens": 900})).is_ok(), "the input raised it");
        recipe.params = vec![Param::Temperature];
        assert_eq!(read(&recipe, longer), Err(vec!["max_output_tokens not_allowed".to_owned()]));
    }

    #[test]
    fn a_sound_recipe_has_no_faults() {
        assert_eq!(sound().faults(), vec![]);
    }

    fn chat(recipe: &mut Recipe) -> &mut Chat {
        match &mut recipe.steps[0].kind {
            StepKind::Chat(chat) => chat,
            StepKind::Picture(_) | StepKind::Media { .. } => panic!("the first step chats"),
        }
    }

    /// A recipe of one step that makes pictures.
    fn drawing(recipe: &mut Recipe) -> &mut Settings {
        recipe.output = OutputForm::Media;
        recipe.input_schema = json!({"properties": {"size": {}, "start": {}}});
        recipe.steps[0].kind = StepKind::Picture(Settings::default());
        match &mut recipe.steps[0].kind {
            StepKind::Picture(settings) => settings,
            StepKind::Chat(_) | StepKind::Media { .. } => panic!("it was just set"),
        }
    }

    #[test]
    fn every_rule_names_its_key() {
        type Break = fn(&mut Recipe);
        let cases: [(&str, Break); 26] = [
            ("output", |r| r.output = OutputForm::Media),
            ("output", |r| {
                drawing(r);
                r.output = OutputForm::Text;
            }),
            ("steps[0].kind", |r| {
                drawing(r);
                r.steps.push(Step { name: "again".into(), ..r.steps[0].clone() });
            }),
            ("steps[0].settings", |r| drop(drawing(r).fixed.insert("seed".into(), json!(7)))),
            ("steps[0].settings", |r| drop(drawing(r).fixed.insert("count".into(), json!(0)))),
            ("steps[0].settings", |r| drop(drawing(r).fixed.insert("size".into(), json!(7)))),
            ("steps[0].settings_from", |r| {
                drawing(r).from_input.push("count".into());
            }),
            ("steps[0].pictures_from", |r| {
                let settings = drawing(r).clone();
                r.steps[0].kind = StepKind::Media { settings, pictures_from: Some("begin".into()) };
            }),
            ("name", |r| r.name = "No Name".into()),
            ("title", |r| r.title = "  ".into()),
            ("route", |r| r.route.clear()),
            ("route[1]", |r| r.route.push("demo/writer".parse().unwrap())),
            ("steps", |r| r.steps.clear()),
            ("steps[1].name", |r| r.steps.push(r.steps[0].clone())),
            ("steps[0].max_output_tokens", |r| chat(r).output_tokens_max = 0),
            ("steps[0].temperature", |r| chat(r).temperature = Some(2.5)),
            ("steps[0].answer", |r| r.output = OutputForm::Article),
            ("fallback.no_content", |r| {
                r.output = OutputForm::Article;
                chat(r).answer = StepAnswer::Json;
                r.input_schema = json!({"properties": {"items": {}}});
                r.fallback.no_content = Some(FallbackBody::Digest);
            }),
            ("price.max", |r| r.price = metered("0", "100", "0")),
            ("price.per_usd", |r| r.price = metered("5", "0", "0")),
            ("price.min", |r| r.price = metered("5", "100", "5.000001")),
            ("limits.max_attempts", |r| r.limits.attempts_max = 0),
            ("limits.attempt_timeout", |r| r.limits.attempt_timeout = Duration::ZERO),
            ("limits.deadline", |r| r.limits.deadline = Some(Duration::from_secs(10))),
            ("limits.max_input_bytes", |r| r.limits.input_bytes_max = 0),
            ("revise.max_output_tokens", |r| {
                chat(r).output_tokens_max = 0;
                r.revise = Some(r.steps[0].clone());
                chat(r).output_tokens_max = 9;
            }),
        ];
        for (key, break_it) in cases {
            let mut recipe = sound();
            break_it(&mut recipe);
            let keys: Vec<_> = recipe.faults().into_iter().map(|fault| fault.key).collect();
            assert_eq!(keys, vec![key.to_owned()]);
        }
    }

    #[test]
    fn a_model_is_a_provider_and_a_name_that_may_hold_slashes() {
        let model: ModelRef = "openrouter/openai/gpt-oss-20b".parse().unwrap();
        assert_eq!((model.provider.as_str(), model.model.as_str()), ("openrouter", "openai/gpt-oss-20b"));
        assert_eq!(model.to_string(), "openrouter/openai/gpt-oss-20b");
        for bad in ["writer", "", "/", "demo/", "/writer", "demo//writer", "de mo/writer", "demo/writer/"] {
            assert!(bad.parse::<ModelRef>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn the_input_may_bound_the_answer_of_a_step() {
        let recipe = sound();
        assert_eq!(recipe.output_tokens_max(0, &json!({})), Some(500));
        assert_eq!(recipe.output_tokens_max(0, &json!({"max_output_tokens": 64})), Some(64));
        assert_eq!(recipe.output_tokens_max(0, &json!({"max_output_tokens": 0})), Some(500));
        assert_eq!(recipe.output_tokens_max(9, &json!({})), None);
    }
}
