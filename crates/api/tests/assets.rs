//! The files of a draft over HTTP.

use crate::sign_in::{person, signed_in};
use crate::site::{Site, other_workspace};
use serde_json::{Value, json};

/// A finished draft with its files, made by the recipe `picture`.
async fn drawn(site: &Site, prompt: &str) -> Value {
    let body = json!({"recipe": "picture", "input": {"prompt": prompt}});
    let reply = site.send("POST", "/generations", Some(body), &[("prefer", "wait=30")]).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["draft"].clone()
}

fn path(draft: &Value) -> String {
    let url = draft["content"]["assets"][0]["url"].as_str().unwrap();
    url.strip_prefix("https://desk.example/api/v1").unwrap().to_owned()
}

#[tokio::test]
async fn an_asset_comes_whole_with_its_type_and_hash() {
    let site = Site::working().await;
    let draft = drawn(&site, "a boat").await;
    let asset = &draft["content"]["assets"][0];
    let reply = site.get(&path(&draft)).await;
    assert_eq!((reply.status, reply.bytes.len()), (200, asset["bytes"].as_u64().unwrap() as usize));
    assert!(reply.bytes.starts_with(b"\x89PNG"));
    let tag = format!("\"{}\"", asset["sha256"].as_str().unwrap());
    let wanted = [
        ("content-type", "image/png"),
        ("content-length", &asset["bytes"].to_string()),
        ("etag", &tag),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ];
    for (name, value) in wanted {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert!(reply.header("content-disposition").starts_with("inline; filename=\"gen_"));
    let known = site.send("GET", &path(&draft), None, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));
}

#[tokio::test]
async fn a_part_is_a_part_and_one_behind_the_end_is_refused() {
    let site = Site::working().await;
    let draft = drawn(&site, "a boat").await;
    let whole = site.get(&path(&draft)).await.bytes;
    let part = site.send("GET", &path(&draft), None, &[("range", "bytes=4-9")]).await;
    assert_eq!((part.status, part.bytes.as_slice()), (206, &whole[4..10]));
    assert_eq!(part.header("content-range"), format!("bytes 4-9/{}", whole.len()));
    assert_eq!(part.header("content-length"), "6");
    let behind = site.send("GET", &path(&draft), None, &[("range", "bytes=99999-")]).await;
    assert_eq!((behind.status, behind.code().as_str()), (416, "range_not_satisfiable"));
    assert_eq!(behind.header("content-range"), format!("bytes */{}", whole.len()));
}

#[tokio::test]
async fn what_a_browser_could_run_is_handed_out_as_a_download() {
    let site = Site::working().await;
    let draft = drawn(&site, "svg").await;
    let reply = site.get(&path(&draft)).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/svg+xml"));
    assert!(reply.header("content-disposition").starts_with("attachment;"));
}

#[tokio::test]
async fn an_asset_is_read_in_its_own_workspace_and_while_its_draft_is_there() {
    let site = Site::working().await;
    let draft = drawn(&site, "a boat").await;
    let path = path(&draft);
    let stranger = format!("Bearer {}", site.key_in(other_workspace()).await);
    let foreign = site.raw("GET", &format!("/api/v1{path}"), &[("authorization", &stranger)], "").await;
    let unknown = site.get("/assets/ast_00000000000000000000000000").await;
    let nonsense = site.get("/assets/..%2f..%2fetc").await;
    let without_key = site.raw("GET", &format!("/api/v1{path}"), &[], "").await;
    for reply in [&foreign, &unknown, &nonsense] {
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
    }
    assert_eq!(without_key.status, 401);
    let id = draft["id"].as_str().unwrap();
    assert_eq!(site.send("DELETE", &format!("/drafts/{id}"), None, &[]).await.status, 204);
    assert_eq!(site.get(&path).await.status, 404);
    assert_eq!(site.post(&format!("/drafts/{id}/undelete"), json!({})).await.status, 200);
    assert_eq!(site.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_file_that_another_server_keeps_is_said_to_be_elsewhere() {
    let site = Site::working().await;
    let draft = drawn(&site, "a boat").await;
    std::fs::remove_dir_all(site.folder.path()).unwrap();
    let reply = site.get(&path(&draft)).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
    assert!(reply.json()["hint"].as_str().unwrap().contains("must share the folder"));
}

#[tokio::test]
async fn a_title_can_be_edited_and_the_files_cannot() {
    let site = Site::working().await;
    let draft = drawn(&site, "a boat").await;
    let url = format!("/drafts/{}", draft["id"].as_str().unwrap());
    let any = [("if-match", "*")];
    let edited = site.send("PATCH", &url, Some(json!({"title": "Mine"})), &any).await;
    assert_eq!((edited.status, &edited.json()["title"]), (200, &json!("Mine")));
    assert_eq!(edited.json()["content"]["assets"], draft["content"]["assets"]);
    let mut body = draft["content"]["body"].clone();
    body["assets"][0]["id"] = "ast_00000000000000000000000000".into();
    let refused = site.send("PATCH", &url, Some(json!({"content": body})), &any).await;
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (422, &json!("not_editable")));
}

#[tokio::test]
async fn a_recipe_that_this_model_cannot_serve_is_refused() {
    let site = Site::idle().await;
    let body = json!({"recipe": "video", "model": "demo/writer", "input": {"prompt": "a boat"}});
    let reply = site.post("/generations", body).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["code"]), (422, &json!("cannot_serve")));
    let detail = reply.json()["errors"][0]["detail"].to_string();
    assert!(detail.contains("film") && detail.contains("demo/writer") && detail.contains("draws pictures"), "{detail}");
}

#[tokio::test]
async fn s_58_what_a_browser_keeps_of_files_it_shows_only_after_asking() {
    let site = Site::working().await;
    let path = path(&drawn(&site, "a tide").await);
    assert!(site.get(&path).await.header("cache-control").contains("immutable"), "a key is no browser");
    person(&site, "ann", "viewer").await;
    let ann = signed_in(&site, "ann").await;
    let shown = ann.send(&site, "GET", &path, None).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, "private, no-cache"));
    let tag = [("if-none-match", shown.header("etag"))];
    let again = ann.send_with(&site, "GET", &path, None, &tag).await;
    assert_eq!((again.status, again.header("cache-control")), (304, "private, no-cache"));
    ann.send(&site, "DELETE", "/session", None).await;
    assert_eq!(ann.send_with(&site, "GET", &path, None, &tag).await.status, 401);
}
