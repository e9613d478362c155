//! How a file of items or prospects is read: by a word, or by its type.

/// How a file of items is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ItemFormat {
    /// A table whose cells stand between these.
    Table(u8),
    /// One JSON object a line.
    Lines,
}

impl ItemFormat {
    pub const WORDS: [&'static str; 3] = ["csv", "tsv", "jsonl"];

    pub fn parse(word: &str) -> Option<ItemFormat> {
        match word {
            "csv" => Some(ItemFormat::Table(b',')),
            "tsv" => Some(ItemFormat::Table(b'\t')),
            "jsonl" => Some(ItemFormat::Lines),
            _ => None,
        }
    }

    /// What a file of this type is read as.
    pub fn of_type(media_type: &str) -> Option<ItemFormat> {
        match media_type {
            "text/csv" => Some(ItemFormat::Table(b',')),
            "text/tab-separated-values" => Some(ItemFormat::Table(b'\t')),
            "application/x-ndjson" | "application/jsonl" | "application/x-jsonlines" => Some(ItemFormat::Lines),
            _ => None,
        }
    }
}
