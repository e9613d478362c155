//! What the server fills into a request that leaves it out, before it is checked, priced and compared with others. The one
//! place: accepting, dry runs, items of jobs and regenerations all come here.

use crate::accept::{Request, user_of};
use crate::desk::Desk;
use crate::error::DeskError;
use crate::publish::content_of;
use copydesk_core::prospect::prospect_of;
use copydesk_core::recipe::items::cut;
use copydesk_core::recipe::output::mail::text_of;
use copydesk_core::recipe::{Content, OutputForm};
use copydesk_core::source::untracked;
use copydesk_store::StoreError;
use copydesk_store::prospects::LetterSent;
use copydesk_store::sources::SourceItem;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The most items that are filled in.
pub const ITEMS_MAX: u32 = 100;
/// How old they may be where nobody says, and at most. Units: days.
pub const DAYS: u64 = 7;
pub const DAYS_MAX: u64 = 30;
/// How much of an item's text goes along; prompts use less. Units: characters.
const TEXT_CHARS_MAX: usize = 1_000;
/// How many mails that were sent go along, the newest, and how much of each. Units: mails; characters.
const MAILS_MAX: usize = 10;
const MAIL_SUBJECT_CHARS: usize = 500;
const MAIL_BODY_CHARS: usize = 4_000;

impl Desk {
    /// Fills what the request leaves out: profiles first, so that they may say what sources would.
    pub(crate) async fn fill(&self, request: &mut Request) -> Result<(), DeskError> {
        self.inner.for_own_user(request)?;
        self.fill_profiles(request).await?;
        self.fill_sources(request).await?;
        self.fill_feedback(request).await?;
        self.fill_mails(request).await?;
        request.filled.sort();
        Ok(())
    }

    /// The newest items of the user's own sources and everybody's. Nothing is filled in where there are none: what the recipe
    /// does without them is its own business.
    async fn fill_sources(&self, request: &mut Request) -> Result<(), DeskError> {
        // An unknown recipe is said where requests are checked.
        let Some(loaded) = self.inner.shelf.get(&request.recipe) else { return Ok(()) };
        let (Some(field), Value::Object(said)) = (&loaded.recipe.fill.sources, &request.input) else { return Ok(()) };
        let scope = request.scope.whole();
        if said.contains_key(field) || !self.has_sources(scope).await? {
            return Ok(());
        }
        let days = said.get("days").and_then(Value::as_u64).unwrap_or(DAYS).clamp(1, DAYS_MAX);
        let since = self.inner.now().minus(Duration::from_secs(days * 86_400));
        let items = self.store().recent_items(scope, user_of(request), since, ITEMS_MAX).await?;
        if let (false, Value::Object(said)) = (items.is_empty(), &mut request.input) {
            said.insert(field.clone(), items.iter().map(item).collect());
            request.filled.push(field.clone());
        }
        Ok(())
    }

    /// What was sent to the prospect before, for a draft that follows up. A draft is asked for with its prospect's name as the
    /// target; a first one is never filled.
    async fn fill_mails(&self, request: &mut Request) -> Result<(), DeskError> {
        let Some(loaded) = self.inner.shelf.get(&request.recipe) else { return Ok(()) };
        let (Some(field), Value::Object(said)) = (&loaded.recipe.fill.mails, &request.input) else { return Ok(()) };
        let prospect = request.target.as_deref().and_then(prospect_of);
        let (Some(prospect), false) = (prospect, said.contains_key(field)) else { return Ok(()) };
        // One that is written anew has what was before it, whatever was sent since.
        let is_before = |letter: &LetterSent| match (request.draft, request.after) {
            (Some(draft), _) => letter.draft < draft,
            (None, after) => after.is_some_and(|after| letter.draft <= after),
        };
        if request.draft.or(request.after).is_none() {
            return Ok(());
        }
        let scope = request.scope.whole();
        let mut letters = self.store().letters_sent(scope, vec![prospect]).await?;
        letters.retain(is_before);
        let mut mails = Vec::new();
        for letter in letters.iter().rev().take(MAILS_MAX) {
            match self.store().version(scope, letter.draft, Some(letter.version)).await {
                Ok(version) => mails.push(mail(&content_of(&version)?)),
                // What was removed since is not quoted.
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        mails.reverse();
        if let (false, Value::Object(said)) = (mails.is_empty(), &mut request.input) {
            said.insert(field.clone(), mails.into());
            request.filled.push(field.clone());
        }
        Ok(())
    }
}

fn mail(content: &Content) -> Value {
    let body = match content.form {
        OutputForm::Mail => text_of(&content.body).to_owned(),
        OutputForm::Article | OutputForm::Text | OutputForm::Media => content.body.to_string(),
    };
    json!({"subject": cut(&content.title, MAIL_SUBJECT_CHARS), "body": cut(&body, MAIL_BODY_CHARS)})
}

/// As recipes take items.
fn item(row: &SourceItem) -> Value {
    let mut item = Map::new();
    item.insert("id".into(), row.id.to_string().into());
    item.insert("source".into(), cut(&row.source_name, 200).into());
    item.insert("title".into(), row.title.clone().into());
    if let Some(link) = &row.link {
        item.insert("link".into(), untracked(link).into());
    }
    if let Some(text) = &row.text {
        item.insert("text".into(), cut(text, TEXT_CHARS_MAX).into());
    }
    if let Some(at) = row.published_at {
        item.insert("published_at".into(), json!(at.to_string()));
    }
    Value::Object(item)
}
