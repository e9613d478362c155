//! The one writer: a thread that owns the write connection and commits what waits together. It takes one command
//! (waiting for it), drains what has gathered meanwhile, runs each inside its own savepoint, commits once, and only then
//! answers all. There is no timer: the commit under way is the wait, so batches grow with the load and an idle store
//! answers at once. It never checkpoints; see `checkpoint.rs`.

use crate::checkpoint::Bell;
use crate::db::{AtHand, Db, sql};
use crate::fault::{Done, Fault};
use crate::memory::{Memory, Session};
use copydesk_core::job::book::JobBook;
use copydesk_core::metering::totals::Sheet;
use copydesk_store::StoreError;
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// How many commands may wait for the writer; callers beyond it wait without holding a thread.
const QUEUED_MAX: usize = 8_192;
/// How many commands one commit takes.
const COMMIT_COMMANDS_MAX: usize = 2_000;
/// About how many bytes of content one commit takes: what an fsync carries for the price of one page.
const COMMIT_BYTES_MAX: usize = 1_000_000;

const STOPPED: &str = "the writer has stopped";

/// A write on its way: it runs, and after the commit it answers.
trait Command: Send {
    fn run(&mut self, session: &mut Session<'_>) -> Ran;
    /// `end` is what became of the transaction the command ran in.
    fn answer(self: Box<Self>, end: Result<(), StoreError>);
    /// About how much it writes.
    fn bytes(&self) -> usize;
}

#[derive(PartialEq, Eq)]
enum Ran {
    Kept,
    /// It failed by itself: undo it, keep the others.
    Undo,
    /// An I/O error: nothing in this transaction can be trusted.
    Broken(String),
}

/// Why nothing is written any more, once that is so.
#[derive(Clone, Default)]
pub(crate) struct Poison(Arc<OnceLock<String>>);

impl Poison {
    pub fn reason(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
    fn set(&self, why: &str) {
        tracing::error!(error = why, "the database failed while writing; nothing more is written, restart to recover");
        self.0.get_or_init(|| format!("an earlier write failed ({why}); restart to recover from the log"));
    }
}

struct Queued {
    command: Box<dyn Command>,
    _slot: OwnedSemaphorePermit,
}

/// The way to the writer thread. Dropping it lets the thread finish what is queued and waits for that.
pub(crate) struct Writer {
    queue: Option<Sender<Queued>>,
    slots: Arc<Semaphore>,
    poison: Poison,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(
        connection: Connection,
        memory: Memory,
        bell: Bell,
        news: watch::Sender<u64>,
    ) -> Result<Writer, StoreError> {
        let (queue, commands) = crossbeam_channel::bounded(QUEUED_MAX);
        let poison = Poison::default();
        let run = Loop { connection, memory, commands, poison: poison.clone(), bell, news };
        let thread = std::thread::Builder::new()
            .name("copydesk-writer".to_owned())
            .spawn(move || run.run())
            .map_err(|error| StoreError::Unavailable(format!("cannot start the writer thread: {error}")))?;
        Ok(Writer { queue: Some(queue), slots: Arc::new(Semaphore::new(QUEUED_MAX)), poison, thread: Some(thread) })
    }

    pub fn poison(&self) -> Option<&str> {
        self.poison.reason()
    }

    /// Runs `work` in the next commit and answers when that is on disk. Dropping the future before it has its place in
    /// the queue means that nothing was done; after that the work is done whether or not anybody waits.
    pub async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Session<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable(STOPPED.to_owned());
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| stopped())?;
        let (reply, answer) = oneshot::channel();
        let command = Box::new(Work { work: Some(work), outcome: None, reply, bytes });
        // One slot for each place in the channel: this never blocks.
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Queued { command, _slot: slot }).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

struct Work<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    bytes: usize,
}

