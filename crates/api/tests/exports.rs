//! Drafts as files: every format that fits, under a harmless name, the same bytes for the same version; and what is refused.

use crate::site::{Reply, Site, other_workspace};
use serde_json::json;

async fn written(site: &Site, title: &str, text: &str) -> String {
    let done = site.finished(json!({})).await;
    let id = done["draft_id"].as_str().unwrap().to_owned();
    let edit = json!({"title": title, "content": {"text": text}});
    let reply = site.send("PATCH", &format!("/drafts/{id}"), Some(edit), &[("if-match", "*")]).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    id
}

async fn export(site: &Site, id: &str, query: &str) -> Reply {
    let reply = site.get(&format!("/drafts/{id}/export{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.bytes.clone()).unwrap()
}

#[tokio::test]
async fn a_draft_is_exported_in_every_format() {
    let site = Site::working().await;
    let id = written(&site, "Of tea", "Tea is *hot*.\n\n<script>alert(1)</script>").await;
    let table = [
        ("", "text/markdown; charset=utf-8", "# Of tea\n\nTea is *hot*.\n\n<script>alert(1)</script>\n"),
        ("?format=txt", "text/plain; charset=utf-8", "Of tea\n======\n\nTea is hot.\n\n<script>alert(1)</script>\n"),
        (
            "?format=html",
            "text/html; charset=utf-8",
            "<h1 dir=\"auto\">Of tea</h1>\n<p dir=\"auto\">Tea is <em>hot</em>.</p>\n<p dir=\"auto\">&lt;script&gt;",
        ),
        ("?format=eml", "message/rfc822", "Subject: Of tea\r\nX-Unsent: 1\r\nDate: "),
    ];
    for (query, kind, part) in table {
        let reply = export(&site, &id, query).await;
        assert_eq!(reply.header("content-type"), kind, "{query}");
        assert!(text(&reply).contains(part), "{query}: {}", text(&reply));
        let ending = query.strip_prefix("?format=").unwrap_or("md");
        assert_eq!(reply.header("content-disposition"), format!("attachment; filename=\"Of tea.{ending}\""));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("content-security-policy"), "default-src 'none'; sandbox");
    }
    let whole = export(&site, &id, "?format=json").await.json();
    let version = site.get(&format!("/drafts/{id}/versions/2")).await.json();
    assert_eq!((&whole["object"], &whole["version"]), (&json!("draft_export"), &version));
    assert_eq!((&whole["draft"]["id"], &whole["draft"]["current_version"]), (&json!(id), &json!(2)));
    let front = text(&export(&site, &id, "?front_matter=true").await);
    let begin = format!("---\ntitle: \"Of tea\"\ndraft: \"{id}\"\nversion: 2\norigin: \"edited\"\nrecipe: \"text\"\n");
    assert!(front.starts_with(&begin) && front.contains("---\n\n# Of tea\n"), "{front}");
    let first = text(&export(&site, &id, "?version=1").await);
    assert!(!first.contains("Tea is"), "{first}");
}

#[tokio::test]
async fn an_article_has_its_topics_and_sources_in_every_format() {
    let site = Site::working().await;
    let newsletter = json!({"recipe": "newsletter", "input": {"topic": "Tests"}, "model": "demo/editor"});
    let done = site.send("POST", "/generations", Some(newsletter), &[("prefer", "wait=30")]).await.json();
    let id = done["draft_id"].as_str().unwrap();
    let page = text(&export(&site, id, "?format=html").await);
    assert!(page.contains("<title>The week</title>") && page.contains("<h2 dir=\"auto\">Rust</h2>"), "{page}");
    assert_eq!(page.matches("<h1 dir=\"auto\">The week</h1>").count(), 1);
    assert!(text(&export(&site, id, "?format=md").await).starts_with("# The week\n\nHello.\n\n## Rust\n"));
}

#[tokio::test]
async fn the_same_version_gives_the_same_bytes_and_another_one_another_tag() {
    let site = Site::working().await;
    let id = written(&site, "Tea", "One.").await;
    let mut tags = Vec::new();
    for format in ["md", "html", "txt", "eml", "json", "zip"] {
        let query = format!("?format={format}");
        let (first, again) = (export(&site, &id, &query).await, export(&site, &id, &query).await);
        assert_eq!(first.bytes, again.bytes, "{format}");
        let tag = first.header("etag").to_owned();
        let path = format!("/drafts/{id}/export{query}");
        let known = site.send("GET", &path, None, &[("if-none-match", &tag)]).await;
        assert_eq!((known.status, known.bytes.len()), (304, 0), "{format}");
        tags.push((query, tag));
    }
    let edit = json!({"content": {"text": "Two."}});
    assert_eq!(site.send("PATCH", &format!("/drafts/{id}"), Some(edit), &[("if-match", "*")]).await.status, 200);
    for (query, tag) in &tags {
        assert_ne!(export(&site, &id, query).await.header("etag"), tag, "{query}");
    }
    let old = export(&site, &id, "?format=md&version=2").await;
    assert_eq!(old.header("etag"), tags[0].1, "the version it was");
    let named: std::collections::BTreeSet<&String> = tags.iter().map(|(_, tag)| tag).collect();
    assert_eq!(named.len(), tags.len(), "no two formats share a tag");
}

/// The names of the entries, by the directory at the archive's end.
fn entries(archive: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(found) = archive[at..].windows(4).position(|four| four == b"PK\x01\x02") {
        let head = &archive[at + found..];
        let length = usize::from(u16::from_le_bytes([head[28], head[29]]));
        names.push(String::from_utf8(head[46..46 + length].to_vec()).unwrap());
        at += found + 46 + length;
    }
    names
}

#[tokio::test]
async fn s_46_an_archive_holds_everything_under_harmless_names() {
    let site = Site::working().await;
    let id = written(&site, "../../etc/passwd", "Tea.").await;
    let archive = export(&site, &id, "?format=zip").await;
    assert_eq!(archive.header("content-type"), "application/zip");
    let names = ["md", "html", "txt", "eml", "json"].map(|ending| format!("etc passwd.{ending}"));
    assert_eq!(entries(&archive.bytes), names);
    let picture = json!({"recipe": "picture", "input": {"prompt": "a/b"}, "model": "demo/painter"});
    let drawn = site.send("POST", "/generations", Some(picture), &[("prefer", "wait=30")]).await.json();
    let id = drawn["draft_id"].as_str().unwrap();
    let archive = export(&site, id, "?format=zip").await;
    assert_eq!(archive.bytes, export(&site, id, "?format=zip").await.bytes);
    assert_eq!(entries(&archive.bytes), ["a b.json", "a b.png"]);
    let asset = site.get(&format!("/assets/{}", drawn["draft"]["content"]["assets"][0]["id"].as_str().unwrap())).await;
    assert!(archive.bytes.windows(asset.bytes.len()).any(|part| part == asset.bytes), "stored as it is");
    std::fs::remove_dir_all(site.folder.path()).unwrap();
    let lost = site.get(&format!("/drafts/{id}/export?format=zip")).await;
    assert_eq!((lost.status, lost.code().as_str()), (404, "not_found"), "said before the first byte");
}

#[tokio::test]
async fn s_49_no_title_breaks_a_header_or_a_name() {
    let site = Site::working().await;
    let id = written(&site, "a\";x=.html", "Tea.").await;
    let named = export(&site, &id, "?format=txt").await;
    assert_eq!(named.header("content-disposition"), "attachment; filename=\"a x .html.txt\"");
    assert_eq!(named.header("content-type"), "text/plain; charset=utf-8");
    let id = written(&site, "Größe \u{202e}txt.exe", "Tea.").await;
    let named = export(&site, &id, "?format=md").await;
    let want = "attachment; filename=\"Gr__e txt.exe.md\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20txt.exe.md";
    assert_eq!(named.header("content-disposition"), want);
}

#[tokio::test]
async fn what_cannot_be_exported_says_what_can() {
    let site = Site::working().await;
    let picture = json!({"recipe": "picture", "input": {"prompt": "sea"}, "model": "demo/painter"});
    let drawn = site.send("POST", "/generations", Some(picture), &[("prefer", "wait=30")]).await.json();
    let media = drawn["draft_id"].as_str().unwrap();
    for format in ["md", "html", "txt", "eml"] {
        let refused = site.get(&format!("/drafts/{media}/export?format={format}")).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "validation_failed"));
        let fault = refused.json()["errors"][0].clone();
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!("?format"), &json!("does_not_fit")));
        assert!(fault["detail"].as_str().unwrap().ends_with("of the form media is exported as json or zip"), "{fault}");
    }
    let id = written(&site, "Tea", "Tea.").await;
    let blame = async |query: &str| {
        let refused = site.get(&format!("/drafts/{id}/export{query}")).await;
        assert_eq!(refused.status, 422, "{query}");
        refused.json()["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    assert_eq!(blame("?format=pdf").await, "?format");
    assert_eq!(blame("?version=0").await, "?version");
    assert_eq!(blame("?format=html&front_matter=true").await, "?front_matter");
    assert_eq!(blame("?kind=md").await, "?kind");
    assert_eq!(site.get(&format!("/drafts/{id}/export?version=9")).await.code(), "not_found");
    let waiting = site.accept(json!({"run_at": "2199-01-01T00:00:00Z", "deadline": "1h"})).await;
    let empty = site.get(&format!("/drafts/{}/export", waiting["draft_id"].as_str().unwrap())).await;
    assert_eq!((empty.status, empty.code().as_str()), (409, "draft_empty"));
    let path = format!("/drafts/{id}/export");
    assert_eq!(site.raw("GET", &format!("/api/v1{path}"), &[], "").await.status, 401);
    let stranger = site.key_in(other_workspace()).await;
    let (_, bob) = site.new_key(json!({"role": "member", "user": "bob"})).await;
    for who in [&stranger, &bob] {
        assert_eq!(site.send_as(who, "GET", &path, None).await.code(), "not_found");
    }
    assert_eq!(site.send("DELETE", &format!("/drafts/{id}"), None, &[]).await.status, 204);
    let deleted = site.get(&path).await;
    assert!(
        deleted.status == 404 && deleted.json()["hint"].as_str().unwrap().contains("undelete"),
        "{}",
        deleted.json()
    );
}
