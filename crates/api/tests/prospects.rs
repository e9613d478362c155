//! Prospects over HTTP: made, changed, imported and undone, counted before the click, and drafted by jobs.

use crate::site::{Reply, Setup, Site};
use copydesk_desk::DeskConfig;
use copydesk_fakeprovider::{FakeDns, NameFault, Zone};
use copydesk_smtp::Domains;
use copydesk_store_tests::ModelStore;
use serde_json::{Value, json};
use std::sync::Arc;

const EXAMPLE: &str = include_str!("../../../examples/outreach/prospects.csv");

fn ann(more: Value) -> Value {
    let mut body = json!({"name": "Ann", "contact_email": "ann@example.com", "verification_status": "verified",
        "source_type": "website", "facts": {"page_text": "We sell tea."}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn made(site: &Site, more: Value) -> Value {
    let reply = site.post("/prospects", ann(more)).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()
}

async fn file(site: &Site, query: &str, kind: &str, text: &str) -> Reply {
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
    site.raw("POST", &format!("/api/v1/prospects/import?{query}"), &headers, text.to_owned()).await
}

fn blamed(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!(reply.status, 422, "{}", reply.json());
    let word = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    errors.iter().map(|error| (word(error, "pointer"), word(error, "code"))).collect()
}

fn counts(outcome: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "skipped"].map(|name| outcome["counts"][name].as_u64().unwrap())
}

async fn working() -> Site {
    let site = Site::with(DeskConfig { max_concurrent: Some(8), ..DeskConfig::default() }, ModelStore::new()).await;
    site.desk.start_working().await.unwrap();
    site
}

fn start(prospects: Value) -> Value {
    json!({"recipe": "outreach", "prospects": prospects, "input": {"sender": "We are Fernleaf.", "tone": "warm"}})
}

async fn finished(site: &Site, id: &str) -> Value {
    for _ in 0..5_000 {
        let job = site.get(&format!("/jobs/{id}")).await.json();
        if job["finished_at"].is_string() {
            return job;
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("{id} did not end");
}

#[tokio::test]
async fn a_prospect_is_made_read_changed_and_removed() {
    let site = Site::idle().await;
    let first = made(&site, json!({})).await;
    assert_eq!((&first["stage"], &first["draft"], &first["revision"]), (&json!("none"), &Value::Null, &json!(1)));
    let path = format!("/prospects/{}", first["id"].as_str().unwrap());
    let same = site.post("/prospects", ann(json!({}))).await;
    assert_eq!((same.status, &same.json()["id"]), (200, &first["id"]), "saying it twice is saying it once");
    let other = site.post("/prospects", ann(json!({"company": "Tea Ltd"}))).await;
    assert_eq!(
        (other.status, other.code().as_str(), &other.json()["prospect_id"]),
        (409, "prospect_exists", &first["id"])
    );
    let read = site.get(&path).await;
    assert_eq!((read.header("etag"), read.json()), ("\"1\"", first.clone()));
    assert_eq!(site.send("GET", &path, None, &[("if-none-match", "\"1\"")]).await.status, 304);
    let body = json!({"verification_status": "rejected", "name": null, "facts": {"role": "owner", "page_text": null}});
    let changed = site.send("PATCH", &path, Some(body.clone()), &[("if-match", "\"1\"")]).await;
    let seen = changed.json();
    assert_eq!(
        (&seen["verification_status"], &seen["name"], &seen["facts"]),
        (&json!("rejected"), &Value::Null, &json!({"role": "owner"}))
    );
    let stale = site.send("PATCH", &path, Some(json!({"notes": "x"})), &[("if-match", "\"1\"")]).await;
    assert_eq!(
        (stale.status, stale.code().as_str(), &stale.json()["current"]["revision"]),
        (412, "version_conflict", &json!(2))
    );
    assert_eq!(site.send("DELETE", &path, None, &[("if-match", "\"2\"")]).await.status, 204);
    assert_eq!((site.get(&path).await.status, site.send("DELETE", &path, None, &[]).await.status), (404, 404));
}

#[tokio::test]
async fn what_cannot_be_a_prospect_is_refused_with_its_field() {
    let site = Site::idle().await;
    let bad = json!({"contact_email": "ann at example", "verification_status": "good", "facts": 7, "nmae": "Ann"});
    let wanted = [
        ("/contact_email", "bad_email"),
        ("/verification_status", "not_allowed"),
        ("/facts", "wrong_type"),
        ("/nmae", "unknown_field"),
    ];
    assert_eq!(blamed(&site.post("/prospects", bad).await), wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let empty = site.post("/prospects", json!({"notes": "nobody"})).await;
    assert_eq!(blamed(&empty), [(String::new(), "required".to_owned())]);
    assert_eq!(site.get("/prospects?stage=half").await.status, 422);
    assert_eq!(site.raw("POST", "/api/v1/prospects", &[], "{").await.status, 401);
    let bearer = format!("Bearer {}", site.key);
    let broken = site
        .raw("POST", "/api/v1/prospects", &[("authorization", &bearer), ("content-type", "application/json")], "{")
        .await;
    assert_eq!(broken.code(), "malformed_json");
}

#[tokio::test]
async fn prospects_of_others_are_unknown_and_a_key_of_one_user_has_none() {
    let site = Site::idle().await;
    let id = made(&site, json!({})).await["id"].as_str().unwrap().to_owned();
    let import = file(&site, "", "text/csv", "name,contact_email\nBen,ben@example.com\n").await.json();
    let import = import["import"]["id"].as_str().unwrap().to_owned();
    let other = site.elsewhere_in_it().await;
    let (_, confined) =
        site.new_key(json!({"user": "ann", "scopes": ["drafts:read", "drafts:write", "generations:write"]})).await;
    let (_, reader) = site.new_key(json!({"scopes": ["drafts:read"]})).await;
    for key in [&other.key, &confined] {
        for (method, path) in [
            ("GET", format!("/prospects/{id}")),
            ("DELETE", format!("/prospects/{id}")),
            ("GET", format!("/prospects/imports/{import}")),
            ("GET", format!("/prospects/imports/{import}/skipped")),
            ("POST", format!("/prospects/imports/{import}/undo")),
        ] {
            let reply = site.send_as(key, method, &path, None).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {path}");
        }
        let change = site.send_as(key, "PATCH", &format!("/prospects/{id}"), Some(json!({"name": "Eve"}))).await;
        assert_eq!(change.status, 404);
        assert_eq!(site.send_as(key, "GET", "/prospects", None).await.json()["data"], json!([]));
        assert_eq!(site.send_as(key, "GET", "/prospects/eligible", None).await.json()["total"], 0);
    }
    assert_eq!(site.send_as(&confined, "POST", "/prospects", Some(ann(json!({})))).await.status, 404);
    let job = site.send_as(&confined, "POST", "/jobs", Some(start(json!({"ids": [id]})))).await;
    assert_eq!(blamed(&job), [("/prospects/ids/0".to_owned(), "not_found".to_owned())]);
    assert_eq!(site.send_as(&reader, "POST", "/prospects", Some(ann(json!({})))).await.code(), "scope_missing");
    assert_eq!(site.get(&format!("/prospects/{id}")).await.json()["revision"], 1);
}

#[tokio::test]
async fn the_example_file_is_checked_imported_once_and_undone() {
    let site = Site::idle().await;
    let query = "assume_tz=Europe/Warsaw&name=prospects.csv";
    let dry = file(&site, &format!("{query}&dry_run"), "text/csv", EXAMPLE).await;
    assert_eq!((dry.status, counts(&dry.json()), dry.json()["import"].is_null()), (200, [117, 0, 0, 3], true));
    assert_eq!(site.get("/prospects").await.json()["data"], json!([]), "nothing was written");
    let lines: Vec<(u64, String)> = dry.json()["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skip| (skip["line"].as_u64().unwrap(), skip["code"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(lines, [(42, "no_email".to_owned()), (79, "duplicate_row".to_owned()), (93, "no_email".to_owned())]);
    let made = file(&site, query, "text/csv", EXAMPLE).await;
    assert_eq!((made.status, counts(&made.json())), (201, [117, 0, 0, 3]));
    let import = made.json()["import"]["id"].as_str().unwrap().to_owned();
    let again = file(&site, query, "text/csv", EXAMPLE).await.json();
    assert_eq!(counts(&again), [0, 0, 117, 3], "the same file twice changes nothing");
    let one = site.get("/prospects?limit=1").await.json()["data"][0].clone();
    assert_eq!(one["facts"]["verified_at"], "2026-10-02T07:07:00.000000Z", "summer time in Warsaw");
    assert_eq!((&one["import_id"], &one["external_id"]), (&json!(import), &json!("p-001")));
    let file = site.get(&format!("/prospects/imports/{import}/skipped")).await;
    let text = String::from_utf8(file.bytes.to_vec()).unwrap();
    assert_eq!((text.lines().count(), text.lines().next()), (4, Some("line,code,detail,row")), "{text}");
    assert!(text.contains("line 14 is the same prospect"), "{text}");
    let id = one["id"].as_str().unwrap();
    site.send("PATCH", &format!("/prospects/{id}"), Some(json!({"notes": "called"})), &[]).await;
    let undone = site.post(&format!("/prospects/imports/{import}/undo"), json!({})).await.json();
    assert_eq!((&undone["removed"], undone["undone_at"].is_string()), (&json!(116), true));
    let left = site.get("/prospects").await.json();
    assert_eq!((left["data"].as_array().unwrap().len(), &left["data"][0]["id"]), (1, &json!(id)));
    assert_eq!(site.get("/prospects/imports").await.json()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn seed_s1_times_without_a_zone_are_refused_by_line_unless_one_is_named() {
    let site = Site::idle().await;
    let dry = file(&site, "dry_run", "text/csv", EXAMPLE).await.json();
    assert_eq!((counts(&dry), &dry["reasons"]["naive_timestamp"]), ([0, 0, 0, 120], &json!(120)));
    let detail = dry["skipped"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("verified_at") && detail.contains("assume_tz"), "{detail}");
    assert_eq!(blamed(&file(&site, "assume_tz=Mars/Base", "text/csv", EXAMPLE).await)[0].1, "unknown_zone");
}

#[tokio::test]
async fn a_file_without_rows_is_refused_and_so_is_one_beside_a_file_that_is_here() {
    let site = Site::idle().await;
    for (kind, text) in [("text/csv", ""), ("text/csv", "contact_email,name\n"), ("application/x-ndjson", "\n")] {
        let refused = blamed(&file(&site, "", kind, text).await);
        assert_eq!(refused, [("/".to_owned(), "required".to_owned())], "{text:?}");
    }
    let bearer = format!("Bearer {}", site.key);
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
    let put = site.raw("POST", "/api/v1/files?name=p.csv", &headers, EXAMPLE.to_owned()).await.json();
    let query = format!("assume_tz=Europe/Warsaw&file_id={}", put["id"].as_str().unwrap());
    assert_eq!(blamed(&file(&site, &query, "text/csv", EXAMPLE).await)[0].0, "?file_id");
    assert_eq!(site.get("/prospects/imports").await.json()["data"], json!([]), "nothing was written");
    assert_eq!(file(&site, &query, "text/csv", "").await.status, 201);
}

#[tokio::test]
async fn a_file_is_mapped_and_its_bad_rows_are_named_and_the_others_go_on() {
    let site = Site::idle().await;
    let table = "Mail;Firm;user\nann@example.com;Tea Ltd;u-1\nnobody;X;\n";
    let query = "delimiter=%3B&columns=contact_email:Mail,company:Firm&source_type=list&dry_run=false";
    let seen = file(&site, query, "text/csv", table).await;
    assert_eq!((seen.status, counts(&seen.json())), (201, [1, 0, 0, 1]));
    let one = site.get("/prospects?source_type=list").await.json()["data"][0].clone();
    assert_eq!(
        (&one["company"], &one["facts"]["user"]),
        (&json!("Tea Ltd"), &json!("u-1")),
        "a column of any name is a fact"
    );
    let lines =
        "{\"contact_email\":\"ben@example.com\",\"facts\":{\"role\":\"chef\"}}\nnot json\n[1]\n{\"name\":\"Cat\"}\n";
    let seen = file(&site, "email=optional", "application/x-ndjson", lines).await.json();
    assert_eq!(counts(&seen), [2, 0, 0, 2]);
    let codes: Vec<&Value> = seen["skipped"].as_array().unwrap().iter().map(|skip| &skip["code"]).collect();
    assert_eq!(codes, ["malformed_json", "wrong_type"]);
    assert_eq!(blamed(&file(&site, "columns=contact_email:E", "text/csv", table).await)[0].1, "unknown_column");
    assert_eq!(
        blamed(&file(&site, "", "application/pdf", table).await),
        [("?format".to_owned(), "required".to_owned())]
    );
    let left = file(&site, "known=leave", "text/csv", "contact_email,company\nann@example.com,Other\n").await.json();
    assert_eq!(counts(&left), [0, 0, 1, 0]);
}

#[tokio::test]
async fn who_could_be_drafted_is_counted_before_the_click_with_what_keeps_the_others_out() {
    let site = working().await;
    made(&site, json!({})).await;
    made(&site, json!({"contact_email": null, "external_id": "x"})).await;
    made(&site, json!({"contact_email": "b@example.com", "verification_status": "unverified"})).await;
    made(&site, json!({"contact_email": "c@example.com", "verification_status": "rejected"})).await;
    made(&site, json!({"contact_email": "d@example.com", "source_type": "list"})).await;
    let seen = site.get("/prospects/eligible").await.json();
    assert_eq!(
        (&seen["total"], &seen["eligible"], &seen["rule"]["verification_status"]),
        (&json!(5), &json!(1), &json!("verified"))
    );
    let wanted = json!({"rejected": 1, "no_email": 1, "unverified": 1, "other_source": 1, "drafted": 0, "drafting": 0});
    assert_eq!(seen["excluded"], wanted);
    let job = site.post("/jobs", start(json!("eligible"))).await.json();
    let ended = finished(&site, job["id"].as_str().unwrap()).await;
    assert_eq!((&ended["total_targets"], &ended["drafts_created"]), (&json!(1), &json!(1)), "{ended}");
    let seen = site.get("/prospects/eligible").await.json();
    assert_eq!(
        (&seen["eligible"], &seen["excluded"]["drafted"], &seen["running_job"]),
        (&json!(0), &json!(1), &Value::Null)
    );
    let nobody = site.post("/jobs", start(json!("eligible"))).await;
    assert_eq!(blamed(&nobody), [("/prospects".to_owned(), "nobody_eligible".to_owned())]);
    assert!(nobody.json()["detail"].as_str().unwrap().contains("1 have a draft"), "{}", nobody.json());
    let drafted = site.get("/prospects?stage=drafted").await.json()["data"][0].clone();
    let draft = site.get(&format!("/drafts/{}", drafted["draft"]["id"].as_str().unwrap())).await.json();
    assert_eq!((&draft["title"], &draft["content"]["form"]), (&drafted["draft"]["title"], &json!("mail")), "{draft}");
    assert!(draft["title"].as_str().unwrap().chars().count() <= 60);
}

#[tokio::test]
async fn seed_s1_b24_two_clicks_are_one_job_and_nobody_is_drafted_twice() {
    let site = Site::idle().await;
    file(&site, "assume_tz=UTC", "text/csv", EXAMPLE).await;
    let first = site.post("/jobs", start(json!("eligible"))).await;
    assert_eq!((first.status, &first.json()["total_targets"]), (202, &json!(117)));
    let again = site.post("/jobs", start(json!("eligible"))).await.json();
    assert_eq!((&again["id"], &again["deduplicated"]), (&first.json()["id"], &json!(true)));
    assert_eq!(site.get("/prospects/eligible").await.json()["running_job"], first.json()["id"]);
    let (a, b) = (start(json!({"ids": ["p-001", "p-002"]})), start(json!({"ids": ["p-002", "p-001"]})));
    let named = site.post("/jobs", a).await.json();
    assert_eq!(site.post("/jobs", b).await.json()["id"], named["id"], "the same set, whatever its order");
    // Both jobs concern p-001 and p-002.
    site.desk.start_working().await.unwrap();
    let [all, two] = [first.json()["id"].clone(), named["id"].clone()].map(|id| id.as_str().unwrap().to_owned());
    let (all, two) = (finished(&site, &all).await, finished(&site, &two).await);
    let made = |job: &Value| job["drafts_created"].as_u64().unwrap();
    assert_eq!(made(&all) + made(&two), 117, "{all} {two}");
    let external = site.get("/drafts?recipe=outreach&limit=1000").await.json();
    assert_eq!(external["data"].as_array().unwrap().len(), 117);
}

#[tokio::test]
async fn seed_s1_b28_what_was_edited_by_hand_is_never_drafted_over() {
    let site = working().await;
    let id = made(&site, json!({"external_id": "p-1"})).await["id"].clone();
    let job = site.post("/jobs", start(json!({"ids": [id]}))).await.json();
    finished(&site, job["id"].as_str().unwrap()).await;
    let draft = site.get(&format!("/prospects/{}", id.as_str().unwrap())).await.json()["draft"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let etag = site.get(&format!("/drafts/{draft}")).await.header("etag").to_owned();
    let edit = json!({"title": "By hand", "content": {"text": "Dear Ann, by hand."}});
    let edited = site.send("PATCH", &format!("/drafts/{draft}"), Some(edit), &[("if-match", &etag)]).await;
    assert_eq!(edited.status, 200, "{}", edited.json());
    let again = site.post("/jobs", start(json!({"ids": ["p-1"]}))).await.json();
    let ended = finished(&site, again["id"].as_str().unwrap()).await;
    assert_eq!((&ended["counts"]["skipped"], &ended["drafts_created"]), (&json!(1), &json!(0)), "{ended}");
    let items = site.get(&format!("/jobs/{}/items", again["id"].as_str().unwrap())).await.json();
    assert_eq!(items["data"][0]["note"]["code"], "draft_exists", "{items}");
    assert_eq!(site.get(&format!("/drafts/{draft}")).await.json()["title"], "By hand");
}

#[tokio::test]
async fn a_job_over_prospects_says_what_is_wrong_with_it() {
    let site = Site::idle().await;
    made(&site, json!({})).await;
    let without = json!({"recipe": "outreach", "prospects": "eligible"});
    assert_eq!(
        blamed(&site.post("/jobs", without.clone()).await),
        [("/input/sender".to_owned(), "required".to_owned())]
    );
    // It may be said once, in a profile.
    let sender = json!({"fields": {"sender": "We are Fernleaf, and no agency."}});
    assert_eq!(site.send("PUT", "/recipes/outreach/profile", Some(sender), &[]).await.status, 201);
    assert_eq!(site.post("/jobs?dry_run=true", without).await.status, 200);
    for (prospects, pointer) in [
        (json!("everybody"), "/prospects"),
        (json!({"ids": []}), "/prospects"),
        (json!({"ids": ["p-9"]}), "/prospects/ids/0"),
        (json!({"filter": {"stage": "half"}}), "/prospects~1filter~1stage"),
    ] {
        let blame = blamed(&site.post("/jobs", start(prospects.clone())).await);
        assert!(blame[0].0 == pointer || blame[0].0 == pointer.replace("~1", "/"), "{prospects}: {blame:?}");
    }
    let mut both = start(json!("eligible"));
    both["items"] = json!([{"input": {"sender": "x"}}]);
    assert_eq!(blamed(&site.post("/jobs", both).await), [("/prospects".to_owned(), "not_allowed".to_owned())]);
    let dry = site.post("/jobs?dry_run", start(json!({"filter": {"has_email": true}}))).await;
    assert_eq!((dry.status, &dry.json()["would_create"]), (200, &json!(1)), "{}", dry.json());
}

#[tokio::test]
async fn a_mail_is_rejected_seen_so_on_its_prospect_and_the_rejection_taken_back() {
    let site = working().await;
    made(&site, json!({})).await;
    let job = site.post("/jobs", start(json!("eligible"))).await.json();
    finished(&site, job["id"].as_str().unwrap()).await;
    let reviewed = || async { site.get("/prospects").await.json()["data"][0]["draft"]["review"].clone() };
    let draft = site.get("/prospects").await.json()["data"][0]["draft"]["id"].as_str().unwrap().to_owned();
    assert_eq!(site.post(&format!("/drafts/{draft}/reject"), json!({})).await.status, 200);
    assert_eq!(reviewed().await, "rejected");
    let undone =
        site.send("PATCH", &format!("/drafts/{draft}"), Some(json!({"review": "none"})), &[("if-match", "*")]).await;
    assert_eq!((undone.status, reviewed().await), (200, json!("none")));
}

/// Seven prospects of six domains: one takes mail, one is gone, one wants none, one has no host, one is not answered for.
async fn with_domains() -> (Site, FakeDns) {
    let dns = FakeDns::start().await.unwrap();
    dns.takes_mail("fine.example");
    dns.has("null.example", Zone { mx: vec![(0, String::new())], ..Zone::default() });
    dns.has("empty.example", Zone::default());
    dns.has("fails.example", Zone { fault: NameFault::Fails, ..Zone::default() });
    let domains = Arc::new(Domains::new(&[dns.address()]).unwrap());
    let site = Site::made(Setup { domains, ..Setup::default() }).await;
    for address in
        ["a@fine.example", "b@FINE.example", "c@gone.example", "d@null.example", "e@empty.example", "f@fails.example"]
    {
        made(&site, json!({"contact_email": address, "verification_status": "unverified"})).await;
    }
    made(&site, json!({"contact_email": null, "external_id": "nobody"})).await;
    (site, dns)
}

async fn statuses(site: &Site) -> Vec<(String, Value)> {
    let page = site.get("/prospects").await.json();
    let of =
        |row: &Value| (row["verification_status"].as_str().unwrap().to_owned(), row["verification_reason"].clone());
    page["data"].as_array().unwrap().iter().map(of).collect()
}

fn found(body: &Value) -> [u64; 8] {
    [
        "/prospects",
        "/domains",
        "/takes_mail",
        "/without_mail/no_domain",
        "/without_mail/null_mx",
        "/without_mail/no_mail_host",
        "/unclear",
        "/changed",
    ]
    .map(|at| body.pointer(at).unwrap().as_u64().unwrap())
}

#[tokio::test]
async fn domains_are_asked_for_once_and_only_what_is_certain_is_written() {
    let (site, dns) = with_domains().await;
    let dry = site.post("/prospects/verify?dry_run", json!({})).await.json();
    assert_eq!((found(&dry), &dry["dry_run"]), ([6, 5, 2, 1, 1, 1, 1, 3], &json!(true)));
    assert_eq!(dns.times_asked("fine.example"), 1, "for both of its addresses");
    assert!(statuses(&site).await.iter().all(|(status, _)| status != "rejected"), "nothing was written");
    let done = site.post("/prospects/verify", json!({})).await.json();
    assert_eq!(found(&done), [6, 5, 2, 1, 1, 1, 1, 3]);
    let unclear = &done["unclear_domains"][0];
    assert_eq!(unclear["domain"], "fails.example");
    assert!(unclear["detail"].as_str().unwrap().to_lowercase().contains("serv"), "{unclear}");
    let is = |status: &str, reason: Value| (status.to_owned(), reason);
    let expected = [
        is("unverified", Value::Null),
        is("unverified", Value::Null),
        is("rejected", json!("no_domain")),
        is("rejected", json!("null_mx")),
        is("rejected", json!("no_mail_host")),
        is("unverified", Value::Null),
        is("verified", Value::Null),
    ];
    assert_eq!(statuses(&site).await, expected);
    assert_eq!(found(&site.post("/prospects/verify", json!({})).await.json())[7], 0, "nothing is new");
    dns.takes_mail("gone.example");
    let marked = site.post("/prospects/verify?mark=verified", json!({})).await.json();
    assert_eq!(found(&marked), [6, 5, 3, 0, 1, 1, 1, 3], "the mended one, too");
    let first: Vec<_> = statuses(&site).await.into_iter().take(3).collect();
    assert_eq!(first, vec![is("verified", json!("domain_takes_mail")); 3]);
}

#[tokio::test]
async fn a_page_of_those_that_are_chosen_is_asked_for_and_the_next_one_follows() {
    let (site, _dns) = with_domains().await;
    let one = site.post("/prospects/verify?limit=2&verification_status=unverified", json!({})).await.json();
    assert_eq!(found(&one), [2, 1, 2, 0, 0, 0, 0, 0]);
    let cursor = one["next_cursor"].as_str().unwrap();
    let two = site
        .post(&format!("/prospects/verify?limit=9&verification_status=unverified&cursor={cursor}"), json!({}))
        .await;
    let two = two.json();
    assert_eq!((found(&two), &two["next_cursor"]), ([4, 4, 0, 1, 1, 1, 1, 3], &Value::Null));
    let bad = blamed(&site.post("/prospects/verify?has_email=false&mark=rejected", json!({})).await);
    assert_eq!(bad.iter().map(|(_, code)| code.as_str()).collect::<Vec<_>>(), ["not_allowed", "not_allowed"]);
    assert_eq!(site.post("/prospects/verify?cursor=x", json!({})).await.json()["code"], "bad_cursor");
}

#[tokio::test]
async fn without_a_name_server_nothing_changes_and_it_is_said() {
    let site = Site::idle().await;
    made(&site, json!({"verification_status": "unverified"})).await;
    let told = site.post("/prospects/verify?mark=verified", json!({})).await.json();
    assert_eq!(found(&told), [1, 1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(told["unclear_domains"][0]["detail"], "no name server is set up here");
}

#[tokio::test]
async fn a_reason_is_said_beside_a_verdict_and_goes_with_it() {
    let site = Site::idle().await;
    let id = made(&site, json!({})).await["id"].as_str().unwrap().to_owned();
    let change = json!({"verification_status": "rejected", "verification_reason": "asked us to stop"});
    let said = site.send("PATCH", &format!("/prospects/{id}"), Some(change), &[]).await.json();
    assert_eq!(said["verification_reason"], "asked us to stop");
    let change = json!({"verification_status": "verified"});
    let said = site.send("PATCH", &format!("/prospects/{id}"), Some(change), &[]).await.json();
    assert_eq!(said["verification_reason"], Value::Null);
}
