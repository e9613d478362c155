//! Checkpoints, away from the writer: a second connection moves the write-ahead log into the database. The writer rings
//! a bell after each commit and never waits for it. Nothing is acknowledged here, so nothing here can lose anything.

use crate::db::{Db, sql};
use crate::fault::Done;
use copydesk_store::StoreError;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::Connection;
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes in the log that are not in the database yet: beyond it, copy them.
const PASSIVE_BYTES: i64 = 16 << 20;
/// Size of the log file: beyond it, shorten it when nobody writes.
const TRUNCATE_BYTES: i64 = 64 << 20;
/// Size of the log file beyond which a long reader must be in the way: say so.
const WARN_BYTES: i64 = 512 << 20;
/// No commit for this long means that nobody writes.
const IDLE: Duration = Duration::from_secs(2);
const PAGE_BYTES: i64 = 4_096;

/// What the writer rings after a commit.
pub(crate) struct Bell(Sender<()>);

impl Bell {
    pub fn ring(&self) {
        // Full means that it was rung already and not heard yet.
        if self.0.try_send(()).is_err() {}
    }
}

pub(crate) struct Checkpointer {
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// The thread ends when the bell is dropped.
    pub fn start(connection: Connection) -> Result<(Checkpointer, Bell), StoreError> {
        let (bell, heard) = crossbeam_channel::bounded(1);
        let thread = std::thread::Builder::new()
            .name("copydesk-checkpoint".to_owned())
            .spawn(move || run(&connection, &heard))
            .map_err(|error| StoreError::Unavailable(format!("cannot start the checkpoint thread: {error}")))?;
        Ok((Checkpointer { thread: Some(thread) }, Bell(bell)))
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

fn run(connection: &Connection, heard: &Receiver<()>) {
    let mut idle_done = true;
    loop {
        let step = match heard.recv_timeout(if idle_done { Duration::MAX } else { IDLE }) {
            Ok(()) => {
                idle_done = false;
                busy(connection)
            }
            Err(RecvTimeoutError::Timeout) => {
                idle_done = true;
                idle(connection)
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Err(fault) = step {
            tracing::warn!(error = ?fault, "a checkpoint failed; the log grows until one succeeds");
        }
    }
}

/// How far the log is: frames in it, and frames copied into the database.
struct Log {
    frames: i64,
    copied: i64,
}

fn ask(connection: &Connection, sql: &'static str) -> Done<Log> {
    let log = Db(connection).first(sql, [], |row| Ok(Log { frames: row.get(1)?, copied: row.get(2)? }))?;
    Ok(log.unwrap_or(Log { frames: 0, copied: 0 }))
}

fn busy(connection: &Connection) -> Done<()> {
    let log = ask(connection, sql!("admin/checkpoint_state"))?;
    if (log.frames - log.copied) * PAGE_BYTES > PASSIVE_BYTES {
        let after = ask(connection, sql!("admin/checkpoint_passive"))?;
        if after.frames * PAGE_BYTES > WARN_BYTES {
            tracing::warn!(frames = after.frames, copied = after.copied, "the write-ahead log is large: a long read?");
        }
    }
    Ok(())
}

fn idle(connection: &Connection) -> Done<()> {
    let log = ask(connection, sql!("admin/checkpoint_state"))?;
    if log.frames * PAGE_BYTES > TRUNCATE_BYTES {
        ask(connection, sql!("admin/checkpoint_truncate"))?;
    }
    Ok(())
}
