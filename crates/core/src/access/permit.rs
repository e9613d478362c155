//! What one key may do, and the one decision on it. A denial names what was missing.

use super::allowed::Allowed;
use super::role::Role;
use super::scope::{KeyScope, ScopeSet};

/// The provider that costs nothing and needs no network: the only one a test key reaches.
pub const DEMO: &str = "demo";

/// Where a key's scopes come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    Role(Role),
    Scopes(ScopeSet),
}

impl Grant {
    pub const fn scopes(self) -> ScopeSet {
        match self {
            Grant::Role(role) => role.scopes(),
            Grant::Scopes(scopes) => scopes,
        }
    }
}

/// Whether a key may reach real providers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Live,
    /// Models of the demo provider only.
    Test,
}

impl Mode {
    pub const ALL: [Mode; 2] = [Self::Live, Self::Test];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
    pub fn parse(word: &str) -> Option<Mode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// What a key may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permit {
    pub grant: Grant,
    pub mode: Mode,
    /// What the application calls the one user whose things these are; `None` is everybody's.
    pub user: Option<String>,
    pub recipes: Allowed,
    pub models: Allowed,
}

/// Why not.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denied {
    #[error("This needs the scope {needed}, which this key does not have.")]
    Scope { needed: KeyScope },
    #[error("This key may not use the recipe {recipe:?}; it may use {}.", listed(.allowed))]
    Recipe { recipe: String, allowed: Allowed },
    #[error("This key may not use the model {model:?}; it may use {}.", listed(.allowed))]
    Model { model: String, allowed: Allowed },
    #[error("This is a test key, and test keys reach only the demo provider, not {model:?}.")]
    TestModel { model: String },
    #[error("A key cannot hand on what it does not have: {what}.")]
    Beyond { what: String },
}

impl Permit {
    /// What the operator of the installation may do, and whoever runs commands on its data.
    pub fn owner() -> Permit {
        Permit::of(Role::Owner)
    }

    pub fn of(role: Role) -> Permit {
        Permit { grant: Grant::Role(role), mode: Mode::Live, user: None, recipes: Allowed::Any, models: Allowed::Any }
    }

    pub fn scope(&self, needed: KeyScope) -> Result<(), Denied> {
        if self.grant.scopes().contains(needed) { Ok(()) } else { Err(Denied::Scope { needed }) }
    }

    pub fn recipe(&self, recipe: &str) -> Result<(), Denied> {
        if self.recipes.allows(recipe) {
            return Ok(());
        }
        Err(Denied::Recipe { recipe: recipe.to_owned(), allowed: self.recipes.clone() })
    }

    /// `model` is `provider/model`.
    pub fn model(&self, model: &str) -> Result<(), Denied> {
        let demo = model.split_once('/').is_some_and(|(provider, _)| provider == DEMO);
        match self.mode {
            Mode::Test if !demo => return Err(Denied::TestModel { model: model.to_owned() }),
            Mode::Live | Mode::Test => {}
        }
        if self.models.allows(model) {
            return Ok(());
        }
        Err(Denied::Model { model: model.to_owned(), allowed: self.models.clone() })
    }

    /// What the other one may do and this one may not; `None` when there is nothing.
    pub fn lacks(&self, other: &Permit) -> Option<String> {
        let missing = other.grant.scopes().beyond(self.grant.scopes());
        if !missing.is_empty() {
            let words: Vec<&str> = missing.iter().map(KeyScope::as_str).collect();
            return Some(format!("the scope(s) {}", words.join(", ")));
        }
        if self.mode == Mode::Test && other.mode == Mode::Live {
            return Some("live mode".to_owned());
        }
        if self.user.is_some() && self.user != other.user {
            return Some("another user's data".to_owned());
        }
        if !self.recipes.covers(&other.recipes) {
            return Some(format!("recipes other than {}", listed(&self.recipes)));
        }
        if !self.models.covers(&other.models) {
            return Some(format!("models other than {}", listed(&self.models)));
        }
        None
    }
}

fn listed(allowed: &Allowed) -> String {
    match allowed {
        Allowed::Any => "any".to_owned(),
        Allowed::Only(entries) if entries.is_empty() => "none".to_owned(),
        Allowed::Only(entries) => entries.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_key_reaches_the_demo_provider_and_no_other() {
        let test = Permit { mode: Mode::Test, ..Permit::owner() };
        assert_eq!(test.model("demo/writer"), Ok(()));
        for real in ["openai/gpt-4o", "demonstration/x", "demo"] {
            assert_eq!(test.model(real), Err(Denied::TestModel { model: real.to_owned() }));
            assert_eq!(Permit::owner().model(real), Ok(()));
        }
    }

    #[test]
    fn a_denial_names_what_was_asked_and_what_is_allowed() {
        let few = Permit {
            recipes: Allowed::only(["text"]),
            models: Allowed::only(["openai/*"]),
            ..Permit::of(Role::Viewer)
        };
        let said = few.recipe("video").unwrap_err().to_string();
        assert_eq!(said, "This key may not use the recipe \"video\"; it may use text.");
        assert!(few.model("demo/x").unwrap_err().to_string().contains("openai/*"));
        let said = few.scope(KeyScope::DraftsWrite).unwrap_err().to_string();
        assert_eq!(said, "This needs the scope drafts:write, which this key does not have.");
    }

    #[test]
    fn no_permit_covers_more_than_it_has() {
        let admin = Permit::of(Role::Admin);
        let lacking = |mine: &Permit, theirs: Permit| mine.lacks(&theirs);
        assert_eq!(lacking(&admin, Permit::of(Role::Editor)), None);
        assert_eq!(lacking(&admin, Permit::owner()).as_deref(), Some("the scope(s) maintenance"));
        let test = Permit { mode: Mode::Test, ..admin.clone() };
        assert_eq!(lacking(&test, admin.clone()).as_deref(), Some("live mode"));
        assert_eq!(lacking(&admin, test), None);
        let bound = Permit { user: Some("ann".to_owned()), ..Permit::of(Role::Member) };
        assert_eq!(lacking(&admin, bound.clone()), None);
        for other in [None, Some("bob".to_owned())] {
            assert!(lacking(&bound, Permit { user: other, ..bound.clone() }).is_some());
        }
        let few = Permit { recipes: Allowed::only(["text"]), models: Allowed::only(["demo/*"]), ..admin.clone() };
        assert!(lacking(&few, Permit { recipes: Allowed::Any, ..few.clone() }).is_some());
        assert!(lacking(&few, Permit { models: Allowed::only(["*"]), ..few.clone() }).is_some());
    }
}
