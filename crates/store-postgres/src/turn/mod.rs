//! One turn of a node: the fence (one round trip), all writes of all changes and the look at the queues (one), the heads
//! of the queues (one), the claim with COMMIT (one). The claimers' lock is taken after the writes, so that only choosing
//! and committing are one after the other. Nothing is decided here that core decides.

mod choose;
pub(crate) mod claim;
mod fence;
mod heed;
mod plan;
mod write;

use crate::PostgresStore;
use crate::failure::Fault;
use crate::jobs::Jobbed;
use crate::pipeline::{Steps, Tx};
use crate::totals;
use crate::types::{Micros, sql};
pub use choose::{Running, belongs};
pub use claim::terms;
pub use fence::Won;

use copydesk_core::generation::{Effect, State, Status};
use copydesk_core::health::HealthNews;
use copydesk_core::metering::totals::Sheet;
use copydesk_core::{CallId, GenerationId, Timestamp};
use copydesk_store::StoreError;
use copydesk_store::generations::{Applied, Change, Claim, Turn, TurnAnswer, Write};
use heed::Heed;
pub use heed::{rates, rows as health_rows};
pub use plan::Closing;
use plan::Plan;
use std::collections::HashSet;
pub use write::closings;

/// Each further try means that somebody else has committed, so the number is only a safety net.
const TRIES_MAX: u32 = 10;

impl PostgresStore {
    pub(crate) async fn run_turn(&self, turn: &Turn) -> Result<TurnAnswer, StoreError> {
        for write in &turn.writes {
            check_shape(write)?;
        }
        let writes: Vec<&Write> = turn.writes.iter().collect();
        match self.turn_again(turn.now, &writes, turn.claim.as_ref()).await {
            Err(Fault::BadRow(words)) if !writes.is_empty() => {
                tracing::warn!(words, writes = writes.len(), "a batch holds a row that cannot be stored; bisecting");
                let (applied, health) = self.bisect(turn.now, &writes).await?;
                let claimed = self.turn_again(turn.now, &[], turn.claim.as_ref()).await?;
                Ok(TurnAnswer { applied, health, ..claimed })
            }
            Ok(answer) => Ok(answer),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn turn_again(&self, now: Timestamp, writes: &[&Write], claim: Option<&Claim>) -> Result<TurnAnswer, Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_turn(now, writes, claim).await {
                Err(Fault::Race(words)) if tries < TRIES_MAX => tracing::debug!(words, "a turn starts again"),
                // A key that is taken again and again is not a race but a row that exists already.
                Err(Fault::Race(words)) if !writes.is_empty() => return Err(Fault::BadRow(words)),
                done => return done,
            }
        }
    }

