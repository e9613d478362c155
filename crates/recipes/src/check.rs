//! Checking a recipe folder: everything that is wrong with it at once, including what would only show when somebody
//! presses Generate: `trial.rs` fills the templates in for trial.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use copydesk_core::recipe::{Recipe, Revision, Step};
use serde_json::Value;

use crate::fault::{Fault, did_you_mean};
use crate::loaded::LoadedRecipe;
use crate::loader::{RecipeFiles, load};
use crate::manifest;
use crate::render::TemplateSet;
use crate::trial;
use crate::validate::InputValidator;

pub(crate) const SCHEMA: &str = "input.schema.json";
pub(crate) const EXAMPLE: &str = "example.json";
/// Most recipe folders under one folder.
pub const FOLDERS_MAX: usize = 500;

/// The outcome for one folder.
#[derive(Debug)]
pub struct FolderReport {
    pub folder: PathBuf,
    /// The recipe, or everything that is wrong.
    pub outcome: Result<LoadedRecipe, Vec<Fault>>,
}

/// Checks a recipe folder, or every recipe folder in a folder of recipes. Never empty: a path without a recipe is a
/// fault of that path.
pub fn check_path(path: &Path) -> Vec<FolderReport> {
    if path.join(manifest::FILE).exists() {
        return vec![report(path)];
    }
    let one = |faults| vec![FolderReport { folder: path.to_owned(), outcome: Err(faults) }];
    match recipe_folders(path) {
        Ok(folders) if folders.is_empty() => {
            let fix = "Give a folder with a recipe.toml, or a folder of such folders.";
            one(vec![Fault::new(&path.display().to_string(), "holds no recipe", fix)])
        }
        Ok(folders) => folders.iter().map(|folder| report(folder)).collect(),
        Err(fault) => one(vec![fault]),
    }
}

fn report(folder: &Path) -> FolderReport {
    let outcome = RecipeFiles::from_folder(folder).and_then(|files| load(&files));
    FolderReport { folder: folder.to_owned(), outcome }
}

/// The sub-folders that should be recipes, in the order of their names. Hidden ones are left alone.
pub(crate) fn recipe_folders(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    let shown = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Fault::new(&shown, format!("cannot be read: {error}"), "Check that it is a folder and may be read.")
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_dir() {
            folders.push(entry.path());
        }
    }
    if folders.len() > FOLDERS_MAX {
        let what = format!("has {} folders, at most {FOLDERS_MAX} recipes are read", folders.len());
        return Err(Fault::new(&shown, what, "Move some of them elsewhere."));
    }
    folders.sort();
    Ok(folders)
}

/// Checks the files of one recipe and puts it together.
pub(crate) fn check(files: &RecipeFiles) -> Result<LoadedRecipe, Vec<Fault>> {
    let mut faults = Vec::new();
    let recipe = recipe(files, &mut faults);
    let sources = files.files.iter().filter(|(name, _)| name.ends_with(".j2"));
    let sources = sources.map(|(name, text)| (name.as_str(), text.as_str()));
    let templates = TemplateSet::compile(sources, &mut faults);
    let example = json_file(files, EXAMPLE, "a good input, used to try the templates", &mut faults);
    let Some(recipe) = recipe else {
        return Err(faults);
    };
    let validator = match InputValidator::compile(SCHEMA, &recipe.input_schema, recipe.limits.input_bytes_max) {
        Ok(validator) => Some(validator),
        // A schema that is absent or is not JSON has its fault already.
        Err(_) if recipe.input_schema.is_null() => None,
        Err(fault) => {
            faults.push(fault);
            None
        }
    };
    template_files(files, &recipe, &mut faults);
    let variables = variable_faults(&recipe, &templates);
    let variables_are_sound = variables.is_empty();
    faults.extend(variables);
    let (Some(validator), Some(example)) = (validator, example) else {
        return Err(faults);
    };
    if let Err(wrong) = validator.validate(&example) {
        let fault = |wrong: crate::InputFault| {
            Fault::new(EXAMPLE, wrong.detail, "Correct the example or the schema.").at(wrong.pointer)
        };
        faults.extend(wrong.into_iter().map(fault));
    }
    let origin = files.origin.clone();
    let (templates, validator) = (Arc::new(templates), Arc::new(validator));
    let loaded = LoadedRecipe { recipe, origin, example, templates, validator, revision: None };
    // With anything wrong before, a trial would only report the same again in other words.
    if faults.is_empty() && variables_are_sound {
        faults.extend(trial::faults(files, &loaded));
    }
    if faults.is_empty() { Ok(loaded) } else { Err(faults) }
}

