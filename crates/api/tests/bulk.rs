//! Bulk actions over HTTP: asked for, followed, taken back, exported; and what is refused.

use crate::site::{Reply, Site, other_workspace};
use copydesk_desk::DeskConfig;
use copydesk_desk::store::Scope;
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};
use std::time::Duration;

async fn working() -> Site {
    let site = Site::with(DeskConfig { max_concurrent: Some(8), ..DeskConfig::default() }, ModelStore::new()).await;
    site.desk.start_working().await.unwrap();
    site
}

/// Waits for its end.
async fn bulk(site: &Site, body: Value) -> Value {
    let reply = site.send("POST", "/bulk", Some(body), &[("prefer", "wait=30")]).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()
}

/// One that was made, at its end.
async fn ended(site: &Site, made: &Value) -> Value {
    let id = made["id"].as_str().unwrap();
    site.desk.wait_for_bulk(Scope::DEFAULT, id.parse().unwrap(), Duration::from_secs(60)).await.unwrap();
    site.get(&format!("/bulk/{id}")).await.json()
}

fn blamed(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{}", reply.json());
    let word = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    errors.iter().map(|error| (word(error, "pointer"), word(error, "code"))).collect()
}

async fn waiting(site: &Site, count: usize) -> Vec<Value> {
    let mut ids = vec![];
    for n in 0..count {
        let more = json!({"run_at": "2199-01-01T00:00:00Z", "deadline": "1h", "user": format!("u{n}")});
        ids.push(site.accept(more).await["id"].clone());
    }
    ids
}

#[tokio::test]
async fn what_matches_a_filter_is_cancelled_and_followed() {
    let site = working().await;
    let ids = waiting(&site, 5).await;
    let done = site.finished(json!({})).await;
    let reply = site.post("/bulk", json!({"action": "cancel", "filter": {}})).await;
    assert_eq!(reply.status, 202);
    let made = reply.json();
    assert_eq!(
        (&made["object"], &made["action"], &made["of"]),
        (&json!("bulk"), &json!("cancel"), &json!("generations"))
    );
    assert_eq!(reply.header("location"), made["urls"]["self"].as_str().unwrap());
    let path = format!("/bulk/{}", made["id"].as_str().unwrap());
    let seen = ended(&site, &made).await;
    assert_eq!((&seen["status"], &seen["total"]), (&json!("completed"), &json!(5)));
    assert_eq!(seen["counts"], json!({"pending": 0, "done": 5, "skipped": 0, "failed": 0, "cancelled": 0}));
    let items = site.get(&format!("{path}/items?limit=3")).await.json();
    assert_eq!((items["data"].as_array().unwrap().len(), &items["has_more"]), (3, &json!(true)));
    assert_eq!((&items["data"][0]["generation_id"], &items["data"][0]["outcome"]), (&ids[0], &json!("done")));
    assert_eq!(items["data"][0]["draft_id"], Value::Null);
    let cursor = items["next_cursor"].as_str().unwrap();
    let rest = site.get(&format!("{path}/items?limit=3&cursor={cursor}")).await.json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 2);
    assert_eq!(site.get(&format!("/generations/{}", done["id"].as_str().unwrap())).await.json()["status"], "completed");
    let list = site.get("/bulk?status=completed").await.json();
    assert_eq!(list["data"][0]["id"], made["id"]);
    let refused = site.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "already_terminal"));
    let kinds: Vec<Value> = site.get("/events?limit=100").await.json()["data"].as_array().unwrap().clone();
    assert!(kinds.iter().any(|event| event["type"] == "bulk.finished" && event["data"]["bulk"] == made["id"]));
}

