//! What a reader of events wants: one rule for pages, streams and deliveries.

use copydesk_core::{DraftId, GenerationId, UserId};
use copydesk_store::events::EventRow;

/// All given conditions must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// One of these; any kind when there are none.
    pub kinds: Vec<KindPattern>,
    pub subject: Option<Subject>,
    /// Only what is this user's: a key that is bound to a user sees no other's, and nothing of the whole workspace.
    pub user: Option<UserId>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KindPattern {
    Exactly(String),
    Beginning(String),
}

impl KindPattern {
    /// `generation.failed`, or `generation.*`.
    pub fn parse(text: &str) -> Option<KindPattern> {
        let (word, any) = text.strip_suffix('*').map_or((text, false), |word| (word, true));
        let plain = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_');
        if !plain || (word.is_empty() && !any) {
            return None;
        }
        Some(if any { KindPattern::Beginning(word.to_owned()) } else { KindPattern::Exactly(word.to_owned()) })
    }

    fn fits(&self, kind: &str) -> bool {
        match self {
            KindPattern::Exactly(word) => kind == word,
            KindPattern::Beginning(word) => kind.starts_with(word.as_str()),
        }
    }
}

/// What an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    Generation(GenerationId),
    /// The draft itself and the generations that fill it.
    Draft(DraftId),
    /// Everything of one user.
    User(UserId),
}

impl EventFilter {
    pub fn wants(&self, event: &EventRow) -> bool {
        let subject = match self.subject {
            None => true,
            Some(Subject::Generation(id)) => event.generation == Some(id),
            Some(Subject::Draft(id)) => event.draft == Some(id),
            Some(Subject::User(id)) => event.user == Some(id),
        };
        subject
            && self.user.is_none_or(|user| event.user == Some(user))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.fits(&event.kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::Timestamp;

    #[test]
    fn kinds_are_words_and_beginnings() {
        for bad in ["", "Generation.x", "a b", "generation.*.x", "a,b"] {
            assert_eq!(KindPattern::parse(bad), None, "{bad:?}");
        }
        let fits = |pattern: &str, kind: &str| KindPattern::parse(pattern).expect(pattern).fits(kind);
        assert!(fits("generation.*", "generation.failed") && fits("*", "credits.changed"));
        assert!(fits("draft.updated", "draft.updated") && !fits("draft.updated", "draft.updated_again"));
        assert!(!fits("draft.*", "generation.failed"));
    }

    #[test]
    fn a_user_sees_no_others_events_and_none_of_the_whole_workspace() {
        let user = |n: u128| UserId(uuid::Uuid::from_u128(n));
        let of = |owner: Option<UserId>| EventRow {
            seq: 1,
            kind: "lane.paused".to_owned(),
            generation: None,
            draft: None,
            user: owner,
            at: Timestamp::from_micros(0),
            data: "{}".to_owned(),
        };
        let only = EventFilter { user: Some(user(1)), ..EventFilter::default() };
        assert!(only.wants(&of(Some(user(1)))));
        assert!(!only.wants(&of(Some(user(2)))) && !only.wants(&of(None)));
        let both = EventFilter { subject: Some(Subject::User(user(2))), ..only };
        assert!(!both.wants(&of(Some(user(1)))) && !both.wants(&of(Some(user(2)))), "conditions only narrow");
    }
}
