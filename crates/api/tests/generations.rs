//! Generations over HTTP: accepted, waited for, looked at, cancelled, tried again, given more time.

use crate::scripted::{FAILURES, FIRST_HALF, SECOND_HALF};
use crate::site::{PUBLIC_URL, Site, text};
use serde_json::{Value, json};
use std::time::Duration;

fn path_of(body: &Value, part: &str) -> String {
    format!("/generations/{}{part}", body["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_accepted_request_is_answered_with_its_ids_and_addresses() {
    let site = Site::idle().await;
    let body = site.accept(json!({"external_id": "mail 7/1"})).await;
    let (id, draft) = (body["id"].as_str().unwrap(), body["draft_id"].as_str().unwrap());
    assert!(id.starts_with("gen_") && draft.starts_with("drf_"));
    assert_eq!(body["status"], "pending");
    assert_eq!(body["urls"]["stream"], format!("{PUBLIC_URL}/api/v1/generations/{id}/stream"));
    for spelling in [id, body["uuid"].as_str().unwrap(), "ext:mail%207%2F1"] {
        assert_eq!(site.get(&format!("/generations/{spelling}")).await.json()["id"], id, "{spelling}");
    }
    for spelling in [draft, body["draft_uuid"].as_str().unwrap(), "ext:mail%207%2F1"] {
        assert_eq!(site.get(&format!("/drafts/{spelling}")).await.json()["id"], draft, "{spelling}");
    }
}

#[tokio::test]
async fn who_prefers_to_wait_gets_the_finished_text() {
    let site = Site::working().await;
    let body = text(json!({"user": "ann", "metadata": {"campaign": 7}}));
    let reply = site.send("POST", "/generations", Some(body), &[("prefer", "respond-async, wait=30")]).await;
    assert_eq!((reply.status, reply.header("preference-applied")), (200, "wait=30"));
    let body = reply.json();
    assert_eq!(
        (&body["status"], &body["version"], &body["origin"]),
        (&json!("completed"), &json!(1), &json!("generated"))
    );
    assert_eq!((&body["user"], &body["metadata"]["campaign"]), (&json!("ann"), &json!(7)));
    assert_eq!(body["draft"]["content"]["text"], format!("{FIRST_HALF}{SECOND_HALF}"));
    assert_eq!(body["draft"]["content"]["words"], 2);
    assert_eq!(body["usage"]["total_tokens"], 14);
    // 10 tokens in at 150, 4 out at 600 nano-dollars each.
    assert_eq!((&body["cost"]["nanousd"], &body["cost"]["status"]), (&json!(3_900), &json!("priced")));
    assert_eq!(body["error"], Value::Null);
    let instants: Vec<&str> =
        ["accepted_at", "started_at", "finished_at"].iter().map(|name| body[*name].as_str().unwrap()).collect();
    assert!(instants.is_sorted(), "{instants:?}");
}

/// That it says what the body says is held of every answer by `contract.rs`.
#[tokio::test]
async fn an_answer_about_one_generation_has_its_cost_in_a_header() {
    let site = Site::working().await;
    let reply = site.send("POST", "/generations", Some(text(json!({}))), &[("prefer", "wait=30")]).await;
    assert_eq!((reply.status, reply.header("copydesk-cost")), (200, "nanousd=3900, status=priced"));
    let id = reply.json();
    assert_eq!(site.get(&path_of(&id, "")).await.header("copydesk-cost"), "nanousd=3900, status=priced");
    let again = format!("/drafts/{}/regenerate", id["draft_id"].as_str().unwrap());
    let again = site.send("POST", &again, Some(json!({})), &[("prefer", "wait=30")]).await;
    assert_eq!((again.status, again.header("copydesk-cost")), (200, "nanousd=3900, status=priced"));
    for path in ["/generations".to_owned(), path_of(&id, "/calls"), path_of(&id, "/why")] {
        assert_eq!(site.get(&path).await.header("copydesk-cost"), "", "{path} is not about one generation");
    }
}

#[tokio::test]
async fn a_wait_that_runs_out_ends_with_the_ids() {
    let site = Site::idle().await;
    let reply = site.send("POST", "/generations", Some(text(json!({}))), &[("prefer", "wait=1")]).await;
    assert_eq!((reply.status, reply.header("preference-applied")), (202, "wait=1"));
    assert_eq!(reply.header("copydesk-cost"), "", "nothing sure is known of it");
    assert_eq!(reply.json()["status"], "pending");
}

#[tokio::test]
async fn every_way_a_provider_fails_has_its_code_in_the_error() {
    for (model, _, code) in FAILURES {
        let site = Site::working().await;
        let body = site.post("/models/test", json!({"model": format!("demo/{model}")})).await.json();
        assert_eq!((&body["ok"], &body["error"]["code"]), (&json!(false), &json!(code)), "{model}: {body}");
        let id = body["generation_id"].as_str().unwrap();
        let generation = site.get(&format!("/generations/{id}")).await.json();
        assert_eq!((&generation["status"], &generation["error"]["code"]), (&json!("failed"), &json!(code)), "{model}");
    }
}

#[tokio::test]
async fn a_waiting_generation_says_what_it_waits_for() {
    let site = Site::idle().await;
    let body =
        site.accept(json!({"run_at": "2199-01-01T00:00:00Z", "deadline": "10m", "input": {"prompt": "x"}})).await;
    let shown = site.get(&path_of(&body, "")).await.json();
    assert_eq!(shown["waiting"]["reason"], "scheduled");
    assert_eq!(shown["run_at"], "2199-01-01T00:00:00.000000Z");
    assert_eq!(shown["deadline_at"], "2199-01-01T00:10:00.000000Z");
    assert_eq!(shown["input"], json!({"prompt": "x"}));
    let why = site.get(&path_of(&body, "/why")).await.json();
    assert_eq!((&why["object"], &why["waiting"]["reason"]), (&json!("why"), &json!("scheduled")));
    let idle = site.accept(json!({})).await;
    assert_eq!(site.get(&path_of(&idle, "/why")).await.json()["waiting"]["reason"], "no_worker");
}

#[tokio::test]
async fn a_cancelled_generation_is_over() {
    let site = Site::idle().await;
    let body = site.accept(json!({})).await;
    let reply = site.send("POST", &path_of(&body, "/cancel"), None, &[]).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("cancelled")));
    let reply = site.send("POST", &path_of(&body, "/cancel"), None, &[]).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "already_terminal"));
    assert_eq!(reply.json()["generation_status"], "cancelled");
}