impl<T: Send, F: FnOnce(&mut Session<'_>) -> Done<T> + Send> Command for Work<T, F> {
    fn run(&mut self, session: &mut Session<'_>) -> Ran {
        let Some(work) = self.work.take() else { return Ran::Undo };
        let ran = catch_unwind(AssertUnwindSafe(|| work(session)))
            .unwrap_or_else(|_| Err(Fault::corrupt("a write met a broken invariant and was undone; see the log")));
        let verdict = match &ran {
            Ok(_) => Ran::Kept,
            Err(fault) if fault.ends_the_store() => Ran::Broken(format!("{fault:?}")),
            Err(_) => Ran::Undo,
        };
        self.outcome = Some(ran.map_err(StoreError::from));
        verdict
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let answer = match (end, self.outcome) {
            // What failed by itself wrote nothing, whatever became of the rest.
            (_, Some(Err(error))) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Err(error), Some(Ok(_)) | None) => Err(error),
            (Ok(()), None) => Err(StoreError::Unavailable(STOPPED.to_owned())),
        };
        // The caller may have hung up; the write stands all the same.
        drop(self.reply.send(answer));
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

struct Loop {
    connection: Connection,
    memory: Memory,
    commands: Receiver<Queued>,
    poison: Poison,
    bell: Bell,
    /// Rises after each commit, for those who follow what is written.
    news: watch::Sender<u64>,
}

impl Loop {
    fn run(mut self) {
        let gate = self.bell.gate();
        while let Ok(first) = self.commands.recv() {
            let mut bytes = first.command.bytes();
            let mut batch = vec![first.command];
            while batch.len() < COMMIT_COMMANDS_MAX && bytes < COMMIT_BYTES_MAX {
                let Ok(next) = self.commands.try_recv() else { break };
                bytes += next.command.bytes();
                batch.push(next.command);
            }
            let writing = gate.enter();
            let end = self.commit(&mut batch);
            drop(writing);
            for command in batch {
                command.answer(end.clone());
            }
            self.news.send_modify(|commits| *commits += 1);
            self.bell.ring();
        }
    }

    /// One transaction for the whole batch.
    fn commit(&mut self, batch: &mut [Box<dyn Command>]) -> Result<(), StoreError> {
        if let Some(why) = self.poison.reason() {
            return Err(StoreError::Unavailable(why.to_owned()));
        }
        self.transact(batch).map_err(|fault| {
            self.memory.forget();
            self.abandon();
            if fault.ends_the_store() {
                self.poison.set(&format!("{fault:?}"));
            }
            fault.into()
        })
    }

    fn transact(&mut self, batch: &mut [Box<dyn Command>]) -> Done<()> {
        let alone = batch.len() == 1;
        let at_hand = AtHand::new(&self.connection);
        let db = Db(&at_hand);
        let mut session = Session { db, memory: &mut self.memory, sheet: Sheet::default(), jobs: JobBook::default() };
        db.execute(sql!("admin/begin"), [])?;
        for command in batch.iter_mut() {
            session.memory.mark();
            session.sheet = Sheet::default();
            session.jobs = JobBook::default();
            if !alone {
                db.execute(sql!("admin/savepoint"), [])?;
            }
            match command.run(&mut session) {
                Ran::Kept => {}
                Ran::Undo => {
                    session.memory.undo();
                    if self.connection.is_autocommit() {
                        // SQLite took the whole transaction back (disk full, out of memory).
                        return Err(StoreError::Unavailable("the transaction was rolled back".to_owned()).into());
                    }
                    let undo = if alone { sql!("admin/rollback") } else { sql!("admin/rollback_to") };
                    db.execute(undo, [])?;
                    if alone {
                        return Ok(());
                    }
                }
                Ran::Broken(why) => {
                    self.poison.set(&why);
                    return Err(StoreError::Unavailable(why).into());
                }
            }
            if !alone {
                db.execute(sql!("admin/release"), [])?;
            }
        }
        match db.execute(sql!("admin/commit"), []) {
            Ok(_) => Ok(()),
            // The commit may stand in the log all the same, and the recovery at the next start decides.
            Err(fault) if fault.ends_the_store() => {
                self.poison.set(&format!("{fault:?}"));
                Err(StoreError::CommitUnknown(StoreError::from(fault).to_string()).into())
            }
            Err(fault) => Err(fault),
        }
    }

    /// Leaves no transaction open, so that the next batch can begin.
    fn abandon(&self) {
        if !self.connection.is_autocommit()
            && let Err(fault) = Db(&self.connection).execute(sql!("admin/rollback"), [])
        {
            self.poison.set(&format!("{fault:?}"));
        }
    }
}

#[cfg(test)]
mod tests;
