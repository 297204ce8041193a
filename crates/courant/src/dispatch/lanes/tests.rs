use model::Span;

use super::*;

fn lane(account: &str) -> Lane {
    Lane { route: "r".into(), sender: "s".to_owned(), account: account.into() }
}

fn id(number: u128) -> MessageId {
    MessageId(number)
}

fn taken(lanes: &mut Lanes, now: Time) -> Option<MessageId> {
    match lanes.next(now) {
        Next::Take { id, .. } => Some(id),
        Next::Refill { .. } | Next::Wait(_) => None,
    }
}

const NOW: Time = Time::from_secs(1000);

#[test]
fn urgent_messages_leave_before_a_campaign_of_the_same_sender() {
    let mut lanes = Lanes::new(None, None, 8);
    for number in 0..5 {
        lanes.push(&lane("a"), Priority::Marketing, id(number), NOW);
    }
    lanes.push(&lane("a"), Priority::OneTime, id(99), NOW);
    assert_eq!(taken(&mut lanes, NOW), Some(id(99)));
    assert_eq!(taken(&mut lanes, NOW), Some(id(0)));
}

#[test]
fn accounts_take_turns_within_a_class() {
    let mut lanes = Lanes::new(None, None, 8);
    for number in 0..3 {
        lanes.push(&lane("a"), Priority::Marketing, id(number), NOW);
    }
    lanes.push(&lane("b"), Priority::Marketing, id(10), NOW);
    let order: Vec<_> = std::iter::from_fn(|| taken(&mut lanes, NOW)).collect();
    assert_eq!(order, [id(0), id(10), id(1), id(2)]);
}

#[test]
fn a_senders_rate_holds_and_tells_when_to_come_back() {
    let mut lanes = Lanes::new(None, Some(10.0), 8);
    for number in 0..3 {
        lanes.push(&lane("a"), Priority::Notice, id(number), NOW);
    }
    assert_eq!(taken(&mut lanes, NOW), Some(id(0)));
    let Next::Wait(Some(at)) = lanes.next(NOW) else { panic!("the rate is used up") };
    assert_eq!(at, NOW + Span::from_millis(100));
    assert_eq!(taken(&mut lanes, at), Some(id(1)));
}

#[test]
fn an_entry_for_later_waits_for_its_time() {
    let mut lanes = Lanes::new(None, None, 8);
    let later = NOW + Span::from_secs(5);
    lanes.push(&lane("a"), Priority::Notice, id(1), later);
    assert_eq!(lanes.next(NOW), Next::Wait(Some(later)));
    assert_eq!(taken(&mut lanes, later), Some(id(1)));
}

#[test]
fn memory_holds_a_bounded_head_and_the_rest_is_read_again_in_order() {
    let mut lanes = Lanes::new(None, None, 4);
    for number in 0..100 {
        lanes.push(&lane("a"), Priority::Marketing, id(number), NOW);
    }
    assert_eq!(lanes.len(), 4);
    let mut stored: Vec<u128> = (0..100).collect();
    let mut order = Vec::new();
    loop {
        match lanes.next(NOW) {
            Next::Take { id, .. } => {
                order.push(id.0);
                stored.retain(|number| *number != id.0);
            }
            Next::Refill { lane, class } => {
                let limit = lanes.refill_limit(&lane, class);
                let page: Vec<_> = stored
                    .iter()
                    .take(limit)
                    .map(|number| QueuePlace { not_before: NOW, id: id(*number) })
                    .collect();
                lanes.refilled(&lane, class, &page, page.len() < limit);
            }
            Next::Wait(_) => break,
        }
    }
    assert_eq!(order, (0..100).collect::<Vec<_>>());
}

#[test]
fn an_offer_that_was_not_taken_is_found_again_by_a_later_look() {
    let mut lanes = Lanes::new(None, None, 4);
    lanes.push(&lane("a"), Priority::Notice, id(1), NOW);
    assert_eq!(taken(&mut lanes, NOW), Some(id(1)));
    // The offer was lost; the store still has the message queued.
    let still_there = [QueuePlace { not_before: NOW, id: id(1) }];
    let mut found = None;
    for _ in 0..2 {
        lanes.mark_more(&lane("a"));
        loop {
            match lanes.next(NOW) {
                Next::Refill { lane, class } => {
                    let places = if class == Priority::Notice { &still_there[..] } else { &[] };
                    lanes.refilled(&lane, class, places, true);
                }
                Next::Take { id, .. } => found = Some(id),
                Next::Wait(_) => break,
            }
        }
    }
    assert_eq!(found, Some(id(1)));
}

#[test]
fn nothing_passes_by_a_sender_that_has_messages_waiting() {
    let mut lanes = Lanes::new(None, None, 4);
    assert!(lanes.try_pass(&lane("a"), NOW));
    lanes.push(&lane("b"), Priority::Marketing, id(1), NOW);
    assert!(!lanes.try_pass(&lane("a"), NOW));
}

#[test]
fn what_is_paused_stays_queued_and_leaves_when_it_is_opened() {
    let mut lanes = Lanes::new(None, None, 8);
    lanes.push(&lane("a"), Priority::Notice, id(1), NOW);
    let other = Lane { sender: "t".to_owned(), ..lane("a") };
    lanes.push(&other, Priority::Notice, id(2), NOW);
    lanes.pause(Paused { route: true, ..Paused::default() });
    assert_eq!(taken(&mut lanes, NOW), None);
    lanes.pause(Paused { route: false, senders: ["s".to_owned()].into() });
    assert_eq!(taken(&mut lanes, NOW), Some(id(2)));
    assert_eq!(taken(&mut lanes, NOW), None);
    assert!(!lanes.try_pass(&lane("b"), NOW));
    lanes.pause(Paused::default());
    assert_eq!(taken(&mut lanes, NOW), Some(id(1)));
}

