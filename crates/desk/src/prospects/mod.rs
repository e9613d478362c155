//! Prospects: whom outreach mails are written to. Making, changing and counting them; files of them are read by `import.rs`,
//! `drafting.rs` makes jobs of them,
//! and `verify.rs` asks whether their domains take mail. They are the workspace's: a key of one user sees none.

pub mod drafting;
pub mod import;
pub mod verify;

use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_core::ProspectId;
use copydesk_core::prospect::{BadFact, Edit, Facts, Rule, Tally};
use copydesk_core::refusal::Refusal;
use copydesk_store::prospects::{
    Known, Listed, Names, NewProspect, ProspectChange, ProspectFilter, ProspectRow, ProspectSetting, WriteProspects,
    Written,
};
use copydesk_store::{Scope, StoreError};
use std::collections::HashMap;

/// A prospect that was asked to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Made {
    New(ProspectRow),
    /// It is there, exactly as it was said.
    Same(ProspectRow),
}

impl Made {
    pub fn row(&self) -> &ProspectRow {
        match self {
            Made::New(row) | Made::Same(row) => row,
        }
    }
}

impl Desk {
    /// Makes a prospect. Saying the same twice is saying it once.
    ///
    /// Errors: `ProspectExists` when there is another one of the same name.
    pub async fn add_prospect(&self, scope: Scope, edit: Edit) -> Result<Made, DeskError> {
        let facts = Facts::default().edited(&edit);
        refuse(facts.faults())?;
        let now = self.inner.now();
        let new = NewProspect { id: ProspectId(self.inner.world.uuid(now)), edit };
        let write = WriteProspects { scope, at: now, rows: vec![new], known: Known::Leave, import: None };
        match self.store().write_prospects(write).await?.pop() {
            Some(Written::Created(row)) => Ok(Made::New(row)),
            Some(Written::Updated(row) | Written::Unchanged(row)) if row.facts == facts => Ok(Made::Same(row)),
            Some(Written::Updated(row) | Written::Unchanged(row)) => {
                Err(Refusal::ProspectExists { prospect: row.id }.into())
            }
            None => Err(StoreError::Corrupt("a prospect was written and is not answered".to_owned()).into()),
        }
    }

    /// Changes what the edit names. `revision` is the one the caller has seen.
    pub async fn edit_prospect(
        &self,
        scope: Scope,
        prospect: ProspectId,
        revision: Option<i64>,
        edit: Edit,
    ) -> Result<Listed, DeskError> {
        let before = self.store().prospect(scope, prospect).await?.row;
        refuse(before.facts.edited(&edit).faults())?;
        let (at, to) = (self.inner.now(), ProspectSetting::Edit(edit));
        self.store().change_prospect(ProspectChange { scope, prospect, at, revision, to }).await?;
        Ok(self.store().prospect(scope, prospect).await?)
    }

    /// From now on nobody finds it. Its draft stays.
    pub async fn remove_prospect(
        &self,
        scope: Scope,
        prospect: ProspectId,
        revision: Option<i64>,
    ) -> Result<(), DeskError> {
        let (at, to) = (self.inner.now(), ProspectSetting::Delete);
        self.store().change_prospect(ProspectChange { scope, prospect, at, revision, to }).await?;
        Ok(())
    }

    /// Who is eligible here when nobody names anybody.
    pub fn eligibility(&self) -> &Rule {
        &self.inner.config.outreach.rule
    }

    /// How those that match stand under the rule.
    pub async fn count_prospects(&self, scope: Scope, filter: ProspectFilter) -> Result<Tally, DeskError> {
        Ok(self.store().tally_prospects(scope, filter, self.eligibility().clone()).await?)
    }

    /// The prospects that the caller calls so: by an id in either spelling, or by their external ids.
    ///
    /// Errors: those that are not there, each with its place.
    pub async fn named_prospects(&self, scope: Scope, names: &[String]) -> Result<Vec<ProspectRow>, DeskError> {
        let mut asked = Names::default();
        for name in names {
            asked.ids.extend(name.parse::<ProspectId>().ok());
            asked.identities.push(Facts::identity_of(name));
        }
        let found = self.store().find_prospects(scope, asked).await?;
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        let by_id: HashMap<ProspectId, &ProspectRow> = found.iter().map(|row| (row.id, row)).collect();
        let by_name: HashMap<String, &ProspectRow> = found.iter().map(|row| (row.facts.identity(), row)).collect();
        for (place, name) in names.iter().enumerate() {
            let id = name.parse::<ProspectId>().ok();
            let row = id.and_then(|id| by_id.get(&id)).or_else(|| by_name.get(&Facts::identity_of(name)));
            match row {
                Some(row) => rows.push((*row).clone()),
                None => {
                    let detail = format!("there is no prospect {:?}", name.chars().take(80).collect::<String>());
                    faults.push(Fault::new(format!("/{place}"), "not_found", detail));
                }
            }
        }
        rows.sort_by_key(|row| row.id);
        rows.dedup_by_key(|row| row.id);
        if faults.is_empty() { Ok(rows) } else { Err(DeskError::Invalid(faults)) }
    }
}

/// As faults of a request.
fn refuse(bad: Vec<BadFact>) -> Result<(), DeskError> {
    if bad.is_empty() { Ok(()) } else { Err(DeskError::Invalid(bad.into_iter().map(fault).collect())) }
}

fn fault(bad: BadFact) -> Fault {
    let BadFact { field, code, detail } = bad;
    Fault::new(if field.is_empty() { String::new() } else { format!("/{field}") }, code, detail)
}
