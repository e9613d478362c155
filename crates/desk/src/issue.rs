//! Making, changing, ending and rotating keys. Nobody hands on more than he has, nor changes what has more than he has.

use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::keys::KeyText;
use copydesk_core::access::{Allowed, Denied, Grant, KeyTerms, Life};
use copydesk_core::refusal::Refusal;
use copydesk_core::{KeyId, Timestamp};
use copydesk_store::generations::Idempotency;
use copydesk_store::keys::{KeyChange, KeyRotation, KeyRow};
use copydesk_store::{Scope, StoreError};
use std::num::NonZeroU32;
use std::time::Duration;
use uuid::Uuid;

/// How long the old key of a rotation stays good when nobody says.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3_600);
/// The longest it may.
pub const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How often a change is tried that others get in the way of.
const TRIES: u32 = 4;

/// Who asks, and what he may hand on.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub scope: Scope,
    /// For the log.
    pub name: String,
    pub terms: KeyTerms,
}

/// A key with its secret, which is nowhere else.
#[derive(Clone, Debug)]
pub struct Issued {
    pub row: KeyRow,
    pub text: KeyText,
}

/// What a change sets; `Some(None)` takes a limit away. Mode and user stay what they were made as.
#[derive(Clone, Debug, Default)]
pub struct TermsPatch {
    pub name: Option<String>,
    pub grant: Option<Grant>,
    pub recipes: Option<Allowed>,
    pub models: Option<Allowed>,
    pub requests_per_minute: Option<Option<NonZeroU32>>,
    pub concurrent_max: Option<Option<NonZeroU32>>,
    pub expires_at: Option<Option<Timestamp>>,
}

impl TermsPatch {
    fn applied(self, mut terms: KeyTerms) -> KeyTerms {
        terms.name = self.name.unwrap_or(terms.name);
        terms.permit.grant = self.grant.unwrap_or(terms.permit.grant);
        terms.permit.recipes = self.recipes.unwrap_or(terms.permit.recipes);
        terms.permit.models = self.models.unwrap_or(terms.permit.models);
        terms.requests_per_minute = self.requests_per_minute.unwrap_or(terms.requests_per_minute);
        terms.concurrent_max = self.concurrent_max.unwrap_or(terms.concurrent_max);
        terms.expires_at = self.expires_at.unwrap_or(terms.expires_at);
        terms
    }
}

impl Desk {
    /// Makes a key. With an idempotency key it is made once: a repeat is refused, because the secret is not kept.
    ///
    /// Errors: `Invalid`; `Denied` when the issuer has less; `key_made` for a repeat.
    pub async fn issue_key(
        &self,
        by: &Issuer,
        terms: KeyTerms,
        idempotency: Option<Idempotency>,
    ) -> Result<Issued, DeskError> {
        let now = self.inner.now();
        sound(&terms, now)?;
        covered(by, &terms)?;
        let id = match &idempotency {
            Some(key) => named_id(by.scope, key),
            None => KeyId(self.inner.world.uuid(now)),
        };
        let text = KeyText::of_mode(&self.inner.world, terms.mode());
        let row = new_row(id, by.scope, terms, &text, now);
        if !self.store().add_key(row.clone()).await? {
            return Err(Refusal::KeyMade { key: id }.into());
        }
        tracing::info!(key = %id, workspace = %by.scope.workspace, by = by.name, "A key was made");
        Ok(Issued { row, text })
    }

    /// Errors: as for [`Desk::issue_key`]; `NotFound`; `key_ended`; `last_key`.
    pub async fn change_key(&self, by: &Issuer, id: KeyId, patch: TermsPatch) -> Result<KeyRow, DeskError> {
        let changed = self
            .rewrite(by, id, |row, now| {
                living(row, now)?;
                let terms = patch.clone().applied(row.terms.clone());
                if terms.expires_at != row.terms.expires_at {
                    sound(&terms, now)?;
                } else {
                    without_faults(&terms, Vec::new())?;
                }
                covered(by, &terms)?;
                Ok(Some((terms, None)))
            })
            .await?;
        tracing::info!(key = %id, workspace = %by.scope.workspace, by = by.name, "A key was changed");
        Ok(changed)
    }

    /// From now on the key is refused: here at once, elsewhere within a second. Doing it twice changes nothing.
    pub async fn revoke_key(&self, by: &Issuer, id: KeyId) -> Result<KeyRow, DeskError> {
        let revoked = self
            .rewrite(by, id, |row, now| Ok(row.revoked_at.is_none().then(|| (row.terms.clone(), Some(now)))))
            .await?;
        tracing::info!(key = %id, workspace = %by.scope.workspace, by = by.name, "A key was revoked");
        Ok(revoked)
    }

