//! Budgets: what may be used in a day or a month, by a workspace, a user or a key, in cost or in tokens. This file says
//! which budgets a request is under and when their periods begin; `book.rs` keeps the sums, `bound.rs` says how much one
//! generation may use at most. Stores nothing.

pub mod book;
pub mod bound;
pub mod outlook;

use crate::metering::cuts::{FIRST, Interval, LAST, Zone, next_start, start_of};
use crate::metering::totals::{Figure, Figures};
use crate::{BudgetId, KeyId, NanoUsd, Timestamp, UserId, WorkspaceId};
use std::fmt;
use uuid::Uuid;

/// The most one budget can allow, in its own unit: a billion dollars, or 10^18 tokens.
pub const LIMIT_MAX: i64 = 1_000_000_000_000_000_000;
/// How many shares one budget can warn at.
pub const SHARES_MAX: usize = 10;

/// What a budget counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Measure {
    /// Units: nano-dollars.
    Cost,
    /// Input and output together. Units: tokens.
    Tokens,
}

impl Measure {
    pub const ALL: [Measure; 2] = [Self::Cost, Self::Tokens];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Tokens => "tokens",
        }
    }
    pub fn parse(word: &str) -> Option<Measure> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == word)
    }

    /// What calls with these figures count.
    pub fn of(self, figures: &Figures) -> i64 {
        match self {
            Self::Cost => figures.get(Figure::CostNanousd),
            Self::Tokens => figures.tokens(),
        }
    }

    /// An amount as people read it.
    pub fn shown(self, amount: i64) -> String {
        match self {
            Self::Cost => format!("${}", NanoUsd(amount)),
            Self::Tokens => format!("{amount} tokens"),
        }
    }
}

/// How long a budget lasts before it begins anew.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Period {
    Day,
    Month,
}

impl Period {
    pub const ALL: [Period; 2] = [Self::Day, Self::Month];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
    pub fn parse(word: &str) -> Option<Period> {
        Self::ALL.into_iter().find(|period| period.as_str() == word)
    }
    const fn interval(self) -> Interval {
        match self {
            Self::Day => Interval::Day,
            Self::Month => Interval::Month,
        }
    }
}

/// Whose use a budget limits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// Everything in the workspace together.
    Workspace,
    /// Each user by himself, also one never seen before, unless he has a budget of his own for the same.
    EachUser,
    User(UserId),
    /// Each key by itself, unless it has a budget of its own for the same.
    EachKey,
    Key(KeyId),
}

impl Subject {
    /// As engines store it, beside [`Subject::id`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::EachUser => "each_user",
            Self::User(_) => "user",
            Self::EachKey => "each_key",
            Self::Key(_) => "key",
        }
    }
    pub const fn id(self) -> Option<Uuid> {
        match self {
            Self::Workspace | Self::EachUser | Self::EachKey => None,
            Self::User(user) => Some(user.0),
            Self::Key(key) => Some(key.0),
        }
    }
    /// Whether it has one sum only.
    pub const fn is_one(self) -> bool {
        match self {
            Self::Workspace | Self::User(_) | Self::Key(_) => true,
            Self::EachUser | Self::EachKey => false,
        }
    }
    /// From what [`Subject::as_str`] and [`Subject::id`] gave.
    pub fn read(word: &str, id: Option<Uuid>) -> Option<Subject> {
        match (word, id) {
            ("workspace", None) => Some(Self::Workspace),
            ("each_user", None) => Some(Self::EachUser),
            ("user", Some(id)) => Some(Self::User(UserId(id))),
            ("each_key", None) => Some(Self::EachKey),
            ("key", Some(id)) => Some(Self::Key(KeyId(id))),
            (_, _) => None,
        }
    }
}

/// At which shares of the limit it is said how much is used. Units: percent.
///
/// Invariant: rising, each 1 to 100, at most [`SHARES_MAX`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shares(Vec<u8>);

/// Why these are no shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("they must be at most {SHARES_MAX} whole numbers from 1 to 100, each larger than the one before it")]
pub struct BadShares;

