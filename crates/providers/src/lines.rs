//! Lines from bytes that arrive in any pieces, for streams of one JSON value a line. It cuts at the byte level, so a
//! character divided between two pieces is whole again before anybody decodes it.

use crate::json_text::lossy;
use crate::sse::LineTooLong;

/// The reader's memory between two pieces.
#[derive(Debug)]
pub(crate) struct LineReader {
    limit_bytes: usize,
    line: Vec<u8>,
}

impl LineReader {
    /// Units: bytes a line.
    pub fn new(limit_bytes: usize) -> LineReader {
        LineReader { limit_bytes, line: Vec::new() }
    }

    /// Takes the next piece and returns the lines it completed, without their ends.
    ///
    /// Errors: [`LineTooLong`] - the stream is not usable any more.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<String>, LineTooLong> {
        let mut lines = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() > self.limit_bytes {
                return Err(LineTooLong { limit_bytes: self.limit_bytes });
            }
            if self.line.is_empty() && part.ends_with(b"\n") {
                lines.push(lossy(part).into_owned());
                continue;
            }
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                lines.push(lossy(&std::mem::take(&mut self.line)).into_owned());
            }
        }
        Ok(lines)
    }

    /// What is left when the stream ended without its last line end.
    pub fn finish(self) -> String {
        lossy(&self.line).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_were_cut() {
        let text = "{\"a\":\"grüße 🦀\"}\n\r\n{\"b\":1}".as_bytes();
        for cut in 0..text.len() {
            let mut reader = LineReader::new(100);
            let mut lines = reader.feed(&text[..cut]).unwrap();
            lines.extend(reader.feed(&text[cut..]).unwrap());
            assert_eq!(lines, ["{\"a\":\"grüße 🦀\"}\n", "\r\n"], "{cut}");
            assert_eq!(reader.finish(), "{\"b\":1}");
        }
    }

    #[test]
    fn a_line_over_the_limit_ends_the_stream() {
        let mut reader = LineReader::new(10);
        assert!(reader.feed(b"0123456789").is_ok());
        assert_eq!(reader.feed(b"x"), Err(LineTooLong { limit_bytes: 10 }));
    }
}
