//! Templates: the vendor names variables, the Cloud API wants components in order.

use model::{Content, Refusal, content::Template};
use serde_json::{Map, Value, json};

use super::{RegisteredTemplate, Settings};
use crate::fields::{Fields, scalar};

/// Most parameters of one template.
const MAX_PARAMETERS: usize = 100;
/// Longest one-time code, in characters.
const MAX_CODE: usize = 15;
/// Most quick replies of one template.
const MAX_QUICK_REPLIES: usize = 3;
/// Keys whose values are the header's media.
const HEADER_MEDIA: [&str; 3] = ["image", "video", "document"];

/// The WhatsApp template `id` with the parameters of `message`.
pub(super) fn whatsapp(id: String, message: &Fields<'_>, own: &Settings) -> Result<Content, Refusal> {
    let registered = own.templates.get(&id);
    let components = match message.object("parameters")? {
        Some(parameters) => components(&parameters, registered)?,
        None => Vec::new(),
    };
    Ok(Content::Template(Template {
        name: registered.and_then(|template| template.name.clone()).unwrap_or(id),
        language: registered.and_then(|template| template.language.clone()),
        components,
    }))
}

/// The text of template `id` for a channel without templates, if the account registered one.
pub(super) fn text(id: &str, parameters: Option<&Fields<'_>>, own: &Settings) -> Option<String> {
    let text = own.templates.get(id)?.text.as_ref()?;
    let empty = Map::new();
    Some(substitute(text, parameters.map_or(&empty, |parameters| parameters.members())))
}

/// The text with each `$(name)` replaced by its value; unknown names stay.
pub(super) fn substitute(text: &str, values: &Map<String, Value>) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        done.push_str(before);
        let found = after
            .split_once(')')
            .and_then(|(name, after)| values.get(name.trim()).and_then(scalar).map(|value| (value, after)));
        rest = match found {
            Some((value, after)) => {
                done.push_str(&value);
                after
            }
            None => {
                done.push_str("$(");
                after
            }
        };
    }
    done + rest
}

fn components(
    parameters: &Fields<'_>,
    registered: Option<&RegisteredTemplate>,
) -> Result<Vec<Value>, Refusal> {
    if parameters.members().len() > MAX_PARAMETERS {
        return Err(Refusal::invalid("message.parameters", "{…}", format!("more than {MAX_PARAMETERS}")));
    }
    let mut sorted = Sorted::default();
    for (name, value) in parameters.members() {
        sorted.take(parameters, name, value, registered)?;
    }
    Ok(sorted.components(registered))
}

/// Parameters sorted by the component they belong to.
#[derive(Default)]
struct Sorted {
    header_media: Option<Value>,
    header: Vec<(String, Value)>,
    body: Vec<(String, Value)>,
    buttons: Vec<(String, Value)>,
    quick_replies: Vec<Value>,
    code: Option<String>,
}

impl Sorted {
    fn take(
        &mut self,
        parameters: &Fields<'_>,
        name: &str,
        value: &Value,
        registered: Option<&RegisteredTemplate>,
    ) -> Result<(), Refusal> {
        if HEADER_MEDIA.contains(&name) && value.is_object() {
            self.header_media = Some(header_media(parameters, name)?);
        } else if name == "quickReply" {
            self.quick_replies = quick_replies(parameters)?;
        } else if value.get("type").and_then(Value::as_str) == Some("otp") {
            self.code = Some(code(&Fields::at(parameters.path(name), value)?)?);
        } else if value.get("type").and_then(Value::as_str) == Some("url") {
            let button = Fields::at(parameters.path(name), value)?;
            let payload = button.scalar("payload")?.ok_or_else(|| button.missing("payload"))?;
            self.buttons.push((name.to_owned(), json!({"type": "text", "text": payload})));
        } else {
            let value = parameter(parameters, name, value)?;
            let in_header =
                registered.is_some_and(|template| template.header.iter().any(|known| known == name));
            let list = if in_header { &mut self.header } else { &mut self.body };
            list.push((name.to_owned(), value));
        }
        Ok(())
    }

    fn components(self, registered: Option<&RegisteredTemplate>) -> Vec<Value> {
        let mut components = Vec::new();
        if let Some(media) = self.header_media {
            components.push(json!({"type": "header", "parameters": [media]}));
        } else if !self.header.is_empty() {
            let names = registered.map(|template| template.header.as_slice()).unwrap_or_default();
            components.push(json!({"type": "header", "parameters": ordered(self.header, names)}));
        }
        let names = registered.map(|template| template.body.as_slice()).unwrap_or_default();
        let mut body = ordered(self.body, names);
        body.extend(self.code.iter().map(|code| json!({"type": "text", "text": code})));
        if !body.is_empty() {
            components.push(json!({"type": "body", "parameters": body}));
        }
        if let Some(code) = &self.code {
            components.push(button("url", 0, json!({"type": "text", "text": code})));
        }
        let places = registered.map(|template| template.buttons.as_slice()).unwrap_or_default();
        for (order, (name, value)) in self.buttons.into_iter().enumerate() {
            let place = places.iter().position(|known| *known == name).unwrap_or(order);
            components.push(button("url", place, value));
        }
        for (order, payload) in self.quick_replies.into_iter().enumerate() {
            components.push(button("quick_reply", order, payload));
        }
        components
    }
}

fn button(kind: &str, place: usize, parameter: Value) -> Value {
    json!({"type": "button", "sub_type": kind, "index": place.to_string(), "parameters": [parameter]})
}

