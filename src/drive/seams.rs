//! What the driver knows of the outside: eight seams, which a browser, a test or the simulator fills.

use std::future::Future;

use futures_util::future::LocalBoxFuture;

use crate::core::{
    checkpoint::{NotedPart, Recalled, Save},
    checksum::{Algorithm, Checksum},
    error::Failure,
    fleet::TransferId,
    group::Files,
    hashing,
    http::Response,
    protocol::{
        Completion, DownloadGrant, PartGrants, Signed, StoredFile, StoredPart, UnsignedPart, UploadGrant, UploadRef,
        UploadRequest,
    },
    stretches::Stretch,
    time::Millis,
    transfer::{End, Event, Progress},
};

/// One outside world.
pub trait Platform: 'static {
    type Backend: Backend;
    type Source: 'static;
    type Sink: Sink;
    type Store: Store<Source = Self::Source, Sink = Self::Sink>;
    type Transport: Transport<Source = Self::Source, Body: Body<Chunk = <Self::Sink as Sink>::Chunk>>;
    type Hasher: Hasher<Source = Self::Source, Sink = Self::Sink>;
    type Clock: Clock;
    type Listener: Listener;

    fn backend(&self) -> &Self::Backend;
    fn transport(&self) -> &Self::Transport;
    fn store(&self) -> &Self::Store;
    fn hasher(&self) -> &Self::Hasher;
    fn clock(&self) -> &Self::Clock;
}

/// Who signs.
pub trait Backend {
    fn request_upload(&self, request: &UploadRequest) -> impl Future<Output = Result<UploadGrant, Failure>>;
    fn request_parts(
        &self,
        upload: &UploadRef,
        parts: &[UnsignedPart],
    ) -> impl Future<Output = Result<PartGrants, Failure>>;
    /// Every part that storage has of it.
    fn list_parts(&self, upload: &UploadRef) -> impl Future<Output = Result<Vec<StoredPart>, Failure>>;
    fn complete_upload(
        &self,
        upload: &UploadRef,
        parts: &[NotedPart],
        size: u64,
    ) -> impl Future<Output = Result<Completion, Failure>>;
    fn abort_upload(&self, upload: &UploadRef) -> impl Future<Output = Result<(), Failure>>;
    fn request_download(&self, key: &str) -> impl Future<Output = Result<DownloadGrant, Failure>>;
    fn list(&self, prefix: Option<&str>) -> impl Future<Output = Result<Vec<StoredFile>, Failure>>;
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), Failure>>;
}

/// How bytes move. Dropping a future or a body ends its request.
pub trait Transport {
    type Source;
    type Body: Body;

    /// Sends `start..end` of the source; `sent` is told how many of these bytes are on their way.
    fn put(
        &self,
        signed: &Signed,
        source: &Self::Source,
        start: u64,
        end: u64,
        sent: impl Fn(u64) + 'static,
    ) -> impl Future<Output = Result<Response, Failure>>;

    /// Asks for `start..end`, or all from `start` on.
    fn get(
        &self,
        signed: &Signed,
        start: u64,
        end: Option<u64>,
    ) -> impl Future<Output = Result<Opened<Self::Body>, Failure>>;

    /// What the origin of a URL speaks, by its ALPN name, where that is seen from a request that has ended, and is news.
    fn protocol(&self, signed: &Signed) -> Option<String>;
}

/// How a GET was answered.
pub enum Opened<B> {
    /// With bytes to read; the response's own body is empty.
    Body(Response, B),
    /// With anything else, read to its end.
    Reply(Response),
}

/// The bytes of an answer as they come.
pub trait Body {
    type Chunk: Chunk;

    /// `None` at the end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Self::Chunk>, Failure>>;

    /// More comes than is read: it piles up in memory. Said once for each time that it is found.
    fn is_behind(&mut self) -> bool {
        false
    }
}

