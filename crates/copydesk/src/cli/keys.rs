//! `copydesk keys`: who may do what. A secret is printed once, on the standard output, when its key is made.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Map, Value, json};

/// API keys.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// The keys, the newest first, with when and from where each was last used
    Ls,
    /// Make a key; its secret is shown once
    Create(Box<Create>),
    /// Everything about a key but its secret
    Show {
        /// Id of the key
        id: String,
    },
    /// Make another key on the same terms; the old one stays good for a while
    Rotate {
        /// Id of the key
        id: String,
        /// How long the old key stays good: 0s, 1h, 7d (default: 24h)
        #[arg(long, value_name = "SPAN")]
        overlap: Option<String>,
    },
    /// End a key: it is refused at once
    Revoke {
        /// Id of the key
        id: String,
    },
}

/// What the key may do.
#[derive(clap::Args, Debug)]
pub struct Create {
    /// For people: where it is used
    name: String,
    /// owner, admin, editor, viewer, or member (of one user)
    #[arg(long, required_unless_present = "scope", conflicts_with = "scope")]
    role: Option<String>,
    /// A scope instead of a role, such as drafts:read; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// A test key: it reaches the demo provider only
    #[arg(long)]
    test: bool,
    /// The one user whose things it sees and makes
    #[arg(long)]
    user: Option<String>,
    /// A recipe it may use; may be repeated (default: all)
    #[arg(long, value_name = "NAME")]
    recipe: Vec<String>,
    /// A model it may use, such as openai/gpt-4o or openai/*; may be repeated (default: all)
    #[arg(long, value_name = "ADDRESS")]
    model: Vec<String>,
    /// Requests that may start in a minute
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Requests under way at once, open streams included
    #[arg(long, value_name = "N")]
    concurrent_max: Option<u32>,
    /// When it ends: a time such as 2026-12-31T00:00:00Z, or from now such as 90d
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
}

impl Create {
    fn body(self) -> Value {
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("mode".to_owned(), json!(if self.test { "test" } else { "live" }));
        let texts = [("role", self.role), ("user", self.user), ("expires_at", self.expires)];
        body.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))));
        let lists = [("scopes", self.scope), ("recipes", self.recipe), ("models", self.model)];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        body.extend(lists.map(|(name, list)| (name.to_owned(), json!(list))));
        let limits = [("requests_per_minute", self.requests_per_minute), ("concurrent_max", self.concurrent_max)];
        body.extend(limits.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), json!(limit?)))));
        Value::Object(body)
    }
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    let (method, path, body) = match command {
        Command::Ls => return list(settings, output).await,
        Command::Show { id } => (Method::GET, path(&id, ""), None),
        Command::Create(create) => (Method::POST, "/api/v1/keys".to_owned(), Some(create.body())),
        Command::Rotate { id, overlap } => {
            let body = overlap.map_or_else(|| json!({}), |overlap| json!({ "overlap": overlap }));
            (Method::POST, path(&id, "/rotate"), Some(body))
        }
        Command::Revoke { id } => {
            ask(settings, Method::DELETE, &path(&id, ""), None).await?;
            output.talk(&format!("{id} was revoked."));
            return Ok(exit::OK);
        }
    };
    let key = ask(settings, method, &path, body).await?;
    show(&key, output);
    Ok(exit::OK)
}

async fn ask(settings: &Settings, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
    let reply =
        Backend::with(settings, Need::Records, async |backend| backend.call(method, path, body.as_ref(), &[]).await);
    let reply = reply.await.map_err(|failure| match failure.hint {
        Some(_) => failure,
        None => {
            failure.hint("docs/keys.md says what a key can be given; `copydesk keys create --help` lists the flags")
        }
    })?;
    Ok(reply.body)
}

fn path(id: &str, act: &str) -> String {
    format!("/api/v1/keys/{}{act}", escape(id))
}

fn show(key: &Value, output: Output) {
    if output.json {
        output.object(key);
        return;
    }
    let at = |pointer: &str| cell(key, pointer);
    if let Some(secret) = key.get("secret").and_then(Value::as_str) {
        output.talk(&format!("{} {:?} was made. This is its secret, shown only now:", at("/id"), at("/name")));
        output.data(secret);
        return;
    }
    let facts = [
        ("name", "/name"),
        ("status", "/status"),
        ("mode", "/mode"),
        ("role", "/role"),
        ("scopes", "/scopes"),
        ("user", "/user"),
        ("recipes", "/recipes"),
        ("models", "/models"),
        ("requests per minute", "/requests_per_minute"),
        ("at once", "/concurrent_max"),
        ("begins with", "/shown"),
        ("made", "/created_at"),
        ("expires", "/expires_at"),
        ("revoked", "/revoked_at"),
        ("replaced by", "/replaced_by"),
        ("last used", "/last_used/at"),
        ("from", "/last_used/address"),
        ("by", "/last_used/client"),
    ];
    for (name, pointer) in facts {
        if key.pointer(pointer).is_some_and(|value| !value.is_null()) {
            output.data(&format!("{name:>20}  {}", words(key.pointer(pointer))));
        }
    }
}

/// A list as one line.
fn words(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    }
}

async fn list(settings: &Settings, output: Output) -> Result<u8, Failure> {
    let body = ask(settings, Method::GET, "/api/v1/keys?limit=1000", None).await?;
    if output.json {
        output.object(&body);
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = body.get("data").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        output.talk("There is no key; `copydesk keys create NAME --role owner` makes one.");
        return Ok(exit::OK);
    }
    let headings = ["ID", "NAME", "BEGINS WITH", "MAY", "USER", "STATUS", "EXPIRES", "LAST USED", "FROM"];
    output.table(Table { headings: &headings, rows, cut: Some(1) });
    Ok(exit::OK)
}

fn row(key: &Value) -> Vec<String> {
    let at = |pointer: &str| cell(key, pointer);
    let may = match key.get("role").and_then(Value::as_str) {
        Some(role) => role.to_owned(),
        None => format!("{} scope(s)", key.get("scopes").and_then(Value::as_array).map_or(0, Vec::len)),
    };
    vec![
        at("/id"),
        at("/name"),
        at("/shown"),
        may,
        at("/user"),
        at("/status"),
        minute(key, "/expires_at"),
        minute(key, "/last_used/at"),
        at("/last_used/address"),
    ]
}
