//! The OpenAPI document: it is whole, it is valid, and it is true. That every answer of every test fits it is `contract.rs`.

use crate::contract::{faults, filled, operations, paths, resolved, spec};
use crate::site::{Setup, Site};
use copydesk_api::compat::CompatSettings;
use copydesk_api::{Code, codes, document};
use copydesk_core::bulk::Action;
use copydesk_core::mail::{Limits, MailKind, Secret};
use copydesk_core::{DraftId, MailId, MailingId, NodeId};
use copydesk_desk::DeskConfig;
use copydesk_desk::config::Outreach;
use copydesk_desk::mail::MailConfig;
use copydesk_desk::mail::link::Link;
use copydesk_desk::store::Scope;
use copydesk_desk::store::bulk::{BulkStore, NewBulk};
use copydesk_desk::store::mail::{ClaimMails, LostMails, MailFacts, MailStore, NewMailing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "PATCH"];

#[tokio::test]
async fn every_documented_route_is_there_with_exactly_its_methods() {
    let site = Site::idle().await;
    let bearer = format!("Bearer {}", site.key);
    for (path, item) in paths() {
        for method in METHODS {
            let documented = item.contains_key(&method.to_lowercase());
            let reply = site.raw(method, &filled(path), &[("authorization", &bearer)], "").await;
            assert_eq!(reply.status == 405, !documented, "{method} {path}");
            // What answers with a page is mounted.
            if reply.status == 404 && !reply.header("content-type").starts_with("text/html") {
                let detail = reply.json()["detail"].as_str().unwrap().to_owned();
                assert!(!detail.starts_with("There is nothing at"), "{method} {path} is not mounted");
            }
        }
    }
}

#[test]
fn a_route_can_only_be_mounted_together_with_its_description() {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/router.rs")).unwrap();
    let bare: Vec<&str> =
        source.lines().filter(|line| line.contains(".route(") || line.contains("_service(")).collect();
    assert_eq!(bare.len(), 1, "routes are mounted with routes!: {bare:?}");
    assert!(bare[0].contains("no_route"), "{bare:?}");
}

#[test]
fn the_document_is_openapi_3_1() {
    let schema: Value = serde_json::from_str(include_str!("openapi/oas-3.1.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(spec()).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(faults, [""; 0]);
    for (name, schema) in spec()["components"]["schemas"].as_object().unwrap() {
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| collect(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(spec(), &mut found);
    for target in &found {
        assert!(spec().pointer(target.trim_start_matches('#')).is_some(), "{target} leads nowhere");
    }
    let names: BTreeSet<&str> = operations().map(|(_, _, one)| one["operationId"].as_str().unwrap()).collect();
    for (_, _, operation) in operations() {
        let links = operation["responses"]["202"]["links"].as_object().into_iter().flatten();
        for (name, link) in links {
            assert!(names.contains(name.as_str()) && link["operationId"] == name.as_str(), "{name}");
        }
    }
    for name in spec()["components"]["schemas"].as_object().unwrap().keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "nobody uses {name}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_tag_and_a_summary() {
    let tags: BTreeSet<&str> =
        spec()["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        assert!(
            name.chars().all(|letter| letter.is_ascii_alphanumeric()) && name.starts_with(|c: char| c.is_lowercase())
        );
        let summary = operation["summary"].as_str().unwrap_or_else(|| panic!("{method} {path} has no summary"));
        assert!(summary.ends_with(['.', '?']), "{summary}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        assert!(tags.contains(operation["tags"][0].as_str().unwrap()), "{name}");
        for segment in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let params = operation["parameters"].as_array().unwrap();
            assert!(params.iter().any(|param| param["name"] == segment && param["in"] == "path"), "{name}: {segment}");
        }
    }
}

#[test]
fn every_code_is_in_the_document_where_it_can_be_met() {
    let mut answered: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, operation) in operations() {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let schema = &resolved(answer)["content"]["application/problem+json"]["schema"];
            for word in schema["properties"]["code"]["enum"].as_array().into_iter().flatten() {
                let code = Code::parse(word.as_str().unwrap()).unwrap();
                assert_eq!(*status, code.facts().status.to_string());
                *answered.entry(code.as_str()).or_default() += 1;
            }
        }
    }
    // What ends a generation is told in its `error`, not as an answer.
    let schemas = &spec()["components"]["schemas"];
    let ended: BTreeSet<&str> =
        schemas["FailureReason"]["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let missing: Vec<&str> = codes()
        .iter()
        .map(|code| code.as_str())
        .filter(|word| !answered.contains_key(word) && !ended.contains(word))
        .collect();
    // Why an item of a job was skipped; no route asks for a name that only one draft may have.
    assert_eq!(missing, ["not_claimable", "draft_exists"], "a code that no route and no generation can answer");
    let known: BTreeSet<&str> = codes().iter().map(|code| code.as_str()).collect();
    assert!(ended.iter().all(|word| known.contains(word)));
}

#[test]
fn the_document_in_docs_is_the_one_that_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = format!("{:#}\n", document("http://127.0.0.1:8420", &CompatSettings::default()));
    #[allow(clippy::disallowed_methods, reason = "a developer says so on the command line")]
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is stale: UPDATE_DOCS=1 cargo test -p copydesk-api openapi, and read the diff"
    );
}

