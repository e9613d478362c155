//! P20: no name, no listener, no TLS, the wrong certificate. None of them may send a request, and only the certificate
//! is not worth another try.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use copydesk_core::generation::FailureCode;
use copydesk_fakeprovider::{FakeProvider, Fault, Refused};
use copydesk_providers::{CallReport, ErrorClass, HttpClient, NoSink};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::run::{PATIENT, adapter, request};
use crate::want::{Mode, Who};

/// A server with a certificate of its own making for somebody else's name. It returns the bytes of a request, if one
/// came through.
fn impostor() -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let certificate = CertificateDer::from(include_bytes!("../../fixtures/tls/cert.der").to_vec());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(include_bytes!("../../fixtures/tls/key.der").to_vec()));
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0];
        assert_eq!(stream.peek(&mut first).unwrap(), 1);
        assert_eq!(first, [0x16], "a handshake, and never plain HTTP");
        let mut connection = ServerConnection::new(config).unwrap();
        let mut seen = Vec::new();
        // The handshake fails on the other side; whatever comes, nothing of it may be a request.
        drop(rustls::Stream::new(&mut connection, &mut stream).read_to_end(&mut seen));
        seen
    };
    (base, std::thread::spawn(serve))
}

async fn call(who: Who, base: &str) -> CallReport {
    let http = HttpClient::new().unwrap();
    adapter(who, base, &http).call(&request(Mode::Plain, "fake", PATIENT), &NoSink).await
}

#[track_caller]
fn never_left(report: &CallReport, class: ErrorClass, code: FailureCode) {
    let error = report.result.as_ref().unwrap_err();
    assert_eq!((error.class, report.sent, report.http_status), (class, false, None), "{error:?}");
    assert_eq!(error.failure("acme").code, code);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_certificate_is_final_and_sees_no_request() {
    for who in Who::ALL {
        let (base, server) = impostor();
        let report = call(who, &base).await;
        never_left(&report, ErrorClass::Certificate, FailureCode::ProviderRejected);
        let sentence = report.result.unwrap_err().failure("acme").message;
        assert_eq!(sentence, "The connection to acme is not safe: its certificate is not valid.");
        assert_eq!(server.join().unwrap(), b"");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_and_a_server_without_tls_are_tried_again() {
    let refused = Refused::new().unwrap();
    let fake = FakeProvider::start().await;
    for who in Who::ALL {
        for base in [refused.base_url(), fake.https_base_url()] {
            never_left(&call(who, &base).await, ErrorClass::Network, FailureCode::ProviderUnreachable);
        }
    }
    let log = fake.log();
    assert!(log.iter().all(|entry| entry.fault == Some(Fault::TlsGarbage) && entry.authorization.is_none()), "{log:?}");
    assert_eq!(log.len(), Who::ALL.len(), "one handshake each, and no plaintext in its place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_nobody_knows_is_tried_again() {
    let report = call(Who::Compatible, Refused::unresolvable_base_url()).await;
    never_left(&report, ErrorClass::Network, FailureCode::ProviderUnreachable);
}
