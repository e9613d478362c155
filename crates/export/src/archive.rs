//! An archive (zip): entries as they are, one behind the other, written while they are read. The same entries give the same
//! bytes: no clock, no owner, nothing packed - pictures and videos are packed already.

use std::io::{self, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// One file of an archive.
pub struct Entry {
    /// Without folders; see [`crate::file_name`].
    pub name: String,
    pub bytes: Box<dyn Read + Send>,
}

/// Writes an archive of the entries. Names that are there already get a number before their ending.
pub fn archive(out: impl Write, entries: impl IntoIterator<Item = Entry>) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new_stream(out);
    let mut names: Vec<String> = Vec::new();
    for Entry { name, mut bytes } in entries {
        let name = free(&name, &names);
        writer.start_file(name.as_str(), options)?;
        names.push(name.to_lowercase());
        io::copy(&mut bytes, &mut writer)?;
    }
    writer.finish()?.into_inner().flush()
}

fn free(name: &str, taken: &[String]) -> String {
    let numbered = |number: usize| match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}-{number}.{ending}"),
        None => format!("{name}-{number}"),
    };
    let names = std::iter::once(name.to_owned()).chain((2..).map(numbered));
    let mut free = names.filter(|name| !taken.contains(&name.to_lowercase()));
    free.next().unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use zip::ZipArchive;

    fn made(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let entries = entries
            .iter()
            .map(|(name, bytes)| Entry { name: (*name).to_owned(), bytes: Box::new(Cursor::new(bytes.to_vec())) });
        let mut out = Vec::new();
        assert!(archive(&mut out, entries).is_ok());
        out
    }

    #[test]
    fn what_goes_in_comes_out_and_the_same_goes_in_as_the_same_bytes() {
        let large = vec![7; 200_000];
        let entries: [(&str, &[u8]); 4] = [("a.txt", b"one"), ("A.TXT", b"two"), ("größe", &large), ("empty", b"")];
        let bytes = made(&entries);
        assert_eq!(bytes, made(&entries));
        let mut read = ZipArchive::new(Cursor::new(bytes)).unwrap_or_else(|error| panic!("{error}"));
        let mut found = Vec::new();
        for place in 0..read.len() {
            let mut entry = read.by_index(place).unwrap_or_else(|error| panic!("{error}"));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap_or_else(|error| panic!("{error}"));
            let name = entry.name().unwrap_or_else(|error| panic!("{error}")).into_owned();
            found.push((name, content));
        }
        let want = ["a.txt", "A-2.TXT", "größe", "empty"];
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), want);
        assert!(found.iter().zip(&entries).all(|((_, content), (_, bytes))| content == bytes));
    }

    #[test]
    fn a_file_that_breaks_off_breaks_the_archive_off() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof))
            }
        }
        let entries = [Entry { name: "a".to_owned(), bytes: Box::new(Broken) }];
        assert!(archive(Vec::new(), entries).is_err());
    }
}
