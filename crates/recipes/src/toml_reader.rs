//! Reading a TOML table key by key, so that every wrong key is reported and not only the first. Knows nothing about
//! recipes; `manifest.rs` does.

use std::time::Duration;

use copydesk_core::MicroCredits;
use toml::{Table, Value};

use crate::fault::{Fault, did_you_mean};

/// A table of a file, its place in it, and the faults found so far.
pub(crate) struct Reader<'t, 'f> {
    file: &'static str,
    /// `""` for the file itself, else like `limits` or `steps[0]`.
    place: String,
    table: &'t Table,
    faults: &'f mut Vec<Fault>,
}

impl<'t, 'f> Reader<'t, 'f> {
    pub fn new(file: &'static str, place: &str, table: &'t Table, faults: &'f mut Vec<Fault>) -> Self {
        Reader { file, place: place.to_owned(), table, faults }
    }

    pub fn fault(&mut self, key: &str, what: impl Into<String>, fix: impl Into<String>) {
        let key = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        self.faults.push(Fault::new(self.file, what, fix).at(key));
    }

    /// Faults for all keys that are not among the known ones.
    pub fn only(&mut self, known: &[&str]) {
        let unknown: Vec<&String> = self.table.keys().filter(|key| !known.contains(&key.as_str())).collect();
        for key in unknown {
            let close = did_you_mean(key, known.iter().copied());
            let fix = if close.is_empty() { format!("Known here are: {}.", known.join(", ")) } else { close };
            self.fault(key, "is not a key of a recipe", fix);
        }
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, "a text in quotes", |value| value.as_str().map(str::to_owned))
    }

    pub fn required_text(&mut self, key: &str, example: &str) -> Option<String> {
        if !self.table.contains_key(key) {
            self.fault(key, "is missing", format!("Write {key} = {example:?}."));
        }
        self.text(key)
    }

    pub fn boolean(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", Value::as_bool)
    }

    /// A whole number of at least 0; the range is checked by whoever knows it.
    pub fn whole_number(&mut self, key: &str) -> Option<u64> {
        let wanted = "a whole number of at least 0, without quotes";
        self.read(key, wanted, |value| value.as_integer().and_then(|number| u64::try_from(number).ok()))
    }

    pub fn number(&mut self, key: &str) -> Option<f64> {
        self.read(key, "a number such as 0.7", |value| {
            let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
            number.filter(|number| number.is_finite())
        })
    }

    /// A decimal number as text, however it was written: `2`, `2.5` or `"2.5"`.
    pub fn decimal(&mut self, key: &str) -> Option<String> {
        self.read(key, "a number", |value| {
            let text = value.as_str().map(str::to_owned);
            let whole = || value.as_integer().map(|number| number.to_string());
            text.or_else(whole).or_else(|| value.as_float().map(|number| number.to_string()))
        })
    }

    /// An amount of credits, however it was written; exact.
    pub fn credits(&mut self, key: &str) -> Option<MicroCredits> {
        let written = self.decimal(key)?;
        let read = written.parse().ok();
        if read.is_none() {
            let fix = "Write credits as a number of at least 0 with at most six decimals, such as 2.5.";
            self.fault(key, format!("{written:?} is not an amount of credits"), fix);
        }
        read
    }

    /// Zero, and a fault, where it is missing.
    pub fn required_credits(&mut self, key: &str, example: &str) -> MicroCredits {
        if !self.table.contains_key(key) {
            self.fault(key, "is missing", format!("Write {key} = {example:?}."));
        }
        self.credits(key).unwrap_or_default()
    }

    pub fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(Value::is_table)
    }

    /// A reader of a table inside this one.
    pub fn inside<'r>(&'r mut self, key: &str, table: &'r Table) -> Reader<'r, 'r> {
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        Reader { file: self.file, place, table, faults: self.faults }
    }

    /// A duration with its unit, such as `"90s"`, `"5m"` or `"1h30m"`.
    pub fn duration(&mut self, key: &str) -> Option<Duration> {
        let wanted = "a duration with its unit in quotes, such as \"90s\", \"5m\", \"1h30m\" or \"2d\"";
        self.read(key, wanted, |value| value.as_str().and_then(parse_duration))
    }

    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        self.read(key, "a list of texts such as [\"one\", \"two\"]", |value| {
            value.as_array()?.iter().map(|entry| entry.as_str().map(str::to_owned)).collect()
        })
    }

    pub fn table(&mut self, key: &str) -> Option<&'t Table> {
        self.read(key, &format!("a table, written as [{key}]"), Value::as_table)
    }

    pub fn tables(&mut self, key: &str) -> Option<Vec<&'t Table>> {
        let wanted = format!("a list of tables, each written as [[{key}]]");
        self.read(key, &wanted, |value| value.as_array()?.iter().map(Value::as_table).collect())
    }

    /// The value of a key as `convert` reads it; a fault when the key is there and cannot be read.
    fn read<T>(&mut self, key: &str, wanted: &str, convert: impl FnOnce(&'t Value) -> Option<T>) -> Option<T> {
        let value = self.table.get(key)?;
        let read = convert(value);
        if read.is_none() {
            let seen: String = value.to_string().chars().take(40).collect();
            self.fault(key, format!("{seen} cannot be used here"), format!("Write {wanted}."));
        }
        read
    }
}

/// `1h30m` as a duration: whole numbers, each with s, m, h or d, at least one.
fn parse_duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (0u64, text.trim());
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let mut after = rest[digits..].chars();
        let seconds = match after.next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(seconds)?)?;
        rest = after.as_str().trim_start();
    }
    Some(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("1h30m", 5_400), ("1h 30m", 5_400), ("2d", 172_800)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "5", "m", "5 minutes", "-5m", "99999999999999999999d", "9999999999999999999d", "5é"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