#[tokio::test]
async fn drafts_are_approved_deleted_brought_back_and_exported() {
    let site = working().await;
    let mut drafts = vec![];
    for n in 0..4 {
        drafts.push(site.finished(json!({"external_id": format!("x-{n}")})).await["draft_id"].clone());
    }
    let approved = bulk(&site, json!({"action": "approve", "filter": {"recipe": "text", "status": "draft"}})).await;
    assert_eq!((&approved["total"], &approved["counts"]["done"]), (&json!(4), &json!(4)));
    let unknown = "drf_01h455vb4pex5vsknk084sn02q";
    let gone = bulk(&site, json!({"action": "delete", "ids": [drafts[0], drafts[1], unknown, drafts[0]]})).await;
    assert_eq!((&gone["total"], &gone["counts"]["done"], &gone["counts"]["failed"]), (&json!(3), &json!(2), &json!(1)));
    let failed = format!("/bulk/{}/items?outcome=failed", gone["id"].as_str().unwrap());
    let failed = site.get(&failed).await.json();
    assert_eq!(
        (&failed["data"][0]["draft_id"], &failed["data"][0]["note"]["code"]),
        (&json!(unknown), &json!("not_found"))
    );
    let kept = bulk(&site, json!({"action": "export", "of": "drafts", "filter": {}})).await;
    assert_eq!(kept["total"], 2);
    let path = format!("/bulk/{}/export", kept["id"].as_str().unwrap());
    let lines = site.get(&path).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson; charset=utf-8");
    let rows: Vec<Value> =
        String::from_utf8(lines.bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[0]["draft_id"], &rows[0]["external_id"]), (2, &drafts[2], &json!("x-2")));
    assert!(rows.iter().all(|row| row["text"].is_string() && row["title"].is_string()));
    let table = site.get(&format!("{path}?format=csv")).await;
    assert_eq!(
        table.header("content-disposition"),
        format!("attachment; filename=\"{}.csv\"", kept["id"].as_str().unwrap())
    );
    let table = String::from_utf8(table.bytes).unwrap();
    assert!(table.starts_with("draft_id,generation_id,external_id,user,recipe,status,model,title,text,"), "{table}");
    bulk(&site, json!({"action": "undelete", "ids": [drafts[0], drafts[1]]})).await;
    assert_eq!(site.get("/drafts").await.json()["data"].as_array().unwrap().len(), 4);
    let works = bulk(&site, json!({"action": "export", "of": "generations", "filter": {"user": "nobody"}})).await;
    assert_eq!(works["total"], 0);
    let works = bulk(&site, json!({"action": "export", "of": "generations", "filter": {"status": "completed"}})).await;
    let lines = site.get(&format!("/bulk/{}/export", works["id"].as_str().unwrap())).await;
    let first: Value = serde_json::from_str(String::from_utf8(lines.bytes).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!((&first["draft_id"], &first["status"]), (&drafts[0], &json!("completed")));
    assert!(first["model"].is_string() && first["text"].is_string());
}

