//! A draft's editorial life over HTTP.

use crate::site::Site;
use serde_json::{Value, json};

async fn drafted(site: &Site) -> (String, Value) {
    let done = site.finished(json!({})).await;
    (format!("/drafts/{}", done["draft_id"].as_str().unwrap()), done["draft"].clone())
}

#[tokio::test]
async fn an_edit_names_its_revision_and_makes_a_version() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    let read = site.get(&path).await;
    let etag = read.header("etag").to_owned();
    assert_eq!(etag, format!("\"{}\"", read.json()["revision"]));
    let unchanged = site.send("GET", &path, None, &[("if-none-match", &etag)]).await;
    assert_eq!((unchanged.status, unchanged.bytes.len(), unchanged.header("etag")), (304, 0, etag.as_str()));
    let change = json!({"title": "Better", "content": "Rewritten by hand."});
    assert_eq!(site.send("PATCH", &path, Some(change.clone()), &[]).await.code(), "if_match_required");
    let edited = site.send("PATCH", &path, Some(change.clone()), &[("if-match", &etag)]).await;
    assert_eq!(edited.status, 200, "{}", edited.json());
    let body = edited.json();
    assert_eq!((&body["title"], &body["current_version"]), (&json!("Better"), &json!(2)));
    assert_eq!(
        (&body["content"]["origin"], &body["content"]["markdown"]),
        (&json!("edited"), &json!("Rewritten by hand."))
    );
    assert_ne!(edited.header("etag"), etag);
    let stale = site.send("PATCH", &path, Some(change), &[("if-match", &etag)]).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "version_conflict"));
    assert_eq!(stale.json()["current"]["etag"], edited.header("etag"));
}

#[tokio::test]
async fn a_patch_may_carry_the_review_of_what_it_brings() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    let any = [("if-match", "*")];
    let reply = site.send("PATCH", &path, Some(json!({"title": "T", "review": "approved"})), &any).await;
    assert_eq!((reply.status, &reply.json()["review"], &reply.json()["title"]), (200, &json!("approved"), &json!("T")));
    for bad in [json!({}), json!({"review": "maybe"}), json!({"title": 7}), json!({"content": {"txt": "x"}})] {
        let reply = site.send("PATCH", &path, Some(bad.clone()), &any).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{bad}");
    }
    let reply = site.send("PATCH", &path, Some(json!({"title": "x"})), &[("if-match", "7")]).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad_header"));
}

#[tokio::test]
async fn published_drafts_refuse_regenerate_and_edit() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    let reply = site.send("POST", &format!("{path}/publish"), None, &[]).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("published")));
    for reply in [
        site.post(&format!("{path}/regenerate"), json!({})).await,
        site.send("PATCH", &path, Some(json!({"title": "x"})), &[("if-match", "*")]).await,
        site.post(&format!("{path}/versions/1/restore"), json!({})).await,
    ] {
        assert_eq!((reply.status, reply.code().as_str()), (409, "draft_published"));
    }
    let reply = site.send("POST", &format!("{path}/unpublish"), None, &[]).await;
    assert_eq!(
        (reply.status, &reply.json()["status"], &reply.json()["published_at"]),
        (200, &json!("draft"), &Value::Null)
    );
    assert_eq!(site.post(&format!("{path}/regenerate"), json!({})).await.status, 202);
}

#[tokio::test]
async fn a_regeneration_adds_a_version_and_an_old_one_comes_back() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    let wait = [("prefer", "wait=30")];
    let again = site.send("POST", &format!("{path}/regenerate"), Some(json!({"model": "demo/writer"})), &wait).await;
    assert_eq!((again.status, &again.json()["version"]), (200, &json!(2)));
    let versions = site.get(&format!("{path}/versions")).await.json();
    let numbers: Vec<&Value> = versions["data"].as_array().unwrap().iter().map(|row| &row["version"]).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!((&versions["data"][0]["current"], &versions["data"][1]["current"]), (&json!(false), &json!(true)));
    let one = site.get(&format!("{path}/versions/1")).await.json();
    assert_eq!(one["content"]["form"], "text");
    assert_eq!(one["provenance"]["recipe"], "text");
    let restored = site.post(&format!("{path}/versions/1/restore"), json!({})).await;
    assert_eq!(restored.status, 200);
    assert_eq!(restored.json()["content"]["origin"], "restored");
    assert_eq!(restored.json()["current_version"], 3);
    let again = site.post(&format!("{path}/versions/1/restore"), json!({})).await;
    assert_eq!((again.status, &again.json()["current_version"]), (200, &json!(3)), "a repeat makes no other copy");
    for missing in ["9", "0", "x", "-1"] {
        assert_eq!(site.get(&format!("{path}/versions/{missing}")).await.code(), "not_found");
    }
}

