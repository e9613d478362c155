//! Asking once more: the request that a generation was made of, as it is made again for the same draft.

use crate::accept::Request;
use crate::error::DeskError;
use crate::revise::AskedPart;
use copydesk_core::access::Permit;
use copydesk_core::profile::unfilled;
use copydesk_core::recipe::revision::kept;
use copydesk_core::{KeyId, NanoUsd};
use copydesk_store::generations::{GenerationRow, Idempotency};
use copydesk_store::jobs::ForItem;
use copydesk_store::{Scope, StoreError};
use serde_json::Value;
use std::sync::Arc;

/// What a new try changes.
#[derive(Clone, Debug)]
pub struct Again {
    /// What the key that asks may do.
    pub permit: Arc<Permit>,
    pub model: Option<String>,
    /// Instead of the cap of last time, which holds for each try by itself.
    pub max_cost: Option<NanoUsd>,
    pub idempotency: Option<Idempotency>,
    /// Only this part of the draft.
    pub part: Option<AskedPart>,
    /// Who asks now, whoever asked first.
    pub key: Option<KeyId>,
}

impl Default for Again {
    fn default() -> Again {
        Again {
            permit: Arc::new(Permit::owner()),
            key: None,
            model: None,
            max_cost: None,
            idempotency: None,
            part: None,
        }
    }
}

/// Without what the generation itself was a part of: see `revise.rs` for that.
pub(crate) fn again(scope: Scope, row: GenerationRow, change: Again) -> Result<Request, DeskError> {
    let stored = |what: &str, text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| DeskError::Store(StoreError::Corrupt(format!("{what} of {}: {error}", row.generation.id))))
    };
    let filled: Vec<String> = row.filled.as_deref().map_or(Ok(Vec::new()), |text| {
        let bad = |error| StoreError::Corrupt(format!("filled fields of {}: {error}", row.generation.id));
        serde_json::from_str(text).map_err(bad)
    })?;
    // Who was given a route goes along it again; who asked for a model by name gets that one.
    let alone = !row.generation.terms.onward(0);
    Ok(Request {
        scope,
        permit: change.permit,
        recipe: row.recipe.clone(),
        model: change.model.or_else(|| alone.then(|| row.asked_model.clone())),
        // What profiles filled then is filled as they stand now.
        input: unfilled(stored("input", &row.input)?, &filled),
        filled: Vec::new(),
        user: Some(row.user_external.clone()),
        key: change.key,
        target: row.target.clone(),
        dedupe_key: None,
        external_id: None,
        draft: Some(row.draft),
        priority: row.priority.value(),
        run_at: None,
        deadline: None,
        max_cost: change.max_cost.or(row.generation.terms.cost_max),
        params: kept(row.params.as_deref())
            .map_err(|what| StoreError::Corrupt(format!("params of {}: {what}", row.generation.id)))?
            .0,
        revision: None,
        metadata: stored("metadata", &row.metadata)?,
        idempotency: change.idempotency,
        webhook: None,
        job: row.job.map(ForItem::Again),
        once: false,
        after: None,
    })
}
