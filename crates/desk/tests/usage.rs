//! What stands in a call's row beside its tokens.

use crate::harness::script::Reply;
use crate::harness::{Bench, config, note, seconds, until};
use copydesk_providers::error::ErrorClass;

#[tokio::test]
async fn the_time_to_the_first_text_is_on_the_books_and_absent_when_none_came() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::Slow(seconds(3), "A text about tea.".to_owned()), Reply::Fail(ErrorClass::Rejected)]);
    let receipt = node.accept(note("tea")).await;
    bench
        .pass_until("the text is there", || async { bench.row(receipt.generation).await.finished_at().is_some() })
        .await;
    let slow = bench.calls(Some(receipt.generation)).await.remove(0).closed.expect("closed").1;
    assert_eq!((slow.first_token_ms, slow.duration_ms), (Some(3_000), 6_000));

    let refused = node.accept(note("coffee")).await;
    until("it has failed", || async { bench.row(refused.generation).await.finished_at().is_some() }).await;
    let silent = bench.calls(Some(refused.generation)).await.remove(0).closed.expect("closed").1;
    assert_eq!(silent.first_token_ms, None, "no text is not text at once");
    bench.in_order().await;
}
