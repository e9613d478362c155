//! The fields of a JSON body, taken out one by one. Every fault is kept with its JSON pointer and told together at the
//! end; a field nobody asked for is a fault, too, so that a misspelt one is never silently ignored.

use super::span;
use crate::problem::Problem;
use copydesk_core::time::BadTime;
use copydesk_core::{MicroCredits, Timestamp};
use copydesk_desk::error::Fault;
use serde_json::{Map, Value};
use std::time::Duration;

/// A body that can be read from fields.
pub(crate) trait FromFields {
    fn read(fields: &mut Fields) -> Self;
}

/// A route without a body's fields.
#[derive(utoipa::ToSchema)]
#[schema(as = NoFields)]
pub(crate) struct Nothing {}

impl FromFields for Nothing {
    fn read(_fields: &mut Fields) -> Nothing {
        Nothing {}
    }
}

pub(crate) struct Fields {
    left: Map<String, Value>,
    asked: Vec<&'static str>,
    faults: Vec<Fault>,
    /// The instant the request is read at, for spans that mean "from now".
    pub now: Timestamp,
}

/// The code of a fault in a time.
pub(super) fn time_code(bad: &BadTime) -> &'static str {
    match bad {
        BadTime::Naive(_) => crate::Code::NaiveTimestamp.as_str(),
        BadTime::Malformed(_) => "bad_time",
    }
}

impl Fields {
    pub fn new(left: Map<String, Value>, now: Timestamp) -> Fields {
        Fields { left, asked: Vec::new(), faults: Vec::new(), now }
    }

