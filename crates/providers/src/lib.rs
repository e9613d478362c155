//! Providers: one trait, one shared HTTP layer that never surprises its caller, one adapter per wire format, the demo
//! provider and the registry that finds a provider by name. It never decides whether to retry, never touches a store,
//! reads no clock and no environment. Read `provider.rs` first, then `exchange.rs`, then an adapter.

mod ask;
pub mod demo;
mod download;
pub mod error;
mod error_text;
mod exchange;
pub mod fal;
mod fal_wire;
pub mod http;
mod json_text;
mod lines;
pub mod media;
mod media_job;
pub mod openai_compatible;
mod openai_wire;
mod picture;
pub mod provider;
mod reach;
pub mod registry;
pub mod replicate;
mod replicate_wire;
pub mod secret;
pub mod sse;
mod transcript;

pub use demo::{DemoHandle, DemoRequest, DemoServer, DemoUsage};
pub use error::{ErrorClass, ProviderError, TimeoutPhase};
pub use fal::Fal;
pub use http::HttpClient;
pub use openai_compatible::OpenAiCompatible;
pub use provider::{
    Answer, BoxFuture, Bytes, CallReport, CallRequest, DeltaSink, Finish, Message, NoSink, Part, Picture,
    PictureSource, Provider, Role, Timeouts, Tool, ToolCall,
};
pub use registry::{ProviderConfig, ProviderKind, Registry, RegistryError, UnknownModel};
pub use replicate::Replicate;
pub use secret::Secret;
