//! A download put together as a Blob. Runs of chunks are turned into Blobs as they come, so that the browser may keep them
//! on disk and JavaScript's heap stays small.

use std::cell::RefCell;

use js_sys::Array;
use web_sys::{Blob, BlobPropertyBag};

use super::fetch::Bytes;
use crate::{
    core::{
        error::{Code, Error, Failure},
        sorted::Sorted,
    },
    drive::seams::{Chunk, Sink},
};

/// Chunks become a Blob when there are so many bytes of them.
const RUN: u64 = 4 << 20;

/// Contiguous bytes from `start` on.
struct Run {
    start: u64,
    blobs: Array,
    chunks: Array,
    chunk_bytes: u64,
}

#[derive(Default)]
pub struct BlobSink {
    /// By where they end: the next chunk of a run is found at its offset.
    runs: RefCell<Sorted<u64, Run>>,
    sealed: RefCell<Option<Blob>>,
}

impl BlobSink {
    /// The finished object.
    pub fn take(&self) -> Option<Blob> {
        self.sealed.take()
    }
}

impl Sink for BlobSink {
    type Chunk = Bytes;

    async fn write(&self, at: u64, chunk: Bytes) -> Result<(), Failure> {
        let (mut runs, length) = (self.runs.borrow_mut(), chunk.len());
        let mut run = runs.remove(&at).unwrap_or_else(|| Run::new(at));
        run.chunks.push(&chunk.0);
        run.chunk_bytes += length;
        if run.chunk_bytes >= RUN {
            run.compact()?;
        }
        runs.insert(at.saturating_add(length), run);
        Ok(())
    }

    async fn clear(&self) -> Result<(), Failure> {
        self.runs.borrow_mut().clear();
        Ok(())
    }

    async fn seal(&self, size: u64, content_type: Option<&str>) -> Result<(), Failure> {
        let mut runs = self.runs.take().into_vec();
        runs.sort_by_key(|(_, run)| run.start);
        let (parts, mut at) = (Array::new(), size);
        // From the back, because two runs may share bytes where a range was given away in mid-flight: the later one has them all.
        for (end, mut run) in runs.into_iter().rev().filter(|(_, run)| run.start < size) {
            if end < at {
                return Err(incomplete());
            }
            if run.start < at {
                run.compact()?;
                let blob = new_blob(&run.blobs, None)?;
                let own = blob.slice_with_f64_and_f64(0.0, (at - run.start) as f64).map_err(|_| full())?;
                parts.unshift(&own);
                at = run.start;
            }
        }
        if at != 0 {
            return Err(incomplete());
        }
        self.sealed.replace(Some(new_blob(&parts, content_type)?));
        Ok(())
    }
}

impl Run {
    fn new(start: u64) -> Self {
        Self { start, blobs: Array::new(), chunks: Array::new(), chunk_bytes: 0 }
    }

    fn compact(&mut self) -> Result<(), Failure> {
        if self.chunk_bytes > 0 {
            let blob = new_blob(&self.chunks, None)?;
            self.blobs.push(&blob);
            self.chunks = Array::new();
            self.chunk_bytes = 0;
        }
        Ok(())
    }
}

fn new_blob(parts: &Array, content_type: Option<&str>) -> Result<Blob, Failure> {
    let options = BlobPropertyBag::new();
    if let Some(content_type) = content_type {
        options.set_type(content_type);
    }
    Blob::new_with_blob_sequence_and_options(parts, &options).map_err(|_| full())
}

fn full() -> Failure {
    Failure::fatal(Error::new(Code::StorageFull, "The browser has no room for the downloaded bytes."))
}

fn incomplete() -> Failure {
    Failure::fatal(Error::new(Code::Internal, "Bytes are missing from the downloaded object."))
}
