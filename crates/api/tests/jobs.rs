//! Jobs over HTTP: started from a list or a file, looked at, ordered about, exported; and what is refused.

use crate::site::{Reply, Site, other_workspace};
use copydesk_desk::DeskConfig;
use copydesk_desk::store::Scope;
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};
use std::time::Duration;

fn items(n: usize) -> Value {
    json!(
        (1..=n)
            .map(|n| json!({ "custom_id": format!("c{n}"), "input": { "prompt": format!("tea {n}") } }))
            .collect::<Vec<_>>()
    )
}

fn job(n: usize) -> Value {
    json!({ "recipe": "text", "items": items(n) })
}

async fn start(site: &Site, body: Value) -> Value {
    let reply = site.post("/jobs", body).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    reply.json()
}

fn id(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

async fn file(site: &Site, query: &str, kind: &str, text: &str) -> Reply {
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    site.raw("POST", &format!("/api/v1/jobs?{query}"), &headers, text.to_owned()).await
}

fn blamed(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{}", reply.json());
    let word = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    errors.iter().map(|error| (word(error, "pointer"), word(error, "code"))).collect()
}

async fn working() -> Site {
    let site = Site::with(DeskConfig { max_concurrent: Some(8), ..DeskConfig::default() }, ModelStore::new()).await;
    site.desk.start_working().await.unwrap();
    site
}

async fn finished(site: &Site, id: &str) -> Value {
    site.desk.wait_for_job(Scope::DEFAULT, id.parse().unwrap(), Duration::from_secs(60)).await.unwrap();
    let job = site.get(&format!("/jobs/{id}")).await.json();
    assert!(job["finished_at"].is_string(), "{job}");
    job
}

#[tokio::test]
async fn a_list_becomes_drafts_and_is_exported() {
    let site = working().await;
    let made = start(&site, job(20)).await;
    assert_eq!(
        (&made["object"], &made["total_targets"], &made["deduplicated"]),
        (&json!("job"), &json!(20), &json!(false))
    );
    let done = finished(&site, &id(&made)).await;
    assert_eq!((&done["status"], &done["drafts_created"]), (&json!("completed"), &json!(20)));
    let sum: u64 = done["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, 20);
    let page = site.get(&format!("/jobs/{}/items?limit=15", id(&made))).await.json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (15, &json!(true)));
    assert_eq!((&page["data"][0]["custom_id"], &page["data"][0]["number"]), (&json!("c1"), &json!(1)));
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = site.get(&format!("/jobs/{}/items?limit=15&cursor={cursor}", id(&made))).await.json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 5);
    let drafts = site.get(&format!("/drafts?job={}&order=asc&limit=15", id(&made))).await.json();
    let next = drafts["next_cursor"].as_str().unwrap();
    let rest = site.get(&format!("/drafts?job={}&order=asc&limit=15&cursor={next}", id(&made))).await.json();
    let named = |list: &Value| list["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    let items = site.get(&format!("/jobs/{}/items", id(&made))).await.json()["data"].clone();
    let of_items = items.as_array().unwrap().iter().map(|item| item["draft_id"].as_str().unwrap().to_owned());
    assert_eq!([named(&drafts), named(&rest)].concat(), of_items.collect::<Vec<_>>(), "in the order of the items");
    assert_eq!(site.get(&format!("/drafts?cursor={next}")).await.code(), "bad_cursor", "a place in another list");
    let (_, bob) = site.new_key(json!({ "role": "member", "user": "bob" })).await;
    let foreign = site.send_as(&bob, "GET", &format!("/drafts?job={}", id(&made)), None).await.json();
    assert_eq!(foreign["data"], json!([]));
    let generations = site.get(&format!("/generations?job={}", id(&made))).await.json();
    assert_eq!(generations["data"].as_array().unwrap().len(), 20);
    let lines = site.get(&format!("/jobs/{}/export", id(&made))).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson; charset=utf-8");
    let text = String::from_utf8(lines.bytes).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), &rows[7]["custom_id"]), (20, &json!("c8")));
    assert!(rows.iter().all(|row| row["text"].is_string()));
    let table = site.get(&format!("/jobs/{}/export?format=csv&status=completed", id(&made))).await;
    assert!(String::from_utf8(table.bytes).unwrap().starts_with("number,custom_id,external_id,status,title,text,"));
}

