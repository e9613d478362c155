//! Totals of usage: what a command closed is gathered in a sheet and written once, at its end; a question is answered by
//! one seek for each series and cut. Why cumulative: `docs/adr/0015-cumulative-totals.md`. What is summed is core's.

use crate::codec;
use crate::db::{Db, sql};
use crate::fault::{Done, Fault};
use crate::memory::Session;
use copydesk_core::metering::question::{Question, SERIES_MAX, Selection, Total};
use copydesk_core::metering::totals::{Cuboid, Figure, Figures, Series};
use copydesk_core::{Timestamp, UserId, WorkspaceId};
use copydesk_store::{Scope, StoreError};
use rusqlite::{Row, params, params_from_iter};
use std::collections::HashMap;
use std::iter::once;
use uuid::Uuid;

/// How many series' numbers are remembered; beyond it all are forgotten and looked up again.
const KNOWN_SERIES_MAX: usize = 50_000;

/// The numbers of series. A row of `usage_series` never changes.
#[derive(Default)]
pub(crate) struct Numbers(HashMap<WorkspaceId, HashMap<Series, i64>>);

impl Numbers {
    fn find(&self, workspace: WorkspaceId, series: &Series) -> Option<i64> {
        self.0.get(&workspace)?.get(series).copied()
    }

    fn learn(&mut self, workspace: WorkspaceId, series: &Series, number: i64) {
        if self.0.values().map(HashMap::len).sum::<usize>() >= KNOWN_SERIES_MAX {
            self.0.clear();
        }
        self.0.entry(workspace).or_default().insert(series.clone(), number);
    }
}

impl Session<'_> {
    /// Writes the sheet of the command under way.
    pub fn book_sheet(&mut self) -> Done<()> {
        let sheet = std::mem::take(&mut self.sheet);
        for (workspace, series, buckets) in sheet.rows() {
            let number = self.series_number(workspace, series)?;
            for (bucket, figures) in buckets.iter().filter(|(_, figures)| !figures.is_zero()) {
                book(self.db, number, *bucket, figures)?;
            }
        }
        Ok(())
    }

    /// The series' number; made when it is new.
    fn series_number(&mut self, workspace: WorkspaceId, series: &Series) -> Done<i64> {
        if let Some(number) = self.memory.series.find(workspace, series) {
            return Ok(number);
        }
        let user = stored_user(series.user);
        let params = params![
            workspace.0.as_bytes(),
            series.cuboid.number(),
            user.as_bytes(),
            series.service.as_deref().unwrap_or_default(),
            series.operation.as_deref().unwrap_or_default(),
            series.model.as_deref().unwrap_or_default(),
        ];
        let number = match self.db.first(sql!("totals/find_series"), params, |row| Ok(row.get(0)?))? {
            Some(number) => number,
            None => {
                let number = self.db.number(sql!("totals/insert_series"), params)?;
                self.db.execute(sql!("totals/insert"), [number])?;
                number
            }
        };
        self.memory.touch();
        self.memory.series.learn(workspace, series, number);
        Ok(number)
    }
}

/// "Any" is the nil id; the cuboid tells it from a user of that id.
fn stored_user(user: Option<UserId>) -> Uuid {
    user.map_or(Uuid::nil(), |user| user.0)
}

/// Adds to a series from a bucket on. Nearly always that is the bucket its total is in.
fn book(db: Db<'_>, series: i64, bucket: Timestamp, figures: &Figures) -> Done<()> {
    let at = bucket.micros();
    if add(db, series, [at, at], figures)? {
        return Ok(());
    }
    let newest = db.first(sql!("totals/bucket"), [series], |row| Ok(row.get::<_, i64>(0)?))?;
    let newest = newest.ok_or_else(|| Fault::corrupt(format!("usage series {series} has no total")))?;
    if newest < at {
        db.execute(sql!("totals/keep"), [series])?;
    } else {
        db.execute(sql!("totals/keep_earlier"), [series, at])?;
        db.execute(sql!("totals/add_earlier"), params_from_iter(figures.values().iter().chain([&series, &at])))?;
    }
    if add(db, series, [newest, newest.max(at)], figures)? {
        Ok(())
    } else {
        Err(Fault::corrupt(format!("the total of usage series {series} is not where it was")))
    }
}

/// Adds to the total if it is in bucket `from`, which becomes `to`.
fn add(db: Db<'_>, series: i64, [from, to]: [i64; 2], figures: &Figures) -> Done<bool> {
    let params = once(&to).chain(figures.values()).chain([&series, &from]);
    Ok(db.execute(sql!("totals/add"), params_from_iter(params))? == 1)
}

/// Answers a question in one snapshot.
pub(crate) fn answer(db: Db<'_>, scope: Scope, question: &Question) -> Done<Vec<Total>> {
    let Selection { members, mut sums } = question.select(series(db, scope, question)?).map_err(StoreError::from)?;
    for (number, group) in members {
        add_up(db, number, &question.cuts, |cut, value| sums.add(group, cut, value))?;
    }
    Ok(sums.answer())
}

fn series(db: Db<'_>, scope: Scope, question: &Question) -> Done<Vec<(i64, Series)>> {
    let cuboid = question.cuboid();
    let (first, last) = question.only.user.map_or((Uuid::nil(), Uuid::max()), |user| (user.0, user.0));
    let params = params![
        scope.workspace.0.as_bytes(),
        cuboid.number(),
        first.as_bytes(),
        last.as_bytes(),
        codec::signed(SERIES_MAX as u64 + 1)
    ];
    db.all(sql!("totals/series"), params, |row| Ok((row.get("no")?, series_row(row, cuboid)?)))
}

fn series_row(row: &Row<'_>, cuboid: Cuboid) -> Done<Series> {
    let text = |column: &str| -> Done<String> { Ok(row.get(column)?) };
    let user = UserId(codec::uuid(row, "user_id")?);
    Ok(Series::of_parts(cuboid, user, text("service")?, text("operation")?, text("model")?))
}

/// Gives the value of a series before each cut. Going back, one row serves all cuts behind it.
fn add_up(db: Db<'_>, series: i64, cuts: &[Timestamp], mut take: impl FnMut(usize, &Figures)) -> Done<()> {
    let Some(mut known) = db.first(sql!("totals/newest"), [series], value)? else { return Ok(()) };
    db.with(sql!("totals/before"), |statement| {
        for (place, cut) in cuts.iter().enumerate().rev() {
            if known.0 >= *cut {
                match statement.query(params![series, cut.micros()])?.next()? {
                    Some(row) => known = value(row)?,
                    None => return Ok(()),
                }
            }
            take(place, &known.1);
        }
        Ok(())
    })
}

/// A bucket and the figures behind it.
fn value(row: &Row<'_>) -> Done<(Timestamp, Figures)> {
    let mut values = [0; Figure::COUNT];
    for (place, value) in values.iter_mut().enumerate() {
        *value = row.get(place + 1)?;
    }
    Ok((codec::instant(row, 0)?, Figures::from_values(values)))
}
