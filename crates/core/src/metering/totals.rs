//! Totals over closed calls: the figures that are summed, the series they are kept in, and the sheet of what one commit
//! adds. A total is cumulative, so a span's sum is the difference of two of them; who asks is `question.rs`. Stores nothing.

use super::usage::{CallOutcome, TokenUsage};
use crate::{NanoUsd, Timestamp, Tokens, UserId, WorkspaceId};
use std::collections::BTreeMap;

/// Length of a bucket. Every zone's hours and days begin on a whole one.
///
/// Units: microseconds.
pub const QUARTER_US: i64 = 15 * 60 * 1_000_000;

/// The most one call adds to a figure, so that no garbage in a provider's report can use up the range of a sum. Larger
/// reports count as this, those below zero as nothing; the call's own row keeps what was said. It is 10,000 dollars.
pub const CALL_FIGURE_MAX: i64 = 10_000_000_000_000;

/// One of the sums. In engines it is the column [`Figure::as_str`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Figure {
    Calls,
    /// Calls that failed or were lost; late, cancelled and unsent ones are not among them.
    Failed,
    /// Calls whose tokens are an estimate.
    Estimated,
    /// Calls that left and have no cost: the sum of costs is short of what they cost.
    Unpriced,
    TokensInput,
    TokensOutput,
    TokensCached,
    TokensCacheWrite,
    TokensReasoning,
    Images,
    VideoSeconds,
    CostNanousd,
    DurationMs,
}

impl Figure {
    pub const COUNT: usize = 13;
    /// In the order of the columns.
    pub const ALL: [Figure; Figure::COUNT] = [
        Self::Calls,
        Self::Failed,
        Self::Estimated,
        Self::Unpriced,
        Self::TokensInput,
        Self::TokensOutput,
        Self::TokensCached,
        Self::TokensCacheWrite,
        Self::TokensReasoning,
        Self::Images,
        Self::VideoSeconds,
        Self::CostNanousd,
        Self::DurationMs,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Failed => "failed",
            Self::Estimated => "estimated",
            Self::Unpriced => "unpriced",
            Self::TokensInput => "tokens_input",
            Self::TokensOutput => "tokens_output",
            Self::TokensCached => "tokens_cached",
            Self::TokensCacheWrite => "tokens_cache_write",
            Self::TokensReasoning => "tokens_reasoning",
            Self::Images => "images",
            Self::VideoSeconds => "video_seconds",
            Self::CostNanousd => "cost_nanousd",
            Self::DurationMs => "duration_ms",
        }
    }
}

/// A value for each [`Figure`]: what calls used together. What a call did not report counts as nothing.
///
/// Invariant: sums saturate; they cannot be reached with less than 900,000 calls of [`CALL_FIGURE_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures([i64; Figure::COUNT]);

impl Figures {
    /// What one closed call adds.
    ///
    /// Units: milliseconds.
    pub fn of_call(outcome: CallOutcome, usage: &TokenUsage, cost: Option<NanoUsd>, duration_ms: u64) -> Figures {
        let left = outcome != CallOutcome::NotSent;
        let tokens = |tokens: Option<Tokens>| tokens.map_or(0, |tokens| tokens.0);
        let pieces = |pieces: Option<u32>| pieces.map_or(0, i64::from);
        let value = |figure| match figure {
            Figure::Calls => 1,
            Figure::Failed => i64::from(matches!(outcome, CallOutcome::Failed | CallOutcome::Lost)),
            Figure::Estimated => i64::from(left && usage.estimated),
            Figure::Unpriced => i64::from(left && cost.is_none()),
            Figure::TokensInput => tokens(usage.input),
            Figure::TokensOutput => tokens(usage.output),
            Figure::TokensCached => tokens(usage.input_cached),
            Figure::TokensCacheWrite => tokens(usage.input_cache_write),
            Figure::TokensReasoning => tokens(usage.output_reasoning),
            Figure::Images => pieces(usage.images),
            Figure::VideoSeconds => pieces(usage.video_seconds),
            Figure::CostNanousd => cost.map_or(0, |cost| cost.0),
            Figure::DurationMs => i64::try_from(duration_ms).unwrap_or(i64::MAX),
        };
        Figures(Figure::ALL.map(|figure| value(figure).clamp(0, CALL_FIGURE_MAX)))
    }

