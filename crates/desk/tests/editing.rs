//! People and generations on the same draft: nobody's text is ever overwritten.

use crate::harness::*;
use copydesk_core::draft::DraftStatus;
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_desk::accept::Again;
use copydesk_desk::publish::Patch;
use copydesk_providers::ErrorClass;
use copydesk_store::drafts::DraftSetting;
use serde_json::json;

fn patch(text: &str) -> Patch {
    Patch { title: None, body: Some(json!({ "text": text })), if_revision: None }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, DeskError>) -> Refusal {
    match answer {
        Err(DeskError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn seed_s0_b18_a_published_draft_is_never_regenerated_and_its_history_is_kept() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    node.desk.edit(SCOPE, receipt.draft, patch("Better.")).await.unwrap();
    let published = node.desk.set_draft(SCOPE, receipt.draft, DraftSetting::Publish, None).await.unwrap();
    assert_eq!(published.status, DraftStatus::Published);

    let again = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await;
    assert_eq!(refusal(again), Refusal::DraftPublished);
    let edited = node.desk.edit(SCOPE, receipt.draft, patch("Too late.")).await;
    assert_eq!(refusal(edited), Refusal::DraftPublished);
    let origins: Vec<String> = bench.versions(receipt.draft).await.into_iter().map(|version| version.origin).collect();
    assert_eq!(origins, ["generated", "edited"]);
    assert!(bench.body(receipt.draft).await.contains("Better."));
    assert_eq!((bench.script.calls(), bench.left("ada").await), (1, credits("995")));
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s0_b19_a_draft_that_is_being_written_is_neither_edited_nor_published() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::hold("First."), Reply::Fail(ErrorClass::Refused)]);
    let receipt = node.accept(note("tea")).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    assert_eq!(refusal(node.desk.edit(SCOPE, receipt.draft, patch("Mine.")).await), Refusal::DraftBusy);
    let publish = node.desk.set_draft(SCOPE, receipt.draft, DraftSetting::Publish, None).await;
    assert_eq!(refusal(publish), Refusal::DraftBusy);
    let delete = node.desk.set_draft(SCOPE, receipt.draft, DraftSetting::Delete, None).await;
    assert_eq!(refusal(delete), Refusal::DraftBusy);
    bench.script.release(1);
    bench.completed(receipt.generation).await;
    assert!(bench.body(receipt.draft).await.contains("First."));

    let failed = node.accept(note("coffee")).await;
    bench.failed(failed.generation).await;
    assert_eq!(refusal(node.desk.edit(SCOPE, failed.draft, patch("Mine.")).await), Refusal::DraftEmpty);
    let publish = node.desk.set_draft(SCOPE, failed.draft, DraftSetting::Publish, None).await;
    assert_eq!(refusal(publish), Refusal::DraftEmpty);
    bench.in_order().await;
}

#[tokio::test]
async fn seed_s0_b19_an_edit_beside_a_running_regeneration_stays_current() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    bench.script.then([Reply::hold("By the model.")]);
    let again = node.desk.regenerate(SCOPE, receipt.draft, Again::default()).await.unwrap();
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    node.desk.edit(SCOPE, receipt.draft, patch("By hand.")).await.unwrap();
    bench.script.release(1);
    let row = bench.completed(again.generation).await;

    assert_eq!(row.version, Some(3), "the model's text is a version of its own");
    let draft = bench.draft(receipt.draft).await;
    assert_eq!((draft.current_version, draft.versions), (2, 3));
    assert!(bench.body(receipt.draft).await.contains("By hand."));
    let restored = node.desk.restore(SCOPE, receipt.draft, 3, None).await.unwrap();
    assert_eq!(restored.current_version, 4);
    assert!(bench.body(receipt.draft).await.contains("By the model."));
    bench.in_order().await;
}

#[tokio::test]
async fn two_tabs_never_overwrite_each_other() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    let seen = bench.draft(receipt.draft).await.revision;
    let by = |text: &str| Patch { if_revision: Some(seen), ..patch(text) };
    node.desk.edit(SCOPE, receipt.draft, by("First tab.")).await.unwrap();
    let second = node.desk.edit(SCOPE, receipt.draft, by("Second tab.")).await;
    assert!(matches!(refusal(second), Refusal::VersionConflict { .. }));
    assert!(bench.body(receipt.draft).await.contains("First tab."));
    bench.in_order().await;
}
