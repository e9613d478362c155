//! Prompt templates: Jinja, compiled once per recipe, strict about undefined values, bounded in work and in length. No
//! HTML escaping: a prompt is plain text. Text from the outside goes through the filter `data`, which keeps it from
//! closing the fence it stands in.

use std::collections::BTreeMap;
use std::io;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use crate::fault::Fault;

/// Work one template may do. Units: steps of the template engine; a loop over 100 items takes about 10,000.
pub(crate) const RENDER_FUEL: u64 = 2_000_000;
/// Longest prompt message. Units: bytes.
pub(crate) const PROMPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a prompt could not be made. The recipe or the caller is wrong, so another attempt does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("The recipe has no step number {0}.")]
    NoSuchStep(usize),
    #[error("Step {step:?} needs the answer of step {missing:?}, which was not given.")]
    MissingStepOutput { step: String, missing: String },
    #[error("The answer of step {step:?} is not JSON, as the recipe says it is.")]
    StepOutputNotJson { step: String },
    #[error("The template {template} did too much work: check its loops.")]
    OutOfFuel { template: String },
    #[error("The template {template} makes a prompt of more than {bytes_max} bytes.")]
    TooLong { template: String, bytes_max: usize },
    #[error("The template {template} cannot be filled in{}: {what}.", line.map(|n| format!(" at line {n}")).unwrap_or_default())]
    Template { template: String, line: Option<usize>, what: String },
}

/// The compiled templates of one recipe.
pub(crate) struct TemplateSet {
    engine: Environment<'static>,
}

impl TemplateSet {
    /// Compiles all templates of a folder; what does not compile is a fault and is left out.
    pub fn compile<'s>(sources: impl Iterator<Item = (&'s str, &'s str)>, faults: &mut Vec<Fault>) -> TemplateSet {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_auto_escape_callback(|_| AutoEscape::None);
        engine.set_fuel(Some(RENDER_FUEL));
        engine.add_filter("one_line", one_line);
        engine.add_filter("cut", cut);
        engine.add_filter("data", data);
        for (name, source) in sources {
            if let Err(error) = engine.add_template_owned(name.to_owned(), source.to_owned()) {
                let what = format!("the template's syntax is wrong: {}", describe(&error));
                let fault = Fault::new(name, what, "Correct it; the syntax is Jinja's.");
                faults.push(match error.line() {
                    Some(line) => fault.at(format!("line {line}")),
                    None => fault,
                });
            }
        }
        TemplateSet { engine }
    }

    /// How long a template is itself. Units: bytes.
    pub fn source_bytes(&self, template: &str) -> u64 {
        self.engine.get_template(template).map_or(0, |template| template.source().len() as u64)
    }

    /// The variables a template takes from its context, with their nested names such as `input.topic`.
    pub fn variables(&self, template: &str) -> Vec<String> {
        let Ok(template) = self.engine.get_template(template) else {
            return Vec::new();
        };
        // Globals of the engine, such as range and namespace, are not context.
        let globals: Vec<&str> = self.engine.globals().map(|(name, _)| name).collect();
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.retain(|name| !globals.contains(&name.split('.').next().unwrap_or_default()));
        names.sort();
        names
    }

    pub fn render(&self, template: &str, context: &Value) -> Result<String, RenderError> {
        let failed = |error: &minijinja::Error| RenderError::Template {
            template: error.name().unwrap_or(template).to_owned(),
            line: error.line(),
            what: describe(error),
        };
        let compiled = self.engine.get_template(template).map_err(|error| failed(&error))?;
        let mut out = Bounded { bytes: Vec::with_capacity(4_096), full: false };
        let outcome = compiled.render_captured_to(context.clone(), &mut out).map(drop);
        match outcome {
            Ok(()) => {}
            Err(_) if out.full => {
                return Err(RenderError::TooLong { template: template.to_owned(), bytes_max: PROMPT_BYTES_MAX });
            }
            Err(error) if error.kind() == ErrorKind::OutOfFuel => {
                return Err(RenderError::OutOfFuel { template: template.to_owned() });
            }
            Err(error) => return Err(failed(&error)),
        }
        let text = String::from_utf8(out.bytes);
        let text = text.map_err(|_| RenderError::Template {
            template: template.to_owned(),
            line: None,
            what: "the result is not text".to_owned(),
        })?;
        Ok(text.trim().to_owned())
    }
}

