//! Pieces that several pages share: badges, times, tables, little charts.

use maud::{Markup, html};
use model::{Channel, Span, Time};

/// A status as a coloured word; the colour repeats what the word says.
pub(super) fn status_word(word: &str) -> Markup {
    let tone = match word {
        "delivered" | "read" | "played" | "done" | "up" | "open" => "good",
        "failed" | "parked" | "down" => "bad",
        "submitted" | "sent" => "info",
        "paused" | "draining" | "pending" => "wait",
        _ => "calm",
    };
    html! { span.badge.{ (tone) } { (word) } }
}

/// A channel with its mark.
pub(super) fn channel(channel: Channel) -> Markup {
    channel_word(channel.as_str())
}

/// The same of its name.
pub(super) fn channel_word(name: &str) -> Markup {
    html! { span.channel.{ "on-" (name) } { (channel_name(name)) } }
}

/// A channel's name as people write it.
pub(super) fn channel_name(name: &str) -> &str {
    match name {
        "whatsapp" => "WhatsApp",
        "sms" => "SMS",
        "mms" => "MMS",
        "rcs" => "RCS",
        "viber" => "Viber",
        "email" => "Email",
        "push" => "Push",
        "voice" => "Voice",
        "messenger" => "Messenger",
        "line" => "LINE",
        "vkontakte" => "VK",
        "kakao_alim" => "KakaoTalk notice",
        "kakao_chingu" => "KakaoTalk friend",
        "apple_messages" => "Apple Messages",
        "in_app" => "In-app",
        other => other,
    }
}

/// A sentence with the names of channels as people write them.
pub(super) fn named(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let name = word.trim_end_matches([',', '.', ':', ';', ')']).trim_start_matches('(');
        if name.is_empty() { word.to_owned() } else { word.replacen(name, channel_name(name), 1) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The same, beginning as a sentence does.
pub(super) fn sentence(text: &str) -> String {
    let named = named(text);
    let mut characters = named.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A dialect's name as people write it.
pub(super) fn dialect_name(name: &str) -> &str {
    match name {
        "telesign" => "Telesign",
        "infobip" => "Infobip",
        "webex_connect" => "Webex Connect",
        "messangi" => "Messangi",
        "kaleyra" => "Kaleyra",
        other => other,
    }
}

/// An instant: how long ago, with the exact time for pointers and machines.
pub(super) fn ago(at: Time, now: Time) -> Markup {
    let text = if at > now { format!("in {}", span(at.since(now))) } else { ago_text(now.since(at)) };
    html! { time datetime=(stamp(at)) title=(stamp(at)) { (text) } }
}

fn ago_text(since: Span) -> String {
    if since < Span::from_secs(1) { "just now".to_owned() } else { format!("{} ago", rough(since)) }
}

/// An instant as a clock time.
pub(super) fn clock_time(at: Time) -> Markup {
    html! { time datetime=(stamp(at)) title=(stamp(at)) { (strftime(at, "%H:%M:%S")) } }
}

/// An instant as day and time, to the second.
pub(super) fn day_time(at: Time) -> Markup {
    html! { time datetime=(stamp(at)) title=(stamp(at)) { (strftime(at, "%Y-%m-%d %H:%M:%S")) " UTC" } }
}

/// An instant in full.
pub(super) fn stamp(at: Time) -> String {
    strftime(at, "%Y-%m-%d %H:%M:%S%.3fZ").replacen(' ', "T", 1)
}

fn strftime(at: Time, format: &str) -> String {
    let stamp = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.strftime(format).to_string()
}

/// A duration with the precision that people want of it.
pub(super) fn span(span: Span) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => {
            let text = format!("{:.1}", millis as f64 / 1000.0);
            format!("{} s", text.trim_end_matches(".0"))
        }
        _ => rough(span),
    }
}

/// A duration in its largest units.
fn rough(span: Span) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// A count with thin gaps between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in the unit that people want of it.
pub(super) fn bytes(bytes: u64) -> String {
    let in_unit = |unit: u64| {
        let text = format!("{:.1}", bytes as f64 / unit as f64);
        text.trim_end_matches(".0").to_owned()
    };
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} kB", in_unit(1_024)),
        1_048_576..1_073_741_824 => format!("{} MB", in_unit(1_048_576)),
        _ => format!("{} GB", in_unit(1_073_741_824)),
    }
}

/// A few letters for a type of file.
pub(super) fn file_mark(mime: &str) -> String {
    let name = crate::views::short_type(mime);
    name.rsplit('/').next().unwrap_or(name).chars().take(5).collect::<String>().to_uppercase()
}

/// A table that scrolls sideways on small screens, reachable by keyboard.
pub(super) fn table(caption: &str, content: &Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table { caption.hidden { (caption) } (content) }
        }
    }
}

/// What a page says where there is nothing to list.
pub(super) fn empty(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

/// One option of a choice.
pub(super) fn option(value: &str, text: &str, chosen: &str) -> Markup {
    html! { option value=(value) selected[value == chosen] { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts_read_well() {
        let cases =
            [(0, "0 ms"), (600, "600 ms"), (1_500, "1.5 s"), (60_000, "1 min"), (90_000, "1 min 30 s")];
        for (millis, text) in cases {
            assert_eq!(span(Span::from_millis(millis)), text);
        }
        assert_eq!(span(Span::from_hours(48)), "2 d");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
        let sizes = [(0, "0 B"), (1_536, "1.5 kB"), (5_242_880, "5 MB"), (10_737_418_240, "10 GB")];
        for (number, text) in sizes {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(file_mark("application/vnd.ms-excel"), "XLS");
        assert_eq!(file_mark("audio/ogg"), "OGG");
        assert_eq!(
            sentence("whatsapp is given up: (sms), whatsapps"),
            "WhatsApp is given up: (SMS), whatsapps"
        );
        assert_eq!(stamp(Time::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
    }
}
