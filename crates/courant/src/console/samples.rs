//! A first message in the words of each API, with the sandbox's credentials: sent by the form, and
//! shown as a line for curl.

use http::Method;
use model::Phone;
use serde_json::{Value, json};

use super::forms::Fields;

/// What can go along, as the form offers it.
pub(super) const MEDIA: [(&str, &str); 6] = [
    ("", "nothing"),
    ("jpg", "a picture"),
    ("mp4", "a video"),
    ("ogg", "a voice note"),
    ("pdf", "a document"),
    ("missing", "a broken link"),
];
const MAX_TEXT: usize = 600;

/// What is to be sent.
pub(super) struct Draft {
    pub(super) number: String,
    pub(super) text: String,
    /// One of [`MEDIA`].
    pub(super) media: &'static str,
    pub(super) wait_ms: u64,
    url: String,
}

/// One request.
pub(super) struct Sample {
    pub(super) dialect: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Value,
}

impl Draft {
    /// What the form shows at first.
    pub(super) fn first(number: &str, url: &str) -> Self {
        let text = "Buy one get one free! Use code BOGO at checkout.".to_owned();
        Self { number: number.to_owned(), text, media: "jpg", wait_ms: 600, url: url.to_owned() }
    }

    /// What was filled in.
    pub(super) fn of(form: &Fields, url: &str) -> Result<Self, String> {
        let number = Phone::parse(form.text("number")).filter(|phone| phone.digits().len() >= 5);
        let number = number.ok_or("The number needs digits, with the country code first.")?;
        let text = form.text("text").to_owned();
        if text.is_empty() || text.chars().count() > MAX_TEXT {
            return Err(format!("The text needs 1 to {MAX_TEXT} characters."));
        }
        let media =
            MEDIA.iter().find(|(value, _)| *value == form.text("media")).map_or("", |(value, _)| value);
        let wait_ms = form.text("wait").parse().unwrap_or(600);
        Ok(Self { number: number.digits().to_owned(), text, media, wait_ms, url: url.to_owned() })
    }

    /// Kind, address and type of what goes along.
    fn file(&self) -> Option<(&'static str, String, &'static str)> {
        let (kind, mime) = match self.media {
            "jpg" | "missing" => ("image", "image/jpeg"),
            "mp4" => ("video", "video/mp4"),
            "ogg" => ("audio", "audio/ogg"),
            "pdf" => ("document", "application/pdf"),
            _ => return None,
        };
        let name =
            if self.media == "missing" { "none.jpg".to_owned() } else { format!("sample.{}", self.media) };
        Some((kind, format!("{}/sandbox/media/{name}", self.url), mime))
    }

    fn caption(&self, kind: &str) -> Option<&str> {
        (kind != "audio").then_some(self.text.as_str())
    }
}

impl Sample {
    /// A line for a shell.
    pub(super) fn curl(&self, url: &str) -> String {
        let mut line =
            format!("curl -X {} '{url}{}' \\\n  -H 'Content-Type: application/json'", self.method, self.path);
        for (name, value) in &self.headers {
            line += &format!(" \\\n  -H '{name}: {value}'");
        }
        line + &format!(" \\\n  -d '{}'", self.body.to_string().replace('\'', "'\\''"))
    }
}

/// The draft in the words of each API that this build speaks.
pub(super) fn all(draft: &Draft) -> Vec<Sample> {
    let all = [telesign(draft), infobip(draft), webex_connect(draft), messangi(draft), kaleyra(draft)];
    all.into_iter().filter(|sample| dialects::by_name(sample.dialect).is_some()).collect()
}

fn sample(dialect: &'static str, path: &str, header: (&'static str, &str), body: Value) -> Sample {
    let headers = vec![(header.0, header.1.to_owned())];
    Sample { dialect, method: Method::POST, path: path.to_owned(), headers, body }
}

