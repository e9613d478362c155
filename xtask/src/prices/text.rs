//! Text models, from the snapshot of the package `model-prices`: the price history of each maker's own API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decimal::{Amount, amount};
use super::{Found, Rates, Rows};
use crate::shell::Outcome;

/// The makers whose own API a provider can be set up for, as the snapshot names them.
const VENDORS: [&str; 14] = [
    "ai21",
    "alibaba",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "inception",
    "minimax",
    "mistral",
    "moonshotai",
    "openai",
    "upstage",
    "xai",
    "zai",
];

/// Parts of names of models that are not paid by text tokens alone; one rate for each direction would be wrong.
const NOT_TEXT: [&str; 10] =
    ["audio", "banana", "deep-research", "image", "live", "omni", "realtime", "search", "transcribe", "tts"];

/// Dollars per million tokens to nano-dollars per million tokens.
const POWER: i32 = 9;

pub fn read(snapshot: &Value) -> Outcome<Found> {
    if snapshot["schema"] != 1 {
        return Err(format!("the snapshot has schema {}, this chore reads 1", snapshot["schema"]));
    }
    let mut found = Found::default();
    for vendor in VENDORS {
        let models = snapshot["prices"][vendor].as_object().ok_or_else(|| format!("the snapshot lacks {vendor}"))?;
        for (model, modes) in models {
            let name = format!("{vendor}/{model}");
            if NOT_TEXT.iter().any(|part| model.contains(part)) {
                found.left_out.push((name, "its tokens are not all text"));
            } else if modes.get("thinking").is_some() {
                found.left_out.push((name, "its output costs more while thinking"));
            } else {
                let rows = rows(vendor, model, modes, snapshot)?;
                if rows.values().last().is_some_and(BTreeMap::is_empty) {
                    found.left_out.push((name.clone(), "no exact price at the end of its history"));
                }
                found.models.insert(name, rows);
            }
        }
    }
    Ok(found)
}

fn rows(vendor: &str, model: &str, modes: &Value, snapshot: &Value) -> Outcome<Rows> {
    let history = modes["standard"].as_array().ok_or_else(|| format!("{vendor}/{model} has no ordinary price"))?;
    let mut rows = Rows::new();
    for entry in history {
        // Before its first day a price is not known, whatever it was.
        let from = entry["start"].as_str().or_else(|| entry["rates"]["valid_from"].as_str());
        let from = from.ok_or_else(|| format!("{vendor}/{model} has a price without a day"))?;
        rows.insert(from.to_owned(), rates(&entry["rates"]).unwrap_or_default());
    }
    by_the_hour(vendor, model, snapshot, &mut rows);
    Ok(rows)
}

/// `None` is a price that is not known exactly.
fn rates(entry: &Value) -> Option<Rates> {
    let multiple = amount(&entry["cache_write_1h_multiple"], POWER);
    let mut rates = token_rates(entry, multiple)?;
    let mut tiers = Vec::new();
    for tier in entry["tiers"].as_array().into_iter().flatten() {
        let mut rates = token_rates(tier, multiple).filter(|rates| rates.contains_key("input"))?;
        rates.insert("above", Value::from(tier["above"].as_i64().filter(|above| *above > 0)?));
        tiers.push(Value::from_iter(rates));
    }
    if !tiers.is_empty() {
        rates.insert("tiers", Value::from(tiers));
    }
    Some(rates)
}

fn token_rates(entry: &Value, multiple: Amount) -> Option<Rates> {
    let mut rates = Rates::new();
    let names = [("input", "input"), ("output", "output"), ("cached", "cache_read"), ("cache_write", "cache_write")];
    for (ours, theirs) in names {
        match amount(&entry[theirs], POWER) {
            Amount::Nanos(nanos) => drop(rates.insert(ours, Value::from(nanos))),
            Amount::Unknown => {}
            Amount::Refused => return None,
        }
    }
    let input = rates.get("input").and_then(Value::as_i64);
    if let (Some(input), Amount::Nanos(billionths), true) = (input, multiple, rates.contains_key("cache_write")) {
        let nanos = i128::from(input) * i128::from(billionths) / 1_000_000_000;
        rates.insert("cache_write_1h", Value::from(i64::try_from(nanos).ok()?));
    }
    let priced = rates.contains_key("input") || rates.contains_key("output");
    priced.then_some(rates)
}