impl Shares {
    pub fn new(shares: Vec<u8>) -> Result<Shares, BadShares> {
        let rising = shares.is_sorted_by(|a, b| a < b);
        let fits = rising && shares.len() <= SHARES_MAX && shares.iter().all(|share| (1..=100).contains(share));
        if fits { Ok(Shares(shares)) } else { Err(BadShares) }
    }
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
    /// From what their `Display` gave.
    pub fn parse(text: &str) -> Result<Shares, BadShares> {
        let numbers = text.split(',').filter(|number| !number.is_empty()).map(str::parse);
        Shares::new(numbers.collect::<Result<_, _>>().map_err(|_| BadShares)?)
    }
}

impl Default for Shares {
    fn default() -> Shares {
        Shares(vec![80, 100])
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u8::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// A limit, and whose it is. Only `limit`, `warn_at` and `ended_at` ever change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    pub id: BudgetId,
    pub workspace: WorkspaceId,
    pub subject: Subject,
    pub measure: Measure,
    pub period: Period,
    pub zone: Zone,
    /// Units: those of the measure. 1 to [`LIMIT_MAX`].
    pub limit: i64,
    pub warn_at: Shares,
    pub created_at: Timestamp,
    /// From then on it limits nothing; what it counted stays.
    pub ended_at: Option<Timestamp>,
}

/// Who asks for a generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    pub workspace: WorkspaceId,
    pub user: UserId,
    /// `None` where nobody needs a key.
    pub key: Option<KeyId>,
}

/// Whose use is summed: the id of the workspace, the user or the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner(pub Uuid);

/// Where use is summed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub budget: BudgetId,
    pub owner: Owner,
    /// When the period began.
    pub period_at: Timestamp,
}

impl Budget {
    pub fn is_in_force(&self) -> bool {
        self.ended_at.is_none()
    }

    /// The first instant of the period `at` lies in, and the first one after it.
    pub fn period_of(&self, at: Timestamp) -> (Timestamp, Timestamp) {
        // Clocks outside two centuries are broken; all of them are in the first or the last period then.
        let at = at.clamp(FIRST, LAST);
        let interval = self.period.interval();
        let start = start_of(interval, &self.zone, at).unwrap_or(FIRST);
        (start, next_start(interval, &self.zone, at).unwrap_or(LAST))
    }

    /// Whose sum a request of `asker` counts in; `None` when it is not under this budget.
    fn owner(&self, asker: &Asker) -> Option<Owner> {
        if self.workspace != asker.workspace {
            return None;
        }
        match self.subject {
            Subject::Workspace => Some(Owner(self.workspace.0)),
            Subject::EachUser => Some(Owner(asker.user.0)),
            Subject::User(user) => (user == asker.user).then_some(Owner(user.0)),
            Subject::EachKey => asker.key.map(|key| Owner(key.0)),
            Subject::Key(key) => (Some(key) == asker.key).then_some(Owner(key.0)),
        }
    }

    /// Whether `own` takes the place of this default for its subject.
    fn gives_way_to(&self, own: &Budget, asker: &Asker) -> bool {
        let same = (own.workspace, own.measure, own.period) == (self.workspace, self.measure, self.period);
        let kind = match (self.subject, own.subject) {
            (Subject::EachUser, Subject::User(user)) => user == asker.user,
            (Subject::EachKey, Subject::Key(key)) => Some(key) == asker.key,
            (
                Subject::Workspace | Subject::EachUser | Subject::User(_) | Subject::EachKey | Subject::Key(_),
                Subject::Workspace | Subject::EachUser | Subject::User(_) | Subject::EachKey | Subject::Key(_),
            ) => false,
        };
        same && kind && own.is_in_force()
    }
}

