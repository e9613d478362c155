//! Who gets webhooks in tests: it answers by a script for each address, may hold an answer back, and keeps what it got.

use copydesk_core::webhook::Outcome;
use copydesk_desk::Hooks;
use copydesk_desk::vault::{MasterKey, Vault};
use copydesk_desk::webhooks::courier::{Parcel, Receipt};
use copydesk_desk::webhooks::{BadAddress, Courier};
use futures::future::BoxFuture;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Got {
    pub url: String,
    pub headers: HashMap<&'static str, String>,
    pub body: String,
}

impl Got {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub struct Receiver {
    got: Mutex<Vec<Got>>,
    /// Answers for an address, in turn; then 200.
    script: Mutex<HashMap<String, VecDeque<Receipt>>>,
    /// Addresses that answer only when let go.
    slow: Mutex<Option<String>>,
    released: watch::Sender<bool>,
}

pub fn answer(status: u16) -> Receipt {
    Receipt {
        outcome: Outcome::of_status(status),
        status: Some(status),
        retry_after: None,
        detail: Some("hi".to_owned()),
    }
}

impl Receiver {
    pub fn new() -> Arc<Receiver> {
        let (got, script, slow) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Receiver { got, script, slow, released: watch::Sender::new(false) })
    }

    pub fn hooks(self: &Arc<Receiver>) -> Hooks {
        let vault = Vault::of(MasterKey::parse(&"5a".repeat(32)).unwrap());
        let courier = self.clone();
        Hooks { courier, vault, base: "https://desk.example".to_owned(), ..Hooks::default() }
    }

    /// The next answers at this address.
    pub fn answers(&self, url: &str, answers: impl IntoIterator<Item = Receipt>) {
        self.script.lock().unwrap().entry(url.to_owned()).or_default().extend(answers);
    }
    pub fn statuses(&self, url: &str, statuses: &[u16]) {
        self.answers(url, statuses.iter().map(|status| answer(*status)));
    }
    /// From now on it answers 200 there.
    pub fn well(&self, url: &str) {
        self.script.lock().unwrap().remove(url);
    }
    pub fn hold(&self, url: &str) {
        *self.slow.lock().unwrap() = Some(url.to_owned());
    }
    pub fn let_go(&self) {
        self.released.send_replace(true);
    }
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
    /// What arrived at one address.
    pub fn at(&self, url: &str) -> Vec<Got> {
        self.got().into_iter().filter(|got| got.url == url).collect()
    }
}

impl Courier for Receiver {
    fn check(&self, url: &str) -> Result<String, BadAddress> {
        let bad = || BadAddress { code: "bad_scheme", detail: "it is plain http".to_owned() };
        if url.starts_with("https://") { Ok(url.to_owned()) } else { Err(bad()) }
    }
    fn probe(&self, url: String) -> BoxFuture<'_, Result<String, BadAddress>> {
        Box::pin(async move { self.check(&url) })
    }
    fn carry(&self, parcel: Parcel) -> BoxFuture<'_, Receipt> {
        Box::pin(async move {
            let Parcel { url, headers, body } = parcel;
            self.got.lock().unwrap().push(Got { url: url.clone(), headers: headers.into_iter().collect(), body });
            if self.slow.lock().unwrap().as_ref() == Some(&url) {
                self.released.subscribe().wait_for(|released| *released).await.unwrap();
            }
            let next = self.script.lock().unwrap().get_mut(&url).and_then(VecDeque::pop_front);
            next.unwrap_or_else(|| answer(200))
        })
    }
}

/// Come again after so many seconds.
pub fn later(status: u16, seconds: u64) -> Receipt {
    Receipt { retry_after: Some(Duration::from_secs(seconds)), ..answer(status) }
}
