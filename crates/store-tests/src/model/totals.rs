//! Totals by brute force: every closed call is looked at, and counted in the part its end lies in. No buckets, no series.

use super::data::Data;
use copydesk_core::UserId;
use copydesk_core::metering::question::{ANSWER_ROWS_MAX, Dimension, Group, Question, Total};
use copydesk_core::metering::totals::Figures;
use copydesk_core::refusal::Refusal;
use copydesk_store::Scope;
use copydesk_store::usage::CallRow;
use std::collections::{BTreeMap, BTreeSet};

impl Data {
    pub(super) fn user_names(&self, scope: Scope, users: &[UserId]) -> Vec<(UserId, String)> {
        let name = |user: &UserId| Some((*user, self.users.get(&(scope.workspace, *user))?.external.clone()));
        users.iter().filter_map(name).collect()
    }

    pub(super) fn totals(&self, scope: Scope, question: &Question) -> Result<Vec<Total>, Refusal> {
        let mut totals: BTreeMap<(usize, Group), Figures> = BTreeMap::new();
        if question.by.is_empty() {
            totals.extend((1..question.cuts.len()).map(|part| ((part - 1, Group::default()), Figures::default())));
        }
        let mut groups = BTreeSet::new();
        for row in
            self.calls.values().chain(&self.pruned_calls).filter(|call| call.scope == scope).map(|call| &call.row)
        {
            let Some((at, closed)) = &row.closed else { continue };
            let Some(group) = group(question, row) else { continue };
            groups.insert(group.clone());
            if let Some(part) = question.cuts.windows(2).position(|part| (part[0]..part[1]).contains(at)) {
                let sum = totals.entry((part, group)).or_default();
                *sum = sum.plus(&closed.figures(closed.outcome));
            }
        }
        let rows = groups.len() * question.cuts.len().saturating_sub(1);
        if rows > ANSWER_ROWS_MAX {
            return Err(Refusal::UsageTooLarge { rows, max: ANSWER_ROWS_MAX });
        }
        Ok(totals.into_iter().map(|((part, group), figures)| Total { part, group, figures }).collect())
    }
}

/// The group a call counts in; `None` when it is not asked for.
fn group(question: &Question, row: &CallRow) -> Option<Group> {
    let whole = Group {
        user: Some(row.user),
        service: Some(row.service.clone()),
        operation: Some(row.operation.clone()),
        provider: Some(row.provider.clone()),
        model: Some(row.model.clone()),
    };
    let Group { user, service, operation, provider, model } = &question.only;
    let asked = (user.is_none() || *user == whole.user)
        && (service.is_none() || *service == whole.service)
        && (operation.is_none() || *operation == whole.operation)
        && (provider.is_none() || *provider == whole.provider)
        && (model.is_none() || *model == whole.model);
    let by = |dimension| question.by.contains(&dimension);
    asked.then(|| Group {
        user: whole.user.filter(|_| by(Dimension::User)),
        service: whole.service.filter(|_| by(Dimension::Service)),
        operation: whole.operation.filter(|_| by(Dimension::Operation)),
        provider: whole.provider.filter(|_| by(Dimension::Provider)),
        model: whole.model.filter(|_| by(Dimension::Model)),
    })
}
