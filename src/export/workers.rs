//! Workers, as the face starts them, and what they run.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, Worker};

use super::call::promise;
use crate::web::hasher;

#[wasm_bindgen(raw_module = "./workers.js")]
extern "C" {
    #[wasm_bindgen(js_name = startWorker, catch)]
    pub fn start_worker() -> Result<Worker, JsValue>;
}

/// Called in a worker: the checksum of what `sum` is of, and these bytes behind it.
#[wasm_bindgen]
pub fn hash_on(sum: &str, bytes: &[u8], algorithm: &str) -> Option<String> {
    hasher::hash_on(sum, bytes, algorithm)
}

/// Called in a worker: the checksum of a Blob, as text.
#[wasm_bindgen]
pub fn hash_blob(blob: Blob, algorithm: String) -> Promise {
    promise(async move { Ok(hasher::answer(&blob, &algorithm).await.into()) })
}
