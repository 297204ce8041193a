//! The objects of the channels beside WhatsApp. What is more than a text keeps the vendor's form
//! and waits for a connector that reads it.

use model::{
    Content, Refusal,
    content::{Email, Media, MediaKind, MediaSource, SmsCoding, SmsOptions, Text},
};

use super::node::Node;
use crate::infobip::Settings;

/// Most characters of a text where the vendor names no limit; ours.
const MAX_TEXT: usize = 100_000;
/// Infobip: the alphabets into which an SMS may be transliterated.
const TRANSLITERATIONS: &[&str] = &[
    "NONE",
    "ALL",
    "BALTIC",
    "CENTRAL_EUROPEAN",
    "COLOMBIAN",
    "CYRILLIC",
    "GREEK",
    "NON_UNICODE",
    "PORTUGUESE",
    "SERBIAN_CYRILLIC",
    "TURKISH",
    "BULGARIAN_CYRILLIC",
];
/// Infobip: the languages of national SMS alphabets.
const LANGUAGES: &[&str] = &["NONE", "TR", "ES", "PT", "AUTODETECT"];
/// Members that say nothing about the content.
const TIMING: &[&str] = &["validityPeriod", "validityPeriodTimeUnit"];

/// A text and nothing else.
pub(super) fn plain(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    text(object, MAX_TEXT)
}

fn text(object: &Node<'_>, max: usize) -> Result<Content, Refusal> {
    Ok(Content::Text(Text::new(object.filled_to("text", max)?)))
}

/// The object as it was given.
fn as_given(object: &Node<'_>) -> Content {
    Content::Other(object.without(TIMING))
}

/// A text if none of the given members is there, else the object as it was given.
fn text_unless(object: &Node<'_>, members: &[&str], max: usize) -> Result<Content, Refusal> {
    if members.iter().any(|member| object.has(member)) {
        object.text_to("text", max)?;
        return Ok(as_given(object));
    }
    text(object, max)
}

/// SMS.
pub(super) fn sms(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    let body = object.filled_to("text", MAX_TEXT)?;
    let transliteration = object.word("transliteration", TRANSLITERATIONS)?;
    national_alphabet(object)?;
    let (dlt_entity, dlt_template) = regional(object)?;
    let sms = SmsOptions {
        coding: SmsCoding::Auto,
        flash: false,
        transliterate: transliteration.is_some_and(|name| name != "NONE"),
        dlt_entity,
        dlt_template,
    };
    Ok(Content::Text(Text { body, preview_url: false, sms }))
}

/// National alphabets are not used: such texts go out in UCS-2 and read the same.
fn national_alphabet(object: &Node<'_>) -> Result<(), Refusal> {
    let Some(language) = object.object("language")? else { return Ok(()) };
    language.word("languageCode", LANGUAGES)?;
    language.boolean("singleShift")?;
    language.boolean("lockingShift")?;
    Ok(())
}

/// India's entity and template id. The telemarketer is the operator's side of the registration
/// and belongs to the route; Korea's title exists only in that country's long messages.
fn regional(object: &Node<'_>) -> Result<(Option<String>, Option<String>), Refusal> {
    let Some(regional) = object.object("regional")? else { return Ok((None, None)) };
    if let Some(korea) = regional.object("korea")? {
        korea.text_to("title", 66)?;
    }
    let Some(dlt) = regional.object("indiaDlt")? else { return Ok((None, None)) };
    dlt.text("telemarketerId")?;
    Ok((Some(dlt.filled("principalEntityId")?), dlt.id("contentTemplateId", 200)?))
}

/// Viber.
pub(super) fn viber(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    object.url("imageURL", 1000)?;
    object.text_to("buttonText", 30)?;
    // Infobip: may be `tel:`, so it need not be a web address.
    object.text_to("buttonURL", 1000)?;
    object.boolean("isPromotional")?;
    object.text_to("fileName", 25)?;
    object.text("fileType")?;
    object.url("fileUrl", 1000)?;
    object.text_to("trackingData", 100)?;
    object.boolean("forcePrimaryDevice")?;
    let more = [
        "imageURL",
        "buttonText",
        "buttonURL",
        "isPromotional",
        "fileName",
        "fileType",
        "fileUrl",
        "trackingData",
        "forcePrimaryDevice",
    ];
    text_unless(object, &more, MAX_TEXT)
}

/// Voice.
pub(super) fn voice(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    object.filled("text")?;
    object.text("language")?;
    text_unless(object, &["language"], MAX_TEXT)
}

/// Email.
pub(super) fn email(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    Ok(Content::Email(Email {
        subject: object.text("subject")?.unwrap_or_default(),
        text: Some(object.filled_to("text", MAX_TEXT)?),
        ..Email::default()
    }))
}

