//! Files that callers put here: quota and keys are looked at in the write that makes one, expiry hides it, removal forgets it.

use crate::bench::Bench;
use crate::builder::{OTHER, user_id};
use copydesk_core::FileId;
use copydesk_core::files::{FilesFull, Kept, Quota};
use copydesk_core::refusal::Refusal;
use copydesk_store::files::{Added, FileFilter, FileRow, NewFile};
use copydesk_store::generations::Idempotency;
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const ROOMY: Quota = Quota { files: 1_000, bytes: 1_000_000 };

/// Ten bytes of nobody's, for an hour.
fn row(t: &Bench) -> FileRow {
    let id = FileId(t.ids.uuid());
    FileRow {
        id,
        workspace: Scope::DEFAULT.workspace,
        user: None,
        key: None,
        name: "people.csv".to_owned(),
        media_type: "text/csv".to_owned(),
        bytes: 10,
        sha256: [7; 32],
        path: format!("files/{}/{id}", Scope::DEFAULT.workspace),
        created_at: t.now(),
        expires_at: t.now().plus(HOUR),
    }
}

fn key(t: &Bench, name: &str, fingerprint: u8) -> Option<Idempotency> {
    let (owner, route) = ("key_1".to_owned(), "POST /files".to_owned());
    let expires_at = t.now().plus(7 * 24 * HOUR);
    Some(Idempotency { owner, route, key: name.to_owned(), fingerprint: [fingerprint; 32], expires_at })
}

async fn put(t: &Bench, row: FileRow) -> FileRow {
    let new = NewFile { row: row.clone(), quota: ROOMY, idempotency: None };
    assert_eq!(t.store.add_file(new).await.expect("add_file"), Added::New(row.clone()));
    row
}

async fn add(t: &Bench, row: FileRow, quota: Quota, key: Option<Idempotency>) -> Result<Added, StoreError> {
    t.store.add_file(NewFile { row, quota, idempotency: key }).await
}

async fn listed(t: &Bench, scope: Scope, filter: FileFilter, page: PageRequest) -> Vec<FileId> {
    t.store.files(scope, filter, page).await.expect("files").rows.iter().map(|row| row.id).collect()
}

pub async fn a_file_is_kept_as_it_was_put_and_read_in_its_workspace_only(t: Arc<Bench>) {
    let ann = Some((user_id(Scope::DEFAULT, "ann"), "ann".to_owned()));
    let file = FileRow { user: ann, key: Some(t.ids.key()), bytes: u64::from(u32::MAX) + 1, ..row(&t) };
    let new = NewFile { row: file.clone(), quota: Quota { files: 1, bytes: u64::MAX }, idempotency: None };
    assert_eq!(t.store.add_file(new).await.expect("add_file"), Added::New(file.clone()));
    assert_eq!(t.store.file(Scope::DEFAULT, file.id).await.expect("file"), file);
    let foreign = t.store.file(OTHER, file.id).await.expect_err("it is another workspace's");
    assert_eq!(foreign, StoreError::NotFound { what: "file", id: file.id.to_string() });
    assert_eq!(t.store.remove_file(OTHER, file.id).await.expect_err("nor removed there"), foreign);
    let all = FileFilter { user: None, now: t.now() };
    assert_eq!(listed(&t, OTHER, all, PageRequest::newest(10)).await, []);
    assert_eq!(t.store.files_kept(OTHER, t.now()).await.expect("files_kept"), Kept::default());
}

pub async fn files_are_paged_and_found_by_their_user(t: Arc<Bench>) {
    let of = |name: &str| Some((user_id(Scope::DEFAULT, name), name.to_owned()));
    let mut ids = Vec::new();
    for name in ["ann", "ben", "ann"] {
        ids.push(put(&t, FileRow { user: of(name), ..row(&t) }).await.id);
    }
    ids.push(put(&t, row(&t)).await.id);
    let all = FileFilter { user: None, now: t.now() };
    let first = t.store.files(Scope::DEFAULT, all, PageRequest::newest(3)).await.expect("files");
    assert_eq!(first.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[3], ids[2], ids[1]]);
    assert_eq!(first.next, Some(ids[1].to_string()));
    let rest = PageRequest { after: first.next, ..PageRequest::newest(3) };
    assert_eq!(listed(&t, Scope::DEFAULT, all, rest).await, [ids[0]]);
    let oldest = PageRequest { order: Order::OldestFirst, ..PageRequest::newest(10) };
    let anns = FileFilter { user: of("ann").map(|(id, _)| id), ..all };
    assert_eq!(listed(&t, Scope::DEFAULT, anns, oldest).await, [ids[0], ids[2]], "and not what is nobody's");
}

pub async fn a_file_beyond_the_quota_is_refused_with_its_figures(t: Arc<Bench>) {
    let quota = Quota { files: 3, bytes: 25 };
    for _ in 0..2 {
        add(&t, row(&t), quota, None).await.expect("there is room");
    }
    let kept = Kept { files: 2, bytes: 20 };
    assert_eq!(t.store.files_kept(Scope::DEFAULT, t.now()).await.expect("files_kept"), kept);
    let full = FilesFull { kept, quota, bytes: Some(10) };
    let refused = add(&t, row(&t), quota, None).await.expect_err("30 bytes are too many");
    assert_eq!(refused, StoreError::Refused(Refusal::FilesFull(Box::new(full))));
    add(&t, FileRow { bytes: 5, ..row(&t) }, quota, None).await.expect("25 are not");
    let fourth = add(&t, row(&t), Quota { files: 3, bytes: 1_000 }, None).await;
    assert!(matches!(fourth, Err(StoreError::Refused(Refusal::FilesFull(full))) if full.kept.files == 3));
    let elsewhere = FileRow { workspace: OTHER.workspace, ..row(&t) };
    add(&t, elsewhere, quota, None).await.expect("another workspace's quota is its own");
    t.advance(HOUR);
    add(&t, row(&t), quota, None).await.expect("what has expired takes no room");
}

