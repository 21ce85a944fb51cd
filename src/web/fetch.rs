//! One range by fetch, read chunk by chunk.

use gloo_net::http::Request;
use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    ReadableStream, ReadableStreamByobReader, ReadableStreamDefaultReader, ReadableStreamGetReaderOptions,
    ReadableStreamReaderMode, RequestCache,
};

use super::{abort::AbortOnDrop, buffers, clock::BrowserClock, hasher};
use crate::{
    core::{
        error::{Code, Error, Failure},
        hashing::Hasher,
        http::{Headers, Response},
        protocol::{Method, Signed},
        time::Millis,
    },
    drive::seams::{Body, Chunk, Clock, Opened},
};

#[wasm_bindgen]
extern "C" {
    type Stream;

    /// As `ReadableStream.getReader`, which throws where the stream is none of bytes.
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn byob_reader(
        this: &Stream,
        options: &ReadableStreamGetReaderOptions,
    ) -> Result<ReadableStreamByobReader, JsValue>;

    type Filling;

    /// As `ReadableStreamBYOBReader.read(view, { min })`; browsers that don't know `min` read as ever.
    #[wasm_bindgen(method)]
    fn read(this: &Filling, view: &Uint8Array, least: &Least) -> Promise;

    #[wasm_bindgen(js_name = Object)]
    type Least;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> Least;

    #[wasm_bindgen(method, setter)]
    fn set_min(this: &Least, bytes: u32);
}

/// In milliseconds: bytes that are read within it were there already.
const AT_ONCE: Millis = 5;
/// A large buffer that took longer to fill is not worth the wait: progress is told by it, and what a broken connection has
/// brought of it is lost.
const QUICK: Millis = 50;
/// Bytes that were there already: then the buffers are larger.
const WORTH_LARGE: u32 = 4 * buffers::SMALL;
/// More than Chromium's pipe holds: what comes piles up in the page's process.
const PILED_UP: u32 = 3 * buffers::LARGE;

/// An answer's bytes. Dropped, it ends the request.
pub struct FetchBody {
    reader: Option<Reader>,
    /// So many bytes in a row were there already when they were read.
    waiting: u32,
    _abort: AbortOnDrop,
}

/// Into buffers of ours, where the browser can do that.
enum Reader {
    Byob {
        reader: ReadableStreamByobReader,
        /// Chromium 156 may collect a stream that somebody waits for.
        _stream: ReadableStream,
    },
    Default(ReadableStreamDefaultReader),
}

/// Some bytes in JavaScript's memory, alone in their buffer: who writes them gives it away.
pub struct Bytes(pub Uint8Array);

/// `no-store`: Chromium serialises parallel ranges of one URL where its cache may keep them. A single
/// `bytes=a-b` or `bytes=a-` needs no preflight (Fetch, "simple range header value").
pub async fn open(signed: &Signed, start: u64, end: Option<u64>) -> Result<Opened<FetchBody>, Failure> {
    let refused = |_| Failure::fatal(Error::new(Code::Backend, "The browser refuses the signed URL or its headers."));
    let range = match end {
        Some(end) => format!("bytes={start}-{}", end.saturating_sub(1)),
        None => format!("bytes={start}-"),
    };
    let abort = AbortOnDrop::new().map_err(refused)?;
    let mut request = Request::get(&signed.url).cache(RequestCache::NoStore).abort_signal(Some(&abort.signal()));
    if signed.method != Method::Plain {
        request = request.header("range", &range);
    }
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|_| Failure::network())?;
    let head = Response {
        status: response.status(),
        headers: Headers::new(response.headers().entries()),
        body: String::new(),
    };
    if !matches!(head.status, 200 | 206) {
        let body = response.text().await.map_err(|_| Failure::network())?;
        return Ok(Opened::Reply(Response { body, ..head }));
    }
    let reader = response.body().map(Reader::new);
    Ok(Opened::Body(head, FetchBody { reader, waiting: 0, _abort: abort }))
}

impl Body for FetchBody {
    type Chunk = Bytes;

    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let size = if self.waiting < WORTH_LARGE { buffers::SMALL } else { buffers::LARGE };
        let began = BrowserClock.now();
        let chunk = reader.next(size).await.map_err(|_| Failure::network())?;
        let (took, length) = (BrowserClock.now().saturating_sub(began), chunk.as_ref().map_or(0, Uint8Array::length));
        // A browser that can't wait for a full buffer seldom fills a large one.
        let is_full = length >= size.min(2 * buffers::SMALL) && matches!(reader, Reader::Byob { .. });
        self.waiting = match took {
            0..=AT_ONCE if is_full => self.waiting.saturating_add(length),
            ..=QUICK if is_full => self.waiting.min(WORTH_LARGE),
            _ => 0,
        };
        Ok(chunk.map(Bytes))
    }

    fn is_behind(&mut self) -> bool {
        let behind = self.waiting >= PILED_UP;
        if behind {
            self.waiting = WORTH_LARGE;
        }
        behind
    }
}

impl Reader {
    fn new(stream: ReadableStream) -> Self {
        let options = ReadableStreamGetReaderOptions::new();
        options.set_mode(ReadableStreamReaderMode::Byob);
        // A browser whose answers are no byte streams refuses, and leaves the stream as it was.
        match stream.unchecked_ref::<Stream>().byob_reader(&options) {
            Ok(reader) => Self::Byob { reader, _stream: stream },
            Err(_) => Self::Default(stream.get_reader().unchecked_into()),
        }
    }

    async fn next(&self, size: u32) -> Result<Option<Uint8Array>, JsValue> {
        match self {
            Self::Byob { reader, .. } => {
                let least = Least::new();
                // Few bytes are told as they come.
                least.set_min(if size == buffers::LARGE { size } else { 1 });
                let chunk = chunk_of(reader.unchecked_ref::<Filling>().read(&buffers::take(size), &least)).await?;
                // At the end, there is an empty one.
                Ok(chunk.filter(|chunk| chunk.length() > 0))
            }
            Self::Default(reader) => next_chunk(reader).await,
        }
    }
}

/// The next bytes of a stream; `None` at its end.
pub(super) async fn next_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, JsValue> {
    chunk_of(reader.read()).await
}

async fn chunk_of(read: Promise) -> Result<Option<Uint8Array>, JsValue> {
    let read = JsFuture::from(read).await?;
    Ok(Reflect::get(&read, &JsValue::from_str("value"))?.dyn_into().ok())
}

impl Bytes {
    /// For whoever keeps them: without what else there is in their buffer.
    pub fn into_own(self) -> Uint8Array {
        let buffer = self.0.buffer();
        if buffer.byte_length() == self.0.length() {
            return self.0;
        }
        let own = self.0.slice(0, self.0.length());
        buffers::give_back(buffer);
        own
    }
}

impl Chunk for Bytes {
    fn len(&self) -> u64 {
        self.0.length().into()
    }

    fn truncate(self, len: u64) -> Self {
        match u32::try_from(len) {
            Ok(len) if len < self.0.length() => Self(self.0.subarray(0, len)),
            _ => self,
        }
    }

    fn skip(self, len: u64) -> Self {
        match u32::try_from(len) {
            Ok(len) if len > 0 => Self(self.0.subarray(len, self.0.length())),
            _ => self,
        }
    }

    fn hash(&self, hasher: &mut Hasher) {
        hasher::add(hasher, &self.0);
    }
}
