//! `copydesk files`: files on the server, to be used by id until they expire.

use super::downloads;
use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use copydesk_desk::assets::{UNKNOWN, media_type_by_name};
use http::Method;
use serde_json::Value;
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Put a file on the server; its id is printed
    Put {
        path: PathBuf,
        /// What it is called there, instead of its own name
        #[arg(long)]
        name: Option<String>,
        /// Whose it is
        #[arg(long)]
        user: Option<String>,
        /// How long it is kept, such as 12h or 30d; 7 days unless said otherwise, at most 90
        #[arg(long, value_name = "SPAN")]
        expires_in: Option<String>,
    },
    /// List files, newest first
    Ls {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Print a file's bytes, or write them to a file
    Get {
        /// The file's id, fil_...
        file: String,
        /// Write them here
        #[arg(long, short, value_name = "PATH")]
        output: Option<PathBuf>,
    },
    /// Remove a file; jobs that were made of it keep their items
    Rm {
        /// The file's id, fil_...
        file: String,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Put { path, name, user, expires_in } => {
            let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.or(own).unwrap_or_default();
            let mut url = format!("/api/v1/files?name={}", escape(&name));
            for (key, value) in [("user", user), ("expires_in", expires_in)] {
                url.extend(value.map(|value| format!("&{key}={}", escape(&value))));
            }
            let kind = media_type_by_name(&name).unwrap_or(UNKNOWN);
            put(&backend.upload(&url, kind, &path).await?.body, output);
        }
        Command::Ls { user, limit, cursor } => {
            let mut url = format!("/api/v1/files?limit={limit}");
            for (key, value) in [("user", user), ("cursor", cursor)] {
                url.extend(value.map(|value| format!("&{key}={}", escape(&value))));
            }
            list(&backend.get(&url).await?.body, output);
        }
        Command::Get { file, output: None } => downloads::print(backend, &format!("{}/content", path(&file))).await?,
        Command::Get { file, output: Some(place) } => {
            let written = downloads::download(backend, &format!("{}/content", path(&file)), &place).await?;
            written.map_err(|error| downloads::unwritable(&place, &error))?;
            output.talk(&format!("{file} is in {}.", place.display()));
        }
        Command::Rm { file } => {
            backend.call(Method::DELETE, &path(&file), None, &[]).await?;
            output.talk(&format!("{file} is removed."));
        }
    }
    Ok(())
}

fn path(file: &str) -> String {
    format!("/api/v1/files/{}", escape(file))
}

fn put(file: &Value, output: Output) {
    if output.json {
        return output.object(file);
    }
    let id = cell(file, "/id");
    output.data(&id);
    output.talk(&format!(
        "{}, {}, {} bytes, kept until {}",
        cell(file, "/name"),
        cell(file, "/media_type"),
        cell(file, "/bytes"),
        minute(file, "/expires_at"),
    ));
    output.talk(&format!("make a job of it: copydesk jobs start --file {id} --recipe RECIPE"));
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |file: &Value| {
        let texts = ["/id", "/name", "/media_type", "/bytes", "/user"].map(|pointer| cell(file, pointer));
        [texts.to_vec(), vec![minute(file, "/expires_at")]].concat()
    };
    let rows: Vec<Vec<String>> = body.get("data").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output.talk("No files here. Put one: copydesk files put people.csv");
        return;
    }
    let headings = ["ID", "NAME", "TYPE", "BYTES", "USER", "EXPIRES"];
    output.table(Table { headings: &headings, rows, cut: Some(1) });
    match body.get("next_cursor").and_then(Value::as_str) {
        Some(cursor) => output.talk(&format!("More: copydesk files ls --cursor {cursor}")),
        None => output.talk("get one: copydesk files get FILE -o PATH"),
    }
}
