//! Messages as people look at them: the log, sending one again, sending a range again, and tests.

use super::{WAITING_MAX, fan_out, payload};
use crate::desk::Desk;
use crate::error::DeskError;
use copydesk_core::webhook::Wanted;
use copydesk_core::{DeliveryId, WebhookId};
use copydesk_store::webhooks::{AttemptRow, DeliveryFilter, DeliveryRow, EndpointRow, NewDelivery};
use copydesk_store::{Page, PageRequest, Scope};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How many messages one replay sends.
pub const REPLAY_MAX: usize = 10_000;
/// How many events it looks at, at once and in all.
const LOOK: u32 = 500;
const LOOKS_MAX: u32 = 200;
/// How many messages one transaction writes.
const BATCH: usize = 500;

/// What a replay has sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    pub messages: usize,
    /// Everything up to this number was looked at; less than asked for where that was too much at once, or too much waits.
    pub upto_seq: i64,
}

impl Desk {
    /// Errors: `NotFound` for the endpoint.
    pub async fn deliveries(
        &self,
        scope: Scope,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<DeliveryRow>, DeskError> {
        self.store().webhook(scope, filter.webhook).await?;
        Ok(self.store().deliveries(scope, filter, page).await?)
    }

    pub async fn delivery(&self, scope: Scope, id: DeliveryId) -> Result<(DeliveryRow, Vec<AttemptRow>), DeskError> {
        Ok(self.store().delivery(scope, id).await?)
    }

    /// Sends a message again, under the same id and with the same words, whatever has become of it.
    ///
    /// Errors: `NotFound`; `Invalid` while its endpoint is disabled.
    pub async fn redeliver(&self, scope: Scope, id: DeliveryId) -> Result<DeliveryRow, DeskError> {
        let (row, _) = self.store().delivery(scope, id).await?;
        let endpoint = self.store().webhook(scope, row.webhook).await?;
        if row.seq.is_some() {
            enabled(&endpoint)?;
        }
        let DeliveryRow { workspace, webhook, seq, kind, url, lane, body, .. } = row;
        let at = self.inner.now();
        self.send_messages(vec![NewDelivery {
            id,
            workspace,
            webhook,
            seq,
            kind,
            url,
            lane,
            body,
            at,
            dropped: false,
        }])
        .await?;
        Ok(self.store().delivery(scope, id).await?.0)
    }

    /// Sends every message again that the events of a range make for this endpoint, also those that were never made.
    pub async fn replay_webhook(&self, scope: Scope, id: WebhookId, range: (i64, i64)) -> Result<Told, DeskError> {
        let (from, to) = range;
        if from < 1 || to < from {
            return Err(DeskError::invalid(
                "/to_seq",
                "out_of_range",
                "from_seq must be at least 1, and to_seq not below it",
            ));
        }
        let endpoint = self.store().webhook(scope, id).await?;
        enabled(&endpoint)?;
        // What was before the endpoint can be asked for, too, by the kinds that it wants now.
        let endpoint = EndpointRow { since_seq: 0, old_events: None, ..endpoint };
        let (mut after, mut messages, mut looks) = (from - 1, 0, 0);
        while after < to && messages < REPLAY_MAX && looks < LOOKS_MAX {
            let page = self.store().events(scope.whole(), after, LOOK).await?;
            if page.bounds.removed_to >= from && looks == 0 {
                let detail =
                    format!("events up to {} are gone for their age; ask for later ones", page.bounds.removed_to);
                return Err(DeskError::invalid("/from_seq", "gone", detail));
            }
            let rows: Vec<_> = page.rows.into_iter().filter(|row| row.seq <= to).collect();
            let made = fan_out::for_endpoint(&self.inner, &endpoint, &rows).await?;
            if !self.has_room_for(&made).await? {
                break;
            }
            messages += made.len();
            for batch in made.chunks(BATCH) {
                self.send_messages(batch.to_vec()).await?;
            }
            (after, looks) = (page.upto.min(to), looks + 1);
            if !page.more {
                break;
            }
        }
        Ok(Told { messages, upto_seq: after })
    }

    /// Sends a test of this kind, once, also to a disabled endpoint. What comes of it stands in the log.
    pub async fn ping_webhook(
        &self,
        scope: Scope,
        id: WebhookId,
        kind: Option<String>,
    ) -> Result<DeliveryRow, DeskError> {
        let endpoint = self.store().webhook(scope, id).await?;
        let kind = kind.unwrap_or_else(|| payload::PING.to_owned());
        let one = !kind.contains('*') && kind.contains('.');
        if Wanted::new(&[&kind]).is_err() || !one {
            let detail = format!("{kind:?} is not the kind of an event, such as generation.completed");
            return Err(DeskError::invalid("/type", "unknown_kind", detail));
        }
        if endpoint.url.is_none() {
            let detail = "this is the webhook of single requests, which name their own addresses; there is none to send a test to";
            return Err(DeskError::invalid("", "not_allowed", detail));
        }
        let at = self.inner.now();
        let message = NewDelivery {
            id: DeliveryId(self.inner.world.uuid(at)),
            workspace: endpoint.workspace,
            webhook: id,
            seq: None,
            body: payload::sample(&kind, at),
            kind,
            url: None,
            lane: id.0,
            at,
            dropped: false,
        };
        let ping = message.id;
        self.send_messages(vec![message]).await?;
        Ok(self.store().delivery(scope, ping).await?.0)
    }

    /// Whether so many more may wait.
    async fn has_room_for(&self, messages: &[NewDelivery]) -> Result<bool, DeskError> {
        let mut more: BTreeMap<Uuid, u32> = BTreeMap::new();
        messages.iter().for_each(|message| *more.entry(message.lane).or_default() += 1);
        let Some(workspace) = messages.first().map(|message| message.workspace) else { return Ok(true) };
        let waiting = self.store().waiting(workspace, more.keys().copied().collect(), WAITING_MAX).await?;
        Ok(waiting.iter().zip(more.values()).all(|(waiting, more)| waiting.saturating_add(*more) <= WAITING_MAX))
    }

    async fn send_messages(&self, messages: Vec<NewDelivery>) -> Result<(), DeskError> {
        self.store().send(messages).await?;
        self.inner.bells.messages.notify_one();
        Ok(())
    }
}

fn enabled(endpoint: &EndpointRow) -> Result<(), DeskError> {
    match endpoint.disabled {
        None => Ok(()),
        Some((_, why)) => {
            let detail = format!("the webhook is disabled ({}): enable it first", why.as_str());
            Err(DeskError::invalid("", "disabled", detail))
        }
    }
}
