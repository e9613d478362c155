//! Rows of the security catalogue that are about every route at once, made from the document: a new route is in them by
//! itself.

use crate::contract::operations;
use crate::openapi::Scene;
use crate::sign_in::{person, signed_in};
use crate::site::other_workspace;
use serde_json::Value;

#[tokio::test]
async fn s_01_every_id_of_every_route_is_unknown_to_another_workspace() {
    let scene = Scene::set().await;
    let stranger = scene.site.key_in(other_workspace()).await;
    let mut checked = 0;
    for (method, path, operation) in operations() {
        // One's own sign-ins need a cookie: sign_in.rs has them.
        if !path.contains("{id}") || path.starts_with("/api/v1/session") {
            continue;
        }
        let name = operation["operationId"].as_str().unwrap();
        let theirs = scene.address(name, path, operation);
        let place = path.split('/').position(|part| part == "{id}").unwrap();
        let id = theirs.split('/').nth(place).unwrap().to_owned();
        let nobodys = match id.split_once('_') {
            Some((prefix, _)) => format!("{prefix}_01900000000000000000000000"),
            None => panic!("{theirs} has no id"),
        };
        let body = operation["requestBody"]["content"]["application/json"]["example"].clone();
        let mut answers = Vec::new();
        for (id_now, address) in [(&id, theirs.clone()), (&nobodys, theirs.replace(&id, &nobodys))] {
            let body = Some(&body).filter(|body| !body.is_null()).map(Value::to_string).unwrap_or_default();
            let bearer = format!("Bearer {stranger}");
            let headers = [
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
                ("x-request-id", "same"),
                ("if-match", "*"),
            ];
            let reply = scene.site.raw(&method.to_uppercase(), &address, &headers, body).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {address}");
            answers.push(String::from_utf8(reply.bytes).unwrap().replace(id_now.as_str(), "ID"));
        }
        assert_eq!(answers[0], answers[1], "{method} {theirs}");
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
    assert_eq!(scene.site.get("/generations").await.status, 200);
}

#[tokio::test]
async fn every_route_takes_the_cookie_of_an_owner_like_his_key() {
    let scene = Scene::set().await;
    person(&scene.site, "root", "owner").await;
    let root = signed_in(&scene.site, "root").await;
    let mut taken = 0;
    for (method, path, operation) in operations().filter(|(method, _, _)| *method == "get") {
        let name = operation["operationId"].as_str().unwrap();
        let keyed = path.starts_with("/api/v1") && operation.get("security").is_none();
        if !keyed || matches!(name, "followEvents" | "streamGeneration") {
            continue;
        }
        let address = scene.address(name, path, operation);
        let reply =
            root.send(&scene.site, &method.to_uppercase(), address.strip_prefix("/api/v1").unwrap(), None).await;
        assert!(reply.status == 200 || path.ends_with("{id}"), "{name}: {}", String::from_utf8_lossy(&reply.bytes));
        taken += 1;
    }
    assert!(taken >= 25, "{taken}");
    let document = crate::contract::spec();
    assert_eq!(document["security"].as_array().map(Vec::len), Some(2), "{}", document["security"]);
    let cookie: &Value = &document["components"]["securitySchemes"]["cookie"];
    assert_eq!((&cookie["in"], &cookie["name"]), (&Value::from("cookie"), &Value::from("__Host-copydesk")));
}
