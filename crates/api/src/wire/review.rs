//! What reviewers say of drafts, as it is read from bodies.

use crate::extract::fields::{Fields, FromFields};
use copydesk_core::draft::Review;
use utoipa::ToSchema;

/// The longest reason of a review. Units: characters.
pub(crate) const REASON_CHARS_MAX: usize = 2_000;

/// Why a draft is approved or rejected.
#[derive(ToSchema)]
pub(crate) struct Verdict {
    /// It stands with the draft until there is another version.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2_000)]
    pub reason: Option<String>,
}

impl FromFields for Verdict {
    fn read(fields: &mut Fields) -> Verdict {
        Verdict { reason: reason(fields, "reason") }
    }
}

pub(crate) fn review(fields: &mut Fields) -> Option<Review> {
    fields.word("review", Review::parse, &Review::ALL.map(Review::as_str))
}

pub(crate) fn reason(fields: &mut Fields, name: &'static str) -> Option<String> {
    let reason = fields.text(name)?;
    let reason = reason.trim();
    if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) || reason.contains('\0') {
        let detail = format!("it must have 1 to {REASON_CHARS_MAX} characters that are not only spaces, without NUL");
        fields.fault(name, "bad_length", detail);
    }
    Some(reason.to_owned())
}
