//! A download put together as a Blob. Chunks that follow each other are turned into Blobs as they come, so that the
//! browser may keep them on disk and JavaScript's heap stays small.
//!
//! Chromium hands out Blobs that turn out to be broken, and says so only when they are read: until some idle moment after
//! its start (seen: up to 35 s) it has room for 500 MiB. So one byte of each is read before its chunks are let go, and a
//! broken one is made again; meanwhile the connection it came by waits.
//!
//! A download that can be resumed has a [`Keeper`], which writes each Blob down before its bytes count. Chunks that are no
//! Blob yet when the page dies are fetched again.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag};

use super::{fetch::Bytes, keeper::Keeper};
use crate::{
    core::{
        error::{Code, Error, Failure},
        stretches::{self, Stretch},
        text::contains,
    },
    drive::seams::{Chunk, Sink},
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
    /// It is written down, or about to be.
    kept: bool,
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
    sealed: RefCell<Option<Blob>>,
    keeper: RefCell<Option<Rc<Keeper>>>,
}

impl BlobSink {
    /// The finished object.
    pub fn take(&self) -> Option<Blob> {
        self.sealed.take()
    }

    /// Some bytes of the finished object.
    pub fn slice(&self, start: u64, end: u64) -> Option<Blob> {
        self.sealed.borrow().as_ref()?.slice_with_f64_and_f64(start as f64, end as f64).ok()
    }

    /// From now on what is held is kept as well.
    pub fn keep_with(&self, keeper: Keeper) {
        self.keeper.replace(Some(Rc::new(keeper)));
    }

    /// Puts back what an earlier page has kept, and tells what of it can be read.
    pub async fn restore(&self, pieces: Vec<(Stretch, Blob)>) -> Vec<Stretch> {
        let (mut have, copied) = (Vec::new(), is_webkit());
        for (stretch, blob) in pieces {
            if let Ok(blob) = readable(blob, copied).await {
                self.held.borrow_mut().push(Held { stretch, blob, kept: true });
                have.push(stretch);
            }
        }
        have
    }

    /// Why what is held is no longer kept, in words.
    pub fn warning(&self) -> Option<String> {
        self.keeper.borrow().as_ref().and_then(|keeper| keeper.warning())
    }

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
        self.held.borrow_mut().push(Held {
            stretch: Stretch { start: run.start, end: run.end.get() },
            blob,
            kept: false,
        });
        Ok(())
    }

    /// Writes down what is not yet, which may be more than one: the first may have come before the record was there.
    async fn keep(&self) {
        let Some(keeper) = self.keeper.borrow().clone() else { return };
        while keeper.is_active() {
            let fresh = self.held.borrow_mut().iter_mut().find(|held| !held.kept).map(|held| {
                held.kept = true;
                (held.stretch, held.blob.clone())
            });
            let Some((stretch, blob)) = fresh else { return };
            keeper.keep(stretch, &blob).await;
        }
    }
}

impl Sink for BlobSink {
    type Chunk = Bytes;

    async fn write(&self, at: u64, chunk: Bytes) -> Result<(), Failure> {
        let run = self.append(at, &chunk);
        if run.end.get() - run.start >= RUN {
            self.hold(run).await?;
            self.keep().await;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), Failure> {
        self.runs.borrow_mut().clear();
        self.held.borrow_mut().clear();
        let keeper = self.keeper.borrow().clone();
        if let Some(keeper) = keeper {
            keeper.clear().await;
        }
        Ok(())
    }

    async fn seal(&self, size: u64, content_type: Option<&str>) -> Result<(), Failure> {
        let runs = self.runs.borrow().clone();
        for run in runs {
            self.hold(run).await?;
        }
        let held = self.held.take();
        let all: Vec<_> = held.iter().map(|held| held.stretch).collect();
        let tiles = stretches::tile(&all, size).ok_or_else(incomplete)?;
        let parts = Array::new();
        for (index, own) in tiles {
            let Some(Held { stretch, blob, .. }) = held.get(index) else { return Err(incomplete()) };
            let (from, to) = (own.start - stretch.start, own.end - stretch.start);
            let own = blob.slice_with_f64_and_f64(from as f64, to as f64).map_err(|_| full())?;
            parts.push(&own);
        }
        self.sealed.replace(Some(sound_blob(&parts, content_type).await?));
        Ok(())
    }
}

/// Lets Chromium find out early how much room it has for Blobs; see above.
pub fn warm_up() {
    let bytes = Uint8Array::new_with_length(1 << 20);
    // A browser that can't do this will say so when it matters.
    let _ = new_blob(&Array::of1(&bytes), None);
}

/// A stored Blob, where it can be read. WebKit deletes its bytes together with its record, whoever still holds it: there
/// it is copied.
async fn readable(blob: Blob, copied: bool) -> Result<Blob, Failure> {
    let probe = if copied { blob.clone() } else { blob.slice_with_f64_and_f64(0.0, 1.0).map_err(|_| full())? };
    let bytes = JsFuture::from(probe.array_buffer()).await.map_err(|_| full())?;
    if copied { sound_blob(&Array::of1(&bytes), None).await } else { Ok(blob) }
}

/// Safari, and every browser on iOS.
fn is_webkit() -> bool {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).unwrap_or_default();
    let agent = Reflect::get(&navigator, &"userAgent".into()).ok().and_then(|agent| agent.as_string());
    agent.is_some_and(|agent| contains(&agent, "AppleWebKit/") && !contains(&agent, "Chrome/"))
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
