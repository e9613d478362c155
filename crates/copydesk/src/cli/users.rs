//! `copydesk users` and `copydesk admin`: who signs in, and as what. Secrets of links are printed once, on the standard output.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Value, json};
use std::io::Read;
use std::path::PathBuf;

/// Most of a password's file that is read. Units: bytes.
const PASSWORD_BYTES_MAX: u64 = 1_000;

/// People and users.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The people who sign in, with their roles
    Ls {
        /// Also the users of your application, who do not
        #[arg(long)]
        all: bool,
        /// Only these: owner, admin, editor, viewer or member
        #[arg(long)]
        role: Option<String>,
    },
    /// Everything about one user
    Show {
        /// E-mail, id, or ext: and your application's name of the user
        who: String,
    },
    /// Invite somebody; the link's secret is shown once
    Invite {
        /// E-mail of the person
        email: String,
        /// owner, admin, editor, viewer, or member (who sees what is the user's own)
        #[arg(long)]
        role: String,
        /// Which user of your application the person is (default: the e-mail)
        #[arg(long)]
        user: Option<String>,
        /// How long the link is good: 1h, 7d (default), 30d at most
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// The invites, the newest first
    Invites,
    /// Take an invite back
    Uninvite {
        /// Id of the invite
        id: String,
    },
    /// Give a person another role; it ends where the person is signed in
    Role {
        /// E-mail or id
        who: String,
        /// owner, admin, editor, viewer or member
        role: String,
    },
    /// Let a person sign in no more; what is the person's stays
    Disable {
        /// E-mail or id
        who: String,
    },
    /// Let a person sign in again
    Enable {
        /// E-mail or id
        who: String,
    },
    /// Make a one-time link: in, with a new password; its secret is shown once
    Link {
        /// E-mail or id
        who: String,
        /// Only in, without a new password
        #[arg(long)]
        sign_in: bool,
    },
}

/// The owner of the installation.
#[derive(clap::Subcommand, Debug)]
pub enum AdminCommand {
    /// Make somebody an owner who can sign in: the first one, or the way back in
    Create {
        /// Whose installation it is
        #[arg(long)]
        email: String,
        /// What to call the person
        #[arg(long)]
        name: Option<String>,
        /// File with the password, - is the standard input (default: a link to choose one with)
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(command, backend, output).await).await
}

async fn act(command: Command, backend: &Backend, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Ls { all, role } => {
            let role = role.map(|role| format!("&role={}", escape(&role))).unwrap_or_default();
            let only = if all { "" } else { "&signs_in=true" };
            let list = ask(backend, Method::GET, &format!("/api/v1/users?limit=1000{only}{role}"), None).await?;
            people(&list, output);
        }
        Command::Show { who } => show(&ask(backend, Method::GET, &path(backend, &who, "").await?, None).await?, output),
        Command::Invite { email, role, user, expires } => {
            let mut body = json!({ "email": email, "role": role });
            for (name, given) in [("user", user), ("expires_at", expires)] {
                if let Some(given) = given {
                    body[name] = json!(given);
                }
            }
            link(&ask(backend, Method::POST, "/api/v1/invites", Some(body)).await?, output);
        }
        Command::Invites => invites(&ask(backend, Method::GET, "/api/v1/invites?limit=1000", None).await?, output),
        Command::Uninvite { id } => {
            ask(backend, Method::DELETE, &format!("/api/v1/invites/{}", escape(&id)), None).await?;
            output.talk(&format!("{id} opens nothing any more."));
        }
        Command::Role { who, role } => change(backend, &who, json!({ "role": role }), output).await?,
        Command::Disable { who } => change(backend, &who, json!({ "disabled": true }), output).await?,
        Command::Enable { who } => change(backend, &who, json!({ "disabled": false }), output).await?,
        Command::Link { who, sign_in } => {
            let body = json!({ "purpose": if sign_in { "sign_in" } else { "reset" } });
            link(&ask(backend, Method::POST, &path(backend, &who, "/link").await?, Some(body)).await?, output);
        }
    }
    Ok(exit::OK)
}

pub async fn admin(command: AdminCommand, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let AdminCommand::Create { email, name, password_file } = command;
    let password = password_file.map(read_password).transpose()?;
    let create = async |backend: &Backend| {
        let known = find(backend, &email).await?;
        match (known, password) {
            (Some(known), password) => {
                let mut body = json!({ "role": "owner", "disabled": false });
                let new = [("name", name), ("password", password.clone())];
                new.into_iter().for_each(|(field, given)| {
                    if let Some(given) = given {
                        body[field] = json!(given);
                    }
                });
                let place = format!("/api/v1/users/{}", escape(&cell(&known, "/id")));
                let owner = ask(backend, Method::PATCH, &place, Some(body)).await?;
                if password.is_some() {
                    changed(&owner, output);
                } else {
                    link(&ask(backend, Method::POST, &format!("{place}/link"), Some(json!({}))).await?, output);
                }
            }
            (None, Some(password)) => {
                let mut body = json!({ "email": email, "role": "owner", "password": password });
                if let Some(name) = name {
                    body["name"] = json!(name);
                }
                changed(&ask(backend, Method::POST, "/api/v1/users", Some(body)).await?, output);
            }
            (None, None) => {
                let body = json!({ "email": email, "role": "owner" });
                link(&ask(backend, Method::POST, "/api/v1/invites", Some(body)).await?, output);
            }
        }
        Ok(exit::OK)
    };
    Backend::with(settings, Need::Records, create).await
}