/// Where the price depends on the hour, no row can say it: the model is unknown while that holds.
fn by_the_hour(vendor: &str, model: &str, snapshot: &Value, rows: &mut Rows) {
    for schedule in snapshot["schedules"]["schedule"].as_array().into_iter().flatten() {
        let models = ["off_peak_multiplier", "peak_multiplier"].map(|key| schedule[key].as_object());
        let listed = models.iter().flatten().next();
        if schedule["provider"] != vendor || listed.is_some_and(|models| !models.contains_key(model)) {
            continue;
        }
        let from = schedule["valid_from"].as_str().unwrap_or_default().to_owned();
        let until = schedule["valid_until"].as_str().map(str::to_owned);
        let after = until.and_then(|until| {
            let rates = rows.range(..=until.clone()).next_back().map(|(_, rates)| rates.clone())?;
            Some((until, rates))
        });
        let ends = after.as_ref().map(|(until, _)| until.clone());
        rows.retain(|start, _| *start < from || ends.as_ref().is_some_and(|ends| start > ends));
        rows.insert(from, Rates::new());
        rows.extend(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(start: Option<&str>, input: f64) -> Value {
        json!({"start": start, "rates": {"input": input, "output": 2.0, "valid_from": "2026-01-01T00:00:00Z"}})
    }

    fn of(history: Vec<Value>, schedules: Value) -> Rows {
        let snapshot = json!({"schedules": {"schedule": schedules}});
        rows("deepseek", "chat", &json!({"standard": history}), &snapshot).unwrap()
    }

    #[test]
    fn a_history_becomes_rows_from_its_first_known_day() {
        let rows = of(vec![entry(None, 1.0), entry(Some("2026-05-01T00:00:00Z"), 0.5)], json!([]));
        assert_eq!(rows["2026-01-01T00:00:00Z"]["input"], 1_000_000_000);
        assert_eq!(rows["2026-05-01T00:00:00Z"]["input"], 500_000_000);
    }

    #[test]
    fn zero_ends_a_price_and_a_price_below_zero_is_refused() {
        let none = json!({"start": "2026-05-01T00:00:00Z", "rates": {"input": 0.0, "output": 0.0}});
        let negative = json!({"start": "2026-06-01T00:00:00Z", "rates": {"input": -1.0, "output": 1.0}});
        let rows = of(vec![entry(None, 1.0), none, negative], json!([]));
        assert!(rows["2026-05-01T00:00:00Z"].is_empty() && rows["2026-06-01T00:00:00Z"].is_empty());
    }

    #[test]
    fn an_hour_in_the_cache_is_a_multiple_of_the_input() {
        let rates = rates(&json!({
            "input": 3.0, "output": 15.0, "cache_read": 0.3, "cache_write": 3.75, "cache_write_1h_multiple": 2.0,
            "tiers": [{"above": 200_000, "input": 6.0, "output": 22.5, "cache_write": 7.5}],
        }));
        let rates = rates.unwrap();
        assert_eq!(rates["cache_write_1h"], 6_000_000_000_i64);
        assert_eq!(rates["tiers"][0]["cache_write_1h"], 12_000_000_000_i64);
        assert_eq!(rates["tiers"][0]["above"], 200_000);
    }

    #[test]
    fn a_price_by_the_hour_is_unknown_while_it_holds() {
        let schedule = json!([{
            "provider": "deepseek", "valid_from": "2026-03-01T00:00:00Z", "valid_until": "2026-07-01T00:00:00Z",
            "off_peak_multiplier": {"chat": 0.5},
        }]);
        let rows = of(vec![entry(None, 1.0), entry(Some("2026-05-01T00:00:00Z"), 0.5)], schedule);
        let starts: Vec<(&str, bool)> = rows.iter().map(|(from, rates)| (from.as_str(), rates.is_empty())).collect();
        let expected =
            [("2026-01-01T00:00:00Z", false), ("2026-03-01T00:00:00Z", true), ("2026-07-01T00:00:00Z", false)];
        assert_eq!(starts, expected);
        assert_eq!(rows["2026-07-01T00:00:00Z"]["input"], 500_000_000);
        let open = json!([{"provider": "deepseek", "valid_from": "2026-03-01T00:00:00Z", "peak_multiplier": 2.0}]);
        let rows = of(vec![entry(None, 1.0), entry(Some("2026-05-01T00:00:00Z"), 0.5)], open);
        assert!(rows.len() == 2 && rows["2026-03-01T00:00:00Z"].is_empty());
    }
}