/// Asks every `step` from `now` on, and calls what is taken.
fn run(lanes: &mut Lanes, from: Time, until: Time, step: Span, mut taken: impl FnMut(&mut Lanes, u128)) {
    let mut now = from;
    while now < until {
        while let Next::Take { id, .. } = lanes.next(now) {
            taken(lanes, id.0);
        }
        now = now + step;
    }
}

#[test]
fn a_one_time_code_leaves_at_once_though_a_campaign_waits_and_the_campaign_pays_for_it() {
    let mut lanes = Lanes::new(Some(100.0), None, 1000);
    for number in 0..1000 {
        lanes.push(&lane("a"), Priority::Marketing, id(number), NOW);
    }
    let second = NOW + Span::from_secs(1);
    run(&mut lanes, NOW, second + Span::from_millis(1), Span::from_millis(10), |_, _| {});
    assert_eq!(lanes.next(second), Next::Wait(Some(second + Span::from_millis(10))));
    lanes.push(&lane("a"), Priority::OneTime, id(5000), second);
    assert_eq!(taken(&mut lanes, second), Some(id(5000)));
    let Next::Wait(Some(at)) = lanes.next(second) else { panic!("the campaign has no token") };
    assert_eq!(at, second + Span::from_millis(20));
}

#[test]
fn a_flood_of_one_time_codes_leaves_others_their_share_and_keeps_the_rate() {
    for per_sender in [None, Some(100.0)] {
        let mut lanes = Lanes::new(Some(100.0), per_sender, 10_000);
        let other = Lane { sender: "t".to_owned(), ..lane("b") };
        for number in 0..5000 {
            lanes.push(&lane("a"), Priority::OneTime, id(number), NOW);
            lanes.push(&other, Priority::Marketing, id(10_000 + number), NOW);
        }
        let (mut codes, mut others) = (0, 0);
        run(&mut lanes, NOW, NOW + Span::from_secs(10), Span::from_millis(1), |_, id| {
            if id < 10_000 { codes += 1 } else { others += 1 }
        });
        assert!((995..=1010).contains(&(codes + others)), "{codes} codes, {others} others");
        assert!(others >= 240, "{codes} codes, {others} others");
        assert!(codes >= 500, "{codes} codes, {others} others");
    }
}

#[test]
fn a_slow_route_keeps_its_slots_apart() {
    let mut lanes = Lanes::new(Some(1.0), None, 100);
    lanes.push(&lane("a"), Priority::Marketing, id(1), NOW);
    assert_eq!(taken(&mut lanes, NOW), Some(id(1)));
    lanes.push(&lane("a"), Priority::OneTime, id(2), NOW);
    assert_eq!(lanes.next(NOW), Next::Wait(Some(NOW + Span::from_secs(1))));
}

#[test]
fn what_was_put_off_keeps_its_time_when_the_store_shows_it_again() {
    let mut lanes = Lanes::new(None, None, 1);
    lanes.push(&lane("a"), Priority::Notice, id(1), NOW);
    assert_eq!(taken(&mut lanes, NOW), Some(id(1)));
    let later = NOW + Span::from_secs(6);
    lanes.put_off(&lane("a"), Priority::Notice, id(1), later);
    // Another one takes the only place in memory; the store still has the first under its old time.
    lanes.push(&lane("a"), Priority::Notice, id(2), NOW);
    assert_eq!(taken(&mut lanes, NOW), Some(id(2)));
    let stored = [QueuePlace { not_before: NOW, id: id(1) }];
    loop {
        match lanes.next(NOW) {
            Next::Refill { lane, class } => lanes.refilled(&lane, class, &stored, true),
            Next::Take { id, .. } => panic!("{id} was offered before its time"),
            Next::Wait(at) => break assert_eq!(at, Some(later)),
        }
    }
    assert_eq!(taken(&mut lanes, later), Some(id(1)));
}

#[test]
fn however_little_memory_there_is_what_was_put_off_is_not_offered_over_and_over() {
    for memory in 1..6 {
        for messages in 1..12 {
            let mut lanes = Lanes::new(None, None, memory);
            let stored: Vec<QueuePlace> =
                (0..messages).map(|number| QueuePlace { not_before: NOW, id: id(number) }).collect();
            lanes.mark_more(&lane("a"));
            let later = NOW + Span::from_secs(6);
            let (mut offers, mut under_way) = (0, Vec::new());
            loop {
                match lanes.next(NOW) {
                    Next::Refill { lane, class } => {
                        let limit = lanes.refill_limit(&lane, class);
                        let places = if class == Priority::Notice { &stored[..] } else { &[] };
                        let page = &places[..places.len().min(limit)];
                        lanes.refilled(&lane, class, page, page.len() < limit);
                    }
                    Next::Take { id, .. } => {
                        under_way.push(id);
                        offers += 1;
                        // More than once, if the lane was read while the offer was under way.
                        assert!(offers <= 4 * messages, "{memory} in memory, {messages} messages");
                    }
                    Next::Wait(_) if under_way.is_empty() => break,
                    Next::Wait(_) => lanes.put_off(&lane("a"), Priority::Notice, under_way.remove(0), later),
                }
                if under_way.len() > 1 {
                    lanes.put_off(&lane("a"), Priority::Notice, under_way.remove(0), later);
                }
            }
            assert!(offers >= messages.min(memory as u128), "{memory} in memory, {messages} messages");
        }
    }
}
