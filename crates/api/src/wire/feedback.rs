//! Feedback on drafts on the wire.

use crate::extract::fields::{Fields, FromFields};
use crate::openapi::words::VoteWord;
use copydesk_core::feedback::{COMMENT_CHARS_MAX, Vote};
use copydesk_desk::feedback::NewOpinion;
use copydesk_desk::store::feedback::FeedbackRow;
use serde::Serialize;
use utoipa::ToSchema;

/// What somebody thinks of a part of a draft.
#[derive(Serialize, ToSchema)]
#[schema(as = Feedback)]
pub(crate) struct FeedbackBody {
    object: &'static str,
    id: String,
    uuid: String,
    draft_id: String,
    version: u32,
    recipe: String,
    user_id: String,
    /// `null` is the whole.
    part: Option<String>,
    /// What stood above the part.
    heading: String,
    #[schema(value_type = VoteWord)]
    vote: &'static str,
    comment: Option<String>,
    created_at: String,
    updated_at: String,
}

impl FeedbackBody {
    pub fn of(row: FeedbackRow) -> FeedbackBody {
        FeedbackBody {
            object: "feedback",
            id: row.id.to_string(),
            uuid: row.id.uuid().to_string(),
            draft_id: row.draft.to_string(),
            version: row.version,
            recipe: row.recipe,
            user_id: row.user.to_string(),
            part: row.opinion.part,
            heading: row.opinion.heading,
            vote: row.opinion.vote.as_str(),
            comment: row.opinion.comment,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }
}

/// What you think of a part of a draft, instead of what was said of it before.
#[derive(ToSchema)]
pub(crate) struct NewFeedback {
    /// Of an article `title`, `intro`, `topics/1` and so on, `conclusion`; of a mail `title` and the names of its fields; without
    /// it the whole.
    #[schema(min_length = 1, max_length = 100)]
    pub part: Option<String>,
    /// The current one without it.
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub version: Option<u32>,
    #[schema(value_type = VoteWord)]
    pub vote: Option<Vote>,
    #[schema(min_length = 1, max_length = 2_000)]
    pub comment: Option<String>,
}

impl FromFields for NewFeedback {
    fn read(fields: &mut Fields) -> NewFeedback {
        let vote = fields.required_word("vote", Vote::parse, &Vote::ALL.map(Vote::as_str));
        let part = fields.text("part");
        let comment = fields.text("comment").map(|comment| comment.trim().to_owned());
        if let Some(comment) = &comment
            && (!(1..=COMMENT_CHARS_MAX).contains(&comment.chars().count()) || comment.contains('\0'))
        {
            let detail =
                format!("it must have 1 to {COMMENT_CHARS_MAX} characters that are not only spaces, without NUL");
            fields.fault("comment", "bad_length", detail);
        }
        let version = fields.count("version", u32::MAX.into()).and_then(|version| u32::try_from(version).ok());
        if version == Some(0) {
            fields.fault("version", "out_of_range", "versions are counted from 1");
        }
        NewFeedback { part, version, vote, comment }
    }
}

impl NewFeedback {
    /// `None` where it was let through without a vote.
    pub fn opinion(self) -> Option<NewOpinion> {
        let NewFeedback { part, version, vote, comment } = self;
        Some(NewOpinion { part, version, vote: vote?, comment })
    }
}
