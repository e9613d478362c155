//! `copydesk test`: moves the clock of a server in test mode, and makes its demo provider fail. Any other server refuses.

use super::generations::escape;
use crate::backend::{Backend, Need, Reply};
use crate::config::{Settings, parse_span};
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, second};
use http::Method;
use serde_json::{Value, json};

/// What tests may do.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The server's clock
    #[command(subcommand)]
    Clock(Clock),
    /// Faults of the demo provider
    #[command(subcommand)]
    Fault(Fault),
}

#[derive(clap::Subcommand, Debug)]
pub enum Clock {
    /// What the server takes for the time
    Show,
    /// Move it forward: what waits for a time up to then happens
    Advance {
        /// How far, such as 90s, 11m, 2h or 1d
        span: String,
    },
}

#[derive(clap::Subcommand, Debug)]
pub enum Fault {
    /// Those that are ordered and not used up
    Ls,
    /// The next calls of a demo model fail
    Set {
        /// A chat model of the demo provider, such as demo/writer
        model: String,
        /// hang, error_500, rate_limited, cut, garbage or slow
        fault: String,
        /// For how many calls, those of retries included
        #[arg(long, value_name = "N", default_value_t = 1)]
        times: u32,
    },
    /// Take them back: all, or those of one model
    Clear {
        /// A model, such as demo/writer
        model: Option<String>,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Clock(clock) => {
            let span = match clock {
                Clock::Show => None,
                Clock::Advance { span } => Some(iso_8601(&span)?),
            };
            let body = match span {
                None => ask(settings, Method::GET, "/api/v1/test/clock", None).await?.body,
                Some(span) => {
                    let asked = json!({ "advance": span });
                    ask(settings, Method::POST, "/api/v1/test/clock", Some(&asked)).await?.body
                }
            };
            if output.json {
                output.object(&body);
            } else {
                output.data(&format!("{}  ({} s ahead)", second(&body, "/now"), cell(&body, "/ahead_s")));
            }
        }
        Command::Fault(fault) => faults(fault, settings, output).await?,
    }
    Ok(exit::OK)
}

async fn faults(fault: Fault, settings: &Settings, output: Output) -> Result<(), Failure> {
    let path = "/api/v1/test/faults";
    let body = match fault {
        Fault::Ls => ask(settings, Method::GET, path, None).await?.body,
        Fault::Set { model, fault, times } => {
            let asked = json!({ "model": model, "fault": fault, "times": times });
            ask(settings, Method::POST, path, Some(&asked)).await?.body
        }
        Fault::Clear { model } => {
            let query = model.map(|model| format!("?model={}", escape(&model))).unwrap_or_default();
            ask(settings, Method::DELETE, &format!("{path}{query}"), None).await?;
            ask(settings, Method::GET, path, None).await?.body
        }
    };
    if output.json {
        output.object(&body);
        return Ok(());
    }
    let all: Vec<&Value> = body.get("data").and_then(Value::as_array).into_iter().flatten().collect();
    if all.is_empty() {
        output.talk("No fault is ordered. Order one: copydesk test fault set demo/writer error_500 --times 3");
        return Ok(());
    }
    let row = |one: &&Value| ["/model", "/fault", "/times"].map(|pointer| cell(one, pointer)).to_vec();
    output.table(Table { headings: &["MODEL", "FAULT", "CALLS"], rows: all.iter().map(row).collect(), cut: None });
    output.talk("Take them back: copydesk test fault clear");
    Ok(())
}

/// What is not there is not in test mode.
async fn ask(settings: &Settings, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
    let call = async |backend: &Backend| backend.call(method.clone(), path, body, &[]).await;
    Backend::with(settings, Need::Records, call).await.map_err(|failure| match failure.code.as_str() {
        "not_found" => Failure::new(exit::NOT_FOUND, "not_found", "no server in test mode answers here")
            .hint("start one with `copydesk serve --test-mode`, and never beside a real provider's key"),
        _ => failure,
    })
}

fn iso_8601(text: &str) -> Result<String, Failure> {
    let span = parse_span(text).ok_or_else(|| {
        Failure::new(exit::USAGE, "validation_failed", format!("{text:?} is no length of time of at least a second"))
            .hint("write 90s, 11m, 2h or 1d")
    })?;
    Ok(format!("PT{}S", span.as_secs()))
}
