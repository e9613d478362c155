//! Reads: a few threads, each with its own read-only connection. A read is one snapshot, however many statements it
//! takes, and never waits for the writer. Never writes.

use crate::db::Db;
use crate::fault::Done;
use copydesk_store::StoreError;
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How many reads may wait for a connection; callers beyond it wait without holding a thread.
const QUEUED_MAX: usize = 1_024;

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

struct Queued {
    read: Read,
    _slot: OwnedSemaphorePermit,
}

pub(crate) struct Readers {
    queue: Option<Sender<Queued>>,
    slots: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub fn start(connections: Vec<Connection>) -> Result<Readers, StoreError> {
        let (queue, reads) = crossbeam_channel::bounded(QUEUED_MAX);
        let threads = connections
            .into_iter()
            .map(|connection| {
                let reads = reads.clone();
                std::thread::Builder::new().name("copydesk-reader".to_owned()).spawn(move || run(connection, &reads))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| StoreError::Unavailable(format!("cannot start a reader thread: {error}")))?;
        Ok(Readers { queue: Some(queue), slots: Arc::new(Semaphore::new(QUEUED_MAX)), threads })
    }

    /// Runs `work` in one snapshot of the database.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(Db<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable("the readers have stopped".to_owned());
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| stopped())?;
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            // The caller may have hung up.
            drop(reply.send(snapshot(connection, work)));
        });
        // One slot for each place in the channel: this never blocks.
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Queued { read, _slot: slot }).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader thread panicked");
            }
        }
    }
}

/// All statements of `work` see the same state.
pub(crate) fn snapshot<T>(connection: &mut Connection, work: impl FnOnce(Db<'_>) -> Done<T>) -> Result<T, StoreError> {
    let run = || -> Done<T> {
        // Dropped at the end, which ends a transaction that read only.
        let transaction = connection.transaction()?;
        work(Db(&*transaction))
    };
    run().map_err(StoreError::from)
}

fn run(mut connection: Connection, reads: &Receiver<Queued>) {
    while let Ok(Queued { read, _slot }) = reads.recv() {
        drop(_slot);
        // A broken invariant in one read must not take the connection away from the others.
        if catch_unwind(AssertUnwindSafe(|| read(&mut connection))).is_err() {
            tracing::error!("a read met a broken invariant");
        }
    }
}
