//! Lanes and workers as readers see them.

use crate::openapi::words::LaneKind;
use copydesk_core::Timestamp;
use copydesk_desk::lanes::LaneView;
use copydesk_desk::store::admin::NodeRow;
use copydesk_desk::store::generations::Lane;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = LaneList)]
pub(crate) struct LanesBody {
    object: &'static str,
    data: Vec<LaneBody>,
}

impl LanesBody {
    pub fn of(views: Vec<LaneView>) -> LanesBody {
        LanesBody { object: "list", data: views.into_iter().map(LaneBody::of).collect() }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Lane)]
pub(crate) struct LaneBody {
    object: &'static str,
    /// `recipe:NAME`, `provider:NAME`, `model:PROVIDER/MODEL` or `workspace:ID`.
    lane: String,
    #[schema(value_type = LaneKind)]
    kind: &'static str,
    /// How many may be worked on at once, over all processes; `null` is no limit of its own.
    limit: Option<u32>,
    running: u64,
    ready: u64,
    parked: u64,
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u32>,
    /// When its rate lets the next one start; `null` when that is now.
    rate_opens_at: Option<String>,
    paused_since: Option<String>,
    /// It is left alone after failures.
    cooling: Option<CoolingBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LaneCooling)]
struct CoolingBody {
    until: String,
    last_error: String,
}

impl LaneBody {
    pub fn of(view: LaneView) -> LaneBody {
        let kind = match &view.lane {
            Lane::Recipe(_) => "recipe",
            Lane::Provider(_) => "provider",
            Lane::Model(_) => "model",
            Lane::Workspace(_) => "workspace",
        };
        let cooling =
            |it: copydesk_desk::lanes::Cooling| CoolingBody { until: it.until.to_string(), last_error: it.last_error };
        LaneBody {
            object: "lane",
            lane: view.lane.name(),
            kind,
            limit: view.limit,
            running: view.running,
            ready: view.ready,
            parked: view.parked,
            requests_per_minute: view.rate.and_then(|rate| rate.requests_per_minute).map(Into::into),
            tokens_per_minute: view.rate.and_then(|rate| rate.tokens_per_minute).map(Into::into),
            rate_opens_at: view.rate_opens_at.map(|at| at.to_string()),
            paused_since: view.paused_since.map(|at| at.to_string()),
            cooling: view.cooling.map(cooling),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = WorkerList)]
pub(crate) struct WorkersBody {
    object: &'static str,
    data: Vec<WorkerBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Worker)]
struct WorkerBody {
    object: &'static str,
    id: String,
    /// Host name and process id.
    label: String,
    started_at: String,
    beat_at: String,
    beat_age_s: u64,
    /// Its lease holds: what it works on is its own.
    alive: bool,
    running: u64,
}

impl WorkersBody {
    pub fn of(nodes: Vec<NodeRow>, now: Timestamp, lease: Duration) -> WorkersBody {
        let body = |node: NodeRow| WorkerBody {
            object: "worker",
            id: node.id.to_string(),
            label: node.label,
            started_at: node.started_at.to_string(),
            beat_at: node.beat_at.to_string(),
            beat_age_s: now.since(node.beat_at).as_secs(),
            alive: now.since(node.beat_at) <= lease,
            running: node.running,
        };
        WorkersBody { object: "list", data: nodes.into_iter().map(body).collect() }
    }
}
