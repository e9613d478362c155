//! Endpoints as people set them. The signing secret is shown in the one answer that makes it.

use super::signature::SigningSecret;
use super::{BadAddress, purpose};
use crate::accept::Request;
use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use crate::vault::VaultError;
use copydesk_core::access::Permit;
use copydesk_core::refusal::Refusal;
use copydesk_core::webhook::{Disabled, Wanted, put_by};
use copydesk_core::{Timestamp, WebhookId};
use copydesk_store::generations::Idempotency;
use copydesk_store::webhooks::{EndpointChange, EndpointRow, RequestHook, Resume};
use copydesk_store::{Page, PageRequest, Scope, StoreError};
use std::time::Duration;
use uuid::Uuid;

/// How many endpoints a workspace may have.
pub const ENDPOINTS_MAX: usize = 100;
/// How long messages are signed with the old secret, too, when nobody says, and at most.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3_600);
pub const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Units: bytes.
const DESCRIPTION_BYTES_MAX: usize = 500;
/// How often a change is tried that others get in the way of.
const TRIES: u32 = 4;

/// An endpoint to be made.
#[derive(Clone, Debug)]
pub struct EndpointOrder {
    pub scope: Scope,
    /// `None` makes the one for the addresses of single requests.
    pub url: Option<String>,
    pub events: Vec<String>,
    pub description: String,
    pub idempotency: Option<Idempotency>,
}

/// What may be changed of one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EndpointEdit {
    pub url: Option<String>,
    pub events: Option<Vec<String>>,
    pub description: Option<String>,
    pub enabled: Option<bool>,
}

/// What a rotation does to the secret before, which receivers may still know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    Kept,
    Dropped,
}

/// An endpoint with its secret, which is shown nowhere else.
#[derive(Clone, Debug)]
pub struct Secreted {
    pub row: EndpointRow,
    pub secret: SigningSecret,
}

impl Desk {
    /// Makes an endpoint, which hears what happens from now on. With an idempotency key it is made once: a repeat is refused,
    /// because the secret is shown once.
    ///
    /// Errors: `Invalid`; `NoSecretKey`; `Refused(WebhookMade)`.
    pub async fn add_webhook(&self, order: EndpointOrder) -> Result<Secreted, DeskError> {
        let mut faults = Vec::new();
        let (events, mut url) = (events(&order.events, &mut faults), None);
        description_fault(&order.description, &mut faults);
        if let Some(given) = order.url {
            match self.inner.hooks.courier.probe(given).await {
                Ok(kept) => url = Some(kept),
                Err(bad) => faults.push(address_fault("/url", bad)),
            }
        }
        let there = self.store().webhooks(order.scope, PageRequest::newest(ENDPOINTS_MAX as u32)).await?.rows.len();
        if there >= ENDPOINTS_MAX {
            faults.push(Fault::new(
                "",
                "too_many",
                format!("a workspace has at most {ENDPOINTS_MAX} webhooks: remove one first"),
            ));
        }
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        let now = self.inner.now();
        let id = match &order.idempotency {
            Some(key) => named_id(order.scope, key),
            None => WebhookId(self.inner.world.uuid(now)),
        };
        let secret = SigningSecret::random(&self.inner.world);
        let row = EndpointRow {
            id,
            workspace: order.scope.workspace,
            url,
            events,
            description: order.description,
            secret: self.sealed(id, &secret)?,
            old_secret: None,
            old_events: None,
            since_seq: 0,
            revision: 1,
            created_at: now,
            disabled: None,
            failing_since: None,
            removed_at: None,
        };
        if !self.store().add_webhook(row.clone()).await? {
            let of_requests = self.store().request_webhook(order.scope).await?.filter(|_| row.url.is_none());
            return Err(Refusal::WebhookMade { webhook: of_requests.map_or(id, |known| known.id) }.into());
        }
        tracing::info!(webhook = %id, workspace = %order.scope.workspace, "A webhook was made");
        self.inner.bells.endpoints.notify_one();
        Ok(Secreted { row: self.store().webhook(order.scope, id).await?, secret })
    }

    pub async fn webhook(&self, scope: Scope, id: WebhookId) -> Result<EndpointRow, DeskError> {
        Ok(self.store().webhook(scope, id).await?)
    }

