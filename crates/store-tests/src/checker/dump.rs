//! Tables as plain rows, the same from every engine: ids are their 16 bytes, instants are microseconds since 1970, truth
//! is 0 or 1.

use std::collections::BTreeMap;
use uuid::Uuid;

/// What the checker reads, and what a planted damage may have changed.
pub const TABLES: [&str; 33] = [
    "accounts",
    "assets",
    "budget_entries",
    "budget_use",
    "budgets",
    "bulk_items",
    "bulk_list",
    "calls",
    "drafts",
    "events",
    "generations",
    "inputs",
    "job_items",
    "job_list",
    "live_keys",
    "live_targets",
    "lots",
    "mailings",
    "mails",
    "outcomes",
    "parked",
    "ready",
    "retention",
    "runs",
    "steps",
    "transfers",
    "usage_history",
    "usage_pruned",
    "usage_series",
    "usage_totals",
    "users",
    "versions",
    // One engine has it.
    "belongings",
];

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cell {
    Null,
    Whole(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// One row: its cells by column.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row(pub BTreeMap<String, Cell>);

/// Rows by table. A table an engine does not have is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dump(pub BTreeMap<&'static str, Vec<Row>>);

impl Dump {
    pub fn rows(&self, table: &str) -> &[Row] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }
    /// Rows of a table by an id of theirs.
    pub fn by_id<'a>(&'a self, table: &str, column: &str) -> BTreeMap<Uuid, Vec<&'a Row>> {
        let mut rows: BTreeMap<Uuid, Vec<&Row>> = BTreeMap::new();
        for row in self.rows(table) {
            if let Some(id) = row.maybe_id(column) {
                rows.entry(id).or_default().push(row);
            }
        }
        rows
    }
}

impl Row {
    fn cell(&self, column: &str) -> &Cell {
        self.0.get(column).unwrap_or_else(|| panic!("there is no column {column} in {self:?}"))
    }
    pub fn maybe_whole(&self, column: &str) -> Option<i64> {
        match self.cell(column) {
            Cell::Null => None,
            Cell::Whole(value) => Some(*value),
            Cell::Text(_) | Cell::Bytes(_) => panic!("{column} is no number in {self:?}"),
        }
    }
    pub fn whole(&self, column: &str) -> i64 {
        self.maybe_whole(column).unwrap_or_else(|| panic!("{column} is empty in {self:?}"))
    }
    pub fn maybe_text(&self, column: &str) -> Option<&str> {
        match self.cell(column) {
            Cell::Null => None,
            Cell::Text(value) => Some(value),
            Cell::Whole(_) | Cell::Bytes(_) => panic!("{column} is no text in {self:?}"),
        }
    }
    pub fn text(&self, column: &str) -> &str {
        self.maybe_text(column).unwrap_or_else(|| panic!("{column} is empty in {self:?}"))
    }
    pub fn maybe_bytes(&self, column: &str) -> Option<&[u8]> {
        match self.cell(column) {
            Cell::Null => None,
            Cell::Bytes(value) => Some(value),
            Cell::Whole(_) | Cell::Text(_) => panic!("{column} is no bytes in {self:?}"),
        }
    }
    /// Bytes that are no id name nothing there is.
    pub fn maybe_id(&self, column: &str) -> Option<Uuid> {
        self.maybe_bytes(column).map(|bytes| Uuid::from_slice(bytes).unwrap_or(Uuid::max()))
    }
    pub fn id(&self, column: &str) -> Uuid {
        self.maybe_id(column).unwrap_or_else(|| panic!("{column} is empty in {self:?}"))
    }
}