    /// In the order of [`Figure::ALL`].
    pub const fn from_values(values: [i64; Figure::COUNT]) -> Figures {
        Figures(values)
    }
    /// In the order of [`Figure::ALL`].
    pub const fn values(&self) -> &[i64; Figure::COUNT] {
        &self.0
    }
    pub const fn get(&self, figure: Figure) -> i64 {
        self.0[figure as usize]
    }
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|value| *value == 0)
    }
    #[must_use]
    pub fn plus(&self, other: &Figures) -> Figures {
        Figures(std::array::from_fn(|at| self.0[at].saturating_add(other.0[at])))
    }
    #[must_use]
    pub fn minus(&self, other: &Figures) -> Figures {
        Figures(std::array::from_fn(|at| self.0[at].saturating_sub(other.0[at])))
    }
    /// Input and output together.
    pub fn tokens(&self) -> i64 {
        self.get(Figure::TokensInput).saturating_add(self.get(Figure::TokensOutput))
    }
}

/// The start of the bucket an instant lies in.
pub fn bucket(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros().div_euclid(QUARTER_US).saturating_mul(QUARTER_US))
}

/// Which parts of a call's description a series tells apart. Every closed call counts in one series of each cuboid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cuboid {
    /// One series for the workspace.
    Whole,
    Service,
    Model,
    User,
    /// Service, operation and model.
    Kind,
    /// User, service, operation and model.
    UserKind,
}

impl Cuboid {
    /// From the one with the fewest series to the one with the most.
    pub const ALL: [Cuboid; 6] = [Self::Whole, Self::Service, Self::Model, Self::User, Self::Kind, Self::UserKind];

    /// As engines store it.
    pub const fn number(self) -> i64 {
        match self {
            Self::Whole => 0,
            Self::Service => 1,
            Self::Model => 2,
            Self::User => 3,
            Self::Kind => 4,
            Self::UserKind => 5,
        }
    }
    /// Whether it tells apart user, service, operation and model.
    const fn tells(self) -> [bool; 4] {
        match self {
            Self::Whole => [false, false, false, false],
            Self::Service => [false, true, false, false],
            Self::Model => [false, false, false, true],
            Self::User => [true, false, false, false],
            Self::Kind => [false, true, true, true],
            Self::UserKind => [true, true, true, true],
        }
    }
    /// The smallest one that tells apart what is wanted of user, service, operation and model.
    pub fn covering(wanted: [bool; 4]) -> Cuboid {
        let covers = |cuboid: &Cuboid| wanted.iter().zip(cuboid.tells()).all(|(wanted, tells)| tells || !wanted);
        Self::ALL.into_iter().find(covers).unwrap_or(Self::UserKind)
    }
}

/// Whose calls a total is of. `None` is "any".
///
/// Invariant: ordered by user first, so that a user's series are made, and lie, beside each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Series {
    pub user: Option<UserId>,
    pub cuboid: Cuboid,
    pub service: Option<String>,
    pub operation: Option<String>,
    /// `provider/model`
    pub model: Option<String>,
}

impl Series {
    /// Of these values, what the cuboid tells apart.
    pub fn of_parts(cuboid: Cuboid, user: UserId, service: String, operation: String, model: String) -> Series {
        let [by_user, by_service, by_operation, by_model] = cuboid.tells();
        Series {
            cuboid,
            user: by_user.then_some(user),
            service: by_service.then_some(service),
            operation: by_operation.then_some(operation),
            model: by_model.then_some(model),
        }
    }
}

/// What a call was for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallFacts {
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub service: String,
    pub operation: String,
    /// `provider/model`
    pub model: String,
}

impl CallFacts {
    /// The series the call counts in, one of each cuboid.
    pub fn series(&self) -> [Series; 6] {
        let CallFacts { workspace: _, user, service, operation, model } = self;
        Cuboid::ALL.map(|cuboid| Series::of_parts(cuboid, *user, service.clone(), operation.clone(), model.clone()))
    }
}

/// What one commit adds to the totals: by series, the figures by bucket. Ordered, so that all writers go the same way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sheet {
    rows: BTreeMap<(WorkspaceId, Series), BTreeMap<Timestamp, Figures>>,
}

impl Sheet {
    /// A call closed at `at`.
    pub fn add(&mut self, call: &CallFacts, at: Timestamp, figures: &Figures) {
        self.change(call, at, |sum| sum.plus(figures));
    }

