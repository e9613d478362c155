//! Files that callers put here: how much of them a workspace may keep. Pure.

use std::fmt;

/// How many files there are, and how large they are together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    pub files: u64,
    /// Units: bytes.
    pub bytes: u64,
}

/// The most a workspace may keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    pub files: u64,
    /// Units: bytes.
    pub bytes: u64,
}

impl Quota {
    /// Whether one more file has room, if it has so many bytes; `None` when that is not known yet.
    pub fn admit(self, kept: Kept, bytes: Option<u64>) -> Result<(), FilesFull> {
        let fits = kept.files < self.files && kept.bytes.saturating_add(bytes.unwrap_or(1)) <= self.bytes;
        if fits { Ok(()) } else { Err(FilesFull { kept, quota: self, bytes }) }
    }

    /// How many bytes the next file may have. Units: bytes.
    pub fn room(self, kept: Kept) -> u64 {
        self.bytes.saturating_sub(kept.bytes)
    }
}

/// There is no room for a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FilesFull {
    pub kept: Kept,
    pub quota: Quota,
    /// Of the file, where it was read to its end. Units: bytes.
    pub bytes: Option<u64>,
}

impl fmt::Display for FilesFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilesFull { kept, quota, bytes } = self;
        let this =
            bytes.map_or_else(|| "this one does not fit".to_owned(), |bytes| format!("this one has {bytes} bytes"));
        write!(
            f,
            "The workspace keeps {} files of {} bytes together, and {this}; {} files of {} bytes together are the \
             limit. Nothing was kept of it.",
            kept.files, kept.bytes, quota.files, quota.bytes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_admitted_up_to_both_limits_and_not_beyond() {
        let quota = Quota { files: 2, bytes: 100 };
        let kept = |files, bytes| Kept { files, bytes };
        for (kept, bytes, fits) in [
            (kept(0, 0), Some(100), true),
            (kept(0, 0), Some(101), false),
            (kept(1, 40), Some(60), true),
            (kept(1, 40), Some(61), false),
            (kept(2, 0), Some(1), false),
            (kept(1, 99), None, true),
            (kept(1, 100), None, false),
            (kept(0, u64::MAX), Some(u64::MAX), false),
        ] {
            assert_eq!(quota.admit(kept, bytes).is_ok(), fits, "{kept:?} {bytes:?}");
        }
        assert_eq!((quota.room(kept(1, 40)), quota.room(kept(1, 400))), (60, 0));
        let said = quota.admit(kept(2, 7), Some(5)).unwrap_err().to_string();
        assert!(said.starts_with("The workspace keeps 2 files of 7 bytes together, and this one has 5 bytes; 2 files"));
    }
}
