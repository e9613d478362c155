//! A page of a list.

use crate::extract::query::sealed;
use copydesk_desk::store::Page;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    object: &'static str,
    pub data: Vec<T>,
    pub has_more: bool,
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    pub fn of<R>(page: Page<R>, wire: impl FnMut(R) -> T) -> List<T> {
        let next_cursor = page.next.as_deref().map(sealed);
        List {
            object: "list",
            data: page.rows.into_iter().map(wire).collect(),
            has_more: next_cursor.is_some(),
            next_cursor,
        }
    }

    /// A list that has one page only.
    pub fn whole(data: Vec<T>) -> List<T> {
        List { object: "list", data, has_more: false, next_cursor: None }
    }
}
