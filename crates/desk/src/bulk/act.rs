//! Acting on what was gathered, a slice at a time. Each act is one of the desk's own, with its own transaction; what came of
//! a slice is written together. Whatever cannot be said now (the store does not answer, the queue is full) leaves its
//! item open, and it is acted on again.

use super::gather::scope_of;
use super::spec::Spec;
use crate::accept::Again;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::bulk::{Action, Outcome};
use copydesk_core::draft::Review;
use copydesk_core::generation::Status;
use copydesk_core::job::Note;
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId};
use copydesk_store::bulk::{BulkItemEnd, BulkItemFilter, BulkRow, EndBulkItems};
use copydesk_store::drafts::DraftSetting;
use copydesk_store::generations::{Accepted, GenerationFilter, Idempotency};
use copydesk_store::health::Depth;
use copydesk_store::{Order, PageRequest, Scope};
use futures::future::join_all;
use std::time::Duration;
use uuid::Uuid;

/// How many items end in one transaction.
const SLICE: u32 = 200;
/// How many are acted on at once: their writes share commits.
const AT_ONCE: usize = 16;
/// How long the key of a retry is kept: longer than any process leaves an item open that it has acted on.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

impl Desk {
    /// Acts on the next slice. How many items have ended.
    pub(super) async fn act(&self, row: &BulkRow) -> Result<u64, DeskError> {
        let limit = match row.facts.action {
            Action::Retry => self.room_for_retries().await?,
            Action::Cancel | Action::Approve | Action::Reject | Action::Delete | Action::Undelete | Action::Export => {
                SLICE
            }
        };
        if limit == 0 {
            return Ok(0);
        }
        let (scope, bulk) = (scope_of(row), row.facts.id);
        let spec = Spec::read(row)?;
        let open = BulkItemFilter { outcome: Some(Outcome::Open) };
        let page = PageRequest { limit, after: None, order: Order::OldestFirst };
        let items = self.store().bulk_items(scope, bulk, open, page).await?.rows;
        let mut ends: Vec<BulkItemEnd> = Vec::with_capacity(items.len());
        for together in items.chunks(AT_ONCE) {
            let acts = together.iter().map(|item| self.act_on(row, &spec, item.item));
            ends.extend(join_all(acts).await.into_iter().flatten());
        }
        if ends.is_empty() {
            return Ok(0);
        }
        let moved = ends.len() as u64;
        self.store().end_bulk_items(EndBulkItems { scope, bulk, at: self.inner.now(), ends }).await?;
        Ok(moved)
    }

    /// As many as a job keeps in the queue: other people's clicks keep their place, and no deadline runs out in a long line.
    async fn room_for_retries(&self) -> Result<u32, DeskError> {
        let backlog = self.store().backlog().await?;
        let waiting: u64 = backlog.depths.iter().filter(|it| it.reason == Depth::READY).map(|it| it.waiting).sum();
        Ok(u32::try_from(self.window().saturating_sub(waiting)).unwrap_or(SLICE).min(SLICE))
    }

    /// What came of it; `None` when that cannot be said now.
    async fn act_on(&self, row: &BulkRow, spec: &Spec, item: Uuid) -> Option<BulkItemEnd> {
        let end = |outcome, note| BulkItemEnd { item, outcome, note, made: None };
        let done = match row.facts.action {
            Action::Cancel => self.cancel_one(row, GenerationId(item)).await,
            Action::Retry => return self.retry_one(row, spec, GenerationId(item)).await,
            Action::Approve => {
                self.set_one(row, item, DraftSetting::review(Review::Approved, spec.reason.as_deref())).await
            }
            Action::Reject => {
                self.set_one(row, item, DraftSetting::review(Review::Rejected, spec.reason.as_deref())).await
            }
            Action::Delete => self.set_one(row, item, DraftSetting::Delete).await,
            Action::Undelete => self.set_one(row, item, DraftSetting::Undelete).await,
            Action::Export => Ok(()),
        };
        match done {
            Ok(()) => Some(end(Outcome::Done, None)),
            Err(error) => {
                let (outcome, note) = judged(&error)?;
                Some(end(outcome, Some(note)))
            }
        }
    }

