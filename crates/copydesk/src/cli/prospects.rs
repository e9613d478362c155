//! `copydesk prospects`: whom outreach mails are written to.

use super::generations::escape;
use crate::backend::{Backend, Need};
use crate::config::Settings;
use crate::exit::{self, Failure};
use crate::output::{Output, Table, cell, minute};
use http::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Read a file of prospects; the same file twice changes nothing
    Import(Import),
    /// List prospects, in the order they came
    Ls {
        /// Which ones: NAME=VALUE of verification_status, source_type, category, has_email, stage, import_id, sent_before, answered
        #[arg(long = "where", value_name = "NAME=VALUE")]
        filter: Vec<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one, with its draft
    Show {
        /// Its id, prs_...
        prospect: String,
    },
    /// Make one
    Add {
        /// FIELD=TEXT: name, company, contact_email, website, category, source_type, verification_status, verification_reason, answered, external_id, notes; anything else is a fact
        #[arg(required = true, value_name = "FIELD=TEXT")]
        fields: Vec<String>,
    },
    /// Change one; an empty text takes a field away
    Edit {
        /// Its id, prs_...
        prospect: String,
        /// As with `add`
        #[arg(required = true, value_name = "FIELD=TEXT")]
        fields: Vec<String>,
    },
    /// Remove one; its draft stays
    Rm {
        /// Its id, prs_...
        prospect: String,
    },
    /// Count who could be drafted, and what keeps the others out
    Eligible,
    /// Ask whether the domains of addresses take mail, and reject those that mail cannot get to
    Verify(Verify),
    /// List imports, newest first
    Imports {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Print the rows that an import left out, with the reasons
    Skipped {
        /// The import's id, imp_...
        import: String,
    },
    /// Remove what an import made and nobody has touched since
    Undo {
        /// The import's id, imp_...
        import: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(clap::Args, Debug)]
pub struct Verify {
    /// Which ones: NAME=VALUE as with `ls`; without any, all that have an address
    #[arg(long = "where", value_name = "NAME=VALUE")]
    filter: Vec<String>,
    /// Call those verified whose domain takes mail and who are unverified or unknown
    #[arg(long)]
    mark_verified: bool,
    /// Say what would change; write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args, Debug)]
pub struct Import {
    /// A table with a header row (.csv, .tsv) or one JSON object a line (.jsonl, .ndjson)
    path: PathBuf,
    /// Say what would happen; write nothing
    #[arg(long)]
    dry_run: bool,
    /// FIELD=COLUMN where a column is not called like the field it fills, such as contact_email=E-mail
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    columns: Vec<String>,
    /// What stands between the cells of a table
    #[arg(long, value_name = "CHARACTER|tab")]
    delimiter: Option<String>,
    /// The zone of times that name none, such as Europe/Warsaw; without it their rows are left out
    #[arg(long, value_name = "ZONE")]
    assume_tz: Option<String>,
    /// For rows that do not say theirs
    #[arg(long)]
    source_type: Option<String>,
    /// For rows that do not say theirs
    #[arg(long)]
    category: Option<String>,
    /// For rows that do not say theirs
    #[arg(long)]
    verification_status: Option<String>,
    /// Take rows without an address, too
    #[arg(long)]
    without_email: bool,
    /// Leave who is there already as they are
    #[arg(long)]
    leave_known: bool,
}

pub async fn run(command: Command, settings: &Settings, output: Output) -> Result<u8, Failure> {
    Backend::with(settings, Need::Records, async |backend| act(backend, command, output).await).await?;
    Ok(exit::OK)
}

async fn act(backend: &Backend, command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Import(import) => import.run(backend, output).await?,
        Command::Ls { filter, limit, cursor } => {
            let mut url = format!("/api/v1/prospects?limit={limit}");
            for (name, value) in pairs(&filter)? {
                url.push_str(&format!("&{}={}", escape(&name), escape(&value)));
            }
            url.extend(cursor.map(|cursor| format!("&cursor={}", escape(&cursor))));
            list(&backend.get(&url).await?.body, output);
        }
        Command::Show { prospect } => show(&backend.get(&path(&prospect)).await?.body, output),
        Command::Add { fields } => {
            let body = backend.post("/api/v1/prospects", &said(&fields)?).await?.body;
            told(&body, output);
        }
        Command::Edit { prospect, fields } => {
            let body = backend.call(Method::PATCH, &path(&prospect), Some(&said(&fields)?), &[]).await?.body;
            told(&body, output);
        }
        Command::Rm { prospect } => {
            backend.call(Method::DELETE, &path(&prospect), None, &[]).await?;
            output.talk(&format!("{prospect} is removed."));
        }
        Command::Verify(verify) => verify.run(backend, output).await?,
        Command::Eligible => eligible(&backend.get("/api/v1/prospects/eligible").await?.body, output),
        Command::Imports { limit } => {
            imports(&backend.get(&format!("/api/v1/prospects/imports?limit={limit}")).await?.body, output);
        }
        Command::Skipped { import } => {
            super::downloads::print(backend, &format!("{}/skipped", import_path(&import))).await?;
        }
        Command::Undo { import, yes } => undo(backend, &import, yes, output).await?,
    }
    Ok(())
}

fn path(prospect: &str) -> String {
    format!("/api/v1/prospects/{}", escape(prospect))
}

fn import_path(import: &str) -> String {
    format!("/api/v1/prospects/imports/{}", escape(import))
}

pub(super) fn pairs(given: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.to_owned())),
        None => Err(Failure::usage(format!("{text:?} is not NAME=VALUE"))),
    };
    given.iter().map(pair).collect()
}

