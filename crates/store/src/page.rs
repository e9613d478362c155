//! Pages of a list: a cursor names the last row seen, so that a page costs the same however far down it is.

/// Which page. Invariant: `limit` is 1..=[`PageRequest::LIMIT_MAX`]; the caller checks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRequest {
    pub limit: u32,
    /// Opaque to everybody but the engine that made it: the id (or sequence number) of the last row seen.
    pub after: Option<String>,
    pub order: Order,
}

/// By time of creation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

impl PageRequest {
    pub const LIMIT_MAX: u32 = 1_000;

    pub fn newest(limit: u32) -> PageRequest {
        PageRequest { limit, after: None, order: Order::NewestFirst }
    }
}

/// One page of rows. `next` is the cursor of the following one; `None` on the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub next: Option<String>,
}
