//! A mail on its way: RFC 5322 by the library's builder, which encodes what is not plain and folds what is long.

use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use std::fmt;
use std::time::SystemTime;

/// What a mail says and to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// `Name <a@b.example>`
    pub from: String,
    pub reply_to: Option<String>,
    pub to_name: Option<String>,
    /// The bare address.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    /// `<...@...>`
    pub message_id: String,
    pub at: SystemTime,
    /// Further headers; their names are ours.
    pub headers: Vec<(&'static str, String)>,
}

/// A mail as bytes, and the envelope it travels in.
#[derive(Clone, Debug)]
pub struct Written {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

impl Written {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Nothing can be written of it: an address is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLetter(pub String);

impl fmt::Display for BadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Letter {
    pub fn write(self) -> Result<Written, BadLetter> {
        let mailbox = |what: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| BadLetter(format!("{what} {text:?} is no address: {error}")))
        };
        let address = self.to.parse().map_err(|error| BadLetter(format!("{:?} is no address: {error}", self.to)))?;
        let name = self.to_name.as_deref().map(one_line).filter(|name| !name.is_empty());
        let mut builder = Message::builder()
            .from(mailbox("the sender", &self.from)?)
            .to(Mailbox::new(name, address))
            .subject(one_line(&self.subject))
            .message_id(Some(self.message_id))
            .date(self.at);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox("reply-to", reply_to)?);
        }
        for (name, value) in self.headers {
            let value = one_line(&value);
            builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
        let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(self.text);
        let built = match self.html {
            Some(html) => {
                let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(html);
                builder.multipart(MultiPart::alternative().singlepart(plain).singlepart(html))
            }
            None => builder.singlepart(plain),
        };
        let message = built.map_err(|error| BadLetter(error.to_string()))?;
        Ok(Written { envelope: message.envelope().clone(), bytes: message.formatted() })
    }
}

/// A header is one line: whatever would end it, or hide something in it, is a space.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{HeaderValue as Parsed, MessageParser};
    use std::time::UNIX_EPOCH;

    fn letter() -> Letter {
        Letter {
            from: "Desk <desk@x.example>".to_owned(),
            reply_to: Some("ann@x.example".to_owned()),
            to_name: Some("Bob".to_owned()),
            to: "bob@y.example".to_owned(),
            subject: "Tea".to_owned(),
            text: "Hello.\n.\nBye.\n".to_owned(),
            html: None,
            message_id: "<one@x.example>".to_owned(),
            at: UNIX_EPOCH,
            headers: vec![],
        }
    }

    #[test]
    fn another_reader_finds_what_was_written() {
        let subject = "Größe & Übermut 日本語 🎉 ".repeat(9);
        let html = Some("<p>Zwölf</p>".to_owned());
        let headers = vec![("List-Unsubscribe", "<https://x.example/u>".to_owned())];
        let text = format!("Zwölf\n{}\n", "ä".repeat(2_000));
        let written =
            Letter { subject: subject.clone(), html, headers, text: text.clone(), ..letter() }.write().unwrap();
        let read = MessageParser::default().parse(written.bytes()).unwrap();
        assert_eq!(read.subject(), Some(subject.trim()));
        assert_eq!(read.message_id(), Some("one@x.example"));
        assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n").trim(), text.trim());
        assert!(read.body_html(0).unwrap().contains("Zwölf"));
        assert!(matches!(read.header("List-Unsubscribe"), Some(Parsed::Address(_) | Parsed::Text(_))));
        let first = |address: Option<&mail_parser::Address<'_>>| {
            address.and_then(|list| list.first()).and_then(|one| one.address().map(str::to_owned))
        };
        assert_eq!(first(read.from()).as_deref(), Some("desk@x.example"));
        assert_eq!(first(read.reply_to()).as_deref(), Some("ann@x.example"));
        assert!(written.bytes().split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
    }

    #[test]
    fn s39_no_text_gets_out_of_its_header() {
        let evil = [
            "a\r\nBcc: all@z.example",
            "a\nX: 1\n\nbody",
            "a\rBcc: x",
            "a\0b",
            "\u{2028}x\r\n\r\n",
            "a\r\n\r\n.\r\nMAIL FROM",
        ];
        for text in evil {
            let headers = vec![("X-Copydesk", text.to_owned())];
            let (subject, to_name) = (text.to_owned(), Some(text.to_owned()));
            let written = Letter { subject, to_name, headers, ..letter() }.write().unwrap();
            let read = MessageParser::default().parse(written.bytes()).unwrap();
            assert!(read.bcc().is_none() && read.header("X").is_none(), "{text:?}");
            assert_eq!(read.body_text(0).unwrap().trim(), "Hello.\r\n.\r\nBye.", "{text:?}");
            assert_eq!(written.envelope.to().len(), 1);
        }
    }

    #[test]
    fn s39_an_address_with_anything_beside_it_is_refused() {
        for to in [
            "a@y.example\r\nBcc: b@z.example",
            "a@y.example, b@z.example",
            "a@y.example\0",
            "<a@y.example>",
            "a b@y.example",
            "",
        ] {
            assert!(Letter { to: to.to_owned(), ..letter() }.write().is_err(), "{to:?}");
        }
        let from = "a@x.example\r\nBcc: b@z.example".to_owned();
        assert!(Letter { from, ..letter() }.write().is_err());
    }
}
