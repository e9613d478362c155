//! The random walk of the books: calls that end well, badly, as lost, late, or by nobody's report, over hours and days,
//! with clocks that go back a little. Whatever is asked, a store's totals must be what the model finds by looking at every
//! call.

use super::{Dice, budgets};
use crate::builder::{self, AcceptWith, Ids, START, user_id};
use crate::model::ModelStore;
use copydesk_core::generation::FailureCode;
use copydesk_core::metering::question::{Dimension, Group, Question};
use copydesk_core::metering::totals::bucket;
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{BudgetId, NodeId, Timestamp, Tokens};
use copydesk_store::generations::{Change, Claimed, Turn, Write};
use copydesk_store::retention::{Aged, Prune};
use copydesk_store::usage::ClosedCall;
use copydesk_store::{GenerationStore, RetentionStore, Scope, Store, UsageStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const USERS: [&str; 3] = ["ann", "bob", "cy"];
const MODELS: [&str; 4] = ["demo/swift", "demo/slow", "spare/steady", "demoes/other"];
const SERVICES: [&str; 2] = ["code", "chat"];
const MINUTE: Duration = Duration::from_secs(60);

struct Books {
    dice: Dice,
    ids: Ids,
    node: NodeId,
    now: Timestamp,
    model: ModelStore,
    store: Arc<dyn Store>,
    runs: Vec<Claimed>,
    /// Whose attempts are over, so that what they say is late.
    zombies: Vec<Claimed>,
    budgets: Vec<BudgetId>,
    /// A budget of one user's own.
    own: Option<BudgetId>,
}

/// Runs `steps` random moves on `store`, which must be empty, and on a fresh model, and asks both all along.
pub async fn books(store: Arc<dyn Store>, seed: u64, steps: usize) {
    let (ids, model) = (Ids::new(), ModelStore::new());
    let node = ids.node();
    let (dice, runs, zombies) = (Dice(seed), vec![], vec![]);
    let budgets = budgets::set([&*store, &model], &ids, 1_000_000_000).await;
    let mut walk = Books { dice, ids, node, now: START, model, store, runs, zombies, budgets, own: None };
    for step in 0..steps {
        walk.pass_time();
        walk.step().await;
        if step % 8 == 0 {
            walk.ask(seed, step).await;
        }
    }
    walk.close_orphans(walk.now.plus(MINUTE * 2)).await;
    walk.ask(seed, steps).await;
    for store in [&*walk.store, &walk.model as &dyn Store] {
        let findings = store.audit().await.expect("audit");
        assert!(findings.is_empty(), "seed {seed}: {findings:#?}");
    }
}

impl Books {
    fn pass_time(&mut self) {
        self.now = match self.dice.below(20) {
            // Another node's clock, or one that was set right.
            0 | 1 => self.now.minus(MINUTE * u32::try_from(self.dice.below(40)).unwrap_or(0)),
            2 => self.now.plus(MINUTE * u32::try_from(self.dice.below(3_000)).unwrap_or(0)),
            3..=9 => self.now.plus(MINUTE * u32::try_from(self.dice.below(25)).unwrap_or(0)),
            _ => self.now,
        };
    }

    async fn step(&mut self) {
        match self.dice.below(20) {
            0..=6 => self.begin().await,
            7..=14 => {
                let reports = (0..1 + self.dice.below(4)).filter_map(|_| self.report()).collect();
                self.write(reports).await;
            }
            15..=16 => {
                let lost = self.lose();
                self.write(lost.into_iter().collect()).await;
            }
            17..=18 => {
                let late = self.late();
                self.write(late.into_iter().collect()).await;
            }
            19 if self.dice.chance(40) => self.prune().await,
            19 if self.dice.chance(30) => {
                let stores = [&*self.store, &self.model as &dyn Store];
                budgets::change(stores, &mut self.own, &self.ids, self.now).await;
                self.budgets.extend(self.own);
            }
            _ => self.close_orphans(self.now).await,
        }
    }

    async fn close_orphans(&self, now: Timestamp) {
        let mut closed = vec![];
        for store in [&*self.store, &self.model as &dyn Store] {
            closed.push(store.close_orphan_calls(now, now, 1_000).await.expect("close_orphan_calls"));
        }
        assert_eq!(closed[0], closed[1]);
    }

    async fn prune(&mut self) {
        let what = if self.dice.chance(70) { Aged::Calls } else { Aged::Events };
        let before = self.now.minus(MINUTE * u32::try_from(self.dice.below(2_000)).unwrap_or(0));
        // Events have numbers of their own in each engine: all are looked at in one batch.
        let limit = if what == Aged::Calls { 5 } else { 100_000 };
        let mut after = None;
        loop {
            let prune = Prune { what, before, after, limit, dry_run: false };
            let found = self.store.prune(prune.clone()).await.expect("prune");
            assert_eq!(found, self.model.prune(prune).await.expect("prune"));
            after = found.next;
            if after.is_none() {
                return;
            }
        }
    }

    async fn begin(&mut self) {
        let mut batch = vec![];
        for _ in 0..1 + self.dice.below(4) {
            let mut request = builder::accept(&self.ids, self.now);
            let pick = |dice: &mut Dice, words: &[&'static str]| dice.pick(words).copied().unwrap_or("code");
            request = request.user(pick(&mut self.dice, &USERS)).recipe(pick(&mut self.dice, &SERVICES));
            request = request.model(pick(&mut self.dice, &MODELS)).max_attempts(50);
            if self.dice.chance(50) {
                request = request.bound(i64::try_from(self.dice.below(5_000)).unwrap_or(0));
            }
            request.deadline_at = self.now.plus(MINUTE * 1_000_000);
            request.attempt_timeout = MINUTE * 1_000_000;
            batch.push(request);
        }
        for store in [&*self.store, &self.model as &dyn Store] {
            store.accept(batch.clone()).await.expect("accept");
        }
        let claim = Some(builder::claim(&self.ids, self.node, batch.len() + 2, builder::no_limits()));
        let turn = Turn { now: self.now, writes: vec![], claim };
        self.store.turn(turn.clone()).await.expect("turn");
        self.runs.extend(self.model.turn(turn).await.expect("turn").claimed);
    }

    async fn write(&mut self, writes: Vec<Write>) {
        let turn = Turn { now: self.now, writes, claim: None };
        let found = self.store.turn(turn.clone()).await.expect("turn").applied;
        assert_eq!(found, self.model.turn(turn).await.expect("turn").applied);
    }

    fn take_run(&mut self) -> Option<Claimed> {
        let at = usize::try_from(self.dice.below(self.runs.len().max(1) as u64)).unwrap_or(0);
        (at < self.runs.len()).then(|| self.runs.swap_remove(at))
    }

    fn figures(&mut self, call: ClosedCall) -> ClosedCall {
        let n = i64::try_from(self.dice.below(1_000)).unwrap_or(0);
        let mut call = ClosedCall { duration_ms: self.dice.below(10_000), ..call };
        call.usage.input = self.dice.chance(90).then_some(Tokens(n));
        call.usage.output_reasoning = self.dice.chance(30).then_some(Tokens(n / 2));
        call.usage.images = self.dice.chance(20).then_some(3);
        call.usage.video_seconds = self.dice.chance(20).then_some(8);
        call.usage.estimated = self.dice.chance(20);
        call.cost = call.cost.filter(|_| self.dice.chance(70));
        call
    }

    /// A worker's report of an attempt that runs; some leave their call open.
    fn report(&mut self) -> Option<Write> {
        let run = self.take_run()?;
        let (ids, now) = (&self.ids, self.now);
        let mut change = match self.dice.below(10) {
            0..=4 => builder::settle(ids, &run, now),
            5 => builder::stop(ids, &run, now),
            6 => builder::fail(ids, &run, FailureCode::Refused, now),
            7 => builder::hand_back(ids, &run, now),
            8 => builder::cancel(ids, run.scope, &run.generation, now),
            _ => {
                let change = builder::step(ids, &run, &format!("s{}", run.steps.len()), "{}", "next", now);
                self.runs.push(builder::after(&run, &change));
                change
            }
        };
        change.closes = change.closes.map(|call| self.figures(call));
        self.zombies.push(run);
        Some(builder::write(change))
    }

    /// The sweeper takes an attempt back, and closes its call with a guess.
    fn lose(&mut self) -> Option<Write> {
        let run = self.take_run()?;
        let change = builder::lose(&self.ids, run.scope, &run.generation, Some(run.call), self.now);
        self.zombies.push(run);
        Some(builder::write(Change { closes: change.closes.map(|call| self.figures(call)), ..change }))
    }

    fn late(&mut self) -> Option<Write> {
        let zombie = self.dice.pick(&self.zombies)?.clone();
        let call = self.figures(builder::closed(zombie.call, CallOutcome::Ok, 9));
        Some(Write::Late { scope: zombie.scope, call })
    }

    async fn ask(&mut self, seed: u64, step: usize) {
        let found = budgets::sums(&*self.store, &self.budgets).await;
        assert_eq!(found, budgets::sums(&self.model, &self.budgets).await, "seed {seed}, step {step}: budgets");
        for _ in 0..4 {
            let question = self.question();
            let expected = self.model.totals(Scope::DEFAULT, question.clone()).await.expect("totals");
            let found = self.store.totals(Scope::DEFAULT, question.clone()).await.expect("totals");
            assert_eq!(found, expected, "seed {seed}, step {step}: {question:#?}");
        }
    }

    fn question(&mut self) -> Question {
        let minutes = self.now.since(START).as_secs() / 60 + 120;
        let start = START.minus(MINUTE * 60);
        let cuts: BTreeSet<Timestamp> = (0..2 + self.dice.below(6))
            .map(|_| bucket(start.plus(MINUTE * u32::try_from(self.dice.below(minutes)).unwrap_or(0))))
            .chain([bucket(self.now.plus(MINUTE * 60)), start])
            .collect();
        let by = Dimension::ALL.into_iter().filter(|_| self.dice.chance(25)).collect();
        let mut only = Group::default();
        let mut word =
            |words: &[&str]| self.dice.chance(20).then(|| self.dice.pick(words).map(|word| (*word).to_owned()));
        only.user = word(&USERS).flatten().map(|user| user_id(Scope::DEFAULT, &user));
        only.service = word(&SERVICES).flatten();
        only.operation = word(&["write", "next", "none"]).flatten();
        only.provider = word(&["demo", "spare"]).flatten();
        only.model = word(&MODELS).flatten();
        Question { only, by, cuts: cuts.into_iter().collect() }
    }
}
