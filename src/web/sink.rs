//! Where a download goes. What this browser can do is found out by trying, from the best down:
//!
//! 1. a file in OPFS, kept by a worker: its bytes take no memory, and another page can go on with it;
//! 2. for a file of the application's own, a stream into it that ends with the page;
//! 3. for a Blob, a Blob.

use std::{cell::RefCell, future::ready, rc::Rc};

use futures_util::future::{FutureExt, LocalBoxFuture, Shared};
use js_sys::{Array, Function};
use wasm_bindgen::JsValue;
use web_sys::Blob;

use super::{
    blob_sink::BlobSink,
    disk::{DiskFile, Disks, Trouble},
    fetch::Bytes,
    handle, json,
    persist::ask_to_persist,
    record::Record,
};
use crate::{
    core::{
        checkpoint::{Checkpoint, DownloadPoint},
        checksum::{Algorithm, Checksum},
        download::WORTH_SAVING,
        error::{Code, Error, Failure},
        plan::MIB,
        runs,
        stretches::Stretch,
    },
    drive::{seams::Sink, stream::Stream},
};

/// A Blob of more than this is a file, also where only a Blob is wanted.
const LARGE: u64 = 64 * MIB;

/// What the application wants: the option `to`.
#[derive(Clone, PartialEq, Debug)]
pub enum Target {
    /// A Blob, of a download that can be resumed.
    Auto,
    Blob,
    /// A path in OPFS.
    Opfs(String),
    /// A `FileSystemFileHandle`.
    File(JsValue),
}

/// Where the bytes are put together.
#[derive(Clone)]
enum Place {
    /// A Blob; and why it is no file, where it should be one.
    Memory(Option<String>),
    Disk(Rc<DiskFile>),
    /// Nowhere: a reader takes the bytes as they come.
    Stream(Rc<Stream<Bytes>>),
}

/// Those who come while it is being opened wait for the same.
type Opening = Shared<LocalBoxFuture<'static, Result<Place, Failure>>>;

/// Cheap to clone: all clones are the same sink.
#[derive(Clone)]
pub struct BrowserSink(Rc<Inner>);

struct Inner {
    target: Target,
    /// False: the application gives up resuming, so that its own file is written in place.
    resume: bool,
    disks: Rc<Disks>,
    algorithm: Option<Algorithm>,
    id: RefCell<String>,
    /// Found when first needed.
    place: RefCell<Option<Opening>>,
    memory: BlobSink,
    content_type: RefCell<Option<String>>,
    /// As storage tells it.
    described: RefCell<Option<String>>,
    watcher: RefCell<Option<Function>>,
    sealed: RefCell<Option<Blob>>,
}

impl Target {
    /// What is said of it where it is remembered.
    pub fn path(&self) -> Option<String> {
        if let Target::Opfs(path) = self { Some(path.clone()) } else { None }
    }

    pub fn handle(&self) -> JsValue {
        if let Target::File(handle) = self { handle.clone() } else { JsValue::UNDEFINED }
    }

    fn is_blob(&self) -> bool {
        matches!(self, Target::Auto | Target::Blob)
    }

    fn to_js(&self) -> JsValue {
        self.path().map_or_else(|| self.handle(), |path| path.into())
    }
}

impl BrowserSink {
    /// `algorithm`: what the bytes are summed up with on their way into a file.
    pub fn new(target: Target, resume: bool, disks: Rc<Disks>, algorithm: Option<Algorithm>) -> Self {
        Self(Rc::new(Inner {
            target,
            resume,
            disks,
            algorithm,
            id: RefCell::default(),
            place: RefCell::default(),
            memory: BlobSink::default(),
            content_type: RefCell::default(),
            described: RefCell::default(),
            watcher: RefCell::default(),
            sealed: RefCell::default(),
        }))
    }

    pub fn streamed(stream: Rc<Stream<Bytes>>, disks: Rc<Disks>) -> Self {
        let sink = Self::new(Target::Blob, false, disks, None);
        sink.0.place.replace(Some(ready(Ok(Place::Stream(stream))).boxed_local().shared()));
        sink
    }

    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// The finished object, where a Blob of it is wanted.
    pub fn take(&self) -> Option<Blob> {
        self.0.sealed.take().filter(|_| self.0.target.is_blob())
    }

    /// Whom to tell what comes: `(what, value, value)`, with "open", the object's size and type, where they are known; "add", an
    /// offset and how many bytes there are from it on; "clear". It must not call back.
    pub fn watch(&self, watcher: Function) {
        self.0.watcher.replace(Some(watcher));
    }

