//! What happens to connections: hangs, resets, cuts, broken framing, early answers, and clients that leave.

use std::time::Duration;

use copydesk_fakeprovider::{At, Body, Dialect, FakeProvider, Fault, How, Plan, Refused, Usage};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::raw::{End, call, chat, open, read, read_until, request, send};

fn bytes(dialect: Dialect, model: &str, stream: bool) -> Vec<u8> {
    let (path, body) = chat(dialect, model, stream);
    request("POST", &path, "", &body)
}

async fn ended(fake: &FakeProvider, how: impl Fn(How) -> bool) -> Vec<copydesk_fakeprovider::Received> {
    fake.wait_for(|log| log.last().is_some_and(|entry| how(entry.ended))).await
}

const fn client_closed(how: How) -> bool {
    matches!(how, How::ClientClosed(_))
}

#[tokio::test]
async fn hangs_keep_the_connection_until_the_client_closes_it() {
    // What has been written when it hangs: something up to the head, or some text.
    for (fault, written) in [
        (Fault::HangBeforeHead, None),
        (Fault::HangAfterHead, Some("\r\n\r\n")),
        (Fault::HangMidBody, Some("\"content\":\"This \"")),
    ] {
        let fake = FakeProvider::start().await;
        let mut stream = open(fake.address(), &bytes(Dialect::OpenAi, &format!("m?fault={fault}"), true)).await;
        if let Some(text) = written {
            let seen = read_until(&mut stream, text).await;
            assert!(!String::from_utf8_lossy(&seen).contains("[DONE]"), "{fault}");
        }
        let log = ended(&fake, |how| how == How::Hung).await;
        assert_eq!(log[0].bytes_written == 0, written.is_none(), "{fault}");
        assert_eq!(fake.connections().open, 1);
        drop(stream);
        let log = ended(&fake, client_closed).await;
        assert_eq!(log[0].ended, How::ClientClosed(log[0].bytes_written), "{fault}");
        assert_eq!(fake.wait_for_connections(|now| now.open == 0).await.ever, 1);
    }
}

#[tokio::test]
async fn a_stream_bills_what_was_written_and_a_plain_answer_all() {
    let fake = FakeProvider::start().await;
    for (stream, output) in [(true, 6), (false, 12)] {
        let client = open(fake.address(), &bytes(Dialect::OpenAi, "m?fault=hang", stream)).await;
        let log = ended(&fake, |how| how == How::Hung).await;
        assert_eq!(log.last().map(|entry| entry.billed), Some(Usage { input: 5, output, ..Usage::default() }));
        drop(client);
        ended(&fake, client_closed).await;
    }
}

#[tokio::test]
async fn a_held_answer_goes_on_when_the_test_says_so() {
    for (model, before) in [("m?fault=hold", None), ("m?fault=hold&after=content", Some("This "))] {
        let fake = FakeProvider::start().await;
        let mut stream = open(fake.address(), &bytes(Dialect::OpenAi, model, true)).await;
        let mut seen = Vec::new();
        if let Some(text) = before {
            seen = read_until(&mut stream, text).await;
        }
        ended(&fake, |how| how == How::Held).await;
        fake.release_held();
        seen.extend(read(&mut stream).await.bytes);
        assert!(String::from_utf8_lossy(&seen).contains("[DONE]"));
        let log = ended(&fake, |how| how == How::Answered).await;
        assert_eq!(log[0].billed, Usage { input: 5, output: 12, ..Usage::default() });
    }
}

#[tokio::test]
async fn a_drip_is_the_whole_answer_byte_by_byte() {
    let fake = FakeProvider::start().await;
    let got = call(&fake, Dialect::Ollama, "m?fault=drip&interval_ms=0", false).await;
    assert_eq!(got.json()["eval_count"], 12);
    let mut stream = open(fake.address(), &bytes(Dialect::OpenAi, "m?fault=drip&interval_ms=3600000", false)).await;
    let first = read_until(&mut stream, "H").await;
    assert_eq!(first, b"H", "the second byte comes in an hour");
    drop(stream);
    let log = ended(&fake, client_closed).await;
    assert_eq!(log.last().map(|entry| entry.ended), Some(How::ClientClosed(1)));
}

