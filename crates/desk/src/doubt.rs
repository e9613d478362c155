//! Claims of unknown outcome. When the answer to a claim is lost, the store may hold runs of this node that nobody here
//! knows about. Their call ids were drawn here, so the next sweeps look for exactly those and hand the runs back, without
//! using up an attempt: no call was ever made. A run that was begun is never touched.

use crate::desk::Desk;
use crate::error::DeskError;
use crate::figures;
use copydesk_core::generation::{Event, Verdict, transition};
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{CallId, Timestamp};
use copydesk_store::generations::{Change, Fence, Overdue, SweepRequest, Turn, Write};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many runs one page of the search looks at.
const PAGE: u32 = 500;
/// Far enough ahead that every node counts as lost, which makes `overdue` list every run there is.
const EVERYBODY: Duration = Duration::from_secs(24 * 3_600);

/// The call ids of claims whose answer was lost, and when they were sent.
#[derive(Default)]
pub(crate) struct Doubts {
    calls: Mutex<HashMap<CallId, Timestamp>>,
}

impl Doubts {
    fn map(&self) -> MutexGuard<'_, HashMap<CallId, Timestamp>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn remember(&self, calls: Vec<CallId>, at: Timestamp) {
        self.map().extend(calls.into_iter().map(|call| (call, at)));
    }
    fn holds(&self, call: CallId) -> bool {
        self.map().contains_key(&call)
    }
    fn is_empty(&self) -> bool {
        self.map().is_empty()
    }
    /// A commit that was on its way shows up within the lease or never.
    fn forget_before(&self, before: Timestamp) {
        self.map().retain(|_, at| *at >= before);
    }
}

impl Desk {
    /// Hands back what a doubtful claim took. Does nothing, and asks nothing, when there was none.
    pub(crate) async fn settle_doubts(&self) -> Result<(), DeskError> {
        if self.inner.doubts.is_empty() {
            return Ok(());
        }
        let now = self.inner.now();
        let mut request = SweepRequest {
            now,
            lost_before: now.plus(EVERYBODY),
            only_living: None,
            attempt_grace: self.inner.config.attempt_grace,
            stale_before: None,
            limit: PAGE,
            after: None,
        };
        loop {
            let page = self.store().overdue(request.clone()).await?;
            let writes: Vec<Write> = page.iter().filter_map(|run| self.hand_back(run, now)).collect();
            if !writes.is_empty() {
                tracing::warn!(runs = writes.len(), "Runs of a claim whose answer was lost are handed back");
                self.store().turn(Turn { now, writes, claim: None }).await?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => request.after = Some(last.generation.id),
                Some(_) | None => break,
            }
        }
        self.inner.doubts.forget_before(now.minus(self.inner.config.lease));
        self.inner.wake.notify_one();
        Ok(())
    }

    fn hand_back(&self, run: &Overdue, now: Timestamp) -> Option<Write> {
        let call = run.open_call.filter(|call| self.inner.doubts.holds(*call))?;
        let event = Event::HandedBack { attempt: run.generation.attempt };
        let Ok(Verdict::Change(decision)) = transition(&run.generation, &event, now) else { return None };
        let usage = TokenUsage::default();
        let world = &self.inner.world;
        let timing = figures::Timing::default();
        let closes = Some(figures::close_without_report(call, CallOutcome::NotSent, usage, None, timing));
        let change = Change::of(run.scope, now, Fence::of(&run.generation), decision, world.transfer_ids(now));
        Some(Write::Change(Box::new(Change { closes, ..change })))
    }
}
