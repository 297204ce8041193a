//! The queues of one route, without clock and I/O: senders, classes, accounts taking turns.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    ops::Bound,
};

use model::{AccountName, MessageId, Time, message::Priority};
use store::{Lane, QueuePlace};

use super::pace::Pace;

/// All lanes of a route.
#[derive(Debug)]
pub(super) struct Lanes {
    /// The pace of the whole route.
    pace: Pace,
    /// The rate of each sender.
    rate: Option<f64>,
    lane_memory: usize,
    senders: BTreeMap<String, SenderQueue>,
    /// Who sent last.
    turn: String,
    paused: Paused,
}

/// What must not leave now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Paused {
    /// The whole route.
    pub(super) route: bool,
    /// Single senders.
    pub(super) senders: BTreeSet<String>,
}

impl Paused {
    fn covers(&self, sender: &str) -> bool {
        self.route || self.senders.contains(sender)
    }
}

/// What one sender has to send.
#[derive(Debug)]
struct SenderQueue {
    pace: Pace,
    classes: [Class; 3],
}

/// One urgency class of a sender: accounts in turn.
#[derive(Debug, Default)]
struct Class {
    lanes: HashMap<AccountName, LaneQueue>,
    turns: VecDeque<AccountName>,
}

/// What one account has to send.
#[derive(Debug, Default)]
struct LaneQueue {
    waiting: BTreeSet<QueuePlace>,
    held: HashSet<MessageId>,
    /// Offered lately; a refill that started before they were saved may still show them.
    offered: VecDeque<MessageId>,
    /// Put off after an offer: the store knows them under their older, earlier time.
    deferred: HashMap<MessageId, Time>,
    more: bool,
    filling: bool,
    lane: Option<Lane>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Offer this message's attempt; the sender's token is taken.
    Take { id: MessageId, sender: String },
    /// Read more of this lane first.
    Refill { lane: Lane, class: Priority },
    /// Nothing to do before this instant, or before something changes.
    Wait(Option<Time>),
}

/// A lane with fewer entries in memory reads more of what the store has.
const LOW: usize = 32;

/// How many offered ids a lane remembers.
const OFFERED: usize = 4096;

impl Lanes {
    pub(super) fn new(route_rate: Option<f64>, rate: Option<f64>, lane_memory: usize) -> Self {
        Self {
            pace: Pace::new(route_rate),
            rate,
            lane_memory,
            senders: BTreeMap::new(),
            turn: String::new(),
            paused: Paused::default(),
        }
    }

    /// Holds back what is paused, and nothing else; what is queued stays queued.
    pub(super) fn pause(&mut self, paused: Paused) {
        self.paused = paused;
    }

    fn lane(&mut self, lane: &Lane, class: Priority) -> &mut LaneQueue {
        let rate = self.rate;
        let sender = self
            .senders
            .entry(lane.sender.clone())
            .or_insert_with(|| SenderQueue { pace: Pace::new(rate), classes: Default::default() });
        sender.classes[class as usize].lane(lane)
    }

    /// Adds an entry, or only notes that the store has it if the head is full.
    pub(super) fn push(&mut self, lane: &Lane, class: Priority, id: MessageId, not_before: Time) {
        let room = self.lane_memory;
        self.lane(lane, class).push(QueuePlace { not_before, id }, room);
    }

    /// Takes back an entry that was offered, for later. The store may go on to show it under an
    /// earlier time.
    pub(super) fn put_off(&mut self, lane: &Lane, class: Priority, id: MessageId, until: Time) {
        let room = self.lane_memory;
        let queue = self.lane(lane, class);
        let place = QueuePlace { not_before: until, id };
        queue.defer(place);
        queue.push(place, room);
    }

    /// Notes that the store has entries for a lane, in any class.
    pub(super) fn mark_more(&mut self, lane: &Lane) {
        for class in Priority::ALL {
            self.lane(lane, class).more = true;
        }
    }

    pub(super) fn give_back(&mut self, sender: &str) {
        if let Some(sender) = self.senders.get_mut(sender) {
            sender.pace.give_back();
        }
        self.pace.give_back();
    }

    /// Takes the sender's token for an attempt that is not queued yet, if its sender has nothing
    /// waiting at all.
    pub(super) fn try_pass(&mut self, lane: &Lane, now: Time) -> bool {
        if self.paused.covers(&lane.sender) {
            return false;
        }
        self.lane(lane, Priority::OneTime);
        if self.pace.take(now).is_err() {
            return false;
        }
        let sender = self.senders.get_mut(&lane.sender);
        let passes = sender.is_some_and(|sender| sender.is_idle() && sender.pace.take(now).is_ok());
        if !passes {
            self.pace.give_back();
        }
        passes
    }

