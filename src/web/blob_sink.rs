//! A download put together as a Blob. Runs of chunks are turned into Blobs as they come, so that the browser may keep them
//! on disk and JavaScript's heap stays small.
//!
//! Chromium hands out Blobs that turn out to be broken, and says so only when they are read: until some idle moment after
//! its start (seen: up to 35 s) it has room for 500 MiB. So one byte of each is read before its chunks are let go, and a
//! broken one is made again; meanwhile the connection it came by waits.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Uint8Array};
use wasm_bindgen_futures::JsFuture;
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
/// A broken Blob is made again after so many milliseconds, then after twice as many, up to the longest: a minute in all.
const FIRST_PAUSE: u32 = 250;
const LONGEST_PAUSE: u32 = 4_000;
const TRIES: u32 = 18;

/// Contiguous bytes from `start` on: Blobs, then chunks that are none yet.
#[derive(Default)]
struct Run {
    start: u64,
    blobs: RefCell<Array>,
    chunks: RefCell<Array>,
    chunk_bytes: Cell<u64>,
}

#[derive(Default)]
pub struct BlobSink {
    /// By where they end: the next chunk of a run is found at its offset.
    runs: RefCell<Sorted<u64, Rc<Run>>>,
    sealed: RefCell<Option<Blob>>,
}

impl BlobSink {
    /// The finished object.
    pub fn take(&self) -> Option<Blob> {
        self.sealed.take()
    }

    fn append(&self, at: u64, chunk: &Bytes) -> Rc<Run> {
        let mut runs = self.runs.borrow_mut();
        let run = runs.remove(&at).unwrap_or_else(|| Rc::new(Run { start: at, ..Run::default() }));
        run.chunks.borrow().push(&chunk.0);
        run.chunk_bytes.set(run.chunk_bytes.get() + chunk.len());
        runs.insert(at.saturating_add(chunk.len()), run.clone());
        run
    }
}

impl Sink for BlobSink {
    type Chunk = Bytes;

    async fn write(&self, at: u64, chunk: Bytes) -> Result<(), Failure> {
        let run = self.append(at, &chunk);
        if run.chunk_bytes.get() >= RUN { run.compact().await } else { Ok(()) }
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
        for (end, run) in runs.into_iter().rev().filter(|(_, run)| run.start < size) {
            if end < at {
                return Err(incomplete());
            }
            if run.start < at {
                run.compact().await?;
                let blob = new_blob(&run.blobs.borrow(), None)?;
                let own = blob.slice_with_f64_and_f64(0.0, (at - run.start) as f64).map_err(|_| full())?;
                parts.unshift(&own);
                at = run.start;
            }
        }
        if at != 0 {
            return Err(incomplete());
        }
        self.sealed.replace(Some(sound_blob(&parts, content_type).await?));
        Ok(())
    }
}

impl Run {
    /// What is dropped in the middle of it leaves the run as it was.
    async fn compact(&self) -> Result<(), Failure> {
        if self.chunk_bytes.get() > 0 {
            let chunks = self.chunks.borrow().clone();
            let blob = sound_blob(&chunks, None).await?;
            self.blobs.borrow().push(&blob);
            self.chunks.replace(Array::new());
            self.chunk_bytes.set(0);
        }
        Ok(())
    }
}

/// Lets Chromium find out early how much room it has for Blobs; see above.
pub fn warm_up() {
    let bytes = Uint8Array::new_with_length(1 << 20);
    // A browser that can't do this will say so when it matters.
    let _ = new_blob(&Array::of1(&bytes), None);
}

/// A Blob that can be read.
async fn sound_blob(parts: &Array, content_type: Option<&str>) -> Result<Blob, Failure> {
    let mut pause = FIRST_PAUSE;
    for _ in 0..TRIES {
        let blob = new_blob(parts, content_type)?;
        let byte = blob.slice_with_f64_and_f64(0.0, 1.0).map_err(|_| full())?;
        if JsFuture::from(byte.array_buffer()).await.is_ok() {
            return Ok(blob);
        }
        TimeoutFuture::new(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Err(full())
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
