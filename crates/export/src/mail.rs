//! A mail (RFC 5322) with the text as plain text and as HTML. It has a subject and a date and neither sender nor
//! recipients: nobody is invented. `X-Unsent` makes mail programs open it as a draft of their own.

use crate::Document;
use crate::html::letter;
use crate::text::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use copydesk_core::recipe::OutputForm;
use copydesk_core::recipe::output::mail::text_of;

/// The longest line, without its end. Units: characters.
const LINE_MAX: usize = 76;
/// What an encoded word may hold, so that it has 75 characters with its marks. Units: bytes.
const WORD_BYTES_MAX: usize = 42;

pub fn mail(document: &Document<'_>) -> String {
    // Quoted-printable never holds `=_`, so no part holds the boundary.
    let boundary: String = "=_"
        .chars()
        .chain(document.hash.iter().take(12).flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from))
        .collect();
    let part = |kind: &str, text: &str| {
        format!(
            "--{boundary}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            quoted_printable(text)
        )
    };
    format!(
        "{}X-Unsent: 1\r\nDate: {}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"{boundary}\"\r\n\r\n{}{}--{boundary}--\r\n",
        header("Subject", document.title()),
        date(document.made_at),
        part("text/plain", &said(document)),
        part("text/html", &letter(document)),
    )
}

/// What is read as plain text. The subject of a mail stands above it already.
fn said(document: &Document<'_>) -> String {
    match document.content.form {
        OutputForm::Mail => format!("{}\n", text_of(&document.content.body)),
        OutputForm::Article | OutputForm::Text | OutputForm::Media => text(document),
    }
}

/// A header whose text may be anything: folded, and encoded (RFC 2047) where it is more than plain letters.
fn header(name: &str, text: &str) -> String {
    let text: String = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    let text = text.trim();
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?");
    if plain && text.split(' ').all(|word| word.len() + 1 < LINE_MAX - name.len()) {
        return folded(name, text.split(' ').map(str::to_owned));
    }
    let mut words = vec![String::new()];
    for sign in text.chars() {
        if words.last().is_some_and(|word| word.len() + sign.len_utf8() > WORD_BYTES_MAX) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(sign);
        }
    }
    folded(name, words.into_iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))))
}

fn folded(name: &str, words: impl Iterator<Item = String>) -> String {
    let mut made = format!("{name}:");
    let mut line = made.len();
    for word in words {
        if line + 1 + word.len() > LINE_MAX && line > 1 {
            made.push_str("\r\n");
            line = 0;
        }
        made.push(' ');
        made.push_str(&word);
        line += 1 + word.len();
    }
    made + "\r\n"
}

/// RFC 5322, in UTC.
fn date(at: copydesk_core::Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // 2026-01-31T08:00:00.000000Z, which is all ASCII.
    let text = at.to_string();
    let (year, month, day, time) = (&text[..4], &text[5..7], &text[8..10], &text[11..19]);
    let month = month.parse().ok().and_then(|month: usize| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"Jan");
    // The first of January 1970 was a Thursday.
    let weekday = at.micros().div_euclid(86_400_000_000).rem_euclid(7);
    let weekday = usize::try_from(weekday).ok().and_then(|day| DAYS.get(day)).unwrap_or(&"Thu");
    format!("{weekday}, {day} {month} {year} {time} +0000")
}

/// RFC 2045: every byte is a plain letter or `=` and its digits, no line is longer than 76, lines end with both signs.
fn quoted_printable(text: &str) -> String {
    let lines = text.split('\n').map(|line| quoted_line(line.strip_suffix('\r').unwrap_or(line)));
    lines.collect::<Vec<_>>().join("\r\n")
}

