//! Uploads: a file in a multipart body.

use model::{
    Call, Refusal,
    call::{Feature, Upload},
};

use super::Asked;
use crate::kaleyra::{fields::Fields, settings::AccountType};

pub(super) fn upload(asked: &Asked<'_>, sender: &str) -> Result<Call, Refusal> {
    if asked.settings.account_type == AccountType::Prepaid {
        return Err(Refusal::NotEnabled(Feature::Upload));
    }
    asked.sender(sender)?;
    let fields = Fields::of_body(asked.request, &asked.tolerance())?;
    let file = fields.file("file").filter(|file| !file.body.is_empty());
    let file = file.ok_or_else(|| Refusal::missing("file"))?;
    // Kaleyra: the member `type` names the MIME type. What the file is called says nothing.
    let mime = fields.text("type").or(file.content_type.as_deref());
    Ok(Call::Upload(Upload {
        mime: mime.map(|mime| mime.trim().to_ascii_lowercase()),
        filename: file.filename.clone(),
        bytes: file.body.clone(),
    }))
}
