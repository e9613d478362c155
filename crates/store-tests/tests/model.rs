//! The model passes the suite it is the oracle of, and the random walk goes everywhere it should.

use copydesk_core::generation::Status;
use copydesk_core::ledger::TransferKind;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_store::Scope;
use copydesk_store::usage::CallFilter;
use copydesk_store_tests::suite::random::STEPS;
use copydesk_store_tests::{Bench, Fixture, ModelStore, Setup, differential};
use std::collections::BTreeSet;
use std::sync::Arc;

async fn fixture(setup: Setup) -> Fixture {
    let store = ModelStore::with_waiting_max(setup.waiting_max);
    Fixture::new(Arc::new(store.clone())).with_other(Arc::new(store))
}

copydesk_store_tests::conformance!(fixture);

/// A comparison that never meets a case proves nothing about it.
#[tokio::test]
async fn the_random_walk_meets_every_status_origin_outcome_transfer_and_queue() {
    let (mut statuses, mut origins) = (BTreeSet::new(), BTreeSet::new());
    let (mut outcomes, mut kinds, mut events) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut queues = BTreeSet::new();
    for seed in 1..=3 {
        let store = Arc::new(ModelStore::new());
        differential(store.clone(), seed, STEPS).await;
        let bench = Bench::over(store, 2);
        let world = bench.snapshot(Scope::DEFAULT).await;
        for row in &world.generations {
            statuses.insert(row.status().as_str());
            origins.extend(row.origin.clone());
            queues.insert((row.recipe.clone(), row.model.clone()));
        }
        events.extend(world.events.iter().map(|event| event.kind.clone()));
        kinds.extend(world.transfers.iter().map(|row| row.transfer.kind.as_str()));
        let calls = bench.calls_of(Scope::DEFAULT, CallFilter::default()).await;
        outcomes.extend(calls.iter().filter_map(|call| call.closed.as_ref()).map(|(_, call)| call.outcome.as_str()));
    }
    assert_eq!(statuses.len(), Status::ALL.len(), "{statuses:?}");
    assert_eq!(origins.into_iter().collect::<Vec<_>>(), ["fallback", "generated", "stopped"]);
    assert_eq!(outcomes.len(), CallOutcome::ALL.len(), "{outcomes:?}");
    assert_eq!(kinds.len(), TransferKind::ALL.len(), "{kinds:?}");
    assert_eq!(events.len(), 14, "{events:?}");
    assert_eq!(queues.len(), 6, "{queues:?}");
}
