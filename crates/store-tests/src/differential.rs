//! The differential test: one random list of operations on the store under test and on a fresh model with the same ids.
//! After every step the answers must be equal, at the end everything visible must be. Deterministic: a failure names its
//! seed and step. What the contract leaves open (a revision's step width, an estimate's figures, the order of events of
//! different things) is taken out of the comparison in [`view`], and nowhere else.

mod books;
mod budgets;
mod jobs;
mod moves;
mod view;

pub use books::books;

use crate::bench::Bench;
use crate::builder::Ids;
use crate::model::ModelStore;
use copydesk_core::generation::Status;
use copydesk_core::{DraftId, GenerationId, JobId, NodeId, Timestamp, TransferId};
use copydesk_store::admin::PauseKey;
use copydesk_store::drafts::{Edit, SetDraft};
use copydesk_store::generations::{Accept, Applied, Claimed, Heartbeat, SweepRequest, Turn};
use copydesk_store::jobs::{CloseItems, JobOrder, ReopenItems};
use copydesk_store::ledger::{Gift, Post};
use copydesk_store::{GenerationStore, Scope, Store};
use std::sync::Arc;

/// A small deterministic generator (SplitMix64): the same numbers on every machine, for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0..n
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    /// True `percent` times in a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            return None;
        }
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(at)
    }
}

/// One operation, the same for both stores.
#[derive(Clone, Debug)]
enum Move {
    Accept(Vec<Accept>),
    Turn(Turn),
    Beat(Heartbeat),
    Overdue(SweepRequest),
    CloseOrphans {
        now: Timestamp,
        before: Timestamp,
    },
    Pause {
        what: PauseKey,
        paused: bool,
        at: Timestamp,
    },
    Edit(Edit),
    Set(SetDraft),
    Post(Post),
    Gift(Gift),
    Expire(Timestamp, Vec<TransferId>),
    Order(JobOrder),
    CloseItems(CloseItems),
    Reopen(ReopenItems),
    /// Reads one generation.
    Get(GenerationId),
}

/// What the test knows of the world. All of it comes from the model's answers, so that the list of operations does not
/// depend on the store under test.
struct Driver {
    dice: Dice,
    ids: Ids,
    now: Timestamp,
    model: ModelStore,
    /// What workers believe they run; many of them are wrong by now.
    runs: Vec<Claimed>,
    generations: Vec<GenerationId>,
    drafts: Vec<DraftId>,
    jobs: Vec<JobId>,
    nodes: [NodeId; 2],
}

/// How many runs are remembered, so that zombies come up now and then.
const RUNS_MAX: usize = 24;

/// Runs `steps` random operations on `store`, which must be empty, and on a fresh model.
pub async fn differential(store: Arc<dyn Store>, seed: u64, steps: usize) {
    let model = ModelStore::new();
    let ids = Ids::new();
    let nodes = [ids.node(), ids.node()];
    let mut driver = Driver {
        dice: Dice(seed),
        ids,
        now: crate::builder::START,
        model: model.clone(),
        runs: vec![],
        generations: vec![],
        drafts: vec![],
        jobs: vec![],
        nodes,
    };
    let budgets = budgets::set([store.as_ref(), &model], &driver.ids, 30_000).await;
    driver.jobs = jobs::set([store.as_ref(), &model], &driver.ids).await;
    let jobs = driver.jobs.clone();
    for step in 0..steps {
        let next = driver.next_move().await;
        let expected = view::answer(&model, &next).await;
        let found = view::answer(store.as_ref(), &next).await;
        assert_eq!(found.text, expected.text, "seed {seed}, step {step}: {next:#?}");
        driver.learn(&next, expected);
    }
    assert_eq!(budgets::sums(store.as_ref(), &budgets).await, budgets::sums(&model, &budgets).await, "seed {seed}");
    assert_eq!(jobs::standing(store.as_ref(), &jobs).await, jobs::standing(&model, &jobs).await, "seed {seed}");
    for what in [PauseKey::Generation, PauseKey::recipe("code".to_owned())] {
        for store in [&model as &dyn Store, store.as_ref()] {
            store.set_pause(what.clone(), false, driver.now).await.expect("set_pause");
        }
    }
    let (expected, found) = (Bench::over(Arc::new(model), 1), Bench::over(store, 1));
    view::assert_same_world(&found, &expected, driver.now, seed).await;
    found.assert_clean().await;
    expected.assert_clean().await;
}

impl Driver {
    async fn next_move(&mut self) -> Move {
        if self.dice.chance(25) {
            let seconds = if self.dice.chance(10) { 120 } else { self.dice.below(8) };
            self.now = self.now.plus(std::time::Duration::from_secs(seconds));
        }
        match self.dice.below(100) {
            0..=17 => self.accept(),
            18..=21 => self.feed().await,
            22..=24 => self.job_move().await,
            25..=64 => Move::Turn(self.turn().await),
            65..=71 => self.beat(),
            72..=74 => Move::Overdue(self.sweep_request()),
            75..=76 => Move::CloseOrphans { now: self.now, before: self.now },
            77..=79 => self.pause(),
            80..=86 => self.editorial().await,
            87..=92 => self.post().await,
            93 => self.gift(),
            94 => self.adjust(),
            95 => self.expire(),
            _ => match self.dice.pick(&self.generations) {
                Some(id) => Move::Get(*id),
                None => self.accept(),
            },
        }
    }

    fn learn(&mut self, done: &Move, answer: view::Told) {
        for (generation, draft) in answer.accepted {
            self.generations.push(generation);
            if !self.drafts.contains(&draft) {
                self.drafts.push(draft);
            }
        }
        if let Move::Turn(turn) = done {
            for (write, applied) in turn.writes.iter().zip(&answer.applied) {
                if let (copydesk_store::generations::Write::Change(change), Applied::Done { .. }) = (write, applied) {
                    let own = |run: &&mut Claimed| {
                        run.generation.id == change.fence.generation && run.generation.attempt == change.fence.attempt
                    };
                    // Of those that were given more time only every second worker has heard: the others are overtaken.
                    let runs = change.decision.next.status() == Status::Processing;
                    let heard = runs && change.decision.deadline_at.is_some() && change.decision.row_version.0 % 2 == 0;
                    if (change.step.is_some() || heard)
                        && let Some(run) = self.runs.iter_mut().find(own)
                    {
                        *run = crate::builder::after(run, change);
                    }
                }
            }
        }
        self.runs.extend(answer.claimed);
        let forgotten = self.runs.len().saturating_sub(RUNS_MAX);
        self.runs.drain(..forgotten);
    }

    /// The generation as it stands in the model.
    async fn standing(&self, id: GenerationId) -> copydesk_core::generation::Generation {
        self.model.get(Scope::DEFAULT, id).await.expect("the model knows what it accepted").generation
    }
}
