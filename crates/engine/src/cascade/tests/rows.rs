//! One test per row of the table in `docs/cascade.md`.

use ReceiptStatus::{Delivered, Failed, Played, Read, Sent};

use super::*;

const NOTHING: [Command; 0] = [];

#[test]
fn acceptance_queues_the_first_step() {
    let mut run = Run::new(vec![whatsapp(), sms()]);
    assert_eq!(run.at(0, Event::Accepted), [enqueue(0, 0, "wa", 0)]);
    assert_eq!(run.state.queued().map(|queued| queued.attempt), Some(id(0, 0)));
    assert_eq!(run.report().status, Status::Accepted);
}

#[test]
fn a_scheduled_message_waits_for_its_time() {
    let mut run = Run::new(vec![whatsapp()]);
    run.brief.send_at = Some(Time::from_secs(5));
    assert_eq!(run.at(0, Event::Accepted), NOTHING);
    assert_eq!((run.report().status, run.wakes_at()), (Status::Waiting, Some(5000)));
    assert_eq!(run.at(4999, Event::Woken), NOTHING);
    assert_eq!(run.at(5000, Event::Woken), [enqueue(0, 0, "wa", 5000)]);
}

#[test]
fn steps_that_can_never_be_sent_fail_at_once() {
    let unserved = Step { routes: Vec::new(), ..whatsapp() };
    let mut run = Run::new(vec![void(Cause::MissingContent), unserved, sms()]);
    let commands = run.at(0, Event::Accepted);
    let expected = [
        notify(0, Status::Failed(Cause::MissingContent)),
        notify(1, Status::Failed(Cause::Unconfigured)),
        enqueue(2, 0, "sms", 0),
    ];
    assert_eq!(commands, expected);
}

#[test]
fn a_plan_of_nothing_but_void_steps_settles_in_its_acceptance() {
    let mut run = Run::new(vec![void(Cause::MissingAddress), void(Cause::OptedOut)]);
    let mut expected = vec![notify(0, Status::Failed(Cause::MissingAddress))];
    expected.extend(settling(1, Status::Failed(Cause::OptedOut)));
    assert_eq!(run.at(0, Event::Accepted), expected);
}

#[test]
fn patience_starts_with_the_first_hand_over() {
    let mut run = Run::new(vec![whatsapp(), sms()]);
    run.at(0, Event::Accepted);
    assert_eq!(run.at(50_000, taken(0, 0)), [send(0, 0, "wa", 50_600)]);
    assert_eq!(run.wakes_at(), Some(50_600));
}

#[test]
fn an_attempt_never_taken_ends_its_step_after_the_validity() {
    let mut run = Run::new(vec![whatsapp(), sms()]);
    run.at(0, Event::Accepted);
    let expected = [notify(0, Status::Failed(Cause::ValidityExpired)), enqueue(1, 0, "sms", 100_000)];
    assert_eq!(run.alarm(), (100_000, expected.to_vec()));
    assert_eq!(run.at(100_000, taken(0, 0)), NOTHING);
}

#[test]
fn expiry_ends_the_message_with_no_further_step() {
    let mut run = Run::new(vec![whatsapp(), sms()]);
    run.brief.expires_at = Some(Time::from_millis(400));
    run.at(0, Event::Accepted);
    assert_eq!(run.at(0, taken(0, 0)), [send(0, 0, "wa", 400)]);
    let mut expected = vec![recall(0, 0, "wa")];
    expected.extend(settling(0, Status::Failed(Cause::ValidityExpired)));
    assert_eq!(run.alarm(), (400, expected));
}

#[test]
fn no_attempt_is_handed_over_after_its_deadline() {
    let mut run = Run::new(vec![whatsapp()]);
    run.brief.expires_at = Some(Time::from_millis(400));
    run.at(0, Event::Accepted);
    assert_eq!(run.at(400, taken(0, 0)), settling(0, Status::Failed(Cause::ValidityExpired)));
}

#[test]
fn delivery_settles_the_message() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    assert_eq!(run.at(100, submitted(0, 0, &["wamid.1"])), [notify(0, Status::Submitted)]);
    assert_eq!(run.at(200, received(0, 0, Sent)), [notify(0, Status::Sent)]);
    assert_eq!(run.at(300, received(0, 0, Delivered)), settling(0, Status::Delivered));
    assert_eq!(run.state.settled_at(), Some(Time::from_millis(300)));
    assert_eq!(run.state.upstream(0, 0), ["wamid.1"]);
}

