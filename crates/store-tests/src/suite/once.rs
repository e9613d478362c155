//! Names that only one draft may have: it is the accepting transaction that knows whether there is one.

use crate::bench::Bench;
use crate::builder::{self, AcceptWith, OTHER, user_id};
use copydesk_core::generation::FailureCode;
use copydesk_core::refusal::Refusal;
use copydesk_store::Scope;
use copydesk_store::drafts::{DraftSetting, SetDraft};
use copydesk_store::generations::{Accept, Accepted};
use copydesk_store::once::Once;
use std::sync::Arc;

const NAME: &str = "prospect:1";

fn once(t: &Bench) -> Accept {
    let name = Once { external_id: NAME.to_owned(), user: None, after: None };
    t.request().external_id(NAME).change(|it| it.once = Some(name))
}

fn refused(answer: Result<Accepted, Refusal>) -> Option<Refusal> {
    answer.err()
}

pub async fn racing_requests_for_one_name_make_one_draft(t: Arc<Bench>) {
    for round in 0..5 {
        let name = format!("prospect:{round}");
        let mut tasks = vec![];
        for n in 0..8 {
            let of = Once { external_id: name.clone(), user: None, after: None };
            // Nothing else keeps them apart: other users, no dedupe key, no target.
            let request = t.request().user(&format!("u{n}")).external_id(&name).change(|it| it.once = Some(of));
            let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
            tasks.push(tokio::spawn(async move { store.accept(vec![request]).await.expect("accept").remove(0) }));
        }
        let (mut made, mut refusals) = (vec![], vec![]);
        for task in tasks {
            match task.await.expect("a racing task") {
                Ok(accepted) => made.push(accepted.ids()),
                Err(refusal) => refusals.push(refusal),
            }
        }
        assert_eq!((made.len(), refusals.len()), (1, 7), "{made:?}");
        let (generation, draft) = made[0];
        let exists = Refusal::DraftExists { draft, generation: Some(generation) };
        assert!(refusals.iter().all(|refusal| *refusal == exists), "{refusals:?}");
    }
}

pub async fn two_of_one_batch_with_the_same_name_make_one_draft(t: Arc<Bench>) {
    let answers = t.accept_all(vec![once(&t), once(&t)]).await;
    let (generation, draft) = answers[0].clone().expect("the first").ids();
    assert_eq!(answers[1], Err(Refusal::DraftExists { draft, generation: Some(generation) }));
    assert_eq!(t.drafts(Scope::DEFAULT).await.len(), 1);
}

pub async fn a_written_draft_keeps_its_name_until_it_is_deleted(t: Arc<Bench>) {
    let run = t.running(once(&t)).await;
    t.settle(&run).await;
    let exists = Refusal::DraftExists { draft: run.draft, generation: None };
    assert_eq!(refused(t.accept(once(&t)).await), Some(exists.clone()));
    // Also against filling that very draft once more: what is in it may have been edited by hand.
    assert_eq!(refused(t.accept(once(&t).existing(run.draft)).await), Some(exists));
    assert!(t.accept(t.request().external_id(NAME)).await.is_ok(), "who does not ask for it is not kept from it");
    assert!(t.accept(once(&t).scope(OTHER)).await.is_ok(), "another workspace's names are others");
    for draft in t.drafts(Scope::DEFAULT).await.into_iter().filter(|draft| draft.live_generation.is_none()) {
        let (scope, at, to) = (Scope::DEFAULT, t.now(), DraftSetting::Delete);
        t.store.set_draft(SetDraft { scope, at, draft: draft.id, if_revision: None, to }).await.expect("delete");
    }
    assert!(matches!(refused(t.accept(once(&t)).await), Some(Refusal::DraftExists { generation: Some(_), .. })));
}

pub async fn a_draft_that_came_to_nothing_is_filled_and_no_second_one_is_made(t: Arc<Bench>) {
    let run = t.running(once(&t).max_attempts(1)).await;
    t.done(builder::fail(&t.ids, &run, FailureCode::ProviderRejected, t.now())).await;
    assert!(matches!(refused(t.accept(once(&t)).await), Some(Refusal::DraftExists { generation: None, .. })));
    let again = t.accept(once(&t).existing(run.draft)).await.expect("the same draft");
    assert_eq!(again.ids().1, run.draft);
    let (generation, draft) = again.ids();
    let duplicate = Ok(Accepted::Duplicate { generation, draft });
    assert_eq!(t.accept(once(&t).existing(run.draft)).await, duplicate);
}

pub async fn a_name_may_be_one_users_own(t: Arc<Bench>) {
    t.accept(t.request().user("ann").external_id(NAME)).await.expect("ann's");
    let of = |external: &str| {
        let user = Some(user_id(Scope::DEFAULT, external));
        let name = Once { external_id: NAME.to_owned(), user, after: None };
        t.request().user(external).external_id(NAME).change(|it| it.once = Some(name))
    };
    assert!(matches!(refused(t.accept(of("ann")).await), Some(Refusal::DraftExists { .. })));
    assert!(t.accept(of("ben")).await.is_ok());
}
