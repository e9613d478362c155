//! `recipe.toml`: from text to what the core calls a recipe. It reports every key it cannot use and goes on with the
//! default, so that one look at the faults is enough. The rules themselves are in `copydesk_core::recipe`.

use copydesk_core::ledger::price::BadMargin;
use copydesk_core::ledger::{Margin, Metered, Price};
use copydesk_core::recipe::{
    Chat, FallbackBody, FallbackReason, FallbackRules, Fill, Limits, OutputForm, Param, Recipe, Settings, Step,
    StepAnswer, StepKind, fallback,
};
use serde_json::{Map, Value};
use toml::Table;

use crate::fault::{Fault, did_you_mean};
use crate::toml_reader::Reader;

pub(crate) const FILE: &str = "recipe.toml";
/// Under this word its calls stand on the books.
const REVISE_STEP: &str = "revise";
/// Largest answer of a step that does not say. Units: tokens.
pub(crate) const OUTPUT_TOKENS_DEFAULT: u32 = 4_096;

pub(crate) const KEYS: [&str; 13] = [
    "name",
    "title",
    "description",
    "output",
    "route",
    "price",
    "dedupe",
    "params",
    "steps",
    "limits",
    "fallback",
    "fill",
    "revise",
];
pub(crate) const PRICE_KEYS: [&str; 4] = ["per_usd", "margin", "max", "min"];
pub(crate) const STEP_KEYS: [&str; 7] =
    ["name", "kind", "system", "prompt", "answer", "max_output_tokens", "temperature"];
pub(crate) const PICTURE_STEP_KEYS: [&str; 5] = ["name", "kind", "prompt", "settings", "settings_from"];
pub(crate) const MEDIA_STEP_KEYS: [&str; 6] = ["name", "kind", "prompt", "settings", "settings_from", "pictures_from"];
pub(crate) const STEP_KINDS: [&str; 3] = ["chat", "picture", "media"];
pub(crate) const LIMIT_KEYS: [&str; 4] = ["max_attempts", "attempt_timeout", "deadline", "max_input_bytes"];
pub(crate) const REVISE_KEYS: [&str; 4] = ["system", "prompt", "max_output_tokens", "temperature"];
pub(crate) const FILL_KEYS: [&str; 3] = ["sources", "feedback", "mails"];
pub(crate) const FALLBACK_KEYS: [&str; 4] = ["unparsable_answer", "no_trends", "no_content", "next_steps"];

/// Reads the file. `None` when it is not TOML at all; otherwise what could be read, and faults for the rest. Version and
/// input schema are filled in by the loader.
pub(crate) fn read(text: &str, faults: &mut Vec<Fault>) -> Option<Recipe> {
    let table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
            let fault = Fault::new(FILE, format!("is not TOML: {}", error.message()), "Correct the syntax.");
            faults.push(match line {
                Some(line) => fault.at(format!("line {line}")),
                None => fault,
            });
            return None;
        }
    };
    let mut reader = Reader::new(FILE, "", &table, faults);
    reader.only(&KEYS);
    let name = reader.required_text("name", "my-recipe");
    let title = reader.required_text("title", "My recipe");
    let description = reader.text("description").unwrap_or_default();
    let dedupe = reader.boolean("dedupe").unwrap_or(true);
    let params = params(&mut reader);
    let output = output_form(&mut reader);
    let route = route(&mut reader);
    let price = price(&mut reader);
    let steps = steps(&mut reader);
    let limits = reader.table("limits");
    let fallback = reader.table("fallback");
    let fill = reader.table("fill");
    let revise = reader.table("revise");
    let limits = limits.map_or_else(Limits::default, |table| read_limits(table, faults));
    let fallback = fallback.map_or_else(FallbackRules::default, |table| read_fallback(table, faults));
    let fill = fill.map_or_else(Fill::default, |table| read_fill(table, faults));
    let revise = revise.map(|table| read_revise(table, faults));
    let steps = steps.into_iter().enumerate().map(|(index, table)| read_step(index, table, faults)).collect();
    Some(Recipe {
        name: name.unwrap_or_default(),
        title: title.unwrap_or_default(),
        description,
        version: String::new(),
        input_schema: Value::Null,
        steps,
        route,
        output,
        limits,
        price,
        dedupe,
        params,
        fallback,
        fill,
        revise,
    })
}

