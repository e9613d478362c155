//! What a mail says beside its draft: how a newsletter looks, how one gets no more of it, and what mail programs are told of that.

use super::link::Link;
use crate::desk::Inner;
use copydesk_core::mail::MailKind;
use copydesk_core::recipe::Content;
use copydesk_export::{Document, Footer, letter_with, text_with};
use copydesk_smtp::domain_of;
use copydesk_store::drafts::VersionRow;
use copydesk_store::mail::MailRow;
use copydesk_store::{Scope, StoreError};

/// Plain text and HTML.
pub(super) struct Said {
    pub text: String,
    pub html: String,
}

/// The address that takes the recipient off; `None` where the server's own address is not known.
pub(super) async fn link_of(inner: &Inner, row: &MailRow) -> Result<Option<String>, StoreError> {
    let Some(base) = &inner.config.mail.public_url else { return Ok(None) };
    let facts = &row.facts;
    let mailing = inner.store.mailing(Scope::of(facts.workspace), facts.mailing).await?;
    Ok(Some(format!("{base}/unsubscribe/{}", Link::sign(facts.workspace, facts.id, &mailing.secret))))
}

/// A newsletter, with the way out under it.
pub(super) fn newsletter(row: &MailRow, version: &VersionRow, content: &Content, link: Option<&str>) -> Said {
    let document = Document { content, made_at: version.created_at, hash: version.content.hash };
    let said = match (&row.facts.list, row.facts.kind) {
        (Some(list), _) => format!("You get this because you are on the list {list}."),
        (None, MailKind::Test) => "This is a test.".to_owned(),
        (None, MailKind::Outreach | MailKind::Newsletter) => String::new(),
    };
    let footer = link.map(|link| Footer { said: &said, word: "Unsubscribe", link });
    Said { text: text_with(&document, footer.as_ref()), html: letter_with(&document, footer.as_ref()) }
}

pub(super) fn subject(row: &MailRow, title: String) -> String {
    match row.facts.kind {
        MailKind::Test => format!("[Test] {title}"),
        MailKind::Outreach | MailKind::Newsletter => title,
    }
}

/// RFC 2369, RFC 2919 and RFC 8058. A test takes nobody off, so it names no way.
pub(super) fn headers(inner: &Inner, row: &MailRow, link: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if let (Some(link), MailKind::Outreach | MailKind::Newsletter) = (link, row.facts.kind) {
        headers.push(("List-Unsubscribe", format!("<{link}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let domain = inner.config.mail.from.as_deref().and_then(domain_of);
    if let (Some(list), Some(domain)) = (&row.facts.list, domain) {
        headers.push(("List-Id", format!("<{list}.{domain}>")));
    }
    headers
}
