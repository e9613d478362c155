//! A question about totals: whose calls, told apart by what, between which cuts. It chooses the series that answer it and
//! makes the answer of their cumulative values; reading those is the store's.

use super::totals::{Cuboid, Figures, Series};
use crate::refusal::Refusal;
use crate::{Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// The most rows an answer may have: groups times parts.
pub const ANSWER_ROWS_MAX: usize = 100_000;
/// The most values that are read for an answer: series times cuts.
pub const VALUES_MAX: usize = 1_000_000;
/// The most series that are looked at for an answer.
pub const SERIES_MAX: usize = 250_000;

/// What totals can be told apart by. A recipe is the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dimension {
    User,
    Service,
    Operation,
    /// The part of the model before the slash.
    Provider,
    /// `provider/model`
    Model,
}

impl Dimension {
    pub const ALL: [Dimension; 5] = [Self::User, Self::Service, Self::Operation, Self::Provider, Self::Model];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Operation => "operation",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }
    pub fn parse(word: &str) -> Option<Dimension> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == word)
    }
}

/// A value for each dimension that matters; `None` is "any".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Group {
    pub user: Option<UserId>,
    pub service: Option<String>,
    pub operation: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Only calls with these values.
    pub only: Group,
    pub by: BTreeSet<Dimension>,
    /// Where the parts begin, and last where the last one ends. Each lies on a quarter of an hour (`cuts.rs`).
    pub cuts: Vec<Timestamp>,
}

/// One row of an answer: what the calls of a group used between two cuts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Total {
    /// It begins at the cut of this number.
    pub part: usize,
    pub group: Group,
    pub figures: Figures,
}

/// The series that answer a question, in their groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// Numbers of series, each with the place of its group.
    pub members: Vec<(i64, usize)>,
    pub sums: Sums,
}

/// What the members of each group had used together before each cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sums {
    groups: Vec<Group>,
    cuts: usize,
    /// A part in which nothing happened is a row too.
    dense: bool,
    /// All cuts of the first group, then those of the next.
    values: Vec<Figures>,
}

impl Question {
    /// The smallest cuboid that tells apart what the question does.
    pub fn cuboid(&self) -> Cuboid {
        let by = |dimension| self.by.contains(&dimension);
        let Group { user, service, operation, provider, model } = &self.only;
        Cuboid::covering([
            user.is_some() || by(Dimension::User),
            service.is_some() || by(Dimension::Service),
            operation.is_some() || by(Dimension::Operation),
            provider.is_some() || model.is_some() || by(Dimension::Provider) || by(Dimension::Model),
        ])
    }

    /// The group of a series of [`Question::cuboid`]; `None` when it is not asked for.
    fn group(&self, series: &Series) -> Option<Group> {
        fn fits<T: PartialEq>(only: Option<&T>, value: Option<&T>) -> bool {
            only.is_none() || only == value
        }
        let provider = series.model.as_deref().map(provider).map(str::to_owned);
        let asked = fits(self.only.user.as_ref(), series.user.as_ref())
            && fits(self.only.service.as_ref(), series.service.as_ref())
            && fits(self.only.operation.as_ref(), series.operation.as_ref())
            && fits(self.only.provider.as_ref(), provider.as_ref())
            && fits(self.only.model.as_ref(), series.model.as_ref());
        let by = |dimension| self.by.contains(&dimension);
        asked.then(|| Group {
            user: series.user.filter(|_| by(Dimension::User)),
            service: series.service.clone().filter(|_| by(Dimension::Service)),
            operation: series.operation.clone().filter(|_| by(Dimension::Operation)),
            provider: provider.filter(|_| by(Dimension::Provider)),
            model: series.model.clone().filter(|_| by(Dimension::Model)),
        })
    }

    /// Groups the series of [`Question::cuboid`], given with their numbers.
    ///
    /// Errors: [`Refusal::UsageTooLarge`].
    pub fn select(&self, series: impl IntoIterator<Item = (i64, Series)>) -> Result<Selection, Refusal> {
        let mut members: BTreeMap<Group, Vec<i64>> = BTreeMap::new();
        let (mut looked_at, mut count) = (0, 0);
        for (number, series) in series {
            looked_at += 1;
            within(looked_at, SERIES_MAX)?;
            if let Some(group) = self.group(&series) {
                count += 1;
                members.entry(group).or_default().push(number);
            }
        }
        let cuts = self.cuts.len();
        within(members.len().saturating_mul(cuts.saturating_sub(1)), ANSWER_ROWS_MAX)?;
        within(usize::saturating_mul(count, cuts), VALUES_MAX)?;
        let dense = self.by.is_empty();
        if dense {
            members.entry(Group::default()).or_default();
        }
        let of = |(place, (_, numbers)): (usize, (&Group, &Vec<i64>))| {
            numbers.iter().map(|number| (*number, place)).collect::<Vec<_>>()
        };
        let numbered = members.iter().enumerate().flat_map(of).collect();
        let values = vec![Figures::default(); members.len() * cuts];
        let sums = Sums { groups: members.into_keys().collect(), cuts, dense, values };
        Ok(Selection { members: numbered, sums })
    }
}

