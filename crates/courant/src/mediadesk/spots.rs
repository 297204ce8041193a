//! Where in a content media are named, and putting other sources in their place.

use model::{
    Content,
    content::{MediaKind, MediaSource},
};
use serde_json::Value;

/// How deep structured contents are looked into.
const MAX_DEPTH: usize = 12;
/// Most media of one content that are looked at; networks take far fewer.
const MAX_SPOTS: usize = 32;

/// A place that names media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// What it is shown as.
    pub(super) kind: MediaKind,
    /// Where the bytes are.
    pub(super) source: MediaSource,
    /// Text shown with it.
    pub(super) caption: Option<String>,
}

/// All places of a content that name media, in a fixed order.
pub(super) fn spots(content: &Content) -> Vec<Spot> {
    let mut found = Vec::new();
    match content {
        Content::Media(media) => {
            let (kind, source, caption) = (media.kind, media.source.clone(), media.caption.clone());
            found.push(Spot { kind, source, caption });
        }
        Content::Interactive(value) | Content::Whatsapp(value) => look(value, 0, &mut found),
        Content::Template(template) => {
            template.components.iter().for_each(|component| look(component, 0, &mut found));
        }
        Content::Text(_)
        | Content::Location(_)
        | Content::Contacts(_)
        | Content::Email(_)
        | Content::Other(_) => {}
    }
    found
}

/// Puts these sources where [`spots`] found media, in the same order; `None` leaves one as it is.
pub(super) fn replace(content: &mut Content, by: Vec<Option<MediaSource>>) {
    let mut by = by.into_iter();
    match content {
        Content::Media(media) => {
            if let Some(Some(source)) = by.next() {
                media.source = source;
            }
        }
        Content::Interactive(value) | Content::Whatsapp(value) => change(value, 0, &mut by),
        Content::Template(template) => {
            template.components.iter_mut().for_each(|component| change(component, 0, &mut by));
        }
        Content::Text(_)
        | Content::Location(_)
        | Content::Contacts(_)
        | Content::Email(_)
        | Content::Other(_) => {}
    }
}

/// Media objects of the Cloud API: a member named like a kind that has a link or an id.
fn spot(name: &str, value: &Value) -> Option<Spot> {
    let kind = MediaKind::parse(name)?;
    let text = |member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
    let source = text("id").map(MediaSource::Id).or_else(|| text("link").map(MediaSource::Link))?;
    Some(Spot { kind, source, caption: text("caption") })
}

fn look(value: &Value, depth: usize, found: &mut Vec<Spot>) {
    if depth >= MAX_DEPTH || found.len() >= MAX_SPOTS {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match spot(name, member) {
                    Some(spot) if found.len() < MAX_SPOTS => found.push(spot),
                    Some(_) => {}
                    None => look(member, depth + 1, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, depth + 1, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn change(value: &mut Value, depth: usize, by: &mut impl Iterator<Item = Option<MediaSource>>) {
    if depth >= MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if spot(name, member).is_none() {
                    change(member, depth + 1, by);
                } else if let Some(Some(source)) = by.next() {
                    put(member, source);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, depth + 1, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn put(object: &mut Value, source: MediaSource) {
    let Some(members) = object.as_object_mut() else { return };
    members.remove("link");
    members.remove("id");
    match source {
        MediaSource::Link(link) => members.insert("link".to_owned(), link.into()),
        MediaSource::Id(id) => members.insert("id".to_owned(), id.into()),
    };
}

#[cfg(test)]
mod tests {
    use model::{
        content::Text,
        content::{Media, Template},
    };
    use serde_json::json;

    use super::*;

    fn link(text: &str) -> MediaSource {
        MediaSource::Link(text.to_owned())
    }

    fn id(text: &str) -> MediaSource {
        MediaSource::Id(text.to_owned())
    }

    #[test]
    fn media_are_found_and_replaced_wherever_a_content_names_them() {
        let media =
            Media { kind: MediaKind::Image, source: link("a"), mime: None, caption: None, filename: None };
        let header = json!({"type": "header", "parameters": [
            {"type": "text", "text": "x"}, {"type": "image", "image": {"link": "a"}}]});
        let cases = [
            Content::Media(media),
            Content::Interactive(
                json!({"type": "button", "header": {"type": "image", "image": {"link": "a"}}}),
            ),
            Content::Whatsapp(json!({"type": "image", "image": {"link": "a", "caption": "words"}})),
            Content::Template(Template { name: "t".into(), language: None, components: vec![header] }),
        ];
        for mut content in cases {
            let found = spots(&content);
            assert_eq!(found.len(), 1, "{content:?}");
            assert_eq!((found[0].kind, &found[0].source), (MediaKind::Image, &link("a")));
            replace(&mut content, vec![Some(id("7"))]);
            assert_eq!(spots(&content)[0].source, id("7"), "{content:?}");
        }
    }

    #[test]
    fn what_is_not_to_be_replaced_stays_and_order_is_kept() {
        let mut content = Content::Interactive(json!({"cards": [
            {"header": {"image": {"link": "1"}}}, {"header": {"video": {"id": "2"}}}, {"header": {"image": {"link": "3"}}}]}));
        replace(&mut content, vec![None, Some(link("b")), Some(id("c"))]);
        let sources: Vec<_> = spots(&content).into_iter().map(|spot| spot.source).collect();
        assert_eq!(sources, [link("1"), link("b"), id("c")]);
    }

    #[test]
    fn texts_name_no_media_and_deep_nesting_ends() {
        assert_eq!(spots(&Content::Text(Text::new("image"))), []);
        let mut value = json!({"image": {"link": "a"}});
        for _ in 0..MAX_DEPTH {
            value = json!([value]);
        }
        assert_eq!(spots(&Content::Whatsapp(value)), []);
    }
}