#[test]
fn the_wish_to_be_read_is_not_satisfied_by_delivery() {
    let mut run = Run::sent(vec![Step { until: Until::Read, ..whatsapp() }, sms()]);
    assert_eq!(run.at(100, received(0, 0, Delivered)), [notify(0, Status::Delivered)]);
    assert_eq!(run.at(200, received(0, 0, Read)), settling(0, Status::Read));
}

#[test]
fn a_message_delivered_but_not_read_goes_on_and_keeps_its_status() {
    let mut run = Run::sent(vec![Step { until: Until::Read, ..whatsapp() }, sms()]);
    run.at(100, received(0, 0, Delivered));
    assert_eq!(run.alarm(), (600, vec![enqueue(1, 0, "sms", 600)]));
    assert_eq!(run.steps(), [Status::Delivered, Status::Accepted]);
    assert_eq!(run.report().steps[0].given_up, Some(Cause::PatienceExpired));
}

#[test]
fn a_last_step_delivered_but_not_read_settles_as_delivered() {
    let mut run = Run::sent(vec![Step { until: Until::Read, ..whatsapp() }]);
    run.at(100, received(0, 0, Delivered));
    assert_eq!(run.alarm(), (100_000, settling(0, Status::Delivered).to_vec()));
}

#[test]
fn submission_settles_a_message_that_asks_for_no_more() {
    let mut run = Run::sent(vec![Step { until: Until::Submitted, ..sms() }]);
    assert_eq!(run.at(100, submitted(0, 0, &[])), settling(0, Status::Submitted));
    assert_eq!(run.at(200, received(0, 0, Delivered)), [notify(0, Status::Delivered)]);
    assert_eq!(run.report().status, Status::Delivered);
}

#[test]
fn reading_after_the_end_is_recorded_and_told() {
    let mut run = Run::sent(vec![whatsapp()]);
    run.at(100, received(0, 0, Delivered));
    assert_eq!(run.at(900, received(0, 0, Read)), [notify(0, Status::Read)]);
    assert_eq!(run.at(950, received(0, 0, Played)), [notify(0, Status::Played)]);
    assert_eq!(run.report().steps[0].read_at, Some(Time::from_millis(900)));
    assert_eq!(run.report().status, Status::Played);
}

#[test]
fn reading_implies_delivery() {
    let mut run = Run::sent(vec![whatsapp()]);
    assert_eq!(run.at(100, received(0, 0, Read)), settling(0, Status::Read));
    assert_eq!(run.report().steps[0].delivered_at, Some(Time::from_millis(100)));
    assert_eq!(run.at(200, received(0, 0, Delivered)), NOTHING);
    assert_eq!(run.report().status, Status::Read);
}

#[test]
fn a_receipt_before_the_answer_counts() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    assert_eq!(run.at(90, received(0, 0, Delivered)), settling(0, Status::Delivered));
    assert_eq!(run.at(100, submitted(0, 0, &["wamid.1"])), NOTHING);
    assert_eq!(run.report().status, Status::Delivered);
    assert_eq!(run.report().steps[0].upstream.as_deref(), Some("wamid.1"));
}

#[test]
fn parts_are_delivered_only_together() {
    let mut run = Run::sent(vec![sms()]);
    run.at(10, submitted(0, 0, &["a", "b", "c"]));
    assert_eq!(run.at(20, part(0, 0, 1, Delivered)), [notify(0, Status::Sent)]);
    assert_eq!(run.at(30, part(0, 0, 0, Delivered)), NOTHING);
    assert_eq!(run.at(35, part(0, 0, 3, Delivered)), NOTHING);
    assert_eq!(run.at(40, part(0, 0, 2, Delivered)), settling(0, Status::Delivered));
    assert_eq!(run.report().steps[0].parts, 3);
}

#[test]
fn one_failed_part_fails_the_attempt() {
    let mut run = Run::sent(vec![sms(), whatsapp()]);
    run.at(10, submitted(0, 0, &["a", "b"]));
    run.at(20, part(0, 0, 0, Delivered));
    let expected = [notify(0, Status::Failed(Cause::AbsentSubscriber)), enqueue(1, 0, "wa", 30)];
    assert_eq!(run.at(30, part(0, 0, 1, Failed(Cause::AbsentSubscriber))), expected);
}