#[tokio::test]
async fn resets_strike_where_they_say() {
    // What the client has seen by then.
    for (fault, sees) in [
        (Fault::ResetBeforeHead, None),
        (Fault::ResetAfterHead, Some("\r\n\r\n")),
        (Fault::ResetMidBody, Some("This ")),
        (Fault::ResetAfterBody, Some("[DONE]")),
    ] {
        let fake = FakeProvider::start().await;
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), true).await;
        assert_eq!(got.end, End::Reset, "{fault}");
        match sees {
            None => assert!(got.bytes.is_empty()),
            Some(text) => assert!(got.text().contains(text), "{fault}: {}", got.text()),
        }
        assert_eq!(got.body().is_ok(), fault == Fault::ResetAfterBody, "{fault}");
        assert_eq!(ended(&fake, How::is_over).await[0].ended, How::Reset);
    }
}

#[tokio::test]
async fn cuts_and_broken_frames_are_broken() {
    // The reason a strict reader gives.
    for (fault, stream, reason) in [
        (Fault::CloseBeforeHead, true, "no head"),
        (Fault::CloseAfterHead, true, "no end of the chunk size"),
        (Fault::CloseAfterHead, false, "0 of "),
        (Fault::TruncatedBody, false, " of "),
        (Fault::TruncatedBody, true, "no end of the chunk size"),
        (Fault::TruncatedChunked, false, "no end of the chunk size"),
        (Fault::BrokenChunks, false, "a chunk size that is none"),
        (Fault::BrokenChunks, true, "a chunk size that is none"),
        (Fault::ChunkLengthLies, false, "a chunk does not end where it says"),
    ] {
        let fake = FakeProvider::start().await;
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault={fault}"), stream).await;
        let complaint = got.body().expect_err("the framing is broken");
        assert!(complaint.contains(reason), "{fault}: {complaint}");
        assert_eq!(got.end, End::Eof, "{fault}: an orderly end of the connection");
        let cut = ended(&fake, How::is_over).await[0].ended;
        assert_eq!(cut == How::Cut, fault != Fault::ChunkLengthLies, "{fault}");
    }
}

#[tokio::test]
async fn one_head_has_two_lengths() {
    let fake = FakeProvider::start().await;
    let got = call(&fake, Dialect::OpenAi, "m?fault=both_lengths", false).await;
    assert!(got.header("content-length").is_some());
    assert_eq!(got.json()["choices"][0]["finish_reason"], "stop", "the body is in chunks");
}

#[tokio::test]
async fn after_moves_the_strike() {
    let fake = FakeProvider::start().await;
    for (after, sees, lacks) in [
        ("before_head", "", "HTTP"),
        ("first", "\"role\":\"assistant\"", "This "),
        ("content", "This ", "[DONE]"),
        ("end", "[DONE]", "\u{0}"),
    ] {
        let got = call(&fake, Dialect::OpenAi, &format!("m?fault=close&after={after}"), true).await;
        assert!(got.text().contains(sees) && !got.text().contains(lacks), "{after}: {}", got.text());
    }
}

#[tokio::test]
async fn tls_gets_garbage_asked_or_not() {
    let fake = FakeProvider::start().await;
    let got = call(&fake, Dialect::OpenAi, "m?fault=tls_garbage", false).await;
    assert_eq!((got.bytes[0], got.status()), (0x16, 0));
    let client = crate::answers::client();
    let error = client.get(format!("{}/v1/models", fake.https_base_url())).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    let log = fake.log();
    assert!(matches!(&log[1].body, Body::Raw(hello) if hello[0] == 0x16));
}

