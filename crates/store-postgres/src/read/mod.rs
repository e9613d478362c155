//! Reading: pages, and rows turned into the contract's types. Changes nothing.

pub mod drafts;
pub mod generations;
pub mod health;
pub mod usage;
pub mod why;

use copydesk_core::{
    BudgetId, BulkId, CallId, DeliveryId, DraftId, FeedbackId, FileId, GenerationId, ImportId, ItemId, JobId, KeyId,
    LinkId, MailId, MailingId, ProfileId, ProspectId, ScheduleId, SourceId, SubscriberId, SuppressionId, TransferId,
    UserId, WebhookId,
};
use copydesk_store::{Order, Page, PageRequest, StoreError};
use std::str::FromStr;
use tokio_postgres::Row;
use uuid::Uuid;

/// Ids that pages are cut by.
pub trait Key: FromStr {
    fn of(id: Uuid) -> Self;
}

macro_rules! keys {
    ($($name:ident),*) => { $(impl Key for $name { fn of(id: Uuid) -> Self { $name(id) } })* };
}
keys!(
    GenerationId,
    DraftId,
    CallId,
    TransferId,
    UserId,
    KeyId,
    BudgetId,
    WebhookId,
    DeliveryId,
    LinkId,
    JobId,
    BulkId,
    FileId,
    FeedbackId,
    ProfileId,
    ProspectId,
    SourceId,
    ItemId,
    ImportId,
    ScheduleId,
    MailingId,
    MailId,
    SubscriberId,
    SuppressionId
);

impl Key for Uuid {
    fn of(id: Uuid) -> Self {
        id
    }
}

/// Where a page begins. One row more than asked for is read, to know whether there is a next page.
pub struct Cursor<K> {
    pub after: K,
    pub limit: i64,
}

impl<K: Key> Cursor<K> {
    pub fn of(page: &PageRequest) -> Result<Cursor<K>, StoreError> {
        Cursor::between(page, K::of(Uuid::nil()), K::of(Uuid::max()))
    }
}

impl Cursor<i64> {
    /// The same for rows that are numbered.
    pub fn of_numbers(page: &PageRequest) -> Result<Cursor<i64>, StoreError> {
        Cursor::between(page, 0, i64::MAX)
    }
}

impl<K: FromStr> Cursor<K> {
    fn between(page: &PageRequest, lowest: K, highest: K) -> Result<Cursor<K>, StoreError> {
        let after = match (&page.after, page.order) {
            (Some(cursor), _) => cursor.parse().map_err(|_| bad_cursor(cursor))?,
            (None, Order::NewestFirst) => highest,
            (None, Order::OldestFirst) => lowest,
        };
        Ok(Cursor { after, limit: i64::from(page.limit) + 1 })
    }
}

pub fn bad_cursor(cursor: &str) -> StoreError {
    StoreError::NotFound { what: "page after", id: cursor.to_owned() }
}

/// The page out of rows that were read with [`Cursor::limit`].
pub fn page_of<T>(
    rows: &[Row],
    page: &PageRequest,
    convert: impl Fn(&Row) -> Result<T, StoreError>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, StoreError> {
    let limit = page.limit as usize;
    let wanted = rows.iter().take(limit).map(convert).collect::<Result<Vec<T>, StoreError>>()?;
    let next = wanted.last().filter(|_| rows.len() > limit).map(key);
    Ok(Page { rows: wanted, next })
}
