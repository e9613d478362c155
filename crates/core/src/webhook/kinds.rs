//! Which events a receiver wants: kinds, beginnings of kinds, and the words other systems use.

use std::fmt;

/// How many patterns one list may have.
const PATTERNS_MAX: usize = 20;
/// Units: bytes.
const PATTERN_BYTES_MAX: usize = 64;
/// Words of other systems, and the kinds they stand for here. There is no durable event for the first token or for a piece
/// of progress, so `start` is the accept.
const ALIASES: [(&str, &[&str]); 4] = [
    ("start", &["generation.accepted"]),
    ("output", &["generation.completed"]),
    ("logs", &["generation.retrying"]),
    ("completed", &["generation.completed", "generation.failed", "generation.cancelled"]),
];

/// A list of wanted kinds; an empty one wants all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted(Vec<String>);

/// An entry that is not a kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} is not a kind of event: write one such as generation.completed, a beginning such as draft.*, or start, output, \
     logs or completed; at most {PATTERNS_MAX}"
)]
pub struct BadKind(pub String);

impl Wanted {
    /// Errors: [`BadKind`] with the first wrong entry.
    pub fn new<T: AsRef<str>>(given: &[T]) -> Result<Wanted, BadKind> {
        if given.len() > PATTERNS_MAX {
            return Err(BadKind(given[PATTERNS_MAX].as_ref().chars().take(PATTERN_BYTES_MAX).collect()));
        }
        let mut wanted = Vec::with_capacity(given.len());
        for word in given.iter().map(AsRef::as_ref) {
            let stem = word.strip_suffix('*').unwrap_or(word);
            let plain = stem.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte == b'_');
            let alias = ALIASES.iter().any(|(alias, _)| *alias == word);
            let kind = word == "*" || stem.contains('.');
            if !plain || !(alias || kind) || word.len() > PATTERN_BYTES_MAX {
                return Err(BadKind(word.chars().take(PATTERN_BYTES_MAX).collect()));
            }
            if !wanted.iter().any(|known| known == word) {
                wanted.push(word.to_owned());
            }
        }
        Ok(Wanted(wanted))
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Result<Wanted, BadKind> {
        Wanted::new(&text.split_whitespace().collect::<Vec<_>>())
    }

    pub fn words(&self) -> &[String] {
        &self.0
    }

    pub fn wants(&self, kind: &str) -> bool {
        let fits = |word: &String| match (word.strip_suffix('*'), ALIASES.iter().find(|(alias, _)| alias == word)) {
            (Some(beginning), _) => kind.starts_with(beginning),
            (None, Some((_, kinds))) => kinds.contains(&kind),
            (None, None) => word == kind,
        };
        self.0.is_empty() || self.0.iter().any(fits)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_beginnings_and_the_words_of_others_are_understood() {
        let wants = |words: &[&str], kind| Wanted::new(words).unwrap().wants(kind);
        assert!(wants(&[], "draft.updated") && wants(&["*"], "draft.updated"));
        assert!(wants(&["draft.*"], "draft.updated") && !wants(&["draft.*"], "generation.failed"));
        assert!(wants(&["generation.failed"], "generation.failed"));
        for kind in ["generation.completed", "generation.failed", "generation.cancelled"] {
            assert!(wants(&["completed"], kind) && !wants(&["start"], kind));
        }
        assert!(wants(&["start"], "generation.accepted") && wants(&["logs"], "generation.retrying"));
    }

    #[test]
    fn what_is_no_kind_is_refused_and_what_is_kept_reads_back() {
        for bad in ["", "Generation.x", "completd", "a b.c", "draft.\nx", "**", "*.x", "x"] {
            assert_eq!(Wanted::new(&[bad]), Err(BadKind(bad.to_owned())), "{bad:?}");
        }
        assert!(Wanted::new(&vec!["a.b"; 21]).is_err());
        let wanted = Wanted::new(&["draft.*", "completed", "draft.*"]).unwrap();
        assert_eq!(wanted.to_string(), "draft.* completed");
        assert_eq!(Wanted::parse(&wanted.to_string()), Ok(wanted));
    }
}
