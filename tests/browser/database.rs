//! IndexedDB as other code of the page could touch it: to look at what was written, to spoil it, and to break it.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(module = "/page/storage.js")]
extern "C" {
    #[wasm_bindgen(js_name = wipe)]
    fn wipe_() -> Promise;
    #[wasm_bindgen(js_name = keys)]
    fn keys_(store: &str) -> Promise;
    #[wasm_bindgen(js_name = values)]
    fn values_(store: &str) -> Promise;
    #[wasm_bindgen(js_name = rewrite)]
    fn rewrite_(change: &Function) -> Promise;
    #[wasm_bindgen(js_name = put)]
    fn put_(store: &str, value: &JsValue, key: &JsValue) -> Promise;
    #[wasm_bindgen(js_name = copies)]
    fn copies_(many: u32) -> Promise;
    fn break_open(how: &str) -> Function;
    fn break_put() -> Function;
    fn break_locks(how: &str) -> Function;
    fn close_connections() -> Promise;
    fn hold(name: &str) -> Promise;
    fn a_handle() -> Promise;
    fn is_same_handle(a: &JsValue, b: &JsValue) -> Promise;
}

/// Something of the browser that is broken until this is dropped.
pub struct Broken(Function);

impl Drop for Broken {
    fn drop(&mut self) {
        self.0.call0(&JsValue::UNDEFINED).unwrap();
    }
}

/// `throws`, `missing`, `hangs`, or the event that `open` answers with.
pub fn without_database(how: &str) -> Broken {
    Broken(break_open(how))
}

pub fn without_room() -> Broken {
    Broken(break_put())
}

/// `missing` or `rejects`.
pub fn without_locks(how: &str) -> Broken {
    Broken(break_locks(how))
}

/// Holds a lock as another tab would, until dropped.
pub async fn held(name: &str) -> Broken {
    Broken(wait(hold(name)).await.unchecked_into())
}

pub async fn wipe() {
    wait(wipe_()).await;
}

/// The user clears the site's data.
pub async fn delete() {
    wait(close_connections()).await;
}

pub async fn keys(store: &str) -> Vec<JsValue> {
    wait(keys_(store)).await.unchecked_into::<Array>().to_vec()
}

pub async fn values(store: &str) -> Vec<JsValue> {
    wait(values_(store)).await.unchecked_into::<Array>().to_vec()
}

/// Changes all records by the body of a function of `record`.
pub async fn rewrite(body: &str) {
    wait(rewrite_(&Function::new_with_args("record", body))).await;
}

pub async fn put(store: &str, value: &str, key: &str) {
    wait(put_(store, &js_sys::eval(&format!("({value})")).unwrap(), &js_sys::eval(key).unwrap())).await;
}

/// So many copies of the first record, each older than the one before, and each with a piece.
pub async fn copies(many: u32) {
    wait(copies_(many)).await;
}

pub async fn handle() -> JsValue {
    wait(a_handle()).await
}

pub async fn same_handle(a: &JsValue, b: &JsValue) -> bool {
    wait(is_same_handle(a, b)).await.is_truthy()
}

async fn wait(promise: Promise) -> JsValue {
    JsFuture::from(promise).await.unwrap()
}
