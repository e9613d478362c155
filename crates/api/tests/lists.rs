//! Lists: pages, filters, cursors.

use crate::contract::operations;
use crate::site::Site;
use copydesk_desk::DeskConfig;
use copydesk_desk::store::StoreError;
use copydesk_store_tests::{Method, When};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn pages_join_to_the_whole_list_without_gaps() {
    let site = Site::idle().await;
    let mut made = BTreeSet::new();
    for _ in 0..7 {
        made.insert(site.accept(json!({})).await["id"].as_str().unwrap().to_owned());
    }
    for (noun, key) in [("generations", "id"), ("drafts", "live_generation_id")] {
        for order in ["asc", "desc"] {
            let mut path = format!("/{noun}?limit=3&order={order}");
            let mut seen: Vec<String> = Vec::new();
            loop {
                let reply = site.get(&path).await;
                let body = reply.json();
                assert_eq!(body["object"], "list");
                seen.extend(body["data"].as_array().unwrap().iter().map(|row| row[key].as_str().unwrap().to_owned()));
                let Some(cursor) = body["next_cursor"].as_str() else {
                    assert_eq!((&body["has_more"], reply.header("link")), (&json!(false), ""));
                    break;
                };
                assert_eq!(body["has_more"], true);
                path = format!("/{noun}?limit=3&order={order}&cursor={cursor}");
                assert_eq!(reply.header("link"), format!("</api/v1{path}>; rel=\"next\""));
            }
            let mut sorted: Vec<String> = made.iter().cloned().collect();
            if order == "desc" {
                sorted.reverse();
            }
            assert_eq!(seen, sorted, "{noun} {order}");
        }
    }
}

#[tokio::test]
async fn a_cursor_nobody_gave_out_is_refused() {
    let site = Site::idle().await;
    site.accept(json!({})).await;
    for path in ["/generations", "/drafts", "/usage/rows"] {
        for cursor in ["x", "c_", "c_6e6f6e73656e7365", "gen_01900000000000000000000000"] {
            let reply = site.get(&format!("{path}?cursor={cursor}")).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "bad_cursor"), "{path} {cursor}");
        }
    }
    for after in ["x", "-1", "1.5"] {
        assert_eq!(site.get(&format!("/events?after={after}")).await.code(), "bad_cursor");
    }
}

#[tokio::test]
async fn limits_and_words_outside_their_range_are_refused() {
    let site = Site::idle().await;
    for query in ["limit=0", "limit=1001", "limit=x", "limit=-1", "order=up", "status=done", "draft=gen_x"] {
        let reply = site.get(&format!("/generations?{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{query}");
        let name = query.split('=').next().unwrap();
        assert_eq!(reply.json()["errors"][0]["pointer"], format!("?{name}"));
    }
    assert_eq!(site.get("/generations?limit=1000&status=").await.status, 200);
}

#[tokio::test]
async fn filters_hold_together() {
    let site = Site::idle().await;
    let ann = site.accept(json!({"user": "ann"})).await;
    site.accept(json!({"user": "bob", "external_id": "b1"})).await;
    let ids = |body: Value| -> Vec<String> {
        body["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let ann_id = ann["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(site.get("/generations?user=ann&status=pending&recipe=text").await.json()), [ann_id.as_str()]);
    let user_id = site.get(&format!("/generations/{ann_id}")).await.json()["user_id"].as_str().unwrap().to_owned();
    assert_eq!(ids(site.get(&format!("/generations?user={user_id}")).await.json()), [ann_id.as_str()]);
    let draft = ann["draft_id"].as_str().unwrap();
    assert_eq!(ids(site.get(&format!("/generations?draft={draft}")).await.json()), [ann_id.as_str()]);
    assert_eq!(ids(site.get("/generations?status=failed").await.json()), Vec::<String>::new());
    assert_eq!(site.get("/drafts?external_id=b1").await.json()["data"][0]["user"], "bob");
}

#[tokio::test]
async fn events_are_read_on_from_where_one_stopped() {
    let site = Site::idle().await;
    for _ in 0..3 {
        site.accept(json!({})).await;
    }
    let first = site.get("/events?limit=2").await.json();
    assert_eq!((&first["has_more"], first["data"].as_array().unwrap().len()), (&json!(true), 2));
    assert_eq!(first["data"][0]["type"], "generation.accepted");
    let rest = site.get(&format!("/events?after={}", first["next_after"])).await.json();
    assert_eq!((&rest["has_more"], rest["data"].as_array().unwrap().len()), (&json!(false), 1));
    let end = site.get(&format!("/events?after={}", rest["next_after"])).await.json();
    assert_eq!((&end["data"], &end["next_after"]), (&json!([]), &rest["next_after"]));
}

/// Everything that a list is read with.
const READS: [Method; 45] = [
    Method::List,
    Method::Get,
    Method::GetDraft,
    Method::ListDrafts,
    Method::Versions,
    Method::Jobs,
    Method::Job,
    Method::Items,
    Method::Bulks,
    Method::Bulk,
    Method::Calls,
    Method::Accounts,
    Method::Transfers,
    Method::Budgets,
    Method::Feedback,
    Method::Files,
    Method::Prices,
    Method::Profiles,
    Method::Schedules,
    Method::ScheduleRuns,
    Method::Source,
    Method::Sources,
    Method::SourceItems,
    Method::Fetches,
    Method::Mailings,
    Method::Mailing,
    Method::Mails,
    Method::Subscribers,
    Method::TallySubscribers,
    Method::Suppressions,
    Method::Prospects,
    Method::Import,
    Method::Imports,
    Method::ImportSkips,
    Method::ListKeys,
    Method::Users,
    Method::Invites,
    Method::Webhooks,
    Method::Webhook,
    Method::Deliveries,
    Method::Events,
    Method::Backlog,
    Method::Describe,
    Method::AuditState,
    Method::Health,
];

#[tokio::test]
async fn seed_b27_a_store_that_fails_behind_a_list_is_no_empty_list() {
    let (site, store) = Site::faulty(DeskConfig { credits: true, ..DeskConfig::default() }).await;
    let nobody = "01900000000000000000000000";
    let mut checked = Vec::new();
    for (method, path, operation) in operations() {
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let lists = answer.as_str().is_some_and(|schema| schema.ends_with("List"));
        // Of what is in memory, and not in the store.
        let kept = matches!(
            operation["operationId"].as_str(),
            Some("listRecipes" | "listModels" | "listCreditPacks" | "listSignIns")
        );
        if method != "get" || !lists || kept || !path.starts_with("/api/v1") {
            continue;
        }
        let of = path.split('/').nth(3).unwrap();
        let prefix = match of {
            "generations" => "gen",
            "drafts" => "drf",
            "jobs" => "job",
            "bulk" => "blk",
            "webhooks" => "whk",
            "mailings" => "mlg",
            "prospects" => "imp",
            "schedules" => "sch",
            "sources" => "src",
            _ => "usr",
        };
        let address = path.replace("{id}", &format!("{prefix}_{nobody}"));
        for method in READS {
            store.fail_next(method, 1, When::Before, StoreError::Unavailable("down (injected)".to_owned()));
        }
        let injected = store.injected();
        let reply = site.get(address.strip_prefix("/api/v1").unwrap()).await;
        assert!(store.injected() > injected, "{path} asked for nothing that failed");
        assert_eq!((reply.status, reply.code().as_str()), (503, "storage_unavailable"), "{path}");
        store.heal();
        checked.push(path);
    }
    assert!(checked.len() >= 14, "{checked:?}");
}
