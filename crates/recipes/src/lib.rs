//! Recipes as folders: reading and checking them, rendering their prompts, checking inputs against their schema, and
//! reading the files people feed them (JSON, RSS, Atom) and web pages. What a recipe may say is decided in `copydesk_core::recipe`;
//! nothing here calls a model or touches the database. Start with `shelf.rs`, then `loaded.rs`; the format is
//! documented in `docs/recipes.md`.

mod bound;
mod builtin;
mod check;
#[cfg(test)]
mod docs_tests;
mod fault;
pub mod feed;
pub mod input_file;
mod loaded;
mod loader;
mod manifest;
pub mod page;
mod render;
mod shelf;
mod toml_reader;
mod trial;
mod validate;

pub use check::{FolderReport, check_path};
pub use fault::Fault;
pub use feed::{FeedError, FeedItem, parse_feed};
pub use input_file::{InputFileError, input_from_file};
pub use loaded::LoadedRecipe;
pub use loader::{Origin, RecipeFiles, load};
pub use page::{FeedLink, PageError, WebPage, read_page};
pub use render::RenderError;
pub use shelf::{Shelf, ShelfError};
pub use validate::{INPUT_FAULT_CODES, InputFault};
