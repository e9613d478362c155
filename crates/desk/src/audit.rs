//! The background audit: each beat one node of the installation proves a few slices of the data, those with new
//! generations first, the others on a round through everything there is. A slice is a short read; what it finds is
//! written afterwards. And the audit of everything at once, of which one at a time may run.

use crate::desk::{Desk, Inner};
use crate::error::DeskError;
use copydesk_core::Timestamp;
use copydesk_store::audit::{Finding, Place, Proved, Record, Round, Slice, Space, Span};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many keys one slice proves: some milliseconds.
const SLICE: u32 = 500;
/// What a slice that cannot be proved is divided by.
const SMALLER: u32 = 25;
/// How many slices a beat proves: a second or two of one core.
const SLICES: u32 = 40;
/// How old a generation is before it is looked at as a new one. Most have ended by then.
const NEW_AFTER: Duration = Duration::from_secs(120);
/// A node that was silent for so many beats audits no more.
const SILENT_BEATS: u32 = 3;

pub(crate) fn spawn(inner: &Arc<Inner>) {
    let Some(every) = inner.config.audit_every else { return };
    let desk = Desk { inner: Arc::clone(inner) };
    let mut stopped = inner.stopped.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // The sender lives in `inner`, so this only resolves when the desk has stopped.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = desk.inner.world.sleep(every) => {}
            }
            if let Err(error) = desk.audit_beat(every).await {
                tracing::error!(%error, "A slice could not be audited; it is tried again at the next beat");
            }
        }
    });
}

impl Desk {
    /// Proves everything at one instant.
    ///
    /// Errors: [`DeskError::AuditRunning`] while another one runs in this process.
    pub async fn audit(&self) -> Result<Vec<Finding>, DeskError> {
        let Ok(_alone) = self.inner.auditing.try_lock() else { return Err(DeskError::AuditRunning) };
        Ok(self.store().audit().await?)
    }

    /// One beat of the background audit. Nothing when another node does it. A beat ends with the round at the latest.
    pub async fn audit_beat(&self, every: Duration) -> Result<(), DeskError> {
        let (node, now) = (self.inner.node, self.inner.now());
        let Some(mut round) = self.claim_audit(every).await? else { return Ok(()) };
        let mut new: BTreeMap<&'static str, Vec<Finding>> = BTreeMap::new();
        for turn in 0..SLICES {
            if self.inner.draining() {
                break;
            }
            let fresh = fresh(&round, now).filter(|_| turn % 2 == 0);
            let span = fresh.unwrap_or(Span { space: round.space, after: round.after, upto: Place::END });
            let Some(proved) = self.prove(span, every).await? else { break };
            let next = if fresh.is_some() { caught_up(&round, &proved) } else { gone_on(&round, &proved, now) };
            let record = Record { node, at: now, round: next.clone(), proved };
            let Some(recorded) = self.store().record_proof(record).await? else { break };
            for finding in recorded.new {
                new.entry(finding.check).or_default().push(finding);
            }
            let ended = next.rounds > round.rounds;
            round = next;
            if ended {
                break;
            }
        }
        for (check, findings) in new {
            tracing::error!(check, findings = findings.len(), first = %findings[0].subject, detail = %findings[0].detail,
                "The audit found a broken promise; `copydesk audit --status` lists what stands open");
        }
        Ok(())
    }

    async fn claim_audit(&self, every: Duration) -> Result<Option<Round>, DeskError> {
        let now = self.inner.now();
        Ok(self.store().claim_audit(self.inner.node, now, now.plus(every * SILENT_BEATS), first(now)).await?)
    }

    /// Proves a slice, and keeps the audit for this node as long as that takes: else another node would take over in the
    /// middle of a slice that is slow, and lose it in its turn, and the round would stand still for ever. One that cannot
    /// be proved in the time a statement has is tried in smaller ones. `None` when the audit is another node's all the same.
    async fn prove(&self, span: Span, every: Duration) -> Result<Option<Proved>, DeskError> {
        let mut limit = SLICE;
        loop {
            let mut proving = std::pin::pin!(self.store().prove(Slice { span, limit }));
            let proved = loop {
                tokio::select! {
                    proved = &mut proving => break proved,
                    () = self.inner.world.sleep(every) => {
                        if self.claim_audit(every).await?.is_none() {
                            return Ok(None);
                        }
                    }
                }
            };
            match proved {
                Ok(proved) => return Ok(Some(proved)),
                Err(error) if limit > 1 => {
                    limit = (limit / SMALLER).max(1);
                    tracing::warn!(%error, limit, "A slice could not be audited; it is tried in smaller ones");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The first round of all. What is there already is no news.
fn first(now: Timestamp) -> Round {
    Round {
        began_at: now,
        ended_at: None,
        rounds: 0,
        space: Space::Generations,
        after: Place::START,
        fresh: Place::of_time(now.minus(NEW_AFTER)),
        rows: 0,
        rows_before: 0,
    }
}

/// Generations that are new and have come to rest since they were looked at last.
fn fresh(round: &Round, now: Timestamp) -> Option<Span> {
    let (after, upto) = (round.fresh, Place::of_time(now.minus(NEW_AFTER)));
    (after < upto).then_some(Span { space: Space::Generations, after, upto })
}

fn caught_up(round: &Round, proved: &Proved) -> Round {
    Round { fresh: proved.span.upto, ..round.clone() }
}

/// The round after a slice of it.
fn gone_on(round: &Round, proved: &Proved, now: Timestamp) -> Round {
    let gone = Round { after: proved.span.upto, rows: round.rows + proved.rows, ..round.clone() };
    if gone.after < Place::END {
        return gone;
    }
    match gone.space.next() {
        Some(space) => Round { space, after: Place::START, ..gone },
        None => Round {
            began_at: now,
            ended_at: Some(now),
            rounds: gone.rounds + 1,
            rows_before: gone.rows,
            fresh: gone.fresh,
            ..first(now)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn proved(round: &Round, upto: Place) -> Proved {
        Proved { span: Span { space: round.space, after: round.after, upto }, rows: 5, found: vec![] }
    }

    #[test]
    fn a_round_goes_through_every_space_in_order_and_begins_again() {
        let (mut round, mut way) = (first(NOW), vec![]);
        let later = NOW.plus(Duration::from_secs(60));
        while round.rounds == 0 {
            way.push(round.space);
            let half = gone_on(&round, &proved(&round, Place::of_number(9)), later);
            assert_eq!((half.space, half.after), (round.space, Place::of_number(9)));
            round = gone_on(&half, &proved(&half, Place::END), later);
        }
        assert_eq!(way, Space::ALL);
        assert_eq!((round.space, round.after, round.began_at), (Space::Generations, Place::START, later));
        assert_eq!((round.ended_at, round.rows, round.rows_before), (Some(later), 0, 70));
    }

    #[test]
    fn new_generations_are_looked_at_once_they_have_come_to_rest() {
        let round = first(NOW);
        assert_eq!(fresh(&round, NOW), None, "what was there before the first round is no news");
        let later = NOW.plus(Duration::from_secs(60));
        let span = fresh(&round, later).unwrap();
        assert_eq!((span.after, span.upto), (round.fresh, Place::of_time(NOW.minus(Duration::from_secs(60)))));
        let caught = caught_up(&round, &Proved { span, rows: 1, found: vec![] });
        assert_eq!((fresh(&caught, later), caught.after), (None, round.after));
    }
}
