//! Drafts: versions, edits, and the editorial moves with their rules and revisions.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::DraftId;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::{FailureCode, Origin};
use copydesk_core::refusal::Refusal;
use copydesk_store::drafts::{DraftFilter, DraftRow, DraftSetting, Edit, SetDraft, WholeDraft};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::sync::Arc;

async fn filled(t: &Bench) -> DraftId {
    let run = t.running(t.request()).await;
    t.settle(&run).await;
    run.draft
}

async fn set(t: &Bench, draft: DraftId, to: DraftSetting) -> Result<DraftRow, StoreError> {
    set_if(t, draft, None, to).await
}

async fn set_if(t: &Bench, draft: DraftId, if_revision: Option<i64>, to: DraftSetting) -> Result<DraftRow, StoreError> {
    t.store.set_draft(SetDraft { scope: Scope::DEFAULT, at: t.now(), draft, if_revision, to }).await
}

async fn edit(t: &Bench, draft: DraftId, if_revision: Option<i64>, title: &str) -> Result<DraftRow, StoreError> {
    let (at, content) = (t.now(), builder::content(title));
    let edit = Edit { scope: Scope::DEFAULT, at, draft, if_revision, origin: Origin::Edited, content };
    t.store.add_version(edit).await
}

fn refused<T>(refusal: Refusal) -> Result<T, StoreError> {
    Err(StoreError::Refused(refusal))
}

pub async fn an_edit_is_a_new_version_and_the_current_one(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let before = t.draft(draft).await;
    let at = t.advance_s(10);
    let row = edit(&t, draft, Some(before.revision), "By hand").await.expect("add_version");
    assert_eq!(row, t.draft(draft).await, "the answer is what stands there");
    assert_eq!((row.current_version, row.versions, row.title.as_str()), (2, 2, "By hand"));
    assert_eq!((row.status, row.updated_at, row.generated_at), (DraftStatus::Draft, at, Some(at)));
    assert!(row.revision > before.revision);
    let version = t.store.version(Scope::DEFAULT, draft, None).await.expect("version");
    assert_eq!((version.number, version.origin.as_str(), version.generation), (2, "edited", None));
    assert_eq!((version.content, version.created_at), (builder::content("By hand"), at));
    let first = t.store.version(Scope::DEFAULT, draft, Some(1)).await.expect("version");
    assert_eq!(first.origin, "generated", "the first one is still there");
}

pub async fn a_restored_version_says_which_one_it_copies(t: Arc<Bench>) {
    let draft = filled(&t).await;
    edit(&t, draft, None, "Worse").await.expect("add_version");
    let first = t.store.version(Scope::DEFAULT, draft, Some(1)).await.expect("version");
    let origin = Origin::Restored { from: 1 };
    let content = first.content.clone();
    let restore = Edit { scope: Scope::DEFAULT, at: t.now(), draft, if_revision: None, origin, content };
    let row = t.store.add_version(restore).await.expect("add_version");
    assert_eq!((row.current_version, row.versions, row.title), (3, 3, first.content.title.clone()));
    let third = t.store.version(Scope::DEFAULT, draft, None).await.expect("version");
    assert_eq!((third.origin.as_str(), third.reason.as_deref()), ("restored", Some("from version 1")));
    assert_eq!(third.content, first.content);
}

pub async fn versions_are_listed_oldest_first_without_bodies(t: Arc<Bench>) {
    let draft = filled(&t).await;
    for n in 2..=12 {
        edit(&t, draft, None, &format!("Edit {n}")).await.expect("add_version");
    }
    let rows = t.store.versions(Scope::DEFAULT, draft).await.expect("versions");
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row.content.body.is_empty() && row.draft == draft));
    let whole = t.store.version(Scope::DEFAULT, draft, Some(12)).await.expect("version");
    assert_eq!(rows[11].content.title, whole.content.title);
    assert_eq!((rows[11].content.hash, rows[11].content.words), (whole.content.hash, whole.content.words));
    assert!(!whole.content.body.is_empty());
}

