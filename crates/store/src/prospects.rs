//! Prospects, and the files they were read from. A write takes many at once and decides of each whether it is new, changed or
//! known ([`decide`]); what an import did is counted in the same transaction, so that its row never says more or less.

use crate::page::{Page, PageRequest};
use crate::{Answer, Scope, StoreError};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::prospect::{Edit, Facts, Field, Judgement, Rule, Stage, Tally, Verification, is_drafted};
use copydesk_core::{DraftId, GenerationId, ImportId, ProspectId, Timestamp};
use std::collections::{HashMap, HashSet};

pub trait ProspectStore: Send + Sync {
    fn prospect(&self, scope: Scope, id: ProspectId) -> Answer<'_, Listed>;

    /// Those of these ids or identities that are there. In no order.
    fn find_prospects(&self, scope: Scope, names: Names) -> Answer<'_, Vec<ProspectRow>>;

    /// In the order of their ids.
    fn prospects(&self, scope: Scope, filter: ProspectFilter, page: PageRequest) -> Answer<'_, Page<Listed>>;

    /// All from the `skip`th on in the order of their ids, at most `limit`, and how many there are.
    fn cut_prospects(&self, scope: Scope, skip: u32, limit: u32) -> Answer<'_, ProspectCut>;

    /// How those that match stand under the rule.
    fn tally_prospects(&self, scope: Scope, filter: ProspectFilter, rule: Rule) -> Answer<'_, Tally>;

    /// Makes and changes prospects, and counts it in their import. What became of each, in their order.
    fn write_prospects(&self, write: WriteProspects) -> Answer<'_, Vec<Written>>;

    /// Errors: `Refused(VersionConflict)` when `revision` is another one; `Refused(ProspectExists)` when it would be another's
    /// double.
    fn change_prospect(&self, change: ProspectChange) -> Answer<'_, ProspectRow>;

    /// Writes what the domain check found. How many prospects it changed: one that is gone, or is not any more as it was when
    /// its domain was asked for, stays as it is.
    fn judge_prospects(&self, judge: JudgeProspects) -> Answer<'_, u64>;

    /// The mails that were sent to these, in the order they were; of each draft the last one.
    fn letters_sent(&self, scope: Scope, to: Vec<ProspectId>) -> Answer<'_, Vec<LetterSent>>;
}

pub trait ImportStore: Send + Sync {
    fn import(&self, scope: Scope, id: ImportId) -> Answer<'_, ImportRow>;

    /// In the order of their ids.
    fn imports(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<ImportRow>>;

    /// Rows that were left out, in the order of their lines. A cursor is the line of the last one.
    fn import_skips(&self, scope: Scope, id: ImportId, page: PageRequest) -> Answer<'_, Page<Skip>>;

    /// Removes prospects that this import made, that nobody has changed since and that have no draft; at most `limit`. Says
    /// when it found no more.
    fn undo_import(&self, undo: UndoImport) -> Answer<'_, Undone>;
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProspectRow {
    pub id: ProspectId,
    pub scope: Scope,
    pub facts: Facts,
    /// The import that made it.
    pub import: Option<ImportId>,
    pub revision: i64,
    /// How many of its revisions are the domain check's own: they do not count as somebody's changes.
    pub judged: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When a mail to it was last taken by the mail server.
    pub sent_at: Option<Timestamp>,
    /// And of which draft.
    pub sent_draft: Option<DraftId>,
    /// Since when it is known to have answered.
    pub answered_at: Option<Timestamp>,
}

/// A prospect with its newest draft that is not deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    pub row: ProspectRow,
    pub draft: Option<DraftOf>,
}

/// The draft as its prospect shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DraftOf {
    pub id: DraftId,
    pub status: DraftStatus,
    pub review: Review,
    pub live: Option<GenerationId>,
    /// The version that is shown; 0 while there is none.
    pub version: u32,
    /// Title and body of the current version.
    pub mail: Option<(String, String)>,
}

