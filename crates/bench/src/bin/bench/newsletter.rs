//! A newsletter to a long list: how soon it is answered, how long others wait for the database meanwhile, what memory it takes,
//! and when all have it. The mail server is in the process and takes everything at once.

use copydesk_bench::engine::Place;
use copydesk_bench::figures::{self, millis, percentile};
use copydesk_bench::instant::{self, InProcess};
use copydesk_core::mail::{Limits, MailStatus, Reply, Verdict};
use copydesk_core::subscriber::ListName;
use copydesk_core::{DraftId, MailingId};
use copydesk_desk::accept::Request;
use copydesk_desk::mail::{MailConfig, Mailer, MailerLine, Newsletter, To};
use copydesk_desk::prospects::import::Format;
use copydesk_desk::store::drafts::DraftSetting;
use copydesk_desk::store::mail::MailingRow;
use copydesk_desk::subscribers::Terms;
use copydesk_desk::{Desk, DeskConfig, Hooks};
use copydesk_smtp::Written;
use copydesk_store::Scope;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

pub const SUITE: &str = "newsletter";

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long small writes are measured with nothing beside them.
const ALONE: Duration = Duration::from_secs(2);
/// Between two small writes.
const BREATH: Duration = Duration::from_millis(1);

pub async fn run(place: &Place, rows: usize) -> Result<(), String> {
    figures::print(
        "fsync_probe",
        "-",
        figures::fsync_probe(place.folder.parent().unwrap_or(&place.folder)).map_err(text)?,
    );
    let limits = Limits { per_day: u64::from(u32::MAX), reserve: 0, every: Duration::from_nanos(1) };
    let from = Some("Ann of Fernleaf <ann@fernleaf.example>".to_owned());
    let public_url = Some("https://desk.example.com".to_owned());
    let mail = MailConfig { from, limits, public_url, ..MailConfig::default() };
    let config = DeskConfig { mail, ..DeskConfig::default() };
    let hooks = Hooks { mailer: Some(Arc::new(Swallows)), ..Hooks::default() };
    let desk = instant::desk_with(place.open().await?, InProcess::new(Duration::ZERO), config, hooks).await?;
    desk.start_working().await.map_err(text)?;
    let draft = published(&desk).await?;
    import(&desk, place, rows).await?;
    small_writes_alone(&desk, place).await?;
    rehearsed(&desk, place, draft).await?;
    ordered(&desk, place, draft, rows as u64).await?;
    desk.stop(Duration::ZERO).await.map_err(text)?;
    Ok(())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A mail server that takes every mail at once.
struct Swallows;

impl Mailer for Swallows {
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn MailerLine>, (Verdict, Reply)>> {
        Box::pin(async { Ok(Box::new(Swallows) as Box<dyn MailerLine>) })
    }
    fn place(&self) -> String {
        "inside".to_owned()
    }
}

impl MailerLine for Swallows {
    fn send<'a>(&'a mut self, _mail: &'a Written) -> BoxFuture<'a, (Verdict, Reply)> {
        Box::pin(async { (Verdict::Sent, Reply { code: Some(250), text: "ok".to_owned() }) })
    }
    fn is_broken(&self) -> bool {
        false
    }
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

async fn published(desk: &Desk) -> Result<DraftId, String> {
    let mut request = Request::new("newsletter", instant::input(0));
    request.model = Some("inside/instant".to_owned());
    let receipt = desk.accept(request).await.map_err(text)?;
    desk.wait(Scope::DEFAULT, receipt.generation, Duration::from_secs(30)).await.map_err(text)?;
    desk.set_draft(Scope::DEFAULT, receipt.draft, DraftSetting::Publish, None).await.map_err(text)?;
    Ok(receipt.draft)
}

async fn import(desk: &Desk, place: &Place, rows: usize) -> Result<(), String> {
    let mut file = "address,name,external_id\n".to_owned();
    for row in 0..rows {
        file.push_str(&format!("reader-{row}@example.com,Ann {row},{row}\n"));
    }
    let (format, columns) = (Format::Table(b','), BTreeMap::new());
    let terms = Terms { scope: Scope::DEFAULT, list: ListName::usual(), format, columns, dry: false };
    let begun = Instant::now();
    let outcome = desk.import_subscribers(terms, Box::new(Cursor::new(file))).await.map_err(text)?;
    let facts = json!({ "engine": place.engine.name(), "rows": rows, "created": outcome.created, "seconds": seconds(begun.elapsed()) });
    figures::print("newsletter_import", "-", facts);
    Ok(())
}

async fn small_writes_alone(desk: &Desk, place: &Place) -> Result<(), String> {
    let writes = SmallWrites::begin(desk);
    tokio::time::sleep(ALONE).await;
    let mut facts = writes.end().await?;
    facts["engine"] = place.engine.name().into();
    figures::print("newsletter_small_writes_alone", "-", facts);
    Ok(())
}

fn newsletter(draft: DraftId, dry: bool) -> Newsletter {
    let (scope, to, spec) = (Scope::DEFAULT, To::List(ListName::usual()), "{}".to_owned());
    Newsletter { scope, draft, to, spec, again: false, dry, idempotency: None }
}

async fn rehearsed(desk: &Desk, place: &Place, draft: DraftId) -> Result<(), String> {
    let (writes, begun) = (SmallWrites::begin(desk), Instant::now());
    let opened = desk.order_newsletter(newsletter(draft, true)).await.map_err(text)?;
    let took = begun.elapsed();
    let mut facts = writes.end().await?;
    facts["engine"] = place.engine.name().into();
    facts["queued"] = opened.row().mailing.tally.of(MailStatus::Queued).into();
    facts["seconds"] = seconds(took).into();
    figures::print("newsletter_dry_run", "small writes wait < 100 ms", facts);
    Ok(())
}

/// From the order until every mail is written; then until every mail is sent.
async fn ordered(desk: &Desk, place: &Place, draft: DraftId, rows: u64) -> Result<(), String> {
    let before = figures::rss_mib();
    let (writes, begun) = (SmallWrites::begin(desk), Instant::now());
    let peak = Peak::begin();
    let opened = desk.order_newsletter(newsletter(draft, false)).await.map_err(text)?;
    let answered = begun.elapsed();
    let id = opened.row().id;
    let all_there = |row: &MailingRow| row.mailing.tally.total() >= rows;
    let row = watched(desk, id, all_there).await?;
    let written = begun.elapsed();
    let mut facts = writes.end().await?;
    facts["engine"] = place.engine.name().into();
    facts["mails"] = row.mailing.tally.total().into();
    facts["sent_meanwhile"] = row.mailing.tally.of(MailStatus::Sent).into();
    facts["answered_ms"] = millis(answered).into();
    facts["written_seconds"] = seconds(written).into();
    facts["rss_before_mib"] = before.round().into();
    facts["peak_rss_mib"] = peak.end().await.round().into();
    figures::print("newsletter_order", "answered < 100 ms, small writes wait < 100 ms", facts);
    let row = watched(desk, id, |row| row.mailing.finished_at.is_some()).await?;
    let (sent, took) = (row.mailing.tally.of(MailStatus::Sent), begun.elapsed());
    let facts = json!({
        "engine": place.engine.name(), "sent": sent, "seconds": seconds(took),
        "per_second": (sent as f64 / took.as_secs_f64()).round(), "rss_mib": figures::rss_mib().round(),
    });
    figures::print("newsletter_sent", "-", facts);
    Ok(())
}

async fn watched(desk: &Desk, id: MailingId, done: impl Fn(&MailingRow) -> bool) -> Result<MailingRow, String> {
    loop {
        let row = desk.store().mailing(Scope::DEFAULT, id).await.map_err(text)?;
        if done(&row) {
            return Ok(row);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Small writes one after the other, and how long each took.
struct SmallWrites {
    ends: Arc<AtomicBool>,
    task: JoinHandle<Result<Vec<Duration>, String>>,
}

impl SmallWrites {
    fn begin(desk: &Desk) -> SmallWrites {
        let (desk, ends) = (desk.clone(), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&ends);
        let task = tokio::spawn(async move {
            let mut waits = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                desk.store().canary(desk.world().now()).await.map_err(text)?;
                waits.push(begun.elapsed());
                tokio::time::sleep(BREATH).await;
            }
            Ok(waits)
        });
        SmallWrites { ends, task }
    }

    async fn end(self) -> Result<Value, String> {
        self.ends.store(true, Ordering::Relaxed);
        let mut waits = self.task.await.map_err(text)??;
        let mut of = |share| millis(percentile(&mut waits, share));
        Ok(
            json!({ "small_write_p50_ms": of(0.5), "small_write_p99_ms": of(0.99), "small_write_longest_ms": of(1.0), "small_writes": waits.len() }),
        )
    }
}

/// The most memory this process has, looked at again and again.
struct Peak {
    ends: Arc<AtomicBool>,
    task: JoinHandle<f64>,
}

impl Peak {
    fn begin() -> Peak {
        let ends = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ends);
        let task = tokio::spawn(async move {
            let mut most = figures::rss_mib();
            while !over.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOK_EVERY).await;
                most = most.max(figures::rss_mib());
            }
            most
        });
        Peak { ends, task }
    }

    async fn end(self) -> f64 {
        self.ends.store(true, Ordering::Relaxed);
        self.task.await.unwrap_or(f64::NAN)
    }
}

fn seconds(span: Duration) -> f64 {
    (millis(span) / 10.0).round() / 100.0
}
