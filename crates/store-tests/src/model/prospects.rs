//! The model's prospects and imports: every row that is not deleted, and what each import left out.

use super::ModelStore;
use super::data::{Data, paged};
use copydesk_core::mail::MailStatus;
use copydesk_core::prospect::{Facts, Field, Rule, Tally, draft_name};
use copydesk_core::refusal::Refusal;
use copydesk_core::{ImportId, ProspectId};
use copydesk_store::prospects::{
    DraftOf, ImportCounts, ImportRow, JudgeProspects, LetterSent, Listed, Names, ProspectChange, ProspectCut,
    ProspectFilter, ProspectRow, ProspectSetting, Skip, UndoImport, Undone, WriteProspects, Written, changed, decide,
    last_of_each, no_import, no_prospect,
};
use copydesk_store::{Answer, ImportStore, Page, PageRequest, ProspectStore, Scope, StoreError};

impl ProspectStore for ModelStore {
    fn prospect(&self, scope: Scope, id: ProspectId) -> Answer<'_, Listed> {
        Box::pin(async move {
            let data = self.data();
            data.prospects
                .get(&id)
                .filter(|row| row.scope == scope)
                .map(|row| data.listed(row))
                .ok_or_else(|| no_prospect(id))
        })
    }
    fn find_prospects(&self, scope: Scope, names: Names) -> Answer<'_, Vec<ProspectRow>> {
        Box::pin(async move {
            let data = self.data();
            let wanted =
                |row: &&ProspectRow| names.ids.contains(&row.id) || names.identities.contains(&row.facts.identity());
            Ok(data.prospects_of(scope).filter(wanted).cloned().collect())
        })
    }
    fn prospects(&self, scope: Scope, filter: ProspectFilter, page: PageRequest) -> Answer<'_, Page<Listed>> {
        Box::pin(async move {
            let rows = self.data().matching(scope, &filter);
            paged(rows.into_iter().map(|listed| (listed.row.id, listed)).collect(), &page)
        })
    }
    fn cut_prospects(&self, scope: Scope, skip: u32, limit: u32) -> Answer<'_, ProspectCut> {
        Box::pin(async move {
            let rows = self.data().matching(scope, &ProspectFilter::default());
            let total = rows.len() as u64;
            Ok(ProspectCut { rows: rows.into_iter().skip(skip as usize).take(limit as usize).collect(), total })
        })
    }
    fn tally_prospects(&self, scope: Scope, filter: ProspectFilter, rule: Rule) -> Answer<'_, Tally> {
        Box::pin(async move {
            let mut tally = Tally::default();
            for listed in self.data().matching(scope, &filter) {
                tally.add(rule.standing(&listed.row.facts, listed.stage()), 1);
            }
            Ok(tally)
        })
    }
    fn write_prospects(&self, write: WriteProspects) -> Answer<'_, Vec<Written>> {
        Box::pin(async move { Ok(self.data().write_prospects(write)) })
    }
    fn change_prospect(&self, change: ProspectChange) -> Answer<'_, ProspectRow> {
        Box::pin(async move { self.data().change_prospect(&change) })
    }
    fn judge_prospects(&self, judge: JudgeProspects) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut data = self.data();
            let found = data.prospects_of(judge.scope).filter(|row| judge.names().ids.contains(&row.id));
            let changes = judge.changes(found.cloned().collect());
            let count = changes.len() as u64;
            data.prospects.extend(changes.into_iter().map(|row| (row.id, row)));
            Ok(count)
        })
    }

    fn letters_sent(&self, scope: Scope, to: Vec<ProspectId>) -> Answer<'_, Vec<LetterSent>> {
        Box::pin(async move {
            let data = self.data();
            let sent = data.mails.values().filter(|row| row.facts.workspace == scope.workspace);
            let letters = sent.filter(|row| row.mail.status == MailStatus::Sent).filter_map(|row| {
                let prospect = row.facts.prospect.filter(|prospect| to.contains(prospect))?;
                let ((draft, version), at) = row.facts.content.zip(row.mail.ended_at)?;
                Some(LetterSent { prospect, draft, version, message_id: row.facts.message_id.clone(), at })
            });
            Ok(last_of_each(letters.collect()))
        })
    }
}

impl ImportStore for ModelStore {
    fn import(&self, scope: Scope, id: ImportId) -> Answer<'_, ImportRow> {
        Box::pin(async move { self.data().import(scope, id) })
    }
    fn imports(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<ImportRow>> {
        Box::pin(async move {
            let data = self.data();
            let rows = data.imports.values().filter(|row| row.scope == scope);
            paged(rows.map(|row| (row.id, row.clone())).collect(), &page)
        })
    }
    fn import_skips(&self, scope: Scope, id: ImportId, page: PageRequest) -> Answer<'_, Page<Skip>> {
        Box::pin(async move {
            let data = self.data();
            data.import(scope, id)?;
            let rows = data.import_skips.range((id, 0)..=(id, u64::MAX));
            paged(rows.map(|((_, line), skip)| (*line, skip.clone())).collect(), &page)
        })
    }
    fn undo_import(&self, undo: UndoImport) -> Answer<'_, Undone> {
        Box::pin(async move { self.data().undo_import(undo) })
    }
}

