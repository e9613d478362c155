//! A form with a file in it (`multipart/form-data`, RFC 7578), read piece by piece: whatever its parts hold, only a piece of
//! one is in memory. It knows where parts begin and end and what they are called; what they mean is the route's business.

use super::body::broken_off;
use crate::problem::Problem;
use axum::body::{Body, BodyDataStream, Bytes};
use futures::StreamExt;
use memchr::memmem;

/// The longest head of a part. Units: bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The longest boundary there may be, by RFC 2046. Units: bytes.
const BOUNDARY_BYTES_MAX: usize = 70;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A form on its way in.
pub(crate) struct Multipart {
    body: BodyDataStream,
    /// What stands before each part, and after the last one: a line break, two dashes and the boundary.
    delimiter: Vec<u8>,
    /// What came and was not handed on.
    buffer: Vec<u8>,
    /// Inside a part, whose end was not seen yet.
    inside: bool,
    over: bool,
}

/// The head of a part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Part {
    pub name: String,
    /// What its sender calls the file in it; `None` for a plain field.
    pub file_name: Option<String>,
    pub media_type: Option<String>,
}

/// The boundary of a form, by the `Content-Type` that announces it; `None` for what is no form.
///
/// Errors: a form without a boundary that could be one.
pub(crate) fn boundary(content_type: &str) -> Result<Option<String>, Problem> {
    let (kind, params) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Ok(None);
    }
    let found = parameters(params).into_iter().find(|(name, _)| name == "boundary").map(|(_, value)| value);
    let is_good = |text: &String| {
        (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let missing = || malformed("its Content-Type names no boundary of 1 to 70 characters");
    found.filter(is_good).map(Some).ok_or_else(missing)
}

impl Multipart {
    pub fn of(body: Body, boundary: &str) -> Multipart {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first delimiter may stand at the very beginning, without the line break.
        let buffer = b"\r\n".to_vec();
        Multipart { body: body.into_data_stream(), delimiter, buffer, inside: true, over: false }
    }

    /// The head of the next part; what is left of the one before is passed over. `None` behind the last one.
    pub async fn next(&mut self) -> Result<Option<Part>, Problem> {
        if self.over {
            return Ok(None);
        }
        // What stands before the first delimiter is nobody's, like the rest of a part.
        while self.piece().await?.is_some() {}
        // Behind a delimiter: two dashes end the form, a line break begins a part.
        while self.buffer.len() < 2 {
            self.more().await?;
        }
        if self.buffer.starts_with(b"--") {
            self.over = true;
            return Ok(None);
        }
        let head = self.head().await?;
        self.inside = true;
        part(&head).map(Some)
    }

    /// The next piece of the part; `None` at its end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        if !self.inside {
            return Ok(None);
        }
        loop {
            if let Some(end) = memmem::find(&self.buffer, &self.delimiter) {
                let piece = Bytes::copy_from_slice(&self.buffer[..end]);
                self.buffer.drain(..end + self.delimiter.len());
                self.inside = false;
                return Ok((!piece.is_empty()).then_some(piece));
            }
            // What could be the beginning of a delimiter stays.
            let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if sure > 0 {
                return Ok(Some(self.buffer.drain(..sure).collect::<Vec<u8>>().into()));
            }
            self.more().await?;
        }
    }

    /// The whole of a small part.
    ///
    /// Errors: it has more than `bytes_max`, or is no text.
    pub async fn text(&mut self, name: &str, bytes_max: usize) -> Result<String, Problem> {
        let mut text = Vec::new();
        while let Some(piece) = self.piece().await? {
            if text.len() + piece.len() > bytes_max {
                return Err(Problem::fault(&format!("/{name}"), "too_large", format!("at most {bytes_max} bytes")));
            }
            text.extend_from_slice(&piece);
        }
        String::from_utf8(text).map_err(|_| Problem::fault(&format!("/{name}"), "wrong_type", "it must be UTF-8"))
    }

    /// Up to the empty line behind it. The line break behind the delimiter belongs to it, so that it may be empty.
    async fn head(&mut self) -> Result<Vec<u8>, Problem> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, HEAD_END) {
                return Ok(self.buffer.drain(..end + HEAD_END.len()).collect());
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(malformed(&format!("a part has a head of more than {HEAD_BYTES_MAX} bytes")));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Problem> {
        match self.body.next().await {
            Some(piece) => self.buffer.extend_from_slice(&piece.map_err(broken_off)?),
            None => return Err(malformed("it ends before its last boundary")),
        }
        Ok(())
    }
}