fn output_form(reader: &mut Reader) -> OutputForm {
    let Some(word) = reader.required_text("output", "text") else {
        return OutputForm::Text;
    };
    OutputForm::from_word(&word).unwrap_or_else(|| {
        let known: Vec<&str> = OutputForm::ALL.into_iter().map(OutputForm::as_str).collect();
        let fix = format!("Output forms are: {}. {}", known.join(", "), did_you_mean(&word, known.iter().copied()));
        reader.fault("output", format!("{word:?} is not an output form"), fix.trim());
        OutputForm::Text
    })
}

/// What a request may change; nothing where it is not said.
fn params(reader: &mut Reader) -> Vec<Param> {
    let mut params = Vec::new();
    for (index, word) in reader.texts("params").unwrap_or_default().iter().enumerate() {
        match Param::parse(word) {
            Some(param) => params.push(param),
            None => {
                let known = Param::ALL.map(Param::as_str);
                let fix = format!("Known ones are: {}. {}", known.join(", "), did_you_mean(word, known));
                reader.fault(&format!("params[{index}]"), format!("{word:?} cannot be changed"), fix.trim());
            }
        }
    }
    params
}

fn route(reader: &mut Reader) -> Vec<copydesk_core::recipe::ModelRef> {
    let mut route = Vec::new();
    for (index, text) in reader.texts("route").unwrap_or_default().iter().enumerate() {
        match text.parse() {
            Ok(model) => route.push(model),
            Err(_) => reader.fault(
                &format!("route[{index}]"),
                format!("{text:?} does not name a model"),
                "Write provider/model, such as \"demo/writer\".",
            ),
        }
    }
    route
}

/// `price = 2.5`, or a table for one that follows from the cost.
fn price(reader: &mut Reader) -> Price {
    if !reader.is_table("price") {
        return Price::Fixed(reader.credits("price").unwrap_or_default());
    }
    let Some(table) = reader.table("price") else { return Price::default() };
    let mut reader = reader.inside("price", table);
    reader.only(&PRICE_KEYS);
    let per_usd = reader.required_credits("per_usd", "100");
    let max = reader.required_credits("max", "5");
    let min = reader.credits("min").unwrap_or_default();
    let margin = reader.text("margin").unwrap_or_else(|| "0%".to_owned());
    let margin = margin.parse().unwrap_or_else(|bad: BadMargin| {
        reader.fault("margin", "is not a margin", format!("{bad}."));
        Margin::default()
    });
    Price::Metered { max, rate: Metered { per_usd, margin, min } }
}

fn steps<'t>(reader: &mut Reader<'t, '_>) -> Vec<&'t Table> {
    reader.tables("steps").unwrap_or_default()
}

fn read_step(index: usize, table: &Table, faults: &mut Vec<Fault>) -> Step {
    let mut reader = Reader::new(FILE, &format!("steps[{index}]"), table, faults);
    let kind = match reader.text("kind").as_deref() {
        None | Some("chat") => {
            reader.only(&STEP_KEYS);
            StepKind::Chat(read_chat(&mut reader))
        }
        Some("picture") => {
            reader.only(&PICTURE_STEP_KEYS);
            StepKind::Picture(read_settings(&mut reader))
        }
        Some("media") => {
            reader.only(&MEDIA_STEP_KEYS);
            let (settings, pictures_from) = (read_settings(&mut reader), reader.text("pictures_from"));
            StepKind::Media { settings, pictures_from }
        }
        Some(other) => {
            let close = did_you_mean(other, STEP_KINDS);
            let fix = format!("Kinds of steps are: {}. {close}", STEP_KINDS.join(", "));
            reader.fault("kind", format!("{other:?} is not a kind of step"), fix.trim());
            StepKind::Chat(read_chat(&mut reader))
        }
    };
    Step {
        name: reader.required_text("name", "write").unwrap_or_default(),
        prompt: reader.required_text("prompt", "prompt.j2").unwrap_or_default(),
        kind,
    }
}

