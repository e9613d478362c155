//! The addresses of other systems, frozen: which request gets which answer, field by field. A change here breaks somebody's
//! front end.

use crate::contract::{filled, operations, path_of, resolved, spec};
use crate::site::{PUBLIC_URL, Reply, Site};
use copydesk_api::compat::CompatSettings;
use copydesk_core::access::KeyScope;
use serde_json::{Value, json};

/// A request outside the base, with the site's key.
async fn ask(site: &Site, method: &str, path: &str, body: Value) -> Reply {
    ask_with(site, &site.key, method, path, body, &[]).await
}

async fn ask_with(site: &Site, key: &str, method: &str, path: &str, body: Value, more: &[(&str, &str)]) -> Reply {
    let bearer = format!("Bearer {key}");
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    headers.extend(more);
    let text = if body.is_null() { String::new() } else { body.to_string() };
    site.raw(method, path, &headers, text).await
}

fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn is_uuid(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

#[tokio::test]
async fn seed_s0_a_click_on_generate_is_answered_with_the_placeholder_that_becomes_the_draft() {
    let site = Site::working().await;
    for path in ["/drafts/generate", "/api/drafts/generate"] {
        let asked =
            json!({"topic": format!("Rust at {path}"), "user_id": "anna", "model": "demo/editor", "unknown": [1]});
        let reply = ask(&site, "POST", path, asked).await;
        assert_eq!(reply.status, 202);
        let body = reply.json();
        assert_eq!(fields(&body), ["draft_id", "job_id", "message", "status", "success"]);
        assert_eq!((&body["success"], &body["status"]), (&json!(true), &json!("generating")));
        assert!(is_uuid(&body["draft_id"]) && is_uuid(&body["job_id"]), "{body}");
        let generation = site.ended(&body["job_id"]).await;
        assert_eq!((&generation["status"], &generation["user"]), (&json!("completed"), &json!("anna")));
        let path = format!("/drafts/{}", body["draft_id"].as_str().unwrap());
        let draft = ask(&site, "GET", &path, Value::Null).await.json();
        assert_eq!(fields(&draft), ["content", "generated_at", "id", "status", "title"]);
        assert_eq!((&draft["id"], &draft["status"]), (&body["draft_id"], &json!("ready")));
        assert!(draft["content"].is_object() && draft["generated_at"].is_string(), "{draft}");
    }
    let list = ask(&site, "GET", "/drafts", Value::Null).await.json();
    assert_eq!(list.as_array().unwrap().len(), 2, "one entry for each click");
}

#[tokio::test]
async fn seed_s0_b16_two_clicks_start_one_draft() {
    let site = Site::idle().await;
    let click = || ask(&site, "POST", "/drafts/generate", json!({"topic": "Rust"}));
    let (first, second) = (click().await.json(), click().await.json());
    assert_eq!((&second["draft_id"], &second["job_id"]), (&first["draft_id"], &first["job_id"]));
    assert_eq!(first["message"], "Draft generation started.");
    assert_eq!(second["message"], "This draft is being generated already.");
    let list = ask(&site, "GET", "/drafts", Value::Null).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!((&list[0]["status"], &list[0]["content"]), (&json!("generating"), &Value::Null));
}

#[tokio::test]
async fn seed_s0_sources_are_the_items_the_newsletter_rests_on() {
    let site = Site::idle().await;
    let sources = json!(["https://example.com/a", "A text\nof two lines", {"title": "An item", "text": "Its text."}]);
    let started = ask(&site, "POST", "/drafts/generate", json!({ "sources": sources })).await.json();
    let generation = site.get(&format!("/generations/{}", started["job_id"].as_str().unwrap())).await.json();
    let wanted = json!([
        {"title": "https://example.com/a", "link": "https://example.com/a"},
        {"title": "A text", "text": "A text\nof two lines"},
        {"title": "An item", "text": "Its text."},
    ]);
    assert_eq!(generation["input"], json!({ "items": wanted }));
    for wrong in [json!({"sources": "x"}), json!({"sources": [7]}), json!({"topic": 7}), json!({"user_id": 7})] {
        let reply = ask(&site, "POST", "/drafts/generate", wrong.clone()).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{wrong}");
        assert!(reply.json()["detail"].is_string());
    }
}

#[tokio::test]
async fn seed_s0_a_regeneration_keeps_the_drafts_id_and_a_published_one_is_refused() {
    let site = Site::working().await;
    let asked = json!({"topic": "Rust", "model": "demo/editor"});
    let started = ask(&site, "POST", "/drafts/generate", asked).await.json();
    site.ended(&started["job_id"]).await;
    let draft = started["draft_id"].as_str().unwrap();
    let again = ask(&site, "POST", &format!("/drafts/{draft}/regenerate"), Value::Null).await;
    assert_eq!(again.status, 202);
    let again = again.json();
    assert_eq!(fields(&again), ["draft_id", "job_id", "message", "status", "success"]);
    assert_eq!((&again["draft_id"], &again["status"]), (&started["draft_id"], &json!("generating")));
    assert_ne!(again["job_id"], started["job_id"]);
    site.ended(&again["job_id"]).await;
    let list = ask(&site, "GET", "/drafts", Value::Null).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1, "the old one is a version of it");
    assert_eq!(site.post(&format!("/drafts/{draft}/publish"), json!({})).await.status, 200);
    let refused = ask(&site, "POST", &format!("/drafts/{draft}/regenerate"), Value::Null).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "draft_published"));
    let published = ask(&site, "GET", &format!("/drafts/{draft}"), Value::Null).await.json();
    assert_eq!(published["status"], "published");
}

