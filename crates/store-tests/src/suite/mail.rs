//! Mail: nobody gets a version twice, a mail is being sent before anybody is called, only its sender says what came of it, what
//! a lost process was sending is unknown, and the counts are the mails'.

use crate::bench::{Bench, all};
use crate::builder::{AcceptWith, OTHER};
use copydesk_core::generation::event::Jitter;
use copydesk_core::mail::{
    Fence, Judgement, Limits, MailKind, MailStatus, MailingStatus, Outcome, Reply, Secret, Stage, Then, Verdict, then,
};
use copydesk_core::prospect::{Edit, Field, Rule, Stage as ProspectStage, draft_name};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, MailId, MailingId, NodeId, ProspectId, Timestamp};
use copydesk_store::generations::Idempotency;
use copydesk_store::mail::{
    ALREADY, ClaimMails, FinishedMail, JudgeMail, LostMails, MailFacts, MailFilter, MailRow, MailingChange,
    MailingOrder, MailingRow, NewMailing, OpenedMailing,
};
use copydesk_store::once::Once;
use copydesk_store::prospects::{Known, NewProspect, ProspectChange, ProspectFilter, ProspectSetting, WriteProspects};
use copydesk_store::{PageRequest, Scope, StoreError};
use std::sync::Arc;
use std::time::Duration;

pub(super) const ALL: Limits = Limits { per_day: 1_000, reserve: 0, every: Duration::from_micros(1) };

/// One mail of a draft's version to an address.
pub(super) fn mail(t: &Bench, draft: DraftId, version: u32, address: &str) -> MailFacts {
    let id = MailId(t.ids.uuid());
    MailFacts {
        id,
        mailing: MailingId(t.ids.uuid()),
        workspace: Scope::DEFAULT.workspace,
        kind: MailKind::Outreach,
        prospect: None,
        subscriber: None,
        list: None,
        content: Some((draft, version)),
        name: Some("Ann \"of\" Tea; ü".to_owned()),
        address: address.to_owned(),
        recipient: address.to_lowercase(),
        message_id: format!("<{id}@desk.example>"),
        reason: None,
        created_at: t.now(),
    }
}

pub(super) fn order(t: &Bench, mails: Vec<MailFacts>) -> NewMailing {
    let id = MailingId(t.ids.uuid());
    let mails = mails.into_iter().map(|facts| MailFacts { mailing: id, ..facts }).collect();
    let (scope, spec, at) = (Scope::DEFAULT, "{\"prospects\":\"eligible\"}".to_owned(), t.now());
    let (kind, secret) = (MailKind::Outreach, Secret([7; Secret::BYTES]));
    NewMailing { id, scope, kind, secret, spec, at, again: false, mails, to: None, idempotency: None, dry: false }
}

pub(super) async fn open(t: &Bench, new: NewMailing) -> OpenedMailing {
    t.store.open_mailing(new).await.expect("open_mailing")
}

pub(super) fn draft(t: &Bench) -> DraftId {
    DraftId(t.ids.uuid())
}

/// A mailing of so many mails, each of a draft of its own.
async fn mailing(t: &Bench, mails: u32) -> MailingRow {
    let mails = (0..mails).map(|n| mail(t, draft(t), 1, &format!("n{n}@x.example"))).collect();
    open(t, order(t, mails)).await.row().clone()
}

fn wish(t: &Bench, node: NodeId, limits: Limits, limit: u32) -> ClaimMails {
    let day_at = Timestamp::from_micros(t.now().micros().div_euclid(86_400_000_000) * 86_400_000_000);
    ClaimMails { node, now: t.now(), day_at, limits, limit }
}

pub(super) async fn claim(t: &Bench, node: NodeId, limits: Limits, limit: u32) -> Vec<MailRow> {
    t.store.claim_mails(wish(t, node, limits, limit)).await.expect("claim_mails").mails
}

pub(super) fn came(t: &Bench, row: &MailRow, code: Option<u16>) -> FinishedMail {
    let verdict = Verdict::of(Stage::Body, code);
    let then = then(verdict, row.mail.tries, t.now(), Jitter(0));
    FinishedMail {
        workspace: row.facts.workspace,
        mailing: row.facts.mailing,
        mail: row.facts.id,
        fence: Fence { node: row.mail.node.expect("a claimed mail"), tries: row.mail.tries },
        outcome: Outcome { then, reply: Reply { code, text: "as it was said".to_owned() } },
        at: t.now(),
    }
}

