//! Prospects: each is there once, an import is counted with what it writes and taken back where nobody touched it, and how
//! a prospect stands follows from its draft.

use crate::bench::{Bench, all};
use crate::builder::{AcceptWith, OTHER};
use copydesk_core::prospect::{Edit, Facts, Field, Judgement, Rule, Stage, Standing, Verification, draft_name};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ImportId, ProspectId};
use copydesk_store::prospects::{
    ImportCounts, ImportPiece, JudgeProspects, Known, Listed, Names, NewProspect, ProspectChange, ProspectFilter,
    ProspectRow, ProspectSetting, Skip, UndoImport, WriteProspects, Written,
};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use std::sync::Arc;

fn edit(said: &[(Field, &str)]) -> Edit {
    let mut edit = Edit::default();
    said.iter().for_each(|(field, text)| edit.say(*field, text).expect("a text"));
    edit
}

/// Verified, with an address, from a website: eligible by the default rule.
fn eligible(name: &str) -> Edit {
    let mail = format!("{name}@example.com");
    let texts = [(Field::Name, name), (Field::ContactEmail, &mail), (Field::SourceType, "website")];
    Edit { verification: Some(Verification::Verified), ..edit(&texts) }
}

fn write(t: &Bench, edits: Vec<Edit>) -> WriteProspects {
    let rows = edits.into_iter().map(|edit| NewProspect { id: ProspectId(t.ids.uuid()), edit }).collect();
    WriteProspects { scope: Scope::DEFAULT, at: t.now(), rows, known: Known::Update, import: None }
}

fn piece(t: &Bench, id: ImportId, skips: Vec<Skip>, is_last: bool) -> ImportPiece {
    ImportPiece { id, name: Some("people.csv".to_owned()), started_at: t.now(), skips, is_last }
}

async fn put(t: &Bench, write: WriteProspects) -> Vec<Written> {
    t.store.write_prospects(write).await.expect("write_prospects")
}

async fn one(t: &Bench, edit: Edit) -> ProspectRow {
    put(t, write(t, vec![edit])).await.remove(0).row().clone()
}

async fn get(t: &Bench, id: ProspectId) -> Result<Listed, StoreError> {
    t.store.prospect(Scope::DEFAULT, id).await
}

async fn listed(t: &Bench, filter: ProspectFilter) -> Vec<ProspectId> {
    let rows = all(|page| t.store.prospects(Scope::DEFAULT, filter.clone(), page)).await;
    rows.into_iter().map(|listed| listed.row.id).collect()
}

async fn change(
    t: &Bench,
    id: ProspectId,
    revision: Option<i64>,
    to: ProspectSetting,
) -> Result<ProspectRow, StoreError> {
    let change = ProspectChange { scope: Scope::DEFAULT, prospect: id, at: t.now(), revision, to };
    t.store.change_prospect(change).await
}

pub async fn a_prospect_is_kept_as_it_was_said_and_read_in_its_workspace_only(t: Arc<Bench>) {
    let mut said = eligible("ann");
    Field::ALL.into_iter().for_each(|field| {
        if field != Field::ContactEmail {
            said.say(field, &format!("{} 'of' \"ann\"; ü", field.as_str())).expect("a text");
        }
    });
    said.more.insert("page_text".to_owned(), "a\u{0}b".into());
    let row = one(&t, said.clone()).await;
    assert_eq!(row.facts, Facts::default().edited(&said));
    assert_eq!(get(&t, row.id).await.expect("prospect"), Listed { row: row.clone(), draft: None });
    let found = |scope, names| t.store.find_prospects(scope, names);
    let both = Names { ids: vec![row.id], identities: vec![row.facts.identity(), "id:nobody".to_owned()] };
    assert_eq!(found(Scope::DEFAULT, both.clone()).await.expect("find"), std::slice::from_ref(&row));
    assert_eq!(found(OTHER, both).await.expect("find"), []);
    assert!(matches!(t.store.prospect(OTHER, row.id).await, Err(StoreError::NotFound { .. })));
}

