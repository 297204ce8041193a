//! v1 content of the channels besides WhatsApp: SMS in full; voice, push, in-app, Messenger and
//! Apple checked and passed on as they are.

use model::{
    Channel, Content, Refusal,
    content::{SmsCoding, SmsOptions, Text},
    message::StepDraft,
};
use serde_json::Value;

use super::{Settings, read, templates};
use crate::fields::Fields;

/// Longest v1 SMS text, in characters.
const MAX_SMS: usize = 1024;
/// Most bytes of a push message, or of one parameter of an in-app message.
const MAX_PUSH: usize = 4096;
/// Longest `time_to_live` of a push message: 28 days.
const MAX_TIME_TO_LIVE: f64 = 2_419_200.0;

/// An SMS.
pub(super) fn sms(fields: &Fields<'_>, own: &Settings) -> Result<StepDraft, Refusal> {
    let channels = fields.object("channels")?;
    if let Some(channels) = &channels
        && channels.array("smartlinks")?.is_some_and(|links| !links.is_empty())
    {
        return Err(channels.invalid("smartlinks", "links cannot be shortened here"));
    }
    let sms = channels.as_ref().map(|channels| channels.object("sms")).transpose()?.flatten();
    let content = match (&sms, read::template(fields)?) {
        (Some(sms), _) if sms.get("text").is_some() || sms.get("body").is_some() => sms_text(sms)?,
        (_, Some((id, message))) => {
            let text = templates::text(&id, message.object("parameters")?.as_ref(), own);
            Text::new(text.ok_or_else(|| message.invalid("template", "not a registered template"))?)
        }
        (Some(sms), None) => return Err(sms.missing("text")),
        (None, None) => return Err(fields.missing("channels.sms")),
    };
    let mut step = StepDraft::new(Channel::Sms, Content::Text(content));
    // Callers in the wild leave the sender out although it is documented as mandatory.
    step.sender = sms.map(|sms| sms.scalar("senderid")).transpose()?.flatten();
    Ok(step)
}

fn sms_text(sms: &Fields<'_>) -> Result<Text, Refusal> {
    if sms.flag("sendLinkAsAppClip")? {
        return Err(sms.invalid("sendLinkAsAppClip", "app clips are not offered here"));
    }
    let mut options = SmsOptions::default();
    let body = match sms.scalar("type")?.as_deref() {
        None | Some("1") => text_of(sms)?,
        Some("2") => {
            options.flash = true;
            text_of(sms)?
        }
        Some("3") => {
            options.coding = SmsCoding::Binary;
            hex_of(sms)?
        }
        Some("4") => {
            options.coding = SmsCoding::Unicode;
            text_of(sms)?
        }
        Some(_) => return Err(sms.invalid("type", "not 1, 2, 3 or 4")),
    };
    if let Some(extras) = sms.object("extras")? {
        options.dlt_template = extras.scalar("dlt_templateid")?;
    }
    Ok(Text { sms: options, ..Text::new(body) })
}

fn text_of(sms: &Fields<'_>) -> Result<String, Refusal> {
    sms.required_text("text")?;
    Ok(sms.bounded_text("text", MAX_SMS)?.unwrap_or_default().to_owned())
}

fn hex_of(sms: &Fields<'_>) -> Result<String, Refusal> {
    let name = if sms.get("body").is_some() { "body" } else { "text" };
    let digits = sms.required_text(name)?;
    let valid = digits.len().is_multiple_of(2) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid && digits.len() <= 2 * MAX_SMS {
        Ok(digits.to_owned())
    } else {
        Err(sms.invalid(name, "not hex digits of binary data"))
    }
}