fn part(head: &[u8]) -> Result<Part, Problem> {
    let head = std::str::from_utf8(head).map_err(|_| malformed("the head of a part is not UTF-8"))?;
    let mut part = Part::default();
    let mut is_named = false;
    for line in head.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-type") {
            let kind = value.split(';').next().unwrap_or_default();
            part.media_type = Some(kind.trim().to_ascii_lowercase());
        } else if name.trim().eq_ignore_ascii_case("content-disposition") {
            let (kind, params) = value.split_once(';').unwrap_or((value, ""));
            for (name, value) in parameters(params) {
                match name.as_str() {
                    "name" => (part.name, is_named) = (value, true),
                    "filename" => part.file_name = Some(value),
                    _ => {}
                }
            }
            is_named = is_named && kind.trim().eq_ignore_ascii_case("form-data");
        }
    }
    if is_named {
        Ok(part)
    } else {
        Err(malformed("a part says no name: Content-Disposition: form-data; name=\"file\""))
    }
}

/// `a=b; c="d e"`. Inside quotes a backslash takes the next sign as it is, and `%22` is a quote, as browsers send it.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        let name: String = std::iter::from_fn(|| rest.next_if(|sign| *sign != '=' && *sign != ';')).collect();
        match rest.next() {
            Some('=') => {}
            Some(_) => continue,
            None => return found,
        }
        let value: String = if rest.next_if_eq(&'"').is_some() {
            let mut value = String::new();
            while let Some(sign) = rest.next().filter(|sign| *sign != '"') {
                match (sign, rest.peek()) {
                    ('\\', Some('"' | '\\')) => value.extend(rest.next()),
                    (sign, _) => value.push(sign),
                }
            }
            value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
        } else {
            let bare: String = std::iter::from_fn(|| rest.next_if(|sign| *sign != ';')).collect();
            bare.trim().to_owned()
        };
        found.push((name.trim().to_ascii_lowercase(), value));
    }
}

fn malformed(why: &str) -> Problem {
    Problem::fault("/file", "malformed_form", format!("the form cannot be read: {why}"))
        .hint("Send multipart/form-data as browsers and curl -F do, or the bytes alone as the body.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    const FORM: &str = "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"expires_in\"\r\n\r\n1h\r\n--B  \r\n\
        content-type: Text/CSV; charset=utf-8\r\nCONTENT-DISPOSITION: form-data; name=file; filename=\"a\\\"b;c%22.csv\"\r\n\r\n\
        one\r\n--\r\n-Btwo\r\n\r\n--B--\r\nepilogue";

    type Seen = Vec<(Part, String)>;

    /// The same form in pieces of so many bytes.
    async fn read(form: &str, size: usize) -> Result<Seen, Problem> {
        let pieces: Vec<_> =
            form.as_bytes().chunks(size).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let mut form = Multipart::of(Body::from_stream(stream::iter(pieces)), "B");
        let mut seen = Vec::new();
        while let Some(part) = form.next().await? {
            seen.push((part.clone(), form.text(&part.name, 1_000).await?));
        }
        Ok(seen)
    }

    #[tokio::test]
    async fn a_form_is_the_same_however_it_is_cut() {
        let field = Part { name: "expires_in".to_owned(), ..Part::default() };
        let file = Part {
            name: "file".to_owned(),
            file_name: Some("a\"b;c\".csv".to_owned()),
            media_type: Some("text/csv".to_owned()),
        };
        let want = [(field, "1h".to_owned()), (file, "one\r\n--\r\n-Btwo\r\n".to_owned())];
        for size in 1..=FORM.len() {
            assert_eq!(read(FORM, size).await.unwrap_or_default(), want, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused_and_never_waited_for() {
        let head = format!("--B\r\nX: {}", "x".repeat(HEAD_BYTES_MAX + 10));
        let bad = [
            "",
            "no boundary at all",
            "--B",
            "--B\r\n",
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut off",
            "--B\r\n\r\nnameless\r\n--B--",
            "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--B--",
            head.as_str(),
        ];
        for form in bad {
            assert!(read(form, 7).await.is_err(), "{form:?}");
        }
        assert!(read("--B--", 2).await.is_ok_and(|seen| seen.is_empty()), "an empty form is one");
    }

    #[tokio::test]
    async fn a_large_part_is_never_held_whole() {
        let piece = vec![b'x'; 64 * 1024];
        let head = b"--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
        let pieces = std::iter::once(head).chain(std::iter::repeat_n(piece, 500)).chain([b"\r\n--B--".to_vec()]);
        let mut form = Multipart::of(Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>))), "B");
        assert_eq!(form.next().await.unwrap_or_default().unwrap_or_default().name, "file");
        let mut bytes = 0;
        while let Ok(Some(piece)) = form.piece().await {
            bytes += piece.len();
            assert!(form.buffer.len() < 100_000 && piece.len() < 200_000, "{} bytes are held", form.buffer.len());
        }
        assert_eq!(bytes, 500 * 64 * 1024);
        assert!(form.next().await.is_ok_and(|part| part.is_none()));
    }

    #[test]
    fn a_boundary_is_found_where_a_form_is_announced() {
        assert_eq!(boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\"").ok(), Some(Some("a b".to_owned())));
        assert_eq!(boundary("text/csv; boundary=x").ok(), Some(None));
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for bad in ["multipart/form-data", "multipart/form-data; boundary=", long.as_str()] {
            assert!(boundary(bad).is_err(), "{bad}");
        }
    }
}