#[tokio::test]
async fn where_it_is_asked_for_a_regeneration_is_a_new_draft_and_the_old_one_is_gone() {
    let settings = CompatSettings::new("/old", []).unwrap().regenerating_into_new_drafts();
    let site = Site::compatible(settings).await;
    site.desk.start_working().await.unwrap();
    let asked = json!({"topic": "Rust", "model": "demo/editor", "user_id": "anna"});
    let first = ask(&site, "POST", "/old/drafts/generate", asked).await.json();
    site.ended(&first["job_id"]).await;
    let old = format!("/old/drafts/{}", first["draft_id"].as_str().unwrap());
    let again = ask(&site, "POST", &format!("{old}/regenerate"), Value::Null).await;
    assert_eq!(again.status, 202);
    let again = again.json();
    assert_eq!(fields(&again), ["draft_id", "job_id", "message", "status", "success"]);
    assert!(is_uuid(&again["draft_id"]) && again["draft_id"] != first["draft_id"], "{again}");
    let generation = site.ended(&again["job_id"]).await;
    assert_eq!((&generation["status"], &generation["user"]), (&json!("completed"), &json!("anna")));
    for method in ["GET", "DELETE"] {
        let gone = ask(&site, method, &old, Value::Null).await;
        assert_eq!((gone.status, gone.code().as_str()), (410, "replaced"), "{method}");
        let url = format!("https://desk.example/old/drafts/{}", again["draft_id"].as_str().unwrap());
        assert_eq!(gone.json()["replaced_by"], json!({"draft_id": again["draft_id"], "url": url}));
    }
    let list = ask(&site, "GET", "/old/drafts", Value::Null).await.json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["id"]), (1, &again["draft_id"]));
    let clicked = ask(&site, "POST", &format!("{old}/regenerate"), Value::Null).await.json();
    assert_eq!((&clicked["draft_id"], &clicked["job_id"]), (&again["draft_id"], &again["job_id"]), "once for each");
    assert_eq!(ask(&site, "GET", "/old/drafts", Value::Null).await.json().as_array().unwrap().len(), 1);
    let (_, ben) = site.new_key(json!({"role": "member", "user": "ben"})).await;
    let foreign = ask_with(&site, &ben, "GET", &old, Value::Null, &[]).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (404, "not_found"), "another user learns nothing");
    let native = format!("/drafts/{}", first["draft_id"].as_str().unwrap());
    assert_eq!(site.get(&native).await.status, 404);
    assert_eq!(site.post(&format!("{native}/undelete"), json!({})).await.status, 200);
    let back = ask(&site, "GET", &old, Value::Null).await.json();
    assert!(back["content"].is_object() && back["status"] == "ready", "nothing was lost: {back}");
}

