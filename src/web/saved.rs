//! What is remembered, for people to choose from.

use wasm_bindgen::JsValue;

use super::{
    locks,
    record::{self, Record},
    store::{BrowserStore, lock_name, take},
};
use crate::core::{
    checkpoint::Checkpoint,
    error::{Code, Error},
    protocol::UploadRef,
};

/// A transfer that was cut off, and that nobody drives now.
pub struct SavedRecord {
    pub id: String,
    /// `upload` or `download`.
    pub kind: &'static str,
    pub key: String,
    /// The file's name.
    pub name: String,
    pub loaded: u64,
    pub total: u64,
    /// When it began, in milliseconds since 1970.
    pub saved_at: f64,
    /// The `FileSystemFileHandle` of an upload, where it was kept.
    pub handle: Option<JsValue>,
    /// With what an upload was started: the same is needed to go on, should the server know nothing of it any more.
    pub asked_key: Option<String>,
    pub metadata: Vec<(String, String)>,
    pub content_type: Option<String>,
}

impl BrowserStore {
    /// Newest first.
    ///
    /// # Errors
    /// Why they can't be read, in words.
    pub async fn saved(&self) -> Result<Vec<SavedRecord>, String> {
        let (records, held) = (self.records().await?, locks::held().await);
        let mut saved = Vec::new();
        for (id, record) in records {
            if record.scope == self.scope && !held.contains(&lock_name(&id)) {
                let loaded = self.loaded(&id, &record).await?;
                saved.push(view(id, record, loaded));
            }
        }
        Ok(saved)
    }

    /// One of them, whoever drives it.
    ///
    /// # Errors
    /// Why it can't be read, in words.
    pub async fn saved_one(&self, id: &str) -> Result<Option<SavedRecord>, String> {
        let (value, _) = self.shelf.load(id).await?;
        let Some(record) = Record::from_js(&value).filter(|record| record.scope == self.scope) else { return Ok(None) };
        let loaded = self.loaded(id, &record).await?;
        Ok(Some(view(id.to_owned(), record, loaded)))
    }

    /// Forgets a saved transfer. What storage holds of an upload is still there: it goes by this name.
    ///
    /// # Errors
    /// `busy` where it is driven by a tab; `internal` where the browser can't delete it.
    pub async fn discard(&self, id: &str) -> Result<Option<UploadRef>, Error> {
        let failed = |words| Error::new(Code::Internal, words);
        let busy = || Error::new(Code::Busy, "The transfer goes on in a tab: abort it there.");
        let _lock = take(id).await.ok_or_else(busy)?;
        let (value, _) = self.shelf.load(id).await.map_err(failed)?;
        self.shelf.remove(&JsValue::from_str(id)).await.map_err(failed)?;
        Ok(match Record::from_js(&value).map(|record| record.point) {
            Some(Checkpoint::Upload(point)) => Some(UploadRef { key: point.key, upload_id: point.upload_id }),
            _ => None,
        })
    }

    async fn loaded(&self, id: &str, record: &Record) -> Result<u64, String> {
        let size = record.size();
        let loaded = match &record.point {
            Checkpoint::Upload(point) => self.shelf.count(id).await?.saturating_mul(point.part_size),
            Checkpoint::Download(_) => {
                let (_, pieces) = self.shelf.load(id).await?;
                let stretches = pieces.iter().filter_map(|(_, value)| record::stretch_of(value, size));
                stretches.map(|(stretch, _)| stretch.end - stretch.start).sum()
            }
        };
        Ok(loaded.min(size))
    }
}

fn view(id: String, record: Record, loaded: u64) -> SavedRecord {
    let (key, total) = (record.key().to_owned(), record.size());
    let (kind, name, content_type) = match record.point {
        Checkpoint::Upload(point) => ("upload", point.identity.name, Some(point.identity.content_type)),
        Checkpoint::Download(point) => {
            ("download", key.rsplit('/').next().unwrap_or_default().to_owned(), point.content_type)
        }
    };
    SavedRecord {
        id,
        kind,
        key,
        name,
        loaded,
        total,
        saved_at: record.saved_at,
        handle: Some(record.handle).filter(JsValue::is_object),
        asked_key: record.asked.key,
        metadata: record.asked.metadata,
        content_type,
    }
}
