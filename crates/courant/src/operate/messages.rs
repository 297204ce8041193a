//! Stops messages, and tells of those sent again.

use engine::Event;
use model::{MessageId, Refusal};
use store::Record;

use super::{Fault, Hand};
use crate::{
    core::Core,
    desk::{scenarios::refuse, shard::Job},
};

/// Stops a message.
///
/// # Errors
/// If it is settled already, or the store cannot take it now.
pub async fn cancel(core: &Core, hand: Hand<'_>, record: &Record) -> Result<(), Fault> {
    let id = record.message.id;
    if record.state.is_settled() {
        return Err(Fault::Conflict("the message is settled already; there is nothing left to stop".into()));
    }
    note(core, id, format!("cancelled {}", hand.words())).await;
    match core.shards.event_stored(id, Event::Cancelled).await.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(refuse(error).into()),
        Err(_) => return Err(Refusal::Overloaded.into()),
    }
    hand.did(core, "cancelled", id, "").await;
    Ok(())
}

/// Notes in both histories that one message was made from the other.
pub async fn sent_again(core: &Core, hand: Hand<'_>, old: MessageId, new: MessageId) {
    let by = hand.words();
    note(core, new, format!("sent again from {old} {by}")).await;
    note(core, old, format!("sent again as {new} {by}")).await;
    hand.did(core, "sent again", old, &format!("as {new}")).await;
}

/// Writes an action into the message's own history.
async fn note(core: &Core, id: MessageId, text: String) {
    core.shards.send(Job::Note { id, by: "operator", text }).await;
}
