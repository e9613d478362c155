//! Providers: one trait, one shared HTTP layer that never surprises its caller, one adapter per wire format, the demo
//! provider and the registry that finds a provider by name. It never decides whether to retry, never touches a store,
//! reads no clock and no environment. Read `provider.rs` first, then `exchange.rs`, then an adapter.

pub mod demo;
mod download;
pub mod error;
mod error_text;
mod exchange;
pub mod http;
mod json_text;
mod lines;
pub mod media;
pub mod openai;
pub mod openai_compatible;
mod openai_media;
mod openai_wire;
pub mod openrouter;
mod openrouter_videos;
mod openrouter_wire;
mod picture;
pub mod provider;
pub mod registry;
pub mod secret;
pub mod sse;
mod strict_schema;
mod transcript;

pub use demo::{DemoHandle, DemoRequest, DemoServer, DemoUsage};
pub use error::{ErrorClass, ProviderError, TimeoutPhase};
pub use http::HttpClient;
pub use openai::OpenAi;
pub use openai_compatible::OpenAiCompatible;
pub use openrouter::OpenRouter;
pub use provider::{
    Answer, BoxFuture, Bytes, CallReport, CallRequest, DeltaSink, Finish, Message, NoSink, Part, Picture,
    PictureSource, Provider, Role, Timeouts, Tool, ToolCall,
};
pub use registry::{ProviderConfig, ProviderKind, Registry, RegistryError, UnknownModel};
pub use secret::Secret;
