//! Configuration as text, with what the command line sets.

use courant::{
    accounts::Accounts,
    config::{Config, Source},
};
use model::Time;

/// What an operator may set on the command line and we look at.
const MOST_SET: usize = 8;
/// Longest complaint, beside what it quotes.
const LONGEST: usize = 1000;
/// The instant of the golden transcripts.
const NOW: Time = Time(1_795_210_404_123_456);

/// Lines `--set key=value`, then the text: a fault is told in bounded length, with the line or the
/// key that it is about; what is taken is the same when it is read again, and can be used.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mut set, mut rest) = (Vec::new(), text);
    while let Some(line) = rest.strip_prefix("--set ").filter(|_| set.len() < MOST_SET) {
        let (assignment, after) = line.split_once('\n').unwrap_or((line, ""));
        set.push(assignment.to_owned());
        rest = after;
    }
    let source = Source { name: "fuzz".to_owned(), text: rest.to_owned() };
    match (Config::parse(&source, &set), Config::parse(&source, &set)) {
        (Ok(config), Ok(again)) => {
            assert_eq!(format!("{config:?}"), format!("{again:?}"), "the same again");
            usable(&config);
        }
        (Err(error), Err(again)) => {
            assert_eq!(error.to_string(), again.to_string(), "the same again");
            assert_told(&error.to_string(), rest, text.len());
        }
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => panic!("only once: {error}"),
    }
}

/// What was taken goes through all that can be built of it without a network.
fn usable(config: &Config) {
    let again = || Accounts::new(config).map_err(|fault| (fault.len() <= LONGEST, fault));
    let (first, second) = (again(), again());
    match (first, second) {
        (Ok(accounts), Ok(_)) => accounts.all().iter().for_each(|account| {
            let _ = account.admit(NOW);
            let _ = account.take_quota(NOW);
            let _ = account.rate(NOW);
        }),
        (Err(first), Err(second)) => assert_eq!(first, second, "the same again"),
        (Ok(_), Err(fault)) | (Err(fault), Ok(_)) => panic!("only once: {fault:?}"),
    }
    let _ = config.cascade.rules();
    let _ = config.telemetry.endpoint();
}

fn assert_told(said: &str, text: &str, length: usize) {
    assert!(said.len() <= LONGEST + 6 * length, "{} bytes of complaint", said.len());
    let place = said.strip_prefix("fuzz:").and_then(|rest| rest.split_once(':'));
    match place.and_then(|(line, _)| line.parse::<usize>().ok()) {
        Some(line) => assert!((1..=text.split('\n').count() + 1).contains(&line), "{said}"),
        None => assert!(said.contains('`') || said.starts_with("--set "), "no key is named: {said}"),
    }
}
