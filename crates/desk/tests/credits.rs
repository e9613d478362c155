//! Credits by hand and by cost: what people post, what a metered price takes, what expires by itself.

use crate::harness::*;
use copydesk_core::generation::{State, Status};
use copydesk_core::ledger::TransferKind;
use copydesk_core::refusal::Refusal;
use copydesk_core::{GenerationId, MicroCredits, Timestamp};
use copydesk_desk::accept::Request;
use copydesk_desk::credits::{Adjustment, Giving, Grant, Memo, Pack, Refund, Size};
use copydesk_desk::{DeskConfig, DeskError};
use copydesk_providers::ErrorClass;
use copydesk_store::ledger::TransferFilter;
use copydesk_store::{LedgerStore, PageRequest};

fn metered() -> Request {
    Request { recipe: "metered".to_owned(), ..note("tea") }
}

fn memo(user: &str) -> Memo {
    Memo { scope: SCOPE, user: user.to_owned(), reference: None, reason: None, idempotency: None }
}

fn grant(user: &str, amount: &str, reference: &str) -> Grant {
    let memo = Memo { reference: Some(reference.to_owned()), ..memo(user) };
    Grant { memo, kind: None, size: Size::Amount(credits(amount)), expires_at: None }
}

fn refund(generation: GenerationId, amount: Option<&str>) -> Refund {
    let reason = Some("it was not what was asked for".to_owned());
    Refund { scope: SCOPE, generation, amount: amount.map(credits), reference: None, reason, idempotency: None }
}

/// What a refused order is blamed for.
fn pointers<T: std::fmt::Debug>(answer: Result<T, DeskError>) -> Vec<String> {
    let Err(DeskError::Invalid(faults)) = answer else { panic!("{answer:?}") };
    faults.into_iter().map(|fault| fault.pointer).collect()
}

async fn statement(bench: &Bench, generation: GenerationId) -> Vec<(TransferKind, MicroCredits)> {
    let filter = TransferFilter { generation: Some(generation), ..TransferFilter::default() };
    let rows = bench.store.transfers(SCOPE, filter, PageRequest::newest(100)).await.unwrap().rows;
    rows.into_iter().rev().map(|line| (line.entry.transfer.kind, line.entry.transfer.amount)).collect()
}

async fn settled(bench: &Bench, generation: GenerationId) -> MicroCredits {
    let state = bench.completed(generation).await.generation.state;
    let State::Completed { settled, .. } = state else { panic!("{state:?}") };
    settled
}

#[tokio::test]
async fn a_metered_price_follows_the_cost_of_all_steps() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(metered()).await;
    assert_eq!(settled(&bench, receipt.generation).await, credits("3.5"), "two calls: 2.8 credits and a quarter");
    let moved = statement(&bench, receipt.generation).await;
    let (hold, settle, release) = (TransferKind::Hold, TransferKind::Settle, TransferKind::Release);
    assert_eq!(moved, [(hold, credits("5")), (settle, credits("3.5")), (release, credits("1.5"))]);
    assert_eq!(bench.left("ada").await, credits("996.5"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_failed_attempt_is_the_operators_and_the_finished_step_before_it_is_the_users() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("three leaves"), Reply::Fail(ErrorClass::CutOff)]);
    let receipt = node.accept(metered()).await;
    bench.pass_until("it is over", || async { bench.status(receipt.generation).await.is_final() }).await;
    assert_eq!(bench.script.calls(), 3);
    assert_eq!(
        settled(&bench, receipt.generation).await,
        credits("3.5"),
        "the step of the first try and the last call"
    );
    bench.in_order().await;
}

