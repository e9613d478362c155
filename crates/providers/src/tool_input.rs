//! A tool call's arguments as the object some formats demand. Pure; it changes nothing in them and checks no schema.

use serde_json::{Value, json};

use crate::error::{ErrorClass, ProviderError};
use crate::provider::ToolCall;

/// The arguments as an object; no text at all is the empty one.
///
/// Errors: `Misconfigured` - the model wrote something else, so its call cannot be told again in this format.
pub(crate) fn object_of(call: &ToolCall) -> Result<Value, ProviderError> {
    if call.arguments.trim().is_empty() {
        return Ok(json!({}));
    }
    let object = serde_json::from_str(&call.arguments).ok().filter(Value::is_object);
    object.ok_or_else(|| {
        let message = format!("the arguments of the tool call {} are not a JSON object", call.id);
        ProviderError::new(ErrorClass::Misconfigured, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_or_nothing_at_all_is_an_object() {
        let of = |arguments: &str| {
            object_of(&ToolCall { id: "a".into(), name: "b".into(), arguments: arguments.into(), signature: None })
        };
        assert_eq!(of("{\"n\":1}").unwrap(), json!({"n": 1}));
        assert_eq!(of(" ").unwrap(), json!({}));
        for bad in ["{\"n\":", "[1]", "7", "null", "{} {}"] {
            assert_eq!(of(bad).unwrap_err().class, ErrorClass::Misconfigured, "{bad}");
        }
    }
}
