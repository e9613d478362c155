//! Where an export goes: rows of named columns, one after the other, into one of three forms. A file appears under its
//! name when it is whole.

use super::csv::Csv;
use crate::exit::{self, Failure};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Integer,
    /// RFC 3339
    Instant,
}

/// A column: its name, and where its value stands in the API's object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    pub name: String,
    pub pointer: String,
    pub kind: Kind,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// With a line of headings
    Csv,
    /// One object of the API on each line
    Jsonl,
    /// For analytics; needs --output
    Parquet,
}

/// An export under way.
pub enum Sink {
    Csv(Csv<Box<dyn Write + Send>>),
    Lines(Box<dyn Write + Send>),
    #[cfg(feature = "parquet")]
    Parquet(super::parquet::Parquet),
}

/// The file an export goes to.
pub struct Target {
    /// `None` is the standard output.
    file: Option<PathBuf>,
}

impl Target {
    pub fn new(file: Option<&Path>) -> Target {
        Target { file: file.filter(|path| path.as_os_str() != "-").map(Path::to_path_buf) }
    }

    fn part(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|file| {
            let mut name = file.as_os_str().to_owned();
            name.push(".part");
            name.into()
        })
    }

    pub fn open(&self, format: Format, columns: Vec<Column>) -> Result<Sink, Failure> {
        let part = self.part();
        let opened = part.as_ref().map(|part| File::create(part).map_err(|error| cannot(part, &error))).transpose()?;
        match (format, opened) {
            #[cfg(feature = "parquet")]
            (Format::Parquet, Some(file)) => Ok(Sink::Parquet(super::parquet::Parquet::new(file, columns)?)),
            #[cfg(feature = "parquet")]
            (Format::Parquet, None) => {
                Err(Failure::usage("Parquet needs a file to go to: add --output FILE".to_owned()))
            }
            #[cfg(not(feature = "parquet"))]
            (Format::Parquet, _) => Err(Failure::usage(
                "this program was built without Parquet: use csv or jsonl, or build it with `--features parquet`"
                    .to_owned(),
            )),
            (Format::Csv, file) => Ok(Sink::Csv(Csv::new(writer(file), columns)?)),
            (Format::Jsonl, file) => Ok(Sink::Lines(writer(file))),
        }
    }

    /// The file gets its name.
    pub fn finish(&self, sink: Sink) -> Result<(), Failure> {
        match sink {
            Sink::Csv(csv) => csv.finish()?,
            Sink::Lines(mut lines) => lines.flush().map_err(broken)?,
            #[cfg(feature = "parquet")]
            Sink::Parquet(parquet) => parquet.finish()?,
        }
        match (self.part(), &self.file) {
            (Some(part), Some(file)) => std::fs::rename(part, file).map_err(|error| cannot(file, &error)),
            (_, _) => Ok(()),
        }
    }
}

fn writer(file: Option<File>) -> Box<dyn Write + Send> {
    match file {
        Some(file) => Box::new(BufWriter::new(file)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    }
}

impl Sink {
    pub fn rows(&mut self, rows: &[Value]) -> Result<(), Failure> {
        match self {
            Sink::Csv(csv) => csv.rows(rows),
            Sink::Lines(lines) => rows.iter().try_for_each(|row| writeln!(lines, "{row}")).map_err(broken),
            #[cfg(feature = "parquet")]
            Sink::Parquet(parquet) => parquet.rows(rows),
        }
    }
}

pub fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(exit::UNEXPECTED, "export_failed", format!("the export cannot be written: {error}"))
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(exit::UNEXPECTED, "export_failed", format!("{} cannot be written: {error}", path.display()))
}