    async fn cancel_one(&self, row: &BulkRow, id: GenerationId) -> Result<(), DeskError> {
        match self.cancel(scope_of(row), id).await {
            // By this, or before it.
            Ok(_) | Err(DeskError::Refused(Refusal::AlreadyTerminal { status: Status::Cancelled })) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn set_one(&self, row: &BulkRow, item: Uuid, to: DraftSetting) -> Result<(), DeskError> {
        self.set_draft(scope_of(row), DraftId(item), to, None).await.map(drop)
    }

    /// Under a key of its own, so that the same item never makes two.
    async fn retry_one(&self, row: &BulkRow, spec: &Spec, id: GenerationId) -> Option<BulkItemEnd> {
        let idempotency = Idempotency {
            owner: row.facts.id.to_string(),
            route: "retry".to_owned(),
            key: id.to_string(),
            fingerprint: [0; 32],
            expires_at: self.inner.now().plus(KEPT),
        };
        let change = Again {
            permit: spec.permit.clone(),
            model: spec.model.clone(),
            idempotency: Some(idempotency),
            key: row.facts.key,
            ..Again::default()
        };
        let end = |outcome, note, made| Some(BulkItemEnd { item: id.0, outcome, note, made });
        match self.retry_newest(row, id, change).await {
            Ok(Tried::Superseded(by)) => {
                let why = format!("{by} came after it, for the same draft.");
                end(Outcome::Skipped, Some(Note::new("superseded", why)), None)
            }
            Ok(Tried::Again(accepted)) => match accepted {
                Accepted::New { generation, .. } | Accepted::Replayed { generation, deduplicated: false, .. } => {
                    end(Outcome::Done, None, Some(generation))
                }
                Accepted::Duplicate { generation, .. } | Accepted::Replayed { generation, .. } => {
                    let why = format!("{generation} is doing the same work already.");
                    end(Outcome::Skipped, Some(Note::new("duplicate", why)), None)
                }
            },
            Err(error) => {
                let (outcome, note) = judged(&error)?;
                end(outcome, Some(note), None)
            }
        }
    }
}

/// What came of a retry.
enum Tried {
    Again(Accepted),
    /// This one was made for the draft since.
    Superseded(GenerationId),
}

impl Desk {
    /// Tries a generation again unless its draft has a later one: whoever asks for all that failed does not mean those that
    /// were tried again since, and have come well.
    async fn retry_newest(&self, row: &BulkRow, id: GenerationId, change: Again) -> Result<Tried, DeskError> {
        let scope = scope_of(row);
        if let Some(by) = self.superseded(scope, id).await? {
            // It may be this very bulk action's.
            let made = self.replay(scope.whole(), change.idempotency).await?;
            return Ok(made.map_or(Tried::Superseded(by), Tried::Again));
        }
        Ok(Tried::Again(self.retry(scope, id, change).await?.accepted))
    }

    /// The newest generation of its draft, where that is another one.
    pub(super) async fn superseded(&self, scope: Scope, id: GenerationId) -> Result<Option<GenerationId>, DeskError> {
        let draft = self.store().get(scope, id).await?.draft;
        let filter = GenerationFilter { draft: Some(draft), ..GenerationFilter::default() };
        let newest = self.store().list(scope, filter, PageRequest::newest(1)).await?.rows;
        Ok(newest.first().map(|row| row.generation.id).filter(|newest| *newest != id))
    }
}

/// What an error says of its item; `None` when it says nothing of it, and the item stays open.
fn judged(error: &DeskError) -> Option<(Outcome, Note)> {
    let Some(code) = error.of_item() else {
        tracing::warn!(%error, "A bulk action waits");
        return None;
    };
    // What has ended is neither to be stopped nor to be tried again.
    let moot = matches!(error, DeskError::Refused(Refusal::AlreadyTerminal { .. }));
    Some((if moot { Outcome::Skipped } else { Outcome::Failed }, Note::new(code, error.to_string())))
}
