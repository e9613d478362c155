//! Encrypted talks: mails arrive over both kinds, and nothing is said, no password either, to a server that cannot prove who it
//! is. In front of the fake server stands one that does the encrypting.

use copydesk_core::mail::{Reply, Verdict};
use copydesk_fakeprovider::FakeSmtp;
use copydesk_smtp::{Authority, Letter, Server, Smtp, Waits, Written};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const CA: &[u8] = include_bytes!("fixtures/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("fixtures/server.pem");
const KEY: &[u8] = include_bytes!("fixtures/server.key");

/// How the talk begins.
#[derive(Clone, Copy, PartialEq)]
enum Front {
    /// Encrypted from the first byte.
    Implicit,
    StartTls,
    /// It says that it knows no STARTTLS.
    Bare,
    /// With the answer to STARTTLS comes one to a question that was not asked yet.
    Hasty,
}

/// Where it listens, and what it was told before the talk was encrypted.
async fn front(fake: &FakeSmtp, front: Front) -> (u16, Arc<Mutex<String>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate")];
    let config =
        config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_slice(KEY).expect("a key"));
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let behind = fake.url().rsplit_once(':').expect("a port").1.to_owned();
    let heard = Arc::new(Mutex::new(String::new()));
    let told = heard.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // What breaks here is what the talk tells.
            drop(serve(socket, front, &acceptor, &behind, &told).await);
        }
    });
    (port, heard)
}

async fn serve(
    socket: TcpStream,
    front: Front,
    acceptor: &TlsAcceptor,
    behind: &str,
    heard: &Mutex<String>,
) -> std::io::Result<()> {
    let mut plain = BufReader::new(socket);
    if front != Front::Implicit {
        plain.write_all(b"220 mail.example\r\n").await?;
        loop {
            let mut line = String::new();
            if plain.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            heard.lock().expect("no panic holds it").push_str(&line);
            match (line.trim_end(), front) {
                ("STARTTLS", Front::Hasty) => {
                    plain.write_all(b"220 go\r\n250-mail.example\r\n250 AUTH PLAIN\r\n").await?;
                    break;
                }
                ("STARTTLS", _) => {
                    plain.write_all(b"220 go\r\n").await?;
                    break;
                }
                ("QUIT", _) => return plain.write_all(b"221 bye\r\n").await,
                (_, Front::Bare) => plain.write_all(b"250-mail.example\r\n250 AUTH PLAIN\r\n").await?,
                (_, _) => plain.write_all(b"250-mail.example\r\n250 STARTTLS\r\n").await?,
            }
        }
    }
    let mut encrypted = acceptor.accept(plain.into_inner()).await?;
    let mut server = BufReader::new(TcpStream::connect(format!("127.0.0.1:{behind}")).await?);
    if front != Front::Implicit {
        // It greets once only.
        server.read_line(&mut String::new()).await?;
    }
    copy_bidirectional(&mut encrypted, &mut server).await.map(drop)
}

fn smtp(url: &str, trusted: bool) -> Smtp {
    let mut server = Server::parse(url).expect("an address");
    server.authority = trusted.then(|| Authority::parse(CA.to_vec()).expect("an authority"));
    let wait = Duration::from_secs(5);
    Smtp { server, waits: Waits { connect: wait, command: wait, message: wait }, hello: "desk.example".to_owned() }
}

fn mail() -> Written {
    let letter = Letter {
        from: "Desk <desk@x.example>".to_owned(),
        reply_to: None,
        to_name: None,
        to: "ann@y.example".to_owned(),
        subject: "Tea".to_owned(),
        text: "Hello.\n".to_owned(),
        html: None,
        message_id: "<1@x.example>".to_owned(),
        at: UNIX_EPOCH,
        headers: vec![],
    };
    letter.write().expect("a letter")
}

async fn refused(smtp: Smtp) -> Reply {
    let (verdict, reply) = smtp.open().await.err().expect("no talk");
    assert_eq!(verdict, Verdict::Later, "{reply:?}");
    reply
}

#[tokio::test]
async fn a_mail_arrives_over_both_kinds_of_encryption_with_a_login() {
    for (scheme, kind) in [("smtps", Front::Implicit), ("smtp", Front::StartTls)] {
        let fake = FakeSmtp::start().await;
        // \0ann\0p@ss
        fake.demand_login("AGFubgBwQHNz");
        let (port, heard) = front(&fake, kind).await;
        let mut line = smtp(&format!("{scheme}://ann:p%40ss@localhost:{port}"), true).open().await.unwrap();
        let (verdict, reply) = line.send(&mail()).await;
        assert_eq!(verdict, Verdict::Sent, "{scheme}: {reply:?}");
        line.close().await;
        assert_eq!(fake.taken().len(), 1, "{scheme}");
        let before = if kind == Front::StartTls { "EHLO desk.example\r\nSTARTTLS\r\n" } else { "" };
        assert_eq!(heard.lock().unwrap().as_str(), before, "{scheme}: nothing else was said in the open");
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_is_told_nothing() {
    for (scheme, kind) in [("smtps", Front::Implicit), ("smtp", Front::StartTls)] {
        let fake = FakeSmtp::start().await;
        let (port, heard) = front(&fake, kind).await;
        let unknown = refused(smtp(&format!("{scheme}://ann:p%40ss@localhost:{port}"), false)).await;
        assert!(unknown.text.contains("UnknownIssuer"), "{scheme}: {}", unknown.text);
        assert!(unknown.text.contains("smtp.ca_file"), "{scheme}: {}", unknown.text);
        let other = refused(smtp(&format!("{scheme}://ann:p%40ss@127.0.0.1:{port}"), true)).await;
        assert!(other.text.contains("not valid for name"), "{scheme}: {}", other.text);
        assert_eq!((fake.talks(), fake.taken().len()), (0, 0), "{scheme}");
        assert!(!heard.lock().unwrap().contains("AUTH"), "{scheme}");
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said_and_a_hasty_answer_is_not_believed() {
    let fake = FakeSmtp::start().await;
    let (port, heard) = front(&fake, Front::Bare).await;
    let bare = refused(smtp(&format!("smtp://ann:p%40ss@localhost:{port}"), true)).await;
    assert!(bare.text.contains("no STARTTLS"), "{}", bare.text);
    assert!(!heard.lock().unwrap().contains("AUTH"));
    // What somebody on the way put behind the answer would otherwise be taken for the server's first encrypted word.
    let (port, _) = front(&fake, Front::Hasty).await;
    refused(smtp(&format!("smtp://ann:p%40ss@localhost:{port}"), true)).await;
    assert_eq!(fake.taken().len(), 0);
}

#[test]
fn a_file_that_is_no_authority_is_said_to_be_none() {
    for bad in [&b""[..], b"hello", KEY, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(Authority::parse(bad.to_vec()).is_err());
    }
}