    pub fn fault(&mut self, name: &str, code: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(pointer(name), code, detail));
    }

    /// A fault of one place of a list.
    pub fn fault_at(&mut self, name: &str, place: usize, code: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(format!("{}/{place}", pointer(name)), code, detail));
    }

    /// A fault of the body as a whole.
    pub fn whole_fault(&mut self, code: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new("", code, detail));
    }

    /// A field as it is; `null` counts as absent.
    pub fn value(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there, whatever it says. Asked before the field is taken.
    pub fn has(&self, name: &'static str) -> bool {
        self.left.contains_key(name)
    }

    /// Whether the field is there and `null`, where that takes something away. Asked before the field is taken.
    pub fn is_null(&self, name: &'static str) -> bool {
        self.left.get(name).is_some_and(Value::is_null)
    }

    fn typed<T>(&mut self, name: &'static str, wanted: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.value(name)?;
        let found = read(value);
        if found.is_none() {
            self.fault(name, "wrong_type", format!("it must be {wanted}"));
        }
        found
    }

    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.typed(name, "a text", |value| match value {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        })
    }

    pub fn required_text(&mut self, name: &'static str) -> String {
        self.must_have(name);
        self.text(name).unwrap_or_default()
    }

    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.typed(name, "true or false", |value| value.as_bool())
    }

    pub fn small_integer(&mut self, name: &'static str) -> Option<i16> {
        self.typed(name, "a whole number", |value| value.as_i64().map(|number| number.clamp(-30_000, 30_000) as i16))
    }

    /// A whole number from 0 to `max`.
    pub fn count(&mut self, name: &'static str, max: i64) -> Option<i64> {
        let wanted = "a whole number without quotes, at least 0";
        let number = self.typed(name, wanted, |value| value.as_i64().filter(|number| *number >= 0))?;
        if number > max {
            self.fault(name, "out_of_range", format!("it must be at most {max}"));
            return None;
        }
        Some(number)
    }

    /// A list of objects, each read by its own fields; a fault in one names its place in the list.
    pub fn objects<T>(&mut self, name: &'static str, read: impl Fn(&mut Fields) -> T) -> Vec<T> {
        let wanted = "a list of objects";
        let items = self.typed(name, wanted, |value| {
            value.as_array()?.iter().map(|item| item.as_object().cloned()).collect::<Option<Vec<_>>>()
        });
        let mut all = Vec::new();
        for (place, item) in items.unwrap_or_default().into_iter().enumerate() {
            let mut fields = Fields::new(item, self.now);
            all.push(read(&mut fields));
            let inside = fields.all_faults().into_iter();
            self.faults
                .extend(inside.map(|fault| Fault { pointer: format!("/{name}/{place}{}", fault.pointer), ..fault }));
        }
        all
    }

    /// An object, read by its own fields; a fault in it names its place.
    pub fn object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields) -> T) -> Option<T> {
        let inside = self.typed(name, "an object", |value| value.as_object().cloned())?;
        let mut fields = Fields::new(inside, self.now);
        let found = read(&mut fields);
        let faults = fields.all_faults().into_iter();
        self.faults.extend(faults.map(|fault| Fault { pointer: format!("/{name}{}", fault.pointer), ..fault }));
        Some(found)
    }

    /// One of the words `parse` knows.
    pub fn word<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>, known: &[&str]) -> Option<T> {
        let text = self.text(name)?;
        let found = parse(&text);
        if found.is_none() {
            self.fault(name, "not_allowed", format!("it must be one of {}", known.join(", ")));
        }
        found
    }

    pub fn required_word<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        known: &[&str],
    ) -> Option<T> {
        self.must_have(name);
        self.word(name, parse, known)
    }

    /// An amount of micro-credits above zero.
    pub fn credits(&mut self, name: &'static str) -> Option<MicroCredits> {
        let value = self.value(name)?;
        let negative = ("amount_negative", "it must be above zero; the kind of the transfer says where it goes");
        let read = whole(&value).and_then(|micros| MicroCredits::new(micros).map_err(|_| negative));
        read.map_err(|(code, detail)| self.fault(name, code, detail)).ok()
    }

    pub fn required_credits(&mut self, name: &'static str) -> MicroCredits {
        self.must_have(name);
        self.credits(name).unwrap_or_default()
    }

    /// An amount with its sign: whether it is below zero, and how much it is.
    pub fn required_signed_credits(&mut self, name: &'static str) -> (bool, MicroCredits) {
        self.must_have(name);
        let Some(value) = self.value(name) else { return (false, MicroCredits::ZERO) };
        let read = whole(&value).and_then(|micros| {
            let amount = micros.checked_abs().and_then(|micros| MicroCredits::new(micros).ok());
            Ok((micros < 0, amount.ok_or(OUT_OF_RANGE)?))
        });
        read.unwrap_or_else(|(code, detail)| {
            self.fault(name, code, detail);
            (false, MicroCredits::ZERO)
        })
    }

    fn must_have(&mut self, name: &'static str) {
        if self.left.get(name).is_none_or(Value::is_null) {
            self.fault(name, "required", format!("{name:?} is missing"));
        }
    }

    /// Whether something is wrong with a field already.
    pub fn blamed(&self, name: &str) -> bool {
        self.faults.iter().any(|fault| fault.pointer == pointer(name))
    }

    pub fn list(&mut self, name: &'static str) -> Option<Vec<Value>> {
        self.typed(name, "a list", |value| match value {
            Value::Array(items) => Some(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
        })
    }

    pub fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.typed(name, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    pub fn instant(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        text.parse().map_err(|bad| self.bad_time(name, &bad)).ok()
    }

    /// A length of time such as `90s`, `10m` or `PT11M`.
    pub fn span(&mut self, name: &'static str) -> Option<Duration> {
        let text = self.text(name)?;
        span::parse(&text).map_err(|detail| self.fault(name, "bad_duration", detail)).ok()
    }

    /// An age such as `400d`.
    pub fn age(&mut self, name: &'static str) -> Option<Duration> {
        let text = self.text(name)?;
        span::parse_age(&text).map_err(|detail| self.fault(name, "bad_duration", detail)).ok()
    }

    /// An instant, or a length of time that counts from `start`.
    pub fn instant_or_span(&mut self, name: &'static str, start: Timestamp) -> Option<Timestamp> {
        let text = self.text(name)?;
        match (text.parse::<Timestamp>(), span::parse(&text)) {
            (Ok(instant), _) => Some(instant),
            (Err(_), Ok(span)) => Some(start.plus(span)),
            (Err(bad @ BadTime::Naive(_)), Err(_)) => {
                self.bad_time(name, &bad);
                None
            }
            (Err(BadTime::Malformed(_)), Err(_)) => {
                let detail = "it must be a time such as 2026-01-31T08:00:00Z or a length of time such as 10m";
                self.fault(name, "bad_time", detail);
                None
            }
        }
    }

    /// The same where there must be one. After a fault it is `start`.
    pub fn required_instant_or_span(&mut self, name: &'static str, start: Timestamp) -> Timestamp {
        let found = self.instant_or_span(name, start);
        if found.is_none() && !self.blamed(name) {
            self.fault(name, "required", "it is missing");
        }
        found.unwrap_or(start)
    }

    fn bad_time(&mut self, name: &str, bad: &BadTime) {
        self.fault(name, time_code(bad), bad.to_string());
    }

    /// Errors: everything that was found wrong, unknown fields included.
    pub fn finish(self) -> Result<(), Problem> {
        let faults = self.all_faults();
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }

    /// Errors: what was found wrong with the fields that were asked for.
    pub fn finish_known(self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::invalid(self.faults)) }
    }

    pub fn all_faults(mut self) -> Vec<Fault> {
        let known = self.asked.join(", ");
        for name in self.left.keys() {
            let detail = match near(name, &self.asked) {
                Some(meant) => format!("there is no such field; did you mean {meant:?}?"),
                None if self.asked.is_empty() => "this route takes no fields".to_owned(),
                None => format!("there is no such field; the fields are {known}"),
            };
            self.faults.push(Fault::new(pointer(name), "unknown_field", detail));
        }
        self.faults
    }
}

const OUT_OF_RANGE: (&str, &str) =
    ("amount_out_of_range", "it is larger than any balance can be (9,223,372,036,854 credits)");

