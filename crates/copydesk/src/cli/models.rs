//! `copydesk models`: the models there are and what they cost, and a try of one.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, shortened};
use serde_json::{Value, json};

/// The models.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The models that are known, with their prices in dollars per million tokens
    Ls {
        /// Only those of this provider
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
    /// Make one tiny real call and show how it went; what it costs is real, too
    Test {
        /// PROVIDER/MODEL, such as demo/writer
        address: String,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls { provider } => list(provider, settings, output).await,
        Command::Test { address } => test(&address, settings, output).await,
    }
}

async fn list(provider: Option<String>, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let mut body =
        Backend::with(settings, Need::Records, async |backend| backend.get("/api/v1/models").await).await?.body;
    if let Some(wanted) = &provider {
        only(&mut body, wanted)?;
    }
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = each(&body, "data").iter().map(row).collect();
    output.table(Table { headings: &["MODEL", "INPUT", "OUTPUT", "CACHED", "SINCE", "PRICES"], rows, cut: None });
    for line in cooling(&body) {
        output.talk(&line);
    }
    for provider in
        each(&body, "providers").iter().filter(|provider| provider.get("models_known") == Some(&Value::Bool(false)))
    {
        let name = cell(provider, "/name");
        output.talk(&format!("{name} takes any model of its own: --model {name}/NAME"));
    }
    Ok(exit::OK)
}

/// One line for each provider and model that is left alone after failures.
fn cooling(body: &Value) -> Vec<String> {
    let lists = [("providers", "/name"), ("data", "/id")];
    let entries = lists.into_iter().flat_map(|(list, key)| each(body, list).into_iter().map(move |entry| (entry, key)));
    let cooling = entries.filter(|(entry, _)| entry.get("cooling").is_some_and(|cooling| !cooling.is_null()));
    let line = |(entry, key): (Value, &str)| {
        let at = |pointer: &str| cell(&entry, pointer);
        format!("{} is left alone until {}: {}", at(key), at("/cooling/until"), at("/cooling/message"))
    };
    cooling.map(line).collect()
}

/// Leaves what belongs to one provider.
fn only(body: &mut Value, wanted: &str) -> Result<(), Failure> {
    let names: Vec<String> = each(body, "providers").iter().map(|provider| cell(provider, "/name")).collect();
    if !names.iter().any(|name| name == wanted) {
        let message = format!("there is no provider {wanted:?}; there are {}", names.join(", "));
        return Err(Failure::new(exit::NOT_FOUND, "not_found", message)
            .hint("`copydesk models ls` lists the models of all of them"));
    }
    for (list, key) in [("data", "/provider"), ("providers", "/name")] {
        if let Some(entries) = body.get_mut(list).and_then(Value::as_array_mut) {
            entries.retain(|entry| entry.pointer(key).and_then(Value::as_str) == Some(wanted));
        }
    }
    Ok(())
}