#[tokio::test]
async fn what_cannot_be_regenerated_is_not_hidden() {
    let site = Site::compatible(CompatSettings::default().regenerating_into_new_drafts()).await;
    let asked = json!({"topic": "Rust", "model": "demo/editor"});
    let first = ask(&site, "POST", "/drafts/generate", asked).await.json();
    let path = format!("/drafts/{}", first["draft_id"].as_str().unwrap());
    let busy = ask(&site, "POST", &format!("{path}/regenerate"), Value::Null).await.json();
    assert_eq!((&busy["draft_id"], &busy["job_id"]), (&first["draft_id"], &first["job_id"]), "it is being written");
    assert_eq!(busy["message"], "This draft is being generated already.");
    site.desk.start_working().await.unwrap();
    site.ended(&first["job_id"]).await;
    let off = json!({"generation": "off"});
    assert_eq!(site.send("PATCH", "/settings", Some(off), &[]).await.status, 200);
    let refused = ask(&site, "POST", &format!("{path}/regenerate"), Value::Null).await;
    assert_eq!(refused.code(), "generation_paused");
    assert_eq!(ask(&site, "GET", &path, Value::Null).await.status, 200);
    assert_eq!(site.send("PATCH", "/settings", Some(json!({"generation": "on"})), &[]).await.status, 200);
    assert_eq!(site.post(&format!("{path}/publish"), json!({})).await.status, 200);
    let published = ask(&site, "POST", &format!("{path}/regenerate"), Value::Null).await;
    assert_eq!((published.status, published.code().as_str()), (409, "draft_published"));
    assert_eq!(ask(&site, "GET", &path, Value::Null).await.json()["status"], "published");
}

#[tokio::test]
async fn seed_s0_an_edit_sets_editing_and_a_deleted_draft_is_gone() {
    let site = Site::working().await;
    let asked = json!({"topic": "Rust", "model": "demo/editor"});
    let started = ask(&site, "POST", "/drafts/generate", asked).await.json();
    site.ended(&started["job_id"]).await;
    let draft = started["draft_id"].as_str().unwrap().to_owned();
    let path = format!("/drafts/{draft}");
    let edit = site.send("PATCH", &path, Some(json!({"title": "By hand"})), &[("if-match", "*")]).await;
    assert_eq!(edit.status, 200);
    let edited = ask(&site, "GET", &path, Value::Null).await.json();
    assert_eq!((&edited["status"], &edited["title"]), (&json!("editing"), &json!("By hand")));
    let gone = ask(&site, "DELETE", &path, Value::Null).await;
    assert_eq!((gone.status, gone.json()), (200, json!({"success": true, "message": "Draft deleted."})));
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/regenerate"))] {
        let missing = ask(&site, method, &path, Value::Null).await;
        assert_eq!((missing.status, missing.code().as_str()), (404, "not_found"), "{method} {path}");
    }
    assert_eq!(ask(&site, "GET", "/drafts", Value::Null).await.json(), json!([]));
}

#[tokio::test]
async fn seed_s0_the_list_is_cut_by_skip_and_limit_and_has_newsletters_only() {
    let site = Site::idle().await;
    for (user, topic) in [("anna", "a"), ("anna", "b"), ("ben", "c")] {
        let asked = json!({"topic": topic, "user_id": user});
        assert_eq!(ask(&site, "POST", "/drafts/generate", asked).await.status, 202);
    }
    let text = json!({"recipe": "text", "input": {"prompt": "No newsletter."}});
    let text = site.post("/generations", text).await.json();
    let count = |path: &'static str| {
        let site = &site;
        async move { ask(site, "GET", path, Value::Null).await.json().as_array().unwrap().len() }
    };
    assert_eq!(count("/drafts").await, 3);
    assert_eq!(count("/drafts?limit=2").await, 2);
    assert_eq!(count("/drafts?skip=2&limit=2&page=7").await, 1);
    assert_eq!(count("/drafts?skip=5").await, 0);
    assert_eq!(count("/drafts?user_id=anna").await, 2);
    for wrong in ["skip=-1", "skip=10001", "limit=0", "limit=1001", "limit=x"] {
        let reply = ask(&site, "GET", &format!("/drafts?{wrong}"), Value::Null).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{wrong}");
    }
    let foreign = ask(&site, "GET", &format!("/drafts/{}", text["draft_id"].as_str().unwrap()), Value::Null).await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test]
