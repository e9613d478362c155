//! How many whole lives of a generation (accept, claim, settle; everything durable) a second this engine carries, with two
//! connections and batches of 500. For orientation while tuning; `cargo xtask bench` is the measure that counts.
//! Run: `cargo run --profile fast -p copydesk-store-postgres --example postgres_throughput -- "$COPYDESK_TEST_POSTGRES_URL"`.

use copydesk_store::GenerationStore;
use copydesk_store::generations::{Accepted, Applied, Turn, Write};
use copydesk_store_postgres::{Options, PostgresStore};
use copydesk_store_tests::builder::{self, AcceptWith, Ids, START};
use std::time::Duration;
use tokio::time::Instant;

const BATCH: usize = 500;
const ROUNDS: usize = 40;
const TASKS: usize = 2;
const INPUT_BYTES: usize = 1_000;
const BODY_BYTES: usize = 2_000;

#[derive(Default)]
struct Spent {
    accept: Duration,
    turn: Duration,
    done: usize,
}

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).expect("the server's address as the one argument");
    let schema = Some(format!("throughput_{}", std::process::id()));
    let options = Options { auto_migrate: true, schema, writers: TASKS, ..Options::default() };
    let store = PostgresStore::connect(&url, options).await.expect("the server answers");
    let begun = Instant::now();
    let tasks = (0..TASKS).map(|realm| {
        let store = store.clone();
        tokio::spawn(async move { work(&store, &Ids::of_realm(realm as u16)).await })
    });
    let mut all = Spent::default();
    for spent in futures::future::join_all(tasks).await {
        let spent = spent.expect("no task panics");
        all.accept += spent.accept;
        all.turn += spent.turn;
        all.done += spent.done;
    }
    let wall = begun.elapsed().as_secs_f64();
    let share = |span: Duration| span.as_secs_f64() / TASKS as f64 / wall * 100.0;
    println!("{} lives in {wall:.2} s = {:.0}/s", all.done, all.done as f64 / wall);
    println!("time in accept {:.0} %, in turn {:.0} %", share(all.accept), share(all.turn));
}

async fn work(store: &PostgresStore, ids: &Ids) -> Spent {
    let node = ids.node();
    let mut spent = Spent::default();
    let mut running = vec![];
    for round in 0..=ROUNDS {
        if round < ROUNDS {
            let batch = (0..BATCH).map(|n| request(ids, n)).collect();
            let begun = Instant::now();
            let answers = store.accept(batch).await.expect("accept");
            spent.accept += begun.elapsed();
            assert!(answers.iter().all(|answer| matches!(answer, Ok(Accepted::New { .. }))));
        }
        let writes: Vec<Write> = running
            .iter()
            .map(|run| {
                let mut change = builder::settle(ids, run, START);
                if let Some(content) = &mut change.content {
                    content.body = "x".repeat(BODY_BYTES);
                }
                builder::write(change)
            })
            .collect();
        let limits = copydesk_store::generations::Limits { global: Some(100_000), ..builder::no_limits() };
        let claim = (round < ROUNDS).then(|| builder::claim(ids, node, BATCH, limits));
        let begun = Instant::now();
        let answer = store.turn(Turn { now: START, writes, claim }).await.expect("turn");
        spent.turn += begun.elapsed();
        spent.done += answer.applied.iter().filter(|applied| matches!(applied, Applied::Done { .. })).count();
        running = answer.claimed;
    }
    spent
}

fn request(ids: &Ids, n: usize) -> copydesk_store::generations::Accept {
    let mut request = builder::accept(ids, START).user(&format!("user {}", n % 50));
    request.input = format!("{{\"topic\":\"{}\"}}", "y".repeat(INPUT_BYTES));
    request
}
