//! How long things took, in buckets.

use super::family::{Family, Kind, Sample, Value};
use std::time::Duration;

/// Upper bounds: from a cached answer to the longest deadline anybody sets. Units: milliseconds.
const BOUNDS_MS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000];

#[derive(Default)]
pub(super) struct Histogram {
    /// How many fell into each bucket and into no lower one; the last is for all above.
    buckets: [u64; BOUNDS_MS.len() + 1],
    /// Units: microseconds.
    sum: u64,
}

impl Histogram {
    pub fn add(&mut self, span: Duration) {
        let bucket = BOUNDS_MS.partition_point(|bound| span > Duration::from_millis(*bound));
        self.buckets[bucket] += 1;
        self.sum = self.sum.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn family(&self, name: &'static str, help: &'static str) -> Family {
        let mut count = 0;
        let mut samples = Vec::with_capacity(self.buckets.len() + 2);
        let bounds = BOUNDS_MS.iter().map(|ms| seconds(*ms)).chain(["+Inf".to_owned()]);
        for (bound, bucket) in bounds.zip(self.buckets) {
            count += bucket;
            samples.push(Sample { suffix: "_bucket", labels: vec![("le", bound)], value: Value::Whole(count) });
        }
        samples.push(Sample { suffix: "_sum", labels: vec![], value: Value::Micros(self.sum) });
        samples.push(Sample { suffix: "_count", labels: vec![], value: Value::Whole(count) });
        Family { name, help, kind: Kind::Histogram, samples }
    }
}

fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_counted_in_every_bucket_from_its_bound_on() {
        let mut histogram = Histogram::default();
        for ms in [50, 51, 5_000_000] {
            histogram.add(Duration::from_millis(ms));
        }
        let family = histogram.family("x_seconds", "");
        let of = |bound: &str| {
            let sample = family.samples.iter().find(|sample| sample.labels == [("le", bound.to_owned())]);
            sample.map(|sample| sample.value)
        };
        assert_eq!(of("0.05"), Some(Value::Whole(1)));
        assert_eq!(of("0.1"), Some(Value::Whole(2)));
        assert_eq!(of("3600"), Some(Value::Whole(2)));
        assert_eq!(of("+Inf"), Some(Value::Whole(3)));
        let tail: Vec<Value> = family.samples.iter().rev().take(2).map(|sample| sample.value).collect();
        assert_eq!(tail, [Value::Whole(3), Value::Micros(5_000_101_000)]);
    }
}
