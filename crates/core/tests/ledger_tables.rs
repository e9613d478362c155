//! The ledger's rules as text tables with named columns: one row, one case.

use crate::samples::{at_s, credits};
use copydesk_core::generation::{Failure, FailureCode};
use copydesk_core::ledger::lots::{expire, spend};
use copydesk_core::ledger::price::{charge, total};
use copydesk_core::ledger::{Account, Balance, Lot, Margin, Metered, TransferKind, rules};
use copydesk_core::{NanoUsd, TransferId};

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
        |         0 |    0 | purchase |    50 |              50 |          0 |                      |
        |        70 |   30 | adjust_up |    5 |              75 |         30 |                      |
        |        70 |   30 | adjust_down |  5 |              65 |         30 |                      |
        |        70 |   30 | adjust_down | 71 |                 |            | insufficient_credits |
        |        70 |   30 | gift_sent |   70 |               0 |         30 |                      |
        |        70 |   30 | gift_sent |   71 |                 |            | insufficient_credits |
        |         0 |    0 | gift_received | 70 |              70 |          0 |                      |
        |        70 |   30 | expire   |     70 |               0 |         30 |                      |
        |        70 |   30 | expire   |     71 |                 |            | insufficient_credits |
        |        70 |   30 | absorb   |    500 |              70 |         30 |                      |
        |        70 |   30 | absorb   |      0 |                 |            | amount_zero          |
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
        | transfer      | debit                | credit               |
        |---------------|----------------------|----------------------|
        | grant         | platform_grants      | user_available       |
        | purchase      | platform_sales       | user_available       |
        | hold          | user_available       | user_held            |
        | settle        | user_held            | platform_revenue     |
        | release       | user_held            | user_available       |
        | refund        | platform_revenue     | user_available       |
        | adjust_up     | platform_adjustments | user_available       |
        | adjust_down   | user_available       | platform_adjustments |
        | gift_sent     | user_available       | platform_gifts       |
        | gift_received | platform_gifts       | user_available       |
        | expire        | user_available       | platform_expired     |
        | absorb        | platform_absorbed    | platform_revenue     |
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

/// `transfer id:expires at:remaining` for each lot.
fn lots(cell: &str) -> Vec<Lot> {
    let lot = |text: &str| {
        let parts: Vec<u64> = text.split(':').map(|part| number(part).unsigned_abs()).collect();
        Lot {
            transfer: TransferId(uuid::Uuid::from_u128(u128::from(parts[0]))),
            expires_at: at_s(parts[1]),
            remaining: credits(number(text.rsplit(':').next().unwrap_or_default())),
        }
    };
    cell.split_whitespace().map(lot).collect()
}

#[test]
fn spending_takes_from_the_lot_that_expires_soonest() {
    let table = "
        | lots           | spent | changed       |
        |----------------|-------|---------------|
        |                |     5 |               |
        | 1:10:5         |     3 | 1:10:2        |
        | 1:10:5         |     9 | 1:10:0        |
        | 1:10:5 2:20:5  |     5 | 1:10:0        |
        | 1:10:5 2:20:5  |     6 | 1:10:0 2:20:4 |
        | 1:10:5 2:20:5  |    50 | 1:10:0 2:20:0 |
    ";
    for row in rows(table) {
        assert_eq!(spend(&lots(&row[0]), credits(number(&row[1]))), lots(&row[2]), "{row:?}");
    }
}

#[test]
fn what_a_hold_has_set_aside_does_not_expire() {
    let table = "
        | lots          | held | now | expires     |
        |---------------|------|-----|-------------|
        | 1:10:5        |    0 |   9 |             |
        | 1:10:5        |    0 |  10 | 1:10:5      |
        | 1:10:5        |    3 |  10 | 1:10:2      |
        | 1:10:5        |    5 |  10 |             |
        | 1:10:5        |   50 |  10 |             |
        | 1:10:5 2:11:5 |    5 |  11 | 2:11:5      |
        | 1:10:5 2:11:5 |    7 |  11 | 2:11:3      |
        | 1:10:5 2:20:5 |    2 |  11 | 1:10:3      |
        | 1:10:5 2:11:5 |    0 |  11 | 1:10:5 2:11:5 |
    ";
    for row in rows(table) {
        let now = at_s(number(&row[2]).unsigned_abs());
        let over = expire(&lots(&row[0]), credits(number(&row[1])), now);
        let over: Vec<Lot> = over.into_iter().map(|(lot, amount)| Lot { remaining: amount, ..lot }).collect();
        assert_eq!(over, lots(&row[3]), "{row:?}");
    }
}

#[test]
fn a_metered_price_is_rounded_up_once_and_never_above_the_hold() {
    // A hold of 5 credits, 100 credits for a dollar. Amounts in micro-credits, cost in billionths of a dollar.
    let table = "
        | margin | min     | cost        | settle  | absorb  |
        |--------|---------|-------------|---------|---------|
        | 0%     |       0 |           0 |       0 |       0 |
        | 0%     |       0 |           1 |       1 |       0 |
        | 0%     |       0 |          10 |       1 |       0 |
        | 0%     |       0 |          11 |       2 |       0 |
        | 30%    |       0 |          10 |       2 |       0 |
        | 30%    |       0 |    10000000 | 1300000 |       0 |
        | 12.5%  |       0 |    10000000 | 1125000 |       0 |
        | 0%     |       0 |    50000000 | 5000000 |       0 |
        | 0%     |       0 |    50000001 | 5000000 |       1 |
        | 30%    |       0 |    50000000 | 5000000 | 1500000 |
        | 30%    | 2000000 |    10000000 | 2000000 |       0 |
        | 30%    | 2000000 |     unknown | 2000000 |       0 |
        | 30%    |       0 |     unknown |       0 |       0 |
        | 0%     |       0 |          -5 |       0 |       0 |
    ";
    for row in rows(table) {
        let rate =
            Metered { per_usd: "100".parse().unwrap(), margin: row[0].parse().unwrap(), min: credits(number(&row[1])) };
        let cost = (row[2] != "unknown").then(|| NanoUsd(number(&row[2])));
        let charge = charge("5".parse().unwrap(), Some(rate), cost);
        assert_eq!((charge.settle.micros(), charge.absorb.micros()), (number(&row[3]), number(&row[4])), "{row:?}");
    }
}

#[test]
fn a_margin_is_per_cents_with_two_decimals() {
    for (text, points) in [("0%", 0), ("30%", 3_000), ("12.5%", 1_250), ("0.01 %", 1), ("10000%", 1_000_000)] {
        let margin: Margin = text.parse().unwrap();
        assert_eq!(margin, Margin(points), "{text}");
        assert_eq!(margin.to_string().parse(), Ok(margin));
    }
    for bad in ["", "%", "30", "0.3", "-1%", "1.234%", "10000.01%", "99999999999%", "x%"] {
        assert!(bad.parse::<Margin>().is_err(), "{bad:?} must be refused");
    }
}

#[test]
fn the_cost_of_a_result_is_known_only_when_every_part_is() {
    assert_eq!(total([]), Some(NanoUsd(0)));
    assert_eq!(total([Some(NanoUsd(3)), Some(NanoUsd(4))]), Some(NanoUsd(7)));
    assert_eq!(total([Some(NanoUsd(3)), None]), None);
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