pub async fn a_missing_version_is_not_found(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let (_, empty) = t.start(t.request()).await;
    for (draft, number) in [(draft, Some(2)), (draft, Some(0)), (empty, None), (t.ids.draft(), None)] {
        let answer = t.store.version(Scope::DEFAULT, draft, number).await;
        assert!(matches!(answer, Err(StoreError::NotFound { .. })), "{answer:?}");
    }
    let words = t.store.version(Scope::DEFAULT, draft, Some(7)).await.expect_err("there is no seventh");
    assert_eq!(words.to_string(), format!("version 7 of {draft} does not exist"));
    assert_eq!(t.store.versions(Scope::DEFAULT, empty).await.expect("versions"), []);
    let missing = t.store.get_draft(Scope::DEFAULT, t.ids.draft()).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
}

pub async fn whole_drafts_stand_in_the_order_they_were_asked_for(t: Arc<Bench>) {
    let (edited, generated) = (filled(&t).await, filled(&t).await);
    edit(&t, edited, None, "By hand").await.expect("add_version");
    let (_, empty) = t.start(t.request()).await;
    let foreign = (OTHER, generated);
    let own = |id| (Scope::DEFAULT, id);
    let wanted = vec![own(generated), foreign, own(empty), own(t.ids.draft()), own(edited), own(generated)];
    let found = t.store.whole_drafts(wanted.clone()).await.expect("whole_drafts");
    assert_eq!(found.len(), wanted.len());
    for ((scope, id), whole) in wanted.into_iter().zip(found) {
        let Ok(row) = t.store.get_draft(scope, id).await else {
            assert_eq!(whole, None, "{id}");
            continue;
        };
        let version = t.store.version(scope, id, None).await.ok();
        assert_eq!(version.is_some(), id != empty);
        assert_eq!(whole, Some(WholeDraft { row, version }));
    }
    assert_eq!(t.store.whole_drafts(Vec::new()).await, Ok(Vec::new()));
}

pub async fn an_old_revision_is_a_conflict_and_writes_nothing(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let old = t.draft(draft).await.revision;
    let current = edit(&t, draft, Some(old), "First").await.expect("add_version").revision;
    let before = t.snapshot(Scope::DEFAULT).await;
    let conflict = Refusal::VersionConflict { current };
    assert_eq!(edit(&t, draft, Some(old), "Second").await, refused(conflict.clone()));
    for to in [DraftSetting::Publish, DraftSetting::review(Review::Approved, None), DraftSetting::Delete] {
        assert_eq!(set_if(&t, draft, Some(old), to.clone()).await, refused(conflict.clone()), "{to:?}");
    }
    assert_eq!(t.snapshot(Scope::DEFAULT).await, before);
    set_if(&t, draft, Some(current), DraftSetting::Publish).await.expect("set_draft");
}

pub async fn racing_edits_of_one_revision_have_one_winner(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let revision = t.draft(draft).await.revision;
    let mut tasks = vec![];
    for n in 0..20 {
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        let (at, content) = (t.now(), builder::content(&format!("Edit {n}")));
        let edit =
            Edit { scope: Scope::DEFAULT, at, draft, if_revision: Some(revision), origin: Origin::Edited, content };
        tasks.push(tokio::spawn(async move { store.add_version(edit).await }));
    }
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("an editing task") {
            Ok(row) => {
                assert_eq!(row.current_version, 2);
                winners += 1;
            }
            Err(error) => assert!(matches!(error, StoreError::Refused(Refusal::VersionConflict { .. })), "{error:?}"),
        }
    }
    assert_eq!((winners, t.draft(draft).await.versions), (1, 2));
}

pub async fn publishing_and_unpublishing(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let at = t.advance_s(1);
    let published = set(&t, draft, DraftSetting::Publish).await.expect("publish");
    assert_eq!((published.status, published.published_at), (DraftStatus::Published, Some(at)));
    assert_eq!(published, t.draft(draft).await);
    t.advance_s(1);
    let again = set(&t, draft, DraftSetting::Publish).await.expect("publish");
    assert_eq!(again, published, "publishing a published one changes nothing");
    assert_eq!(edit(&t, draft, None, "No").await, refused(Refusal::DraftPublished));
    let back = set(&t, draft, DraftSetting::Unpublish).await.expect("unpublish");
    assert_eq!((back.status, back.published_at), (DraftStatus::Draft, None));
    assert!(back.revision > published.revision);
    edit(&t, draft, None, "Yes").await.expect("add_version");
}

