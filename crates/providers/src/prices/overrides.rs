//! The operator's own price file. Amounts are decimal text in dollars and become integers without passing through
//! floating point; what cannot be read exactly is refused with its key and what to write instead.

use copydesk_core::metering::price::{ContextTier, Price, RATE_MAX, TokenRates};
use copydesk_core::{NanoUsd, Timestamp, Tokens};
use toml::{Table, Value};

use super::{Row, Rows};

/// Billionths are the smallest amount there is.
const DECIMALS_MAX: usize = 9;
const NANOS_PER_DOLLAR: i64 = 1_000_000_000;

const OTHER_KEYS: [&str; 6] = ["per_image", "per_video_second", "per_request", "free", "from", "tiers"];

/// A price file that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}: {key} {what}; {advice}")]
pub struct PriceFault {
    pub file: String,
    /// Where in the file, such as `prices."openai/gpt-4o".input`.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
    /// What to write instead.
    pub advice: String,
}

/// A fault before its place is known.
struct Wrong {
    what: String,
    advice: &'static str,
}

fn wrong(what: impl Into<String>, advice: &'static str) -> Wrong {
    Wrong { what: what.into(), advice }
}

const AMOUNT: &str = "write dollars as text, such as \"2.50\"";
const DAY: &str = "write a day such as \"2026-11-01\", or an instant such as \"2026-11-01T12:00:00Z\"";
const KEYS: &str = "the keys are input, output, cached, cache_write, cache_write_1h, input_image, reasoning, output_image, \
                    per_image, per_video_second, per_request, free, from and tiers";

/// Reads the whole file or nothing.
pub fn read(text: &str, file: &str, version: &str) -> Result<Rows, PriceFault> {
    let fault = |key: String, wrong: Wrong| PriceFault {
        file: file.to_owned(),
        key,
        what: wrong.what,
        advice: wrong.advice.to_owned(),
    };
    let example = "write rows such as [prices.\"openai/gpt-4o\"] with input = \"2.50\"";
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        fault("the file".to_owned(), wrong(format!("is not TOML: {}", error.message()), example))
    })?;
    if let Some(key) = table.keys().find(|key| *key != "prices") {
        return Err(fault(key.clone(), wrong("is not known here", example)));
    }
    let models = match table.get("prices") {
        Some(Value::Table(models)) => models,
        Some(_) | None => return Err(fault("prices".to_owned(), wrong("is missing", example))),
    };
    let mut rows = Rows::new();
    for (model, entry) in models {
        let place = format!("prices.{model:?}");
        if !model.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty()) {
            return Err(fault(
                place,
                wrong("is no address of a model", "write it as PROVIDER/MODEL, as requests name it"),
            ));
        }
        let entries: Vec<&Value> = entry.as_array().map_or_else(|| vec![entry], |entries| entries.iter().collect());
        let mut history = Vec::with_capacity(entries.len());
        for entry in entries {
            history.push(row(entry, version).map_err(|(key, wrong)| fault(format!("{place}{key}"), wrong))?);
        }
        history.sort_by_key(|row: &Row| row.from);
        if history.windows(2).any(|pair| pair[0].from == pair[1].from) {
            return Err(fault(place, wrong("has two prices from the same day", "give each its own from")));
        }
        rows.insert(model.clone(), history);
    }
    Ok(rows)
}

/// One row, or the key below the model's that is wrong, with a dot before it.
fn row(entry: &Value, version: &str) -> Result<Row, (String, Wrong)> {
    let at = |key: &str| format!(".{key}");
    let fields = entry.as_table().ok_or_else(|| (String::new(), wrong("is no table of rates", KEYS)))?;
    let strange =
        fields.keys().find(|key| !TokenRates::NAMES.contains(&key.as_str()) && !OTHER_KEYS.contains(&key.as_str()));
    if let Some(key) = strange {
        return Err((at(key), wrong("is not known here", KEYS)));
    }
    let free = match fields.get("free") {
        None => false,
        Some(value) => {
            value.as_bool().ok_or_else(|| (at("free"), wrong("is neither true nor false", "write free = true")))?
        }
    };
    let from = match fields.get("from") {
        None => None,
        Some(value) => Some(instant(value).ok_or_else(|| (at("from"), wrong(format!("is {value}, no day"), DAY)))?),
    };
    let amount = |key: &str| dollars(fields, key, free).map_err(|wrong| (at(key), wrong));
    let price = Price {
        version: version.to_owned(),
        from,
        free,
        tokens: rates(fields, free)?,
        tiers: tiers(fields, free)?,
        per_image: amount("per_image")?,
        per_video_second: amount("per_video_second")?,
        per_request: amount("per_request")?,
    };
    if price.is_empty() {
        return Err((
            String::new(),
            wrong("has no rate", "give it one, such as input = \"2.50\", or write free = true"),
        ));
    }
    Ok(Row { from: from.unwrap_or(Timestamp::from_micros(i64::MIN)), price: Some(price) })
}

fn rates(fields: &Table, free: bool) -> Result<TokenRates, (String, Wrong)> {
    TokenRates::read(|key| dollars(fields, key, free).map_err(|wrong| (format!(".{key}"), wrong)))
}

