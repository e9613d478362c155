//! Server-sent events out of a byte stream. It knows no event.

use crate::exit::Failure;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

pub struct Frame {
    pub event: String,
    pub data: Value,
}

pub struct Frames {
    stream: BoxStream<'static, Result<Vec<u8>, Failure>>,
    buffer: Vec<u8>,
    /// The last id that was named, also by a block without an event: where to go on after a break.
    pub position: Option<String>,
}

impl Frames {
    pub fn new(stream: BoxStream<'static, Result<Vec<u8>, Failure>>) -> Frames {
        Frames { stream, buffer: Vec::new(), position: None }
    }

    /// The next event; `None` at the end. Comments and fields we do not use are skipped.
    pub async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(frame) = self.read(&String::from_utf8_lossy(&block)) {
                    return Ok(Some(frame));
                }
            }
            match self.stream.next().await {
                Some(piece) => self.buffer.extend(piece?),
                None => return Ok(None),
            }
        }
    }

    fn read(&mut self, block: &str) -> Option<Frame> {
        let (mut event, mut data) = (None, String::new());
        for line in block.lines() {
            if let Some(name) = line.strip_prefix("event:") {
                event = Some(name.trim().to_owned());
            } else if let Some(text) = line.strip_prefix("data:") {
                data.push_str(text.trim_start());
            } else if let Some(id) = line.strip_prefix("id:") {
                self.position = Some(id.trim().to_owned());
            }
        }
        Some(Frame { event: event?, data: serde_json::from_str(&data).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_whatever_stands_around_it() {
        let mut frames = Frames::new(futures::stream::empty().boxed());
        let block = ": comment\nretry: 2000\nid: 1.0\nevent: generation.delta\ndata: {\"text\":\"a\"}\n\n";
        let frame = frames.read(block).unwrap();
        assert_eq!((frame.event.as_str(), &frame.data["text"]), ("generation.delta", &"a".into()));
        assert_eq!(frames.position.as_deref(), Some("1.0"));
        assert!(frames.read(": keep-alive\nid: 7\n\n").is_none());
        assert_eq!(frames.position.as_deref(), Some("7"), "a position without an event is one");
    }
}