#[tokio::test]
async fn the_document_is_served_without_a_key() {
    let site = Site::idle().await;
    let reply = site.raw("GET", "/openapi.json", &[], "").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.json(), *spec());
    assert_eq!(reply.json()["servers"], json!([{ "url": crate::site::PUBLIC_URL }]));
}

/// The link in a mail of `doubtful_mail`.
fn token_of(mail: &str) -> String {
    Link::sign(Scope::DEFAULT.workspace, mail.parse().unwrap(), &Secret([7; Secret::BYTES])).to_string()
}

/// A newsletter that may go out.
async fn published(site: &Site) -> String {
    let issue = json!({"recipe": "newsletter", "input": {"topic": "Tea"}, "model": "demo/editor"});
    let issue = site.send("POST", "/generations", Some(issue), &[("prefer", "wait=30")]).await.json();
    let issue = issue["draft_id"].as_str().unwrap().to_owned();
    assert_eq!(site.post(&format!("/drafts/{issue}/publish"), json!({})).await.status, 200);
    issue
}

/// A mailing with one mail, of which nobody can know whether it arrived.
async fn doubtful_mail(site: &Site) -> (String, String) {
    let at = site.desk.world().now();
    let uuid = || site.desk.world().uuid(at);
    let (mailing, mail) = (MailingId(uuid()), MailId(uuid()));
    let facts = MailFacts {
        id: mail,
        mailing,
        kind: MailKind::Outreach,
        subscriber: None,
        list: None,
        workspace: Scope::DEFAULT.workspace,
        prospect: None,
        content: Some((DraftId(uuid()), 1)),
        name: None,
        address: "ann@example.com".to_owned(),
        recipient: "ann@example.com".to_owned(),
        message_id: format!("<{mail}@desk.example>"),
        reason: None,
        created_at: at,
    };
    let (scope, spec) = (Scope::DEFAULT, "{}".to_owned());
    let new = NewMailing {
        id: mailing,
        scope,
        kind: MailKind::Outreach,
        secret: Secret([7; Secret::BYTES]),
        spec,
        at,
        again: false,
        to: None,
        mails: vec![facts],
        idempotency: None,
        dry: false,
    };
    site.store.open_mailing(new).await.unwrap();
    let limits = Limits { per_day: 1, reserve: 0, every: Duration::from_secs(1) };
    let claim = ClaimMails { node: NodeId(uuid()), now: at, day_at: at, limits, limit: 1 };
    assert_eq!(site.store.claim_mails(claim).await.unwrap().mails.len(), 1);
    let lost = LostMails { now: at, lost_before: at, only_living: Some(NodeId(uuid())), limit: 1 };
    assert_eq!(site.store.lose_mails(lost).await.unwrap(), 1);
    (mailing.to_string(), mail.to_string())
}

