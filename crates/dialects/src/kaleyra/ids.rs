//! Spellings of ids.
//!
//! Version 2 gives a submission one id, `A` and 25 letters and digits (base 36, fixed width); its
//! messages are told apart by `:1`, `:2` and so on after it. The older calls give every message a
//! UUID with a short suffix. A flow's run has 22 letters and digits (base 62).

use model::{BatchId, Message, MessageId};

use super::wire::Kind;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits of 128 bits in base 36.
const BATCH_WIDTH: usize = 25;
/// Digits of 128 bits in base 62.
const RUN_WIDTH: usize = 22;

/// The id of a submission.
pub(super) fn batch(id: BatchId) -> String {
    format!("A{}", spell(id.0, 36, BATCH_WIDTH))
}

/// The id by which callbacks name a message: that of its submission if it is the only one.
pub(super) fn in_batch(message: &Message) -> String {
    let batch = batch(message.batch);
    if message.batch_size <= 1 { batch } else { format!("{batch}:{}", message.position + 1) }
}

/// The submission that an id names, and the position of the message in it (from 0) if it names one.
pub(super) fn parse_batch(text: &str) -> Option<(BatchId, Option<u32>)> {
    let (batch, number) = match text.split_once(':') {
        Some((batch, number)) => (batch, Some(number.parse::<u32>().ok()?.checked_sub(1)?)),
        None => (text, None),
    };
    let digits = batch.strip_prefix('A').filter(|digits| digits.len() == BATCH_WIDTH)?;
    let mut value: u128 = 0;
    for byte in digits.bytes() {
        let digit = DIGITS[..36].iter().position(|known| *known == byte)?;
        value = value.checked_mul(36)?.checked_add(digit as u128)?;
    }
    Some((BatchId(value), number))
}

/// The id of a message of the older calls. Kaleyra: WhatsApp ids end in `:0`, SMS ids in `:1`.
pub(super) fn campaign(id: MessageId, kind: Kind) -> String {
    let suffix = match kind {
        Kind::Whatsapp | Kind::FormWhatsapp => 0,
        Kind::Sms | Kind::Flow => 1,
    };
    format!("{}:{suffix}", id.uuid())
}

/// The message that an id of the older calls names, with or without its suffix.
pub(super) fn parse_campaign(text: &str) -> Option<MessageId> {
    MessageId::parse(text.trim().split(':').next()?)
}

/// The id of a flow's run.
pub(super) fn run(id: BatchId) -> String {
    spell(id.0, 62, RUN_WIDTH)
}

fn spell(mut value: u128, base: u128, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(value % base) as usize];
        value /= base;
    }
    digits.into_iter().map(char::from).collect()
}
