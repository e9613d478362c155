//! `copydesk prices`: what models cost from when on, set while servers run. Amounts are dollars here and whole
//! nano-dollars on the wire; they are read by the same rules as the price file.

use super::generations::escape;
use super::models::price_cells;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell};
use crate::wiring::{bad_prices, price_file};
use copydesk_core::metering::price::{Price, TokenRates};
use copydesk_providers::prices::read_file;
use http::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Prices that were set.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The prices that were set, the newest first; of those that have begun, the newest of a model holds
    Ls {
        /// Only those of PROVIDER/MODEL
        #[arg(long, value_name = "ADDRESS")]
        model: Option<String>,
    },
    /// Set what a model costs, for every server on this database
    Set(Box<Set>),
    /// Set every price of a file as `--prices` takes it
    Import {
        /// The TOML file
        file: PathBuf,
    },
    /// End what was set for a model: from now on the price file and the built-in table hold
    Rm {
        /// PROVIDER/MODEL, such as openai/gpt-4o
        address: String,
    },
}

/// Dollars per million tokens, or per piece.
#[derive(clap::Args, Debug)]
pub struct Set {
    /// PROVIDER/MODEL, such as openai/gpt-4o
    address: String,
    /// A million input tokens
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    input: Option<String>,
    /// A million output tokens
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    output: Option<String>,
    /// A million input tokens read from the cache
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    cached: Option<String>,
    /// A million input tokens written to the cache
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    cache_write: Option<String>,
    /// A million output tokens of reasoning
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    reasoning: Option<String>,
    /// A picture that was made
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    per_image: Option<String>,
    /// A second of video that was made
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    per_video_second: Option<String>,
    /// A call, on top of the rest
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    per_request: Option<String>,
    /// It costs nothing
    #[arg(long)]
    free: bool,
    /// First day in UTC, or an instant such as 2026-12-01T08:00:00Z (default: now)
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
}

impl Set {
    /// The row of a price file that says the same.
    fn as_file(&self) -> String {
        let amounts = [
            ("input", &self.input),
            ("output", &self.output),
            ("cached", &self.cached),
            ("cache_write", &self.cache_write),
            ("reasoning", &self.reasoning),
            ("per_image", &self.per_image),
            ("per_video_second", &self.per_video_second),
            ("per_request", &self.per_request),
            ("from", &self.from),
        ];
        let mut row = toml::Table::new();
        for (key, text) in amounts {
            if let Some(text) = text {
                row.insert(key.to_owned(), text.clone().into());
            }
        }
        if self.free {
            row.insert("free".to_owned(), true.into());
        }
        let models = toml::Table::from_iter([(self.address.clone(), row.into())]);
        toml::Table::from_iter([("prices".to_owned(), models.into())]).to_string()
    }
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls { model } => list(model, settings, output).await,
        Command::Set(set) => put(&set.as_file(), "the command line", settings, output).await,
        Command::Import { file } => {
            let (text, name) = price_file(&file)?;
            put(&text, &name, settings, output).await
        }
        Command::Rm { address } => remove(&address, settings, output).await,
    }
}

async fn list(model: Option<String>, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let mut path = "/api/v1/prices?limit=1000".to_owned();
    if let Some(model) = model {
        path.push_str(&format!("&model={}", escape(&model)));
    }
    let body = Backend::with(settings, Need::Records, async |backend| backend.get(&path).await).await?.body;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = body.get("data").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output.talk("No price was set; `copydesk models ls` shows the prices that hold.");
        return Ok(exit::OK);
    }
    let headings = ["N", "MODEL", "INPUT", "OUTPUT", "CACHED", "SINCE", "PRICES"];
    output.table(Table { headings: &headings, rows, cut: None });
    Ok(exit::OK)
}

fn row(set: &Value) -> Vec<String> {
    let mut row = vec![cell(set, "/number"), cell(set, "/model")];
    if set.get("price").is_some_and(|price| !price.is_null()) {
        row.extend(price_cells(set));
    } else {
        let day: String = cell(set, "/from").chars().take(10).collect();
        row.extend(["-".to_owned(), "-".to_owned(), "-".to_owned(), day, "ended".to_owned()]);
    }
    row
}

/// All of them or none is sent when one cannot be read; what the server refuses stops the rest.
async fn put(text: &str, name: &str, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let prices = read_file(text, name).map_err(|fault| bad_prices(fault.to_string()))?;
    Backend::with(settings, Need::Records, async |backend| {
        for (address, price) in &prices {
            let set = backend.call(Method::PUT, &path(address)?, Some(&body(price)), &[]).await?.body;
            if output.json {
                output.line_of_json(&set);
            } else {
                let at = |pointer: &str| cell(&set, pointer);
                output.talk(&format!("{} from {}: {}", at("/model"), at("/from"), at("/price/version")));
            }
        }
        Ok(())
    })
    .await?;
    Ok(exit::OK)
}

async fn remove(address: &str, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let path = path(address)?;
    let ended =
        Backend::with(settings, Need::Records, async |backend| backend.call(Method::DELETE, &path, None, &[]).await)
            .await?
            .body;
    if output.json {
        output.object(&ended);
    } else {
        output.talk(&format!("The prices set for {address} have ended; `copydesk models ls` shows what holds now."));
    }
    Ok(exit::OK)
}

fn path(address: &str) -> Result<String, Failure> {
    let parts = address.split_once('/').filter(|(provider, model)| !provider.is_empty() && !model.is_empty());
    let (provider, model) = parts.ok_or_else(|| {
        Failure::usage(format!("{address:?} is no address of a model"))
            .hint("write it as PROVIDER/MODEL, such as openai/gpt-4o")
    })?;
    Ok(format!("/api/v1/prices/{}/{}", escape(provider), escape(model)))
}

/// A price as the API takes it.
fn body(price: &Price) -> Value {
    let mut fields = rates(&price.tokens);
    let pieces = [
        ("per_image_nanousd", price.per_image),
        ("per_video_second_nanousd", price.per_video_second),
        ("per_request_nanousd", price.per_request),
    ];
    fields.extend(pieces.into_iter().filter_map(|(name, rate)| Some((name.to_owned(), json!(rate?.0)))));
    fields.insert("free".to_owned(), json!(price.free));
    if let Some(from) = price.from {
        fields.insert("from".to_owned(), json!(from.to_string()));
    }
    let tiers = price.tiers.iter().map(|tier| {
        let mut fields = rates(&tier.rates);
        fields.insert("above_input_tokens".to_owned(), json!(tier.above_input.0));
        Value::Object(fields)
    });
    fields.insert("tiers".to_owned(), tiers.collect());
    Value::Object(fields)
}

fn rates(rates: &TokenRates) -> Map<String, Value> {
    let known = rates.named().into_iter();
    known.filter_map(|(name, rate)| Some((format!("{name}_per_million_nanousd"), json!(rate?.0)))).collect()
}