    fn tell(&self, what: &str, one: JsValue, other: JsValue) {
        if let Some(watcher) = &*self.0.watcher.borrow() {
            // The face's own function throws nothing.
            let _ = watcher.call3(&JsValue::UNDEFINED, &what.into(), &one, &other);
        }
    }

    /// Bytes that are there: a Blob, or the promise of a Uint8Array. `undefined` where they can't be read just now.
    pub fn read(&self, at: f64, end: f64) -> JsValue {
        match self.opened() {
            Place::Memory(_) => {
                let (at, end) = (at as u64, end as u64);
                self.slice(at, end).or_else(|| self.0.memory.read(at, end)).into()
            }
            Place::Disk(file) => file.read(at, end).into(),
            Place::Stream(_) => JsValue::UNDEFINED,
        }
    }

    /// Some bytes of the sealed object.
    pub fn slice(&self, start: u64, end: u64) -> Option<Blob> {
        self.0.sealed.borrow().as_ref()?.slice_with_f64_and_f64(start as f64, end as f64).ok()
    }

    /// Its file, should it have one, will be called so. A picked file may have to be allowed once more, by a click.
    ///
    /// # Errors
    /// `access-denied` where the user does not allow it.
    pub async fn prepare(&self, id: &str) -> Result<(), Failure> {
        self.0.id.replace(id.into());
        if let Target::File(file) = &self.0.target
            && !handle::may_write(file).await
        {
            let message = "The browser was not allowed to write the file: ask for it on a click.";
            return Err(Failure::fatal(Error::new(Code::AccessDenied, message)));
        }
        Ok(())
    }

    /// Goes on with what an earlier life has left of this version.
    pub async fn restore(&self, point: &DownloadPoint) -> Vec<Stretch> {
        let Ok(Place::Disk(file)) = self.place(Some(u64::MAX)).await else { return Vec::new() };
        file.keep(true);
        let (header, left) = file.left.take();
        let of_this = |header: String| Some(Record::from_js(&json::parse_js(&header)?)?.point);
        if header.and_then(of_this) == Some(Checkpoint::Download(point.clone())) {
            let left: Vec<_> = left.iter().map(|run| run.stretch).filter(|own| own.end <= point.size).collect();
            left.iter().for_each(|own| self.arrived(own.start, own.end - own.start));
            return left;
        }
        // Where it can't be cleared, no write will succeed, and that will be said.
        let _ = file.ask("clear", &[]).await;
        Vec::new()
    }

    /// Whether another page could go on with it, once it has begun.
    ///
    /// # Errors
    /// Why it should but can't, in words.
    pub async fn is_resumable(&self, size: u64) -> Result<bool, String> {
        let hindrance = match self.place(Some(size)).await {
            Ok(Place::Disk(file)) => match &file.in_place {
                None => return Ok(true),
                why => why.clone(),
            },
            Ok(Place::Memory(why)) => why,
            // The download itself fails of it.
            Ok(Place::Stream(_)) | Err(_) => None,
        };
        hindrance.filter(|why| !why.is_empty()).map_or(Ok(false), |why| Err(unsaved(&why)))
    }

    /// From now on another page can go on with it; `header` says what it is of.
    ///
    /// # Errors
    /// Why it can't, in words.
    pub async fn begin(&self, header: &str) -> Result<(), String> {
        if let Place::Disk(file) = self.opened() {
            file.keep(true);
            file.ask("begin", &[header.into()]).await.map_err(|trouble| unsaved(&trouble.words()))?;
        }
        Ok(())
    }

    /// Nobody will go on with it.
    pub fn abandon(&self) {
        if let Place::Disk(file) = self.opened() {
            file.keep(false);
        }
    }

    /// Where it is, found out now if need be.
    fn place(&self, size: Option<u64>) -> Opening {
        let Inner { target, resume, disks, algorithm, id, place, .. } = &*self.0;
        let open = || open(target.clone(), *resume, disks.clone(), id.borrow().clone(), *algorithm, size);
        place.borrow_mut().get_or_insert_with(|| open().boxed_local().shared()).clone()
    }

    /// Where it is, now that this is known.
    fn opened(&self) -> Place {
        match self.0.place.borrow().as_ref().and_then(|place| place.peek().cloned()) {
            Some(Ok(place)) => place,
            _ => Place::Memory(None),
        }
    }
}

impl Sink for BrowserSink {
    type Chunk = Bytes;

    async fn open(&self, size: Option<u64>) -> Result<(), Failure> {
        self.place(size).await?;
        self.tell("open", size.map(|size| size as f64).into(), self.0.described.take().into());
        Ok(())
    }

