//! A bar chart in SVG: messages per second, accepted and carried, per program.

use super::Comparison;
use crate::report::number;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 56.0;
const BAR: f64 = 26.0;
const GAP: f64 = 10.0;
const COLORS: [&str; 2] = ["#3b6ea5", "#7fb069"];

struct Bar {
    label: String,
    value: f64,
    color: &'static str,
}

/// The chart.
pub(super) fn svg(comparison: &Comparison) -> String {
    let bars = bars(comparison);
    let largest = bars.iter().map(|bar| bar.value).fold(1.0, f64::max);
    let height = TOP + bars.len() as f64 * (BAR + GAP) + 36.0;
    let title = "Messages per second, 32 connections, one message per request";
    let mut text = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="{title}">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="30" font-size="16" font-weight="600" fill="#1c1c1c">{title}</text>
"##
    );
    for (index, bar) in bars.iter().enumerate() {
        text += &draw(bar, TOP + index as f64 * (BAR + GAP), largest);
    }
    let machine = &comparison.machine;
    text += &format!(
        r##"<text x="16" y="{}" font-size="12" fill="#666666">{} cores ({}), medians of {} rounds</text>
</svg>
"##,
        height - 14.0,
        machine.cores,
        escaped(&machine.cpu),
        comparison.rounds,
    );
    text
}

fn bars(comparison: &Comparison) -> Vec<Bar> {
    let bar = |label: &str, name: &str, value: Option<f64>, color| Bar {
        label: format!("{name}, {label}"),
        value: value.unwrap_or_default(),
        color,
    };
    let mut bars = Vec::new();
    for column in &comparison.columns {
        bars.push(bar("accepted", column.name.as_str(), column.accept.value("accepted/s"), COLORS[0]));
    }
    for column in &comparison.columns {
        bars.push(bar("carried end to end", column.name.as_str(), column.e2e.value("carried/s"), COLORS[1]));
    }
    bars
}

fn draw(bar: &Bar, y: f64, largest: f64) -> String {
    let width = (WIDTH - LEFT - RIGHT) * bar.value / largest;
    let middle = y + BAR / 2.0 + 5.0;
    format!(
        r##"<text x="{}" y="{middle}" text-anchor="end" fill="#1c1c1c">{}</text>
<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{BAR}" fill="{}"/>
<text x="{:.1}" y="{middle}" fill="#1c1c1c">{}</text>
"##,
        LEFT - 10.0,
        escaped(&bar.label),
        bar.color,
        LEFT + width + 8.0,
        number(bar.value),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