    /// Writes what can be written. What cannot is answered as lost: its generation stays where it is until its own
    /// deadline ends it with a reason, and nobody else's result is held up by it.
    async fn bisect(&self, now: Timestamp, writes: &[&Write]) -> Result<(Vec<Applied>, Vec<HealthNews>), StoreError> {
        let (mut applied, mut health) = (Vec::with_capacity(writes.len()), vec![]);
        let mut left = vec![writes];
        while let Some(part) = left.pop() {
            match self.turn_again(now, part, None).await {
                Ok(answer) => {
                    applied.extend(answer.applied);
                    health.extend(answer.health);
                }
                Err(Fault::BadRow(words)) => match part {
                    [] => {}
                    [bad] => {
                        tracing::error!(words, write = ?name_of(bad), "a result cannot be stored and was set aside");
                        applied.push(self.set_aside(bad).await?);
                    }
                    more => {
                        let (first, second) = more.split_at(more.len() / 2);
                        left.push(second);
                        left.push(first);
                    }
                },
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok((applied, health))
    }

    async fn set_aside(&self, write: &Write) -> Result<Applied, StoreError> {
        match write {
            Write::Late { .. } => Ok(Applied::Done { version: None }),
            Write::Change(change) => {
                let mut tx = Tx::open(&self.writers).await?;
                let mut steps = Steps::default();
                let place = fence::find(&mut steps, &[change]);
                let found = tx.send(steps).await?;
                tx.rollback().await?;
                let fences = fence::found(found.rows(place))?;
                Ok(Applied::Lost { found: fences.get(&change.fence.generation).copied() })
            }
        }
    }

    async fn try_turn(&self, now: Timestamp, writes: &[&Write], claim: Option<&Claim>) -> Result<TurnAnswer, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut applied: Vec<Applied> = writes.iter().map(|_| Applied::Done { version: None }).collect();
        let waves = waves(writes);
        let (last, earlier) = waves.split_last().map_or((&[][..], &[][..]), |(last, rest)| (last.as_slice(), rest));
        let mut news = News::default();
        let mut heeded: Vec<usize> = Vec::new();
        let (mut sheet, mut jobs) = (Sheet::default(), Jobbed::default());
        for wave in earlier {
            let won = fence::check(&mut tx, wave, fence::Health::Leave).await?;
            let budgets = self.budgets.of_wave(&mut tx, now, wave, &won).await?;
            let mut plan = Plan::of(self, now, wave, &won, (sheet, budgets)).await?;
            plan.budgets.write(&mut tx).await?;
            jobs.add_wave(&mut tx, wave, &won).await?;
            sheet = std::mem::take(&mut plan.sheet);
            heeded.extend(&plan.heeded);
            let mut steps = Steps::default();
            let places = write::write(&mut steps, &plan);
            jobs.write_items(&mut steps);
            let answers = tx.send(steps).await?;
            news.add(write::answer(&plan, &answers, places, &mut applied)?);
        }
        let claim = claim.filter(|claim| !claim.calls.is_empty());
        // A claim reads it later, when nobody else counts any more.
        let says = writes.iter().any(|write| matches!(write, Write::Change(change) if change.sign.is_some()));
        let health = if claim.is_none() && says { fence::Health::Read } else { fence::Health::Leave };
        let mut won = fence::check(&mut tx, last, health).await?;
        let rows = std::mem::take(&mut won.health);
        let budgets = self.budgets.of_wave(&mut tx, now, last, &won).await?;
        let mut plan = Plan::of(self, now, last, &won, (sheet, budgets)).await?;
        plan.budgets.write(&mut tx).await?;
        jobs.add_wave(&mut tx, last, &won).await?;
        let booked = self.series.rows(&self.readers, &plan.sheet).await?;
        heeded.extend(&plan.heeded);
        let mut steps = Steps::default();
        let places = write::write(&mut steps, &plan);
        jobs.write(&mut steps);
        let Some(claim) = claim else {
            let due = steps.add(sql!(deep "claim/next_due"), vec![]);
            let heed = Heed::of(rows, &changes(writes, &heeded), now);
            totals::write(&mut steps, &booked);
            heed.write(&mut steps, now);
            let answers = tx.commit(steps).await?;
            news.add(write::answer(&plan, &answers, places, &mut applied)?);
            self.tell(news, 0, &heed.news);
            let next_due = next_due(answers.rows(Some(due)));
            return Ok(TurnAnswer { applied, claimed: vec![], next_due, health: heed.news });
        };
        let looked = claim::look(&mut steps, self, claim, now);
        let answers = tx.send(steps).await?;
        news.add(write::answer(&plan, &answers, places, &mut applied)?);
        let heed = Heed::of(heed::rows(answers.rows(Some(looked.health)))?, &changes(writes, &heeded), now);
        let claimed = claim::claim(self, tx, claim, now, claim::Look { answers, places: looked, heed, booked }).await?;
        self.tell(news, claimed.claimed.len(), &claimed.health);
        Ok(TurnAnswer { applied, ..claimed })
    }

    fn tell(&self, news: News, claimed: usize, health: &[HealthNews]) {
        let closed = health.iter().any(|news| matches!(news, HealthNews::Closed { .. }));
        if closed || news.made_ready || news.ended > claimed {
            self.wake.others();
        }
    }
}

/// What may interest other nodes.
#[derive(Clone, Copy, Default, Debug)]
pub struct News {
    pub made_ready: bool,
    /// How many runs ended, and so how many places in lanes are free again.
    pub ended: usize,
}

impl News {
    fn add(&mut self, other: News) {
        self.made_ready |= other.made_ready;
        self.ended += other.ended;
    }
}

fn next_due(rows: &[tokio_postgres::Row]) -> Option<Timestamp> {
    rows.first().and_then(|row| row.get::<_, Option<Micros>>("next_due")).map(Timestamp::from)
}

/// The changes at these places.
fn changes<'a>(writes: &[&'a Write], places: &[usize]) -> Vec<&'a Change> {
    let change = |place: &usize| match writes[*place] {
        Write::Change(change) => Some(&**change),
        Write::Late { .. } => None,
    };
    places.iter().filter_map(change).collect()
}

