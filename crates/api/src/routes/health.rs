//! Is it alive, is it ready, and what exactly is wrong with it.

use crate::auth::Caller;
use crate::error::Code;
use crate::extract::query::Params;
use crate::openapi::params::Verbose;
use crate::openapi::problems::OPERATOR;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::admin::ReadyBody;
use crate::wire::admin::{CheckBody, DoctorBody, StatusBody};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::health::{Stance, stance};
use copydesk_desk::DeskError;
use copydesk_desk::store::admin::{Description, PauseKey};
use copydesk_desk::store::{Scope, StoreError};
use serde_json::json;

/// How late a message may be before the doctor says so. Units: seconds.
const WEBHOOK_LAG_MAX_S: u64 = 120;

/// Is the process alive?
///
/// Nothing else is looked at: a supervisor restarts on this.
#[utoipa::path(
    get, path = "/livez", operation_id = "getLiveness", tag = "installation",
    responses((status = 200, description = "`ok`.", body = String)),
    security(()),
)]
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// Should requests be sent here?
///
/// Yes when the database answers and the server is not on its way out.
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "installation",
    params(Verbose),
    responses((status = 200, description = "It is ready.", body = ReadyBody)),
    security(()),
    extensions(("x-problems" = json!([Code::StorageUnavailable, Code::SchemaMismatch, Code::Draining]))),
)]
pub(crate) async fn readyz(State(api): State<Api>, mut params: Params) -> Result<Response, Problem> {
    let verbose = params.flag("verbose");
    params.finish()?;
    let described = api.desk().store().describe().await;
    let checks = [storage(&described), schema_version(&described), not_draining(&api)];
    let code = if api.desk().is_draining() {
        Code::Draining
    } else if described.is_ok() {
        Code::SchemaMismatch
    } else {
        Code::StorageUnavailable
    };
    let failing: Vec<&str> = checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
    if !failing.is_empty() {
        let detail = format!("Not ready: {}.", failing.join(", "));
        return Err(Problem::new(code, detail).retry_after(1).with("checks", json!(checks)));
    }
    Ok(Json(ReadyBody { status: "ok", checks: verbose.then(|| checks.into()) }).into_response())
}

/// The same as `/readyz`, for habit.
#[utoipa::path(
    get, path = "/healthz", operation_id = "getHealth", tag = "installation",
    params(Verbose),
    responses((status = 200, description = "It is ready.", body = ReadyBody)),
    security(()),
    extensions(("x-problems" = json!([Code::StorageUnavailable, Code::SchemaMismatch, Code::Draining]))),
)]
pub(crate) async fn healthz(state: State<Api>, params: Params) -> Result<Response, Problem> {
    readyz(state, params).await
}

/// What runs here, on which database, and how much waits.
#[utoipa::path(
    get, path = "/status", operation_id = "getStatus", tag = "installation",
    responses((status = 200, description = "The status.", body = StatusBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn status(State(api): State<Api>, caller: Caller) -> Result<Json<StatusBody>, Problem> {
    caller.must_operate()?;
    let described = api.desk().store().describe().await?;
    let audit = api.desk().store().audit_state().await?;
    Ok(Json(StatusBody::of(described, &audit, api.desk().world().now(), api.desk().is_draining())))
}

/// Look for everything that can be wrong with an installation.
///
/// Each check with what to do. What was found is the answer, so its status is 200 also when the patient is ill.
#[utoipa::path(
    get, path = "/doctor", operation_id = "runDoctor", tag = "installation",
    responses((status = 200, description = "What was found.", body = DoctorBody)),
    extensions(("x-problems" = json!([OPERATOR]))),
)]
pub(crate) async fn doctor(State(api): State<Api>, caller: Caller) -> Result<Json<DoctorBody>, Problem> {
    caller.must_operate()?;
    let described = api.desk().store().describe().await;
    let mut checks = vec![storage(&described), schema(&api).await, canary(&api).await, pauses(&api).await];
    if let Ok(found) = &described {
        checks.push(worker(&api, found));
        checks.push(queue(&api, found));
    }
    checks.extend([providers(&api).await, recipes(&api), people(&api).await]);
    checks.extend([audit(&api).await, webhooks(&api).await, not_draining(&api)]);
    Ok(Json(checks.into()))
}

fn storage(described: &Result<Description, StoreError>) -> CheckBody {
    match described {
        Ok(found) => CheckBody::good("storage", format!("{} {} answers", found.engine, found.version)),
        Err(error) => unreachable("storage", error),
    }
}

