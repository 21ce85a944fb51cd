//! A download put together as a Blob. Chunks that follow each other are turned into Blobs as they come, so that the
//! browser may keep them on disk and JavaScript's heap stays small.
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
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag};

use super::{buffers, fetch::Bytes};
use crate::{
    core::{
        error::{Code, Error, Failure},
        stretches::{self, Stretch},
    },
    drive::seams::Chunk,
};

/// Chunks become a Blob when there are so many bytes of them.
const RUN: u64 = 4 << 20;
/// A broken Blob is made again after so many milliseconds, then after twice as many, up to the longest: a minute in all.
const FIRST_PAUSE: u32 = 250;
const LONGEST_PAUSE: u32 = 4_000;
const TRIES: u32 = 18;

/// Chunks that follow each other and are no Blob yet.
struct Run {
    start: u64,
    end: Cell<u64>,
    chunks: Array,
}

/// Bytes that one Blob holds.
struct Held {
    stretch: Stretch,
    blob: Blob,
}

/// Puts a run back that did not become a Blob.
struct PutBack<'a> {
    sink: &'a BlobSink,
    run: Option<Rc<Run>>,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        self.sink.runs.borrow_mut().extend(self.run.take());
    }
}

#[derive(Default)]
pub struct BlobSink {
    /// Each is written to by one request at a time. Where a range was given away or cancelled in mid-flight, two may hold
    /// the same bytes.
    runs: RefCell<Vec<Rc<Run>>>,
    held: RefCell<Vec<Held>>,
}

impl BlobSink {
    fn append(&self, at: u64, chunk: &Bytes) -> Rc<Run> {
        let mut runs = self.runs.borrow_mut();
        let run = match runs.iter().find(|run| run.end.get() == at) {
            Some(run) => run.clone(),
            None => {
                let run = Rc::new(Run { start: at, end: Cell::new(at), chunks: Array::new() });
                runs.push(run.clone());
                run
            }
        };
        run.chunks.push(&chunk.0);
        run.end.set(at.saturating_add(chunk.len()));
        // Small ranges side by side grow into one run: else none of them would ever be a Blob, or kept.
        while let Some(index) = runs.iter().position(|next| next.start == run.end.get() && !Rc::ptr_eq(next, &run)) {
            let next = runs.remove(index);
            for chunk in next.chunks.iter() {
                run.chunks.push(&chunk);
            }
            run.end.set(next.end.get());
        }
        run
    }

    /// Makes a Blob of a run. Dropped in the middle, it leaves the bytes where they were.
    async fn hold(&self, run: Rc<Run>) -> Result<(), Failure> {
        // Out of the list meanwhile, so that nobody adds to it: what follows begins a run of its own.
        self.runs.borrow_mut().retain(|other| !Rc::ptr_eq(other, &run));
        let mut back = PutBack { sink: self, run: Some(run.clone()) };
        let blob = sound_blob(&run.chunks, None).await?;
        back.run.take();
        // The Blob has bytes of its own.
        run.chunks.iter().for_each(|chunk| buffers::give_back(chunk.unchecked_into::<Uint8Array>().buffer()));
        self.held.borrow_mut().push(Held { stretch: Stretch { start: run.start, end: run.end.get() }, blob });
        Ok(())
    }

    pub async fn write(&self, at: u64, chunk: Bytes) -> Result<(), Failure> {
        let run = self.append(at, &chunk);
        if run.end.get() - run.start >= RUN {
            self.hold(run).await?;
        }
        Ok(())
    }

    /// Some bytes from `at` on, up to `end`, as far as they lie side by side; `None` while a Blob is being made of them.
    pub fn read(&self, at: u64, end: u64) -> Option<Blob> {
        let slice =
            |blob: &Blob, start: u64| blob.slice_with_f64_and_f64((at - start) as f64, (end - start) as f64).ok();
        let held = self.held.borrow();
        let of = |held: &&Held| held.stretch.start <= at && at < held.stretch.end;
        if let Some(Held { stretch, blob }) = held.iter().find(of) {
            return slice(blob, stretch.start);
        }
        let runs = self.runs.borrow();
        let run = runs.iter().find(|run| run.start <= at && at < run.end.get())?;
        slice(&new_blob(&run.chunks, None).ok()?, run.start)
    }

    /// Forgets all; of what was sealed, only these stretches.
    pub fn clear(&self, sealed: Option<Blob>, lost: &[Stretch]) -> Result<(), Failure> {
        self.runs.borrow_mut().clear();
        let mut held = self.held.borrow_mut();
        held.clear();
        let Some(sealed) = sealed else { return Ok(()) };
        for stretch in stretches::gaps(lost, sealed.size() as u64) {
            let blob = sealed.slice_with_f64_and_f64(stretch.start as f64, stretch.end as f64).map_err(|_| full())?;
            held.push(Held { stretch, blob });
        }
        Ok(())
    }

    pub async fn seal(&self, size: u64, content_type: Option<&str>) -> Result<Blob, Failure> {
        let runs = self.runs.borrow().clone();
        for run in runs {
            self.hold(run).await?;
        }
        let held = self.held.take();
        let all: Vec<_> = held.iter().map(|held| held.stretch).collect();
        let tiles = stretches::tile(&all, size).ok_or_else(incomplete)?;
        let parts = Array::new();
        for (index, own) in tiles {
            let Some(Held { stretch, blob }) = held.get(index) else { return Err(incomplete()) };
            let (from, to) = (own.start - stretch.start, own.end - stretch.start);
            let own = blob.slice_with_f64_and_f64(from as f64, to as f64).map_err(|_| full())?;
            parts.push(&own);
        }
        sound_blob(&parts, content_type).await
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
