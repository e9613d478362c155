//! One process's line to the database: it can be cut for good (the process died), cut right after the next call of a
//! method (died while waiting for the answer), or held there for a while. The database behind it lives on.

use copydesk_desk::clock::{Clock, HandClock};
use copydesk_store::StoreError;
use copydesk_store_tests::contract::*;
use copydesk_store_tests::{FaultyStore, ModelStore};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

#[derive(Clone)]
pub struct Plug {
    inner: Clocked,
    state: Arc<State>,
}

/// The store; its own `now` comes before the store's.
#[derive(Clone)]
struct Clocked {
    store: FaultyStore<ModelStore>,
    /// Where the database has a clock of its own.
    clock: Option<Arc<HandClock>>,
}

impl Clocked {
    async fn now(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.clock.as_ref().map(|clock| clock.now()))
    }
}

impl Deref for Clocked {
    type Target = FaultyStore<ModelStore>;

    fn deref(&self) -> &FaultyStore<ModelStore> {
        &self.store
    }
}

struct State {
    dead: AtomicBool,
    dies_after: Mutex<Option<Method>>,
    /// The next answer of this method is held back until `released` rises.
    hold_next: Mutex<Option<Method>>,
    released: watch::Sender<u32>,
    /// Calls of this method do not reach the database.
    blocked: watch::Sender<Option<Method>>,
    waiting: AtomicUsize,
}

impl Plug {
    pub fn new(store: FaultyStore<ModelStore>, clock: Option<Arc<HandClock>>) -> Plug {
        let state = State {
            dead: AtomicBool::new(false),
            dies_after: Mutex::new(None),
            hold_next: Mutex::new(None),
            released: watch::Sender::new(0),
            blocked: watch::Sender::new(None),
            waiting: AtomicUsize::new(0),
        };
        Plug { inner: Clocked { store, clock }, state: Arc::new(state) }
    }
    pub fn kill(&self) {
        self.state.dead.store(true, Ordering::SeqCst);
    }
    pub fn is_dead(&self) -> bool {
        self.state.dead.load(Ordering::SeqCst)
    }
    /// The next call of `method` is carried out, and the process dies before it hears of it.
    pub fn die_after(&self, method: Method) {
        *self.state.dies_after.lock().unwrap() = Some(method);
    }
    /// The next call of `method` is carried out, but its answer waits for [`Plug::let_go`].
    pub fn hold_next(&self, method: Method) {
        *self.state.hold_next.lock().unwrap() = Some(method);
    }
    pub fn let_go(&self) {
        self.state.released.send_modify(|n| *n += 1);
    }
    /// Calls of `method` do not reach the database until [`Plug::unblock`].
    pub fn block(&self, method: Method) {
        self.state.blocked.send_replace(Some(method));
    }
    pub fn unblock(&self) {
        self.state.blocked.send_replace(None);
    }
    /// How many answers are held back.
    pub fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::SeqCst)
    }

    async fn through<T>(
        &self,
        method: Method,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.is_dead() {
            return std::future::pending().await;
        }
        self.state.blocked.subscribe().wait_for(|blocked| *blocked != Some(method)).await.unwrap();
        let answer = call.await;
        if self.state.dies_after.lock().unwrap().take_if(|dying| *dying == method).is_some() {
            self.kill();
        }
        if self.state.hold_next.lock().unwrap().take_if(|held| *held == method).is_some() {
            let before = *self.state.released.borrow();
            self.state.waiting.fetch_add(1, Ordering::SeqCst);
            self.state.released.subscribe().wait_for(|released| *released > before).await.unwrap();
            self.state.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        if self.is_dead() {
            return std::future::pending().await;
        }
        answer
    }
}

copydesk_store_tests::pass_through! { [impl] Plug }
