//! People over the command line and a real server: the first owner in each of three ways, invites, roles, links, tokens of an
//! identity provider; and that no secret of theirs is in a file or in the log.

use crate::support::{Place, text};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

const PASSWORD: &str = "correct horse battery";

fn body(reply: (u16, String)) -> (u16, Value) {
    let value = serde_json::from_str(&reply.1).unwrap_or(Value::Null);
    (reply.0, value)
}

#[test]
fn s_12_the_link_of_the_start_makes_the_first_owner_and_no_second_start_prints_one() {
    let place = Place::new();
    let server = place.serve(&[]);
    let said = server.running.says("COPYDESK_ADMIN_PASSWORD_FILE");
    let link = said.split_whitespace().find(|word| word.starts_with("dkl_")).unwrap().to_owned();
    assert!(said.contains("copydesk admin create --email"), "all three ways are said: {said}");
    let owner = json!({"link": link, "email": "ann@example.com", "password": PASSWORD}).to_string();
    let (status, session) = body(server.http("POST", "/api/v1/setup", None, &owner));
    assert_eq!((status, text(&session, "/role")), (200, "owner".to_owned()), "{session}");
    assert_eq!(session["secure"], false, "plain HTTP says so");
    assert_eq!(server.http("POST", "/api/v1/setup", None, &owner).0, 404);
    let sign_in = json!({"email": "ann@example.com", "password": PASSWORD}).to_string();
    assert_eq!(server.http("POST", "/api/v1/session", None, &sign_in).0, 200);
    let wrong = json!({"email": "ann@example.com", "password": "wrong horse battery"}).to_string();
    assert_eq!(server.http("POST", "/api/v1/session", None, &wrong).0, 401);
    let log = server.stop().exits(0).err.clone();
    for said in ["Signed in", "A sign-in failed"] {
        assert!(log.contains(said), "S-73: {said}");
    }
    s_06_no_secret_is_in_a_file_or_the_log(&place, &log.replacen(&link, "", 2), &[&link, PASSWORD, "wrong horse"]);
    let second = place.serve(&[]);
    let log = second.stop().exits(0).err.clone();
    assert!(!log.contains("dkl_"), "{log}");
}

#[track_caller]
fn s_06_no_secret_is_in_a_file_or_the_log(place: &Place, log: &str, secrets: &[&str]) {
    let mut folders = vec![place.data("")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            read += 1;
            for secret in secrets {
                assert!(!bytes.windows(secret.len()).any(|it| it == secret.as_bytes()), "{}", path.display());
            }
            assert!(!bytes.windows(4).any(|it| it == b"dks_" || it == b"dkl_"), "{} holds a secret", path.display());
        }
    }
    assert!(read > 0);
    for secret in secrets {
        assert!(!log.contains(secret), "the log holds a secret: {log}");
    }
    assert!(!log.contains("dks_"), "{log}");
}

#[test]
fn the_first_owner_is_made_by_the_settings_and_by_hand() {
    let place = Place::new();
    place.write("password", format!("{PASSWORD}\n"));
    let place = place.with("COPYDESK_ADMIN_EMAIL", "Ann@Example.com");
    let file = place.path("password").display().to_string();
    let place = place.with("COPYDESK_ADMIN_PASSWORD_FILE", &file);
    let server = place.serve(&[]);
    let sign_in = json!({"email": "ann@example.com", "password": PASSWORD}).to_string();
    assert_eq!(server.http("POST", "/api/v1/session", None, &sign_in).0, 200);
    assert!(!server.stop().exits(0).err.contains("dkl_"), "nobody is asked to set it up");

    let place = Place::new();
    place.run(&["users", "ls"]).exits(0).says("copydesk admin create --email");
    let made =
        place.run_with_input(&["admin", "create", "--email", "ann@example.com", "--password-file", "-"], b"short");
    made.refuses(2, "validation_failed");
    let input = format!("{PASSWORD}\n");
    let made = ["admin", "create", "--email", "ann@example.com", "--name", "Ann", "--password-file", "-"];
    place.run_with_input(&made, input.as_bytes()).exits(0).says("ann@example.com is owner and active.");
    place.run_with_input(&made, input.as_bytes()).exits(0).says("ann@example.com is owner and active.");
    let link = place.run(&["admin", "create", "--email", "ann@example.com"]).exits(0).out.trim().to_owned();
    assert!(link.starts_with("dkl_"), "without a password a link is the way back in: {link}");
    place.run(&["users", "show", "ann@example.com"]).exits(0).prints("owner").prints("Ann");
    place.run(&["users", "role", "ann@example.com", "viewer"]).refuses(9, "last_owner");
    place.run(&["users", "disable", "ann@example.com"]).refuses(9, "last_owner");
    place.run(&["users", "show", "bob@example.com"]).refuses(3, "not_found");
}

