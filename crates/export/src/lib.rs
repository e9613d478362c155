//! What a draft looks like outside: as Markdown, as a page, as plain text, as a mail, as an archive. Pure: the same content
//! gives the same bytes, nothing is fetched, no clock is read, and nothing a model or a user wrote is ever more than text.
//! Start with [`Document`]; each format is one file.

mod archive;
mod html;
mod mail;
mod markdown;
mod name;
mod text;

use copydesk_core::Timestamp;
use copydesk_core::recipe::{Content, OutputForm};

pub use archive::{Entry, archive};
pub use html::{fragment, letter, letter_with, page};
pub use mail::mail;
pub use markdown::{FrontMatter, markdown};
pub use name::file_name;
pub use text::{text, text_with};

/// What a draft can be exported as.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    Markdown,
    /// A whole page, without scripts, that loads nothing.
    Html,
    Text,
    /// A mail without recipients.
    Mail,
    Json,
    /// All files of a draft that is files, or all other formats of one that is text.
    Archive,
}

impl Format {
    pub const ALL: [Format; 6] =
        [Format::Markdown, Format::Html, Format::Text, Format::Mail, Format::Json, Format::Archive];

    /// The word on the wire, and the ending of the file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Markdown => "md",
            Format::Html => "html",
            Format::Text => "txt",
            Format::Mail => "eml",
            Format::Json => "json",
            Format::Archive => "zip",
        }
    }

    pub fn parse(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.as_str() == word)
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Markdown => "text/markdown; charset=utf-8",
            Format::Html => "text/html; charset=utf-8",
            Format::Text => "text/plain; charset=utf-8",
            Format::Mail => "message/rfc822",
            Format::Json => "application/json",
            Format::Archive => "application/zip",
        }
    }

    /// Those that fit contents of a form.
    pub const fn of(form: OutputForm) -> &'static [Format] {
        match form {
            OutputForm::Article | OutputForm::Text | OutputForm::Mail => &Format::ALL,
            OutputForm::Media => &[Format::Json, Format::Archive],
        }
    }
}

/// A content with what an export says about it.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    pub content: &'a Content,
    /// When this version was made.
    pub made_at: Timestamp,
    /// SHA-256 of the version, by which what must be unique in the bytes is named.
    pub hash: [u8; 32],
}

/// What stands under a mail to many: why one gets it, and how one gets no more of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Footer<'a> {
    pub said: &'a str,
    /// What the link is called.
    pub word: &'a str,
    pub link: &'a str,
}

impl Document<'_> {
    fn title(&self) -> &str {
        &self.content.title
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_word_and_every_form_one_that_fits() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
        }
        assert_eq!(Format::parse("pdf"), None);
        for form in OutputForm::ALL {
            assert!(Format::of(form).contains(&Format::Json), "{form:?}");
        }
    }
}