/// What the database said belongs into the log; a probe may be read by anybody.
fn unreachable(name: &'static str, error: &StoreError) -> CheckBody {
    tracing::error!(check = name, %error, "A health check failed");
    CheckBody::bad(name, "the database does not answer as it should", "The server's log has the database's own words.")
}

fn schema_version(described: &Result<Description, StoreError>) -> CheckBody {
    match described {
        Ok(found) if found.schema_version == found.known_schema_version => {
            CheckBody::good("schema_version", format!("version {}", found.schema_version))
        }
        Ok(found) => CheckBody::bad(
            "schema_version",
            format!(
                "the database has version {}, this program needs {}",
                found.schema_version, found.known_schema_version
            ),
            "Run `copydesk db migrate`, or the program that fits the database.",
        ),
        Err(_) => CheckBody::bad("schema_version", "the database does not answer", "See the check `storage`."),
    }
}

/// Who can sign in, and whether his password is sent in clear. An installation of programs only is a sound one.
async fn people(api: &Api) -> CheckBody {
    match api.desk().needs_setup(Scope::DEFAULT).await {
        Err(DeskError::Store(error)) => unreachable("sign_in", &error),
        Err(_) => CheckBody::bad("sign_in", "who can sign in cannot be read", "See the check `storage`."),
        Ok(true) => CheckBody::good(
            "sign_in",
            "nobody can sign in, only keys are let in; `copydesk admin create --email E-MAIL` makes the first owner",
        ),
        Ok(false) if is_sent_in_clear(api.public_url()) => CheckBody::bad(
            "sign_in",
            format!("people sign in at {}: passwords and cookies cross the network in clear", api.public_url()),
            "Put TLS in front of the server and set public_url to its https address (docs/sign-in.md).",
        ),
        Ok(false) => CheckBody::good("sign_in", "there is an owner who can sign in"),
    }
}

