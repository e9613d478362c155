//! Everything that can be wrong with an installation, one function each, in one list that the doctor, the health page and,
//! for its few, the readiness probe share. Each says how it is, and what to do where it is not well. They read, but for the
//! canary, which leaves nothing.

use crate::router::Api;
use crate::wire::admin::CheckBody;
use copydesk_core::health::{Stance, stance};
use copydesk_desk::DeskError;
use copydesk_desk::store::admin::{Description, PauseKey};
use copydesk_desk::store::{Scope, StoreError};
use std::time::Duration;

/// How late a message may be before the doctor says so. Units: seconds.
const WEBHOOK_LAG_MAX_S: u64 = 120;
/// How far the desk's clock may be from the database's until it is worth a look, and until it is a fault: a lease lasts 30 s.
const SKEW_WARN: Duration = Duration::from_secs(1);
const SKEW_MAX: Duration = Duration::from_secs(10);
/// How much room for files is worth a look, and how little is a fault. Units: bytes.
const ROOM_WARN: u64 = 1024 * 1024 * 1024;
const ROOM_MIN: u64 = 100 * 1024 * 1024;
/// Waiting for longer than this part of the usual deadline is worth a look.
const WAIT_SHARE: u32 = 4;

/// All of them.
pub(crate) async fn all(api: &Api) -> Vec<CheckBody> {
    let described = api.desk().store().describe().await;
    let mut checks = vec![storage(&described), schema(api).await, canary(api).await, clock(api).await];
    checks.extend([disk(api).await, pauses(api).await]);
    if let Ok(found) = &described {
        checks.extend([worker(api, found), queue(api, found), waiting(api).await]);
    }
    checks.extend([providers(api).await, recipes(api), people(api).await]);
    checks.extend([audit(api).await, webhooks(api).await, mail(api).await, not_draining(api)]);
    checks
}

/// Those that say whether requests should be sent here.
pub(crate) fn readiness(api: &Api, described: &Result<Description, StoreError>) -> [CheckBody; 3] {
    [storage(described), schema_version(described), not_draining(api)]
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

/// Whether the mail server can be reached and lets us in. Nothing is sent.
async fn mail(api: &Api) -> CheckBody {
    let fix = "Set COPYDESK_SMTP_URL and COPYDESK_MAIL_FROM as docs/mail.md says, and look whether the server is up.";
    match api.desk().try_mail().await {
        None => CheckBody::good("mail", "no mail server is set up, so none is sent"),
        Some((place, Ok(()))) => CheckBody::good("mail", format!("{place} lets us in")),
        Some((place, Err(why))) => CheckBody::bad("mail", format!("{place}: {why}"), fix),
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

/// The desk follows the database's clock; this is how far it has drifted since its last heartbeat.
async fn clock(api: &Api) -> CheckBody {
    let before = api.desk().world().now();
    let theirs = match api.desk().store().now().await {
        Ok(Some(theirs)) => theirs,
        Ok(None) => return CheckBody::good("clock", "this server's clock is the only one"),
        Err(error) => return unreachable("clock", &error),
    };
    let after = api.desk().world().now();
    // Somewhere between the two it was read.
    let apart = before.since(theirs).max(theirs.since(after));
    let detail = format!("{} ms from the database's clock", apart.as_millis());
    let fix =
        "Let NTP keep the clocks of this machine and of the database's; a jump shows here until the next heartbeat.";
    match apart {
        apart if apart > SKEW_MAX => CheckBody::bad("clock", detail, fix),
        apart if apart > SKEW_WARN => CheckBody::warn("clock", detail, fix),
        _ => CheckBody::good("clock", detail),
    }
}

/// Where generated and uploaded files are kept; on SQLite the database is there, too.
async fn disk(api: &Api) -> CheckBody {
    let bytes = match api.desk().assets().room().await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return CheckBody::good("disk", "the place for files does not say how much room it has"),
        Err(error) => {
            tracing::error!(%error, "A health check failed");
            return CheckBody::bad("disk", "the folder of files cannot be looked at", "Is the data folder mounted?");
        }
    };
    let detail = format!("{} MB of room where files are kept", bytes / (1024 * 1024));
    let fix =
        "Make room on that disk: without it nothing can be accepted. `copydesk prune` removes what is old enough.";
    match bytes {
        bytes if bytes < ROOM_MIN => CheckBody::bad("disk", detail, fix),
        bytes if bytes < ROOM_WARN => CheckBody::warn("disk", detail, fix),
        _ => CheckBody::good("disk", detail),
    }
}

/// How long the oldest one has waited that a worker could take.
async fn waiting(api: &Api) -> CheckBody {
    let oldest = match api.desk().store().backlog().await {
        Ok(backlog) => backlog.oldest_ready,
        Err(error) => return unreachable("waiting", &error),
    };
    let Some(oldest) = oldest else { return CheckBody::good("waiting", "nothing waits for a worker") };
    let age = api.desk().world().now().since(oldest);
    let detail = format!("the oldest generation that a worker may take was accepted {} s ago", age.as_secs());
    if age > api.desk().config().deadline / WAIT_SHARE {
        let fix = "`copydesk lanes ls` shows where it is full; raise that limit, add workers, or lift a pause.";
        return CheckBody::warn("waiting", detail, fix);
    }
    CheckBody::good("waiting", detail)
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
                CheckBody::warn("pauses", detail, "`copydesk lanes resume LANE` lets it go on.")
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
            let lives = |beat_at| now.since(beat_at) <= lease;
            let alive = found.nodes.iter().filter(|node| lives(node.beat_at)).count();
            let silent = found.nodes.iter().filter(|node| !lives(node.beat_at) && node.running > 0).count();
            if silent > 0 {
                let detail = format!("{alive} node(s) alive; {silent} went silent with work that others take over");
                return CheckBody::warn("worker", detail, "`copydesk workers` lists them; look why they ended.");
            }
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
    let cooling: Vec<String> = cooling.collect();
    if cooling.is_empty() {
        return CheckBody::good("providers", names.join(", "));
    }
    let fix = "They are tried again by themselves; `copydesk providers test NAME` asks one now.";
    CheckBody::warn("providers", format!("{}; {}", names.join(", "), cooling.join("; ")), fix)
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
    if backlog.failing > 0 {
        return CheckBody::warn(
            "webhooks",
            detail,
            "`copydesk webhooks ls` shows which; it is their receiver's fault.",
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
