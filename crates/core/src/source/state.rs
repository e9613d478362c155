//! The words for kinds and states of sources.

/// Where a source's items come from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// An RSS or Atom feed at an address.
    Feed,
    /// A page of the web: one item, which says what the page says now.
    Page,
    /// A pasted text: one item.
    Text,
    /// A Markdown text: one item, which is called by its first heading.
    Markdown,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Feed, Kind::Page, Kind::Text, Kind::Markdown];
    pub const WORDS: [&'static str; 4] = ["feed", "page", "text", "markdown"];

    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Feed => "feed",
            Kind::Page => "page",
            Kind::Text => "text",
            Kind::Markdown => "markdown",
        }
    }
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
    /// Whether it has an address that is fetched; the others carry their text.
    pub const fn is_fetched(self) -> bool {
        match self {
            Kind::Feed | Kind::Page => true,
            Kind::Text | Kind::Markdown => false,
        }
    }
}

/// How a source is. It is not stored: it follows from what is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Never fetched.
    Pending,
    /// The last fetch went well.
    Active,
    /// It did not.
    Error,
    /// Nobody fetches it until it is resumed.
    Paused,
}

impl State {
    pub const ALL: [State; 4] = [State::Pending, State::Active, State::Error, State::Paused];
    pub const WORDS: [&'static str; 4] = ["pending", "active", "error", "paused"];

    /// Being paused hides an error, and an error that it was ever well.
    pub const fn of(fetched: bool, failing: bool, paused: bool) -> State {
        match (paused, failing, fetched) {
            (true, _, _) => State::Paused,
            (false, true, _) => State::Error,
            (false, false, true) => State::Active,
            (false, false, false) => State::Pending,
        }
    }
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Active => "active",
            State::Error => "error",
            State::Paused => "paused",
        }
    }
    pub fn parse(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }
    /// Its place in [`State::ALL`], as statements compare it.
    pub const fn number(self) -> i64 {
        match self {
            State::Pending => 0,
            State::Active => 1,
            State::Error => 2,
            State::Paused => 3,
        }
    }
}