/// A whole number of micro-credits, or what is wrong with it.
fn whole(value: &Value) -> Result<i64, (&'static str, &'static str)> {
    let wrong = ("wrong_type", "it must be a whole number of micro-credits, without quotes (1 credit = 1000000)");
    let Value::Number(number) = value else { return Err(wrong) };
    match number.as_i64() {
        Some(0) => return Err(("amount_zero", "there is nothing to move: it must not be zero")),
        Some(micros) => return Ok(micros),
        None => {}
    }
    match number.as_f64() {
        Some(fraction) if fraction.fract() != 0.0 => {
            Err(("amount_fractional", "there is nothing smaller than a micro-credit: it must be a whole number"))
        }
        Some(large) if large.abs() >= 9.2e18 => Err(OUT_OF_RANGE),
        Some(_) | None => Err(wrong),
    }
}

fn pointer(name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The known word a misspelt one probably means: the same letters but for one inserted, left out, swapped or replaced.
pub(crate) fn near<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    if given.len() > 40 {
        return None;
    }
    known.iter().copied().find(|word| {
        let mut letters: (Vec<char>, Vec<char>) = (given.to_lowercase().chars().collect(), word.chars().collect());
        let short = letters.0.len().min(letters.1.len());
        let head = (0..short).take_while(|at| letters.0[*at] == letters.1[*at]).count();
        letters.0.drain(..head);
        letters.1.drain(..head);
        while letters.0.last().is_some() && letters.0.last() == letters.1.last() {
            letters.0.pop();
            letters.1.pop();
        }
        let swapped = letters.0.len() == 2 && letters.0.iter().rev().eq(letters.1.iter());
        swapped || (letters.0.len() <= 1 && letters.1.len() <= 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        Fields::new(value.as_object().cloned().unwrap(), Timestamp::from_micros(0))
    }

    fn faults(fields: Fields) -> Vec<(String, String)> {
        let problem = fields.finish().unwrap_err();
        problem.parts().errors.iter().map(|fault| (fault.pointer.clone(), fault.code.clone())).collect()
    }

    #[test]
    fn all_faults_are_told_together() {
        let mut fields =
            fields(json!({"recipe": 7, "run_at": "2026-01-01T08:00:00", "priority": "x", "recpie": 1, "a/b": 2}));
        fields.required_text("recipe");
        fields.required_text("input");
        fields.instant("run_at");
        fields.small_integer("priority");
        let wanted = [
            ("/recipe", "wrong_type"),
            ("/input", "required"),
            ("/run_at", "naive_timestamp"),
            ("/priority", "wrong_type"),
            ("/a~1b", "unknown_field"),
            ("/recpie", "unknown_field"),
        ];
        assert_eq!(faults(fields), wanted.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    }

    #[test]
    fn a_deadline_is_an_instant_or_a_span_from_its_start() {
        let start = Timestamp::from_micros(1_000_000);
        for (text, micros) in
            [("90s", 91_000_000), ("10m", 601_000_000), ("PT11M", 661_000_000), ("1970-01-01T00:00:05Z", 5_000_000)]
        {
            let mut fields = fields(json!({"deadline": text}));
            assert_eq!(fields.instant_or_span("deadline", start), Some(Timestamp::from_micros(micros)), "{text}");
        }
        let mut naive = fields(json!({"deadline": "2026-01-01T08:00:00"}));
        naive.instant_or_span("deadline", start);
        assert_eq!(faults(naive)[0].1, "naive_timestamp");
    }

    #[test]
    fn an_amount_is_a_whole_number_of_micro_credits_above_zero() {
        let cases = [
            (json!(5), Ok(5)),
            (json!(9_223_372_036_854_775_807_i64), Ok(i64::MAX)),
            (json!(0), Err("amount_zero")),
            (json!(-1), Err("amount_negative")),
            (json!(1.5), Err("amount_fractional")),
            (json!(9_223_372_036_854_775_808_u64), Err("amount_out_of_range")),
            (json!(1e300), Err("amount_out_of_range")),
            (json!("5"), Err("wrong_type")),
            (json!([5]), Err("wrong_type")),
        ];
        for (value, expected) in cases {
            let mut plain = fields(json!({"amount": value}));
            match (plain.credits("amount"), expected) {
                (Some(amount), Ok(micros)) => assert_eq!(amount.micros(), micros),
                (None, Err(code)) => assert_eq!(faults(plain), [("/amount".to_owned(), code.to_owned())], "{value}"),
                (read, _) => panic!("{value} was read as {read:?}"),
            }
        }
        let mut signed = fields(json!({"amount": -7}));
        assert_eq!(signed.required_signed_credits("amount"), (true, MicroCredits::new(7).unwrap()));
        let mut least = fields(json!({"amount": i64::MIN}));
        least.required_signed_credits("amount");
        assert_eq!(faults(least)[0].1, "amount_out_of_range");
    }

    #[test]
    fn a_misspelt_field_is_told_what_was_meant() {
        for given in ["recpie", "recipes", "recip", "racipe", "Recipe"] {
            assert_eq!(near(given, &["model", "recipe"]), Some("recipe"), "{given}");
        }
        assert_eq!(near("colour", &["model", "recipe"]), None);
    }
}
