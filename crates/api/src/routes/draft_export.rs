//! A draft as a file: in any format that fits its form, under its title. What the formats look like is `copydesk_export`'s
//! business; here they are given what they need and handed out.

use super::assets::lost;
use super::drafts::living;
use super::versions;
use crate::auth::Caller;
use crate::bytes::{attachment, hex, pieces};
use crate::error::Code;
use crate::extract::etag::none_match;
use crate::extract::id::Segments;
use crate::extract::query::Params;
use crate::extract::upload::Upload;
use crate::openapi::params::{DraftPath, IfNoneMatch};
use crate::openapi::words::DraftFormat;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::draft::{DraftBody, DraftExportBody};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use copydesk_core::recipe::output::media;
use copydesk_core::recipe::{Content, OutputForm};
use copydesk_core::refusal::Refusal;
use copydesk_desk::DeskError;
use copydesk_desk::assets::extension;
use copydesk_desk::publish::content_of;
use copydesk_desk::store::Scope;
use copydesk_desk::store::drafts::{DraftRow, VersionRow};
use copydesk_export::{Document, Entry, Format, archive, file_name, mail, markdown, page, text};
use futures::stream;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{self, BufWriter, Cursor, Write};
use tokio::sync::mpsc;

/// Rises when the same version is written otherwise.
const EDITION: u32 = 1;
/// How many pieces of an archive may wait for a reader, and how large they are. Units: bytes.
const PIECES: usize = 4;
const PIECE_BYTES: usize = 64 * 1024;

/// Export a draft.
///
/// As a file under its title. A draft that is text can be any of the formats, one that is files `json` or `zip`. The same
/// version gives the same bytes.
#[utoipa::path(
    get, path = "/drafts/{id}/export", operation_id = "exportDraft", tag = "drafts",
    params(
        DraftPath,
        ("format" = Option<DraftFormat>, Query, description = "`md` unless said otherwise. `eml` is a mail without sender and recipients; `zip` holds all files, or all other formats."),
        ("version" = Option<u32>, Query, minimum = 1, description = "An earlier version."),
        ("front_matter" = Option<bool>, Query, description = "With `md`: begin with what is known of it, in YAML."),
        IfNoneMatch,
    ),
    responses(
        (status = 200, description = "The file.", content(
            (DraftExportBody = "application/json"),
            (String = "text/markdown"),
            (String = "text/html"),
            (String = "text/plain"),
            (String = "message/rfc822"),
            ([u8] = "*/*"),
        ), headers(
            ("ETag" = String, description = "Of these very bytes."),
            ("Content-Disposition" = String, description = "`attachment` with the title as its name."))),
        (status = 304, description = "You have it already."),
    ),
    extensions(("x-problems" = json!([Code::DraftEmpty]))),
)]
pub(crate) async fn export(
    State(api): State<Api>,
    caller: Caller,
    path: Segments,
    mut params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let words = Format::ALL.map(Format::as_str);
    let format = params.word("format", Format::parse, &words).unwrap_or(Format::Markdown);
    let number = params.number("version", 1);
    let front_matter = params.flag("front_matter");
    if front_matter && format != Format::Markdown {
        params.fault("front_matter", "not_allowed", "only md has any");
    }
    params.finish()?;
    let draft = living(&api, caller.scope, path.draft(&api, caller.scope).await?).await?;
    if draft.current_version == 0 {
        return Err(DeskError::from(Refusal::DraftEmpty).into());
    }
    let version = api.desk().store().version(caller.scope, draft.id, number).await?;
    let export =
        Export { content: content_of(&version)?, api: &api, scope: caller.scope, draft, version, front_matter };
    export.answer(format, &headers).await
}

struct Export<'a> {
    api: &'a Api,
    scope: Scope,
    draft: DraftRow,
    version: VersionRow,
    content: Content,
    front_matter: bool,
}

