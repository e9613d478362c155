//! Query parameters, taken out one by one: what is repeated, unknown or out of range is named. Cursors are opaque: `c_`
//! and the hexadecimal digits of what the store said.

use super::fields::{near, time_code};
use super::search;
use crate::auth::STREAM_TOKEN;
use crate::error::Code;
use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use copydesk_core::{Timestamp, UserId};
use copydesk_desk::error::Fault;
use copydesk_desk::store::{Order, PageRequest, Scope, StoreError};
use http::request::Parts;

/// Rows in a page unless another number is asked for.
pub(crate) const LIMIT_USUAL: u32 = 50;
/// Rows of a page in which more stands than usual.
const EXPANDED_MAX: u32 = 100;
const CURSOR_PREFIX: &str = "c_";
const CURSOR_BYTES_MAX: usize = 512;

pub(crate) struct Params {
    left: Vec<(String, String)>,
    asked: Vec<&'static str>,
    faults: Vec<Fault>,
    bad_cursor: bool,
    /// What stands in `q`, which lists take only.
    search: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Params, Problem> {
        let Query(left) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::fault("?", "malformed", "the part of the address after the ? cannot be read"))?;
        let mut params = Params { left, asked: Vec::new(), faults: Vec::new(), bad_cursor: false, search: None };
        params.search = params.text(search::Q);
        if let Some(search) = &params.search {
            let (pairs, faults) = search::read(search);
            params.left.extend(pairs);
            params.faults.extend(faults);
        }
        // Until a list asks for its page, nobody has.
        params.asked.clear();
        Ok(params)
    }
}

impl Params {
    pub fn fault(&mut self, name: &str, code: &str, detail: impl Into<String>) {
        self.faults.push(Fault::new(format!("?{name}"), code, detail));
    }

    /// What was said elsewhere, as if it stood in the address.
    pub fn also(&mut self, name: String, value: String) {
        self.left.push((name, value));
    }

