//! What is filled into a recipe's requests that leave it out, beside profiles.

use super::RecipeFault;
use serde_json::Value;

/// The fields of a recipe's input that are filled, by what they are filled from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fill {
    /// A list of the newest items of the user's sources and everybody's.
    pub sources: Option<String>,
    /// What the user said of earlier drafts: `{liked: [...], disliked: [...]}`, lists of texts.
    pub feedback: Option<String>,
    /// The mails that were sent to the prospect before, oldest first: a list of `{subject, body}`.
    pub mails: Option<String>,
}

impl Fill {
    pub(super) fn faults(&self, input_schema: &Value, faults: &mut Vec<RecipeFault>) {
        let property = |field: &str| input_schema.get("properties").and_then(|all| all.get(field));
        let is = |schema: Option<&Value>, word: &str| schema.and_then(|it| it.get("type")?.as_str()) == Some(word);
        if let Some(field) = &self.sources
            && !is(property(field), "array")
        {
            let what = format!("the input schema has no list {field:?}");
            let fix = "Name a property of the type array, such as \"items\".";
            faults.push(RecipeFault::new("fill.sources", what, fix));
        }
        let items = |field: &str, name: &str| {
            let list = property(field);
            is(list, "array") && is(list.and_then(|it| it.get("items")?.get("properties")?.get(name)), "string")
        };
        if let Some(field) = &self.mails
            && !(items(field, "subject") && items(field, "body"))
        {
            let what = format!("the input schema has no list {field:?} of objects with the texts `subject` and `body`");
            faults.push(RecipeFault::new("fill.mails", what, "Name such a property, or remove the key."));
        }
        let texts = |field: &str, name: &str| {
            let list = property(field).and_then(|it| it.get("properties")?.get(name));
            is(list, "array") && is(list.and_then(|it| it.get("items")), "string")
        };
        if let Some(field) = &self.feedback
            && !(texts(field, "liked") && texts(field, "disliked"))
        {
            let what =
                format!("the input schema has no object {field:?} with the lists of texts `liked` and `disliked`");
            faults.push(RecipeFault::new("fill.feedback", what, "Name such a property, or remove the key."));
        }
    }
}
