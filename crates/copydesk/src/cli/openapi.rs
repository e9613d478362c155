//! `copydesk openapi`: the document of the HTTP API, as a server on the usual address has it at `/openapi.json`.

use crate::exit;
use crate::output::Output;
use copydesk_api::{ApiSettings, document};

pub fn run(output: Output) -> u8 {
    output.object(&document(&ApiSettings::default().public_url, &ApiSettings::default().compat));
    exit::OK
}
