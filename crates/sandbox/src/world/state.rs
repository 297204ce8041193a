//! The state of the sandbox, as the sum of all records.
//!
//! Everything is bounded; the oldest goes first.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    behaviour::Behaviour,
    clock::Millis,
    network::Network,
    sms::receipt::{DELIVERED, UNDELIVERABLE},
};

use super::record::{Action, Caught, Entry, Id, Job, Part, Record, Shown, Sms, Upload};

/// Most handsets remembered.
pub(crate) const MAX_HANDSETS: usize = 100_000;
/// Most messages in one inbox.
pub(crate) const MAX_INBOX: usize = 10_000;
/// Most messages in all inboxes.
pub(crate) const MAX_ENTRIES: usize = 500_000;
/// Most incomplete messages of one handset.
const MAX_INCOMPLETE: usize = 100;
/// Most webhook bins.
pub(crate) const MAX_BINS: usize = 1_000;
/// Most requests in one bin.
pub(crate) const MAX_CAUGHT: usize = 10_000;
/// Most bytes of bodies in one bin.
const MAX_CAUGHT_BYTES: usize = 64 << 20;
/// Most SMS whose state can be asked for.
const MAX_SMS: usize = 100_000;
/// Most files in the media store.
pub(crate) const MAX_UPLOADS: usize = 1_000;
/// How long a conversation window stays open after the person wrote.
const WINDOW: Millis = 24 * 60 * 60 * 1000;

/// All there is to remember.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) last_id: Id,
    pub(crate) handsets: HashMap<String, Handset>,
    /// Numbers in the order they were first seen.
    seen: VecDeque<String>,
    /// Owners of all inbox entries, in the order they were shown.
    shown: VecDeque<String>,
    pub(crate) jobs: BTreeMap<Id, Job>,
    pub(crate) sms: BTreeMap<Id, Sms>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    pub(crate) bins: BTreeMap<String, Bin>,
}

/// One phone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Handset {
    pub(crate) behaviour: Option<Behaviour>,
    pub(crate) inbox: VecDeque<Entry>,
    incomplete: VecDeque<Incomplete>,
    tries: HashMap<Network, u32>,
    wrote_at: Option<Millis>,
    written_by: HashMap<Network, String>,
}

/// A message of which parts are missing.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Incomplete {
    group: String,
    parts: BTreeMap<u8, Part>,
}

/// What a webhook bin caught.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bin {
    pub(crate) requests: VecDeque<Caught>,
    /// How many it got since it was emptied, including those dropped since.
    pub(crate) count: u64,
    bytes: usize,
}

impl Handset {
    /// How often a send was tried on the network.
    pub(crate) fn tries(&self, network: Network) -> u32 {
        self.tries.get(&network).copied().unwrap_or(0)
    }

    /// The business that wrote last.
    pub(crate) fn written_by(&self, network: Network) -> Option<&str> {
        self.written_by.get(&network).map(String::as_str)
    }

    /// Whether the person wrote within the last 24 hours.
    pub(crate) fn window_open(&self, now: Millis) -> bool {
        self.wrote_at.is_some_and(|at| now - at < WINDOW)
    }
}

impl State {
    /// The handset of a number, if it was seen.
    pub(crate) fn handset(&self, number: &str) -> Option<&Handset> {
        self.handsets.get(number)
    }

    /// How the handset of a number behaves.
    pub(crate) fn behaviour(&self, number: &str) -> Behaviour {
        self.handset(number)
            .and_then(|handset| handset.behaviour)
            .unwrap_or_else(|| Behaviour::of_number(number))
    }

    /// Numbers, the newest first.
    pub(crate) fn numbers(&self) -> Vec<String> {
        self.seen.iter().rev().cloned().collect()
    }