#[tokio::test]
async fn a_passage_is_regenerated_and_its_version_says_so() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    let passage = "world.";
    let asked = json!({"part": "text", "selection": {"text": passage}, "instruction": "Put it shorter."});
    let dry = site.post(&format!("{path}/regenerate?dry_run=true"), asked.clone()).await;
    assert_eq!(dry.status, 200, "{}", dry.json());
    let wait = [("prefer", "wait=30")];
    let done = site.send("POST", &format!("{path}/regenerate"), Some(asked), &wait).await;
    let revision = json!({"part": "text", "selection": passage, "instruction": "Put it shorter.", "from_version": 1});
    assert_eq!((done.status, &done.json()["version"]), (200, &json!(2)), "{}", done.json());
    assert_eq!((&done.json()["revision"], &done.json()["params"]), (&revision, &Value::Null));
    assert_eq!(site.get(&path).await.json()["content"]["body"]["text"], "Héllo you.");
    let version = site.get(&format!("{path}/versions/2")).await.json();
    assert_eq!(version["revision"], revision);
    assert_eq!(site.get(&format!("{path}/versions/1")).await.json()["revision"], Value::Null);
    let stream = format!("/generations/{}/stream", done.json()["id"].as_str().unwrap());
    let events = String::from_utf8(site.get(&stream).await.bytes).unwrap();
    assert!(events.contains(r#""part":"text""#), "{events}");

    for (body, pointer, code) in [
        (json!({"part": "topics/1"}), "/part", "not_found"),
        (json!({"part": "text", "selection": {"text": "not there at all"}}), "/selection", "not_found"),
        (json!({"part": "text", "selection": {}}), "/selection/text", "required"),
        (json!({"part": "text", "version": 0}), "/version", "out_of_range"),
        (json!({"part": "text", "instruction": "x".repeat(2_001)}), "/instruction", "bad_length"),
        (json!({"instruction": "shorter"}), "/instruction", "not_allowed"),
        (json!({"parts": "text"}), "/parts", "unknown_field"),
    ] {
        let reply = site.post(&format!("{path}/regenerate"), body).await;
        assert_eq!(reply.status, 422, "{}", reply.json());
        let fault = &reply.json()["errors"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!(pointer), &json!(code)), "{}", reply.json());
    }
    let gone = site.post(&format!("{path}/regenerate"), json!({"part": "text", "version": 9})).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn seed_s0_b19_an_unfinished_draft_is_neither_published_nor_edited() {
    let site = Site::idle().await;
    let body = site.accept(json!({})).await;
    let path = format!("/drafts/{}", body["draft_id"].as_str().unwrap());
    assert_eq!(site.get(&path).await.json()["content"], Value::Null);
    for reply in [
        site.send("POST", &format!("{path}/publish"), None, &[]).await,
        site.send("PATCH", &path, Some(json!({"title": "x"})), &[("if-match", "*")]).await,
        site.send("DELETE", &path, None, &[]).await,
    ] {
        assert_eq!((reply.status, reply.code().as_str()), (409, "draft_busy"));
    }
}

#[tokio::test]
async fn a_deleted_draft_is_gone_until_it_is_undeleted() {
    let site = Site::working().await;
    let (path, draft) = drafted(&site).await;
    let reply = site.send("DELETE", &path, None, &[]).await;
    assert_eq!((reply.status, reply.bytes.len()), (204, 0));
    for (method, part, body) in [
        ("GET", "", None),
        ("GET", "/versions", None),
        ("POST", "/publish", Some(json!({}))),
        ("POST", "/regenerate", Some(json!({}))),
    ] {
        let reply = site.send(method, &format!("{path}{part}"), body, &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {part}");
    }
    assert!(site.get(&path).await.json()["hint"].as_str().unwrap().contains("undelete"));
    assert_eq!(site.get("/drafts").await.json()["data"], json!([]));
    let reply = site.send("POST", &format!("{path}/undelete"), None, &[]).await;
    assert_eq!((reply.status, &reply.json()["title"]), (200, &draft["title"]));
    assert_eq!(site.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_review_is_one_word_beside_the_status() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    for (verb, word) in [("approve", "approved"), ("reject", "rejected")] {
        let reply = site.send("POST", &format!("{path}/{verb}"), None, &[]).await;
        assert_eq!(
            (reply.status, &reply.json()["review"], &reply.json()["status"]),
            (200, &json!(word), &json!("draft"))
        );
    }
    let reply = site.send("POST", &format!("{path}/approve"), None, &[("if-match", "\"1\"")]).await;
    assert_eq!((reply.status, reply.code().as_str()), (412, "version_conflict"));
}

#[tokio::test]
async fn a_rejection_says_why_and_the_queue_of_reviewers_holds_what_nobody_has_seen() {
    let site = Site::working().await;
    let (path, _) = drafted(&site).await;
    let (other, _) = drafted(&site).await;
    let queue = async || {
        let list = site.get("/drafts?review=none&status=draft").await.json();
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|draft| format!("/drafts/{}", draft["id"].as_str().unwrap()))
            .collect()
    };
    let waiting: Vec<String> = queue().await;
    assert_eq!(waiting, [other.clone(), path.clone()]);
    let why = json!({"reason": " It promises a discount. "});
    let reply = site.send("POST", &format!("{path}/reject"), Some(why), &[]).await;
    assert_eq!((reply.status, &reply.json()["review_reason"]), (200, &json!("It promises a discount.")));
    let waiting: Vec<String> = queue().await;
    assert_eq!(waiting, [other]);
    let found = site.get("/drafts?q=review:rejected").await.json();
    assert_eq!(found["data"][0]["review_reason"], json!("It promises a discount."));
    let any = [("if-match", "*")];
    let undone = site.send("PATCH", &path, Some(json!({"review": "none"})), &any).await.json();
    assert_eq!((&undone["review"], &undone["review_reason"]), (&json!("none"), &json!(null)));
    let again = json!({"review": "rejected", "review_reason": "Too long."});
    assert_eq!(site.send("PATCH", &path, Some(again), &any).await.json()["review_reason"], json!("Too long."));
    let edited = site.send("PATCH", &path, Some(json!({"title": "Shorter"})), &any).await.json();
    assert_eq!(
        (&edited["review"], &edited["review_reason"]),
        (&json!("none"), &json!(null)),
        "a version nobody has seen"
    );
    for bad in
        [json!({"reason": ""}), json!({"reason": "  "}), json!({"reason": "x".repeat(2_001)}), json!({"why": "x"})]
    {
        let reply = site.send("POST", &format!("{path}/reject"), Some(bad.clone()), &[]).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{bad}");
    }
    let alone = site.send("PATCH", &path, Some(json!({"review_reason": "x"})), &any).await;
    assert_eq!((alone.status, alone.code().as_str()), (422, "validation_failed"));
    assert_eq!(site.get("/drafts?review=maybe").await.status, 422);
}

#[tokio::test]
async fn two_versions_are_compared_down_to_the_words() {
    let site = Site::working().await;
    let made = site.finished(json!({})).await;
    let path = format!("/drafts/{}", made["draft_id"].as_str().unwrap());
    let edit = json!({"content": "Héllo planet.\n\nA second line."});
    assert_eq!(site.send("PATCH", &path, Some(edit), &[("if-match", "*")]).await.status, 200);
    let diff = site.get(&format!("{path}/diff")).await.json();
    assert_eq!((&diff["object"], &diff["from"], &diff["to"]), (&json!("diff"), &json!(1), &json!(2)));
    let lines = diff["hunks"][0]["lines"].as_array().unwrap();
    let changed = |op: &str| {
        let line = lines.iter().find(|line| line["op"] == op).unwrap();
        let pieces = line["pieces"].as_array().unwrap().iter().filter(|piece| piece["changed"] == true);
        pieces.map(|piece| piece["text"].as_str().unwrap()).collect::<String>()
    };
    assert_eq!((changed("delete").as_str(), changed("insert").as_str()), ("world.", "planet."), "{diff}");
    assert_eq!(site.get(&format!("{path}/diff?from=2&to=2")).await.json()["hunks"], json!([]));
    let all = site.get(&format!("{path}/diff?from=0&to=1")).await.json();
    assert_eq!((&all["removed"], &all["title"]["older"]), (&json!(0), &json!("")));
    assert!(all["added"].as_u64().unwrap() > 0);
    assert_eq!(site.get(&format!("{path}/diff?from=1&to=3")).await.code(), "not_found");
    assert_eq!(site.get(&format!("{path}/diff?to=0")).await.code(), "validation_failed");
    let empty = site.accept(json!({"run_at": "2199-01-01T00:00:00Z", "deadline": "1h"})).await;
    let empty = site.get(&format!("/drafts/{}/diff", empty["draft_id"].as_str().unwrap())).await;
    assert_eq!(empty.code(), "draft_empty");
}

#[tokio::test]
async fn seed_s0_the_counts_of_a_user_are_those_of_the_list() {
    let site = Site::working().await;
    site.finished(json!({"user": "ann"})).await;
    let published = site.finished(json!({"user": "ann"})).await;
    site.post(&format!("/drafts/{}/publish", published["draft_id"].as_str().unwrap()), json!({})).await;
    site.accept(json!({"user": "ann", "run_at": "2199-01-01T00:00:00Z", "deadline": "1h"})).await;
    let gone = site.finished(json!({"user": "ann"})).await;
    site.send("DELETE", &format!("/drafts/{}", gone["draft_id"].as_str().unwrap()), None, &[]).await;
    site.finished(json!({"user": "bob"})).await;
    let counts = site.get("/drafts/counts?user=ann").await.json();
    for status in ["pending", "processing", "draft", "published", "failed", "cancelled"] {
        let listed = site.get(&format!("/drafts?user=ann&status={status}")).await.json();
        assert_eq!(counts[status], json!(listed["data"].as_array().unwrap().len()), "{status}");
    }
    assert_eq!((&counts["total"], &counts["pending"], &counts["published"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!(site.get("/drafts/counts").await.json()["total"], 4);
    let (_, key) = site.new_key(json!({"role": "member", "user": "bob"})).await;
    assert_eq!(site.send_as(&key, "GET", "/drafts/counts", None).await.json()["total"], 1);
    assert_eq!(site.get("/drafts/counts?status=draft").await.status, 422);
}
