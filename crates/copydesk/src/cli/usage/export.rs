//! `copydesk usage export`: what is asked for goes page by page from the API into a file; however many rows there are, a
//! page at a time is held.

use super::sink::{Column, Format, Kind, Sink, Target};
use super::{Asked, groups};
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, counted};
use serde_json::Value;
use std::path::PathBuf;

/// Rows of one page.
const PAGE: usize = 1_000;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Every call that was opened in the span instead of totals, oldest first (without a span: all of them)
    #[arg(long)]
    rows: bool,
    /// The file to write (default: the standard output)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
}

pub async fn run(arguments: Arguments, settings: &Settings, output: Output) -> Result<u8, Failure> {
    if arguments.rows {
        arguments.asked.must_fit_rows()?;
    }
    let target = Target::new(arguments.output.as_deref());
    let count = Backend::with(settings, Need::Records, async |backend| {
        if arguments.rows {
            let mut sink = target.open(arguments.format, rows_columns())?;
            let count = rows(backend, &arguments.asked.rows_path(PAGE), &mut sink).await?;
            target.finish(sink)?;
            return Ok(count);
        }
        let usage = backend.get(&arguments.asked.path()).await?.body;
        let data = usage.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut sink = target.open(arguments.format, totals_columns(&groups(&usage)))?;
        sink.rows(data)?;
        target.finish(sink)?;
        Ok(data.len())
    })
    .await?;
    let place = arguments.output.map_or_else(String::new, |file| format!(" to {}", file.display()));
    output.talk(&format!("Wrote {}{place}.", counted(&count.to_string(), "row")));
    Ok(exit::OK)
}

async fn rows(backend: &Backend, path: &str, sink: &mut Sink) -> Result<usize, Failure> {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = backend.get(&format!("{path}{cursor}")).await?.body;
        let data = page.get("data").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        sink.rows(data)?;
        count += data.len();
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(count),
        }
    }
}

fn column(name: &str, pointer: &str, kind: Kind) -> Column {
    Column { name: name.to_owned(), pointer: pointer.to_owned(), kind }
}

/// The figures that totals and rows share.
const FIGURES: [(&str, &str); 11] = [
    ("tokens_input", "/tokens/input"),
    ("tokens_output", "/tokens/output"),
    ("tokens_total", "/tokens/total"),
    ("tokens_cached", "/tokens/input_cached"),
    ("tokens_cache_write", "/tokens/input_cache_write"),
    ("tokens_reasoning", "/tokens/output_reasoning"),
    ("images", "/images"),
    ("video_seconds", "/video_seconds"),
    ("cost_nanousd", "/cost/nanousd"),
    ("duration_ms", "/duration_ms"),
    ("first_token_ms", "/first_token_ms"),
];

fn rows_columns() -> Vec<Column> {
    let texts = ["id", "generation_id", "draft_id", "user", "service", "operation", "provider", "model"];
    let texts = texts.iter().map(|name| column(name, &format!("/{name}"), Kind::Text));
    let more = [
        column("served_model", "/served_model", Kind::Text),
        column("attempt", "/attempt", Kind::Integer),
        column("outcome", "/outcome", Kind::Text),
        column("opened_at", "/opened_at", Kind::Instant),
        column("closed_at", "/closed_at", Kind::Instant),
    ];
    let last = [
        column("cost_status", "/cost/status", Kind::Text),
        column("price_version", "/cost/price_version", Kind::Text),
        column("http_status", "/http_status", Kind::Integer),
        column("error_code", "/error/code", Kind::Text),
    ];
    let figures = FIGURES.iter().map(|(name, pointer)| column(name, pointer, Kind::Integer));
    texts.chain(more).chain(figures).chain(last).collect()
}

fn totals_columns(groups: &[String]) -> Vec<Column> {
    let span = ["from", "to"].map(|name| column(name, &format!("/{name}"), Kind::Instant));
    let groups = groups.iter().map(|name| column(name, &format!("/group/{name}"), Kind::Text));
    let counts = ["calls", "failed", "estimated", "unpriced"];
    let counts = counts.iter().map(|name| column(name, &format!("/{name}"), Kind::Integer));
    let summed = FIGURES.iter().filter(|(name, _)| *name != "first_token_ms");
    let figures = summed.map(|(name, pointer)| column(name, pointer, Kind::Integer));
    let status = column("cost_status", "/cost/status", Kind::Text);
    span.into_iter().chain(groups).chain(counts).chain(figures).chain([status]).collect()
}