    pub(super) fn len(&self) -> usize {
        self.senders.values().flat_map(|sender| &sender.classes).map(Class::len).sum()
    }

    /// How many lanes there are, each class counted.
    pub(super) fn count(&self) -> usize {
        self.senders.values().flat_map(|sender| &sender.classes).map(|class| class.lanes.len()).sum()
    }

    /// From when on the entry that waits longest could have left.
    pub(super) fn oldest(&self) -> Option<Time> {
        let lanes =
            self.senders.values().flat_map(|sender| &sender.classes).flat_map(|class| class.lanes.values());
        lanes.filter_map(|lane| lane.waiting.first()).map(|place| place.not_before).min()
    }

    /// The next entry: senders take turns, urgent classes first, accounts within a class in turn.
    /// One-time codes do not wait for a turn as long as the pace keeps tokens for them.
    pub(super) fn next(&mut self, now: Time) -> Next {
        if self.paused.route {
            return Next::Wait(None);
        }
        let limited = self.pace.is_limited() || self.rate.is_some();
        if limited
            && self.pace.keeps(now)
            && let next @ (Next::Take { .. } | Next::Refill { .. }) = self.next_of_senders(now, Turn::Urgent)
        {
            if matches!(next, Next::Take { .. }) {
                self.pace.take_kept(now);
            }
            return next;
        }
        if let Err(wait) = self.pace.take(now) {
            return Next::Wait(Some(now + wait));
        }
        let next = self.next_of_senders(now, Turn::Any);
        if !matches!(next, Next::Take { .. }) {
            self.pace.give_back();
        }
        next
    }

    fn next_of_senders(&mut self, now: Time, turn: Turn) -> Next {
        let next = self.ask_senders(now, turn);
        if let Next::Take { sender, .. } = &next {
            self.turn.clone_from(sender);
        }
        next
    }

    fn ask_senders(&mut self, now: Time, turn: Turn) -> Next {
        let after = (Bound::Excluded(self.turn.as_str()), Bound::Unbounded);
        let until = (Bound::Unbounded, Bound::Included(self.turn.as_str()));
        let mut soonest = None;
        for range in [after, until] {
            for (name, sender) in self.senders.range_mut::<str, _>(range) {
                if self.paused.covers(name) {
                    continue;
                }
                match sender.next(now, self.lane_memory, turn) {
                    Ahead::Ready(id) => return Next::Take { id, sender: name.clone() },
                    Ahead::Refill(lane, class) => return Next::Refill { lane, class },
                    Ahead::Later(at) => soonest = earlier(soonest, at),
                }
            }
        }
        Next::Wait(soonest)
    }

    /// How many places a refill reads: what memory may show again, and a head's worth beyond.
    pub(super) fn refill_limit(&mut self, lane: &Lane, class: Priority) -> usize {
        let memory = self.lane_memory;
        let queue = self.lane(lane, class);
        queue.held.len() + queue.offered.len().min(OFFERED) + memory
    }

    pub(super) fn refilled(&mut self, lane: &Lane, class: Priority, places: &[QueuePlace], all: bool) {
        let room = self.lane_memory;
        self.lane(lane, class).refilled(places, all, room);
    }

    pub(super) fn refill_failed(&mut self, lane: &Lane, class: Priority) {
        self.lane(lane, class).filling = false;
    }
}

/// What may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// One-time codes, with the tokens kept for them.
    Urgent,
    /// Anything.
    Any,
}

enum Ahead {
    Ready(MessageId),
    Refill(Lane, Priority),
    Later(Option<Time>),
}

fn earlier(known: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (known, other) {
        (Some(known), Some(other)) => Some(known.min(other)),
        (known, other) => known.or(other),
    }
}

impl SenderQueue {
    fn is_idle(&self) -> bool {
        self.classes.iter().all(|class| class.lanes.values().all(LaneQueue::is_idle))
    }

    fn next(&mut self, now: Time, room: usize, turn: Turn) -> Ahead {
        let mut soonest = None;
        let classes = if turn == Turn::Urgent { 1 } else { Priority::ALL.len() };
        for (class, priority) in self.classes.iter_mut().zip(Priority::ALL).take(classes) {
            match class.peek(now, room) {
                Peek::Ready(account) => return self.take(priority, &account, now, turn),
                Peek::Refill(lane) => return Ahead::Refill(lane, priority),
                Peek::Later(at) => soonest = earlier(soonest, at),
            }
        }
        Ahead::Later(soonest)
    }

