//! Users and invites over HTTP: who is listed, who may change whom, and whom nobody may.

use crate::sign_in::{PASSWORD, person, signed_in, try_in};
use crate::site::{Site, other_workspace};
use serde_json::{Value, json};

#[tokio::test]
async fn users_are_all_for_whom_work_was_asked_and_all_who_sign_in() {
    let site = Site::idle().await;
    site.accept(json!({"user": "end user"})).await;
    let ann = person(&site, "ann", "admin").await;
    person(&site, "bob", "viewer").await;
    let count = async |query: &str| {
        let list = site.get(&format!("/users{query}")).await;
        assert_eq!(list.status, 200, "{query}: {}", list.json());
        list.json()["data"].as_array().unwrap().len()
    };
    for (query, wanted) in [
        ("", 3),
        ("?signs_in=true", 2),
        ("?role=viewer", 1),
        ("?role=owner", 0),
        ("?email=ANN@example.com", 1),
        ("?email=ann@example.com&role=viewer", 0),
        ("?email=x@example.com", 0),
        ("?limit=2", 2),
    ] {
        assert_eq!(count(query).await, wanted, "{query}");
    }
    let first = site.get("/users?limit=2").await.json();
    assert_eq!(count(&format!("?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await, 1);
    for bad in ["?role=king", "?email=nobody", "?signs_in=perhaps", "?name=x"] {
        assert_eq!(site.get(&format!("/users{bad}")).await.code(), "validation_failed", "{bad}");
    }
    let by_name = site.get("/users/ext:ann@example.com").await.json();
    assert_eq!(
        (&by_name["id"], &by_name["status"], &by_name["has_password"]),
        (&json!(ann), &json!("active"), &json!(true))
    );
    let end_user = site.get("/users/ext:end%20user").await.json();
    assert_eq!((&end_user["status"], &end_user["role"]), (&json!("none"), &Value::Null));
    assert_eq!(site.get("/users/ext:nobody").await.code(), "not_found");
}

#[tokio::test]
async fn only_people_are_changed_and_the_last_owner_stays() {
    let site = Site::idle().await;
    site.accept(json!({"user": "end user"})).await;
    for (method, path, body) in [
        ("PATCH", "/users/ext:end%20user", Some(json!({"disabled": true}))),
        ("DELETE", "/users/ext:end%20user", None),
        ("POST", "/users/ext:end%20user/link", Some(json!({}))),
    ] {
        assert_eq!(site.send(method, path, body, &[]).await.code(), "no_login", "{method}");
    }
    let ann = format!("/users/{}", person(&site, "ann", "owner").await);
    for patch in [json!({"role": "admin"}), json!({"disabled": true})] {
        let reply = site.send("PATCH", &ann, Some(patch), &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (409, "last_owner"));
    }
    assert_eq!(site.send("DELETE", &ann, None, &[]).await.code(), "last_owner");
    person(&site, "bob", "owner").await;
    for _ in 0..2 {
        assert_eq!(site.send("DELETE", &ann, None, &[]).await.status, 204, "also the second time");
    }
    let gone = site.get(&ann).await.json();
    assert_eq!((&gone["status"], &gone["email"]), (&json!("disabled"), &json!("ann@example.com")));
    let back = site.send("PATCH", &ann, Some(json!({"disabled": false, "name": null})), &[]).await.json();
    assert_eq!((&back["status"], &back["name"], &back["disabled_at"]), (&json!("active"), &Value::Null, &Value::Null));
}

#[tokio::test]
async fn nobody_gives_a_role_above_his_own_or_touches_who_has_one() {
    let site = Site::idle().await;
    let owner = person(&site, "root", "owner").await;
    person(&site, "ann", "admin").await;
    let ann = signed_in(&site, "ann").await;
    let beyond = [
        ("POST", "/users".to_owned(), json!({"email": "x@example.com", "role": "owner", "password": PASSWORD})),
        ("POST", "/invites".to_owned(), json!({"email": "x@example.com", "role": "owner"})),
        ("PATCH", "/users/ext:ann@example.com".to_owned(), json!({"role": "owner"})),
        ("PATCH", format!("/users/{owner}"), json!({"password": "battery staple"})),
        ("PATCH", format!("/users/{owner}"), json!({"role": "viewer"})),
        ("POST", format!("/users/{owner}/link"), json!({"purpose": "reset"})),
        ("POST", format!("/users/{owner}/link"), json!({"purpose": "sign_in"})),
    ];
    for (method, path, body) in beyond {
        let reply = ann.send(&site, method, &path, Some(body)).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "scope_missing"), "{method} {path}");
    }
    assert_eq!(ann.send(&site, "DELETE", &format!("/users/{owner}"), None).await.code(), "scope_missing");
    // Nor does anybody end an invite that he could not have made, by hand or by a lower one.
    let invite = site.post("/invites", json!({"email": "heir@example.com", "role": "owner"})).await.json();
    let lower = json!({"email": "heir@example.com", "role": "viewer"});
    assert_eq!(ann.send(&site, "POST", "/invites", Some(lower)).await.code(), "scope_missing");
    let path = format!("/invites/{}", invite["id"].as_str().unwrap());
    assert_eq!(ann.send(&site, "DELETE", &path, None).await.code(), "scope_missing");
    let into = json!({"link": invite["secret"], "password": PASSWORD});
    assert_eq!(try_in(&site, into).await.status, 200, "it is as good as it was");
    assert_eq!(signed_in(&site, "root").await.status(&site).await, 200, "nothing was changed");
    let invited = ann.send(&site, "POST", "/invites", Some(json!({"email": "x@example.com", "role": "admin"}))).await;
    assert_eq!(invited.status, 201, "his own role he may give");
    assert!(invited.json()["made_by"].as_str().unwrap().starts_with("usr_"));
}

#[tokio::test]
async fn an_invite_is_shown_once_replaced_by_the_next_and_taken_back() {
    let site = Site::idle().await;
    let ask = json!({"email": "bob@example.com", "role": "member", "user": "bob", "expires_at": "2d"});
    let first = site.post("/invites", ask.clone()).await.json();
    assert_eq!((&first["status"], &first["user"]), (&json!("open"), &json!("bob")));
    let second = site.post("/invites", ask.clone()).await.json();
    assert_ne!(first["secret"], second["secret"]);
    let listed = site.get("/invites").await;
    let statuses: Vec<Value> =
        listed.json()["data"].as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, [json!("open"), json!("revoked")], "the newest one counts");
    assert!(!String::from_utf8(listed.bytes).unwrap().contains("dkl_"));
    let path = format!("/invites/{}", second["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(site.send("DELETE", &path, None, &[]).await.status, 204);
    }
    let body = json!({"link": second["secret"], "password": PASSWORD}).to_string();
    let late = site.raw("POST", "/api/v1/session", &[("content-type", "application/json")], body).await;
    assert_eq!(late.code(), "link_spent");
    person(&site, "ann", "viewer").await;
    let taken = json!({"email": "ANN@example.com", "role": "viewer"});
    assert_eq!(site.post("/invites", taken.clone()).await.code(), "login_exists");
    let mut again = taken;
    again["password"] = json!(PASSWORD);
    assert_eq!(site.post("/users", again).await.code(), "login_exists");
}

#[tokio::test]
async fn s_03_bad_or_foreign_fields_are_refused_with_what_is_to_blame() {
    let site = Site::idle().await;
    person(&site, "root", "owner").await;
    let id = person(&site, "ann", "viewer").await;
    let user = json!({"email": "x@example.com", "role": "viewer", "password": PASSWORD});
    let with = |field: &str, value: Value| {
        let mut body = user.clone();
        body[field] = value;
        body
    };
    for (path, body, pointer) in [
        ("/users", with("email", json!("nobody")), "/email"),
        ("/users", with("role", json!("king")), "/role"),
        ("/users", with("role", Value::Null), "/role"),
        ("/users", with("password", json!("short")), "/password"),
        ("/users", with("password", json!("12345678")), "/password"),
        ("/users", with("password", json!("x".repeat(129))), "/password"),
        ("/users", with("name", json!("")), "/name"),
        ("/users", with("user", json!("usr_01900000000000000000000000")), "/user"),
        ("/users", with("workspace_id", json!("x")), "/workspace_id"),
        ("/users", with("password_hash", json!("x")), "/password_hash"),
        ("/users", with("disabled_at", json!("x")), "/disabled_at"),
        ("/invites", json!({"email": "x@example.com", "role": "viewer", "expires_at": "31d"}), "/expires_at"),
        ("/invites", json!({"email": "x@example.com", "role": "viewer", "used_at": "x"}), "/used_at"),
        ("/invites", json!({"role": "viewer"}), "/email"),
        ("/session", json!({"email": "x@example.com", "password": "x", "role": "owner"}), "/role"),
        ("/session", json!({"email": "x@example.com"}), "/password"),
        ("/session", json!({"link": "x", "email": "x@example.com"}), "/email"),
        ("/setup", json!({"link": "x", "email": "x@example.com", "password": PASSWORD, "role": "owner"}), "/role"),
    ] {
        let reply = site.post(path, body.clone()).await;
        assert_eq!(reply.code(), "validation_failed", "{path} {body}");
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{path} {body}: {}", reply.json());
    }
    for (body, pointer) in [
        (json!({}), ""),
        (json!({"email": "y@example.com"}), ""),
        (json!({"revision": 7, "name": "x"}), "/revision"),
        (json!({"disabled": "yes"}), "/disabled"),
    ] {
        let reply = site.send("PATCH", &format!("/users/{id}"), Some(body.clone()), &[]).await;
        assert_eq!(reply.json()["errors"][0]["pointer"], pointer, "{body}: {}", reply.json());
    }
    assert_eq!(site.get("/users?role=viewer").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn s_01_another_workspaces_people_answer_like_unknown_ones() {
    let mut site = Site::idle().await;
    let id = person(&site, "ann", "viewer").await;
    let invite = site.post("/invites", json!({"email": "bob@example.com", "role": "viewer"})).await.json();
    site.key = site.key_in(other_workspace()).await;
    let (nobody, nothing) = ("usr_01900000000000000000000000", "lnk_01900000000000000000000000");
    for (method, path, body, theirs, unknown) in [
        ("GET", "/users/ID", None, id.as_str(), nobody),
        ("PATCH", "/users/ID", Some(json!({"name": "x"})), &id, nobody),
        ("DELETE", "/users/ID", None, &id, nobody),
        ("POST", "/users/ID/link", Some(json!({})), &id, nobody),
        ("DELETE", "/invites/ID", None, invite["id"].as_str().unwrap(), nothing),
    ] {
        let mut answers = Vec::new();
        for id in [theirs, unknown] {
            let reply = site.send(method, &path.replace("ID", id), body.clone(), &[("x-request-id", "same")]).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {path}");
            answers.push(String::from_utf8(reply.bytes).unwrap().replace(id, "ID"));
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
    }
    for path in ["/users", "/users?signs_in=true", "/users?email=ann@example.com", "/invites"] {
        assert_eq!(site.get(path).await.json()["data"], json!([]), "{path}");
    }
    let same = json!({"email": "ann@example.com", "role": "viewer", "password": PASSWORD});
    assert_eq!(site.post("/users", same).await.status, 201, "an e-mail is one per workspace");
}
