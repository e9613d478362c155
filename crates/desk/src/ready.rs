//! "Can I draft?": what a request would be asked with, and what would come of it. Asked before the click, so that nobody has to
//! find out why a draft is empty.

use crate::accept::{Request, user_of};
use crate::desk::Desk;
use crate::error::DeskError;
use crate::rehearse::Rehearsal;
use copydesk_core::recipe::{FallbackBody, FallbackReason};
use copydesk_core::source::State;
use copydesk_store::sources::{SourceFilter, Whose};
use copydesk_store::{PageRequest, Scope};
use serde_json::Value;

/// The most sources that are looked at.
const SOURCES_MAX: u32 = PageRequest::LIMIT_MAX;

#[derive(Debug)]
pub struct Readiness {
    /// What it would be asked with.
    pub input: Value,
    /// The fields of it that are filled.
    pub filled: Vec<String>,
    /// `None` where the recipe takes none.
    pub sources: Option<SourcesSeen>,
    /// What would take the place of a draft, without a model.
    pub stand_in: Option<(FallbackReason, FallbackBody)>,
    /// What a dry run says.
    pub rehearsal: Result<Rehearsal, DeskError>,
}

/// The user's sources and everybody's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourcesSeen {
    /// The field of the input they fill.
    pub field: String,
    pub all: usize,
    pub pending: usize,
    pub paused: usize,
    /// By name, with what the last fetch said.
    pub failing: Vec<(String, String)>,
}

impl Desk {
    /// What would come of `request`, as it is before anything is filled. Writes nothing.
    ///
    /// Errors: a recipe that is not there; whatever keeps the answer from being found.
    pub async fn ready(&self, request: Request) -> Result<Readiness, DeskError> {
        let loaded = self.recipe(&request.recipe)?;
        let mut filled = request.clone();
        self.fill(&mut filled).await?;
        let (scope, user) = (filled.scope, user_of(&filled));
        let sources = match &loaded.recipe.fill.sources {
            Some(field) => Some(self.sources_seen(scope, field, Whose::For(user)).await?),
            None => None,
        };
        let reason =
            loaded.before_call(&filled.input).and_then(|stand_in| FallbackReason::from_word(stand_in.reason_code));
        let stand_in = reason.and_then(|reason| Some((reason, loaded.recipe.fallback.rule(reason)?)));
        let rehearsal = self.dry_run(request).await;
        Ok(Readiness { input: filled.input, filled: filled.filled, sources, stand_in, rehearsal })
    }

    async fn sources_seen(&self, scope: Scope, field: &str, whose: Whose) -> Result<SourcesSeen, DeskError> {
        let filter = SourceFilter { whose: Some(whose), ..SourceFilter::default() };
        let page = self.store().sources(scope.whole(), filter, PageRequest::newest(SOURCES_MAX)).await?;
        let mut seen = SourcesSeen { field: field.to_owned(), all: page.rows.len(), ..SourcesSeen::default() };
        for row in page.rows {
            match row.state() {
                State::Pending => seen.pending += 1,
                State::Paused => seen.paused += 1,
                State::Active => {}
                State::Error => seen.failing.push((row.name, row.trouble.map(|it| it.message).unwrap_or_default())),
            }
        }
        Ok(seen)
    }
}