#[test]
fn throttling_repeats_on_the_same_route_with_growing_delays() {
    let mut run = Run::sent(vec![sms()]);
    assert_eq!(run.at(100, refused(0, 0, Cause::Throttled)), [enqueue(0, 1, "sms", 600)]);
    assert_eq!(run.at(600, taken(0, 1)), [send(0, 1, "sms", 100_000)]);
    assert_eq!(run.at(700, refused(0, 1, Cause::NetworkBusy)), [enqueue(0, 2, "sms", 1700)]);
}

#[test]
fn a_longer_advice_of_the_network_wins() {
    let mut run = Run::sent(vec![sms()]);
    let fault = Fault::new(Cause::Throttled).with_retry_after(Span::from_secs(9));
    assert_eq!(run.at(100, refused(0, 0, fault)), [enqueue(0, 1, "sms", 9100)]);
}

#[test]
fn a_pair_limit_waits_six_seconds_at_least() {
    let mut run = Run::sent(vec![sms()]);
    assert_eq!(run.at(100, refused(0, 0, Cause::PairLimited)), [enqueue(0, 1, "sms", 6100)]);
}

#[test]
fn a_repetition_past_the_deadline_lets_patience_run_out() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    assert_eq!(run.at(200, refused(0, 0, Cause::PairLimited)), NOTHING);
    let expected = [notify(0, Status::Failed(Cause::PatienceExpired)), enqueue(1, 0, "sms", 600)];
    assert_eq!(run.alarm(), (600, expected.to_vec()));
}

#[test]
fn an_outage_tries_the_next_route_at_once_then_starts_over() {
    let two = step(Channel::Sms, 30_000, &["one", "two"], OnUnknown::AtLeastOnce);
    let mut run = Run::sent(vec![two, whatsapp()]);
    assert_eq!(run.at(10, refused(0, 0, Cause::ProviderDown)), [enqueue(0, 1, "two", 10)]);
    run.at(10, taken(0, 1));
    assert_eq!(run.at(20, refused(0, 1, Cause::ProviderDown)), [enqueue(0, 2, "one", 520)]);
    let expected = [notify(0, Status::Failed(Cause::PatienceExpired)), enqueue(1, 0, "wa", 30_000)];
    assert_eq!(run.alarm(), (30_000, expected.to_vec()));
}

#[test]
fn a_provider_error_is_repeated_once_then_the_next_route_is_tried() {
    let two = step(Channel::Sms, 30_000, &["one", "two"], OnUnknown::AtLeastOnce);
    let mut run = Run::sent(vec![two]);
    assert_eq!(run.at(10, refused(0, 0, Cause::ProviderError)), [enqueue(0, 1, "one", 510)]);
    run.at(510, taken(0, 1));
    assert_eq!(run.at(520, refused(0, 1, Cause::ProviderError)), [enqueue(0, 2, "two", 520)]);
    run.at(520, taken(0, 2));
    assert_eq!(run.at(530, refused(0, 2, Cause::ProviderError)), [enqueue(0, 3, "two", 1530)]);
    run.at(1530, taken(0, 3));
    assert_eq!(
        run.at(1540, refused(0, 3, Cause::ProviderError)),
        settling(0, Status::Failed(Cause::ProviderError))
    );
}

#[test]
fn an_outage_of_two_days_is_waited_for() {
    let mut run = Run::sent(vec![Step { validity: Span::from_hours(48), ..sms() }]);
    let mut now = 0;
    loop {
        run.at(now, refused(0, run.state.steps[0].live, Cause::ProviderDown));
        let Some(next) = run.state.queued() else { break };
        now = next.not_before.as_millis();
        run.at(now, taken(0, next.attempt.attempt));
    }
    let last_day = now > 24 * 3600 * 1000;
    assert!(last_day && !run.state.is_settled(), "gave up after {now} ms");
    let expected = settling(0, Status::Failed(Cause::ValidityExpired)).to_vec();
    assert_eq!(run.alarm(), (48 * 3600 * 1000, expected));
}

#[test]
fn a_route_that_cannot_serve_gives_way_to_the_next_then_to_the_next_step() {
    let two = step(Channel::Sms, 30_000, &["one", "two"], OnUnknown::AtLeastOnce);
    let mut run = Run::sent(vec![two, whatsapp()]);
    assert_eq!(run.at(10, refused(0, 0, Cause::SenderInvalid)), [enqueue(0, 1, "two", 10)]);
    run.at(10, taken(0, 1));
    let expected = [notify(0, Status::Failed(Cause::NoRoute)), enqueue(1, 0, "wa", 20)];
    assert_eq!(run.at(20, refused(0, 1, Cause::NoRoute)), expected);
}