/// Push.
pub(super) fn push(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    object.filled_to("text", 2000)?;
    object.object("customPayload")?;
    object.boolean("targetOnlyPrimaryDevices")?;
    object.boolean("includeNotificationsDisabledDevices")?;
    object.list("personSubscriptions")?;
    object.list("deviceSubscriptions")?;
    if let Some(options) = object.object("notificationOptions")? {
        notification_options(&options)?;
    }
    let more = [
        "customPayload",
        "notificationOptions",
        "targetOnlyPrimaryDevices",
        "includeNotificationsDisabledDevices",
        "personSubscriptions",
        "deviceSubscriptions",
    ];
    text_unless(object, &more, 2000)
}

fn notification_options(options: &Node<'_>) -> Result<(), Refusal> {
    for name in ["vibrationEnabled", "soundEnabled", "isSilent"] {
        options.boolean(name)?;
    }
    for name in ["soundName", "category", "title", "inboxTopic"] {
        options.text(name)?;
    }
    options.whole("badge")?;
    options.url("contentUrl", 2048)?;
    options.url("webViewUrl", 2048)?;
    options.word("inAppStyle", &["BANNER", "MODAL"])?;
    Ok(())
}

/// Facebook Messenger.
pub(super) fn facebook(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    let kind = object.word("type", &["TEXT", "IMAGE", "AUDIO", "VIDEO", "FILE"])?;
    let kind = match kind.as_deref() {
        Some("IMAGE") => MediaKind::Image,
        Some("AUDIO") => MediaKind::Audio,
        Some("VIDEO") => MediaKind::Video,
        Some("FILE") => MediaKind::Document,
        Some(_) | None => return text(object, MAX_TEXT),
    };
    Ok(Content::Media(Media {
        kind,
        source: MediaSource::Link(object.given_url("url", 2048)?),
        mime: None,
        caption: object.id("text", MAX_TEXT)?,
        filename: None,
    }))
}

/// LINE.
pub(super) fn line(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    let kind = object.word("type", &["TEXT", "IMAGE", "VIDEO", "AUDIO", "STICKER", "FLEX"])?;
    match kind.as_deref() {
        Some("IMAGE" | "VIDEO") => {
            object.given_url("url", 1000)?;
            object.url("thumbnailUrl", 1000)?;
        }
        Some("AUDIO") => {
            object.given_url("url", 1000)?;
            // Infobip: a number in the specification, a text in the clients.
            object.text("duration")?;
        }
        Some("STICKER") => {
            object.filled("packageId")?;
            object.filled("stickerId")?;
        }
        Some("FLEX") => {
            object.filled_to("altText", 400)?;
            object.given_object("contents")?;
        }
        Some(_) | None => return text(object, MAX_TEXT),
    }
    Ok(as_given(object))
}

/// VKontakte.
pub(super) fn vkontakte(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    if object.has("templateName") {
        object.filled("templateName")?;
        object.object("templateData")?;
        return Ok(as_given(object));
    }
    text(object, MAX_TEXT)
}

/// KakaoTalk friend messages.
pub(super) fn kakao_chingu(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    object.filled("text")?;
    object.url("imageUrl", 250)?;
    object.url("imageLink", 250)?;
    object.boolean("isPromotional")?;
    buttons(object, &["URL", "APP_LINK", "BOT_KEYWORD", "MESSAGE_DELIVERY"])?;
    text_unless(object, &["imageUrl", "imageLink", "isPromotional", "buttons"], MAX_TEXT)
}

/// KakaoTalk notification messages.
pub(super) fn kakao_alim(object: &Node<'_>, _: &Settings) -> Result<Content, Refusal> {
    object.filled_to("text", 1000)?;
    object.filled_to("templateCode", 30)?;
    object.text_to("title", 50)?;
    object.text("groupKey")?;
    let types = [
        "URL",
        "APP_LINK",
        "DELIVERY_TRACKING",
        "CHATBOT_SWITCH",
        "MESSAGE_DELIVERY",
        "BOT_KEYWORD",
        "ADD_CHANNEL",
    ];
    buttons(object, &types)?;
    Ok(as_given(object))
}

fn buttons(object: &Node<'_>, types: &[&str]) -> Result<(), Refusal> {
    let buttons = object.objects("buttons")?;
    // Infobip: one to five, if any.
    if object.has("buttons") && !(1..=5).contains(&buttons.len()) {
        return Err(object.invalid("buttons", "size must be between 1 and 5"));
    }
    for button in buttons {
        button.word("type", types)?.ok_or_else(|| button.missing("type"))?;
        button.filled_to("buttonText", 28)?;
        for name in ["buttonUrl", "buttonUrlMobile", "buttonUrlPc", "androidScheme", "iosScheme"] {
            button.text_to(name, 500)?;
        }
        button.text_to("chatExtra", 50)?;
        button.text_to("chatEvent", 50)?;
        button.word("target", &["out"])?;
    }
    Ok(())
}
