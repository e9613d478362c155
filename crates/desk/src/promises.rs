//! One promise proved now: its spaces slice by slice, the newest generations first, until all was looked at or the time for it
//! is over. It reads and keeps nothing; what the background audit (`audit.rs`) has found stands where it stands.

use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::Timestamp;
use copydesk_store::audit::{Finding, Place, Slice, Space, Span};
use copydesk_store::promises::Promise;
use std::time::Duration;

/// How many keys one slice proves.
const SLICE: u32 = 500;
/// After how long no further slice is begun.
const RUN_MAX: Duration = Duration::from_secs(30);
/// Generations as young as this are proved before the others.
const NEW: Duration = Duration::from_secs(7 * 24 * 3_600);
/// More is not looked for: it is broken.
const FINDINGS_MAX: usize = 1_000;

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromiseRun {
    pub at: Timestamp,
    pub took: Duration,
    /// How many keys were looked at.
    pub rows: u64,
    /// Whether that was all there is.
    pub complete: bool,
    pub findings: Vec<Finding>,
}

impl Desk {
    /// Proves a promise on the live data, for half a minute at most.
    ///
    /// Errors: [`DeskError::AuditRunning`] while another one, or an audit of everything, runs in this process.
    pub async fn prove_promise(&self, promise: &Promise) -> Result<PromiseRun, DeskError> {
        let Ok(_alone) = self.inner.auditing.try_lock() else { return Err(DeskError::AuditRunning) };
        let (at, began) = (self.inner.now(), self.inner.world.steady());
        let took = || self.inner.world.steady().saturating_sub(began);
        let mut run = PromiseRun { at, took: Duration::ZERO, rows: 0, complete: true, findings: Vec::new() };
        'spans: for mut span in spans(promise, at) {
            loop {
                if took() > RUN_MAX || run.findings.len() >= FINDINGS_MAX {
                    run.complete = false;
                    break 'spans;
                }
                let proved = self.store().prove(Slice { span, limit: SLICE }).await?;
                run.rows += proved.rows;
                let ours = proved.found.into_iter().map(|found| found.finding);
                run.findings.extend(ours.filter(|finding| promise.has(finding.check)));
                if proved.span.upto >= span.upto {
                    break;
                }
                span.after = proved.span.upto;
            }
        }
        run.findings.truncate(FINDINGS_MAX);
        Ok(PromiseRun { took: took(), ..run })
    }
}

/// Everything the promise's checks look at.
fn spans(promise: &Promise, now: Timestamp) -> Vec<Span> {
    let young = Place::of_time(now.minus(NEW));
    let of = |space: &Space| match space {
        Space::Generations => {
            let whole = Span::whole(Space::Generations);
            vec![Span { after: young, ..whole }, Span { upto: young, ..whole }]
        }
        Space::Drafts | Space::Ledger | Space::Series | Space::Workspaces | Space::Jobs | Space::Live => {
            vec![Span::whole(*space)]
        }
    };
    promise.spaces.iter().flat_map(of).collect()
}
