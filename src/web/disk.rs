//! The worker that keeps files, which is started with the first of them and ended with the last, and a file in it.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use futures_channel::oneshot;
use futures_util::future::{FutureExt, LocalBoxFuture};
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Blob, MessageEvent, Worker};

use super::{buffers, listening::Listening, locks::Lock, record};
use crate::core::{
    checksum::Algorithm,
    error::{Code, Error, Failure},
    runs::Run,
    sorted::Sorted,
};

thread_local! {
    /// Of files that finished Blobs are made of, for as long as the page lives: nobody can tell when a Blob is let go.
    static HANDED_OUT: RefCell<Vec<Lock>> = RefCell::default();
}

/// What the browser says went wrong: the name of the exception, and its words.
pub struct Trouble {
    name: String,
    message: String,
}

type Answer = Result<JsValue, Trouble>;
type Asked = LocalBoxFuture<'static, Answer>;
type Waiting = Rc<RefCell<Sorted<u32, oneshot::Sender<Answer>>>>;

/// Where the worker is found.
pub struct Disks {
    start: fn() -> Result<Worker, JsValue>,
    current: RefCell<Weak<Disk>>,
}

/// The worker, for as long as somebody needs it.
pub struct Disk {
    worker: Worker,
    waiting: Waiting,
    asked: Cell<u32>,
    _listening: Listening,
}

/// A file that is being written, closed when dropped: and deleted, unless it is to be kept.
pub struct DiskFile {
    disk: Rc<Disk>,
    id: String,
    lock: RefCell<Option<Lock>>,
    keep: Cell<bool>,
    /// It ends with the page; why, where that was not asked for.
    pub in_place: Option<String>,
    /// What an earlier life has written down of it, and left in it.
    pub left: RefCell<(Option<String>, Vec<Run>)>,
}

impl Trouble {
    fn new(name: &str, message: &str) -> Self {
        Self { name: name.into(), message: message.into() }
    }

    pub fn words(&self) -> String {
        format!("{}: {}", self.name, self.message)
    }

    pub fn into_failure(self) -> Failure {
        let (code, what) = match self.name.as_str() {
            "QuotaExceededError" => (Code::StorageFull, "The browser has no room for the downloaded bytes"),
            "NotAllowedError" => (Code::AccessDenied, "The browser was not allowed to write the file"),
            _ => (Code::Internal, "The file can't be written"),
        };
        Failure::fatal(Error::new(code, format!("{what} ({}).", self.words())))
    }
}

impl Disks {
    /// `start` brings a worker that runs `disk.js`.
    pub fn new(start: fn() -> Result<Worker, JsValue>) -> Self {
        Self { start, current: RefCell::default() }
    }

    pub fn disk(&self) -> Result<Rc<Disk>, Trouble> {
        if let Some(disk) = self.current.borrow().upgrade() {
            return Ok(disk);
        }
        let disk =
            Disk::new(self.start).map_err(|_| Trouble::new("NotSupportedError", "no worker could be started"))?;
        let disk = Rc::new(disk);
        self.current.replace(Rc::downgrade(&disk));
        Ok(disk)
    }

    /// Asks what is of no open file.
    pub async fn ask(&self, what: &str, id: &str, rest: &[JsValue]) -> Answer {
        let disk = self.disk()?;
        disk.ask(what, id, rest, None).await
    }
}

impl Disk {
    fn new(start: fn() -> Result<Worker, JsValue>) -> Result<Self, JsValue> {
        let (worker, waiting) = (start()?, Waiting::default());
        let heard = waiting.clone();
        let _listening = Listening::new(&worker, &["message", "error", "messageerror"], move |event| {
            let Some(answer) = event.dyn_ref::<MessageEvent>().map(|message| list(&message.data())) else {
                // It failed: whoever waits is told by being dropped.
                return heard.borrow_mut().clear();
            };
            let number = answer.get(0).as_f64().unwrap_or_default() as u32;
            let text = |at| answer.get(at).as_string();
            if let Ok(buffer) = answer.get(4).dyn_into() {
                buffers::give_back(buffer);
            }
            let asked = heard.borrow_mut().remove(&number);
            if let Some(asked) = asked {
                // Nobody waits any more where the request has been cancelled.
                let _ = asked.send(match (text(2), text(3)) {
                    (Some(name), message) => Err(Trouble { name, message: message.unwrap_or_default() }),
                    (None, _) => Ok(answer.get(1)),
                });
            }
        });
        worker.post_message(&wasm_bindgen::module())?;
        Ok(Self { worker, waiting, asked: Cell::new(0), _listening })
    }