#[tokio::test]
async fn a_metered_generation_that_fails_or_is_cancelled_costs_nothing() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.script.then([Reply::say("three leaves"), Reply::Fail(ErrorClass::Refused)]);
    let receipt = node.accept(metered()).await;
    bench.failed(receipt.generation).await;
    bench.script.then([Reply::say("three leaves"), Reply::Hang]);
    let receipt = node.accept(metered()).await;
    until("the second call is under way", || async { (bench.script.calls(), bench.script.in_flight()) == (4, 1) })
        .await;
    node.desk.cancel(SCOPE, receipt.generation).await.unwrap();
    settle().await;
    assert_eq!((bench.status(receipt.generation).await, bench.left("ada").await), (Status::Cancelled, credits("1000")));
    bench.in_order().await;
}

#[tokio::test]
async fn a_metered_recipe_with_an_unpriced_model_is_refused_before_anything_is_written() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let guess = || Request { recipe: "guess".to_owned(), ..note("tea") };
    let error = node.desk.accept(guess()).await.unwrap_err();
    assert!(matches!(&error, DeskError::UnpricedModel { model, .. } if model == "demo/unlisted"), "{error}");
    assert_eq!((bench.generations().await.len(), bench.drafts().await.len()), (0, 0));
    assert_eq!(bench.left("ada").await, credits("1000"));
    node.accept(Request { model: Some("demo/one".to_owned()), ..guess() }).await;
    let free = bench.idle(DeskConfig::default()).await;
    free.accept(Request { user: Some("bob".to_owned()), ..guess() }).await;
    bench.in_order().await;
}

#[tokio::test]
async fn a_recipe_edited_meanwhile_changes_no_price() {
    let mut bench = Bench::new().await;
    let receipt = bench.idle(config()).await.accept(metered()).await;
    let (_folder, shelf) = recipes::repriced("price = { per_usd = 1, max = 1000 }");
    bench.shelf = shelf;
    let _worker = bench.working(config()).await;
    assert_eq!(settled(&bench, receipt.generation).await, credits("3.5"));
    bench.in_order().await;
}

#[tokio::test]
async fn a_grant_is_made_once_and_makes_its_user() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let first = node.desk.grant(grant("zoe", "12.5", "invoice-1")).await.unwrap();
    let again = node.desk.grant(grant("zoe", "12.5", "invoice-1")).await.unwrap();
    assert_eq!((first.posted, again.posted, again.transfer), (true, false, first.transfer));
    let other = node.desk.grant(grant("zoe", "13", "invoice-1")).await.unwrap_err();
    let words = other.to_string();
    assert!(words.contains("12.5 credits") && words.contains("13 credits"), "both amounts are named: {words}");
    let account = node.desk.account(SCOPE, "zoe").await.unwrap();
    assert_eq!((account.user_external.as_str(), account.balance.available), ("zoe", credits("12.5")));
    bench.in_order().await;
}

#[tokio::test]
async fn a_pack_is_a_purchase_of_its_credits() {
    let bench = Bench::new().await;
    let pack = Pack { credits: credits("110"), title: None, price: Some("$4.99".to_owned()) };
    let packs = [("medium".to_owned(), pack)].into();
    let node = bench.idle(DeskConfig { packs, ..config() }).await;
    let buy = |name: &str| Grant { size: Size::Pack(name.to_owned()), ..grant("ada", "1", "pay-1") };
    let posted = node.desk.grant(buy("medium")).await.unwrap();
    assert_eq!((posted.transfer.kind, posted.transfer.amount), (TransferKind::Purchase, credits("110")));
    assert_eq!(pointers(node.desk.grant(buy("huge")).await), ["/pack"]);
    bench.in_order().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_named_and_nothing_is_written() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let before = bench.balance("ada").await;
    let unnamed = Grant { memo: memo(""), expires_at: Some(START), ..grant("", "1", "r") };
    assert_eq!(pointers(node.desk.grant(unnamed).await), ["/user", "/reference", "/expires_at"]);
    let long = Memo { reason: Some("x".repeat(501)), reference: Some("a\0b".to_owned()), ..memo("ada") };
    let long = Adjustment { memo: long, down: false, amount: credits("1") };
    assert_eq!(pointers(node.desk.adjust(long).await), ["/reference", "/reason"]);
    let groundless = Adjustment { memo: memo("ada"), down: true, amount: credits("1") };
    assert_eq!(pointers(node.desk.adjust(groundless).await), ["/reason"]);
    let to_himself = Giving { memo: memo("ada"), to: user("ada").to_string(), amount: credits("1") };
    assert_eq!(pointers(node.desk.give(to_himself).await), ["/to"]);
    let to_nobody = Giving { memo: memo("ada"), to: "nobody".to_owned(), amount: credits("1") };
    let error = node.desk.give(to_nobody).await.unwrap_err();
    assert_eq!(error, DeskError::NotFound { what: "user", id: "nobody".to_owned() }, "as he was called");
    let zero = node.desk.grant(grant("ada", "0", "zero")).await.unwrap_err();
    assert_eq!(zero, DeskError::Refused(Refusal::AmountZero));
    assert_eq!(bench.balance("ada").await, before);
    bench.in_order().await;
}

