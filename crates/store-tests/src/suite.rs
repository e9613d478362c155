//! The checks, one file per subject, and the one list of them. A check is `async fn claim_in_words(t: Arc<Bench>)`; its
//! name is its claim. To add one: write it in its subject's file and name it in the list below.

pub mod accept;
pub mod admin;
pub mod audit;
pub mod budgets;
pub mod bulk;
pub mod claim;
pub mod credits;
pub mod drafts;
pub mod events;
pub mod extend;
pub mod fairness;
pub mod feedback;
pub mod fence;
pub mod files;
pub mod fill;
pub mod health;
pub mod holding;
pub mod jobs;
pub mod keys;
pub mod lanes;
pub mod ledger;
pub mod logins;
pub mod mail;
pub mod media;
pub mod once;
pub mod pages;
pub mod prices;
pub mod profiles;
pub mod prospects;
pub mod race;
pub mod random;
pub mod rates;
pub mod retention;
pub mod retry;
pub mod schedules;
pub mod scope;
pub mod settle;
pub mod slot;
pub mod sources;
pub mod step;
pub mod subscribers;
pub mod sweep;
pub mod target;
pub mod totals;
pub mod usage;
pub mod webhooks;
pub mod why;

/// Turns every check into a test of the calling crate.
#[macro_export]
macro_rules! conformance {
    ($fixture:path) => {
        $crate::conformance_tests! {
            $fixture;
            accept:
                a_new_draft_and_its_generation_are_visible,
                a_cap_and_changed_parameters_are_kept_and_handed_to_whoever_claims_it,
                a_replayed_key_gives_the_first_ids_also_after_the_end,
                a_reused_key_with_another_body_is_refused,
                an_expired_key_counts_as_absent,
                a_used_key_is_found_without_a_request,
                a_live_dedupe_key_gives_the_first_ids_and_is_free_after_the_end,
                two_equal_requests_of_one_batch_make_one_generation,
                a_duplicate_is_replayed_by_its_own_key,
                the_switched_off_master_switch_refuses_and_writes_nothing,
                the_switched_off_master_switch_still_answers_replays,
                a_paused_recipe_accepts_and_waits,
                a_full_queue_refuses_and_writes_nothing;
            slot:
                a_draft_with_a_live_generation_gives_its_ids,
                regenerating_keeps_the_draft_a_draft,
                a_failed_draft_goes_back_to_pending,
                a_published_draft_is_refused,
                a_missing_foreign_or_deleted_draft_is_not_found,
                a_hold_moves_available_to_held,
                insufficient_credits_write_nothing,
                a_batch_never_holds_more_than_there_is,
                without_credits_nothing_is_written_to_the_ledger,
                a_duplicate_holds_nothing,
                racing_accepts_never_overdraw,
                racing_equal_requests_make_one_generation;
            once:
                racing_requests_for_one_name_make_one_draft,
                two_of_one_batch_with_the_same_name_make_one_draft,
                a_written_draft_keeps_its_name_until_it_is_deleted,
                a_draft_that_came_to_nothing_is_filled_and_no_second_one_is_made,
                a_name_may_be_one_users_own;
            prospects:
                a_prospect_is_kept_as_it_was_said_and_read_in_its_workspace_only,
                who_is_there_is_changed_or_left_and_never_made_twice,
                racing_writes_of_the_same_prospects_make_each_once,
                a_change_names_its_revision_and_makes_no_double,
                lists_counts_and_cuts_agree_on_who_matches,
                how_a_prospect_stands_follows_from_its_newest_draft,
                an_import_is_counted_with_what_it_writes,
                an_undo_removes_what_the_import_made_and_nobody_touched,
                a_verdict_on_domains_changes_who_is_still_as_he_was_and_holds_no_undo_back;
            target:
                the_second_of_a_target_waits_and_is_let_in_by_the_firsts_end,
                two_of_a_batch_with_the_same_target_are_not_both_claimable,
                the_freed_target_goes_to_the_first_by_place_then_id,
                failure_cancel_and_deadline_free_the_target_as_well,
                a_generation_that_backs_off_keeps_its_target,
                cancelling_one_that_waits_for_the_target_frees_nothing,
                two_workspaces_targets_never_meet,
                a_promoted_generation_still_waits_for_its_run_at,
                promotion_leaves_the_fence_as_it_was,
                many_waiting_for_one_target_all_run_one_by_one;
            claim:
                claiming_is_what_transition_decides,
                an_attempts_deadline_is_never_later_than_the_generations,
                the_call_is_open_before_the_work_starts,
                a_single_click_overtakes_another_users_batch_of_a_thousand,
                a_users_own_generations_run_in_the_order_of_their_accept,
                two_users_batches_take_turns,
                priority_is_a_bounded_head_start,
                no_lane_is_ever_exceeded,
                the_global_limit_holds_across_processes,
                a_lane_of_nothing_claims_nothing,
                a_full_lane_with_many_waiting_does_not_block_another,
                a_generation_must_fit_into_all_its_lanes,
                a_paused_recipe_is_skipped,
                a_paused_model_or_provider_is_skipped,
                nothing_runs_before_its_run_at,
                next_due_is_the_earliest_of_those_that_wait_for_a_time,
                a_run_at_that_has_passed_is_no_wait,
                the_draft_is_processing_only_without_a_version,
                attempt_numbers_rise_without_a_gap,
                two_processes_never_claim_the_same_generation;
            fairness:
                a_click_in_a_slow_lane_goes_before_the_rest_of_a_batch_although_a_fast_lane_moved_on,
                an_own_batch_in_a_paused_lane_does_not_delay_a_click_in_another,
                an_empty_queue_starts_at_the_common_clock,
                who_comes_late_to_a_queue_does_not_make_up_for_it,
                two_arrivals_in_an_empty_queue_start_at_the_same_place,
                urgent_work_before_the_beginning_of_time_moves_no_clock_back;
            race:
                a_thousand_racing_ends_of_one_generation_have_one_winner,
                racing_claims_never_exceed_a_lane,
                racing_workers_finish_every_generation_exactly_once;
            extend:
                more_time_moves_the_deadline_wherever_a_generation_stands,
                a_claim_and_a_promotion_hand_the_new_deadline_on,
                more_time_keeps_the_place_in_the_queue,
                an_attempt_that_is_overtaken_writes_nothing_and_decides_again,
                a_stale_wish_for_more_time_changes_nothing,
                more_time_and_a_sweep_that_race_have_one_winner;
            holding:
                a_pause_holds_what_has_not_begun_and_a_resume_gives_its_place_back,
                what_has_begun_goes_on_while_its_job_is_paused,
                what_is_held_says_which_job_holds_it,
                what_is_held_still_ends_by_cancel_and_deadline,
                a_pause_for_money_holds_nothing,
                jobs_that_have_not_ended_are_counted_by_how_they_stand,
                a_pause_touches_no_other_job_and_no_click,
                orders_and_claims_that_race_leave_nothing_behind;
            settle:
                a_settle_writes_everything_together,
                a_second_identical_settle_changes_nothing,
                two_settles_of_one_generation_in_one_turn_are_one,
                a_fallback_settles_nothing_and_releases_the_whole_hold,
                a_stopped_generation_is_completed_and_marked,
                a_failure_for_good_releases_the_hold_and_says_why,
                a_failed_regeneration_leaves_the_draft_as_it_was,
                cancelling_a_waiting_generation_releases_the_hold,
                cancelling_a_running_generation_releases_the_hold_and_leaves_its_call_open,
                cancelling_a_scheduled_a_blocked_and_a_backing_off_generation_ends_them,
                an_edit_made_meanwhile_stays_the_current_version,
                writes_and_claim_go_in_one_turn,
                a_lost_write_does_not_disturb_the_others_of_its_batch,
                a_turn_of_many_writes_answers_in_their_order,
                the_row_version_rises_by_exactly_one_per_change,
                when_the_last_attempt_began_is_known_after_the_end;
            fence:
                a_late_success_changes_nothing_but_usage,
                a_late_failure_changes_nothing_but_usage,
                a_late_retry_changes_nothing_but_usage,
                a_late_step_changes_nothing_but_usage,
                a_late_hand_back_changes_nothing_but_usage,
                a_late_steps_next_call_is_not_opened,
                a_late_write_by_itself_books_the_call_once,
                a_call_closed_as_lost_gets_the_true_figures_later,
                another_workspaces_late_report_books_nothing,
                a_cancel_and_a_settle_that_race_have_one_winner,
                a_fence_must_fit_in_all_its_parts;
            retry:
                a_retryable_failure_parks_with_a_back_off,
                a_retry_keeps_its_place,
                a_hand_back_spends_no_attempt_and_is_claimable_at_once,
                used_up_attempts_end_in_a_failure,
                a_retry_on_another_model_moves_to_that_models_lanes,
                after_its_end_a_generation_names_the_model_of_its_last_call,
                a_retry_of_a_regeneration_leaves_the_draft_as_it_was;
            step:
                a_finished_step_closes_its_call_and_opens_the_next,
                finished_steps_are_given_back_with_the_next_claim,
                a_step_survives_a_lost_lease_and_a_hand_back,
                the_same_step_written_twice_is_one,
                a_claim_before_any_step_gives_none;
            media:
                a_checkpoint_of_the_same_name_is_replaced_in_its_place,
                a_forgotten_checkpoint_begins_its_step_again,
                a_late_write_forgets_nothing,
                a_run_that_waits_is_counted_in_its_lanes_and_not_in_the_global_limit,
                a_run_that_is_claimed_again_waits_no_more,
                assets_are_written_with_their_version,
                a_late_result_writes_no_assets,
                assets_without_content_are_refused_whole,
                a_lost_call_that_only_asks_is_given_no_tokens,
                the_sweeper_is_told_what_the_open_call_was_for;
            sweep:
                a_passed_deadline_is_found_wherever_the_generation_is,
                an_attempt_that_overruns_is_found_after_its_grace,
                a_silent_nodes_runs_are_found,
                a_node_that_said_goodbye_is_lost_at_once,
                a_run_of_a_node_never_heard_of_is_lost,
                the_only_living_process_takes_all_other_nodes_runs_back,
                stale_ones_are_found_only_when_asked_for,
                a_scan_continues_after_the_last_one_seen,
                sweeping_twice_is_sweeping_once,
                a_beat_is_told_which_of_its_runs_are_over,
                the_sweeper_loses_the_race_to_a_completion,
                a_completion_loses_the_race_to_the_sweeper,
                a_sweeper_that_loses_to_another_leaves_the_lost_call_lost,
                a_sweeper_that_loses_to_a_cancel_leaves_the_open_call_to_its_worker,
                a_sweeper_that_loses_to_a_checkpoint_leaves_the_call_of_the_run_open,
                orphaned_calls_are_closed_as_lost_with_an_estimate,
                the_call_of_a_lost_attempt_is_an_orphan_while_the_next_runs,
                orphans_are_closed_no_more_than_asked_at_a_time;
            why:
                behind_others_counts_those_before_it,
                a_full_lane_is_named_with_its_limit_and_use,
                a_locked_target_is_named_with_its_holder,
                backing_off_says_until_when_and_after_what,
                scheduled_says_when,
                paused_says_what_and_since_when,
                no_worker_when_no_node_is_alive,
                running_and_finished_ones_wait_for_nothing;
            scope:
                another_workspace_reads_nothing,
                another_workspace_changes_nothing,
                keys_and_dedupe_keys_of_two_workspaces_never_meet,
                two_workspaces_users_of_one_name_are_two,
                a_claim_serves_all_workspaces_and_names_each,
                a_refused_request_does_not_disturb_the_others_of_its_batch;
            drafts:
                an_edit_is_a_new_version_and_the_current_one,
                a_restored_version_says_which_one_it_copies,
                versions_are_listed_oldest_first_without_bodies,
                a_missing_version_is_not_found,
                whole_drafts_stand_in_the_order_they_were_asked_for,
                an_old_revision_is_a_conflict_and_writes_nothing,
                racing_edits_of_one_revision_have_one_winner,
                publishing_and_unpublishing,
                an_empty_or_busy_draft_is_neither_edited_nor_published,
                a_draft_that_is_being_regenerated_is_edited_but_not_published,
                a_review_is_a_word_beside_the_status,
                a_review_is_of_one_version,
                a_deleted_draft_leaves_the_lists_and_comes_back,
                counts_are_per_status_and_user,
                drafts_are_found_by_status_user_recipe_and_external_id,
                the_revision_rises_with_every_change_of_the_row;
            pages:
                drafts_and_generations_are_paged_without_gaps,
                calls_transfers_and_events_are_paged_without_gaps,
                generations_are_found_by_status_draft_and_recipe,
                rows_added_while_reading_do_not_shift_a_page,
                transfers_are_listed_by_user;
            usage:
                every_figure_of_a_call_is_kept,
                a_providers_own_figure_is_kept_as_its_report,
                what_was_not_reported_is_absent_and_never_zero,
                every_outcome_of_a_call_is_kept,
                calls_are_found_by_user_generation_and_draft,
                open_calls_are_listed_and_newest_come_first;
            totals:
                a_call_counts_in_the_quarter_it_was_closed_in,
                an_open_call_counts_nowhere_yet,
                every_figure_is_summed,
                totals_are_told_apart_by_what_is_asked,
                the_true_figures_of_a_lost_call_take_the_place_of_its_estimate,
                a_clock_that_goes_back_counts_where_it_says,
                orphaned_calls_are_counted_as_failed_estimates,
                the_calls_of_a_turn_that_is_undone_count_nowhere,
                two_processes_book_into_the_same_totals,
                a_straggler_races_with_a_new_quarter_and_each_counts_where_it_was,
                another_workspaces_calls_are_not_counted,
                users_are_found_by_what_the_application_calls_them,
                a_question_whose_answer_would_be_too_large_is_refused;
            retention:
                old_calls_go_and_no_total_changes,
                calls_of_live_and_of_lately_ended_generations_stay,
                open_calls_stay_however_old,
                old_events_go_and_the_newest_of_each_workspace_stays,
                the_ledger_is_never_pruned,
                two_processes_that_prune_count_each_call_once;
            ledger:
                a_grant_is_posted_once_per_reference,
                a_reference_of_another_amount_kind_or_user_is_refused_and_not_written,
                a_posting_is_repeated_by_its_idempotency_key_and_by_no_other_body,
                a_grant_makes_its_user_and_nothing_else_does,
                adjustments_keep_their_reason_and_never_overdraw,
                a_statement_carries_its_running_balance,
                accounts_are_paged_in_the_order_of_their_ids,
                what_moves_by_hand_is_announced,
                a_grant_or_refund_of_nothing_is_refused_and_not_written,
                two_workspaces_references_never_meet,
                racing_grants_of_one_reference_are_one,
                racing_postings_of_one_idempotency_key_are_one,
                a_user_never_seen_has_nothing,
                refunds_never_exceed_what_was_settled,
                a_failed_or_fallback_generation_has_nothing_to_refund,
                racing_refunds_never_exceed_the_settle,
                every_hold_is_resolved_exactly_once,
                credits_and_debits_are_equal_over_all_accounts;
            credits:
                a_gift_moves_credits_from_one_user_to_the_other_once,
                s15_credits_for_one_are_spent_once_by_two_hundred_requests_on_two_nodes,
                a_gift_that_no_balance_can_hold_is_refused_on_both_sides,
                racing_gifts_both_ways_neither_lose_nor_make_credits,
                what_is_left_of_a_grant_expires_and_nothing_else_does,
                what_expires_soonest_is_spent_first,
                what_a_hold_has_set_aside_expires_when_it_is_released,
                what_is_spent_of_a_hold_does_not_expire,
                expiring_is_bounded_goes_on_and_is_not_repeated,
                racing_expiries_and_settles_keep_the_books,
                a_metered_price_takes_the_cost_and_gives_the_rest_back,
                what_a_metered_price_comes_to_above_the_hold_is_absorbed,
                the_price_of_the_accept_is_the_price_of_the_end,
                ten_thousand_races_for_the_end_of_a_generation_are_exact;
            jobs:
                what_is_staged_is_nothing_until_it_is_sealed,
                fewer_items_than_said_make_no_job,
                what_is_never_sealed_is_dropped_in_pieces_and_what_is_stays,
                one_idempotency_key_makes_one_job,
                a_dedupe_key_makes_one_job_until_that_has_ended,
                a_job_that_runs_again_takes_its_dedupe_key_back_where_it_is_free,
                racing_starts_of_one_job_make_one,
                an_item_becomes_a_generation_once,
                racing_feeders_make_one_generation_of_each_item,
                only_a_running_job_is_fed,
                a_generations_end_is_its_items,
                a_lost_write_moves_no_item,
                a_retried_attempt_leaves_the_item_processing,
                many_ends_in_one_turn_are_counted_together,
                settles_of_two_processes_count_every_item,
                only_pending_items_are_closed,
                a_cancelled_job_ends_with_its_last_item,
                failed_items_are_opened_again_and_fill_their_own_drafts,
                what_is_being_cancelled_is_not_opened_again,
                a_generation_tried_again_by_hand_stays_the_items,
                a_refused_item_stays_pending,
                orders_name_the_revision_they_saw,
                jobs_are_paged_and_filtered,
                a_jobs_skipped_items_are_there_from_the_start,
                the_drafts_a_jobs_items_made_are_paged_in_their_order,
                a_slot_of_a_jobs_item_is_its_own;
            budgets:
                what_a_call_uses_comes_out_of_what_was_set_aside_and_the_rest_goes_back,
                what_needs_more_than_was_set_aside_counts_in_full,
                a_cancelled_generation_gives_back_what_was_set_aside,
                what_is_refused_writes_nothing,
                a_batch_is_decided_in_its_order,
                a_hundred_requests_at_once_never_pass_a_limit,
                s16_the_first_requests_ever_of_a_user_meet_the_budget_of_each_user,
                many_turns_and_accepts_at_once_keep_the_sums,
                a_repeat_or_a_duplicate_sets_nothing_aside,
                regenerating_over_and_over_is_stopped,
                a_budget_in_tokens_counts_input_and_output,
                a_cost_nobody_knows_is_refused_where_cost_is_counted,
                a_generation_counts_in_the_period_of_its_accept,
                a_day_and_a_month_turn_where_the_clocks_change,
                a_budget_set_meanwhile_counts_from_the_next_call_on,
                a_lost_call_counts_its_estimate_until_the_true_figures_come,
                true_figures_below_the_estimate_give_back_the_difference,
                a_late_report_after_the_end_counts,
                a_call_nobody_reports_counts_its_estimate,
                each_user_is_under_the_default_from_his_first_request_on,
                a_key_has_a_budget_whoever_uses_it,
                a_budget_belongs_to_its_workspace,
                a_changed_limit_holds_at_once_and_takes_nothing_back,
                an_ended_budget_limits_nothing_and_keeps_what_it_counted,
                a_budget_set_while_another_one_ends_is_known,
                each_share_is_announced_once_in_a_period,
                what_happens_to_a_budget_is_announced,
                setting_a_budget_twice_with_one_key_sets_it_once,
                a_budget_of_nobody_is_not_set,
                budgets_are_kept_as_they_were_set_and_paged,
                removing_old_calls_leaves_the_sums,
                another_process_learns_of_a_budget_with_its_beat;
            bulk:
                a_bulk_action_is_there_with_what_it_names_and_is_told,
                opening_twice_with_one_key_opens_one,
                what_is_gathered_is_added_once_and_only_from_where_the_walk_stands,
                what_ended_is_counted_once_and_the_last_one_ends_it,
                a_cancelled_one_leaves_what_is_open_and_counts_what_was_under_way,
                an_export_is_completed_when_all_is_gathered,
                bulk_actions_are_paged_and_found_in_their_workspace_only,
                racing_ends_of_the_same_items_count_each_once;
            admin:
                a_fresh_store_fits_its_schema,
                the_canary_writes_reads_and_leaves_nothing,
                the_clock_moves_forward_where_the_engine_has_one,
                pausing_twice_changes_nothing,
                the_description_counts_what_waits_and_runs,
                a_beat_keeps_the_nodes_start;
            events:
                every_change_of_a_generation_is_announced_in_order,
                events_carry_small_facts_as_json,
                editorial_moves_are_announced_once,
                events_are_read_on_from_a_number,
                an_event_names_its_user,
                readers_are_told_of_news_in_both_processes,
                who_follows_many_writers_misses_nothing_and_sees_nothing_twice;
            files:
                a_file_is_kept_as_it_was_put_and_read_in_its_workspace_only,
                files_are_paged_and_found_by_their_user,
                a_file_beyond_the_quota_is_refused_with_its_figures,
                of_many_at_once_only_so_many_are_taken_as_there_is_room_for,
                a_key_gives_the_first_file_until_that_has_expired_or_gone,
                racing_puts_under_one_key_make_one_file,
                an_expired_file_is_in_no_list_and_remembered_until_it_is_forgotten,
                a_removed_file_is_gone_and_its_room_free;
            keys:
                a_key_is_found_by_its_hash_only,
                what_was_agreed_on_is_kept_to_the_letter,
                a_key_is_stored_once,
                keys_are_paged_and_read_in_their_workspace_only,
                a_change_names_the_revision_it_saw,
                a_revoked_key_is_found_and_says_so,
                the_last_key_that_manages_keys_is_not_given_up,
                racing_ends_of_the_last_two_keys_leave_one,
                a_rotation_ends_the_old_key_and_stores_the_new_one_together,
                the_latest_use_of_a_key_stays;
            logins:
                a_login_is_kept_to_the_letter_and_makes_its_user,
                a_user_who_made_something_can_be_given_a_login,
                an_email_and_a_user_have_one_login,
                users_are_paged_and_found_by_role_in_their_workspace_only,
                a_change_of_a_login_names_the_revision_it_saw,
                the_last_owner_stays_one,
                racing_demotions_of_the_last_two_owners_leave_one,
                a_sign_in_is_found_with_its_user_and_ends_at_once,
                nobody_signs_in_by_a_login_that_has_changed_or_is_disabled,
                a_changed_password_replaces_every_sign_in_by_one,
                a_user_has_no_more_sign_ins_than_the_limit,
                the_latest_use_of_a_sign_in_stays_and_what_is_over_is_forgotten,
                a_link_works_once,
                of_fifty_who_use_one_link_one_gets_in,
                a_link_that_is_over_opens_nothing,
                a_reset_sets_the_password_and_ends_what_was,
                a_link_opens_nothing_when_the_login_it_was_made_for_has_changed,
                a_setup_makes_one_owner_and_no_second,
                an_invite_of_somebody_who_signs_in_makes_nothing,
                invites_are_paged_and_taken_back_in_their_workspace_only;
            audit:
                slices_cover_every_space_to_its_end_and_find_nothing_in_order,
                a_slice_ends_where_its_span_does,
                one_node_audits_until_it_is_silent,
                a_finding_is_kept_once_and_announced_once_in_its_workspace,
                a_finding_is_gone_when_its_place_is_proved_again_and_not_before;
            health:
                five_faults_open_the_model_and_not_its_provider,
                faults_of_one_batch_are_counted_one_after_the_other,
                any_number_of_faults_of_one_moment_opens_nothing,
                a_success_clears_the_model_and_its_provider,
                a_success_and_a_new_fault_in_one_turn_begin_a_new_count,
                a_sign_whose_write_is_lost_does_not_count,
                a_finished_step_says_that_the_model_answers,
                what_is_cooling_is_left_alone_until_it_is_over,
                a_cooling_provider_holds_all_its_models_back,
                another_process_sees_an_opening_at_once,
                after_the_cooldown_one_probe_at_a_time_is_let_through,
                processes_that_claim_at_once_let_one_probe_through,
                what_can_go_on_is_claimed_although_it_is_cooling,
                where_the_whole_route_is_cooling_it_is_parked_with_its_model_and_its_attempts,
                the_last_model_of_a_route_waits_for_its_cooldown,
                a_cooldown_does_not_lift_the_limits_of_its_lanes,
                a_paused_recipe_is_woken_by_no_cooldown,
                nodes_that_fail_together_never_lose_an_opening,
                the_backlog_counts_what_waits_by_recipe_and_reason,
                the_backlog_tells_models_apart_and_what_is_being_worked_on;
            rates:
                a_rate_lets_a_burst_through_and_then_one_after_the_other,
                a_rate_holds_across_processes,
                tokens_that_were_used_hold_back_what_comes_next,
                debts_of_several_nodes_add_up,
                what_is_moved_on_without_a_call_pays_nothing;
            feedback:
                an_opinion_of_a_part_is_there_once_and_the_last_word_counts,
                seed_s0_b18_feedback_outlives_its_draft_and_stays_in_its_workspace,
                feedback_is_paged_and_the_newest_of_a_user_is_found;
            profiles:
                a_profile_is_made_changed_and_removed_by_who_has_seen_it,
                profiles_are_paged_and_found_by_recipe_and_user,
                a_request_finds_its_users_own_profile_and_everybodys,
                of_many_who_make_one_at_once_one_does;
            sources:
                a_source_is_kept_changed_and_removed_by_who_has_seen_it,
                an_owner_has_no_more_sources_than_the_most_also_when_many_are_made_at_once,
                a_text_that_is_made_twice_keeps_what_it_says_now,
                sources_are_found_by_whose_they_are_by_kind_and_by_state,
                a_due_source_is_claimed_once_until_its_lease_is_over,
                a_fetch_writes_items_state_and_log_together_and_announces_only_news,
                a_fetch_that_lost_its_lease_writes_nothing,
                an_entry_is_kept_once_and_changed_in_its_place,
                recent_items_are_the_users_own_and_everybodys_with_texts_of_any_age,
                items_that_nobody_sees_any_more_are_forgotten_and_texts_are_not;
            schedules:
                a_schedule_is_made_changed_and_removed_by_who_has_seen_it,
                the_same_request_makes_one_schedule_and_the_limit_holds,
                schedules_are_paged_and_found_by_state_user_and_recipe,
                what_is_due_is_found_in_all_workspaces_and_the_rest_is_not,
                of_all_who_find_a_time_due_one_writes_what_became_of_it,
                a_refused_run_is_told_and_only_the_last_runs_are_kept,
                one_time_is_accepted_once_and_its_generation_noted_once;
            mail:
                a_mailing_is_kept_as_it_was_ordered_and_read_in_its_workspace_only,
                nobody_gets_a_version_twice_and_another_one_only_on_order,
                of_many_who_order_the_same_at_once_one_sends_it,
                an_order_with_the_same_key_is_the_first_one_again,
                a_mail_is_being_sent_by_one_and_only_that_one_says_what_came_of_it,
                what_certainly_did_not_go_waits_and_is_taken_again,
                what_a_lost_process_was_sending_is_unknown_until_a_person_speaks,
                a_mailing_is_held_back_taken_back_and_tried_again,
                the_limits_are_shared_and_a_day_keeps_some_for_single_mails,
                a_prospect_knows_when_a_mail_has_reached_it,
                what_was_sent_can_be_followed_up;
            subscribers:
                a_subscriber_is_kept_as_it_was_said_and_read_in_its_workspace_only,
                the_same_people_twice_change_nothing_and_a_newer_word_keeps_what_it_does_not_say,
                of_many_who_write_the_same_people_at_once_one_makes_them,
                who_wants_nothing_stays_so_whoever_writes_or_removes_the_subscriber,
                lists_are_counted_paged_and_filtered_by_who_gets_something,
                who_unsubscribes_between_order_and_claim_gets_nothing,
                who_wants_nothing_of_one_list_gets_the_others_and_who_wants_nothing_gets_no_outreach,
                a_test_stands_in_nobodys_way;
            fill:
                a_mailing_to_a_list_is_written_in_slices_and_ends_with_the_last,
                a_slice_that_ends_with_the_last_of_the_list_is_the_last, whoever_fills_a_mailing_everybody_comes_once,
                who_comes_leaves_or_wants_nothing_while_it_is_filled_is_seen_at_his_turn,
                what_is_held_back_or_taken_back_is_not_filled,
                a_long_mailing_is_taken_back_in_parts_and_nothing_of_it_goes_meanwhile,
                a_newsletter_with_the_same_key_is_the_first_one_as_it_is_now;
            prices:
                a_price_is_kept_as_it_was_set_and_stays_when_it_ends,
                prices_are_paged_by_number_and_found_by_model,
                a_beat_is_told_the_newest_price,
                who_follows_racing_prices_misses_none;
            webhooks:
                an_endpoint_is_kept_as_it_was_set_and_changed_under_its_revision,
                endpoints_belong_to_their_workspace_and_are_gone_when_removed,
                endpoints_are_paged_in_the_order_of_their_ids,
                a_workspace_has_one_endpoint_for_the_addresses_of_requests,
                an_accepted_request_keeps_its_own_address,
                a_feed_moves_only_from_where_it_was_read_and_for_the_endpoints_it_knew,
                an_endpoint_enabled_again_hears_what_comes_and_not_what_was,
                a_message_is_claimed_by_one_and_again_when_its_lease_is_over,
                a_late_attempt_is_logged_and_decides_nothing,
                a_slow_lane_holds_nobody_else_up,
                feeds_are_read_again_only_after_a_change_of_an_endpoint,
                news_name_each_event_of_workspaces_with_a_feed_once,
                other_kinds_count_from_their_change_on,
                what_was_put_by_begins_anew_when_its_endpoint_is_enabled,
                waiting_messages_are_counted_by_lane_and_dropped_ones_are_only_in_the_log,
                a_message_sent_again_begins_a_new_round_under_the_same_id,
                an_attempt_from_before_a_message_was_sent_again_does_not_end_it,
                a_backlog_for_dead_receivers_stands_behind_who_has_nothing_under_way,
                five_days_of_failure_or_a_gone_receiver_disable_and_are_announced_once,
                messages_are_listed_by_state_in_their_workspace_only,
                ended_messages_go_with_their_age_and_waiting_ones_stay;
            lanes:
                a_lane_is_looked_at_again_when_its_next_message_is_due,
                more_lanes_than_one_claim_looks_at_are_all_served,
                lanes_without_room_do_not_stand_before_those_that_have_some,
                racing_makers_and_carriers_leave_no_message_behind;
            random:
                a_random_walk_equals_the_model_seed_1, a_random_walk_equals_the_model_seed_2, a_random_walk_equals_the_model_seed_3,
                a_random_walk_of_the_books_equals_the_models_sums_seed_1, a_random_walk_of_the_books_equals_the_models_sums_seed_2, a_random_walk_of_the_books_equals_the_models_sums_seed_3;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:path; $($subject:ident: $($check:ident),+ ;)+) => {$(
        mod $subject {
            use super::*;
            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    $crate::run($fixture, $crate::suite::$subject::$check).await;
                }
            )+
        }
    )+};
}
