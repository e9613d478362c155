//! Data folders, databases and servers that cannot be used: which one, why, what to do.

use crate::support::Place;
use std::net::TcpListener;

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    place.write("file", "x");
    for folder in ["file/below", "/proc/copydesk"] {
        for command in [
            &["drafts", "ls"][..],
            &["generate", "text", "--set", "prompt=x"],
            &["serve"],
            &["doctor"],
            &["db", "check"],
        ] {
            let ran = place.run(&[command, &["--data", folder]].concat());
            ran.refuses(10, "storage_unavailable").says(folder).says("--data DIR");
        }
    }
}

#[test]
fn a_folder_held_by_another_process_is_refused_with_its_id() {
    let place = Place::new();
    let server = place.serve(&[]);
    std::fs::remove_file(place.data("server.json")).unwrap();
    let ran = place.run(&["drafts", "ls"]);
    ran.refuses(9, "data_folder_in_use").says(&format!("process {}", server.running.pid()));
    place.run(&["serve", "--listen", "127.0.0.1:0"]).refuses(9, "data_folder_in_use");
    server.stop().exits(0);
    place.run(&["drafts", "ls"]).exits(0);
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let place = Place::new();
    place.run(&["drafts", "ls"]).exits(0);
    let database = rusqlite::Connection::open(place.data("copydesk.db")).unwrap();
    database.execute("INSERT INTO schema_migrations VALUES (999, 'later', 'x', 0)", []).unwrap();
    drop(database);
    for command in [&["drafts", "ls"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        place.run(command).refuses(11, "schema_mismatch").says("version 999").says("newer program");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    let other = "My diary. ".repeat(1_000);
    place.write("copydesk-data/copydesk.db", &other);
    place.run(&["drafts", "ls"]).refuses(1, "storage_corrupt").says("copydesk.db").says("--data DIR");
    assert_eq!(place.read("copydesk-data/copydesk.db"), other);
}

#[test]
fn seed_s1_missing_column_refuses_to_start_and_prints_the_sql() {
    let place = Place::new();
    place.run(&["drafts", "ls"]).exits(0);
    let database = rusqlite::Connection::open(place.data("copydesk.db")).unwrap();
    // A view that reads the column goes first, as it would with a careless migration of somebody else's.
    database.execute_batch("DROP VIEW llm_usage_logs; ALTER TABLE calls DROP COLUMN served_model").unwrap();
    drop(database);
    for command in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["generate", "text", "--set", "prompt=x"], &["db", "check"]]
    {
        let ran = place.run(command);
        ran.refuses(11, "schema_mismatch")
            .says("calls.served_model is missing")
            .says("ALTER TABLE calls ADD COLUMN served_model TEXT;");
    }
    // What is printed is the cure.
    let ran = place.run(&["db", "check"]);
    let cure: String = ran.err.lines().filter(|line| line.starts_with("        ")).collect::<Vec<_>>().join("\n");
    rusqlite::Connection::open(place.data("copydesk.db")).unwrap().execute_batch(&cure).unwrap();
    place.run(&["db", "check"]).exits(0).says("exactly the expected one");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new();
    let ran = place.run(&["drafts", "ls", "--server", &format!("http://{address}")]);
    ran.refuses(10, "server_unreachable").says(&address.to_string()).says("`copydesk serve`");
    assert!(!place.path("copydesk-data").exists());
}

#[test]
fn a_database_server_that_refuses_is_named_without_its_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://editor:hunter2@127.0.0.1:{port}/news");
    for command in [&["drafts", "ls"][..], &["serve", "--listen", "127.0.0.1:0"], &["db", "migrate"]] {
        let ran = Place::new().run(&[command, &["--database-url", &url]].concat());
        ran.exits(10).prints_nothing().says("storage_unavailable").says(&port.to_string()).says("start PostgreSQL");
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
}

#[test]
fn a_database_address_that_is_none_says_how_to_write_one() {
    let ran = Place::new().run(&["drafts", "ls", "--database-url", "hunter2 is no address"]);
    ran.exits(10).says("postgres://user:password@host:5432/database");
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[test]
fn an_address_that_is_taken_is_named_and_costs_no_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    place.run(&["serve", "--listen", &address]).refuses(1, "cannot_listen").says(&address).says("--listen");
    // The first start that works is the first one that makes a key.
    let server = place.serve(&[]);
    assert!(!server.admin_key().is_empty());
}
