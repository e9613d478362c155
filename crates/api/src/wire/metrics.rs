//! Metrics in Prometheus' text format. Numbers are integers up to here and are written exactly.

use copydesk_desk::metrics::{Family, Kind, Sample, Value};

/// Families in the order given. One without samples is left out: its name would promise what is not there.
pub(crate) fn text(families: &[Family]) -> String {
    families.iter().filter(|family| !family.samples.is_empty()).map(written).collect()
}

fn written(family: &Family) -> String {
    let Family { name, help, kind, samples } = family;
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    let head = format!("# HELP {name} {help}\n# TYPE {name} {}\n", word(*kind));
    samples.iter().fold(head, |text, sample| text + &line(name, sample))
}

fn line(name: &str, Sample { suffix, labels, value }: &Sample) -> String {
    let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    format!("{name}{suffix}{labels} {}\n", number(*value))
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: Value) -> String {
    match value {
        Value::Whole(whole) => whole.to_string(),
        Value::Micros(micros) => format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000),
        Value::Nanos(nanos) => format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_numbers_are_exact() {
        let odd = vec![("model", "a\"b\\c\nd".to_owned()), ("provider", "é".to_owned())];
        let of = |name, samples| Family { name, help: "One\\two\nthree.", kind: Kind::Counter, samples };
        let families = [
            of("x_total", vec![Sample::of(odd, Value::Whole(u64::MAX)), Sample::of(vec![], Value::Nanos(1))]),
            of("y_total", vec![]),
            of("z_seconds", vec![Sample { suffix: "_sum", labels: vec![], value: Value::Micros(1_500_000) }]),
        ];
        let expected = "# HELP x_total One\\\\two\\nthree.\n# TYPE x_total counter\n\
                        x_total{model=\"a\\\"b\\\\c\\nd\",provider=\"é\"} 18446744073709551615\nx_total 0.000000001\n\
                        # HELP z_seconds One\\\\two\\nthree.\n# TYPE z_seconds counter\nz_seconds_sum 1.500000\n";
        assert_eq!(text(&families), expected);
    }
}
