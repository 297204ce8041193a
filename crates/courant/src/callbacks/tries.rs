//! What came of each try of a callback, in the one text that the store keeps of it: a line per try
//! with its time. A callback that was taken at once has a word and nothing else.

use model::Time;

/// Tries that are kept; the oldest go first.
const MOST: usize = 20;

/// One try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// When; `None` if only its outcome was kept.
    pub at: Option<Time>,
    /// What came of it, in words for people.
    pub result: String,
}

/// The text with one more try.
#[must_use]
pub fn with(earlier: Option<&str>, at: Time, result: &str, done: bool) -> String {
    let Some(earlier) = earlier else {
        return if done { result.to_owned() } else { line(at, result) };
    };
    let lines: Vec<&str> = earlier.lines().collect();
    let kept = &lines[lines.len().saturating_sub(MOST - 1)..];
    let mut text = kept.join("\n");
    text.push('\n');
    text + &line(at, result)
}

fn line(at: Time, result: &str) -> String {
    format!("{} {}", at.as_millis(), result.replace('\n', " "))
}

/// The tries of a text, oldest first.
#[must_use]
pub fn read(text: &str) -> Vec<Try> {
    text.lines().map(read_line).collect()
}

fn read_line(line: &str) -> Try {
    let timed = line.split_once(' ').filter(|(at, _)| at.len() >= 12);
    match timed.and_then(|(at, result)| Some((at.parse::<i64>().ok()?, result))) {
        Some((at, result)) => Try { at: Some(Time::from_millis(at)), result: result.to_owned() },
        None => Try { at: None, result: line.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_kept_with_their_times_and_the_oldest_go_first() {
        let at = |second: i64| Time::from_secs(1_795_000_000 + second);
        assert_eq!(with(None, at(0), "delivered", true), "delivered");
        let mut text = with(None, at(0), "the receiver answered 503", false);
        for second in 1..30 {
            text = with(Some(&text), at(second), "no answer in time", false);
        }
        text = with(Some(&text), at(30), "delivered", true);
        let tries = read(&text);
        assert_eq!(tries.len(), MOST);
        assert_eq!(tries[0], Try { at: Some(at(11)), result: "no answer in time".to_owned() });
        assert_eq!(tries[19], Try { at: Some(at(30)), result: "delivered".to_owned() });
    }

    #[test]
    fn texts_of_before_are_one_try_without_a_time() {
        let old = Try { at: None, result: "the receiver answered 503".to_owned() };
        assert_eq!(read("the receiver answered 503"), vec![old.clone()]);
        let text = with(Some(&old.result), Time::from_secs(1_795_000_000), "delivered", true);
        assert_eq!(read(&text)[0], old);
    }
}
