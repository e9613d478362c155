//! Settings, maintenance, health, the shelf and the models.

use crate::site::{Site, text};
use serde_json::json;

#[tokio::test]
async fn generation_switched_off_refuses_new_requests_and_keeps_the_accepted() {
    let site = Site::idle().await;
    let before = site.accept(json!({})).await;
    let reply = site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    assert_eq!((reply.status, &reply.json()["generation"]), (200, &json!("off")));
    let reply = site.post("/generations", text(json!({}))).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "generation_paused"));
    assert_eq!(reply.header("x-should-retry"), "false");
    let why = site.get(&format!("/generations/{}/why", before["id"].as_str().unwrap())).await.json();
    assert_eq!(why["waiting"]["paused"], "generation");
    let reply = site.send("PATCH", "/settings", Some(json!({"generation": "on"})), &[]).await;
    assert_eq!(reply.json()["generation_off_since"], json!(null));
    assert_eq!(site.post("/generations", text(json!({}))).await.status, 202);
}

#[tokio::test]
async fn the_list_of_paused_recipes_is_the_whole_list() {
    let site = Site::idle().await;
    let set = |names: serde_json::Value| {
        let site = &site;
        async move { site.send("PATCH", "/settings", Some(json!({"paused_recipes": names})), &[]).await }
    };
    let body = set(json!(["text", "newsletter"])).await.json();
    assert_eq!(body["paused_recipes"].as_array().unwrap().len(), 2);
    assert_eq!(site.accept(json!({})).await["status"], "pending");
    let body = set(json!(["newsletter"])).await.json();
    assert_eq!(body["paused_recipes"][0]["name"], "newsletter");
    assert_eq!(set(json!([])).await.json()["paused_recipes"], json!([]));
    let reply = set(json!(["poem"])).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"));
    assert_eq!(site.get("/settings").await.json()["paused_recipes"], json!([]));
}

#[tokio::test]
async fn seed_s3_a_clean_up_ends_what_is_stale_and_says_what_it_did() {
    let site = Site::idle().await;
    let body = site.accept(json!({})).await;
    let clean = |body: serde_json::Value| {
        let site = &site;
        async move { site.post("/maintenance/cleanup-stale", body).await.json() }
    };
    let none = clean(json!({})).await;
    assert_eq!((&none["success"], &none["marked_as_failed"]), (&json!(true), &json!(0)));
    let rehearsed = clean(json!({"max_age": "0s", "dry_run": true})).await;
    assert_eq!((&rehearsed["marked_as_failed"], &rehearsed["generations"][0]["id"]), (&json!(0), &body["id"]));
    let done = clean(json!({"max_age": "PT0S"})).await;
    assert_eq!((&done["marked_as_failed"], &done["dry_run"]), (&json!(1), &json!(false)));
    assert_eq!(clean(json!({"max_age": "0s"})).await["marked_as_failed"], 0);
    let shown = site.get(&format!("/generations/{}", body["id"].as_str().unwrap())).await.json();
    assert_eq!((&shown["status"], &shown["error"]["code"]), (&json!("failed"), &json!("deadline_exceeded")));
    assert_eq!(site.post("/maintenance/cleanup-stale", json!({"max_age": "old"})).await.code(), "validation_failed");
}

