//! What is remembered, for people to choose from.

use gloo_timers::future::TimeoutFuture;
use js_sys::Date;
use wasm_bindgen::JsValue;
use web_sys::File;

use super::{
    disk,
    handle::file_of,
    locks,
    record::Record,
    store::{BrowserStore, PAUSE, TRIES, lock_name, take},
};
use crate::core::{
    checkpoint::{Checkpoint, UploadPoint},
    disposition,
    error::{Code, Error},
    protocol::UploadRef,
};

/// How long storage that is forgetful keeps an unfinished upload, in milliseconds.
const DAY: f64 = 24.0 * 3_600_000.0;

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
    /// The `FileSystemFileHandle` of an upload, where it was kept; or of a download, where it goes there.
    pub handle: Option<JsValue>,
    /// When the file was changed last, in milliseconds since 1970.
    modified: Option<u64>,
    /// With what an upload was started: the same is needed to go on, should the server know nothing of it any more.
    pub asked_key: Option<String>,
    pub metadata: Vec<(String, String)>,
    /// Where in OPFS a download goes.
    pub path: Option<String>,
    pub content_type: Option<String>,
}

impl SavedRecord {
    /// The file of an upload, without a new pick.
    ///
    /// # Errors
    /// `not-found` where no handle was kept, `access-denied` where the user does not agree, `source-changed` where it is no
    /// longer the same file.
    pub async fn file(&self) -> Result<File, Error> {
        let Some(handle) = &self.handle else {
            let message =
                "The browser has kept no handle to this file: give the same file to `upload`, and it goes on.";
            return Err(Error::new(Code::NotFound, message));
        };
        let file = file_of(handle).await?;
        let same =
            file.size() as u64 == self.total && self.modified.is_none_or(|time| time == file.last_modified() as u64);
        if same {
            Ok(file)
        } else {
            Err(Error::new(Code::SourceChanged, "The file was changed since the upload began."))
        }
    }
}

impl BrowserStore {
    /// Newest first.
    ///
    /// # Errors
    /// Why they can't be read, in words.
    pub async fn saved(&self) -> Result<Vec<SavedRecord>, String> {
        let mut records = self.records().await?;
        records.retain(|(id, record)| record.scope == self.scope && !self.drives(id) && !self.has_lapsed(record));
        let held = self.still_held(&records).await;
        let mut saved = Vec::new();
        for (id, record) in records {
            if !held.contains(&lock_name(&id)) {
                let loaded = self.loaded(&id, &record).await?;
                saved.push(view(id, record, loaded));
            }
        }
        Ok(saved)
    }

    /// Storage has dropped it by now: not worth an offer. If it has not, the same file given again goes on all the same.
    fn has_lapsed(&self, record: &Record) -> bool {
        let old = Date::now() - record.saved_at > DAY;
        self.forgetful && old && matches!(record.point, Checkpoint::Upload(_))
    }

    /// The locks that others hold, after a moment for those of a page that is being buried.
    async fn still_held(&self, records: &[(String, Record)]) -> Vec<String> {
        let mut held = Vec::new();
        for _ in 0..TRIES {
            held = locks::held().await;
            if !records.iter().any(|(id, _)| held.contains(&lock_name(id))) {
                break;
            }
            TimeoutFuture::new(PAUSE).await;
        }
        held
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
        if let Some(Checkpoint::Download(_)) = Record::from_js(&value).map(|record| record.point) {
            // What can't be deleted now will be by another page.
            let _ = self.disks.ask("remove", id, &[]).await;
        }
        Ok(match Record::from_js(&value).map(|record| record.point) {
            Some(Checkpoint::Upload(point)) => Some(UploadRef { key: point.key, upload_id: point.upload_id }),
            _ => None,
        })
    }

    async fn loaded(&self, id: &str, record: &Record) -> Result<u64, String> {
        let size = record.size();
        let loaded = match &record.point {
            Checkpoint::Upload(point) => self.shelf.count(id).await?.saturating_mul(point.part_size),
            Checkpoint::Download(_) => match self.disks.ask("look", id, &[]).await {
                Ok(answer) => disk::runs(&answer).iter().map(|run| run.stretch.end - run.stretch.start).sum(),
                // Its bytes are out of reach.
                Err(_) => 0,
            },
        };
        Ok(loaded.min(size))
    }
}

fn view(id: String, record: Record, loaded: u64) -> SavedRecord {
    let (key, total) = (record.key().to_owned(), record.size());
    let (kind, name, content_type, modified) = match record.point {
        Checkpoint::Upload(UploadPoint { identity, .. }) => {
            ("upload", identity.name, Some(identity.content_type), identity.modified)
        }
        Checkpoint::Download(point) => {
            let name = point.filename.or_else(|| disposition::of_key(&key)).unwrap_or_default();
            ("download", name, point.content_type, None)
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
        modified,
        asked_key: record.asked.key,
        metadata: record.asked.metadata,
        path: record.asked.path,
        content_type,
    }
}
