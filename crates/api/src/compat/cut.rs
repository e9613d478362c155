//! How much of a list is asked for, as these systems say it: `skip` and `limit`. Other parameters are passed over.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use copydesk_desk::error::Fault;
use http::request::Parts;

/// Most rows that may be skipped: each of them is read. The native lists have cursors.
const SKIP_MAX: usize = 10_000;
const LIMIT_USUAL: usize = 100;
const LIMIT_MAX: usize = 1_000;

pub(crate) struct Cut {
    pub skip: usize,
    pub limit: usize,
    /// `user_id`: what the application calls its user.
    pub user: Option<String>,
}

/// The same of a list whose skipped rows are counted in an index, not read.
pub(crate) struct Skip {
    pub skip: u32,
    pub limit: u32,
}

/// Most rows that may be skipped so.
const COUNTED_MAX: usize = 1_000_000;

impl<S: Send + Sync> FromRequestParts<S> for Skip {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Skip, Problem> {
        let Cut { skip, limit, user: _ } = cut(parts, COUNTED_MAX)?;
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Skip { skip: narrow(skip), limit: narrow(limit) })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Cut {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Cut, Problem> {
        cut(parts, SKIP_MAX)
    }
}

fn cut(parts: &Parts, skip_max: usize) -> Result<Cut, Problem> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| Problem::fault("?", "malformed", "the part of the address after the ? cannot be read"))?;
    let text = |name: &str| {
        let found = pairs.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let number = |name: &str, usual: usize, least: usize, most: usize| match text(name) {
        None => Ok(usual),
        Some(text) => text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let detail = format!("it must be a whole number from {least} to {most}");
            Fault::new(format!("?{name}"), "out_of_range", detail)
        }),
    };
    match (number("skip", 0, 0, skip_max), number("limit", LIMIT_USUAL, 1, LIMIT_MAX)) {
        (Ok(skip), Ok(limit)) => Ok(Cut { skip, limit, user: text("user_id").map(str::to_owned) }),
        (skip, limit) => Err(Problem::invalid([skip.err(), limit.err()].into_iter().flatten().collect())),
    }
}
