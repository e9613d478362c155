//! `copydesk webhooks`: who is told of events, what became of the messages, and following the events of a server from behind
//! NAT (`listen.rs`). A secret is printed once, on the standard output, when it is made.

mod listen;

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute, second};
use http::Method;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long a test is waited for: what one may take, and a little.
const PATIENCE: Duration = Duration::from_secs(25);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Webhooks.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The webhooks, with their state
    Ls,
    /// Make a webhook; its signing secret is shown once
    Add(Add),
    /// Everything about a webhook but its secret
    Show {
        /// Id of the webhook
        id: String,
    },
    /// Send a test and wait for what comes of it
    Ping {
        /// Id of the webhook
        id: String,
    },
    /// Send a test that looks like this kind of event
    Trigger {
        /// A kind of event, such as generation.completed
        kind: String,
        /// Id of the webhook
        id: String,
    },
    /// The messages of a webhook, the newest first
    Deliveries {
        /// Id of the webhook
        id: String,
        /// waiting, delivered, given_up or dropped
        #[arg(long)]
        status: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// One message with its attempts
    Delivery {
        /// Id of the message
        id: String,
    },
    /// Send a message again, under the same id
    Redeliver {
        /// Id of the message
        id: String,
    },
    /// Send the messages of a range of events again, also those that were never made
    Replay {
        /// Id of the webhook
        id: String,
        /// Number of the first event
        from: i64,
        /// Number of the last event
        to: i64,
    },
    /// Make another secret; messages are signed with both for a while
    Rotate {
        /// Id of the webhook
        id: String,
        /// How long the old secret stays good: 0s, 1h, 7d (default: 24h)
        #[arg(long, value_name = "SPAN")]
        overlap: Option<String>,
        /// End the secret of the rotation before at once, which receivers may still know
        #[arg(long)]
        drop_previous: bool,
    },
    /// Enable a webhook again: it hears what happens from now on
    Enable {
        /// Id of the webhook
        id: String,
    },
    /// Send it nothing until it is enabled again
    Disable {
        /// Id of the webhook
        id: String,
    },
    /// Remove a webhook; what waits for it is dropped
    Rm {
        /// Id of the webhook
        id: String,
    },
    /// Forward a server's events to this machine as signed messages, until Ctrl-C; needs no public address
    Listen(listen::Listen),
}

#[derive(clap::Args, Debug)]
pub struct Add {
    /// Where messages go: https and a public address, unless COPYDESK_WEBHOOK_ALLOW says otherwise
    #[arg(required_unless_present = "requests", conflicts_with = "requests")]
    url: Option<String>,
    /// The secret for the addresses that single requests name (webhook_url)
    #[arg(long)]
    requests: bool,
    /// Only these kinds, e.g. generation.completed or draft.*; may be repeated (default: all)
    #[arg(long = "event", value_name = "KIND")]
    events: Vec<String>,
    /// For people: what it is for
    #[arg(long, default_value = "")]
    description: String,
}

impl Add {
    fn body(self) -> Value {
        let serves = if self.requests { "requests" } else { "events" };
        let mut body =
            Map::from_iter([("for".to_owned(), json!(serves)), ("description".to_owned(), json!(self.description))]);
        body.extend(self.url.map(|url| ("url".to_owned(), json!(url))));
        if !self.events.is_empty() {
            body.insert("events".to_owned(), json!(self.events));
        }
        Value::Object(body)
    }
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let (method, path, body) = match command {
        Command::Ls => return list(settings, output).await,
        Command::Deliveries { id, status, limit } => return deliveries(settings, output, &id, status, limit).await,
        Command::Listen(listen) => return listen::run(listen, settings, output).await,
        Command::Ping { id } => return ping(settings, output, &id, json!({})).await,
        Command::Trigger { kind, id } => return ping(settings, output, &id, json!({ "type": kind })).await,
        Command::Delivery { id } => return delivery(settings, output, &id).await,
        Command::Redeliver { id } => {
            let path = format!("/api/v1/deliveries/{}/redeliver", escape(&id));
            let sent = ask(settings, Method::POST, &path, Some(json!({}))).await?;
            return Ok(told(
                &sent,
                output,
                &format!("{id} is sent again; `copydesk webhooks delivery {id}` shows what comes of it."),
            ));
        }
        Command::Replay { id, from, to } => {
            let range = json!({ "from_seq": from, "to_seq": to });
            let sent = ask(settings, Method::POST, &path(&id, "/replay"), Some(range)).await?;
            let (count, upto) = (cell(&sent, "/messages"), cell(&sent, "/upto_seq"));
            let rest = if upto.parse().is_ok_and(|upto: i64| upto < to) {
                format!(" Go on with `copydesk webhooks replay {id} {} {to}`.", upto.parse::<i64>().unwrap_or(from) + 1)
            } else {
                format!(" `copydesk webhooks deliveries {id}` shows them.")
            };
            return Ok(told(
                &sent,
                output,
                &format!("{count} message(s) are on their way, of events up to {upto}.{rest}"),
            ));
        }
        Command::Rm { id } => {
            ask(settings, Method::DELETE, &path(&id, ""), None).await?;
            output.talk(&format!("{id} was removed."));
            return Ok(exit::OK);
        }
        Command::Show { id } => (Method::GET, path(&id, ""), None),
        Command::Add(add) => {
            let made = ask(settings, Method::POST, "/api/v1/webhooks", Some(add.body())).await;
            show(&made.map_err(or_listen)?, output);
            return Ok(exit::OK);
        }
        Command::Rotate { id, overlap, drop_previous } => {
            let mut body = json!({ "drop_previous": drop_previous });
            if let Some(overlap) = overlap {
                body["overlap"] = json!(overlap);
            }
            (Method::POST, path(&id, "/rotate"), Some(body))
        }
        Command::Enable { id } => (Method::PATCH, path(&id, ""), Some(json!({ "enabled": true }))),
        Command::Disable { id } => (Method::PATCH, path(&id, ""), Some(json!({ "enabled": false }))),
    };
    let hook = ask(settings, method, &path, body).await?;
    show(&hook, output);
    Ok(exit::OK)
}

