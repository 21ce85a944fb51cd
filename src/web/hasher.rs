//! Hashing off the page's thread: a few workers, started when first needed and ended when idle. Where the page may have none
//! (its Content-Security-Policy, an old browser) the page's own thread hashes, a chunk of a stream at a time: a millisecond
//! or so, between which everything else has its turn.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use futures_channel::oneshot;
use gloo_timers::callback::Timeout;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, MessageEvent, ReadableStreamDefaultReader, Worker};

use super::{fetch::next_chunk, listening::Listening, sink::BrowserSink, source::BlobSource};
use crate::{
    core::{
        checksum::{Algorithm, Checksum},
        error::{Code, Error, Failure},
        hashing::Hasher as Hashing,
    },
    drive::seams::Hasher,
};

/// Two hash as fast as most disks read.
const WORKERS: usize = 2;
/// So long, in milliseconds, workers wait for more.
const IDLE: u32 = 3_000;

thread_local! {
    /// What is to be hashed.
    static ROOM: RefCell<Vec<u8>> = RefCell::default();
    /// Of a worker: a digest under way.
    static DIGEST: RefCell<Option<Hashing>> = RefCell::default();
}

type Waiting = Rc<RefCell<VecDeque<oneshot::Sender<String>>>>;

/// One worker, and who waits for its answers, which come in the order of the questions.
struct Hand {
    worker: Worker,
    waiting: Waiting,
    _listening: Listening,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

#[derive(Default)]
struct Pool {
    hands: RefCell<Vec<Hand>>,
    idle: RefCell<Option<Timeout>>,
}

impl Pool {
    /// Where all have answered, they end soon.
    fn rest(self: &Rc<Self>) {
        if self.hands.borrow().iter().any(|hand| !hand.waiting.borrow().is_empty()) {
            return;
        }
        let pool = Rc::downgrade(self);
        let end = Timeout::new(IDLE, move || {
            if let Some(pool) = pool.upgrade() {
                pool.hands.take();
            }
        });
        self.idle.replace(Some(end));
    }
}

pub struct WorkerHasher {
    start: fn() -> Result<Worker, JsValue>,
    warn: Box<dyn Fn(&str)>,
    pool: Rc<Pool>,
    /// Workers were tried, and don't work here.
    without: Cell<bool>,
}

impl WorkerHasher {
    /// `start` brings a worker that hashes what it is posted; `warn` hears why there are none.
    pub fn new(start: fn() -> Result<Worker, JsValue>, warn: impl Fn(&str) + 'static) -> Self {
        Self { start, warn: Box::new(warn), pool: Rc::default(), without: Cell::new(false) }
    }

    /// Ends what runs.
    pub fn close(&self) {
        self.pool.idle.take();
        self.pool.hands.take();
    }

    async fn of(&self, blob: &Blob, algorithm: Algorithm) -> Result<Checksum, Unreadable> {
        if !self.without.get() {
            if let Some(asked) = self.ask(blob, algorithm)
                && let Ok(answer) = asked.await
            {
                return Checksum::untagged(&answer).ok_or(Unreadable);
            }
            if !self.without.replace(true) {
                (self.warn)("No worker could be started here, or it failed: the page's own thread hashes.");
            }
            self.close();
        }
        hash(blob, algorithm).await
    }

    /// Who will answer; nobody, where there is no worker.
    fn ask(&self, blob: &Blob, algorithm: Algorithm) -> Option<oneshot::Receiver<String>> {
        self.pool.idle.take();
        let mut hands = self.pool.hands.borrow_mut();
        let load = |hand: &Hand| hand.waiting.borrow().len();
        if hands.len() < WORKERS && hands.iter().all(|hand| load(hand) > 0) {
            hands.push(Hand::new(self.start, &self.pool).ok()?);
        }
        let hand = hands.iter().min_by_key(|hand| load(hand))?;
        hand.worker.post_message(&Array::of2(blob, &algorithm.name().into())).ok()?;
        let (sender, answer) = oneshot::channel();
        hand.waiting.borrow_mut().push_back(sender);
        Some(answer)
    }
}

impl Hand {
    fn new(start: fn() -> Result<Worker, JsValue>, pool: &Rc<Pool>) -> Result<Self, JsValue> {
        let worker = start()?;
        let waiting = Waiting::default();
        let (heard, pool) = (waiting.clone(), Rc::downgrade(pool));
        let listening = Listening::new(&worker, &["message", "error", "messageerror"], move |event| {
            match event.dyn_ref::<MessageEvent>().and_then(|message| message.data().as_string()) {
                Some(answer) => {
                    let next = heard.borrow_mut().pop_front();
                    // Nobody waits any more where the transfer has ended meanwhile.
                    next.map(|waiting| waiting.send(answer));
                }
                // It failed: whoever waits is told by being dropped.
                None => heard.borrow_mut().clear(),
            }
            if let Some(pool) = pool.upgrade() {
                pool.rest();
            }
        });
        worker.post_message(&wasm_bindgen::module())?;
        Ok(Self { worker, waiting, _listening: listening })
    }
}

impl Hasher for WorkerHasher {
    type Source = BlobSource;
    type Sink = BrowserSink;

