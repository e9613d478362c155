//! Reading what `--input` names: a file, standard input, or an address. What is in it decides how it is understood, not
//! its name.

use crate::exit::{self, Failure};
use copydesk_desk::recipes::input_from_file;
use futures::StreamExt;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;

/// Largest input that is read. Units: bytes.
pub const INPUT_BYTES_MAX: usize = 10 * 1024 * 1024;
/// How long an address may take to answer.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// The recipe's input from a path, `-`, or an `http(s)` address.
pub async fn read(source: &str) -> Result<Value, Failure> {
    let bytes = if source.starts_with("http://") || source.starts_with("https://") {
        fetch(source).await?
    } else if source == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .take(INPUT_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(source, &error))?;
        bytes
    } else {
        std::fs::read(source).map_err(|error| unreadable(source, &error))?
    };
    if bytes.len() > INPUT_BYTES_MAX {
        return Err(Failure::usage(format!("{source} is larger than {INPUT_BYTES_MAX} bytes"))
            .hint("cut it down to what matters"));
    }
    let shown = if source == "-" { "standard input" } else { source };
    input_from_file(shown, &bytes).map_err(|error| {
        // What is accepted is told by most of these sentences; the rest name a place in the file.
        let (sentence, accepted) = match error.to_string().split_once(" Accepted are ") {
            Some((sentence, accepted)) => {
                (sentence.to_owned(), format!("accepted are {}", accepted.trim_end_matches('.')))
            }
            None => (error.to_string(), "mend the file at that place; nothing was generated".to_owned()),
        };
        Failure::new(exit::USAGE, "bad_input", sentence).hint(accepted)
    })
}

fn unreadable(source: &str, error: &std::io::Error) -> Failure {
    Failure::new(exit::NOT_FOUND, "input_unreadable", format!("{source} cannot be read: {error}"))
        .hint("--input takes a file, an address, or - for standard input")
}

async fn fetch(url: &str) -> Result<Vec<u8>, Failure> {
    let refused = |why: String| {
        Failure::new(exit::UNREACHABLE, "input_unreachable", format!("{url} cannot be fetched: {why}"))
            .hint("check the address, or save the feed to a file and give that to --input")
    };
    let client = crate::wiring::web_client()?;
    let get = async {
        let response = client.get(url).send().await.map_err(|error| refused(root_cause(&error)))?;
        if !response.status().is_success() {
            return Err(refused(format!("it answered {}", response.status())));
        }
        let mut stream = response.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| refused(root_cause(&error)))?);
            if bytes.len() > INPUT_BYTES_MAX {
                break;
            }
        }
        Ok(bytes)
    };
    tokio::time::timeout(FETCH_LIMIT, get)
        .await
        .map_err(|_| refused(format!("no answer within {} s", FETCH_LIMIT.as_secs())))?
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