/// Whoever tries to reach his own machine wants this.
fn or_listen(failure: Failure) -> Failure {
    if failure.code == "validation_failed" && failure.hint.is_none() {
        return failure.hint(
            "to try it on this machine, `copydesk webhooks listen --forward-to URL` needs no webhook; docs/webhooks.md",
        );
    }
    failure
}

fn told(body: &Value, output: Output, sentence: &str) -> u8 {
    if output.json {
        output.object(body)
    } else {
        output.talk(sentence)
    }
    exit::OK
}

async fn ask(settings: &Settings, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
    let reply =
        Backend::with(settings, Need::Records, async |backend| backend.call(method, path, body.as_ref(), &[]).await);
    Ok(reply.await?.body)
}

fn path(id: &str, act: &str) -> String {
    format!("/api/v1/webhooks/{}{act}", escape(id))
}

fn show(hook: &Value, output: Output) {
    if output.json {
        output.object(hook);
        return;
    }
    let at = |pointer: &str| cell(hook, pointer);
    if let Some(secret) = hook.get("secret").and_then(Value::as_str) {
        let id = at("/id");
        output.talk(&format!("{id} has this signing secret, shown only now; give it to the receiver:"));
        output.data(secret);
        let next = match at("/for").as_str() {
            "requests" => "Name an address with a request: \"webhook_url\" in POST /api/v1/generations.".to_owned(),
            _ => format!("`copydesk webhooks ping {id}` sends a test."),
        };
        output.talk(&next);
        return;
    }
    let facts = [
        ("id", "/id"),
        ("for", "/for"),
        ("address", "/url"),
        ("description", "/description"),
        ("status", "/status"),
        ("disabled because", "/disabled_reason"),
        ("disabled at", "/disabled_at"),
        ("failing since", "/failing_since"),
        ("old secret until", "/old_secret_until"),
        ("made", "/created_at"),
    ];
    for (name, pointer) in facts {
        if hook.pointer(pointer).is_some_and(|value| !value.is_null() && value != "") {
            output.data(&format!("{name:>20}  {}", at(pointer)));
        }
    }
    output.data(&format!("{:>20}  {}", "events", kinds(hook)));
    output.talk(&format!("`copydesk webhooks deliveries {}` lists its messages.", at("/id")));
}

fn kinds(hook: &Value) -> String {
    let kinds: Vec<&str> =
        hook.get("events").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if kinds.is_empty() { "all".to_owned() } else { kinds.join(", ") }
}

async fn list(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let body = ask(settings, Method::GET, "/api/v1/webhooks?limit=1000", None).await?;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let hooks: Vec<&Value> = body.get("data").and_then(Value::as_array).into_iter().flatten().collect();
    if hooks.is_empty() {
        output.talk("There is no webhook; `copydesk webhooks add URL` makes one, `copydesk webhooks listen --forward-to URL` needs none.");
        return Ok(exit::OK);
    }
    let row = |hook: &&Value| {
        let state = match (cell(hook, "/disabled_reason").as_str(), cell(hook, "/failing_since").as_str()) {
            ("-", "-") => "well".to_owned(),
            ("-", _) => format!("failing since {}", minute(hook, "/failing_since")),
            (why, _) => format!("disabled ({why})"),
        };
        let url = if cell(hook, "/for") == "requests" {
            "(the addresses of requests)".to_owned()
        } else {
            cell(hook, "/url")
        };
        vec![cell(hook, "/id"), url, kinds(hook), state, cell(hook, "/description")]
    };
    let headings = ["ID", "ADDRESS", "EVENTS", "STATE", "DESCRIPTION"];
    output.table(Table { headings: &headings, rows: hooks.iter().map(row).collect(), cut: Some(1) });
    output.talk(&format!("`copydesk webhooks deliveries {}` lists the messages of one.", cell(hooks[0], "/id")));
    Ok(exit::OK)
}

