//! The words of schedules and of what became of their times, on disk and on the wire.

/// How a schedule stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ScheduleState {
    Active,
    /// By a person, who resumes it.
    Paused,
    /// It was refused too often in a row, or has no next time; a person mends and resumes it.
    Broken,
}

/// Why something was made, or was to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RunKind {
    Planned,
    /// Late, because nobody was there in time.
    CatchUp,
    /// Outside the plan, by a person.
    ByHand,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RunOutcome {
    /// A generation, whose own end is another matter.
    Made,
    Refused,
    /// Nobody was there in time, and too much time has passed.
    Skipped,
}

macro_rules! words {
    ($($kind:ident { $($variant:ident = $word:literal),+ })+) => {$(
        impl $kind {
            pub const ALL: &'static [$kind] = &[$($kind::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $($kind::$variant => $word),+ }
            }
            pub fn parse(word: &str) -> Option<$kind> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    )+};
}

words! {
    ScheduleState { Active = "active", Paused = "paused", Broken = "broken" }
    RunKind { Planned = "planned", CatchUp = "catch_up", ByHand = "by_hand" }
    RunOutcome { Made = "made", Refused = "refused", Skipped = "skipped" }
}
