//! The whole address of a request, also below a nested router, which takes its own prefix off.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;

/// Put on by `envelope.rs`.
#[derive(Clone, Debug)]
pub(crate) struct Address(pub Uri);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Address, Problem> {
        parts.extensions.get::<Address>().cloned().ok_or_else(|| Problem::internal("a request without an address"))
    }
}