fn within(rows: usize, max: usize) -> Result<(), Refusal> {
    if rows > max { Err(Refusal::UsageTooLarge { rows, max }) } else { Ok(()) }
}

/// The provider of a `provider/model`.
pub fn provider(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

impl Sums {
    /// Adds what a member of the group at `place` had used before the cut of the number `cut`. One that is not added had
    /// used nothing by then.
    pub fn add(&mut self, place: usize, cut: usize, value: &Figures) {
        if let Some(sum) = self.values.get_mut(place * self.cuts + cut) {
            *sum = sum.plus(value);
        }
    }

    /// The answer, in the order of parts, then groups.
    pub fn answer(&self) -> Vec<Total> {
        let mut totals = Vec::new();
        for part in 0..self.cuts.saturating_sub(1) {
            for (place, group) in self.groups.iter().enumerate() {
                let start = place * self.cuts + part;
                let figures = self.values[start + 1].minus(&self.values[start]);
                if self.dense || !figures.is_zero() {
                    totals.push(Total { part, group: group.clone(), figures });
                }
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorkspaceId;
    use crate::metering::totals::{CallFacts, Figure};
    use crate::metering::usage::{CallOutcome, TokenUsage};

    fn question(by: &[Dimension], cuts: usize) -> Question {
        let cuts = (0..cuts).map(|n| Timestamp::from_micros(n as i64)).collect();
        Question { only: Group::default(), by: by.iter().copied().collect(), cuts }
    }

    fn series(question: &Question, user: &str, model: &str) -> Series {
        let workspace = WorkspaceId::DEFAULT;
        let user = UserId::from_external(workspace, user);
        let (service, operation) = ("code".to_owned(), "write".to_owned());
        let call = CallFacts { workspace, user, service, operation, model: model.to_owned() };
        call.series().into_iter().find(|series| series.cuboid == question.cuboid()).unwrap()
    }

    fn calls(n: i64) -> Figures {
        let mut values = *Figures::of_call(CallOutcome::Cancelled, &TokenUsage::default(), None, 0).values();
        values[Figure::Calls as usize] = n;
        values[Figure::Unpriced as usize] = 0;
        Figures::from_values(values)
    }

    #[test]
    fn models_of_one_provider_are_one_group_and_others_are_left_out() {
        let mut asked = question(&[Dimension::Provider], 2);
        asked.only.provider = Some("demo".to_owned());
        let models = ["demo/swift", "demo/slow", "spare/steady", "demoes/x"];
        let all = models.iter().enumerate().map(|(n, model)| (n as i64, series(&asked, "ann", model)));
        let Selection { members, mut sums } = asked.select(all).unwrap();
        assert_eq!(members, [(0, 0), (1, 0)]);
        for (cut, value) in [(0, 1), (0, 2), (1, 2), (1, 3)] {
            sums.add(0, cut, &calls(value));
        }
        let total = sums.answer();
        assert_eq!(total.len(), 1);
        assert_eq!(total[0].figures, calls(2));
        assert_eq!(total[0].group.provider.as_deref(), Some("demo"));
    }

    #[test]
    fn without_groups_every_part_is_a_row_and_with_groups_only_those_with_calls() {
        let whole = question(&[], 4).select([]).unwrap().sums.answer();
        assert_eq!(whole.len(), 3);
        let asked = question(&[Dimension::Model], 4);
        let mut sums = asked.select([(7, series(&asked, "ann", "demo/swift"))]).unwrap().sums;
        for (cut, value) in [(1, 1), (2, 1), (3, 4)] {
            sums.add(0, cut, &calls(value));
        }
        let totals = sums.answer();
        assert_eq!(
            totals.iter().map(|total| (total.part, total.figures)).collect::<Vec<_>>(),
            [(0, calls(1)), (2, calls(3))]
        );
    }

    #[test]
    fn an_answer_that_would_be_too_large_is_refused_before_anything_is_read() {
        let asked = question(&[Dimension::User], 1_002);
        let all = (0..100).map(|n| (n, series(&asked, &n.to_string(), "demo/swift")));
        assert_eq!(asked.select(all), Err(Refusal::UsageTooLarge { rows: 100_100, max: ANSWER_ROWS_MAX }));
    }
}
