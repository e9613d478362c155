//! Talks with a real server on loopback that breaks where it is told to: what each way to break says about the mail.

use copydesk_core::mail::Verdict;
use copydesk_fakeprovider::{FakeSmtp, PostFault};
use copydesk_smtp::{Letter, Server, Smtp, Waits, Written};
use std::time::{Duration, UNIX_EPOCH};

fn smtp(fake: &FakeSmtp) -> Smtp {
    let wait = Duration::from_millis(400);
    let waits = Waits { connect: Duration::from_secs(5), command: Duration::from_secs(5), message: wait };
    Smtp { server: Server::parse(&fake.url()).expect("an address"), waits, hello: "desk.example".to_owned() }
}

fn mail(number: u32) -> Written {
    let letter = Letter {
        from: "Desk <desk@x.example>".to_owned(),
        reply_to: None,
        to_name: None,
        to: format!("n{number}@y.example"),
        subject: "Tea".to_owned(),
        text: "Hello.\n.hidden\n..\nBye.\n".to_owned(),
        html: None,
        message_id: format!("<{number}@x.example>"),
        at: UNIX_EPOCH,
        headers: vec![],
    };
    letter.write().expect("a letter")
}

#[tokio::test]
async fn mails_go_over_one_connection_whole() {
    let fake = FakeSmtp::start().await;
    let mut line = smtp(&fake).open().await.unwrap();
    for number in 0..3 {
        let (verdict, reply) = line.send(&mail(number)).await;
        assert_eq!((verdict, reply.code, reply.text.as_str()), (Verdict::Sent, Some(250), "2.0.0 taken"));
    }
    line.close().await;
    let taken = fake.taken();
    assert_eq!((taken.len(), fake.talks()), (3, 1));
    assert_eq!((taken[2].from.as_str(), taken[2].to.as_slice()), ("desk@x.example", &["n2@y.example".to_owned()][..]));
    assert_eq!(taken[2].header("Message-ID"), Some("<2@x.example>"));
    assert!(taken[2].message.trim_end().ends_with("\r\n\r\nHello.\r\n.hidden\r\n..\r\nBye."), "{:?}", taken[2].message);
}

/// The heart of it: sent is only what was confirmed, doubt is only where the message had gone, the rest certainly did not go.
#[tokio::test]
async fn every_way_to_break_has_its_verdict_and_the_next_mail_goes() {
    use PostFault::{
        DropAfterDot, DropBeforeMessage, GarbageAfterDot, Greylist, HangAfterDot, LaterMessage, RefuseMessage,
        RefuseRecipient,
    };
    for (fault, verdict, code, breaks, taken) in [
        (RefuseRecipient, Verdict::Refused, Some(550), false, 0),
        (Greylist, Verdict::Later, Some(451), false, 0),
        (RefuseMessage, Verdict::Refused, Some(554), false, 0),
        (LaterMessage, Verdict::Later, Some(452), false, 0),
        (DropBeforeMessage, Verdict::Doubt, None, true, 0),
        (DropAfterDot, Verdict::Doubt, None, true, 1),
        (GarbageAfterDot, Verdict::Doubt, None, true, 1),
        (HangAfterDot, Verdict::Doubt, None, true, 1),
    ] {
        let fake = FakeSmtp::start().await;
        fake.script([fault]);
        let mut line = smtp(&fake).open().await.unwrap();
        let (said, reply) = line.send(&mail(1)).await;
        assert_eq!((said, reply.code, line.is_broken()), (verdict, code, breaks), "{fault:?}: {reply:?}");
        assert!(!reply.text.is_empty() && !reply.text.contains('\u{1b}'), "{fault:?}: {reply:?}");
        assert_eq!(fake.taken().len(), taken, "{fault:?}");
        if !breaks {
            assert_eq!(line.send(&mail(2)).await.0, Verdict::Sent, "{fault:?}");
            assert_eq!(fake.taken()[0].to, ["n2@y.example"], "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_talk_that_never_begins_leaves_every_mail_for_later() {
    let fake = FakeSmtp::start().await;
    fake.script([PostFault::Busy]);
    let (verdict, reply) = smtp(&fake).open().await.err().unwrap();
    assert_eq!((verdict, reply.code), (Verdict::Later, Some(421)));

    let url = fake.url();
    let server = Server::parse(&url.replace("smtp+plain", "smtp")).unwrap();
    let (verdict, reply) = Smtp { server, ..smtp(&fake) }.open().await.err().unwrap();
    assert_eq!(verdict, Verdict::Later);
    assert!(reply.text.contains("STARTTLS"), "{reply:?}");

    fake.demand_login("AGFubgB0ZWE=");
    let wrong = Server::parse(&url.replace("://", "://ann:coffee@")).unwrap();
    let (verdict, reply) = Smtp { server: wrong, ..smtp(&fake) }.open().await.err().unwrap();
    assert_eq!((verdict, reply.code), (Verdict::Later, Some(535)));
    assert!(!reply.text.contains("coffee"));
    let right = Server::parse(&url.replace("://", "://ann:tea@")).unwrap();
    let mut line = Smtp { server: right, ..smtp(&fake) }.open().await.unwrap();
    assert_eq!(line.send(&mail(1)).await.0, Verdict::Sent);

    let smtp = smtp(&fake);
    drop(fake);
    let (verdict, reply) = smtp.open().await.err().unwrap();
    assert_eq!((verdict, reply.code), (Verdict::Later, None));
}

#[tokio::test]
async fn a_server_that_answers_byte_by_byte_is_only_slow() {
    let fake = FakeSmtp::start().await;
    fake.always(PostFault::Drip);
    let mut line = smtp(&fake).open().await.unwrap();
    assert_eq!(line.send(&mail(1)).await.0, Verdict::Sent);
}
