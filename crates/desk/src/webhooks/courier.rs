//! Who carries messages: one POST to one address, and what came of it. The real one goes through the guarded client; tests
//! have their own.

use copydesk_core::webhook::Outcome;
use copydesk_outbound::{Answer, Failure, GetLimits, Limits, Outbound, Page, Unread, Wanted};
use futures::future::BoxFuture;
use std::time::Duration;

/// What one message may take: 64 KiB of the answer are read, 1 KiB is kept.
const LIMITS: Limits = Limits { total: Duration::from_secs(20), read_bytes_max: 64 * 1024, kept_bytes_max: 1_024 };
/// How long a name may take when an address is saved.
const PROBE: Duration = Duration::from_secs(5);
/// The longest word about what broke. Units: signs.
const DETAIL_MAX: usize = 1_024;

/// An address that nobody goes to. The words are for whoever gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadAddress {
    pub code: &'static str,
    pub detail: String,
}

pub struct Parcel {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub outcome: Outcome,
    pub status: Option<u16>,
    pub retry_after: Option<Duration>,
    /// The beginning of the answer, where it may be kept, or what broke.
    pub detail: Option<String>,
}

pub trait Courier: Send + Sync {
    /// What the text alone can say. The address as it will be kept.
    fn check(&self, url: &str) -> Result<String, BadAddress>;
    /// The same, and where its name leads at this moment.
    fn probe(&self, url: String) -> BoxFuture<'_, Result<String, BadAddress>>;
    fn carry(&self, parcel: Parcel) -> BoxFuture<'_, Receipt>;
    /// What the text of an address that is only read can say. The address as it will be kept.
    fn readable(&self, url: &str) -> Result<String, BadAddress> {
        Err(BadAddress { code: "not_allowed", detail: format!("nothing is fetched here: {url}") })
    }
    /// Reads a page.
    fn get(&self, wanted: Wanted, _limits: GetLimits) -> BoxFuture<'_, Result<Page, Unread>> {
        let why = format!("nothing is fetched here: {}", wanted.url);
        Box::pin(async { Err(Unread::Failed(Failure::NotPublic(why))) })
    }
}

impl Courier for Outbound {
    fn check(&self, url: &str) -> Result<String, BadAddress> {
        let bad =
            |refused: copydesk_outbound::Refused| BadAddress { code: refused.code(), detail: refused.to_string() };
        self.rules().check(url).map(|target| target.url().to_string()).map_err(bad)
    }

    fn probe(&self, url: String) -> BoxFuture<'_, Result<String, BadAddress>> {
        Box::pin(async move {
            let kept = self.check(&url)?;
            let target = self
                .rules()
                .check(&kept)
                .map_err(|_| BadAddress { code: "bad_url", detail: "it cannot be read twice".to_owned() })?;
            let refused =
                |why: copydesk_outbound::NotPublic| BadAddress { code: "not_public", detail: why.to_string() };
            Outbound::probe(self, &target, PROBE).await.map_err(refused)?;
            Ok(kept)
        })
    }

    fn readable(&self, url: &str) -> Result<String, BadAddress> {
        let bad =
            |refused: copydesk_outbound::Refused| BadAddress { code: refused.code(), detail: refused.to_string() };
        self.rules().reading().check(url).map(|target| target.url().to_string()).map_err(bad)
    }

    fn get(&self, wanted: Wanted, limits: GetLimits) -> BoxFuture<'_, Result<Page, Unread>> {
        Box::pin(async move { Outbound::get(self, &wanted, limits).await })
    }

    fn carry(&self, parcel: Parcel) -> BoxFuture<'_, Receipt> {
        Box::pin(async move {
            let target = match self.rules().check(&parcel.url) {
                Ok(target) => target,
                Err(refused) => return broken(Outcome::Blocked, refused.to_string()),
            };
            match self.post(&target, &parcel.headers, parcel.body, LIMITS).await {
                Ok(Answer { status, retry_after, head }) => {
                    let outcome = Outcome::of_status(status);
                    Receipt { outcome, status: Some(status), retry_after, detail: head.filter(|head| !head.is_empty()) }
                }
                Err(failure) => broken(outcome(&failure), failure.to_string()),
            }
        })
    }
}

fn outcome(failure: &Failure) -> Outcome {
    match failure {
        Failure::NotPublic(_) => Outcome::Blocked,
        Failure::NoName => Outcome::NoName,
        Failure::Connect(_) => Outcome::Connect,
        Failure::TimedOut(_) => Outcome::Timeout,
        Failure::Broken(_) => Outcome::Broken,
    }
}

pub(super) fn broken(outcome: Outcome, why: String) -> Receipt {
    Receipt { outcome, status: None, retry_after: None, detail: Some(why.chars().take(DETAIL_MAX).collect()) }
}

/// Goes nowhere: for a desk that sends nothing.
pub struct NoCourier;

impl Courier for NoCourier {
    fn check(&self, _: &str) -> Result<String, BadAddress> {
        Err(BadAddress { code: "not_allowed", detail: "webhooks are not set up here".to_owned() })
    }
    fn probe(&self, url: String) -> BoxFuture<'_, Result<String, BadAddress>> {
        Box::pin(async move { self.check(&url) })
    }
    fn carry(&self, _: Parcel) -> BoxFuture<'_, Receipt> {
        Box::pin(async { broken(Outcome::Blocked, "webhooks are not set up here".to_owned()) })
    }
}
