//! One item of a job: what is asked for, as it arrives in a request or a line of a file, and as it is kept.

use crate::error::Fault;
use copydesk_core::NanoUsd;
use serde_json::{Map, Value};

/// What is asked for in one item. What it does not say, its job says.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Item {
    /// The caller's own name for it.
    pub custom_id: Option<String>,
    pub input: Value,
    pub user: Option<String>,
    pub external_id: Option<String>,
    pub target: Option<String>,
    pub dedupe_key: Option<String>,
    pub priority: Option<i16>,
    pub metadata: Option<Map<String, Value>>,
    /// What it changes of the recipe's parameters.
    pub params: Option<Map<String, Value>>,
    /// The most it may cost.
    pub max_cost: Option<NanoUsd>,
}

/// The fields an item may have.
pub const FIELDS: [&str; 10] =
    ["custom_id", "input", "user", "external_id", "target", "dedupe_key", "priority", "metadata", "params", "max_cost"];

impl Item {
    /// Errors: every fault, with a pointer into the item.
    pub fn read(value: Value) -> Result<Item, Vec<Fault>> {
        let Value::Object(mut fields) = value else {
            return Err(vec![Fault::new("", "wrong_type", "an item is an object with `input`")]);
        };
        let mut faults = Vec::new();
        let Some(input) = fields.remove("input") else {
            return Err(vec![Fault::new("/input", "required", "it is missing: what the recipe is to work on")]);
        };
        let mut text = |name: &str, faults: &mut Vec<Fault>| match fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                faults.push(Fault::new(format!("/{name}"), "wrong_type", "it must be a string"));
                None
            }
        };
        let mut item = Item {
            input,
            custom_id: text("custom_id", &mut faults),
            user: text("user", &mut faults),
            external_id: text("external_id", &mut faults),
            target: text("target", &mut faults),
            dedupe_key: text("dedupe_key", &mut faults),
            ..Item::default()
        };
        match fields.remove("priority") {
            None | Some(Value::Null) => {}
            Some(value) => match value.as_i64().and_then(|points| i16::try_from(points).ok()) {
                Some(points) => item.priority = Some(points),
                None => faults.push(Fault::new("/priority", "wrong_type", "it must be a whole number")),
            },
        }
        match fields.remove("max_cost") {
            None | Some(Value::Null) => {}
            Some(value) => match value.as_i64().filter(|nanos| *nanos >= 0) {
                Some(nanos) => item.max_cost = Some(NanoUsd(nanos)),
                None => faults.push(Fault::new("/max_cost", "wrong_type", "it must be a whole number of nano-dollars")),
            },
        }
        for (name, place) in [("metadata", &mut item.metadata), ("params", &mut item.params)] {
            match fields.remove(name) {
                None | Some(Value::Null) => {}
                Some(Value::Object(object)) => *place = Some(object),
                Some(_) => faults.push(Fault::new(format!("/{name}"), "wrong_type", "it must be an object")),
            }
        }
        if let Some(unknown) = fields.keys().next() {
            let known = FIELDS.join(", ");
            let detail = format!("an item has no such field; it has {known}");
            faults.push(Fault::new(format!("/{unknown}"), "unknown_field", detail));
        }
        if faults.is_empty() { Ok(item) } else { Err(faults) }
    }

    /// As it is kept, and read again.
    pub fn to_text(&self) -> String {
        let Item { custom_id: _, input, user, external_id, target, dedupe_key, priority, metadata, params, max_cost } =
            self;
        let mut fields = Map::new();
        fields.insert("input".to_owned(), input.clone());
        let texts = [("user", user), ("external_id", external_id), ("target", target), ("dedupe_key", dedupe_key)];
        for (name, text) in texts {
            if let Some(text) = text {
                fields.insert(name.to_owned(), text.as_str().into());
            }
        }
        if let Some(points) = priority {
            fields.insert("priority".to_owned(), (*points).into());
        }
        if let Some(NanoUsd(nanos)) = max_cost {
            fields.insert("max_cost".to_owned(), (*nanos).into());
        }
        for (name, object) in [("metadata", metadata), ("params", params)] {
            if let Some(object) = object {
                fields.insert(name.to_owned(), Value::Object(object.clone()));
            }
        }
        Value::Object(fields).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_item_is_kept_as_it_was_read() {
        let value = json!({"input": {"topic": "tea"}, "user": "ann", "priority": -3, "metadata": {"a": [1]},
            "external_id": "p-1", "target": "t", "dedupe_key": "d", "params": {"temperature": 0.2}, "max_cost": 7});
        let item = Item::read(value.clone()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&item.to_text()).unwrap(), value);
        assert_eq!(Item::read(serde_json::from_str(&item.to_text()).unwrap()).unwrap(), item);
    }

    #[test]
    fn every_fault_of_an_item_is_named() {
        let codes =
            |value| Item::read(value).unwrap_err().into_iter().map(|it| (it.pointer, it.code)).collect::<Vec<_>>();
        let of = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        assert_eq!(codes(json!([1])), [of("", "wrong_type")]);
        assert_eq!(codes(json!({"topic": "tea"})), [of("/input", "required")]);
        let many =
            json!({"input": {}, "user": 7, "priority": 1.5, "metadata": [], "params": 1, "max_cost": -1, "inptu": 1});
        assert_eq!(
            codes(many),
            [
                of("/user", "wrong_type"),
                of("/priority", "wrong_type"),
                of("/max_cost", "wrong_type"),
                of("/metadata", "wrong_type"),
                of("/params", "wrong_type"),
                of("/inptu", "unknown_field")
            ]
        );
    }
}
