//! The reviewer's word on a draft, beside its status.

/// `none | approved | rejected`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Review {
    #[default]
    None,
    Approved,
    Rejected,
}

impl Review {
    pub const ALL: [Review; 3] = [Self::None, Self::Approved, Self::Rejected];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
    pub fn parse(word: &str) -> Option<Review> {
        Self::ALL.into_iter().find(|review| review.as_str() == word)
    }
}