    pub async fn webhooks(&self, scope: Scope, page: PageRequest) -> Result<Page<EndpointRow>, StoreError> {
        self.store().webhooks(scope, page).await
    }

    /// Errors: `Invalid`; `NotFound`; `Refused(VersionConflict)` where a revision was named.
    pub async fn change_webhook(
        &self,
        scope: Scope,
        id: WebhookId,
        edit: EndpointEdit,
        if_revision: Option<i64>,
    ) -> Result<EndpointRow, DeskError> {
        let mut faults = Vec::new();
        if edit == EndpointEdit::default() {
            faults.push(Fault::new("", "required", "say what is to change: url, events, description or enabled"));
        }
        let events = edit.events.as_deref().map(|given| events(given, &mut faults));
        edit.description.iter().for_each(|text| description_fault(text, &mut faults));
        let mut url = None;
        if let Some(given) = edit.url.clone() {
            if self.store().webhook(scope, id).await?.url.is_none() {
                faults.push(Fault::new(
                    "/url",
                    "not_allowed",
                    "this is the webhook of single requests, which name their own addresses",
                ));
            }
            match self.inner.hooks.courier.probe(given).await {
                Ok(kept) => url = Some(kept),
                Err(bad) => faults.push(address_fault("/url", bad)),
            }
        }
        if !faults.is_empty() {
            return Err(DeskError::Invalid(faults));
        }
        self.rewrite_webhook(scope, id, if_revision, |row, now| {
            if let Some(url) = &url {
                row.url = Some(url.clone());
            }
            if let Some(events) = &events {
                row.events.clone_from(events);
            }
            if let Some(description) = &edit.description {
                row.description.clone_from(description);
            }
            match edit.enabled {
                Some(true) => row.disabled = None,
                Some(false) if row.disabled.is_none() => row.disabled = Some((now, Disabled::ByHand)),
                Some(false) | None => {}
            }
            Ok(())
        })
        .await
    }

    /// What waits for it is dropped. Its messages stay to be read until they are old.
    pub async fn remove_webhook(&self, scope: Scope, id: WebhookId, if_revision: Option<i64>) -> Result<(), DeskError> {
        let gone = |row: &mut EndpointRow, now| {
            row.removed_at = Some(now);
            row.secret = Vec::new();
            row.old_secret = None;
            Ok(())
        };
        self.rewrite_webhook(scope, id, if_revision, gone).await?;
        tracing::info!(webhook = %id, workspace = %scope.workspace, "A webhook was removed");
        Ok(())
    }

    /// Gives it another secret. Until `overlap` is over, messages carry a signature of each.
    ///
    /// Errors: `Refused(OldSecretCounts)` while the secret before this one counts, unless that is to be dropped: receivers
    /// may know no other.
    pub async fn rotate_webhook(
        &self,
        scope: Scope,
        id: WebhookId,
        overlap: Duration,
        before: Before,
    ) -> Result<Secreted, DeskError> {
        if overlap > OVERLAP_MAX {
            let detail = format!("it must be at most {} days", OVERLAP_MAX.as_secs() / 86_400);
            return Err(DeskError::invalid("/overlap", "out_of_range", detail));
        }
        let secret = SigningSecret::random(&self.inner.world);
        let sealed = self.sealed(id, &secret)?;
        let rotate = |row: &mut EndpointRow, now: Timestamp| {
            let counts = row.old_secret.as_ref().map(|(_, until)| *until).filter(|until| now < *until);
            if let Some(until) = counts.filter(|_| before == Before::Kept) {
                return Err(Refusal::OldSecretCounts { webhook: id, until });
            }
            let old = std::mem::replace(&mut row.secret, sealed.clone());
            row.old_secret = (!overlap.is_zero()).then(|| (old, now.plus(overlap)));
            Ok(())
        };
        let row = self.rewrite_webhook(scope, id, None, rotate).await?;
        tracing::info!(webhook = %id, workspace = %scope.workspace, "A webhook's secret was rotated");
        Ok(Secreted { row, secret })
    }

