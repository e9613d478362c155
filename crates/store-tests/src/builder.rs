//! Short builders for requests, turns and changes, with ids from a counter, so that every test is deterministic. Every
//! change goes through core's `transition`; nothing here decides. For tests only.

use copydesk_core::budget::bound::{Bound, MostCost};
use copydesk_core::budget::{Budget, Measure, Period, Shares, Subject};
use copydesk_core::bulk::{Action, Kind};
use copydesk_core::generation::event::{FallbackReason, Jitter, Success};
use copydesk_core::generation::fairness::Priority;
use copydesk_core::generation::{Effect, Event, Failure, FailureCode, FaultOf, Generation, State, Verdict, transition};
use copydesk_core::health::{Cooling, Ended, Fault, Sign};
use copydesk_core::job::JobStatus;
use copydesk_core::ledger::{Margin, Metered, Transfer, TransferKind};
use copydesk_core::mail::{MailKind, Secret};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::{
    BudgetId, BulkId, CallId, DraftId, GenerationId, JobId, KeyId, MailId, MailingId, MicroCredits, NanoUsd, NodeId,
    Timestamp, Tokens, TransferId, UserId, WorkspaceId,
};
use copydesk_store::Scope;
use copydesk_store::bulk::{BulkFacts, NewBulk};
use copydesk_store::generations::{
    Accept, Change, Claim, Claimed, Fence, FinishedStep, Idempotency, Lane, Limits, NewContent, Slot, Turn, Write,
};
use copydesk_store::jobs::{JobFacts, NewItem, NewJob};
use copydesk_store::ledger::{Gift, Post};
use copydesk_store::mail::{MailFacts, NewMailing};
use copydesk_store::usage::{ClosedCall, OpenCall};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// A second workspace. No store has to know it beforehand: the contract has no way to create one.
pub const OTHER: Scope = Scope::of(WorkspaceId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0b0b)));

/// 2026-01-01T00:00:00Z, where every test starts.
pub const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Ids that rise, as UUIDv7 do. One counter for all kinds, so that no two things share a UUID.
#[derive(Default, Debug)]
pub struct Ids {
    next: AtomicU64,
}

impl Ids {
    pub fn new() -> Ids {
        Ids::default()
    }
    /// Ids that never meet those of [`Ids::new`] (realm 0) or of another realm.
    pub fn of_realm(realm: u16) -> Ids {
        Ids { next: AtomicU64::new(u64::from(realm) << 32) }
    }
    pub fn uuid(&self) -> Uuid {
        let n = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        Uuid::from_u128(0x019b_0000_0000_7000_8000_0000_0000_0000 | (n << 80) | n)
    }
    pub fn generation(&self) -> GenerationId {
        GenerationId(self.uuid())
    }
    pub fn draft(&self) -> DraftId {
        DraftId(self.uuid())
    }
    pub fn call(&self) -> CallId {
        CallId(self.uuid())
    }
    pub fn transfer(&self) -> TransferId {
        TransferId(self.uuid())
    }
    pub fn node(&self) -> NodeId {
        NodeId(self.uuid())
    }
    pub fn job(&self) -> JobId {
        JobId(self.uuid())
    }
    pub fn bulk(&self) -> BulkId {
        BulkId(self.uuid())
    }
    pub fn key(&self) -> KeyId {
        KeyId(self.uuid())
    }
}

pub fn credits(micros: i64) -> MicroCredits {
    MicroCredits::new(micros).expect("tests name amounts of at least zero")
}

pub fn user_id(scope: Scope, external: &str) -> UserId {
    UserId::from_external(scope.workspace, external)
}

/// A grant for a user of the default workspace who may be new.
pub fn grant(ids: &Ids, user: &str, micros: i64, at: Timestamp) -> Post {
    let owner = (Scope::DEFAULT.workspace, user_id(Scope::DEFAULT, user));
    let transfer = Transfer::plain(ids.transfer(), owner, TransferKind::Grant, credits(micros), at);
    Post { transfer, open_as: Some(user.to_owned()), idempotency: None }
}

/// A gift between two users of the default workspace.
pub fn gift(ids: &Ids, users: (&str, &str), micros: i64, reference: &str, at: Timestamp) -> Gift {
    let (sender, receiver) = (user_id(Scope::DEFAULT, users.0), user_id(Scope::DEFAULT, users.1));
    let owner = (Scope::DEFAULT.workspace, sender);
    let sent = Transfer::plain(ids.transfer(), owner, TransferKind::GiftSent, credits(micros), at);
    let sent = Transfer { reference: Some(reference.to_owned()), peer: Some(receiver), ..sent };
    let (id, kind, peer) = (ids.transfer(), TransferKind::GiftReceived, Some(sender));
    let received = Transfer { id, user: receiver, kind, peer, ..sent.clone() };
    Gift { sent, received, idempotency: None }
}