#[test]
fn an_unreachable_person_is_tried_on_the_next_step_at_once() {
    let two = step(Channel::Whatsapp, 600, &["one", "two"], OnUnknown::AtMostOnce);
    let mut run = Run::sent(vec![two, sms()]);
    let fault = Fault::new(Cause::NotOnChannel).with_network("131026", "undeliverable");
    let expected = [notify(0, Status::Failed(Cause::NotOnChannel)), enqueue(1, 0, "sms", 50)];
    assert_eq!(run.at(50, refused(0, 0, fault)), expected);
    assert_eq!(run.report().steps[0].network.as_ref().map(|network| network.code.as_str()), Some("131026"));
}

#[test]
fn a_stopping_cause_ends_the_whole_message() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    assert_eq!(run.at(50, refused(0, 0, Cause::Cancelled)), settling(0, Status::Failed(Cause::Cancelled)));
}

#[test]
fn a_failed_receipt_ends_the_attempt_by_its_cause() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(10, submitted(0, 0, &["wamid.1"]));
    let expected = [notify(0, Status::Failed(Cause::WindowClosed)), enqueue(1, 0, "sms", 20)];
    assert_eq!(run.at(20, received(0, 0, Failed(Cause::WindowClosed))), expected);
    assert_eq!(run.at(20, received(0, 0, Failed(Cause::WindowClosed))), NOTHING);
}

#[test]
fn a_passing_failed_receipt_repeats_and_keeps_the_status_reached() {
    let mut run = Run::sent(vec![sms()]);
    run.at(10, submitted(0, 0, &["a"]));
    run.at(15, received(0, 0, Sent));
    assert_eq!(run.at(20, received(0, 0, Failed(Cause::NetworkBusy))), [enqueue(0, 1, "sms", 520)]);
    assert_eq!(run.report().status, Status::Sent);
    run.at(520, taken(0, 1));
    assert_eq!(run.at(530, submitted(0, 1, &["b"])), NOTHING);
}

#[test]
fn the_bound_on_attempts_ends_the_step_with_the_last_cause() {
    let mut run = Run::new(vec![sms()]);
    run.rules.max_attempts = 2;
    run.at(0, Event::Accepted);
    run.at(0, taken(0, 0));
    run.at(10, refused(0, 0, Cause::Throttled));
    run.at(510, taken(0, 1));
    assert_eq!(
        run.at(520, refused(0, 1, Cause::NetworkBusy)),
        settling(0, Status::Failed(Cause::NetworkBusy))
    );
}

#[test]
fn patience_that_runs_out_recalls_and_goes_on() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(100, submitted(0, 0, &["wamid.1"]));
    let expected = vec![
        recall(0, 0, "wa"),
        notify(0, Status::Failed(Cause::PatienceExpired)),
        enqueue(1, 0, "sms", 600),
    ];
    assert_eq!(run.alarm(), (600, expected));
    assert_eq!(run.at(600, Event::Woken), NOTHING);
}

#[test]
fn an_answer_after_the_step_was_given_up_recalls_again() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.alarm();
    assert_eq!(run.at(700, submitted(0, 0, &["wamid.1"])), [recall(0, 0, "wa")]);
    assert_eq!(run.state.upstream(0, 0), ["wamid.1"]);
}

#[test]
fn the_last_step_waits_for_its_validity() {
    let mut run = Run::sent(vec![sms()]);
    run.at(10, submitted(0, 0, &["a"]));
    assert_eq!(run.at(30_000, Event::Woken), NOTHING);
    let mut expected = vec![recall(0, 0, "sms")];
    expected.extend(settling(0, Status::Failed(Cause::ValidityExpired)));
    assert_eq!(run.alarm(), (100_000, expected));
}

#[test]
fn late_delivery_settles_while_the_next_step_is_only_queued() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(100, submitted(0, 0, &["wamid.1"]));
    run.alarm();
    assert_eq!(run.at(610, received(0, 0, Delivered)), settling(0, Status::Delivered));
    assert_eq!(run.decisions, [Decision::Late { step: 0, settles: true }, Decision::Settled]);
    assert_eq!((run.state.queued(), run.at(620, taken(1, 0))), (None, vec![]));
    assert_eq!(run.report().steps[0].given_up, Some(Cause::PatienceExpired));
    assert_eq!(run.steps(), [Status::Delivered]);
}

