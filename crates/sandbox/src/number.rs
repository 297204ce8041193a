//! Phone numbers as the sandbox compares them: digits only.

/// Longest number kept; E.164 has 15 digits, group and test ids are a little longer.
const MAX_DIGITS: usize = 32;

/// Reduces a number in any human form to its digits. `X` counts as `0`, so that the masked
/// numbers of vendor documentation can be used as printed. `None` if no digit is left.
pub(crate) fn digits(input: &str) -> Option<String> {
    let digits: String = input
        .chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(c),
            'x' | 'X' => Some('0'),
            _ => None,
        })
        .take(MAX_DIGITS)
        .collect();
    (!digits.is_empty()).then_some(digits)
}
