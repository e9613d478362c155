//! Promises as readers see them: what holds, what was found against it, and what a proof of one found.

use crate::wire::admin::FindingBody;
use copydesk_desk::promises::PromiseRun;
use copydesk_desk::store::audit::{AuditState, FindingRow};
use copydesk_desk::store::promises::Promise;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Promise)]
pub(crate) struct PromiseBody {
    object: &'static str,
    name: &'static str,
    /// What holds as long as nothing is found.
    says: &'static str,
    /// Nothing that the background audit found stands open.
    ok: bool,
    violations: u64,
    /// The checks that prove it, as `docs/audit.md` explains them.
    checks: Vec<CheckedBody>,
    /// When the last whole round of the background audit ended, and how many keys it looked at; `null` before the first.
    last_round_at: Option<String>,
    rows_last_round: Option<u64>,
    /// How many keys the round that runs has looked at so far.
    rows_this_round: u64,
    /// What stands open; only in the answer about one promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    findings: Option<Vec<FindingBody>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PromiseCheck)]
struct CheckedBody {
    name: &'static str,
    violations: u64,
}

impl PromiseBody {
    pub fn new(promise: &Promise, state: &AuditState) -> PromiseBody {
        let open = |check: &str| state.open.iter().filter(|(name, _)| name == check).map(|(_, count)| count).sum();
        let checks: Vec<CheckedBody> =
            promise.checks.iter().map(|name| CheckedBody { name, violations: open(name) }).collect();
        let violations = checks.iter().map(|check| check.violations).sum();
        let round = state.round.as_ref();
        let ended = round.filter(|round| round.ended_at.is_some());
        PromiseBody {
            object: "promise",
            name: promise.name,
            says: promise.says,
            ok: violations == 0,
            violations,
            checks,
            last_round_at: ended.and_then(|round| round.ended_at).map(|at| at.to_string()),
            rows_last_round: ended.map(|round| round.rows_before),
            rows_this_round: round.map_or(0, |round| round.rows),
            findings: None,
        }
    }

    pub fn with_findings(self, promise: &Promise, open: Vec<FindingRow>) -> PromiseBody {
        let ours = open.into_iter().filter(|row| promise.has(&row.check));
        PromiseBody { findings: Some(ours.map(FindingBody::from).collect()), ..self }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = PromiseRun)]
pub(crate) struct PromiseRunBody {
    object: &'static str,
    promise: &'static str,
    says: &'static str,
    /// Nothing was found in what was looked at.
    ok: bool,
    at: String,
    duration_ms: u64,
    /// How many keys were looked at; a workspace or a job that is summed up as a whole counts as 500.
    rows: u64,
    /// Whether that was all there is; false when the time for it was over first.
    complete: bool,
    findings: Vec<FindingBody>,
}

impl PromiseRunBody {
    pub fn new(promise: &Promise, run: PromiseRun) -> PromiseRunBody {
        PromiseRunBody {
            object: "promise_run",
            promise: promise.name,
            says: promise.says,
            ok: run.findings.is_empty(),
            at: run.at.to_string(),
            duration_ms: u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX),
            rows: run.rows,
            complete: run.complete,
            findings: run.findings.into_iter().map(FindingBody::from).collect(),
        }
    }
}
