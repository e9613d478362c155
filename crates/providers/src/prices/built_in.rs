//! The table that is compiled in, as `cargo xtask prices` writes it. It is read once, when it is first needed, and never
//! changes; a fault in it is a fault of the build, which a test finds.

use std::collections::HashMap;
use std::sync::LazyLock;

use copydesk_core::Timestamp;
use serde_json::Value;

use super::{Abilities, Row, Rows, fingerprint, json};

const TEXT: &str = include_str!("table.json");

struct BuiltIn {
    version: String,
    rows: Rows,
    abilities: HashMap<String, Abilities>,
}

static BUILT_IN: LazyLock<BuiltIn> = LazyLock::new(|| read(TEXT).expect("a test reads the table of this build"));

pub fn rows() -> &'static Rows {
    &BUILT_IN.rows
}

/// By `vendor/model`.
pub fn abilities() -> &'static HashMap<String, Abilities> {
    &BUILT_IN.abilities
}

pub fn version() -> &'static str {
    &BUILT_IN.version
}

fn read(text: &str) -> Result<BuiltIn, String> {
    let table: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = table["version"].as_str().ok_or("no version")?;
    let version = format!("{name}-{}", fingerprint(text));
    let models = table["models"].as_object().ok_or("no models")?;
    let mut rows = Rows::with_capacity(models.len());
    for (model, history) in models {
        let history = history.as_array().ok_or_else(|| format!("{model} has no rows"))?;
        let history: Result<Vec<Row>, String> = history.iter().map(|entry| row(model, entry, &version)).collect();
        rows.insert(model.clone(), history?);
    }
    let listed = table["abilities"].as_object().ok_or("no abilities")?;
    let abilities: Result<_, String> =
        listed.iter().map(|(model, said)| Ok((model.clone(), able(model, said)?))).collect();
    Ok(BuiltIn { version, rows, abilities: abilities? })
}

fn able(model: &str, said: &Value) -> Result<Abilities, String> {
    let mut able = Abilities::default();
    for (name, value) in said.as_object().into_iter().flatten() {
        let value = value.as_bool().ok_or_else(|| format!("{model}: {name} is {value}"))?;
        match name.as_str() {
            "json_schema" => able.json_schema = value,
            "temperature" => able.temperature = value,
            other => return Err(format!("{model}: nobody knows the ability {other}")),
        }
    }
    Ok(able)
}

fn row(model: &str, entry: &Value, version: &str) -> Result<Row, String> {
    let wrong = |what: &str| format!("{model}: {what}");
    let fields = entry.as_object().ok_or_else(|| wrong("a row that is no object"))?;
    let from = fields.get("from").and_then(Value::as_str).ok_or_else(|| wrong("no day"))?;
    let from: Timestamp = from.parse().map_err(|_| wrong("a bad day"))?;
    if fields.len() == 1 {
        return Ok(Row { from, price: None });
    }
    let price = json::price(fields, version, from).map_err(wrong)?;
    Ok(Row { from, price: Some(price) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything a row may hold; a misspelt name would be a lost price.
    const FIELDS: [&str; 12] = [
        "from",
        "tiers",
        "above",
        "per_image",
        "per_video_second",
        "input",
        "output",
        "cached",
        "cache_write",
        "cache_write_1h",
        "input_image",
        "output_image",
    ];

    fn check(model: &str, row: &Value) {
        for (name, value) in row.as_object().unwrap() {
            assert!(FIELDS.contains(&name.as_str()) || name == "reasoning", "{model}: {name}");
            if name != "from" && name != "tiers" {
                assert!(value.as_i64().is_some_and(|nanos| nanos > 0), "{model}: {name} is {value}");
            }
            for tier in value.as_array().into_iter().flatten() {
                check(model, tier);
            }
        }
    }

    #[test]
    fn the_table_of_this_build_is_sound_and_holds_no_zero_and_no_fraction() {
        let table = read(TEXT).unwrap();
        assert!(table.rows.len() > 400 && TEXT.len() < 400 * 1024);
        assert!(table.abilities.len() > 100);
        let raw: Value = serde_json::from_str(TEXT).unwrap();
        for (model, rows) in raw["models"].as_object().unwrap() {
            rows.as_array().unwrap().iter().for_each(|row| check(model, row));
            let rows = &table.rows[model];
            assert!(rows.windows(2).all(|pair| pair[0].from < pair[1].from), "{model} is not in order");
        }
    }
}
