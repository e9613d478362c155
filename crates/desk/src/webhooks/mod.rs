//! Webhooks: endpoints that are told of events, and the addresses that single requests name. The event log is the source:
//! `fan_out.rs` turns events into messages as a workspace's feed moves, `send.rs` carries them. `endpoints.rs` and
//! `messages.rs` are what people do with both.

pub mod courier;
mod crowd;
mod endpoints;
mod fan_out;
mod messages;
pub mod payload;
mod send;
pub mod signature;

pub use courier::{BadAddress, Courier, NoCourier};
pub use endpoints::{Before, ENDPOINTS_MAX, EndpointEdit, EndpointOrder, OVERLAP, OVERLAP_MAX, Secreted};
pub use messages::{REPLAY_MAX, Told};
pub use signature::SigningSecret;

use crate::desk::Inner;
use crate::mail::Mailer;
use crate::prospects::verify::{MailDomains, NoDomains};
use crate::vault::Vault;
use copydesk_core::WebhookId;
use std::sync::Arc;
use tokio::sync::Notify;

/// How many messages may wait in a lane: for one endpoint, or for one host of requests' own addresses. What comes when there
/// are so many is dropped, which its log tells.
pub const WAITING_MAX: u32 = 10_000;

/// What webhooks are given from outside.
#[derive(Clone)]
pub struct Hooks {
    pub courier: Arc<dyn Courier>,
    pub vault: Vault,
    /// The server's public address, before the links in messages.
    pub base: String,
    /// The way to the mail server, where there is one.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Where it is asked whether a domain takes mail.
    pub domains: Arc<dyn MailDomains>,
}

impl Default for Hooks {
    /// A desk that sends nothing.
    fn default() -> Hooks {
        let no_key = || Err("no key for secrets is set up here".to_owned());
        Hooks {
            courier: Arc::new(NoCourier),
            vault: Vault::new(Arc::new(no_key)),
            base: String::new(),
            mailer: None,
            domains: Arc::new(NoDomains("no name server is set up here".to_owned())),
        }
    }
}

/// What the duties tell each other.
#[derive(Default)]
pub(crate) struct Bells {
    /// The endpoints have changed.
    pub endpoints: Notify,
    /// There may be messages to send.
    pub messages: Notify,
    /// There may be sources that are due.
    pub sources: Notify,
    /// There may be mailings to fill, or to take back.
    pub mailings: Notify,
    /// There may be mails to send.
    pub mails: Notify,
}

pub(crate) fn spawn(inner: &Arc<Inner>) {
    fan_out::spawn(inner);
    send::spawn(inner);
}

/// What an endpoint's secrets are sealed for.
fn purpose(id: WebhookId) -> String {
    format!("webhook {id}")
}
