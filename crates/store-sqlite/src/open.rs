//! Opening a store: folder, database file, migrations, schema check, threads. Whatever is wrong is said here, before
//! the first request, and never at click time.

use crate::budgets;
use crate::checkpoint::Checkpointer;
use crate::db::Db;
use crate::fault::Done;
use crate::folder::DataFolder;
use crate::memory::{Memory, Session};
use crate::migrate::{self, MIGRATIONS};
use crate::readers::{self, Readers};
use crate::schema;
use crate::writer::Writer;
use copydesk_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::watch;

/// The first SQLite without the write-ahead-log reset bug.
const SQLITE_OLDEST: i32 = 3_051_003;
const PAGE_BYTES: i64 = 4_096;
/// Units: KiB; the sign is SQLite's way to say so.
const WRITER_CACHE_KIB: i64 = -65_536;
const READER_CACHE_KIB: i64 = -16_384;
/// How long a connection waits for another one of this process (a checkpoint that shortens the log).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// All statements of the crate, with room.
const STATEMENTS: usize = 256;

/// What an installation may choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// How many reads run at the same time. At least 1.
    pub read_connections: usize,
    /// How many generations may wait; accepts beyond it are refused with `queue_full`.
    pub waiting_max: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { read_connections: 3, waiting_max: 1_000_000 }
    }
}

/// The store on one SQLite file. Dropping it finishes the writes that were queued and gives the folder free.
pub struct SqliteStore {
    // Dropped in this order: the writer rings the checkpointer, and the folder stays ours until all have ended.
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    /// How many budgets are in force or being set. Sometimes one too many, where setting one failed or nobody waited for
    /// it; never too few.
    pub(crate) budgets_in_force: AtomicUsize,
    _checkpointer: Checkpointer,
    pub(crate) folder: DataFolder,
    /// Rises after each commit.
    pub(crate) news: watch::Sender<u64>,
}

impl SqliteStore {
    /// Opens the database in `folder`, makes it when there is none, migrates it when it is older.
    ///
    /// Errors: `Held` when another process (or this one) has it open; `Unavailable` when the folder cannot be used;
    /// `TooNew`; `SchemaMismatch` with what mends it.
    pub fn open(folder: &Path, options: Options) -> Result<SqliteStore, StoreError> {
        if rusqlite::version_number() < SQLITE_OLDEST {
            return Err(StoreError::Unavailable(format!("SQLite {} is too old", rusqlite::version())));
        }
        let folder = DataFolder::take(folder)?;
        let file = folder.database();
        let mut connection = open_writer(&file)?;
        migrate::run(&mut connection, MIGRATIONS, Some(&file))?;
        let faults = schema::check(Db(&connection), MIGRATIONS)?;
        if !faults.is_empty() {
            return Err(StoreError::SchemaMismatch(faults));
        }
        crate::generations::forget_nodes(Db(&connection))?;
        let in_force = budgets::all(Db(&connection))?.iter().filter(|budget| budget.is_in_force()).count();
        let (checkpointer, bell) = Checkpointer::start(open_checkpointer(&file)?)?;
        let readers = (0..options.read_connections.max(1)).map(|_| open_reader(&file)).collect::<Result<_, _>>()?;
        let news = watch::Sender::new(0);
        Ok(SqliteStore {
            writer: Writer::start(connection, Memory::new(options.waiting_max), bell, news.clone())?,
            readers: Readers::start(readers)?,
            budgets_in_force: AtomicUsize::new(in_force),
            _checkpointer: checkpointer,
            folder,
            news,
        })
    }

    /// The schema version this program brings a database to.
    pub fn known_schema_version() -> i64 {
        migrate::known(MIGRATIONS)
    }

    /// The schema version of the open database.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        self.read(migrate::version).await
    }

    /// Why nothing is written any more: an I/O error after which only a restart helps. `None` while all is well.
    pub fn poisoned(&self) -> Option<&str> {
        self.writer.poison()
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Session<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(bytes, work).await
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Db<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(work).await
    }

    /// A long read on a thread and a connection of its own, so that it keeps nobody waiting.
    pub(crate) async fn read_apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(Db<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut connection = open_reader(&self.folder.database())?;
        let (reply, answer) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("copydesk-long-read".to_owned())
            // The caller may have hung up.
            .spawn(move || drop(reply.send(readers::snapshot(&mut connection, work))))
            .map_err(|error| StoreError::Unavailable(format!("cannot start a thread: {error}")))?;
        answer.await.map_err(|_| StoreError::Corrupt("a long read met a broken invariant".to_owned()))?
    }
}

fn open_file(file: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let unusable = |error: rusqlite::Error| StoreError::Unavailable(format!("cannot open {}: {error}", file.display()));
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(unusable)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(unusable)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not depend on bound values, so no statement is ever prepared again because of one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(unusable)?;
    Ok(connection)
}

fn open_writer(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open_file(file, flags)?;
    let set = || -> Done<bool> {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        durable(&connection)?;
        connection.pragma_update(None, "cache_size", WRITER_CACHE_KIB)?;
        Ok(connection.is_readonly("main")?)
    };
    let read_only = set().map_err(|fault| at(file, fault.into()))?;
    if read_only {
        return Err(StoreError::Unavailable(format!("{} cannot be written: it is read-only", file.display())));
    }
    Ok(connection)
}

/// What every connection that writes (rows or checkpoints) is held to.
fn durable(connection: &Connection) -> Done<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

fn open_checkpointer(file: &Path) -> Result<Connection, StoreError> {
    let connection = open_file(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    durable(&connection).map_err(|fault| at(file, fault.into()))?;
    Ok(connection)
}

fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    // Not SQLITE_OPEN_READ_ONLY: the reader of a write-ahead log takes part in its shared memory.
    let connection = open_file(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let set = || -> Done<()> {
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", READER_CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(connection.pragma_update(None, "temp_store", "MEMORY")?)
    };
    set().map_err(|fault| at(file, fault.into()))?;
    Ok(connection)
}

/// Says which file it was.
fn at(file: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{}: {text}", file.display())),
        StoreError::Corrupt(text) => StoreError::Corrupt(format!("{}: {text}", file.display())),
        StoreError::Busy(text) => StoreError::Busy(format!("{}: {text}", file.display())),
        StoreError::NotFound { .. }
        | StoreError::Refused(_)
        | StoreError::CommitUnknown(_)
        | StoreError::SchemaMismatch(_)
        | StoreError::TooNew { .. }
        | StoreError::Held { .. } => error,
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file: PathBuf = self.folder.database();
        f.debug_struct("SqliteStore").field("file", &file).finish_non_exhaustive()
    }
}
