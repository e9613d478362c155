//! `cargo xtask prices --from DIR --media-date DAY`: writes the price table of `crates/providers` from two packages with
//! open data, unpacked into one folder: `pip download --no-deps model-prices litellm`, then `unzip` each wheel there.
//! Text models come from `model-prices` (models.dev), pictures, videos and what models take from `litellm`. What it cannot turn into an
//! exact price it leaves out, and says so. It knows nothing about looking prices up.

mod abilities;
mod decimal;
mod media;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use abilities::Abilities;
use serde_json::Value;

use crate::shell::{self, Outcome, Verdict};

/// Where the table stands in the repository.
const TABLE: &str = "crates/providers/src/prices/table.json";

/// The table is compiled into the binary. Units: bytes.
const TABLE_BYTES_MAX: usize = 400 * 1024;

/// Rates by name, in whole nano-dollars; none at all means "unknown from here on".
type Rates = BTreeMap<&'static str, Value>;

/// The rows of one model by the instant they begin.
type Rows = BTreeMap<String, Rates>;

/// What a source gave, and what of it was left out with the reason.
#[derive(Default)]
struct Found {
    models: BTreeMap<String, Rows>,
    left_out: Vec<(String, &'static str)>,
}

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    let (folder, media_date) = match arguments {
        [from, folder, date, day] if from == "--from" && date == "--media-date" => (Path::new(folder), day),
        _ => return Err("say where the unpacked packages are: --from DIR --media-date 2026-11-22".to_owned()),
    };
    if day_of(media_date) != Some(media_date) || media_date.len() != 10 {
        return Err(format!("{media_date:?} is not a day such as 2026-11-22"));
    }
    let snapshot = read(&folder.join("model_prices/snapshot.json"))?;
    let prices = read(&folder.join("litellm/model_prices_and_context_window_backup.json"))?;
    let day = snapshot["updated_at"].as_str().and_then(day_of).ok_or("the snapshot names no day")?;
    let text = text::read(&snapshot)?;
    let media = media::read(&prices, &format!("{media_date}T00:00:00Z"))?;
    let mut models = text.models;
    // A model that draws is priced by the source that knows pictures.
    models.extend(media.models);
    for rows in models.values_mut() {
        without_repeats(rows);
    }
    let commit = snapshot["models_dev"]["commit"].as_str().unwrap_or_default();
    let sources = [
        format!("model-prices {}, models.dev {}", version_of(folder, "model_prices")?, &commit[..commit.len().min(12)]),
        format!("litellm {}", version_of(folder, "litellm")?),
    ];
    let abilities = abilities::read(&prices)?;
    let table = written(&format!("models.dev-{day}"), &sources, &models, &abilities);
    if table.len() > TABLE_BYTES_MAX {
        return Err(format!("the table has {} bytes, more than the {TABLE_BYTES_MAX} it may have", table.len()));
    }
    let path = shell::root().join(TABLE);
    std::fs::write(&path, &table).map_err(|error| format!("{}: {error}", path.display()))?;
    for (name, why) in text.left_out.iter().chain(&media.left_out) {
        println!("unpriced  {name}: {why}");
    }
    let rows: usize = models.values().map(BTreeMap::len).sum();
    println!("prices: {} models, {rows} rows, {} abilities, {} bytes", models.len(), abilities.len(), table.len());
    Ok(Verdict::Good)
}

fn read(path: &Path) -> Outcome<Value> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The version in the name of the package's `dist-info` folder.
fn version_of(folder: &Path, package: &str) -> Outcome<String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut versions = names
        .filter_map(|name| Some(name.strip_prefix(&format!("{package}-"))?.strip_suffix(".dist-info")?.to_owned()));
    versions.next().ok_or_else(|| format!("{} holds no {package}-*.dist-info", folder.display()))
}

/// The day of an instant such as `2026-10-26T18:46:35Z`.
fn day_of(instant: &str) -> Option<&str> {
    let day = instant.get(..10)?;
    let digits = |range: std::ops::Range<usize>| day[range].bytes().all(|byte| byte.is_ascii_digit());
    (digits(0..4) && digits(5..7) && digits(8..10) && &day[4..5] == "-" && &day[7..8] == "-").then_some(day)
}

/// A row that says what the one before it said is none, and an unknown price at the beginning says nothing.
fn without_repeats(rows: &mut Rows) {
    let mut before = Rates::new();
    let mut kept = Rows::new();
    for (from, rates) in std::mem::take(rows) {
        if kept.is_empty() || rates != before {
            before = rates.clone();
            kept.insert(from, rates);
        }
    }
    *rows = kept;
}

/// One model a line, so that a new table is a readable change.
fn written(version: &str, sources: &[String], models: &BTreeMap<String, Rows>, abilities: &Abilities) -> String {
    let lines: Vec<String> = models
        .iter()
        .map(|(name, rows)| {
            let rows = rows.iter().map(|(from, rates)| {
                let mut row: BTreeMap<&str, Value> = rates.clone();
                row.insert("from", Value::from(from.as_str()));
                Value::from_iter(row)
            });
            format!("{}:{}", Value::from(name.as_str()), Value::from_iter(rows))
        })
        .collect();
    let abilities: Vec<String> =
        abilities.iter().map(|(name, said)| format!("{}:{said}", Value::from(name.as_str()))).collect();
    let sources: Vec<Value> = sources.iter().map(|source| Value::from(source.as_str())).collect();
    format!(
        "{{\"version\":{},\"sources\":{},\"models\":{{\n{}\n}},\"abilities\":{{\n{}\n}}}}\n",
        Value::from(version),
        Value::from(sources),
        lines.join(",\n"),
        abilities.join(",\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_repeats_the_one_before_is_dropped() {
        let rates = |input: i64| Rates::from([("input", Value::from(input))]);
        let days = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"].map(str::to_owned);
        let mut rows: Rows = days.into_iter().zip([rates(1), rates(1), rates(2), rates(1)]).collect();
        without_repeats(&mut rows);
        assert_eq!(rows.keys().map(String::as_str).collect::<Vec<_>>(), ["2026-01-01", "2026-03-01", "2026-04-01"]);
    }

    #[test]
    fn the_table_is_sorted_and_has_one_model_a_line() {
        let rows =
            Rows::from([("2026-01-01T00:00:00Z".to_owned(), Rates::from([("output", 7.into()), ("input", 5.into())]))]);
        let models = BTreeMap::from([("b/x".to_owned(), rows.clone()), ("a/x".to_owned(), rows)]);
        let abilities = Abilities::from([("a/x".to_owned(), serde_json::json!({"temperature": false}))]);
        let table = written("v", &["s 1".to_owned()], &models, &abilities);
        let row = r#"[{"from":"2026-01-01T00:00:00Z","input":5,"output":7}]"#;
        assert_eq!(
            table,
            format!(
                "{{\"version\":\"v\",\"sources\":[\"s 1\"],\"models\":{{\n\"a/x\":{row},\n\"b/x\":{row}\n}},\
                 \"abilities\":{{\n\"a/x\":{{\"temperature\":false}}\n}}}}\n"
            )
        );
    }

    #[test]
    fn a_day_is_recognised() {
        assert_eq!(day_of("2026-10-26T18:46:35Z"), Some("2026-10-26"));
        assert_eq!(day_of("26.10.2026"), None);
        assert_eq!(day_of(""), None);
    }
}
