//! Pages: one row more than asked for is read, so that the last page knows it is the last. Knows nothing of what the
//! rows are.

use copydesk_store::{Order, Page, PageRequest, StoreError};
use std::str::FromStr;
use uuid::Uuid;

/// What to bind: the id to start behind and how many rows to read.
pub(crate) struct Cut {
    pub after: Uuid,
    pub limit: i64,
    pub newest_first: bool,
}

impl Cut {
    /// Errors: [`StoreError::NotFound`] for a cursor that is none.
    pub fn new<I: FromStr>(page: &PageRequest, uuid: impl Fn(I) -> Uuid) -> Result<Cut, StoreError> {
        let newest_first = match page.order {
            Order::NewestFirst => true,
            Order::OldestFirst => false,
        };
        let start = if newest_first { Uuid::max() } else { Uuid::nil() };
        let after = page.after.as_deref().map(|cursor| cursor_of(cursor).map(&uuid)).transpose()?.unwrap_or(start);
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
