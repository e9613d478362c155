//! Tests over all statement files: each is one statement that fits the schema, numbers its parameters in order, and, on
//! the hot path, never reads a whole table.

use crate::migrate::{self, MIGRATIONS};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Parts of the path of statements that run with every accept, turn or sweep.
const HOT: [&str; 4] = ["accept/", "claim/", "apply/", "sweep/"];
/// What may read a table whole, and why.
const EXEMPT: [(&str, &str); 6] = [
    ("sweep/overdue", "reads `runs` whole every few seconds: only what is processing now"),
    ("sweep/forget_nodes", "the same, for nodes that were silent for long"),
    ("accept/waiting_count", "once after the start, then counted in memory"),
    ("claim/lane_use", "counts what is processing; an index of one small number each"),
    ("sweep/stale", "an operator's command, not the sweeper"),
    ("sweep/beat", "one row by key"),
];

fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::run(&mut connection, MIGRATIONS, None).unwrap();
    connection
}

fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut files = Vec::new();
    for area in std::fs::read_dir(&root).unwrap() {
        for file in std::fs::read_dir(area.unwrap().path()).unwrap() {
            let path: PathBuf = file.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().with_extension("").display().to_string();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    assert!(files.len() > 100);
    files
}

#[test]
fn every_statement_fits_the_schema_and_numbers_its_parameters_in_order() {
    let connection = database();
    for (name, text) in files() {
        let statement = connection.prepare(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        for index in 1..=statement.parameter_count() {
            let expected = format!("${index}");
            assert_eq!(statement.parameter_name(index), Some(expected.as_str()), "{name}: first uses must be in order");
        }
    }
}

#[test]
fn hot_statements_read_no_table_whole() {
    let connection = database();
    for (name, text) in files() {
        if !HOT.iter().any(|area| name.starts_with(area)) || EXEMPT.iter().any(|(exempt, _)| *exempt == name) {
            continue;
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let count = plan.parameter_count();
        let nothing = rusqlite::params_from_iter((0..count).map(|_| rusqlite::types::Null));
        let lines: Vec<String> =
            plan.query_map(nothing, |row| row.get::<_, String>(3)).unwrap().map(Result::unwrap).collect();
        // Names of recursions and subqueries are no tables.
        let tables =
            ["ready", "parked", "runs", "calls", "outcomes", "generations", "drafts", "versions", "r", "c", "d"];
        for line in &lines {
            let whole = tables
                .iter()
                .any(|table| line == &format!("SCAN {table}") || line.starts_with(&format!("SCAN {table} ")));
            // The smallest or largest key of an index, or its first rows in order, are one seek.
            let seek = line.contains("USING COVERING INDEX") && text.contains("min(")
                || line.contains("USING INDEX parked_due") && text.contains("LIMIT");
            assert!(!whole || seek, "{name} reads a whole table: {lines:#?}");
        }
    }
}

/// Checks of the audit that look at more than a span of keys, and why.
const NO_SPAN: [(&str, &str); 9] = [
    ("audit/target_holder_is_live", "what is live now"),
    ("audit/live_key_is_live", "the same"),
    ("audit/past_deadline", "the same: `runs` has no index by deadline"),
    ("audit/budget_use_is_sum", "every entry of the workspace, once a round; only users of budgets have any"),
    ("audit/newest_instant", "seeks, one for each workspace"),
    ("audit/open_count", "findings that stand open, by their own index"),
    ("audit/open_list", "the same"),
    ("audit/round", "one row"),
    ("audit/advance_round", "the same"),
];

#[test]
fn a_slice_of_the_audit_reads_its_span_and_what_that_names() {
    let connection = database();
    for (name, text) in files() {
        if !name.starts_with("audit/") || NO_SPAN.iter().any(|(exempt, _)| *exempt == name) {
            continue;
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let count = plan.parameter_count();
        let nothing = rusqlite::params_from_iter((0..count).map(|_| rusqlite::types::Null));
        let lines: Vec<String> =
            plan.query_map(nothing, |row| row.get::<_, String>(3)).unwrap().map(Result::unwrap).collect();
        // What a statement made itself of its span, it may go through.
        let made = [
            "SCAN b",
            "SCAN d",
            "SCAN u",
            "SCAN w",
            "SCAN k",
            "SCAN (",
            "SCAN 6 CONSTANT ROWS",
            "SCAN 4-ROW VALUES CLAUSE",
            "SCAN 6-ROW VALUES CLAUSE",
            "SCAN 7-ROW VALUES CLAUSE",
        ];
        let whole = lines.iter().find(|line| {
            line.contains("AUTOMATIC") || line.starts_with("SCAN ") && !made.iter().any(|ours| line.starts_with(ours))
        });
        assert_eq!(whole, None, "{name}: {lines:#?}");
    }
}

/// What may build a table in memory while it runs, and why.
const BUILDS_A_TABLE: [(&str, &str); 8] = [
    ("accept/insert_queue", "once for each new combination of recipe and model"),
    ("apply/insert_step", "once for each finished step of many: it is numbered after the last one"),
    ("apply/next_for_target", "only where others wait for a target"),
    ("apply/take_ready", "only a cancel or a deadline takes what waits"),
    ("apply/take_parked", "the same"),
    ("claim/purge_fair", "once in many claims"),
    ("claim/remove_due", "once a turn, and only when something is due"),
    ("claim/waiting_queues", "once a turn: one row for each queue"),
];

#[test]
fn what_runs_for_each_generation_builds_no_table_in_memory() {
    let connection = database();
    for (name, text) in files() {
        let often = ["accept/", "apply/", "claim/", "admin/insert_event", "ledger/insert", "ledger/put"];
        if !often.iter().any(|area| name.starts_with(area)) || BUILDS_A_TABLE.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let mut program = connection.prepare(&format!("EXPLAIN {text}")).unwrap();
        let count = program.parameter_count();
        let nothing = rusqlite::params_from_iter((0..count).map(|_| rusqlite::types::Null));
        let steps: Vec<String> =
            program.query_map(nothing, |row| row.get::<_, String>(1)).unwrap().map(Result::unwrap).collect();
        let builds = steps.iter().any(|step| matches!(step.as_str(), "OpenEphemeral" | "OpenAutoindex" | "SorterOpen"));
        assert!(!builds, "{name} builds a table in memory for each row (a CHECK with IN and many words does, too)");
    }
}

#[test]
fn every_statement_file_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut code = String::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                code.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for (name, _) in files() {
        let list = name.trim_end_matches("_newest").trim_end_matches("_oldest");
        let audit = name.trim_start_matches("audit/");
        let used = [name.as_str(), list, audit].iter().any(|name| code.contains(&format!("\"{name}\"")));
        assert!(used, "sql/{name}.sql is read by nobody");
    }
}

/// What each claim of webhook messages asks first, and how it has to be found: by what is due, not by what there is.
const DUE: [(&str, &str); 5] = [
    (
        "webhooks/next_lane",
        "SEARCH webhook_lanes USING COVERING INDEX webhook_lanes_due ((due_at,workspace_id,lane_id)>(?,?,?) AND due_at<?)",
    ),
    ("webhooks/next_due", "SEARCH webhook_lanes USING COVERING INDEX webhook_lanes_due (due_at>?)"),
    (
        "webhooks/candidates",
        "SEARCH webhook_deliveries USING COVERING INDEX webhook_deliveries_lanes (workspace_id=? AND lane_id=? AND due_at<?)",
    ),
    ("webhooks/set_lane", "SEARCH webhook_lanes USING PRIMARY KEY (workspace_id=? AND lane_id=?)"),
    ("webhooks/end_lane", "SEARCH webhook_lanes USING PRIMARY KEY (workspace_id=? AND lane_id=?)"),
];

#[test]
fn a_claim_of_messages_reads_what_is_due_and_no_idle_lane() {
    let connection = database();
    for (name, wanted) in DUE {
        let (_, text) = files().into_iter().find(|(file, _)| file == name).unwrap();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let nothing = rusqlite::params_from_iter((0..plan.parameter_count()).map(|_| rusqlite::types::Null));
        let lines: Vec<String> =
            plan.query_map(nothing, |row| row.get::<_, String>(3)).unwrap().map(Result::unwrap).collect();
        assert!(lines.iter().any(|line| line == wanted), "{name}: {lines:#?}");
        assert!(
            !lines.iter().any(|line| line.starts_with("SCAN") || line.contains("TEMP B-TREE")),
            "{name}: {lines:#?}"
        );
    }
}