/// A day's cost for the whole of the default workspace, in UTC.
pub fn budget(ids: &Ids, limit: i64, at: Timestamp) -> Budget {
    Budget {
        id: BudgetId(ids.uuid()),
        workspace: Scope::DEFAULT.workspace,
        subject: Subject::Workspace,
        measure: Measure::Cost,
        period: Period::Day,
        zone: Zone::utc(),
        limit,
        warn_at: Shares::default(),
        created_at: at,
        ended_at: None,
    }
}

/// A plain request: a new draft of user `a`, recipe `newsletter`, model `demo/swift`, no credits, one hour.
pub fn accept(ids: &Ids, at: Timestamp) -> Accept {
    let (generation, draft) = (ids.generation(), ids.draft());
    Accept {
        scope: Scope::DEFAULT,
        at,
        generation,
        slot: Slot::New { draft, title: "Untitled".to_owned(), external_id: None },
        user: user_id(Scope::DEFAULT, "a"),
        user_external: "a".to_owned(),
        key: None,
        recipe: "newsletter".to_owned(),
        recipe_version: "1".to_owned(),
        model: "demo/swift".to_owned(),
        step: "write".to_owned(),
        input: r#"{"topic":"tea"}"#.to_owned(),
        filled: None,
        metadata: "{}".to_owned(),
        target: None,
        dedupe_key: None,
        idempotency: None,
        priority: Priority::default(),
        run_at: None,
        deadline_at: at.plus(Duration::from_secs(3_600)),
        attempt_timeout: Duration::from_secs(60),
        max_attempts: 3,
        attempts_per_model: 3,
        hold: MicroCredits::ZERO,
        metered: None,
        cost_max: None,
        params: None,
        hold_id: ids.transfer(),
        bound: None,
        webhook: None,
        job: None,
        once: None,
    }
}

/// A bulk action of nobody in particular that names nothing yet and gathers nothing.
pub fn new_bulk(ids: &Ids, action: Action, at: Timestamp) -> NewBulk {
    let facts = BulkFacts {
        id: ids.bulk(),
        scope: Scope::DEFAULT,
        user: None,
        key: None,
        action,
        kind: action.kind().unwrap_or(Kind::Drafts),
        spec: "{}".to_owned(),
        created_at: at,
    };
    NewBulk { facts, walk: None, items: vec![], idempotency: None }
}

/// A mailing of one mail that is skipped.
pub fn skipped_mailing(ids: &Ids, at: Timestamp) -> NewMailing {
    let (id, mail) = (MailingId(ids.uuid()), MailId(ids.uuid()));
    let facts = MailFacts {
        kind: MailKind::Outreach,
        subscriber: None,
        list: None,
        id: mail,
        mailing: id,
        workspace: Scope::DEFAULT.workspace,
        prospect: None,
        content: None,
        name: None,
        address: String::new(),
        recipient: String::new(),
        message_id: format!("<{mail}@desk.example>"),
        reason: Some("no_draft".to_owned()),
        created_at: at,
    };
    let (scope, spec) = (Scope::DEFAULT, "{}".to_owned());
    let (kind, secret) = (MailKind::Outreach, Secret([7; Secret::BYTES]));
    NewMailing {
        id,
        scope,
        kind,
        secret,
        spec,
        at,
        again: false,
        mails: vec![facts],
        to: None,
        idempotency: None,
        dry: false,
    }
}

/// A running job of user `a` with so many items to stage.
pub fn new_job(ids: &Ids, total: u32, at: Timestamp) -> NewJob {
    let facts = JobFacts {
        id: ids.job(),
        scope: Scope::DEFAULT,
        user: user_id(Scope::DEFAULT, "a"),
        user_external: "a".to_owned(),
        key: None,
        name: None,
        recipe: "newsletter".to_owned(),
        spec: "{}".to_owned(),
        dedupe_key: None,
        created_at: at,
    };
    NewJob { facts, total: u64::from(total), status: JobStatus::Running, cost_max: None, idempotency: None }
}

/// Items 1 to `total`.
pub fn items(total: u32) -> Vec<NewItem> {
    let item = |seq| NewItem { seq, custom_id: format!("i{seq}"), skipped: None, request: format!("{{\"n\":{seq}}}") };
    (1..=total).map(item).collect()
}

/// What a test says about a request, in short words.
pub trait AcceptWith: Sized {
    fn change(self, how: impl FnOnce(&mut Accept)) -> Self;

