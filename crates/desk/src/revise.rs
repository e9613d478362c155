//! Regenerating one part of a draft, or a passage of one: the version it starts from is read when it is asked for, its wishes
//! are kept with the generation, and every attempt reads both again. Which answer goes where is core's `recipe::revision`; why
//! it is so is ADR 35.

use crate::accept::{Again, Request, again};
use crate::attempt::{Attempt, Ending};
use crate::desk::{Desk, Inner};
use crate::error::{DeskError, Fault};
use crate::publish::content_of;
use copydesk_core::generation::{Failure, FailureCode, Status};
use copydesk_core::recipe::revision::kept;
use copydesk_core::recipe::{Content, Revision};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId};
use copydesk_recipes::LoadedRecipe;
use copydesk_store::generations::{GenerationFilter, GenerationRow};
use copydesk_store::{PageRequest, Scope, StoreError};
use serde_json::Value;
use std::sync::Arc;

/// What is asked for of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedPart {
    pub part: String,
    pub selection: Option<String>,
    pub instruction: Option<String>,
    /// The version everything else is taken from; `None` is the current one.
    pub version: Option<u32>,
}

/// A revision with the content it starts from.
#[derive(Clone, PartialEq, Debug)]
pub struct Revising {
    pub revision: Revision,
    pub base: Content,
}

impl Revising {
    /// The recipe as it writes this part.
    ///
    /// Errors: `Invalid` when it has no words for parts, or the content no such part.
    pub(crate) fn recipe(&self, loaded: &LoadedRecipe) -> Result<Arc<LoadedRecipe>, DeskError> {
        let Some(revising) = loaded.revising(self.revision.clone(), self.base.clone()) else {
            let name = &loaded.recipe.name;
            let what = format!("the recipe {name:?} has no [revise] table, so only the whole draft can be regenerated");
            return Err(DeskError::invalid("/part", "not_supported", what));
        };
        let faults: Vec<Fault> = self
            .revision
            .faults(&self.base)
            .into_iter()
            .map(|fault| Fault::new(format!("/{}", fault.field), fault.code, fault.detail))
            .collect();
        if faults.is_empty() { Ok(Arc::new(revising)) } else { Err(DeskError::Invalid(faults)) }
    }
}

fn corrupt(id: GenerationId, what: &str) -> DeskError {
    DeskError::Store(StoreError::Corrupt(format!("params of {id}: {what}")))
}

impl Desk {
    /// The request for one part of a draft: what the base version was made of, asked for once more.
    ///
    /// Errors: `NotFound` of a version; a draft without any is `DraftEmpty`.
    pub(crate) async fn part_of(
        &self,
        scope: Scope,
        draft: DraftId,
        asked: AskedPart,
        change: Again,
    ) -> Result<Request, DeskError> {
        let row = self.store().get_draft(scope, draft).await?;
        if row.current_version == 0 {
            return Err(Refusal::DraftEmpty.into());
        }
        let from_version = asked.version.unwrap_or(row.current_version);
        let made = self.maker_of(scope, draft, from_version).await?;
        let AskedPart { part, selection, instruction, version: _ } = asked;
        let revision = Revision { part, selection, instruction, from_version };
        self.with_base(scope, made, revision, change).await
    }

    /// The newest generation whose version is this one or one before it: edits are made of what a generation wrote.
    async fn maker_of(&self, scope: Scope, draft: DraftId, version: u32) -> Result<GenerationRow, DeskError> {
        let filter =
            GenerationFilter { draft: Some(draft), status: Some(Status::Completed), ..GenerationFilter::default() };
        let mut page = PageRequest::newest(PageRequest::LIMIT_MAX);
        loop {
            let rows = self.store().list(scope, filter.clone(), page.clone()).await?;
            let made = rows.rows.iter().find(|row| row.version.is_some_and(|number| number <= version));
            match (made, rows.next) {
                (Some(row), _) => return Ok(self.store().get(scope, row.generation.id).await?),
                (None, Some(next)) => page.after = Some(next),
                (None, None) => {
                    return Err(DeskError::NotFound { what: "generation of draft", id: draft.to_string() });
                }
            }
        }
    }

    /// A generation once more, as it was: of a part, if it was for one.
    pub(crate) async fn once_more(
        &self,
        scope: Scope,
        row: GenerationRow,
        change: Again,
    ) -> Result<Request, DeskError> {
        match kept(row.params.as_deref()).map_err(|what| corrupt(row.generation.id, &what))?.1 {
            Some(revision) => self.with_base(scope, row, revision, change).await,
            None => again(scope, row, change),
        }
    }

    async fn with_base(
        &self,
        scope: Scope,
        row: GenerationRow,
        revision: Revision,
        change: Again,
    ) -> Result<Request, DeskError> {
        let version = self.store().version(scope, row.draft, Some(revision.from_version)).await?;
        let base = content_of(&version)?;
        // The numbers of its sources mean the items it was made of, whatever is new by now.
        let items = self.recipe(&row.recipe)?.recipe.fill.sources.clone();
        let input: Value =
            serde_json::from_str(&row.input).map_err(|error| corrupt(row.generation.id, &error.to_string()))?;
        let filled = row.filled.clone();
        let mut request = again(scope, row, change)?;
        if let (Some(field), Value::Object(said)) = (items, &mut request.input)
            && !said.contains_key(&field)
            && let Some(value) = input.get(&field)
        {
            said.insert(field.clone(), value.clone());
            request.filled.extend(filled.is_some().then_some(field));
        }
        request.revision = Some(Arc::new(Revising { revision, base }));
        Ok(request)
    }
}

impl Inner {
    /// The recipe a generation is done with: its own, or as it writes the part that the generation is for.
    ///
    /// Errors: the version is not there any more; what the store says.
    pub(crate) async fn recipe_for(
        &self,
        loaded: Arc<LoadedRecipe>,
        scope: Scope,
        draft: DraftId,
        params: Option<&str>,
    ) -> Result<Arc<LoadedRecipe>, DeskError> {
        let stored =
            |what: String| DeskError::Store(StoreError::Corrupt(format!("params of a generation of {draft}: {what}")));
        let Some(revision) = kept(params).map_err(stored)?.1 else { return Ok(loaded) };
        let version = self.store.version(scope, draft, Some(revision.from_version)).await?;
        Revising { base: content_of(&version)?, revision }.recipe(&loaded)
    }
}

impl Attempt {
    /// The recipe this is done with, or how the attempt ends.
    pub(crate) async fn recipe_for(&self, loaded: Arc<LoadedRecipe>) -> Result<Arc<LoadedRecipe>, Ending> {
        let claimed = &self.claimed;
        let found = self.inner.recipe_for(loaded, claimed.scope, claimed.draft, claimed.params.as_deref()).await;
        found.map_err(|error| {
            let DeskError::Store(error) = error else {
                return self.broken(format!("The part cannot be written any more. {error}"));
            };
            // The database may be back with the next attempt.
            let failure = Failure::new(FailureCode::Internal, "The version this starts from could not be read.");
            self.failed(failure.with_detail(error.to_string()), None)
        })
    }
}
