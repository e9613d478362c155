//! Files over HTTP: put here as the body or in a form, listed, read whole and in part, removed, expired; and what is refused.

use crate::site::{Reply, Site, other_workspace};
use axum::body::Body;
use copydesk_core::files::Quota;
use copydesk_desk::clock::{CountingDice, HandClock};
use copydesk_desk::{DeskConfig, World};
use copydesk_store_tests::ModelStore;
use futures::stream;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const TABLE: &str = "prompt\ntea\n";

async fn put(site: &Site, query: &str, kind: &str, body: impl Into<Body>) -> Reply {
    put_with(site, query, kind, body, &[]).await
}

async fn put_with(site: &Site, query: &str, kind: &str, body: impl Into<Body>, more: &[(&str, &str)]) -> Reply {
    let bearer = format!("Bearer {}", site.key);
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", kind)];
    headers.extend(more);
    site.raw("POST", &format!("/api/v1/files{query}"), &headers, body).await
}

async fn kept(site: &Site, query: &str, kind: &str, body: &str) -> Value {
    let reply = put(site, query, kind, body.to_owned()).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()
}

fn url(file: &Value) -> String {
    format!("/files/{}", file["id"].as_str().unwrap())
}

fn blamed(reply: &Reply) -> (String, String) {
    assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{}", reply.json());
    let fault = reply.json()["errors"][0].clone();
    (fault["pointer"].as_str().unwrap().to_owned(), fault["code"].as_str().unwrap().to_owned())
}

