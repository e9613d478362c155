//! `copydesk config show`: every setting, its value, where it came from and what it hides.

use crate::config::{KEYS, Loaded};
use crate::exit::{self, Failure};
use crate::output::{Output, Table};
use serde_json::json;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// All settings with their origins
    Show,
}

pub fn run(command: Command, loaded: &Loaded, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Show => show(loaded, output),
    }
    Ok(exit::OK)
}

fn show(loaded: &Loaded, output: Output) {
    let shown = |key: &crate::config::Key| {
        let text = loaded.text(key.name);
        if key.secret && !text.is_empty() { "[set, not shown]".to_owned() } else { text.to_owned() }
    };
    if output.json {
        let settings: Vec<_> = KEYS
            .iter()
            .map(|key| {
                let value = &loaded.values[key.name];
                let hides: Vec<String> = value.hides.iter().map(ToString::to_string).collect();
                json!({ "name": key.name, "value": shown(key), "origin": value.origin.to_string(), "overrides": hides,
                        "variable": key.env, "default": key.default, "help": key.help })
            })
            .collect();
        let providers: Vec<_> = loaded
            .providers
            .iter()
            .map(|(name, provider)| {
                json!({ "name": name, "kind": provider.kind, "base_url": provider.base_url,
                        "api_key_set": provider.api_key.is_some(), "origin": provider.origin })
            })
            .collect();
        let rates: Vec<_> = loaded
            .rates
            .iter()
            .map(|entry| {
                json!({ "name": entry.name, "requests_per_minute": entry.rate.requests_per_minute,
                        "tokens_per_minute": entry.rate.tokens_per_minute, "origin": entry.origin })
            })
            .collect();
        let body = json!({ "object": "settings", "data": settings, "providers": providers, "rates": rates });
        return output.object(&body);
    }
    let rows: Vec<Vec<String>> = KEYS
        .iter()
        .map(|key| {
            let value = &loaded.values[key.name];
            let mut origin = value.origin.to_string();
            for hidden in &value.hides {
                origin.push_str(&format!(", hides {hidden}"));
            }
            let text = shown(key);
            vec![key.name.to_owned(), if text.is_empty() { "-".to_owned() } else { text }, origin, key.help.to_owned()]
        })
        .collect();
    output.table(Table { headings: &["SETTING", "VALUE", "FROM", "MEANING"], rows, cut: Some(3) });
    show_rates(loaded, output);
    show_providers(loaded, output);
}

fn show_rates(loaded: &Loaded, output: Output) {
    if loaded.rates.is_empty() {
        return;
    }
    let or_dash = |limit: Option<std::num::NonZeroU32>| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    let row = |entry: &crate::config::RateSettings| {
        let rate = &entry.rate;
        let (requests, tokens) = (or_dash(rate.requests_per_minute), or_dash(rate.tokens_per_minute));
        vec![entry.name.clone(), requests, tokens, entry.origin.clone()]
    };
    let rows = loaded.rates.iter().map(row).collect();
    output.data("");
    output.table(Table { headings: &["RATE", "REQUESTS A MINUTE", "TOKENS A MINUTE", "FROM"], rows, cut: None });
}

fn show_providers(loaded: &Loaded, output: Output) {
    if loaded.providers.is_empty() {
        return;
    }
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = loaded
        .providers
        .iter()
        .map(|(name, provider)| {
            let key = if provider.api_key.is_some() { "[set, not shown]" } else { "-" };
            vec![
                name.clone(),
                or_dash(&provider.kind),
                or_dash(&provider.base_url),
                key.to_owned(),
                provider.origin.clone(),
            ]
        })
        .collect();
    output.data("");
    output.table(Table { headings: &["PROVIDER", "KIND", "ADDRESS", "KEY", "FROM"], rows, cut: None });
}