impl Export<'_> {
    async fn answer(&self, format: Format, headers: &HeaderMap) -> Result<Response, Problem> {
        let form = self.content.form;
        let fitting = Format::of(form);
        if !fitting.contains(&format) {
            let words: Vec<&str> = fitting.iter().map(|format| format.as_str()).collect();
            let detail = format!("a draft of the form {} is exported as {}", form.as_str(), words.join(" or "));
            return Err(Problem::fault("?format", "does_not_fit", detail));
        }
        let tag = self.tag(format);
        if none_match(headers, &tag) {
            return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
        }
        let body = match (format, form) {
            (Format::Archive, OutputForm::Media) => archived(self.files().await?),
            (Format::Archive, OutputForm::Article | OutputForm::Text | OutputForm::Mail) => self.all_formats()?.into(),
            (Format::Markdown | Format::Html | Format::Text | Format::Mail | Format::Json, _) => {
                self.text(format)?.into()
            }
        };
        let head = [
            (CONTENT_TYPE, format.media_type().to_owned()),
            (CONTENT_DISPOSITION, attachment(&self.name(format.as_str()))),
            (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
            (CACHE_CONTROL, "private, no-cache".to_owned()),
            (ETAG, tag),
        ];
        Ok((head, body).into_response())
    }

    fn document(&self) -> Document<'_> {
        Document { content: &self.content, made_at: self.version.created_at, hash: self.version.content.hash }
    }

    fn name(&self, ending: &str) -> String {
        file_name(&self.content.title, &self.draft.id.to_string(), ending)
    }

    /// Of what the bytes follow from. JSON, also inside an archive, says how the draft stands.
    fn tag(&self, format: Format) -> String {
        let says_all = matches!(format, Format::Json | Format::Archive);
        let revision = if says_all { self.draft.revision } else { 0 };
        let facts = format!(
            "{EDITION}\n{}\n{}\n{revision}\n{}\n{}",
            format.as_str(),
            self.version.number,
            self.front_matter,
            self.content.title
        );
        let hash = Sha256::new().chain_update(facts).chain_update(self.version.content.hash).finalize();
        format!("\"{}\"", hex(&hash[..16]))
    }

    fn text(&self, format: Format) -> Result<String, Problem> {
        Ok(match format {
            Format::Markdown if self.front_matter => markdown(&self.document(), Some(&self.front())),
            Format::Markdown => markdown(&self.document(), None),
            Format::Html => page(&self.document()),
            Format::Text => text(&self.document()),
            Format::Mail => mail(&self.document()),
            Format::Json | Format::Archive => self.json()?,
        })
    }

    fn front(&self) -> [(&'static str, Value); 7] {
        [
            ("title", self.content.title.as_str().into()),
            ("draft", self.draft.id.to_string().into()),
            ("version", self.version.number.into()),
            ("origin", self.version.origin.as_str().into()),
            ("recipe", self.draft.recipe.as_str().into()),
            ("external_id", self.draft.external_id.clone().into()),
            ("made_at", self.version.created_at.to_string().into()),
        ]
    }

    fn json(&self) -> Result<String, Problem> {
        let links = self.api.links();
        let version = versions::whole(&self.version, &self.draft, self.content.clone(), links)?;
        let body = DraftExportBody::of(DraftBody::of(self.draft.clone(), links), version);
        serde_json::to_string_pretty(&body)
            .map_err(|error| Problem::internal(format!("the export of {}: {error}", self.draft.id)))
    }

    /// Small: an answer of a model in five ways.
    fn all_formats(&self) -> Result<Vec<u8>, Problem> {
        let others = Format::ALL.into_iter().filter(|format| *format != Format::Archive);
        let entries = others
            .map(|format| {
                let bytes = Box::new(Cursor::new(self.text(format)?.into_bytes()));
                Ok(Entry { name: self.name(format.as_str()), bytes })
            })
            .collect::<Result<Vec<_>, Problem>>()?;
        let mut made = Vec::new();
        archive(&mut made, entries)
            .map_err(|error| Problem::internal(format!("the archive of {}: {error}", self.draft.id)))?;
        Ok(made)
    }

    /// All of them are opened before the first byte is sent, so that one that is missing is said.
    async fn files(&self) -> Result<Vec<Entry>, Problem> {
        let mut entries =
            vec![Entry { name: self.name("json"), bytes: Box::new(Cursor::new(self.json()?.into_bytes())) }];
        for asset in media::assets(&self.content.body) {
            let row = self.api.desk().store().asset(self.scope, asset.id).await?;
            let file =
                self.api.desk().assets().open(&row.asset.path, 0).await.map_err(|error| lost(asset.id, &error))?;
            let bytes = Upload::of(Body::from_stream(pieces(file, row.asset.bytes)), row.asset.bytes);
            entries.push(Entry { name: self.name(extension(&row.asset.media_type)), bytes: Box::new(bytes) });
        }
        Ok(entries)
    }
}

/// Written in a thread of its own while it is sent.
fn archived(entries: Vec<Entry>) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let out = BufWriter::with_capacity(PIECE_BYTES, Pipe(sender.clone()));
        if let Err(error) = archive(out, entries) {
            // Whoever reads sees that it breaks off; nobody reads any more when this fails.
            drop(sender.blocking_send(Err(error)));
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) }))
}

struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(piece))).map_err(gone)?;
        Ok(piece.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