    /// A parameter; an empty one counts as absent.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        let (mut found, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.left).into_iter().partition(|(key, _)| key == name);
        self.left = left;
        if found.len() > 1 {
            self.fault(name, "repeated", "it may be given once only");
        }
        found.pop().map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// A switch: `?name`, `?name=true` or `?name=false`.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let bare = self.left.iter().any(|(key, value)| key == name && value.is_empty());
        match self.text(name).as_deref() {
            None => bare,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                self.fault(name, "not_allowed", "it must be true or false");
                false
            }
        }
    }

    /// The token that `auth.rs` has looked at already.
    pub fn stream_token(&mut self) {
        // Known here, so that it is not called unknown.
        drop(self.text(STREAM_TOKEN));
    }

    /// One of the words `parse` knows.
    pub fn word<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>, known: &[&str]) -> Option<T> {
        let word = self.text(name)?;
        let found = parse(&word);
        if found.is_none() {
            self.fault(name, "not_allowed", format!("it must be one of {}", known.join(", ")));
        }
        found
    }

    /// An id in either spelling.
    pub fn id<T: std::str::FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        text.parse().map_err(|bad: T::Err| self.fault(name, "bad_id", bad.to_string())).ok()
    }

    /// An instant with an offset.
    pub fn instant(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        text.parse().map_err(|bad| self.fault(name, time_code(&bad), format!("{bad}"))).ok()
    }

    /// A user: the application's own name for one, or the id this API shows.
    pub fn user(&mut self, scope: Scope) -> Option<UserId> {
        let text = self.text("user")?;
        let own = text.strip_prefix(UserId::PREFIX).and_then(|_| text.parse().ok());
        Some(own.unwrap_or_else(|| UserId::from_external(scope.workspace, &text)))
    }

    pub fn page(&mut self, usual: Order) -> PageRequest {
        self.asked.push(search::Q);
        let limit = self.limit();
        let order = match self.text("order").as_deref() {
            None => usual,
            Some("asc") => Order::OldestFirst,
            Some("desc") => Order::NewestFirst,
            Some(_) => {
                self.fault("order", "not_allowed", "it must be asc or desc");
                usual
            }
        };
        let after = self.text("cursor").and_then(|cursor| {
            let inner = opened(&cursor);
            self.bad_cursor |= inner.is_none();
            inner
        });
        PageRequest { limit, after, order }
    }

    /// What is to stand in the rows besides, of `known`. Such rows are large, so a page has fewer of them.
    pub fn expand(&mut self, known: &[&'static str]) -> Vec<&'static str> {
        let Some(text) = self.text("expand") else { return Vec::new() };
        let mut wanted = Vec::new();
        for word in text.split(',').map(str::trim) {
            match known.iter().find(|known| **known == word) {
                Some(known) => wanted.push(*known),
                None => {
                    let word: String = word.chars().take(80).collect();
                    self.fault("expand", "not_allowed", format!("{word:?} is none of {}", known.join(", ")));
                }
            }
        }
        wanted
    }

    /// The page of rows that are expanded.
    pub fn page_expanded(&mut self, usual: Order, expanded: &[&'static str]) -> PageRequest {
        let page = self.page(usual);
        if !expanded.is_empty() && page.limit > EXPANDED_MAX {
            self.fault("limit", "out_of_range", format!("with expand it must be at most {EXPANDED_MAX}"));
        }
        page
    }

    /// A whole number of at least `least`.
    pub fn number(&mut self, name: &'static str, least: u32) -> Option<u32> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| *number >= least);
        if number.is_none() {
            self.fault(name, "out_of_range", format!("it must be a whole number of at least {least}"));
        }
        number
    }

    pub fn limit(&mut self) -> u32 {
        let Some(text) = self.text("limit") else { return LIMIT_USUAL };
        let limit = text.parse::<u32>().ok().filter(|limit| (1..=PageRequest::LIMIT_MAX).contains(limit));
        limit.unwrap_or_else(|| {
            self.fault("limit", "out_of_range", format!("it must be a number from 1 to {}", PageRequest::LIMIT_MAX));
            LIMIT_USUAL
        })
    }

    /// Errors: everything that was found wrong, unknown parameters included; `bad_cursor` when that is all.
    pub fn finish(mut self) -> Result<(), Problem> {
        if let Some(search) = self.search.take().filter(|_| !self.asked.contains(&search::Q)) {
            // What it says was never asked for, and is not what is wrong.
            self.faults.clear();
            self.left = vec![(search::Q.to_owned(), search)];
        }
        for (name, _) in &self.left {
            let detail = match near(name, &self.asked) {
                Some(meant) => format!("there is no such parameter; did you mean {meant:?}?"),
                None if self.asked.is_empty() => "this route takes no parameters".to_owned(),
                None => format!("there is no such parameter; there are {}", self.asked.join(", ")),
            };
            let name: String = name.chars().take(80).collect();
            self.faults.push(Fault::new(format!("?{name}"), "unknown_parameter", detail));
        }
        if !self.faults.is_empty() {
            return Err(Problem::invalid(self.faults));
        }
        if self.bad_cursor { Err(bad_cursor()) } else { Ok(()) }
    }
}

pub(crate) fn bad_cursor() -> Problem {
    Problem::new(Code::BadCursor, "This position is not one this list gave out.")
        .hint("Take next_cursor from the page before as it is, or start again without a cursor.")
}

/// What a list may answer with: it asks for rows, so "not found" can only be said of the cursor.
pub(crate) fn listing(error: StoreError) -> Problem {
    match error {
        StoreError::NotFound { what: "page after", .. } => bad_cursor(),
        other @ (StoreError::NotFound { .. }
        | StoreError::Refused(_)
        | StoreError::Busy(_)
        | StoreError::Unavailable(_)
        | StoreError::CommitUnknown(_)
        | StoreError::Corrupt(_)
        | StoreError::SchemaMismatch(_)
        | StoreError::TooNew { .. }
        | StoreError::Held { .. }) => other.into(),
    }
}

pub(crate) fn sealed(inner: &str) -> String {
    inner.bytes().fold(CURSOR_PREFIX.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn opened(cursor: &str) -> Option<String> {
    let digits = cursor.strip_prefix(CURSOR_PREFIX)?;
    if digits.is_empty()
        || digits.len() > CURSOR_BYTES_MAX
        || !digits.len().is_multiple_of(2)
        || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        return None;
    }
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok());
    String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_to_what_was_sealed() {
        for inner in ["gen_01j", "17", "é"] {
            assert_eq!(opened(&sealed(inner)).as_deref(), Some(inner));
        }
        for bad in ["", "c_", "c_1", "c_zz", "x_31", "c_+1", "c_ff", "c_é"] {
            assert_eq!(opened(bad), None, "{bad:?}");
        }
    }
}