async fn seed_s1_a_job_is_polled_and_listed_with_its_two_counters() {
    let site = Site::working().await;
    let items = json!([{"input": {"prompt": "a"}}, {"input": {"prompt": "b"}}]);
    let job = site.post("/jobs", json!({"recipe": "text", "items": items, "user": "anna"})).await.json();
    let job = job["id"].as_str().unwrap().to_owned();
    let uuid = site.get(&format!("/jobs/{job}")).await.json()["uuid"].as_str().unwrap().to_owned();
    let poll = format!("/api/pipeline/draft/jobs/{uuid}");
    let mut seen = ask(&site, "GET", &poll, Value::Null).await.json();
    while seen["status"] == "pending" || seen["status"] == "running" {
        tokio::task::yield_now().await;
        seen = ask(&site, "GET", &poll, Value::Null).await.json();
    }
    let wanted = ["drafts_created", "error_message", "job_id", "started_at", "status", "total_targets", "updated_at"];
    assert_eq!(fields(&seen), wanted);
    assert_eq!((&seen["status"], &seen["job_id"]), (&json!("completed"), &json!(uuid)));
    assert_eq!(
        (&seen["total_targets"], &seen["drafts_created"], &seen["error_message"]),
        (&json!(2), &json!(2), &Value::Null)
    );
    let waiting = json!({"recipe": "text", "items": [{"input": {"prompt": "c"}}], "start": false});
    assert_eq!(site.post("/jobs", waiting).await.status, 202);
    let list = ask(&site, "GET", "/api/jobs?skip=0&limit=50", Value::Null).await.json();
    let list = list.as_array().unwrap();
    assert_eq!((list.len(), &list[1]["id"], &list[0]["status"]), (2, &json!(uuid), &json!("pending")));
    let wanted =
        ["drafts_created", "error_message", "id", "job_type", "started_at", "status", "total_targets", "updated_at"];
    assert_eq!(fields(&list[0]), wanted);
    assert_eq!((&list[0]["job_type"], &list[0]["started_at"]), (&json!("draft"), &Value::Null));
    assert_eq!(ask(&site, "GET", "/api/jobs?user_id=anna", Value::Null).await.json().as_array().unwrap().len(), 1);
    for unknown in ["01900000-0000-7000-8000-000000000000", "x"] {
        let missing = ask(&site, "GET", &format!("/api/pipeline/draft/jobs/{unknown}"), Value::Null).await;
        assert_eq!((missing.status, missing.code().as_str()), (404, "not_found"));
        assert!(missing.json()["detail"].is_string());
    }
    let other = site.elsewhere_in_it().await;
    assert_eq!(ask_with(&site, &other.key, "GET", &poll, Value::Null, &[]).await.status, 404);
    assert_eq!(ask_with(&site, &other.key, "GET", "/api/jobs", Value::Null, &[]).await.json(), json!([]));
}

#[tokio::test]
async fn seed_s3_the_schedulers_clean_up_answers_in_its_own_words() {
    let site = Site::idle().await;
    let path = "/api/generate/cleanup-stale";
    for headers in [vec![], vec![("authorization", "Bearer wrong")], vec![("authorization", "Basic eA==")]] {
        let reply = site.raw("POST", path, &headers, "").await;
        assert_eq!((reply.status, reply.json()), (401, json!({"error": "Unauthorized"})));
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
    let clean = ask(&site, "POST", path, Value::Null).await;
    assert_eq!((clean.status, clean.json()), (200, json!({"success": true, "marked_as_failed": 0})));
    site.accept(json!({})).await;
    let hours =
        |hours: f64, dry_run: bool| ask(&site, "POST", path, json!({"max_age_hours": hours, "dry_run": dry_run}));
    let at_once = 1e-9;
    assert_eq!(hours(1.0, false).await.json()["marked_as_failed"], 0, "it is not an hour old");
    assert_eq!(hours(at_once, true).await.json()["marked_as_failed"], 1, "it is counted");
    assert_eq!(hours(at_once, false).await.json(), json!({"success": true, "marked_as_failed": 1}));
    assert_eq!(hours(at_once, false).await.json()["marked_as_failed"], 0, "once is enough");
    for wrong in [
        json!({"max_age_hours": 0}),
        json!({"max_age_hours": "2"}),
        json!({"max_age_hours": -1}),
        json!({"dry_run": 1}),
    ] {
        assert_eq!(ask(&site, "POST", path, wrong.clone()).await.status, 422, "{wrong}");
    }
    let (_, scheduler) = site.new_key(json!({"scopes": [KeyScope::Maintenance.as_str()]})).await;
    assert_eq!(ask_with(&site, &scheduler, "POST", path, Value::Null, &[]).await.status, 200);
    let (_, viewer) = site.new_key(json!({"role": "viewer"})).await;
    assert_eq!(ask_with(&site, &viewer, "POST", path, Value::Null, &[]).await.code(), "scope_missing");
}

#[tokio::test]
async fn another_workspaces_draft_and_another_users_are_not_there() {
    let site = Site::idle().await;
    let started = ask(&site, "POST", "/drafts/generate", json!({"topic": "Rust", "user_id": "anna"})).await.json();
    let path = format!("/drafts/{}", started["draft_id"].as_str().unwrap());
    let other = site.elsewhere_in_it().await;
    let (_, ben) = site.new_key(json!({"role": "member", "user": "ben"})).await;
    for key in [&other.key, &ben] {
        for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/regenerate"))]
        {
            let reply = ask_with(&site, key, method, &path, Value::Null, &[]).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method}");
        }
        assert_eq!(ask_with(&site, key, "GET", "/drafts", Value::Null, &[]).await.json(), json!([]));
    }
    let foreign = json!({"topic": "Rust", "user_id": "anna"});
    let refused = ask_with(&site, &ben, "POST", "/drafts/generate", foreign, &[]).await;
    assert_eq!((refused.status, refused.json()["errors"][0]["pointer"].as_str()), (422, Some("/user")));
}