    fn take(&mut self, class: Priority, account: &AccountName, now: Time, turn: Turn) -> Ahead {
        let taken = match turn {
            Turn::Urgent if self.pace.keeps(now) => {
                self.pace.take_kept(now);
                Ok(())
            }
            Turn::Urgent | Turn::Any => self.pace.take(now),
        };
        if let Err(wait) = taken {
            return Ahead::Later(Some(now + wait));
        }
        match self.classes[class as usize].pop(account) {
            Some(id) => Ahead::Ready(id),
            None => Ahead::Later(None),
        }
    }
}

enum Peek {
    Ready(AccountName),
    Refill(Lane),
    Later(Option<Time>),
}

impl Class {
    fn lane(&mut self, lane: &Lane) -> &mut LaneQueue {
        if !self.lanes.contains_key(&lane.account) {
            self.turns.push_back(lane.account.clone());
        }
        let queue = self.lanes.entry(lane.account.clone()).or_default();
        queue.lane.get_or_insert_with(|| lane.clone());
        queue
    }

    fn len(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    /// Whose turn it is; the turn passes on only when an entry is taken.
    fn peek(&mut self, now: Time, room: usize) -> Peek {
        let mut soonest = None;
        for account in &self.turns {
            let Some(queue) = self.lanes.get_mut(account) else { continue };
            if queue.wants_refill(room) {
                queue.filling = true;
                return Peek::Refill(queue.lane.clone().expect("a lane is named when it is made"));
            }
            match queue.waiting.first() {
                Some(first) if first.not_before <= now => return Peek::Ready(account.clone()),
                first => soonest = earlier(soonest, first.map(|first| first.not_before)),
            }
        }
        Peek::Later(soonest)
    }

    fn pop(&mut self, account: &AccountName) -> Option<MessageId> {
        if let Some(at) = self.turns.iter().position(|turn| turn == account) {
            let turn = self.turns.remove(at)?;
            self.turns.push_back(turn);
        }
        self.lanes.get_mut(account)?.pop()
    }
}

impl LaneQueue {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.more
    }

    /// Few left in memory, more in the store, and nobody reading yet.
    fn wants_refill(&self, room: usize) -> bool {
        self.more && !self.filling && self.waiting.len() < room.min(LOW)
    }

    fn push(&mut self, place: QueuePlace, room: usize) {
        if let Some(at) = self.offered.iter().position(|id| *id == place.id) {
            self.offered.remove(at);
        }
        self.hold(place, room);
    }

    /// Remembers that an offer came back for later; too many are forgotten, and offered again.
    fn defer(&mut self, place: QueuePlace) {
        if self.deferred.len() >= OFFERED {
            self.deferred.clear();
        }
        self.deferred.insert(place.id, place.not_before);
    }

    /// The place with the time it was put off to.
    fn later(&self, place: QueuePlace) -> QueuePlace {
        let not_before =
            self.deferred.get(&place.id).map_or(place.not_before, |at| (*at).max(place.not_before));
        QueuePlace { not_before, ..place }
    }

    fn hold(&mut self, place: QueuePlace, room: usize) {
        if self.held.contains(&place.id) {
            return;
        }
        if self.waiting.len() >= room {
            self.more = true;
            // What comes before the last one held must not wait behind it.
            match self.waiting.last().copied() {
                Some(last) if place < last => self.drop_place(last),
                _ => return,
            }
        }
        self.held.insert(place.id);
        self.waiting.insert(place);
    }

    fn drop_place(&mut self, place: QueuePlace) {
        self.waiting.remove(&place);
        self.held.remove(&place.id);
    }

    fn pop(&mut self) -> Option<MessageId> {
        let place = self.waiting.pop_first()?;
        self.held.remove(&place.id);
        self.deferred.remove(&place.id);
        self.offered.push_back(place.id);
        if self.offered.len() > OFFERED {
            self.offered.pop_front();
        }
        Some(place.id)
    }

    fn refilled(&mut self, places: &[QueuePlace], all: bool, room: usize) {
        self.filling = false;
        self.more = !all;
        let offered: HashSet<MessageId> = self.offered.iter().copied().collect();
        for place in places {
            if !offered.contains(&place.id) {
                self.hold(self.later(*place), room);
            }
        }
        if all {
            // Offers that are still queued in the store were not taken; the next look finds them.
            self.offered.clear();
        }
    }
}

#[cfg(test)]
mod tests;
