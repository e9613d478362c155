//! What a bulk action was asked for with, as it is kept with it, and how far its walk has come.

use super::Wanted;
use crate::error::DeskError;
use copydesk_core::access::{Allowed, Grant, Mode, Permit, Role};
use copydesk_core::bulk::Action;
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::Status;
use copydesk_core::{DraftId, JobId, UserId};
use copydesk_store::StoreError;
use copydesk_store::bulk::BulkRow;
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::GenerationFilter;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// Which ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// These, whatever they are.
    Ids(Vec<Uuid>),
    /// Those that are there when it begins, with the same filter as a list.
    Generations(GenerationFilter),
    Drafts(DraftFilter),
}

/// What is kept of [`Wanted`].
pub(super) struct Spec {
    /// No ids: they are items from the start.
    pub which: Which,
    pub model: Option<String>,
    /// What a review says.
    pub reason: Option<String>,
    /// What whoever asked was allowed of recipes and models then. It goes on when the key ends, as a job does.
    pub permit: Arc<Permit>,
}

impl Spec {
    pub fn of(wanted: &Wanted) -> Spec {
        let which = match &wanted.which {
            Which::Ids(_) => Which::Ids(vec![]),
            by @ (Which::Generations(_) | Which::Drafts(_)) => by.clone(),
        };
        Spec { which, model: wanted.model.clone(), reason: wanted.reason.clone(), permit: wanted.permit.clone() }
    }

    pub fn written(&self) -> String {
        let filter = match &self.which {
            Which::Ids(_) => Value::Null,
            Which::Generations(GenerationFilter { status, user, draft, job, recipe }) => json!({
                "status": status.map(Status::as_str),
                "user": user.map(|id| id.to_string()),
                "draft": draft.map(|id| id.to_string()),
                "job": job.map(|id| id.to_string()),
                "recipe": recipe,
            }),
            Which::Drafts(DraftFilter { status, review, user, recipe, external_id, job }) => json!({
                "status": status.map(DraftStatus::as_str),
                "review": review.map(Review::as_str),
                "user": user.map(|id| id.to_string()),
                "recipe": recipe,
                "external_id": external_id,
                "job": job.map(|id| id.to_string()),
            }),
        };
        let kind = match self.which {
            Which::Ids(_) => "ids",
            Which::Generations(_) => "generations",
            Which::Drafts(_) => "drafts",
        };
        json!({
            "which": kind,
            "filter": filter,
            "model": self.model,
            "reason": self.reason,
            "user": self.permit.user,
            "mode": self.permit.mode.as_str(),
            "recipes": self.permit.recipes.written(),
            "models": self.permit.models.written(),
        })
        .to_string()
    }

    pub fn read(row: &BulkRow) -> Result<Spec, DeskError> {
        let bad = |why: String| StoreError::Corrupt(format!("the spec of {}: {why}", row.facts.id));
        let spec: Value = serde_json::from_str(&row.facts.spec).map_err(|error| bad(error.to_string()))?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let filter = &spec["filter"];
        let which = match spec["which"].as_str() {
            Some("ids") => Which::Ids(vec![]),
            Some("generations") => Which::Generations(GenerationFilter {
                status: known(&filter["status"], Status::parse).map_err(bad)?,
                user: known(&filter["user"], |id| id.parse::<UserId>().ok()).map_err(bad)?,
                draft: known(&filter["draft"], |id| id.parse::<DraftId>().ok()).map_err(bad)?,
                job: known(&filter["job"], |id| id.parse::<JobId>().ok()).map_err(bad)?,
                recipe: text(&filter["recipe"]),
            }),
            Some("drafts") => Which::Drafts(DraftFilter {
                status: known(&filter["status"], DraftStatus::parse).map_err(bad)?,
                review: known(&filter["review"], Review::parse).map_err(bad)?,
                user: known(&filter["user"], |id| id.parse::<UserId>().ok()).map_err(bad)?,
                recipe: text(&filter["recipe"]),
                external_id: text(&filter["external_id"]),
                job: known(&filter["job"], |id| id.parse::<JobId>().ok()).map_err(bad)?,
            }),
            other => return Err(bad(format!("which is {other:?}")).into()),
        };
        let mode = known(&spec["mode"], Mode::parse).map_err(bad)?;
        let permit = Permit {
            grant: Grant::Role(Role::Owner),
            mode: mode.ok_or_else(|| bad("it has no mode".to_owned()))?,
            user: text(&spec["user"]),
            recipes: Allowed::read(spec["recipes"].as_str()),
            models: Allowed::read(spec["models"].as_str()),
        };
        Ok(Spec { which, model: text(&spec["model"]), reason: text(&spec["reason"]), permit: Arc::new(permit) })
    }
}

/// A word that must be one of ours where it stands at all.
fn known<T>(value: &Value, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, String> {
    match value.as_str() {
        None => Ok(None),
        Some(word) => parse(word).map(Some).ok_or_else(|| format!("{word:?} is no word of this program")),
    }
}

/// How far gathering has come. A filter without a status is walked once for each status its action is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Walk {
    /// Which of those statuses.
    pub place: usize,
    /// The cursor of its list.
    pub after: Option<String>,
}

impl Walk {
    pub const START: Walk = Walk { place: 0, after: None };

    pub fn read(text: &str) -> Option<Walk> {
        let (place, after) = text.split_once(':')?;
        Some(Walk { place: place.parse().ok()?, after: Some(after.to_owned()).filter(|after| !after.is_empty()) })
    }

    /// Where it goes on behind a page; `None` at the end.
    pub fn next(&self, after: Option<String>, action: Action, which: &Which) -> Option<Walk> {
        match after {
            Some(after) => Some(Walk { after: Some(after), ..self.clone() }),
            None => Some(self.place + 1)
                .filter(|place| *place < statuses(action, which).len())
                .map(|place| Walk { place, after: None }),
        }
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.place, self.after.as_deref().unwrap_or_default())
    }
}

/// The statuses a walk goes through, one after the other; one `None` is all at once.
pub(super) fn statuses(action: Action, which: &Which) -> Vec<Option<Status>> {
    match which {
        Which::Generations(GenerationFilter { status: None, .. }) if !action.statuses().is_empty() => {
            action.statuses().iter().copied().map(Some).collect()
        }
        Which::Generations(filter) => vec![filter.status],
        Which::Drafts(_) | Which::Ids(_) => vec![None],
    }
}
