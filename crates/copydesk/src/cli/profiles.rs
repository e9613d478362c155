//! `copydesk profiles`: what goes into every request of a recipe that does not say it itself.

use super::generate::assign;
use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List profiles
    Ls {
        #[arg(long)]
        recipe: Option<String>,
        #[arg(long)]
        user: Option<String>,
    },
    /// Show one profile, field by field
    Show {
        recipe: String,
        /// This user's own; everybody's without it
        #[arg(long)]
        user: Option<String>,
    },
    /// Set fields of a profile; the others stay as they are
    Set(Set),
    /// Remove a profile; what it was filled into stays as it is
    Rm {
        recipe: String,
        /// This user's own; everybody's without it
        #[arg(long)]
        user: Option<String>,
    },
}

#[derive(clap::Args, Debug)]
pub struct Set {
    recipe: String,
    /// This user's own; everybody's without it
    #[arg(long)]
    user: Option<String>,
    /// One field, e.g. language=English or tone.length=short
    #[arg(required_unless_present_any = ["input", "unset", "text"])]
    fields: Vec<String>,
    /// A file with fields as JSON
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// A field that is the text of a file, e.g. sender=about-us.md
    #[arg(long, value_name = "FIELD=FILE")]
    text: Vec<String>,
    /// A field to leave to requests again
    #[arg(long, value_name = "FIELD")]
    unset: Vec<String>,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Ls { recipe, user } => {
            let mut path = "/api/v1/profiles?limit=1000&order=asc".to_owned();
            for (name, value) in [("recipe", recipe), ("user", user)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", escape(&value)));
                }
            }
            list(&backend.get(&path).await?.body, output);
        }
        Command::Show { recipe, user } => {
            show(&backend.get(&path(&recipe, user.as_deref())).await?.body, output);
        }
        Command::Set(set) => {
            let path = path(&set.recipe, set.user.as_deref());
            let (there, seen) = match backend.get(&path).await {
                Ok(reply) => (reply.body["fields"].clone(), Some(reply.body["revision"].to_string())),
                Err(failure) if failure.exit == exit::NOT_FOUND && failure.code == "not_found" => (json!({}), None),
                Err(failure) => return Err(failure),
            };
            let body = json!({ "fields": set.changed(there)? });
            let tag = seen.map(|revision| format!("\"{revision}\""));
            let header = tag.as_deref().map(|tag| ("if-match", tag));
            show(&backend.call(Method::PUT, &path, Some(&body), header.as_slice()).await?.body, output);
            output.talk("It holds for requests from now on; drafts are filled anew when they are regenerated.");
        }
        Command::Rm { recipe, user } => {
            backend.call(Method::DELETE, &path(&recipe, user.as_deref()), None, &[]).await?;
            output.talk("The profile is gone. What it was filled into stays as it is.");
        }
    }
    Ok(())
}

impl Set {
    fn changed(&self, mut fields: Value) -> Result<Value, Failure> {
        if let Some(file) = &self.input {
            let given = serde_json::from_str::<Value>(&read(file)?)
                .map_err(|error| Failure::usage(format!("{} is no JSON: {error}", file.display())))?;
            let given = given.as_object().ok_or_else(|| {
                Failure::usage(format!("{} is no JSON object: fields of the recipe's input", file.display()))
            })?;
            for (name, value) in given {
                fields[name] = value.clone();
            }
        }
        for assignment in &self.text {
            let (field, file) = assignment
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--text {assignment} has no FIELD=FILE")))?;
            fields[field] = read(&PathBuf::from(file))?.trim().into();
        }
        for assignment in &self.fields {
            assign(&mut fields, assignment)?;
        }
        for name in &self.unset {
            let gone = fields.as_object_mut().and_then(|fields| fields.remove(name));
            gone.ok_or_else(|| Failure::usage(format!("--unset {name}: the profile does not say {name}")))?;
        }
        Ok(fields)
    }
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))
}

fn path(recipe: &str, user: Option<&str>) -> String {
    let user = user.map(|user| format!("?user={}", escape(user))).unwrap_or_default();
    format!("/api/v1/recipes/{}/profile{user}", escape(recipe))
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let rows: Vec<Vec<String>> = body["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let names: Vec<&str> =
                row["fields"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            vec![cell(row, "/recipe"), whose(row), names.join(", "), minute(row, "/updated_at")]
        })
        .collect();
    if rows.is_empty() {
        return output.talk("No profiles. Set one: copydesk profiles set newsletter tone.formality=casual --user ann");
    }
    output.table(Table { headings: &["RECIPE", "OF", "FIELDS", "CHANGED"], rows, cut: Some(2) });
    output.talk("One of them: copydesk profiles show RECIPE [--user USER]");
}

fn show(profile: &Value, output: Output) {
    if output.json {
        return output.object(profile);
    }
    let mut rows =
        vec![vec!["of".to_owned(), whose(profile)], vec!["changed".to_owned(), minute(profile, "/updated_at")]];
    for (name, value) in profile["fields"].as_object().into_iter().flatten() {
        let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        rows.push(vec![name.clone(), said.split_whitespace().collect::<Vec<_>>().join(" ")]);
    }
    output.table(Table { headings: &["PROFILE", &cell(profile, "/recipe")], rows, cut: Some(1) });
}

fn whose(profile: &Value) -> String {
    profile["user"].as_str().map_or_else(|| "everybody".to_owned(), str::to_owned)
}
