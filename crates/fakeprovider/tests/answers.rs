//! The right answers: each dialect's format, its figures, and what the log says about them.

use copydesk_fakeprovider::{Dialect, FakeProvider, How, IMAGE_TOKENS, Usage};
use serde_json::{Value, json};

use crate::raw::{KEY, PROMPT, call, chat, request, send};

/// The events of a stream: the data of each, JSON where it is JSON.
fn events(body: &str) -> Vec<Value> {
    let data =
        body.lines().filter_map(|line| line.strip_prefix("data: ").or_else(|| line.strip_prefix('{').map(|_| line)));
    data.map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))).collect()
}

/// Where a whole answer of the dialect has its text, its input and its output.
fn pointers(dialect: Dialect) -> [&'static str; 3] {
    match dialect {
        Dialect::OpenAi | Dialect::OpenRouter => {
            ["/choices/0/message/content", "/usage/prompt_tokens", "/usage/completion_tokens"]
        }
        Dialect::Anthropic => ["/content/0/text", "/usage/input_tokens", "/usage/output_tokens"],
        Dialect::Gemini => [
            "/candidates/0/content/parts/0/text",
            "/usageMetadata/promptTokenCount",
            "/usageMetadata/candidatesTokenCount",
        ],
        Dialect::Ollama => ["/message/content", "/prompt_eval_count", "/eval_count"],
        Dialect::Replicate | Dialect::Fal | Dialect::Asset | Dialect::Unknown => panic!("no chat"),
    }
}

#[tokio::test]
async fn every_dialect_answers_with_text_and_exact_usage() {
    for dialect in Dialect::CHAT {
        let fake = FakeProvider::start().await;
        let got = call(&fake, dialect, "fake-1?words=7", false).await;
        assert_eq!(got.status(), 200, "{dialect:?}");
        let value = got.json();
        let [text, input, output] = pointers(dialect).map(|pointer| value.pointer(pointer).cloned().unwrap());
        assert_eq!(text.as_str().unwrap().split(' ').count(), 7, "{dialect:?}");
        assert_eq!((input, output), (json!(5), json!(7)), "{dialect:?}");
        let log = fake.wait_for(|log| log.iter().any(|entry| entry.ended == How::Answered)).await;
        let thoughts = if dialect == Dialect::Gemini { 2 } else { 0 };
        assert_eq!(log[0].billed, Usage { input: 5, output: 7 + thoughts, cached: 0, reasoning: thoughts });
        assert_eq!((log[0].dialect, log[0].status, log[0].fault), (dialect, 200, None));
        assert_eq!(log[0].call_id.as_deref(), Some("call-1"));
        assert!(log[0].authorization.as_deref().unwrap().contains(KEY));
        assert_eq!(log[0].bytes_written, got.bytes.len() as u64);
        assert_eq!(log[0].model, "fake-1?words=7");
    }
}

#[tokio::test]
async fn every_dialect_streams_the_same_text() {
    for dialect in Dialect::CHAT {
        let fake = FakeProvider::start().await;
        let plain = call(&fake, dialect, "fake-1", false).await.json();
        let got = call(&fake, dialect, "fake-1", true).await;
        let body = got.body_text();
        let events = events(&body);
        let text: String = events.iter().map(|event| delta(dialect, event)).collect();
        assert_eq!(Some(text.as_str()), plain.pointer(pointers(dialect)[0]).unwrap().as_str(), "{dialect:?}");
        let log = fake.wait_for(|log| log.iter().filter(|entry| entry.ended == How::Answered).count() == 2).await;
        assert_eq!(log[0].billed, log[1].billed, "{dialect:?}: a stream costs what the same answer costs");
        assert!(log[1].stream);
    }
}

