//! `cargo xtask bench usage`: a year by day and model, with the history of ten million calls behind it. The history is
//! written straight into the tables, as the calls would have left it: every series has a value at the end of each quarter of
//! an hour in which it had calls.

use copydesk_bench::engine::{Engine, Place};
use copydesk_bench::figures;
use copydesk_core::Timestamp;
use copydesk_core::metering::cuts::{Interval, Zone, cuts};
use copydesk_core::metering::question::{Dimension, Group, Question};
use copydesk_core::metering::totals::{Cuboid, Figure, QUARTER_US};
use copydesk_core::{UserId, WorkspaceId};
use copydesk_store::{Scope, Store};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;
use uuid::Uuid;

pub const SUITE: &str = "usage";
const GOAL: &str = "p99 <= 50 ms";
/// 2026-01-01T00:00:00Z, and a year of quarters of an hour.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const QUARTERS: i64 = 365 * 96;
const CALLS: i64 = 10_000_000;
const MODELS: usize = 12;
const SERVICES: usize = 5;
const USERS: usize = 2_000;
/// Kinds of calls one user makes.
const USER_KINDS: usize = 2;
const ROUNDS: usize = 300;

/// A series and how many of the year's quarters it has calls in.
struct Row {
    cuboid: Cuboid,
    user: Uuid,
    service: String,
    model: String,
    quarters: i64,
}

fn series() -> Vec<Row> {
    let none = String::new;
    let row =
        |cuboid, user, service, model, calls: i64| Row { cuboid, user, service, model, quarters: calls.min(QUARTERS) };
    let (service, model) = (|n: usize| format!("service-{n}"), |n: usize| format!("provider/model-{n}"));
    let mut rows = vec![row(Cuboid::Whole, Uuid::nil(), none(), none(), CALLS)];
    rows.extend((0..SERVICES).map(|n| row(Cuboid::Service, Uuid::nil(), service(n), none(), CALLS)));
    rows.extend((0..MODELS).map(|n| row(Cuboid::Model, Uuid::nil(), none(), model(n), CALLS)));
    for n in 0..SERVICES * MODELS {
        rows.push(row(Cuboid::Kind, Uuid::nil(), service(n % SERVICES), model(n / SERVICES), CALLS));
    }
    for n in 0..USERS {
        let user = UserId::from_external(WorkspaceId::DEFAULT, &format!("user-{n}")).0;
        let calls = CALLS / USERS as i64 / 4;
        rows.push(row(Cuboid::User, user, none(), none(), calls));
        for kind in 0..USER_KINDS {
            let (service, model) = (service((n + kind) % SERVICES), model((n + kind) % MODELS));
            rows.push(row(Cuboid::UserKind, user, service, model, calls / USER_KINDS as i64));
        }
    }
    rows
}

fn columns() -> String {
    Figure::ALL.map(Figure::as_str).join(", ")
}

/// The value of each figure after the n-th quarter with calls: it rises, and no two figures are the same.
fn values(n: &str) -> String {
    (1..=Figure::COUNT).map(|factor| format!("{n} * {factor}")).collect::<Vec<_>>().join(", ")
}

pub async fn run(place: &Place) -> Result<(), String> {
    let store = place.open().await?;
    let begun = Instant::now();
    let rows = series();
    match place.engine {
        Engine::Sqlite => fill_sqlite(place, &rows)?,
        Engine::Postgres => fill_postgres(place, &rows).await?,
    }
    let history: i64 = rows.iter().map(|row| row.quarters - 1).sum();
    let facts = json!({
        "engine": place.engine.name(), "calls": CALLS, "series": rows.len(), "history_rows": history,
        "seconds": figures::millis(begun.elapsed()) / 1_000.0,
    });
    figures::print("usage_history", "-", facts);
    let everything = Group::default;
    let user = UserId::from_external(WorkspaceId::DEFAULT, "user-17");
    ask(place, store.as_ref(), "year_by_day_and_model", &[Dimension::Model], everything(), 365).await?;
    ask(place, store.as_ref(), "year_by_day", &[], everything(), 365).await?;
    let own = Group { user: Some(user), ..everything() };
    ask(place, store.as_ref(), "year_by_day_and_model_of_a_user", &[Dimension::Model], own, 365).await?;
    ask(place, store.as_ref(), "month_by_day_and_user", &[Dimension::User], everything(), 30).await
}

