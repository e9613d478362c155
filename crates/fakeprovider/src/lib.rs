//! A fake AI provider that speaks raw TCP, so that every byte can be wrong on purpose: seven dialects, each with a right
//! answer, and more than a hundred faults. For tests only; the product never depends on it.
//!
//! ```no_run
//! # async fn example() {
//! use copydesk_fakeprovider::{Fault, FakeProvider, How};
//!
//! let fake = FakeProvider::start().await;
//! fake.script([Fault::Status500, Fault::ResetMidBody]); // the next two requests; then healthy
//! // ... call fake.base_url() + "/v1/chat/completions" ...
//! let log = fake.wait_for(|log| log.iter().any(|call| call.ended == How::Answered)).await;
//! assert_eq!(log[2].billed.input, 5);
//! # }
//! ```
//!
//! What a request meets, first found first: the script; the header `x-fake-fault: NAME`; `?fault=NAME` in the query; the
//! same behind the model's name (`gpt-x?fault=html_200&times=2`); what [`FakeProvider::always`] says. Options behind a fault:
//! `times=N` (then healthy), `healthy=N` (first), `after=before_head|head|first|content|end`, `interval_ms=N` for `drip`,
//! `on=start|poll|asset` for jobs. Options without a fault: `words=N`, `thoughts=N`, `cached=N`, `polls=N`.
//!
//! Bills: a whole answer is billed when it is made, a stream by its words as they are written plus its input at the
//! start, an error nothing. Read next: `fault.rs` for the faults, `compose.rs` for what they do.

mod answer;
mod clock;
mod compose;
mod dialects;
mod dns;
mod fault;
mod flood;
mod log;
mod media;
mod plan;
mod refused;
mod request;
mod route;
mod server;
mod smtp;
mod twist;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;

pub use answer::ABOVE_HOLD_TOKENS;
pub use dialects::Dialect;
pub use dialects::openai::IMAGE_TOKENS;
pub use dialects::openrouter::COST_NANOUSD_PER_TOKEN;
pub use dns::{FakeDns, NameFault, Zone};
pub use fault::{At, Fault};
pub use log::{Body, Connections, How, Received, Usage};
pub use media::{MP4, PNG, VIDEO_COST_NANOUSD};
pub use plan::{On, Plan};
pub use refused::Refused;
pub use smtp::{FakeSmtp, Post, PostFault};

use server::Server;

/// A running fake provider. Dropping it closes its listeners and every connection.
pub struct FakeProvider {
    main: Server,
    elsewhere: Server,
}

impl FakeProvider {
    /// On a free port of 127.0.0.1.
    pub async fn start() -> FakeProvider {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        FakeProvider::bind(address).await.expect("a free port of the loopback interface can be bound")
    }

    /// Errors: the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<FakeProvider> {
        // The second listener has another host as well as another port, where the system has more than one loopback address.
        let elsewhere = match Server::bind(SocketAddr::from(([127, 0, 0, 2], 0)), "").await {
            Ok(server) => server,
            Err(_) => Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "").await?,
        };
        let main = Server::bind(address, &elsewhere.world.base).await?;
        Ok(FakeProvider { main, elsewhere })
    }

    /// `http://127.0.0.1:PORT`, no slash at the end.
    pub fn base_url(&self) -> String {
        self.main.world.base.clone()
    }

    /// With the path that clients of this dialect take for granted: `/v1`, `/api/v1`, `/v1beta`, ...
    pub fn base_url_for(&self, dialect: Dialect) -> String {
        format!("{}{}", self.main.world.base, dialect.base_path())
    }

    /// Speaks TLS to a server that does not.
    pub fn https_base_url(&self) -> String {
        format!("https://{}", self.main.address)
    }

    pub const fn address(&self) -> SocketAddr {
        self.main.address
    }

    /// What has been received, in order of arrival.
    pub fn log(&self) -> Vec<Received> {
        self.main.world.log.entries()
    }

    /// Forgets log, script, counts and jobs. Exchanges under way go on unlogged.
    pub fn clear(&self) {
        self.main.world.clear();
        self.elsewhere.world.clear();
    }

    pub fn connections(&self) -> Connections {
        self.main.world.log.connections()
    }

    /// Waits until the log fulfils the condition, by notification.
    pub async fn wait_for(&self, condition: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        self.main.world.log.wait_for(condition).await
    }

    pub async fn wait_for_connections(&self, condition: impl Fn(Connections) -> bool) -> Connections {
        self.main.world.log.wait_for_connections(condition).await
    }

    /// One line for each coming request, of whatever kind; it is used up. It goes before any other source of faults.
    pub fn script(&self, faults: impl IntoIterator<Item = impl Into<Plan>>) {
        self.main.world.plans().script(faults.into_iter().map(|fault| Some(fault.into())));
    }

    /// The same with healthy lines in between.
    pub fn script_lines(&self, lines: impl IntoIterator<Item = Option<Plan>>) {
        self.main.world.plans().script(lines);
    }

    /// Lines of the script that are not used up.
    pub fn scripted(&self) -> usize {
        self.main.world.plans().scripted()
    }

    /// Every request that names no fault of its own meets this one, until `None` is said.
    pub fn always(&self, plan: Option<Plan>) {
        self.main.world.set_always(plan);
    }

    /// Every chat answer has this text.
    pub fn says(&self, text: impl Into<String>) {
        let text = text.into();
        self.says_with(move |_| Some(text.clone()));
    }

    /// The text of a chat answer from the request's body; `None` for the usual one.
    pub fn says_with(&self, speaker: impl Fn(&Value) -> Option<String> + Send + Sync + 'static) {
        self.main.world.set_speaker(Some(Arc::new(speaker)));
    }

    /// Lets every answer go on that is held at this moment (`ended` is [`How::Held`]).
    pub fn release_held(&self) {
        self.main.world.release_held();
    }

    /// Where redirects lead. It answers like the provider itself, so that a client that follows them looks successful.
    pub fn elsewhere_url(&self) -> String {
        self.elsewhere.world.base.clone()
    }

    /// What arrived where redirects lead: nothing, if the client is right.
    pub fn elsewhere_log(&self) -> Vec<Received> {
        self.elsewhere.world.log.entries()
    }

    /// Connections to where redirects lead.
    pub fn elsewhere_connections(&self) -> Connections {
        self.elsewhere.world.log.connections()
    }

    /// Calls `observer` at the arrival of each request and at each change of its `ended`. It must not call the fake.
    pub fn observe(&self, observer: impl Fn(&Received) + Send + Sync + 'static) {
        self.main.world.log.observe(Box::new(observer));
    }

    /// What all exchanges in the log cost.
    pub fn billed(&self) -> Usage {
        self.log().iter().fold(Usage::default(), |sum, entry| Usage {
            input: sum.input + entry.billed.input,
            output: sum.output + entry.billed.output,
            cached: sum.cached + entry.billed.cached,
            reasoning: sum.reasoning + entry.billed.reasoning,
        })
    }
}