/// A call: a flow, a media file or a stored prompt.
pub(super) fn voice(fields: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let voice = fields.required_object("channels")?.required_object("voice")?;
    match (voice.get("callflowid"), voice.get("media").or_else(|| voice.get("promptid"))) {
        (Some(_), Some(_)) => return Err(voice.invalid("callflowid", "media or prompt is given too")),
        (None, None) => return Err(voice.missing("callflowid")),
        (Some(_), None) | (None, Some(_)) => {}
    }
    let mut step = passed_on(Channel::Voice, &voice);
    step.sender = voice.scalar("cli")?;
    Ok(step)
}

/// A push message for at least one platform.
pub(super) fn push(fields: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let push = fields.required_object("channels")?.required_object("push")?;
    let mut platforms = 0;
    for name in ["android", "ios", "web"] {
        if let Some(platform) = push.object(name)? {
            platforms += 1;
            platform.required_text("text")?;
            check_time_to_live(&platform)?;
        }
    }
    if platforms == 0 {
        return Err(push.missing("android"));
    }
    if Value::Object(push.members().clone()).to_string().len() > MAX_PUSH {
        return Err(fields.invalid("channels", format!("push is over {MAX_PUSH} bytes")));
    }
    let mut step = passed_on(Channel::Push, &push);
    add_coexistence(fields, &mut step)?;
    Ok(step)
}

fn check_time_to_live(platform: &Fields<'_>) -> Result<(), Refusal> {
    let Some(extras) = platform.object("extras")? else { return Ok(()) };
    match extras.number("time_to_live")? {
        Some(seconds) if !(0.0..=MAX_TIME_TO_LIVE).contains(&seconds) => {
            Err(extras.invalid("time_to_live", "not 0 to 2419200 seconds"))
        }
        _ => Ok(()),
    }
}

/// A message inside the caller's app.
pub(super) fn in_app(fields: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let channels = fields.required_object("channels")?;
    let object = match channels.object("appmessaging")? {
        Some(object) => object,
        None => channels.object("rt")?.ok_or_else(|| channels.missing("appmessaging"))?,
    };
    require_members(&channels, "appmessaging", &object)?;
    let over = object.members().iter().find(|(_, value)| value.to_string().len() > MAX_PUSH);
    if let Some((name, _)) = over {
        return Err(object.invalid(name, PARAMETER_TOO_LARGE));
    }
    let mut step = passed_on(Channel::InApp, &object);
    add_coexistence(fields, &mut step)?;
    Ok(step)
}

/// Why a parameter of an in-app message is not taken; it has a code of its own.
pub(super) const PARAMETER_TOO_LARGE: &str = "over 4096 bytes";

/// A Facebook Messenger message.
pub(super) fn messenger(fields: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let ott = fields.required_object("channels")?.required_object("OTT-Messaging")?;
    let object = ott.required_object("fb")?;
    require_members(&ott, "fb", &object)?;
    Ok(passed_on(Channel::Messenger, &object))
}

/// An Apple Messages for Business message.
pub(super) fn apple(fields: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let channels = fields.required_object("channels")?;
    let object = channels.required_object("AppleBusinessChat")?;
    require_members(&channels, "AppleBusinessChat", &object)?;
    Ok(passed_on(Channel::AppleMessages, &object))
}

fn require_members(parent: &Fields<'_>, name: &str, object: &Fields<'_>) -> Result<(), Refusal> {
    if object.members().is_empty() { Err(parent.missing(name)) } else { Ok(()) }
}

fn passed_on(channel: Channel, object: &Fields<'_>) -> StepDraft {
    StepDraft::new(channel, Content::Other(Value::Object(object.members().clone())))
}

/// `icmessage` says how push and in-app go together; whoever serves the channel gets to see it.
fn add_coexistence(fields: &Fields<'_>, step: &mut StepDraft) -> Result<(), Refusal> {
    let Some(flag) = fields.scalar("icmessage")? else { return Ok(()) };
    if let model::message::Body::Ready(Content::Other(Value::Object(members))) = &mut step.body {
        members.insert("icmessage".to_owned(), Value::String(flag));
    }
    Ok(())
}
