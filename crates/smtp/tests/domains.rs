//! Domains are asked for at a name server on loopback that says each thing a real one may say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use copydesk_core::prospect::MailDomain::{self, Takes, Unclear, Without};
use copydesk_core::prospect::NoMail;
use copydesk_fakeprovider::{FakeDns, NameFault, Zone};
use copydesk_smtp::Domains;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

fn mx(hosts: &[(u16, &str)]) -> Zone {
    Zone { mx: hosts.iter().map(|(preference, host)| (*preference, (*host).to_owned())).collect(), ..Zone::default() }
}

fn failing(fault: NameFault) -> Zone {
    Zone { fault, ..mx(&[(10, "mx.fine.example")]) }
}

async fn server() -> (FakeDns, Domains) {
    let dns = FakeDns::start().await.unwrap();
    dns.takes_mail("fine.example");
    let domains = Domains::new(&[dns.address()]).unwrap();
    (dns, domains)
}

#[tokio::test]
async fn a_domain_takes_mail_by_its_mx_or_by_its_own_address() {
    let (dns, domains) = server().await;
    dns.has("plain.example", Zone { a: vec![HOST], ..Zone::default() });
    dns.has("six.example", Zone { aaaa: vec![Ipv6Addr::LOCALHOST], ..Zone::default() });
    dns.has("second.example", mx(&[(5, "gone.example"), (20, "mx.fine.example")]));
    dns.has("xn--bcher-kva.example", mx(&[(10, "mx.fine.example")]));
    for domain in ["fine.example", "FINE.example", "plain.example", "six.example", "second.example", "bücher.example"]
    {
        assert_eq!(domains.ask(domain).await, Takes, "{domain}");
    }
}

#[tokio::test]
async fn that_no_mail_gets_there_is_said_with_its_reason() {
    let (dns, domains) = server().await;
    dns.has("null.example", mx(&[(0, "")]));
    // The address would take mail if the null MX did not say that it takes none.
    dns.has("null-with-address.example", Zone { a: vec![HOST], ..mx(&[(0, "")]) });
    dns.has("empty.example", Zone::default());
    dns.has("lost.example", mx(&[(10, "gone.example"), (20, "empty.example")]));
    let said = [
        ("gone.example", NoMail::NoDomain),
        ("null.example", NoMail::NullMx),
        ("null-with-address.example", NoMail::NullMx),
        ("empty.example", NoMail::NoMailHost),
        ("lost.example", NoMail::NoMailHost),
    ];
    for (domain, why) in said {
        assert_eq!(domains.ask(domain).await, Without(why), "{domain}");
    }
}

fn words(of: MailDomain) -> String {
    match of {
        Unclear(words) => words,
        other @ (Takes | Without(_)) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_answered_clearly_condemns_nobody() {
    let (dns, domains) = server().await;
    dns.has("fails.example", failing(NameFault::Fails));
    dns.has("refuses.example", failing(NameFault::Refuses));
    dns.has("garbage.example", failing(NameFault::Garbage));
    dns.has("hidden.example", mx(&[(10, "fails.example"), (20, "gone.example")]));
    for domain in ["fails.example", "refuses.example", "garbage.example", "hidden.example"] {
        assert!(!words(domains.ask(domain).await).is_empty(), "{domain}");
    }
    assert!(words(domains.ask(&format!("{}.example", "a".repeat(64))).await).contains("is no domain"));
}

/// It denies every name but its own, as those of offices, containers and machines without a network do.
#[tokio::test]
async fn a_name_server_of_a_closed_network_condemns_nobody() {
    let (dns, domains) = server().await;
    dns.close();
    dns.has("empty.example", Zone::default());
    for domain in ["gone.example", "empty.example"] {
        let words = words(domains.ask(domain).await);
        assert!(words.contains("does not know the root; name another one in dns.servers"), "{domain}: {words}");
    }
    assert_eq!(domains.ask("fine.example").await, Takes);
    dns.has("", Zone { ns: vec!["a.root.example".to_owned()], ..Zone::default() });
    assert_eq!(domains.ask("gone.example").await, Without(NoMail::NoDomain), "who knows the root is believed");
    assert_eq!(domains.ask("empty.example").await, Without(NoMail::NoMailHost));
}

#[tokio::test]
async fn a_name_server_that_is_silent_or_gone_is_waited_for_and_said() {
    let (dns, domains) = server().await;
    dns.has("silent.example", failing(NameFault::Silent));
    assert!(!words(domains.ask("silent.example").await).is_empty());
    let nobody: SocketAddr = dns.address();
    drop(dns);
    let domains = Domains::new(&[nobody]).unwrap();
    assert!(!words(domains.ask("fine.example").await).is_empty());
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_fetched_whole() {
    let (dns, domains) = server().await;
    dns.has("long.example", failing(NameFault::TooLong));
    assert_eq!(domains.ask("long.example").await, Takes);
}

#[tokio::test]
async fn a_domain_that_was_mended_is_found_at_once() {
    let (dns, domains) = server().await;
    assert_eq!(domains.ask("new.example").await, Without(NoMail::NoDomain));
    dns.takes_mail("new.example");
    assert_eq!(domains.ask("new.example").await, Takes);
}
