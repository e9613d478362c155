//! The `copydesk` program: one binary for the server, the command line and the chores. It parses the arguments, reads the
//! settings, runs one command and turns its outcome into an exit code. Each command is one file in `cli/`.

mod backend;
mod cli;
mod config;
mod exit;
mod feed;
mod issuer;
mod lock;
mod output;
mod problem;
mod secret_key;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return ExitCode::from(exit::UNEXPECTED);
        }
    };
    let code = runtime.block_on(cli::run(arguments));
    // Readers of the embedded database may still be at work; they must not hold the exit up.
    runtime.shutdown_background();
    ExitCode::from(code)
}
