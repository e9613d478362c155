//! A draft's editorial life: edit, restore, review, publish, delete. Every change names the revision it was made for, so
//! that two tabs never overwrite each other, and adds a version; nothing is ever rewritten.

use crate::decide::new_content;
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::DraftId;
use copydesk_core::generation::Origin;
use copydesk_core::recipe::{Content, OutputForm};
use copydesk_store::drafts::{DraftRow, DraftSetting, Edit, SetDraft, VersionRow};
use copydesk_store::{Scope, StoreError};
use serde_json::Value;

/// New content from a person; what is left out stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub title: Option<String>,
    pub body: Option<Value>,
    pub if_revision: Option<i64>,
}

impl Desk {
    /// Stores edited content as the next version.
    pub async fn edit(&self, scope: Scope, id: DraftId, patch: Patch) -> Result<DraftRow, DeskError> {
        let draft = self.store().get_draft(scope, id).await?;
        let facts = copydesk_core::draft::state::DraftFacts {
            status: draft.status,
            has_version: draft.current_version > 0,
            busy: draft.live_generation.is_some(),
        };
        copydesk_core::draft::state::may_edit(facts)?;
        let current = self.store().version(scope, id, None).await?;
        let content = content_of(&current)?;
        if content.form == OutputForm::Media && patch.body.as_ref().is_some_and(|body| *body != content.body) {
            let what = "its files stay what was made; edit the title, or generate again";
            return Err(DeskError::invalid("/content", "not_editable", what));
        }
        let title = patch.title.unwrap_or(content.title);
        let body = patch.body.unwrap_or(content.body);
        let content = content.form.check(&title, &body).map_err(|why| match why {
            copydesk_core::recipe::WhyNot::WrongShape { pointer, what } => {
                DeskError::invalid(&format!("/content{pointer}"), "wrong_shape", what)
            }
            copydesk_core::recipe::WhyNot::Unparsable { what } => DeskError::invalid("/content", "wrong_shape", what),
        })?;
        self.add(scope, id, Origin::Edited, &content, patch.if_revision).await
    }

    /// Makes a copy of version `number` the next and current version; nothing is deleted. Where the current one is that copy
    /// already, nothing is done, so that a repeat does not make another.
    pub async fn restore(
        &self,
        scope: Scope,
        id: DraftId,
        number: u32,
        if_revision: Option<i64>,
    ) -> Result<DraftRow, DeskError> {
        let origin = Origin::Restored { from: number };
        let draft = self.store().get_draft(scope, id).await?;
        if draft.current_version > 0 && if_revision.is_none_or(|revision| revision == draft.revision) {
            let current = self.store().version(scope, id, None).await?;
            if current.origin == origin.as_str() && current.reason == origin.reason() {
                return Ok(draft);
            }
        }
        let old = self.store().version(scope, id, Some(number)).await?;
        self.add(scope, id, origin, &content_of(&old)?, if_revision).await
    }

    async fn add(
        &self,
        scope: Scope,
        draft: DraftId,
        origin: Origin,
        content: &Content,
        if_revision: Option<i64>,
    ) -> Result<DraftRow, DeskError> {
        let provenance = serde_json::json!({ "by": origin.as_str() }).to_string();
        let content = new_content(content, provenance);
        let edit = Edit { scope, at: self.inner.now(), draft, if_revision, origin, content };
        Ok(self.store().add_version(edit).await?)
    }

    /// Reviews, publishes, unpublishes, deletes or takes a deletion back.
    pub async fn set_draft(
        &self,
        scope: Scope,
        draft: DraftId,
        to: DraftSetting,
        if_revision: Option<i64>,
    ) -> Result<DraftRow, DeskError> {
        Ok(self.store().set_draft(SetDraft { scope, at: self.inner.now(), draft, if_revision, to }).await?)
    }
}

/// A stored version as typed content.
pub fn content_of(version: &VersionRow) -> Result<Content, DeskError> {
    let broken = |what: String| {
        DeskError::Store(StoreError::Corrupt(format!("version {} of {}: {what}", version.number, version.draft)))
    };
    let form = OutputForm::from_word(&version.content.form)
        .ok_or_else(|| broken(format!("unknown form {:?}", version.content.form)))?;
    let body = serde_json::from_str(&version.content.body).map_err(|error| broken(error.to_string()))?;
    Ok(Content { form, title: version.content.title.clone(), body })
}
