//! A draft in another's place, for applications that expect a regeneration to make a new one and the old one to be gone.
//! The old one is hidden like a deleted one, and can be brought back. That the new one took its place is kept as what it is:
//! the answer to a request that is made once for each draft, under a key that nobody else can have.

use crate::accept::{Again, Receipt, Request};
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::DraftId;
use copydesk_core::draft::DraftStatus;
use copydesk_core::refusal::Refusal;
use copydesk_store::Scope;
use copydesk_store::drafts::{DraftRow, DraftSetting};
use copydesk_store::generations::{Accepted, Idempotency};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// No API key and no person is called so.
const OWNER: &str = "replacement";
const ROUTE: &str = "replace";
/// For good, as far as anybody will ask.
const KEPT: Duration = Duration::from_secs(100 * 366 * 86_400);

impl Desk {
    /// Generates a new draft of what this one was made of, and hides this one. Asked again, the answer is the same; while
    /// this one is being written anyway, that is the answer.
    ///
    /// Errors: `Refused(DraftPublished)`. What refuses the generation hides nothing.
    pub async fn replace(&self, scope: Scope, draft: DraftId, change: Again) -> Result<Receipt, DeskError> {
        let row = self.store().get_draft(scope, draft).await?;
        let accepted = match self.store().replay(scope, self.key_of(draft), self.inner.now()).await? {
            Some(accepted) => accepted,
            None if row.status == DraftStatus::Published => return Err(Refusal::DraftPublished.into()),
            None => match row.live_generation {
                Some(generation) => {
                    let accepted = Accepted::Duplicate { generation, draft };
                    return Ok(Receipt { generation, draft, user: row.user, accepted });
                }
                None => self.accept_in_place_of(scope, draft, change).await?,
            },
        };
        self.hide(scope, &row).await?;
        let (generation, draft) = accepted.ids();
        Ok(Receipt { generation, draft, user: row.user, accepted })
    }

    /// The draft that took this one's place.
    pub async fn replacement(&self, scope: Scope, draft: DraftId) -> Result<Option<DraftId>, DeskError> {
        let known = self.store().replay(scope, self.key_of(draft), self.inner.now()).await?;
        Ok(known.map(|accepted| accepted.ids().1))
    }

    async fn accept_in_place_of(&self, scope: Scope, draft: DraftId, change: Again) -> Result<Accepted, DeskError> {
        let again = self.regeneration(scope, draft, change).await?;
        let request = Request { draft: None, job: None, idempotency: Some(self.key_of(draft)), ..again };
        Ok(self.accept(request).await?.accepted)
    }

    async fn hide(&self, scope: Scope, row: &DraftRow) -> Result<(), DeskError> {
        if row.deleted_at.is_none() {
            self.set_draft(scope, row.id, DraftSetting::Delete, None).await?;
        }
        Ok(())
    }

    fn key_of(&self, draft: DraftId) -> Idempotency {
        let key = draft.to_string();
        let fingerprint = Sha256::digest(key.as_bytes()).into();
        let expires_at = self.inner.now().plus(KEPT);
        Idempotency { owner: OWNER.to_owned(), route: ROUTE.to_owned(), key, fingerprint, expires_at }
    }
}