#[tokio::test]
async fn more_time_is_given_once_and_never_taken_away() {
    let site = Site::idle().await;
    let now = site.desk.world().now();
    let in_s = |seconds: u64| now.plus(Duration::from_secs(seconds)).to_string();
    let body = site.accept(json!({"deadline": in_s(600)})).await;
    let path = path_of(&body, "/extend");
    let deadline = async || site.get(&path_of(&body, "")).await.json()["deadline_at"].clone();
    assert_eq!(deadline().await, in_s(600));
    for _ in 0..2 {
        let reply = site.post(&path, json!({"deadline": in_s(3_600)})).await;
        assert_eq!((reply.status, &reply.json()["deadline_at"]), (200, &json!(in_s(3_600))));
    }
    let events = site.get("/events?type=generation.extended").await.json();
    assert_eq!(events["data"].as_array().unwrap().len(), 1, "the same again changes nothing");
    assert_eq!(events["data"][0]["data"]["deadline_at"], in_s(3_600));
    assert_eq!(site.get(&path_of(&body, "/why")).await.json()["deadline_at"], in_s(3_600));
    let month = 30 * 24 * 3_600;
    for (deadline, status, code) in [
        (json!("30m"), 409, "deadline_not_later"),
        (json!("2025-12-31T00:00:00Z"), 409, "deadline_not_later"),
        (json!(in_s(month + 600)), 422, "validation_failed"),
        (json!("2999-01-02T00:00:00"), 422, "naive_timestamp"),
        (json!("soon"), 422, "validation_failed"),
        (json!(3_600), 422, "validation_failed"),
        (Value::Null, 422, "validation_failed"),
    ] {
        let reply = site.post(&path, json!({ "deadline": deadline })).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{deadline}");
    }
    assert_eq!(site.post(&path, json!({"deadline": "30m"})).await.json()["deadline_at"], in_s(3_600), "what it has");
    assert_eq!(deadline().await, in_s(3_600));
    assert_eq!(site.post(&path, json!({"deadline": in_s(month)})).await.status, 200);
    let reply = site.post(&path, json!({"deadline": "29d"})).await;
    assert_eq!(reply.code(), "deadline_not_later", "a length of time counts from now");
    site.post(&path_of(&body, "/cancel"), json!({})).await;
    let reply = site.post(&path, json!({"deadline": in_s(month)})).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "already_terminal"));
}

