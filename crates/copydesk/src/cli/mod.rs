//! The command line: one file per command. This one knows the arguments, reads the settings and hands over.

mod audit;
mod budgets;
mod bulk;
mod cleanup_stale;
mod config_show;
mod credits;
mod db;
mod doctor;
mod downloads;
mod drafts;
mod events;
mod explain;
mod feedback;
mod files;
mod frames;
mod generate;
mod generations;
mod job_watch;
mod jobs;
mod keys;
mod lanes;
mod mailings;
mod models;
mod openapi;
mod prices;
mod profiles;
mod promises;
mod prospects;
mod providers;
mod prune;
mod recipes;
mod schedules;
mod serve;
mod sources;
mod subscribers;
mod testing;
mod usage;
mod users;
mod watch;
mod webhooks;
#[cfg(test)]
mod written;

use crate::config::{Environment, Flags, Loaded, Settings};
use crate::exit::{self, Failure};
use crate::output::Output;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The generation server an application puts between its users and the AI models.
#[derive(Parser, Debug)]
#[command(name = "copydesk", version, max_term_width = 110)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// Settings file (default: copydesk.toml, if it is there)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the embedded database
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// PostgreSQL instead of the embedded database
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Talk to this server instead of opening the data
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// API key for that server
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
    /// Folder with recipes of your own
    #[arg(long, global = true, value_name = "DIR")]
    recipes: Option<String>,
    /// File with prices of your own
    #[arg(long, global = true, value_name = "FILE")]
    prices: Option<String>,
    /// Print the API's JSON objects
    #[arg(long, global = true)]
    json: bool,
    /// Print data and errors only
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Show the log of what happens inside (twice: more of it)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server: API, worker, sweeper
    Serve(serve::Arguments),
    /// Generate one draft and print it
    Generate(generate::Arguments),
    /// List and change drafts
    #[command(subcommand)]
    Drafts(drafts::Command),
    /// List generations, see what they wait for, cancel or retry them
    #[command(subcommand)]
    Generations(generations::Command),
    /// Many generations from one file: start, follow, pause, retry, export
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// One action on many generations or drafts: cancel, retry, approve, delete, export
    #[command(subcommand)]
    Bulk(bulk::Command),
    /// Generations that recur, ready at a time of somebody's day: make, list, pause, run one now
    #[command(subcommand)]
    Schedules(Box<schedules::Command>),
    /// Where items of newsletters come from: feeds, texts, Markdown files
    #[command(subcommand)]
    Sources(sources::Command),
    /// Prospects, whom outreach mails are written to: import a file of them, look, count, change, undo
    #[command(subcommand)]
    Prospects(prospects::Command),
    /// Send prospects their drafts, and see what became of each mail
    #[command(subcommand)]
    Mailings(mailings::Command),
    /// Who gets a newsletter: import a file of them, list, add, remove
    #[command(subcommand)]
    Subscribers(subscribers::Command),
    /// Who wants no mail: list, add, take back
    #[command(subcommand)]
    Suppressions(subscribers::Wishes),
    /// Files to be used by id: put them on the server, list them, get them back, remove them
    #[command(subcommand)]
    Files(files::Command),
    /// Accounts, statements, grants, corrections, gifts and refunds
    #[command(subcommand)]
    Credits(credits::Command),
    /// What users think of parts of their drafts, for the next ones
    #[command(subcommand)]
    Feedback(feedback::Command),
    /// What goes into every request of a recipe that does not say it: voice, tone, who writes
    #[command(subcommand)]
    Profiles(profiles::Command),
    /// What may be used in a day or a month, by workspace, user or key
    #[command(subcommand)]
    Budgets(budgets::Command),
    /// API keys: make them, say what they may do, rotate and revoke them
    #[command(subcommand)]
    Keys(keys::Command),
    /// Webhooks: who is told of events in signed messages; a server behind NAT can tell this machine, too
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// People who sign in, and the users of your application: invite, list, change, disable
    #[command(subcommand)]
    Users(users::Command),
    /// The owner of the installation: the first one, and the way back in
    #[command(subcommand)]
    Admin(users::AdminCommand),
    /// What was used: calls, tokens and cost by day, model, user, recipe; export them
    Usage(Box<usage::Arguments>),
    /// Recipes, providers and models with their limits and what waits for them; pause one
    #[command(subcommand)]
    Lanes(lanes::Command),
    /// The processes that do the work
    Workers,
    /// What happens, as it happens
    #[command(subcommand)]
    Events(events::Command),
    /// End generations that are older than they should be; their holds are released
    CleanupStale(cleanup_stale::Arguments),
    /// Remove usage rows and events that are old enough; totals and the ledger stay
    Prune(prune::Arguments),
    /// Check this installation: database, schema, providers, folders
    Doctor,
    /// The same checks with a grade each: ok, warn or fail
    Health,
    /// What Copydesk promises, and what the audit found against it; prove one now
    Promises(promises::Arguments),
    /// Re-prove every invariant on the live data
    Audit(audit::Arguments),
    /// The database: what it is, whether its schema fits, bring it up to date
    #[command(subcommand)]
    Db(db::Command),
    /// The settings and where they come from
    #[command(subcommand)]
    Config(config_show::Command),
    /// The recipes: list them, see what they take, check a folder of your own
    #[command(subcommand)]
    Recipes(recipes::Command),
    /// The models: what they cost, and whether one answers
    #[command(subcommand)]
    Models(models::Command),
    /// The providers: how they are set up, and whether one answers
    #[command(subcommand)]
    Providers(providers::Command),
    /// Prices that hold over the table and the price file: set them, list them, end them
    #[command(subcommand)]
    Prices(prices::Command),
    /// What an error code means, what to do, and whether anything is charged
    Explain(explain::Arguments),
    /// For tests of your application, on a server in test mode: move its clock, make the demo provider fail
    #[command(subcommand)]
    Test(testing::Command),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

