//! Every fault in every chat dialect, plain and streamed: each request gets an entry with its fault, and each exchange
//! ends. What exactly comes is the business of the other files.

use copydesk_fakeprovider::{Dialect, FakeProvider, Fault};

use crate::raw::{chat, open, read, request};

/// Those that wait for somebody or something, and those of many megabytes.
const SKIPPED: [Fault; 10] = [
    Fault::HangBeforeHead,
    Fault::HangAfterHead,
    Fault::HangMidBody,
    Fault::Hold,
    Fault::Drip,
    Fault::ReadNothing,
    Fault::GzipBomb,
    Fault::Body1Gib,
    Fault::Line50Mib,
    Fault::Whitespace10Mib,
];

#[tokio::test]
async fn every_fault_ends_in_every_dialect() {
    let fake = FakeProvider::start().await;
    let mut calls = 0;
    for fault in Fault::ALL.iter().filter(|fault| !SKIPPED.contains(fault)) {
        for dialect in Dialect::CHAT {
            for stream in [false, true] {
                let (path, body) = chat(dialect, &format!("m?fault={fault}&healthy=0"), stream);
                let mut client = open(fake.address(), &request("POST", &path, "", &body)).await;
                read(&mut client).await;
                calls += 1;
                let log = fake.wait_for(|log| log.len() == calls && log.iter().all(|e| e.ended.is_over())).await;
                assert_eq!(log.last().and_then(|entry| entry.fault), Some(*fault), "{dialect:?}");
                let status = log.last().map_or(0, |entry| entry.status);
                assert!(status >= 200, "{fault} in {dialect:?}: {status}");
            }
        }
    }
    fake.wait_for_connections(|connections| connections.open == 0).await;
}