fn recipe(files: &RecipeFiles, faults: &mut Vec<Fault>) -> Option<Recipe> {
    let Some(text) = files.get(manifest::FILE) else {
        let fix = "Add it, or move the folder out of the recipes.";
        faults.push(Fault::new(manifest::FILE, "is missing", fix));
        return None;
    };
    let mut recipe = manifest::read(text, faults)?;
    recipe.version = files.version();
    recipe.input_schema = json_file(files, SCHEMA, "the JSON Schema of the input", faults).unwrap_or_default();
    // What could not be read has a fault already; the rules would only say that it is missing.
    let told: BTreeSet<String> = faults.iter().filter_map(|fault| fault.key.clone()).collect();
    let schema_is_known = !recipe.input_schema.is_null();
    for fault in recipe.faults() {
        let below = |key: &String| key.starts_with(&format!("{}[", fault.key));
        let told_before = told.contains(&fault.key) || told.iter().any(below);
        if !told_before && (schema_is_known || fault.key != "fallback") {
            faults.push(Fault::in_file(manifest::FILE, fault));
        }
    }
    if recipe.name != files.folder && !told.contains("name") {
        let what = format!("{:?} is not the name of the folder, {:?}", recipe.name, files.folder);
        faults.push(Fault::new(manifest::FILE, what, "Rename one of the two.").at("name"));
    }
    Some(recipe)
}

fn json_file(files: &RecipeFiles, name: &str, purpose: &str, faults: &mut Vec<Fault>) -> Option<Value> {
    let Some(text) = files.get(name) else {
        faults.push(Fault::new(name, "is missing", format!("Write {purpose}.")));
        return None;
    };
    match serde_json::from_str(text) {
        Ok(Value::Null) => {
            faults.push(Fault::new(name, "holds nothing but null", format!("Write {purpose}.")));
            None
        }
        Ok(value) => Some(value),
        Err(error) => {
            let fault = Fault::new(name, format!("is not JSON: {error}"), "Correct the syntax.");
            faults.push(fault.at(format!("line {}", error.line())));
            None
        }
    }
}

/// Faults for templates that the steps name and the folder does not have.
fn template_files(files: &RecipeFiles, recipe: &Recipe, faults: &mut Vec<Fault>) {
    let templates = || files.files.keys().map(String::as_str).filter(|name| name.ends_with(".j2"));
    let steps = recipe.steps.iter().enumerate().map(|(index, step)| (format!("steps[{index}]"), step));
    for (place, step) in steps.chain(recipe.revise.iter().map(|step| ("revise".to_owned(), step))) {
        let named = [("system", system_of(step)), ("prompt", Some(step.prompt.as_str()))];
        for (key, name) in named.into_iter().filter_map(|(key, name)| Some((key, name?))) {
            if name.is_empty() || templates().any(|known| known == name) {
                continue;
            }
            let close = did_you_mean(name, templates());
            let fix = if close.is_empty() { "Add it; templates end in .j2.".to_owned() } else { close };
            let what = format!("{name:?} is not a template in this folder");
            faults.push(Fault::new(manifest::FILE, what, fix).at(format!("{place}.{key}")));
        }
    }
}

fn system_of(step: &Step) -> Option<&str> {
    step.as_chat().and_then(|chat| chat.system.as_deref())
}

/// Faults for variables that no input, step or recipe can have.
fn variable_faults(recipe: &Recipe, templates: &TemplateSet) -> Vec<Fault> {
    let mut faults = BTreeSet::new();
    // What writes a part anew comes first of all, as far as earlier answers go.
    for (index, step) in recipe.steps.iter().enumerate().chain(recipe.revise.iter().map(|step| (0, step))) {
        let earlier: Vec<&str> = recipe.steps.iter().take(index).map(|step| step.name.as_str()).collect();
        for template in system_of(step).into_iter().chain([step.prompt.as_str()]) {
            for variable in templates.variables(template) {
                faults.extend(variable_fault(recipe, &earlier, template, &variable));
            }
        }
    }
    faults.into_iter().collect()
}

fn variable_fault(recipe: &Recipe, earlier: &[&str], template: &str, variable: &str) -> Option<Fault> {
    let mut parts = variable.split('.');
    let (root, name) = (parts.next().unwrap_or_default(), parts.next());
    let closed = recipe.input_schema.get("additionalProperties") == Some(&Value::Bool(false));
    let properties = recipe.input_schema.get("properties").and_then(Value::as_object);
    let known: Vec<&str> = match root {
        "input" if !closed => return None,
        "input" => properties.map(|names| names.keys().map(String::as_str).collect()).unwrap_or_default(),
        "steps" => earlier.to_vec(),
        "recipe" => vec!["name", "title", "version"],
        "revision" if recipe.revise.is_some() => Revision::FACTS.to_vec(),
        other => {
            let close = did_you_mean(other, ["input", "steps", "recipe"]);
            let fix = format!("Templates know `input`, `steps` and `recipe`. {close}");
            return Some(Fault::new(template, format!("`{variable}` is not a variable"), fix.trim()).at(variable));
        }
    };
    let name = name.filter(|name| !known.contains(name))?;
    let fix = match (root, did_you_mean(name, known.iter().copied())) {
        ("input", close) if close.is_empty() => format!("Add it to {SCHEMA} or correct the name."),
        ("steps", close) if close.is_empty() => "Only the answers of earlier steps are known.".to_owned(),
        (_, close) if close.is_empty() => format!("Known are: {}.", known.join(", ")),
        (_, close) => close,
    };
    Some(Fault::new(template, format!("`{variable}` does not exist"), fix).at(variable))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
