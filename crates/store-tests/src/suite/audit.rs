//! The background audit: slices that together are the whole, one node at a time, findings that are kept until they are
//! gone. What is found is made up here; that engines find what is planted is in their own tests (`damage.rs`).

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER};
use copydesk_core::{GenerationId, NodeId, Timestamp};
use copydesk_store::Scope;
use copydesk_store::audit::{Finding, Found, Place, Proved, Record, Recorded, Round, Slice, Space, Span, VIOLATED};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const HELD: Duration = Duration::from_secs(120);

fn first(at: Timestamp) -> Round {
    let (began_at, after, fresh) = (at, Place::START, Place::START);
    let (rounds, rows, rows_before) = (0, 0, 0);
    Round { began_at, ended_at: None, rounds, space: Space::Generations, after, fresh, rows, rows_before }
}

async fn claim(t: &Bench, node: NodeId) -> Option<Round> {
    let now = t.now();
    t.store.claim_audit(node, now, now.plus(HELD), first(now)).await.expect("claim_audit")
}

/// A slice from the beginning of the space up to `upto`, in which this was found.
fn proved(space: Space, upto: Place, found: Vec<Found>) -> Proved {
    Proved { span: Span { space, after: Place::START, upto }, rows: 1, found }
}

fn found(check: &'static str, id: GenerationId, scope: Scope) -> Found {
    let finding = Finding { check, subject: id.to_string(), detail: format!("{check} is broken") };
    Found { finding, place: Place::of_id(id.0), workspace: Some(scope.workspace), generation: Some(id) }
}

async fn record(t: &Bench, node: NodeId, proved: Proved) -> Option<Recorded> {
    let round = Round { rows: 7, ..first(builder::START) };
    t.store.record_proof(Record { node, at: t.now(), round, proved }).await.expect("record_proof")
}

/// Subjects that stand open.
async fn open(t: &Bench) -> Vec<String> {
    t.store.open_findings(100).await.expect("open_findings").into_iter().map(|row| row.subject).collect()
}

pub async fn slices_cover_every_space_to_its_end_and_find_nothing_in_order(t: Arc<Bench>) {
    t.grant("a", 1_000).await;
    for n in 0..7 {
        let scope = if n % 3 == 0 { OTHER } else { Scope::DEFAULT };
        let hold = if scope == OTHER { 0 } else { 10 };
        let run = t.running(t.request().scope(scope).hold(hold).target(&format!("t{n}"))).await;
        t.settle(&run).await;
    }
    t.start(t.request().hold(5)).await;
    for space in Space::ALL {
        let (mut after, mut rows, mut slices) = (Place::START, 0, 0);
        while after < Place::END {
            let slice = Slice { span: Span { space, after, upto: Place::END }, limit: 2 };
            let proved = t.store.prove(slice).await.expect("prove");
            assert_eq!((proved.span.space, proved.span.after, &proved.found[..]), (space, after, &[][..]));
            assert!(proved.span.upto > after, "{space:?} goes on");
            (after, rows, slices) = (proved.span.upto, rows + proved.rows, slices + 1);
            assert!(slices < 100, "{space:?} comes to an end");
        }
        match space {
            Space::Generations | Space::Drafts => assert_eq!((rows, slices), (8, 5)),
            // A grant, seven holds less those of the other workspace, the settles and one open hold.
            Space::Ledger => assert_eq!((rows, slices), (10, 6)),
            Space::Workspaces => assert_eq!(slices, 3),
            Space::Series | Space::Jobs | Space::Live => assert_eq!(slices, 1),
        }
    }
}

pub async fn a_slice_ends_where_its_span_does(t: Arc<Bench>) {
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        ids.insert(t.start(t.request()).await.0);
    }
    let ids: Vec<Place> = ids.into_iter().map(|id| Place::of_id(id.0)).collect();
    let span = Span { space: Space::Generations, after: ids[0], upto: ids[3] };
    let all = t.store.prove(Slice { span, limit: 10 }).await.expect("prove");
    assert_eq!((all.span, all.rows), (span, 3), "without the first, with the last");
    let some = t.store.prove(Slice { span, limit: 2 }).await.expect("prove");
    assert_eq!((some.span.upto, some.rows), (ids[2], 2));
}