#[test]
fn late_delivery_after_the_next_hand_over_is_recorded_not_resent() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(100, submitted(0, 0, &["wamid.1"]));
    run.alarm();
    run.at(605, taken(1, 0));
    assert_eq!(run.at(610, received(0, 0, Delivered)), [late(0, Status::Delivered)]);
    assert_eq!(run.report().status, Status::Accepted);
    assert_eq!(run.at(700, received(1, 0, Delivered)), settling(1, Status::Delivered));
    assert_eq!(run.at(800, received(0, 0, Read)), [late(0, Status::Read)]);
    assert_eq!(run.at(900, received(1, 0, Read)), [notify(1, Status::Read)]);
}

#[test]
fn late_delivery_after_failure_never_flips_the_outcome() {
    let mut run = Run::sent(vec![sms()]);
    run.at(10, submitted(0, 0, &["a"]));
    run.alarm();
    let failed = Status::Failed(Cause::ValidityExpired);
    assert_eq!(run.report().status, failed);
    assert_eq!(run.at(200_000, received(0, 0, Delivered)), [late(0, Status::Delivered)]);
    assert_eq!(run.report().status, failed);
    assert_eq!((run.steps(), run.report().steps[0].given_up), (vec![Status::Delivered], failed.cause()));
}

#[test]
fn an_unanswered_hand_over_is_doubted() {
    let mut run = Run::sent(vec![sms()]);
    assert_eq!(run.alarm(), (40_000, vec![]));
    assert_eq!(run.decisions, [Decision::Doubted { step: 0, until: Time::from_secs(60) }]);
    assert_eq!(run.wakes_at(), Some(60_000));
}

#[test]
fn a_receipt_settles_the_doubt() {
    let mut run = Run::sent(vec![sms()]);
    assert_eq!(run.at(100, refused(0, 0, Cause::OutcomeUnknown)), NOTHING);
    assert_eq!(run.at(200, received(0, 0, Sent)), [notify(0, Status::Sent)]);
    assert_eq!(run.at(20_100, Event::Woken), NOTHING);
    assert_eq!(run.at(21_000, received(0, 0, Delivered)), settling(0, Status::Delivered));
}

#[test]
fn at_least_once_sends_again_after_the_grace() {
    let mut run = Run::sent(vec![sms()]);
    run.at(100, refused(0, 0, Cause::OutcomeUnknown));
    assert_eq!(run.alarm(), (20_100, vec![enqueue(0, 1, "sms", 20_100)]));
}

#[test]
fn a_receipt_for_the_doubted_attempt_takes_back_its_queued_repetition() {
    let mut run = Run::sent(vec![sms()]);
    run.at(100, refused(0, 0, Cause::OutcomeUnknown));
    run.alarm();
    assert_eq!(run.at(20_200, received(0, 0, Sent)), [notify(0, Status::Sent)]);
    assert_eq!(run.at(20_300, taken(0, 1)), NOTHING);
}

#[test]
fn a_delivery_recalls_a_newer_try_of_the_same_step() {
    let mut run = Run::sent(vec![sms()]);
    run.at(100, refused(0, 0, Cause::OutcomeUnknown));
    run.alarm();
    run.at(20_150, taken(0, 1));
    let mut expected = vec![recall(0, 1, "sms")];
    expected.extend(settling(0, Status::Delivered));
    assert_eq!(run.at(20_200, received(0, 0, Delivered)), expected);
}

#[test]
fn at_most_once_goes_on_after_the_grace() {
    let patient = Step { patience: Span::from_secs(90), ..whatsapp() };
    let mut run = Run::sent(vec![patient, sms()]);
    run.at(100, refused(0, 0, Cause::OutcomeUnknown));
    let expected = vec![
        recall(0, 0, "wa"),
        notify(0, Status::Failed(Cause::OutcomeUnknown)),
        enqueue(1, 0, "sms", 20_100),
    ];
    assert_eq!(run.alarm(), (20_100, expected));
}

#[test]
fn at_most_once_on_the_last_step_waits_for_a_receipt_until_the_validity() {
    let mut run = Run::sent(vec![whatsapp()]);
    run.at(100, refused(0, 0, Cause::OutcomeUnknown));
    assert_eq!(run.alarm(), (20_100, vec![]));
    let mut expected = vec![recall(0, 0, "wa")];
    expected.extend(settling(0, Status::Failed(Cause::OutcomeUnknown)));
    assert_eq!(run.alarm(), (100_000, expected));
}

