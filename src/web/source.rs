//! The file that goes up: sliced by reference, never read on the way to the network.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

use crate::core::{
    checkpoint::Identity,
    error::{Code, Error, Failure},
    mark::Mark,
    protocol::UploadRequest,
};

/// Bytes of each of the three samples by which a file is recognised.
const SAMPLE: u64 = 64 << 10;

pub struct BlobSource(Blob);

impl BlobSource {
    pub fn new(blob: Blob) -> Self {
        Self(blob)
    }

    /// What is sent where Content-Type is set, or is to be none. A slice costs a wait for the browser's process, which many
    /// small files would feel: what is whole is not sliced.
    pub fn body(&self, start: u64, end: u64, typed: bool) -> Result<Blob, Failure> {
        let whole = start == 0 && end as f64 == self.0.size();
        if whole && (typed || self.0.type_().is_empty()) { Ok(self.0.clone()) } else { self.slice(start, end) }
    }

    /// Untyped, so that the browser adds no Content-Type that was not signed.
    fn slice(&self, start: u64, end: u64) -> Result<Blob, Failure> {
        self.0.slice_with_f64_and_f64_and_content_type(start as f64, end as f64, "").map_err(|_| changed())
    }

    /// A request without an answer may be the file's fault: one byte tells whether it can still be read.
    pub async fn check(&self, start: u64, end: u64) -> Result<(), Failure> {
        let byte = self.slice(start, end.min(start.saturating_add(1)))?;
        JsFuture::from(byte.array_buffer()).await.map(drop).map_err(|_| changed())
    }

    /// What the file is recognised by when it comes again. Its first, middle and last bytes are read for it, all of them
    /// where it is small.
    ///
    /// # Errors
    /// `source-changed` where it can't be read.
    pub async fn identity(&self, request: &UploadRequest) -> Result<Identity, Failure> {
        let size = self.0.size() as u64;
        let samples = match size <= 3 * SAMPLE {
            true => vec![(0, size)],
            false => [0, (size - SAMPLE) / 2, size - SAMPLE].map(|start| (start, start + SAMPLE)).to_vec(),
        };
        let mut mark = Mark::new();
        for (start, end) in samples {
            let read = JsFuture::from(self.slice(start, end)?.array_buffer()).await.map_err(|_| changed())?;
            mark.add(&Uint8Array::new(&read).to_vec());
        }
        // A clock before 1970 tells nothing.
        let modified = self.0.dyn_ref::<File>().map(File::last_modified).filter(|time| *time >= 0.0);
        Ok(Identity {
            name: request.filename.clone(),
            size: request.size,
            content_type: request.content_type.clone(),
            modified: modified.map(|time| time as u64),
            mark: mark.finish(),
        })
    }
}

pub(super) fn changed() -> Failure {
    let message = "The file can't be read any more: it was changed, moved or deleted since it was chosen.";
    Failure::fatal(Error::new(Code::SourceChanged, message))
}
