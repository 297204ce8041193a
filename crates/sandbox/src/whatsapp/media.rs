//! The media store: uploads, and the short-lived links to them.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart, Request},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    clock::Millis,
    world::{
        World,
        record::{Record, Upload},
        state::MAX_UPLOADS,
    },
};

use super::{
    answer,
    error::GraphError,
    events::keyed_hash,
    ids,
    mime::{MediaKind, essence},
};

/// Most bytes of an upload request.
pub(crate) const MAX_UPLOAD: usize = (100 << 20) + (64 << 10);
/// Uploads are kept for 30 days.
const KEPT: Millis = 30 * 24 * 60 * 60 * 1000;
/// Links to uploads work for five minutes.
const LINKED: Millis = 5 * 60 * 1000;
/// Most bytes of uploads kept in memory, without a data folder.
const MAX_IN_MEMORY: usize = 256 << 20;

/// Uploaded files.
#[derive(Debug)]
pub(crate) struct MediaStore {
    world: Arc<World>,
    folder: Option<PathBuf>,
    memory: Mutex<HashMap<String, Bytes>>,
    secret: String,
}

impl MediaStore {
    pub(crate) fn new(world: Arc<World>, folder: Option<PathBuf>, secret: String) -> Self {
        Self { world, folder, memory: Mutex::default(), secret }
    }

    /// An upload of the owner that has not expired.
    pub(crate) fn find(&self, id: &str, owner: Option<&str>) -> Option<Upload> {
        let now = self.world.clock.now();
        let upload = self.world.read(|state| state.uploads.get(id).cloned())?;
        (now - upload.at < KEPT && owner.is_none_or(|owner| owner == upload.owner)).then_some(upload)
    }

    /// Takes a file.
    pub(crate) async fn upload(
        &self,
        owner: &str,
        query: &HashMap<String, String>,
        request: Request,
    ) -> Result<Response, GraphError> {
        let form = Form::read(request).await?;
        let product =
            form.messaging_product.as_deref().or_else(|| query.get("messaging_product").map(String::as_str));
        if product != Some("whatsapp") {
            return Err(GraphError::parameter("The parameter messaging_product is required."));
        }
        let file = form.file.ok_or_else(|| GraphError::parameter("The parameter file is required."))?;
        // Clients name files in ways that contradict their types; names decide nothing.
        let mime = form.mime.or_else(|| query.get("type").cloned()).or(form.part_mime).unwrap_or_default();
        let mime = essence(&mime);
        let kind = MediaKind::of_mime(&mime).ok_or_else(|| {
            GraphError::parameter(format!("Param file must be a file of a supported type, not {mime:?}."))
        })?;
        if file.len() as u64 > kind.limit() {
            return Err(GraphError::parameter(format!("Param file must be at most {} bytes.", kind.limit())));
        }
        let upload = Upload {
            owner: owner.to_owned(),
            mime_type: mime,
            size: file.len() as u64,
            sha256: hex::encode(Sha256::digest(&file)),
            filename: form.filename,
            at: self.world.clock.now(),
        };
        let id = ids::media_id();
        self.keep(&id, file).await.map_err(|error| {
            tracing::error!(%error, "an upload to the simulated media store cannot be kept");
            GraphError::server()
        })?;
        self.world.commit(vec![Record::Uploaded { id: id.clone(), upload }]);
        self.forget_oldest().await;
        Ok(answer(StatusCode::OK, &json!({ "id": id })))
    }

    async fn keep(&self, id: &str, file: Bytes) -> std::io::Result<()> {
        if let Some(folder) = &self.folder {
            tokio::fs::create_dir_all(folder).await?;
            return tokio::fs::write(folder.join(id), &file).await;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = memory.values().map(Bytes::len).sum();
        if held + file.len() > MAX_IN_MEMORY {
            return Err(std::io::Error::other("the memory for uploads is full"));
        }
        memory.insert(id.to_owned(), file);
        Ok(())
    }

    async fn forget_oldest(&self) {
        let now = self.world.clock.now();
        let over = self.world.read(|state| {
            let mut uploads: Vec<(Millis, &String)> =
                state.uploads.iter().map(|(id, upload)| (upload.at, id)).collect();
            uploads.sort_unstable();
            let surplus = uploads.len().saturating_sub(MAX_UPLOADS);
            let old = |(at, (made, _)): &(usize, &(Millis, &String))| *at < surplus || now - made >= KEPT;
            uploads.iter().enumerate().filter(old).map(|(_, (_, id))| (*id).clone()).collect::<Vec<_>>()
        });
        for id in over {
            self.remove(&id).await;
        }
    }

    /// Deletes an upload.
    pub(crate) async fn remove(&self, id: &str) {
        self.world.commit(vec![Record::Removed { id: id.to_owned() }]);
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(folder) = &self.folder {
            let _ = tokio::fs::remove_file(folder.join(id)).await;
        }
    }

    /// A link to an upload that works for five minutes.
    pub(crate) fn link(&self, base: &str, id: &str) -> String {
        let expires = self.world.clock.now() + LINKED;
        format!("{base}/lookaside/{id}?ext={expires}&hash={}", self.hash(id, expires))
    }

    fn hash(&self, id: &str, expires: Millis) -> String {
        hex::encode(keyed_hash(&self.secret, &format!("{id}/{expires}")))
    }

    /// The bytes behind a link; not found once it has expired.
    pub(crate) async fn download(&self, id: &str, query: &HashMap<String, String>) -> Response {
        let expires = query.get("ext").and_then(|text| text.parse().ok()).unwrap_or(0);
        let genuine = query.get("hash").is_some_and(|hash| *hash == self.hash(id, expires));
        if !genuine || self.world.clock.now() >= expires {
            return StatusCode::NOT_FOUND.into_response();
        }
        let Some(upload) = self.find(id, None) else { return StatusCode::NOT_FOUND.into_response() };
        match self.bytes(id).await {
            Some(bytes) => ([(header::CONTENT_TYPE, upload.mime_type)], Body::from(bytes)).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    async fn bytes(&self, id: &str) -> Option<Bytes> {
        match &self.folder {
            Some(folder) => tokio::fs::read(folder.join(id)).await.ok().map(Bytes::from),
            None => self.memory.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned(),
        }
    }
}

/// The parts of an upload, in any order.
#[derive(Debug, Default)]
struct Form {
    file: Option<Bytes>,
    filename: Option<String>,
    part_mime: Option<String>,
    mime: Option<String>,
    messaging_product: Option<String>,
}

impl Form {
    async fn read(request: Request) -> Result<Self, GraphError> {
        let bad = |_| GraphError::parameter("The request is not a form with a file.");
        let mut parts = Multipart::from_request(request, &()).await.map_err(bad)?;
        let broken = |_| GraphError::parameter("The form is broken or too large.");
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            match part.name().unwrap_or_default() {
                "file" => {
                    form.filename = part.file_name().map(str::to_owned);
                    form.part_mime = part.content_type().map(str::to_owned);
                    form.file = Some(part.bytes().await.map_err(broken)?);
                }
                "type" => form.mime = Some(part.text().await.map_err(broken)?),
                "messaging_product" => form.messaging_product = Some(part.text().await.map_err(broken)?),
                _ => {}
            }
        }
        Ok(form)
    }
}
