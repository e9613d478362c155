//! Compares the live schema with `schema.snapshot.txt`, which a test generates from a fresh database. What is missing or
//! different is named with the statement that mends it; what an operator added beside ours is left alone.

use crate::failure::Fault;
use crate::migrate;
use crate::pipeline;
use crate::types::sql;
use copydesk_store::SchemaFault;
use deadpool_postgres::Pool;
use std::collections::BTreeMap;

const EXPECTED: &str = include_str!("../schema.snapshot.txt");

/// The live schema, a line per thing.
pub async fn live(pool: &Pool) -> Result<Vec<String>, Fault> {
    let rows = pipeline::read(pool, sql!("admin/live_schema"), vec![]).await?;
    Ok(rows.iter().map(|row| row.get("line")).collect())
}

/// Every difference that matters. Empty means it fits.
pub async fn check(pool: &Pool) -> Result<Vec<SchemaFault>, Fault> {
    let live = live(pool).await?;
    Ok(compare(EXPECTED.lines().filter(|line| !line.starts_with('#')), live.iter().map(String::as_str)))
}

/// `column drafts.title text not null` is kind `column`, name `drafts.title`, and the rest.
fn parts(line: &str) -> Option<((&str, &str), &str)> {
    let (kind, rest) = line.split_once(' ')?;
    let (name, definition) = rest.split_once(' ')?;
    Some(((kind, name), definition))
}

fn compare<'a>(expected: impl Iterator<Item = &'a str>, live: impl Iterator<Item = &'a str>) -> Vec<SchemaFault> {
    let expected: BTreeMap<_, _> = expected.filter_map(parts).collect();
    let live: BTreeMap<_, _> = live.filter_map(parts).collect();
    let mut faults: Vec<SchemaFault> = expected
        .iter()
        .filter_map(|((kind, name), wanted)| match live.get(&(*kind, *name)) {
            None => Some(missing(kind, name, wanted)),
            Some(found) if found != wanted => Some(different(kind, name, wanted, found)),
            Some(_) => None,
        })
        .collect();
    // A column of somebody else's that must be filled stops every insert of ours.
    let tables: Vec<&str> = expected.keys().filter_map(|(kind, name)| table_of(kind, name)).collect();
    faults.extend(live.iter().filter_map(|((kind, name), definition)| {
        let foreign =
            !expected.contains_key(&(*kind, *name)) && table_of(kind, name).is_some_and(|t| tables.contains(&t));
        let blocks = definition.ends_with(" not null");
        (foreign && blocks).then(|| SchemaFault {
            what: format!("column {name} is not ours and must be filled"),
            sql: alter(name, |column| format!("alter column {column} drop not null")),
        })
    }));
    faults
}

fn table_of<'a>(kind: &str, name: &'a str) -> Option<&'a str> {
    (kind == "column").then(|| name.split_once('.').map(|(table, _)| table)).flatten()
}

fn alter(name: &str, change: impl FnOnce(&str) -> String) -> String {
    let (table, thing) = name.split_once('.').unwrap_or((name, ""));
    ["alter table ", table, " ", &change(thing), ";"].concat()
}

fn missing(kind: &str, name: &str, wanted: &str) -> SchemaFault {
    let sql = match kind {
        "index" => [wanted, ";"].concat(),
        "check" => alter(name, |constraint| ["add constraint ", constraint, " ", wanted].concat()),
        "view" => view(name),
        _ => alter(name, |column| ["add column ", column, " ", wanted].concat()),
    };
    SchemaFault { what: format!("{kind} {name} is missing"), sql }
}

fn different(kind: &str, name: &str, wanted: &str, found: &str) -> SchemaFault {
    let sql = match kind {
        "index" => ["drop index ", name, "; ", wanted, ";"].concat(),
        "view" => view(name),
        "check" => alter(name, |constraint| {
            ["drop constraint ", constraint, ", add constraint ", constraint, " ", wanted].concat()
        }),
        _ => alter(name, |column| mend_column(column, wanted, found)),
    };
    SchemaFault { what: format!("{kind} {name} is `{found}` and should be `{wanted}`"), sql }
}

/// A view is made anew, as the migrations make it.
fn view(name: &str) -> String {
    let view = name.split_once('.').map_or(name, |(view, _)| view);
    let definition = migrate::view(view).unwrap_or("-- it is not in the migrations");
    ["drop view if exists ", view, "; ", definition].concat()
}

fn mend_column(column: &str, wanted: &str, found: &str) -> String {
    let kind = |definition: &str| {
        let end = [" not null", " default ", " generated "].iter().filter_map(|word| definition.find(word)).min();
        definition[..end.unwrap_or(definition.len())].to_owned()
    };
    let mut changes = Vec::new();
    if kind(wanted) != kind(found) {
        changes.push(format!("alter column {column} type {}", kind(wanted)));
    }
    match (wanted.contains(" not null"), found.contains(" not null")) {
        (true, false) => changes.push(format!("alter column {column} set not null")),
        (false, true) => changes.push(format!("alter column {column} drop not null")),
        (true, true) | (false, false) => {}
    }
    let default = |definition: &str| definition.split_once(" default ").map(|(_, value)| value.to_owned());
    match (default(wanted), default(found)) {
        (wanted, found) if wanted == found => {}
        (Some(value), _) => changes.push(format!("alter column {column} set default {value}")),
        (None, _) => changes.push(format!("alter column {column} drop default")),
    }
    changes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(expected: &str, live: &str) -> Vec<(String, String)> {
        compare(expected.lines(), live.lines()).into_iter().map(|fault| (fault.what, fault.sql)).collect()
    }

    #[test]
    fn a_fault_comes_with_the_statement_that_mends_it() {
        let expected = "column t.a text not null\nindex t_by_a CREATE INDEX t_by_a ON t USING btree (a)";
        assert_eq!(faults(expected, expected), vec![]);
        assert_eq!(
            faults(expected, "column t.a bigint")[0],
            (
                "column t.a is `bigint` and should be `text not null`".to_owned(),
                "alter table t alter column a type text, alter column a set not null;".to_owned()
            )
        );
        assert_eq!(faults(expected, "")[0].1, "alter table t add column a text not null;");
        assert_eq!(faults(expected, "column t.a text not null")[0].1, "CREATE INDEX t_by_a ON t USING btree (a);");
    }

    #[test]
    fn an_additional_column_is_a_fault_only_when_it_must_be_filled() {
        let expected = "column t.a text";
        assert_eq!(faults(expected, "column t.a text\ncolumn t.note text\ncolumn other.x text not null"), vec![]);
        assert_eq!(
            faults(expected, "column t.a text\ncolumn t.note text not null")[0].1,
            "alter table t alter column note drop not null;"
        );
    }
}
