//! Every command line that is written down - in the documents, in hints, in comments - is one that this program takes. A line
//! in a block of code must parse as it stands; one in backticks may leave out what is required, but names no command and no flag
//! that there is not.

use super::Arguments;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::{Path, PathBuf};

/// What stands for any value in a parsed line; also a number.
const ANYTHING: &str = "1";

struct Line {
    place: String,
    text: String,
    is_whole: bool,
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(ending: &str, folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        files(&root().join(folder), ending, &mut found);
    }
    found.sort();
    let named = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    found.iter().map(|path| (named(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// Commands in a line of a shell: without its prompt, what is set for it, its comment, and what follows in a pipe.
fn commands(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches("$ ");
    let mut commands = vec![String::new()];
    let (mut quote, mut before) = (None, ' ');
    for letter in line.chars() {
        match (quote, letter) {
            (None, '#') if before == ' ' => break,
            (None, ';' | '|' | '>' | '&') if before == ' ' => commands.push(String::new()),
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
        if quote.is_some() || !(before == ' ' && matches!(letter, ';' | '|' | '>' | '&')) {
            commands.last_mut().unwrap().push(letter);
        }
        before = letter;
    }
    let is_set = |word: &str| word.split_once('=').is_some_and(|(name, _)| name.starts_with("COPYDESK_"));
    let bare = |command: &String| {
        let words = command.trim().split(' ').skip_while(|word| is_set(word));
        words.collect::<Vec<_>>().join(" ")
    };
    commands.iter().map(bare).filter(|command| command.starts_with("copydesk ")).collect()
}

/// Commands that have commands of their own.
fn groups() -> Vec<String> {
    let command = Arguments::command();
    let groups = command.get_subcommands().filter(|command| command.has_subcommands());
    groups.map(|command| command.get_name().to_owned()).collect()
}

/// In blocks of code, and in backticks.
fn of_document(name: &str, text: &str, groups: &[String]) -> Vec<Line> {
    let (mut lines, mut is_code, mut begun) = (Vec::new(), false, String::new());
    for (number, line) in (1..).zip(text.lines()) {
        let place = format!("{name}:{number}");
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.extend(in_backticks(&place, line, groups));
        } else if let Some(half) = line.strip_suffix('\\') {
            begun.push_str(half);
        } else {
            let whole = format!("{}{line}", std::mem::take(&mut begun));
            let found = commands(&whole).into_iter();
            lines.extend(found.map(|text| Line { place: place.clone(), text, is_whole: true }));
        }
    }
    lines
}

/// Whole commands, and those in tables of commands, which leave out the program: `prospects edit ID`.
fn in_backticks(place: &str, line: &str, groups: &[String]) -> Vec<Line> {
    let inside = line.split('`').skip(1).step_by(2).filter_map(|code| match code.starts_with("copydesk ") {
        true => Some(code.to_owned()),
        false => is_of_a_group(code, groups).then(|| format!("copydesk {code}")),
    });
    inside.map(|text| Line { place: place.to_owned(), text, is_whole: false }).collect()
}

/// Whether it begins with a command that has commands of its own, and then has a word that can only be one of them.
fn is_of_a_group(code: &str, groups: &[String]) -> bool {
    let mut words = code.split(' ');
    let is_name = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    words.next().is_some_and(|word| groups.iter().any(|group| group == word)) && words.next().is_some_and(is_name)
}

/// Texts of the program: in backticks, and in hints what follows a colon up to the end of the text.
fn of_program(name: &str, text: &str, groups: &[String]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let place = format!("{name}:{number}");
        lines.extend(in_backticks(&place, line, groups));
        for after in line.split(": copydesk ").skip(1).filter(|_| !line.trim_start().starts_with("//")) {
            let (mut said, mut before) = (String::from("copydesk "), ' ');
            for letter in after.chars().take_while(|letter| *letter != ';') {
                match (before, letter) {
                    ('\\', '"') => drop(said.pop()),
                    ('\\', 'n') | (_, '"') => break,
                    _ => {}
                }
                said.push(letter);
                before = letter;
            }
            lines.push(Line { place: place.clone(), text: said, is_whole: false });
        }
    }
    lines
}

/// The words of a line. What is optional is taken, of alternatives the first, and what a program fills in is anything.
fn words(line: &Line) -> Vec<String> {
    let (mut words, mut word, mut quote, mut depth) = (Vec::new(), String::new(), None, 0);
    for letter in line.text.chars().chain([' ']) {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None, '[' | ']' | '(' | ')') if !line.is_whole => {}
            (_, '{') => depth += 1,
            (_, '}') => {
                depth -= 1;
                // What a program adds to a word (`ls{flags}`) may be nothing.
                if word.is_empty() {
                    word.push_str(ANYTHING);
                }
            }
            (None, ' ') if depth == 0 => words.push(std::mem::take(&mut word)),
            (_, letter) if depth == 0 => word.push(letter),
            _ => {}
        }
    }
    let first = |word: String| match word.split_once('|').filter(|_| !line.is_whole) {
        Some((first, _)) => first.trim_end_matches('\\').to_owned(),
        None => word,
    };
    let words = words.into_iter().map(first).filter(|word| !word.is_empty());
    let words = words.filter(|word| line.is_whole || word != "...");
    words.map(|word| word.trim_end_matches(['.', ',']).to_owned()).map(placeholder).collect()
}

/// What stands for something: `...` in a whole line, `ID`.
fn placeholder(word: String) -> String {
    if word.is_empty() || word.chars().all(|letter| letter.is_ascii_uppercase()) { ANYTHING.to_owned() } else { word }
}

/// Why the program would not take it.
fn refusal(line: &Line) -> Option<String> {
    let error = Arguments::command().try_get_matches_from(words(line)).err()?;
    let is = |kinds: &[ErrorKind]| kinds.contains(&error.kind());
    let lacks = is(&[
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ]);
    // A flag may be named alone, or with what stands for a value; alternatives stand beside each other.
    let stands = is(&[ErrorKind::InvalidValue]) && stands_for_a_value(&error);
    let taken = is(&[ErrorKind::DisplayHelp, ErrorKind::DisplayVersion])
        || !line.is_whole && (lacks || stands)
        || is(&[ErrorKind::ArgumentConflict]) && line.text.contains('|');
    let first = error.to_string().lines().next().unwrap_or_default().to_owned();
    (!taken).then(|| format!("{}: {}\n    {first}", line.place, line.text))
}

fn stands_for_a_value(error: &clap::Error) -> bool {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else { return false };
    value.is_empty() || value == ANYTHING
}

#[track_caller]
fn all_parse(lines: &[Line], at_least: usize) {
    assert!(lines.len() >= at_least, "only {} were found: does this test still find them?", lines.len());
    let wrong: Vec<String> = lines.iter().filter_map(refusal).collect();
    assert!(wrong.is_empty(), "{} of {} command lines are wrong:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
}

#[test]
fn every_command_line_of_the_documents_is_one() {
    let mut documents = read("md", &["docs", "recipes", "examples"]);
    for name in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        documents.push((name.to_owned(), std::fs::read_to_string(root().join(name)).unwrap()));
    }
    let groups = groups();
    let lines: Vec<Line> = documents.iter().flat_map(|(name, text)| of_document(name, text, &groups)).collect();
    let blocks = lines.iter().filter(|line| line.is_whole).count();
    assert!(blocks >= 120, "only {blocks} in blocks of code");
    all_parse(&lines, 300);
}

#[test]
fn every_command_line_of_a_hint_is_one() {
    let folders = ["api", "copydesk", "core", "desk", "store", "store-postgres", "store-sqlite"];
    let folders = folders.map(|name| format!("crates/{name}/src"));
    let texts = read("rs", &folders.each_ref().map(String::as_str));
    // Not this file, which tells of wrong ones.
    let texts = texts.iter().filter(|(name, _)| !name.ends_with("cli/written.rs"));
    let groups = groups();
    let lines: Vec<Line> = texts.flat_map(|(name, text)| of_program(name, text, &groups)).collect();
    all_parse(&lines, 250);
}

#[test]
fn a_line_that_is_none_is_found() {
    let groups = groups();
    let found = |text: &str| of_document("x.md", text, &groups).iter().filter_map(refusal).count();
    assert_eq!(
        found("| change | `prospects set ID answered=true` | `jobs export JOB --format csv`, `drafts:write` |"),
        1
    );
    assert_eq!(found("Say `copydesk prospects set ID answered=true`, and `copydesk drafts ls --recipe outreach`."), 1);
    assert_eq!(
        found("```sh\n$ copydesk prospects ls --nothing  # a comment\ncopydesk jobs ls ; copydesk jobs go JOB\n```"),
        2
    );
    assert_eq!(found("`copydesk credits grant ann 20 --reference welcome [--expires 30d]`, `copydesk budgets set`"), 0);
    let hint = r#"output.talk(&format!("Look: copydesk sources fetches {}", cell(&made, "/id")));"#;
    assert_eq!(of_program("x.rs", hint, &groups).iter().filter_map(refusal).count(), 1);
    let hint = r#"output.talk("Give some: copydesk feedback give DRAFT down --comment \"Shorter.\"");"#;
    assert_eq!(of_program("x.rs", hint, &groups).iter().filter_map(refusal).count(), 0);
}
