//! Subscribers: who gets a newsletter, by list, and who wants nothing. Whether somebody is subscribed is never written beside
//! the subscriber: whoever wants nothing stands in the one table of suppressions, which holds for every import and every mail.

use crate::access::Email;
use serde_json::{Map, Value};
use std::fmt;

/// The list of those who name none.
pub const USUAL_LIST: &str = "newsletter";
/// Units: characters.
pub const LIST_CHARS_MAX: usize = 60;
/// The longest name and id of one's own. Units: characters.
pub const TEXT_CHARS_MAX: usize = 200;
/// The longest reason. Units: characters.
pub const REASON_CHARS_MAX: usize = 200;
/// The reasons that are written here; an operator may say any other.
pub const BY_LINK: &str = "unsubscribe link";
pub const BY_ONE_CLICK: &str = "one-click unsubscribe";
pub const BY_OPERATOR: &str = "operator";

/// The name of a list: a small letter or digit, then also `.`, `_` and `-`. It stands in a header of every mail.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ListName(String);

impl ListName {
    pub fn parse(text: &str) -> Option<ListName> {
        let small = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit();
        let mut signs = text.bytes();
        let fits = signs.next().is_some_and(small) && signs.all(|sign| small(sign) || b"._-".contains(&sign));
        (fits && text.len() <= LIST_CHARS_MAX).then(|| ListName(text.to_owned()))
    }
    pub fn usual() -> ListName {
        ListName(USUAL_LIST.to_owned())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who it is, as it was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// As it is written to.
    pub address: String,
    /// The same in small letters: what makes two addresses one.
    pub recipient: String,
    pub name: Option<String>,
    /// What an application calls it.
    pub external_id: Option<String>,
}

/// What is wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadField {
    pub field: &'static str,
    pub code: &'static str,
    pub detail: String,
}

impl Person {
    /// The fields of a person, as rows of files name them.
    pub const FIELDS: [&'static str; 3] = ["address", "name", "external_id"];

    pub fn of(address: &str, name: Option<&str>, external_id: Option<&str>) -> Result<Person, BadField> {
        let address = address.trim();
        if address.is_empty() {
            let detail = "it is empty, and nobody can be written to without one".to_owned();
            return Err(BadField { field: "address", code: "no_email", detail });
        }
        if Email::parse(address).is_err() {
            let detail = format!("{:?} is no address", address.chars().take(80).collect::<String>());
            return Err(BadField { field: "address", code: "bad_email", detail });
        }
        let (name, external_id) = (text("name", name)?, text("external_id", external_id)?);
        Ok(Person { address: address.to_owned(), recipient: address.to_lowercase(), name, external_id })
    }

    /// What other systems call the address in the lists they export, in small letters.
    const ADDRESSES: [&'static str; 5] = ["email", "e-mail", "mail", "email address", "contact_email"];

    /// A row of a file. Columns that are no field are passed over: lists have many.
    pub fn read(row: &Map<String, Value>) -> Result<Person, BadField> {
        let mut found: [Option<String>; 3] = [None, None, None];
        for (slot, field) in found.iter_mut().zip(Person::FIELDS) {
            *slot = match row.get(field).filter(|value| says(value)).or_else(|| named_otherwise(row, field)) {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) => Some(number.to_string()),
                Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                    return Err(BadField { field, code: "wrong_type", detail: "it must be a text".to_owned() });
                }
            };
        }
        let [address, name, external_id] = found;
        Person::of(&address.unwrap_or_default(), name.as_deref(), external_id.as_deref())
    }

    /// As a newer word leaves it: what that does not say stays.
    #[must_use]
    pub fn retold(&self, newer: &Person) -> Person {
        Person {
            address: newer.address.clone(),
            recipient: self.recipient.clone(),
            name: newer.name.clone().or_else(|| self.name.clone()),
            external_id: newer.external_id.clone().or_else(|| self.external_id.clone()),
        }
    }
}

/// The address under one of the names it has elsewhere.
fn named_otherwise<'a>(row: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    let is = |column: &str| Person::ADDRESSES.contains(&column.trim().to_lowercase().as_str());
    let named = row.iter().filter(|(column, _)| field == "address" && is(column));
    named.map(|(_, value)| value).find(|value| says(value))
}

/// An empty cell says nothing, so another column may.
fn says(value: &Value) -> bool {
    !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty())
}

/// One line without what would end it; nothing is `None`.
fn text(field: &'static str, said: Option<&str>) -> Result<Option<String>, BadField> {
    let plain = |sign: char| if sign.is_control() { ' ' } else { sign };
    let said: String = said.unwrap_or_default().chars().map(plain).collect();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.chars().count() > TEXT_CHARS_MAX {
        let detail = format!("it has more than {TEXT_CHARS_MAX} characters");
        return Err(BadField { field, code: "too_long", detail });
    }
    Ok(Some(said).filter(|said| !said.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_has_a_name_that_can_stand_in_a_header() {
        for good in ["newsletter", "a", "2026.tea_time-x"] {
            assert_eq!(ListName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a,b", "a\r\nBcc: x", "<a>", "-a", "\u{fc}", &"a".repeat(61)] {
            assert_eq!(ListName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn one_address_is_one_person_in_any_letters_and_a_name_is_one_line() {
        let row = json!({ "address": " Ann@X.Example ", "name": "Ann\r\nBcc: all", "external_id": 7, "more": [] });
        let ann = Person::read(row.as_object().unwrap()).unwrap();
        assert_eq!((ann.address.as_str(), ann.recipient.as_str()), ("Ann@X.Example", "ann@x.example"));
        assert_eq!((ann.name.as_deref(), ann.external_id.as_deref()), (Some("Ann Bcc: all"), Some("7")));
        let code = |row: Value| Person::read(row.as_object().unwrap()).unwrap_err().code;
        assert_eq!(code(json!({})), "no_email");
        for column in ["email", "Email Address", " E-Mail "] {
            assert_eq!(
                Person::read(json!({ column: "ann@x.example" }).as_object().unwrap()).unwrap().address,
                "ann@x.example"
            );
        }
        for empty in [json!(null), json!(""), json!("  ")] {
            let row = json!({ "address": empty, "E-Mail": empty, "mail": "ann@x.example" });
            assert_eq!(Person::read(row.as_object().unwrap()).unwrap().address, "ann@x.example", "{empty}");
        }
        assert_eq!(code(json!({ "address": "", "email": null })), "no_email");
        assert_eq!(code(json!({ "address": "ann", "email": "ann@x.example" })), "bad_email", "what is said counts");
        assert_eq!(code(json!({ "mailing": "ann@x.example" })), "no_email");
        assert_eq!(code(json!({ "address": "ann" })), "bad_email");
        assert_eq!(code(json!({ "address": "a@x.example, b@x.example" })), "bad_email");
        assert_eq!(code(json!({ "address": ["a@x.example"] })), "wrong_type");
        assert_eq!(code(json!({ "address": "a@x.example", "name": "x".repeat(201) })), "too_long");
        let newer = Person::of("ann@x.example", None, Some("8")).unwrap();
        let told = ann.retold(&newer);
        assert_eq!((told.name.as_deref(), told.external_id.as_deref()), (Some("Ann Bcc: all"), Some("8")));
    }
}
