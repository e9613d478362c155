//! What a provider is asked to hold an answer to. It is a wish: an answer is judged by its form alone, whoever wrote it.

use serde_json::Value;

/// The shape an answer is asked for in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum AnswerShape {
    /// Whatever the model says.
    #[default]
    Free,
    /// One JSON object.
    Json,
    /// JSON of this JSON Schema. Every object in it is closed and names all its members as required, which is the part
    /// of the language that every provider enforces.
    Schema(Value),
}

impl AnswerShape {
    pub fn schema(&self) -> Option<&Value> {
        match self {
            AnswerShape::Schema(schema) => Some(schema),
            AnswerShape::Free | AnswerShape::Json => None,
        }
    }
}
