//! The receivers of callbacks.

use connectors::BoxFuture;
use courant::{
    callbacks::{Letter, post::Post},
    clock,
};
use engine::callback::Outcome;
use model::Span;

use crate::world::{Inner, Posted, World};

/// Carries letters to simulated receivers.
pub struct SimPost(pub World);

impl Post for SimPost {
    fn post<'a>(&'a self, url: &'a str, letter: Letter, timeout: Span) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let key = (url.to_owned(), letter.body);
            let (place, takes, outcome) = self.0.lock().receive(&key, timeout);
            tokio::time::sleep(takes.to_std()).await;
            let mut inner = self.0.lock();
            inner.note(|| format!("{url} answers {outcome:?}"));
            if let Some(posted) = inner.posted.get_mut(&key).and_then(|posted| posted.get_mut(place)) {
                posted.outcome = Some(outcome);
            }
            outcome
        })
    }
}

impl Inner {
    fn receive(&mut self, key: &(String, String), timeout: Span) -> (usize, Span, Outcome) {
        let quick = self.dice.millis(1, 300);
        let answered = |status| Outcome::Answered { status, retry_after: None };
        let fails = self.profile.post_fails;
        let (takes, outcome) = if self.fault(fails) {
            match self.dice.below(5) {
                0 => (timeout, Outcome::TimedOut),
                1 => (quick, Outcome::Disconnected),
                2 => {
                    (quick, Outcome::Answered { status: 503, retry_after: Some(self.dice.millis(1, 9_000)) })
                }
                3 => (quick, answered(404)),
                _ => (quick, answered(500)),
            }
        } else {
            (quick, answered(200))
        };
        let at = clock::now();
        let posted = self.posted.entry(key.clone()).or_default();
        posted.push(Posted { at, outcome: None });
        let place = posted.len() - 1;
        self.note(|| format!("callback to {}", key.0));
        (place, takes, outcome)
    }
}
