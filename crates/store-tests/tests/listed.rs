//! A check that is written but not named in the list would never run: this compares the two.

use std::fs;
use std::path::Path;

#[test]
fn every_check_is_named_in_the_list() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/suite");
    let list = fs::read_to_string(suite.join("list.rs")).unwrap();
    let (mut checks, mut missing) = (0, vec![]);
    for file in fs::read_dir(&suite).unwrap() {
        let path = file.unwrap().path();
        let subject = path.file_stem().unwrap().to_string_lossy().into_owned();
        let named: Vec<&str> = list
            .split_once(&format!("            {subject}:\n"))
            .map(|(_, rest)| rest.split(';').next().unwrap_or_default().split(',').map(str::trim).collect())
            .unwrap_or_default();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(rest) = line.strip_prefix("pub async fn ") else { continue };
            let name = rest.split('(').next().unwrap_or_default();
            checks += 1;
            if !named.contains(&name) {
                missing.push(format!("{subject}::{name}"));
            }
        }
    }
    assert!(missing.is_empty(), "not in src/suite/list.rs: {missing:?}");
    assert!(checks > 150, "{checks} checks were found");
}
