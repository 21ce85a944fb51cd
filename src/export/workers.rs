//! Workers, as the face starts them, and what they run: by numbers alone, so that they need none of wasm-bindgen's glue.

use wasm_bindgen::prelude::*;
use web_sys::Worker;

use crate::{core::checksum::Algorithm, web::hasher};

#[wasm_bindgen(raw_module = "./workers.js")]
extern "C" {
    #[wasm_bindgen(js_name = startWorker, catch)]
    pub fn start_worker() -> Result<Worker, JsValue>;
}

/// Where in memory to put so many bytes that are to be hashed.
#[wasm_bindgen]
pub fn hash_room(length: usize) -> usize {
    hasher::room(length)
}

/// The checksum of what `before` is of, and so many of the bytes put there behind it.
#[wasm_bindgen]
pub fn hash_crc64nvme(before: u64, length: usize) -> u64 {
    hasher::hash_room(Algorithm::Crc64Nvme, before, length)
}

#[wasm_bindgen]
pub fn hash_crc32c(before: u64, length: usize) -> u64 {
    hasher::hash_room(Algorithm::Crc32c, before, length)
}

#[wasm_bindgen]
pub fn begin_sha256() {
    hasher::begin_digest(Algorithm::Sha256);
}

#[wasm_bindgen]
pub fn begin_md5() {
    hasher::begin_digest(Algorithm::Md5);
}

/// So many of the bytes put there are next.
#[wasm_bindgen]
pub fn add_room(length: usize) {
    hasher::add_room(length);
}

/// Where in memory the digest is.
#[wasm_bindgen]
pub fn end_digest() -> usize {
    hasher::end_digest()
}