    /// Makes a change.
    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::Whole(whole) => *self = *whole,
            Record::Seen { number } => drop(self.touch(&number)),
            Record::Behaves { number, behaviour } => {
                let handset = self.touch(&number);
                handset.behaviour = Some(behaviour);
                handset.tries.clear();
                handset.wrote_at = None;
            }
            Record::Tried { number, network } => {
                *self.touch(&number).tries.entry(network).or_default() += 1;
            }
            Record::Planned(job) => {
                self.last_id = self.last_id.max(job.id).max(job.message);
                self.jobs.insert(job.id, job);
            }
            Record::Done { job, at } => {
                if let Some(job) = self.jobs.remove(&job) {
                    self.carry_out(job.action, at);
                }
            }
            Record::Dropped { job } => drop(self.jobs.remove(&job)),
            Record::Wrote { number, at } => self.touch(&number).wrote_at = Some(at),
            Record::WrittenTo { number, network, business } => {
                self.touch(&number).written_by.insert(network, business);
            }
            Record::Sms { id, sms } => {
                self.last_id = self.last_id.max(id);
                self.sms.insert(id, sms);
                if self.sms.len() > MAX_SMS {
                    self.sms.pop_first();
                }
            }
            Record::Uploaded { id, upload } => drop(self.uploads.insert(id, upload)),
            Record::Removed { id } => drop(self.uploads.remove(&id)),
            Record::Caught { bin, request } => self.catch(bin, request),
            Record::Emptied { bin } => drop(self.bins.remove(&bin)),
        }
    }

    fn touch(&mut self, number: &str) -> &mut Handset {
        if !self.handsets.contains_key(number) {
            self.seen.push_back(number.to_owned());
            if self.seen.len() > MAX_HANDSETS
                && let Some(oldest) = self.seen.pop_front()
            {
                self.handsets.remove(&oldest);
            }
        }
        self.handsets.entry(number.to_owned()).or_default()
    }

    fn carry_out(&mut self, action: Action, at: Millis) {
        match action {
            Action::Show { number, mut entry } => {
                entry.at = at;
                self.show(number, entry);
            }
            Action::Part { number, part } => {
                self.settle_sms(part.id, DELIVERED, at);
                if let Some(entry) = self.touch(&number).collect(part, at) {
                    self.show(number, entry);
                }
            }
            Action::Read { number, network_id } => {
                let inbox = &mut self.touch(&number).inbox;
                if let Some(entry) = inbox.iter_mut().rev().find(|entry| entry.network_id == network_id) {
                    entry.state = Shown::Read;
                }
            }
            Action::Undelivered { id } => self.settle_sms(id, UNDELIVERABLE, at),
            Action::Fetch(_) | Action::Webhook(_) | Action::Deliver(_) => {}
        }
    }

    fn settle_sms(&mut self, id: Id, state: u8, at: Millis) {
        if let Some(sms) = self.sms.get_mut(&id) {
            sms.state = state;
            sms.final_at = Some(at);
        }
    }

    fn show(&mut self, number: String, entry: Entry) {
        let inbox = &mut self.touch(&number).inbox;
        inbox.push_back(entry);
        if inbox.len() > MAX_INBOX {
            inbox.pop_front();
        }
        self.shown.push_back(number);
        if self.shown.len() > MAX_ENTRIES
            && let Some(oldest) = self.shown.pop_front()
            && let Some(handset) = self.handsets.get_mut(&oldest)
        {
            handset.inbox.pop_front();
        }
    }

    fn catch(&mut self, name: String, request: Caught) {
        if self.bins.len() >= MAX_BINS && !self.bins.contains_key(&name) {
            return;
        }
        let bin = self.bins.entry(name).or_default();
        bin.count += 1;
        bin.bytes += request.body.len();
        bin.requests.push_back(request);
        while bin.requests.len() > MAX_CAUGHT || bin.bytes > MAX_CAUGHT_BYTES {
            let Some(oldest) = bin.requests.pop_front() else { break };
            bin.bytes -= oldest.body.len();
        }
    }
}

impl Handset {
    /// Adds a part; gives the message once all of its parts are there. Repeated parts replace the
    /// earlier ones.
    fn collect(&mut self, part: Part, at: Millis) -> Option<Entry> {
        if part.total <= 1 {
            return Some(join(&BTreeMap::from([(1, part)]), at));
        }
        let (group, total) = (part.group.clone(), usize::from(part.total));
        let index = self.incomplete.iter().position(|one| one.group == group).unwrap_or_else(|| {
            if self.incomplete.len() >= MAX_INCOMPLETE {
                self.incomplete.pop_front();
            }
            self.incomplete.push_back(Incomplete { group, parts: BTreeMap::new() });
            self.incomplete.len() - 1
        });
        let parts = &mut self.incomplete[index].parts;
        parts.insert(part.number, part);
        if parts.len() < total {
            return None;
        }
        let complete = self.incomplete.remove(index)?;
        Some(join(&complete.parts, at))
    }
}

/// The message that the parts make. Octets are joined before decoding, because an escape or a
/// surrogate pair may have been split.
fn join(parts: &BTreeMap<u8, Part>, at: Millis) -> Entry {
    let octets: Vec<u8> = parts.values().flat_map(|part| part.octets.iter().copied()).collect();
    let first = parts.values().next();
    let alphabet = first.map_or(crate::sms::alphabet::Alphabet::Gsm, |part| part.alphabet);
    Entry {
        channel: Network::Sms,
        network_id: first.map_or_else(String::new, |part| crate::sms::receipt::message_id(part.id)),
        from: first.map_or_else(String::new, |part| part.from.clone()),
        kind: alphabet.kind().to_owned(),
        text: Some(alphabet.decode(&octets)),
        media: None,
        at,
        state: Shown::Delivered,
    }
}
