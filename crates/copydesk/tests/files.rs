//! Files on the command line: put, listed, got back byte by byte, removed.

use crate::support::{KEY, Place};
use serde_json::json;

/// Everything a file may hold.
fn bytes() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n * 31 % 256) as u8).collect()
}

#[test]
fn a_file_is_put_listed_got_and_removed() {
    let place = Place::new();
    place.write("people.csv", "prompt\ntea\n");
    let put = place.run(&["files", "put", "people.csv", "--expires-in", "2h", "--user", "ann"]);
    let id = put.exits(0).out.trim().to_owned();
    assert!(id.starts_with("fil_") && put.err.contains("people.csv, text/csv, 11 bytes, kept until"), "{}", put.err);
    assert!(put.err.contains(&format!("copydesk jobs start --file {id}")), "{}", put.err);
    let table = place.run(&["files", "ls"]);
    assert!(table.exits(0).out.starts_with("ID ") && table.out.contains("people.csv"), "{}", table.out);
    assert!(table.err.contains("copydesk files get FILE"), "{}", table.err);
    assert_eq!(place.run(&["files", "get", &id]).exits(0).out, "prompt\ntea\n");
    place.run(&["files", "get", &id, "-o", "back.csv"]).exits(0);
    assert_eq!(place.read("back.csv"), "prompt\ntea\n");
    place.run(&["files", "rm", &id]).exits(0);
    let gone = place.run(&["files", "get", &id]);
    assert!(gone.exits(3).err.contains("copydesk files ls"), "{}", gone.err);
    let none = place.run(&["files", "ls"]);
    assert!(none.exits(0).err.contains("copydesk files put"), "{}", none.err);
    assert_eq!(place.json(&["files", "ls"])["data"], json!([]));
    place.run(&["files", "put", "nothing.csv"]).exits(3);
    place.write("empty.csv", "");
    place.run(&["files", "put", "empty.csv"]).exits(2);
}

#[test]
fn a_file_goes_to_a_server_and_comes_back_whole() {
    let place = Place::new().with("COPYDESK_ADMIN_KEY", KEY).with("COPYDESK_FILES_MAX_COUNT", "1");
    place.write("noise", bytes());
    let server = place.serve(&[]);
    let url = format!("http://{}", server.address);
    let client = Place::new().with("COPYDESK_SERVER", &url).with("COPYDESK_KEY", KEY);
    client.write("noise", bytes());
    let file = client.json(&["files", "put", "noise", "--name", "a b.bin"]);
    assert_eq!((&file["name"], &file["bytes"]), (&json!("a b.bin"), &json!(300_000)));
    let id = file["id"].as_str().unwrap();
    client.run(&["files", "get", id, "-o", "back"]).exits(0);
    assert_eq!(std::fs::read(client.path("back")).unwrap(), bytes());
    let full = client.run(&["files", "put", "noise"]);
    let said = &full.exits(2).err;
    assert!(said.contains("files_full") && said.contains("copydesk files rm"), "{said}");
}

#[test]
fn a_job_is_started_of_a_file_that_is_there() {
    let place = Place::new();
    place.write("people.csv", "Who;custom_id\nAnn;p-1\nBen;p-2\n");
    let id = place.json(&["files", "put", "people.csv"])["id"].as_str().unwrap().to_owned();
    let how = ["jobs", "start", "--file", &id, "--recipe", "text", "--column", "input.prompt=Who", "--delimiter", ";"];
    let dry = place.run(&[&how[..], &["--dry-run"]].concat());
    assert!(dry.exits(0).out.contains("2 rows = 2 to make + 0 to skip + 0 not valid"), "{}", dry.out);
    let done = place.run(&[&how[..], &["--watch", "--cap", "5usd", "--name", "Autumn"]].concat());
    assert!(done.exits(0).out.contains("2 drafts"), "{}{}", done.out, done.err);
    let job = place.json(&["jobs", "ls"])["data"][0].clone();
    assert_eq!(job["name"], "Autumn");
    let job = job["id"].as_str().unwrap();
    for list in ["drafts", "generations"] {
        assert_eq!(place.json(&[list, "ls", "--job", job])["data"].as_array().map(Vec::len), Some(2), "{list}");
    }
    let page = place.run(&["drafts", "ls", "--job", job, "--limit", "1"]);
    assert!(page.exits(0).err.contains(&format!("copydesk drafts ls --job {job} --cursor c_")), "{}", page.err);
    let unknown = place.run(&["jobs", "start", "--file", "fil_01900000000000000000000000", "--recipe", "text"]);
    assert!(unknown.exits(3).err.contains("copydesk files ls"), "{}", unknown.err);
    place.run(&["jobs", "start", "people.csv", "--file", &id, "--recipe", "text"]).exits(2);
    place.run(&["jobs", "start", "--recipe", "text"]).exits(2);
}
