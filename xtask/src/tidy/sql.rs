//! The two engines keep the same SQL files. Where two files of one name differ in more than comments, spacing and the
//! spelling of parameters, one of them opens by saying why; a file that only one engine needs says that.

use std::collections::BTreeMap;

use super::Finding;
use crate::tree::SourceFile;

pub const SQLITE: &str = "crates/store-sqlite/sql";
pub const POSTGRES: &str = "crates/store-postgres/sql";

/// How the reason begins: `-- Differs from <other>: <why>`.
const OPENING: &str = "-- Differs from ";
/// How a file without a twin begins: `-- Only here: <why>`.
const ALONE: &str = "-- Only here";

pub fn check(sqlite: &[SourceFile], postgres: &[SourceFile]) -> Vec<Finding> {
    let left = by_name(sqlite, SQLITE);
    let right = by_name(postgres, POSTGRES);
    let mut findings = Vec::new();
    for (name, file) in &left {
        match right.get(name) {
            None => findings.extend(lone(file, POSTGRES, name)),
            Some(other) if statement(&file.text) != statement(&other.text) && !explained(file, other) => {
                findings
                    .push(format!("{}: begin with `{OPENING}Postgres: why` here or in the other engine", file.path));
            }
            Some(_) => {}
        }
    }
    for (name, file) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
        findings.extend(lone(file, SQLITE, name));
    }
    findings
}

fn lone(file: &SourceFile, other: &str, name: &str) -> Option<Finding> {
    let said = file.text.starts_with(ALONE);
    (!said).then(|| format!("{}: {other}/{name} is missing; or begin with `{ALONE}: why`", file.path))
}

fn by_name<'a>(files: &'a [SourceFile], folder: &str) -> BTreeMap<&'a str, &'a SourceFile> {
    let name = |file: &'a SourceFile| file.path.strip_prefix(folder).unwrap_or(&file.path).trim_start_matches('/');
    files.iter().map(|file| (name(file), file)).collect()
}

fn explained(one: &SourceFile, other: &SourceFile) -> bool {
    [one, other].iter().any(|file| {
        let first = file.text.lines().next().unwrap_or_default();
        let reason = first.strip_prefix(OPENING).and_then(|rest| rest.split_once(':'));
        reason.is_some_and(|(_, why)| !why.trim().is_empty())
    })
}

/// What the database sees, with `?1` written as `$1`.
fn statement(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let joined = words.join(" ");
    let mut plain = String::with_capacity(joined.len());
    let mut letters = joined.chars().peekable();
    while let Some(letter) = letters.next() {
        let parameter = letter == '?' && letters.peek().is_some_and(char::is_ascii_digit);
        plain.push(if parameter { '$' } else { letter });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &str, name: &str, text: &str) -> Vec<SourceFile> {
        vec![SourceFile { path: format!("{folder}/{name}"), text: text.to_owned() }]
    }

    #[test]
    fn a_file_without_a_twin_is_found_on_either_side() {
        assert_eq!(check(&file(SQLITE, "jobs/get.sql", "select 1"), &[]).len(), 1);
        assert_eq!(check(&[], &file(POSTGRES, "jobs/get.sql", "select 1")).len(), 1);
    }

    #[test]
    fn parameters_comments_and_spacing_are_no_difference() {
        let left = file(SQLITE, "a/b.sql", "-- note\nselect a\n  from t where id = ?1 and x = ?12");
        let right = file(POSTGRES, "a/b.sql", "select a from t where id = $1 and x = $12\n");
        assert_eq!(check(&left, &right), Vec::<Finding>::new());
    }

    #[test]
    fn a_difference_needs_a_reason_in_one_of_the_two() {
        let left = file(SQLITE, "a/b.sql", "select 1");
        let right = "select 2 for update skip locked";
        assert_eq!(check(&left, &file(POSTGRES, "a/b.sql", right)).len(), 1);
        let reason = format!("-- Differs from SQLite: many writers\n{right}");
        assert_eq!(check(&left, &file(POSTGRES, "a/b.sql", &reason)), Vec::<Finding>::new());
        let empty = format!("-- Differs from SQLite:\n{right}");
        assert_eq!(check(&left, &file(POSTGRES, "a/b.sql", &empty)).len(), 1);
    }
}
