use super::*;

const NOW: Time = Time::from_secs(1000);

fn schedule() -> Schedule {
    Schedule {
        delays: vec![Span::from_secs(5), Span::from_secs(60)],
        success: Success::TwoHundreds,
        final_statuses: vec![410],
    }
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}

fn retry(seconds: u64, reason: &str) -> Verdict {
    Verdict::Retry { at: NOW + Span::from_secs(seconds), reason: reason.to_owned() }
}

fn park(reason: &str) -> Verdict {
    Verdict::Park { reason: reason.to_owned() }
}

#[test]
fn a_confirmed_callback_is_done() {
    assert_eq!(schedule().verdict(NOW, 0, false, answered(204)), Verdict::Done);
    assert_eq!(schedule().verdict(NOW, 2, true, answered(200)), Verdict::Done);
}

#[test]
fn a_receiver_that_must_say_200_is_tried_again_after_204() {
    let strict = Schedule { success: Success::Ok, ..schedule() };
    assert_eq!(strict.verdict(NOW, 0, false, answered(204)), retry(5, "the receiver answered 204"));
    assert_eq!(strict.verdict(NOW, 0, false, answered(200)), Verdict::Done);
}

#[test]
fn each_failure_takes_the_next_delay_and_the_last_one_parks() {
    let schedule = schedule();
    assert_eq!(schedule.verdict(NOW, 0, false, answered(500)), retry(5, "the receiver answered 500"));
    assert_eq!(
        schedule.verdict(NOW, 1, false, Outcome::TimedOut),
        retry(60, "the receiver did not answer in time")
    );
    assert_eq!(
        schedule.verdict(NOW, 2, false, Outcome::Disconnected),
        park("no connection to the receiver; that was the last try")
    );
    assert_eq!(
        schedule.verdict(NOW, u32::MAX, false, answered(500)),
        park("the receiver answered 500; that was the last try")
    );
}

#[test]
fn a_final_answer_parks_at_once() {
    assert_eq!(
        schedule().verdict(NOW, 0, false, answered(410)),
        park("the receiver answered 410, which is final")
    );
}

#[test]
fn a_forbidden_address_parks_at_once() {
    assert_eq!(schedule().verdict(NOW, 0, false, Outcome::Forbidden), park("the address may not be called"));
}

#[test]
fn a_callback_tried_only_once_parks_after_its_first_failure() {
    assert_eq!(
        schedule().verdict(NOW, 0, true, answered(503)),
        park("the receiver answered 503; it is tried only once")
    );
}

#[test]
fn a_longer_advice_of_the_receiver_wins_up_to_an_hour() {
    let advised = |seconds| Outcome::Answered { status: 503, retry_after: Some(Span::from_secs(seconds)) };
    let reason = "the receiver answered 503";
    assert_eq!(schedule().verdict(NOW, 0, false, advised(3)), retry(5, reason));
    assert_eq!(schedule().verdict(NOW, 0, false, advised(30)), retry(30, reason));
    assert_eq!(schedule().verdict(NOW, 0, false, advised(999_999)), retry(3600, reason));
}
