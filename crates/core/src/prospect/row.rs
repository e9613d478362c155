//! A row of a file as what it says of a prospect. Columns that are no field of a prospect are facts; a time without a zone
//! is read in the zone that was named for the file, or refused.

use super::{BadFact, Edit, Field, Verification};
use crate::Timestamp;
use crate::metering::cuts::Zone;
use crate::time::BadTime;
use serde_json::{Map, Value};

/// What the column of a prospect's verification is called.
pub const VERIFICATION: &str = "verification_status";
/// And the one that says whether it has answered.
pub const ANSWERED: &str = "answered";

/// Errors: everything that is wrong with it, by its columns.
pub fn read_row(row: Map<String, Value>, zone: Option<&Zone>) -> Result<Edit, Vec<BadFact>> {
    let (mut edit, mut faults) = (Edit::default(), Vec::new());
    for (name, value) in row {
        let said = if let Some(field) = Field::parse(&name) {
            text_of(&name, &value).and_then(|text| edit.say(field, &text))
        } else if name == VERIFICATION {
            verification(&name, &value).map(|found| edit.verification = found.or(edit.verification))
        } else if name == ANSWERED {
            answered(&name, &value).map(|found| edit.answered = found)
        } else if let ("facts", Value::Object(facts)) = (name.as_str(), &value) {
            edit.more.extend(facts.clone());
            Ok(())
        } else {
            timed(&name, value, zone).map(|value| drop(edit.more.insert(name, value)))
        };
        faults.extend(said.err());
    }
    if faults.is_empty() { Ok(edit) } else { Err(faults) }
}

fn bad(name: &str, code: &'static str, detail: impl Into<String>) -> BadFact {
    BadFact { field: name.to_owned(), code, detail: detail.into() }
}

fn text_of(name: &str, value: &Value) -> Result<String, BadFact> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        // Ids are numbers in many files.
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(bad(name, "wrong_type", "it must be a text")),
    }
}

fn verification(name: &str, value: &Value) -> Result<Option<Verification>, BadFact> {
    let word = text_of(name, value)?.trim().to_lowercase();
    if word.is_empty() {
        return Ok(None);
    }
    let known = || bad(name, "not_allowed", format!("{word:?}: it must be one of {}", Verification::WORDS.join(", ")));
    Verification::parse(&word).map(Some).ok_or_else(known)
}

fn answered(name: &str, value: &Value) -> Result<Option<bool>, BadFact> {
    if let Value::Bool(answered) = value {
        return Ok(Some(*answered));
    }
    match text_of(name, value)?.trim().to_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" => Ok(Some(true)),
        "false" | "no" | "0" => Ok(Some(false)),
        word => Err(bad(name, "not_allowed", format!("{word:?}: it must be true or false"))),
    }
}

/// A time of day on some day is an instant, or it is nothing anybody can rely on.
fn timed(name: &str, value: Value, zone: Option<&Zone>) -> Result<Value, BadFact> {
    let Value::String(text) = &value else { return Ok(value) };
    if !text.contains(':') {
        return Ok(value);
    }
    match (text.trim().parse::<Timestamp>(), zone) {
        (Ok(instant), _) => Ok(instant.to_string().into()),
        (Err(BadTime::Malformed(_)), _) => Ok(value),
        (Err(BadTime::Naive(_)), None) => {
            let detail =
                format!("{text:?} has no zone: name the one all such times are in, as assume_tz=Europe/Warsaw");
            Err(bad(name, "naive_timestamp", detail))
        }
        (Err(BadTime::Naive(text)), Some(zone)) => match zone.instant(&text) {
            Some(instant) => Ok(instant.to_string().into()),
            None => {
                let detail = format!("{text:?} is not one instant in {}: the clocks changed then", zone.name());
                Err(bad(name, "ambiguous_time", detail))
            }
        },
    }
}