fn tiers(fields: &Table, free: bool) -> Result<Vec<ContextTier>, (String, Wrong)> {
    let advice = "write tiers = [{ above = 200000, input = \"5\", output = \"15\" }], with all the rates of the tier";
    let Some(value) = fields.get("tiers") else { return Ok(Vec::new()) };
    let bad = |what: &str| (".tiers".to_owned(), wrong(what, advice));
    let mut tiers = Vec::new();
    for entry in value.as_array().ok_or_else(|| bad("is no list"))? {
        let fields = entry.as_table().ok_or_else(|| bad("holds something that is no table"))?;
        if fields.keys().any(|key| key != "above" && !TokenRates::NAMES.contains(&key.as_str())) {
            return Err(bad("holds a key that is not known here"));
        }
        let above = fields.get("above").and_then(Value::as_integer).filter(|above| *above > 0);
        let above = above.ok_or_else(|| bad("needs above, a number of input tokens"))?;
        let rates = rates(fields, free).map_err(|(key, wrong)| (format!(".tiers{key}"), wrong))?;
        if rates.input.is_none() {
            return Err(bad("needs input"));
        }
        tiers.push(ContextTier { above_input: Tokens(above), rates });
    }
    Ok(tiers)
}

/// An amount of dollars as text. Zero is an amount only where the row says that it is free.
fn dollars(fields: &Table, key: &str, free: bool) -> Result<Option<NanoUsd>, Wrong> {
    let text = match fields.get(key) {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => return Err(wrong(format!("is {other} without quotes, which would be rounded"), AMOUNT)),
    };
    let nanos = exact_nanos(text).ok_or_else(|| wrong(format!("is {text:?}, no amount of dollars"), AMOUNT))?;
    if nanos > RATE_MAX.0 {
        let most = RATE_MAX.0 / NANOS_PER_DOLLAR;
        return Err(wrong(format!("is {text:?}, more than {most} dollars"), AMOUNT));
    }
    if nanos == 0 && !free {
        return Err(wrong("is zero, which means unknown and not free", "add free = true, or leave the key out"));
    }
    Ok(Some(NanoUsd(nanos)))
}

/// Dollars with at most nine decimals in nano-dollars.
fn exact_nanos(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS_MAX {
        return None;
    }
    let rest: i64 = format!("{decimals:0<9}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(NANOS_PER_DOLLAR)?.checked_add(rest)
}

/// A day is its first instant in UTC.
fn instant(value: &Value) -> Option<Timestamp> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Datetime(day) => day.to_string(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) => return None,
    };
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(row: &str) -> String {
        read(&format!("[prices.\"openai/gpt-4o\"]\n{row}\n"), "prices.toml", "v").unwrap_err().to_string()
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, nanos) in [("2.50", 2_500_000_000), ("0.000000001", 1), ("0.1", 100_000_000), ("15", 15_000_000_000)]
        {
            assert_eq!(exact_nanos(text), Some(nanos), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "nan", "0.0000000001", "1,5", "99999999999999999999", " 1"]
        {
            assert_eq!(exact_nanos(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_fault_names_file_key_and_what_to_write() {
        assert_eq!(
            fault("input = 2.5"),
            "prices.toml: prices.\"openai/gpt-4o\".input is 2.5 without quotes, which would be rounded; write dollars as text, such as \"2.50\""
        );
        for (row, words) in [
            ("input = \"-1\"", "no amount of dollars"),
            ("input = \"nan\"", "no amount of dollars"),
            ("input = \"2000000\"", "more than 1000000 dollars"),
            ("input = \"0\"", "add free = true"),
            ("inptu = \"1\"", ".inptu is not known here"),
            ("from = \"2026-11-01\"", "has no rate"),
            ("input = \"1\"\nfrom = \"1.11.2026\"", "write a day such as"),
            ("input = \"1\"\nfree = 1", "neither true nor false"),
            ("input = \"1\"\ntiers = [{ above = 5, output = \"1\" }]", "needs input"),
            ("input = \"1\"\ntiers = [{ above = 0, input = \"1\" }]", "needs above"),
        ] {
            assert!(fault(row).contains(words), "{row}: {}", fault(row));
        }
        let of = |text: &str| read(text, "prices.toml", "v").unwrap_err().to_string();
        assert!(of("prices = 5").contains("is missing"));
        assert!(of("[prices.gpt-4o]\ninput = \"1\"").contains("PROVIDER/MODEL"));
        assert!(of("price = 1").contains("price is not known here"));
        assert!(of("[prices").contains("is not TOML"));
        let twice = "[[prices.\"a/b\"]]\ninput = \"1\"\n[[prices.\"a/b\"]]\ninput = \"2\"\n";
        assert!(of(twice).contains("two prices from the same day"));
    }

    #[test]
    fn all_kinds_of_rates_are_read() {
        let text = "[prices.\"a/b\"]\ninput = \"1\"\noutput = \"2\"\ncached = \"0.1\"\ncache_write = \"1.25\"\n\
                    cache_write_1h = \"2\"\nreasoning = \"3\"\ninput_image = \"4\"\noutput_image = \"5\"\n\
                    per_image = \"0.04\"\nper_video_second = \"0.4\"\nper_request = \"0.005\"\nfrom = 2026-11-01\n\
                    tiers = [{ above = 200000, input = \"2\", output = \"4\" }]\n";
        let rows = read(text, "f", "v").unwrap();
        let price = rows["a/b"][0].price.as_ref().unwrap();
        assert_eq!(price.from, Some("2026-11-01T00:00:00Z".parse().unwrap()));
        assert_eq!((price.per_image, price.tokens.cached), (Some(NanoUsd(40_000_000)), Some(NanoUsd(100_000_000))));
        assert_eq!(price.tiers[0].above_input, Tokens(200_000));
        assert_eq!(price.tokens.output_image, Some(NanoUsd(5_000_000_000)));
    }
}