    /// Reads the row, changes it, and writes over exactly what was read.
    async fn rewrite_webhook(
        &self,
        scope: Scope,
        id: WebhookId,
        if_revision: Option<i64>,
        change: impl Fn(&mut EndpointRow, Timestamp) -> Result<(), Refusal>,
    ) -> Result<EndpointRow, DeskError> {
        let mut tries = 1;
        loop {
            let mut row = self.store().webhook(scope, id).await?;
            if let Some(wanted) = if_revision.filter(|wanted| *wanted != row.revision) {
                tracing::debug!(webhook = %id, wanted, "A change names an old revision");
                return Err(Refusal::VersionConflict { current: row.revision }.into());
            }
            let (seen, was, now) = (row.revision, row.disabled, self.inner.now());
            change(&mut row, now)?;
            let resume = was.filter(|_| row.is_enabled()).map(|(since, _)| Resume { put_by: put_by(since), at: now });
            match self.store().change_webhook(EndpointChange { if_revision: seen, row, resume }).await {
                Err(StoreError::Refused(Refusal::VersionConflict { .. })) if if_revision.is_none() && tries < TRIES => {
                    tries += 1;
                }
                answer => {
                    self.inner.bells.endpoints.notify_one();
                    return Ok(answer?);
                }
            }
        }
    }

    fn sealed(&self, id: WebhookId, secret: &SigningSecret) -> Result<Vec<u8>, DeskError> {
        self.inner.hooks.vault.seal(&self.inner.world, &purpose(id), secret.bytes()).map_err(no_key)
    }

    /// Whether the request's own address may be kept: what its text says, who asks, and that there is a secret to sign with.
    pub(crate) async fn check_request_hook(&self, request: &Request) -> Result<(), DeskError> {
        if request.webhook.is_none()
            || self.store().request_webhook(request.scope).await?.is_some_and(|it| it.is_enabled())
        {
            return Ok(());
        }
        let detail = "this workspace has no secret for the addresses of single requests yet, or it is disabled: make one with \
                      POST /api/v1/webhooks {\"for\": \"requests\"} or `copydesk webhooks add --requests`, and verify with it";
        Err(DeskError::invalid("/webhook_url", "no_webhook_secret", detail))
    }

    /// What is kept of a request's own address.
    pub(crate) fn request_hook(&self, request: &Request, faults: &mut Vec<Fault>) -> Option<RequestHook> {
        let asked = request.webhook.as_ref()?;
        if confined(&request.permit) || request.scope.user.is_some() {
            let detail = "a key that is bound to a user cannot name one: only the application's own keys can";
            faults.push(Fault::new("/webhook_url", "not_allowed", detail));
        }
        let events = Wanted::new(&asked.events).map(|wanted| wanted.to_string());
        let events = events.map_err(|bad| faults.push(Fault::new("/webhook_events", "unknown_kind", bad.to_string())));
        let url =
            self.inner.hooks.courier.check(&asked.url).map_err(|bad| faults.push(address_fault("/webhook_url", bad)));
        Some(RequestHook { url: url.ok()?, events: events.ok()? })
    }
}

fn confined(permit: &Permit) -> bool {
    permit.user.is_some()
}

/// The same request makes the same id, so it makes one endpoint.
fn named_id(scope: Scope, key: &Idempotency) -> WebhookId {
    let name = format!("{:?} {:?} {:?}", key.owner, key.route, key.key);
    WebhookId(Uuid::new_v5(&scope.workspace.0, name.as_bytes()))
}

fn events(given: &[String], faults: &mut Vec<Fault>) -> String {
    match Wanted::new(given) {
        Ok(wanted) => wanted.to_string(),
        Err(bad) => {
            faults.push(Fault::new("/events", "unknown_kind", bad.to_string()));
            String::new()
        }
    }
}

fn description_fault(text: &str, faults: &mut Vec<Fault>) {
    if text.len() > DESCRIPTION_BYTES_MAX || text.contains('\0') {
        let detail = format!("it must have at most {DESCRIPTION_BYTES_MAX} bytes and no NUL character");
        faults.push(Fault::new("/description", "bad_length", detail));
    }
}

fn address_fault(pointer: &str, bad: BadAddress) -> Fault {
    tracing::warn!(reason = bad.code, "An address for webhooks was refused");
    Fault::new(pointer, bad.code, format!("this address is not called: {}", bad.detail))
}

fn no_key(error: VaultError) -> DeskError {
    DeskError::NoSecretKey { why: error.to_string() }
}
