//! Calls made = calls on the books. A desk with the real adapters works off 300 generations at a provider that fails one
//! call in five, in twenty different ways; then the provider's own log and the usage table are laid side by side. On both
//! engines.

use crate::postgres::Database;
use copydesk_core::budget::{LIMIT_MAX, Measure, Period};
use copydesk_core::generation::State;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{GenerationId, Timestamp};
use copydesk_desk::accept::Request;
use copydesk_desk::budgets::{BudgetOrder, Of};
use copydesk_desk::clock::{Clock, SystemDice};
use copydesk_desk::recipes::Shelf;
use copydesk_desk::{Desk, DeskConfig, Parts, World};
use copydesk_fakeprovider::{Dialect, FakeProvider, Fault, How, Plan, Received};
use copydesk_providers::{Anthropic, HttpClient, OpenAiCompatible, Registry};
use copydesk_store::usage::{CallFilter, CallRow};
use copydesk_store::{PageRequest, Scope, Store};
use copydesk_store_postgres::PostgresStore;
use copydesk_store_sqlite::SqliteStore;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

const GENERATIONS: usize = 300;
/// Every fifth call, in the order of arrival.
const FAULTY: usize = 5;
/// How much faster the desk's clock runs: a second of backoff is a thirtieth of one.
const SPEED: u32 = 30;
const PATIENCE: Duration = Duration::from_secs(240);
const SCOPE: Scope = Scope::DEFAULT;

/// What goes wrong, in turn. Each of these may pass, or does not stop the answer.
const FAULTS: [Fault; 24] = [
    Fault::Status500,
    Fault::ResetBeforeHead,
    Fault::ErrorMidStream,
    Fault::Status502,
    Fault::TruncatedBody,
    Fault::UsageMissing,
    Fault::Status503,
    Fault::SseCut,
    Fault::RetryAfterZero,
    Fault::ResetMidBody,
    Fault::Status504,
    Fault::UsageNegative,
    Fault::BrokenChunks,
    Fault::Status529,
    Fault::ErrorFirst,
    Fault::CloseAfterHead,
    Fault::UsageTwice,
    Fault::ErrorObject200,
    Fault::Empty200,
    Fault::TruncatedChunked,
    Fault::SameId,
    Fault::MissingFinalEvent,
    Fault::ErrorInChoices,
    Fault::EmptyAnswer,
];

/// Real time, only faster, so that nobody waits for a backoff.
pub struct Hurried {
    began: Instant,
    start: Timestamp,
}

impl Hurried {
    pub fn starting_now() -> Hurried {
        Hurried { began: Instant::now(), start: Timestamp::from_micros(1_790_000_000_000_000) }
    }
}

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        self.start.plus(self.steady())
    }
    fn steady(&self) -> Duration {
        self.began.elapsed() * SPEED
    }
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span / SPEED))
    }
    fn follow(&self, _store_now: Timestamp) {}
}

#[test]
fn every_call_made_is_on_the_books_once_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), copydesk_store_sqlite::Options::default()).unwrap();
    runtime().block_on(prove(Arc::new(store)));
}

