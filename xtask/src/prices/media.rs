//! Pictures and videos, from the price file of the package `litellm`. Only entries whose price follows from what a call
//! reports are taken: pictures, seconds, tokens. Where the price depends on the size, each size is a row of its own,
//! `model#1080p`, and `model#` stands for the other sizes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::decimal::{Amount, amount};
use super::{Found, Rates, Rows};
use crate::shell::Outcome;

/// The package's words for the providers there are, and ours.
const VENDORS: [(&str, &str); 4] = [("openai", "openai"), ("gemini", "google"), ("xai", "xai"), ("fal_ai", "fal")];

/// Dollars per token to nano-dollars per million tokens.
const PER_TOKEN: i32 = 15;
/// Dollars per piece to nano-dollars per piece.
const PER_PIECE: i32 = 9;

/// Fields by the token: ours and theirs.
const TOKENS: [(&str, &str); 6] = [
    ("input", "input_cost_per_token"),
    ("output", "output_cost_per_token"),
    ("cached", "cache_read_input_token_cost"),
    ("reasoning", "output_cost_per_reasoning_token"),
    ("input_image", "input_cost_per_image_token"),
    ("output_image", "output_cost_per_image_token"),
];

/// Fields that say nothing about an ordinary call of ours: other ways of being served, and sound, which nobody sends.
const BESIDE: [&str; 6] =
    ["_batches", "_flex", "_priority", "_audio_token", "search_context_", "cache_read_input_image"];

pub fn read(prices: &Value, from: &str) -> Outcome<Found> {
    let entries = prices.as_object().ok_or("the price file is not one object")?;
    let sized: BTreeSet<&str> = entries.keys().filter_map(|name| base_of_sized(name)).collect();
    let mut found = Found::default();
    for (key, entry) in entries {
        let vendor = VENDORS.iter().find(|(theirs, _)| entry["litellm_provider"] == *theirs);
        let per_second = entry["mode"] == "video_generation";
        let (Some((theirs, ours)), Some(entry)) = (vendor, entry.as_object()) else { continue };
        let model = key.strip_prefix(theirs).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
        if (!per_second && entry["mode"] != "image_generation") || base_of_sized(key).is_some() {
            continue;
        }
        let rows = match rates(entry, if per_second { Kind::Video } else { Kind::Picture }) {
            Ok(rows) if sized.contains(model) && rows.iter().any(|(_, rates)| rates.contains_key("per_image")) => {
                Err("its price depends on size and quality")
            }
            other => other,
        };
        match rows {
            Ok(rows) => {
                let named = rows
                    .into_iter()
                    .map(|(size, rates)| (format!("{ours}/{model}{size}"), Rows::from([(from.to_owned(), rates)])));
                found.models.extend(named);
            }
            Err(why) => found.left_out.push((format!("{ours}/{model}"), why)),
        }
    }
    Ok(found)
}