#[tokio::test]
async fn a_retry_is_counted_and_priced_first_and_makes_each_once() {
    let site = working().await;
    let waiting = waiting(&site, 3).await;
    bulk(&site, json!({"action": "cancel", "ids": waiting})).await;
    let asked = json!({"action": "retry", "filter": {"status": "cancelled"}});
    let outlook = site.post("/bulk?dry_run=true", asked.clone()).await;
    assert_eq!(outlook.status, 200);
    let outlook = outlook.json();
    assert_eq!(
        (&outlook["object"], &outlook["total"], &outlook["more"]),
        (&json!("dry_run"), &json!(3), &json!(false))
    );
    assert_eq!(outlook["first"], json!(waiting));
    assert!(outlook["cost_max_nanousd"].as_i64().is_some_and(|cost| cost > 0), "{outlook}");
    assert_eq!(site.get("/bulk").await.json()["data"].as_array().unwrap().len(), 1, "nothing was written");
    let headers = [("idempotency-key", "again"), ("prefer", "wait=30")];
    let first = site.send("POST", "/bulk", Some(asked.clone()), &headers).await.json();
    assert_eq!((&first["counts"]["done"], &first["counts"]["failed"]), (&json!(3), &json!(0)));
    let again = site.send("POST", "/bulk", Some(asked), &headers).await.json();
    assert_eq!(again["id"], first["id"], "the same request twice is one");
    let other = site.send("POST", "/bulk", Some(json!({"action": "cancel", "filter": {}})), &headers).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    let items = site.get(&format!("/bulk/{}/items", first["id"].as_str().unwrap())).await.json();
    for item in items["data"].as_array().unwrap() {
        let made = site.get(&format!("/generations/{}", item["made"].as_str().unwrap())).await;
        assert_eq!(made.status, 200);
    }
    assert_eq!(site.get("/generations").await.json()["data"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place() {
    let site = Site::idle().await;
    let of = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
    };
    for (body, faults) in [
        (json!({}), of(&[("/action", "required"), ("/filter", "required")])),
        (json!({"action": "burn", "filter": {}}), of(&[("/action", "not_allowed")])),
        (json!({"action": "cancel"}), of(&[("/filter", "required")])),
        (
            json!({"action": "cancel", "filter": {}, "ids": ["gen_01h455vb4pex5vsknk084sn02q"]}),
            of(&[("/filter", "required")]),
        ),
        (json!({"action": "export", "filter": {}}), of(&[("/of", "required")])),
        (json!({"action": "cancel", "of": "drafts", "filter": {}}), of(&[("/of", "not_allowed")])),
        (json!({"action": "cancel", "ids": []}), of(&[("/ids", "out_of_range")])),
        (json!({"action": "cancel", "ids": ["drf_01h455vb4pex5vsknk084sn02q"]}), of(&[("/ids/0", "bad_id")])),
        (json!({"action": "delete", "ids": [1]}), of(&[("/ids", "wrong_type")])),
        (json!({"action": "cancel", "filter": {"stauts": "pending"}}), of(&[("/filter/stauts", "unknown_field")])),
        (json!({"action": "cancel", "filter": {"external_id": "x"}}), of(&[("/filter/external_id", "unknown_field")])),
        (json!({"action": "cancel", "filter": {"status": "completed"}}), of(&[("/filter/status", "not_allowed")])),
        (json!({"action": "delete", "filter": {"status": "burning"}}), of(&[("/filter/status", "not_allowed")])),
        (json!({"action": "cancel", "filter": {"job": "x"}}), of(&[("/filter/job", "bad_id")])),
        (json!({"action": "cancel", "filter": {}, "model": "demo/writer"}), of(&[("/model", "not_allowed")])),
        (json!({"action": "cancel", "filter": []}), of(&[("/filter", "wrong_type")])),
    ] {
        let reply = site.post("/bulk", body.clone()).await;
        assert_eq!(blamed(&reply), faults, "{body}");
    }
    let unknown = site.post("/bulk", json!({"action": "retry", "filter": {}, "model": "nobody/nothing"})).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "model_not_found"));
    assert_eq!(site.get("/bulk").await.json()["data"], json!([]), "nothing was written");
}

