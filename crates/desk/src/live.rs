//! What is being written right now, in memory: the text of running attempts for those who watch, and a signal whenever a
//! generation changed. Nothing here is a record; whoever misses a signal reads the store.

use copydesk_core::GenerationId;
use copydesk_core::generation::AttemptNo;
use copydesk_providers::DeltaSink;
use copydesk_store::generations::Run;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// How many unread signals a slow watcher may pile up before it must read the store instead.
const SIGNALS_MAX: usize = 4_096;

/// The text of one attempt as far as it has come.
pub struct LiveText {
    text: Mutex<String>,
    length: watch::Sender<usize>,
}

impl LiveText {
    fn new() -> LiveText {
        LiveText { text: Mutex::new(String::new()), length: watch::Sender::new(0) }
    }
    /// Everything from byte `offset` on; the offset must be one that this text handed out.
    pub fn after(&self, offset: usize) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.get(offset..).unwrap_or_default().to_owned()
    }
    pub fn bytes(&self) -> usize {
        *self.length.borrow()
    }
    /// Resolves when there is more than `offset` bytes; never, when the attempt ends first.
    pub async fn grown_beyond(&self, offset: usize) {
        if self.length.subscribe().wait_for(|length| *length > offset).await.is_err() {
            // The sender lives in `self`, so this cannot happen while we are borrowed from it.
            futures::future::pending::<()>().await;
        }
    }
}

impl DeltaSink for LiveText {
    fn delta(&self, piece: &str) {
        let length = {
            let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(piece);
            text.len()
        };
        self.length.send_replace(length);
    }
}

/// One running attempt: its text, and the token that stops it.
#[derive(Clone)]
pub struct Running {
    pub attempt: AttemptNo,
    pub text: Arc<LiveText>,
    pub stop: CancellationToken,
}

/// All that runs in this process.
pub struct Live {
    table: Mutex<Table>,
    changed: broadcast::Sender<GenerationId>,
    /// The parent of every attempt's token: one that begins after a [`Live::stop_all`] is stopped from the start.
    all: CancellationToken,
}

#[derive(Default)]
struct Table {
    running: HashMap<GenerationId, Running>,
    /// A claim is on its way to the store: what it brings is not in `running` yet.
    claiming: bool,
    /// Attempts that were ended while the claim that brings them was under way. Empty unless `claiming`.
    stopped_early: HashSet<(GenerationId, AttemptNo)>,
}

impl Default for Live {
    fn default() -> Self {
        Live { table: Mutex::default(), changed: broadcast::Sender::new(SIGNALS_MAX), all: CancellationToken::new() }
    }
}

impl Live {
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// From here to [`Live::claim_ended`] a stop may name an attempt that has not begun yet.
    pub(crate) fn claim_begins(&self) {
        self.table().claiming = true;
    }
    pub(crate) fn claim_ended(&self) {
        let mut table = self.table();
        table.claiming = false;
        table.stopped_early.clear();
    }
    pub(crate) fn begin(&self, id: GenerationId, attempt: AttemptNo) -> Running {
        let running = Running { attempt, text: Arc::new(LiveText::new()), stop: self.all.child_token() };
        let mut table = self.table();
        if table.stopped_early.remove(&(id, attempt)) {
            running.stop.cancel();
        }
        table.running.insert(id, running.clone());
        running
    }
    /// Names the attempt, because a late one must not take its successor's entry along.
    pub(crate) fn end(&self, id: GenerationId, attempt: AttemptNo) {
        let mut table = self.table();
        if table.running.get(&id).is_some_and(|running| running.attempt == attempt) {
            table.running.remove(&id);
        }
    }
    /// Tells this attempt, and no later one, that its end was written by somebody else.
    pub(crate) fn stop(&self, id: GenerationId, attempt: AttemptNo) {
        let mut table = self.table();
        match table.running.get(&id).filter(|running| running.attempt == attempt) {
            Some(running) => running.stop.cancel(),
            None if table.claiming => drop(table.stopped_early.insert((id, attempt))),
            None => {}
        }
    }
    pub fn find(&self, id: GenerationId) -> Option<Running> {
        self.table().running.get(&id).cloned()
    }
    pub(crate) fn runs(&self) -> Vec<Run> {
        let table = self.table();
        table.running.iter().map(|(id, running)| Run { generation: *id, attempt: running.attempt }).collect()
    }
    pub fn count(&self) -> usize {
        self.table().running.len()
    }
    pub(crate) fn stop_all(&self) {
        self.all.cancel();
    }
    /// Tells all watchers that `id` changed in the store.
    pub(crate) fn signal(&self, id: GenerationId) {
        // No watcher is no fault.
        drop(self.changed.send(id));
    }
    pub fn watch(&self) -> broadcast::Receiver<GenerationId> {
        self.changed.subscribe()
    }
}
