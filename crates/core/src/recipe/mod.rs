//! What a recipe may say: a kind of generation as data. Here are the rules, the output forms and the honest fallbacks;
//! reading folders, templates and JSON Schema is the business of the `copydesk-recipes` crate. Start with `recipe.rs`.

pub mod fallback;
pub mod fill;
pub mod items;
pub mod output;
pub mod params;
// The noun of this folder is the recipe; `recipe/recipe.rs` is where anybody looks for it.
#[expect(clippy::module_inception, reason = "STYLE.md section 3 names the file")]
pub mod recipe;
pub mod revision;
pub mod step;

pub use fallback::{Fallback, FallbackBody, FallbackReason, FallbackRules};
pub use fill::Fill;
pub use items::Item;
pub use output::media::MediaAsset;
pub use output::{AnswerShape, Content, OutputContext, OutputForm, Source, WhyNot};
pub use params::{Param, ParamFault, Params};
pub use recipe::{BadModelRef, Limits, ModelRef, PromptMessage, Recipe, RecipeFault, Role};
pub use revision::Revision;
pub use step::{Chat, Settings, Step, StepAnswer, StepKind};