    /// The figures a call was closed with at `at` are replaced by others, which are added for themselves.
    pub fn take_back(&mut self, call: &CallFacts, at: Timestamp, figures: &Figures) {
        self.change(call, at, |sum| sum.minus(figures));
    }

    fn change(&mut self, call: &CallFacts, at: Timestamp, how: impl Fn(&Figures) -> Figures) {
        let bucket = bucket(at);
        for series in call.series() {
            let sum = self.rows.entry((call.workspace, series)).or_default().entry(bucket).or_default();
            *sum = how(sum);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Series with what is added to each from which bucket on, earliest first.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (WorkspaceId, &Series, &BTreeMap<Timestamp, Figures>)> {
        self.rows.iter().map(|((workspace, series), buckets)| (*workspace, series, buckets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: i64) -> TokenUsage {
        TokenUsage { input: Some(Tokens(input)), ..TokenUsage::default() }
    }

    #[test]
    fn what_was_not_reported_counts_as_nothing_and_a_missing_cost_as_unpriced() {
        let figures = Figures::of_call(CallOutcome::Ok, &usage(5), None, 7);
        assert_eq!(figures.get(Figure::TokensInput), 5);
        assert_eq!(figures.get(Figure::TokensOutput), 0);
        assert_eq!((figures.get(Figure::Unpriced), figures.get(Figure::CostNanousd)), (1, 0));
        assert_eq!((figures.get(Figure::Calls), figures.get(Figure::DurationMs)), (1, 7));
    }

    #[test]
    fn a_call_that_never_left_is_a_call_and_neither_unpriced_nor_failed() {
        let figures = Figures::of_call(CallOutcome::NotSent, &TokenUsage::default(), None, 0);
        assert_eq!(figures.values().iter().sum::<i64>(), 1, "{figures:?}");
    }

    #[test]
    fn garbage_is_bounded_on_both_sides() {
        assert_eq!(Figures::of_call(CallOutcome::Ok, &usage(i64::MAX), None, 0).tokens(), CALL_FIGURE_MAX);
        assert_eq!(Figures::of_call(CallOutcome::Ok, &usage(-5), None, 0).tokens(), 0);
    }

    #[test]
    fn every_figure_has_its_place() {
        for (place, figure) in Figure::ALL.into_iter().enumerate() {
            assert_eq!(figure as usize, place, "{}", figure.as_str());
        }
    }

    #[test]
    fn the_smallest_cuboid_that_tells_enough_is_taken() {
        assert_eq!(Cuboid::covering([false; 4]), Cuboid::Whole);
        assert_eq!(Cuboid::covering([false, false, false, true]), Cuboid::Model);
        assert_eq!(Cuboid::covering([false, true, false, true]), Cuboid::Kind);
        assert_eq!(Cuboid::covering([false, false, true, false]), Cuboid::Kind);
        assert_eq!(Cuboid::covering([true, false, false, false]), Cuboid::User);
        assert_eq!(Cuboid::covering([true, false, false, true]), Cuboid::UserKind);
    }

    #[test]
    fn what_is_taken_back_and_added_again_leaves_nothing_behind() {
        let call = CallFacts {
            workspace: WorkspaceId::DEFAULT,
            user: UserId::from_external(WorkspaceId::DEFAULT, "ann"),
            service: "code".to_owned(),
            operation: "write".to_owned(),
            model: "demo/swift".to_owned(),
        };
        let (mut sheet, at) = (Sheet::default(), Timestamp::from_micros(QUARTER_US + 1));
        let figures = Figures::of_call(CallOutcome::Lost, &usage(5), None, 7);
        sheet.take_back(&call, at, &figures);
        sheet.add(&call, at, &figures);
        assert_eq!(sheet.rows().len(), Cuboid::ALL.len());
        for (_, series, buckets) in sheet.rows() {
            let only = buckets.iter().collect::<Vec<_>>();
            assert_eq!(only, [(&Timestamp::from_micros(QUARTER_US), &Figures::default())], "{series:?}");
        }
    }

    #[test]
    fn buckets_before_1970_begin_before_their_instants() {
        assert_eq!(bucket(Timestamp::from_micros(-1)), Timestamp::from_micros(-QUARTER_US));
    }
}
