//! A request and what has become of its parts.

use std::time::Instant;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Failure {
    /// The peer refused a part.
    Refused {
        /// With this `command_status`.
        status: u32,
        /// Which part, from 1.
        part: usize,
        /// How many parts there are.
        parts: usize,
        /// How many parts the peer took all the same.
        accepted: usize,
    },
    /// At least a part was never written to the peer.
    NotWritten,
    /// At least a part waited too long for window or pace, and was never written.
    Crowded,
    /// All was written, but not all answered.
    Unknown,
}

#[derive(Debug)]
pub(super) struct Group<T> {
    token: T,
    /// Until when parts may wait to be written.
    pub(super) expires: Instant,
    ids: Vec<Option<String>>,
    left: usize,
    failure: Option<Failure>,
}

impl<T> Group<T> {
    pub(super) fn new(token: T, parts: usize, expires: Instant) -> Self {
        Self { token, expires, ids: vec![None; parts], left: parts.max(1), failure: None }
    }

    pub(super) fn has_several(&self) -> bool {
        self.ids.len() > 1
    }

    pub(super) fn is_settled(&self) -> bool {
        self.left == 0
    }

    pub(super) fn accept(&mut self, index: usize, id: String) {
        self.ids[index] = Some(id);
        self.skip(1);
    }

    pub(super) fn refuse(&mut self, index: usize, status: u32) {
        let parts = self.ids.len();
        self.fail(1, Failure::Refused { status, part: index + 1, parts, accepted: 0 });
    }

    /// Parts that will not be written because another was refused.
    pub(super) fn skip(&mut self, parts: usize) {
        self.left = self.left.saturating_sub(parts);
    }

    /// The first refusal counts most: it is the peer's own word. A part never written comes next:
    /// then the message as a whole was surely not taken. Only else the outcome is unknown.
    pub(super) fn fail(&mut self, parts: usize, failure: Failure) {
        let known = self.failure.as_ref().map_or(0, weight);
        if weight(&failure) > known {
            self.failure = Some(failure);
        }
        self.skip(parts);
    }

    pub(super) fn into_result(self) -> (T, Result<Vec<String>, Failure>) {
        let taken = self.ids.iter().flatten().count();
        let result = match self.failure {
            None => Ok(self.ids.into_iter().flatten().collect()),
            Some(Failure::Refused { status, part, parts, .. }) => {
                Err(Failure::Refused { status, part, parts, accepted: taken })
            }
            Some(other @ (Failure::NotWritten | Failure::Crowded | Failure::Unknown)) => Err(other),
        };
        (self.token, result)
    }
}

const fn weight(failure: &Failure) -> u8 {
    match failure {
        Failure::Unknown => 1,
        Failure::Crowded => 2,
        Failure::NotWritten => 3,
        Failure::Refused { .. } => 4,
    }
}
