//! What a recipe has filled into requests that leave it out, beside profiles.

use super::RecipeFault;
use serde_json::Value;

/// The fields of a recipe's input that are filled, by what they are filled from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fills {
    /// The field that takes what the user said of earlier drafts: `{liked: [...], disliked: [...]}`, lists of texts.
    pub feedback: Option<String>,
}

impl Fills {
    pub(super) fn faults(&self, input_schema: &Value, faults: &mut Vec<RecipeFault>) {
        let Some(field) = &self.feedback else { return };
        let wanted = |list: &str| {
            let at = |pointer: &str| input_schema.pointer(&format!("/properties/{field}/properties/{list}{pointer}"));
            at("/type").and_then(Value::as_str) == Some("array")
                && at("/items/type").and_then(Value::as_str) == Some("string")
        };
        if field.contains(['/', '~']) || !wanted("liked") || !wanted("disliked") {
            let what = format!("{field:?} is no field of the input that takes feedback");
            let fix =
                "Make it an object in the schema, with the lists of texts `liked` and `disliked`, or remove the key.";
            faults.push(RecipeFault::new("fill.feedback", what, fix));
        }
    }
}