#[test]
fn people_are_invited_given_roles_and_disabled() {
    let place = Place::new();
    let server = place.serve(&[]);
    let invite = place.run(&["users", "invite", "bob@example.com", "--role", "editor", "--expires", "2d"]);
    let secret = invite.exits(0).says("shown only now").out.trim().to_owned();
    place.run(&["users", "invites"]).exits(0).prints("bob@example.com").prints("open").says("uninvite");
    let accept = json!({"link": secret, "password": PASSWORD, "name": "Bob"}).to_string();
    assert_eq!(server.http("POST", "/api/v1/session", None, &accept).0, 200);
    place.run(&["users", "ls"]).exits(0).prints("bob@example.com").prints("Bob").prints("editor").says("Next:");
    place.run(&["users", "role", "bob@example.com", "viewer"]).exits(0).says("bob@example.com is viewer and active.");
    place.run(&["users", "role", "bob@example.com", "king"]).refuses(2, "validation_failed");
    let link = place.run(&["users", "link", "bob@example.com", "--sign-in"]).exits(0).out.trim().to_owned();
    place.run(&["users", "disable", "bob@example.com"]).exits(0).says("disabled");
    assert_eq!(server.http("POST", "/api/v1/session", None, &json!({"link": link}).to_string()).0, 410);
    place.run(&["users", "enable", "bob@example.com"]).exits(0).says("active");
    // What was made before he was disabled does not bring him back.
    assert_eq!(server.http("POST", "/api/v1/session", None, &json!({"link": link}).to_string()).0, 410);
    let link = place.run(&["users", "link", "bob@example.com", "--sign-in"]).exits(0).out.trim().to_owned();
    assert_eq!(server.http("POST", "/api/v1/session", None, &json!({"link": link}).to_string()).0, 200);
    let id = text(&place.json(&["users", "invites"]), "/data/0/id").to_owned();
    place.run(&["users", "uninvite", &id]).exits(0).says("opens nothing");
    let log = server.stop().exits(0).err.clone();
    for said in ["Somebody was invited", "A person was changed", "A link was made", "An invite was taken back"] {
        assert!(log.contains(said), "S-73: {said}: {log}");
    }
    assert!(!log.contains("bob@example.com"), "who it was is said by id: {log}");
    s_06_no_secret_is_in_a_file_or_the_log(&place, &log, &[&secret, &link, PASSWORD]);
}

/// Answers each request of a connection of its own by its path, until the process ends.
fn issuer(keys: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 2_048];
            let length = stream.read(&mut head).unwrap();
            let asked = String::from_utf8_lossy(&head[..length]).into_owned();
            let body = if asked.starts_with("GET /keys ") { &keys } else { &discovery }.to_string();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn a_scheduler_cleans_up_with_a_token_of_its_issuer() {
    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let issuer = issuer(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": x}]}));
    let place = Place::new().with("COPYDESK_OIDC_ISSUER", &issuer).with("COPYDESK_OIDC_AUDIENCE", "desk");
    let place = place.with("COPYDESK_OIDC_SUBJECTS", "scheduler");
    let server = place.serve(&[]);
    let token = |subject: &str| {
        // The year 2100: the server's clock is the machine's.
        let claims = json!({"iss": issuer, "aud": "desk", "sub": subject, "exp": 4_102_444_800_i64});
        let parts = [json!({"alg": "EdDSA", "kid": "a"}), claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string()));
        let signed = parts.join(".");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())))
    };
    let clean_up = |token: &str| server.http("POST", "/api/v1/maintenance/cleanup-stale", Some(token), "{}").0;
    assert_eq!((clean_up(&token("scheduler")), clean_up(&token("stranger"))), (200, 401));
    assert_eq!(server.http("GET", "/api/v1/drafts", Some(&token("scheduler")), "").0, 403);
    let log = server.stop().exits(0).err.clone();
    assert!(log.contains("A token was refused") && !log.contains("eyJ"), "{log}");
}
