//! `copydesk models`: the models that can be asked for.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell};
use serde_json::Value;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The models that are known, with their prices per million tokens
    Ls,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let Command::Ls = command;
    let body = Backend::with(settings, Need::Records, async |backend| backend.get("/api/v1/models").await).await?.body;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let each = |name: &str| body.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let price = |model: &Value, kind: &str| match model
        .pointer(&format!("/price/{kind}_per_million_nanousd"))
        .and_then(Value::as_i64)
    {
        Some(nanos) => format!("${:.2}", nanos as f64 / 1e9),
        None => "unknown".to_owned(),
    };
    let rows: Vec<Vec<String>> = each("data")
        .iter()
        .map(|model| vec![cell(model, "/id"), price(model, "input"), price(model, "output")])
        .collect();
    output.table(Table { headings: &["MODEL", "INPUT", "OUTPUT"], rows, cut: None });
    for provider in
        each("providers").iter().filter(|provider| provider.get("models_known") == Some(&Value::Bool(false)))
    {
        let name = cell(provider, "/name");
        output.talk(&format!("{name} takes any model of its own: --model {name}/NAME"));
    }
    Ok(exit::OK)
}