fn each(body: &Value, list: &str) -> Vec<Value> {
    body.get(list).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn row(model: &Value) -> Vec<String> {
    let mut row = vec![cell(model, "/id")];
    row.extend(price_cells(model));
    row
}

/// The price of something in four columns: input, output (or what is made), cached input, its first day; and its version.
pub fn price_cells(model: &Value) -> Vec<String> {
    let price = model.get("price").filter(|price| !price.is_null());
    let nanos = |key: &str| price?.get(key).and_then(Value::as_i64);
    let none = || "-".to_owned();
    let word = match price {
        None => Some("unpriced"),
        Some(price) if price.get("free") == Some(&Value::Bool(true)) => Some("free"),
        Some(_) => None,
    };
    let rate = |kind: &str| nanos(&format!("{kind}_per_million_nanousd")).map(dollars);
    let made = [("output_image_per_million", ""), ("per_image", " each"), ("per_video_second", " a second")];
    let made = made.into_iter().find_map(|(key, unit)| Some(dollars(nanos(&format!("{key}_nanousd"))?) + unit));
    vec![
        rate("input").or_else(|| word.map(str::to_owned)).unwrap_or_else(none),
        made.or_else(|| rate("output")).or_else(|| word.map(str::to_owned)).unwrap_or_else(none),
        rate("cached").unwrap_or_else(none),
        price.and_then(|price| Some(price.get("from")?.as_str()?.get(..10)?.to_owned())).unwrap_or_else(none),
        price.map_or_else(none, |price| cell(price, "/version")),
    ]
}

/// Nano-dollars with as many decimals as they have, and two at least.
pub fn dollars(nanos: i64) -> String {
    format!("${}", copydesk_core::NanoUsd(nanos))
}

async fn test(address: &str, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let asked = json!({ "model": address });
    let body = Backend::with(settings, Need::Worker, async |backend| backend.post("/api/v1/models/test", &asked).await)
        .await?
        .body;
    let ok = body.get("ok") == Some(&Value::Bool(true));
    if output.json {
        output.object(&body);
    } else {
        show(&body, output);
    }
    Ok(if ok { exit::OK } else { exit::WORK_FAILED })
}

pub(super) fn show(body: &Value, output: Output) {
    // What a model or a provider wrote must not break its line or talk to the terminal.
    let plain = |text: &str| -> String { text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
    let line = |name: &str, text: &str| output.data(&format!("{name:<10}{}", plain(text)));
    let there = |key: &str| body.get(key).filter(|value| !value.is_null());
    line("model", &cell(body, "/model"));
    if let Some(served) = there("served_model").and_then(Value::as_str) {
        line("served", &shortened(served, 100));
    }
    if let Some(waiting) = there("waiting") {
        line("waiting", &cell(waiting, "/detail"));
        line("call", "none was made");
        return;
    }
    match there("error") {
        Some(error) => {
            line("error", &format!("{} ({})", cell(error, "/message"), cell(error, "/code")));
            line("status", &there("http_status").and_then(Value::as_u64).map_or("none".to_owned(), |n| n.to_string()));
            line("provider", &shortened(&cell(error, "/provider_message"), 1_000));
        }
        None => line("answer", &shortened(&cell(body, "/text"), 100)),
    }
    let latency = there("first_token_ms").and_then(Value::as_u64);
    line("latency", &latency.map_or("no text came".to_owned(), |ms| format!("{ms} ms to the first text")));
    line("time", &format!("{} ms", cell(body, "/duration_ms")));
    let tokens = |kind: &str| body.pointer(&format!("/tokens/{kind}")).and_then(Value::as_i64);
    line(
        "tokens",
        &match (tokens("input"), tokens("output")) {
            (None, None) => "not reported".to_owned(),
            (input, output) => {
                let number = |tokens: Option<i64>| tokens.map_or("unknown".to_owned(), |tokens| tokens.to_string());
                format!("{} in, {} out", number(input), number(output))
            }
        },
    );
    let version = body.pointer("/cost/price_version").and_then(Value::as_str);
    let source = version.map_or("the provider's own figure".to_owned(), |version| format!("prices {version}"));
    match body.pointer("/cost/nanousd").and_then(Value::as_i64) {
        Some(nanos) => line("cost", &format!("{} ({source})", dollars(nanos))),
        None => line("cost", "unpriced"),
    }
    line(
        "breaker",
        &there("cooling").map_or("closed".to_owned(), |cooling| format!("open until {}", cell(cooling, "/until"))),
    );
    line("books", &format!("{} of {}", cell(body, "/call_id"), cell(body, "/generation_id")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_keep_every_decimal_they_have() {
        for (nanos, text) in
            [(150_000_000, "$0.15"), (2_500_000_000, "$2.50"), (2_800_000, "$0.0028"), (1, "$0.000000001")]
        {
            assert_eq!(dollars(nanos), text);
        }
        assert_eq!(dollars(0), "$0.00");
    }

    #[test]
    fn a_row_spells_out_what_has_no_price() {
        let shown = |price: Value| row(&json!({ "id": "a/b", "price": price })).join("|");
        assert_eq!(shown(Value::Null), "a/b|unpriced|unpriced|-|-|-");
        assert_eq!(shown(json!({ "free": true, "version": "local", "from": null })), "a/b|free|free|-|-|local");
        let listed = json!({
            "free": false, "version": "v1", "from": "2026-11-01T00:00:00Z",
            "input_per_million_nanousd": 2_500_000_000_i64, "output_per_million_nanousd": 10_000_000_000_i64,
        });
        assert_eq!(shown(listed), "a/b|$2.50|$10.00|-|2026-11-01|v1");
        let film = json!({ "free": false, "version": "v1", "per_video_second_nanousd": 400_000_000 });
        assert_eq!(shown(film), "a/b|-|$0.40 a second|-|-|v1");
    }
}