fn quoted_line(line: &str) -> String {
    let mut made = String::new();
    let mut length = 0;
    let last = line.len().saturating_sub(1);
    for (place, byte) in line.bytes().enumerate() {
        let space = matches!(byte, b' ' | b'\t');
        let plain = (b'!'..=b'~').contains(&byte) && byte != b'=' || space && place < last;
        let piece = if plain { char::from(byte).to_string() } else { format!("={byte:02X}") };
        // Room for the sign that a line goes on, unless it ends here.
        let most = if place == last { LINE_MAX } else { LINE_MAX - 1 };
        if length + piece.len() > most {
            made.push_str("=\r\n");
            length = 0;
        }
        // A single dot on a line ends a mail on its way; some programs eat it.
        let piece = if length == 0 && piece == "." { "=2E".to_owned() } else { piece };
        length += piece.len();
        made.push_str(&piece);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use copydesk_core::Timestamp;
    use copydesk_core::recipe::{Content, OutputForm};
    use mail_parser::{MessageParser, MimeHeaders};
    use serde_json::json;

    const AT: &str = "2026-02-28T23:59:58Z";

    fn written(title: &str, text: &str) -> String {
        let content = Content { form: OutputForm::Text, title: title.to_owned(), body: json!({ "text": text }) };
        let made_at: Timestamp = AT.parse().unwrap_or(Timestamp::from_micros(0));
        mail(&Document { content: &content, made_at, hash: [0xab; 32] })
    }

    #[test]
    fn another_reader_finds_what_was_written() {
        let text = format!("Zwölf Boxkämpfer = 12.\n.\n\n{}\n{} ", "ä".repeat(300), "word ".repeat(60));
        let titles = [
            "Plain".to_owned(),
            "Größe & Übermut — 日本語のタイトル 🎉".repeat(4),
            "a long plain title that goes on ".repeat(6),
            "x".repeat(200),
            "=?UTF-8?B?aGk=?= is no code".to_owned(),
            "a\r\nBcc: everybody@x.example".to_owned(),
            "tab\there".to_owned(),
        ];
        for title in titles {
            let mail = written(&title, &text);
            for line in mail.split("\r\n") {
                assert!(line.len() <= 78 && line.is_ascii() && !line.contains(['\r', '\n']), "{line:?}");
            }
            let read = MessageParser::default().parse(mail.as_bytes()).unwrap_or_default();
            let one_line: String = title.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
            let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(read.subject().map(squeezed), Some(squeezed(&one_line)));
            assert_eq!(read.date().map(|date| date.to_rfc3339()).as_deref(), Some(AT));
            assert!(read.from().is_none() && read.to().is_none() && read.bcc().is_none(), "nobody is invented");
            assert!(read.content_type().is_some_and(|kind| kind.subtype() == Some("alternative")));
            let plain = read.body_text(0).unwrap_or_default().replace("\r\n", "\n");
            assert!(plain.contains("Zwölf Boxkämpfer = 12.\n.\n") && plain.contains(&"ä".repeat(300)), "{plain}");
            let html = read.body_html(0).unwrap_or_default();
            assert!(html.contains("<!doctype html>") && html.contains("Zwölf Boxkämpfer"), "{html}");
            assert_eq!(read.attachment_count(), 0);
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (at, want) in [
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000"),
            ("2024-02-29T12:30:45Z", "Thu, 29 Feb 2024 12:30:45 +0000"),
            ("2026-12-31T23:59:59Z", "Thu, 31 Dec 2026 23:59:59 +0000"),
        ] {
            assert_eq!(at.parse::<Timestamp>().map(date), Ok(want.to_owned()));
        }
    }

    #[test]
    fn no_line_is_too_long_and_none_ends_in_a_space() {
        for (text, want) in [
            ("a=b", "a=3Db".to_owned()),
            ("a ", "a=20".to_owned()),
            (".", "=2E".to_owned()),
            ("a\r\nb", "a\r\nb".to_owned()),
            (&"x".repeat(76), "x".repeat(76)),
            (&"x".repeat(77), format!("{}=\r\nxx", "x".repeat(75))),
            // In the middle of a letter is as good: it is put together again.
            (&"é".repeat(13), format!("{}=C3=\r\n=A9", "=C3=A9".repeat(12))),
        ] {
            assert_eq!(quoted_printable(text), want);
        }
    }
}
