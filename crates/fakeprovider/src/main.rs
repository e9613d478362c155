//! The fake provider as a program, for drivers that start real processes. It prints its base URL and runs until it is
//! killed; with `--log` it writes each entry as a line of JSON, at arrival and at each change.

use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use clap::Parser;
use copydesk_fakeprovider::FakeProvider;

/// A fake AI provider that misbehaves on request. Faults go into the model's name: `gpt-x?fault=html_200&times=2`.
#[derive(Parser)]
struct Arguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Appends every entry of the log to this file.
    #[arg(long)]
    log: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let fake = FakeProvider::bind(arguments.listen).await?;
    if let Some(path) = arguments.log {
        let file = Mutex::new(File::options().create(true).append(true).open(path)?);
        fake.observe(move |entry| {
            let line = format!("{}\n", entry.to_json());
            let written = file.lock().map_err(|_| "another writer panicked".to_owned());
            let written =
                written.and_then(|mut file| file.write_all(line.as_bytes()).map_err(|error| error.to_string()));
            if let Err(error) = written {
                eprintln!("error: the log cannot be written: {error}");
            }
        });
    }
    println!("{}", fake.base_url());
    io::stdout().flush()?;
    tokio::signal::ctrl_c().await
}
