//! `keys`: a secret is printed once and works; what a key may do is asked for in flags.

use crate::support::{Place, text};

#[test]
fn a_key_is_made_shown_rotated_and_revoked_on_a_running_server() {
    let place = Place::new();
    let server = place.serve(&[]);
    let made = place.run(&["keys", "create", "site", "--role", "viewer", "--recipe", "text", "--expires", "90d"]);
    let secret = made.exits(0).says("shown only now").out.trim().to_owned();
    assert!(secret.starts_with("dk_live_"), "the secret alone is on the standard output");
    assert_eq!(server.http("GET", "/api/v1/drafts", Some(&secret), "").0, 200);
    assert_eq!(server.http("POST", "/api/v1/generations", Some(&secret), "{}").0, 403);

    let listed = place.json(&["keys", "ls"]);
    let id = text(&listed, "/data/0/id").to_owned();
    assert_eq!((text(&listed, "/data/0/name"), text(&listed, "/data/0/role")), ("site".into(), "viewer".into()));
    assert!(!listed.to_string().contains(&secret[12..]));
    place.run(&["keys", "ls"]).exits(0).prints("site").prints("viewer").prints("active");
    place.run(&["keys", "show", &id]).exits(0).prints("drafts:read").prints("text");

    let second = place.run(&["keys", "rotate", &id, "--overlap", "0s"]).exits(0).out.trim().to_owned();
    assert_eq!(server.http("GET", "/api/v1/drafts", Some(&secret), "").0, 401);
    assert_eq!(server.http("GET", "/api/v1/drafts", Some(&second), "").0, 200);
    place.run(&["keys", "rotate", &id]).refuses(9, "key_ended");
    let successor = text(&place.json(&["keys", "show", &id]), "/replaced_by").to_owned();
    place.run(&["keys", "revoke", &successor]).exits(0).says("was revoked");
    let (status, body) = server.http("GET", "/api/v1/drafts", Some(&second), "");
    assert!(status == 401 && body.contains("revoked_key"), "{body}");

    let stranger = format!("{}x", "not-a-key-of-this-server-");
    assert_eq!(server.http("GET", "/api/v1/drafts", Some(&stranger), "").0, 401);

    // The keys are the database's: the next server knows them, too, and when they were last used.
    let ran = server.stop();
    s_06_s_73_secrets_are_in_no_file_and_no_log(&place, &ran.exits(0).err, &[&secret, &second, &stranger]);
    let after = place.json(&["keys", "show", &successor]);
    assert_eq!((text(&after, "/status"), text(&after, "/last_used/address")), ("revoked".into(), "127.0.0.1".into()));
}

#[track_caller]
fn s_06_s_73_secrets_are_in_no_file_and_no_log(place: &Place, log: &str, secrets: &[&str]) {
    for said in ["A key was made", "A key was rotated", "A key was revoked", "A key was refused"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(log.contains("127.0.0.1") && log.contains("invalid_key") && log.contains("revoked_key"), "{log}");
    let mut folders = vec![place.data("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds a secret", path.display());
            }
        }
    }
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[test]
fn bad_flags_are_refused_with_what_to_write() {
    let place = Place::new();
    place.run(&["keys", "create", "x"]).exits(2).says("--role");
    place.run(&["keys", "create", "x", "--role", "king"]).refuses(2, "validation_failed").says("owner, admin");
    place.run(&["keys", "create", "x", "--role", "member"]).refuses(2, "validation_failed").says("user");
    place.run(&["keys", "create", "x", "--scope", "drafts:reed"]).refuses(2, "validation_failed").says("drafts:read");
    place.run(&["keys", "show", "key_01900000000000000000000000"]).refuses(3, "not_found");
    place.run(&["keys", "ls"]).exits(0).says("There is no key");
    let made = place.json(&["keys", "create", "t", "--test", "--scope", "drafts:read", "--scope", "generations:read"]);
    assert!(text(&made, "/secret").starts_with("dk_test_"));
}