#[tokio::test]
async fn a_deadline_is_at_most_thirty_days_ahead_of_when_it_may_start() {
    let site = Site::idle().await;
    let ask = |deadline: &str| text(json!({"run_at": "2199-02-01T00:00:00Z", "deadline": deadline}));
    let reply = site.post("/generations", ask("2199-03-03T00:00:01Z")).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["code"]), (422, &json!("too_far")));
    let accepted = site.post("/generations", ask("2199-03-03T00:00:00Z")).await;
    assert_eq!(accepted.status, 202);
    let later = site.post(&path_of(&accepted.json(), "/extend"), json!({"deadline": "2199-03-03T00:00:01Z"})).await;
    assert_eq!(later.code(), "validation_failed", "nor is it by and by");
}

#[tokio::test]
async fn a_cap_is_checked_kept_and_shown() {
    let site = Site::working().await;
    let ask = |cap: Value| text(json!({"max_cost": cap}));
    let little = site.post("/generations", ask(json!(1))).await;
    assert_eq!((little.status, &little.json()["errors"][0]["code"]), (422, &json!("too_small")));
    let pointer = little.json()["errors"][0]["pointer"].clone();
    assert_eq!(pointer, "/max_cost");
    for wrong in [json!(-1), json!(1.5), json!("5"), json!([])] {
        assert_eq!(site.post("/generations", ask(wrong.clone())).await.code(), "validation_failed", "{wrong}");
    }
    let plan = site.post("/generations?dry_run=true", ask(json!(1_000_000_000))).await.json();
    assert_eq!(plan["max_cost"], 1_000_000_000);
    let done = site.finished(json!({"max_cost": 1_000_000_000})).await;
    assert_eq!((&done["status"], &done["max_cost"]), (&json!("completed"), &json!(1_000_000_000)));
    let regenerate = format!("/drafts/{}/regenerate", done["draft_id"].as_str().unwrap());
    assert_eq!(site.post(&regenerate, json!({"max_cost": 1})).await.json()["errors"][0]["code"], "too_small");
    let free = site.finished(json!({"model": "demo/flaky"})).await;
    assert_eq!((&free["status"], &free["max_cost"]), (&json!("completed"), &Value::Null));
    // A first try that fails costs so much that the second might pass the cap.
    let cut = |cap: Value| json!({"model": "demo/terse", "max_cost": cap});
    let told = site.post("/generations", text(cut(json!(0)))).await.json()["errors"][0]["detail"].clone();
    let most: copydesk_core::NanoUsd = told.as_str().unwrap().rsplit('$').next().unwrap().parse().unwrap();
    let ended = site.finished(cut(json!(most.0))).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("failed"), &json!("max_cost_reached")), "{ended}");
    assert!(ended["cost"]["nanousd"].as_i64().unwrap() <= most.0, "{ended}");
}

#[tokio::test]
async fn parameters_are_changed_only_as_the_recipe_lets_them_be() {
    let site = Site::working().await;
    let recipe = site.get("/recipes/text").await.json();
    assert_eq!(recipe["params"], json!(["temperature", "max_output_tokens"]));
    for (params, pointer, code) in [
        (json!({"temperature": 3}), "/params/temperature", "out_of_range"),
        (json!({"max_output_tokens": 2049}), "/params/max_output_tokens", "out_of_range"),
        (json!({"top_p": 0.5}), "/params/top_p", "unknown_field"),
        (json!("hot"), "/params", "wrong_type"),
    ] {
        let refused = site.post("/generations", text(json!({ "params": params }))).await;
        let fault = &refused.json()["errors"][0];
        assert_eq!((refused.status, &fault["pointer"], &fault["code"]), (422, &json!(pointer), &json!(code)));
    }
    let picture =
        json!({"recipe": "picture", "input": {"prompt": "x"}, "model": "demo/painter", "params": {"temperature": 1}});
    let refused = site.post("/generations", picture).await.json();
    assert_eq!(refused["errors"][0]["code"], "not_allowed", "{refused}");
    let done = site.finished(json!({"params": {"temperature": 0.5, "max_output_tokens": 64}})).await;
    assert_eq!(done["params"], json!({"max_output_tokens": 64, "temperature": 0.5}));
    assert_eq!(site.finished(json!({})).await["params"], Value::Null);
    // A shorter answer is a lower bound.
    let most = async |params: Value| {
        site.post("/generations?dry_run", text(json!({ "params": params }))).await.json()["estimate"]["tokens_max"]
            .as_i64()
    };
    assert!(most(json!({"max_output_tokens": 64})).await < most(json!({})).await);
}

