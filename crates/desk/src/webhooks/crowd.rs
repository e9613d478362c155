//! How much waits in each lane, as far as the duty that makes messages knows it: what it made itself is added, and what was
//! sent meanwhile is found out when a lane seems full. So a receiver that is well is counted once in ten thousand messages.

use super::WAITING_MAX;
use crate::desk::Inner;
use crate::error::DeskError;
use copydesk_core::WorkspaceId;
use copydesk_store::webhooks::NewDelivery;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use uuid::Uuid;

/// How many lanes are remembered; then all are forgotten and counted again.
const LANES_KEPT: usize = 10_000;
/// How often a lane that seems full is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Crowd {
    lanes: HashMap<(WorkspaceId, Uuid), Known>,
}

#[derive(Clone, Copy)]
struct Known {
    /// At most so many: what was sent since the count is in it.
    waiting: u32,
    /// When it was counted, on the steady clock.
    at: Duration,
}

impl Crowd {
    /// Marks the messages there is no room for. How many.
    pub async fn bound(
        &mut self,
        inner: &Inner,
        workspace: WorkspaceId,
        messages: &mut [NewDelivery],
    ) -> Result<u32, DeskError> {
        let mut more: BTreeMap<Uuid, u32> = BTreeMap::new();
        messages.iter().for_each(|message| *more.entry(message.lane).or_default() += 1);
        if self.lanes.len() + more.len() > LANES_KEPT {
            self.lanes.clear();
        }
        let now = inner.world.steady();
        let uncertain = |(lane, more): (&Uuid, &u32)| match self.lanes.get(&(workspace, *lane)) {
            Some(known) if known.waiting.saturating_add(*more) <= WAITING_MAX => None,
            Some(known) if now.saturating_sub(known.at) < COUNT_EVERY => None,
            Some(_) | None => Some(*lane),
        };
        let lanes: Vec<Uuid> = more.iter().filter_map(uncertain).collect();
        if !lanes.is_empty() {
            let counts = inner.store.waiting(workspace, lanes.clone(), WAITING_MAX).await?;
            let known =
                lanes.into_iter().zip(counts).map(|(lane, waiting)| ((workspace, lane), Known { waiting, at: now }));
            self.lanes.extend(known);
        }
        let mut dropped = 0;
        for message in messages {
            let known = self.lanes.entry((workspace, message.lane)).or_insert(Known { waiting: 0, at: now });
            if known.waiting < WAITING_MAX {
                known.waiting += 1;
            } else {
                message.dropped = true;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    /// Somebody else makes messages of this workspace, too.
    pub fn forget(&mut self, workspace: WorkspaceId) {
        self.lanes.retain(|(of, _), _| *of != workspace);
    }
}
