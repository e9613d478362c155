//! The conformance suite on this engine. There is no second process: the folder belongs to one.

use copydesk_store_sqlite::{Options, SqliteStore};
use copydesk_store_tests::{Fixture, Setup};
use std::sync::Arc;

async fn fixture(setup: Setup) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { waiting_max: setup.waiting_max, ..Options::default() };
    let store = SqliteStore::open(folder.path(), options).unwrap();
    Fixture::new(Arc::new(store)).keeping(folder)
}

copydesk_store_tests::conformance!(fixture);