#[tokio::test]
async fn the_same_request_twice_under_one_idempotency_key_is_answered_alike() {
    let site = Site::working().await;
    let ask = |topic: &'static str| {
        let headers = [("idempotency-key", "click-1")];
        let site = &site;
        async move {
            ask_with(
                site,
                &site.key,
                "POST",
                "/drafts/generate",
                json!({ "topic": topic, "model": "demo/editor" }),
                &headers,
            )
            .await
        }
    };
    let first = ask("Rust").await.json();
    site.ended(&first["job_id"]).await;
    let second = ask("Rust").await.json();
    assert_eq!((&second["draft_id"], &second["job_id"]), (&first["draft_id"], &first["job_id"]));
    assert_eq!((&second["status"], &second["message"]), (&json!("ready"), &json!("This request was answered before.")));
    assert_eq!(ask("Go").await.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn systems_move_under_a_prefix_and_are_switched_off() {
    let moved = Site::compatible(CompatSettings::new("/legacy", ["creations"]).unwrap()).await;
    assert_eq!(ask(&moved, "GET", "/legacy/drafts", Value::Null).await.json(), json!([]));
    for (method, path) in
        [("GET", "/drafts"), ("POST", "/api/generate/cleanup-stale"), ("POST", "/legacy/api/generate/cleanup-stale")]
    {
        assert_eq!(ask(&moved, method, path, Value::Null).await.code(), "not_found", "{path}");
    }
    let paths = moved.raw("GET", "/openapi.json", &[], "").await.json()["paths"].clone();
    assert!(paths.get("/legacy/drafts").is_some() && paths.get("/drafts").is_none());
    assert!(
        paths.as_object().unwrap().keys().all(|path| !path.contains("cleanup-stale") || path.starts_with("/api/v1"))
    );
    let none = Site::compatible(CompatSettings::new("", ["all"]).unwrap()).await;
    assert_eq!(ask(&none, "GET", "/drafts", Value::Null).await.code(), "not_found");
}

#[tokio::test]
async fn every_answer_names_the_native_address_that_does_the_same() {
    let site = Site::idle().await;
    let mut seen = 0;
    for (verb, path, operation) in operations().filter(|(_, _, one)| one["tags"][0] == "compatibility") {
        let method = verb.to_uppercase();
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let link = &resolved(answer)["headers"]["Link"];
            assert_eq!(link["$ref"], "#/components/headers/Successor", "{method} {path} {status}");
        }
        let body = if method == "POST" { json!({}) } else { Value::Null };
        let answers = [
            ask(&site, &method, &filled(path), body.clone()).await,
            ask_with(&site, "no-key", &method, &filled(path), body, &[]).await,
            site.raw(&method, &filled(path), &[], "").await,
        ];
        for reply in answers {
            let link = reply.header("link").to_owned();
            let (target, relation) = link.split_once(">; ").unwrap_or_else(|| panic!("{method} {path}: {link:?}"));
            assert_eq!(relation, "rel=\"successor-version\"", "{method} {path}");
            let target = target.strip_prefix(&format!("<{PUBLIC_URL}")).unwrap();
            let known = path_of(target).unwrap_or_else(|| panic!("{target} is no address"));
            assert!(known.starts_with("/api/v1/") && spec()["paths"][known].get(verb).is_some(), "{method} {target}");
            seen += 1;
        }
    }
    assert!(seen >= 3 * 9, "each of the addresses, with a key, a wrong one and none: {seen}");
}

#[tokio::test]
async fn the_native_address_is_that_of_the_same_thing_wherever_the_others_are() {
    let site = Site::compatible(CompatSettings::new("/old", []).unwrap()).await;
    let id = "0190aaaa-0000-7000-8000-000000000001";
    let reply = ask(&site, "POST", &format!("/old/drafts/{id}/regenerate"), Value::Null).await;
    let wanted = format!("<{PUBLIC_URL}/api/v1/drafts/{id}/regenerate>; rel=\"successor-version\"");
    assert_eq!((reply.status, reply.header("link")), (404, wanted.as_str()));
    assert_eq!(site.get("/drafts").await.header("link"), "", "the native one has no successor");
}