pub(super) async fn finish(t: &Bench, row: &MailRow, code: Option<u16>) -> bool {
    t.store.finish_mails(vec![came(t, row, code)]).await.expect("finish_mails")[0]
}

pub(super) async fn get(t: &Bench, id: MailId) -> MailRow {
    t.store.mail(Scope::DEFAULT, id).await.expect("mail")
}

pub(super) async fn now_of(t: &Bench, id: MailingId) -> MailingRow {
    t.store.mailing(Scope::DEFAULT, id).await.expect("mailing")
}

/// The counts of a mailing are those of its mails.
pub(super) async fn assert_counted(t: &Bench, id: MailingId) {
    let row = now_of(t, id).await;
    for status in MailStatus::ALL {
        let filter = MailFilter { mailing: id, status: Some(status) };
        let mails = all(|page| t.store.mails(Scope::DEFAULT, filter, page)).await;
        assert_eq!(row.mailing.tally.of(status), mails.len() as u64, "{status}");
    }
    let open = row.mailing.tally.open() > 0;
    assert_eq!(row.mailing.finished_at.is_none(), open);
}

async fn told(t: &Bench) -> Vec<String> {
    let mail = |kind: &String| kind.starts_with("mail");
    t.events(Scope::DEFAULT).await.into_iter().map(|event| event.kind).filter(mail).collect()
}

