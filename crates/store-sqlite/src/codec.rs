//! How values stand in rows: ids as 16-byte blobs, instants as integer microseconds, enums as their words. A word nobody
//! knows is [`StoreError::Corrupt`] with table, column and value, never a default.

use crate::fault::{Done, Fault};
use copydesk_core::generation::{Failure, FailureCode};
use copydesk_core::ledger::{Margin, Metered};
use copydesk_core::{MicroCredits, Timestamp};
use copydesk_store::StoreError;
use rusqlite::types::FromSql;
use rusqlite::{Row, RowIndex};
use uuid::Uuid;

pub(crate) fn uuid(row: &Row<'_>, column: impl RowIndex) -> Done<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

pub(crate) fn maybe_uuid(row: &Row<'_>, column: impl RowIndex) -> Done<Option<Uuid>> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(Uuid::from_bytes))
}

pub(crate) fn instant(row: &Row<'_>, column: impl RowIndex) -> Done<Timestamp> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

pub(crate) fn maybe_instant(row: &Row<'_>, column: impl RowIndex) -> Done<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(Timestamp::from_micros))
}

pub(crate) fn credits(row: &Row<'_>, column: impl RowIndex) -> Done<MicroCredits> {
    let micros: i64 = row.get(column)?;
    MicroCredits::new(micros).map_err(|error| Fault::corrupt(error.to_string()))
}

/// How the price of a generation follows from its cost, if it does.
pub(crate) fn metered(row: &Row<'_>) -> Done<Option<Metered>> {
    let per_usd: Option<i64> = row.get("metered_per_usd")?;
    if per_usd.is_none() {
        return Ok(None);
    }
    let margin = Margin(row.get("metered_margin")?);
    Ok(Some(Metered { per_usd: credits(row, "metered_per_usd")?, margin, min: credits(row, "metered_min")? }))
}

/// A number that is never negative in a sound database.
pub(crate) fn unsigned(row: &Row<'_>, column: impl RowIndex) -> Done<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Fault::corrupt(format!("{value} where a number of at least 0 must stand")))
}

pub(crate) fn maybe_unsigned(row: &Row<'_>, column: &str) -> Done<Option<u64>> {
    let value: Option<i64> = row.get(column)?;
    if value.is_none() { Ok(None) } else { unsigned(row, column).map(Some) }
}

/// A column that the row's own state says is filled.
pub(crate) fn filled<T: FromSql>(row: &Row<'_>, place: &'static str) -> Done<T> {
    let value: Option<T> = row.get(column_of(place))?;
    value.ok_or_else(|| Fault::corrupt(format!("{place} is empty")))
}

/// A word of one of our enums in the column `table.column`, which the statement selects under the column's name.
pub(crate) fn word<T>(row: &Row<'_>, place: &'static str, parse: impl Fn(&str) -> Option<T>) -> Done<T> {
    let word = row.get_ref(column_of(place))?.as_str().map_err(|error| Fault::corrupt(format!("{place}: {error}")))?;
    known(place, word, parse)
}

pub(crate) fn known<T>(place: &'static str, word: &str, parse: impl Fn(&str) -> Option<T>) -> Done<T> {
    parse(word).ok_or_else(|| unknown(place, word).into())
}

fn unknown(place: &'static str, word: &str) -> StoreError {
    StoreError::Corrupt(format!("column {place} says {word:?}, which no version of this program writes"))
}

fn column_of(place: &'static str) -> &'static str {
    place.split_once('.').map_or(place, |(_, column)| column)
}

/// Milliseconds, counts and the like: SQLite's integers are signed.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn micros(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The failure of a failed generation, as `outcomes` keeps it.
pub(crate) fn failure(row: &Row<'_>) -> Done<Failure> {
    let code = word(row, "outcomes.error_code", FailureCode::parse)?;
    let message: Option<String> = row.get("error")?;
    let mut failure = Failure::new(code, message.unwrap_or_default());
    failure.detail = row.get("error_detail")?;
    Ok(failure)
}

/// A JSON string with its quotes.
pub(crate) fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The provider of a `provider/model`.
pub(crate) fn provider(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}