#[tokio::test]
async fn a_refund_gives_back_what_was_settled_and_never_more() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let receipt = node.accept(note("tea")).await;
    bench.completed(receipt.generation).await;
    let keyed = |amount| Refund { reference: Some("ticket-7".to_owned()), ..refund(receipt.generation, amount) };
    assert_eq!(node.desk.refund(refund(receipt.generation, Some("2"))).await.unwrap().transfer.amount, credits("2"));
    let error = node.desk.refund(refund(receipt.generation, Some("3.000001"))).await.unwrap_err();
    assert_eq!(error, DeskError::Refused(Refusal::AmountTooLarge));
    assert_eq!(node.desk.refund(keyed(None)).await.unwrap().transfer.amount, credits("3"), "all that is left");
    assert_eq!(bench.left("ada").await, credits("1000"));
    assert_eq!(node.desk.refunded(SCOPE, receipt.generation).await.unwrap(), credits("5"));
    let error = node.desk.refund(refund(receipt.generation, None)).await.unwrap_err();
    assert_eq!(error, DeskError::Refused(Refusal::AmountTooLarge), "nothing is left");
    assert!(!node.desk.refund(keyed(Some("3"))).await.unwrap().posted, "the same again");
    bench.in_order().await;
}

#[tokio::test]
async fn grants_expire_by_themselves_and_a_hold_keeps_its_own() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    let expires_at: Option<Timestamp> = Some(START.plus(seconds(100)));
    node.desk.grant(Grant { expires_at, ..grant("zoe", "12", "trial") }).await.unwrap();
    bench.script.then([Reply::hold("A fine text.")]);
    let receipt = node.accept(Request { user: Some("zoe".to_owned()), ..note("tea") }).await;
    until("the call is under way", || async { bench.script.in_flight() == 1 }).await;
    bench.pass_until("the rest has expired", || async { bench.balance("zoe").await.available.is_zero() }).await;
    assert_eq!(bench.balance("zoe").await.held, credits("5"), "what is held is still good");
    bench.script.release(1);
    bench.completed(receipt.generation).await;
    assert_eq!(bench.left("zoe").await, MicroCredits::ZERO);
    assert_eq!((bench.left("ada").await, node.desk.expire_credits().await), (credits("1000"), Ok(0)));
    bench.in_order().await;
}

#[tokio::test]
async fn without_credits_every_order_says_how_to_switch_them_on() {
    let bench = Bench::new().await;
    let node = bench.idle(DeskConfig::default()).await;
    let off = [
        node.desk.grant(grant("ada", "1", "r")).await.map(drop),
        node.desk.refund(refund(GenerationId(bench.world.uuid(START)), None)).await.map(drop),
        node.desk.account(SCOPE, "ada").await.map(drop),
    ];
    assert_eq!(off, [Err(DeskError::CreditsOff), Err(DeskError::CreditsOff), Err(DeskError::CreditsOff)]);
}