    fn describe(&self, content_type: Option<&str>) {
        self.0.described.replace(content_type.map(str::to_owned));
    }

    fn arrived(&self, at: u64, bytes: u64) {
        self.tell("add", (at as f64).into(), (bytes as f64).into());
    }

    fn write(&self, at: u64, chunk: Bytes) -> LocalBoxFuture<'static, Result<(), Failure>> {
        let sink = self.clone();
        match self.opened() {
            Place::Disk(file) => {
                let written = file.write(at, chunk.0);
                async move { written.await.map(drop).map_err(Trouble::into_failure) }.boxed_local()
            }
            Place::Memory(_) => async move { sink.0.memory.write(at, chunk).await }.boxed_local(),
            Place::Stream(stream) => stream.write(at, chunk).map(Ok).boxed_local(),
        }
    }

    async fn clear(&self, lost: &[Stretch]) -> Result<(), Failure> {
        let all = lost.is_empty();
        if all {
            self.tell("clear", JsValue::UNDEFINED, JsValue::UNDEFINED);
        }
        let sealed = self.0.sealed.take();
        match self.opened() {
            Place::Memory(_) => self.0.memory.clear(sealed, lost)?,
            Place::Disk(file) => {
                let pair = |own: &Stretch| Array::of2(&(own.start as f64).into(), &(own.end as f64).into());
                if all {
                    file.keep(false);
                }
                let lost = lost.iter().map(pair).collect::<Array>();
                file.ask("clear", &[lost.into()]).await.map_err(Trouble::into_failure)?;
            }
            Place::Stream(stream) => stream.clear(),
        }
        Ok(())
    }

    async fn seal(&self, size: u64, content_type: Option<&str>) -> Result<Option<Checksum>, Failure> {
        self.0.content_type.replace(content_type.map(str::to_owned));
        // An object of no bytes has not been opened yet.
        self.place(Some(size)).await?;
        let (runs, blob) = match self.opened() {
            Place::Memory(_) => (Vec::new(), Some(self.0.memory.seal(size, content_type).await?)),
            Place::Disk(file) => file.seal(size).await.map_err(Trouble::into_failure)?,
            Place::Stream(stream) => return Ok(stream.finish().await),
        };
        self.0.sealed.replace(blob);
        Ok(runs::whole(&runs, size))
    }

    async fn commit(&self) -> Result<(), Failure> {
        if let Place::Disk(file) = self.opened() {
            file.ask("commit", &[self.0.target.to_js()]).await.map_err(Trouble::into_failure)?;
            if self.0.target.is_blob() {
                file.hand_out();
            }
            let (content_type, sealed) = (self.0.content_type.take().unwrap_or_default(), self.0.sealed.take());
            let typed = sealed
                .and_then(|blob| blob.slice_with_f64_and_f64_and_content_type(0.0, blob.size(), &content_type).ok());
            self.0.sealed.replace(typed);
        }
        Ok(())
    }
}

/// The best place that there is.
async fn open(
    target: Target,
    resume: bool,
    disks: Rc<Disks>,
    id: String,
    algorithm: Option<Algorithm>,
    size: Option<u64>,
) -> Result<Place, Failure> {
    let small = match target {
        Target::Auto => size.is_none_or(|size| size < WORTH_SAVING),
        Target::Blob => size.is_none_or(|size| size <= LARGE),
        Target::Opfs(_) | Target::File(_) => false,
    };
    if small {
        return Ok(Place::Memory(None));
    }
    let way = match target {
        Target::Auto | Target::Blob => "kept",
        Target::File(_) if !resume => "in-place",
        Target::Opfs(_) | Target::File(_) => "best",
    };
    if way != "in-place" && size.is_none_or(|size| size > LARGE) {
        ask_to_persist();
    }
    let opened = match disks.disk() {
        Ok(disk) => DiskFile::open(disk, &id, algorithm, way, target.handle()).await,
        Err(trouble) => Err(trouble),
    };
    match opened {
        Ok(file) => Ok(Place::Disk(Rc::new(file))),
        Err(trouble) if target.is_blob() => Ok(Place::Memory(Some(trouble.words()))),
        Err(trouble) => {
            let mut failure = trouble.into_failure();
            if failure.error.code == Code::Internal {
                // This browser, or this page's own rules, allow no such file.
                failure.error.code = Code::InvalidOption;
            }
            Err(failure)
        }
    }
}

fn unsaved(why: &str) -> String {
    format!("This download can't be resumed after a reload: {why}.")
}