#[tokio::test]
async fn a_file_becomes_drafts_whether_table_or_lines() {
    let site = working().await;
    let table = "\u{feff}Who;custom_id;max_output_tokens\r\n\"Ann; A\";p-1;50\r\nBen;p-2;\r\n";
    let reply = file(&site, "recipe=text&columns=input.prompt:Who&delimiter=%3B&name=Autumn", "text/csv", table).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    assert_eq!(reply.json()["name"], "Autumn");
    let done = finished(&site, &id(&reply.json())).await;
    assert_eq!(done["drafts_created"], 2);
    let rows = site.get(&format!("/jobs/{}/items", id(&done))).await.json();
    assert_eq!(rows["data"][0]["request"]["input"], json!({ "prompt": "Ann; A", "max_output_tokens": 50 }));
    let lines = "{\"input\":{\"prompt\":\"a\"}}\n\n{\"input\":{\"prompt\":\"b\"},\"external_id\":\"e\"}\n";
    let reply = file(&site, "recipe=text&start=false", "application/x-ndjson", lines).await;
    assert_eq!((reply.status, &reply.json()["status"]), (202, &json!("pending")), "{}", reply.json());
}

#[tokio::test]
async fn an_item_has_parameters_and_a_cap_of_its_own() {
    let site = working().await;
    let item = |more: Value| {
        let mut item = json!({"input": {"prompt": "tea"}, "dedupe_key": more.to_string()});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let own = json!({"params": {"temperature": 0.2}, "max_cost": 5_000_000});
    let made = start(&site, json!({"recipe": "text", "items": [item(own), item(json!({}))]})).await;
    assert_eq!(finished(&site, &id(&made)).await["counts"]["completed"], 2);
    let rows = site.get(&format!("/generations?q=job:{}%20status:completed&order=asc", id(&made))).await.json();
    assert_eq!(
        (&rows["data"][0]["params"], &rows["data"][0]["max_cost"]),
        (&json!({"temperature": 0.2}), &json!(5_000_000))
    );
    assert_eq!((&rows["data"][1]["params"], &rows["data"][1]["max_cost"]), (&Value::Null, &Value::Null));
    let table = "prompt,params,max_cost\ntea,\"{\"\"temperature\"\": 0.3}\",7000000\n";
    let made = file(&site, "recipe=text", "text/csv", table).await.json();
    finished(&site, &id(&made)).await;
    let row = &site.get(&format!("/generations?job={}", id(&made))).await.json()["data"][0];
    assert_eq!((&row["params"], &row["max_cost"]), (&json!({"temperature": 0.3}), &json!(7_000_000)));
    // What the recipe does not let be changed is named with its item.
    let wrong = item(json!({"params": {"top_p": 1}}));
    let reply = site.post("/jobs", json!({"recipe": "text", "items": [wrong]})).await;
    assert_eq!(blamed(&reply)[0].0, "/items/0/params/top_p");
}

#[tokio::test]
async fn every_bad_row_is_named_with_its_line_and_nothing_is_made() {
    let site = Site::idle().await;
    let table = "prompt,custom_id\ntea,a\n,b\nrum,a\n";
    assert_eq!(
        blamed(&file(&site, "recipe=text", "text/csv", table).await),
        [
            ("/lines/3/input/prompt".to_owned(), "required".to_owned()),
            ("/lines/4/custom_id".to_owned(), "duplicate_custom_id".to_owned())
        ]
    );
    let missed = file(&site, "recipe=text&columns=input.prompt:Subject", "text/csv", table).await;
    assert_eq!(blamed(&missed), [("/lines/1/columns/input.prompt".to_owned(), "unknown_column".to_owned())]);
    let empty = file(&site, "recipe=text", "text/csv", "prompt\n").await;
    assert_eq!(blamed(&empty), [("/items".to_owned(), "empty".to_owned())]);
    let nameless = file(&site, "", "text/csv", table).await;
    assert_eq!(blamed(&nameless), [("?recipe".to_owned(), "required".to_owned())]);
    let odd = site
        .post("/jobs", json!({ "recipe": "text", "items": [{ "inptu": {} }, { "input": {}, "priority": "x" }] }))
        .await;
    assert_eq!(blamed(&odd)[0], ("/items/0/input".to_owned(), "required".to_owned()));
    assert_eq!(blamed(&odd)[1], ("/items/1/priority".to_owned(), "wrong_type".to_owned()));
    assert_eq!(site.get("/jobs").await.json()["data"], json!([]));
    assert_eq!(site.get("/drafts").await.json()["data"], json!([]));
    let skipped = file(&site, "recipe=text&on_invalid=skip&start=false", "text/csv", table).await.json();
    assert_eq!((&skipped["counts"]["skipped"], &skipped["counts"]["pending"]), (&json!(2), &json!(1)));
    let rows = site.get(&format!("/jobs/{}/items?status=skipped", id(&skipped))).await.json();
    assert!(rows["data"][0]["note"]["message"].as_str().unwrap().starts_with("Line 3: /input/prompt"), "{rows}");
}

#[tokio::test]
async fn an_items_number_is_its_name_where_it_has_none_and_no_other_ones() {
    let site = Site::idle().await;
    let item = |name: Option<&str>, prompt: &str| match name {
        Some(name) => json!({ "custom_id": name, "input": { "prompt": prompt } }),
        None => json!({ "input": { "prompt": prompt } }),
    };
    let start =
        async |items: Value| site.post("/jobs", json!({ "recipe": "text", "start": false, "items": items })).await;
    for (items, at, words) in [
        (json!([item(Some("2"), "tea"), item(None, "rum")]), 1, "its number is the custom_id of item 1"),
        (
            json!([item(None, "tea"), item(Some("1"), "rum")]),
            1,
            "item 1 has this custom_id already, be it as its number",
        ),
    ] {
        let reply = start(items).await;
        let fault = (format!("/items/{at}/custom_id"), "duplicate_custom_id".to_owned());
        assert_eq!(blamed(&reply), [fault]);
        assert!(reply.json()["detail"].as_str().unwrap().contains(words), "{}", reply.json());
    }
    let job = start(json!([item(Some("1"), "tea"), item(None, "rum"), item(Some("x"), "milk")])).await;
    assert_eq!(job.status, 202, "{}", job.json());
}

#[tokio::test]
async fn what_is_not_a_job_is_refused_and_says_why() {
    let site = Site::idle().await;
    let none = site.post("/jobs", json!({ "recipe": "text", "items": [] })).await;
    assert_eq!(blamed(&none), [("/items".to_owned(), "out_of_range".to_owned())]);
    let odd = site.post("/jobs", json!({ "recipe": "text", "itmes": [], "on_invalid": "maybe", "max_cost": -1 })).await;
    let codes = blamed(&odd);
    assert!(codes.contains(&("/on_invalid".to_owned(), "not_allowed".to_owned())), "{codes:?}");
    assert!(codes.contains(&("/itmes".to_owned(), "unknown_field".to_owned())), "{codes:?}");
    let unknown = site.post("/jobs", json!({ "recipe": "poem", "items": items(1) })).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "recipe_not_found"));
    let many: Vec<Value> = (0..10_001).map(|_| json!({ "input": {} })).collect();
    let many = site.post("/jobs", json!({ "recipe": "text", "items": many })).await;
    assert_eq!(blamed(&many)[0].1, "out_of_range", "a large body is read, its number of items is the limit");
    for path in ["/jobs/job_nonsense", "/jobs/01900000-0000-7000-8000-00000000ffff", "/jobs/x/items", "/jobs/x/export"]
    {
        let reply = site.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn who_has_no_key_a_wrong_one_or_one_of_another_workspace_gets_nothing() {
    let site = Site::idle().await;
    let made = start(&site, json!({ "recipe": "text", "items": items(1), "start": false })).await;
    let path = format!("/api/v1/jobs/{}", id(&made));
    assert_eq!(site.raw("GET", &path, &[], String::new()).await.code(), "missing_key");
    assert_eq!(
        site.raw("GET", &path, &[("authorization", "Bearer cdk_wrong")], String::new()).await.code(),
        "invalid_key"
    );
    let key = copydesk_desk::keys::KeyText::random(site.desk.world());
    site.desk.add_key(other_workspace(), "other", &key).await.unwrap();
    let bearer = format!("Bearer {}", key.reveal());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let unknown = site.raw("GET", "/api/v1/jobs/job_01h455vb4pex5vsknk084sn02q", &headers, String::new()).await;
    let verbs = ["", "/items", "/export"].map(|part| ("GET", part));
    let orders = ["/start", "/pause", "/resume", "/cancel", "/retry_failed"].map(|part| ("POST", part));
    for (verb, part) in verbs.into_iter().chain(orders) {
        let reply = site.raw(verb, &format!("{path}{part}"), &headers, String::new()).await;
        assert_eq!((reply.status, reply.code()), (unknown.status, unknown.code()), "{verb} {part}");
    }
    assert_eq!(site.raw("GET", "/api/v1/jobs", &headers, String::new()).await.json()["data"], json!([]));
}

#[tokio::test]
async fn the_same_request_twice_makes_one_job() {
    let site = Site::idle().await;
    let headers = [("idempotency-key", "\"k-1\"")];
    let first = site.send("POST", "/jobs", Some(job(2)), &headers).await;
    let again = site.send("POST", "/jobs", Some(job(2)), &headers).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.json()["id"], again.json()["id"]);
    let other = site.send("POST", "/jobs", Some(job(3)), &headers).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    let same = site.post("/jobs", job(2)).await.json();
    assert_eq!((&same["id"], &same["deduplicated"]), (&first.json()["id"], &json!(true)), "a double click");
    let bearer = format!("Bearer {}", site.key);
    let send = async |text: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv"), ("idempotency-key", "k-2")];
        site.raw("POST", "/api/v1/jobs?recipe=text", &headers, text.to_owned()).await
    };
    let (first, again) = (send("prompt\nmilk\n").await, send("prompt\nmilk\n").await);
    assert_eq!((first.status, &first.json()["id"]), (202, &again.json()["id"]));
    assert_eq!(send("prompt\nrum\n").await.code(), "idempotency_key_reused", "another file");
}