pub async fn a_mailing_is_kept_as_it_was_ordered_and_read_in_its_workspace_only(t: Arc<Bench>) {
    let kept = mail(&t, draft(&t), 3, "Ann@X.example");
    let without = MailFacts { content: None, reason: Some("no_email".to_owned()), ..mail(&t, draft(&t), 1, "") };
    let new = order(&t, vec![kept, without]);
    let OpenedMailing::New(row, skips) = open(&t, new.clone()).await else { panic!("it is new") };
    assert_eq!(skips.into_iter().collect::<Vec<_>>(), [("no_email".to_owned(), 1)]);
    assert_eq!(now_of(&t, row.id).await, row);
    assert!(row.single, "one goes");
    let rows = all(|page| t.store.mails(Scope::DEFAULT, MailFilter { mailing: row.id, status: None }, page)).await;
    assert_eq!(rows.iter().map(|row| &row.facts).collect::<Vec<_>>(), new.mails.iter().collect::<Vec<_>>());
    assert_eq!(get(&t, rows[0].facts.id).await, rows[0]);
    assert_counted(&t, row.id).await;
    assert!(matches!(t.store.mailing(OTHER, row.id).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(t.store.mail(OTHER, rows[0].facts.id).await, Err(StoreError::NotFound { .. })));
    let filter = MailFilter { mailing: row.id, status: None };
    let elsewhere = t.store.mails(OTHER, filter, PageRequest::newest(10)).await;
    assert!(matches!(elsewhere, Err(StoreError::NotFound { .. })));
    assert_eq!(t.store.mailings(OTHER, PageRequest::newest(10)).await.expect("mailings").rows, []);
    assert_eq!(t.store.mailings(Scope::DEFAULT, PageRequest::newest(10)).await.expect("mailings").rows, [row]);
    // Nobody's order reaches it from there.
    let change = MailingChange { scope: OTHER, mailing: filter.mailing, at: t.now(), to: MailingOrder::Cancel };
    assert!(matches!(t.store.change_mailing(change).await, Err(StoreError::NotFound { .. })));
    let judge = JudgeMail { scope: OTHER, mail: rows[0].facts.id, at: t.now(), word: Judgement::Sent };
    assert!(matches!(t.store.judge_mail(judge).await, Err(StoreError::NotFound { .. })));
}

pub async fn nobody_gets_a_version_twice_and_another_one_only_on_order(t: Arc<Bench>) {
    let tea = draft(&t);
    let count = |opened: &OpenedMailing| {
        let tally = opened.row().mailing.tally;
        (tally.of(MailStatus::Queued), tally.of(MailStatus::Skipped))
    };
    let both =
        vec![mail(&t, tea, 1, "Ann@x.example"), mail(&t, tea, 1, "ann@X.example"), mail(&t, tea, 1, "b@x.example")];
    assert_eq!(count(&open(&t, order(&t, both)).await), (2, 1), "one order names one of them twice");
    let same = order(&t, vec![mail(&t, tea, 1, "ann@x.example")]);
    let OpenedMailing::New(row, skips) = open(&t, same).await else { panic!("it is new") };
    assert_eq!(skips.get(ALREADY), Some(&1));
    assert!(row.mailing.finished_at.is_some(), "there is nothing to do");
    let newer = order(&t, vec![mail(&t, tea, 2, "ann@x.example")]);
    assert_eq!(count(&open(&t, newer).await), (0, 1));
    let again = |version| NewMailing { again: true, ..order(&t, vec![mail(&t, tea, version, "ann@x.example")]) };
    let dry = open(&t, NewMailing { dry: true, ..again(2) }).await;
    assert!(matches!(dry, OpenedMailing::Dry(..)) && count(&dry) == (1, 0));
    assert!(matches!(t.store.mailing(Scope::DEFAULT, dry.row().id).await, Err(StoreError::NotFound { .. })));
    assert_eq!(count(&open(&t, again(2)).await), (1, 0));
    assert_eq!(count(&open(&t, again(1)).await), (0, 1), "the same version never");
}

pub async fn of_many_who_order_the_same_at_once_one_sends_it(t: Arc<Bench>) {
    let drafts: Vec<DraftId> = (0..10).map(|_| draft(&t)).collect();
    let orders = (0..8).map(|_| {
        let mails = drafts.iter().map(|draft| mail(&t, *draft, 1, "ann@x.example")).collect();
        t.store.open_mailing(order(&t, mails))
    });
    let opened: Vec<OpenedMailing> =
        futures::future::join_all(orders).await.into_iter().map(|one| one.expect("open_mailing")).collect();
    let queued: u64 = opened.iter().map(|one| one.row().mailing.tally.of(MailStatus::Queued)).sum();
    assert_eq!(queued, 10);
}

pub async fn an_order_with_the_same_key_is_the_first_one_again(t: Arc<Bench>) {
    let key = |fingerprint| {
        let (owner, route, key) = ("k".to_owned(), "POST /mailings".to_owned(), "one".to_owned());
        Some(Idempotency {
            owner,
            route,
            key,
            fingerprint: [fingerprint; 32],
            expires_at: t.now().plus(Duration::from_secs(60)),
        })
    };
    let new = NewMailing { idempotency: key(1), ..order(&t, vec![mail(&t, draft(&t), 1, "ann@x.example")]) };
    let first = open(&t, new.clone()).await;
    let again = NewMailing { id: MailingId(t.ids.uuid()), ..new.clone() };
    assert_eq!(open(&t, again.clone()).await, OpenedMailing::Replayed(first.row().clone()));
    let other = t.store.open_mailing(NewMailing { idempotency: key(2), ..again }).await;
    assert!(matches!(other, Err(StoreError::Refused(Refusal::IdempotencyKeyReused))));
}

pub async fn a_mail_is_being_sent_by_one_and_only_that_one_says_what_came_of_it(t: Arc<Bench>) {
    let (one, two) = (NodeId(t.ids.uuid()), NodeId(t.ids.uuid()));
    let order = mailing(&t, 3).await;
    let first = claim(&t, one, ALL, 2).await;
    assert!(first.iter().all(|row| row.mail.status == MailStatus::Sending && row.mail.node == Some(one)));
    assert_eq!(get(&t, first[0].facts.id).await, first[0], "it is written before anybody is called");
    t.advance_s(1);
    let second = claim(&t, two, ALL, 9).await;
    assert_eq!((first.len(), second.len()), (2, 1));
    assert!(claim(&t, two, ALL, 9).await.is_empty());
    let stolen = FinishedMail { fence: Fence { node: two, tries: 1 }, ..came(&t, &first[0], Some(250)) };
    assert_eq!(t.store.finish_mails(vec![stolen]).await.expect("finish_mails"), [false]);
    assert!(finish(&t, &first[0], Some(250)).await);
    assert!(!finish(&t, &first[0], Some(550)).await, "what is sent is sent");
    assert!(finish(&t, &first[1], Some(550)).await && finish(&t, &second[0], None).await);
    let sent = get(&t, first[0].facts.id).await;
    assert_eq!((sent.mail.status, sent.mail.ended_at), (MailStatus::Sent, Some(t.now())));
    assert_eq!(sent.mail.reply, Some(Reply { code: Some(250), text: "as it was said".to_owned() }));
    assert_eq!(get(&t, second[0].facts.id).await.mail.status, MailStatus::Unknown);
    assert_counted(&t, order.id).await;
    assert_eq!(now_of(&t, order.id).await.mailing.status(), MailingStatus::Finished);
    assert_eq!(told(&t).await, ["mail.failed", "mail.unknown", "mailing.finished"]);
}

pub async fn what_certainly_did_not_go_waits_and_is_taken_again(t: Arc<Bench>) {
    let node = NodeId(t.ids.uuid());
    let order = mailing(&t, 1).await;
    let row = claim(&t, node, ALL, 9).await.remove(0);
    assert!(finish(&t, &row, Some(451)).await);
    assert!(claim(&t, node, ALL, 9).await.is_empty(), "it is not due");
    let due = get(&t, row.facts.id).await.mail.due_at;
    let answer = t.store.claim_mails(wish(&t, node, ALL, 9)).await.expect("claim_mails");
    assert_eq!(answer.next_at, Some(due));
    t.advance(due.since(t.now()));
    let again = claim(&t, node, ALL, 9).await.remove(0);
    assert_eq!((again.mail.tries, &again.facts.message_id), (2, &row.facts.message_id));
    assert!(!finish(&t, &row, Some(250)).await, "the try before does not speak of this one");
    assert!(finish(&t, &again, Some(250)).await);
    assert_counted(&t, order.id).await;
}

pub async fn what_a_lost_process_was_sending_is_unknown_until_a_person_speaks(t: Arc<Bench>) {
    let (dead, alive) = (NodeId(t.ids.uuid()), NodeId(t.ids.uuid()));
    let order = mailing(&t, 4).await;
    t.beat(dead).await;
    let rows = claim(&t, dead, ALL, 4).await;
    let lost_before = |t: &Bench| t.now().minus(Duration::from_secs(30));
    let lose = |t: &Bench| LostMails { now: t.now(), lost_before: lost_before(t), only_living: None, limit: 100 };
    assert_eq!(t.store.lose_mails(lose(&t)).await.expect("lose_mails"), 0, "it beats");
    t.advance_s(60);
    t.beat(alive).await;
    assert_eq!(t.store.lose_mails(lose(&t)).await.expect("lose_mails"), 4);
    assert_eq!(t.store.lose_mails(lose(&t)).await.expect("lose_mails"), 0);
    assert!(claim(&t, alive, ALL, 9).await.is_empty(), "nothing sends it by itself");
    assert_eq!(now_of(&t, order.id).await.mailing.tally.of(MailStatus::Unknown), 4);
    // It was only slow, and knows.
    assert!(finish(&t, &rows[0], Some(250)).await);
    let judge = |row: &MailRow, word| JudgeMail { scope: Scope::DEFAULT, mail: row.facts.id, at: t.now(), word };
    let judged = |row, word| t.store.judge_mail(judge(row, word));
    assert_eq!(judged(&rows[1], Judgement::Sent).await.expect("judge").mail.status, MailStatus::Sent);
    assert_eq!(judged(&rows[2], Judgement::Failed).await.expect("judge").mail.status, MailStatus::Failed);
    assert_eq!(judged(&rows[3], Judgement::Again).await.expect("judge").mail.status, MailStatus::Queued);
    assert_eq!(judged(&rows[1], Judgement::Again).await.expect("judge").mail.status, MailStatus::Sent, "it is known");
    assert!(!finish(&t, &rows[2], Some(250)).await, "a person has spoken");
    let again = claim(&t, alive, ALL, 9).await.remove(0);
    assert_eq!((again.facts.id, again.mail.tries, again.mail.round), (rows[3].facts.id, 2, 1));
    assert_counted(&t, order.id).await;
    // Where one process is all there is, everybody else is gone at once.
    let alone = LostMails { only_living: Some(dead), ..lose(&t) };
    assert_eq!(t.store.lose_mails(alone).await.expect("lose_mails"), 1);
}

pub async fn a_mailing_is_held_back_taken_back_and_tried_again(t: Arc<Bench>) {
    let node = NodeId(t.ids.uuid());
    let order = mailing(&t, 4).await;
    let change = |to| {
        let change = MailingChange { scope: Scope::DEFAULT, mailing: order.id, at: t.now(), to };
        t.store.change_mailing(change)
    };
    let paused = change(MailingOrder::Pause).await.expect("pause");
    assert_eq!((paused.mailing.status(), paused.mailing.paused_at), (MailingStatus::Paused, Some(t.now())));
    assert!(claim(&t, node, ALL, 9).await.is_empty());
    assert_eq!(change(MailingOrder::Resume).await.expect("resume").mailing.status(), MailingStatus::Sending);
    let rows = claim(&t, node, ALL, 2).await;
    let cancelled = change(MailingOrder::Cancel).await.expect("cancel");
    assert_eq!(cancelled.mailing.tally.of(MailStatus::Cancelled), 2);
    assert_eq!(cancelled.mailing.status(), MailingStatus::Sending, "two are under way");
    assert!(finish(&t, &rows[0], Some(250)).await && finish(&t, &rows[1], Some(550)).await);
    assert_counted(&t, order.id).await;
    let retried = change(MailingOrder::RetryFailed).await.expect("retry");
    assert_eq!((retried.mailing.tally.of(MailStatus::Queued), retried.mailing.finished_at), (1, None));
    t.advance_s(1);
    assert_eq!(claim(&t, node, ALL, 9).await[0].facts.id, rows[1].facts.id);
    assert_counted(&t, order.id).await;
    // What was taken back may be ordered anew.
    let filter = MailFilter { mailing: order.id, status: Some(MailStatus::Cancelled) };
    let back = all(|page| t.store.mails(Scope::DEFAULT, filter, page)).await;
    let (draft, version) = back[0].facts.content.expect("content");
    let anew = open(&t, self::order(&t, vec![mail(&t, draft, version, &back[0].facts.address)])).await;
    assert_eq!(anew.row().mailing.tally.of(MailStatus::Queued), 1);
}

pub async fn the_limits_are_shared_and_a_day_keeps_some_for_single_mails(t: Arc<Bench>) {
    let (one, two) = (NodeId(t.ids.uuid()), NodeId(t.ids.uuid()));
    let limits = Limits { per_day: 6, reserve: 2, every: Duration::from_millis(500) };
    mailing(&t, 10).await;
    // A second's worth, and the one that is due, whoever asks.
    assert_eq!(claim(&t, one, limits.clone(), 9).await.len(), 3);
    assert_eq!(claim(&t, two, limits.clone(), 9).await.len(), 0);
    t.advance_s(1);
    let last = claim(&t, two, limits.clone(), 9).await;
    assert_eq!(last.len(), 1, "four a day, and two for single mails");
    mailing(&t, 1).await;
    t.advance_s(1);
    assert_eq!(claim(&t, one, limits.clone(), 9).await.len(), 1, "the single one overtakes");
    // One that certainly did not go makes room for another, when its pause is over.
    assert!(finish(&t, &last[0], Some(451)).await);
    t.advance_s(1);
    assert_eq!(
        claim(&t, one, limits.clone(), 9).await.len(),
        0,
        "that room is the reserve's: five went, one came back"
    );
    t.advance_s(86_400);
    assert_eq!(claim(&t, one, limits, 9).await.len(), 3, "a new day");
}

pub async fn a_prospect_knows_when_a_mail_has_reached_it(t: Arc<Bench>) {
    let prospect = prospect(&t).await;
    let facts = MailFacts { prospect: Some(prospect), ..mail(&t, draft(&t), 1, "ann@x.example") };
    open(&t, order(&t, vec![facts])).await;
    let row = claim(&t, NodeId(t.ids.uuid()), ALL, 1).await.remove(0);
    assert_eq!(t.store.prospect(Scope::DEFAULT, prospect).await.expect("prospect").row.sent_at, None);
    t.advance_s(5);
    assert!(finish(&t, &row, Some(250)).await);
    let listed = t.store.prospect(Scope::DEFAULT, prospect).await.expect("prospect");
    assert_eq!((listed.row.sent_at, listed.stage()), (Some(t.now()), ProspectStage::Sent));
    assert!(matches!(get(&t, row.facts.id).await.mail.status, MailStatus::Sent));
    assert!(matches!(came(&t, &row, Some(250)).outcome.then, Then::Sent));
}

/// A prospect with an address.
async fn prospect(t: &Bench) -> ProspectId {
    let mut edit = Edit::default();
    edit.say(Field::ContactEmail, "ann@x.example").expect("an address");
    let rows = vec![NewProspect { id: ProspectId(t.ids.uuid()), edit }];
    let write = WriteProspects { scope: Scope::DEFAULT, at: t.now(), rows, known: Known::Leave, import: None };
    t.store.write_prospects(write).await.expect("write").remove(0).row().id
}

/// The draft's version is sent to the prospect.
async fn send(t: &Bench, prospect: ProspectId, draft: DraftId, version: u32) -> String {
    let facts = MailFacts { prospect: Some(prospect), ..mail(t, draft, version, "ann@x.example") };
    open(t, NewMailing { again: true, ..order(t, vec![facts]) }).await;
    let row = claim(t, NodeId(t.ids.uuid()), ALL, 1).await.remove(0);
    t.advance_s(5);
    assert!(finish(t, &row, Some(250)).await);
    row.facts.message_id
}

pub async fn what_was_sent_can_be_followed_up(t: Arc<Bench>) {
    let to = prospect(&t).await;
    let name = draft_name(to);
    let stage = async || t.store.prospect(Scope::DEFAULT, to).await.expect("prospect").stage();
    let asked = |after| {
        let once = Once { external_id: name.clone(), user: None, after };
        t.request().external_id(&name).change(|it| it.once = Some(once))
    };
    let first = t.running(asked(None)).await;
    t.settle(&first).await;
    assert_eq!(stage().await, ProspectStage::Drafted);
    let early = send(&t, to, first.draft, 1).await;
    let last = send(&t, to, first.draft, 2).await;
    assert_eq!(stage().await, ProspectStage::Sent);
    let sent_at = t.now();
    let found = async |filter: ProspectFilter| {
        let page = t.store.prospects(Scope::DEFAULT, filter.clone(), PageRequest::newest(9)).await.expect("prospects");
        let tally = t.store.tally_prospects(Scope::DEFAULT, filter, Rule::default()).await.expect("tally");
        assert_eq!(tally.total(), page.rows.len() as u64);
        page.rows.len()
    };
    let due = |before: Timestamp| ProspectFilter::default().to_follow_up(before);
    assert_eq!((found(due(sent_at)).await, found(due(sent_at.plus(Duration::from_secs(1)))).await), (0, 1));

    // Whoever does not say that it follows up finds a draft there; and nothing newer than it was sent.
    assert!(matches!(t.accept(asked(None)).await, Err(Refusal::DraftExists { draft, .. }) if draft == first.draft));
    let second = t.running(asked(Some(first.draft))).await;
    assert_eq!(stage().await, ProspectStage::Drafting);
    let other = t.accept(asked(Some(first.draft))).await;
    assert!(matches!(other, Err(Refusal::DraftExists { draft, .. }) if draft == second.draft), "{other:?}");
    t.settle(&second).await;
    let listed = t.store.prospect(Scope::DEFAULT, to).await.expect("prospect");
    assert_eq!((listed.stage(), listed.draft.map(|draft| draft.id)), (ProspectStage::Drafted, Some(second.draft)));
    assert_eq!(found(due(sent_at.plus(Duration::from_secs(60)))).await, 0, "it is followed up already");

    let answer = send(&t, to, second.draft, 1).await;
    assert_eq!(stage().await, ProspectStage::Sent);
    let letters = t.store.letters_sent(Scope::DEFAULT, vec![to]).await.expect("letters");
    let told: Vec<_> = letters.iter().map(|one| (one.draft, one.version, one.message_id.clone())).collect();
    assert_eq!(told, [(first.draft, 2, last), (second.draft, 1, answer)], "of each draft the last, not {early}");
    assert_eq!(t.store.letters_sent(OTHER, vec![to]).await.expect("letters"), []);

    let edit = Edit { answered: Some(true), ..Edit::default() };
    let to = ProspectChange {
        scope: Scope::DEFAULT,
        prospect: to,
        at: t.now(),
        revision: None,
        to: ProspectSetting::Edit(edit),
    };
    let row = t.store.change_prospect(to.clone()).await.expect("change");
    assert_eq!(row.answered_at, Some(t.now()));
    let later = ProspectChange { at: t.advance_s(60), ..to };
    assert_eq!(t.store.change_prospect(later).await.expect("change"), row, "it says nothing new");
    assert_eq!(found(due(t.now())).await, 0, "who has answered is left alone");
    assert_eq!(found(ProspectFilter { answered: Some(true), ..ProspectFilter::default() }).await, 1);
}