/// Parameters in the registered order. Unregistered ones go in the order of their numbers if all
/// names are numbers, and by name otherwise, which the Cloud API takes as well.
fn ordered(mut parameters: Vec<(String, Value)>, names: &[String]) -> Vec<Value> {
    if !names.is_empty() {
        let place = |name: &str| names.iter().position(|known| known == name).unwrap_or(usize::MAX);
        parameters.sort_by_key(|(name, _)| place(name));
        return parameters.into_iter().map(|(_, value)| value).collect();
    }
    if parameters.iter().all(|(name, _)| name.parse::<u32>().is_ok()) {
        parameters.sort_by_key(|(name, _)| name.parse::<u32>().unwrap_or(u32::MAX));
        return parameters.into_iter().map(|(_, value)| value).collect();
    }
    parameters.into_iter().map(|(name, value)| named(&name, value)).collect()
}

fn named(name: &str, mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.insert("parameter_name".to_owned(), json!(name));
    }
    value
}

fn header_media(parameters: &Fields<'_>, kind: &str) -> Result<Value, Refusal> {
    let media = parameters.required_object(kind)?;
    let link = media.required_text("link")?;
    let mut object = json!({"link": link});
    if let Some(filename) = media.text("filename")? {
        object["filename"] = json!(filename);
    }
    Ok(Value::Object(Map::from_iter([("type".to_owned(), json!(kind)), (kind.to_owned(), object)])))
}

fn quick_replies(parameters: &Fields<'_>) -> Result<Vec<Value>, Refusal> {
    let items = parameters.array("quickReply")?.unwrap_or_default();
    if items.len() > MAX_QUICK_REPLIES {
        return Err(parameters.invalid("quickReply", format!("more than {MAX_QUICK_REPLIES}")));
    }
    let replies = parameters.objects("quickReply", items)?;
    replies
        .iter()
        .map(|reply| Ok(json!({"type": "payload", "payload": reply.required_text("payload")?})))
        .collect()
}

fn code(otp: &Fields<'_>) -> Result<String, Refusal> {
    let code = otp.scalar("value")?.ok_or_else(|| otp.missing("value"))?;
    if code.chars().count() > MAX_CODE || code.contains(char::is_whitespace) {
        return Err(otp.invalid("value", format!("longer than {MAX_CODE} characters, or with blanks")));
    }
    Ok(code)
}

/// A parameter of header or body: a plain value, a date or an amount.
fn parameter(parameters: &Fields<'_>, name: &str, value: &Value) -> Result<Value, Refusal> {
    if let Some(text) = scalar(value) {
        return Ok(json!({"type": "text", "text": text}));
    }
    let typed = Fields::at(parameters.path(name), value)?;
    match typed.required_text("type")? {
        "date_time" => date_time(&typed),
        "currency" => currency(&typed),
        "text" => Ok(json!({"type": "text", "text": typed.required_text("text")?})),
        _ => Err(typed.invalid("type", "not a type of parameter")),
    }
}

fn date_time(date: &Fields<'_>) -> Result<Value, Refusal> {
    let shown = date.scalar("fallback_value")?.or(date.scalar("timestamp")?);
    let shown = shown.ok_or_else(|| date.missing("fallback_value"))?;
    Ok(json!({"type": "date_time", "date_time": {"fallback_value": shown}}))
}

fn currency(amount: &Fields<'_>) -> Result<Value, Refusal> {
    let code = amount.text("currency_code")?.or(amount.text("code")?);
    let code = code.ok_or_else(|| amount.missing("currency_code"))?;
    let thousandths = amount.number("amount_1000")?.ok_or_else(|| amount.missing("amount_1000"))?;
    let shown =
        amount.scalar("fallback_value")?.unwrap_or_else(|| format!("{code} {:.2}", thousandths / 1000.0));
    // Beyond this whole numbers are not exact, and no price is that high.
    if thousandths.fract() != 0.0 || thousandths.abs() > 9e15 {
        return Err(amount.invalid("amount_1000", "not a whole number"));
    }
    Ok(json!({"type": "currency",
        "currency": {"fallback_value": shown, "code": code, "amount_1000": thousandths as i64}}))
}

/// The older form of a template message, with everything in the request.
pub(super) fn hsm(hsm: &Fields<'_>) -> Result<Content, Refusal> {
    let language = hsm.required_object("language")?;
    let items = hsm.array("localizable_params")?.unwrap_or_default();
    if items.len() > MAX_PARAMETERS {
        return Err(hsm.invalid("localizable_params", format!("more than {MAX_PARAMETERS}")));
    }
    let params = hsm.objects("localizable_params", items)?;
    let params = params.iter().map(localizable).collect::<Result<Vec<_>, _>>()?;
    let components =
        if params.is_empty() { Vec::new() } else { vec![json!({"type": "body", "parameters": params})] };
    Ok(Content::Template(Template {
        name: hsm.required_text("element_name")?.to_owned(),
        language: Some(language.required_text("code")?.to_owned()),
        components,
    }))
}

fn localizable(param: &Fields<'_>) -> Result<Value, Refusal> {
    let default = param.scalar("default")?.ok_or_else(|| param.missing("default"))?;
    if let Some(amount) = param.object("currency")? {
        let mut value = currency(&amount)?;
        value["currency"]["fallback_value"] = json!(default);
        return Ok(value);
    }
    if param.object("date_time")?.is_some() {
        return Ok(json!({"type": "date_time", "date_time": {"fallback_value": default}}));
    }
    Ok(json!({"type": "text", "text": default}))
}
