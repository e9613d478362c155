//! How the API's "no" is said on the command line: which exit code it is, each fault once, and what to do in terms of
//! commands and flags instead of routes and headers.

use crate::exit::{self, Failure};
use serde_json::Value;

/// From a problem body of the API.
pub fn failure(status: u16, body: &Value) -> Failure {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").unwrap_or_else(|| format!("http_{status}"));
    let said = text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("the server answered HTTP {status}"));
    let faults: Vec<&Value> = body.get("errors").and_then(Value::as_array).into_iter().flatten().collect();
    let lines = faults.iter().map(|fault| {
        let part = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{}: {}", place(part("pointer")), part("detail"))
    });
    let lines = lines.collect();
    let message = without_faults(&said, faults.first().copied());
    let hint = hint(&code, &said, text("hint"));
    Failure { exit: exit_code(status, &code), message, hint, code, lines }
}

fn exit_code(status: u16, code: &str) -> u8 {
    match (status, code) {
        (402, _) => exit::NO_CREDITS,
        (401 | 403, _) => exit::NOT_ALLOWED,
        (404 | 410, _) => exit::NOT_FOUND,
        (409 | 412, _) => exit::CONFLICT,
        (400 | 413 | 415 | 422 | 428, _) => exit::USAGE,
        (_, "schema_mismatch" | "secret_key_missing") => exit::CHECK_FAILED,
        (_, "storage_unavailable" | "outcome_unknown" | "draining") => exit::UNREACHABLE,
        (_, _) => exit::UNEXPECTED,
    }
}

/// The API repeats the faults inside its sentence; here they stand on lines of their own.
fn without_faults(said: &str, first: Option<&Value>) -> String {
    let cut = first
        .and_then(|fault| fault.get("pointer")?.as_str())
        .filter(|pointer| !pointer.is_empty())
        .and_then(|pointer| said.find(&format!("{pointer}: ")));
    cut.map_or(said, |at| &said[..at]).trim_end().to_owned()
}

/// `?limit` is `--limit` here; a JSON pointer stays one.
fn place(pointer: &str) -> String {
    match pointer.strip_prefix('?') {
        Some(name) => format!("--{}", name.replace('_', "-")),
        None => pointer.to_owned(),
    }
}

fn hint(code: &str, said: &str, of_the_api: Option<String>) -> Option<String> {
    let own = match code {
        "recipe_not_found" => "`copydesk recipes ls` lists the recipes",
        "model_not_found" => "`copydesk models ls` lists the models that are known",
        "credits_off" => "set COPYDESK_CREDITS=on, or write `on = true` below [credits] in copydesk.toml",
        "mail_not_set_up" => "set COPYDESK_SMTP_URL and COPYDESK_MAIL_FROM, and start the server again",
        "insufficient_credits" => {
            "`copydesk credits show USER` shows what there is, `copydesk credits grant` gives more"
        }
        "budget_exceeded" => "`copydesk budgets ls` shows what is used, `copydesk budgets change` raises a limit",
        "unpriced_model_with_budget" => "`copydesk prices set` gives the model a price; a budget in tokens needs none",
        "job_cap_reached" => "`copydesk jobs resume JOB --cap DOLLARS` raises it and goes on",
        "missing_key" => "give a key with --key or COPYDESK_KEY; the server printed one at its first start",
        "invalid_key" => "correct --key or COPYDESK_KEY; the server printed a key at its first start",
        "expired_key" | "revoked_key" => "give another key with --key or COPYDESK_KEY",
        "last_key" | "key_ended" => "`copydesk keys create NAME --role ROLE` makes another one",
        "generation_paused" => {
            "an operator switches it on: PATCH /api/v1/settings {\"generation\": \"on\"}, or COPYDESK_GENERATION=on at the \
             start of the server"
        }
        "draft_published" => "`copydesk drafts unpublish DRAFT` makes it editable again",
        "webhook_made" => "`copydesk webhooks ls` shows it, `copydesk webhooks rotate ID` gives it another secret",
        "old_secret_counts" => {
            "`copydesk webhooks rotate ID --drop-previous` rotates it now and ends the secret before, which receivers may know"
        }
        "secret_key_missing" => "set COPYDESK_SECRET_KEY to what `openssl rand -hex 32` prints, the same on every node",
        "deadline_not_later" => "`copydesk generations cancel GENERATION` ends it now and charges nothing",
        "files_full" => "`copydesk files rm FILE` makes room; files.max_count and files.max_bytes are the limits",
        "expired" => "put it here again: `copydesk files put PATH --expires-in 30d`",
        "draft_empty" => "`copydesk drafts regenerate DRAFT` fills it",
        "schema_mismatch" => "`copydesk db check` names each difference and the statement that mends it",
        "not_found" => return deleted(of_the_api.as_deref()).or_else(|| where_to_look(said)).or(of_the_api),
        _ => return of_the_api,
    };
    Some(own.to_owned())
}

