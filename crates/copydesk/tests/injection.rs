//! SQL in every place a client can write into, on both databases: nothing breaks, nothing is read and nothing is written that
//! should not be. Statements have bound parameters only (STYLE.md 6.3); this is the proof from outside.

use crate::postgres::Database;
use crate::support::{Place, Server};
use serde_json::{Value, json};

const CORPUS: [&str; 10] = [
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "') OR ('1'='1",
    "1; DELETE FROM logins",
    "' UNION SELECT password_hash FROM logins --",
    "'; SELECT pg_sleep(20); --",
    "\\'; --",
    "$1",
    "%00",
    "\" OR \"\"=\"",
];

/// As it stands in an address.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn counts(server: &Server, key: &str) -> Vec<usize> {
    let lists = ["users", "invites", "keys", "drafts", "generations", "budgets"];
    let count = |list: &&str| {
        let (status, body) = server.http("GET", &format!("/api/v1/{list}?limit=1000"), Some(key), "");
        assert_eq!(status, 200, "{list}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["data"].as_array().unwrap().len()
    };
    lists.iter().map(count).collect()
}

fn attack(server: &Server) {
    let key = server.admin_key();
    let owner = json!({"email": "ann@example.com", "role": "owner", "password": "correct horse"}).to_string();
    assert_eq!(server.http("POST", "/api/v1/users", Some(&key), &owner).0, 201);
    let before = counts(server, &key);
    let document: Value = serde_json::from_str(&server.http("GET", "/openapi.json", None, "").1).unwrap();
    let mut sent = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let streams = path.ends_with("/ws") || path.ends_with("/stream");
        for (method, operation) in item.as_object().unwrap().iter().filter(|_| !streams) {
            // What runs for long, or is the whole installation's, is no place for text.
            let reads = method == "get" && !path.contains("/audit");
            let slots = path.contains('{');
            if !reads && !slots {
                continue;
            }
            for evil in CORPUS {
                let address: Vec<String> = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { escaped(evil) } else { part.to_owned() })
                    .collect();
                let params = operation["parameters"].as_array().into_iter().flatten();
                let query: Vec<String> = params
                    .filter(|param| param["in"] == "query")
                    .map(|param| format!("{}={}", param["name"].as_str().unwrap(), escaped(evil)))
                    .collect();
                let address = format!("{}?{}", address.join("/"), query.join("&"));
                let (status, said) = server.http(&method.to_uppercase(), &address, Some(&key), "{}");
                assert!(status < 500, "{method} {address}: {status} {said}");
                assert!(!said.contains("syntax error") && !said.contains("$argon2id$"), "{address}: {said}");
                sent += 1;
            }
        }
    }
    for evil in CORPUS {
        for body in [
            json!({"email": evil, "password": evil}),
            json!({"email": format!("{evil}@example.com"), "password": "x"}),
            json!({"link": evil, "password": evil}),
        ] {
            let (status, said) = server.http("POST", "/api/v1/session", None, &body.to_string());
            assert!(matches!(status, 401 | 410 | 422 | 429), "{body}: {status} {said}");
        }
        let (status, said) = server.http("GET", "/api/v1/drafts", Some(evil), "");
        assert!(matches!(status, 400 | 401 | 429), "{evil}: {status} {said}");
        sent += 4;
    }
    assert!(sent > 300, "{sent}");
    assert_eq!(counts(server, &key), before, "nothing was made and nothing is gone");
}

#[test]
fn s_05_no_text_of_a_client_becomes_sql_on_sqlite() {
    let place = Place::new();
    let server = place.serve(&[]);
    attack(&server);
    server.stop().exits(0);
    place.run(&["audit"]).exits(0);
}

#[test]
fn s_05_no_text_of_a_client_becomes_sql_on_postgres() {
    let database = Database::new();
    let place = Place::new().with("COPYDESK_DATABASE_URL", &database.url);
    let server = place.serve(&["--auto-migrate"]);
    attack(&server);
    server.stop().exits(0);
}

#[test]
fn s_06_no_secret_of_a_person_is_in_the_postgres_database() {
    let database = Database::new();
    let place = Place::new().with("COPYDESK_DATABASE_URL", &database.url);
    let server = place.serve(&["--auto-migrate"]);
    let key = server.admin_key();
    let link = place.run(&["users", "invite", "bob@example.com", "--role", "editor"]).exits(0).out.trim().to_owned();
    let accept = json!({"link": link, "password": "correct horse battery"}).to_string();
    assert_eq!(server.http("POST", "/api/v1/session", None, &accept).0, 200);
    let dump = database.dump();
    assert!(dump.contains("bob@example.com") && dump.contains("$argon2id$"), "the tables are read");
    for secret in [link.as_str(), key.as_str(), "correct horse", "dkl_", "dks_"] {
        assert!(!dump.contains(secret), "the database holds {secret}");
    }
    server.stop().exits(0);
}
