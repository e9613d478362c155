//! The truth about every failure: each way the fake provider can misbehave, against every adapter, plain and streamed.
//! The table says what must come of it; it was written from `reference/reliability.md` 5.8, `reference/providers.md` 1.2
//! and the design, and not from the code. `want.rs` explains a row, `run.rs` runs it, `page.rs` makes
//! `docs/provider-faults.md` of it.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod alone;
mod body;
mod connection;
mod jobs;
mod page;
mod run;
mod status;
mod tls;
mod want;

use std::collections::BTreeSet;

use copydesk_fakeprovider::Fault;
use copydesk_providers::HttpClient;
use futures::StreamExt;
use tokio::sync::RwLock;
use want::Row;

/// Shared by all tests but the one that measures the memory of the process, which has it alone.
static PROCESS: RwLock<()> = RwLock::const_new(());

/// Rows under way at the same time.
const WIDTH: usize = 24;

pub fn table() -> Vec<Row> {
    [connection::table(), body::table(), status::table()].concat()
}

fn is_flood(fault: Fault) -> bool {
    let floods = [Fault::Whitespace10Mib, Fault::GzipBomb, Fault::Body1Gib, Fault::Headers100k, Fault::Line50Mib];
    floods.contains(&fault)
}

async fn all_hold(rows: Vec<Row>) {
    let http = HttpClient::new().unwrap();
    let runs = rows.into_iter().map(|row| tokio::spawn(run::run(row, http.clone())));
    let ended = futures::stream::iter(runs).buffer_unordered(WIDTH).map(Result::unwrap);
    let wrong: Vec<String> = ended.concat().await;
    assert!(wrong.is_empty(), "{} of the table is not so:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_ends_as_the_specification_says() {
    let _shared = PROCESS.read().await;
    let rows = table().into_iter().filter(|row| !is_flood(row.fault) && row.fault != Fault::Mixed5xx);
    all_hold(rows.collect()).await;
}

#[test]
fn every_fault_is_in_the_table_once_for_each_place() {
    let table = table();
    let listed: BTreeSet<Fault> = table.iter().map(|row| row.fault).collect();
    let missing: Vec<&Fault> = Fault::ALL.iter().filter(|fault| !listed.contains(fault)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    let names: BTreeSet<String> = table.iter().map(Row::name).collect();
    assert_eq!(names.len(), table.len(), "two rows for the same place");
}
