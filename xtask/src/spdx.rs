//! Licence expressions as crates write them (SPDX: `MIT OR Apache-2.0`, brackets, `WITH`, the old `MIT/Apache-2.0`),
//! and whether an allow-list satisfies one. It knows no list of its own; that is `licences.rs`.

/// A licence expression, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expression {
    /// One licence, with its exception if it has one: `Apache-2.0 WITH LLVM-exception`.
    Licence(String),
    /// All of them hold at once.
    All(Vec<Expression>),
    /// The user may choose.
    Any(Vec<Expression>),
}

impl Expression {
    pub fn parse(text: &str) -> Result<Expression, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words: Vec<&str> = spaced.split_whitespace().collect();
        words.reverse();
        let expression = any(&mut words)?;
        match words.pop() {
            None => Ok(expression),
            Some(word) => Err(format!("'{word}' is out of place in '{text}'")),
        }
    }

    /// Whether a user who accepts only `allowed` may use what is under this expression.
    pub fn satisfied_by(&self, allowed: &[&str]) -> bool {
        match self {
            Expression::Licence(name) => allowed.contains(&name.as_str()),
            Expression::All(parts) => parts.iter().all(|part| part.satisfied_by(allowed)),
            Expression::Any(parts) => parts.iter().any(|part| part.satisfied_by(allowed)),
        }
    }
}

/// `words` is a stack: the next word is the last. OR binds weakest, then AND, then WITH.
fn any(words: &mut Vec<&str>) -> Result<Expression, String> {
    let mut parts = vec![all(words)?];
    while words.last() == Some(&"OR") {
        words.pop();
        parts.push(all(words)?);
    }
    Ok(single(parts, Expression::Any))
}

fn all(words: &mut Vec<&str>) -> Result<Expression, String> {
    let mut parts = vec![licence(words)?];
    while words.last() == Some(&"AND") {
        words.pop();
        parts.push(licence(words)?);
    }
    Ok(single(parts, Expression::All))
}

fn licence(words: &mut Vec<&str>) -> Result<Expression, String> {
    match words.pop() {
        None => Err("the expression ends too early".to_owned()),
        Some("(") => {
            let inner = any(words)?;
            if words.pop() == Some(")") { Ok(inner) } else { Err("a bracket is not closed".to_owned()) }
        }
        Some(word @ (")" | "AND" | "OR" | "WITH")) => Err(format!("'{word}' stands where a licence should")),
        Some(name) if words.last() == Some(&"WITH") => {
            words.pop();
            let exception = words.pop().ok_or("WITH names no exception")?;
            Ok(Expression::Licence(format!("{name} WITH {exception}")))
        }
        Some(name) => Ok(Expression::Licence(name.to_owned())),
    }
}

fn single(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(one)) => one,
        (_, Some(last)) => {
            parts.push(last);
            many(parts)
        }
        (_, None) => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [&str; 4] = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];

    #[test]
    fn expressions_are_judged_by_their_parts() {
        let table = [
            ("MIT", true),
            ("MIT OR Apache-2.0", true),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only", false),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND ISC", false),
            ("MIT/Apache-2.0", true),
            ("Apache-2.0 / MIT", true),
            ("GPL-2.0/LGPL-2.1", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true),
            ("MIT WITH LLVM-exception", false),
            ("GPL-2.0-only AND MIT OR Apache-2.0", true),
            ("GPL-2.0-only AND (MIT OR Apache-2.0)", false),
            ("mit", false),
        ];
        for (text, expected) in table {
            let expression = Expression::parse(text).unwrap();
            assert_eq!(expression.satisfied_by(&ALLOWED), expected, "{text}");
        }
    }

    #[test]
    fn and_binds_tighter_than_or() {
        let name = |text: &str| Expression::Licence(text.to_owned());
        let expected = Expression::Any(vec![name("A"), Expression::All(vec![name("B"), name("C")])]);
        assert_eq!(Expression::parse("A OR B AND C"), Ok(expected));
    }

    #[test]
    fn broken_expressions_are_errors_and_not_permissions() {
        for text in ["", "OR MIT", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "MIT WITH", "AND"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
