//! Files that callers put here: what has expired and what never got a row is removed, whoever died meanwhile; nothing else is.

use crate::harness::{Bench, Node, SCOPE, config, seconds, until};
use copydesk_core::FileId;
use copydesk_core::access::Permit;
use copydesk_desk::DeskError;
use copydesk_desk::files::{EXPIRES_IN_USUAL, Put};
use copydesk_store::StoreError;
use copydesk_store::files::{Added, FileRow};
use copydesk_store_tests::{Method, When};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn asked(expires_in: Option<Duration>) -> Put {
    Put {
        scope: SCOPE,
        permit: Arc::new(Permit::owner()),
        key: None,
        user: None,
        name: "people.csv".to_owned(),
        media_type: None,
        expires_in,
        idempotency: None,
    }
}

async fn put(node: &Node, expires_in: Option<Duration>) -> Result<Added, DeskError> {
    let mut incoming = node.desk.begin_file(SCOPE).await?;
    incoming.write(b"topic\ntea\n").await?;
    node.desk.keep_file(incoming, asked(expires_in)).await
}

async fn kept(node: &Node, expires_in: Option<Duration>) -> FileRow {
    put(node, expires_in).await.unwrap().row().clone()
}

/// The names of all that is on the disk.
fn on_disk(bench: &Bench) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![bench.assets_folder()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    found.sort();
    found
}

fn names(rows: &[&FileRow]) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    names.sort();
    names
}

/// A minute past an hour: what was made before is old enough.
const LATER: Duration = Duration::from_secs(3_660);

#[tokio::test]
async fn the_duty_removes_what_has_expired_and_nothing_else() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let (short, long) = (kept(&node, Some(HOUR / 2)).await, kept(&node, None).await);
    assert_eq!((short.media_type.as_str(), long.expires_at), ("text/csv", long.created_at.plus(EXPIRES_IN_USUAL)));
    assert_eq!(on_disk(&bench), names(&[&short, &long]));
    bench.advance(LATER).await;
    let young = kept(&node, Some(HOUR)).await;
    assert_eq!(node.desk.tidy_files().await, Ok(1));
    assert_eq!(node.desk.tidy_files().await, Ok(0), "twice is once");
    assert_eq!(on_disk(&bench), names(&[&long, &young]));
    let gone = node.desk.file(SCOPE, short.id).await.unwrap_err();
    assert!(matches!(gone, DeskError::Expired { at, .. } if at == short.expires_at), "{gone}");
    assert_eq!(node.desk.file(SCOPE, long.id).await.unwrap(), long);
    bench.advance(EXPIRES_IN_USUAL).await;
    assert_eq!(node.desk.tidy_files().await, Ok(2));
    assert_eq!(on_disk(&bench), [""; 0]);
    assert!(matches!(node.desk.file(SCOPE, short.id).await, Err(DeskError::NotFound { .. })), "it is forgotten");
    assert!(matches!(node.desk.file(SCOPE, long.id).await, Err(DeskError::Expired { .. })));
}

#[tokio::test]
async fn a_working_desk_does_it_by_itself() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    kept(&node, Some(HOUR / 2)).await;
    until("its bytes are gone", || async {
        bench.advance(HOUR).await;
        on_disk(&bench).is_empty()
    })
    .await;
}

#[tokio::test]
async fn bytes_whose_row_never_came_to_be_go_after_an_hour() {
    let bench = Bench::new().await;
    let dying = bench.idle(config()).await;
    dying.plug.block(Method::AddFile);
    let putting = tokio::spawn({
        let dying = dying.clone();
        async move { put(&dying, None).await.map(drop) }
    });
    until("its bytes are named", || async { on_disk(&bench).iter().any(|name| name.starts_with("fil_")) }).await;
    dying.kill();
    putting.abort();
    let node = bench.idle(config()).await;
    let stays = kept(&node, None).await;
    bench.advance(HOUR / 2).await;
    assert_eq!(node.desk.tidy_files().await, Ok(0), "the row may be on its way");
    assert_eq!(on_disk(&bench).len(), 2);
    bench.advance(LATER).await;
    assert_eq!(node.desk.tidy_files().await, Ok(1));
    assert_eq!(on_disk(&bench), names(&[&stays]));
}

#[tokio::test]
async fn a_file_the_database_refuses_leaves_no_bytes() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let down = StoreError::Unavailable("down (injected)".to_owned());
    bench.store.fail_next(Method::AddFile, 1, When::Before, down);
    assert!(matches!(put(&node, None).await, Err(DeskError::Store(StoreError::Unavailable(_)))));
    assert_eq!(on_disk(&bench), [""; 0]);
}

#[tokio::test]
async fn a_lost_answer_keeps_the_bytes_of_a_row_that_may_be_there() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    bench.store.lose_next_commit(Method::AddFile, 1);
    assert!(matches!(put(&node, None).await, Err(DeskError::Store(StoreError::CommitUnknown(_)))));
    let [name] = on_disk(&bench).try_into().unwrap();
    let row = node.desk.file(SCOPE, name.parse::<FileId>().unwrap()).await.unwrap();
    bench.advance(LATER).await;
    assert_eq!(node.desk.tidy_files().await, Ok(0));
    assert_eq!(on_disk(&bench), names(&[&row]));
}

#[tokio::test]
async fn a_duty_that_cannot_ask_the_database_removes_nothing() {
    let bench = Bench::new().await;
    let node = bench.idle(config()).await;
    let file = kept(&node, Some(HOUR / 2)).await;
    bench.advance(LATER).await;
    let down = StoreError::Unavailable("down (injected)".to_owned());
    bench.store.fail_next(Method::LivingFiles, 1, When::Before, down);
    assert!(node.desk.tidy_files().await.is_err());
    assert_eq!(on_disk(&bench), names(&[&file]));
    assert_eq!(node.desk.tidy_files().await, Ok(1));
}

#[tokio::test]
async fn a_desk_that_stops_takes_no_file() {
    let bench = Bench::new().await;
    let node = bench.working(config()).await;
    node.desk.stop(seconds(0)).await.unwrap();
    assert!(matches!(put(&node, None).await, Err(DeskError::Draining)));
}
