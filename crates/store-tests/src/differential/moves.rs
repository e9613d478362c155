//! What the random walk may do next: requests, workers' reports (current and stale ones), sweeps, people's moves.

use super::{Driver, Move};
use crate::builder::{self, AcceptWith, credits, user_id};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::generation::{Event, FailureCode, FaultOf, Origin, State, Status, Verdict, transition};
use copydesk_core::health::{Ended, Rate, Sign};
use copydesk_core::ledger::{Transfer, TransferKind};
use copydesk_core::metering::usage::CallOutcome;
use copydesk_core::{AssetId, NanoUsd, Tokens, UserId};
use copydesk_store::admin::PauseKey;
use copydesk_store::drafts::{DraftSetting, Edit, SetDraft};
use copydesk_store::generations::{
    Accept, Change, Claim, Claimed, Forgotten, Heartbeat, Idempotency, Lane, Limits, NewAsset, OverdueReason,
    SweepRequest, Turn, Write,
};
use copydesk_store::ledger::{Gift, Post};
use copydesk_store::{DraftStore, GenerationStore, Scope};
use std::num::NonZeroU32;
use std::time::Duration;

const USERS: [&str; 3] = ["ann", "bob", "cy"];
const MODELS: [&str; 3] = ["demo/swift", "demo/slow", "spare/steady"];
const CODES: [FailureCode; 4] =
    [FailureCode::ProviderError, FailureCode::RateLimited, FailureCode::Refused, FailureCode::OutputInvalid];

/// The checkpoint that is replaced and forgotten.
const JOB: &str = "film.job";

/// The one lane with a rate.
fn rate_lane() -> Lane {
    Lane::Model(MODELS[1].to_owned())
}

impl Driver {
    pub(super) fn accept(&mut self) -> Move {
        let n = 1 + self.dice.below(4);
        Move::Accept((0..n).map(|_| self.request()).collect())
    }

    /// A batch of which most requests are for items of jobs.
    pub(super) async fn feed(&mut self) -> Move {
        let mut batch = vec![];
        for _ in 0..1 + self.dice.below(6) {
            let request = self.request();
            batch.push(if self.dice.chance(85) { self.for_item(request).await } else { request });
        }
        Move::Accept(batch)
    }

    fn request(&mut self) -> Accept {
        let mut request = builder::accept(&self.ids, self.now);
        let user = self.one_of(&USERS);
        request = request.user(user).recipe(self.one_of(&["code", "chat"])).model(self.one_of(&MODELS));
        if self.dice.chance(30) {
            request = request.target(self.one_of(&["x", "y"]));
        }
        if self.dice.chance(20) {
            request = request.dedupe(self.one_of(&["d", "e"]));
        }
        if self.dice.chance(20) {
            let body = u8::try_from(self.dice.below(2)).unwrap_or(0);
            request = request.key(self.one_of(&["k", "l", "m"]), body);
        }
        if self.dice.chance(40) {
            request.hold = credits(self.number(1, 30));
            if self.dice.chance(50) {
                request = request.metered(0);
            }
        }
        if self.dice.chance(60) {
            request = request.bound(self.number(1, 6_000));
        }
        if self.dice.chance(20) {
            request = request.priority(i16::try_from(self.number(-5, 5)).unwrap_or(0));
        }
        if self.dice.chance(10) {
            request = request.run_in_s(self.dice.below(30));
        }
        if self.dice.chance(15)
            && let Some(draft) = self.dice.pick(&self.drafts)
        {
            request = request.existing(*draft);
        }
        if self.dice.chance(20) {
            request.cost_max = Some(NanoUsd(self.number(0, 900)));
            request.params = self.dice.chance(50).then(|| "{\"temperature\":1}".to_owned());
        }
        request.deadline_at = self.now.plus(Duration::from_secs(20 + self.dice.below(300)));
        request.attempts_per_model = 1 + u32::try_from(self.dice.below(3)).unwrap_or(0);
        request.max_attempts = request.attempts_per_model * (1 + u32::try_from(self.dice.below(2)).unwrap_or(0));
        request
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        self.dice.pick(words).copied().unwrap_or("code")
    }