/// Whom a write is about, for the log.
fn name_of(write: &Write) -> String {
    match write {
        Write::Change(change) => change.fence.generation.to_string(),
        Write::Late { call, .. } => call.id.to_string(),
    }
}

/// A write with its place in the turn.
pub type Placed<'a> = (usize, &'a Write);

/// Cuts the writes so that no wave names a generation or a call twice: within a wave all fences are checked at once.
fn waves<'a>(writes: &[&'a Write]) -> Vec<Vec<Placed<'a>>> {
    let mut waves: Vec<Vec<Placed<'a>>> = Vec::new();
    let mut generations: HashSet<GenerationId> = HashSet::new();
    let mut calls: HashSet<CallId> = HashSet::new();
    for (place, write) in writes.iter().enumerate() {
        let (generation, call) = match write {
            Write::Change(change) => (Some(change.fence.generation), change.closes.as_ref().map(|call| call.id)),
            Write::Late { call, .. } => (None, Some(call.id)),
        };
        let clash =
            generation.is_some_and(|id| generations.contains(&id)) || call.is_some_and(|id| calls.contains(&id));
        if clash || waves.is_empty() {
            waves.push(Vec::new());
            generations.clear();
            calls.clear();
        }
        generations.extend(generation);
        calls.extend(call);
        if let Some(wave) = waves.last_mut() {
            wave.push((place, *write));
        }
    }
    waves
}

/// A change that contradicts itself is a bug of its author and is never half written.
fn check_shape(write: &Write) -> Result<(), StoreError> {
    let Write::Change(change) = write else { return Ok(()) };
    let bad = |why: &str| Err(StoreError::Corrupt(format!("{}: {why}", change.fence.generation)));
    let stores = change.decision.effects.iter().any(|effect| matches!(effect, Effect::StoreVersion(_)));
    if stores != change.content.is_some() {
        return bad("content and effects disagree");
    }
    if !change.assets.is_empty() && change.content.is_none() {
        return bad("assets without content");
    }
    if change.decision.row_version.0 != change.fence.row_version.0 + 1 {
        return bad("the row version must rise by one");
    }
    let completes = matches!(change.decision.next, State::Completed { .. });
    if completes != stores {
        return bad("exactly a completed generation stores a version");
    }
    match (change.fence.status, change.decision.next.status()) {
        (Status::Pending, Status::Processing) => bad("only a claim makes it processing"),
        (_, _) => Ok(()),
    }
}

/// Whether the change moves the deadline, and nothing else.
fn extends(change: &Change) -> bool {
    change.decision.deadline_at.is_some()
}

/// Whether the change goes on with the same attempt.
fn is_step(change: &Change) -> bool {
    change.fence.status == Status::Processing && change.decision.next.status() == Status::Processing
}