/// The prospects of a job, as `jobs start --prospects` names them.
pub fn who(text: &str) -> Result<Value, Failure> {
    let parts: Vec<String> =
        text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    if text == "eligible" {
        return Ok(json!("eligible"));
    }
    if parts.iter().any(|part| part.contains('=')) {
        return filter(&parts);
    }
    if parts.is_empty() {
        return Err(Failure::usage("--prospects is eligible, ids with commas, or NAME=VALUE with commas"));
    }
    Ok(json!({ "ids": parts }))
}

/// Those that all of NAME=VALUE hold for, as a body names them.
pub(super) fn filter(given: &[String]) -> Result<Value, Failure> {
    let value = |(name, value): (String, String)| match name.as_str() {
        "has_email" | "answered" => (name, truth(value)),
        _ => (name, value.into()),
    };
    Ok(json!({ "filter": Map::from_iter(pairs(given)?.into_iter().map(value)) }))
}

/// A word that the server reads as yes or no; what is neither goes as it is, and is refused with a sentence.
fn truth(word: String) -> Value {
    word.parse::<bool>().map_or(word.into(), Value::Bool)
}

/// Fields as a body; what is no field is a fact.
fn said(fields: &[String]) -> Result<Value, Failure> {
    const FIELDS: [&str; 11] = [
        "external_id",
        "name",
        "company",
        "contact_email",
        "website",
        "category",
        "source_type",
        "verification_status",
        "verification_reason",
        "answered",
        "notes",
    ];
    let (mut body, mut facts) = (Map::new(), Map::new());
    for (name, value) in pairs(fields)? {
        let value = match name.as_str() {
            _ if value.is_empty() => Value::Null,
            "answered" => truth(value),
            _ => value.into(),
        };
        let into = if FIELDS.contains(&name.as_str()) { &mut body } else { &mut facts };
        into.insert(name, value);
    }
    if !facts.is_empty() {
        body.insert("facts".to_owned(), Value::Object(facts));
    }
    Ok(Value::Object(body))
}

