//! `copydesk providers`: the providers that are set up, and a test of one.

use super::generations::escape;
use super::models;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, counted, shortened};
use serde_json::{Value, json};

/// How many of a provider's models are shown after a test.
const SHOWN_MAX: usize = 5;

/// The providers.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The providers: what they speak, where they are, whether a key is set, whether they are left alone
    Ls,
    /// Ask a provider which models it has, which is free; where it cannot be asked, make one tiny real call
    Test {
        /// Its name, as `copydesk providers ls` shows it
        name: String,
        /// Call this model instead of asking for the list: PROVIDER/MODEL; what it costs is real
        #[arg(long, value_name = "ADDRESS")]
        model: Option<String>,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls => list(settings, output).await,
        Command::Test { name, model, dry_run } => test(&name, model, dry_run, settings, output).await,
    }
}

async fn list(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let ask = async |backend: &Backend| backend.get("/api/v1/providers").await;
    let body = Backend::with(settings, Need::Records, ask).await?.body;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let all: Vec<&Value> = body.get("data").and_then(Value::as_array).into_iter().flatten().collect();
    let rows = all.iter().map(|one| row(one)).collect();
    output.table(Table { headings: &["PROVIDER", "KIND", "KEY", "BREAKER", "MODELS", "ADDRESS"], rows, cut: None });
    for one in &all {
        if let Some(cooling) = one.get("cooling").filter(|cooling| !cooling.is_null()) {
            let (name, until, why) = (cell(one, "/name"), cell(cooling, "/until"), cell(cooling, "/message"));
            output.talk(&format!("{name} is left alone until {until}: {why}"));
        }
    }
    output.talk("Does one answer? copydesk providers test NAME");
    Ok(exit::OK)
}

fn row(one: &Value) -> Vec<String> {
    let known = one.get("models").and_then(Value::as_array).map_or(0, Vec::len);
    // A provider that takes any name has more than those a price is known for.
    let more = if one.get("models_known") == Some(&Value::Bool(true)) { "" } else { "+" };
    let key = if one.get("key_set") == Some(&Value::Bool(true)) { "set" } else { "none" };
    vec![
        cell(one, "/name"),
        cell(one, "/kind"),
        key.to_owned(),
        cell(one, "/breaker"),
        format!("{known}{more}"),
        cell(one, "/base_url"),
    ]
}

async fn test(
    name: &str,
    model: Option<String>,
    dry_run: bool,
    settings: &Settings,
    output: Output,
) -> Result<u8, Failure> {
    let need = if model.is_some() && !dry_run { Need::Worker } else { Need::Records };
    let path = format!("/api/v1/providers/{}/test{}", escape(name), if dry_run { "?dry_run=true" } else { "" });
    let asked = model.map_or_else(|| json!({}), |model| json!({ "model": model }));
    let body = Backend::with(settings, need, async |backend| backend.post(&path, &asked).await).await?.body;
    if output.json {
        output.object(&body);
    } else if dry_run {
        output.data(&plan(name, &body));
    } else {
        show(&body, output);
    }
    let failed = body.get("ok") == Some(&Value::Bool(false));
    Ok(if failed { exit::WORK_FAILED } else { exit::OK })
}

fn plan(name: &str, body: &Value) -> String {
    if cell(body, "/would") == "list_models" {
        return format!("{name} would be asked which models it has; that is free.");
    }
    let cost = body.pointer("/estimate/cost_max_nanousd").and_then(Value::as_i64);
    let most = cost.map_or("an unknown price".to_owned(), |nanos| format!("at most {}", models::dollars(nanos)));
    format!("{} would be called once, for {most}.", cell(body, "/model"))
}

fn show(body: &Value, output: Output) {
    if let Some(call) = body.get("call").filter(|call| !call.is_null()) {
        return models::show(call, output);
    }
    let line = |name: &str, text: &str| output.data(&format!("{name:<10}{}", shortened(text, 1_000)));
    let list = &body["list"];
    line("provider", &cell(body, "/provider"));
    match list.get("error").filter(|error| !error.is_null()) {
        Some(error) => {
            line("error", &format!("{} ({})", cell(error, "/message"), cell(error, "/code")));
            line("words", &plain(&cell(error, "/provider_message")));
        }
        None => {
            let names: Vec<&str> = list["models"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let some = names.iter().take(SHOWN_MAX).map(|name| plain(name)).collect::<Vec<_>>().join(", ");
            let rest = if names.len() > SHOWN_MAX { ", ..." } else { "" };
            line("answer", &format!("it has {}: {some}{rest}", counted(&names.len().to_string(), "model")));
        }
    }
    line("status", &cell(list, "/http_status"));
    line("time", &format!("{} ms", cell(list, "/duration_ms")));
    line("cost", "none: asking for the list is free");
}

/// What a provider wrote must not break its line or talk to the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