/// A deleted draft's hint names the route that brings it back.
fn deleted(of_the_api: Option<&str>) -> Option<String> {
    let (before, route) = of_the_api?.split_once("; POST /api/v1/drafts/")?;
    let (id, _) = route.split_once("/undelete")?;
    Some(format!("{before}; `copydesk drafts undelete {id}` brings it back"))
}

fn where_to_look(said: &str) -> Option<String> {
    let places = [
        ("There is no version ", "`copydesk drafts versions DRAFT` lists the versions"),
        ("There is no draft ", "`copydesk drafts ls` lists the drafts"),
        ("There is no key ", "`copydesk keys ls` lists the keys"),
        ("There is no job ", "`copydesk jobs ls` lists the jobs"),
        ("There is no budget ", "`copydesk budgets ls --ended` lists the budgets"),
        ("There is no file ", "`copydesk files ls` lists the files"),
        ("There is no webhook ", "`copydesk webhooks ls` lists the webhooks"),
        ("There is no delivery ", "`copydesk webhooks deliveries WEBHOOK` lists the messages"),
        ("There is no generation ", "`copydesk generations ls` lists the generations"),
    ];
    places.iter().find(|(start, _)| said.starts_with(start)).map(|(_, hint)| (*hint).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_fault_is_said_once() {
        let body = json!({
            "code": "validation_failed", "detail": "The request is not valid. /input/prompt: it is missing; ?limit: too large",
            "errors": [{"pointer": "/input/prompt", "detail": "it is missing"}, {"pointer": "?limit", "detail": "too large"}],
        });
        let failure = failure(422, &body);
        assert_eq!(failure.exit, exit::USAGE);
        assert_eq!(failure.message, "The request is not valid.");
        assert_eq!(failure.lines, ["/input/prompt: it is missing", "--limit: too large"]);
    }

    #[test]
    fn a_hint_names_a_command_where_there_is_one() {
        let said = |code: &str, detail: &str, hint: &str| {
            failure(404, &json!({ "code": code, "detail": detail, "hint": hint })).hint.unwrap_or_default()
        };
        assert_eq!(said("recipe_not_found", "x", "GET /api/v1/recipes"), "`copydesk recipes ls` lists the recipes");
        let deleted = said(
            "not_found",
            "There is no draft drf_1.",
            "It was deleted at T; POST /api/v1/drafts/drf_1/undelete brings it back.",
        );
        assert_eq!(deleted, "It was deleted at T; `copydesk drafts undelete drf_1` brings it back");
        assert_eq!(said("not_found", "There is no draft drf_1.", ""), "`copydesk drafts ls` lists the drafts");
    }

    #[test]
    fn a_database_that_does_not_answer_is_not_reachable() {
        let code = |status, code: &str| failure(status, &json!({ "code": code })).exit;
        assert_eq!(code(503, "storage_unavailable"), exit::UNREACHABLE);
        assert_eq!(code(503, "schema_mismatch"), exit::CHECK_FAILED);
        assert_eq!(code(500, "internal"), exit::UNEXPECTED);
    }
}