async fn deliveries(
    settings: &Settings,
    output: Output,
    id: &str,
    status: Option<String>,
    limit: u32,
) -> Result<u8, Failure> {
    let status = status.map(|status| format!("&status={}", escape(&status))).unwrap_or_default();
    let body = ask(settings, Method::GET, &path(id, &format!("/deliveries?limit={limit}{status}")), None).await?;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let messages: Vec<&Value> = body.get("data").and_then(Value::as_array).into_iter().flatten().collect();
    if messages.is_empty() {
        output.talk(&format!("There is no such message; `copydesk webhooks ping {id}` sends a test."));
        return Ok(exit::OK);
    }
    let row = |message: &&Value| {
        let at = |pointer: &str| cell(message, pointer);
        let when =
            if at("/status") == "waiting" { second(message, "/next_attempt_at") } else { second(message, "/ended_at") };
        vec![at("/id"), at("/seq"), at("/type"), at("/status"), at("/attempts_made"), when]
    };
    let headings = ["ID", "EVENT", "TYPE", "STATUS", "ATTEMPTS", "ENDED OR DUE"];
    output.table(Table { headings: &headings, rows: messages.iter().map(row).collect(), cut: None });
    output.talk(&format!("`copydesk webhooks delivery {}` shows one with its attempts.", cell(messages[0], "/id")));
    Ok(exit::OK)
}

async fn delivery(settings: &Settings, output: Output, id: &str) -> Result<u8, Failure> {
    let message = ask(settings, Method::GET, &format!("/api/v1/deliveries/{}", escape(id)), None).await?;
    if output.json {
        output.object(&message);
        return Ok(exit::OK);
    }
    for (name, pointer) in [
        ("webhook", "/webhook_id"),
        ("event", "/seq"),
        ("type", "/type"),
        ("address", "/url"),
        ("status", "/status"),
        ("made", "/created_at"),
        ("next attempt", "/next_attempt_at"),
        ("ended", "/ended_at"),
    ] {
        if message.pointer(pointer).is_some_and(|value| !value.is_null()) {
            output.data(&format!("{name:>14}  {}", cell(&message, pointer)));
        }
    }
    output.data(&format!("{:>14}  {}", "body", message.get("body").map(Value::to_string).unwrap_or_default()));
    let row = |attempt: &Value| {
        let at = |pointer: &str| cell(attempt, pointer);
        let outcome = if at("/outcome") == "-" {
            if at("/arrived") == "true" { "arrived".to_owned() } else { "did not arrive".to_owned() }
        } else {
            at("/outcome")
        };
        vec![at("/attempt"), second(attempt, "/at"), outcome, at("/http_status"), at("/duration_ms"), at("/detail")]
    };
    let attempts: Vec<Vec<String>> =
        message.get("attempts").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if !attempts.is_empty() {
        output.data("");
        output.table(Table {
            headings: &["ATTEMPT", "AT", "OUTCOME", "STATUS", "MS", "ANSWER"],
            rows: attempts,
            cut: Some(5),
        });
    }
    output.talk(&format!("`copydesk webhooks redeliver {id}` sends it again."));
    Ok(exit::OK)
}

/// Sends a test, and waits for what comes of it.
async fn ping(settings: &Settings, output: Output, id: &str, body: Value) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| {
        super::events::somebody_works(backend, settings)?;
        let sent = backend.post(&path(id, "/ping"), &body).await?.body;
        let message = cell(&sent, "/id");
        let address = format!("/api/v1/deliveries/{}", escape(&message));
        let wait = async {
            loop {
                let found = backend.get(&address).await?.body;
                if cell(&found, "/status") != "waiting" {
                    return Ok::<Value, Failure>(found);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let Ok(found) = tokio::time::timeout(PATIENCE, wait).await else {
            let sentence = format!("{message} was not sent within {} s", PATIENCE.as_secs());
            return Err(Failure::new(exit::TIMED_OUT, "timed_out", sentence)
                .hint(format!("`copydesk webhooks delivery {message}` shows what comes of it; `copydesk doctor` whether a server works")));
        };
        let found = found?;
        let arrived = cell(&found, "/status") == "delivered";
        if output.json {
            output.object(&found);
        } else {
            let attempt = found.pointer("/attempts/0").cloned().unwrap_or_default();
            let status = match cell(&attempt, "/http_status").as_str() {
                "-" => cell(&attempt, "/outcome"),
                status => format!("HTTP {status}"),
            };
            let ms = cell(&attempt, "/duration_ms");
            output.data(&format!("{message}  {}  {status}  {ms} ms", if arrived { "arrived" } else { "did not arrive" }));
            if !arrived && cell(&attempt, "/detail") != "-" {
                // A stranger wrote it: it must not talk to the terminal.
                output.talk(&cell(&attempt, "/detail").replace(|sign: char| sign.is_control(), " "));
            }
        }
        Ok(if arrived { exit::OK } else { exit::WORK_FAILED })
    })
    .await
}
