//! How values cross to Postgres and back: instants in the binary form of `timestamptz`, ids as `uuid`, words of core's
//! enums as `text`. Never a conversion through a calendar library.

use copydesk_core::Timestamp;
use copydesk_store::StoreError;
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Postgres counts from 2000-01-01T00:00:00Z. Units: microseconds after 1970-01-01T00:00:00Z.
const EPOCH_2000: i64 = 946_684_800_000_000;

/// An instant as Postgres wants it. Units: microseconds since 1970, like [`Timestamp`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Micros(pub i64);

impl From<Timestamp> for Micros {
    fn from(instant: Timestamp) -> Micros {
        Micros(instant.micros())
    }
}

impl From<Micros> for Timestamp {
    fn from(instant: Micros) -> Timestamp {
        Timestamp::from_micros(instant.0)
    }
}

impl ToSql for Micros {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        // Beyond the calendar of Postgres (year 294276) everything is its `infinity`, which is i64::MAX.
        let micros = self.0.saturating_sub(EPOCH_2000);
        out.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }
    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Micros, Box<dyn Error + Sync + Send>> {
        let bytes: [u8; 8] = raw.try_into()?;
        Ok(Micros(i64::from_be_bytes(bytes).saturating_add(EPOCH_2000)))
    }
    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }
}

/// One bound parameter.
pub type Param<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// One parameter per expression, each an array over all rows: what `unnest` takes.
macro_rules! columns {
    ($rows:expr, $row:ident => $($value:expr),+ $(,)?) => {
        vec![$(Box::new($rows.iter().map(|$row| {
            // A constant value does not use its row.
            let _: &_ = &$row;
            $value
        }).collect::<Vec<_>>()) as $crate::types::Param<'_>),+]
    };
}
/// Single values as parameters.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as $crate::types::Param<'_>),*] };
}
/// The text of `sql/<area>/<operation>.sql`.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../sql/", $name, ".sql"))
    };
    (deep $name:literal) => {
        include_str!(concat!("../../sql/", $name, ".sql"))
    };
}
pub(crate) use {columns, params, sql};

/// A stored word that core's enum does not know.
pub fn unknown_word(what: &str, word: &str) -> StoreError {
    StoreError::Corrupt(format!("{word:?} is not a {what}"))
}

/// A stored number that does not fit where it belongs.
pub fn narrow<T: TryFrom<i64>>(what: &str, value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Corrupt(format!("{what} is {value}")))
}

/// A count as Postgres stores it; beyond 2^63 it saturates.
pub fn wide(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Free text that Postgres can hold: it refuses U+0000, which is shown as the replacement character instead. JSON texts
/// never contain it (they escape it); a provider's error words or a title might.
pub fn text(value: &str) -> std::borrow::Cow<'_, str> {
    if value.contains('\0') { value.replace('\0', "\u{fffd}").into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_crosses_in_the_binary_form_of_timestamptz() {
        for micros in [0, EPOCH_2000, 1_790_000_000_123_456, -1] {
            let mut out = BytesMut::new();
            Micros(micros).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
            assert_eq!(Micros::from_sql(&Type::TIMESTAMPTZ, &out).unwrap(), Micros(micros));
        }
        let mut out = BytesMut::new();
        Micros(EPOCH_2000 + 1).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
        assert_eq!(&out[..], &1_i64.to_be_bytes());
    }

    #[test]
    fn a_nul_becomes_visible_and_the_rest_stays() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        assert_eq!(text("plain"), "plain");
    }
}
