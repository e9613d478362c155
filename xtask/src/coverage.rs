//! `cargo xtask coverage`: reads `docs/coverage.md`, the map from every line of the inventory to the place and the
//! tests that answer it. It fails when a line is missing or malformed, or names a test or a path that is not there,
//! and prints how much is done. `docs/security-tests.md`, the same for the security cases, is held against the tests, too. The format is described at the head of that file.

use std::collections::{BTreeMap, BTreeSet};

use crate::shell::{self, Outcome, Verdict};
use crate::tree::{self, SourceFile};

const FILE: &str = "docs/coverage.md";
/// Security cases with the tests that prove them: a row begins with the id, its last cell names the tests.
const SECURITY: &str = "docs/security-tests.md";

/// The inventory's sections: the prefix of the ids, and how many lines there must be.
const SECTIONS: [(&str, usize); 8] =
    [("S0-", 47), ("S1-", 65), ("S2-", 68), ("S3-", 69), ("S4-", 56), ("M", 20), ("B", 35), ("A", 26)];

/// How far one line of the inventory is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Done,
    Partly,
    /// Waits for the issue with this title.
    NotYet(String),
}

/// One line of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Row {
    line: usize,
    id: String,
    /// Paths in backticks; the rest of the cell is prose.
    paths: Vec<String>,
    tests: Vec<String>,
    state: State,
}

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if !arguments.is_empty() {
        return Err("takes no arguments".to_owned());
    }
    let root = shell::root();
    let (rows, mut findings) = parse(&tree::read(&root, FILE)?);
    findings.extend(missing_ids(&rows));
    let known = function_names(&tree::rust_files(&root)?);
    findings.extend(missing_tests(&rows, &known));
    findings.extend(security_cases(&tree::read(&root, SECURITY)?, &known));
    for row in &rows {
        let gone = row.paths.iter().filter(|path| !root.join(path).exists());
        findings.extend(gone.map(|path| format!("{FILE}:{}: {} names {path}, which does not exist", row.line, row.id)));
    }
    for finding in &findings {
        println!("{finding}");
    }
    print_counts(&rows);
    Ok(if findings.is_empty() { Verdict::Good } else { Verdict::Bad })
}

/// The rows, and a sentence for each table line that is none.
fn parse(text: &str) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let is_head = line.starts_with("| ID ") || line.starts_with("|--") || line.starts_with("| --");
        if is_head {
            continue;
        }
        match row(index + 1, line) {
            Ok(row) => rows.push(row),
            Err(reason) => findings.push(format!("{FILE}:{}: {reason}", index + 1)),
        }
    }
    (rows, findings)
}

fn row(line: usize, text: &str) -> Outcome<Row> {
    let inner = text.strip_prefix('|').and_then(|rest| rest.trim_end().strip_suffix('|'));
    let cells: Vec<&str> = inner.ok_or("a row begins and ends with |")?.split('|').map(str::trim).collect();
    let [id, what, place, tests, state] = cells.as_slice() else {
        return Err(format!("a row has 5 cells, this one {}", cells.len()));
    };
    if section_of(id).is_none() {
        return Err(format!("'{id}' is not an id of the inventory"));
    }
    if what.is_empty() {
        return Err(format!("{id} does not say what it is"));
    }
    let parsed = Row {
        line,
        id: (*id).to_owned(),
        paths: in_backticks(place).into_iter().filter(|word| word.contains('/')).collect(),
        tests: in_backticks(tests),
        state: state_of(state).map_err(|reason| format!("{id}: {reason}"))?,
    };
    let proved = !parsed.tests.is_empty() || tests.strip_prefix("none: ").is_some_and(|why| !why.is_empty());
    if parsed.state == State::Done && (*place == "-" || !proved) {
        return Err(format!("{id} is done, so it names its place and its tests (or `none: why`)"));
    }
    if parsed.tests.is_empty() && *tests != "-" && !proved {
        return Err(format!("{id}: tests are names in backticks, `-`, or `none: why`"));
    }
    Ok(parsed)
}

fn state_of(text: &str) -> Outcome<State> {
    let title = text.strip_prefix("not yet (issue: ").and_then(|rest| rest.strip_suffix(')'));
    match (text, title) {
        ("done", _) => Ok(State::Done),
        (_, Some(title)) if !title.is_empty() => Ok(State::NotYet(title.to_owned())),
        _ if text.strip_prefix("partly: ").is_some_and(|why| !why.is_empty()) => Ok(State::Partly),
        _ => Err(format!("the state is `done`, `partly: why` or `not yet (issue: TITLE)`, not '{text}'")),
    }
}

fn in_backticks(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The section an id belongs to, if it is one: the right prefix and a number that exists, written the one right way.
fn section_of(id: &str) -> Option<&'static str> {
    let found = SECTIONS.iter().find(|(prefix, count)| (1..=*count).any(|number| id == written(prefix, number)));
    found.map(|(prefix, _)| *prefix)
}

/// `S0-07`, but `M7`.
fn written(prefix: &str, number: usize) -> String {
    if prefix.ends_with('-') { format!("{prefix}{number:02}") } else { format!("{prefix}{number}") }
}

/// Every id of the inventory stands in the map once.
fn missing_ids(rows: &[Row]) -> Vec<String> {
    let mut findings = Vec::new();
    for (prefix, count) in SECTIONS {
        for id in (1..=count).map(|number| written(prefix, number)) {
            match rows.iter().filter(|row| row.id == id).count() {
                1 => {}
                0 => findings.push(format!("{FILE}: {id} is missing")),
                times => findings.push(format!("{FILE}: {id} stands there {times} times")),
            }
        }
    }
    findings
}

