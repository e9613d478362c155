//! What Copydesk promises, in words a person understands, and which checks of the auditor prove each. Every check belongs to
//! exactly one promise; both engines' own tests hold their lists against this one.

use crate::audit::Space;

/// One promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Promise {
    pub name: &'static str,
    /// What holds as long as nothing is found.
    pub says: &'static str,
    pub checks: &'static [&'static str],
    /// Where these look.
    pub spaces: &'static [Space],
}

impl Promise {
    pub fn named(name: &str) -> Option<&'static Promise> {
        PROMISES.iter().find(|promise| promise.name == name)
    }
    /// The one that a check proves.
    pub fn of_check(check: &str) -> Option<&'static Promise> {
        PROMISES.iter().find(|promise| promise.has(check))
    }
    pub fn has(&self, check: &str) -> bool {
        self.checks.contains(&check)
    }
}

/// All of them, those that users notice first before those that only books do.
pub const PROMISES: &[Promise] = &[
    Promise {
        name: "one_result",
        says: "One request has one result: a generation is in one place, and writes one version or none.",
        checks: &[
            "generation_in_one_place",
            "completed_has_one_version",
            "version_only_of_completed",
            "asset_of_version",
        ],
        spaces: &[Space::Generations],
    },
    Promise {
        name: "every_click_ends",
        says: "Nothing lives past its deadline, and every end is told exactly once.",
        checks: &["past_deadline", "final_event_once"],
        spaces: &[Space::Generations, Space::Live],
    },
    Promise {
        name: "one_at_a_time",
        says: "What only one may write at a time is written by one, and whoever waits for it waits for somebody who lives.",
        checks: &["waiting_target_has_holder", "target_holder_is_live", "live_key_is_live"],
        spaces: &[Space::Generations, Space::Live],
    },
    Promise {
        name: "drafts_are_what_they_say",
        says: "A draft's status, its versions and what is being written for it agree.",
        checks: &["draft_status_fits", "draft_current_version_exists", "draft_live_generation_is_live"],
        spaces: &[Space::Drafts],
    },
    Promise {
        name: "calls_on_the_books",
        says: "Every call to a provider is on the books, from before it left until after it ended.",
        checks: &["call_per_attempt", "usage_of_completed", "open_call_without_run_older_than_an_hour"],
        spaces: &[Space::Generations, Space::Live],
    },
    Promise {
        name: "holds_are_released",
        says: "What was held is settled or given back to the last micro-credit; failures cost the user nothing.",
        checks: &["hold_balances"],
        spaces: &[Space::Generations],
    },
    Promise {
        name: "balances_add_up",
        says: "Every balance follows from its transfers, none is below zero, and no transfer was changed afterwards.",
        checks: &[
            "ledger_chain",
            "running_balance",
            "transfer_sides",
            "balance_is_fold",
            "balance_not_negative",
            "gifts_net_to_zero",
            "lots_fit_transfers",
        ],
        spaces: &[Space::Ledger],
    },
    Promise {
        name: "usage_adds_up",
        says: "Every total of usage and cost is the sum of the calls it is made of.",
        checks: &["totals_are_sums", "history_does_not_fall"],
        spaces: &[Space::Series, Space::Workspaces],
    },
    Promise {
        name: "budgets_add_up",
        says: "What counts in a budget is what was used, and nothing is set aside for what has ended.",
        checks: &["budget_entry_is_usage", "budget_use_is_sum"],
        spaces: &[Space::Generations, Space::Workspaces],
    },
    Promise {
        name: "counts_add_up",
        says: "What a job, a bulk action or a mailing counts is how many of its items are so, and each item was made once.",
        checks: &[
            "item_is_its_generation",
            "job_counts_are_items",
            "bulk_counts_are_items",
            "mailing_counts_are_mails",
        ],
        spaces: &[Space::Generations, Space::Jobs],
    },
    Promise {
        name: "everything_has_one_owner",
        says: "All rows of a thing belong to the same workspace and user, and are found in their lists.",
        checks: &["one_workspace", "belongs_to_its_user", "draft_belongs_to_its_user"],
        spaces: &[Space::Generations, Space::Drafts],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_check_and_no_name_stands_twice() {
        let all: Vec<&str> = PROMISES.iter().flat_map(|promise| promise.checks.iter().copied()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for promise in PROMISES {
            assert_eq!(Promise::named(promise.name), Some(promise));
            assert!(promise.checks.iter().all(|check| Promise::of_check(check) == Some(promise)));
            assert!(promise.says.ends_with('.') && !promise.spaces.is_empty());
        }
        assert_eq!(Promise::of_check("nonsense"), None);
    }
}
