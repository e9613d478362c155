//! `copydesk subscribers` and `copydesk suppressions`: who gets a newsletter, and who wants nothing.

use super::generations::escape;
use super::job_watch::grouped;
use super::prospects::pairs;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List subscribers, in the order they came
    Ls {
        /// Only of this list
        #[arg(long)]
        list: Option<String>,
        /// active or unsubscribed
        #[arg(long)]
        status: Option<String>,
        /// Only this address
        #[arg(long)]
        address: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Count the subscribers of each list
    Lists,
    /// Put somebody on a list
    Add {
        address: String,
        #[arg(long)]
        name: Option<String>,
        /// Your own id of it
        #[arg(long)]
        external_id: Option<String>,
        /// The list; newsletter unless said otherwise
        #[arg(long)]
        list: Option<String>,
    },
    /// Put everybody of a file on a list; the same file twice changes nothing
    Import {
        /// A table with a header row (.csv, .tsv) or one JSON object a line (.jsonl, .ndjson), with address, name, external_id
        path: PathBuf,
        /// The list; newsletter unless said otherwise
        #[arg(long)]
        list: Option<String>,
        /// Say what would happen; write nothing
        #[arg(long)]
        dry_run: bool,
        /// FIELD=COLUMN where a column is not called like the field it fills, such as address=E-mail
        #[arg(long = "column", value_name = "FIELD=COLUMN")]
        columns: Vec<String>,
        /// What stands between the cells of a table
        #[arg(long, value_name = "CHARACTER|tab")]
        delimiter: Option<String>,
    },
    /// Take somebody off a list; that an address wants nothing is remembered
    Rm {
        /// Its id, sub_...
        subscriber: String,
    },
}

