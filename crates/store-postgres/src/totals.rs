//! Totals of usage: what a transaction closed is gathered in a sheet and written as its last rows but the hottest, so that
//! the totals everybody adds to stay locked for the shortest time. Why cumulative: `docs/adr/0015-cumulative-totals.md`.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, read, read_each};
use crate::types::{Micros, Param, columns, narrow, params, sql};
use copydesk_core::metering::question::{Question, SERIES_MAX, Selection, Total};
use copydesk_core::metering::totals::{Cuboid, Figure, Figures, Series, Sheet};
use copydesk_core::{Timestamp, UserId, WorkspaceId};
use copydesk_store::{Scope, StoreError};
use deadpool_postgres::Pool;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};
use tokio_postgres::Row;
use uuid::Uuid;

/// How many series' numbers a process remembers; beyond it all are forgotten and looked up again.
const KNOWN_SERIES_MAX: usize = 100_000;

/// The numbers of series. A row of `usage_series` never changes, so each process keeps what it has seen. New ones are
/// written outside the caller's transaction: nothing waits for them, and a series without calls harms nobody.
#[derive(Default)]
pub struct Numbers(RwLock<HashMap<WorkspaceId, HashMap<Series, i64>>>);

type Wanted<'a> = (WorkspaceId, &'a Series);

impl Numbers {
    fn find(&self, (workspace, series): Wanted<'_>) -> Option<i64> {
        let numbers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        numbers.get(&workspace)?.get(series).copied()
    }

    fn learn(&self, found: &[(Wanted<'_>, i64)]) {
        let mut numbers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if numbers.values().map(HashMap::len).sum::<usize>() + found.len() > KNOWN_SERIES_MAX {
            numbers.clear();
        }
        for ((workspace, series), number) in found {
            numbers.entry(*workspace).or_default().insert((*series).clone(), *number);
        }
    }

    /// The rows of a sheet under the numbers of their series, in the order of those; new series are made.
    pub async fn rows(&self, pool: &Pool, sheet: &Sheet) -> Result<Vec<SheetRow>, Fault> {
        let unknown: Vec<Wanted<'_>> = sheet.rows().map(|(workspace, series, _)| (workspace, series)).collect();
        let unknown: Vec<Wanted<'_>> = unknown.into_iter().filter(|wanted| self.find(*wanted).is_none()).collect();
        let mut fresh = HashMap::new();
        if !unknown.is_empty() {
            let found = number(pool, &unknown).await?;
            self.learn(&found);
            fresh.extend(found);
        }
        let mut rows = Vec::with_capacity(sheet.rows().len());
        for (workspace, series, buckets) in sheet.rows() {
            let known = fresh.get(&(workspace, series)).copied().or_else(|| self.find((workspace, series)));
            let number = known.ok_or_else(|| StoreError::Corrupt(format!("{series:?} was made and is not there")))?;
            let counted = buckets.iter().filter(|(_, figures)| !figures.is_zero());
            rows.extend(counted.map(|(bucket, figures)| SheetRow {
                series: number,
                bucket: *bucket,
                figures: *figures,
            }));
        }
        rows.sort_by_key(|row| (row.series, row.bucket));
        Ok(rows)
    }
}

async fn number<'a>(pool: &Pool, unknown: &[Wanted<'a>]) -> Result<Vec<(Wanted<'a>, i64)>, Fault> {
    read(pool, sql!("totals/insert_series"), series_columns(unknown)).await?;
    let rows = read(pool, sql!("totals/find_series"), series_columns(unknown)).await?;
    let mut found = Vec::with_capacity(unknown.len());
    for row in rows {
        let place: usize = narrow("place of a series", row.get("place"))?;
        let wanted = unknown.get(place - 1).ok_or_else(|| StoreError::Corrupt(format!("series {place} of less")))?;
        found.push((*wanted, row.get("no")));
    }
    Ok(found)
}

/// "Any" is the nil id; the cuboid tells it from a user of that id.
fn series_columns<'a>(wanted: &[Wanted<'a>]) -> Vec<Param<'a>> {
    columns!(wanted, w => w.0.0, w.1.cuboid.number(), w.1.user.map_or(Uuid::nil(), |user| user.0),
        w.1.service.clone().unwrap_or_default(), w.1.operation.clone().unwrap_or_default(),
        w.1.model.clone().unwrap_or_default())
}

/// What is added to one series from a bucket on.
pub struct SheetRow {
    series: i64,
    bucket: Timestamp,
    figures: Figures,
}

/// The statements that write a sheet, if there is anything in it. Whoever locks totals locks nothing after them but the
/// queues' times, health and rates.
pub fn write(steps: &mut Steps<'_>, rows: &[SheetRow]) {
    if rows.is_empty() {
        return;
    }
    let place = || columns!(rows, row => row.series, Micros::from(row.bucket));
    steps.add(sql!("totals/lock"), columns!(rows, row => row.series));
    steps.add(sql!("totals/keep"), place());
    let mut added = place();
    for figure in Figure::ALL {
        added.extend(columns!(rows, row => row.figures.get(figure)));
    }
    steps.add(sql!("totals/add"), added);
}

impl PostgresStore {
    pub(crate) async fn answer(&self, scope: Scope, question: &Question) -> Result<Vec<Total>, StoreError> {
        let cuboid = question.cuboid();
        let (first, last) = question.only.user.map_or((Uuid::nil(), Uuid::max()), |user| (user.0, user.0));
        let asked = params![scope.workspace.0, cuboid.number(), first, last, SERIES_MAX as i64 + 1];
        let rows = read(&self.readers, sql!("totals/series"), asked).await?;
        let selection = question.select(rows.iter().map(|row| (row.get("no"), series(row, cuboid))))?;
        let Selection { members, mut sums } = selection;
        let mut asked = columns!(members, member => member.0, i64::try_from(member.1).unwrap_or(i64::MAX));
        asked.push(Box::new(question.cuts.iter().map(|cut| Micros::from(*cut)).collect::<Vec<_>>()));
        read_each(&self.readers, sql!("totals/before"), asked, |row| {
            let value = Value::of(row)?;
            for cut in value.cuts(&question.cuts)? {
                sums.add(value.group, cut, &value.figures);
            }
            Ok(())
        })
        .await?;
        Ok(sums.answer())
    }
}

fn series(row: &Row, cuboid: Cuboid) -> Series {
    let user = UserId(row.get("user_id"));
    Series::of_parts(cuboid, user, row.get("service"), row.get("operation"), row.get("model"))
}

/// What a series had used at the end of a bucket.
struct Value {
    /// The place of the group.
    group: usize,
    /// The number of the cut before which that is the newest, from 1; `None` for the total, which is the newest before all
    /// cuts behind its bucket.
    cut: Option<i64>,
    bucket: Timestamp,
    figures: Figures,
}

impl Value {
    /// By the places of the columns: of the many rows of an answer, looking each column up by its name would be the larger
    /// part.
    fn of(row: &Row) -> Result<Value, StoreError> {
        Ok(Value {
            group: narrow("place of a group", row.get(0))?,
            cut: row.get(1),
            bucket: row.get::<_, Micros>(2).into(),
            figures: Figures::from_values(std::array::from_fn(|figure| row.get(figure + 3))),
        })
    }

    /// The places of the cuts it counts at.
    fn cuts(&self, cuts: &[Timestamp]) -> Result<Range<usize>, StoreError> {
        let Some(number) = self.cut else {
            return Ok(cuts.partition_point(|cut| *cut <= self.bucket)..cuts.len());
        };
        let number: usize = narrow("number of a cut", number)?;
        Ok(number.saturating_sub(1)..number)
    }
}