pub async fn who_is_there_is_changed_or_left_and_never_made_twice(t: Arc<Bench>) {
    let first = put(&t, write(&t, vec![eligible("ann"), eligible("ben")])).await;
    assert!(first.iter().all(|one| matches!(one, Written::Created(_))));
    t.advance_s(1);
    let mut louder = eligible("Ann");
    louder.say(Field::Company, "Tea Ltd").expect("a text");
    let again = put(&t, write(&t, vec![louder.clone(), eligible("ben"), eligible("cat")])).await;
    let [Written::Updated(ann), Written::Unchanged(ben), Written::Created(_)] = &again[..] else { panic!("{again:?}") };
    assert_eq!((ann.id, ann.revision, ann.facts.text(Field::Company)), (first[0].row().id, 2, Some("Tea Ltd")));
    assert_eq!(get(&t, ann.id).await.expect("prospect").row, *ann);
    assert_eq!(ben, first[1].row());
    louder.say(Field::Company, "Other Ltd").expect("a text");
    let left = put(&t, WriteProspects { known: Known::Leave, ..write(&t, vec![louder]) }).await;
    assert_eq!(left, [Written::Unchanged(ann.clone())]);
    assert_eq!(listed(&t, ProspectFilter::default()).await.len(), 3);
}

pub async fn racing_writes_of_the_same_prospects_make_each_once(t: Arc<Bench>) {
    let names = ["ann", "ben", "cat", "dan"];
    let mut tasks = vec![];
    for n in 0..6 {
        let order: Vec<Edit> = match n % 2 {
            0 => names.iter().map(|name| eligible(name)).collect(),
            _ => names.iter().rev().map(|name| eligible(name)).collect(),
        };
        let write = write(&t, order);
        let store = if n % 2 == 0 { t.store.clone() } else { t.second() };
        tasks.push(tokio::spawn(async move { store.write_prospects(write).await.expect("write_prospects") }));
    }
    let mut created = 0;
    for task in tasks {
        let all = task.await.expect("a racing task");
        created += all.iter().filter(|one| matches!(one, Written::Created(_))).count();
    }
    assert_eq!((created, listed(&t, ProspectFilter::default()).await.len()), (4, 4));
}

