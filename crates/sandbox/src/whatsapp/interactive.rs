//! Interactive messages and their limits.

use serde_json::{Map, Value};

use super::{
    error::GraphError,
    mime::MediaKind,
    read::{Media, Shown, limited, media_of, object, text},
};

type Result<T> = std::result::Result<T, GraphError>;

const MAX_BODY: usize = 1024;
const MAX_LIST_BODY: usize = 4096;
const MAX_SMALL: usize = 60;
const MAX_BUTTONS: usize = 3;
const MAX_SECTIONS: usize = 10;
const MAX_ROWS: usize = 10;

/// Checks an interactive message and gives what the handset shows of it.
pub(crate) fn shown(interactive: &Map<String, Value>) -> Result<Shown> {
    let kind = text(interactive, "type").ok_or_else(|| GraphError::missing("interactive.type"))?;
    let action = object(interactive, "action")?;
    match kind {
        "button" => check_buttons(action)?,
        "list" => check_list(action)?,
        "flow" => check_flow(action)?,
        "cta_url" => drop(object(action, "parameters")?),
        "location_request_message"
        | "address_message"
        | "product"
        | "product_list"
        | "catalog_message"
        | "call_permission_request"
        | "voice_call"
        | "carousel" => {}
        _ => return Err(GraphError::parameter("Param interactive.type is not known.")),
    }
    let most = if kind == "list" { MAX_LIST_BODY } else { MAX_BODY };
    let body = match interactive.get("body") {
        Some(_) => Some(limited(object(interactive, "body")?, "text", most)?.to_owned()),
        None if matches!(kind, "product" | "catalog_message") => None,
        None => return Err(GraphError::missing("interactive.body")),
    };
    if interactive.contains_key("footer") {
        limited(object(interactive, "footer")?, "text", MAX_SMALL)?;
    }
    Ok(Shown { text: body, media: header(interactive)?, category: None })
}

fn header(interactive: &Map<String, Value>) -> Result<Option<Media>> {
    if !interactive.contains_key("header") {
        return Ok(None);
    }
    let header = object(interactive, "header")?;
    let kind = text(header, "type").ok_or_else(|| GraphError::missing("header.type"))?;
    match MediaKind::named(kind) {
        Some(media @ (MediaKind::Image | MediaKind::Video | MediaKind::Document)) => {
            media_of(media, object(header, kind)?).map(Some)
        }
        None if kind == "text" => limited(header, "text", MAX_SMALL).map(|_| None),
        _ => Err(GraphError::parameter("Param header.type must be one of {DOCUMENT, IMAGE, TEXT, VIDEO}")),
    }
}

fn check_buttons(action: &Map<String, Value>) -> Result<()> {
    let buttons = items(action, "buttons", MAX_BUTTONS)?;
    let mut titles = Vec::new();
    let mut ids = Vec::new();
    for button in buttons {
        let reply = object(button, "reply")?;
        ids.push(limited(reply, "id", 256)?);
        titles.push(limited(reply, "title", 20)?);
    }
    unique(titles, "Titles of buttons must be unique.")?;
    unique(ids, "Ids of buttons must be unique.")
}

fn check_list(action: &Map<String, Value>) -> Result<()> {
    limited(action, "button", 20)?;
    let sections = items(action, "sections", MAX_SECTIONS)?;
    let mut ids = Vec::new();
    for section in &sections {
        if sections.len() > 1 {
            limited(section, "title", 24)?;
        }
        for row in items(section, "rows", MAX_ROWS)? {
            ids.push(limited(row, "id", 200)?);
            limited(row, "title", 24)?;
            if row.contains_key("description") {
                limited(row, "description", 72)?;
            }
        }
    }
    if ids.len() > MAX_ROWS {
        return Err(GraphError::parameter("A list has at most 10 rows in all its sections."));
    }
    unique(ids, "Ids of rows must be unique.")
}

fn check_flow(action: &Map<String, Value>) -> Result<()> {
    let parameters = object(action, "parameters")?;
    limited(parameters, "flow_cta", 30)?;
    if text(parameters, "flow_message_version") != Some("3") {
        return Err(GraphError::value("Param flow_message_version must be 3."));
    }
    Ok(())
}

fn items<'a>(from: &'a Map<String, Value>, name: &str, most: usize) -> Result<Vec<&'a Map<String, Value>>> {
    let items = from.get(name).and_then(Value::as_array).ok_or_else(|| GraphError::missing(name))?;
    if items.is_empty() || items.len() > most {
        return Err(GraphError::parameter(format!("Param {name} must hold between 1 and {most} items.")));
    }
    let not_object = || GraphError::parameter(format!("Param {name} must hold JSON objects."));
    items.iter().map(|item| item.as_object().ok_or_else(not_object)).collect()
}

fn unique(mut values: Vec<&str>, otherwise: &str) -> Result<()> {
    let count = values.len();
    values.sort_unstable();
    values.dedup();
    if values.len() == count { Ok(()) } else { Err(GraphError::parameter(otherwise)) }
}
