//! What the benchmark and the crash test share: engines by name, the fsync probe, a desk with a provider inside the
//! process, servers that speak the chat formats. Nothing here is part of the product, and nothing here asserts a time.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure wall time and read the test database's address")]

/// The same allocator as the product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod crowd;
pub mod dialect;
pub mod engine;
pub mod figures;
pub mod followers;
pub mod instant;
pub mod keepalive;
pub mod loopback;