#[tokio::test]
async fn a_retry_is_a_new_generation_for_the_same_draft() {
    let site = Site::working().await;
    let failed = site.finished(json!({"model": "demo/refuses"})).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("refused")));
    assert_eq!(failed["error"]["doc_url"], format!("{PUBLIC_URL}/docs/errors/refused"));
    assert_eq!((&failed["draft"]["status"], &failed["draft"]["content"]), (&json!("failed"), &Value::Null));
    let wait = [("prefer", "wait=30"), ("idempotency-key", "again")];
    let path = path_of(&failed, "/retry");
    let reply = site.send("POST", &path, Some(json!({"model": "demo/writer"})), &wait).await;
    let done = reply.json();
    assert_eq!((reply.status, &done["status"], &done["model"]), (200, &json!("completed"), &json!("demo/writer")));
    assert_eq!(done["draft_id"], failed["draft_id"]);
    assert_ne!(done["id"], failed["id"]);
    let replay = site.send("POST", &path, Some(json!({"model": "demo/writer"})), &wait).await;
    assert_eq!((replay.header("idempotent-replayed"), &replay.json()["id"]), ("true", &done["id"]));
    let reply = site.send("POST", &path_of(&done, "/retry"), None, &[]).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "already_terminal"));
}

#[tokio::test]
async fn every_call_is_on_the_books_also_the_failed_one() {
    let site = Site::working().await;
    let done = site.finished(json!({"model": "demo/flaky", "user": "ann"})).await;
    assert_eq!((&done["status"], &done["attempt"]), (&json!("completed"), &json!(2)));
    assert_eq!(done["last_error"]["code"], "provider_error");
    let calls = site.get(&path_of(&done, "/calls")).await.json();
    let outcomes: Vec<&Value> = calls["data"].as_array().unwrap().iter().map(|call| &call["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "ok"]);
    assert_eq!(calls["data"][0]["error"]["code"], "provider_error");
    let rows = site.get("/usage/rows?user=ann").await.json();
    assert_eq!(rows["data"].as_array().unwrap().len(), 2);
    let row = &rows["data"][0];
    assert_eq!((&row["service"], &row["operation"], &row["user"]), (&json!("text"), &json!("write"), &json!("ann")));
    assert_eq!((&row["tokens"]["input"], &row["tokens"]["estimated"]), (&json!(10), &json!(false)));
    assert_eq!((&row["cost"]["nanousd"], &row["cost"]["status"]), (&json!(3_900), &json!("priced")));
    assert_eq!(done["usage"]["calls"], 2);
    assert_eq!(site.get("/usage/rows?user=bob").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_rehearsal_writes_nothing_and_finds_the_faults() {
    let site = Site::idle().await;
    let reply = site.post("/generations?dry_run=true", text(json!({"user": "ann"}))).await;
    assert_eq!(reply.status, 200);
    assert_eq!((&reply.json()["object"], &reply.json()["model"]), (&json!("dry_run"), &json!("demo/writer")));
    assert_eq!(site.post("/generations?dry_run", json!({"recipe": "text"})).await.code(), "validation_failed");
    assert_eq!(site.post("/generations?dry_run=maybe", text(json!({}))).await.code(), "validation_failed");
    assert_eq!(site.get("/generations").await.json()["data"], json!([]));
    site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    assert_eq!(site.post("/generations?dry_run", text(json!({}))).await.code(), "generation_paused");
}

#[tokio::test]
async fn wrong_figures_are_refused_with_their_place() {
    let site = Site::idle().await;
    for (more, pointer) in [
        (json!({"priority": 101}), "/priority"),
        (json!({"priority": 1.5}), "/priority"),
        (json!({"deadline": "2001-01-01T00:00:00Z"}), "/deadline"),
        (json!({"deadline": "soon"}), "/deadline"),
        (json!({"metadata": []}), "/metadata"),
        (json!({"user": ""}), "/user"),
        (json!({"model": "writer"}), "/model"),
        (json!({"draft_id": "drf_x", "external_id": "y"}), "/external_id"),
    ] {
        let reply = site.post("/generations", text(more.clone())).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{more}");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer);
    }
    let reply = site.post("/generations", text(json!({"model": "demo/wrter"}))).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "model_not_found"));
    assert!(reply.json()["detail"].as_str().unwrap().contains("demo/writer"));
}

#[tokio::test]
async fn a_rehearsal_finds_the_work_that_is_done_already() {
    let site = Site::idle().await;
    let body = text(json!({"user": "ann"}));
    let key = [("idempotency-key", "k1")];
    let dry = |headers: &'static [(&'static str, &'static str)]| {
        let (site, body) = (&site, body.clone());
        async move { site.send("POST", "/generations?dry_run", Some(body), headers).await.json() }
    };
    assert_eq!(dry(&[]).await["would"], "accept");
    let first = site.send("POST", "/generations", Some(body.clone()), &key).await.json();
    let again = dry(&[]).await;
    assert_eq!((&again["would"], &again["duplicate_of"]["generation_id"]), (&json!("return_existing"), &first["id"]));
    let replay = dry(&[("idempotency-key", "k1")]).await;
    assert_eq!((&replay["would"], &replay["duplicate_of"]["draft_id"]), (&json!("replay"), &first["draft_id"]));
    let other = site.send("POST", "/generations?dry_run", Some(text(json!({}))), &key).await;
    assert_eq!(other.code(), "idempotency_key_reused");
    assert_eq!(site.get("/generations").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn everything_that_spends_can_be_rehearsed_with_the_same_refusals() {
    let site = Site::working().await;
    let done = site.finished(json!({"user": "ann"})).await;
    let draft = format!("/drafts/{}", done["draft_id"].as_str().unwrap());
    let before = site.get("/generations").await.json();
    let plan = site.post(&format!("{draft}/regenerate?dry_run=true"), json!({"model": "demo/flaky"})).await.json();
    assert_eq!((&plan["would"], &plan["draft_id"]), (&json!("accept"), &done["draft_id"]));
    assert_eq!((&plan["models"], &plan["hold"]), (&json!(["demo/flaky"]), &json!(0)));
    let plan = site.post("/models/test?dry_run=true", json!({"model": "demo/writer"})).await.json();
    assert_eq!(
        (&plan["would"], &plan["models"], &plan["attempts_max"]),
        (&json!("accept"), &json!(["demo/writer"]), &json!(1))
    );
    let unknown = site.post("/models/test?dry_run=true", json!({"model": "demo/wrter"})).await;
    assert_eq!(unknown.code(), "model_not_found");
    let retry = format!("{}?dry_run=true", path_of(&done, "/retry"));
    assert_eq!(site.post(&retry, json!({})).await.code(), "already_terminal");
    assert_eq!(site.send("POST", &format!("{draft}/publish"), None, &[]).await.status, 200);
    let refused = site.post(&format!("{draft}/regenerate?dry_run=true"), json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "draft_published"));
    assert_eq!(site.get("/generations").await.json(), before, "nothing was written");
    assert_eq!(site.provider.calls(), 1);
}

#[tokio::test]
async fn attempts_show_what_each_try_used_and_why_it_failed() {
    let site = Site::working().await;
    let made = site.finished(json!({"model": "demo/flaky"})).await;
    let path = format!("/generations/{}", made["id"].as_str().unwrap());
    let attempts = site.get(&format!("{path}/attempts")).await.json();
    let rows = attempts["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{attempts}");
    assert_eq!((&rows[0]["attempt"], &rows[0]["outcome"]), (&json!(1), &json!("failed")));
    assert!(rows[0]["error"]["message"].is_string() && rows[1]["error"].is_null());
    assert_eq!(
        (&rows[1]["attempt"], &rows[1]["outcome"], &rows[1]["model"]),
        (&json!(2), &json!("ok"), &json!("demo/flaky"))
    );
    let sum: i64 = rows.iter().map(|row| row["usage"]["total_tokens"].as_i64().unwrap()).sum();
    assert_eq!(made["usage"]["total_tokens"], sum);
    let other = site.elsewhere_in_it().await;
    for part in ["attempts", "events"] {
        assert_eq!(other.get(&format!("{path}/{part}")).await.code(), "not_found");
    }
}

#[tokio::test]
async fn the_events_of_a_generation_are_its_own_in_their_order() {
    let site = Site::working().await;
    let made = site.finished(json!({"model": "demo/flaky"})).await;
    site.finished(json!({})).await;
    let path = format!("/generations/{}/events", made["id"].as_str().unwrap());
    let all = site.get(&path).await.json();
    let kinds: Vec<&str> = all["data"].as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap()).collect();
    let wanted = ["generation.accepted", "generation.retrying", "generation.completed"];
    let own: Vec<&str> = kinds.iter().copied().filter(|kind| kind.starts_with("generation.")).collect();
    assert_eq!(own, wanted);
    let after = all["data"][0]["seq"].as_i64().unwrap();
    let rest = site.get(&format!("{path}?after={after}")).await.json();
    assert_eq!(rest["data"].as_array().unwrap().len(), kinds.len() - 1);
    assert_eq!(site.get(&format!("{path}?after=x")).await.code(), "bad_cursor");
}
