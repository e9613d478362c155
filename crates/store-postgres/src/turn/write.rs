//! Sends a plan: one statement per table, only for tables that get rows. Tables that others also lock come in one order:
//! drafts and accounts (locked by the fence already), dedupe keys, targets.

use super::News;
use super::plan::{Closing, OutcomePlan, Plan, VersionPlan, last_error};
use crate::events;
use crate::ledger;
use crate::pipeline::{Answers, Steps};
use crate::queues::provider;
use crate::types::{Micros, Param, columns, sql, text, wide};
use crate::waiting::{self, Park};
use copydesk_core::draft::Review;
use copydesk_core::generation::State;
use copydesk_store::StoreError;
use copydesk_store::generations::{Applied, NewAsset};

/// Where the answers of interest stand.
#[derive(Clone, Copy)]
pub struct Places {
    freed: Option<usize>,
}

pub fn write<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) -> Places {
    contents(steps, plan);
    usage(steps, plan);
    ledger::write(steps, &plan.transfers, &plan.accounts);
    waiting::insert(steps, &plan.waiting);
    if !plan.outcomes.is_empty() {
        steps.add(sql!(deep "apply/insert_outcome"), outcomes(&plan.outcomes));
    }
    events::write(steps, &plan.events);
    let freed = free(steps, plan);
    Places { freed }
}

fn contents<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) {
    if !plan.versions.is_empty() {
        let versions: Vec<_> = plan
            .versions
            .iter()
            .filter_map(|version| version.change.content.as_ref().map(|content| (version, content)))
            .collect();
        let params = columns!(versions, v => v.0.draft.0, v.0.number, v.0.change.scope.workspace.0,
            v.0.change.fence.generation.0, v.0.origin.as_str(), v.0.origin.reason(), v.1.form.as_str(),
            text(&v.1.title), text(&v.1.body), i64::from(v.1.words), v.1.hash.to_vec(), text(&v.1.provenance),
            Micros::from(v.0.change.at));
        steps.add(sql!(deep "apply/insert_version"), params);
    }
    let assets: Vec<(&VersionPlan<'_>, &NewAsset)> =
        plan.versions.iter().flat_map(|v| v.change.assets.iter().map(move |asset| (v, asset))).collect();
    if !assets.is_empty() {
        let params = columns!(assets, a => a.1.id.0, a.0.change.scope.workspace.0, a.0.change.fence.generation.0,
            a.0.draft.0, a.0.number, i64::from(a.1.seq), text(&a.1.media_type), wide(a.1.bytes),
            a.1.sha256.to_vec(), text(&a.1.path), Micros::from(a.0.change.at));
        steps.add(sql!(deep "apply/insert_asset"), params);
    }
    if !plan.drafts.is_empty() {
        let mut params = columns!(plan.drafts, d => d.id.0, d.status.as_str(), d.current_version, d.version_count,
            d.title.map(text), d.title.map(|_| Micros::from(d.at)), d.live, Micros::from(d.at));
        params.push(Box::new(Review::None.as_str()));
        steps.add(sql!(deep "apply/save_draft"), params);
    }
    let finished: Vec<_> =
        plan.steps.iter().filter_map(|change| change.step.as_ref().map(|step| (*change, step))).collect();
    let forgotten: Vec<_> =
        plan.forgetful.iter().filter_map(|change| change.forgets.as_ref().map(|step| (*change, step))).collect();
    if !forgotten.is_empty() {
        let params = columns!(forgotten, f => f.0.fence.generation.0, f.0.scope.workspace.0, text(&f.1.checkpoint));
        steps.add(sql!(deep "apply/forget_step"), params);
    }
    if !finished.is_empty() {
        let params = columns!(finished, f => f.0.fence.generation.0, text(&f.1.name), text(&f.1.output),
            f.0.scope.workspace.0, Micros::from(f.0.at), f.1.cost.map(|cost| cost.0));
        steps.add(sql!(deep "apply/insert_step"), params);
    }
}

fn usage<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) {
    if !plan.closings.is_empty() {
        steps.add(sql!(deep "apply/close_call"), closings(&plan.closings));
    }
    let opened: Vec<_> =
        plan.steps.iter().filter_map(|change| change.opens.as_ref().map(|call| (*change, call))).collect();
    if !opened.is_empty() {
        let params = columns!(opened, o => o.1.id.0, o.0.fence.generation.0, i64::from(o.0.decision.attempt.0),
            o.1.step.as_str(), provider(&o.1.model), o.1.model.as_str(), Micros::from(o.0.at));
        steps.add(sql!(deep "apply/open_call"), params);
    }
}

