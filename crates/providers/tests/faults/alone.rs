//! What needs a test of its own: floods and the memory they may take, faults by the order of arrival, and callers who
//! leave.

use std::future::Future;
use std::time::Duration;

use copydesk_fakeprovider::{At, FakeProvider, Fault, How, Plan};
use copydesk_providers::{ErrorClass, HttpClient, NoSink};
use futures::future::join_all;

use crate::run::{PATIENT, adapter, request};
use crate::want::{BOTH, Mode, Row, Who};

/// P13: what a flood may add to the memory of the whole process.
const GROWTH_MAX_KIB: u64 = 64 * 1024;

/// The most memory this process had since it was last forgotten. Units: KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn forget_peak() {
    // Where this is not allowed the peak is that of the whole run, which only makes the growth look smaller.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// One call after the other, so that the growth is that of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_cut_off_and_takes_no_memory() {
    let _alone = crate::PROCESS.write().await;
    let http = HttpClient::new().unwrap();
    let floods: Vec<Row> = crate::table().into_iter().filter(|row| crate::is_flood(row.fault)).collect();
    assert_eq!(floods.len(), 5);
    for row in floods {
        let all = Who::ALL.into_iter().flat_map(|who| BOTH.iter().map(move |mode| (who, *mode)));
        // What reads lines is shared by all who stream events, and a debug build takes seconds for 8 million lines.
        let slow = |(who, mode): &(Who, Mode)| *mode == Mode::Stream && !matches!(who, Who::Compatible | Who::Ollama);
        let cases = all.filter(|case| row.fault != Fault::Whitespace10Mib || !slow(case));
        for case in cases {
            forget_peak();
            let before = peak_kib();
            let wrong = crate::run::run_cases(&row, &http, vec![case]).await;
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            let grown = peak_kib().saturating_sub(before);
            assert!(grown <= GROWTH_MAX_KIB, "{} {case:?} took {grown} KiB", row.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_of_ten_are_5xx_and_each_is_retryable() {
    let _shared = crate::PROCESS.read().await;
    let http = HttpClient::new().unwrap();
    let fake = FakeProvider::start().await;
    fake.always(Some(Plan::new(Fault::Mixed5xx)));
    for who in Who::ALL {
        let provider = adapter(who, &fake.base_url(), &http);
        let mut failed = 0;
        for turn in 0..10 {
            let mode = if turn % 2 == 0 { Mode::Plain } else { Mode::Stream };
            let report = provider.call(&request(mode, "fake", PATIENT), &NoSink).await;
            if let Err(error) = report.result {
                failed += 1;
                assert!(error.retryable(), "{error:?}");
                assert!(matches!(
                    error.class,
                    ErrorClass::ServerError | ErrorClass::Overloaded | ErrorClass::TimedOut(_)
                ));
            }
        }
        assert_eq!(failed, 3, "{}", who.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_closes_the_socket_before_and_in_the_middle_of_an_answer() {
    let _shared = crate::PROCESS.read().await;
    let http = HttpClient::new().unwrap();
    for at in [At::BeforeHead, At::Head, At::Content] {
        let fake = FakeProvider::start().await;
        fake.always(Some(Plan::new(Fault::Hold).after(at)));
        let leave = |who: Who, mode: Mode| {
            let (fake, http) = (&fake, &http);
            async move {
                let provider = adapter(who, &fake.base_url(), http);
                let request = request(mode, "fake", PATIENT);
                let id = request.call_id.to_string();
                let held = fake.wait_for(|log| {
                    log.iter().any(|call| call.call_id.as_deref() == Some(&id) && call.ended == How::Held)
                });
                tokio::select! {
                    report = provider.call(&request, &NoSink) => panic!("it was held and came back: {report:?}"),
                    _ = held => {}
                }
            }
        };
        let all = Who::ALL.into_iter().flat_map(|who| BOTH.iter().map(move |mode| (who, *mode)));
        in_time("the held answers", join_all(all.map(|(who, mode)| leave(who, mode)))).await;
        let closed = |how: How| matches!(how, How::ClientClosed(_));
        let log = in_time("the closed sockets", fake.wait_for(|log| log.iter().all(|call| closed(call.ended)))).await;
        assert_eq!(log.len(), 12, "{at:?}");
        in_time("no connection", fake.wait_for_connections(|connections| connections.open == 0)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_does_not_follow_a_redirect() {
    let _shared = crate::PROCESS.read().await;
    let http = HttpClient::new().unwrap();
    for fault in [Fault::Redirect302, Fault::Redirect307] {
        let fake = FakeProvider::start().await;
        fake.always(Some(Plan::new(fault)));
        for who in Who::ALL {
            let provider = adapter(who, &fake.base_url(), &http);
            let error = provider.call(&request(Mode::Plain, "fake", PATIENT), &NoSink).await.result.unwrap_err();
            assert_eq!(error.class, ErrorClass::Misconfigured);
        }
        assert_eq!((fake.elsewhere_log(), fake.elsewhere_connections().ever), (vec![], 0));
    }
}