impl Data {
    fn prospects_of(&self, scope: Scope) -> impl Iterator<Item = &ProspectRow> {
        self.prospects.values().filter(move |row| row.scope == scope)
    }

    fn listed(&self, row: &ProspectRow) -> Listed {
        let name = draft_name(row.id);
        let drafts = self.drafts.values().filter(|draft| draft.scope == row.scope && draft.row.deleted_at.is_none());
        let draft =
            drafts.filter(|draft| draft.row.external_id.as_ref() == Some(&name)).max_by_key(|draft| draft.row.id);
        let draft = draft.map(|draft| {
            let version = self.versions.get(&(draft.row.id, draft.row.current_version));
            DraftOf {
                id: draft.row.id,
                status: draft.row.status,
                review: draft.row.review,
                live: draft.row.live_generation,
                version: draft.row.current_version,
                mail: version.map(|version| (version.content.title.clone(), version.content.body.clone())),
            }
        });
        Listed { row: row.clone(), draft }
    }

    fn matching(&self, scope: Scope, filter: &ProspectFilter) -> Vec<Listed> {
        let ProspectFilter { verification, source_type, category, has_email, stage, import, sent_before, answered } =
            filter;
        let matches = |listed: &Listed| {
            let facts = &listed.row.facts;
            let text = |field, wanted: &Option<String>| wanted.is_none() || facts.text(field) == wanted.as_deref();
            verification.is_none_or(|wanted| facts.verification == wanted)
                && text(Field::SourceType, source_type)
                && text(Field::Category, category)
                && has_email.is_none_or(|wanted| facts.text(Field::ContactEmail).is_some() == wanted)
                && stage.is_none_or(|wanted| listed.stage() == wanted)
                && import.is_none_or(|wanted| listed.row.import == Some(wanted))
                && sent_before.is_none_or(|before| listed.row.sent_at.is_some_and(|at| at < before))
                && answered.is_none_or(|wanted| listed.row.answered_at.is_some() == wanted)
        };
        self.prospects_of(scope).map(|row| self.listed(row)).filter(matches).collect()
    }

    fn by_identity(&self, scope: Scope, identity: &str) -> Option<&ProspectRow> {
        self.prospects_of(scope).find(|row| row.facts.identity() == identity)
    }

    fn write_prospects(&mut self, write: WriteProspects) -> Vec<Written> {
        let mut all = Vec::new();
        for new in &write.rows {
            let identity = Facts::default().edited(&new.edit).identity();
            let written = decide(&write, new, self.by_identity(write.scope, &identity));
            self.prospects.insert(written.row().id, written.row().clone());
            all.push(written);
        }
        let Some(import) = write.import else { return all };
        let row = self.imports.entry(import.id).or_insert(ImportRow {
            id: import.id,
            scope: write.scope,
            name: import.name,
            counts: ImportCounts::default(),
            removed: 0,
            created_at: import.started_at,
            finished_at: None,
            undone_at: None,
        });
        row.counts.add(&all);
        row.counts.skipped += import.skips.len() as u64;
        row.finished_at = import.is_last.then_some(write.at);
        self.import_skips.extend(import.skips.into_iter().map(|skip| ((import.id, skip.line), skip)));
        all
    }

    fn change_prospect(&mut self, change: &ProspectChange) -> Result<ProspectRow, StoreError> {
        let row = self.prospects.get(&change.prospect).filter(|row| row.scope == change.scope);
        let row = row.cloned().ok_or_else(|| no_prospect(change.prospect))?;
        if change.revision.is_some_and(|seen| seen != row.revision) {
            return Err(Refusal::VersionConflict { current: row.revision }.into());
        }
        match &change.to {
            ProspectSetting::Delete => {
                self.prospects.remove(&row.id);
                Ok(ProspectRow { revision: row.revision + 1, updated_at: change.at, ..row })
            }
            ProspectSetting::Edit(edit) => {
                let Some(after) = changed(&row, edit, change.at) else { return Ok(row) };
                let double = self.by_identity(change.scope, &after.facts.identity());
                if let Some(double) = double.filter(|double| double.id != row.id) {
                    return Err(Refusal::ProspectExists { prospect: double.id }.into());
                }
                self.prospects.insert(after.id, after.clone());
                Ok(after)
            }
        }
    }

    fn import(&self, scope: Scope, id: ImportId) -> Result<ImportRow, StoreError> {
        self.imports.get(&id).filter(|row| row.scope == scope).cloned().ok_or_else(|| no_import(id))
    }

    fn undo_import(&mut self, undo: UndoImport) -> Result<Undone, StoreError> {
        self.import(undo.scope, undo.import)?;
        let untouched = |row: &&ProspectRow| row.import == Some(undo.import) && row.revision == 1 + row.judged;
        let rows = self.prospects_of(undo.scope).filter(untouched);
        let rows = rows.filter(|row| self.listed(row).draft.is_none()).map(|row| row.id);
        let rows: Vec<ProspectId> = rows.take(undo.limit as usize).collect();
        rows.iter().for_each(|id| drop(self.prospects.remove(id)));
        if let Some(row) = self.imports.get_mut(&undo.import) {
            row.removed += rows.len() as u64;
            row.undone_at = row.undone_at.or(Some(undo.at));
        }
        Ok(Undone { row: self.import(undo.scope, undo.import)?, more: rows.len() == undo.limit as usize })
    }
}