fn delta(dialect: Dialect, event: &Value) -> String {
    let pointer = match dialect {
        Dialect::OpenAi | Dialect::OpenRouter => "/choices/0/delta/content",
        Dialect::Anthropic => "/delta/text",
        Dialect::Gemini => "/candidates/0/content/parts/0/text",
        Dialect::Ollama => "/message/content",
        Dialect::Replicate | Dialect::Fal | Dialect::Asset | Dialect::Unknown => panic!("no chat"),
    };
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn streams_end_as_each_provider_ends_them() {
    let fake = FakeProvider::start().await;
    let openai = call(&fake, Dialect::OpenAi, "m", true).await.body_text();
    let last: Vec<&str> = openai.trim().rsplit("\n\n").take(3).collect();
    assert_eq!(last[0], "data: [DONE]");
    assert!(last[1].contains("\"choices\":[]") && last[1].contains("\"prompt_tokens\":5"));
    assert!(last[2].contains("\"finish_reason\":\"stop\""));

    let got = call(&fake, Dialect::OpenRouter, "m", true).await;
    let openrouter = got.body_text();
    assert!(openrouter.starts_with(": OPENROUTER PROCESSING\n\n"));
    assert!(got.header("x-generation-id").is_some_and(|id| openrouter.contains(&id)));
    let last: Vec<&str> = openrouter.trim().rsplit("\n\n").take(3).collect();
    assert_eq!(last[0], "data: [DONE]");
    // 5 + 12 tokens at a thousand nano-dollars.
    assert!(last[1].contains("\"finish_reason\":\"stop\"") && last[1].contains("\"cost\":0.000017"), "{}", last[1]);
    assert!(last[2].contains("\"finish_reason\":\"stop\"") && !last[2].contains("usage"));

    let anthropic = call(&fake, Dialect::Anthropic, "m?cached=2&thoughts=3", true).await.body_text();
    let names: Vec<&str> = anthropic.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names[..4], ["message_start", "content_block_start", "ping", "content_block_delta"]);
    assert_eq!(names[names.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    assert!(anthropic.contains("\"cache_read_input_tokens\":2") && anthropic.contains("\"input_tokens\":3"));
    assert!(anthropic.contains("\"output_tokens\":15") && anthropic.contains("\"thinking_tokens\":3"));

    let gemini = call(&fake, Dialect::Gemini, "m", true).await.body_text();
    let gemini = events(&gemini);
    assert!(gemini.iter().all(|event| event["usageMetadata"]["thoughtsTokenCount"] == 2));
    assert_eq!(gemini.last().unwrap()["usageMetadata"]["totalTokenCount"], 5 + 12 + 2);
    assert_eq!(gemini.last().unwrap()["candidates"][0]["finishReason"], "STOP");

    let ollama = call(&fake, Dialect::Ollama, "m", true).await;
    assert_eq!(ollama.header("content-type").as_deref(), Some("application/x-ndjson"));
    assert_eq!(events(&ollama.body_text()).last().unwrap()["done"], true);
}

#[tokio::test]
async fn openai_gives_no_usage_in_a_stream_that_does_not_ask() {
    let fake = FakeProvider::start().await;
    let (path, mut body) = chat(Dialect::OpenAi, "m", true);
    body["stream_options"] = Value::Null;
    let got = send(&fake, &request("POST", &path, "", &body)).await;
    assert!(!got.body_text().contains("usage"));
    assert_eq!(fake.billed().output, 12);
}

#[tokio::test]
async fn an_output_limit_cuts_the_answer() {
    let fake = FakeProvider::start().await;
    let (path, mut body) = chat(Dialect::OpenAi, "m", false);
    body["max_tokens"] = json!(3);
    let value = send(&fake, &request("POST", &path, "", &body)).await.json();
    assert_eq!(value["choices"][0]["finish_reason"], "length");
    assert_eq!(value["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn a_schema_gets_json_and_a_test_may_say_the_text() {
    let fake = FakeProvider::start().await;
    let (path, mut body) = chat(Dialect::OpenAi, "m", false);
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
    let value = send(&fake, &request("POST", &path, "", &body)).await.json();
    let text = value["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert!(serde_json::from_str::<Value>(&text).unwrap()["title"].is_string());
    fake.says("exactly this");
    let value = send(&fake, &request("POST", &path, "", &body)).await.json();
    assert_eq!(value["choices"][0]["message"]["content"], "exactly this");
    assert_eq!(value["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn images_embeddings_and_lists_answer() {
    let fake = FakeProvider::start().await;
    let images = json!({"model": "gpt-image-1", "prompt": "a red fox", "n": 2});
    let value = send(&fake, &request("POST", "/v1/images/generations", "", &images)).await.json();
    assert_eq!(value["data"].as_array().unwrap().len(), 2);
    assert_eq!(value["usage"]["output_tokens"], 2 * IMAGE_TOKENS);
    let embeddings = json!({"model": "e", "input": ["one two", "three"]});
    let value = send(&fake, &request("POST", "/v1/embeddings", "", &embeddings)).await.json();
    assert_eq!((value["data"].as_array().unwrap().len(), &value["usage"]["prompt_tokens"]), (2, &json!(3)));
    let list = send(&fake, &request("GET", "/v1/models", "", &Value::Null)).await.json();
    assert_eq!(list["data"][0]["id"], "fake-large");
    let tags = send(&fake, &request("GET", "/api/tags", "", &Value::Null)).await.json();
    assert_eq!(tags["models"][0]["name"], "fake:latest");
    let unknown = send(&fake, &request("GET", "/nowhere", "", &Value::Null)).await;
    assert_eq!(unknown.status(), 404);
    let body = json!({"contents": [{"parts": [{"text": PROMPT}]}],
        "generationConfig": {"responseModalities": ["IMAGE"]}});
    let value = send(&fake, &request("POST", "/v1beta/models/gemini-image:generateContent", "", &body)).await.json();
    assert!(value.pointer("/candidates/0/content/parts/0/inlineData/data").is_some());
}

#[tokio::test]
async fn reqwest_understands_plain_and_streamed_answers() {
    let client = client();
    let fake = FakeProvider::start().await;
    for dialect in Dialect::CHAT {
        for stream in [false, true] {
            let (path, body) = chat(dialect, "m", stream);
            let answer = client.post(format!("{}{path}", fake.base_url())).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(answer.text().await.unwrap().contains("fake"));
        }
    }
    assert_eq!(fake.connections().ever, 1, "ten calls over one kept connection");
}

pub fn client() -> reqwest::Client {
    // Another test of this process may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
