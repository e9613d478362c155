//! Checking an input against a recipe's JSON Schema. The validator is compiled once. Faults name the place by a JSON
//! pointer and never repeat the value: inputs are other people's texts.

use std::io;

use copydesk_core::Timestamp;
use copydesk_core::time::BadTime;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::fault::{Fault, did_you_mean};

/// Most faults reported for one input; more do not help anybody.
pub const FAULTS_MAX: usize = 50;

/// Every code a fault can have.
pub const INPUT_FAULT_CODES: [&str; 17] = [
    "required",
    "unknown_field",
    "wrong_type",
    "not_allowed",
    "too_short",
    "too_long",
    "too_few",
    "too_many",
    "too_small",
    "too_big",
    "wrong_step",
    "wrong_pattern",
    "wrong_format",
    "naive_timestamp",
    "duplicate",
    "too_large",
    "invalid",
];

/// One thing that is wrong with an input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct InputFault {
    /// JSON pointer into the input, e.g. `/items/0/title`; empty for the input itself.
    pub pointer: String,
    /// A stable word, e.g. `too_long`.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

/// A compiled input schema.
pub(crate) struct InputValidator {
    validator: Validator,
    schema: Value,
    bytes_max: usize,
}

impl InputValidator {
    /// Compiles the schema of the file called `file`.
    pub fn compile(file: &str, schema: &Value, bytes_max: usize) -> Result<InputValidator, Fault> {
        if !schema.is_object() {
            return Err(Fault::new(
                file,
                "the schema is not an object",
                "Write a JSON Schema: {\"type\": \"object\", ...}.",
            ));
        }
        let options = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(false);
        match options.build(schema) {
            Ok(validator) => Ok(InputValidator { validator, schema: schema.clone(), bytes_max }),
            Err(error) => {
                let what = format!("is not a sound JSON Schema: {}", cut(&error.masked().to_string()));
                let fix = "Correct it; schemas of other files cannot be referred to.";
                Err(Fault::new(file, what, fix).at(format!("#{}", error.instance_path().as_str())))
            }
        }
    }

    /// Errors: every fault found, at most [`FAULTS_MAX`], in the order of their places.
    pub fn validate(&self, input: &Value) -> Result<(), Vec<InputFault>> {
        let bytes = compact_bytes(input);
        if bytes > self.bytes_max {
            let detail = format!("The input has {bytes} bytes; this recipe accepts {}.", self.bytes_max);
            return Err(vec![InputFault { pointer: String::new(), code: "too_large", detail }]);
        }
        if self.validator.is_valid(input) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(input).take(FAULTS_MAX);
        let mut faults: Vec<InputFault> = errors.flat_map(|error| self.faults_of(&error)).take(FAULTS_MAX).collect();
        faults.sort();
        faults.dedup();
        Err(faults)
    }

    fn faults_of(&self, error: &jsonschema::ValidationError) -> Vec<InputFault> {
        let pointer = error.instance_path().as_str().to_owned();
        let fault = |pointer: String, code, detail: String| InputFault { pointer, code, detail };
        if let ValidationErrorKind::Required { property } = error.kind() {
            let name = property.as_str().unwrap_or_default();
            return vec![fault(below(&pointer, name), "required", format!("{name:?} is missing."))];
        }
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            let known = self.known_properties(error.schema_path().as_str());
            let unknown = |name: &String| {
                let close = did_you_mean(name, known.iter().copied());
                let detail = format!("{:?} is not known here. {close}", cut(name));
                fault(below(&pointer, name), "unknown_field", detail.trim_end().to_owned())
            };
            return unexpected.iter().map(unknown).collect();
        }
        if let ValidationErrorKind::Format { format } = error.kind()
            && format == "date-time"
            && let Some(Err(bad @ BadTime::Naive(_))) = error.instance().as_str().map(str::parse::<Timestamp>)
        {
            return vec![fault(pointer, "naive_timestamp", sentence(&bad.to_string()))];
        }
        let by_pattern = matches!(error.kind(), ValidationErrorKind::Pattern { .. });
        let detail = by_pattern.then(|| self.described(error.schema_path().as_str())).flatten();
        let detail = detail.unwrap_or_else(|| sentence(&error.masked_with("The value").to_string()));
        vec![fault(pointer, code_of(error.kind().keyword()), cut(&detail))]
    }

    /// What the schema says about the value whose pattern is at this place: better than a regular expression.
    fn described(&self, schema_path: &str) -> Option<String> {
        let parent = schema_path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let description = self.schema.pointer(parent)?.get("description")?.as_str()?;
        Some(format!("The value does not have the right form. {description}"))
    }

    /// The properties beside an `additionalProperties` keyword at this place in the schema.
    fn known_properties(&self, schema_path: &str) -> Vec<&str> {
        let parent = schema_path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let properties = self.schema.pointer(&format!("{parent}/properties")).and_then(Value::as_object);
        properties.map(|names| names.keys().map(String::as_str).collect()).unwrap_or_default()
    }
}

