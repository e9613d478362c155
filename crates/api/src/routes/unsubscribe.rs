//! The page behind the unsubscribe link of a mail. It asks for no key: the link says whom it is about. Looking changes nothing,
//! because programs that look for bad links follow this one, too; a form takes somebody off, and so does the mail program
//! itself (RFC 8058).

use crate::docs::escaped;
use crate::edge::ClientAddress;
use crate::error::Code;
use crate::extract::id::Segments;
use crate::owned::owned;
use crate::problem::Problem;
use crate::router::Api;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use copydesk_core::mail::MailKind;
use copydesk_desk::subscribers::{Addressee, Click};
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

/// The largest form that is read. Units: bytes.
const FORM_BYTES_MAX: usize = 4_096;
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// What the form's buttons say.
const EVERYTHING: &[u8] = b"from=everything";
const BUTTON: &[u8] = b"from=list";

type From = Option<Extension<ClientAddress>>;

/// Look at what an unsubscribe link would do.
///
/// A page for people, with a form. It changes nothing.
#[utoipa::path(
    get, path = "/unsubscribe/{token}", operation_id = "showUnsubscribe", tag = "mail",
    params(("token" = String, Path, description = "As it stands in the mail.")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, description = "The link is none of ours; as a page.", body = String, content_type = "text/html"),
    ),
    security(()),
    extensions(("x-problems" = json!([Code::RateLimited, Code::TooLarge]))),
)]
pub(crate) async fn show(State(api): State<Api>, path: Segments, from: From) -> Result<Response, Problem> {
    check(&api, &from)?;
    Ok(match api.desk().addressee(path.text("token")).await? {
        None => unknown(&api, &from),
        Some(one) if one.kind == MailKind::Test => test(),
        Some(one) => page(StatusCode::OK, "Unsubscribe", &format!("<p>{}</p>{}", asked(&one), forms(&one))),
    })
}

/// Unsubscribe.
///
/// By the form of the page, or by the mail program with `List-Unsubscribe=One-Click` (RFC 8058). Twice is once.
#[utoipa::path(
    post, path = "/unsubscribe/{token}", operation_id = "unsubscribe", tag = "mail",
    params(("token" = String, Path, description = "As it stands in the mail.")),
    responses(
        (status = 200, description = "Nothing more of it is sent.", body = String, content_type = "text/html"),
        (status = 404, description = "The link is none of ours; as a page.", body = String, content_type = "text/html"),
    ),
    security(()),
    extensions(("x-problems" = json!([Code::RateLimited, Code::TooLarge]))),
)]
pub(crate) async fn take_off(
    State(api): State<Api>,
    path: Segments,
    from: From,
    body: Body,
) -> Result<Response, Problem> {
    check(&api, &from)?;
    let form = to_bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(|_| Problem::new(Code::TooLarge, format!("A form here has at most {FORM_BYTES_MAX} bytes.")))?;
    let says = |what: &[u8]| form.windows(what.len()).any(|piece| piece == what);
    let everything = says(EVERYTHING);
    let click = if everything || says(BUTTON) { Click::Page } else { Click::OneClick };
    let (desk, token) = (api.desk().clone(), path.text("token").to_owned());
    let done = owned(async move { desk.unsubscribe(&token, click, everything).await }).await?;
    Ok(match done {
        None => unknown(&api, &from),
        Some(one) if one.kind == MailKind::Test => test(),
        Some(one) => page(StatusCode::OK, "You are unsubscribed", &told(&one, everything)),
    })
}

fn check(api: &Api, from: &From) -> Result<(), Problem> {
    let barred = |address: &ClientAddress| api.throttle().barred(address.0, api.desk().world().now());
    match from.as_ref().and_then(|Extension(address)| barred(address)) {
        Some(retry_s) => {
            let detail = "Too many links that are not valid came from this address; nothing was looked up.";
            Err(Problem::new(Code::RateLimited, detail).retry_after(retry_s))
        }
        None => Ok(()),
    }
}

fn unknown(api: &Api, from: &From) -> Response {
    if let Some(Extension(ClientAddress(address))) = from {
        api.throttle().failed(*address, api.desk().world().now());
    }
    let text = "<p>This link is not one of ours, or a part of it is missing. Open it once more from the mail, or copy all of it.</p>\
                <p>If that does not help, answer the mail and say that you want no more.</p>";
    page(StatusCode::NOT_FOUND, "This link does not work", text)
}

fn test() -> Response {
    page(StatusCode::OK, "This was a test", "<p>The mail was a test. Nobody is unsubscribed by its link.</p>")
}

fn asked(one: &Addressee) -> String {
    let shown = escaped(&one.shown);
    match &one.list {
        Some(list) => format!("Shall <b>{shown}</b> get no more mails of the list <b>{}</b>?", escaped(list.as_str())),
        None => format!("Shall <b>{shown}</b> get no more mails from us?"),
    }
}

fn forms(one: &Addressee) -> String {
    match &one.list {
        Some(_) => format!(
            "{}{}",
            button("list", "Unsubscribe", "main"),
            button("everything", "Unsubscribe from everything", "quiet")
        ),
        None => button("everything", "Unsubscribe", "main"),
    }
}

fn told(one: &Addressee, everything: bool) -> String {
    let shown = escaped(&one.shown);
    match one.list.as_ref().filter(|_| !everything) {
        Some(list) => format!(
            "<p><b>{shown}</b> gets no more mails of the list <b>{}</b>.</p>\
             <p>You may still get other mails from us.</p>{}",
            escaped(list.as_str()),
            button("everything", "Unsubscribe from everything", "quiet"),
        ),
        None => format!("<p><b>{shown}</b> gets no more mails from us.</p>"),
    }
}

/// A form that comes back here.
fn button(from: &str, word: &str, class: &str) -> String {
    format!("<form method=\"post\"><button class=\"{class}\" name=\"from\" value=\"{from}\">{word}</button></form>")
}

fn page(status: StatusCode, title: &str, main: &str) -> Response {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n\
         <body class=\"alone\">\n<main>\n<h1>{title}</h1>\n{main}\n</main>\n</body>\n</html>\n"
    );
    let head = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (status, head, text).into_response()
}