/// Some bytes, which need not be in this program's memory.
pub trait Chunk {
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn truncate(self, len: u64) -> Self;

    /// Without so many bytes at its front.
    fn skip(self, len: u64) -> Self;

    /// Feeds its bytes to a hasher.
    fn hash(&self, hasher: &mut hashing::Hasher);
}

/// Where a download's bytes are put together. Writes come in any order and several at once; each counts once it has
/// returned.
pub trait Sink: 'static {
    type Chunk: Chunk;

    /// Bytes will come, so many in all where that is known. Said before each answer is read, and heard once.
    fn open(&self, size: Option<u64>) -> impl Future<Output = Result<(), Failure>>;
    /// What an answer says of the object's type. Said before [`open`](Self::open).
    fn describe(&self, _content_type: Option<&str>) {}
    /// Begins at once.
    fn write(&self, at: u64, chunk: Self::Chunk) -> LocalBoxFuture<'static, Result<(), Failure>>;
    /// So many bytes from here on were written, and count.
    fn arrived(&self, _at: u64, _bytes: u64) {}
    /// Forgets all that was written; or only these stretches of what was sealed, which will be written once more and sealed again.
    fn clear(&self, lost: &[Stretch]) -> impl Future<Output = Result<(), Failure>>;
    /// All bytes are here: closes it. Tells their checksum, where it has summed them up as they came.
    fn seal(&self, size: u64, content_type: Option<&str>) -> impl Future<Output = Result<Option<Checksum>, Failure>>;
    /// They are what storage has: makes the result of them. Nothing has had its final name before.
    fn commit(&self) -> impl Future<Output = Result<(), Failure>>;
}

/// Where unfinished transfers are remembered. What it can't do is a warning and never ends a transfer, save that two may
/// not drive one upload.
pub trait Store {
    type Source;
    type Sink;

    /// What is remembered of an unfinished upload of this very file, which nobody else drives from now on.
    ///
    /// # Errors
    /// `busy` where somebody else drives it.
    fn recall_upload(
        &self,
        id: TransferId,
        request: &UploadRequest,
        source: &Self::Source,
        resume: bool,
    ) -> impl Future<Output = Result<Recalled, Failure>>;
    /// The same of a download, whose bytes so far go into its sink.
    fn recall_download(
        &self,
        id: TransferId,
        key: &str,
        sink: &Self::Sink,
        resume: bool,
    ) -> impl Future<Output = Result<Recalled, Failure>>;
    /// Writes a step down. Steps of one transfer come one after another, never two at once.
    ///
    /// # Errors
    /// Why it could not, in words.
    fn save(&self, id: TransferId, save: Save) -> impl Future<Output = Result<(), String>>;
    /// The transfer has ended in this page: others may drive it.
    fn release(&self, id: TransferId);
}

/// Who reads bytes once more, to hash them; off the page's thread, where that can be.
pub trait Hasher {
    type Source;
    type Sink;

    /// # Errors
    /// `source-changed` where they can't be read any more; else why nobody could hash them.
    fn of_source(
        &self,
        source: &Self::Source,
        algorithm: Algorithm,
        start: u64,
        end: u64,
    ) -> impl Future<Output = Result<Checksum, Failure>>;
    /// The same of a sealed sink.
    fn of_sink(
        &self,
        sink: &Self::Sink,
        algorithm: Algorithm,
        start: u64,
        end: u64,
    ) -> impl Future<Output = Result<Checksum, Failure>>;
}

pub trait Clock {
    /// Monotonic, from any zero.
    fn now(&self) -> Millis;
    fn sleep_until(&self, at: Millis) -> LocalBoxFuture<'static, ()>;
}

/// Whom a transfer tells what happens. Called from within the loop: it must not call back into it.
pub trait Listener: 'static {
    fn events(&self, events: Vec<Event>);
    fn group(&self, progress: Progress, files: Files);
    fn end(&self, end: End);
}
