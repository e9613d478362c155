//! Prints how many full lifecycles (accept, claim, settle; every row and event of each) one store carries per second,
//! with `synchronous=FULL`. Not a benchmark of a server: no HTTP, no provider.
//!
//! `cargo run --profile fast -p copydesk-store-sqlite --example sqlite_throughput [lifecycles] [batch] [users] [hold] [singles: 0 or 1]`

use copydesk_core::NodeId;
use copydesk_store::audit::{Slice, Space, Span};
use copydesk_store::generations::{Accept, Change, Claimed, Turn};
use copydesk_store::{AuditStore, GenerationStore, LedgerStore};
use copydesk_store_sqlite::{Options, SqliteStore};
use copydesk_store_tests::builder::{self, AcceptWith, Ids, START};
use std::sync::Arc;
use std::time::Instant;

struct Plan {
    lifecycles: usize,
    batch: usize,
    users: usize,
    hold: i64,
    /// Also many clients with one request each.
    singles: bool,
}

fn argument(index: usize, default: usize) -> usize {
    std::env::args().nth(index).map_or(default, |text| text.parse().expect("a number"))
}

// A stopwatch is what an example like this is for.
#[allow(clippy::disallowed_methods)]
fn stopwatch() -> Instant {
    Instant::now()
}

fn request(ids: &Ids, plan: &Plan, n: usize) -> Accept {
    let request = builder::accept(ids, START).user(&format!("user-{}", n % plan.users)).hold(plan.hold);
    let key = format!("request-{n}");
    request.dedupe(&key).key(&key, 7).change(|it| it.input = format!("{{\"topic\":\"{}\"}}", "tea ".repeat(250)))
}

fn settle(ids: &Ids, run: &Claimed) -> Change {
    let mut change = builder::settle(ids, run, START);
    if let Some(content) = &mut change.content {
        content.body = format!("{{\"text\":\"{}\"}}", "a word ".repeat(280));
    }
    change
}

async fn grant(store: &SqliteStore, ids: &Ids, plan: &Plan) {
    for user in 0..plan.users {
        let grant = builder::grant(ids, &format!("user-{user}"), i64::MAX / 2, START);
        store.post(grant).await.expect("grant");
    }
}

async fn turns(store: &SqliteStore, ids: &Ids, plan: &Plan, node: NodeId) -> usize {
    let mut finished = 0;
    let mut running: Vec<Claimed> = vec![];
    loop {
        let writes = running.iter().map(|run| builder::write(settle(ids, run))).collect();
        let mut limits = builder::no_limits();
        limits.global = Some(u32::try_from(plan.batch * 2).expect("a small batch"));
        let claim = Some(builder::claim(ids, node, plan.batch, limits));
        let answer = store.turn(Turn { now: START, writes, claim }).await.expect("turn");
        finished += answer.applied.len();
        running = answer.claimed;
        if running.is_empty() {
            return finished;
        }
    }
}

#[tokio::main]
async fn main() {
    let plan = Plan {
        lifecycles: argument(1, 50_000),
        batch: argument(2, 500),
        users: argument(3, 1_000),
        hold: argument(4, 0) as i64,
        singles: argument(5, 1) == 1,
    };
    let folder =
        tempfile::Builder::new().prefix("copydesk-throughput").tempdir_in(".").expect("a folder on a real disk");
    let store = Arc::new(SqliteStore::open(folder.path(), Options::default()).expect("open"));
    let ids = Ids::new();
    if plan.hold > 0 {
        grant(&store, &ids, &plan).await;
    }
    let batches: Vec<Vec<Accept>> = (0..plan.lifecycles)
        .collect::<Vec<_>>()
        .chunks(plan.batch)
        .map(|chunk| chunk.iter().map(|n| request(&ids, &plan, *n)).collect())
        .collect();

    let start = stopwatch();
    for batch in batches {
        let answers = store.accept(batch).await.expect("accept");
        assert!(answers.iter().all(Result::is_ok));
    }
    let accepted = start.elapsed();
    let start = stopwatch();
    let finished = turns(&store, &ids, &plan, ids.node()).await;
    let turned = start.elapsed();

    assert_eq!(finished, plan.lifecycles);
    let rate = |seconds: f64| finished as f64 / seconds;
    println!("accept        {:>9.0} per second", rate(accepted.as_secs_f64()));
    println!("claim+settle  {:>9.0} per second", rate(turned.as_secs_f64()));
    println!("lifecycles    {:>9.0} per second", rate((accepted + turned).as_secs_f64()));
    if plan.singles {
        singles(&store, &ids, &plan).await;
    }
    let start = stopwatch();
    assert_eq!(store.audit().await, Ok(vec![]));
    println!("audit         {:>9.0} per minute", 60.0 * rate(start.elapsed().as_secs_f64()));
    let start = stopwatch();
    store.prove(Slice { span: Span::whole(Space::Generations), limit: 500 }).await.expect("prove");
    println!("slice of 500  {:>9.1} ms", start.elapsed().as_secs_f64() * 1_000.0);
}

/// Many clients, one request each at a time: what group commit makes of it.
async fn singles(store: &Arc<SqliteStore>, ids: &Ids, plan: &Plan) {
    for clients in [1usize, 64, 256] {
        let each = 20 + 4_000 / clients;
        let tasks: Vec<_> = (0..clients)
            .map(|client| {
                let first = plan.lifecycles + clients * 1_000_000 + client * each;
                let requests: Vec<Accept> = (first..first + each).map(|n| request(ids, plan, n)).collect();
                let store = store.clone();
                async move {
                    for request in requests {
                        let answer = store.accept(vec![request]).await.expect("accept");
                        assert!(answer[0].is_ok());
                    }
                }
            })
            .collect();
        let start = stopwatch();
        for task in tasks.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
            task.await.expect("a client");
        }
        println!(
            "{clients:>4} clients  {:>9.0} accepts per second",
            (clients * each) as f64 / start.elapsed().as_secs_f64()
        );
    }
}
