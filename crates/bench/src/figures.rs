//! Measuring and printing: percentiles, memory, the disk's own speed. Every figure is one JSON line.

use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Prints one figure with its goal beside it.
pub fn print(name: &str, goal: &str, facts: Value) {
    let mut line = Map::new();
    line.insert("bench".to_owned(), json!(name));
    if let Value::Object(facts) = facts {
        line.extend(facts);
    }
    line.insert("goal".to_owned(), json!(goal));
    println!("{}", Value::Object(line));
}

/// The value below which `share` (0 to 1) of the sorted samples lie.
pub fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

pub fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

pub fn micros(span: Duration) -> f64 {
    (span.as_secs_f64() * 10_000_000.0).round() / 10.0
}

/// Resident memory of this process. Units: MiB.
pub fn rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1_024.0)
}

/// Processor time this process has used, all threads, in user and system mode. Units: seconds.
pub fn cpu_seconds() -> f64 {
    cpu_seconds_of("self")
}

/// The same of another process, by its id. One that has ended is no number.
pub fn cpu_seconds_of(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks =
        |field: usize| after_name.split(' ').nth(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
    // Fields 14 and 15 of the whole line; Linux counts in hundredths of a second.
    (ticks(11) + ticks(12)) / 100.0
}

/// How long the disk takes to make 4 KB durable: p50 and p99 of 200 tries.
pub fn fsync_probe(folder: &Path) -> std::io::Result<Value> {
    let path = folder.join("fsync-probe");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
    let mut samples = Vec::with_capacity(200);
    for _ in 0..200 {
        let begun = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        samples.push(begun.elapsed());
    }
    std::fs::remove_file(&path)?;
    Ok(
        json!({ "fsync_p50_ms": millis(percentile(&mut samples, 0.5)), "fsync_p99_ms": millis(percentile(&mut samples, 0.99)) }),
    )
}
