//! The ledger's rules as text tables with named columns: one row, one case.

use crate::samples::credits;
use copydesk_core::generation::{Failure, FailureCode};
use copydesk_core::ledger::{Account, Balance, TransferKind, rules};

/// The rows of a table: cells between bars, the first line names the columns, the second is a rule.
fn rows(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().map(str::trim).filter(|line| line.starts_with('|') && !line.contains("---"));
    lines.skip(1).map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn number(cell: &str) -> i64 {
    cell.parse().expect("a cell of a table is a number")
}

#[test]
fn a_transfer_moves_exactly_its_amount_or_nothing() {
    let table = "
        | available | held | transfer | amount | available after | held after | refused with         |
        |-----------|------|----------|--------|-----------------|------------|----------------------|
        |         0 |    0 | grant    |    100 |             100 |          0 |                      |
        |       100 |    0 | hold     |     30 |              70 |         30 |                      |
        |       100 |    0 | hold     |    100 |               0 |        100 |                      |
        |       100 |    0 | hold     |    101 |                 |            | insufficient_credits |
        |         0 |  100 | hold     |      1 |                 |            | insufficient_credits |
        |       100 |    0 | grant    |      0 |                 |            | amount_zero          |
        |       100 |    0 | hold     |      0 |                 |            | amount_zero          |
        |        70 |   30 | settle   |      0 |                 |            | amount_zero          |
        |        70 |   30 | release  |      0 |                 |            | amount_zero          |
        |        70 |   30 | refund   |      0 |                 |            | amount_zero          |
        |        70 |   30 | settle   |     30 |              70 |          0 |                      |
        |        70 |   30 | settle   |     20 |              70 |         10 |                      |
        |        70 |   30 | settle   |     31 |                 |            | amount_too_large     |
        |        70 |   30 | release  |     30 |             100 |          0 |                      |
        |        70 |   30 | release  |     31 |                 |            | amount_too_large     |
        |        70 |    0 | refund   |     30 |             100 |          0 |                      |
        | 9223372036854775807 | 0 | grant |  1 |                 |            | amount_too_large     |
        | 9223372036854775807 | 1 | release | 1 |                |            | amount_too_large     |
        |         5 | 9223372036854775807 | hold | 1 |            |            | amount_too_large     |
    ";
    for row in rows(table) {
        let balance = Balance { available: credits(number(&row[0])), held: credits(number(&row[1])) };
        let kind = TransferKind::parse(&row[2]).unwrap();
        match rules::post(balance, kind, credits(number(&row[3]))) {
            Ok(after) => {
                let found = (after.available.micros(), after.held.micros());
                assert_eq!(found, (number(&row[4]), number(&row[5])), "{row:?}");
                assert_eq!(row[6], "", "{row:?}");
            }
            Err(refusal) => assert_eq!(refusal.code(), row[6], "{row:?}"),
        }
    }
}

#[test]
fn every_kind_of_transfer_has_two_different_accounts() {
    let table = "
        | transfer | debit            | credit           |
        |----------|------------------|------------------|
        | grant    | platform_grants  | user_available   |
        | hold     | user_available   | user_held        |
        | settle   | user_held        | platform_revenue |
        | release  | user_held        | user_available   |
        | refund   | platform_revenue | user_available   |
    ";
    let rows = rows(table);
    assert_eq!(rows.len(), TransferKind::ALL.len());
    for row in rows {
        let kind = TransferKind::parse(&row[0]).unwrap();
        let expected = (Account::parse(&row[1]).unwrap(), Account::parse(&row[2]).unwrap());
        assert_eq!((kind.debit(), kind.credit()), expected, "{row:?}");
        assert_ne!(kind.debit(), kind.credit(), "{row:?}");
    }
}

#[test]
fn the_wait_before_the_next_attempt() {
    use copydesk_core::generation::RetryPolicy;
    use copydesk_core::generation::event::Jitter;
    use std::time::Duration;
    let table = "
        | spent | asked for, s | jitter | wait, ms |
        |-------|--------------|--------|----------|
        |     1 |            0 |      0 |     1000 |
        |     2 |            0 |      0 |     2000 |
        |     3 |            0 |      0 |     4000 |
        |     7 |            0 |      0 |    60000 |
        |   100 |            0 |      0 |    60000 |
        |     1 |            0 |  32768 |     1125 |
        |   100 |            0 |  32768 |    67500 |
        |     1 |           30 |      0 |    30000 |
        |     7 |           30 |      0 |    60000 |
        |     1 |         9000 |      0 |   600000 |
    ";
    for row in rows(table) {
        let mut failure = Failure::new(FailureCode::RateLimited, "Too many requests.");
        failure.retry_after = Some(Duration::from_secs(number(&row[1]).unsigned_abs()));
        let (spent, jitter) = (u32::try_from(number(&row[0])).unwrap(), u16::try_from(number(&row[2])).unwrap());
        let wait = RetryPolicy::DEFAULT.wait(spent, &failure, Jitter(jitter));
        assert_eq!(wait, Duration::from_millis(number(&row[3]).unsigned_abs()), "{row:?}");
    }
}