pub async fn of_many_at_once_only_so_many_are_taken_as_there_is_room_for(t: Arc<Bench>) {
    let quota = Quota { files: 3, bytes: 1_000 };
    let racing = (0..12).map(|n| {
        let store = if n % 2 == 0 { Arc::clone(&t.store) } else { t.second() };
        let new = NewFile { row: row(&t), quota, idempotency: None };
        tokio::spawn(async move { store.add_file(new).await })
    });
    let mut taken = 0;
    for one in racing.collect::<Vec<_>>() {
        match one.await.expect("a task") {
            Ok(_) => taken += 1,
            Err(error) => assert!(matches!(error, StoreError::Refused(Refusal::FilesFull(_))), "{error}"),
        }
    }
    assert_eq!(taken, 3);
}

pub async fn a_key_gives_the_first_file_until_that_has_expired_or_gone(t: Arc<Bench>) {
    let first = row(&t);
    let one = Quota { files: 1, bytes: 10 };
    add(&t, first.clone(), one, key(&t, "k", 1)).await.expect("the first");
    let again = add(&t, row(&t), one, key(&t, "k", 1)).await.expect("the same again, though there is no room");
    assert_eq!(again, Added::Replayed(first.clone()));
    let other = add(&t, row(&t), one, key(&t, "k", 2)).await.expect_err("another file under the same key");
    assert_eq!(other, StoreError::Refused(Refusal::IdempotencyKeyReused));
    let elsewhere = FileRow { workspace: OTHER.workspace, ..row(&t) };
    assert!(matches!(add(&t, elsewhere, one, key(&t, "k", 2)).await, Ok(Added::New(_))), "keys of two workspaces");
    t.advance(HOUR);
    let second = row(&t);
    assert_eq!(add(&t, second.clone(), one, key(&t, "k", 2)).await.expect("a new one"), Added::New(second.clone()));
    assert_eq!(t.store.file(Scope::DEFAULT, first.id).await.expect("remembered"), first);
    t.store.remove_file(Scope::DEFAULT, second.id).await.expect("remove_file");
    assert!(matches!(add(&t, row(&t), one, key(&t, "k", 3)).await, Ok(Added::New(_))));
}

pub async fn racing_puts_under_one_key_make_one_file(t: Arc<Bench>) {
    let racing = (0..8).map(|n| {
        let store = if n % 2 == 0 { Arc::clone(&t.store) } else { t.second() };
        let new = NewFile { row: row(&t), quota: ROOMY, idempotency: key(&t, "k", 1) };
        tokio::spawn(async move { store.add_file(new).await })
    });
    let mut ids = Vec::new();
    for one in racing.collect::<Vec<_>>() {
        ids.push(one.await.expect("a task").expect("add_file").row().id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(t.store.files_kept(Scope::DEFAULT, t.now()).await.expect("files_kept").files, 1);
}

pub async fn an_expired_file_is_in_no_list_and_remembered_until_it_is_forgotten(t: Arc<Bench>) {
    let short = put(&t, row(&t)).await;
    let long = put(&t, FileRow { expires_at: t.now().plus(3 * HOUR), ..row(&t) }).await;
    t.advance(HOUR);
    let all = FileFilter { user: None, now: t.now() };
    assert_eq!(listed(&t, Scope::DEFAULT, all, PageRequest::newest(10)).await, [long.id], "the instant itself counts");
    assert!(t.store.file(Scope::DEFAULT, short.id).await.expect("remembered").is_expired(t.now()));
    let kept = t.store.files_kept(Scope::DEFAULT, t.now()).await.expect("files_kept");
    assert_eq!(kept, Kept { files: 1, bytes: 10 });
    let nobodys = FileId(t.ids.uuid());
    let living = t.store.living_files(vec![short.id, nobodys, long.id], t.now()).await.expect("living_files");
    assert_eq!(living, [long.id]);
    assert_eq!(t.store.forget_files(short.expires_at, 10).await.expect("forget_files"), 0);
    assert_eq!(t.store.forget_files(long.expires_at, 10).await.expect("forget_files"), 1);
    assert!(t.store.file(Scope::DEFAULT, short.id).await.is_err());
    assert_eq!(t.store.file(Scope::DEFAULT, long.id).await.expect("file"), long);
    assert_eq!(t.store.forget_files(long.expires_at.plus(HOUR), 0).await.expect("forget_files"), 0);
}

pub async fn a_removed_file_is_gone_and_its_room_free(t: Arc<Bench>) {
    let file = put(&t, row(&t)).await;
    assert_eq!(t.store.remove_file(Scope::DEFAULT, file.id).await.expect("remove_file"), file);
    let gone = StoreError::NotFound { what: "file", id: file.id.to_string() };
    assert_eq!(t.store.file(Scope::DEFAULT, file.id).await.expect_err("it is gone"), gone);
    assert_eq!(t.store.remove_file(Scope::DEFAULT, file.id).await.expect_err("twice"), gone);
    assert_eq!(t.store.living_files(vec![file.id], t.now()).await.expect("living_files"), []);
    assert_eq!(t.store.files_kept(Scope::DEFAULT, t.now()).await.expect("files_kept"), Kept::default());
}
