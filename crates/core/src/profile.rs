//! Profiles: what goes into every request of a recipe that does not say it itself, such as who writes, in which voice and in
//! which tone. One for everybody in a workspace, and one for each user who has his own. Reads no clock, touches no store.

use serde_json::{Map, Value};

/// The fields of one profile, by the names of the recipe's input.
pub type Fields = Map<String, Value>;

/// Fills what `input` leaves out: from the user's own profile, and what that leaves out from everybody's. A field counts as
/// said when it is there, whatever it says. The names of those that were filled, in their order.
///
/// An input that is no object is left as it is: what is wrong with it is said where it is checked.
pub fn fill(input: &mut Value, own: Option<&Fields>, everybodys: Option<&Fields>) -> Vec<String> {
    let Value::Object(said) = input else { return Vec::new() };
    let mut filled = Vec::new();
    for (name, value) in own.into_iter().chain(everybodys).flatten() {
        if !said.contains_key(name) {
            said.insert(name.clone(), value.clone());
            filled.push(name.clone());
        }
    }
    filled.sort();
    filled
}

/// What was asked for, without what was filled then: to be filled anew.
pub fn unfilled(mut input: Value, filled: &[String]) -> Value {
    if let Value::Object(said) = &mut input {
        said.retain(|name, _| !filled.contains(name));
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn what_a_request_says_wins_then_the_users_own_then_everybodys() {
        let own = fields(json!({"tone": {"formality": "casual"}, "topics": 3}));
        let everybodys = fields(json!({"tone": {"formality": "formal"}, "sender": "We make tea.", "language": "en"}));
        let mut input = json!({"topic": "tea", "topics": null});
        assert_eq!(fill(&mut input, Some(&own), Some(&everybodys)), ["language", "sender", "tone"]);
        let whole = json!({"topic": "tea", "topics": null, "tone": {"formality": "casual"}, "sender": "We make tea.",
            "language": "en"});
        assert_eq!(input, whole, "a tone is taken whole, not mixed of two");
    }

    #[test]
    fn what_was_filled_can_be_taken_out_again() {
        let asked = json!({"topic": "tea"});
        let mut input = asked.clone();
        let filled = fill(&mut input, None, Some(&fields(json!({"sender": "x", "topic": "coffee"}))));
        assert_eq!((unfilled(input.clone(), &filled), unfilled(input.clone(), &[])), (asked, input));
    }

    #[test]
    fn what_is_no_object_is_left_alone() {
        let mut input = json!(["tea"]);
        assert_eq!(fill(&mut input, None, Some(&fields(json!({"a": 1})))), [""; 0]);
        assert_eq!(unfilled(input, &["a".to_owned()]), json!(["tea"]));
    }
}