async fn ask(
    place: &Place,
    store: &dyn Store,
    name: &str,
    by: &[Dimension],
    only: Group,
    days: u32,
) -> Result<(), String> {
    let zone = Zone::named("Asia/Kathmandu").map_err(|error| error.to_string())?;
    let from = zone.end("2026-01-02").map_err(|error| error.to_string())?;
    let to = from.plus(Duration::from_secs(86_400) * days);
    let cuts = cuts(Interval::Day, &zone, from, to).map_err(|error| error.to_string())?;
    let question = Question { only, by: by.iter().copied().collect(), cuts };
    let (mut samples, mut rows) = (Vec::with_capacity(ROUNDS), 0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        rows = store.totals(Scope::DEFAULT, question.clone()).await.map_err(|error| error.to_string())?.len();
        samples.push(begun.elapsed());
    }
    let facts = json!({
        "engine": place.engine.name(), "question": name, "rows": rows, "asked": ROUNDS,
        "p50_ms": figures::millis(figures::percentile(&mut samples, 0.5)),
        "p99_ms": figures::millis(figures::percentile(&mut samples, 0.99)),
    });
    figures::print("usage_totals", GOAL, facts);
    Ok(())
}

fn fill_sqlite(place: &Place, rows: &[Row]) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let mut connection = rusqlite::Connection::open(place.folder.join("copydesk.db")).map_err(text)?;
    let all = connection.transaction().map_err(text)?;
    let history = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?2 - 1) \
         INSERT INTO usage_history (series_no, bucket_at, {}) SELECT ?1, ?3 + n * ?4, {} FROM n",
        columns(),
        values("n")
    );
    let total = format!(
        "INSERT INTO usage_totals (series_no, bucket_at, {}) SELECT ?1, ?3 + ?2 * ?4, {}",
        columns(),
        values("?2")
    );
    let series = "INSERT INTO usage_series (no, workspace_id, cuboid, user_id, service, operation, model) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    for (number, row) in (1_i64..).zip(rows) {
        let Row { cuboid, user, service, model, quarters } = row;
        let operation = if service.is_empty() || model.is_empty() { "" } else { "write" };
        let named = rusqlite::params![
            number,
            WorkspaceId::DEFAULT.0.as_bytes(),
            cuboid.number(),
            user.as_bytes(),
            service,
            operation,
            model
        ];
        all.execute(series, named).map_err(text)?;
        let step = QUARTERS / quarters * QUARTER_US;
        let spread = rusqlite::params![number, quarters, START.micros(), step];
        all.prepare_cached(&history).and_then(|mut statement| statement.execute(spread)).map_err(text)?;
        all.prepare_cached(&total).and_then(|mut statement| statement.execute(spread)).map_err(text)?;
    }
    all.commit().map_err(text)
}

async fn fill_postgres(place: &Place, rows: &[Row]) -> Result<(), String> {
    let text = |error: tokio_postgres::Error| error.to_string();
    let (client, connection) = tokio_postgres::connect(&Place::postgres_url()?, NoTls).await.map_err(text)?;
    tokio::spawn(connection);
    client.batch_execute(&format!("set search_path to {}", place.schema)).await.map_err(text)?;
    let series = "insert into usage_series (no, workspace_id, cuboid, user_id, service, operation, model) \
                  overriding system value values ($1, $2, $3, $4, $5, $6, $7)";
    let spread = "create table spread (no bigint, quarters bigint, step bigint)";
    client.batch_execute(spread).await.map_err(text)?;
    for (number, row) in (1_i64..).zip(rows) {
        let Row { cuboid, user, service, model, quarters } = row;
        let operation = if service.is_empty() || model.is_empty() { "" } else { "write" };
        let workspace = WorkspaceId::DEFAULT.0;
        client
            .execute(series, &[&number, &workspace, &cuboid.number(), user, service, &operation, model])
            .await
            .map_err(text)?;
        let step = QUARTERS / quarters * QUARTER_US;
        client.execute("insert into spread values ($1, $2, $3)", &[&number, quarters, &step]).await.map_err(text)?;
    }
    let at = |n: &str| format!("'2026-01-01T00:00:00Z'::timestamptz + {n} * s.step * interval '1 microsecond'");
    let fill = format!(
        "insert into usage_history (series_no, bucket_at, {columns}) \
         select s.no, {}, {} from spread s, generate_series(1, s.quarters - 1) n; \
         insert into usage_totals (series_no, bucket_at, {columns}) select s.no, {}, {} from spread s; \
         drop table spread; analyze usage_series, usage_totals, usage_history",
        at("n"),
        values("n"),
        at("s.quarters"),
        values("s.quarters"),
        columns = columns(),
    );
    client.batch_execute(&fill).await.map_err(text)
}