#[tokio::test]
async fn each_action_needs_the_scope_of_doing_it_to_one() {
    let site = Site::idle().await;
    let (_, reads) = site.new_key(json!({"role": "viewer"})).await;
    let (_, drafts) = site.new_key(json!({"scopes": ["drafts:write", "drafts:read", "generations:read"]})).await;
    let (_, works) = site.new_key(json!({"scopes": ["generations:write", "generations:read"]})).await;
    for (action, key, allowed) in [
        ("cancel", &reads, false),
        ("approve", &reads, false),
        ("export", &reads, true),
        ("retry", &drafts, false),
        ("delete", &drafts, true),
        ("delete", &works, false),
        ("cancel", &works, true),
        ("export", &works, false),
    ] {
        let body = json!({"action": action, "of": if ["cancel", "retry"].contains(&action) { "generations" } else { "drafts" }, "filter": {}});
        for path in ["/bulk", "/bulk?dry_run=true"] {
            let reply = site.send_as(key, "POST", path, Some(body.clone())).await;
            let code = if allowed { String::new() } else { reply.code() };
            assert_eq!(
                (reply.status < 300, code.as_str()),
                (allowed, if allowed { "" } else { "scope_missing" }),
                "{action}"
            );
        }
    }
    let made = site.post("/bulk", json!({"action": "cancel", "filter": {}})).await.json();
    let path = format!("/bulk/{}/cancel", made["id"].as_str().unwrap());
    assert_eq!(site.send_as(&drafts, "POST", &path, None).await.code(), "scope_missing");
    assert_eq!(site.send_as(&works, "POST", &path, None).await.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_key_of_one_user_sees_and_touches_that_users_things_only() {
    let site = working().await;
    let all = waiting(&site, 2).await;
    let (_, anna) = site.new_key(json!({"role": "member", "user": "u0"})).await;
    let body = json!({"action": "cancel", "filter": {}});
    let made = site.send_as(&anna, "POST", "/bulk", Some(body)).await.json();
    assert_eq!(ended(&site, &made).await["total"], 1);
    assert_eq!(site.get(&format!("/generations/{}", all[1].as_str().unwrap())).await.json()["status"], "pending");
    let whole = site.post("/bulk", json!({"action": "export", "of": "drafts", "filter": {}})).await.json();
    let foreign = format!("/bulk/{}", whole["id"].as_str().unwrap());
    for part in ["", "/items", "/export"] {
        assert_eq!(site.send_as(&anna, "GET", &format!("{foreign}{part}"), None).await.code(), "not_found");
    }
    let list = site.send_as(&anna, "GET", "/bulk", None).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_no_key_a_wrong_one_or_one_of_another_workspace_gets_nothing() {
    let site = Site::idle().await;
    let made = site.post("/bulk", json!({"action": "cancel", "filter": {}})).await.json();
    let path = format!("/api/v1/bulk/{}", made["id"].as_str().unwrap());
    assert_eq!(site.raw("GET", &path, &[], String::new()).await.code(), "missing_key");
    let wrong = [("authorization", "Bearer cdk_wrong")];
    assert_eq!(site.raw("GET", &path, &wrong, String::new()).await.code(), "invalid_key");
    assert_eq!(site.raw("POST", "/api/v1/bulk", &[], "{}".to_owned()).await.code(), "missing_key");
    let key = site.key_in(other_workspace()).await;
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let unknown = site.raw("GET", "/api/v1/bulk/blk_01h455vb4pex5vsknk084sn02q", &headers, String::new()).await;
    for (verb, part) in [("GET", ""), ("GET", "/items"), ("GET", "/export"), ("POST", "/cancel")] {
        let reply = site.raw(verb, &format!("{path}{part}"), &headers, String::new()).await;
        assert_eq!((reply.status, reply.code()), (unknown.status, unknown.code()), "{verb} {part}");
    }
    assert_eq!(site.raw("GET", "/api/v1/bulk", &headers, String::new()).await.json()["data"], json!([]));
}

#[tokio::test]
async fn many_are_rejected_with_one_reason_and_only_those_that_nobody_has_seen() {
    let site = working().await;
    let (seen, new) = (site.finished(json!({})).await, site.finished(json!({"user": "b"})).await);
    let draft = |made: &Value| format!("/drafts/{}", made["draft_id"].as_str().unwrap());
    site.post(&format!("{}/approve", draft(&seen)), json!({})).await;
    let all =
        json!({"action": "reject", "reason": "The offer ended.", "filter": {"review": "none", "status": "draft"}});
    let done = bulk(&site, all).await;
    assert_eq!(done["counts"]["done"], json!(1));
    let rejected = site.get(&draft(&new)).await.json();
    assert_eq!((&rejected["review"], &rejected["review_reason"]), (&json!("rejected"), &json!("The offer ended.")));
    assert_eq!(site.get(&draft(&seen)).await.json()["review"], "approved");
    let mistaken = json!({"action": "delete", "reason": "x", "filter": {"review": "maybe"}});
    let faults = blamed(&site.post("/bulk", mistaken).await);
    assert!(faults.contains(&("/reason".to_owned(), "unknown_field".to_owned())), "{faults:?}");
    assert!(faults.contains(&("/filter/review".to_owned(), "not_allowed".to_owned())), "{faults:?}");
}
