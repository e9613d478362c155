//! Providers: one trait, one shared HTTP layer that never surprises its caller, one adapter per wire format, the demo
//! provider and the registry that finds a provider by name. It never decides whether to retry, never touches a store,
//! reads no clock and no environment. Read `provider.rs` first, then `exchange.rs`, then an adapter.

pub mod anthropic;
mod anthropic_request;
mod anthropic_schema;
mod anthropic_wire;
#[cfg(test)]
mod any_json;
mod ask;
pub mod catalogue;
mod count;
pub mod demo;
mod download;
pub mod error;
mod error_text;
mod exchange;
pub mod fal;
mod fal_wire;
pub mod gemini;
mod gemini_error;
mod gemini_request;
mod gemini_wire;
pub mod http;
mod json_text;
mod lines;
pub mod listing;
pub mod media;
mod media_job;
pub mod ollama;
mod ollama_wire;
pub mod openai;
pub mod openai_compatible;
mod openai_media;
mod openai_wire;
pub mod openrouter;
mod openrouter_videos;
mod openrouter_wire;
mod picture;
pub mod prices;
pub mod provider;
pub mod registry;
pub mod replicate;
mod replicate_wire;
pub mod secret;
pub mod sse;
mod strict_schema;
mod tool_input;
mod transcript;
mod veo;

pub use anthropic::Anthropic;
pub use catalogue::Catalogue;
pub use demo::{DemoHandle, DemoRequest, DemoServer, DemoUsage};
pub use download::ASSET_BYTES_MAX;
pub use error::{ErrorClass, ProviderError, TimeoutPhase};
pub use fal::Fal;
pub use gemini::{GEMINI_BASE_URL, Gemini};
pub use http::HttpClient;
pub use ollama::Ollama;
pub use openai::OpenAi;
pub use openai_compatible::OpenAiCompatible;
pub use openrouter::OpenRouter;
pub use prices::{Abilities, PriceFault, PriceTable, ProviderPrices};
pub use provider::{
    Answer, AnswerShape, BoxFuture, Bytes, CallReport, CallRequest, DeltaSink, Finish, Message, NoSink, Part, Picture,
    PictureSource, Provider, Role, Timeouts, Tool, ToolCall,
};
pub use registry::{ProviderConfig, ProviderKind, Registry, RegistryError, Setup, UnknownModel};
pub use replicate::Replicate;
pub use secret::Secret;
