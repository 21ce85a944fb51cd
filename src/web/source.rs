//! The file that goes up: sliced by reference, never read on the way to the network.

use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use crate::core::error::{Code, Error, Failure};

pub struct BlobSource(Blob);

impl BlobSource {
    pub fn new(blob: Blob) -> Self {
        Self(blob)
    }

    /// Untyped, so that the browser adds no Content-Type that was not signed.
    pub fn slice(&self, start: u64, end: u64) -> Result<Blob, Failure> {
        self.0.slice_with_f64_and_f64_and_content_type(start as f64, end as f64, "").map_err(|_| changed())
    }

    /// A request without an answer may be the file's fault: one byte tells whether it can still be read.
    pub async fn check(&self, start: u64, end: u64) -> Result<(), Failure> {
        let byte = self.slice(start, end.min(start.saturating_add(1)))?;
        JsFuture::from(byte.array_buffer()).await.map(drop).map_err(|_| changed())
    }
}

fn changed() -> Failure {
    let message = "The file can't be read any more: it was changed, moved or deleted since it was chosen.";
    Failure::fatal(Error::new(Code::SourceChanged, message))
}
