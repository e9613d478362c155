//! `copydesk prune`: removes usage rows, events, webhook messages and items of sources that are old enough. A server whose settings say how long they are kept
//! does it by itself.

use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, cell, counted};
use serde_json::{Map, Value, json};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Show how much would go, remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Usage rows older than this, e.g. 400d (default: the settings)
    #[arg(long, value_name = "AGE")]
    usage: Option<String>,
    /// Events older than this, e.g. 90d (default: the settings)
    #[arg(long, value_name = "AGE")]
    events: Option<String>,
    /// Messages to webhooks that ended longer ago than this, e.g. 30d (default: the settings)
    #[arg(long, value_name = "AGE")]
    deliveries: Option<String>,
    /// Items of sources that no fetch has brought for this long, e.g. 90d (default: the settings)
    #[arg(long, value_name = "AGE")]
    items: Option<String>,
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let Arguments { dry_run, usage, events, deliveries, items } = arguments;
    let mut body = Map::from_iter([("dry_run".to_owned(), json!(dry_run))]);
    for (name, age) in [("usage", usage), ("events", events), ("deliveries", deliveries), ("items", items)] {
        body.extend(age.map(|age| (name.to_owned(), json!(age))));
    }
    let (path, body) = ("/api/v1/maintenance/prune", Value::Object(body));
    let answer = Backend::with(settings, Need::Records, async |backend| backend.post(path, &body).await).await?.body;
    if output.json {
        output.object(&answer);
        return Ok(exit::OK);
    }
    let gone = format!(
        "{}, {}, {} and {}",
        counted(&cell(&answer, "/calls"), "usage row"),
        counted(&cell(&answer, "/events"), "event"),
        counted(&cell(&answer, "/deliveries"), "message"),
        counted(&cell(&answer, "/items"), "item")
    );
    output.data(&if dry_run {
        format!("{gone} would be removed; nothing was changed.")
    } else {
        format!("{gone} were removed. No total changed.")
    });
    Ok(exit::OK)
}
