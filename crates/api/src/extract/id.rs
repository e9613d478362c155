//! Ids in paths: the typed id, the bare UUID, or `ext:` and the application's own name for it. A text that cannot be an
//! id is not found, like an id that nobody has.

use crate::problem::Problem;
use crate::router::Api;
use axum::extract::{FromRequestParts, Path};
use copydesk_core::{DraftId, GenerationId};
use copydesk_desk::store::drafts::DraftFilter;
use copydesk_desk::store::generations::GenerationFilter;
use copydesk_desk::store::{PageRequest, Scope};
use http::request::Parts;

const EXTERNAL: &str = "ext:";

/// The variable parts of the path.
pub(crate) struct Segments(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segments, Problem> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Segments(segments)).map_err(|_| Problem::not_found("resource", parts.uri.path()))
    }
}

impl Segments {
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub async fn draft(&self, api: &Api, scope: Scope) -> Result<DraftId, Problem> {
        draft(api, scope, self.text("id")).await
    }

    /// The number of a version.
    pub fn version(&self) -> Result<u32, Problem> {
        let given = self.text("n");
        given.parse().ok().filter(|number| *number > 0).ok_or_else(|| Problem::not_found("version", shown(given)))
    }

    /// By the application's own name it is the newest generation of the draft with that name.
    pub async fn generation(&self, api: &Api, scope: Scope) -> Result<GenerationId, Problem> {
        let given = self.text("id");
        let missing = || Problem::not_found("generation", shown(given));
        let Some(external) = given.strip_prefix(EXTERNAL) else {
            return given.parse().map_err(|_| missing());
        };
        let draft = draft_called(api, scope, external).await?.ok_or_else(missing)?;
        let filter = GenerationFilter { draft: Some(draft), ..GenerationFilter::default() };
        let page = api.desk().store().list(scope, filter, PageRequest::newest(1)).await?;
        page.rows.first().map(|row| row.generation.id).ok_or_else(missing)
    }
}

/// The draft that is meant by an id in any spelling.
pub(crate) async fn draft(api: &Api, scope: Scope, given: &str) -> Result<DraftId, Problem> {
    let missing = || Problem::not_found("draft", shown(given));
    match given.strip_prefix(EXTERNAL) {
        Some(external) => draft_called(api, scope, external).await?.ok_or_else(missing),
        None => given.parse().map_err(|_| missing()),
    }
}

async fn draft_called(api: &Api, scope: Scope, external: &str) -> Result<Option<DraftId>, Problem> {
    let filter = DraftFilter { external_id: Some(external.to_owned()), ..DraftFilter::default() };
    let page = api.desk().store().list_drafts(scope, filter, PageRequest::newest(1)).await?;
    Ok(page.rows.first().map(|row| row.id))
}

fn shown(given: &str) -> String {
    given.chars().take(80).collect()
}
