//! `copydesk recipes`: list them, show what one takes, check a folder of one's own.

use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, counted};
use crate::wiring;
use copydesk_desk::recipes::check_path;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The recipes this installation knows
    Ls,
    /// What a recipe takes and makes
    Show { name: String },
    /// Check one recipe folder, or a folder of them; every fault is listed
    Check { dir: PathBuf },
}

pub fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls => ls(settings, output),
        Command::Show { name } => show(&name, settings, output),
        Command::Check { dir } => check(&dir, output),
    }
}

fn ls(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let shelf = wiring::shelf(settings)?;
    if output.json {
        let data: Vec<_> = shelf
            .iter()
            .map(|loaded| {
                json!({ "name": loaded.recipe.name, "title": loaded.recipe.title, "version": loaded.recipe.version,
                                  "output": loaded.recipe.output.as_str(), "origin": loaded.origin.to_string() })
            })
            .collect();
        output.object(&json!({ "object": "list", "data": data }));
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = shelf
        .iter()
        .map(|loaded| {
            let recipe = &loaded.recipe;
            let route: Vec<String> = recipe.route.iter().map(ToString::to_string).collect();
            vec![
                recipe.name.clone(),
                recipe.title.clone(),
                recipe.output.as_str().to_owned(),
                route.join(", "),
                loaded.origin.to_string(),
            ]
        })
        .collect();
    output.table(Table { headings: &["NAME", "TITLE", "OUTPUT", "MODELS", "FROM"], rows, cut: None });
    Ok(exit::OK)
}

fn show(name: &str, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let shelf = wiring::shelf(settings)?;
    let Some(loaded) = shelf.get(name) else {
        let message = format!("There is no recipe {name:?}.");
        return Err(
            Failure::new(exit::NOT_FOUND, "recipe_not_found", message).hint("`copydesk recipes ls` lists the recipes")
        );
    };
    let recipe = &loaded.recipe;
    if output.json {
        let route: Vec<String> = recipe.route.iter().map(ToString::to_string).collect();
        output.object(&json!({ "name": recipe.name, "title": recipe.title, "version": recipe.version, "route": route,
                               "output": recipe.output.as_str(), "origin": loaded.origin.to_string(),
                               "input_schema": recipe.input_schema, "example": loaded.example }));
        return Ok(exit::OK);
    }
    let needed: Vec<&str> = recipe
        .input_schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let rows: Vec<Vec<String>> = recipe
        .input_schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(field, schema)| {
            let must = if needed.contains(&field.as_str()) { "yes" } else { "no" };
            let meaning = [cell(schema, "/description"), cell(schema, "/title")].into_iter().find(|text| text != "-");
            vec![field.clone(), cell(schema, "/type"), must.to_owned(), meaning.unwrap_or_default()]
        })
        .collect();
    output.data(&format!(
        "{}: {}\n\n",
        recipe.name,
        if recipe.description.is_empty() { &recipe.title } else { &recipe.description }
    ));
    output.table(Table { headings: &["INPUT", "TYPE", "NEEDED", "MEANING"], rows, cut: Some(3) });
    output.talk(&format!("\nIn whole, with an example: copydesk recipes show {} --json", recipe.name));
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
    if faults == 0 {
        Ok(exit::OK)
    } else {
        Err(Failure::new(
            exit::CHECK_FAILED,
            "bad_recipe",
            format!("{} in {}", counted(&faults.to_string(), "fault"), dir.display()),
        )
        .hint("docs/recipes.md says what a recipe is made of"))
    }
}