/// The public word for a schema keyword. Keywords are JSON Schema's, not ours, so there is a word for the rest.
pub(crate) fn code_of(keyword: &str) -> &'static str {
    match keyword {
        "type" => "wrong_type",
        "enum" | "const" => "not_allowed",
        "minLength" => "too_short",
        "maxLength" => "too_long",
        "minItems" | "minProperties" => "too_few",
        "maxItems" | "maxProperties" => "too_many",
        "minimum" | "exclusiveMinimum" => "too_small",
        "maximum" | "exclusiveMaximum" => "too_big",
        "multipleOf" => "wrong_step",
        "pattern" => "wrong_pattern",
        "format" => "wrong_format",
        "uniqueItems" => "duplicate",
        "required" | "dependentRequired" => "required",
        "additionalProperties" | "unevaluatedProperties" | "propertyNames" => "unknown_field",
        _ => "invalid",
    }
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    let head = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{head}{}.", chars.as_str())
}

fn cut(text: &str) -> String {
    copydesk_core::recipe::items::cut(text, 300)
}

/// Length of the input as compact JSON, without building it.
fn compact_bytes(input: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, part: &[u8]) -> io::Result<usize> {
            self.0 += part.len();
            Ok(part.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A JSON value always serialises, and the counter never fails; if it could, the input would count as too large.
    serde_json::to_writer(&mut counter, input).map_or(usize::MAX, |()| counter.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn validator() -> InputValidator {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["prompt"],
            "properties": {
                "prompt": {"type": "string", "minLength": 1, "maxLength": 5},
                "at": {"type": "string", "format": "date-time"},
                "tone": {"enum": ["dry", "warm"]},
                "list": {"type": "array", "maxItems": 1, "items": {"type": "object", "required": ["title"]}}
            }
        });
        InputValidator::compile("s.json", &schema, 200).unwrap_or_else(|fault| panic!("{fault}"))
    }

    fn faults(input: Value) -> Vec<(String, &'static str)> {
        let faults = validator().validate(&input).unwrap_err();
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn every_fault_is_reported_at_its_place() {
        let input = json!({"promt": "x", "tone": "odd", "list": [{"a": 1}, {"title": "b"}]});
        let wanted = [
            ("/list", "too_many"),
            ("/list/0/title", "required"),
            ("/prompt", "required"),
            ("/promt", "unknown_field"),
            ("/tone", "not_allowed"),
        ];
        assert_eq!(faults(input), wanted.map(|(pointer, code)| (pointer.to_owned(), code)));
        assert_eq!(validator().validate(&json!({"prompt": "x"})), Ok(()));
    }

    #[test]
    fn seed_s0_a_time_without_an_offset_gets_a_hint() {
        let faults = validator().validate(&json!({"prompt": "x", "at": "2026-11-01T08:00:00"})).unwrap_err();
        assert_eq!(faults[0].code, "naive_timestamp");
        assert!(faults[0].detail.contains("no offset"), "{}", faults[0].detail);
        assert_eq!(validator().validate(&json!({"prompt": "x", "at": "2026-11-01T08:00:00+01:00"})), Ok(()));
    }

    #[test]
    fn details_help_and_do_not_repeat_the_value() {
        let faults = validator().validate(&json!({"prompt": "secret words"})).unwrap_err();
        assert_eq!(faults[0].detail, "The value is longer than 5 characters.");
        let faults = validator().validate(&json!({"prompt": "x", "tonne": "dry"})).unwrap_err();
        assert!(faults[0].detail.contains("Did you mean \"tone\"?"), "{}", faults[0].detail);
    }

    #[test]
    fn an_input_beyond_the_limit_is_refused_unread() {
        assert_eq!(faults(json!({"prompt": "x".repeat(300)})), [(String::new(), "too_large")]);
    }

    #[test]
    fn a_schema_that_reaches_out_or_is_wrong_is_a_fault() {
        for schema in [
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"type": "objekt"}),
            json!({"properties": {"a": {"format": "no-such-format"}}}),
            json!("x"),
        ] {
            assert!(InputValidator::compile("s.json", &schema, 10).is_err(), "{schema}");
        }
    }
}
