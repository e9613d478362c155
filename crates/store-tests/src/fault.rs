//! [`FaultyStore`]: a store that fails on purpose. The next calls of a named method fail with a given error, either
//! before they reach the store (nothing is written) or after it answered (the write happened and the caller does not
//! know: a lost commit answer). Everything else passes through untouched.

use crate::contract::*;
use copydesk_store::{Store, StoreError};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// When a planned failure strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Nothing reaches the store.
    Before,
    /// The store has done it; only the answer is lost.
    After,
}

#[derive(Clone, Debug)]
struct Fault {
    method: Method,
    when: When,
    error: StoreError,
}

/// A store behind a plan of failures. Clones share the plan and the store.
#[derive(Clone)]
pub struct FaultyStore<S> {
    inner: S,
    plan: Arc<Mutex<Plan>>,
    held: watch::Sender<Option<Method>>,
}

#[derive(Default)]
struct Plan {
    faults: VecDeque<Fault>,
    injected: u64,
    calls: HashMap<Method, u64>,
}

impl<S: Store> FaultyStore<S> {
    pub fn new(inner: S) -> FaultyStore<S> {
        FaultyStore { inner, plan: Arc::new(Mutex::new(Plan::default())), held: watch::Sender::new(None) }
    }

    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The next `n` calls of `method` fail with `error`. Plans for one method are used up in the order they were made.
    pub fn fail_next(&self, method: Method, n: usize, when: When, error: StoreError) {
        let fault = Fault { method, when, error };
        self.plan().faults.extend(std::iter::repeat_n(fault, n));
    }

    /// The next `n` turns or accepts are written, and their callers told that nobody knows.
    pub fn lose_next_commit(&self, method: Method, n: usize) {
        let error = StoreError::CommitUnknown("the connection broke (injected)".to_owned());
        self.fail_next(method, n, When::After, error);
    }

    /// Calls of `method` do not reach the store until [`FaultyStore::let_go`].
    pub fn hold(&self, method: Method) {
        self.held.send_replace(Some(method));
    }

    pub fn let_go(&self) {
        self.held.send_replace(None);
    }

    /// Takes every planned failure back.
    pub fn heal(&self) {
        self.plan().faults.clear();
    }

    /// How many failures were injected so far, to be compared with how many surfaced.
    pub fn injected(&self) -> u64 {
        self.plan().injected
    }

    /// How often a method was called so far.
    pub fn called(&self, method: Method) -> u64 {
        self.plan().calls.get(&method).copied().unwrap_or_default()
    }

    /// How many planned failures have not struck yet.
    pub fn planned(&self) -> usize {
        self.plan().faults.len()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_fault(&self, method: Method) -> Option<Fault> {
        let mut plan = self.plan();
        *plan.calls.entry(method).or_default() += 1;
        let at = plan.faults.iter().position(|fault| fault.method == method)?;
        plan.injected += 1;
        plan.faults.remove(at)
    }

    async fn through<T>(
        &self,
        method: Method,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = self.next_fault(method);
        // The sender lives in `self`.
        drop(self.held.subscribe().wait_for(|held| *held != Some(method)).await);
        match fault {
            Some(Fault { when: When::Before, error, .. }) => Err(error),
            Some(Fault { when: When::After, error, .. }) => {
                // The answer is lost on purpose: that is what the caller lives through.
                drop(call.await);
                Err(error)
            }
            None => call.await,
        }
    }
}

crate::pass_through! { [impl<S: Store>] FaultyStore<S> }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{self, Ids};
    use crate::model::ModelStore;

    #[tokio::test]
    async fn a_lost_commit_is_written_and_a_refused_one_is_not() {
        let store = FaultyStore::new(ModelStore::new());
        let ids = Ids::new();
        let (first, second) = (builder::accept(&ids, builder::START), builder::accept(&ids, builder::START));
        store.fail_next(Method::Accept, 1, When::Before, StoreError::Busy("injected".to_owned()));
        store.lose_next_commit(Method::Accept, 1);

        let busy = store.accept(vec![first.clone()]).await.unwrap_err();
        assert!(busy.retryable());
        assert!(store.get(Scope::DEFAULT, first.generation).await.is_err());
        let unknown = store.accept(vec![second.clone()]).await.unwrap_err();
        assert!(matches!(unknown, StoreError::CommitUnknown(_)));
        assert!(store.get(Scope::DEFAULT, second.generation).await.is_ok());
        assert!(store.accept(vec![first]).await.is_ok(), "the plan is used up");
        assert_eq!((store.injected(), store.planned()), (2, 0));
    }
}
