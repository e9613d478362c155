//! Prospects: how soon a file of them is read, how soon a job over all that are eligible is accepted and done, and what the
//! last page of the outreach system's list takes.

use super::http::{report, serve};
use copydesk_bench::engine::Place;
use copydesk_bench::figures;
use copydesk_bench::instant::{self, InProcess};
use copydesk_bench::keepalive::{self, get};
use copydesk_core::prospect::{Edit, Standing};
use copydesk_desk::jobs::Defaults;
use copydesk_desk::prospects::drafting::{Which, Whom};
use copydesk_desk::prospects::import::{Format, Terms};
use copydesk_desk::store::prospects::{Known, ProspectFilter};
use copydesk_desk::{Desk, DeskConfig};
use copydesk_store::Scope;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::{Duration, Instant};

pub const SUITE: &str = "prospects";

/// How many attempts may run at once.
const SLOTS: u32 = 500;
const LOOK_EVERY: Duration = Duration::from_millis(100);
const PAGES: usize = 300;

pub async fn run(place: &Place, rows: usize) -> Result<(), String> {
    let config = DeskConfig { max_concurrent: Some(SLOTS), ..DeskConfig::default() };
    let body = "A paragraph of about two hundred characters. ".repeat(5);
    let answer = json!({ "subject": "A question about your cafe", "body": format!("Hello,\n\n{body}\n\nRegards") });
    let provider = InProcess::saying(Duration::ZERO, answer.to_string());
    let desk = instant::desk(place.open().await?, provider, config).await?;
    desk.start_working().await.map_err(|error| error.to_string())?;
    import(&desk, place, rows, "unverified").await?;
    import(&desk, place, rows, "verified").await?;
    job(&desk, place).await?;
    last_page(desk, place, rows * 2).await
}

fn table(rows: usize, verification: &str) -> Cursor<String> {
    let mut text =
        "external_id,name,company,contact_email,website,source_type,verification_status,page_text\n".to_owned();
    let page = "We roast our own beans and bake every morning, two streets from the river. ".repeat(8);
    for row in 0..rows {
        text.push_str(&format!(
            "{verification}-{row},Ann {row},Cafe {row},{verification}{row}@example.com,https://cafe{row}.example,website,{verification},\"{page}\"\n"
        ));
    }
    Cursor::new(text)
}

async fn import(desk: &Desk, place: &Place, rows: usize, verification: &str) -> Result<(), String> {
    let file = table(rows, verification);
    let terms = Terms {
        scope: Scope::DEFAULT,
        name: None,
        format: Format::Table(b','),
        columns: BTreeMap::new(),
        assume_tz: None,
        usual: Edit::default(),
        needs_email: true,
        known: Known::Update,
    };
    let (before, begun) = (figures::rss_mib(), Instant::now());
    let outcome = desk.import_prospects(terms, Box::new(file)).await.map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    let facts = json!({
        "engine": place.engine.name(), "rows": rows, "created": outcome.counts.created, "seconds": seconds(took),
        "per_second": (rows as f64 / took.as_secs_f64()).round(), "more_rss_mib": (figures::rss_mib() - before).round(),
    });
    figures::print("prospects_import", "-", facts);
    Ok(())
}

async fn job(desk: &Desk, place: &Place) -> Result<(), String> {
    let text = |error: copydesk_desk::error::DeskError| error.to_string();
    let counting = Instant::now();
    let tally = desk.count_prospects(Scope::DEFAULT, ProspectFilter::default()).await.map_err(text)?;
    let counted = counting.elapsed();
    let mut defaults = Defaults { model: Some("inside/instant".to_owned()), ..Defaults::new("outreach") };
    defaults.input.insert("sender".to_owned(), "We are Fernleaf.".into());
    let (before, begun) = (figures::rss_mib(), Instant::now());
    let sealed = desk.draft_prospects(defaults.clone(), Whom::first(Which::Eligible)).await.map_err(text)?;
    let accepted = begun.elapsed();
    let again = Instant::now();
    let twice = desk.draft_prospects(defaults, Whom::first(Which::Eligible)).await.map_err(text)?;
    let second_click = again.elapsed();
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
        "engine": place.engine.name(), "prospects": tally.total(), "eligible": tally.of(Standing::Eligible),
        "counted_ms": figures::millis(counted), "accepted_seconds": seconds(accepted),
        "second_click_ms": figures::millis(second_click), "second_click_same": twice.row().facts.id == id,
        "drafted_seconds": seconds(drafted), "completed": last.counts.completed, "failed": last.counts.failed,
        "look_p99_ms": figures::millis(figures::percentile(&mut looks, 0.99)), "more_rss_mib": (most - before).round(),
    });
    figures::print("prospects_job", "50000: accepted < 3 s, drafted < 60 s", facts);
    Ok(())
}

/// The desk has nothing left to do while it is measured.
async fn last_page(desk: Desk, place: &Place, total: usize) -> Result<(), String> {
    let site = serve(desk).await?;
    let skip = total.saturating_sub(1_000);
    for round in 0..=2 {
        let key = site.key.clone();
        let request = move |_: usize| get(&format!("/api/prospects?skip={skip}&limit=1000"), &key);
        let ran = keepalive::crowd(site.address, 1, if round == 0 { 20 } else { PAGES }, 200, request).await?;
        if round > 0 {
            report("prospects_last_page", "p99 <= 50 ms", place, ran);
        }
    }
    site.stop.send(()).map_err(|()| "the server ended by itself")?;
    site.desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}

fn seconds(span: Duration) -> f64 {
    (figures::millis(span) / 10.0).round() / 100.0
}
