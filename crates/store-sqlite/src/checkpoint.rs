//! Checkpoints, away from the writer: a second connection moves the write-ahead log into the database. The writer rings
//! a bell after each commit and never waits for the copying. Only for the last stretch, when all but the newest commits
//! are copied, it is held at the gate for a moment, so that the log can begin anew: under steady load a log that is
//! never caught up with would grow for ever. Nothing is acknowledged here, so nothing here can lose anything.

use crate::db::{Db, sql};
use crate::fault::Done;
use copydesk_store::StoreError;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes in the log that are not in the database yet: beyond it, copy them.
const PASSIVE_BYTES: i64 = 16 << 20;
/// Length of the log beyond which it is begun anew.
const RESTART_BYTES: i64 = 64 << 20;
/// What may be left to copy while the writer is held at the gate.
const RESTART_REST_BYTES: i64 = 16 << 20;
/// How long readers of the log are waited for with the writer at the gate.
const RESTART_WAIT: Duration = Duration::from_millis(50);
/// Size of the log file: beyond it, shorten it when nobody writes.
const TRUNCATE_BYTES: u64 = 64 << 20;
/// Length of the log beyond which a long reader must be in the way: say so.
const WARN_BYTES: i64 = 512 << 20;
/// No commit for this long means that nobody writes.
const IDLE: Duration = Duration::from_secs(2);
const PAGE_BYTES: i64 = 4_096;

/// The writer passes it for each commit. Who waits at the turnstile is next, so neither side can starve the other.
#[derive(Default)]
pub(crate) struct Gate {
    turnstile: Mutex<()>,
    inside: Mutex<()>,
}

impl Gate {
    /// Until the guard is dropped nobody else is inside.
    pub fn enter(&self) -> MutexGuard<'_, ()> {
        // Nothing is guarded but time, so a panic under the lock leaves nothing broken.
        let _next = self.turnstile.lock().unwrap_or_else(PoisonError::into_inner);
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's side.
pub(crate) struct Bell {
    rung: Sender<()>,
    gate: Arc<Gate>,
}

impl Bell {
    /// To be entered for each transaction.
    pub fn gate(&self) -> Arc<Gate> {
        self.gate.clone()
    }

    /// There is a new commit.
    pub fn ring(&self) {
        // Full means that it was rung already and not heard yet.
        if self.rung.try_send(()).is_err() {}
    }
}

pub(crate) struct Checkpointer {
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// The thread ends when the bell is dropped.
    pub fn start(connection: Connection) -> Result<(Checkpointer, Bell), StoreError> {
        let unavailable = |error: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("cannot start the checkpoint thread: {error}"))
        };
        connection.busy_timeout(RESTART_WAIT).map_err(|error| unavailable(&error))?;
        let file = connection.path().map(|path| PathBuf::from(format!("{path}-wal")));
        let (rung, heard) = crossbeam_channel::bounded(1);
        let gate = Arc::new(Gate::default());
        let run = Loop { connection, file, heard, gate: gate.clone(), restart_beyond: RESTART_BYTES };
        let thread = std::thread::Builder::new()
            .name("copydesk-checkpoint".to_owned())
            .spawn(move || run.run())
            .map_err(|error| unavailable(&error))?;
        Ok((Checkpointer { thread: Some(thread) }, Bell { rung, gate }))
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

struct Loop {
    connection: Connection,
    /// The log file.
    file: Option<PathBuf>,
    heard: Receiver<()>,
    gate: Arc<Gate>,
    /// Length of the log at which it is begun anew; more after a reader was in the way.
    restart_beyond: i64,
}

/// How far the log is. Units: bytes, without the frames' headers.
struct Log {
    length: i64,
    copied: i64,
    /// Somebody was in the way.
    blocked: bool,
}

impl Loop {
    fn run(mut self) {
        let mut idle_done = true;
        loop {
            let step = match self.heard.recv_timeout(if idle_done { Duration::MAX } else { IDLE }) {
                Ok(()) => {
                    idle_done = false;
                    self.busy()
                }
                Err(RecvTimeoutError::Timeout) => {
                    idle_done = true;
                    self.idle()
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(fault) = step {
                tracing::warn!(error = ?fault, "a checkpoint failed; the log grows until one succeeds");
            }
        }
    }

    fn ask(&self, sql: &'static str) -> Done<Log> {
        let log = Db(&self.connection).first(sql, [], |row| {
            let (length, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(Log { length: length * PAGE_BYTES, copied: copied * PAGE_BYTES, blocked: row.get(0)? })
        })?;
        Ok(log.unwrap_or(Log { length: 0, copied: 0, blocked: false }))
    }

    fn busy(&mut self) -> Done<()> {
        let log = self.ask(sql!("admin/checkpoint_state"))?;
        if log.length - log.copied <= PASSIVE_BYTES {
            return Ok(());
        }
        let after = self.ask(sql!("admin/checkpoint_passive"))?;
        // What was committed while the copying went on counts as well.
        let now = self.ask(sql!("admin/checkpoint_state"))?;
        if now.length <= self.restart_beyond {
            return Ok(());
        }
        if after.copied == after.length {
            // All that was there is copied. If much has come meanwhile, the next commit's bell finds less.
            if now.length - after.copied > RESTART_REST_BYTES {
                return Ok(());
            }
            if self.restart()? {
                self.restart_beyond = RESTART_BYTES;
                return Ok(());
            }
        }
        // A reader is in the way: do not hold the writer up for it again soon.
        self.restart_beyond = now.length + RESTART_BYTES;
        if now.length > WARN_BYTES {
            tracing::warn!(bytes = now.length, "the write-ahead log is large: a long read holds it");
        }
        Ok(())
    }

    /// Copies the rest and lets the next commit begin the log anew. Whether it worked.
    fn restart(&self) -> Done<bool> {
        let _held = self.gate.enter();
        Ok(!self.ask(sql!("admin/checkpoint_restart"))?.blocked)
    }

    fn idle(&self) -> Done<()> {
        let size = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |file| file.len());
        if size > TRUNCATE_BYTES {
            let _held = self.gate.enter();
            self.ask(sql!("admin/checkpoint_truncate"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_writer_does_not_make_the_log_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let writer = Connection::open(&file).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        writer.execute_batch("CREATE TABLE t (x BLOB) STRICT").unwrap();
        let (checkpointer, bell) = Checkpointer::start(Connection::open(&file).unwrap()).unwrap();
        let gate = bell.gate();
        // About 600 MB of log, rewritten over the same pages.
        writer.execute("INSERT INTO t VALUES (zeroblob(2000000))", []).unwrap();
        for _ in 0..300 {
            let writing = gate.enter();
            writer.execute("UPDATE t SET x = randomblob(2000000)", []).unwrap();
            drop(writing);
            bell.ring();
        }
        let size = folder.path().join("test.db-wal").metadata().unwrap().len();
        assert!(size < 300 << 20, "the log is {} MB", size >> 20);
        drop(bell);
        drop(checkpointer);
    }
}
