//! Pages: one row more than asked for is read, so that the last page knows it is the last. Knows nothing of what the
//! rows are.

use copydesk_store::{Order, Page, PageRequest, StoreError};
use std::str::FromStr;
use uuid::Uuid;

/// What to bind: the id (or number) to start behind and how many rows to read.
pub(crate) struct Cut<K = Uuid> {
    pub after: K,
    pub limit: i64,
    pub newest_first: bool,
}

impl Cut {
    /// Errors: [`StoreError::NotFound`] for a cursor that is none.
    pub fn new<I: FromStr>(page: &PageRequest, uuid: impl Fn(I) -> Uuid) -> Result<Cut, StoreError> {
        Cut::between(page, Uuid::nil(), Uuid::max(), |cursor| cursor_of(cursor).map(&uuid))
    }
}

impl Cut<i64> {
    /// The same for rows that are numbered.
    pub fn of_numbers(page: &PageRequest) -> Result<Cut<i64>, StoreError> {
        Cut::between(page, 0, i64::MAX, cursor_of)
    }
}

impl<K> Cut<K> {
    fn between(
        page: &PageRequest,
        lowest: K,
        highest: K,
        read: impl FnOnce(&str) -> Result<K, StoreError>,
    ) -> Result<Cut<K>, StoreError> {
        let (newest_first, start) = match page.order {
            Order::NewestFirst => (true, highest),
            Order::OldestFirst => (false, lowest),
        };
        let after = page.after.as_deref().map(read).transpose()?.unwrap_or(start);
        Ok(Cut { after, limit: i64::from(page.limit) + 1, newest_first })
    }
}

pub(crate) fn cursor_of<K: FromStr>(cursor: &str) -> Result<K, StoreError> {
    cursor.parse().map_err(|_| StoreError::NotFound { what: "page after", id: cursor.to_owned() })
}

/// Takes the surplus row off and names the cursor of the next page.
pub(crate) fn cut<T>(mut rows: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(key);
    Page { rows, next }
}