pub async fn one_node_audits_until_it_is_silent(t: Arc<Bench>) {
    let (one, two) = (t.ids.node(), t.ids.node());
    assert_eq!(t.store.audit_state().await.expect("audit_state").round, None);
    assert_eq!(claim(&t, one).await, Some(first(builder::START)));
    assert_eq!(claim(&t, two).await, None);
    assert_eq!(record(&t, two, proved(Space::Live, Place::END, vec![])).await, None, "it does not audit");
    assert!(record(&t, one, proved(Space::Live, Place::END, vec![])).await.is_some());
    let reached = Round { rows: 7, ..first(builder::START) };
    assert_eq!(claim(&t, one).await, Some(reached.clone()), "again by itself");
    t.advance(HELD);
    assert_eq!(claim(&t, two).await, Some(reached.clone()), "it goes on where the silent one was");
    assert_eq!(record(&t, one, proved(Space::Live, Place::END, vec![])).await, None, "the silent one is told so");
    assert_eq!(t.store.audit_state().await.expect("audit_state").round, Some(reached));
}

pub async fn a_finding_is_kept_once_and_announced_once_in_its_workspace(t: Arc<Bench>) {
    let node = t.ids.node();
    claim(&t, node).await;
    let (id, theirs) = (t.ids.generation(), t.ids.generation());
    let all = || vec![found("hold_balances", id, Scope::DEFAULT), found("one_workspace", theirs, OTHER)];
    let written = record(&t, node, proved(Space::Generations, Place::END, all())).await.expect("it audits");
    assert_eq!((written.new.len(), written.gone), (2, 0));
    let first_seen_at = t.now();
    t.advance_s(60);
    let again = record(&t, node, proved(Space::Generations, Place::END, all())).await.expect("it audits");
    assert_eq!((again.new, again.gone), (vec![], 0));
    let rows = t.store.open_findings(100).await.expect("open_findings");
    let seen: Vec<_> = rows.iter().map(|row| (&row.check[..], row.first_seen_at, row.last_seen_at)).collect();
    assert_eq!(seen, [("hold_balances", first_seen_at, t.now()), ("one_workspace", first_seen_at, t.now())]);
    assert_eq!((rows[0].workspace, &rows[0].detail[..]), (Some(Scope::DEFAULT.workspace), "hold_balances is broken"));
    assert_eq!(t.store.open_findings(1).await.expect("open_findings").len(), 1);
    let state = t.store.audit_state().await.expect("audit_state");
    assert_eq!(state.open, [("hold_balances".to_owned(), 1), ("one_workspace".to_owned(), 1)]);
    for (scope, id) in [(Scope::DEFAULT, id), (OTHER, theirs)] {
        let events = t.events(scope).await;
        assert_eq!(events.len(), 1);
        assert_eq!((&events[0].kind[..], events[0].generation), (VIOLATED, Some(id)));
        let data: serde_json::Value = serde_json::from_str(&events[0].data).expect("JSON");
        assert_eq!(data["subject"], id.to_string());
    }
}

pub async fn a_finding_is_gone_when_its_place_is_proved_again_and_not_before(t: Arc<Bench>) {
    let node = t.ids.node();
    claim(&t, node).await;
    let ids: Vec<GenerationId> = (0..3).map(|_| t.ids.generation()).collect();
    let all = ids.iter().map(|id| found("hold_balances", *id, Scope::DEFAULT)).collect();
    record(&t, node, proved(Space::Generations, Place::END, all)).await.expect("it audits");
    let names: Vec<String> = ids.iter().map(GenerationId::to_string).collect();
    assert_eq!(open(&t).await, names);
    record(&t, node, proved(Space::Drafts, Place::END, vec![])).await.expect("it audits");
    assert_eq!(open(&t).await, names, "another space says nothing of them");
    let upto = Place::of_id(ids[1].0);
    let still = vec![found("hold_balances", ids[0], Scope::DEFAULT)];
    let written = record(&t, node, proved(Space::Generations, upto, still)).await.expect("it audits");
    assert_eq!((written.new, written.gone), (vec![], 1));
    assert_eq!(open(&t).await, [names[0].clone(), names[2].clone()]);
    let back = vec![found("hold_balances", ids[0], Scope::DEFAULT), found("hold_balances", ids[1], Scope::DEFAULT)];
    let written = record(&t, node, proved(Space::Generations, upto, back)).await.expect("it audits");
    assert_eq!((written.new.len(), open(&t).await), (1, names), "it is back, and news again");
    assert_eq!(t.events(Scope::DEFAULT).await.len(), 4);
}
