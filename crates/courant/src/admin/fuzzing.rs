//! What the fuzz target does with queries and bodies of the operators' API.

use model::{MessageId, message::Plan};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    NewMessage, NewToken,
    ask::{query, read_body},
    callbacks::Replay,
    events,
    money::NewTopUp,
    operations::{Act, Kind, OPERATIONS, Operation},
    plans::{DraftPlans, NewPlans},
    problem::Problem,
    scenarios::{self, NewScenario},
    send,
};
use crate::{
    billing,
    config::{Amount, PlanConfig},
    operate,
    views::{Moment, PlanView},
};

/// Longest complaint, beside what it quotes of the request.
const LONGEST: usize = 1000;

/// A request as `operation?query`, a line feed, and the body: what is taken is within its bounds
/// and means the same when it is written anew; what is not is a complaint of bounded length.
pub fn operators(data: &[u8]) {
    let at = data.iter().position(|octet| *octet == b'\n').unwrap_or(data.len());
    let Ok(line) = std::str::from_utf8(&data[..at]) else { return };
    let (name, parameters) = line.split_once('?').unwrap_or((line, ""));
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.id == name) else { return };
    parse_query(operation, parameters);
    if operation.body.is_some() {
        parse_body(operation.act, data.get(at + 1..).unwrap_or_default());
    }
}

fn parse_query(operation: &Operation, text: &str) {
    let values = match query(operation.query, text) {
        Ok(values) => values,
        Err(problem) => return assert_bounded(&problem, text.len()),
    };
    let written: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&values).finish();
    assert_eq!(query(operation.query, &written).expect("it was taken before"), values);
    for parameter in operation.query {
        let Some(value) = values.get(parameter.name) else {
            assert!(!parameter.required, "{} is missing", parameter.name);
            continue;
        };
        match parameter.kind {
            Kind::Text(most) => assert!((1..=most).contains(&value.chars().count())),
            Kind::Integer(least, most) => {
                assert!((least..=most).contains(&value.parse().expect("a whole number")));
            }
            Kind::Flag => drop(value.parse::<bool>().expect("a flag")),
            Kind::Instant => assert_instant(Moment::parse(value).expect("an instant")),
            Kind::Id => {
                let id = MessageId::parse(value).expect("an id");
                assert_eq!(MessageId::parse(&id.to_string()), Some(id));
                assert_eq!(MessageId::parse(&id.uuid()), Some(id));
            }
            Kind::Cursor => assert!(events::is_cursor(value)),
            Kind::Upload => {
                let id = ::media::library::MediaId::parse(value).expect("an upload");
                assert_eq!(id.to_string(), *value);
            }
            Kind::OneOf(words) => assert!(words().contains(&value.as_str())),
        }
    }
}

/// Written out it is one again, to the millisecond.
fn assert_instant(moment: Moment) {
    let again = Moment::parse(&moment.to_string()).expect("it was written by us");
    assert_eq!(again.0.as_millis(), moment.0.as_millis(), "{moment}");
}

fn parse_body(act: Act, body: &[u8]) {
    match act {
        Act::Send => body_of(body, |new: NewMessage| {
            let submission = send::submission(new)?;
            assert_eq!(submission.recipients.len(), 1);
            let model::message::PlanSource::Steps { steps, .. } = submission.plan else {
                panic!("a plan of its own");
            };
            assert!((1..=Plan::MAX_STEPS).contains(&steps.len()));
            Ok(())
        }),
        Act::WritePlans => body_of(body, |new: NewPlans| judge(new.plans, body.len())),
        Act::CheckPlans => {
            body_of(body, |draft: DraftPlans| judge(draft.plans.unwrap_or_default(), body.len()));
        }
        Act::CreateScenario | Act::ReplaceScenario => body_of(body, |new: NewScenario| {
            let draft = scenarios::draft(new)?;
            assert!((1..=Plan::MAX_STEPS).contains(&draft.flow.len()));
            Ok(())
        }),
        Act::TopUp => body_of(body, |new: NewTopUp| {
            let micros = billing::signed(&new.amount);
            assert!(micros.is_none_or(|micros| micros.abs() <= Amount::MAX.0), "{}", new.amount);
            Ok(())
        }),
        Act::ReplayCallbacks => body_of(body, |_: Replay| Ok(())),
        Act::CreateToken => body_of(body, |_: NewToken| Ok(())),
        // No other operation reads a body.
        _ => {}
    }
}

/// Plans that are not written have a fault that can be told.
fn judge(plans: Vec<PlanView>, said: usize) -> Result<(), Problem> {
    for plan in plans.into_iter().map(PlanConfig::from) {
        let fault = operate::plans::fault(&plan).unwrap_or_default();
        assert!(fault.len() <= LONGEST + said, "{fault}");
    }
    Ok(())
}

/// Reads a body, twice with the same outcome, and once more as it is written by us.
fn body_of<T>(body: &[u8], go_on: impl Fn(T) -> Result<(), Problem>)
where
    T: Serialize + DeserializeOwned,
{
    let read = || read_body::<T>(body);
    let new = match read() {
        Ok(new) => new,
        Err(problem) => return assert_bounded(&problem, body.len()),
    };
    let plain = |new: &T| serde_json::to_value(new).expect("our own types serialise");
    let written = plain(&new);
    assert_eq!(read().as_ref().map(plain), Ok(written.clone()), "the same again");
    let anew: T = serde_json::from_value(written.clone()).expect("it was written by us");
    assert_eq!(plain(&anew), written);
    assert!(depth(&written) <= 130, "JSON of bounded depth");
    if let Err(problem) = go_on(new) {
        assert_bounded(&problem, body.len());
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn assert_bounded(problem: &Problem, said: usize) {
    assert_eq!(problem.status, 400, "{}", problem.detail);
    // A letter can take six as it is quoted.
    assert!(problem.detail.len() <= LONGEST + 6 * said, "{} bytes", problem.detail.len());
    assert_eq!(problem.response().status().as_u16(), problem.status);
}
