//! JSON for eyes: on several lines, its members as they came.

use serde::de::IgnoredAny;

/// JSON laid out; anything else as it is.
pub(super) fn pretty(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut layout = Layout::default();
    text.trim().chars().for_each(|letter| layout.push(letter));
    layout.text
}

#[derive(Default)]
struct Layout {
    text: String,
    depth: usize,
    /// Within a text of the JSON.
    quoted: bool,
    escaped: bool,
}

impl Layout {
    fn push(&mut self, letter: char) {
        match letter {
            _ if self.quoted => self.push_quoted(letter),
            '{' | '[' => self.open(letter),
            '}' | ']' => self.close(letter),
            ',' => {
                self.text.push(letter);
                self.line();
            }
            ':' => self.text.push_str(": "),
            letter if letter.is_whitespace() => {}
            letter => {
                self.quoted = letter == '"';
                self.text.push(letter);
            }
        }
    }

    fn push_quoted(&mut self, letter: char) {
        self.quoted = self.escaped || letter != '"';
        self.escaped = letter == '\\' && !self.escaped;
        self.text.push(letter);
    }

    fn open(&mut self, letter: char) {
        self.depth += 1;
        self.text.push(letter);
        self.line();
    }

    fn close(&mut self, letter: char) {
        self.depth = self.depth.saturating_sub(1);
        self.text.truncate(self.text.trim_end().len());
        if !self.text.ends_with(['{', '[']) {
            self.line();
        }
        self.text.push(letter);
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn json_is_laid_out_and_otherwise_left_as_it_came() {
        let text = r#"{"b":1, "a": [true,"x, {y}: \"z\\"],"c":{},"d" : [ ]}"#;
        let laid = "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    \"x, {y}: \\\"z\\\\\"\n  ],\n  \"c\": {},\n  \"d\": []\n}";
        assert_eq!(pretty(text), laid);
        for other in ["to=1&text=a{b", "{\"a\":1", "", "<a>{}</a>"] {
            assert_eq!(pretty(other), other);
        }
    }
}
