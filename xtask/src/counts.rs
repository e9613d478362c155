//! Test counts: read from the summary lines that nextest and `cargo test` print, and printed as the one closing line
//! `N passed, N failed, N skipped` that people and the merge check read.

use std::fmt;
use std::ops::Add;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Counts {
    /// The sum; `None` means that no summary was seen, which is not the same as zero tests.
    pub fn join(a: Option<Counts>, b: Option<Counts>) -> Option<Counts> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (one, None) | (None, one) => one,
        }
    }

    /// Unknown outcomes (`timed out`, `exec failed`) are failures: a new word must not read as a success.
    fn take(&mut self, part: &str) -> Option<()> {
        let (number, word) = part.trim().split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match word.trim() {
            "passed" => self.passed += number,
            "skipped" | "ignored" | "filtered out" => self.skipped += number,
            "measured" => {}
            _ => self.failed += number,
        }
        Some(())
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Whose output is read. A failing test may print the other runner's words, or these very examples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runner {
    /// Prints one summary for the whole run, and tests' output before it: the last line counts.
    Nextest,
    /// Prints one result for each test program: all of them count.
    CargoTest,
}

impl Runner {
    /// What is known after one more line of output.
    pub fn count(self, so_far: Option<Counts>, line: &str) -> Option<Counts> {
        let plain = without_colours(line);
        match self {
            Runner::Nextest => plain.trim().strip_prefix("Summary [").and_then(nextest).or(so_far),
            Runner::CargoTest => Counts::join(so_far, plain.strip_prefix("test result: ").and_then(libtest)),
        }
    }
}

/// `   0.003s] 3 tests run: 2 passed (1 slow, 1 flaky), 1 timed out, 0 skipped`
fn nextest(rest: &str) -> Option<Counts> {
    let (_, parts) = rest.split_once(" run: ")?;
    let mut counts = Counts::default();
    for part in without_brackets(parts).split(',') {
        counts.take(part)?;
    }
    Some(counts)
}

/// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s`
fn libtest(rest: &str) -> Option<Counts> {
    let (_, parts) = rest.split_once(". ")?;
    let mut counts = Counts::default();
    for part in parts.split(';').filter(|part| !part.trim().starts_with("finished in")) {
        counts.take(part)?;
    }
    Some(counts)
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    let keep = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    };
    text.chars().filter(keep).collect()
}

/// Terminal colour codes are `ESC [ ... letter`.
fn without_colours(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            text.push(letter);
            continue;
        }
        for inside in letters.by_ref() {
            if inside.is_ascii_alphabetic() {
                break;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
        Some(Counts { passed, failed, skipped })
    }

    #[test]
    fn nextest_summary_gives_the_three_counts() {
        let table = [
            ("     Summary [   0.003s] 3 tests run: 3 passed, 0 skipped", counts(3, 0, 0)),
            ("     Summary [   1.203s] 1 test run: 0 passed, 1 failed, 7 skipped", counts(0, 1, 7)),
            (
                "Summary [ 9s] 9 tests run: 5 passed (1 slow, 2 flaky), 2 timed out, 1 exec failed, 4 skipped",
                counts(5, 3, 4),
            ),
            ("Summary [ 1s] 2/9 tests run: 1 passed, 1 failed (1 due to being leaky), 0 skipped", counts(1, 1, 0)),
            ("        PASS [   0.003s] xtask counts::tests::some_name", None),
            ("    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s", None),
            ("Summary [ in a test's own words", None),
        ];
        for (line, expected) in table {
            assert_eq!(Runner::Nextest.count(None, line), expected, "{line}");
        }
    }

    #[test]
    fn the_last_nextest_summary_is_the_true_one() {
        let printed_by_a_test = Runner::Nextest.count(None, "Summary [ 1s] 9 tests run: 9 passed, 0 skipped");
        let whole = Runner::Nextest.count(printed_by_a_test, "Summary [ 1s] 1 test run: 0 passed, 1 failed, 0 skipped");
        assert_eq!(Runner::Nextest.count(whole, "error: test run failed"), counts(0, 1, 0));
    }

    #[test]
    fn nextest_summary_is_read_through_colours() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.3s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \
                    \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m";
        assert_eq!(Runner::Nextest.count(None, line), counts(2, 0, 0));
    }

    #[test]
    fn plain_cargo_test_lines_are_read_and_added() {
        let ok = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s";
        let bad = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        let first = Runner::CargoTest.count(None, ok);
        assert_eq!(first, counts(3, 0, 3));
        assert_eq!(Runner::CargoTest.count(first, bad), counts(4, 2, 3));
    }

    #[test]
    fn no_summary_is_not_zero_tests() {
        assert_eq!(Counts::join(None, None), None);
        assert_eq!(Counts::join(None, counts(0, 0, 0)), counts(0, 0, 0));
    }

    #[test]
    fn closing_line_has_the_fixed_form() {
        assert_eq!(Counts { passed: 12, failed: 1, skipped: 3 }.to_string(), "12 passed, 1 failed, 3 skipped");
    }
}