impl Import {
    async fn run(&self, backend: &Backend, output: Output) -> Result<(), Failure> {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut query = vec![format!("name={}", escape(&name))];
        let texts = [
            ("delimiter", &self.delimiter),
            ("assume_tz", &self.assume_tz),
            ("source_type", &self.source_type),
            ("category", &self.category),
            ("verification_status", &self.verification_status),
        ];
        query.extend(texts.into_iter().filter_map(|(name, text)| Some(format!("{name}={}", escape(text.as_ref()?)))));
        let columns: Vec<String> =
            pairs(&self.columns)?.into_iter().map(|(field, column)| format!("{field}:{column}")).collect();
        if !columns.is_empty() {
            query.push(format!("columns={}", escape(&columns.join(","))));
        }
        let flags =
            [("dry_run=true", self.dry_run), ("email=optional", self.without_email), ("known=leave", self.leave_known)];
        query.extend(flags.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag.to_owned()));
        let url = format!("/api/v1/prospects/import?{}", query.join("&"));
        let body = backend.upload(&url, super::jobs::kind_of(&self.path)?, &self.path).await?.body;
        outcome(&body, output);
        Ok(())
    }
}

/// How many prospects one request asks for: it answers within a minute even where no name server does.
const VERIFIED_AT_ONCE: u32 = 200;

impl Verify {
    async fn run(&self, backend: &Backend, output: Output) -> Result<(), Failure> {
        let mut url = format!("/api/v1/prospects/verify?limit={VERIFIED_AT_ONCE}");
        for (name, value) in pairs(&self.filter)? {
            url.push_str(&format!("&{}={}", escape(&name), escape(&value)));
        }
        let flags = [("&mark=verified", self.mark_verified), ("&dry_run=true", self.dry_run)];
        url.extend(flags.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag));
        let (mut sums, mut cursor) = (Sums::default(), None::<String>);
        loop {
            let next = cursor.map(|cursor| format!("&cursor={}", escape(&cursor))).unwrap_or_default();
            let body = backend.post(&format!("{url}{next}"), &json!({})).await?.body;
            sums.add(&body);
            cursor = body.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            // Where nobody answers at all, asking for the rest is waiting for nothing.
            if cursor.is_none() || sums.knows_nothing() {
                break;
            }
            output.talk(&format!("{} looked at, {} rejected so far", sums.of("prospects"), sums.without()));
        }
        sums.tell(self.dry_run, cursor.is_some(), output);
        Ok(())
    }
}

/// What all pages found together.
#[derive(Default)]
struct Sums {
    counts: Map<String, Value>,
    unclear: Vec<Value>,
}

impl Sums {
    const COUNTS: [&str; 7] = [
        "/prospects",
        "/takes_mail",
        "/unclear",
        "/changed",
        "/without_mail/no_domain",
        "/without_mail/null_mx",
        "/without_mail/no_mail_host",
    ];

    fn add(&mut self, body: &Value) {
        for at in Sums::COUNTS {
            let name = at.rsplit('/').next().unwrap_or(at);
            let more = body.pointer(at).and_then(Value::as_u64).unwrap_or_default();
            self.counts.insert(name.to_owned(), (self.of(name) + more).into());
        }
        self.unclear.extend(body.get("unclear_domains").and_then(Value::as_array).into_iter().flatten().cloned());
        self.unclear.truncate(20);
    }
    fn of(&self, name: &str) -> u64 {
        self.counts.get(name).and_then(Value::as_u64).unwrap_or_default()
    }
    fn without(&self) -> u64 {
        ["no_domain", "null_mx", "no_mail_host"].into_iter().map(|name| self.of(name)).sum()
    }
    fn knows_nothing(&self) -> bool {
        self.of("prospects") > 0 && self.of("unclear") == self.of("prospects")
    }