/// The first line of a file, or of the standard input.
fn read_password(file: PathBuf) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(PASSWORD_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(&file).and_then(|it| it.take(PASSWORD_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| {
        Failure::new(exit::USAGE, "bad_input", format!("{} cannot be read: {error}", file.display()))
            .hint("name a file with the password on its first line, or - and write it to the standard input")
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

async fn ask(backend: &Backend, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
    let reply = backend.call(method, path, body.as_ref(), &[]).await;
    let reply = reply.map_err(|failure| match failure.hint {
        Some(_) => failure,
        None => failure.hint("docs/sign-in.md says who may do what; `copydesk users ls` shows who there is"),
    })?;
    Ok(reply.body)
}

/// Whoever signs in with this e-mail.
async fn find(backend: &Backend, email: &str) -> Result<Option<Value>, Failure> {
    let list = ask(backend, Method::GET, &format!("/api/v1/users?email={}", escape(email)), None).await?;
    Ok(list.pointer("/data/0").cloned())
}

async fn path(backend: &Backend, who: &str, act: &str) -> Result<String, Failure> {
    if who.starts_with("ext:") || !who.contains('@') {
        return Ok(format!("/api/v1/users/{}{act}", escape(who)));
    }
    let found = find(backend, who).await?.ok_or_else(|| {
        Failure::new(exit::NOT_FOUND, "not_found", format!("nobody signs in with {who}")).hint(format!(
            "`copydesk users invite {who} --role editor` invites somebody; `copydesk users ls` lists who does"
        ))
    })?;
    Ok(format!("/api/v1/users/{}{act}", escape(&cell(&found, "/id"))))
}

async fn change(backend: &Backend, who: &str, body: Value, output: Output) -> Result<(), Failure> {
    let user = ask(backend, Method::PATCH, &path(backend, who, "").await?, Some(body)).await?;
    changed(&user, output);
    Ok(())
}

fn changed(user: &Value, output: Output) {
    if output.json {
        output.object(user);
        return;
    }
    let at = |pointer: &str| cell(user, pointer);
    output.talk(&format!("{} is {} and {}.", at("/email"), at("/role"), at("/status")));
}

/// What to do with a link that was just made.
fn link(made: &Value, output: Output) {
    if output.json {
        output.object(made);
        return;
    }
    let at = |pointer: &str| cell(made, pointer);
    let (what, body) = match made.get("purpose").and_then(Value::as_str) {
        Some("sign_in") => ("lets in once", r#"{"link":"..."}"#),
        _ => ("lets in once, with a password of one's own", r#"{"link":"...","password":"..."}"#),
    };
    output.talk(&format!(
        "For {}, until {}. This {what}; it is shown only now:",
        at("/email"),
        minute(made, "/expires_at")
    ));
    output.data(&at("/secret"));
    output.talk(&format!("It is used by POST /api/v1/session with {body}"));
}

fn show(user: &Value, output: Output) {
    if output.json {
        output.object(user);
        return;
    }
    let facts = [
        ("id", "/id"),
        ("user", "/user"),
        ("status", "/status"),
        ("e-mail", "/email"),
        ("name", "/name"),
        ("role", "/role"),
        ("first seen", "/created_at"),
        ("disabled", "/disabled_at"),
        ("last signed in", "/last_sign_in_at"),
    ];
    for (name, pointer) in facts {
        if user.pointer(pointer).is_some_and(|value| !value.is_null()) {
            output.data(&format!("{name:>16}  {}", cell(user, pointer)));
        }
    }
}

fn people(list: &Value, output: Output) {
    if output.json {
        output.object(list);
        return;
    }
    let row = |user: &Value| {
        let at = |pointer: &str| cell(user, pointer);
        vec![
            at("/id"),
            at("/email"),
            at("/name"),
            at("/role"),
            at("/status"),
            at("/user"),
            minute(user, "/last_sign_in_at"),
        ]
    };
    let rows: Vec<Vec<String>> = data(list).map(row).collect();
    if rows.is_empty() {
        output.talk("Nobody signs in here; `copydesk admin create --email you@example.com` makes the first owner.");
        return;
    }
    let headings = ["ID", "E-MAIL", "NAME", "ROLE", "STATUS", "USER", "LAST SIGNED IN"];
    output.table(Table { headings: &headings, rows, cut: Some(5) });
    if list.get("has_more").and_then(Value::as_bool) == Some(true) {
        output.talk("There are more; GET /api/v1/users has pages.");
    }
    output.talk("Next: `copydesk users show E-MAIL`, or `copydesk users invite E-MAIL --role editor`");
}

fn invites(list: &Value, output: Output) {
    if output.json {
        output.object(list);
        return;
    }
    let row = |invite: &Value| {
        let at = |pointer: &str| cell(invite, pointer);
        vec![at("/id"), at("/email"), at("/role"), at("/status"), minute(invite, "/expires_at"), at("/made_by")]
    };
    let rows: Vec<Vec<String>> = data(list).map(row).collect();
    if rows.is_empty() {
        output.talk("Nobody is invited; `copydesk users invite E-MAIL --role editor` invites somebody.");
        return;
    }
    output.table(Table { headings: &["ID", "E-MAIL", "ROLE", "STATUS", "EXPIRES", "MADE BY"], rows, cut: None });
    output.talk("Next: `copydesk users uninvite ID` takes one back");
}

fn data(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("data").and_then(Value::as_array).into_iter().flatten()
}
