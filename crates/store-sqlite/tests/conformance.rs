//! The conformance suite on this engine. There is no second process: the folder belongs to one.

#![allow(clippy::unwrap_used)]

use copydesk_store_sqlite::{Options, SqliteStore};
use copydesk_store_tests::{Fixture, Setup, differential};
use std::sync::Arc;

async fn fixture(setup: Setup) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { waiting_max: setup.waiting_max, ..Options::default() };
    let store = SqliteStore::open(folder.path(), options).unwrap();
    Fixture::new(Arc::new(store)).keeping(folder)
}

copydesk_store_tests::conformance!(fixture);

#[tokio::test]
async fn random_operations_end_as_in_the_model() {
    for seed in 0..12 {
        let Fixture { store, keep, .. } = fixture(Setup::default()).await;
        differential(store, seed, 300).await;
        drop(keep);
    }
}
