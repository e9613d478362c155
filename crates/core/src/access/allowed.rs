//! Which names a key may use: any, or those of a list. An entry that ends with `*` stands for every name that begins so.

use std::collections::BTreeSet;

/// Names of recipes, or addresses of models (`provider/model`, `provider/*`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Allowed {
    #[default]
    Any,
    Only(BTreeSet<String>),
}

impl Allowed {
    pub fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Allowed {
        Allowed::Only(names.into_iter().map(Into::into).collect())
    }

    pub fn allows(&self, name: &str) -> bool {
        match self {
            Allowed::Any => true,
            Allowed::Only(entries) => entries.iter().any(|entry| stands_for(entry, name)),
        }
    }

    /// Whether everything the other one allows is allowed here, too.
    pub fn covers(&self, other: &Allowed) -> bool {
        match (self, other) {
            (Allowed::Any, _) => true,
            (Allowed::Only(_), Allowed::Any) => false,
            // A prefix is covered by a shorter one: its text, with the star, begins with it.
            (Allowed::Only(_), Allowed::Only(theirs)) => theirs.iter().all(|entry| self.allows(entry)),
        }
    }

    /// How it is stored: the entries, one a line; `None` is any.
    pub fn written(&self) -> Option<String> {
        match self {
            Allowed::Any => None,
            Allowed::Only(entries) => Some(entries.iter().map(String::as_str).collect::<Vec<_>>().join("\n")),
        }
    }

    /// Reads [`Allowed::written`].
    pub fn read(text: Option<&str>) -> Allowed {
        text.map_or(Allowed::Any, |text| Allowed::only(text.lines()))
    }
}

fn stands_for(entry: &str, name: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => entry == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_every_name_that_begins_so() {
        let allowed = Allowed::only(["openai/*", "demo/writer"]);
        for (name, yes) in [("openai/gpt-4o", true), ("demo/writer", true), ("demo/writer2", false), ("x", false)] {
            assert_eq!(allowed.allows(name), yes, "{name}");
        }
        assert!(Allowed::Any.allows("anything"));
        assert!(!Allowed::Only(BTreeSet::new()).allows("anything"), "an empty list allows nothing");
    }

    #[test]
    fn nothing_wider_is_covered() {
        let some = Allowed::only(["openai/*", "demo/writer"]);
        for (other, covered) in [
            (Allowed::Any, false),
            (Allowed::only(["openai/gpt-4o"]), true),
            (Allowed::only(["openai/gpt*"]), true),
            (Allowed::only(["openai/*"]), true),
            (Allowed::only(["open*"]), false),
            (Allowed::only(["*"]), false),
            (Allowed::only(["demo/writer*"]), false),
            (Allowed::only(["demo/writer", "demo/echo"]), false),
        ] {
            assert_eq!(some.covers(&other), covered, "{other:?}");
            assert!(Allowed::Any.covers(&other));
            assert_eq!(Allowed::read(other.written().as_deref()), other);
        }
    }
}
