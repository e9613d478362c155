//! A second opinion on mails as they arrived: Python's own `email` reads in them what was said.

use copydesk_core::mail::Verdict;
use copydesk_fakeprovider::FakeSmtp;
use copydesk_smtp::{Letter, Server, Smtp, Waits};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

/// Reads a message and prints what it says, each thing closed by the sign 31.
const READER: &str = r#"
import sys, email, email.policy
message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
def say(text): sys.stdout.buffer.write(text.encode() + b"\x1f")
say(message["Subject"])
for name in ("From", "To"):
    [address] = message[name].addresses
    say(f"{address.display_name}|{address.addr_spec}")
say(message["Message-ID"])
say(message["Date"].datetime.isoformat())
for kind in ("plain", "html"):
    body = message.get_body((kind,))
    say(body.get_content() if body else "")
say(",".join(sorted({type(defect).__name__ for part in message.walk() for defect in part.defects})))
"#;

fn python_reads(message: &str) -> Vec<String> {
    let mut python = Command::new("python3")
        .args(["-X", "utf8", "-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    python.stdin.take().expect("its input").write_all(message.as_bytes()).expect("it reads");
    let read = python.wait_with_output().expect("python3 ends");
    assert!(read.status.success(), "python3 could not read it: {message}");
    let said = String::from_utf8(read.stdout).expect("UTF-8");
    said.split_terminator('\u{1f}').map(|text| text.replace("\r\n", "\n").trim_end().to_owned()).collect()
}

#[tokio::test]
async fn python_reads_in_a_mail_what_was_said() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: python3 is not installed, and the second opinion on mails is its own");
        return;
    }
    let fake = FakeSmtp::start().await;
    let wait = Duration::from_secs(5);
    let waits = Waits { connect: wait, command: wait, message: wait };
    let server = Server::parse(&fake.url()).expect("an address");
    let mut line = Smtp { server, waits, hello: "desk.example".to_owned() }.open().await.expect("a talk");
    let long = format!("Tee für {} – und „mehr“ \u{1f375}", "alle ".repeat(60).trim_end());
    let lines = "From the start.\n.hidden\n..\nÄ line of 2,000 signs: ".to_owned() + &"x".repeat(2_000) + "\n\nBye.";
    let page = format!("<p>Grüße &amp; {}</p>", "<b>mehr</b> ".repeat(300).trim_end());
    for (name, subject, text, html) in [
        (None, "Tea", "Hello.", None),
        (Some("Jürgen \"Tee\" O'Neill, Ph.D."), long.as_str(), lines.as_str(), Some(page.as_str())),
        (Some("明美"), "  二 two  ", "茶\n", Some("<p>茶")),
        (Some("Eve\r\nBcc: all@x.example"), "Free\r\nBcc: all@x.example\r\n\r\n<p>", "x", None),
    ] {
        let letter = Letter {
            from: "The Desk <desk@x.example>".to_owned(),
            reply_to: None,
            to_name: name.map(str::to_owned),
            to: "ann@y.example".to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: html.map(str::to_owned),
            message_id: "<1@x.example>".to_owned(),
            at: UNIX_EPOCH,
            headers: vec![],
        };
        assert_eq!(line.send(&letter.write().expect("a letter")).await.0, Verdict::Sent);
        let arrived = fake.taken().pop().expect("a mail").message;
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let read = python_reads(&arrived);
        let expected = [
            one_line(subject),
            format!("{}|ann@y.example", one_line(name.unwrap_or_default())),
            text.trim_end().to_owned(),
            html.unwrap_or_default().to_owned(),
        ];
        assert_eq!([one_line(&read[0]), read[2].clone(), read[5].clone(), read[6].clone()], expected, "{arrived}");
        assert_eq!((read[1].as_str(), read[3].as_str()), ("The Desk|desk@x.example", "<1@x.example>"));
        assert_eq!((read[4].as_str(), read[7].as_str()), ("1970-01-01T00:00:00+00:00", ""), "no defects: {arrived}");
        assert!(arrived.split("\r\n").all(|line| line.len() <= 998), "lines are no longer than SMTP allows");
    }
}
