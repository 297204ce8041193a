//! The back-off machine of pushed reports.
//!
//! A callback is tried until its receiver confirms it, until an answer forbids another try, or
//! until its dialect's delays are used up; then it is parked for an operator to replay. Pure: the
//! caller brings the time and what came of the try.

use model::{Span, Time};

#[cfg(test)]
mod tests;

/// When and how often a callback is tried: the rules of the dialect it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Delay before each retry, in order; after the last the callback is parked.
    pub delays: Vec<Span>,
    /// Which answers confirm it.
    pub success: Success,
    /// Answers after which there is no retry.
    pub final_statuses: Vec<u16>,
}

/// Which HTTP statuses a receiver confirms a callback with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// 200 only.
    Ok,
    /// Any of 200 to 299.
    TwoHundreds,
}

impl Success {
    /// Whether this status confirms.
    #[must_use]
    pub const fn confirms(self, status: u16) -> bool {
        match self {
            Self::Ok => status == 200,
            Self::TwoHundreds => status >= 200 && status <= 299,
        }
    }
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// The receiver's own advice on when to try again.
        retry_after: Option<Span>,
    },
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke before the answer.
    Disconnected,
    /// The address must not be called (the guard refused it): no try will ever do better.
    Forbidden,
}

/// What to do with the callback now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Confirmed.
    Done,
    /// To be tried again.
    Retry {
        /// When.
        at: Time,
        /// Why, in words for people.
        reason: String,
    },
    /// Given up; can be replayed.
    Park {
        /// Why, in words for people.
        reason: String,
    },
}

impl Schedule {
    /// The longest advice of a receiver that is followed, so that nobody can hold our outbox.
    pub const LONGEST_ADVICE: Span = Span::from_hours(1);

    /// What to do after a try. `earlier` counts the tries before this one since the callback was
    /// made or replayed; `only_one` is for callbacks that are tried once whatever happens.
    #[must_use]
    pub fn verdict(&self, now: Time, earlier: u32, only_one: bool, outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Answered { status, .. } if self.success.confirms(status) => Verdict::Done,
            Outcome::Answered { status, .. } if self.final_statuses.contains(&status) => {
                Verdict::Park { reason: format!("the receiver answered {status}, which is final") }
            }
            Outcome::Forbidden => Verdict::Park { reason: "the address may not be called".to_owned() },
            Outcome::Answered { retry_after, .. } => self.retry(now, earlier, only_one, retry_after, outcome),
            Outcome::TimedOut | Outcome::Disconnected => self.retry(now, earlier, only_one, None, outcome),
        }
    }

    fn retry(
        &self,
        now: Time,
        earlier: u32,
        only_one: bool,
        advised: Option<Span>,
        outcome: Outcome,
    ) -> Verdict {
        let reason = reason(outcome);
        let delay = usize::try_from(earlier).ok().and_then(|earlier| self.delays.get(earlier));
        match delay {
            _ if only_one => Verdict::Park { reason: format!("{reason}; it is tried only once") },
            None => Verdict::Park { reason: format!("{reason}; that was the last try") },
            Some(delay) => {
                let advised = advised.unwrap_or(Span::ZERO).min(Self::LONGEST_ADVICE);
                Verdict::Retry { at: now + (*delay).max(advised), reason }
            }
        }
    }
}

fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answered { status, .. } => format!("the receiver answered {status}"),
        Outcome::TimedOut => "the receiver did not answer in time".to_owned(),
        Outcome::Disconnected => "no connection to the receiver".to_owned(),
        Outcome::Forbidden => "the address may not be called".to_owned(),
    }
}
