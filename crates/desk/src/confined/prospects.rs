//! Prospects are the workspace's: a key of one user finds none, and cannot make any.

use super::{Confined, unconfined};
use copydesk_core::prospect::{Rule, Tally};
use copydesk_core::{ImportId, ProspectId};
use copydesk_store::prospects::{
    ImportRow, JudgeProspects, LetterSent, Listed, Names, ProspectChange, ProspectCut, ProspectFilter, ProspectRow,
    Skip, UndoImport, Undone, WriteProspects, Written,
};
use copydesk_store::{Answer, ImportStore, Page, PageRequest, ProspectStore, Scope, StoreError};

impl ProspectStore for Confined {
    fn prospect(&self, scope: Scope, id: ProspectId) -> Answer<'_, Listed> {
        self.inner.prospect(unconfined(scope), id)
    }
    fn find_prospects(&self, scope: Scope, names: Names) -> Answer<'_, Vec<ProspectRow>> {
        self.inner.find_prospects(unconfined(scope), names)
    }
    fn prospects(&self, scope: Scope, filter: ProspectFilter, page: PageRequest) -> Answer<'_, Page<Listed>> {
        self.inner.prospects(unconfined(scope), filter, page)
    }
    fn cut_prospects(&self, scope: Scope, skip: u32, limit: u32) -> Answer<'_, ProspectCut> {
        self.inner.cut_prospects(unconfined(scope), skip, limit)
    }
    fn tally_prospects(&self, scope: Scope, filter: ProspectFilter, rule: Rule) -> Answer<'_, Tally> {
        self.inner.tally_prospects(unconfined(scope), filter, rule)
    }
    fn write_prospects(&self, write: WriteProspects) -> Answer<'_, Vec<Written>> {
        if write.scope.user.is_some() {
            // There is no empty workspace to write into, as there is one to read from.
            let (what, id) = ("list of prospects", "for a key of one user".to_owned());
            return Box::pin(async move { Err(StoreError::NotFound { what, id }) });
        }
        self.inner.write_prospects(write)
    }
    fn change_prospect(&self, mut change: ProspectChange) -> Answer<'_, ProspectRow> {
        change.scope = unconfined(change.scope);
        self.inner.change_prospect(change)
    }
    fn judge_prospects(&self, mut judge: JudgeProspects) -> Answer<'_, u64> {
        judge.scope = unconfined(judge.scope);
        self.inner.judge_prospects(judge)
    }
    fn letters_sent(&self, scope: Scope, to: Vec<ProspectId>) -> Answer<'_, Vec<LetterSent>> {
        self.inner.letters_sent(unconfined(scope), to)
    }
}

impl ImportStore for Confined {
    fn import(&self, scope: Scope, id: ImportId) -> Answer<'_, ImportRow> {
        self.inner.import(unconfined(scope), id)
    }
    fn imports(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<ImportRow>> {
        self.inner.imports(unconfined(scope), page)
    }
    fn import_skips(&self, scope: Scope, id: ImportId, page: PageRequest) -> Answer<'_, Page<Skip>> {
        self.inner.import_skips(unconfined(scope), id, page)
    }
    fn undo_import(&self, mut undo: UndoImport) -> Answer<'_, Undone> {
        undo.scope = unconfined(undo.scope);
        self.inner.undo_import(undo)
    }
}
