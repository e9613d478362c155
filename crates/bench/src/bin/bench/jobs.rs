//! A job of a table with many rows, and then bulk actions on what it made: how soon it is accepted and done, what a look at it takes
//! meanwhile, and how much memory it needs.

use copydesk_bench::engine::Place;
use copydesk_bench::figures;
use copydesk_bench::instant::{self, InProcess};
use copydesk_core::bulk::{Action, BulkStatus, Kind};
use copydesk_desk::bulk::{Wanted, Which};
use copydesk_desk::jobs::Defaults;
use copydesk_desk::jobs::source::{Columns, Source};
use copydesk_desk::{Desk, DeskConfig};
use copydesk_store::Scope;
use copydesk_store::drafts::DraftFilter;
use serde_json::json;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const SUITE: &str = "jobs";

/// How many attempts may run at once.
const SLOTS: u32 = 500;
/// How often the job is looked at while it runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub async fn run(place: &Place, rows: usize) -> Result<(), String> {
    let config = DeskConfig { max_concurrent: Some(SLOTS), ..DeskConfig::default() };
    let desk = instant::desk(place.open().await?, InProcess::new(Duration::ZERO), config).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    job(&desk, place, rows).await?;
    for action in [Action::Approve, Action::Delete] {
        bulk(&desk, place, action).await?;
    }
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}

fn table(rows: usize) -> Source {
    let mut text = "custom_id,prompt\n".to_owned();
    for row in 1..=rows {
        let prompt = format!("A friendly mail to reader {row}, about four sentences, with a question at its end");
        text.push_str(&format!("row-{row},\"{prompt}\"\n"));
    }
    Source::Table { reader: Box::new(Cursor::new(text)), columns: Columns::default() }
}

async fn job(desk: &Desk, place: &Place, rows: usize) -> Result<(), String> {
    let source = table(rows);
    let before = figures::rss_mib();
    let begun = Instant::now();
    let defaults = Defaults { model: Some("inside/instant".to_owned()), ..Defaults::new("text") };
    let sealed = desk.create_job(defaults, source).await.map_err(|error| error.to_string())?;
    let accepted = begun.elapsed();
    let id = sealed.row().facts.id;
    let (mut looks, mut most) = (Vec::new(), 0.0_f64);
    let last = loop {
        let look = Instant::now();
        let row = desk.store().job(Scope::DEFAULT, id).await.map_err(|error| error.to_string())?;
        looks.push(look.elapsed());
        most = most.max(figures::rss_mib());
        if row.job.status.ended().is_some() {
            break row.job;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let drafted = begun.elapsed() - accepted;
    let facts = json!({
        "engine": place.engine.name(), "rows": rows, "accepted_seconds": seconds(accepted), "drafted_seconds": seconds(drafted),
        "per_second": (rows as f64 / drafted.as_secs_f64()).round(), "completed": last.counts.completed,
        "failed": last.counts.failed, "looks": looks.len(),
        "look_p99_ms": figures::millis(figures::percentile(&mut looks, 0.99)), "more_rss_mib": (most - before).round(),
    });
    figures::print("job", "50000: accepted < 3 s, drafted < 60 s", facts);
    Ok(())
}

async fn bulk(desk: &Desk, place: &Place, action: Action) -> Result<(), String> {
    let wanted = Wanted {
        scope: Scope::DEFAULT,
        permit: Arc::new(copydesk_core::access::Permit::owner()),
        key: None,
        action,
        kind: Kind::Drafts,
        which: Which::Drafts(DraftFilter::default()),
        model: None,
        reason: None,
        idempotency: None,
    };
    let begun = Instant::now();
    let opened = desk.open_bulk(wanted).await.map_err(|error| error.to_string())?;
    let id = opened.row().facts.id;
    let (mut gathered, opened) = (None, begun.elapsed());
    let last = loop {
        let row = desk.store().bulk(Scope::DEFAULT, id).await.map_err(|error| error.to_string())?;
        if row.bulk.status != BulkStatus::Gathering {
            gathered.get_or_insert(begun.elapsed());
        }
        if row.bulk.status.ended().is_some() {
            break row.bulk;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let took = begun.elapsed();
    let facts = json!({
        "engine": place.engine.name(), "action": action.as_str(), "items": last.tally.total(), "done": last.tally.done,
        "opened_ms": figures::millis(opened), "gathered_seconds": seconds(gathered.unwrap_or(took)),
        "seconds": seconds(took), "per_second": (last.tally.total() as f64 / took.as_secs_f64()).round(),
    });
    figures::print("bulk", "-", facts);
    Ok(())
}

fn seconds(span: Duration) -> f64 {
    (figures::millis(span) / 10.0).round() / 100.0
}
