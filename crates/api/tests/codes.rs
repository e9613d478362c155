//! Codes that only a store that fails, a worker that is lost or a model that has no price brings about, through HTTP; and that
//! every code there is has a test that names it.

use crate::site::{Reply, Setup, Site, text};
use copydesk_desk::DeskConfig;
use copydesk_desk::store::{SchemaFault, StoreError};
use copydesk_desk::vault::Vault;
use copydesk_recipes::Shelf;
use copydesk_store_tests::{Method, When};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// `once` has one attempt; `shaped` wants another form than its model writes; `metered` costs what its model costs, and its model has no price.
fn shelf() -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let by_cost = "price = { per_usd = 10000, margin = \"25%\", max = 5, min = 1 }";
    let all = [
        ("once", "held", "text", "price = 0"),
        ("shaped", "writer", "article", "price = 0"),
        ("metered", "unlisted", "text", by_cost),
    ];
    for (name, model, output, price) in all {
        let answer = if output == "article" { "answer = \"json\"\n" } else { "" };
        let recipe = format!(
            "name = \"{name}\"\ntitle = \"Note\"\noutput = \"{output}\"\nroute = [\"demo/{model}\"]\n{price}\n\n\
             [[steps]]\nname = \"write\"\nprompt = \"prompt.j2\"\n{answer}\n[limits]\nmax_attempts = 1\n"
        );
        let schema = r#"{ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "required": ["prompt"], "properties": { "prompt": { "type": "string", "maxLength": 1000 } } }"#;
        let at = folder.path().join(name);
        std::fs::create_dir(&at).unwrap();
        let files = [
            ("recipe.toml", recipe.as_str()),
            ("input.schema.json", schema),
            ("example.json", r#"{ "prompt": "Hello" }"#),
            ("prompt.j2", "{{ input.prompt }}"),
        ];
        files.iter().for_each(|(file, text)| std::fs::write(at.join(file), text).unwrap());
    }
    let shelf = Shelf::built_in().unwrap().with_user_dir(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    (folder, shelf)
}

/// Status, code, whether trying again helps, words of the hint, and a page that is there.
async fn says(site: &Site, reply: &Reply, status: u16, code: &str, retryable: bool, hint: &str) -> Value {
    let body = reply.json();
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{body}");
    assert_eq!(body["retryable"], retryable, "{body}");
    assert_eq!(body["hint"].as_str().is_some_and(|said| said.contains(hint)), !hint.is_empty(), "{body}");
    has_a_page(site, body["doc_url"].as_str().unwrap(), code).await;
    body
}

async fn has_a_page(site: &Site, address: &str, code: &str) {
    let path = address.strip_prefix("https://desk.example").unwrap();
    assert_eq!(path, format!("/docs/errors/{code}"));
    assert_eq!(site.raw("GET", path, &[], "").await.status, 200);
}

#[tokio::test]
async fn what_goes_wrong_in_the_database_has_its_code() {
    let site = Site::idle().await;
    let broken = SchemaFault { what: "table drafts has no column slug".to_owned(), sql: "alter table".to_owned() };
    let table = [
        (StoreError::Corrupt("two ends".to_owned()), 500, "internal", false, ""),
        (StoreError::CommitUnknown("cut".to_owned()), 503, "outcome_unknown", false, "look first whether it is there"),
        (StoreError::Unavailable("database or disk is full".to_owned()), 507, "storage_full", false, "Free some space"),
        (StoreError::Unavailable("no route to host".to_owned()), 503, "storage_unavailable", true, ""),
        (StoreError::SchemaMismatch(vec![broken]), 503, "schema_mismatch", false, "copydesk db check"),
    ];
    for (error, status, code, retryable, hint) in table {
        site.faults.fail_next(Method::Accept, 100, When::Before, error);
        let reply = site.post("/generations", text(json!({}))).await;
        site.faults.heal();
        let body = says(&site, &reply, status, code, retryable, hint).await;
        for inside in ["two ends", "no route", "slug", "cut"] {
            assert!(!body.to_string().contains(inside), "the chain is for the log: {body}");
        }
        assert_eq!(site.get("/generations").await.json()["data"], json!([]), "nothing was accepted");
    }
}

/// The generation as it ended, with this code and a sentence.
async fn failed(site: &Site, body: &Value, code: &str) {
    let body = site.ended(&body["id"]).await;
    let error = &body["error"];
    assert_eq!((&body["status"], &error["code"]), (&json!("failed"), &json!(code)), "{body}");
    assert!(error["message"].as_str().is_some_and(|sentence| sentence.len() > 20), "{body}");
    has_a_page(site, error["doc_url"].as_str().unwrap_or(&format!("https://desk.example/docs/errors/{code}")), code)
        .await;
}

#[tokio::test]
async fn an_answer_of_the_wrong_form_has_its_code() {
    let (_folder, shelf) = shelf();
    let site = Site::made(Setup { shelf, ..Setup::default() }).await;
    site.desk.start_working().await.unwrap();
    let reply = site.post("/generations", text(json!({"recipe": "shaped"}))).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    failed(&site, &reply.json(), "output_invalid").await;
}

#[tokio::test]
async fn an_attempt_without_an_end_has_its_code() {
    let (_folder, shelf) = shelf();
    let config = DeskConfig { attempt_timeout: Duration::from_millis(20), ..DeskConfig::default() };
    let site = Site::made(Setup { shelf, config, ..Setup::default() }).await;
    site.desk.start_working().await.unwrap();
    let body = site.post("/generations", text(json!({"recipe": "once"}))).await.json();
    failed(&site, &body, "attempt_timeout").await;
}

#[tokio::test]
async fn the_work_of_a_server_that_is_gone_has_its_code() {
    let (_folder, shelf) = shelf();
    let site = Site::made(Setup { shelf, ..Setup::default() }).await;
    site.desk.start_working().await.unwrap();
    let body = site.post("/generations", text(json!({"recipe": "once"}))).await.json();
    while site.provider.calls() == 0 {
        tokio::task::yield_now().await;
    }
    // Another one starts on its database, which says that this one is over.
    let other = site.elsewhere().await;
    failed(&site, &body, "lease_lost").await;
    drop(other);
}

#[tokio::test]
async fn a_job_whose_start_nobody_confirmed_has_its_code() {
    let site = Site::working().await;
    site.provider.film();
    let reply = site.post("/generations", json!({"recipe": "video", "input": {"prompt": "A tide."}})).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    failed(&site, &reply.json(), "submission_unknown").await;
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_where_the_price_has_to_be_known() {
    let (_folder, shelf) = shelf();
    let config = DeskConfig { credits: true, ..DeskConfig::default() };
    let site = Site::made(Setup { shelf, config, ..Setup::default() }).await;
    let reply = site.post("/generations", text(json!({"recipe": "metered"}))).await;
    let body = says(&site, &reply, 422, "unpriced_model_with_metered_price", false, "Give the model a price").await;
    assert_eq!(body["model"], "demo/unlisted");
    let budget = json!({"unit": "cost", "period": "day", "limit": 1_000_000_000});
    let reply = site.post("/budgets", budget).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    let reply = site.post("/generations", text(json!({"model": "demo/unlisted"}))).await;
    let body = says(&site, &reply, 422, "unpriced_model_with_budget", false, "a budget in tokens needs none").await;
    assert_eq!(body["model"], "demo/unlisted");
}

#[tokio::test]
async fn a_server_without_a_key_for_secrets_says_so() {
    let vault = Vault::new(Arc::new(|| Err("COPYDESK_SECRET_KEY is not set".to_owned())));
    let site = Site::made(Setup { vault, ..Setup::default() }).await;
    let reply = site.post("/webhooks", json!({"url": "https://8.8.8.8/hook"})).await;
    says(&site, &reply, 503, "secret_key_missing", false, "openssl rand -hex 32").await;
}

#[tokio::test]
async fn one_audit_at_a_time() {
    let site = Site::idle().await;
    site.faults.hold(Method::Audit);
    let first = site.get("/audit");
    let second = async {
        while site.faults.called(Method::Audit) == 0 {
            tokio::task::yield_now().await;
        }
        let reply = site.get("/audit").await;
        site.faults.let_go();
        reply
    };
    let (first, second) = futures::join!(first, second);
    says(&site, &second, 409, "audit_running", true, "mode=status").await;
    assert_eq!(first.status, 200);
}

/// A code that nobody provokes may say anything. The word has to stand in quotes in a test of this crate, as it does where
/// an answer is compared with it.
#[test]
fn every_code_has_a_test_that_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &Path, end: &str| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|it| it == end)).collect::<Vec<_>>()
    };
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let tests: String = names(&root.join("tests"), "rs").iter().map(read).collect();
    // Quotes within a string count, too.
    let tests = tests.replace("\\\"", "\"");
    let pages = names(&root.join("../../docs/errors"), "md");
    let codes: Vec<&str> =
        pages.iter().filter_map(|path| path.file_stem()?.to_str()).filter(|name| *name != "README").collect();
    assert!(codes.len() > 70, "{codes:?}");
    let forgotten: Vec<&&str> = codes.iter().filter(|code| !tests.contains(&format!("\"{code}\""))).collect();
    assert!(forgotten.is_empty(), "no test in crates/api/tests provokes {forgotten:?}: docs/adding/error.md");
}