/// Runs the command and returns the exit code.
pub async fn run(arguments: Arguments) -> u8 {
    let output = Output { json: arguments.common.json, quiet: arguments.common.quiet };
    match dispatch(arguments, output).await {
        Ok(code) => code,
        Err(failure) => {
            output.failure(&failure);
            failure.exit
        }
    }
}

async fn dispatch(arguments: Arguments, output: Output) -> Result<u8, Failure> {
    let Arguments { common, command } = arguments;
    // These two say what is compiled in, whatever the settings are.
    if let Command::Explain(arguments) = &command {
        return explain::run(arguments, output);
    }
    if let Command::Openapi = command {
        return Ok(openapi::run(output));
    }
    let mut flags = common.flags();
    if let Command::Serve(serve) = &command {
        serve.add_flags(&mut flags);
    }
    let loaded = Loaded::read(&flags, &Environment::of_process(), common.config.as_deref())?;
    if let Command::Config(command) = command {
        return config_show::run(command, &loaded, output);
    }
    let settings = Settings::read(&loaded)?;
    start_log(&settings, matches!(command, Command::Serve(_)), common.verbose);
    match command {
        Command::Serve(_) => serve::run(settings, output).await,
        Command::Generate(arguments) => generate::run(arguments, &settings, output).await,
        Command::Drafts(command) => drafts::run(command, &settings, output).await,
        Command::Generations(command) => generations::run(command, &settings, output).await,
        Command::Jobs(command) => jobs::run(command, &settings, output).await,
        Command::Bulk(command) => bulk::run(command, &settings, output).await,
        Command::Schedules(command) => schedules::run(*command, &settings, output).await,
        Command::Sources(command) => sources::run(command, &settings, output).await,
        Command::Prospects(command) => prospects::run(command, &settings, output).await,
        Command::Mailings(command) => mailings::run(command, &settings, output).await,
        Command::Subscribers(command) => subscribers::run(command, &settings, output).await,
        Command::Suppressions(command) => subscribers::wishes(command, &settings, output).await,
        Command::Files(command) => files::run(command, &settings, output).await,
        Command::Feedback(command) => feedback::run(command, &settings, output).await,
        Command::Profiles(command) => profiles::run(command, &settings, output).await,
        Command::Budgets(command) => budgets::run(command, &settings, output).await,
        Command::Credits(command) => credits::run(command, &settings, output).await,
        Command::Keys(command) => keys::run(command, &settings, output).await,
        Command::Webhooks(command) => webhooks::run(command, &settings, output).await,
        Command::Users(command) => users::run(command, &settings, output).await,
        Command::Admin(command) => users::admin(command, &settings, output).await,
        Command::Usage(arguments) => usage::run(*arguments, &settings, output).await,
        Command::Lanes(command) => lanes::run(command, &settings, output).await,
        Command::Workers => lanes::workers(&settings, output).await,
        Command::Events(command) => events::run(command, &settings, output).await,
        Command::CleanupStale(arguments) => cleanup_stale::run(arguments, &settings, output).await,
        Command::Prune(arguments) => prune::run(arguments, &settings, output).await,
        Command::Doctor => doctor::run(&settings, output).await,
        Command::Health => doctor::health(&settings, output).await,
        Command::Promises(arguments) => promises::run(arguments, &settings, output).await,
        Command::Audit(arguments) => audit::run(arguments, &settings, output).await,
        Command::Db(command) => db::run(command, &settings, output).await,
        Command::Config(_) | Command::Explain(_) | Command::Openapi => Ok(exit::OK),
        Command::Recipes(command) => recipes::run(command, &settings, output),
        Command::Models(command) => models::run(command, &settings, output).await,
        Command::Providers(command) => providers::run(command, &settings, output).await,
        Command::Test(command) => testing::run(command, &settings, output).await,
        Command::Prices(command) => prices::run(command, &settings, output).await,
    }
}

impl Common {
    fn flags(&self) -> Flags {
        let given = [
            ("data", &self.data),
            ("database_url", &self.database_url),
            ("server", &self.server),
            ("key", &self.key),
            ("recipes", &self.recipes),
            ("prices", &self.prices),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

/// The server logs by its settings; other commands stay silent unless asked, since their talk is the output.
fn start_log(settings: &Settings, serving: bool, verbose: u8) {
    let filter = match (serving, verbose) {
        (true, 0) => settings.log.clone(),
        (false, 0) => "off".to_owned(),
        (_, 1) => "info".to_owned(),
        (_, _) => "debug".to_owned(),
    };
    let filter =
        tracing_subscriber::EnvFilter::try_new(&filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let set = if settings.log_json { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
    if let Err(error) = set {
        eprintln!("the log could not be set up: {error}");
    }
}