/// The budgets in force that a request of `asker` at `at` is under, in the order of their ids, and where each counts it.
pub fn applying(budgets: &[Budget], asker: &Asker, at: Timestamp) -> Vec<Place> {
    let in_force = budgets.iter().filter(|budget| budget.is_in_force());
    let own: Vec<(&Budget, Owner)> = in_force.filter_map(|budget| Some((budget, budget.owner(asker)?))).collect();
    let mut places: Vec<Place> = own
        .iter()
        .filter(|(budget, _)| !own.iter().any(|(own, _)| budget.gives_way_to(own, asker)))
        .map(|(budget, owner)| Place { budget: budget.id, owner: *owner, period_at: budget.period_of(at).0 })
        .collect();
    places.sort();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const KEY: KeyId = KeyId(Uuid::from_u128(2));

    fn budget(number: u128, subject: Subject) -> Budget {
        Budget {
            id: BudgetId(Uuid::from_u128(number)),
            workspace: WorkspaceId::DEFAULT,
            subject,
            measure: Measure::Cost,
            period: Period::Day,
            zone: Zone::utc(),
            limit: 100,
            warn_at: Shares::default(),
            created_at: FIRST,
            ended_at: None,
        }
    }

    fn numbers(budgets: &[Budget], asker: &Asker) -> Vec<u128> {
        applying(budgets, asker, FIRST).iter().map(|place| place.budget.0.as_u128()).collect()
    }

    #[test]
    fn a_default_gives_way_to_a_budget_of_ones_own_for_the_same() {
        let ann = Asker { workspace: WorkspaceId::DEFAULT, user: ANN, key: Some(KEY) };
        let bob = Asker { user: UserId(Uuid::from_u128(9)), key: None, ..ann };
        let mut all = vec![
            budget(1, Subject::Workspace),
            budget(2, Subject::EachUser),
            budget(3, Subject::User(ANN)),
            budget(4, Subject::EachKey),
            budget(5, Subject::Key(KEY)),
        ];
        assert_eq!(numbers(&all, &ann), [1, 3, 5]);
        assert_eq!(numbers(&all, &bob), [1, 2], "who has no key is under none of a key");
        all[2].measure = Measure::Tokens;
        all[4].ended_at = Some(FIRST);
        assert_eq!(numbers(&all, &ann), [1, 2, 3, 4], "another measure and an ended one take no place");
        assert_eq!(numbers(&all, &Asker { workspace: WorkspaceId(Uuid::nil()), ..ann }), [] as [u128; 0]);
    }

    #[test]
    fn a_period_begins_at_the_zones_own_midnight_also_when_the_clocks_change() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let of = |zone: &str, period, instant: &str| {
            let budget = Budget { zone: Zone::named(zone).unwrap(), period, ..budget(1, Subject::Workspace) };
            let (from, to) = budget.period_of(at(instant));
            (budget.zone.shown(from), budget.zone.shown(to))
        };
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let berlin = of("Europe/Berlin", Period::Day, "2026-03-29T12:00:00Z");
        assert_eq!(berlin, pair("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"));
        let berlin = of("Europe/Berlin", Period::Month, "2026-10-31T22:59:59Z");
        assert_eq!(berlin, pair("2026-10-01T00:00:00+02:00", "2026-11-01T00:00:00+01:00"));
        let kathmandu = of("Asia/Kathmandu", Period::Day, "2026-05-05T18:15:00Z");
        assert_eq!(kathmandu, pair("2026-05-06T00:00:00+05:45", "2026-05-07T00:00:00+05:45"));
        let before = of("Asia/Kathmandu", Period::Day, "2026-05-05T18:14:59Z");
        assert_eq!(before.0, "2026-05-05T00:00:00+05:45");
    }

    #[test]
    fn shares_rise_and_lie_between_1_and_100() {
        for bad in [vec![0], vec![101], vec![80, 50], vec![80, 80], (1..=11).collect()] {
            assert_eq!(Shares::new(bad), Err(BadShares));
        }
        for good in [vec![], vec![1, 100], vec![50, 80, 100]] {
            let shares = Shares::new(good).unwrap();
            assert_eq!(Shares::parse(&shares.to_string()), Ok(shares));
        }
    }
}
