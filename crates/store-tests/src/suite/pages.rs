//! Lists: pages over 250 rows without gaps or repeats, in both orders, also while rows are added.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith};
use copydesk_core::generation::Status;
use copydesk_core::ledger::TransferKind;
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::GenerationFilter;
use copydesk_store::ledger::TransferFilter;
use copydesk_store::usage::CallFilter;
use copydesk_store::{Answer, Order, Page, PageRequest, Scope};
use std::fmt::Debug;
use std::sync::Arc;

const ROWS: usize = 250;

/// Reads a list by pages of several sizes in both orders; `expected` is oldest first.
async fn whole<'a, T, K>(list: impl Fn(PageRequest) -> Answer<'a, Page<T>>, key: impl Fn(&T) -> K, expected: &[K])
where
    K: PartialEq + Debug + Clone,
{
    for (limit, order) in
        [(7, Order::NewestFirst), (50, Order::OldestFirst), (250, Order::NewestFirst), (1_000, Order::OldestFirst)]
    {
        let (mut seen, mut after, mut pages) = (vec![], None, 0);
        loop {
            let page = list(PageRequest { limit, after, order }).await.expect("a page");
            assert!(page.rows.len() <= limit as usize, "no more than asked for");
            seen.extend(page.rows.iter().map(&key));
            pages += 1;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let mut expected = expected.to_vec();
        if order == Order::NewestFirst {
            expected.reverse();
        }
        assert_eq!(seen, expected, "pages of {limit}, {order:?}");
        assert_eq!(pages, expected.len().div_ceil(limit as usize).max(1), "the last page has no next");
    }
}

pub async fn drafts_and_generations_are_paged_without_gaps(t: Arc<Bench>) {
    let batch: Vec<_> = (0..ROWS).map(|n| t.request().user(["ann", "bob"][n % 2])).collect();
    let ids: Vec<_> = batch.iter().map(|it| it.generation).collect();
    let answers = t.accept_all(batch).await;
    let drafts: Vec<_> = answers.iter().map(|answer| answer.as_ref().expect("accepted").ids().1).collect();
    whole(|page| t.store.list_drafts(Scope::DEFAULT, DraftFilter::default(), page), |row| row.id, &drafts).await;
    let generations = |page| t.store.list(Scope::DEFAULT, GenerationFilter::default(), page);
    whole(generations, |row| row.generation.id, &ids).await;
    // A page of large inputs would be more than memory holds.
    let page = t.store.list(Scope::DEFAULT, GenerationFilter::default(), PageRequest::newest(1)).await.expect("listed");
    let one = t.store.get(Scope::DEFAULT, page.rows[0].generation.id).await.expect("there");
    assert!(page.rows[0].input.is_empty() && !one.input.is_empty(), "{:?} of {:?}", page.rows[0].input, one.input);

    let bob = Some(builder::user_id(Scope::DEFAULT, "bob"));
    let bobs: Vec<_> = ids.iter().skip(1).step_by(2).copied().collect();
    let filter = GenerationFilter { user: bob, status: Some(Status::Pending), ..GenerationFilter::default() };
    whole(|page| t.store.list(Scope::DEFAULT, filter.clone(), page), |row| row.generation.id, &bobs).await;
    let bobs: Vec<_> = drafts.iter().skip(1).step_by(2).copied().collect();
    let filter = DraftFilter { user: bob, ..DraftFilter::default() };
    whole(|page| t.store.list_drafts(Scope::DEFAULT, filter.clone(), page), |row| row.id, &bobs).await;
}

pub async fn calls_transfers_and_events_are_paged_without_gaps(t: Arc<Bench>) {
    t.grant("a", 1_000).await;
    t.accept_all((0..ROWS).map(|_| t.request().hold(1)).collect()).await;
    let calls: Vec<_> = t.claim(ROWS).await.iter().map(|run| run.call).collect();
    let listed = |page| t.store.calls(Scope::DEFAULT, CallFilter::default(), page);
    whole(listed, |row| row.id, &calls).await;
    let transfers: Vec<_> = t.transfers(Scope::DEFAULT).await.iter().map(|row| row.id).collect();
    assert_eq!(transfers.len(), ROWS + 1);
    let any = TransferFilter::default;
    whole(|page| t.store.transfers(Scope::DEFAULT, any(), page), |row| row.entry.transfer.id, &transfers).await;

    let events = t.events_after(Scope::DEFAULT, 0, 60).await;
    assert_eq!(events.len(), ROWS + 1, "with the grant's");
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq), "in order, none twice");
}

pub async fn generations_are_found_by_status_draft_and_recipe(t: Arc<Bench>) {
    let run = t.running(t.request().recipe("code").priority(50)).await;
    t.settle(&run).await;
    let (again, _) = t.start(t.request().recipe("code").existing(run.draft)).await;
    let (other, _) = t.start(t.request().recipe("chat")).await;
    let any = GenerationFilter::default;
    let cases = [
        (GenerationFilter { status: Some(Status::Completed), ..any() }, vec![run.generation.id]),
        (GenerationFilter { status: Some(Status::Pending), ..any() }, vec![again, other]),
        (GenerationFilter { draft: Some(run.draft), ..any() }, vec![run.generation.id, again]),
        (GenerationFilter { recipe: Some("chat".to_owned()), ..any() }, vec![other]),
        (GenerationFilter { recipe: Some("code".to_owned()), status: Some(Status::Pending), ..any() }, vec![again]),
        (GenerationFilter { status: Some(Status::Failed), ..any() }, vec![]),
    ];
    for (filter, expected) in cases {
        whole(|page| t.store.list(Scope::DEFAULT, filter.clone(), page), |row| row.generation.id, &expected).await;
    }
}

pub async fn rows_added_while_reading_do_not_shift_a_page(t: Arc<Bench>) {
    t.accept_all((0..20).map(|_| t.request()).collect()).await;
    let first =
        t.store.list_drafts(Scope::DEFAULT, DraftFilter::default(), PageRequest::newest(10)).await.expect("a page");
    t.accept_all((0..5).map(|_| t.request()).collect()).await;
    let page = PageRequest { after: first.next.clone(), ..PageRequest::newest(10) };
    let second = t.store.list_drafts(Scope::DEFAULT, DraftFilter::default(), page).await.expect("a page");
    let mut ids: Vec<_> = first.rows.iter().chain(&second.rows).map(|row| row.id).collect();
    ids.dedup();
    assert_eq!((ids.len(), second.next), (20, None));
}

pub async fn transfers_are_listed_by_user(t: Arc<Bench>) {
    t.grant("ann", 5).await;
    t.grant("bob", 6).await;
    let ann = TransferFilter { user: Some(builder::user_id(Scope::DEFAULT, "ann")), ..TransferFilter::default() };
    let page = t.store.transfers(Scope::DEFAULT, ann, PageRequest::newest(10)).await.expect("transfers");
    assert_eq!(
        page.rows.iter().map(|row| (row.entry.transfer.kind, row.entry.transfer.amount.micros())).collect::<Vec<_>>(),
        [(TransferKind::Grant, 5)]
    );
    assert_eq!((page.rows[0].user_external.as_str(), &page.rows[0].peer_external), ("ann", &None));
    t.store.gift(t.gift("ann", "bob", 2, "g")).await.expect("gift");
    let ann = TransferFilter { user: Some(builder::user_id(Scope::DEFAULT, "ann")), ..TransferFilter::default() };
    let page = t.store.transfers(Scope::DEFAULT, ann, PageRequest::newest(1)).await.expect("transfers");
    assert_eq!(page.rows[0].peer_external.as_deref(), Some("bob"));
}
