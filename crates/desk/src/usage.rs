//! Usage as totals: what was used between which instants, told apart by what. Reads only; the sums are kept by the store.

use crate::desk::Desk;
use crate::error::{DeskError, Fault};
use copydesk_core::metering::cuts::{BadSpan, Interval, Zone, cuts, quarter_end, start_of};
use copydesk_core::metering::question::{Dimension, Group, Question, Total};
use copydesk_core::{Timestamp, UserId};
use copydesk_store::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How far back is looked when nobody says: six days and today.
const USUAL_SPAN: Duration = Duration::from_secs(6 * 24 * 3_600);

/// What somebody wants to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageRequest {
    pub zone: Zone,
    pub interval: Interval,
    /// Without it, `since` before the end counts; without both, the first day of the last seven.
    pub from: Option<Timestamp>,
    /// How long before the end, from the start of the interval on in which that lies.
    pub since: Option<Duration>,
    /// Without it, up to now.
    pub to: Option<Timestamp>,
    pub by: BTreeSet<Dimension>,
    pub only: Group,
}

/// What was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Where the parts begin, and last where the last one ends.
    pub cuts: Vec<Timestamp>,
    pub totals: Vec<Total>,
    /// What the application calls the users of the groups.
    pub users: BTreeMap<UserId, String>,
}

impl Desk {
    /// Errors: `Invalid` with the parameter that cannot be; `Refused` when the answer would be too large.
    pub async fn usage(&self, scope: Scope, request: UsageRequest) -> Result<Usage, DeskError> {
        let UsageRequest { zone, interval, from, since, to, by, only } = request;
        let now = self.inner.now();
        let to = to.unwrap_or(quarter_end(now));
        let from = match (from, since) {
            (Some(from), _) => from,
            (None, Some(since)) => start_of(interval, &zone, to.minus(since)).map_err(|bad| fault("?since", &bad))?,
            (None, None) => {
                start_of(Interval::Day, &zone, to.min(now).minus(USUAL_SPAN)).map_err(|bad| fault("?to", &bad))?
            }
        };
        let cuts = cuts(interval, &zone, from, to).map_err(|bad| fault(pointer(&bad, to), &bad))?;
        let question = Question { only, by, cuts };
        let totals = self.store().totals(scope, question.clone()).await?;
        let users: BTreeSet<UserId> = totals.iter().filter_map(|total| total.group.user).collect();
        let users = self.store().user_names(scope, users.into_iter().collect()).await?.into_iter().collect();
        Ok(Usage { cuts: question.cuts, totals, users })
    }
}

fn pointer(bad: &BadSpan, to: Timestamp) -> &'static str {
    match bad {
        BadSpan::OffQuarter { at, .. } | BadSpan::OutOfRange { at } if *at == to => "?to",
        BadSpan::Reversed { .. } | BadSpan::OffQuarter { .. } | BadSpan::OutOfRange { .. } => "?from",
        BadSpan::TooMany => "?interval",
    }
}

fn fault(pointer: &str, bad: &BadSpan) -> DeskError {
    DeskError::Invalid(vec![Fault::new(pointer, "out_of_range", bad.to_string())])
}
