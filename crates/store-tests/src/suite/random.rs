//! Random walks, compared with the model step by step; after each, the auditor must find nothing.

use crate::bench::Bench;
use crate::differential::{books, differential};
use std::sync::Arc;

/// So many that the walks together meet everything; `tests/model.rs` checks it.
pub const STEPS: usize = 600;

pub async fn a_random_walk_equals_the_model_seed_1(t: Arc<Bench>) {
    differential(t.store.clone(), 1, STEPS).await;
}

pub async fn a_random_walk_equals_the_model_seed_2(t: Arc<Bench>) {
    differential(t.store.clone(), 2, STEPS).await;
}

pub async fn a_random_walk_equals_the_model_seed_3(t: Arc<Bench>) {
    differential(t.store.clone(), 3, STEPS).await;
}

/// Over so many moves each kind of end meets each other one, in the same quarter and in another.
const BOOKS_STEPS: usize = 250;

pub async fn a_random_walk_of_the_books_equals_the_models_sums_seed_1(t: Arc<Bench>) {
    books(t.store.clone(), 1, BOOKS_STEPS).await;
}

pub async fn a_random_walk_of_the_books_equals_the_models_sums_seed_2(t: Arc<Bench>) {
    books(t.store.clone(), 2, BOOKS_STEPS).await;
}

pub async fn a_random_walk_of_the_books_equals_the_models_sums_seed_3(t: Arc<Bench>) {
    books(t.store.clone(), 3, BOOKS_STEPS).await;
}
