//! The face's `disk.js` in a worker of the tests' own, and OPFS as other code of the page sees it.

use js_sys::{Array, Promise};
use presigned::web::Disks;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Worker};

#[wasm_bindgen(module = "/page/storage.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn start_plain() -> Result<Worker, JsValue>;
    #[wasm_bindgen(catch)]
    fn start_poor() -> Result<Worker, JsValue>;
    #[wasm_bindgen(catch)]
    fn start_full() -> Result<Worker, JsValue>;
    fn opfs_files() -> Promise;
    fn opfs_read(path: &str) -> Promise;
    fn opfs_handle(path: &str) -> Promise;
    fn opfs_write(path: &str, text: &str) -> Promise;
    fn opfs_wipe() -> Promise;
}

pub fn disks() -> Disks {
    Disks::new(start_plain)
}

/// Of a browser without the handles that a worker writes by.
pub fn poor() -> Disks {
    Disks::new(start_poor)
}

/// With room for 6 MiB.
pub fn full() -> Disks {
    Disks::new(start_full)
}

/// Of a page that may have no workers.
pub fn none() -> Disks {
    Disks::new(|| Err("no workers here".into()))
}

/// The paths of all files.
pub async fn files() -> Vec<String> {
    let list: Array = wait(opfs_files()).await.unchecked_into();
    list.iter().filter_map(|path| path.as_string()).collect()
}

pub async fn file(path: &str) -> Blob {
    wait(opfs_read(path)).await.unchecked_into()
}

/// As a picker would give it.
pub async fn handle(path: &str) -> JsValue {
    wait(opfs_handle(path)).await
}

pub async fn write(path: &str, text: &str) {
    wait(opfs_write(path, text)).await;
}

pub async fn text(path: &str) -> String {
    JsFuture::from(file(path).await.text()).await.unwrap().as_string().unwrap()
}

pub async fn wipe() {
    wait(opfs_wipe()).await;
}

async fn wait(promise: Promise) -> JsValue {
    JsFuture::from(promise).await.unwrap()
}
