//! Prices that were set while the program ran: every row as it was written, in one order for everybody.

use crate::bench::Bench;
use copydesk_core::Timestamp;
use copydesk_store::generations::Heartbeat;
use copydesk_store::prices::{NewPrice, PriceRow, PriceText};
use copydesk_store::{Order, PageRequest};
use std::sync::Arc;

fn set(model: &str, from: Timestamp, version: &str, created_at: Timestamp) -> NewPrice {
    let price = PriceText { version: version.to_owned(), rates: r#"{"input":9007199254740993}"#.to_owned() };
    NewPrice { model: model.to_owned(), from, price: Some(price), created_at }
}

fn end(model: &str, from: Timestamp) -> NewPrice {
    NewPrice { model: model.to_owned(), from, price: None, created_at: from }
}

fn oldest(limit: u32, after: Option<i64>) -> PageRequest {
    PageRequest { limit, after: after.map(|number| number.to_string()), order: Order::OldestFirst }
}

async fn rows(t: &Bench, model: Option<&str>, page: PageRequest) -> Vec<PriceRow> {
    t.store.prices(model.map(str::to_owned), page).await.expect("prices").rows
}

pub async fn a_price_is_kept_as_it_was_set_and_stays_when_it_ends(t: Arc<Bench>) {
    let later = t.now().plus(std::time::Duration::from_micros(1));
    let written = [
        set("demo/writer", t.now(), "api-1", t.now()),
        set("router/maker/model:free", Timestamp::from_micros(-1), "api-2", t.now()),
        end("demo/writer", later),
    ];
    let mut numbers = Vec::new();
    for price in &written {
        numbers.push(t.store.add_price(price.clone()).await.expect("a number"));
    }
    assert!(numbers[0] > 0 && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let kept = rows(&t, None, oldest(10, None)).await;
    let expected: Vec<PriceRow> = numbers
        .iter()
        .zip(&written)
        .map(|(number, price)| PriceRow { number: *number, price: price.clone() })
        .collect();
    assert_eq!(kept, expected);
}

pub async fn prices_are_paged_by_number_and_found_by_model(t: Arc<Bench>) {
    let mut numbers = Vec::new();
    for n in 0..5 {
        let model = if n % 2 == 0 { "demo/even" } else { "demo/odd" };
        numbers.push(t.store.add_price(set(model, t.now(), &n.to_string(), t.now())).await.expect("a number"));
    }
    let first = t.store.prices(None, oldest(2, None)).await.expect("prices");
    assert_eq!(first.next, Some(numbers[1].to_string()));
    let of = |rows: Vec<PriceRow>| rows.iter().map(|row| row.number).collect::<Vec<_>>();
    assert_eq!(of(rows(&t, None, oldest(10, Some(numbers[1]))).await), numbers[2..]);
    assert_eq!(of(rows(&t, Some("demo/odd"), PageRequest::newest(10)).await), [numbers[3], numbers[1]]);
    assert_eq!(of(rows(&t, Some("demo/o"), oldest(10, None)).await), [0; 0], "not by a part of the name");
    let bad = PageRequest { after: Some("gen_x".to_owned()), ..oldest(1, None) };
    assert!(t.store.prices(None, bad).await.is_err());
}

pub async fn a_beat_is_told_the_newest_price(t: Arc<Bench>) {
    let node = t.ids.node();
    let beat = || Heartbeat { node, at: t.now(), label: "n".to_owned(), goodbye: false, runs: vec![] };
    assert_eq!(t.store.heartbeat(beat()).await.expect("heartbeat").prices, 0);
    let number = t.store.add_price(end("demo/writer", t.now())).await.expect("a number");
    assert_eq!(t.store.heartbeat(beat()).await.expect("heartbeat").prices, number);
}

pub async fn who_follows_racing_prices_misses_none(t: Arc<Bench>) {
    const WRITERS: usize = 8;
    const EACH: usize = 5;
    let writers = (0..WRITERS).map(|writer| {
        let t = Arc::clone(&t);
        tokio::spawn(async move {
            for n in 0..EACH {
                let price = set("demo/writer", t.now(), &format!("{writer}-{n}"), t.now());
                t.store.add_price(price).await.expect("a number");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let (mut seen, mut last) = (0, 0);
    while seen < WRITERS * EACH {
        let busy = writers.iter().any(|writer| !writer.is_finished());
        let new = rows(&t, None, oldest(3, Some(last))).await;
        assert!(busy || !new.is_empty(), "{} prices were passed by", WRITERS * EACH - seen);
        seen += new.len();
        last = new.last().map_or(last, |row| row.number);
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
}