#[tokio::test]
async fn a_job_is_ordered_about_and_says_when_it_cannot_be() {
    let site = Site::idle().await;
    let made = start(&site, json!({ "recipe": "text", "items": items(3), "start": false, "max_cost": 1000 })).await;
    let path = format!("/jobs/{}", id(&made));
    assert_eq!(made["status"], "pending");
    let order = async |verb: &str| site.post(&format!("{path}/{verb}"), json!({})).await;
    assert_eq!(order("start").await.json()["status"], "running");
    let paused = order("pause").await;
    assert_eq!((&paused.json()["status"], &paused.json()["note"]["code"]), (&json!("paused"), &json!("paused")));
    let stale = site.send("PATCH", &path, Some(json!({ "max_cost": 5 })), &[("if-match", "\"1\"")]).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "version_conflict"));
    let tag = paused.header("etag").to_owned();
    let capped = site.send("PATCH", &path, Some(json!({ "max_cost": 5 })), &[("if-match", &tag)]).await.json();
    assert_eq!(capped["max_cost"], 5);
    let read = site.get(&path).await;
    let tag = read.header("etag").to_owned();
    let same = site.send("GET", &path, None, &[("if-none-match", &tag)]).await;
    assert_eq!((same.status, same.bytes.len()), (304, 0));
    let again = site.send("PATCH", &path, Some(json!({ "max_cost": 6 })), &[("if-match", &tag)]).await;
    assert_eq!(again.json()["max_cost"], 6, "the tag of a read is good for a change");
    let odd = site.send("PATCH", &path, Some(json!({ "max_cost": 7 })), &[("if-match", "x")]).await;
    assert_eq!(odd.code(), "bad_header");
    assert_eq!(site.send("PATCH", &path, Some(json!({})), &[]).await.status, 422);
    assert_eq!(order("resume").await.json()["status"], "running");
    let stopping = order("cancel").await.json();
    assert_eq!((&stopping["stopping"], &stopping["status"]), (&json!(true), &json!("running")));
    assert_eq!(order("cancel").await.status, 200, "twice is once");
    assert_eq!(order("resume").await.code(), "already_terminal");
    site.desk.feed_jobs().await.unwrap();
    let done = site.get(&path).await.json();
    assert_eq!((&done["status"], &done["counts"]["cancelled"]), (&json!("cancelled"), &json!(3)));
    let retried = site.post(&format!("{path}/retry_failed"), json!({ "cancelled": true })).await.json();
    assert_eq!((&retried["reopened"], &retried["status"]), (&json!(3), &json!("running")));
    let unknown = site.post(&format!("{path}/retry_failed"), json!({ "model": "nobody/none" })).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "model_not_found"));
}