fn missing_tests(rows: &[Row], known: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for row in rows {
        for test in row.tests.iter().filter(|test| !known.contains(*test)) {
            findings.push(format!("{FILE}:{}: {} names the test {test}, which does not exist", row.line, row.id));
        }
    }
    findings
}

/// Every row names at least one test, and every test it names is there.
fn security_cases(text: &str, known: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("| S-")) {
        let tests = in_backticks(line.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default());
        if tests.is_empty() {
            findings.push(format!("{SECURITY}:{}: the case names no test", index + 1));
        }
        let gone = tests.into_iter().filter(|test| !known.contains(test));
        findings.extend(gone.map(|test| format!("{SECURITY}:{}: there is no test {test}", index + 1)));
    }
    findings
}

/// The name of every function in the tree.
fn function_names(files: &[SourceFile]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in files.iter().flat_map(|file| file.text.lines()) {
        let Some((before, after)) = line.split_once("fn ") else { continue };
        let starts_a_word = before.is_empty() || before.ends_with([' ', '(']);
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if starts_a_word && !before.trim_start().starts_with("//") && after[name.len()..].starts_with(['(', '<']) {
            names.insert(name);
        }
    }
    names
}

fn print_counts(rows: &[Row]) {
    println!("section   rows   done  partly  not yet");
    for (prefix, _) in SECTIONS {
        let section: Vec<&Row> = rows.iter().filter(|row| section_of(&row.id) == Some(prefix)).collect();
        print_line(prefix.trim_end_matches('-'), &section);
    }
    print_line("all", &rows.iter().collect::<Vec<_>>());
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        if let State::NotYet(title) = &row.state {
            *waiting.entry(title).or_default() += 1;
        }
    }
    for (title, count) in waiting {
        println!("{count:>4} wait for \"{title}\"");
    }
}

fn print_line(name: &str, rows: &[&Row]) {
    let done = rows.iter().filter(|row| row.state == State::Done).count();
    let partly = rows.iter().filter(|row| row.state == State::Partly).count();
    println!("{name:<8} {:>5}  {done:>5}  {partly:>6}  {:>7}", rows.len(), rows.len() - done - partly);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_all_three_states_are_read() {
        let text = "# Head\n\n| ID | what | where it lives | tests | state |\n|---|---|---|---|---|\n\
            | S0-01 | usage row | `crates/core`, the core | `one_row`, `two_rows` | done |\n\
            | M4 | UTC | `crates/core` | `utc` | partly: imports are missing |\n\
            | A26 | no keys | - | - | not yet (issue: App code) |\n";
        let (rows, findings) = parse(text);
        assert_eq!(findings, Vec::<String>::new());
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].tests, ["one_row", "two_rows"]);
        assert_eq!(rows[0].paths, ["crates/core"]);
        assert_eq!((rows[0].line, &rows[1].state), (5, &State::Partly));
        assert_eq!(rows[2].state, State::NotYet("App code".to_owned()));
    }

    #[test]
    fn malformed_rows_are_findings() {
        let table = [
            ("| S0-01 | x | - | - |", "5 cells"),
            ("| S0-48 | x | - | - | done |", "not an id"),
            ("| S0-1 | x | - | - | done |", "not an id"),
            ("| M21 | x | - | - | done |", "not an id"),
            ("| M1 |  | - | - | done |", "does not say"),
            ("| M1 | x | - | - | done |", "names its place"),
            ("| M1 | x | here | - | done |", "names its place"),
            ("| M1 | x | here | some_test | partly: why |", "names in backticks"),
            ("| M1 | x | - | - | not yet |", "the state is"),
            ("| M1 | x | - | - | partly: |", "the state is"),
        ];
        for (line, expected) in table {
            let (rows, findings) = parse(line);
            assert!(rows.is_empty(), "{line}");
            assert!(findings[0].contains(expected), "{line}: {findings:?}");
        }
    }

    #[test]
    fn done_without_a_test_needs_a_reason() {
        let (rows, findings) = parse("| M1 | x | `crates` | none: it is a sentence in the manual | done |");
        assert_eq!((rows.len(), findings.len()), (1, 0));
    }

    #[test]
    fn missing_double_and_unknown_names_are_found() {
        let (mut rows, _) = parse("| A1 | x | - | `gone` | partly: y |\n| A1 | x | - | - | partly: y |");
        let known = BTreeSet::from(["here".to_owned()]);
        assert_eq!(missing_tests(&rows, &known).len(), 1);
        let findings = missing_ids(&rows);
        assert!(findings.iter().any(|text| text.ends_with("A1 stands there 2 times")));
        assert!(findings.iter().any(|text| text.ends_with("S4-56 is missing")));
        assert_eq!(findings.len(), 47 + 65 + 68 + 69 + 56 + 20 + 35 + 26);
        rows.clear();
        assert_eq!(missing_ids(&rows).len(), findings.len());
    }

    #[test]
    fn a_security_case_without_a_test_is_found() {
        let known = BTreeSet::from(["here".to_owned()]);
        let text = "| Case | What | Tests |\n|---|---|---|\n| S-01 | `x` | `here` |\n| S-02 | y | `gone`, `here` |\n| S-03 | z | - |\n";
        let findings = security_cases(text, &known);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("no test gone") && findings[1].contains("names no test"));
    }

    #[test]
    fn functions_are_found_in_their_usual_forms() {
        let text = "    async fn a_b() {\npub(crate) fn c<T>(x: T) {\nfn d(\n// fn commented()\nlet fn_e = 1;\n";
        let files = [SourceFile { path: "crates/x.rs".to_owned(), text: text.to_owned() }];
        assert_eq!(function_names(&files), BTreeSet::from(["a_b", "c", "d"].map(str::to_owned)));
    }
}
