//! The conformance suite on this engine, each check in a namespace of its own, with a second process's handle.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use copydesk_store_postgres::{Options, PostgresStore};
use copydesk_store_tests::{Fixture, Setup};
use std::sync::Arc;

async fn fixture(setup: Setup) -> Fixture {
    let namespace = support::Namespace::new().await;
    let options = Options { waiting_max: setup.waiting_max, ..namespace.options() };
    let store = PostgresStore::connect(&support::url(), options.clone()).await.unwrap();
    let other = PostgresStore::connect(&support::url(), options).await.unwrap();
    Fixture::new(Arc::new(store)).with_other(Arc::new(other)).keeping(namespace)
}

copydesk_store_tests::conformance!(fixture);