pub async fn an_empty_or_busy_draft_is_neither_edited_nor_published(t: Arc<Bench>) {
    let (id, draft) = t.start(t.request()).await;
    for _ in 0..2 {
        assert_eq!(set(&t, draft, DraftSetting::Publish).await, refused(Refusal::DraftBusy));
        assert_eq!(edit(&t, draft, None, "No").await, refused(Refusal::DraftBusy));
        t.claim(1).await;
    }
    t.cancel(Scope::DEFAULT, id).await;
    assert_eq!(set(&t, draft, DraftSetting::Publish).await, refused(Refusal::DraftEmpty));
    assert_eq!(edit(&t, draft, None, "No").await, refused(Refusal::DraftEmpty));
}

pub async fn a_draft_that_is_being_regenerated_is_edited_but_not_published(t: Arc<Bench>) {
    let draft = filled(&t).await;
    t.start(t.request().existing(draft)).await;
    assert_eq!(set(&t, draft, DraftSetting::Publish).await, refused(Refusal::DraftBusy));
    assert_eq!(set(&t, draft, DraftSetting::Delete).await, refused(Refusal::DraftBusy));
    edit(&t, draft, None, "By hand").await.expect("add_version");
}

pub async fn a_review_is_a_word_beside_the_status(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let mut last = t.draft(draft).await;
    for (review, reason) in [(Review::Approved, None), (Review::Rejected, Some("too long")), (Review::None, None)] {
        let row = set(&t, draft, DraftSetting::review(review, reason)).await.expect("review");
        assert_eq!((row.review, row.review_reason.as_deref(), row.status), (review, reason, DraftStatus::Draft));
        assert!(row.revision > last.revision);
        let filter = |review| DraftFilter { review: Some(review), ..DraftFilter::default() };
        let listed = t.store.list_drafts(Scope::DEFAULT, filter(review), PageRequest::newest(10)).await.expect("list");
        assert_eq!(listed.rows, std::slice::from_ref(&row));
        last = row;
    }
}

pub async fn a_review_is_of_one_version(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let rejected = || DraftSetting::review(Review::Rejected, Some("too long"));
    let none = |row: &DraftRow| (row.review, row.review_reason.is_none()) == (Review::None, true);
    set(&t, draft, rejected()).await.expect("review");
    assert!(none(&edit(&t, draft, None, "Mine").await.expect("edit")), "of the edited version nobody has said a word");
    set(&t, draft, rejected()).await.expect("review");
    t.start(t.request().existing(draft)).await;
    assert!(!none(&t.draft(draft).await), "the version it was said of is still the current one");
    let run = t.claim_one().await;
    t.done(builder::settle(&t.ids, &run, t.now())).await;
    assert!(none(&t.draft(draft).await), "the next version is new");
    set(&t, draft, rejected()).await.expect("review");
    t.start(t.request().existing(draft)).await;
    let run = t.claim_one().await;
    set(&t, draft, DraftSetting::review(Review::Approved, None)).await.expect("review");
    t.done(builder::fail(&t.ids, &run, FailureCode::Refused, t.now())).await;
    assert_eq!(t.draft(draft).await.review, Review::Approved, "a failure changes nothing");
}

pub async fn a_deleted_draft_leaves_the_lists_and_comes_back(t: Arc<Bench>) {
    let draft = filled(&t).await;
    let at = t.advance_s(1);
    let deleted = set(&t, draft, DraftSetting::Delete).await.expect("delete");
    assert_eq!(deleted.deleted_at, Some(at));
    assert_eq!(t.draft(draft).await.deleted_at, Some(at), "the row stays");
    assert_eq!(t.drafts(Scope::DEFAULT).await, []);
    let counts = t.store.count_drafts(Scope::DEFAULT, None).await.expect("count_drafts");
    assert!(counts.iter().all(|(_, n)| *n == 0), "{counts:?}");
    for answer in [edit(&t, draft, None, "No").await, set(&t, draft, DraftSetting::Publish).await] {
        let gone = matches!(answer, Err(StoreError::NotFound { .. } | StoreError::Refused(Refusal::DraftNotFound)));
        assert!(gone, "{answer:?}");
    }
    let back = set(&t, draft, DraftSetting::Undelete).await.expect("undelete");
    assert_eq!((back.deleted_at, back.versions), (None, 1));
    assert_eq!(t.drafts(Scope::DEFAULT).await, [back]);
}