/// Every file below the folder of the files, beginnings too.
fn on_disk(site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![site.folder.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    found
}

async fn timed(config: DeskConfig) -> (Site, Arc<HandClock>) {
    let clock = HandClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let world = World::new(clock.clone(), Arc::new(CountingDice::default()));
    (Site::in_world(world, config, ModelStore::new()).await, clock)
}

#[tokio::test]
async fn a_file_is_put_listed_read_and_removed() {
    let site = Site::idle().await;
    let reply = put(&site, "?name=people.csv&user=ann&expires_in=2h", "text/csv; charset=utf-8", TABLE).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    let file = reply.json();
    assert_eq!(reply.header("location"), format!("https://desk.example/api/v1{}", url(&file)));
    let said = ["object", "name", "media_type", "user"].map(|name| file[name].as_str().unwrap_or_default());
    assert_eq!(said, ["file", "people.csv", "text/csv", "ann"]);
    assert_eq!(file["bytes"], TABLE.len());
    assert_eq!(file["sha256"], hash(TABLE));
    assert_eq!(site.get(&url(&file)).await.json(), file);
    let anonymous = kept(&site, "", "", "just bytes").await;
    assert_eq!((&anonymous["name"], &anonymous["user"]), (&json!("file"), &Value::Null));
    assert_eq!(anonymous["media_type"], "application/octet-stream");
    let listed = site.get("/files").await.json()["data"].clone();
    assert_eq!(listed, json!([anonymous, file]));
    assert_eq!(site.get("/files?user=ann").await.json()["data"], json!([file]));
    let page = site.get("/files?limit=1").await.json();
    let next = site.get(&format!("/files?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((&page["has_more"], &next["data"], &next["has_more"]), (&json!(true), &json!([file]), &json!(false)));
    assert_eq!(site.send("DELETE", &url(&file), None, &[]).await.status, 204);
    for (method, path) in [("GET", url(&file)), ("GET", url(&file) + "/content"), ("DELETE", url(&file))] {
        assert_eq!(site.send(method, &path, None, &[]).await.code(), "not_found", "{method} {path}");
    }
    assert_eq!(on_disk(&site), [anonymous["id"].as_str().unwrap()]);
}

fn hash(text: &str) -> String {
    use ring::digest::{SHA256, digest};
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_bytes_come_whole_and_in_part_as_a_download_nobody_runs() {
    let site = Site::idle().await;
    let file = kept(&site, "?name=B%C3%BCcher%20%221%22.html", "text/html", "<script>alert(1)</script>").await;
    let content = url(&file) + "/content";
    let reply = site.get(&content).await;
    assert_eq!((reply.status, reply.bytes.as_slice()), (200, b"<script>alert(1)</script>".as_slice()));
    let tag = format!("\"{}\"", file["sha256"].as_str().unwrap());
    let wanted = [
        ("content-type", "text/html"),
        ("content-length", "25"),
        ("etag", &tag),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, no-cache"),
        (
            "content-disposition",
            "attachment; filename=\"B_cher _1_.html\"; filename*=UTF-8''B%C3%BCcher%20%221%22.html",
        ),
    ];
    for (name, value) in wanted {
        assert_eq!(reply.header(name), value, "{name}");
    }
    let part = site.send("GET", &content, None, &[("range", "bytes=1-6")]).await;
    assert_eq!((part.status, part.bytes.as_slice()), (206, b"script".as_slice()));
    assert_eq!(part.header("content-range"), "bytes 1-6/25");
    let behind = site.send("GET", &content, None, &[("range", "bytes=25-")]).await;
    assert_eq!((behind.status, behind.code().as_str()), (416, "range_not_satisfiable"));
    let known = site.send("GET", &content, None, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));
}

fn form(parts: &[(&str, &str)]) -> String {
    let parts =
        parts.iter().map(|(head, body)| format!("--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n"));
    parts.collect::<String>() + "--xyz--\r\n"
}

const FORM: &str = "multipart/form-data; boundary=xyz";

#[tokio::test]
async fn a_form_says_the_same_as_the_address() {
    let site = Site::idle().await;
    let parts = [
        ("name=\"expires_in\"", "3h"),
        ("name=\"file\"; filename=\"C:\\\\x\\\\people.tsv\"", TABLE),
        ("name=\"user\"", "ann"),
    ];
    let reply = put(&site, "", FORM, form(&parts)).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    let file = reply.json();
    let said = ["name", "media_type", "user"].map(|name| file[name].as_str().unwrap_or_default());
    assert_eq!(said, ["people.tsv", "text/tab-separated-values", "ann"], "by the ending of its name");
    assert_eq!(site.get(&(url(&file) + "/content")).await.bytes, TABLE.as_bytes());
    let table = [
        (form(&[("name=\"expires_in\"", "3h")]), ("/file", "required")),
        (form(&[("name=\"file\"", "a"), ("name=\"file\"", "b")]), ("/file", "repeated")),
        (form(&[("name=\"purpose\"", "batch"), ("name=\"file\"", "a")]), ("/purpose", "unknown_field")),
        (form(&[("name=\"user\"", &"x".repeat(2_000)), ("name=\"file\"", "a")]), ("/user", "too_large")),
        (form(&[("name=\"expires_in\"", "soon"), ("name=\"file\"", "a")]), ("?expires_in", "bad_duration")),
        (form(&parts).replace("--xyz--", "--xyz"), ("/file", "malformed_form")),
        ("no form".to_owned(), ("/file", "malformed_form")),
    ];
    for (body, (pointer, code)) in table {
        let refused = put(&site, "", FORM, body.clone()).await;
        assert_eq!(blamed(&refused), (pointer.to_owned(), code.to_owned()), "{body}");
    }
    let boundless = put(&site, "", "multipart/form-data", form(&parts)).await;
    assert_eq!(blamed(&boundless), ("/file".to_owned(), "malformed_form".to_owned()));
    assert_eq!(on_disk(&site).len(), 1, "what was refused left nothing");
}

#[tokio::test]
async fn what_is_said_wrong_is_named_and_nothing_is_kept() {
    let site = Site::idle().await;
    let long = format!("?name={}", "x".repeat(256));
    let table = [
        ("?name=a%2Fb", ("/name", "bad_name")),
        ("?name=a%0Ab", ("/name", "bad_name")),
        (long.as_str(), ("/name", "bad_name")),
        ("?user=a%00", ("/user", "bad_length")),
        ("?expires_in=30s", ("/expires_in", "out_of_range")),
        ("?expires_in=91d", ("/expires_in", "out_of_range")),
        ("?expires_in=often", ("?expires_in", "bad_duration")),
        ("?nam=x", ("?nam", "unknown_parameter")),
        ("?name=a&name=b", ("?name", "repeated")),
    ];
    for (query, (pointer, code)) in table {
        assert_eq!(
            blamed(&put(&site, query, "text/csv", TABLE).await),
            (pointer.to_owned(), code.to_owned()),
            "{query}"
        );
    }
    assert_eq!(blamed(&put(&site, "", "text/csv", "").await), ("/file".to_owned(), "empty".to_owned()));
    let declared = [("content-length", "2000000000")];
    let large = put_with(&site, "", "text/csv", TABLE, &declared).await;
    assert_eq!(
        (large.status, large.code().as_str(), &large.json()["limit"]),
        (413, "too_large", &json!(1_073_741_824))
    );
    assert_eq!(site.get("/files").await.json()["data"], json!([]));
    assert_eq!(on_disk(&site), [""; 0]);
    assert_eq!(site.raw("POST", "/api/v1/files", &[], TABLE).await.status, 401);
}

#[tokio::test]
async fn an_upload_that_is_cut_off_leaves_nothing() {
    let site = Site::idle().await;
    let cut = || {
        let pieces = [Ok(TABLE.to_owned()), Err(std::io::Error::other("gone"))];
        Body::from_stream(stream::iter(pieces))
    };
    for kind in ["text/csv", FORM] {
        let reply = put(&site, "", kind, cut()).await;
        assert!(matches!(reply.status, 400 | 422), "{}", reply.json());
        assert_eq!(on_disk(&site), [""; 0], "{kind}");
    }
    // Its client hangs up in the middle: the request is dropped.
    let (sender, pieces) = tokio::sync::mpsc::channel::<std::io::Result<String>>(1);
    let body = Body::from_stream(stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) }));
    let hanging = put(&site, "", "text/csv", body);
    {
        let mut hanging = std::pin::pin!(hanging);
        sender.send(Ok(TABLE.to_owned())).await.unwrap();
        let written = || {
            let names = on_disk(&site).into_iter();
            names.map(|name| site.folder.path().join("incoming").join(name)).any(|at| at.metadata().unwrap().len() > 0)
        };
        while !written() {
            assert!(futures::poll!(hanging.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(on_disk(&site), [""; 0]);
    assert_eq!(site.get("/files").await.json()["data"], json!([]));
}

#[tokio::test]
async fn the_same_file_under_one_key_is_put_once() {
    let site = Site::idle().await;
    let key = [("idempotency-key", "k-1")];
    let first = put_with(&site, "?name=a.csv", "text/csv", TABLE, &key).await;
    let again = put_with(&site, "?name=a.csv", "text/csv", TABLE, &key).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((first.header("idempotent-replayed"), first.json()), ("", again.json()));
    for (query, body) in [("?name=a.csv", "prompt\nrum\n"), ("?name=b.csv", TABLE)] {
        let other = put_with(&site, query, "text/csv", body, &key).await;
        assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"), "{query}");
    }
    let unkeyed = kept(&site, "?name=a.csv", "text/csv", TABLE).await;
    assert_ne!(unkeyed["id"], first.json()["id"], "without a key two are two");
    assert_eq!(on_disk(&site).len(), 2);
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let quota = Quota { files: 3, bytes: 30 };
    let (site, clock) = timed(DeskConfig { files: quota, ..DeskConfig::default() }).await;
    kept(&site, "?expires_in=1h", "", "0123456789").await;
    kept(&site, "", "", "0123456789").await;
    let refused = put(&site, "", "", "0123456789!").await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "files_full"));
    let figures = refused.json();
    assert_eq!(
        (&figures["kept"], &figures["limit"]),
        (&json!({"files": 2, "bytes": 20}), &json!({"files": 3, "bytes": 30}))
    );
    assert!(figures["detail"].as_str().unwrap().contains("keeps 2 files of 20 bytes together"), "{figures}");
    let last = kept(&site, "", "", "0123456789").await;
    for body in ["x", "much more than there is room for"] {
        assert_eq!(put(&site, "", "", body).await.code(), "files_full");
    }
    assert_eq!(site.send("DELETE", &url(&last), None, &[]).await.status, 204);
    kept(&site, "", "", "0123456789").await;
    clock.advance(Duration::from_secs(3_600));
    kept(&site, "", "", "0123456789").await;
    assert_eq!(on_disk(&site).len(), 4, "and the one that has expired until it is removed");
}

#[tokio::test]
async fn a_file_that_has_expired_says_so() {
    let (site, clock) = timed(DeskConfig::default()).await;
    let file = kept(&site, "?expires_in=1h", "text/csv", TABLE).await;
    assert_eq!(file["expires_at"], "2026-01-01T01:00:00.000000Z");
    clock.advance(Duration::from_secs(3_599));
    assert_eq!(site.get(&url(&file)).await.status, 200);
    clock.advance(Duration::from_secs(1));
    for path in [url(&file), url(&file) + "/content"] {
        let gone = site.get(&path).await;
        assert_eq!((gone.status, gone.code().as_str()), (410, "expired"), "{path}");
        assert_eq!(gone.json()["expired_at"], file["expires_at"]);
    }
    assert_eq!(site.get("/files").await.json()["data"], json!([]));
}

#[tokio::test]
async fn who_reads_a_file_reads_it_to_its_end() {
    let site = Site::idle().await;
    let large = "x".repeat(3 * 1024 * 1024);
    let file = kept(&site, "", "", &large).await;
    let request = http::Request::get(format!("/api/v1{}/content", url(&file)));
    let request = request.header("authorization", format!("Bearer {}", site.key)).body(Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(site.app.clone(), request).await.unwrap();
    assert_eq!(site.send("DELETE", &url(&file), None, &[]).await.status, 204);
    assert_eq!(on_disk(&site), [""; 0]);
    let read = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    assert_eq!(read.len(), large.len());
}

#[tokio::test]
async fn s_01_a_file_of_another_workspace_or_user_is_nobodys() {
    let site = Site::idle().await;
    let (_, ann) = site.new_key(json!({"role": "member", "user": "ann"})).await;
    let (_, bob) = site.new_key(json!({"role": "member", "user": "bob"})).await;
    let own = site.send_as(&ann, "POST", "/files?name=a.json", Some(json!({}))).await.json();
    assert_eq!(own["user"], "ann");
    let of_all = kept(&site, "", "", "everybody's").await;
    let stranger = site.key_in(other_workspace()).await;
    for (who, file) in [(&bob, &own), (&ann, &of_all), (&stranger, &own)] {
        let id = file["id"].as_str().unwrap();
        for (method, part) in [("GET", ""), ("GET", "/content"), ("DELETE", "")] {
            let mut answers = Vec::new();
            for id in [id, "fil_01900000000000000000000000", "nonsense"] {
                let reply = site.send_as(who, method, &format!("/files/{id}{part}"), None).await;
                assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {id}{part}");
                let mut body = reply.json();
                body["request_id"] = Value::Null;
                answers.push(body.to_string().replace(id, "ID"));
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        }
        assert!(!site.send_as(who, "GET", "/files", None).await.json().to_string().contains(id));
        assert!(
            !site.send_as(who, "GET", "/files?user=ann", None).await.json().to_string().contains(id) || *who == ann
        );
    }
    let posed = site.send_as(&bob, "POST", "/files?user=ann", Some(json!({}))).await;
    assert_eq!(blamed(&posed), ("/user".to_owned(), "not_allowed".to_owned()));
    assert_eq!(site.send_as(&ann, "GET", "/files", None).await.json()["data"], json!([own]));
    assert_eq!(site.send_as(&ann, "DELETE", &url(&own), None).await.status, 204);
}