    fn tell(&self, dry: bool, stopped: bool, output: Output) {
        if output.json {
            let mut body = self.counts.clone();
            body.extend([
                ("object".to_owned(), "prospect_verification".into()),
                ("dry_run".to_owned(), dry.into()),
                ("whole".to_owned(), (!stopped).into()),
                ("unclear_domains".to_owned(), self.unclear.clone().into()),
            ]);
            return output.object(&Value::Object(body));
        }
        let asked = self.of("prospects");
        output.data(&format!("{asked} prospects with an address, {} changed\n", self.of("changed")));
        let words = [
            ("takes_mail", "have a domain that takes mail"),
            ("no_domain", "have a domain that does not exist"),
            ("null_mx", "have a domain that says it takes no mail"),
            ("no_mail_host", "have a domain without a mail host"),
            ("unclear", "have a domain of which nothing was found out, and stay as they are"),
        ];
        for (name, words) in words.into_iter().filter(|(name, _)| self.of(name) > 0) {
            output.data(&format!("{:>8} {words}\n", self.of(name)));
        }
        for one in self.unclear.iter().take(3) {
            output.talk(&format!("{}: {}", cell(one, "/domain"), cell(one, "/detail")));
        }
        if stopped {
            output.talk("No name server answers, so the rest was not asked for. dns.servers names others.");
        } else if dry {
            output.talk("Nothing was written. The same command without --dry-run does it.");
        } else if self.without() > 0 {
            output.talk("look at them: copydesk prospects ls --where verification_status=rejected");
        }
    }
}

fn outcome(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let count = |name: &str| cell(body, &format!("/counts/{name}"));
    let [created, updated, unchanged, skipped] = ["created", "updated", "unchanged", "skipped"].map(count);
    output.data(&format!("Create {created}, Update {updated}, Unchanged {unchanged}, Skip {skipped}\n"));
    for skip in body.pointer("/skipped").and_then(Value::as_array).into_iter().flatten().take(10) {
        output.data(&format!("line {}: {} ({})\n", cell(skip, "/line"), cell(skip, "/detail"), cell(skip, "/code")));
    }
    let more = body.pointer("/counts/skipped").and_then(Value::as_u64).unwrap_or_default().saturating_sub(10);
    if more > 0 {
        output.data(&format!("and {more} more rows\n"));
    }
    if body.pointer("/reasons/naive_timestamp").is_some() {
        output
            .talk("Times without a zone: name the one they are in with --assume-tz, such as --assume-tz Europe/Warsaw");
    }
    match body.pointer("/import/id").and_then(Value::as_str) {
        None => output.talk("Nothing was written. The same command without --dry-run does it."),
        Some(id) => {
            output.talk(&format!("undo it: copydesk prospects undo {id}"));
            output.talk("see who can be drafted: copydesk prospects eligible");
        }
    }
}

fn list(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |one: &Value| {
        ["/id", "/name", "/company", "/contact_email", "/verification_status", "/stage"]
            .map(|at| cell(one, at))
            .to_vec()
    };
    let rows: Vec<Vec<String>> = body.get("data").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return output.talk("No prospects here. Import some: copydesk prospects import people.csv --dry-run");
    }
    let headings = ["ID", "NAME", "COMPANY", "E-MAIL", "VERIFICATION", "MAIL"];
    output.table(Table { headings: &headings, rows, cut: Some(2) });
    match body.get("next_cursor").and_then(Value::as_str) {
        Some(cursor) => output.talk(&format!("More: copydesk prospects ls --cursor {cursor}")),
        None => output.talk("look at one: copydesk prospects show PROSPECT"),
    }
}