/// A bulk action that was cancelled before anything was done.
async fn stopped_bulk(site: &Site) -> String {
    let ids = copydesk_store_tests::builder::Ids::of_realm(9);
    let new = copydesk_store_tests::builder::new_bulk(&ids, Action::Delete, site.desk.world().now());
    let id = site.store.open_bulk(NewBulk { items: vec![new.facts.id.0], ..new }).await.unwrap().row().facts.id;
    site.store.cancel_bulk(Scope::DEFAULT, id, site.desk.world().now()).await.unwrap();
    id.to_string()
}

/// What the paths of the examples mean, for a desk where something has happened.
pub struct Scene {
    pub site: Site,
    done: Value,
    waiting: Value,
    asset: String,
    key: String,
    budget: String,
    newsletter: String,
    webhook: String,
    delivery: String,
    user: String,
    invite: String,
    job: String,
    bulk: String,
    mailing: String,
    mail: String,
    file: String,
    prospect: String,
    feedback: String,
    import: String,
    schedule: String,
    source: String,
    subscriber: String,
    suppression: String,
    issue: String,
    token: String,
}

const PROSPECTS: &str = "contact_email,verification_status,source_type\nben@example.com,verified,website\n";

fn id_of(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

impl Scene {
    /// A site with credits for two users, where mails may be ordered and none goes.
    async fn site() -> Site {
        let outreach = Outreach { sender: Some("We are Fernleaf.".to_owned()), ..Outreach::default() };
        let limits = Limits { per_day: 0, reserve: 0, every: Duration::from_secs(1) };
        let mail = MailConfig {
            from: Some("ann@example.com".to_owned()),
            limits,
            public_url: Some("https://desk.example.com".to_owned()),
            ..MailConfig::default()
        };
        let server = copydesk_smtp::Server::parse("smtp+plain://127.0.0.1:9").unwrap();
        let mailer = copydesk_smtp::Smtp { server, waits: copydesk_smtp::Waits::default(), hello: "x".to_owned() };
        let config = DeskConfig { credits: true, outreach, mail, ..DeskConfig::default() };
        let site = Site::made(Setup { config, mailer: Some(Arc::new(mailer)), ..Setup::default() }).await;
        site.desk.start_working().await.unwrap();
        for user in ["anna", "ben"] {
            let grant = json!({"user": user, "amount": 90_000_000, "reference": format!("start-{user}")});
            assert_eq!(site.post("/credits/grants", grant).await.status, 201);
        }
        site
    }

    pub async fn set() -> Scene {
        let site = Scene::site().await;
        let made = async |path: &str, body: Value| id_of(&site.post(path, body).await.json());
        let picture =
            json!({"recipe": "picture", "input": {"prompt": "the sea"}, "model": "demo/painter", "user": "anna"});
        let drawn = site.send("POST", "/generations", Some(picture), &[("prefer", "wait=30")]).await.json();
        let asset = drawn["draft"]["content"]["assets"][0]["id"].as_str().unwrap().to_owned();
        let price = json!({"input_per_million_nanousd": 1});
        assert_eq!(site.send("PUT", "/prices/demo/flaky", Some(price), &[]).await.status, 200);
        let done = site.finished(json!({"user": "anna"})).await;
        let waiting = site.accept(json!({"run_at": "2199-01-01T00:00:00Z", "deadline": "1h"})).await;
        let (key, _) = site.new_key(json!({"role": "editor"})).await;
        let budget = json!({"unit": "tokens", "period": "month", "limit": 9_000_000_000_i64});
        let budget = made("/budgets", budget).await;
        let newsletter = json!({"recipe": "newsletter", "input": {"topic": "Tests"}, "model": "demo/editor"});
        let newsletter = site.send("POST", "/generations", Some(newsletter), &[("prefer", "wait=30")]).await.json();
        let newsletter = newsletter["draft_id"].as_str().unwrap().to_owned();
        let webhook = made("/webhooks", json!({"url": "https://127.0.0.1:1/"})).await;
        let delivery = made(&format!("/webhooks/{webhook}/ping"), json!({})).await;
        let person = json!({"email": "eve@example.com", "role": "editor", "password": "correct horse"});
        let user = made("/users", person).await;
        let invite = made("/invites", json!({"email": "finn@example.com", "role": "viewer"})).await;
        let job = json!({"recipe": "text", "items": [{"input": {"prompt": "tea"}, "dedupe_key": "x"}], "start": false});
        let job = made("/jobs", job).await;
        let bulk = stopped_bulk(&site).await;
        let (mailing, mail) = doubtful_mail(&site).await;
        let bearer = format!("Bearer {}", site.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "text/csv")];
        let file = id_of(&site.raw("POST", "/api/v1/files?name=people.csv", &headers, "prompt\ntea\n").await.json());
        site.send("PUT", "/recipes/text/profile", Some(json!({"fields": {}})), &[]).await;
        let import = site.raw("POST", "/api/v1/prospects/import", &headers, PROSPECTS).await.json();
        let import = id_of(&import["import"]);
        let prospect = id_of(&site.get("/prospects").await.json()["data"][0]);
        let opinion = format!("/drafts/{}/feedback", done["draft_id"].as_str().unwrap());
        let feedback = id_of(&site.send("PUT", &opinion, Some(json!({"vote": "up"})), &[]).await.json());
        let schedule = json!({"recipe": "text", "input": {"prompt": "tea"}, "at": "08:00", "zone": "UTC"});
        let schedule = made("/schedules", schedule).await;
        let feed = json!({"kind": "feed", "url": "https://127.0.0.1:1/feed.xml"});
        let source = made("/sources", feed).await;
        let subscriber = made("/subscribers", json!({"address": "gil@example.com"})).await;
        let suppression = made("/suppressions", json!({"address": "hal@example.com"})).await;
        Scene {
            subscriber,
            suppression,
            issue: published(&site).await,
            token: token_of(&mail),
            feedback,
            schedule,
            source,
            prospect,
            import,
            site,
            done,
            waiting,
            asset,
            key,
            budget,
            newsletter,
            webhook,
            delivery,
            user,
            invite,
            job,
            bulk,
            mailing,
            mail,
            file,
        }
    }

    /// The address of an operation's example: the document's own example of a parameter, or what the scene has.
    pub fn address(&self, name: &str, path: &str, operation: &Value) -> String {
        let live = matches!(name, "cancelGeneration" | "extendGeneration" | "getGenerationWaiting");
        let draft = path.starts_with("/api/v1/drafts");
        let id = match () {
            () if path.starts_with("/api/v1/assets") => self.asset.clone(),
            () if path.starts_with("/api/v1/keys") => self.key.clone(),
            () if path.starts_with("/api/v1/budgets") => self.budget.clone(),
            () if path.starts_with("/drafts") => self.newsletter.clone(),
            () if path.starts_with("/api/v1/webhooks") => self.webhook.clone(),
            () if path.starts_with("/api/v1/deliveries") => self.delivery.clone(),
            () if path.starts_with("/api/v1/users") => self.user.clone(),
            () if path.starts_with("/api/v1/invites") => self.invite.clone(),
            () if path.starts_with("/api/v1/feedback") => self.feedback.clone(),
            () if path.contains("/jobs") => self.job.clone(),
            () if path.starts_with("/api/v1/mailings") => self.mailing.clone(),
            () if matches!(name, "sendDraft" | "testDraft") => self.issue.clone(),
            () if path.starts_with("/api/v1/subscribers") => self.subscriber.clone(),
            () if path.starts_with("/api/v1/suppressions") => self.suppression.clone(),
            () if path.starts_with("/api/v1/mails") => self.mail.clone(),
            () if path.contains("/bulk") => self.bulk.clone(),
            () if path.starts_with("/api/v1/prospects/imports") => self.import.clone(),
            () if path.starts_with("/api/v1/prospects") => self.prospect.clone(),
            () if path.starts_with("/api/v1/schedules") => self.schedule.clone(),
            () if path.starts_with("/api/v1/sources") => self.source.clone(),
            () if path.starts_with("/api/v1/files") => self.file.clone(),
            () if draft => self.done["draft_id"].as_str().unwrap().to_owned(),
            () if live => self.waiting["id"].as_str().unwrap().to_owned(),
            () => self.done["id"].as_str().unwrap().to_owned(),
        };
        let known = [
            ("{id}", id.as_str()),
            ("{n}", "1"),
            ("{user}", "anna"),
            ("{provider}", "demo"),
            ("{model}", "flaky"),
            ("{lane}", "recipe:text"),
            ("{token}", self.token.as_str()),
        ];
        let mut address = known.iter().fold(path.to_owned(), |path, (slot, value)| path.replace(slot, value));
        for param in operation["parameters"].as_array().into_iter().flatten() {
            let slot = format!("{{{}}}", param["name"].as_str().unwrap());
            if let Some(example) = param["example"].as_str() {
                address = address.replace(&slot, example);
            }
        }
        // It needs to be asked when.
        if name == "listScheduleTimes" { format!("{address}?at=08:00") } else { address }
    }
}

