//! What changed when a message is reported: questions that every dialect asks.

use model::{StepReport, call::MessageReport, report::Occasion};

/// The step that changed, if it has begun.
pub(crate) fn changed_step<'a>(report: &'a MessageReport, occasion: &Occasion) -> Option<&'a StepReport> {
    report.report.steps.iter().find(|step| step.index == occasion.step)
}

/// Whether playing is the first sign that a step was read. The vendors know no playing: it is
/// told as reading, unless that was told before.
pub(crate) fn is_first_sign_of_reading(step: &StepReport) -> bool {
    step.read_at.is_none_or(|read_at| read_at == step.updated_at)
}
