//! What is no JSON on its way to the user: printed as it comes, or into a file that has its name when it is whole.

use super::generate::cannot_write;
use crate::backend::Backend;
use crate::exit::{self, Failure};
use crate::output::{Output, cell};
use futures::StreamExt;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The files a draft names.
pub fn listed(draft: &Value) -> &[Value] {
    draft.pointer("/content/assets").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Writes them to `path`; several get a number before their ending.
pub async fn save(backend: &Backend, draft: &Value, path: &Path, output: Output) -> Result<(), Failure> {
    let files = listed(draft);
    for (file, number) in files.iter().zip(1..) {
        let place = if files.len() == 1 { path.to_owned() } else { numbered(path, number) };
        let url = format!("/api/v1/assets/{}", cell(file, "/id"));
        if let Err(error) = download(backend, &url, &place).await? {
            return Err(cannot_write(draft, &place, &error));
        }
        output.talk(&format!("{} is in {}.", cell(file, "/id"), place.display()));
    }
    Ok(())
}

/// Writes what is at `url` to `place`. The error inside is the disk's.
pub async fn download(backend: &Backend, url: &str, place: &Path) -> Result<std::io::Result<()>, Failure> {
    let part = beside(place);
    let written = fetch(backend, url, &part).await;
    let kept = match written {
        Ok(Ok(())) => std::fs::rename(&part, place),
        Ok(Err(error)) => Err(error),
        Err(failure) => {
            drop(std::fs::remove_file(&part));
            return Err(failure);
        }
    };
    if kept.is_err() {
        drop(std::fs::remove_file(&part));
    }
    Ok(kept)
}

/// That the disk does not take it.
pub fn unwritable(place: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::UNEXPECTED, "cannot_write", format!("{} cannot be written: {error}", place.display()))
}

/// Writes what is at `url` to standard output.
pub async fn print(backend: &Backend, url: &str) -> Result<(), Failure> {
    let mut pieces = backend.bytes(url).await?;
    let mut out = std::io::stdout().lock();
    while let Some(piece) = pieces.next().await {
        // A closed pipe is the reader's wish.
        if out.write_all(&piece?).is_err() {
            break;
        }
    }
    Ok(())
}

async fn fetch(backend: &Backend, url: &str, part: &Path) -> Result<std::io::Result<()>, Failure> {
    let mut pieces = backend.bytes(url).await?;
    let mut file = match std::fs::File::create(part) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    while let Some(piece) = pieces.next().await {
        if let Err(error) = file.write_all(&piece?) {
            return Ok(Err(error));
        }
    }
    Ok(file.sync_all())
}

/// `film.gif` as `film-2.gif`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{ending}"))
}

/// Where it is written until it is whole.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_are_numbered_before_their_ending() {
        assert_eq!(numbered(Path::new("a/film.gif"), 2), Path::new("a/film-2.gif"));
        assert_eq!(numbered(Path::new("film"), 1), Path::new("film-1"));
        assert_eq!(beside(Path::new("a/film.gif")), Path::new("a/.film.gif.part"));
    }
}