#[tokio::test]
async fn every_example_works_and_is_answered_as_documented() {
    let shared = Scene::set().await;
    let mut ran = 0;
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        let signed_in = path.starts_with("/api/v1/session") && name != "getSession" || name == "setUp";
        let own = matches!(
            name,
            "streamGeneration" | "followEvents" | "refundCredits" | "retryGeneration" | "getSecurityTxt"
        );
        if own || signed_in {
            continue; // They need a scene of their own, and have it in stream.rs, events.rs, credits.rs, generations.rs, reading.rs and sign_in.rs.
        }
        let own = if method == "get" { None } else { Some(Scene::set().await) };
        let scene = own.as_ref().unwrap_or(&shared);
        let bearer = format!("Bearer {}", scene.site.key);
        let body = operation["requestBody"]["content"]["application/json"].get("example");
        // A file of any kind; forms are in files.rs.
        let bytes = Value::from("bytes");
        let table = matches!(name, "importProspects" | "importSubscribers");
        let body = if name == "createFile" { Some(&bytes) } else { body };
        let required = operation["requestBody"]["required"] == true;
        assert!(!required || body.is_some() || table, "{name} reads a body and shows none");
        if let Some(body) = body.filter(|_| name != "createFile") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(faults(schema, body), [""; 0], "{name}");
        }
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        let must_match = operation["parameters"].as_array().into_iter().flatten();
        if must_match.filter(|param| param["required"] == true).any(|param| param["name"] == "If-Match") {
            headers.push(("if-match", "*"));
        }
        let address = scene.address(name, path, operation);
        let sent = if table { PROSPECTS.to_owned() } else { body.map(Value::to_string).unwrap_or_default() };
        if table {
            headers[1].1 = "text/csv";
        }
        // The harness holds the answer against the document.
        let reply = scene.site.raw(&method.to_uppercase(), &address, &headers, sent).await;
        assert!((200..300).contains(&reply.status), "{name} {address}: {}", String::from_utf8_lossy(&reply.bytes));
        ran += 1;
    }
    assert!(ran >= 50, "{ran}");
}