#[tokio::test]
async fn nobody_listens_at_a_refused_address() {
    let refused = Refused::new().unwrap();
    let error = TcpStream::connect(refused.address()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// A head that promises a body, and no body yet.
fn head_only(extra: &str) -> Vec<u8> {
    format!("POST /v1/chat/completions HTTP/1.1\r\nhost: fake\r\ncontent-length: 2\r\n{extra}\r\n").into_bytes()
}

#[tokio::test]
async fn early_answers_do_not_wait_for_the_body() {
    for (fault, status) in [(Fault::Early413, "HTTP/1.1 413"), (Fault::EarlyAnswer, "HTTP/1.1 200")] {
        let fake = FakeProvider::start().await;
        let mut stream = open(fake.address(), &head_only(&format!("x-fake-fault: {fault}\r\n"))).await;
        let seen = read_until(&mut stream, "\r\n\r\n").await;
        assert!(String::from_utf8_lossy(&seen).starts_with(status), "{fault}");
        let log = ended(&fake, |how| how == How::Answered).await;
        assert_eq!(log[0].body, Body::Unread);
        // The body may still come, and the connection is good for another request.
        stream.write_all(b"{}").await.unwrap();
        stream.write_all(&bytes(Dialect::OpenAi, "m", false)).await.unwrap();
        fake.wait_for(|log| log.len() == 2).await;
    }
}

#[tokio::test]
async fn an_early_fault_may_come_from_the_script_or_the_body() {
    let fake = FakeProvider::start().await;
    fake.script([Fault::Early413]);
    assert_eq!(call(&fake, Dialect::OpenAi, "m", false).await.status(), 413);
    assert_eq!(call(&fake, Dialect::OpenAi, "m?fault=early_413", false).await.status(), 413);
    assert_eq!(call(&fake, Dialect::Gemini, "m?fault=early_413", false).await.status(), 413);
    let once = "m?fault=early_413&times=1";
    assert_eq!(call(&fake, Dialect::Anthropic, once, false).await.status(), 413);
    assert_eq!(call(&fake, Dialect::Anthropic, once, false).await.status(), 200, "once is over");
}

#[tokio::test]
async fn nothing_is_read_of_a_large_body() {
    let fake = FakeProvider::start().await;
    fake.script([Fault::ReadNothing]);
    let mut stream = TcpStream::connect(fake.address()).await.unwrap();
    let body = json!({"prompt": "a".repeat(64 * 1024 * 1024)});
    let large = request("POST", "/v1/chat/completions", "", &body);
    // The sockets' buffers take some megabytes; then writing must block.
    let write = stream.write_all(&large);
    let hung = fake.wait_for(|log| log.iter().any(|entry| entry.ended == How::Hung));
    tokio::select! {
        written = write => panic!("64 MiB fit into nobody's buffers: {written:?}"),
        log = hung => assert_eq!((&log[0].body, log[0].fault), (&Body::Unread, Some(Fault::ReadNothing))),
    }
}

#[tokio::test]
async fn a_client_that_leaves_a_flood_is_noticed() {
    let fake = FakeProvider::start().await;
    let mut stream = open(fake.address(), &bytes(Dialect::OpenAi, "m?fault=body_1gib", false)).await;
    read_until(&mut stream, "aaaa").await;
    drop(stream);
    let log = ended(&fake, client_closed).await;
    assert!(log[0].bytes_written < 1024 * 1024 * 1024);
}

#[tokio::test]
async fn a_request_may_come_in_chunks_and_wait_for_a_continue() {
    let fake = FakeProvider::start().await;
    let mut stream = open(
        fake.address(),
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: f\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\
          connection: close\r\n\r\n",
    )
    .await;
    read_until(&mut stream, "100 Continue\r\n\r\n").await;
    let body = br#"{"model":"m","messages":[{"content":"a b c"}]}"#;
    let (left, right) = body.split_at(10);
    let chunked = [
        format!("{:x}\r\n", left.len()).as_bytes(),
        left,
        b"\r\n",
        format!("{:X};x=y\r\n", right.len()).as_bytes(),
        right,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    stream.write_all(&chunked).await.unwrap();
    assert_eq!(read(&mut stream).await.json()["usage"]["prompt_tokens"], 3);
}

#[tokio::test]
async fn two_thousand_requests_are_counted_in_their_order() {
    let fake = FakeProvider::start().await;
    let mut stream = TcpStream::connect(fake.address()).await.unwrap();
    let one = b"GET /v1/models HTTP/1.1\r\nhost: f\r\n\r\n";
    for _ in 0..2_000 {
        stream.write_all(one).await.unwrap();
        read_until(&mut stream, "fake-small").await;
    }
    let log = fake.wait_for(|log| log.len() == 2_000 && log.iter().all(|entry| entry.ended == How::Answered)).await;
    assert!(log.iter().zip(1..).all(|(entry, order)| entry.at_order == order));
    fake.clear();
    assert!(fake.log().is_empty());
}

#[tokio::test]
async fn dropping_the_fake_ends_its_connections() {
    let fake = FakeProvider::start().await;
    let address = fake.address();
    let mut stream = open(address, &bytes(Dialect::OpenAi, "m?fault=hang_before_head", false)).await;
    ended(&fake, |how| how == How::Hung).await;
    drop(fake);
    assert!(read(&mut stream).await.bytes.is_empty(), "it ended, without an answer");
}

#[tokio::test]
async fn plans_are_built_in_code_too() {
    let fake = FakeProvider::start().await;
    let plan = Plan::new(Fault::TruncatedBody).after(At::Head).times(1).interval(Duration::ZERO);
    fake.script_lines([None, Some(plan)]);
    assert_eq!(call(&fake, Dialect::OpenAi, "m", false).await.json()["object"], "chat.completion");
    assert!(call(&fake, Dialect::OpenAi, "m", false).await.body().is_err());
    let value = send(&fake, &request("GET", "/v1/models", "", &Value::Null)).await;
    assert_eq!(value.status(), 200);
}