#[tokio::test]
async fn the_doctor_finds_the_missing_worker_and_what_is_switched_off() {
    let site = Site::idle().await;
    let ill = |body: serde_json::Value| -> Vec<String> {
        let checks = body["checks"].as_array().unwrap().clone();
        checks
            .iter()
            .filter(|check| check["ok"] == false)
            .map(|check| check["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ill(site.get("/doctor").await.json()), [""; 0], "nothing waits for a worker");
    site.accept(json!({})).await;
    assert_eq!(ill(site.get("/doctor").await.json()), ["worker"]);
    site.desk.start_working().await.unwrap();
    let body = site.get("/doctor").await.json();
    assert_eq!((&body["object"], &body["ok"]), (&json!("doctor"), &json!(true)), "{body}");
    site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    assert_eq!(ill(site.get("/doctor").await.json()), ["pauses"]);
}

#[tokio::test]
async fn status_audit_and_readiness_answer() {
    let site = Site::working().await;
    site.finished(json!({})).await;
    let status = site.get("/status").await.json();
    assert_eq!((&status["engine"], status["nodes"].as_array().unwrap().len()), (&json!("model"), 1));
    assert_eq!((&status["waiting"], &status["processing"]), (&json!(0), &json!(0)));
    for (path, mode) in [("/audit", "full"), ("/audit?mode=full", "full"), ("/audit?mode=status", "status")] {
        let body = site.get(path).await.json();
        assert_eq!((&body["object"], &body["mode"], &body["ok"]), (&json!("audit"), &json!(mode), &json!(true)));
        assert_eq!((&body["findings"], &body["background"]["open_findings"]), (&json!([]), &json!(0)));
    }
    assert_eq!(site.get("/audit?mode=quick").await.status, 422);
    assert_eq!(status["open_findings"], 0);
    for path in ["/readyz", "/healthz"] {
        assert_eq!(site.raw("GET", path, &[], "").await.json(), json!({"status": "ok"}));
    }
    let verbose = site.raw("GET", "/readyz?verbose", &[], "").await.json();
    assert_eq!(verbose["checks"].as_array().unwrap().len(), 3);
    assert_eq!(site.raw("GET", "/livez", &[], "").await.bytes, b"ok");
}

#[tokio::test]
async fn recipes_carry_their_schema_and_models_their_price() {
    let site = Site::idle().await;
    let list = site.get("/recipes").await.json();
    let names: Vec<&serde_json::Value> = list["data"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["newsletter", "outreach", "picture", "text", "video"]);
    assert_eq!(list["data"][1].get("input_schema"), None);
    let one = site.get("/recipes/text").await.json();
    assert_eq!((&one["title"], &one["route"], &one["price"]), (&json!("Text"), &json!(["demo/writer"]), &json!(0)));
    assert_eq!(one["input_schema"]["required"], json!(["prompt"]));
    let reply = site.post("/generations", json!({"recipe": "text", "input": one["example"]})).await;
    assert_eq!(reply.status, 202, "the example is a sound input");
    let models = site.get("/models").await.json();
    assert_eq!(models["object"], "list");
    let writer = models["data"].as_array().unwrap().iter().find(|row| row["id"] == "demo/writer").unwrap();
    assert_eq!(writer["price"]["input_per_million_nanousd"], 150_000_000);
    assert_eq!(models["providers"][0]["name"], "demo");
}

#[tokio::test]
async fn a_model_that_is_cooling_down_is_shown_with_its_reason() {
    let site = Site::working().await;
    let ask = async |prompt: &str| {
        let body = json!({"recipe": "text", "model": "demo/busy", "input": {"prompt": prompt}});
        let id = site.post("/generations", body).await.json()["id"].as_str().unwrap().to_owned();
        format!("/generations/{id}")
    };
    let model = async |id: &str| {
        let models = site.get("/models").await.json();
        models["data"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
    };
    ask("first").await;
    let mut busy = model("demo/busy").await;
    for _ in 0..2_000 {
        if !busy["cooling"].is_null() {
            break;
        }
        tokio::task::yield_now().await;
        busy = model("demo/busy").await;
    }
    assert_eq!(busy["cooling"]["code"], "rate_limited");
    assert_eq!(busy["cooling"]["message"], "demo is receiving too many requests right now.");
    assert_eq!(model("demo/writer").await["cooling"], json!(null));
    assert_eq!(site.get("/models").await.json()["providers"][0]["cooling"], json!(null));
    let second = ask("second").await;
    let waiting = site.get(&format!("{second}/why")).await.json()["waiting"].clone();
    let expected = json!(["cooling_down", "model:demo/busy", busy["cooling"]["until"]]);
    assert_eq!(json!([waiting["reason"], waiting["lane"], waiting["until"]]), expected, "{waiting}");
    assert_eq!(waiting["last_error"], busy["cooling"]["message"]);
    let report = site.get("/doctor").await.json();
    let checks = report["checks"].as_array().unwrap();
    let providers = checks.iter().find(|check| check["name"] == "providers").unwrap();
    assert_eq!(providers["ok"], true);
    assert!(providers["detail"].as_str().unwrap().contains("model:demo/busy is left alone until"), "{providers}");
}

#[tokio::test]
async fn a_model_is_tried_and_its_call_is_on_the_books() {
    let site = Site::working().await;
    let reply = site.post("/models/test", json!({"model": "demo/writer"})).await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!((&body["object"], &body["ok"], &body["error"]), (&json!("model_test"), &json!(true), &json!(null)));
    assert_eq!((&body["model"], &body["text"]), (&json!("demo/writer"), &json!("Héllo world.")));
    assert_eq!((&body["tokens"]["input"], &body["tokens"]["output"]), (&json!(10), &json!(4)));
    // 10 x 150 + 4 x 600 = 3,900 nano-dollars.
    assert_eq!((&body["cost"]["nanousd"], &body["cost"]["status"]), (&json!(3_900), &json!("priced")));
    assert!(body["first_token_ms"].is_u64() && body["duration_ms"].is_u64(), "{body}");
    assert_eq!((&body["cooling"], &body["waiting"]), (&json!(null), &json!(null)));
    let rows = site.get("/usage/rows").await.json();
    let row = &rows["data"][0];
    assert_eq!((rows["data"].as_array().unwrap().len(), site.provider.calls()), (1, 1));
    assert_eq!((&row["id"], &row["generation_id"]), (&body["call_id"], &body["generation_id"]));
    assert_eq!((&row["cost"], &row["user"], &row["operation"]), (&body["cost"], &json!("model-test"), &json!("write")));
    let both = [json!({"model": "demo/writer"}), json!({"model": "demo/writer"})];
    let [first, second] = both.map(|body| site.post("/models/test", body));
    let (first, second) = tokio::join!(first, second);
    assert_ne!(first.json()["call_id"], second.json()["call_id"], "two tests at once are two");
    assert_eq!(site.desk.store().audit().await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_model_that_does_not_answer_says_why_in_both_tongues_and_is_asked_once() {
    let site = Site::working().await;
    let reply = site.post("/models/test", json!({"model": "demo/flaky"})).await;
    assert_eq!(reply.status, 200, "the test was made, and this is what it found");
    let body = reply.json();
    assert_eq!((&body["ok"], &body["error"]["code"]), (&json!(false), &json!("provider_error")), "{body}");
    assert_eq!(site.provider.calls(), 1, "a failure that may pass is an answer, too");

    let body = site.post("/models/test", json!({"model": "demo/refuses"})).await.json();
    assert_eq!((&body["ok"], &body["text"]), (&json!(false), &json!(null)));
    let error = &body["error"];
    assert_eq!((&error["code"], &error["message"]), (&json!("refused"), &json!("demo refused to write this.")));
    assert_eq!(error["provider_message"], "demo: I would rather not.");
    let unknown = site.post("/models/test", json!({"model": "demo/wrter"})).await;
    assert_eq!(unknown.code(), "model_not_found");
    assert_eq!(site.post("/models/test", json!({})).await.code(), "validation_failed");
}

#[tokio::test]
async fn a_test_that_would_have_to_wait_says_for_what_and_makes_no_call() {
    let site = Site::working().await;
    let test = async |model: &str| site.post("/models/test", json!({"model": model})).await;
    let body = test("demo/busy").await.json();
    assert_eq!((&body["error"]["code"], &body["waiting"]), (&json!("rate_limited"), &json!(null)));
    assert_eq!(body["cooling"]["code"], "rate_limited", "it says what its own call set off");
    let body = test("demo/busy").await.json();
    assert_eq!((&body["ok"], &body["waiting"]["reason"]), (&json!(false), &json!("cooling_down")), "{body}");
    assert_eq!((&body["call_id"], &body["error"], &body["duration_ms"]), (&json!(null), &json!(null), &json!(null)));
    assert_eq!(site.provider.calls(), 1);

    site.send("PATCH", "/settings", Some(json!({"paused_recipes": ["text"]})), &[]).await;
    assert_eq!(test("demo/writer").await.json()["waiting"]["paused"], "recipe:text");
    site.send("PATCH", "/settings", Some(json!({"generation": "off"})), &[]).await;
    let refused = test("demo/writer").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "generation_paused"));
    let idle = Site::idle().await;
    let body = idle.post("/models/test", json!({"model": "demo/writer"})).await.json();
    assert_eq!(body["waiting"]["reason"], "no_worker");
    let left = site.get("/generations?status=pending").await.json();
    assert_eq!(left["data"], json!([]), "nothing is left behind to run later");
}

#[tokio::test]
async fn a_lane_is_paused_and_says_so_and_what_waits_in_it_goes_on_afterwards() {
    let site = Site::idle().await;
    let id = site.accept(json!({})).await["id"].as_str().unwrap().to_owned();
    let model = site.get(&format!("/generations/{id}")).await.json()["model"].as_str().unwrap().to_owned();
    let lane = format!("model:{model}");
    let escaped = lane.replace('/', "%2F");
    let paused = site.post(&format!("/lanes/{escaped}/pause"), json!(null)).await;
    assert_eq!((paused.status, &paused.json()["lane"], &paused.json()["ready"]), (200, &json!(lane), &json!(1)));
    let why = site.get(&format!("/generations/{id}/why")).await.json();
    assert_eq!(why["waiting"]["paused"], lane);
    let lanes = site.get("/lanes").await.json();
    let found: Vec<&serde_json::Value> =
        lanes["data"].as_array().unwrap().iter().filter(|row| row["lane"] == lane.as_str()).collect();
    assert_eq!((found.len(), &found[0]["paused_since"]), (1, &paused.json()["paused_since"]));
    let resumed = site.post(&format!("/lanes/{escaped}/resume"), json!(null)).await.json();
    assert_eq!((&resumed["paused_since"], &resumed["kind"]), (&json!(null), &json!("model")));
    assert_eq!(site.get(&format!("/generations/{id}/why")).await.json()["waiting"]["reason"], "no_worker");
}

#[tokio::test]
async fn a_lane_nobody_has_is_not_found_and_says_what_a_lane_is() {
    let site = Site::idle().await;
    for lane in ["text", "recipe:poem", "provider:nobody", "model:demo", "model:nobody%2Fx", "workspace:x", "recipe:"] {
        let reply = site.post(&format!("/lanes/{lane}/pause"), json!(null)).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{lane}");
        assert!(reply.json()["hint"].as_str().unwrap().contains("GET /api/v1/lanes"), "{lane}");
    }
    let pauses = site.get("/lanes").await.json();
    assert!(pauses["data"].as_array().unwrap().iter().all(|row| row["paused_since"].is_null()));
}

#[tokio::test]
async fn workers_are_listed_with_what_they_do() {
    assert_eq!(Site::idle().await.get("/workers").await.json()["data"], json!([]));
    let site = Site::working().await;
    let workers = site.get("/workers").await.json();
    let worker = &workers["data"][0];
    assert_eq!((&worker["alive"], &worker["running"], &worker["object"]), (&json!(true), &json!(0), &json!("worker")));
}