impl Listed {
    pub fn stage(&self) -> Stage {
        let newer = |draft: &&DraftOf| self.row.sent_draft.is_none_or(|sent| draft.id > sent);
        let draft = self.draft.as_ref().filter(newer);
        let stage =
            Stage::of(draft.is_some_and(|draft| draft.mail.is_some()), draft.is_some_and(|draft| draft.live.is_some()));
        if stage == Stage::None && self.row.sent_at.is_some() { Stage::Sent } else { stage }
    }

    /// Whether there is a mail to be read: depends on its parts only, never on what a job or a draft says of itself.
    pub fn is_drafted(&self) -> bool {
        let mail = self.draft.as_ref().and_then(|draft| draft.mail.as_ref());
        mail.is_some_and(|(subject, body)| is_drafted(Some(subject), Some(body)))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    pub ids: Vec<ProspectId>,
    pub identities: Vec<String>,
}

/// Which ones: the same for lists, counts and jobs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProspectFilter {
    pub verification: Option<Verification>,
    pub source_type: Option<String>,
    pub category: Option<String>,
    pub has_email: Option<bool>,
    pub stage: Option<Stage>,
    pub import: Option<ImportId>,
    /// A mail was last sent before this.
    pub sent_before: Option<Timestamp>,
    pub answered: Option<bool>,
}

impl ProspectFilter {
    /// Those that [`Rule::standing`] calls eligible.
    pub fn eligible(rule: &Rule) -> ProspectFilter {
        ProspectFilter {
            verification: Some(rule.verification),
            source_type: rule.source_type.clone(),
            has_email: rule.needs_email.then_some(true),
            stage: Some(Stage::None),
            ..ProspectFilter::default()
        }
    }

    /// Those of them that got a mail before `before`, have not answered it, and are not followed up yet. One that names an
    /// earlier instant means that.
    #[must_use]
    pub fn to_follow_up(self, before: Timestamp) -> ProspectFilter {
        let sent_before = Some(self.sent_before.map_or(before, |said| said.min(before)));
        ProspectFilter { stage: Some(Stage::Sent), sent_before, answered: Some(false), ..self }
    }
}

/// A mail that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LetterSent {
    pub prospect: ProspectId,
    pub draft: DraftId,
    pub version: u32,
    pub message_id: String,
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProspectCut {
    pub rows: Vec<Listed>,
    pub total: u64,
}

/// What to do about one that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// Change it by what is said.
    Update,
    Leave,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewProspect {
    /// Its id if it is new.
    pub id: ProspectId,
    pub edit: Edit,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteProspects {
    pub scope: Scope,
    pub at: Timestamp,
    /// Invariant: no two with the same identity.
    pub rows: Vec<NewProspect>,
    pub known: Known,
    pub import: Option<ImportPiece>,
}

/// A piece of an import: made with its first one, ended with its last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportPiece {
    pub id: ImportId,
    /// What the file is called.
    pub name: Option<String>,
    pub started_at: Timestamp,
    pub skips: Vec<Skip>,
    pub is_last: bool,
}

/// A row that was left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skip {
    /// In the file, from 1.
    pub line: u64,
    pub code: String,
    pub detail: String,
    /// The row as it was read, as JSON text.
    pub row: String,
}

/// What became of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    Created(ProspectRow),
    Updated(ProspectRow),
    /// It was there and nothing new was said, or it was to be left alone.
    Unchanged(ProspectRow),
}

impl Written {
    pub fn row(&self) -> &ProspectRow {
        match self {
            Written::Created(row) | Written::Updated(row) | Written::Unchanged(row) => row,
        }
    }
}

/// How many of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImportCounts {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
}