    fn user(self, external: &str) -> Self {
        self.change(|it| {
            it.user = user_id(it.scope, external);
            it.user_external = external.to_owned();
        })
    }
    /// The same external user name in another workspace is another user.
    fn scope(self, scope: Scope) -> Self {
        self.change(|it| {
            it.scope = scope;
            it.user = user_id(scope, &it.user_external);
        })
    }
    fn title(self, text: &str) -> Self {
        self.change(|it| {
            if let Slot::New { title, .. } = &mut it.slot {
                *title = text.to_owned();
            }
        })
    }
    fn external_id(self, text: &str) -> Self {
        self.change(|it| {
            if let Slot::New { external_id, .. } = &mut it.slot {
                *external_id = Some(text.to_owned());
            }
        })
    }
    fn existing(self, draft: DraftId) -> Self {
        self.change(|it| it.slot = Slot::Existing(draft))
    }
    fn target(self, name: &str) -> Self {
        self.change(|it| it.target = Some(name.to_owned()))
    }
    fn dedupe(self, key: &str) -> Self {
        self.change(|it| it.dedupe_key = Some(key.to_owned()))
    }
    /// An idempotency key whose request body is `body`, good for a day.
    fn key(self, key: &str, body: u8) -> Self {
        self.change(|it| {
            it.idempotency = Some(Idempotency {
                owner: "key_1".to_owned(),
                route: "POST /generations".to_owned(),
                key: key.to_owned(),
                fingerprint: [body; 32],
                expires_at: it.at.plus(Duration::from_secs(86_400)),
            });
        })
    }
    fn hold(self, micros: i64) -> Self {
        self.change(|it| it.hold = credits(micros))
    }
    /// A price of one micro-credit for each billionth of a dollar, with the hold as the most.
    fn metered(self, min: i64) -> Self {
        let (per_usd, margin) = (credits(1_000_000_000), Margin(0));
        self.change(|it| it.metered = Some(Metered { per_usd, margin, min: credits(min) }))
    }
    /// So many tokens, and as many nano-dollars.
    fn bound(self, most: i64) -> Self {
        let cost = MostCost::Known(NanoUsd(most));
        self.change(|it| it.bound = Some(Bound { tokens: Tokens(most), cost }))
    }
    fn by_key(self, key: KeyId) -> Self {
        self.change(|it| it.key = Some(key))
    }
    fn recipe(self, name: &str) -> Self {
        self.change(|it| it.recipe = name.to_owned())
    }
    fn model(self, name: &str) -> Self {
        self.change(|it| it.model = name.to_owned())
    }
    fn priority(self, points: i16) -> Self {
        self.change(|it| it.priority = Priority::new(points).expect("tests name priorities within the bounds"))
    }
    fn run_in_s(self, seconds: u64) -> Self {
        self.change(|it| it.run_at = Some(it.at.plus(Duration::from_secs(seconds))))
    }
    fn deadline_in_s(self, seconds: u64) -> Self {
        self.change(|it| it.deadline_at = it.at.plus(Duration::from_secs(seconds)))
    }
    fn max_attempts(self, n: u32) -> Self {
        self.change(|it| (it.max_attempts, it.attempts_per_model) = (n, n))
    }
}

impl AcceptWith for Accept {
    fn change(mut self, how: impl FnOnce(&mut Accept)) -> Accept {
        how(&mut self);
        self
    }
}

/// What a call of these tests costs, where nothing else is said.
pub const COST: NanoUsd = NanoUsd(1_000);

pub fn no_limits() -> Limits {
    Limits { global: None, lanes: vec![], rates: vec![] }
}

pub fn lane(lane: Lane, limit: u32) -> Limits {
    Limits { lanes: vec![(lane, limit)], ..no_limits() }
}

/// A claim of at most `n`.
pub fn claim(ids: &Ids, node: NodeId, n: usize, limits: Limits) -> Claim {
    Claim { node, calls: (0..n).map(|_| ids.call()).collect(), limits }
}

pub fn write(change: Change) -> Write {
    Write::Change(Box::new(change))
}

pub fn writes(now: Timestamp, changes: Vec<Change>) -> Turn {
    Turn { now, writes: changes.into_iter().map(write).collect(), claim: None }
}