/// The model in `low/1024-x-1024/model`, if it is such a name.
fn base_of_sized(name: &str) -> Option<&str> {
    let name = VENDORS.iter().find_map(|(theirs, _)| name.strip_prefix(theirs)?.strip_prefix('/')).unwrap_or(name);
    let mut rest = name;
    while let Some((part, after)) = rest.split_once('/') {
        if part.contains("-x-") {
            return Some(after);
        }
        rest = after;
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Picture,
    Video,
}

/// The rows of an entry by the suffix of their name, or why there are none.
fn rates(entry: &Map<String, Value>, kind: Kind) -> Result<Vec<(String, Rates)>, &'static str> {
    let mut rates = Rates::new();
    let mut sizes: Vec<(String, Value)> = Vec::new();
    let mut by_input_picture = None;
    let (ours, prefix) = match kind {
        Kind::Picture => ("per_image", "output_cost_per_image"),
        Kind::Video => ("per_video_second", "output_cost_per_second"),
    };
    for (field, value) in entry.iter().filter(|(field, _)| field.contains("cost")) {
        if BESIDE.iter().any(|part| field.contains(part)) {
            continue;
        }
        let token = TOKENS.iter().find(|(_, theirs)| theirs == field);
        match (amount(value, if token.is_some() { PER_TOKEN } else { PER_PIECE }), token, field.strip_prefix(prefix)) {
            (Amount::Refused, _, _) => return Err("a price is below zero or no number"),
            (Amount::Unknown, _, _) => {}
            (Amount::Nanos(nanos), Some((ours, _)), _) => drop(rates.insert(ours, nanos.into())),
            (Amount::Nanos(nanos), None, Some("")) => drop(rates.insert(ours, nanos.into())),
            (Amount::Nanos(nanos), None, Some(size)) => {
                sizes.push((format!("#{}", size.trim_start_matches('_').to_lowercase()), nanos.into()));
            }
            (Amount::Nanos(nanos), None, None) => match field.as_str() {
                "output_cost_per_video_per_second" => drop(rates.insert(ours, nanos.into())),
                "input_cost_per_image" => by_input_picture = Some(Value::from(nanos)),
                _ => return Err("it is paid by something a call does not report"),
            },
        }
    }
    match by_input_picture {
        // Alone it is what a made picture costs; beside prices for tokens it repeats them by the picture.
        Some(nanos) if kind == Kind::Picture && rates.is_empty() => drop(rates.insert("per_image", nanos)),
        Some(_) if !rates.contains_key("output_image") => {
            return Err("pictures in the input have a price of their own");
        }
        Some(_) | None => {}
    }
    if rates.contains_key("output_image") {
        rates.remove("per_image"); // The same price again, for one size.
        sizes.clear();
    }
    let made = ["per_image", "per_video_second", "output_image"];
    let Some(usual) = made.iter().find_map(|name| rates.get(name).cloned()) else {
        return Err("no price for what it makes");
    };
    if sizes.iter().all(|(_, price)| *price == usual) {
        return Ok(vec![(String::new(), rates)]);
    }
    sizes.push(("#".to_owned(), usual));
    let row = |(size, price): (String, Value)| {
        let mut rates = rates.clone();
        rates.insert(ours, price);
        (size, rates)
    };
    Ok(sizes.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(entries: Value) -> Vec<String> {
        let found = read(&entries, "2026-11-22T00:00:00Z").unwrap();
        let rows = found.models.iter().map(|(name, rows)| format!("{name} {}", json!(rows["2026-11-22T00:00:00Z"])));
        rows.chain(found.left_out.iter().map(|(name, why)| format!("{name}: {why}"))).collect()
    }

    #[test]
    fn pictures_and_seconds_by_the_piece() {
        let entries = json!({
            "gemini/imagen": {"litellm_provider": "gemini", "mode": "image_generation", "output_cost_per_image": 0.04},
            "openai/film": {"litellm_provider": "openai", "mode": "video_generation", "output_cost_per_video_per_second": 0.1},
            "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-6},
            "azure/film": {"litellm_provider": "azure", "mode": "video_generation", "output_cost_per_second": 0.1},
        });
        assert_eq!(
            of(entries),
            [r#"google/imagen {"per_image":40000000}"#, r#"openai/film {"per_video_second":100000000}"#]
        );
    }

    #[test]
    fn tokens_win_over_the_same_price_by_the_picture() {
        let entries = json!({"gemini/banana": {
            "litellm_provider": "gemini", "mode": "image_generation", "input_cost_per_token": 2e-6,
            "output_cost_per_image": 0.134, "output_cost_per_image_token": 0.00012, "input_cost_per_image": 0.0011,
            "output_cost_per_token": 1.2e-5, "output_cost_per_token_batches": 6e-6,
        }});
        assert_eq!(
            of(entries),
            [r#"google/banana {"input":2000000000,"output":12000000000,"output_image":120000000000}"#]
        );
    }

    #[test]
    fn each_size_is_a_row_of_its_own() {
        let entries = json!({"gemini/veo": {
            "litellm_provider": "gemini", "mode": "video_generation",
            "output_cost_per_second": 0.4, "output_cost_per_second_4k": 0.6,
        }});
        let expected =
            [r#"google/veo# {"per_video_second":400000000}"#, r#"google/veo#4k {"per_video_second":600000000}"#];
        assert_eq!(of(entries), expected);
    }

    #[test]
    fn what_a_call_does_not_report_has_no_price() {
        let entries = json!({
            "fal_ai/a": {"litellm_provider": "fal_ai", "mode": "image_generation", "output_cost_per_pixel": 1e-8, "output_cost_per_image": 0.1},
            "fal_ai/b": {"litellm_provider": "fal_ai", "mode": "image_generation", "output_cost_per_image": 0.0},
            "fal_ai/c": {"litellm_provider": "fal_ai", "mode": "image_generation", "output_cost_per_image": -1},
            "fal_ai/d": {"litellm_provider": "fal_ai", "mode": "image_generation", "output_cost_per_image": 0.1},
            "fal_ai/low/1024-x-768/d": {"litellm_provider": "fal_ai", "mode": "image_generation", "output_cost_per_image": 0.1},
        });
        let expected = [
            "fal/a: it is paid by something a call does not report",
            "fal/b: no price for what it makes",
            "fal/c: a price is below zero or no number",
            "fal/d: its price depends on size and quality",
        ];
        assert_eq!(of(entries), expected);
    }
}
