//! Group commit, without a database around it: what fails alone, what fails together, what is on disk.

use super::*;
use crate::checkpoint::Checkpointer;
use copydesk_core::refusal::Refusal;
use futures::future::join_all;

/// Dropped in this order: the checkpointer ends when the writer does.
struct Bench {
    writer: Writer,
    _checkpointer: Checkpointer,
    _folder: tempfile::TempDir,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch("CREATE TABLE t (x INTEGER NOT NULL UNIQUE) STRICT").unwrap();
    let (checkpointer, bell) = Checkpointer::start(Connection::open(&file).unwrap()).unwrap();
    let writer = Writer::start(connection, Memory::new(10), bell, tokio::sync::watch::Sender::new(0)).unwrap();
    Bench { writer, _checkpointer: checkpointer, _folder: folder }
}

fn insert(session: &mut Session<'_>, x: i64) -> Done<()> {
    session.db.execute("INSERT INTO t (x) VALUES ($1)", [x])?;
    Ok(())
}

async fn rows(writer: &Writer) -> Vec<i64> {
    let all = |session: &mut Session<'_>| session.db.all("SELECT x FROM t ORDER BY x", [], |row| Ok(row.get(0)?));
    writer.run(0, all).await.unwrap()
}

#[tokio::test]
async fn one_bad_command_of_a_batch_fails_alone() {
    let bench = bench();
    let writer = &bench.writer;
    // Holds the writer until all of them are queued, so that they share one commit.
    let (go, wait) = crossbeam_channel::bounded::<()>(1);
    let gate = writer.run(0, move |session| {
        wait.recv().expect("the test opens the gate");
        insert(session, 0)
    });
    let batch = join_all((1..=20).map(|x| {
        writer.run(0, move |session| {
            insert(session, x)?;
            match x {
                7 => Err(Refusal::AmountTooLarge.into()),
                // Breaks the unique key, after its first insert went well.
                8 => insert(session, 1),
                9 => panic!("a broken invariant, on purpose"),
                _ => Ok(()),
            }
        })
    }));
    let open = async {
        tokio::task::yield_now().await;
        go.send(()).unwrap();
    };
    let (first, answers, ()) = futures::join!(gate, batch, open);
    first.unwrap();
    for (x, answer) in (1..=20).zip(answers) {
        match x {
            7 => assert_eq!(answer, Err(StoreError::Refused(Refusal::AmountTooLarge))),
            8 | 9 => assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{x}: {answer:?}"),
            _ => assert_eq!(answer, Ok(()), "{x}"),
        }
    }
    assert_eq!(rows(writer).await, (0..=20).filter(|x| ![7, 8, 9].contains(x)).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_command_that_fails_alone_leaves_nothing() {
    let bench = bench();
    let writer = &bench.writer;
    let failed: Result<(), StoreError> = writer
        .run(0, |session| {
            insert(session, 1)?;
            Err(Refusal::AmountTooLarge.into())
        })
        .await;
    assert_eq!(failed, Err(StoreError::Refused(Refusal::AmountTooLarge)));
    assert_eq!(rows(writer).await, Vec::<i64>::new());
}

#[tokio::test]
async fn work_goes_on_when_its_caller_hangs_up() {
    let bench = bench();
    let writer = &bench.writer;
    let (go, wait) = crossbeam_channel::bounded::<()>(1);
    {
        let hung_up = writer.run(0, move |session| {
            wait.recv().expect("the test opens the gate");
            insert(session, 5)
        });
        // Polled once: queued. Dropped: nobody waits.
        assert!(futures::poll!(std::pin::pin!(hung_up)).is_pending());
    }
    go.send(()).unwrap();
    assert_eq!(rows(writer).await, [5]);
}

#[tokio::test]
async fn after_an_io_error_nothing_is_written_any_more() {
    let bench = bench();
    let writer = &bench.writer;
    let broken: Result<(), StoreError> = writer
        .run(0, |_| {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            Err(Fault::Sql(rusqlite::Error::SqliteFailure(code, None)))
        })
        .await;
    assert!(matches!(broken, Err(StoreError::Unavailable(_))), "{broken:?}");
    let after = writer.run(0, |session| insert(session, 1)).await;
    assert!(matches!(after, Err(StoreError::Unavailable(_))), "{after:?}");
    assert!(writer.poison().unwrap().contains("restart"));
}