    async fn of_source(
        &self,
        source: &BlobSource,
        algorithm: Algorithm,
        start: u64,
        end: u64,
    ) -> Result<Checksum, Failure> {
        self.of(&source.body(start, end, true)?, algorithm).await.map_err(|Unreadable| super::source::changed())
    }

    async fn of_sink(
        &self,
        sink: &BrowserSink,
        algorithm: Algorithm,
        start: u64,
        end: u64,
    ) -> Result<Checksum, Failure> {
        let unreadable = || {
            let message = "The browser can't read the downloaded bytes any more: it has no room for them.";
            Failure::fatal(Error::new(Code::StorageFull, message))
        };
        let unfinished =
            || Failure::fatal(Error::new(Code::Internal, "a file that is streamed into can't be read yet."));
        let blob = sink.slice(start, end).ok_or_else(unfinished)?;
        self.of(&blob, algorithm).await.map_err(|Unreadable| unreadable())
    }
}

/// The Blob's bytes are gone, or were changed on disk.
pub struct Unreadable;

/// Reads a Blob to its end, on this thread.
async fn hash(blob: &Blob, algorithm: Algorithm) -> Result<Checksum, Unreadable> {
    let reader: ReadableStreamDefaultReader = blob.stream().get_reader().unchecked_into();
    let mut hasher = Hashing::new(algorithm);
    while let Some(chunk) = next_chunk(&reader).await.map_err(|_| Unreadable)? {
        add(&mut hasher, &chunk);
    }
    Ok(hasher.finish())
}

/// Of half a MiB, it takes half a millisecond.
pub fn add(hasher: &mut Hashing, chunk: &Uint8Array) {
    let length = chunk.length() as usize;
    room(length);
    ROOM.with_borrow_mut(|room| {
        if let Some(own) = room.get_mut(..length) {
            chunk.copy_to(own);
            hasher.add(own);
        }
    });
}

/// In a worker: where to put so many bytes that are to be hashed.
pub fn room(length: usize) -> usize {
    ROOM.with_borrow_mut(|room| {
        if room.len() < length {
            room.resize(length, 0);
        }
        room.as_ptr() as usize
    })
}

/// In a worker: the checksum of what `before` is of, and as many of the bytes put there behind it.
pub fn hash_room(algorithm: Algorithm, before: u64, length: usize) -> u64 {
    let mut hasher = Hashing::new(algorithm);
    hasher.go_on(before);
    ROOM.with_borrow(|room| hasher.add(room.get(..length).unwrap_or_default()));
    hasher.finish().register()
}

/// In a worker: the digest that is begun here is of the bytes that are put there and added from now on.
pub fn begin_digest(algorithm: Algorithm) {
    DIGEST.set(Some(Hashing::new(algorithm)));
}

pub fn add_room(length: usize) {
    DIGEST.with_borrow_mut(|digest| {
        if let Some(digest) = digest {
            ROOM.with_borrow(|room| digest.add(room.get(..length).unwrap_or_default()));
        }
    });
}

/// Where it is found; it stays there until more bytes are put there.
pub fn end_digest() -> usize {
    let Some(digest) = DIGEST.take() else { return 0 };
    let sum = digest.finish();
    let place = room(sum.bytes().len());
    ROOM.with_borrow_mut(|room| room.iter_mut().zip(sum.bytes()).for_each(|(own, byte)| *own = *byte));
    place
}