#[test]
fn every_call_made_is_on_the_books_once_postgres() {
    let database = Database::new();
    let runtime = runtime();
    let options = copydesk_store_postgres::Options { auto_migrate: true, ..Default::default() };
    let store = runtime.block_on(PostgresStore::connect(&database.url, options)).unwrap();
    runtime.block_on(prove(Arc::new(store)));
    // Its connections end before the database is dropped.
    drop(runtime);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn prove(store: Arc<dyn Store>) {
    let fake = FakeProvider::start().await;
    let lines = (0..GENERATIONS * 2).map(|n| {
        let fault = (n % FAULTY == FAULTY - 1).then(|| FAULTS[n / FAULTY % FAULTS.len()]);
        fault.map(Plan::new)
    });
    fake.script_lines(lines);
    let desk = desk(&fake, Arc::clone(&store)).await;
    let budget = desk.set_budget(every_token()).await.unwrap();
    let ids = accept_all(&desk).await;
    tokio::time::timeout(PATIENCE, all_final(&desk, &ids)).await.expect("every generation ends");
    try_the_models(&desk).await;
    desk.stop(Duration::from_secs(30)).await.unwrap();

    let log = tokio::time::timeout(PATIENCE, fake.wait_for(|log| log.iter().all(|call| call.ended.is_over()))).await;
    let log = log.expect("every exchange ends");
    let rows = store.calls(SCOPE, CallFilter::default(), PageRequest::newest(10_000)).await.unwrap().rows;
    the_same_calls(&log, &rows);
    let used: i64 =
        rows.iter().filter_map(|row| row.closed.as_ref()?.1.usage.total()).map(|tokens| tokens.0.max(0)).sum();
    let sums = store.budget_uses(SCOPE, budget.id, Timestamp::from_micros(0), 10).await.unwrap();
    let counted = sums.iter().fold((0, 0), |sum, it| (sum.0 + it.row.used, sum.1 + it.row.reserved));
    assert_eq!(counted, (used, 0), "the budget counts every call, and nothing is set aside any more");
    let rows: BTreeMap<String, &CallRow> = rows.iter().map(|row| (row.id.to_string(), row)).collect();
    let mut exact = 0;
    for call in &log {
        let row = rows[call.call_id.as_deref().unwrap()];
        exact += usize::from(figures_are_honest(call, row));
    }
    assert!(exact * 10 >= GENERATIONS * 9, "only {exact} calls were compared to the token");
    most_completed(store.as_ref(), &ids).await;
    assert_eq!(store.audit().await.unwrap(), vec![]);
    println!("{} calls, {exact} of them to the token", log.len());
}

/// A budget that nothing reaches.
fn every_token() -> BudgetOrder {
    BudgetOrder {
        scope: SCOPE,
        of: Of::Workspace,
        measure: Measure::Tokens,
        period: Period::Month,
        zone: "UTC".to_owned(),
        limit: LIMIT_MAX,
        warn_at: None,
        idempotency: None,
    }
}

async fn desk(fake: &FakeProvider, store: Arc<dyn Store>) -> Desk {
    let http = HttpClient::new().unwrap();
    let mut providers = Registry::new();
    let openai = OpenAiCompatible::new("acme", &fake.base_url_for(Dialect::OpenAi), http.clone());
    let anthropic = Anthropic::new("claude", &fake.base_url_for(Dialect::Anthropic), http);
    providers.insert(Arc::new(openai)).unwrap();
    providers.insert(Arc::new(anthropic)).unwrap();
    let clock = Hurried::starting_now();
    let config = DeskConfig {
        max_concurrent: Some(24),
        // A busy machine must not look like a dead node on the fast clock.
        lease: Duration::from_secs(1_800),
        deadline: Duration::from_secs(36_000),
        attempt_timeout: Duration::from_secs(3_600),
        ..DeskConfig::default()
    };
    let parts = Parts {
        store,
        assets: Arc::new(copydesk_desk::assets::FolderAssets::new("no-files-are-made-here")),
        world: World::new(Arc::new(clock), Arc::new(SystemDice::default())),
        shelf: Shelf::built_in().unwrap(),
        providers,
        config,
        label: "books".to_owned(),
        hooks: copydesk_desk::Hooks::default(),
    };
    let desk = Desk::open(parts).await.unwrap();
    desk.start_working().await.unwrap();
    desk
}

async fn accept_all(desk: &Desk) -> Vec<GenerationId> {
    let requests = (0..GENERATIONS).map(|n| {
        let model = if n % 2 == 0 { "acme/fake" } else { "claude/fake" };
        let input = serde_json::json!({ "prompt": format!("Number {n} of many") });
        let request = Request { model: Some(model.to_owned()), ..Request::new("text", input) };
        async { desk.accept(request).await.unwrap().generation }
    });
    futures::future::join_all(requests).await
}

/// Tests of models are calls like all others.
async fn try_the_models(desk: &Desk) {
    let before =
        desk.store().calls(SCOPE, CallFilter::default(), PageRequest::newest(10_000)).await.unwrap().rows.len();
    let mut made = 0;
    for model in ["acme/fake", "claude/fake", "acme/fake", "claude/fake"] {
        let test = desk.test_model(SCOPE, None, model, None).await.unwrap();
        assert_eq!(test.call.is_some(), test.waits.is_none(), "{test:?}");
        made += usize::from(test.call.is_some());
    }
    let after = desk.store().calls(SCOPE, CallFilter::default(), PageRequest::newest(10_000)).await.unwrap().rows.len();
    assert!(made > 0 && after == before + made, "{made} tests called a model; {before} rows became {after}");
}

/// Looks at a generation whenever the desk says that something happened to it.
async fn all_final(desk: &Desk, ids: &[GenerationId]) {
    let mut news = desk.live().watch();
    let mut open: BTreeSet<GenerationId> = ids.iter().copied().collect();
    let mut ask: Vec<GenerationId> = ids.to_vec();
    loop {
        for id in ask.drain(..) {
            if desk.store().get(SCOPE, id).await.unwrap().status().is_final() {
                open.remove(&id);
            }
        }
        if open.is_empty() {
            return;
        }
        match news.recv().await {
            Ok(id) => ask.push(id),
            Err(RecvError::Lagged(_)) => ask.extend(&open),
            Err(RecvError::Closed) => panic!("the desk is gone"),
        }
    }
}

fn the_same_calls(log: &[Received], rows: &[CallRow]) {
    let made: Vec<&str> = log.iter().map(|call| call.call_id.as_deref().expect("a call id")).collect();
    let once: BTreeSet<&str> = made.iter().copied().collect();
    assert_eq!(once.len(), made.len(), "a call id was sent twice");
    let booked: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let booked: BTreeSet<&str> = booked.iter().map(String::as_str).collect();
    assert_eq!(once, booked, "calls made and calls on the books");
    assert_eq!(rows.len(), made.len());
    assert!(log.len() > GENERATIONS, "the faults led to further calls");
}

/// Whether the figures were compared to the token.
fn figures_are_honest(call: &Received, row: &CallRow) -> bool {
    let (_, closed) = row.closed.as_ref().unwrap_or_else(|| panic!("{} is still open", row.id));
    let count = |tokens: Option<copydesk_core::Tokens>| tokens.map(|tokens| u64::try_from(tokens.0).unwrap());
    let (input, output) = (count(closed.usage.input), count(closed.usage.output));
    let billed = (Some(call.billed.input), Some(call.billed.output));
    let context = format!("{:?} {:?} {closed:?}", call.fault, call.billed);
    let is_refused = call.status >= 400;
    if is_refused {
        assert_eq!((closed.outcome, input, output), (CallOutcome::Failed, None, None), "{context}");
        assert_eq!((call.billed.input, call.billed.output), (0, 0), "the fake bills no errors: {context}");
        return false;
    }
    if closed.usage.estimated {
        assert!(input.is_some() && output.is_some(), "{context}");
        let silent = call.ended != How::Answered || call.fault.is_some();
        assert!(silent, "a whole answer with figures was estimated: {context}");
        return false;
    }
    assert_eq!((input, output), billed, "{context}");
    if closed.outcome == CallOutcome::Ok {
        assert_eq!(closed.provider_request_id.as_deref().map(str::is_empty), Some(false), "{context}");
    }
    true
}

async fn most_completed(store: &dyn Store, ids: &[GenerationId]) {
    let mut completed = 0;
    for id in ids {
        let row = store.get(SCOPE, *id).await.unwrap();
        assert!(row.status().is_final(), "{id}");
        match &row.generation.state {
            State::Completed { .. } => completed += 1,
            State::Failed { failure, .. } => assert!(failure.code.retryable(), "{id} gave up on {failure:?}"),
            State::Pending { .. } | State::Processing { .. } | State::Cancelled { .. } => {
                panic!("{id} is {}", row.status())
            }
        }
    }
    assert!(completed * 100 >= ids.len() * 99, "only {completed} of {} were completed", ids.len());
}
