//! Parquet, compressed with Snappy: texts as UTF-8, numbers as 64-bit integers, instants as UTC microseconds; every column
//! may be absent. Rows are held until there are enough for a row group.

use super::sink::{Column, Kind, broken};
use crate::exit::Failure;
use copydesk_core::Timestamp;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::Result as Done;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;
use std::fs::File;
use std::sync::Arc;

/// Rows of one row group.
const GROUP_ROWS: usize = 20_000;

pub struct Parquet {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    /// The cells of the group under way, by column.
    held: Vec<Vec<Cell>>,
}

enum Cell {
    Absent,
    Text(String),
    Number(i64),
}

impl Parquet {
    pub fn new(file: File, columns: Vec<Column>) -> Result<Parquet, Failure> {
        let schema = schema(&columns).map_err(broken)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(broken)?;
        let held = columns.iter().map(|_| Vec::new()).collect();
        Ok(Parquet { writer, columns, held })
    }

    pub fn rows(&mut self, rows: &[Value]) -> Result<(), Failure> {
        for row in rows {
            for (column, cells) in self.columns.iter().zip(&mut self.held) {
                cells.push(cell(row, column)?);
            }
        }
        if self.held.first().is_some_and(|cells| cells.len() >= GROUP_ROWS) { self.write_group() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        self.write_group()?;
        self.writer.close().map(drop).map_err(broken)
    }

    fn write_group(&mut self) -> Result<(), Failure> {
        if self.held.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let held: Vec<Vec<Cell>> = self.held.iter_mut().map(std::mem::take).collect();
        let mut write_group = || -> Done<()> {
            let mut group = self.writer.next_row_group()?;
            for (column, cells) in self.columns.iter().zip(&held) {
                if let Some(mut writer) = group.next_column()? {
                    write(&mut writer, column.kind, cells)?;
                    writer.close()?;
                }
            }
            group.close().map(drop)
        };
        write_group().map_err(broken)
    }
}

fn schema(columns: &[Column]) -> Done<TypePtr> {
    let field = |column: &Column| {
        let (physical, logical) = match column.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Integer => (Physical::INT64, None),
            Kind::Instant => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        };
        let built = Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build();
        built.map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Done<Vec<TypePtr>>>()?;
    Type::group_type_builder("usage").with_fields(fields).build().map(Arc::new)
}

fn cell(row: &Value, column: &Column) -> Result<Cell, Failure> {
    let wrong = |value: &Value| broken(format!("{} is {value}, which is no {:?}", column.name, column.kind));
    let value = match row.pointer(&column.pointer) {
        None | Some(Value::Null) => return Ok(Cell::Absent),
        Some(value) => value,
    };
    let text = || value.as_str().ok_or_else(|| wrong(value));
    Ok(match column.kind {
        Kind::Text => Cell::Text(text()?.to_owned()),
        Kind::Integer => Cell::Number(value.as_i64().ok_or_else(|| wrong(value))?),
        Kind::Instant => Cell::Number(text()?.parse::<Timestamp>().map_err(broken)?.micros()),
    })
}

fn write(writer: &mut SerializedColumnWriter<'_>, kind: Kind, cells: &[Cell]) -> Done<()> {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(!matches!(cell, Cell::Absent))).collect();
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => Some(ByteArray::from(text.as_str())),
        Cell::Absent | Cell::Number(_) => None,
    };
    let number = |cell: &Cell| match cell {
        Cell::Number(number) => Some(*number),
        Cell::Absent | Cell::Text(_) => None,
    };
    match kind {
        Kind::Text => {
            let values: Vec<ByteArray> = cells.iter().filter_map(text).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
        Kind::Integer | Kind::Instant => {
            let values: Vec<i64> = cells.iter().filter_map(number).collect();
            writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use serde_json::json;

    fn columns() -> Vec<Column> {
        let column = |name: &str, kind| Column { name: name.to_owned(), pointer: format!("/{name}"), kind };
        vec![column("model", Kind::Text), column("calls", Kind::Integer), column("from", Kind::Instant)]
    }

    #[test]
    fn what_was_written_is_read_back_over_several_groups_with_absent_ones_absent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut parquet = Parquet::new(file.reopen().unwrap(), columns()).unwrap();
        for page in 0..41 {
            let row = |n: i64| match n % 3 {
                0 => json!({"model": null, "calls": n, "from": "2026-01-31T08:00:00+05:45"}),
                1 => json!({"model": "demo/é", "from": null}),
                _ => json!({"model": "demo/swift", "calls": -n}),
            };
            parquet.rows(&(page * 1_000..(page + 1) * 1_000).map(row).collect::<Vec<_>>()).unwrap();
        }
        parquet.finish().unwrap();
        let reader = SerializedFileReader::new(file.reopen().unwrap()).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 3);
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(rows.len(), 41_000);
        assert_eq!(rows[0], "{model: null, calls: 0, from: 2026-01-31 02:15:00.000000 +00:00}");
        assert_eq!(rows[1], r#"{model: "demo/é", calls: null, from: null}"#);
        assert_eq!(rows[40_001], r#"{model: "demo/swift", calls: -40001, from: null}"#);
    }

    #[test]
    fn a_value_of_another_kind_is_an_error_and_not_an_absent_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut parquet = Parquet::new(file.reopen().unwrap(), columns()).unwrap();
        let failure = parquet.rows(&[json!({"calls": "many"})]).unwrap_err();
        assert!(failure.message.contains("calls is \"many\""), "{}", failure.message);
    }
}
