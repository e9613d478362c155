//! The installation as readers see it: settings, events, findings, health.

use crate::openapi::words::{GenerationStatus, Switch};
use copydesk_core::Timestamp;
use copydesk_desk::DeskConfig;
use copydesk_desk::prune::Gone;
use copydesk_desk::store::admin::{Description, NodeRow, Pause, PauseKey};
use copydesk_desk::store::audit::{AuditState, Finding, FindingRow};
use copydesk_desk::store::generations::Lane;
use copydesk_desk::sweep::Swept;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
pub(crate) struct SettingsBody {
    object: &'static str,
    /// The master switch: `on` or `off`.
    #[schema(value_type = Switch)]
    generation: &'static str,
    generation_off_since: Option<String>,
    paused_recipes: Vec<PausedRecipe>,
    #[schema(value_type = Switch)]
    credits: &'static str,
    max_concurrent: Option<u32>,
    waiting_max: u64,
    deadline_s: u64,
    attempt_timeout_s: u64,
}

#[derive(Serialize, ToSchema)]
struct PausedRecipe {
    name: String,
    since: String,
}

impl SettingsBody {
    pub fn of(pauses: &[Pause], config: &DeskConfig) -> SettingsBody {
        let off_since = pauses.iter().find(|pause| pause.what == PauseKey::Generation).map(|pause| pause.since);
        let recipe = |pause: &Pause| match &pause.what {
            PauseKey::Lane(Lane::Recipe(name)) => {
                Some(PausedRecipe { name: name.clone(), since: pause.since.to_string() })
            }
            PauseKey::Lane(Lane::Provider(_) | Lane::Model(_) | Lane::Workspace(_)) | PauseKey::Generation => None,
        };
        SettingsBody {
            object: "settings",
            generation: if off_since.is_some() { "off" } else { "on" },
            generation_off_since: off_since.map(|at| at.to_string()),
            paused_recipes: pauses.iter().filter_map(recipe).collect(),
            credits: if config.credits { "on" } else { "off" },
            max_concurrent: config.max_concurrent,
            waiting_max: config.waiting_max,
            deadline_s: config.deadline.as_secs(),
            attempt_timeout_s: config.attempt_timeout.as_secs(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditReport)]
pub(crate) struct AuditBody {
    object: &'static str,
    /// `full`: proved for this answer. `status`: what the background audit has found and not seen mended.
    mode: &'static str,
    ok: bool,
    findings: Vec<FindingBody>,
    background: BackgroundBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingBody {
    check: String,
    subject: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    workspace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    first_seen_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_seen_at: Option<String>,
}

impl From<Finding> for FindingBody {
    fn from(Finding { check, subject, detail }: Finding) -> FindingBody {
        let (workspace_id, first_seen_at, last_seen_at) = (None, None, None);
        FindingBody { check: check.to_owned(), subject, detail, workspace_id, first_seen_at, last_seen_at }
    }
}

impl From<FindingRow> for FindingBody {
    fn from(row: FindingRow) -> FindingBody {
        FindingBody {
            check: row.check,
            subject: row.subject,
            detail: row.detail,
            workspace_id: row.workspace.map(|id| id.to_string()),
            first_seen_at: Some(row.first_seen_at.to_string()),
            last_seen_at: Some(row.last_seen_at.to_string()),
        }
    }
}

/// How far the background audit is.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditBackground)]
struct BackgroundBody {
    /// How often it does something; `null` when it is off here.
    every_s: Option<u64>,
    open_findings: u64,
    /// Whole rounds so far, and when the last one ended.
    rounds: u64,
    last_round_at: Option<String>,
    /// The round that runs: since when, what it goes through now, how many keys it has proved, and how many the last had.
    round_began_at: Option<String>,
    proving: Option<&'static str>,
    proved: u64,
    proved_last_round: u64,
}

impl AuditBody {
    pub fn full(findings: Vec<Finding>, state: AuditState, every: Option<Duration>) -> AuditBody {
        AuditBody::of("full", findings.into_iter().map(FindingBody::from).collect(), state, every)
    }

    pub fn status(open: Vec<FindingRow>, state: AuditState, every: Option<Duration>) -> AuditBody {
        AuditBody::of("status", open.into_iter().map(FindingBody::from).collect(), state, every)
    }

    fn of(mode: &'static str, findings: Vec<FindingBody>, state: AuditState, every: Option<Duration>) -> AuditBody {
        let round = state.round.as_ref();
        let background = BackgroundBody {
            every_s: every.map(|every| every.as_secs()),
            open_findings: state.open.iter().map(|(_, findings)| findings).sum(),
            rounds: round.map_or(0, |round| round.rounds),
            last_round_at: round.and_then(|round| round.ended_at).map(|at| at.to_string()),
            round_began_at: round.map(|round| round.began_at.to_string()),
            proving: round.map(|round| round.space.as_str()),
            proved: round.map_or(0, |round| round.rows),
            proved_last_round: round.map_or(0, |round| round.rows_before),
        };
        AuditBody { object: "audit", mode, ok: findings.is_empty(), findings, background }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CleanedUp)]
pub(crate) struct CleanupBody {
    success: bool,
    /// How many were ended; with `dry_run` none was, and `generations` lists those that would be.
    marked_as_failed: usize,
    dry_run: bool,
    generations: Vec<SweptBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SweptGeneration)]
struct SweptBody {
    id: String,
    #[schema(value_type = GenerationStatus)]
    status: &'static str,
    #[schema(value_type = GenerationStatus)]
    becomes: &'static str,
    age_s: u64,
}

impl CleanupBody {
    pub fn of(swept: &[Swept], dry_run: bool) -> CleanupBody {
        let body = |one: &Swept| SweptBody {
            id: one.generation.to_string(),
            status: one.status.as_str(),
            becomes: one.becomes.as_str(),
            age_s: one.age.as_secs(),
        };
        CleanupBody {
            success: true,
            marked_as_failed: if dry_run { 0 } else { swept.len() },
            dry_run,
            generations: swept.iter().map(body).collect(),
        }
    }
}

/// What went for its age; with `dry_run`, what would have.
#[derive(Serialize, ToSchema)]
#[schema(as = Pruned)]
pub(crate) struct PrunedBody {
    object: &'static str,
    dry_run: bool,
    calls: u64,
    events: u64,
    deliveries: u64,
    /// Of sources.
    items: u64,
}

impl PrunedBody {
    pub fn of(gone: Gone, dry_run: bool) -> PrunedBody {
        let Gone { calls, events, deliveries, items } = gone;
        PrunedBody { object: "pruned", dry_run, calls, events, deliveries, items }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
pub(crate) struct StatusBody {
    object: &'static str,
    version: &'static str,
    now: String,
    draining: bool,
    engine: &'static str,
    engine_version: String,
    location: String,
    schema_version: i64,
    known_schema_version: i64,
    waiting: u64,
    processing: u64,
    /// What the background audit has found and not seen mended.
    open_findings: u64,
    nodes: Vec<NodeBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
struct NodeBody {
    id: String,
    label: String,
    started_at: String,
    beat_at: String,
    beat_age_s: u64,
}

impl StatusBody {
    pub fn of(found: Description, audit: &AuditState, now: Timestamp, draining: bool) -> StatusBody {
        let node = |row: NodeRow| NodeBody {
            id: row.id.to_string(),
            label: row.label,
            started_at: row.started_at.to_string(),
            beat_at: row.beat_at.to_string(),
            beat_age_s: now.since(row.beat_at).as_secs(),
        };
        StatusBody {
            object: "status",
            version: env!("CARGO_PKG_VERSION"),
            now: now.to_string(),
            draining,
            engine: found.engine,
            engine_version: found.version,
            location: found.location,
            schema_version: found.schema_version,
            known_schema_version: found.known_schema_version,
            waiting: found.waiting,
            processing: found.processing,
            open_findings: audit.open.iter().map(|(_, findings)| findings).sum(),
            nodes: found.nodes.into_iter().map(node).collect(),
        }
    }
}

/// How something is, from well to ill.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthGrade)]
pub(crate) enum Grade {
    Ok,
    Warn,
    Fail,
}

/// How the installation is.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    object: &'static str,
    /// That of the worst check.
    status: Grade,
    at: String,
    checks: Vec<CheckBody>,
}

impl HealthBody {
    pub fn new(checks: Vec<CheckBody>, at: Timestamp) -> HealthBody {
        let status = checks.iter().map(|check| check.status).max().unwrap_or(Grade::Ok);
        HealthBody { object: "health", status, at: at.to_string(), checks }
    }
}

/// One look at one part of the installation.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckBody {
    pub name: &'static str,
    /// Not `fail`.
    pub ok: bool,
    /// `warn` is worth a look; `fail` is broken, or will be soon.
    pub status: Grade,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fix: Option<String>,
}

impl CheckBody {
    pub fn good(name: &'static str, detail: impl Into<String>) -> CheckBody {
        CheckBody { name, ok: true, status: Grade::Ok, detail: detail.into(), fix: None }
    }
    pub fn warn(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> CheckBody {
        CheckBody { name, ok: true, status: Grade::Warn, detail: detail.into(), fix: Some(fix.into()) }
    }
    pub fn bad(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> CheckBody {
        CheckBody { name, ok: false, status: Grade::Fail, detail: detail.into(), fix: Some(fix.into()) }
    }
}

/// Ready for requests.
#[derive(Serialize, ToSchema)]
#[schema(as = Ready)]
pub(crate) struct ReadyBody {
    pub status: &'static str,
    /// With `verbose`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<CheckBody>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DoctorReport)]
pub(crate) struct DoctorBody {
    object: &'static str,
    ok: bool,
    checks: Vec<CheckBody>,
}

impl From<Vec<CheckBody>> for DoctorBody {
    fn from(checks: Vec<CheckBody>) -> DoctorBody {
        DoctorBody { object: "doctor", ok: checks.iter().all(|check| check.ok), checks }
    }
}
