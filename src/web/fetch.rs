//! One range by fetch, read chunk by chunk.

use gloo_net::http::Request;
use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    ReadableStream, ReadableStreamByobReader, ReadableStreamDefaultReader, ReadableStreamGetReaderOptions,
    ReadableStreamReaderMode, RequestCache,
};

use super::{abort::AbortOnDrop, buffers, hasher};
use crate::{
    core::{
        error::{Code, Error, Failure},
        hashing::Hasher,
        http::{Headers, Response},
        protocol::{Method, Signed},
    },
    drive::seams::{Body, Chunk, Opened},
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
}

/// After so many such reads, the buffers are larger.
const WORTH_LARGE: u32 = 4;
/// After so many more, what comes is seen to pile up: a MiB or more was there already.
const BEHIND: u32 = 8;

/// An answer's bytes. Dropped, it ends the request.
pub struct FetchBody {
    reader: Option<Reader>,
    /// So many reads have brought as much as is only there when more comes than is read.
    brimful: u32,
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
    Ok(Opened::Body(head, FetchBody { reader, brimful: 0, _abort: abort }))
}

impl Body for FetchBody {
    type Chunk = Bytes;

    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let size = if self.brimful < WORTH_LARGE { buffers::SMALL } else { buffers::LARGE };
        let chunk = reader.next(size).await.map_err(|_| Failure::network())?;
        let length = chunk.as_ref().map_or(0, Uint8Array::length);
        // What Chromium has piled up comes in pieces that seldom fill a large buffer.
        let is_brimful = length >= size.min(2 * buffers::SMALL) && matches!(reader, Reader::Byob { .. });
        self.brimful = if is_brimful { self.brimful + 1 } else { self.brimful / 2 };
        Ok(chunk.map(Bytes))
    }

    fn is_behind(&mut self) -> bool {
        let behind = self.brimful >= WORTH_LARGE + BEHIND;
        if behind {
            self.brimful = WORTH_LARGE;
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
                let chunk = chunk_of(reader.read_with_array_buffer_view(&buffers::take(size))).await?;
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
