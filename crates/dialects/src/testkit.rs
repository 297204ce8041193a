//! Golden transcripts: requests as files, and what must come of them, exact to the byte.
//!
//! A transcript in `golden/NAME.http` starts with the request as it would be on the wire (without
//! `Content-Length`), a line `<<< call`, what [`Dialect::read`] made of it (pretty debug form), a
//! line `<<< response`, and the response. Callbacks have files of their own with the rendered
//! request. Run with `UPDATE_GOLDEN=1` to write files anew, then read the difference.

use std::{fmt::Write as _, path::PathBuf};

use bytes::Bytes;
use http::{Request, Response};
use model::{
    AccountName, Answer, BatchId, Call, MessageId, Refusal, Span, Time,
    call::{Accepted, AcceptedMessage, AuthFault, Feature, Missing},
};

use crate::{Callback, Context, Dialect, Settings};

/// The instant of all transcripts: 2026-11-20T21:33:24.123456Z.
pub(crate) const NOW: Time = Time(1_795_210_404_123_456);

/// A context as the adapter would give it.
pub(crate) fn context<'a>(settings: &'a Settings, principal: &'a str) -> Context<'a> {
    Context {
        now: NOW,
        fresh: MessageId::new(NOW, 0xF2E5),
        account: "sandbox",
        principal,
        settings,
        rate: None,
    }
}

/// Reads the request part of a transcript: `METHOD target`, header lines, an empty line, body.
pub(crate) fn parse_request(text: &str) -> Request<Bytes> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().expect("a request line");
    let mut words = first.split_whitespace();
    let mut request =
        Request::builder().method(words.next().expect("a method")).uri(words.next().expect("a target"));
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        request = request.header(name.trim(), value.trim());
    }
    request.body(Bytes::from(body.trim_end_matches('\n').to_owned())).expect("a request")
}

/// A response as text.
pub(crate) fn render_response(response: &Response<Bytes>) -> String {
    let mut text = format!("HTTP/1.1 {}\n", response.status());
    for (name, value) in response.headers() {
        writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes())).expect("string");
    }
    text + "\n" + &String::from_utf8_lossy(response.body())
}

/// Callbacks as text.
pub(crate) fn render_callbacks(callbacks: &[Callback]) -> String {
    let mut text = String::new();
    for callback in callbacks {
        writeln!(text, "{} {}", callback.method, callback.url).expect("string");
        for (name, value) in &callback.headers {
            writeln!(text, "{name}: {value}").expect("string");
        }
        if callback.no_retry {
            text += "(no retry)\n";
        }
        writeln!(text, "\n{}\n", String::from_utf8_lossy(&callback.body)).expect("string");
    }
    text
}

/// Compares with a file below `crates/dialects/src`, or writes it if `UPDATE_GOLDEN` is set.
pub(crate) fn golden(path: &str, actual: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    let actual = format!("{}\n", actual.trim_end());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, actual).expect("written");
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == actual, "{path} differs\n--- expected\n{expected}\n--- actual\n{actual}");
}

