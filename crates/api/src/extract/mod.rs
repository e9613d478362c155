//! From a request to typed values: bodies, query parameters, ids in paths, and the headers this API understands. All of
//! them answer with problems, and name every fault they find.

pub(crate) mod address;
pub(crate) mod body;
pub(crate) mod etag;
pub(crate) mod fields;
pub(crate) mod id;
pub(crate) mod idempotency;
pub(crate) mod multipart;
pub(crate) mod prefer;
pub(crate) mod query;
pub(crate) mod search;
pub(crate) mod span;
pub(crate) mod upload;