#[derive(clap::Subcommand, Debug)]
pub enum Wishes {
    /// List who wants nothing, newest first
    Ls {
        /// Only of this list
        #[arg(long)]
        list: Option<String>,
        /// Only this address
        #[arg(long)]
        address: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Say that an address wants nothing; without --list nothing at all, also no mail to a prospect
    Add {
        address: String,
        /// Only of this list
        #[arg(long)]
        list: Option<String>,
        /// Why, such as "by telephone"
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let mail go to an address again, because the person asked for it
    Rm {
        /// Its id, sup_...
        suppression: String,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

pub async fn wishes(command: Wishes, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| wish(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Ls { list: of, status, address, limit, cursor } => {
            let given = [("list", of), ("status", status), ("address", address), ("cursor", cursor)];
            list(&backend.get(&asked("/api/v1/subscribers", limit, given)).await?.body, output);
        }
        Command::Lists => lists(&backend.get("/api/v1/subscribers/lists").await?.body, output),
        Command::Add { address, name, external_id, list } => {
            let body = said(address, [("name", name), ("external_id", external_id), ("list", list)]);
            added(&backend.post("/api/v1/subscribers", &body).await?.body, output);
        }
        Command::Import { path, list, dry_run, columns, delimiter } => {
            let columns: Vec<String> =
                pairs(&columns)?.into_iter().map(|(field, column)| format!("{field}:{column}")).collect();
            let columns = Some(columns.join(",")).filter(|columns| !columns.is_empty());
            let given = [("list", list), ("columns", columns), ("delimiter", delimiter)];
            let mut url = format!("/api/v1/subscribers/import?dry_run={dry_run}");
            for (name, value) in given {
                url.extend(value.map(|value| format!("&{name}={}", escape(&value))));
            }
            outcome(&backend.upload(&url, super::jobs::kind_of(&path)?, &path).await?.body, output);
        }
        Command::Rm { subscriber } => {
            backend.call(Method::DELETE, &format!("/api/v1/subscribers/{}", escape(&subscriber)), None, &[]).await?;
            output.talk(&format!("{subscriber} is removed."));
        }
    }
    Ok(())
}

async fn wish(backend: &Backend, command: Wishes, output: Output) -> Result<(), Failure> {
    match command {
        Wishes::Ls { list, address, limit, cursor } => {
            let given = [("list", list), ("address", address), ("cursor", cursor), ("order", None)];
            suppressions(&backend.get(&asked("/api/v1/suppressions", limit, given)).await?.body, output);
        }
        Wishes::Add { address, list, reason } => {
            let body = said(address, [("list", list), ("reason", reason), ("", None)]);
            let body = backend.post("/api/v1/suppressions", &body).await?.body;
            if output.json {
                output.object(&body);
            } else {
                output.data(&format!("{}  {}  {}\n", cell(&body, "/id"), cell(&body, "/address"), of_list(&body)));
                output.talk(&format!("take it back: copydesk suppressions rm {}", cell(&body, "/id")));
            }
        }
        Wishes::Rm { suppression } => {
            let url = format!("/api/v1/suppressions/{}", escape(&suppression));
            backend.call(Method::DELETE, &url, None, &[]).await?;
            output.talk(&format!("{suppression} is lifted: mail may go there again."));
        }
    }
    Ok(())
}

fn asked(path: &str, limit: u32, given: [(&str, Option<String>); 4]) -> String {
    let mut url = format!("{path}?limit={limit}");
    for (name, value) in given {
        url.extend(value.map(|value| format!("&{name}={}", escape(&value))));
    }
    url
}

fn said(address: String, given: [(&str, Option<String>); 3]) -> Value {
    let mut body = json!({ "address": address });
    for (name, value) in given {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    body
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |one: &Value| {
        ["/id", "/list", "/address", "/name", "/status", "/unsubscribed/reason"].map(|at| cell(one, at)).to_vec()
    };
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return output.talk("No subscribers here. Import some: copydesk subscribers import people.csv --dry-run");
    }
    let headings = ["ID", "LIST", "ADDRESS", "NAME", "STATUS", "WHY"];
    output.table(Table { headings: &headings, rows, cut: Some(3) });
    match body["next_cursor"].as_str() {
        Some(cursor) => output.talk(&format!("More: copydesk subscribers ls --cursor {cursor}")),
        None => output.talk("send them a published draft: copydesk drafts send DRAFT --list LIST"),
    }
}

fn lists(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |one: &Value| ["/list", "/active", "/unsubscribed"].map(|at| cell(one, at)).to_vec();
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return output.talk("No subscribers here. Import some: copydesk subscribers import people.csv --dry-run");
    }
    output.table(Table { headings: &["LIST", "ACTIVE", "UNSUBSCRIBED"], rows, cut: None });
    output.talk("who is on one: copydesk subscribers ls --list LIST");
}

fn added(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let line = ["/id", "/list", "/address", "/status"].map(|at| cell(body, at)).join("  ");
    output.data(&format!("{line}\n"));
    match body.pointer("/unsubscribed/suppression_id").and_then(Value::as_str) {
        Some(id) => output.talk(&format!(
            "This address wants no mail and gets none. If the person asked for it: copydesk suppressions rm {id}"
        )),
        None => output.talk("who is on the list: copydesk subscribers ls"),
    }
}

fn outcome(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let count = |name: &str| body[name].as_u64().unwrap_or_default();
    let shown = |name: &str| body[name].as_u64().map_or_else(|| "-".to_owned(), grouped);
    let [created, updated, unchanged, skipped] = ["created", "updated", "unchanged", "skipped"].map(shown);
    output.data(&format!("Create {created}, Update {updated}, Unchanged {unchanged}, Skip {skipped}\n"));
    if count("unsubscribed") > 0 {
        output.data(&format!("{} of them unsubscribed before and get nothing\n", shown("unsubscribed")));
    }
    for skip in body["skips"].as_array().into_iter().flatten().take(10) {
        output.data(&format!("line {}: {} ({})\n", cell(skip, "/line"), cell(skip, "/detail"), cell(skip, "/code")));
    }
    let more = count("skipped").saturating_sub(10);
    if more > 0 {
        output.data(&format!("and {} more rows\n", grouped(more)));
    }
    if body["dry_run"] == true {
        output.talk("Nothing was written. The same command without --dry-run does it.");
    } else {
        output.talk(&format!("who is there: copydesk subscribers ls --list {}", cell(body, "/list")));
    }
}

fn of_list(one: &Value) -> String {
    one["list"].as_str().map_or_else(|| "everything".to_owned(), |list| format!("list {list}"))
}

fn suppressions(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |one: &Value| {
        vec![cell(one, "/id"), cell(one, "/address"), of_list(one), cell(one, "/reason"), minute(one, "/created_at")]
    };
    let rows: Vec<Vec<String>> = body["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return output.talk("Everybody wants mail. Say that somebody does not: copydesk suppressions add ADDRESS");
    }
    output.table(Table { headings: &["ID", "ADDRESS", "WANTS NOT", "WHY", "SINCE"], rows, cut: Some(3) });
    match body["next_cursor"].as_str() {
        Some(cursor) => output.talk(&format!("More: copydesk suppressions ls --cursor {cursor}")),
        None => output.talk("take one back: copydesk suppressions rm SUPPRESSION"),
    }
}