pub fn closings<'a>(rows: &[Closing<'a>]) -> Vec<Param<'a>> {
    let mut params = columns!(rows, r => r.call.id.0, r.facts.workspace.0);
    params.extend(columns!(rows, r => r.call.usage.input.map(|tokens| tokens.0),
        r.call.usage.output.map(|tokens| tokens.0), r.call.usage.input_cached.map(|tokens| tokens.0),
        r.call.usage.output_reasoning.map(|tokens| tokens.0), r.call.usage.input_cache_write.map(|tokens| tokens.0),
        r.call.usage.input_cache_write_1h.map(|tokens| tokens.0), r.call.usage.input_image.map(|tokens| tokens.0),
        r.call.usage.output_image.map(|tokens| tokens.0), r.call.usage.images.map(i64::from),
        r.call.usage.video_seconds.map(i64::from), r.call.usage.requests.map(i64::from), r.call.usage.estimated, r.call.cost.map(|cost| cost.0),
        r.call.cost_status.as_str(), r.call.price_version.as_deref(), wide(r.call.duration_ms),
        r.call.first_token_ms.map(wide),
        r.call.http_status.map(i32::from), r.call.provider_request_id.as_deref().map(text),
        r.call.served_model.as_deref().map(text), r.call.error.as_ref().map(|(code, _)| code.as_str()),
        r.call.error.as_ref().map(|(_, words)| text(words)), r.outcome.as_str(), Micros::from(r.at)));
    params
}

fn outcomes<'a>(rows: &[OutcomePlan<'a>]) -> Vec<Param<'a>> {
    columns!(rows, o => o.change.fence.generation.0, o.change.scope.workspace.0, o.winner.user.0,
        o.change.decision.next.status().as_str(), i64::from(o.change.decision.attempt.0),
        i64::from(o.change.decision.spent), o.change.decision.row_version.0, Micros::from(o.at), o.settled.micros(),
        o.version, o.origin, failed(o).map(|(code, _)| code), failed(o).map(|(_, words)| text(words)), detail(o))
}

/// Code and sentence of a failure; other ends have none.
fn failed<'a>(outcome: &OutcomePlan<'a>) -> Option<(&'a str, &'a str)> {
    match &outcome.change.decision.next {
        State::Failed { .. } => last_error(outcome.change, outcome.winner),
        State::Pending { .. } | State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => None,
    }
}

fn detail<'a>(outcome: &OutcomePlan<'a>) -> Option<std::borrow::Cow<'a, str>> {
    match &outcome.change.decision.next {
        State::Failed { failure, .. } => failure.detail.as_deref().map(text),
        State::Pending { .. } | State::Processing { .. } | State::Completed { .. } | State::Cancelled { .. } => None,
    }
}

fn free<'a>(steps: &mut Steps<'a>, plan: &Plan<'a>) -> Option<usize> {
    if !plan.keys.is_empty() {
        let params = columns!(plan.keys, k => k.change.scope.workspace.0, k.name, k.change.fence.generation.0);
        steps.add(sql!(deep "apply/delete_live_key"), params);
    }
    if plan.targets.is_empty() {
        return None;
    }
    let mut params = columns!(plan.targets, t => t.change.scope.workspace.0, t.name, t.change.fence.generation.0);
    let same = columns!(plan.targets, t => t.change.scope.workspace.0, t.name, t.change.fence.generation.0);
    steps.add(sql!(deep "apply/lock_target"), same);
    params.extend(columns!(plan.targets, t => Micros::from(t.change.at)));
    params.push(Box::new(Park::SCHEDULED));
    Some(steps.add(sql!(deep "apply/free_target"), params))
}

/// Fills in the answers of the wave.
pub fn answer(plan: &Plan<'_>, answers: &Answers, places: Places, applied: &mut [Applied]) -> Result<News, StoreError> {
    for (place, found) in &plan.lost {
        applied[*place] = Applied::Lost { found: *found };
    }
    for (place, number) in &plan.stored {
        applied[*place] = Applied::Done { version: Some(crate::types::narrow("version", *number)?) };
    }
    let mut news = plan.news;
    news.made_ready |= !answers.rows(places.freed).is_empty();
    Ok(news)
}
