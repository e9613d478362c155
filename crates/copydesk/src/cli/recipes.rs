//! `copydesk recipes`: list them; check a folder of one's own.

use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, table};
use crate::wiring;
use copydesk_desk::recipes::check_path;
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The recipes this installation knows
    Ls,
    /// Check one recipe folder, or a folder of them; every fault is listed
    Check { dir: PathBuf },
}

pub fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls => ls(settings, output),
        Command::Check { dir } => check(&dir, output),
    }
}

fn ls(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let shelf = wiring::shelf(settings)?;
    if output.json {
        let data: Vec<_> = shelf
            .iter()
            .map(|loaded| json!({ "name": loaded.recipe.name, "title": loaded.recipe.title, "version": loaded.recipe.version,
                                  "output": loaded.recipe.output.as_str(), "origin": loaded.origin.to_string() }))
            .collect();
        output.object(&json!({ "object": "list", "data": data }));
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = shelf
        .iter()
        .map(|loaded| {
            let recipe = &loaded.recipe;
            let route: Vec<String> = recipe.route.iter().map(ToString::to_string).collect();
            vec![recipe.name.clone(), recipe.title.clone(), recipe.output.as_str().to_owned(), route.join(", "), loaded.origin.to_string()]
        })
        .collect();
    output.data(&table(&["NAME", "TITLE", "OUTPUT", "MODELS", "FROM"], &rows));
    Ok(exit::OK)
}

fn check(dir: &std::path::Path, output: Output) -> Result<u8, Failure> {
    let mut faults = 0;
    for report in check_path(dir) {
        let shown = report.folder.display();
        match &report.outcome {
            Ok(_) => output.talk(&format!("{shown}: sound")),
            Err(found) => {
                faults += found.len();
                found.iter().for_each(|fault| output.data(&format!("{shown}: {fault}")));
            }
        }
    }
    if faults == 0 { Ok(exit::OK) } else { Err(Failure::new(exit::CHECK_FAILED, "bad_recipe", format!("{faults} fault(s)"))) }
}
