//! Metrics as values: what they are called, what they mean, and their numbers as exact integers. How they are written
//! down is the edge's affair.

use super::{LABELS_MAX, OTHER};
use copydesk_core::Timestamp;
use copydesk_core::job::{ItemStatus, JobStatus};
use copydesk_store::audit::AuditState;
use copydesk_store::health::Depth;
use copydesk_store::jobs::OpenJobs;
use copydesk_store::webhooks::DeliveryBacklog;
use std::collections::BTreeMap;

/// All numbers of one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// `_bucket`, `_sum` or `_count` of a histogram; else empty.
    pub suffix: &'static str,
    pub labels: Vec<(&'static str, String)>,
    pub value: Value,
}

impl Sample {
    pub fn of(labels: Vec<(&'static str, String)>, value: Value) -> Sample {
        Sample { suffix: "", labels, value }
    }
}

/// A number, never below zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    Whole(u64),
    /// Units: millionths, as of a second.
    Micros(u64),
    /// Units: billionths, as of a dollar.
    Nanos(u64),
}

pub(super) fn gauge(name: &'static str, help: &'static str, value: Value) -> Family {
    Family { name, help, kind: Kind::Gauge, samples: vec![Sample::of(vec![], value)] }
}

/// What waits for webhooks, how late the latest is, and which have trouble.
pub(super) fn of_webhooks(backlog: &DeliveryBacklog, now: Timestamp) -> Vec<Family> {
    let late = backlog.oldest_due.map_or(0, |due| u64::try_from(now.since(due).as_micros()).unwrap_or(u64::MAX));
    vec![
        gauge(
            "copydesk_webhook_waiting",
            "Messages to webhooks that wait to be sent or sent again.",
            Value::Whole(backlog.waiting),
        ),
        gauge(
            "copydesk_webhook_lag_seconds",
            "How long the oldest message that is due has been so.",
            Value::Micros(late),
        ),
        gauge(
            "copydesk_webhooks_failing",
            "Webhooks that had nothing but failures since their last success.",
            Value::Whole(backlog.failing),
        ),
    ]
}

/// What the background audit has found, and how old its last whole round is. Nothing before its first beat.
pub(super) fn of_audit(state: &AuditState, now: Timestamp) -> Vec<Family> {
    let Some(round) = &state.round else { return vec![] };
    let open = state.open.iter().map(|(_, findings)| findings).sum();
    let age = now.since(round.ended_at.unwrap_or(round.began_at));
    let of_check =
        |(check, findings): &(String, u64)| Sample::of(vec![("promise", check.clone())], Value::Whole(*findings));
    vec![
        gauge(
            "copydesk_audit_findings",
            "Broken promises the background audit has found and not seen mended.",
            Value::Whole(open),
        ),
        Family {
            name: "copydesk_promise_violations",
            help: "The same, by the promise that is broken.",
            kind: Kind::Gauge,
            samples: state.open.iter().map(of_check).collect(),
        },
        gauge(
            "copydesk_audit_round_age_seconds",
            "Since the background audit last went through everything, or since it first began to.",
            Value::Micros(u64::try_from(age.as_micros()).unwrap_or(u64::MAX)),
        ),
    ]
}

/// Jobs that have not ended, and their items.
pub(super) fn of_jobs(open: &[OpenJobs]) -> Vec<Family> {
    let (mut jobs, mut paused) = (BTreeMap::new(), BTreeMap::new());
    let mut items: BTreeMap<&'static str, u64> = BTreeMap::new();
    for status in [JobStatus::Pending, JobStatus::Running, JobStatus::Paused] {
        jobs.insert(status.as_str(), 0);
    }
    jobs.insert(STOPPING, 0);
    for group in open {
        let status = if group.stopping { STOPPING } else { group.status.as_str() };
        *jobs.entry(status).or_default() += group.jobs;
        if let (JobStatus::Paused, false, Some(code)) = (group.status, group.stopping, &group.note) {
            *paused.entry(code.clone()).or_default() += group.jobs;
        }
        for status in ItemStatus::ALL {
            *items.entry(status.as_str()).or_default() += group.counts.of(status);
        }
    }
    let of = |name, help, label: &'static str, counts: Vec<(String, u64)>| Family {
        name,
        help,
        kind: Kind::Gauge,
        samples: counts.into_iter().map(|(word, n)| Sample::of(vec![(label, word)], Value::Whole(n))).collect(),
    };
    let words =
        |counts: BTreeMap<&'static str, u64>| counts.into_iter().map(|(word, n)| (word.to_owned(), n)).collect();
    vec![
        of("copydesk_jobs", "Jobs that have not ended, by status.", "status", words(jobs)),
        of("copydesk_jobs_paused", "Paused jobs by the code of the reason.", "reason", paused.into_iter().collect()),
        of("copydesk_job_items", "Items of the jobs that have not ended, by status.", "status", words(items)),
    ]
}

/// The word for a job that is being cancelled.
const STOPPING: &str = "stopping";

/// The lane of a recipe is the one every generation has exactly one of, so that the sum over all is what waits.
pub(super) fn of_depths(depths: &[Depth]) -> Family {
    let mut waiting: BTreeMap<(String, String), u64> = BTreeMap::new();
    for depth in depths {
        let lane = format!("recipe:{}", depth.recipe);
        let key = (lane, depth.reason.clone());
        let lane = if waiting.len() < LABELS_MAX || waiting.contains_key(&key) { key.0 } else { OTHER.to_owned() };
        *waiting.entry((lane, key.1)).or_default() += depth.waiting;
    }
    let sample =
        |((lane, reason), waiting)| Sample::of(vec![("lane", lane), ("reason", reason)], Value::Whole(waiting));
    Family {
        name: "copydesk_queue_depth",
        help: "Generations that wait, by their recipe's lane and for what: ready (for their turn), scheduled, backing_off, target or held (their job is paused).",
        kind: Kind::Gauge,
        samples: waiting.into_iter().map(sample).collect(),
    }
}