#[test]
fn patience_runs_out_during_doubt_too() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(100, refused(0, 0, Cause::OutcomeUnknown));
    let expected = vec![
        recall(0, 0, "wa"),
        notify(0, Status::Failed(Cause::PatienceExpired)),
        enqueue(1, 0, "sms", 600),
    ];
    assert_eq!(run.alarm(), (600, expected));
}

#[test]
fn cancelling_a_queued_message_sends_nothing_more() {
    let mut run = Run::new(vec![whatsapp(), sms()]);
    run.at(0, Event::Accepted);
    assert_eq!(run.at(10, Event::Cancelled), settling(0, Status::Failed(Cause::Cancelled)));
    assert_eq!(run.at(20, taken(0, 0)), NOTHING);
}

#[test]
fn cancelling_a_scheduled_message_settles_it() {
    let mut run = Run::new(vec![whatsapp()]);
    run.brief.send_at = Some(Time::from_secs(5));
    run.at(0, Event::Accepted);
    assert_eq!(run.at(10, Event::Cancelled), settling(0, Status::Failed(Cause::Cancelled)));
    assert_eq!(run.at(5000, Event::Woken), NOTHING);
}

#[test]
fn cancelling_recalls_what_is_at_a_network_and_records_what_comes_late() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(10, submitted(0, 0, &["wamid.1"]));
    let mut expected = vec![recall(0, 0, "wa")];
    expected.extend(settling(0, Status::Failed(Cause::Cancelled)));
    assert_eq!(run.at(20, Event::Cancelled), expected);
    assert_eq!(run.at(30, received(0, 0, Delivered)), [late(0, Status::Delivered)]);
    assert_eq!(run.report().status, Status::Failed(Cause::Cancelled));
}

#[test]
fn cancelling_after_the_end_is_ignored() {
    let mut run = Run::sent(vec![whatsapp()]);
    run.at(10, received(0, 0, Delivered));
    assert_eq!(run.at(20, Event::Cancelled), NOTHING);
    assert_eq!(run.decisions, [Decision::Ignored]);
}

#[test]
fn an_attempt_taken_back_expects_no_receipts() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(100, submitted(0, 0, &["wamid.1"]));
    run.alarm();
    assert_eq!(run.state.outstanding().count(), 1);
    run.at(650, Event::Recalled { attempt: id(0, 0), done: true });
    assert_eq!(run.state.outstanding().count(), 0);
}

#[test]
fn repeated_and_foreign_events_change_nothing() {
    let mut run = Run::sent(vec![whatsapp(), sms()]);
    run.at(10, submitted(0, 0, &["wamid.1"]));
    let before = run.state.clone();
    let other = AttemptId { message: MessageId(7), step: 0, attempt: 0 };
    let receipt = Receipt::new(Delivered);
    for event in [
        Event::Accepted,
        Event::Woken,
        taken(0, 0),
        taken(1, 0),
        submitted(0, 0, &["wamid.2"]),
        refused(0, 0, Cause::Throttled),
        refused(0, 9, Cause::Throttled),
        received(5, 0, Delivered),
        Event::Received { attempt: other, part: 0, receipt },
        Event::Recalled { attempt: id(0, 0), done: true },
    ] {
        assert_eq!(run.at(20, event), NOTHING);
        assert_eq!((&run.state, &run.decisions[..]), (&before, &[Decision::Ignored][..]));
    }
}

#[test]
fn a_networks_impossible_time_is_replaced_by_ours() {
    let mut run = Run::sent(vec![whatsapp()]);
    let receipt = Receipt { at: Some(Time::from_secs(9_999)), ..Receipt::new(Delivered) };
    run.at(300, Event::Received { attempt: id(0, 0), part: 0, receipt });
    assert_eq!(run.report().steps[0].delivered_at, Some(Time::from_millis(300)));
}

#[test]
fn a_typical_state_is_small() {
    let mut run = Run::new(vec![whatsapp(), sms()]);
    let base = 1_795_000_000_000;
    run.at(base, Event::Accepted);
    run.at(base + 1, taken(0, 0));
    run.at(base + 90, submitted(0, 0, &["wamid.HBgLNDkxNTExMjM0NTY3FQIAERgSQjU1RkE3QzBDNjdGNTNEMzQyAA=="]));
    run.at(base + 300, received(0, 0, Delivered));
    run.at(base + 900, received(0, 0, Read));
    let json = serde_json::to_string(&run.state).expect("a state is plain data");
    assert!(json.len() < 400, "{} bytes: {json}", json.len());
}
