//! Clients that do not give up: each request is sent with its own key until some server has acknowledged it, however
//! often the server dies meanwhile.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many clients send at the same time.
const CLIENTS: usize = 8;
/// How long a client thinks between two requests: what is accepted must also end within the test.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a request may live. Longer than any of them needs while the server is up, with room for a few kills.
const DEADLINE: &str = "90s";
/// What is asked for: mostly good, some slow, some that fail for a while or for good.
const MODELS: [&str; 8] = [
    "outside/writer",
    "outside/slow?ms=400",
    "outside/writer",
    "outside/flaky?fail=1&ms=20",
    "outside/echo",
    "outside/garbage?kind=cut",
    "outside/fail?status=400",
    "outside/writer?ms=100",
];

pub fn user(number: usize) -> String {
    format!("payer-{number}")
}

/// An acknowledged request.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub number: usize,
    pub generation: String,
    pub draft: String,
}

pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn start(url: String) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let next = Arc::new(AtomicUsize::new(0));
        let clients = (0..CLIENTS)
            .map(|_| {
                let (stop, acknowledged, next, url) =
                    (Arc::clone(&stop), Arc::clone(&acknowledged), Arc::clone(&next), url.clone());
                tokio::spawn(async move {
                    let client = reqwest::Client::new();
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let done = until_acknowledged(&client, &url, number).await;
                        acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(done);
                        tokio::time::sleep(PAUSE).await;
                    }
                })
            })
            .collect();
        Load { stop, acknowledged, clients }
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Lets every client finish its request, and returns all of them.
    pub async fn finish(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            if let Err(panic) = client.await {
                eprintln!("crash: a client broke: {panic}");
            }
        }
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What fails again and again cools its model down, and then waits: the deadline ends it within the test.
fn body(number: usize) -> Value {
    json!({
        "recipe": "paid",
        "model": MODELS[number % MODELS.len()],
        "input": { "prompt": format!("Write about number {number}") },
        "user": user(number % crate::USERS),
        "deadline": DEADLINE,
    })
}

/// Sends request `number` once. `None`: no server, or none that could take it.
pub async fn send(client: &reqwest::Client, url: &str, number: usize) -> Option<(u16, Value)> {
    let request = client
        .post(format!("{url}/api/v1/generations"))
        .bearer_auth("crash-test-admin-key")
        .header("Idempotency-Key", format!("request-{number}"))
        .json(&body(number))
        .timeout(Duration::from_secs(10));
    let reply = request.send().await.ok()?;
    let status = reply.status().as_u16();
    Some((status, reply.json().await.ok()?))
}

async fn until_acknowledged(client: &reqwest::Client, url: &str, number: usize) -> Acknowledged {
    loop {
        if let Some((202, body)) = send(client, url, number).await {
            let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Acknowledged { number, generation: text("id"), draft: text("draft_id") };
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