pub async fn counts_are_per_status_and_user(t: Arc<Bench>) {
    t.accept_all((0..3).map(|_| t.request().user("ann")).collect()).await;
    t.accept_all((0..2).map(|_| t.request().user("bob")).collect()).await;
    let runs = t.claim(4).await;
    t.settle(&runs[0]).await;
    t.done(builder::fail(&t.ids, &runs[1], FailureCode::Refused, t.now())).await;
    t.cancel(Scope::DEFAULT, runs[2].generation.id).await;
    let rows = t.drafts(Scope::DEFAULT).await;
    for user in [None, Some("ann"), Some("bob"), Some("nobody")] {
        let user = user.map(|name| builder::user_id(Scope::DEFAULT, name));
        let counts = t.store.count_drafts(Scope::DEFAULT, user).await.expect("count_drafts");
        for status in DraftStatus::ALL {
            let listed = rows.iter().filter(|row| row.status == status && user.is_none_or(|user| user == row.user));
            let counted: u64 = counts.iter().filter(|(word, _)| *word == status).map(|(_, n)| *n).sum();
            assert_eq!(counted, listed.count() as u64, "{status} of {user:?}");
        }
    }
}

pub async fn drafts_are_found_by_status_user_recipe_and_external_id(t: Arc<Bench>) {
    let (_, wanted) = t.start(t.request().user("ann").recipe("outreach").external_id("prospect-7").priority(50)).await;
    t.start(t.request().user("ann").recipe("newsletter").external_id("prospect-8")).await;
    t.start(t.request().user("bob").recipe("outreach")).await;
    let run = t.claim_one().await;
    assert_eq!(run.draft, wanted);
    t.settle(&run).await;
    let ann = builder::user_id(Scope::DEFAULT, "ann");
    let any = DraftFilter::default;
    let filters = [
        DraftFilter { status: Some(DraftStatus::Draft), ..any() },
        DraftFilter { external_id: Some("prospect-7".to_owned()), ..any() },
        DraftFilter { user: Some(ann), recipe: Some("outreach".to_owned()), ..any() },
    ];
    for filter in filters {
        let page = t.store.list_drafts(Scope::DEFAULT, filter.clone(), PageRequest::newest(10)).await.expect("a list");
        assert_eq!(page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [wanted], "{filter:?}");
        assert_eq!(page.next, None);
    }
    let none = DraftFilter { status: Some(DraftStatus::Draft), external_id: Some("prospect-8".to_owned()), ..any() };
    let page = t.store.list_drafts(Scope::DEFAULT, none, PageRequest::newest(10)).await.expect("a list");
    assert_eq!(page.rows, []);
}

pub async fn the_revision_rises_with_every_change_of_the_row(t: Arc<Bench>) {
    let (_, draft) = t.start(t.request()).await;
    let mut last = t.draft(draft).await;
    let mut check = async |t: &Bench, what: &str| {
        let row = t.draft(draft).await;
        let same = DraftRow { revision: last.revision, ..row.clone() } == last;
        assert_eq!(row.revision > last.revision, !same, "{what}: {last:?} became {row:?}");
        assert!(same || row.updated_at == t.now(), "{what}: updated_at is the instant of the change");
        last = row;
    };
    t.advance_s(1);
    let run = t.claim_one().await;
    check(&t, "claim").await;
    t.advance_s(1);
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderError, t.now())).await;
    check(&t, "retry").await;
    t.advance_s(60);
    let run = t.claim_one().await;
    check(&t, "second claim").await;
    t.advance_s(1);
    t.settle(&run).await;
    check(&t, "settle").await;
    t.advance_s(1);
    t.start(t.request().existing(draft)).await;
    check(&t, "regenerate").await;
    t.advance_s(1);
    let run = t.claim_one().await;
    check(&t, "claim of a regeneration").await;
    t.advance_s(1);
    t.done(builder::fail(&t.ids, &run, FailureCode::Refused, t.now())).await;
    check(&t, "failed regeneration").await;
    t.advance_s(1);
    set(&t, draft, DraftSetting::review(Review::Approved, None)).await.expect("review");
    check(&t, "review").await;
    t.advance_s(1);
    set(&t, draft, DraftSetting::review(Review::Approved, None)).await.expect("review");
    check(&t, "the same review again").await;
}
