//! Query strings: which scenarios, reports and log rows are asked for.

use model::{
    Channel, MessageId, Refusal, Span, Time,
    call::{LogFilter, MessageRef, ReportFilter, ScenarioFilter, Standing},
};

use crate::{
    Context, Query,
    infobip::{status, time},
    support,
};

/// Infobip: 100 scenarios unless asked otherwise; no maximum is documented, this one is ours.
const SCENARIOS: Limit = Limit { default: 100, most: 1000 };
/// Infobip: 50 rows unless asked otherwise, 1000 at most.
const ROWS: Limit = Limit { default: 50, most: 1000 };
/// Infobip: logs reach back 48 hours.
const LOG_DEPTH: Span = Span::from_hours(48);
/// Most ids in one query; ours.
const MAX_IDS: usize = 1000;

struct Limit {
    default: usize,
    most: usize,
}

/// `GET /omni/1/scenarios`.
pub(super) fn scenarios(query: &Query) -> Result<ScenarioFilter, Refusal> {
    Ok(ScenarioFilter {
        // Infobip: `isDefault` in the specification, `default` on the OMNI page.
        default: match boolean(query, "isDefault")? {
            Some(default) => Some(default),
            None => boolean(query, "default")?,
        },
        limit: limit(query, &SCENARIOS)?,
        page: number(query, "page")?.unwrap_or(0),
    })
}

/// `GET /omni/1/reports`.
pub(super) fn reports(query: &Query, now: Time) -> Result<ReportFilter, Refusal> {
    Ok(ReportFilter {
        bulk: text(query, "bulkId"),
        message: text(query, "messageId").map(|id| message(id, now)),
        channel: channel(query)?,
        limit: limit(query, &ROWS)?,
    })
}

/// `GET /omni/1/logs`.
pub(super) fn logs(query: &Query, context: &Context<'_>) -> Result<LogFilter, Refusal> {
    let earliest = context.now - LOG_DEPTH;
    Ok(LogFilter {
        from: text(query, "from"),
        to: text(query, "to")
            .map(|to| support::phone(&to, context.settings).map_or(to, |phone| phone.digits().to_owned())),
        bulks: bulks(query)?,
        messages: messages(query)?,
        standing: standing(query)?,
        channel: channel(query)?,
        since: Some(date(query, "sentSince")?.map_or(earliest, |since| since.max(earliest))),
        until: date(query, "sentUntil")?,
        mcc: text(query, "mcc"),
        mnc: text(query, "mnc"),
        limit: limit(query, &ROWS)?,
    })
}

/// Infobip: one page spells the parameter `bulkid`.
fn bulks(query: &Query) -> Result<Vec<String>, Refusal> {
    let mut bulks = all(query, "bulkId")?;
    bulks.extend(all(query, "bulkid")?);
    Ok(bulks)
}

/// Each id may be ours or the caller's own, which may look like ours.
fn messages(query: &Query) -> Result<Vec<MessageRef>, Refusal> {
    let ids = all(query, "messageId")?;
    Ok(ids
        .into_iter()
        .flat_map(|id| [MessageId::parse(&id).map(MessageRef::Id), Some(MessageRef::Client(id))])
        .flatten()
        .collect())
}

/// One id: ours if it has our form and a time in it that can be, else the caller's.
fn message(id: String, now: Time) -> MessageRef {
    const BEGINNING: Time = Time::from_secs(1_577_836_800); // 2020
    match MessageId::parse(&id) {
        Some(ours) if ours.time() > BEGINNING && ours.time() < now + Span::from_hours(24) => {
            MessageRef::Id(ours)
        }
        Some(_) | None => MessageRef::Client(id),
    }
}

fn standing(query: &Query) -> Result<Option<Standing>, Refusal> {
    let Some(word) = text(query, "generalStatus") else { return Ok(None) };
    match word.as_str() {
        "ACCEPTED" | "PENDING" => Ok(Some(Standing::Pending)),
        "UNDELIVERABLE" => Ok(Some(Standing::Undeliverable)),
        "DELIVERED" => Ok(Some(Standing::Delivered)),
        "EXPIRED" => Ok(Some(Standing::Expired)),
        "REJECTED" => Ok(Some(Standing::Rejected)),
        _ => Err(Refusal::invalid("generalStatus", word, "is not a known status")),
    }
}

fn channel(query: &Query) -> Result<Option<Channel>, Refusal> {
    let Some(label) = text(query, "channel") else { return Ok(None) };
    match status::channel(&label) {
        Some(channel) => Ok(Some(channel)),
        None => Err(Refusal::invalid("channel", label, "is not a known channel")),
    }
}

fn date(query: &Query, name: &'static str) -> Result<Option<Time>, Refusal> {
    let Some(given) = text(query, name) else { return Ok(None) };
    // A `+` that was not escaped in the query arrives as a space.
    let clock = given.rfind(' ').filter(|at| given[..*at].contains('T'));
    let repaired = clock.map_or_else(|| given.clone(), |at| format!("{}+{}", &given[..at], &given[at + 1..]));
    match time::read(&repaired) {
        Some(time) => Ok(Some(time)),
        None => Err(Refusal::invalid(name, given, "is not a valid date")),
    }
}

/// A limit over the maximum is cut without an error.
fn limit(query: &Query, limit: &Limit) -> Result<usize, Refusal> {
    Ok(number(query, "limit")?.unwrap_or(limit.default).min(limit.most))
}

fn number(query: &Query, name: &'static str) -> Result<Option<usize>, Refusal> {
    let Some(given) = text(query, name) else { return Ok(None) };
    match given.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Refusal::invalid(name, given, "must be a whole number that is not negative")),
    }
}

fn boolean(query: &Query, name: &'static str) -> Result<Option<bool>, Refusal> {
    let Some(given) = text(query, name) else { return Ok(None) };
    match given.to_ascii_lowercase().as_str() {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(Refusal::invalid(name, given, "must be true or false")),
    }
}

/// The first value that is not empty.
fn text(query: &Query, name: &str) -> Option<String> {
    query.get(name)?.iter().find(|value| !value.is_empty()).cloned()
}

fn all(query: &Query, name: &'static str) -> Result<Vec<String>, Refusal> {
    let values = query.get(name).map(Vec::as_slice).unwrap_or_default();
    if values.len() > MAX_IDS {
        return Err(Refusal::invalid(name, "", format!("at most {MAX_IDS} values")));
    }
    Ok(values.iter().filter(|value| !value.is_empty()).cloned().collect())
}