/// Content that names itself.
pub fn content(title: &str) -> NewContent {
    let byte = title.bytes().fold(7u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    NewContent {
        title: title.to_owned(),
        form: "text".to_owned(),
        body: serde_json::json!({ "text": title }).to_string(),
        words: u32::try_from(title.split_whitespace().count()).unwrap_or(u32::MAX),
        hash: [byte; 32],
        provenance: r#"{"recipe":"1"}"#.to_owned(),
    }
}

/// The figures of a call. They differ from call to call by `n`.
pub fn closed(id: CallId, outcome: CallOutcome, n: i64) -> ClosedCall {
    ClosedCall {
        id,
        outcome,
        usage: TokenUsage {
            input: Some(Tokens(100 + n)),
            output: Some(Tokens(50 + n)),
            input_cached: Some(Tokens(10)),
            ..TokenUsage::default()
        },
        cost: Some(NanoUsd(1_000 + n)),
        cost_status: "priced".to_owned(),
        price_version: Some("test-1".to_owned()),
        duration_ms: 1_234,
        first_token_ms: Some(321),
        http_status: Some(200),
        provider_request_id: Some("req-1".to_owned()),
        served_model: Some("swift-2".to_owned()),
        error: None,
    }
}

/// The change that `event` makes of `generation`.
///
/// Errors: panics when core says that the event changes nothing; use `transition` for those.
pub fn change(ids: &Ids, scope: Scope, generation: &Generation, event: &Event, at: Timestamp) -> Change {
    let verdict = transition(generation, event, at).expect("the event applies to this state");
    let Verdict::Change(decision) = verdict else { panic!("{event:?} changes nothing: {verdict:?}") };
    let stores = decision.effects.iter().any(|effect| matches!(effect, Effect::StoreVersion(_)));
    Change {
        content: stores.then(|| content(&format!("Result of {}", generation.id))),
        ..Change::of(scope, at, Fence::of(generation), decision, [ids.transfer(), ids.transfer(), ids.transfer()])
    }
}

/// What a worker says about the generation it was given.
pub fn settle(ids: &Ids, run: &Claimed, at: Timestamp) -> Change {
    succeed(ids, run, Success::Generated, CallOutcome::Ok, COST, at)
}

pub fn stop(ids: &Ids, run: &Claimed, at: Timestamp) -> Change {
    succeed(ids, run, Success::Stopped, CallOutcome::Cancelled, COST, at)
}

/// A settle whose calls cost this much: what a metered price follows.
pub fn settle_at_cost(ids: &Ids, run: &Claimed, cost: NanoUsd, at: Timestamp) -> Change {
    succeed(ids, run, Success::Generated, CallOutcome::Ok, cost, at)
}

fn succeed(ids: &Ids, run: &Claimed, success: Success, outcome: CallOutcome, cost: NanoUsd, at: Timestamp) -> Change {
    let event = Event::AttemptSucceeded { attempt: run.generation.attempt, success, cost: Some(cost) };
    let change = change(ids, run.scope, &run.generation, &event, at);
    Change { closes: Some(closed(run.call, outcome, 0)), ..change }
}

pub fn failure(code: FailureCode) -> Failure {
    Failure::new(code, format!("It failed: {code}.")).with_detail("the provider's own words")
}

pub fn fail(ids: &Ids, run: &Claimed, code: FailureCode, at: Timestamp) -> Change {
    fail_or(ids, run, code, None, at)
}

/// A failed attempt of a recipe that has an honest fallback.
pub fn fail_or_fall_back(ids: &Ids, run: &Claimed, code: FailureCode, at: Timestamp) -> Change {
    fail_or(ids, run, code, Some(FallbackReason("unparsable_answer".to_owned())), at)
}

fn fail_or(ids: &Ids, run: &Claimed, code: FailureCode, fallback: Option<FallbackReason>, at: Timestamp) -> Change {
    fail_with(ids, run, failure(code), fallback, at)
}

fn fail_with(ids: &Ids, run: &Claimed, failure: Failure, fallback: Option<FallbackReason>, at: Timestamp) -> Change {
    let code = failure.code;
    let event = Event::AttemptFailed { attempt: run.generation.attempt, failure, jitter: Jitter(0), fallback };
    let change = change(ids, run.scope, &run.generation, &event, at);
    let error = Some((code.as_str().to_owned(), "the provider's own words".to_owned()));
    let call = ClosedCall { error, http_status: Some(500), ..closed(run.call, CallOutcome::Failed, 0) };
    Change { closes: Some(call), ..change }
}

/// A failed attempt after which this model is not tried again, but another one is.
pub fn fail_for_good_here(ids: &Ids, run: &Claimed, at: Timestamp) -> Change {
    fail_with(ids, run, Failure { tries_max: Some(1), ..failure(FailureCode::ProviderError) }, None, at)
}

/// The worker made no call because the model is cooling, and the generation goes on to `next`, the next of its route.
pub fn skip(ids: &Ids, run: &Claimed, cooling: &Cooling, next: &str, at: Timestamp) -> Change {
    let change = pass_over(ids, run, cooling, vec![Some(cooling.until), None], at);
    Change { next_model: Some(next.to_owned()), ..change }
}

/// The worker made no call because the model is cooling; `doors` are those of its route.
pub fn pass_over(ids: &Ids, run: &Claimed, cooling: &Cooling, doors: Vec<Option<Timestamp>>, at: Timestamp) -> Change {
    let event = Event::PassedOver { attempt: run.generation.attempt, failure: failure(cooling.code), doors };
    let change = change(ids, run.scope, &run.generation, &event, at);
    Change { closes: Some(closed(run.call, CallOutcome::NotSent, 0)), ..change }
}

/// What a call that began with the claim says.
pub fn sign(run: &Claimed, ended: Ended, at: Timestamp) -> Sign {
    let began = match run.generation.state {
        State::Processing { claimed_at, .. } => claimed_at,
        State::Pending { .. } | State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => at,
    };
    Sign { address: run.model.clone(), began, ended }
}

pub fn fault(of: FaultOf, code: FailureCode, retry_after_s: Option<u64>) -> Ended {
    let retry_after = retry_after_s.map(Duration::from_secs);
    Ended::Failed(Fault { of, code, message: format!("It failed: {code}."), retry_after })
}

pub fn hand_back(ids: &Ids, run: &Claimed, at: Timestamp) -> Change {
    let event = Event::HandedBack { attempt: run.generation.attempt };
    let change = change(ids, run.scope, &run.generation, &event, at);
    Change { closes: Some(closed(run.call, CallOutcome::NotSent, 0)), ..change }
}

/// Step `name` is done with `output`; the next call belongs to step `next`.
pub fn step(ids: &Ids, run: &Claimed, name: &str, output: &str, next: &str, at: Timestamp) -> Change {
    let event = Event::StepFinished { attempt: run.generation.attempt };
    let change = change(ids, run.scope, &run.generation, &event, at);
    Change {
        closes: Some(closed(run.call, CallOutcome::Ok, 0)),
        opens: Some(OpenCall { id: ids.call(), step: next.to_owned(), model: run.model.clone() }),
        step: Some(finished(name, output)),
        ..change
    }
}

/// A finished step whose call cost what [`closed`] says.
pub fn finished(name: &str, output: &str) -> FinishedStep {
    FinishedStep { name: name.to_owned(), output: output.to_owned(), cost: Some(COST) }
}

/// The worker's own picture after a change of its that was applied.
pub fn after(run: &Claimed, change: &Change) -> Claimed {
    let mut next = run.clone();
    next.generation = moved(&run.generation, change);
    if let Some(step) = &change.step {
        match next.steps.iter_mut().find(|kept| kept.name == step.name) {
            Some(kept) => kept.output.clone_from(&step.output),
            None => next.steps.push(step.clone()),
        }
    }
    if let Some(call) = &change.opens {
        next.call = call.id;
    }
    next
}

/// The generation a decision makes of another one.
pub fn moved(generation: &Generation, change: &Change) -> Generation {
    let mut next = generation.clone();
    next.state = change.decision.next.clone();
    next.attempt = change.decision.attempt;
    next.spent = change.decision.spent;
    next.row_version = change.decision.row_version;
    next.terms.deadline_at = change.decision.deadline_at.unwrap_or(next.terms.deadline_at);
    next
}

pub fn cancel(ids: &Ids, scope: Scope, generation: &Generation, at: Timestamp) -> Change {
    change(ids, scope, generation, &Event::CancelRequested, at)
}

pub fn extend(ids: &Ids, scope: Scope, generation: &Generation, deadline_at: Timestamp, at: Timestamp) -> Change {
    change(ids, scope, generation, &Event::ExtensionRequested { deadline_at }, at)
}

pub fn expire(ids: &Ids, scope: Scope, generation: &Generation, at: Timestamp) -> Change {
    change(ids, scope, generation, &Event::DeadlinePassed, at)
}

/// The sweeper ends the attempt of a lost node; `call` is closed as lost with an estimate.
pub fn lose(ids: &Ids, scope: Scope, generation: &Generation, call: Option<CallId>, at: Timestamp) -> Change {
    let change = change(ids, scope, generation, &Event::LeaseExpired { jitter: Jitter(0) }, at);
    let lost = |id| {
        let mut call = closed(id, CallOutcome::Lost, 7);
        call.usage.estimated = true;
        call.error = Some((FailureCode::LeaseLost.as_str().to_owned(), "the node is gone".to_owned()));
        call
    };
    Change { closes: call.map(lost), ..change }
}