/// Takes the request of `FOLDER/golden/NAME.http` through credentials, read and write (or
/// refuse), and compares all that comes of it with the rest of the file. Whether the credentials
/// are right is not asked here; a refusal by [`Dialect::credentials`] ends the way, as it does in
/// the adapter. `answer` gives the desk's answer to the call.
pub(crate) fn transcript(
    dialect: &dyn Dialect,
    folder: &str,
    name: &str,
    settings: &Settings,
    answer: impl Fn(&Call) -> Result<Answer, Refusal>,
) {
    let path = format!("{folder}/golden/{name}.http");
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(&path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let given = text.split("\n<<< call").next().expect("a first part").trim_end();
    let request = parse_request(given);
    let (read, response) = exchange(dialect, &request, settings, answer);
    golden(&path, &format!("{given}\n\n<<< call\n{read}\n\n<<< response\n{}", render_response(&response)));
}

/// What the adapter does with a request, authentication apart.
pub(crate) fn exchange(
    dialect: &dyn Dialect,
    request: &Request<Bytes>,
    settings: &Settings,
    answer: impl Fn(&Call) -> Result<Answer, Refusal>,
) -> (String, Response<Bytes>) {
    let (head, _) = request.clone().into_parts();
    let limit = dialect.body_limit(&head);
    let principal = match dialect.credentials(request) {
        Ok(credentials) => credentials.map(|credentials| credentials.principal).unwrap_or_default(),
        Err(refusal) => {
            let response = dialect.refuse(request, &refusal, &context(settings, ""));
            return (format!("{refusal:#?}"), response);
        }
    };
    let context = context(settings, &principal);
    let read = if request.body().len() as u64 > limit {
        Err(Refusal::TooLarge { limit })
    } else {
        dialect.read(request, &context)
    };
    match read {
        Ok(call) => {
            let response = match answer(&call) {
                Ok(answer) => dialect.write(request, &call, &answer, &context),
                Err(refusal) => dialect.refuse(request, &refusal, &context),
            };
            (format!("{call:#?}"), response)
        }
        Err(refusal) => (format!("{refusal:#?}"), dialect.refuse(request, &refusal, &context)),
    }
}

/// The desk's answer when it takes everything: ids counted from 1.
pub(crate) fn accept_all(call: &Call) -> Result<Answer, Refusal> {
    let Call::Submit(submission) = call else { return Ok(Answer::Done) };
    let messages = submission
        .recipients
        .iter()
        .enumerate()
        .map(|(index, draft)| AcceptedMessage {
            id: MessageId::new(NOW, index as u128 + 1),
            rejected: draft.void,
        })
        .collect();
    Ok(Answer::Accepted(Accepted { batch: BatchId::new(NOW, 0xBA7C), at: NOW, messages }))
}

/// The account of transcripts.
pub(crate) fn account() -> AccountName {
    AccountName::from("sandbox")
}

/// Every kind of refusal, with every fault, feature and missing thing.
pub(crate) fn every_refusal() -> Vec<Refusal> {
    let faults = [
        AuthFault::Absent,
        AuthFault::Malformed,
        AuthFault::UnknownPrincipal,
        AuthFault::WrongSecret,
        AuthFault::WrongSignature,
        AuthFault::Replayed,
        AuthFault::ClockSkew,
        AuthFault::Suspended,
    ];
    let features = [
        Feature::Dialect,
        Feature::CallbackUrl,
        Feature::Templates,
        Feature::Capability,
        Feature::GeneratedCodes,
        Feature::Upload,
        Feature::ApiVersion,
    ];
    let missing = [
        Missing::Message,
        Missing::MessageExpired,
        Missing::Scenario,
        Missing::DefaultScenario,
        Missing::Media,
    ];
    let of_kinds = faults.map(Refusal::Unauthenticated).into_iter();
    let of_kinds = of_kinds.chain(features.map(Refusal::NotEnabled)).chain(missing.map(Refusal::NotFound));
    of_kinds.chain(plain_refusals()).collect()
}

fn plain_refusals() -> [Refusal; 15] {
    [
        Refusal::TooLarge { limit: 10 },
        Refusal::Forbidden,
        Refusal::UnknownPath,
        Refusal::MethodNotAllowed { allow: "GET" },
        Refusal::UnsupportedType,
        Refusal::malformed("x"),
        Refusal::missing("something"),
        Refusal::invalid("something", "x", "y"),
        Refusal::TooManyRecipients { limit: 1 },
        Refusal::UnknownSender,
        Refusal::LowBalance,
        Refusal::RateLimited { retry_after: Span::from_secs(2) },
        Refusal::Overloaded,
        Refusal::KeyConflict,
        Refusal::Internal,
    ]
}

/// The page `docs/dialects/NAME.md`.
pub(crate) fn page(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/dialects/{name}.md"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Checks that the page `docs/dialects/NAME.md` shows a table, or lines of one, as they are.
pub(crate) fn page_shows(name: &str, lines: &str) {
    assert!(page(name).contains(lines), "docs/dialects/{name}.md should have this:\n{lines}");
}

/// The requests of all transcripts in `FOLDER/golden`, with their names, in order of these.
pub(crate) fn recorded_requests(folder: &str) -> Vec<(String, Request<Bytes>)> {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join(folder).join("golden");
    let mut files: Vec<_> =
        std::fs::read_dir(&golden).expect("a folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let texts = files.into_iter().map(|file| {
        let text = std::fs::read_to_string(&file).expect("a text");
        (file.file_stem().expect("a name").to_string_lossy().into_owned(), text)
    });
    let recorded = texts.filter_map(|(name, text)| {
        let (given, _) = text.split_once("\n<<< call")?;
        Some((name, parse_request(given.trim_end())))
    });
    recorded.collect()
}
