//! The damages: what is broken, which check of the auditor and which invariant of the checker must name it, and the
//! statement that breaks it, in both engines where both can be broken so. One statement each, on as few rows as it takes.

/// A damage to the books.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The auditor's name for it.
    pub check: &'static str,
    /// The checker's.
    pub invariant: &'static str,
    pub sqlite: Option<&'static str>,
    pub postgres: Option<&'static str>,
}

const fn both(check: &'static str, invariant: &'static str, sql: &'static str) -> Damage {
    each(check, invariant, sql, sql)
}
const fn each(check: &'static str, invariant: &'static str, sqlite: &'static str, postgres: &'static str) -> Damage {
    Damage { check, invariant, sqlite: Some(sqlite), postgres: Some(postgres) }
}
const fn sqlite(check: &'static str, invariant: &'static str, sql: &'static str) -> Damage {
    Damage { check, invariant, sqlite: Some(sql), postgres: None }
}

pub const DAMAGES: &[Damage] = &[
    // ---------------------------------------------------------------- work
    both("generation_in_one_place", "place", "DELETE FROM runs WHERE id = (SELECT id FROM runs ORDER BY id LIMIT 1)"),
    both(
        "generation_in_one_place",
        "place",
        "DELETE FROM generations WHERE id = (SELECT id FROM outcomes ORDER BY id LIMIT 1)",
    ),
    both(
        "completed_has_one_version",
        "I1",
        "DELETE FROM versions WHERE generation_id = \
         (SELECT id FROM outcomes WHERE status = 'completed' ORDER BY id DESC LIMIT 1)",
    ),
    both(
        "version_only_of_completed",
        "I1",
        "UPDATE versions SET generation_id = (SELECT id FROM runs ORDER BY id LIMIT 1) WHERE generation_id = \
         (SELECT id FROM outcomes WHERE status = 'completed' ORDER BY id DESC LIMIT 1)",
    ),
    each(
        "asset_of_version",
        "I1 of files",
        "INSERT INTO assets SELECT id, workspace_id, id, id, 1, 1000, 'image/png', 1, x'00', 'p', 0 FROM outcomes LIMIT 1",
        "INSERT INTO assets SELECT id, workspace_id, id, id, 1, 1000, 'image/png', 1, '\\x00', 'p', '1970-01-01Z' \
         FROM outcomes LIMIT 1",
    ),
    // ---------------------------------------------------------------- jobs
    both(
        "job_counts_are_items",
        "job counts",
        "UPDATE job_list SET completed = completed - 1, failed = failed + 1 WHERE id = \
         (SELECT id FROM job_list WHERE completed > 0 ORDER BY id DESC LIMIT 1)",
    ),
    both(
        "bulk_counts_are_items",
        "bulk counts",
        "UPDATE bulk_list SET done = done - 1, failed = failed + 1 WHERE done > 0",
    ),
    both(
        "mailing_counts_are_mails",
        "mailing counts",
        "UPDATE mailings SET skipped = skipped - 1, failed = failed + 1 WHERE skipped > 0",
    ),
    both(
        "item_is_its_generation",
        "job items",
        "UPDATE job_items SET generation_id = (SELECT id FROM outcomes ORDER BY id LIMIT 1) WHERE seq = 1 AND job_id = \
         (SELECT job_id FROM job_items WHERE status = 'processing' AND seq = 1 ORDER BY job_id DESC LIMIT 1)",
    ),
    both(
        "item_is_its_generation",
        "job items",
        "UPDATE generations SET job_seq = job_seq + 1 WHERE job_seq = 1 AND id = \
         (SELECT generation_id FROM job_items WHERE status = 'processing' AND seq = 1 ORDER BY job_id DESC LIMIT 1)",
    ),
    both(
        "draft_status_fits",
        "draft status",
        "UPDATE drafts SET status = 'pending' WHERE id = (SELECT id FROM drafts WHERE status = 'failed' LIMIT 1)",
    ),
    both(
        "draft_current_version_exists",
        "versions",
        "UPDATE drafts SET version_count = version_count + 1 WHERE id = \
         (SELECT id FROM drafts WHERE version_count > 0 ORDER BY id DESC LIMIT 1)",
    ),
    both(
        "draft_live_generation_is_live",
        "live generation",
        "UPDATE drafts SET live_generation_id = (SELECT id FROM outcomes ORDER BY id LIMIT 1) WHERE id = \
         (SELECT id FROM drafts WHERE status = 'draft' AND live_generation_id IS NULL ORDER BY id LIMIT 1)",
    ),
    both("call_per_attempt", "I5", "DELETE FROM calls WHERE id = (SELECT call_id FROM runs ORDER BY id DESC LIMIT 1)"),
    both(
        "call_per_attempt",
        "I5",
        "UPDATE outcomes SET attempt = attempt + 1 WHERE id = (SELECT id FROM outcomes ORDER BY id LIMIT 1)",
    ),
    both(
        "usage_of_completed",
        "I6",
        "UPDATE calls SET outcome = 'failed' WHERE outcome = 'ok' AND generation_id = (SELECT id FROM outcomes \
         WHERE status = 'completed' AND origin = 'generated' ORDER BY id DESC LIMIT 1)",
    ),
    each(
        "open_call_without_run_older_than_an_hour",
        "I6 of open calls",
        "UPDATE calls SET opened_at = 0, closed_at = NULL, outcome = NULL \
         WHERE id = (SELECT id FROM calls WHERE outcome = 'ok' LIMIT 1)",
        "UPDATE calls SET opened_at = '1970-01-01Z', closed_at = NULL, outcome = NULL \
         WHERE id = (SELECT id FROM calls WHERE outcome = 'ok' LIMIT 1)",
    ),
    each(
        "past_deadline",
        "I14",
        "UPDATE runs SET deadline_at = 0 WHERE id = (SELECT id FROM runs LIMIT 1)",
        "UPDATE runs SET deadline_at = '1970-01-01Z' WHERE id = (SELECT id FROM runs LIMIT 1)",
    ),
    both(
        "target_holder_is_live",
        "holders",
        "UPDATE live_targets SET generation_id = (SELECT id FROM outcomes ORDER BY id LIMIT 1)",
    ),
    both("waiting_target_has_holder", "waiting", "DELETE FROM live_targets"),
    both(
        "live_key_is_live",
        "keys",
        "UPDATE live_keys SET generation_id = (SELECT id FROM outcomes ORDER BY id LIMIT 1) WHERE generation_id = \
         (SELECT generation_id FROM live_keys ORDER BY generation_id DESC LIMIT 1)",
    ),
    sqlite("live_key_is_live", "keys", "UPDATE live_keys SET key_hash = x'01'"),
    both(
        "final_event_once",
        "I19",
        "DELETE FROM events WHERE kind = 'generation.failed' AND generation_id = \
         (SELECT id FROM outcomes WHERE status = 'failed' ORDER BY id LIMIT 1)",
    ),
    each(
        "final_event_once",
        "I19",
        "INSERT INTO events SELECT workspace_id, seq + 1000000, kind, generation_id, draft_id, user_id, created_at, data \
         FROM events WHERE kind = 'generation.completed' LIMIT 1",
        "INSERT INTO events (workspace_id, kind, generation_id, draft_id, created_at, data) \
         SELECT workspace_id, kind, generation_id, draft_id, created_at, data \
         FROM events WHERE kind = 'generation.completed' LIMIT 1",
    ),
    each(
        "one_workspace",
        "I21",
        "UPDATE inputs SET workspace_id = x'00000000000000000000000000000002' \
         WHERE generation_id = (SELECT id FROM outcomes LIMIT 1)",
        "UPDATE inputs SET workspace_id = '00000000-0000-0000-0000-000000000002' \
         WHERE generation_id = (SELECT id FROM outcomes LIMIT 1)",
    ),
    sqlite("belongs_to_its_user", "lists", "DELETE FROM belongings WHERE id = (SELECT id FROM calls LIMIT 1)"),
    sqlite("draft_belongs_to_its_user", "lists", "DELETE FROM belongings WHERE id = (SELECT id FROM drafts LIMIT 1)"),
    // ---------------------------------------------------------------- credits
    both(
        "hold_balances",
        "I9",
        "DELETE FROM transfers WHERE id = (SELECT id FROM transfers WHERE kind = 'settle' ORDER BY id DESC LIMIT 1)",
    ),
    both("hold_balances", "I12", "UPDATE outcomes SET settled = settled + 1 WHERE settled > 0"),
    both(
        "hold_balances",
        "I9",
        "UPDATE transfers SET kind = 'absorb' \
         WHERE id = (SELECT id FROM transfers WHERE kind = 'release' ORDER BY id DESC LIMIT 1)",
    ),
    both(
        "hold_balances",
        "I13",
        "UPDATE transfers SET kind = 'settle' WHERE kind = 'release' AND generation_id = \
         (SELECT o.id FROM outcomes o JOIN generations g ON g.id = o.id AND g.hold > 0 \
          WHERE o.status = 'failed' ORDER BY o.id DESC LIMIT 1)",
    ),
    both(
        "hold_balances",
        "I9",
        "UPDATE transfers SET kind = 'refund', generation_id = \
         (SELECT id FROM outcomes WHERE status = 'failed' ORDER BY id LIMIT 1) \
         WHERE id = (SELECT id FROM transfers WHERE kind = 'grant' ORDER BY id LIMIT 1)",
    ),
    both("balance_is_fold", "I8", "UPDATE accounts SET available = available + 1"),
    both("balance_is_fold", "I10", "UPDATE accounts SET available = available - 1, held = held + 1"),
    both("balance_not_negative", "I11", "UPDATE accounts SET held = -1"),
    both("gifts_net_to_zero", "gifts", "UPDATE transfers SET amount = amount - 1 WHERE kind = 'gift_received'"),
    both("gifts_net_to_zero", "gifts", "DELETE FROM transfers WHERE kind = 'gift_sent'"),
    both("lots_fit_transfers", "lots", "UPDATE lots SET remaining = remaining + 1000"),
    each(
        "lots_fit_transfers",
        "lots",
        "UPDATE lots SET expires_at = expires_at + 1",
        "UPDATE lots SET expires_at = expires_at + interval '1 second'",
    ),
    both("lots_fit_transfers", "lots", "DELETE FROM lots"),
    both("lots_fit_transfers", "lots", "UPDATE accounts SET lots = lots + 1"),
    both(
        "running_balance",
        "I8 of rows",
        "UPDATE transfers SET available_after = available_after + 1 \
         WHERE id = (SELECT id FROM transfers WHERE kind = 'settle' ORDER BY id LIMIT 1)",
    ),
    both("transfer_sides", "I7", "UPDATE transfers SET credit_account = 'platform_gifts' WHERE kind = 'settle'"),
    both("ledger_chain", "I29", "UPDATE transfers SET reason = 'forged' WHERE kind = 'settle'"),
    both("ledger_chain", "I29", "UPDATE transfers SET peer_id = user_id WHERE kind = 'gift_sent'"),
    both("ledger_chain", "I29", "UPDATE transfers SET amount = amount + 1 WHERE kind = 'settle'"),
    each(
        "ledger_chain",
        "I29",
        "UPDATE transfers SET expires_at = expires_at + 1 WHERE kind = 'grant' AND expires_at IS NOT NULL",
        "UPDATE transfers SET expires_at = expires_at + interval '1 second' \
         WHERE kind = 'grant' AND expires_at IS NOT NULL",
    ),
    both("ledger_chain", "I29", "DELETE FROM transfers WHERE chain_seq = (SELECT max(chain_seq) FROM transfers)"),
    // ---------------------------------------------------------------- usage
    both(
        "totals_are_sums",
        "I28",
        "UPDATE usage_totals SET tokens_output = tokens_output + 1 \
         WHERE series_no = (SELECT min(series_no) FROM usage_totals)",
    ),
    both(
        "totals_are_sums",
        "I28",
        "DELETE FROM usage_totals WHERE series_no = (SELECT max(series_no) FROM usage_totals)",
    ),
    both(
        "totals_are_sums",
        "I28",
        "UPDATE calls SET cost_nanousd = cost_nanousd + 1 \
         WHERE id = (SELECT id FROM calls WHERE cost_nanousd IS NOT NULL ORDER BY id LIMIT 1)",
    ),
    both(
        "totals_are_sums",
        "I28",
        "DELETE FROM calls WHERE id = (SELECT id FROM calls WHERE outcome = 'ok' ORDER BY id LIMIT 1)",
    ),
    both(
        "totals_are_sums",
        "I28",
        "UPDATE usage_series SET model = 'demo/nowhere' WHERE no = (SELECT max(no) FROM usage_series WHERE cuboid = 5)",
    ),
    both(
        "history_does_not_fall",
        "history",
        "INSERT INTO usage_history SELECT * FROM usage_totals WHERE series_no = (SELECT max(series_no) FROM usage_totals)",
    ),
    each(
        "history_does_not_fall",
        "history",
        "INSERT INTO usage_history SELECT series_no, 0, calls + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM usage_totals \
         WHERE series_no = (SELECT max(series_no) FROM usage_totals)",
        "INSERT INTO usage_history SELECT series_no, '1970-01-01Z', calls + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
         FROM usage_totals WHERE series_no = (SELECT max(series_no) FROM usage_totals)",
    ),
    // ---------------------------------------------------------------- budgets
    both(
        "budget_use_is_sum",
        "budget sums",
        "UPDATE budget_use SET used = used + 1 WHERE (budget_id, period_at, owner_id) = \
         (SELECT budget_id, period_at, owner_id FROM budget_use ORDER BY budget_id, period_at, owner_id LIMIT 1)",
    ),
    both(
        "budget_use_is_sum",
        "budget sums",
        "UPDATE budget_use SET reserved = reserved + 1 WHERE (budget_id, period_at, owner_id) = \
         (SELECT budget_id, period_at, owner_id FROM budget_use ORDER BY budget_id, period_at, owner_id LIMIT 1)",
    ),
    both(
        "budget_use_is_sum",
        "budget sums",
        "UPDATE budget_use SET folded = folded + 1 WHERE (budget_id, period_at, owner_id) = \
         (SELECT budget_id, period_at, owner_id FROM budget_use ORDER BY budget_id, period_at, owner_id LIMIT 1)",
    ),
    both(
        "budget_use_is_sum",
        "budget sums",
        "DELETE FROM budget_entries WHERE (generation_id, budget_id) = \
         (SELECT generation_id, budget_id FROM budget_entries \
          WHERE used > 0 ORDER BY generation_id DESC, budget_id LIMIT 1)",
    ),
    both(
        "budget_use_is_sum",
        "budget sums",
        "UPDATE budget_entries SET reserved = reserved + 1 WHERE (generation_id, budget_id) = \
         (SELECT generation_id, budget_id FROM budget_entries \
          WHERE generation_id NOT IN (SELECT id FROM outcomes) ORDER BY generation_id DESC, budget_id LIMIT 1)",
    ),
    both(
        "budget_entry_is_usage",
        "budget entries",
        "UPDATE budget_entries SET reserved = reserved + 1 WHERE (generation_id, budget_id) = \
         (SELECT generation_id, budget_id FROM budget_entries \
          WHERE generation_id IN (SELECT id FROM outcomes) ORDER BY generation_id DESC, budget_id LIMIT 1)",
    ),
    both(
        "budget_entry_is_usage",
        "budget entries",
        "UPDATE budget_entries SET used_before = used_before + 1 WHERE (generation_id, budget_id) = \
         (SELECT generation_id, budget_id FROM budget_entries \
          WHERE used > 0 ORDER BY generation_id DESC, budget_id LIMIT 1)",
    ),
    both(
        "budget_entry_is_usage",
        "budget entries",
        "UPDATE calls SET cost_nanousd = cost_nanousd + 1 WHERE id = (SELECT c.id FROM budgets b \
         JOIN budget_entries e ON e.budget_id = b.id JOIN calls c ON c.generation_id = e.generation_id \
         WHERE b.measure = 'cost' AND c.outcome = 'ok' AND c.cost_nanousd > 0 ORDER BY c.id DESC LIMIT 1)",
    ),
    both(
        "budget_entry_is_usage",
        "budget entries",
        "UPDATE calls SET tokens_output = tokens_output + 1 WHERE id = (SELECT c.id FROM budgets b \
         JOIN budget_entries e ON e.budget_id = b.id JOIN calls c ON c.generation_id = e.generation_id \
         WHERE b.measure = 'tokens' AND c.outcome = 'ok' AND c.tokens_output > 0 ORDER BY c.id DESC LIMIT 1)",
    ),
];