    /// Asks at once, and waits for the answer. What is `moved` is of no more use here.
    pub fn ask(&self, what: &str, id: &str, rest: &[JsValue], moved: Option<JsValue>) -> Asked {
        let number = self.asked.get() + 1;
        self.asked.set(number);
        let question = Array::of3(&number.into(), &what.into(), &id.into());
        for value in rest {
            question.push(value);
        }
        let (sender, answer) = oneshot::channel();
        self.waiting.borrow_mut().insert(number, sender);
        if self.worker.post_message_with_transfer(&question, &moved.into_iter().collect::<Array>()).is_err() {
            // Whoever waits is told by being dropped.
            self.waiting.borrow_mut().remove(&number);
        }
        let gone = |_| Trouble::new("InvalidStateError", "the worker that writes has failed");
        answer.map(move |answer| answer.map_err(gone)?).boxed_local()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        buffers::clear();
        // It ends itself once it has done what it was asked. One that failed hears nothing.
        let _ = self.worker.post_message(&Array::of1(&0.into()));
    }
}

impl DiskFile {
    /// Opens a file of our own, or a stream into that of `handle`; see `disk.js` for the ways.
    pub async fn open(
        disk: Rc<Disk>,
        id: &str,
        algorithm: Option<Algorithm>,
        way: &str,
        handle: JsValue,
    ) -> Result<Self, Trouble> {
        // Where the lock is taken already, whoever has it is about to end.
        let lock = RefCell::new(Lock::try_take(&format!("presigned:file:{id}")).await);
        let named = algorithm.map_or(JsValue::UNDEFINED, |algorithm| algorithm.name().into());
        let mut file =
            Self { disk, id: id.into(), lock, keep: Cell::new(false), in_place: None, left: RefCell::default() };
        let answer = list(&file.ask("open", &[named, way.into(), handle]).await?);
        file.in_place = answer.get(0).as_string();
        file.left.replace((answer.get(1).as_string(), runs(&answer.get(2))));
        Ok(file)
    }

    /// Whether another page can go on with it: else it is deleted when it is not needed any more.
    pub fn keep(&self, keep: bool) {
        self.keep.set(keep);
    }

    /// Counts once it returns: it is written and flushed.
    pub fn write(&self, at: u64, bytes: Uint8Array) -> Asked {
        // Moved, not copied; the buffer comes back with the answer.
        let moved = bytes.buffer().into();
        self.disk.ask("write", &self.id, &[JsValue::from_f64(at as f64), bytes.into()], Some(moved))
    }

    /// Bytes that were written, as a Uint8Array; `undefined` where they can't be read just now.
    pub fn read(&self, at: f64, end: f64) -> Promise {
        // Boxed as all other promises are: each kind of future would have a machinery of its own.
        let bytes: LocalBoxFuture<'static, Result<JsValue, JsValue>> =
            self.ask("read", &[at.into(), end.into()]).map(|bytes| Ok(bytes.unwrap_or_default())).boxed_local();
        future_to_promise(bytes)
    }

    /// What it holds, and the file itself, where it can be read before it is committed.
    pub async fn seal(&self, size: u64) -> Result<(Vec<Run>, Option<Blob>), Trouble> {
        let answer = list(&self.ask("seal", &[JsValue::from_f64(size as f64)]).await?);
        Ok((runs(&answer.get(0)), answer.get(1).dyn_into().ok()))
    }

    /// For as long as this page lives, nobody deletes it.
    pub fn hand_out(&self) {
        HANDED_OUT.with_borrow_mut(|locks| locks.extend(self.lock.take()));
    }

    pub fn ask(&self, what: &str, rest: &[JsValue]) -> Asked {
        self.disk.ask(what, &self.id, rest, None)
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        // Where it is committed, there is nothing to close; a worker that failed has closed it.
        drop(self.ask("close", &[self.keep.get().into()]));
    }
}

fn list(value: &JsValue) -> Array {
    value.dyn_ref().cloned().unwrap_or_default()
}

pub fn runs(lines: &JsValue) -> Vec<Run> {
    list(lines).iter().filter_map(|line| record::run_of(&line)).collect()
}
