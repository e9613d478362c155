//! Media jobs: they advance by polls, fail as told, and their files can be fetched.

use copydesk_fakeprovider::{FakeProvider, Fault, MP4, PNG};
use serde_json::{Value, json};

use crate::raw::{Got, request, send};

/// How to start a job in one dialect, and where its status word stands.
struct Api {
    name: &'static str,
    start: &'static str,
    status: &'static str,
    /// Of the polls of a good job: queued, working, done.
    words: [Value; 3],
}

fn apis() -> [Api; 4] {
    let word = |word: &str| Value::from(word);
    [
        Api {
            name: "openrouter",
            start: "/api/v1/videos",
            status: "/status",
            words: [word("pending"), word("in_progress"), word("completed")],
        },
        Api {
            name: "veo",
            start: "/v1beta/models/veo-3%3FOPTIONS:predictLongRunning",
            status: "/done",
            words: [json!(false), json!(false), json!(true)],
        },
        Api {
            name: "replicate",
            start: "/v1/models/black-forest/flux%3FOPTIONS/predictions",
            status: "/status",
            words: [word("starting"), word("processing"), word("succeeded")],
        },
        Api {
            name: "fal",
            start: "/fal-ai/flux/dev?OPTIONS",
            status: "/status",
            words: [word("IN_QUEUE"), word("IN_PROGRESS"), word("COMPLETED")],
        },
    ]
}

async fn get(fake: &FakeProvider, url: &str) -> Got {
    let path = url.strip_prefix(&fake.base_url()).unwrap_or(url);
    send(fake, &request("GET", path, "", &Value::Null)).await
}

/// Starts a job and returns where to poll it.
async fn start(fake: &FakeProvider, api: &Api, options: &str) -> String {
    let path = api.start.replace("OPTIONS", &options.replace('&', if api.name == "fal" { "&" } else { "%26" }));
    let body = json!({"model": format!("sora?{options}"), "prompt": "a red fox", "input": {"prompt": "a red fox"}});
    let got = send(fake, &request("POST", &path, "", &body)).await;
    assert!((200..203).contains(&got.status()), "{}: {}", api.name, got.text());
    let value = got.json();
    let url = ["/polling_url", "/status_url", "/urls/get"].iter().find_map(|pointer| value.pointer(pointer)?.as_str());
    url.map_or_else(|| format!("/v1beta/{}", value["name"].as_str().unwrap()), str::to_owned)
}

async fn finished(fake: &FakeProvider, api: &Api, options: &str) -> (String, Value) {
    let url = start(fake, api, options).await;
    for _ in 0..2 {
        get(fake, &url).await;
    }
    let value = get(fake, &url).await.json();
    (url, value)
}

#[tokio::test]
async fn jobs_advance_by_polls_and_never_by_themselves() {
    let fake = FakeProvider::start().await;
    for api in apis() {
        let url = start(&fake, &api, "polls=2").await;
        for word in &api.words {
            let value = get(&fake, &url).await.json();
            assert_eq!(value.pointer(api.status), Some(word), "{}: {value}", api.name);
        }
        let url = start(&fake, &api, "polls=0").await;
        assert_eq!(get(&fake, &url).await.json().pointer(api.status), Some(&api.words[2]), "{}", api.name);
    }
}

/// The URL of what a finished job made.
async fn asset(fake: &FakeProvider, url: &str, value: &Value) -> String {
    let result = match value["response_url"].as_str() {
        Some(url) => get(fake, url).await.json(),
        None => value.clone(),
    };
    let pointers = ["/unsigned_urls/0", "/response/generatedVideos/0/video/uri", "/output/0", "/images/0/url"];
    let found = pointers.iter().find_map(|pointer| result.pointer(pointer)?.as_str());
    found.unwrap_or_else(|| panic!("{url}: {result}")).to_owned()
}