    /// Makes another key on the same terms; the old one expires when `overlap` is over.
    pub async fn rotate_key(&self, by: &Issuer, id: KeyId, overlap: Duration) -> Result<Issued, DeskError> {
        if overlap > OVERLAP_MAX {
            let detail = format!("it must be at most {} days", OVERLAP_MAX.as_secs() / 86_400);
            return Err(DeskError::invalid("/overlap", "out_of_range", detail));
        }
        let (now, old) = (self.inner.now(), self.store().get_key(by.scope, id).await?);
        covered(by, &old.terms)?;
        living(&old, now)?;
        let text = KeyText::of_mode(&self.inner.world, old.terms.mode());
        let row = new_row(KeyId(self.inner.world.uuid(now)), by.scope, old.terms.clone(), &text, now);
        let over = now.plus(overlap);
        let old_expires_at = old.terms.expires_at.map_or(over, |expires_at| expires_at.min(over));
        let rotation = KeyRotation { old: id, if_revision: old.revision, old_expires_at, new: row.clone() };
        self.store().rotate_key(rotation).await.map_err(contended)?;
        self.inner.keyring.forget(id);
        tracing::info!(key = %id, new = %row.id, workspace = %by.scope.workspace, by = by.name, "A key was rotated");
        Ok(Issued { row, text })
    }

    /// Reads the key, decides, and writes over exactly what was read. `None` is nothing to do.
    async fn rewrite(
        &self,
        by: &Issuer,
        id: KeyId,
        decide: impl Fn(&KeyRow, Timestamp) -> Result<Option<(KeyTerms, Option<Timestamp>)>, DeskError>,
    ) -> Result<KeyRow, DeskError> {
        let mut tries = 1;
        loop {
            let (at, row) = (self.inner.now(), self.store().get_key(by.scope, id).await?);
            // What is ended or narrowed may last longer than he who asks; it may not do more.
            permitted(by.terms.permit.lacks(&row.terms.permit))?;
            let Some((terms, revoked_at)) = decide(&row, at)? else { return Ok(row) };
            let change = KeyChange { scope: by.scope, id, at, if_revision: row.revision, terms, revoked_at };
            match self.store().change_key(change).await {
                Err(StoreError::Refused(Refusal::VersionConflict { .. })) if tries < TRIES => tries += 1,
                answer => {
                    self.inner.keyring.forget(id);
                    return answer.map_err(contended);
                }
            }
        }
    }
}

fn new_row(id: KeyId, scope: Scope, terms: KeyTerms, text: &KeyText, now: Timestamp) -> KeyRow {
    KeyRow {
        id,
        scope,
        secret_hash: text.hash(),
        shown: text.shown(),
        terms,
        revision: 1,
        created_at: now,
        revoked_at: None,
        replaced_by: None,
        last_used: None,
    }
}

/// The same request makes the same id, so it makes one key.
fn named_id(scope: Scope, key: &Idempotency) -> KeyId {
    let name = format!("{:?} {:?} {:?}", key.owner, key.route, key.key);
    KeyId(Uuid::new_v5(&scope.workspace.0, name.as_bytes()))
}

/// Terms of a key that is to be alive at `now`.
fn sound(terms: &KeyTerms, now: Timestamp) -> Result<(), DeskError> {
    let over = terms.expires_at.is_some_and(|at| at <= now);
    let late = || Fault::new("/expires_at", "in_the_past", format!("it must lie after {now}; to end a key, revoke it"));
    without_faults(terms, over.then(late).into_iter().collect())
}

fn without_faults(terms: &KeyTerms, mut faults: Vec<Fault>) -> Result<(), DeskError> {
    faults.extend(terms.faults().into_iter().map(|it| Fault::new(format!("/{}", it.field), it.code, it.detail)));
    if faults.is_empty() { Ok(()) } else { Err(DeskError::Invalid(faults)) }
}

fn covered(by: &Issuer, terms: &KeyTerms) -> Result<(), DeskError> {
    permitted(by.terms.lacks(terms))
}

fn permitted(lacking: Option<String>) -> Result<(), DeskError> {
    match lacking {
        None => Ok(()),
        Some(what) => Err(DeskError::Denied { denied: Denied::Beyond { what }, instead: Vec::new() }),
    }
}

fn living(row: &KeyRow, now: Timestamp) -> Result<(), DeskError> {
    let how = match row.life(now) {
        Life::Revoked { .. } => "was revoked",
        Life::Expired { .. } => "has expired",
        Life::Living if row.replaced_by.is_some() => "was rotated",
        Life::Living => return Ok(()),
    };
    Err(Refusal::KeyEnded { how }.into())
}

/// A conflict of revisions is nobody's fault: it may be tried again.
fn contended(error: StoreError) -> DeskError {
    match error {
        StoreError::Refused(Refusal::VersionConflict { .. }) => {
            DeskError::Store(StoreError::Busy("the key kept changing".to_owned()))
        }
        StoreError::Refused(_)
        | StoreError::NotFound { .. }
        | StoreError::Busy(_)
        | StoreError::Unavailable(_)
        | StoreError::CommitUnknown(_)
        | StoreError::Corrupt(_)
        | StoreError::SchemaMismatch(_)
        | StoreError::TooNew { .. }
        | StoreError::Held { .. } => error.into(),
    }
}