    fn number(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.dice.below(u64::try_from(to - from + 1).unwrap_or(1))).unwrap_or(0)
    }

    /// Up to four writes, and mostly a claim.
    pub(super) async fn turn(&mut self) -> Turn {
        let mut writes = vec![];
        for _ in 0..self.dice.below(5) {
            let write = match self.dice.below(10) {
                0 => self.cancel().await,
                1 => self.sweep_one().await,
                2 => self.late().await,
                3 if self.dice.chance(50) => self.extend().await,
                _ => self.report(),
            };
            writes.extend(write);
        }
        let claim = self.dice.chance(70).then(|| self.claim());
        Turn { now: self.now, writes, claim }
    }

    fn claim(&mut self) -> Claim {
        let node = self.nodes[usize::from(self.dice.chance(50))];
        let mut limits = builder::no_limits();
        if self.dice.chance(30) {
            limits.global = Some(u32::try_from(self.dice.below(12)).unwrap_or(0));
        }
        let lanes =
            [Lane::Provider("demo".to_owned()), Lane::Recipe("chat".to_owned()), Lane::Model(MODELS[0].to_owned())];
        for lane in lanes {
            if self.dice.chance(20) {
                limits.lanes.push((lane, u32::try_from(self.dice.below(6)).unwrap_or(0)));
            }
        }
        if self.dice.chance(50) {
            let rate = Rate {
                requests_per_minute: NonZeroU32::new(30),
                tokens_per_minute: NonZeroU32::new(if self.dice.chance(50) { 2_000 } else { 0 }),
            };
            limits.rates.push((rate_lane(), rate));
        }
        let n = usize::try_from(1 + self.dice.below(4)).unwrap_or(1);
        builder::claim(&self.ids, node, n, Limits { ..limits })
    }

    /// A worker's word about what it believes to run.
    fn report(&mut self) -> Option<Write> {
        let run = self.dice.pick(&self.runs)?.clone();
        let code = self.dice.pick(&CODES).copied()?;
        let cost = self.number(0, 40);
        let (ids, now) = (&self.ids, self.now);
        let change = match self.dice.below(12) {
            0..=4 => builder::settle_at_cost(ids, &run, NanoUsd(cost), now),
            5 => builder::stop(ids, &run, now),
            6..=7 => builder::fail(ids, &run, code, now),
            8 => builder::fail_or_fall_back(ids, &run, code, now),
            9 => builder::step(ids, &run, &format!("s{}", run.steps.len()), "{}", "next", now),
            10 => builder::step(ids, &run, JOB, &format!("job {}", ids.uuid()), "film.result", now),
            _ => builder::hand_back(ids, &run, now),
        };
        let change = self.maybe_sign(change, &run);
        let change = self.maybe_of_a_job(change);
        Some(builder::write(self.maybe_elsewhere(change)))
    }

    /// Most reports say something of the model, and some of the rate lane.
    fn maybe_sign(&mut self, change: Change, run: &Claimed) -> Change {
        let answered = change.content.is_some() || change.step.is_some();
        let ended = if answered { Ended::Answered } else { self.fault() };
        let began = self.now.minus(Duration::from_secs(self.dice.below(20)));
        let sign = self.dice.chance(70).then(|| Sign { address: run.model.clone(), began, ended });
        let rate = Rate { requests_per_minute: NonZeroU32::new(30), tokens_per_minute: NonZeroU32::new(2_000) };
        let tokens = Tokens(self.number(0, 300));
        let debts = if self.dice.chance(50) { vec![(rate_lane(), rate.cost(1, tokens))] } else { vec![] };
        Change { sign, debts, ..change }
    }

    /// Some steps only wait from then on, some retries begin a step again, some results have files.
    fn maybe_of_a_job(&mut self, change: Change) -> Change {
        let retries = matches!(change.decision.next, State::Pending { .. });
        let (checkpoint, step) = (JOB.to_owned(), "film.submit".to_owned());
        let forgets = (retries && self.dice.chance(40)).then_some(Forgotten { checkpoint, step });
        let files = if change.content.is_some() && self.dice.chance(40) { 1 + self.dice.below(2) } else { 0 };
        let asset = |seq: u64| NewAsset {
            id: AssetId(self.ids.uuid()),
            seq: u32::try_from(seq).unwrap_or(1),
            media_type: "image/png".to_owned(),
            bytes: seq,
            sha256: [7; 32],
            path: format!("w/g/{seq}"),
        };
        let assets = (1..=files).map(asset).collect();
        let waits = change.step.is_some() && self.dice.chance(50);
        Change { forgets, assets, waits, ..change }
    }

    fn fault(&mut self) -> Ended {
        let of = self.dice.pick(&[FaultOf::Request, FaultOf::Model, FaultOf::Provider]).copied();
        let codes = [FailureCode::ProviderError, FailureCode::RateLimited, FailureCode::ProviderAuth];
        let code = self.dice.pick(&codes).copied().unwrap_or(FailureCode::ProviderError);
        let wait = self.dice.chance(20).then(|| self.dice.below(30));
        builder::fault(of.unwrap_or(FaultOf::Model), code, wait)
    }

    /// A retry is sometimes routed to another model.
    fn maybe_elsewhere(&mut self, change: Change) -> Change {
        let retries = matches!(change.decision.next, State::Pending { .. });
        let next_model = (retries && self.dice.chance(30)).then(|| self.one_of(&MODELS).to_owned());
        Change { next_model, ..change }
    }

    async fn late(&mut self) -> Option<Write> {
        let run: Claimed = self.dice.pick(&self.runs)?.clone();
        // Only of attempts that are over: a late report of a running one would be the worker's bug.
        let current = self.is_current(&run).await;
        let call = builder::closed(run.call, CallOutcome::Ok, 9);
        (!current).then_some(Write::Late { scope: run.scope, call })
    }

    async fn is_current(&self, run: &Claimed) -> bool {
        let standing = self.standing(run.generation.id).await;
        standing.attempt == run.generation.attempt && standing.state.status() == Status::Processing
    }

    async fn cancel(&mut self) -> Option<Write> {
        let id = *self.dice.pick(&self.generations)?;
        let generation = self.standing(id).await;
        match transition(&generation, &Event::CancelRequested, self.now) {
            Ok(Verdict::Change(_)) => {
                Some(builder::write(builder::cancel(&self.ids, Scope::DEFAULT, &generation, self.now)))
            }
            Ok(Verdict::Late | Verdict::Nothing) | Err(_) => None,
        }
    }

    async fn extend(&mut self) -> Option<Write> {
        let id = *self.dice.pick(&self.generations)?;
        let generation = self.standing(id).await;
        let deadline_at = generation.terms.deadline_at.plus(Duration::from_secs(self.dice.below(60)));
        match transition(&generation, &Event::ExtensionRequested { deadline_at }, self.now) {
            Ok(Verdict::Change(_)) => {
                Some(builder::write(builder::extend(&self.ids, Scope::DEFAULT, &generation, deadline_at, self.now)))
            }
            Ok(Verdict::Late | Verdict::Nothing) | Err(_) => None,
        }
    }

    /// Ends one of the overdue as the sweeper would.
    async fn sweep_one(&mut self) -> Option<Write> {
        let request = self.sweep_request();
        let overdue = self.model.overdue(request).await.expect("overdue");
        let found = self.dice.pick(&overdue)?;
        let (ids, now) = (&self.ids, self.now);
        Some(builder::write(match found.reason {
            OverdueReason::Deadline => builder::expire(ids, found.scope, &found.generation, now),
            OverdueReason::AttemptOverran | OverdueReason::NodeLost | OverdueReason::Stale => {
                builder::lose(ids, found.scope, &found.generation, found.open_call, now)
            }
        }))
    }

    pub(super) fn sweep_request(&mut self) -> SweepRequest {
        SweepRequest {
            now: self.now,
            lost_before: self.now.minus(Duration::from_secs(30)),
            only_living: None,
            attempt_grace: Duration::from_secs(5),
            stale_before: None,
            limit: 1 + u32::try_from(self.dice.below(20)).unwrap_or(0),
            after: None,
        }
    }

    pub(super) fn beat(&mut self) -> Move {
        let node = self.nodes[usize::from(self.dice.chance(50))];
        Move::Beat(Heartbeat {
            node,
            at: self.now,
            label: "walk".to_owned(),
            goodbye: self.dice.chance(4),
            runs: vec![],
        })
    }

    pub(super) fn pause(&mut self) -> Move {
        // The master switch is off for a short while only: a walk on which nothing is accepted meets nothing.
        let master = self.dice.chance(50);
        let what = if master { PauseKey::Generation } else { PauseKey::recipe("code".to_owned()) };
        Move::Pause { what, paused: self.dice.chance(if master { 10 } else { 40 }), at: self.now }
    }

    /// An edit or an editorial move that the contract speaks of; what it leaves open is not asked for.
    pub(super) async fn editorial(&mut self) -> Move {
        let Some(draft) = self.dice.pick(&self.drafts).copied() else { return self.accept() };
        let row = self.model.get_draft(Scope::DEFAULT, draft).await.expect("the model knows its drafts");
        let set = |to| Move::Set(SetDraft { scope: Scope::DEFAULT, at: self.now, draft, if_revision: None, to });
        if row.deleted_at.is_some() {
            return set(DraftSetting::Undelete);
        }
        let settled = matches!(row.status, DraftStatus::Draft | DraftStatus::Published);
        match self.dice.below(10) {
            0..=3 => {
                let content = builder::content(&format!("Edit {}", self.dice.below(1_000)));
                let (scope, at, origin) = (Scope::DEFAULT, self.now, Origin::Edited);
                Move::Edit(Edit { scope, at, draft, if_revision: None, origin, content })
            }
            4..=5 => set(DraftSetting::Publish),
            6..=7 if settled => set(DraftSetting::Unpublish),
            8 if row.status == DraftStatus::Draft => set(DraftSetting::review(Review::Approved, None)),
            _ => set(DraftSetting::Delete),
        }
    }

    pub(super) async fn post(&mut self) -> Move {
        let user = user_id(Scope::DEFAULT, self.one_of(&USERS));
        // An older one: it has ended more likely, and only what was settled can be refunded.
        let older = &self.generations[..self.generations.len() / 2];
        let refunded = if self.dice.chance(70) { self.dice.pick(older).copied() } else { None };
        let owner = match refunded {
            Some(id) => self.model.get(Scope::DEFAULT, id).await.expect("the model knows what it accepted").user,
            None => user,
        };
        let reference = self.dice.chance(30).then(|| format!("r{}", self.dice.below(5)));
        let kind = match refunded {
            Some(_) => TransferKind::Refund,
            None => {
                self.dice.pick(&[TransferKind::Grant, TransferKind::Purchase]).copied().unwrap_or(TransferKind::Grant)
            }
        };
        let (from, to) = if refunded.is_some() { (1, 20) } else { (20, 400) };
        let expires = refunded.is_none() && self.dice.chance(60);
        let transfer = Transfer {
            generation: refunded,
            reference,
            expires_at: expires.then(|| self.now.plus(Duration::from_secs(self.dice.below(120)))),
            ..self.transfer(owner, kind, from, to)
        };
        let open_as = refunded.is_none().then(|| "walker".to_owned());
        let idempotency = self.post_key();
        Move::Post(Post { transfer, open_as, idempotency })
    }

    fn transfer(&mut self, user: UserId, kind: TransferKind, from: i64, to: i64) -> Transfer {
        let owner = (Scope::DEFAULT.workspace, user);
        Transfer::plain(self.ids.transfer(), owner, kind, credits(self.number(from, to)), self.now)
    }

    fn post_key(&mut self) -> Option<Idempotency> {
        let key = self.dice.chance(20).then(|| self.one_of(&["p", "q"]).to_owned())?;
        Some(Idempotency {
            owner: "key_1".to_owned(),
            route: "POST /credits/grants".to_owned(),
            key,
            fingerprint: [u8::from(self.dice.chance(30)); 32],
            expires_at: self.now.plus(Duration::from_secs(60)),
        })
    }

    pub(super) fn adjust(&mut self) -> Move {
        let user = user_id(Scope::DEFAULT, self.one_of(&USERS));
        let up = self.dice.chance(40);
        let kind = if up { TransferKind::AdjustUp } else { TransferKind::AdjustDown };
        let reason = Some("a correction".to_owned());
        let transfer = Transfer { reason, ..self.transfer(user, kind, 0, 60) };
        Move::Post(Post { transfer, open_as: None, idempotency: None })
    }

    pub(super) fn gift(&mut self) -> Move {
        let users = [self.one_of(&USERS), self.one_of(&["ann", "bob", "stranger"])];
        let [from, to] = users.map(|user| user_id(Scope::DEFAULT, user));
        let reference = Some(format!("g{}", self.dice.below(30)));
        let sent = Transfer { reference, peer: Some(to), ..self.transfer(from, TransferKind::GiftSent, 1, 80) };
        let received = Transfer {
            id: self.ids.transfer(),
            user: to,
            kind: TransferKind::GiftReceived,
            peer: Some(from),
            ..sent.clone()
        };
        let idempotency = self.post_key();
        Move::Gift(Gift { sent, received, idempotency })
    }

    pub(super) fn expire(&mut self) -> Move {
        let n = 1 + self.dice.below(4);
        Move::Expire(self.now, (0..n).map(|_| self.ids.transfer()).collect())
    }
}