#[tokio::test]
async fn files_can_be_fetched() {
    let fake = FakeProvider::start().await;
    for api in apis() {
        let (url, value) = finished(&fake, &api, "polls=2").await;
        let file = get(&fake, &asset(&fake, &url, &value).await).await;
        let expected = if ["openrouter", "veo"].contains(&api.name) { MP4 } else { PNG };
        assert_eq!(file.body().unwrap(), expected, "{}", api.name);
    }
    let no_key = send(&fake, b"GET /api/v1/videos/job-1/content HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert_eq!(no_key.status(), 401, "OpenRouter's download wants the key");
}

#[tokio::test]
async fn jobs_end_badly_in_their_own_words() {
    let fake = FakeProvider::start().await;
    let cases: &[(Fault, [&str; 4])] = &[
        (Fault::JobError, ["\"failed\"", "\"code\":13", "\"failed\"", "\"error\":"]),
        (Fault::JobFiltered, ["moderation", "raiMediaFilteredCount", "NSFW", "\"error\":"]),
        (Fault::JobExpired, ["\"expired\"", "\"code\":4", "\"aborted\"", "\"error\":"]),
        (Fault::JobStuck, ["\"in_progress\"", "\"done\":false", "\"processing\"", "\"IN_PROGRESS\""]),
    ];
    for (fault, texts) in cases {
        for (api, text) in apis().iter().zip(texts) {
            let (_, value) = finished(&fake, api, &format!("fault={fault}")).await;
            assert!(value.to_string().contains(text), "{} {fault}: {value}", api.name);
        }
    }
}

#[tokio::test]
async fn jobs_and_files_get_lost() {
    let fake = FakeProvider::start().await;
    for api in apis() {
        let url = start(&fake, &api, &format!("fault={}", Fault::JobLost)).await;
        assert_eq!(get(&fake, &url).await.status(), 404, "{}", api.name);
        let (url, value) = finished(&fake, &api, &format!("fault={}", Fault::AssetGone)).await;
        assert_eq!(get(&fake, &asset(&fake, &url, &value).await).await.status(), 404, "{}", api.name);
        let (url, value) = finished(&fake, &api, &format!("fault={}", Fault::AssetIsHtml)).await;
        let page = get(&fake, &asset(&fake, &url, &value).await).await;
        assert!(page.body_text().starts_with("<!DOCTYPE html>"), "{}", api.name);
        assert!(page.header("content-type").is_some_and(|kind| !kind.contains("html")));
    }
}

#[tokio::test]
async fn any_fault_can_strike_a_poll_or_a_download() {
    let fake = FakeProvider::start().await;
    for api in apis() {
        let url = start(&fake, &api, "fault=status_503&on=poll&times=1").await;
        assert_eq!(get(&fake, &url).await.status(), 503, "{}", api.name);
        assert_eq!(get(&fake, &url).await.status(), 200, "{}", api.name);
        let (url, value) = finished(&fake, &api, "fault=truncated_body&on=asset").await;
        assert!(get(&fake, &asset(&fake, &url, &value).await).await.body().is_err(), "{}", api.name);
    }
}

#[tokio::test]
async fn jobs_can_be_stopped() {
    let fake = FakeProvider::start().await;
    let [_, _, replicate, fal] = apis();
    let url = start(&fake, &replicate, "polls=9").await;
    let path = url.strip_prefix(&fake.base_url()).unwrap().to_owned();
    let stopped = send(&fake, &request("POST", &format!("{path}/cancel"), "", &Value::Null)).await;
    assert_eq!(stopped.json()["status"], "canceled");
    assert_eq!(get(&fake, &url).await.json()["status"], "canceled");
    let url = start(&fake, &fal, "polls=9").await;
    let path = url.strip_prefix(&fake.base_url()).unwrap().replace("/status", "/cancel");
    assert_eq!(send(&fake, &request("PUT", &path, "", &Value::Null)).await.status(), 202);
}

#[tokio::test]
async fn a_lost_answer_to_a_start_leaves_the_job_behind() {
    let fake = FakeProvider::start().await;
    let body = json!({"model": "sora", "prompt": "a red fox"});
    fake.script([Fault::ResetBeforeHead]);
    let got = send(&fake, &request("POST", "/api/v1/videos", "", &body)).await;
    assert!(got.bytes.is_empty());
    let job = fake.log()[0].response_id.clone();
    assert_eq!(get(&fake, &format!("/api/v1/videos/{job}")).await.json()["status"], "pending");
}