/// Values for the templates' context.
pub(crate) fn context(
    input: &serde_json::Value,
    steps: &BTreeMap<&str, serde_json::Value>,
    recipe: &BTreeMap<&'static str, &str>,
    revision: Option<&serde_json::Value>,
) -> Value {
    let context = minijinja::context! { input => Serde(input), steps => Serde(steps), recipe => Serde(recipe) };
    match revision {
        // Left out, so that templates can ask whether it `is defined`.
        None => context,
        Some(facts) => minijinja::context! { revision => Serde(facts), ..context },
    }
}

/// The reason without the template's source, which may hold the operator's words.
fn describe(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{} ({detail})", error.kind()),
        None => error.kind().to_string(),
    }
}

/// A writer with an end.
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > PROMPT_BYTES_MAX {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Filter `one_line`: every run of white space as one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Filter `cut(n)`: at most n characters, ended at a word with an ellipsis.
fn cut(text: &str, chars_max: usize) -> String {
    copydesk_core::recipe::items::cut(text, chars_max)
}

/// Filter `data`: text from the outside as data. Blank lines and control characters go, and the `<` of a closing tag
/// becomes a `‹`, so that the text cannot end the fence around it. Code such as `Vec<u8>` stays as it is.
fn data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim();
        if line.chars().all(|c| c.is_control() || c.is_whitespace()) {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        // Most lines have nothing to change, and this runs over every text of every prompt.
        if !line.bytes().any(|byte| byte == b'<' || byte.is_ascii_control() || byte == 0xc2) {
            out.push_str(line);
            continue;
        }
        for (index, c) in line.char_indices().filter(|(_, c)| !c.is_control() || *c == '\t') {
            let after = || line[index + 1..].trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
            out.push(if c == '<' && after().starts_with('/') { '‹' } else { c });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(source: &str) -> TemplateSet {
        let mut faults = Vec::new();
        let set = TemplateSet::compile([("t.j2", source)].into_iter(), &mut faults);
        assert_eq!(faults, vec![]);
        set
    }

    fn render(source: &str, input: serde_json::Value) -> Result<String, RenderError> {
        set(source).render("t.j2", &context(&input, &BTreeMap::new(), &BTreeMap::from([("name", "r")]), None))
    }

    #[test]
    fn nothing_is_escaped_and_undefined_is_an_error() {
        assert_eq!(render("{{ input.a }} & {{ recipe.name }}", json!({"a": "<b>"})).unwrap(), "<b> & r");
        let error = render("one\n{{ input.missing }}", json!({})).unwrap_err();
        assert!(matches!(error, RenderError::Template { line: Some(2), .. }), "{error}");
    }

    #[test]
    fn an_endless_template_runs_out_of_fuel() {
        let error = render("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", json!({}));
        assert_eq!(error, Err(RenderError::OutOfFuel { template: "t.j2".into() }));
    }

    #[test]
    fn a_prompt_has_a_longest_length() {
        let error = render("{% for a in range(200) %}{{ 'x' * 99999 }}{% endfor %}", json!({}));
        assert!(matches!(error, Err(RenderError::TooLong { .. })), "{error:?}");
    }

    #[test]
    fn data_cannot_leave_its_fence() {
        let text = "One\n\n</items>\n  < /ITEMS> a < b, Vec<u8>\u{7}\n\u{0}\n<\u{7}/items>";
        assert_eq!(data(text), "One\n‹/items>\n‹ /ITEMS> a < b, Vec<u8>\n‹/items>");
    }

    #[test]
    fn context_variables_are_found_and_globals_are_not() {
        let set = set("{% for item in input.items %}{{ item.title }}{% endfor %}{{ range(3) }}{{ inptu.x }}");
        assert_eq!(set.variables("t.j2"), ["inptu.x", "input.items"]);
    }
}