pub async fn a_change_names_its_revision_and_makes_no_double(t: Arc<Bench>) {
    let (ann, ben) = (one(&t, eligible("ann")).await, one(&t, eligible("ben")).await);
    t.advance_s(5);
    let tea = || ProspectSetting::Edit(edit(&[(Field::Company, "Tea Ltd")]));
    let after = change(&t, ann.id, Some(1), tea()).await.expect("change");
    assert_eq!((after.revision, after.updated_at), (2, t.now()));
    assert_eq!(change(&t, ann.id, None, tea()).await.expect("nothing new"), after);
    let stale = change(&t, ann.id, Some(1), tea()).await;
    assert_eq!(stale, Err(Refusal::VersionConflict { current: 2 }.into()));
    let double = ProspectSetting::Edit(edit(&[(Field::ContactEmail, "BEN@example.com")]));
    let refused = change(&t, ann.id, None, double.clone()).await;
    assert_eq!(refused, Err(Refusal::ProspectExists { prospect: ben.id }.into()));
    assert_eq!(get(&t, ann.id).await.expect("prospect").row, after);
    change(&t, ben.id, Some(1), ProspectSetting::Delete).await.expect("delete");
    assert!(matches!(get(&t, ben.id).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(change(&t, ben.id, None, tea()).await, Err(StoreError::NotFound { .. })));
    change(&t, ann.id, None, double).await.expect("the name is free again");
    let foreign = ProspectChange { scope: OTHER, prospect: ann.id, at: t.now(), revision: None, to: tea() };
    assert!(matches!(t.store.change_prospect(foreign).await, Err(StoreError::NotFound { .. })));
}

pub async fn lists_counts_and_cuts_agree_on_who_matches(t: Arc<Bench>) {
    let mut plain = eligible("ben");
    plain.say(Field::ContactEmail, "").expect("none");
    plain.say(Field::Category, "cafes").expect("a text");
    let edits = vec![
        eligible("ann"),
        plain,
        Edit { verification: Some(Verification::Rejected), ..eligible("cat") },
        Edit { verification: None, ..eligible("dan") },
        edit(&[(Field::ContactEmail, "eve@example.com"), (Field::SourceType, "list")]),
    ];
    let rows: Vec<ProspectId> = put(&t, write(&t, edits)).await.iter().map(|one| one.row().id).collect();
    let verified = Some(Verification::Verified);
    let cases: [(ProspectFilter, &[usize]); 6] = [
        (ProspectFilter::default(), &[0, 1, 2, 3, 4]),
        (ProspectFilter { verification: verified, ..ProspectFilter::default() }, &[0, 1]),
        (ProspectFilter { has_email: Some(false), ..ProspectFilter::default() }, &[1]),
        (ProspectFilter { source_type: Some("list".to_owned()), ..ProspectFilter::default() }, &[4]),
        (ProspectFilter { category: Some("cafes".to_owned()), ..ProspectFilter::default() }, &[1]),
        (ProspectFilter::eligible(&Rule::default()), &[0]),
    ];
    for (filter, wanted) in cases {
        let wanted: Vec<ProspectId> = wanted.iter().map(|place| rows[*place]).collect();
        assert_eq!(listed(&t, filter.clone()).await, wanted, "{filter:?}");
        let tally = t.store.tally_prospects(Scope::DEFAULT, filter.clone(), Rule::default()).await.expect("tally");
        assert_eq!(tally.total(), wanted.len() as u64, "{filter:?}");
    }
    let tally =
        t.store.tally_prospects(Scope::DEFAULT, ProspectFilter::default(), Rule::default()).await.expect("tally");
    let standing = [Standing::Eligible, Standing::NoEmail, Standing::Rejected, Standing::Unverified];
    assert_eq!(standing.map(|standing| tally.of(standing)), [1, 1, 1, 2]);
    for (skip, limit) in (0..7).flat_map(|skip| (1..7).map(move |limit| (skip, limit))) {
        let cut = t.store.cut_prospects(Scope::DEFAULT, skip, limit).await.expect("cut");
        let found: Vec<ProspectId> = cut.rows.iter().map(|it| it.row.id).collect();
        let wanted: Vec<ProspectId> = rows.iter().skip(skip as usize).take(limit as usize).copied().collect();
        assert_eq!((found, cut.total), (wanted, 5), "{limit} after {skip}");
    }
    let newest = PageRequest { limit: 2, after: None, order: Order::NewestFirst };
    let page = t.store.prospects(Scope::DEFAULT, ProspectFilter::default(), newest).await.expect("prospects");
    assert_eq!(page.rows.iter().map(|it| it.row.id).collect::<Vec<_>>(), [rows[4], rows[3]]);
    assert_eq!(t.store.cut_prospects(OTHER, 0, 9).await.expect("cut").total, 0);
    // What no row can hold is found nowhere, and is no fault.
    let nowhere =
        ProspectFilter { source_type: Some("\0w".to_owned()), category: Some("\0".to_owned()), ..Default::default() };
    let rule = Rule { source_type: Some("\0w".to_owned()), ..Rule::default() };
    let page = t.store.prospects(Scope::DEFAULT, nowhere.clone(), PageRequest::newest(9)).await.expect("prospects");
    assert_eq!(page.rows, []);
    t.store.tally_prospects(Scope::DEFAULT, nowhere, rule).await.expect("tally");
}

pub async fn how_a_prospect_stands_follows_from_its_newest_draft(t: Arc<Bench>) {
    let row = one(&t, eligible("ann")).await;
    let rule = || t.store.tally_prospects(Scope::DEFAULT, ProspectFilter::default(), Rule::default());
    let staged = |stage| ProspectFilter { stage: Some(stage), ..ProspectFilter::default() };
    assert_eq!(listed(&t, staged(Stage::None)).await, [row.id]);
    let run = t.running(t.request().external_id(&draft_name(row.id))).await;
    let drafting = get(&t, row.id).await.expect("prospect");
    assert_eq!((drafting.stage(), drafting.is_drafted()), (Stage::Drafting, false));
    assert_eq!(rule().await.expect("tally").of(Standing::Drafting), 1);
    assert_eq!(listed(&t, staged(Stage::Drafting)).await, [row.id]);
    t.settle(&run).await;
    let drafted = get(&t, row.id).await.expect("prospect");
    let draft = drafted.draft.clone().expect("a draft");
    let version = t.store.version(Scope::DEFAULT, run.draft, None).await.expect("version");
    assert_eq!((draft.id, draft.mail), (run.draft, Some((version.content.title, version.content.body))));
    assert!(drafted.is_drafted());
    assert_eq!(listed(&t, staged(Stage::Drafted)).await, [row.id]);
    assert_eq!(rule().await.expect("tally").of(Standing::Drafted), 1);
    assert_eq!(t.store.cut_prospects(Scope::DEFAULT, 0, 1).await.expect("cut").rows, [drafted]);
}

pub async fn an_import_is_counted_with_what_it_writes(t: Arc<Bench>) {
    one(&t, eligible("ann")).await;
    let id = ImportId(t.ids.uuid());
    let skip =
        |line| Skip { line, code: "no_email".to_owned(), detail: "It has none.".to_owned(), row: "{}".to_owned() };
    let first = WriteProspects {
        import: Some(piece(&t, id, vec![skip(3), skip(9)], false)),
        ..write(&t, vec![eligible("ann"), eligible("ben")])
    };
    put(&t, first).await;
    let row = t.store.import(Scope::DEFAULT, id).await.expect("import");
    assert_eq!(row.finished_at, None);
    let mut more = eligible("ben");
    more.say(Field::Company, "Tea Ltd").expect("a text");
    t.advance_s(1);
    let last =
        WriteProspects { import: Some(piece(&t, id, vec![skip(12)], true)), ..write(&t, vec![more, eligible("cat")]) };
    put(&t, last).await;
    let row = t.store.import(Scope::DEFAULT, id).await.expect("import");
    assert_eq!(row.counts, ImportCounts { created: 2, updated: 1, unchanged: 1, skipped: 3 });
    assert_eq!((row.finished_at, row.name.as_deref()), (Some(t.now()), Some("people.csv")));
    let skips = all(|page| t.store.import_skips(Scope::DEFAULT, id, page)).await;
    assert_eq!(skips.iter().map(|skip| skip.line).collect::<Vec<_>>(), [3, 9, 12]);
    let imported = ProspectFilter { import: Some(id), ..ProspectFilter::default() };
    assert_eq!(listed(&t, imported).await.len(), 2);
    assert_eq!(all(|page| t.store.imports(Scope::DEFAULT, page)).await, [row]);
    assert!(matches!(t.store.import(OTHER, id).await, Err(StoreError::NotFound { .. })));
    let page = PageRequest::newest(5);
    assert!(matches!(t.store.import_skips(OTHER, id, page).await, Err(StoreError::NotFound { .. })));
}

pub async fn an_undo_removes_what_the_import_made_and_nobody_touched(t: Arc<Bench>) {
    let before = one(&t, eligible("ann")).await;
    let id = ImportId(t.ids.uuid());
    let mut louder = eligible("ann");
    louder.say(Field::Company, "Tea Ltd").expect("a text");
    let edits = vec![louder, eligible("ben"), eligible("cat"), eligible("dan"), eligible("eve")];
    let all = put(&t, WriteProspects { import: Some(piece(&t, id, vec![], true)), ..write(&t, edits) }).await;
    let [ann, ben, cat, dan, eve] = [0, 1, 2, 3, 4].map(|place: usize| all[place].row().id);
    change(&t, ben, None, ProspectSetting::Edit(edit(&[(Field::Notes, "called")]))).await.expect("change");
    t.start(t.request().external_id(&draft_name(cat))).await;
    let undo = UndoImport { scope: Scope::DEFAULT, import: id, at: t.advance_s(60), limit: 1 };
    let undone = t.store.undo_import(undo).await.expect("undo");
    assert_eq!((undone.more, undone.row.removed, undone.row.undone_at), (true, 1, Some(undo.at)));
    let undone = t.store.undo_import(UndoImport { limit: 100, ..undo }).await.expect("undo");
    assert_eq!((undone.more, undone.row.removed), (false, 2));
    assert_eq!(listed(&t, ProspectFilter::default()).await, [ann, ben, cat], "not {dan} and {eve}");
    let kept = get(&t, before.id).await.expect("prospect").row;
    assert_eq!(kept.facts.text(Field::Company), Some("Tea Ltd"), "an update is not taken back");
    assert_eq!(t.store.undo_import(undo).await.expect("again").row.removed, 2);
    assert!(matches!(t.store.undo_import(UndoImport { scope: OTHER, ..undo }).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(put(&t, write(&t, vec![eligible("dan")])).await[..], [Written::Created(_)]), "its name is free");
}

pub async fn a_verdict_on_domains_changes_who_is_still_as_he_was_and_holds_no_undo_back(t: Arc<Bench>) {
    let id = ImportId(t.ids.uuid());
    let edits = ["ann", "ben", "cat", "dan"].map(eligible).to_vec();
    let all = put(&t, WriteProspects { import: Some(piece(&t, id, vec![], true)), ..write(&t, edits) }).await;
    let [ann, ben, cat, dan] = [0, 1, 2, 3].map(|place: usize| all[place].row().id);
    change(&t, ben, None, ProspectSetting::Edit(edit(&[(Field::Notes, "called")]))).await.expect("change");
    change(&t, cat, None, ProspectSetting::Delete).await.expect("delete");
    let gone = Judgement { verification: Verification::Rejected, reason: Some("no_domain") };
    let verdicts = [ann, ben, cat, dan].map(|id| (id, 1, gone)).to_vec();
    let judge = JudgeProspects { scope: Scope::DEFAULT, at: t.advance_s(60), verdicts };
    assert_eq!(t.store.judge_prospects(JudgeProspects { scope: OTHER, ..judge.clone() }).await.expect("judge"), 0);
    assert_eq!(t.store.judge_prospects(judge.clone()).await.expect("judge"), 2, "not who has changed, nor who is gone");
    let row = get(&t, ann).await.expect("prospect").row;
    let seen = (row.facts.verification, row.facts.text(Field::VerificationReason), row.revision, row.judged);
    assert_eq!(seen, (Verification::Rejected, Some("no_domain"), 2, 1));
    assert_eq!((row.updated_at, row.facts.text(Field::Name)), (judge.at, Some("ann")));
    assert_eq!(get(&t, ben).await.expect("prospect").row.facts.verification, Verification::Verified);
    assert_eq!(t.store.judge_prospects(judge).await.expect("judge"), 0, "they are not as they were");
    change(&t, dan, Some(2), ProspectSetting::Edit(edit(&[(Field::Notes, "called")]))).await.expect("change");
    let undo = UndoImport { scope: Scope::DEFAULT, import: id, at: t.advance_s(60), limit: 100 };
    let undone = t.store.undo_import(undo).await.expect("undo");
    assert_eq!(undone.row.removed, 1, "a verdict is nobody's change");
    assert_eq!(listed(&t, ProspectFilter::default()).await, [ben, dan]);
}
