//! What is sold: `[credits.packs.NAME]` in the file, with `credits` and, for people, `title` and `price`. Only the file can
//! say it. Beside them `[credits]` may hold `on`, which means what `credits = true` does in a file without packs.

use super::ConfigError;
use copydesk_desk::credits::{Pack, Packs};

/// The longest name of a pack. Units: characters.
const NAME_CHARS_MAX: usize = 63;

/// The switch inside the `[credits]` table, for whoever reads the setting `credits`.
pub fn switch(table: &toml::Table) -> Option<&toml::Value> {
    match table.get("credits")? {
        toml::Value::Table(credits) => credits.get("on"),
        plain @ (toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)) => Some(plain),
    }
}

pub fn read(table: &toml::Table) -> Result<Packs, ConfigError> {
    let Some(credits) = table.get("credits").and_then(toml::Value::as_table) else { return Ok(Packs::new()) };
    let bad = |name: &str, reason: String| ConfigError::BadPack { name: name.to_owned(), reason };
    if let Some(key) = credits.keys().find(|key| !["on", "packs"].contains(&key.as_str())) {
        return Err(bad("?", format!("{key:?} is unknown below [credits]: there are on and packs")));
    }
    let Some(packs) = credits.get("packs") else { return Ok(Packs::new()) };
    let shape = "write [credits.packs.NAME] and below it credits = \"110\"";
    let packs = packs.as_table().ok_or_else(|| bad("?", format!("`packs` must be a table: {shape}")))?;
    let mut read = Packs::new();
    for (name, pack) in packs {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(plain) {
            let reason = format!("a name has letters, digits, - and _, at most {NAME_CHARS_MAX} of them");
            return Err(bad(name, reason));
        }
        let pack = pack.as_table().ok_or_else(|| bad(name, format!("it must be a table: {shape}")))?;
        read.insert(name.clone(), one(pack).map_err(|reason| bad(name, reason))?);
    }
    Ok(read)
}

fn one(pack: &toml::Table) -> Result<Pack, String> {
    if let Some(key) = pack.keys().find(|key| !["credits", "title", "price"].contains(&key.as_str())) {
        return Err(format!("{key:?} is unknown: there are credits, title and price"));
    }
    let amount = pack.get("credits").ok_or("credits is missing; for example credits = \"110\"")?;
    // A float is no exact amount.
    let written = amount.as_str().map(str::to_owned).or_else(|| amount.as_integer().map(|whole| whole.to_string()));
    let written = written.ok_or_else(|| format!("credits is {amount}: write it in quotes, such as \"2.5\""))?;
    let credits: copydesk_core::MicroCredits = written.parse().map_err(|error| format!("credits: {error}"))?;
    if credits.is_zero() {
        return Err("credits is 0: there is nothing to sell".to_owned());
    }
    let text = |key: &str| match pack.get(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("{key} is {other}: write a text in quotes")),
    };
    Ok(Pack { credits, title: text("title")?, price: text("price")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Packs, ConfigError> {
        read(&text.parse().unwrap())
    }

    #[test]
    fn a_pack_is_an_exact_amount_with_words_for_people() {
        let packs = of("[credits]\non = true\n[credits.packs.medium]\ncredits = \"110.5\"\nprice = \"$4.99\"\n\
                        [credits.packs.small]\ncredits = 20\ntitle = \"Small\"\n")
        .unwrap();
        assert_eq!(packs["medium"].credits.micros(), 110_500_000);
        assert_eq!((packs["medium"].price.as_deref(), packs["small"].title.as_deref()), (Some("$4.99"), Some("Small")));
        assert_eq!(of("credits = true").unwrap(), Packs::new());
        let on = "[credits]\non = true\n".parse().unwrap();
        assert_eq!(switch(&on), Some(&toml::Value::Boolean(true)));
    }

    #[test]
    fn every_mistake_is_named() {
        let said = |text: &str| of(text).unwrap_err().to_string();
        assert!(said("[credits.packs.a]\n").contains("pack a: credits is missing"));
        assert!(said("[credits.packs.a]\ncredits = 0\n").contains("nothing to sell"));
        assert!(said("[credits.packs.a]\ncredits = -5\n").contains("\"-5\" is not an amount"));
        assert!(said("[credits.packs.a]\ncredits = 2.5\n").contains("in quotes"));
        assert!(said("[credits.packs.a]\ncredits = \"1.0000001\"\n").contains("is not an amount"));
        assert!(said("[credits.packs.a]\namount = 5\n").contains("\"amount\" is unknown"));
        assert!(said("[credits.packs.\"a b\"]\ncredits = 5\n").contains("a name has letters"));
        assert!(said("[credits]\npack = 5\n").contains("\"pack\" is unknown"));
        assert!(said("[credits]\npacks = 5\n").contains("must be a table"));
    }
}