fn is_sent_in_clear(public_url: &str) -> bool {
    let Some(rest) = public_url.strip_prefix("http://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    !["127.0.0.1", "localhost", "[::1]"].contains(&host.rsplit_once(':').map_or(host, |(name, _)| name))
}

fn not_draining(api: &Api) -> CheckBody {
    if api.desk().is_draining() {
        CheckBody::bad(
            "draining",
            "the server is shutting down",
            "Send requests to another one, or wait for it to start again.",
        )
    } else {
        CheckBody::good("draining", "the server takes requests")
    }
}

async fn schema(api: &Api) -> CheckBody {
    match api.desk().store().check_schema().await {
        Ok(faults) if faults.is_empty() => {
            CheckBody::good("schema", "every table, column and index is as this program needs it")
        }
        Ok(faults) => {
            let what: Vec<&str> = faults.iter().map(|fault| fault.what.as_str()).collect();
            let sql: Vec<&str> = faults.iter().map(|fault| fault.sql.as_str()).collect();
            CheckBody::bad("schema", what.join("; "), sql.join(" "))
        }
        Err(error) => unreachable("schema", &error),
    }
}

async fn canary(api: &Api) -> CheckBody {
    match api.desk().store().canary(api.desk().world().now()).await {
        Ok(()) => CheckBody::good("canary", "a row was written, read back and removed"),
        Err(error) => unreachable("canary", &error),
    }
}

async fn pauses(api: &Api) -> CheckBody {
    match api.desk().store().pauses().await {
        Ok(pauses) if pauses.is_empty() => CheckBody::good("pauses", "nothing is switched off"),
        Ok(pauses) => {
            let said: Vec<String> =
                pauses.iter().map(|pause| format!("{} since {}", pause.what.name(), pause.since)).collect();
            let detail = format!("paused: {}", said.join(", "));
            if pauses.iter().any(|pause| pause.what == PauseKey::Generation) {
                CheckBody::bad("pauses", detail, "PATCH /api/v1/settings {\"generation\": \"on\"}")
            } else {
                CheckBody::good("pauses", detail)
            }
        }
        Err(error) => unreachable("pauses", &error),
    }
}

/// At least one node with a living heartbeat.
fn worker(api: &Api, found: &Description) -> CheckBody {
    let now = api.desk().world().now();
    let lease = api.desk().config().lease;
    let youngest = found.nodes.iter().map(|node| now.since(node.beat_at)).min();
    match youngest {
        Some(age) if age <= lease => {
            let alive = found.nodes.iter().filter(|node| now.since(node.beat_at) <= lease).count();
            CheckBody::good(
                "worker",
                format!("{alive} node(s) alive, the youngest heartbeat is {} s old", age.as_secs()),
            )
        }
        Some(_) | None if found.waiting == 0 && found.processing == 0 => {
            CheckBody::good("worker", "no server is running, and nothing waits for one".to_owned())
        }
        Some(age) => CheckBody::bad(
            "worker",
            format!(
                "the youngest heartbeat is {} s old; nodes count as lost after {} s",
                age.as_secs(),
                lease.as_secs()
            ),
            "Start one with `copydesk serve`.",
        ),
        None => CheckBody::bad("worker", "no server is running and work waits", "Start one with `copydesk serve`."),
    }
}

fn queue(api: &Api, found: &Description) -> CheckBody {
    let (waiting, max) = (found.waiting, api.desk().config().waiting_max);
    let detail = format!("{waiting} waiting (limit {max}), {} being worked on", found.processing);
    if waiting < max {
        CheckBody::good("queue", detail)
    } else {
        CheckBody::bad("queue", detail, "New requests are refused until some are done; raise the limit or add workers.")
    }
}

/// Also those that are left alone after failures: that is no fault of the installation, but people look for it here.
async fn providers(api: &Api) -> CheckBody {
    let names = api.desk().providers().names();
    if names.is_empty() {
        return CheckBody::bad(
            "providers",
            "no provider is set up",
            "Set OPENROUTER_API_KEY or another provider's key, or use the demo provider.",
        );
    }
    let health = match api.desk().health().await {
        Ok(health) => health,
        Err(error) => return CheckBody::bad("providers", error.to_string(), "See the storage check."),
    };
    let now = api.desk().world().now();
    let cooling = health.iter().filter_map(|row| match stance(Some(&row.health), now) {
        Stance::Open { until } => Some(format!("{} is left alone until {until}", row.subject.name())),
        Stance::Closed | Stance::Probing => None,
    });
    let detail: Vec<String> = std::iter::once(names.join(", ")).chain(cooling).collect();
    CheckBody::good("providers", detail.join("; "))
}

/// What the background audit has found; nothing is proved for this answer.
async fn audit(api: &Api) -> CheckBody {
    let state = match api.desk().store().audit_state().await {
        Ok(state) => state,
        Err(error) => return unreachable("audit", &error),
    };
    let open: Vec<String> = state.open.iter().map(|(check, findings)| format!("{findings} of {check}")).collect();
    if !open.is_empty() {
        let fix = "`copydesk audit --status` lists them; docs/audit.md says what each means and what to do.";
        return CheckBody::bad("audit", format!("open findings: {}", open.join(", ")), fix);
    }
    CheckBody::good(
        "audit",
        match state.round.map(|round| round.ended_at) {
            Some(Some(at)) => format!("nothing stands open; the last whole round ended at {at}"),
            Some(None) => "nothing was found; the first round is not through".to_owned(),
            None => "the background audit has not begun here".to_owned(),
        },
    )
}

/// How far messages are behind, and receivers that fail. A receiver that fails is no fault of the installation; one that was
/// given up is worth a look.
async fn webhooks(api: &Api) -> CheckBody {
    let now = api.desk().world().now();
    let backlog = match api.desk().store().delivery_backlog(now).await {
        Ok(backlog) => backlog,
        Err(error) => return unreachable("webhooks", &error),
    };
    let late = backlog.oldest_due.map_or(0, |due| now.since(due).as_secs());
    let detail = format!(
        "{} message(s) wait, the oldest has been due for {late} s; {} webhook(s) fail, {} were disabled by failures",
        backlog.waiting, backlog.failing, backlog.disabled
    );
    if backlog.disabled > 0 {
        let fix = "`copydesk webhooks ls` shows which and why; mend the receiver, then `copydesk webhooks enable ID`.";
        return CheckBody::bad("webhooks", detail, fix);
    }
    if late > WEBHOOK_LAG_MAX_S {
        return CheckBody::bad(
            "webhooks",
            detail,
            "Messages are not sent in time: look for a server that is running, and at its log.",
        );
    }
    CheckBody::good("webhooks", detail)
}

/// Every recipe's first model must have a provider, or each of its generations fails.
fn recipes(api: &Api) -> CheckBody {
    let registry = api.desk().providers();
    let orphan = |name: &str, model: String| registry.resolve(&model).err().map(|_| format!("{name} needs {model}"));
    let orphans: Vec<String> = api
        .desk()
        .shelf()
        .iter()
        .filter_map(|loaded| orphan(&loaded.recipe.name, loaded.recipe.route.first()?.to_string()))
        .collect();
    if orphans.is_empty() {
        CheckBody::good("recipes", api.desk().shelf().names().join(", "))
    } else {
        CheckBody::bad(
            "recipes",
            orphans.join("; "),
            "Set that provider up, or name another model in the recipe's route.",
        )
    }
}
