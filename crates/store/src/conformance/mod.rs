//! What every store must do, as tests written once against [`Store`].
//!
//! A store's crate calls [`crate::conformance_suite!`] in a test module with a function that
//! makes a [`Bench`]; each case becomes a test of its own.

mod callbacks;
mod kit;
mod lists;
mod messages;
mod money;
mod queues;
mod upkeep;
mod values;

use std::{any::Any, path::PathBuf, sync::Arc};

pub use self::{callbacks::*, lists::*, messages::*, money::*, queues::*, upkeep::*, values::*};
use crate::Store;

/// Names of the dialects that the cases use.
pub const DIALECTS: &[&str] = &["telesign", "infobip"];

/// A new, empty store and what the cases need around it.
pub struct Bench {
    /// The store.
    pub store: Arc<dyn Store>,
    /// A path for a copy; nothing is there.
    pub copy: PathBuf,
    /// Opens a copy.
    pub open: Box<dyn Fn(PathBuf) -> Arc<dyn Store> + Send + Sync>,
    /// What must outlive the store: its folder.
    pub folder: Box<dyn Any + Send + Sync>,
}

/// Makes a test of each case of the suite.
#[macro_export]
macro_rules! conformance_suite {
    ($bench:path) => {
        $crate::conformance_suite!(@cases $bench:
            a_stored_message_is_loaded_as_it_was
            an_unknown_message_is_not_loaded
            an_update_is_seen_by_the_next_load
            an_update_of_an_older_version_conflicts_and_changes_nothing
            an_update_of_an_unknown_message_conflicts
            changes_of_one_commit_apply_in_order_with_a_verdict_each
            history_is_kept_in_order
            histories_of_all_messages_are_read_in_one_order_after_a_cursor
            a_cursor_stays_good_when_what_it_stands_on_is_swept
            a_client_ref_finds_its_message_within_account_and_dialect_only
            a_taken_client_ref_refuses_the_whole_insert
            a_client_ref_repeated_within_one_insert_is_a_duplicate
            a_client_ref_repeated_in_a_later_chunk_is_a_duplicate
            inserts_of_one_submission_apply_all_or_none
            an_idempotency_key_seen_before_inserts_none_of_several
            messages_of_one_submission_share_brief_and_plan
            upstream_ids_find_attempt_and_part_within_their_route
            the_newest_owner_of_an_upstream_id_wins
            alarms_come_in_order_and_go_on_after_a_cursor
            a_moved_alarm_rings_at_its_new_time_only
            queued_messages_come_by_time_then_id_within_lane_and_class
            a_taken_message_leaves_its_queue_and_its_lane
            callbacks_of_one_message_and_address_come_one_after_the_other
            callbacks_to_different_addresses_do_not_wait_for_each_other
            a_callback_to_be_tried_again_keeps_its_successors_waiting
            fresh_callbacks_are_told_once_and_all_unless_the_store_says_otherwise
            callbacks_come_in_order_of_their_time
            a_parked_callback_lets_the_next_one_go
            a_replayed_callback_goes_before_later_ones
            a_result_for_a_finished_callback_conflicts
            parked_callbacks_are_listed_by_account_and_after_a_cursor
            an_inbound_message_calls_back_once
            a_remembered_key_stays_until_it_is_forgotten
            an_idempotency_key_seen_before_inserts_nothing
            remembered_keys_are_apart_by_account_and_kind
            remembered_keys_expire
            a_document_is_written_against_its_version
            documents_are_listed_by_key_within_account_and_kind
            a_removed_document_is_gone
            reports_to_be_pulled_come_oldest_first_and_once
            reports_to_be_pulled_are_filtered
            search_lists_newest_first_and_goes_on_before_a_cursor
            a_list_comes_page_by_page_by_everything_that_fits_however_often_it_stops
            search_by_time_finds_messages_of_one_moment_whatever_the_order_of_their_ids
            search_filters_by_each_condition
            search_sees_no_other_account
            unfinished_messages_are_counted_by_account
            sweeping_removes_settled_messages_with_all_that_is_theirs
            sweeping_keeps_unfinished_and_recent_messages
            sweeping_keeps_messages_with_unfinished_callbacks
            sweeping_is_bounded_and_goes_on
            sweeping_one_message_of_a_submission_keeps_the_others_whole
            a_backup_opens_and_equals
            a_backup_does_not_overwrite
            a_balance_begins_once
            money_is_set_aside_spent_and_given_back
            an_insert_that_cannot_be_paid_leaves_no_trace
            an_account_without_a_balance_cannot_pay
            inserts_of_one_submission_are_paid_together_or_not_at_all
            an_account_that_may_owe_goes_below_zero
            never_more_is_spent_than_was_set_aside
            a_stale_update_moves_no_money
            a_payment_counts_once
            movements_are_listed_by_message_and_after_a_cursor
            movements_are_listed_newest_first_before_a_cursor
            a_swept_message_takes_its_movements_and_leaves_the_balance
            counters_count
            a_closed_store_takes_nothing_more
        );
    };
    (@cases $bench:path: $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::conformance::$case($bench()).await;
            }
        )*
    };
}
