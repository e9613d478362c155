//! A body that comes packed, unpacked piece by piece into a room of a named size: what does not fit is found where the room
//! ends, however small it came.

use crate::get::Unread;
use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};
use std::io::{self, Write};

/// What is asked for.
pub(crate) const PACKINGS: &str = "gzip, deflate";

/// Holds at most so many bytes.
pub(crate) struct Room {
    body: Vec<u8>,
    bytes_max: usize,
    full: bool,
}

impl Write for Room {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.full |= piece.len() > self.bytes_max - self.body.len();
        if self.full {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.body.extend_from_slice(piece);
        Ok(piece.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) enum Unpacker {
    Plain(Room),
    Gzip(GzDecoder<Room>),
    /// `deflate`, of which servers mean one thing or the other: its first byte says which.
    Unclear(Room),
    Zlib(ZlibDecoder<Room>),
    Raw(DeflateDecoder<Room>),
}

impl Unpacker {
    /// Errors: [`Unread::Compressed`] - packed in a way that was not asked for.
    pub fn new(encoding: Option<&str>, bytes_max: usize) -> Result<Unpacker, Unread> {
        let room = Room { body: Vec::new(), bytes_max, full: false };
        match encoding.map(|word| word.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Ok(Unpacker::Plain(room)),
            Some("gzip" | "x-gzip") => Ok(Unpacker::Gzip(GzDecoder::new(room))),
            Some("deflate") => Ok(Unpacker::Unclear(room)),
            Some(other) => Err(Unread::Compressed(other.chars().take(40).collect())),
        }
    }

    /// Errors: `TooLarge`; `Packed` - it is not what it says it is.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Unread> {
        if let (Unpacker::Unclear(room), Some(first)) = (&mut *self, piece.first()) {
            let room = Room { body: Vec::new(), bytes_max: room.bytes_max, full: false };
            // The header of zlib names the method 8; a stream without one cannot begin so.
            let zlib = first & 0x0f == 8;
            *self =
                if zlib { Unpacker::Zlib(ZlibDecoder::new(room)) } else { Unpacker::Raw(DeflateDecoder::new(room)) };
        }
        let took = match self {
            Unpacker::Plain(room) | Unpacker::Unclear(room) => room.write_all(piece),
            Unpacker::Gzip(packed) => packed.write_all(piece),
            Unpacker::Zlib(packed) => packed.write_all(piece),
            Unpacker::Raw(packed) => packed.write_all(piece),
        };
        took.map_err(|error| self.fault(&error))
    }

    /// Errors: as [`Unpacker::take`]; a body that ends too soon is `Packed`.
    pub fn finish(mut self) -> Result<Vec<u8>, Unread> {
        let ended = match &mut self {
            Unpacker::Plain(_) | Unpacker::Unclear(_) => Ok(()),
            Unpacker::Gzip(packed) => packed.try_finish(),
            Unpacker::Zlib(packed) => packed.try_finish(),
            Unpacker::Raw(packed) => packed.try_finish(),
        };
        ended.map_err(|error| self.fault(&error))?;
        Ok(std::mem::take(&mut self.room_mut().body))
    }

    fn room_mut(&mut self) -> &mut Room {
        match self {
            Unpacker::Plain(room) | Unpacker::Unclear(room) => room,
            Unpacker::Gzip(packed) => packed.get_mut(),
            Unpacker::Zlib(packed) => packed.get_mut(),
            Unpacker::Raw(packed) => packed.get_mut(),
        }
    }

    fn fault(&mut self, error: &io::Error) -> Unread {
        let room = self.room_mut();
        if room.full { Unread::TooLarge { bytes_max: room.bytes_max } } else { Unread::Packed(error.to_string()) }
    }
}
