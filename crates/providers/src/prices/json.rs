//! A price as JSON in whole nano-dollars: the form of the table that is compiled in and of prices kept in a database.

use copydesk_core::metering::price::{ContextTier, Price, TokenRates};
use copydesk_core::{NanoUsd, Timestamp, Tokens};
use serde_json::{Map, Value, json};
use std::convert::Infallible;

/// The text that [`read`] reads back. Version and first instant stand beside it, not in it.
pub fn write(price: &Price) -> String {
    let mut fields = rates_json(&price.tokens);
    let pieces = [
        ("per_image", price.per_image),
        ("per_video_second", price.per_video_second),
        ("per_request", price.per_request),
    ];
    put(&mut fields, &pieces);
    if price.free {
        fields.insert("free".to_owned(), json!(true));
    }
    if !price.tiers.is_empty() {
        let tiers = price.tiers.iter().map(|tier| {
            let mut fields = rates_json(&tier.rates);
            fields.insert("above".to_owned(), json!(tier.above_input.0));
            Value::Object(fields)
        });
        fields.insert("tiers".to_owned(), tiers.collect());
    }
    Value::Object(fields).to_string()
}

/// Errors: what is wrong with the text, for the log: nobody but [`write`] writes it.
pub fn read(text: &str, version: &str, from: Timestamp) -> Result<Price, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => price(&fields, version, from).map_err(str::to_owned),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err("a price that is no object".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn price(fields: &Map<String, Value>, version: &str, from: Timestamp) -> Result<Price, &'static str> {
    let tiers = fields.get("tiers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let tier = |entry: &Value| {
        let fields = entry.as_object()?;
        Some(ContextTier { above_input: Tokens(fields.get("above")?.as_i64()?), rates: rates(fields) })
    };
    let tiers: Option<Vec<ContextTier>> = tiers.iter().map(tier).collect();
    Ok(Price {
        version: version.to_owned(),
        from: Some(from),
        free: fields.get("free") == Some(&Value::Bool(true)),
        tokens: rates(fields),
        tiers: tiers.ok_or("a bad tier")?,
        per_image: nanos(fields, "per_image"),
        per_video_second: nanos(fields, "per_video_second"),
        per_request: nanos(fields, "per_request"),
    })
}

fn rates(fields: &Map<String, Value>) -> TokenRates {
    let Ok(rates) = TokenRates::read(|name| Ok::<_, Infallible>(nanos(fields, name)));
    rates
}

fn rates_json(rates: &TokenRates) -> Map<String, Value> {
    let mut fields = Map::new();
    put(&mut fields, &rates.named());
    fields
}

fn put(fields: &mut Map<String, Value>, known: &[(&str, Option<NanoUsd>)]) {
    let known = known.iter().filter_map(|(name, rate)| Some(((*name).to_owned(), json!(rate.as_ref()?.0))));
    fields.extend(known);
}

fn nanos(fields: &Map<String, Value>, name: &str) -> Option<NanoUsd> {
    fields.get(name).and_then(Value::as_i64).map(NanoUsd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_whole() {
        let rate = |n: i64| Some(NanoUsd(9_007_199_254_740_990 + n));
        let tokens = TokenRates {
            input: rate(1),
            output: rate(2),
            cached: rate(3),
            cache_write: rate(4),
            cache_write_1h: rate(5),
            input_image: rate(6),
            reasoning: rate(7),
            output_image: rate(8),
        };
        let from = Timestamp::from_micros(7);
        let full = Price {
            version: "v".to_owned(),
            from: Some(from),
            free: true,
            tokens,
            tiers: vec![ContextTier { above_input: Tokens(200_000), rates: tokens }],
            per_image: rate(9),
            per_video_second: rate(10),
            per_request: rate(11),
        };
        assert_eq!(read(&write(&full), "v", from), Ok(full));
        let bare = Price { from: Some(from), version: "v".to_owned(), ..Price::default() };
        assert_eq!(read(&write(&bare), "v", from), Ok(bare), "what is not listed stays unknown");
        for bad in ["", "[]", "{\"tiers\":[{}]}"] {
            assert!(read(bad, "v", from).is_err(), "{bad}");
        }
    }
}
