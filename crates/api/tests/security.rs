//! Rows of the security catalogue that are about every route: injections, malformed keys.
