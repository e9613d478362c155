//! What all clones of a store share.

use crate::connect::{Server, Source};
use crate::{accept, budgets, queues, totals, wake};
use deadpool_postgres::Pool;
use std::sync::atomic::AtomicU64;

pub struct Inner {
    pub(crate) source: Source,
    pub(crate) writers: Pool,
    pub(crate) readers: Pool,
    pub(crate) server: Server,
    pub(crate) queues: queues::Queues,
    pub(crate) series: totals::Numbers,
    pub(crate) budgets: budgets::Known,
    pub(crate) headroom: accept::Headroom,
    pub(crate) wake: wake::Wake,
    /// Number of the advisory lock under which claims count and choose.
    pub(crate) claim_lock: i64,
    /// Claims made by this process, to pace its housekeeping.
    pub(crate) claims: AtomicU64,
}