/// The one step that writes a part anew; its answer is JSON, whatever the form.
fn read_revise(table: &Table, faults: &mut Vec<Fault>) -> Step {
    let mut reader = Reader::new(FILE, "revise", table, faults);
    reader.only(&REVISE_KEYS);
    let chat = Chat { answer: StepAnswer::Json, ..read_chat(&mut reader) };
    Step {
        name: REVISE_STEP.to_owned(),
        prompt: reader.required_text("prompt", "revise.j2").unwrap_or_default(),
        kind: StepKind::Chat(chat),
    }
}

fn read_chat(reader: &mut Reader<'_, '_>) -> Chat {
    let answer = match reader.text("answer").as_deref() {
        None | Some("text") => StepAnswer::Text,
        Some("json") => StepAnswer::Json,
        Some(other) => {
            reader.fault("answer", format!("{other:?} is not a kind of answer"), "Write \"text\" or \"json\".");
            StepAnswer::Text
        }
    };
    let tokens = reader.whole_number("max_output_tokens").map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Chat {
        system: reader.text("system"),
        output_tokens_max: tokens.unwrap_or(OUTPUT_TOKENS_DEFAULT),
        temperature: reader.number("temperature"),
        answer,
    }
}

fn read_settings(reader: &mut Reader<'_, '_>) -> Settings {
    let mut fixed = Map::new();
    for (name, value) in reader.table("settings").into_iter().flatten() {
        match as_json(value) {
            Some(value) => drop(fixed.insert(name.clone(), value)),
            None => reader.fault(
                &format!("settings.{name}"),
                format!("{value} cannot be said in JSON"),
                "Write a text, a number, true or false, or a list or table of those.",
            ),
        }
    }
    Settings { fixed, from_input: reader.texts("settings_from").unwrap_or_default() }
}

/// The same value in JSON, which has neither dates nor numbers without end.
fn as_json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(truth) => Value::from(*truth),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(entries) => Value::Array(entries.iter().map(as_json).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let pairs = table.iter().map(|(name, value)| Some((name.clone(), as_json(value)?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}

fn read_limits(table: &Table, faults: &mut Vec<Fault>) -> Limits {
    let mut reader = Reader::new(FILE, "limits", table, faults);
    reader.only(&LIMIT_KEYS);
    let default = Limits::default();
    let attempts = reader.whole_number("max_attempts").map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let bytes = reader.whole_number("max_input_bytes").map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    Limits {
        attempts_max: attempts.unwrap_or(default.attempts_max),
        attempt_timeout: reader.duration("attempt_timeout").unwrap_or(default.attempt_timeout),
        deadline: reader.duration("deadline"),
        input_bytes_max: bytes.unwrap_or(default.input_bytes_max),
    }
}

fn read_fill(table: &Table, faults: &mut Vec<Fault>) -> Fill {
    let mut reader = Reader::new(FILE, "fill", table, faults);
    reader.only(&FILL_KEYS);
    Fill { sources: reader.text("sources"), feedback: reader.text("feedback"), mails: reader.text("mails") }
}

fn read_fallback(table: &Table, faults: &mut Vec<Fault>) -> FallbackRules {
    let mut reader = Reader::new(FILE, "fallback", table, faults);
    reader.only(&FALLBACK_KEYS);
    let mut rule = |reason: FallbackReason| {
        let word = reader.text(reason.as_str())?;
        let body = FallbackBody::from_word(&word);
        if body.is_none() {
            let known: Vec<&str> = reason.allowed().iter().map(|body| body.as_str()).collect();
            let fix = format!("Use one of: {}.", known.join(", "));
            reader.fault(reason.as_str(), format!("{word:?} is not a kind of fallback"), fix);
        }
        body
    };
    let rules = FallbackRules {
        unparsable_answer: rule(FallbackReason::UnparsableAnswer),
        no_trends: rule(FallbackReason::NoTrends),
        no_content: rule(FallbackReason::NoContent),
        next_steps: Vec::new(),
    };
    let next_steps = reader.texts("next_steps").unwrap_or_default();
    let blank = next_steps.iter().any(|step| step.trim().is_empty());
    if blank || next_steps.len() > fallback::NEXT_STEPS_MAX {
        let fix = format!("Give at most {} sentences, each on one line.", fallback::NEXT_STEPS_MAX);
        reader.fault("next_steps", "has an empty sentence or too many of them", fix);
    }
    FallbackRules { next_steps, ..rules }
}