fn show(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let fields = [
        "id",
        "external_id",
        "name",
        "company",
        "contact_email",
        "verification_status",
        "verification_reason",
        "website",
        "category",
        "source_type",
        "notes",
        "stage",
        "sent_at",
        "answered_at",
        "import_id",
    ];
    for field in fields {
        let text = cell(body, &format!("/{field}"));
        if !text.is_empty() && text != "-" {
            output.data(&format!("{field:<20}{text}\n"));
        }
    }
    for (name, value) in body.get("facts").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        output.data(&format!("{name:<20}{}\n", crate::output::shortened(&text, 100)));
    }
    match body.pointer("/draft/id").and_then(Value::as_str) {
        Some(draft) => {
            output.data(&format!(
                "{:<20}{draft}, {}, {}\n",
                "draft",
                cell(body, "/draft/status"),
                cell(body, "/draft/title")
            ));
            output.talk(&format!("read it: copydesk drafts show {draft}"));
        }
        None => {
            let id = cell(body, "/id");
            output.talk(&format!(
                "draft a mail: copydesk jobs start --recipe outreach --prospects {id} --sender sender.txt"
            ));
        }
    }
}

fn told(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let id = cell(body, "/id");
    output.data(&format!("{id}\n"));
    output.talk(&format!("look at it: copydesk prospects show {id}"));
}

fn eligible(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    output.data(&format!("{} of {} prospects would be drafted\n", cell(body, "/eligible"), cell(body, "/total")));
    let words = [
        ("drafted", "have a draft"),
        ("drafting", "are being drafted"),
        ("unverified", "are not verified"),
        ("no_email", "have no e-mail"),
        ("other_source", "came from another source"),
        ("rejected", "are rejected"),
    ];
    for (name, words) in words {
        let count = body.pointer(&format!("/excluded/{name}")).and_then(Value::as_u64).unwrap_or_default();
        if count > 0 {
            output.data(&format!("{count:>8} {words}\n"));
        }
    }
    match body.get("running_job").and_then(Value::as_str) {
        Some(job) => output.talk(&format!("{job} is drafting them: copydesk jobs watch {job}")),
        None => {
            output.talk("draft them: copydesk jobs start --recipe outreach --prospects eligible --sender sender.txt")
        }
    }
}

fn imports(body: &Value, output: Output) {
    if output.json {
        return output.object(body);
    }
    let row = |one: &Value| {
        let counts = ["created", "updated", "unchanged", "skipped"].map(|name| cell(one, &format!("/counts/{name}")));
        let [created, updated, unchanged, skipped] = counts;
        let (id, name, removed) = (cell(one, "/id"), cell(one, "/name"), cell(one, "/removed"));
        vec![id, name, created, updated, unchanged, skipped, removed, minute(one, "/created_at")]
    };
    let rows: Vec<Vec<String>> = body.get("data").and_then(Value::as_array).into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return output.talk("Nothing was imported yet. Try: copydesk prospects import people.csv --dry-run");
    }
    let headings = ["ID", "FILE", "CREATED", "UPDATED", "UNCHANGED", "SKIPPED", "REMOVED", "WHEN"];
    output.table(Table { headings: &headings, rows, cut: Some(1) });
    output.talk("rows that were left out: copydesk prospects skipped IMPORT");
}

async fn undo(backend: &Backend, import: &str, yes: bool, output: Output) -> Result<(), Failure> {
    let before = backend.get(&import_path(import)).await?.body;
    if !yes {
        let created = cell(&before, "/counts/created");
        let message = format!("{import} made {created} prospects: those that nobody has touched would be removed");
        return Err(Failure::usage(message).hint("say --yes to do it"));
    }
    let body = backend.post(&format!("{}/undo", import_path(import)), &json!({})).await?.body;
    if output.json {
        output.object(&body);
        return Ok(());
    }
    let count = |at: &str| body.pointer(at).and_then(Value::as_u64).unwrap_or_default();
    let (created, removed) = (count("/counts/created"), count("/removed"));
    output.data(&format!("{removed} of {created} prospects removed\n"));
    if created > removed {
        output.talk(&format!("{} stay: they were changed, have a draft, or were gone already", created - removed));
    }
    if count("/counts/updated") > 0 {
        output.talk(&format!("what the import changed of {} others stays changed", count("/counts/updated")));
    }
    Ok(())
}
