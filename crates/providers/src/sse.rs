//! Server-sent events from bytes that arrive in any pieces. It cuts lines at the byte level, so a character divided
//! between two pieces is whole again before anybody decodes it. It never interprets what an event carries.

use crate::json_text::lossy;

/// The longest event, and so the longest line, that is read. A longer one ends the stream with [`LineTooLong`]. Some
/// servers put a whole answer into one event, so this is far more than a word.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// One event that carried data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SseEvent {
    /// The `event:` field, where there was one.
    pub event: Option<String>,
    /// The `data:` lines, joined with line feeds. Bytes that are not UTF-8 became U+FFFD.
    pub data: String,
}

/// A line or an event over its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a line or event of the stream is longer than {limit_bytes} bytes")]
pub struct LineTooLong {
    pub limit_bytes: usize,
}

/// The parser's memory between two pieces.
#[derive(Debug)]
pub struct SseParser {
    limit_bytes: usize,
    /// Lines that came whole, comments and empty ones too.
    lines: u64,
    line: Vec<u8>,
    data: Option<String>,
    event: Option<String>,
    /// The last byte was a carriage return: a line feed right after it belongs to the same line end.
    after_cr: bool,
    /// The first line has been read, so a byte order mark is no longer expected.
    started: bool,
}

impl Default for SseParser {
    fn default() -> SseParser {
        SseParser::with_limit(EVENT_BYTES_MAX)
    }
}

impl SseParser {
    pub fn new() -> SseParser {
        SseParser::default()
    }

    /// A parser for events of another size. Units: bytes.
    pub fn with_limit(limit_bytes: usize) -> SseParser {
        SseParser { limit_bytes, lines: 0, line: Vec::new(), data: None, event: None, after_cr: false, started: false }
    }

    /// How many lines came whole so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes the next piece and returns the events it completed.
    ///
    /// Errors: [`LineTooLong`] - the stream is not usable any more.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>, LineTooLong> {
        let mut events = Vec::new();
        let mut rest = piece;
        while !rest.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if rest[0] == b'\n' {
                    rest = &rest[1..];
                    continue;
                }
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &rest[..end.unwrap_or(rest.len())];
            if self.line.len() + part.len() > self.limit_bytes {
                return Err(LineTooLong { limit_bytes: self.limit_bytes });
            }
            let Some(end) = end else {
                self.line.extend_from_slice(part);
                break;
            };
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            // Most lines come whole, and are read where they are.
            events.extend(if self.line.is_empty() {
                self.line_ended(part)?
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(part);
                self.line_ended(&line)?
            });
        }
        Ok(events)
    }

    /// What is left when the stream ended without its last blank line. A cut event cannot be told from a whole one here:
    /// the caller finds out by parsing the data.
    pub fn finish(mut self) -> Result<Option<SseEvent>, LineTooLong> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.line_ended(&line)?;
        }
        Ok(self.dispatch())
    }

    fn line_ended(&mut self, line: &[u8]) -> Result<Option<SseEvent>, LineTooLong> {
        self.lines += 1;
        let bytes = if self.started { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.started = true;
        if bytes.is_empty() {
            return Ok(self.dispatch());
        }
        let text = lossy(bytes);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        // An empty field name is a comment; unknown fields (id, retry) are ignored as the standard says.
        if field == "data" {
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        } else if field == "event" {
            self.event = Some(value.to_owned());
        }
        match &self.data {
            Some(data) if data.len() > self.limit_bytes => Err(LineTooLong { limit_bytes: self.limit_bytes }),
            Some(_) | None => Ok(None),
        }
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let event = self.event.take();
        self.data.take().map(|data| SseEvent { event, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Vec<String> {
        let mut parser = SseParser::new();
        let mut events: Vec<SseEvent> = pieces.iter().flat_map(|piece| parser.feed(piece).unwrap()).collect();
        events.extend(parser.finish().unwrap());
        events.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn comments_and_unknown_fields_are_skipped() {
        let stream = b": OPENROUTER PROCESSING\n\nid: 3\nretry: 10\ndata: one\n\n:\n\ndata:two\n\n";
        assert_eq!(parse(&[stream]), ["one", "two"]);
    }

    #[test]
    fn all_three_line_ends_and_a_byte_order_mark_are_read() {
        assert_eq!(parse(&[b"\xef\xbb\xbfdata: a\r\n\r\ndata: b\r\rdata: c\n\n"]), ["a", "b", "c"]);
    }

    #[test]
    fn several_data_lines_are_one_event() {
        assert_eq!(parse(&[b"event: x\ndata: a\ndata: b\n\n"]), ["a\nb"]);
    }

    #[test]
    fn a_last_event_without_its_blank_line_is_handed_over() {
        assert_eq!(parse(&[b"data: a\n\ndata: [DONE]"]), ["a", "[DONE]"]);
    }

    #[test]
    fn a_line_over_the_limit_ends_the_stream_and_memory_stays_flat() {
        let mut parser = SseParser::new();
        let piece = [b'x'; 16 * 1024];
        let outcome = (0..100).try_for_each(|_| parser.feed(&piece).map(drop));
        assert_eq!(outcome, Err(LineTooLong { limit_bytes: EVENT_BYTES_MAX }));
        assert!(parser.line.len() <= EVENT_BYTES_MAX);
    }

    #[test]
    fn many_short_data_lines_cannot_grow_one_event_without_end() {
        let mut parser = SseParser::new();
        let line = format!("data: {}\n", "y".repeat(60_000));
        assert!((0..40).try_for_each(|_| parser.feed(line.as_bytes()).map(drop)).is_err());
    }

    proptest! {
        #[test]
        fn any_cut_of_the_bytes_gives_the_same_events(cuts in proptest::collection::vec(0usize..90, 0..12)) {
            let stream = "data: grüße 🦀\r\n\r\n: ping\n\ndata: {\"a\":1}\ndata: ü\n\nevent: e\ndata: 漢字\r\rdata: [DONE]\n\n".as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&stream[from..cut]);
                from = cut;
            }
            pieces.push(&stream[from..]);
            prop_assert_eq!(parse(&pieces), ["grüße 🦀", "{\"a\":1}\nü", "漢字", "[DONE]"]);
        }
    }
}