fn telesign(draft: &Draft) -> Sample {
    let whatsapp = match draft.file() {
        Some(("document", url, _)) => {
            json!({ "template": "file", "parameters": { "url": url, "file_name": "sample.pdf" } })
        }
        Some((kind, url, _)) => json!({ "template": kind, "parameters": { "url": url } }),
        None => json!({ "template": "text", "parameters": { "text": draft.text } }),
    };
    let body = json!({
        "channels": [{ "channel": "whatsapp", "fallback_time": draft.wait_ms }, { "channel": "sms" }],
        "phone_number": draft.number,
        "message_type": "MKT",
        "callback_url": format!("{}/sandbox/bin/console", draft.url),
        "message": {
            "whatsapp": whatsapp,
            "sms": { "template": "text", "parameters": { "text": draft.text } },
        },
    });
    let basic = "Basic 12345678-9ABC-DEF0-1234-56789ABCDEF0:vjE/ZDfPvDkuGNsuqCFFO4neYIs=";
    sample("telesign", "/v1/omnichannel", ("authorization", basic), body)
}

fn infobip(draft: &Draft) -> Sample {
    let mut whatsapp = match draft.file() {
        Some((kind, url, _)) => {
            let name = if kind == "document" { "fileUrl".to_owned() } else { format!("{kind}Url") };
            let mut object = json!({ name: url });
            if let Some(caption) = draft.caption(kind).filter(|_| kind != "document") {
                object["text"] = caption.into();
            }
            object
        }
        None => json!({ "text": draft.text }),
    };
    whatsapp["validityPeriod"] = (draft.wait_ms / 1000).max(30).into();
    whatsapp["validityPeriodTimeUnit"] = "SECONDS".into();
    let body = json!({
        "scenarioKey": "CC9F01A5DC7BEE2C2B829D203482A654",
        "destinations": [{ "to": { "phoneNumber": draft.number } }],
        "whatsApp": whatsapp,
        "sms": { "text": draft.text },
        "notifyUrl": format!("{}/sandbox/bin/console", draft.url),
    });
    sample("infobip", "/omni/1/advanced", ("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), body)
}

fn webex_connect(draft: &Draft) -> Sample {
    let wa = match draft.file() {
        Some((kind, url, mime)) => {
            let mut object = json!({ "url": url, "mimeType": mime });
            if let Some(caption) = draft.caption(kind) {
                object["caption"] = caption.into();
            }
            json!({ "type": kind, kind: object })
        }
        None => json!({ "type": "text", "text": { "body": draft.text } }),
    };
    let body = json!({
        "deliverychannel": "whatsapp",
        "appid": "a_163939937300040800",
        "destination": [{ "waid": [draft.number] }],
        "notifyurl": format!("{}/sandbox/bin/console", draft.url),
        "channels": { "OTT-Messaging": { "wa": wa } },
    });
    sample("webex_connect", "/resources/v1/messaging", ("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002"), body)
}

fn messangi(draft: &Draft) -> Sample {
    let mut request = json!({ "from": "1000000001", "to": format!("+{}", draft.number) });
    match draft.file() {
        Some((kind, url, _)) => {
            (request["type"], request["message"]) = (kind.into(), url.into());
            if let Some(caption) = draft.caption(kind) {
                request["caption"] = caption.into();
            }
        }
        None => (request["type"], request["message"]) = ("text".into(), draft.text.as_str().into()),
    }
    let body = json!({ "channel": "WHATSAPP", "request": request });
    sample("messangi", "/notification", ("authorization", "Bearer sandbox"), body)
}

fn kaleyra(draft: &Draft) -> Sample {
    let mut object = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": format!("+{}", draft.number),
    });
    match draft.file() {
        Some((kind, url, _)) => {
            object["type"] = kind.into();
            object[kind] = json!({ "link": url });
            if let Some(caption) = draft.caption(kind) {
                object[kind]["caption"] = caption.into();
            }
        }
        None => {
            object["type"] = "text".into();
            object["text"] = json!({ "body": draft.text });
        }
    }
    let path = "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/messages";
    let key = ("api-key", "A0123456789abcdef0123456789abcdef");
    sample("kaleyra", path, key, json!({ "messaging_object": object }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_curl_survives_quotes_in_the_text() {
        let form = Fields::parse(b"number=%2B1+555+0100&text=it%27s&media=&wait=600");
        let draft = Draft::of(&form, "http://here").expect("a draft");
        assert_eq!(draft.number, "15550100");
        let line = telesign(&draft).curl("http://here");
        assert!(line.starts_with("curl -X POST 'http://here/v1/omnichannel' \\\n"), "{line}");
        assert!(line.contains(r"it'\''s"), "{line}");
    }
}