impl ImportCounts {
    pub fn add(&mut self, written: &[Written]) {
        for one in written {
            match one {
                Written::Created(_) => self.created += 1,
                Written::Updated(_) => self.updated += 1,
                Written::Unchanged(_) => self.unchanged += 1,
            }
        }
    }
    pub fn total(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.skipped
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportRow {
    pub id: ImportId,
    pub scope: Scope,
    pub name: Option<String>,
    pub counts: ImportCounts,
    /// How many an undo has removed.
    pub removed: u64,
    pub created_at: Timestamp,
    /// `None` while it is read, and for ever when its reader died.
    pub finished_at: Option<Timestamp>,
    pub undone_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UndoImport {
    pub scope: Scope,
    pub import: ImportId,
    pub at: Timestamp,
    pub limit: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undone {
    pub row: ImportRow,
    /// There may be more to remove.
    pub more: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProspectChange {
    pub scope: Scope,
    pub prospect: ProspectId,
    pub at: Timestamp,
    /// The revision the caller has seen.
    pub revision: Option<i64>,
    pub to: ProspectSetting,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProspectSetting {
    Edit(Edit),
    Delete,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JudgeProspects {
    pub scope: Scope,
    pub at: Timestamp,
    /// With the revision whose domain was asked for. Invariant: no prospect twice.
    pub verdicts: Vec<(ProspectId, i64, Judgement)>,
}

impl JudgeProspects {
    /// Which ones.
    pub fn names(&self) -> Names {
        Names { ids: self.verdicts.iter().map(|(id, _, _)| *id).collect(), identities: Vec::new() }
    }

    /// Those of these rows that change, as they are then.
    pub fn changes(&self, rows: Vec<ProspectRow>) -> Vec<ProspectRow> {
        let verdicts: HashMap<ProspectId, _> = self.verdicts.iter().map(|(id, seen, to)| (*id, (*seen, *to))).collect();
        rows.into_iter().filter_map(|row| judged(&row, *verdicts.get(&row.id)?, self.at)).collect()
    }
}

fn judged(row: &ProspectRow, (seen, to): (i64, Judgement), at: Timestamp) -> Option<ProspectRow> {
    if row.revision != seen {
        return None;
    }
    let reason = [(Field::VerificationReason, to.reason.map(str::to_owned))];
    let edit = Edit { texts: reason.into(), verification: Some(to.verification), ..Edit::default() };
    let after = changed(row, &edit, at)?;
    Some(ProspectRow { judged: row.judged + 1, ..after })
}

/// What a write makes of one row, given the prospect of its identity that is there.
pub fn decide(write: &WriteProspects, new: &NewProspect, found: Option<&ProspectRow>) -> Written {
    match found {
        None => Written::Created(ProspectRow {
            id: new.id,
            scope: write.scope,
            facts: Facts::default().edited(&new.edit),
            import: write.import.as_ref().map(|import| import.id),
            revision: 1,
            judged: 0,
            created_at: write.at,
            updated_at: write.at,
            sent_at: None,
            sent_draft: None,
            answered_at: new.edit.answered.filter(|it| *it).map(|_| write.at),
        }),
        Some(row) => match (write.known, changed(row, &new.edit, write.at)) {
            (Known::Update, Some(row)) => Written::Updated(row),
            (Known::Update, None) | (Known::Leave, _) => Written::Unchanged(row.clone()),
        },
    }
}

/// The row as an edit leaves it; `None` when it says nothing new.
pub fn changed(row: &ProspectRow, edit: &Edit, at: Timestamp) -> Option<ProspectRow> {
    let facts = row.facts.edited(edit);
    let answered_at = match edit.answered {
        None => row.answered_at,
        Some(true) => row.answered_at.or(Some(at)),
        Some(false) => None,
    };
    let news = facts != row.facts || answered_at != row.answered_at;
    news.then(|| ProspectRow { facts, answered_at, revision: row.revision + 1, updated_at: at, ..row.clone() })
}

/// Mails that were sent, as [`ProspectStore::letters_sent`] tells of them.
pub fn last_of_each(mut letters: Vec<LetterSent>) -> Vec<LetterSent> {
    letters.sort_by(|a, b| (a.at, &a.message_id).cmp(&(b.at, &b.message_id)));
    let mut seen = HashSet::new();
    let mut last: Vec<LetterSent> =
        letters.into_iter().rev().filter(|one| seen.insert((one.prospect, one.draft))).collect();
    last.reverse();
    last
}

/// That there is no such prospect.
pub fn no_prospect(id: ProspectId) -> StoreError {
    StoreError::NotFound { what: "prospect", id: id.to_string() }
}

/// That there is no such import.
pub fn no_import(id: ImportId) -> StoreError {
    StoreError::NotFound { what: "import", id: id.to_string() }
}