#[tokio::test]
async fn a_job_over_its_cap_answers_402_until_it_is_raised() {
    let site = Site::idle().await;
    let made = start(&site, json!({ "recipe": "text", "items": items(3), "max_cost": 1 })).await;
    let path = format!("/jobs/{}", id(&made));
    site.desk.feed_jobs().await.unwrap();
    let paused = site.get(&path).await.json();
    assert_eq!((&paused["status"], &paused["note"]["code"]), (&json!("paused"), &json!("job_cap_reached")));
    let refused = site.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (402, "job_cap_reached"));
    assert_eq!((&refused.json()["max_cost"], &refused.json()["spent"]), (&json!(1), &json!(0)));
    site.send("PATCH", &path, Some(json!({ "max_cost": null })), &[]).await;
    assert_eq!(site.post(&format!("{path}/resume"), json!({})).await.json()["status"], "running");
}

#[tokio::test]
async fn a_dry_run_counts_prices_and_writes_nothing() {
    let site = Site::idle().await;
    let body = json!({ "recipe": "text", "items": [
        { "input": { "prompt": "tea" } }, { "input": { "prompt": "tea" } }, { "input": {} }, { "input": { "prompt": "rum" } } ] });
    let said = site.post("/jobs?dry_run=true", body.clone()).await.json();
    assert_eq!(
        (&said["total_targets"], &said["would_create"], &said["invalid"]),
        (&json!(4), &json!(0), &json!(1)),
        "{said}"
    );
    assert_eq!(said["errors"][0]["pointer"], "/items/2/input/prompt");
    let mut skipping = body;
    skipping["on_invalid"] = "skip".into();
    let said = site.post("/jobs?dry_run=true", skipping).await.json();
    let is_recipes_own = said["would_create"].as_u64().unwrap() + said["would_skip"].as_u64().unwrap();
    assert_eq!(is_recipes_own, 4);
    assert!(said["estimate"]["high_nanousd"].is_i64() || said["estimate"]["unpriced_model"].is_string(), "{said}");
    assert_eq!(site.get("/jobs").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_dry_run_tells_how_many_items_credits_and_budgets_carry_and_refuses_nothing() {
    let config = DeskConfig { credits: true, ..DeskConfig::default() };
    let site = Site::with(config, ModelStore::new()).await;
    for (user, amount) in [("ann", 5_000_000), ("ben", 90_000_000)] {
        let grant = json!({"user": user, "amount": amount, "reference": user});
        assert_eq!(site.post("/credits/grants", grant).await.status, 201);
    }
    let picture = |n: usize, user: &str| json!({ "input": { "prompt": format!("sea {n}") }, "user": user });
    let ask = |items: Vec<Value>| json!({ "recipe": "picture", "model": "demo/painter", "items": items });
    let looked = async |body: Value| site.post("/jobs?dry_run=true", body).await.json();
    let said = looked(ask((0..4).map(|n| picture(n, "ann")).collect())).await;
    assert_eq!(
        said["credits"],
        json!({"needed_max": 8_000_000, "available": 5_000_000, "users": 1, "carried": 2, "enough": false})
    );
    assert_eq!((&said["would_create"], &said["budgets"]), (&json!(4), &json!([])), "it is no refusal");
    let said = looked(ask(vec![picture(1, "ann"), picture(1, "ann"), picture(2, "ben"), picture(3, "ben")])).await;
    assert_eq!(
        said["credits"],
        json!({"needed_max": 6_000_000, "available": 95_000_000, "users": 2, "carried": 3, "enough": true}),
        "what asks for the same is made once"
    );
    let said = looked(ask((0..101).map(|n| picture(n, &format!("u{n}"))).collect())).await;
    assert_eq!(
        said["credits"],
        json!({"needed_max": 202_000_000, "available": null, "users": 101, "carried": null, "enough": null})
    );
    let prompt = |n: usize| json!({ "input": { "prompt": format!("tea {n}") } });
    let texts = |n: usize| json!({ "recipe": "text", "items": (0..n).map(prompt).collect::<Vec<_>>() });
    let one = site.post("/generations?dry_run=true", json!({ "recipe": "text", "input": { "prompt": "tea 0" } })).await;
    let most = one.json()["estimate"]["tokens_max"].as_i64().unwrap();
    let budget = json!({"unit": "tokens", "period": "month", "limit": most * 3});
    let budget = site.post("/budgets", budget).await.json();
    let said = looked(texts(7)).await;
    let expected = json!([{"id": budget["id"], "unit": "tokens", "period": "month", "needed_max": most * 7,
        "remaining": most * 3, "carried": 3, "enough": false}]);
    assert_eq!((&said["budgets"], &said["credits"]["needed_max"]), (&expected, &json!(0)));
    site.post("/generations", json!({ "recipe": "text", "input": { "prompt": "tea 0" } })).await;
    assert_eq!(looked(texts(2)).await["budgets"][0]["enough"], true);
    let said = looked(texts(3)).await["budgets"][0].clone();
    assert_eq!((&said["remaining"], &said["carried"]), (&json!(most * 2), &json!(2)), "behind what is set aside");
    let (_, member) = site.new_key(json!({"role": "member", "user": "ann"})).await;
    let told = site.send_as(&member, "POST", "/jobs?dry_run=true", Some(texts(3))).await.json()["budgets"][0].clone();
    assert_eq!((&told["carried"], told.get("remaining"), told.get("id")), (&json!(2), None, None), "{told}");
    assert_eq!(site.get("/jobs").await.json()["data"], json!([]));
}

#[tokio::test]
async fn who_waits_gets_the_job_at_its_end() {
    let site = working().await;
    let done = site.send("POST", "/jobs", Some(job(3)), &[("prefer", "wait=30")]).await;
    assert_eq!((done.status, &done.json()["status"]), (200, &json!("completed")), "{}", done.json());
}

/// Puts a file here and returns its id.
async fn put(site: &Site, key: &str, query: &str, kind: &str, text: &str) -> String {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    let reply = site.raw("POST", &format!("/api/v1/files{query}"), &headers, text.to_owned()).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    id(&reply.json())
}

#[tokio::test]
async fn a_file_that_was_put_here_becomes_the_same_job_as_one_that_is_sent() {
    let site = Site::idle().await;
    let table = "Who;custom_id;max_output_tokens\nAnn;p-1;50\nBen;p-2;\n";
    let lines = "{\"input\":{\"prompt\":\"a\"},\"custom_id\":\"l-1\"}\n";
    let items = async |job: &Value| site.get(&format!("/jobs/{}/items", id(job))).await.json()["data"].clone();
    let sent = "recipe=text&start=false&delimiter=%3B&columns=input.prompt:Who&dedupe_key=a";
    let sent = file(&site, sent, "text/csv", table).await.json();
    let stored = put(&site, &site.key, "?name=people.csv", "text/csv", table).await;
    let body = json!({
        "recipe": "text", "file_id": stored, "delimiter": ";", "columns": { "input.prompt": "Who" }, "start": false,
    });
    let rehearsed = site.post("/jobs?dry_run=true", body.clone()).await.json();
    assert_eq!((&rehearsed["would_create"], &rehearsed["invalid"]), (&json!(2), &json!(0)));
    let made = start(&site, body.clone()).await;
    assert_eq!(items(&made).await, items(&sent).await);
    assert_eq!(start(&site, body).await["deduplicated"], true, "as with a file that is sent");
    let typeless = put(&site, &site.key, "?name=rows.dat", "", lines).await;
    let unsaid = site.post("/jobs", json!({ "recipe": "text", "file_id": typeless })).await;
    assert_eq!(blamed(&unsaid), [("/format".to_owned(), "required".to_owned())]);
    let said = json!({ "recipe": "text", "file_id": typeless, "format": "jsonl", "start": false });
    assert_eq!(items(&start(&site, said).await).await[0]["custom_id"], "l-1");
    let tabs = put(&site, &site.key, "?name=x.tsv", "", "prompt\tcustom_id\ntea\tt-1\n").await;
    let by_name = start(&site, json!({ "recipe": "text", "file_id": tabs, "start": false })).await;
    assert_eq!(items(&by_name).await[0]["request"]["input"], json!({ "prompt": "tea" }));
}

#[tokio::test]
async fn a_job_of_a_file_is_made_once_under_a_key_by_what_the_file_holds() {
    let site = Site::idle().await;
    let key = [("idempotency-key", "k-1")];
    let ask = async |file: &str| {
        let body = json!({ "recipe": "text", "file_id": file, "start": false });
        site.send("POST", "/jobs", Some(body), &key).await
    };
    let first = put(&site, &site.key, "", "text/csv", "prompt\ntea\n").await;
    let same = put(&site, &site.key, "", "text/csv", "prompt\ntea\n").await;
    let other = put(&site, &site.key, "", "text/csv", "prompt\nrum\n").await;
    let made = ask(&first).await;
    assert_eq!(made.status, 202, "{}", made.json());
    for file in [&first, &same] {
        let again = ask(file).await;
        assert_eq!((again.status, id(&again.json())), (202, id(&made.json())), "{}", again.json());
    }
    assert_eq!(ask(&other).await.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn what_is_wrong_with_a_file_or_a_row_of_it_is_said() {
    let site = Site::idle().await;
    let stored = put(&site, &site.key, "", "text/csv", "prompt,custom_id\ntea,a\n,b\n").await;
    let ask = async |more: Value| {
        let mut body = json!({ "recipe": "text" });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        site.post("/jobs", body).await
    };
    let rows = ask(json!({ "file_id": stored })).await;
    assert_eq!(blamed(&rows), [("/lines/3/input/prompt".to_owned(), "required".to_owned())]);
    let table = [
        (json!({ "file_id": stored, "items": [{ "input": { "prompt": "x" } }] }), ("/file_id", "not_allowed")),
        (json!({}), ("/items", "required")),
        (json!({ "file_id": "drf_01900000000000000000000000" }), ("/file_id", "bad_id")),
        (json!({ "file_id": stored, "format": "xlsx" }), ("/format", "not_allowed")),
        (json!({ "file_id": stored, "delimiter": "--" }), ("/delimiter", "not_allowed")),
        (json!({ "file_id": stored, "columns": ["a"] }), ("/columns", "wrong_type")),
        (json!({ "items": [{ "input": { "prompt": "x" } }], "format": "csv" }), ("/format", "not_allowed")),
    ];
    for (body, (pointer, code)) in table {
        assert_eq!(blamed(&ask(body.clone()).await), [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    assert_eq!(ask(json!({ "file_id": "fil_01900000000000000000000000" })).await.code(), "not_found");
    assert_eq!(site.send("DELETE", &format!("/files/{stored}"), None, &[]).await.status, 204);
    assert_eq!(ask(json!({ "file_id": stored })).await.code(), "not_found");
    assert_eq!(site.get("/jobs").await.json()["data"], json!([]));
}

#[tokio::test]
async fn s_02_a_file_of_another_user_or_workspace_is_nobodys_in_a_body() {
    let site = Site::idle().await;
    let (_, ann) = site.new_key(json!({ "role": "member", "user": "ann" })).await;
    let (_, bob) = site.new_key(json!({ "role": "member", "user": "bob" })).await;
    let stranger = site.key_in(other_workspace()).await;
    let stored = put(&site, &ann, "", "text/csv", "prompt\ntea\n").await;
    for who in [&bob, &stranger] {
        let mut answers = Vec::new();
        for file in [stored.as_str(), "fil_01900000000000000000000000"] {
            for path in ["/jobs", "/jobs?dry_run=true"] {
                let reply = site.send_as(who, "POST", path, Some(json!({ "recipe": "text", "file_id": file }))).await;
                assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
                let mut body = reply.json();
                body["request_id"] = Value::Null;
                answers.push(body.to_string().replace(file, "ID"));
            }
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    let own = json!({ "recipe": "text", "file_id": stored, "start": false });
    assert_eq!(site.send_as(&ann, "POST", "/jobs", Some(own.clone())).await.json()["user"], "ann");
    let (_, blind) = site.new_key(json!({ "scopes": ["generations:write", "generations:read"] })).await;
    let refused = site.send_as(&blind, "POST", "/jobs", Some(own)).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "scope_missing"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("files:read"), "{}", refused.json());
}
