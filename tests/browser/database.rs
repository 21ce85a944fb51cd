//! IndexedDB as other code of the page could touch it: to look at what was written, to spoil it, and to break it.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(inline_js = r#"
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("presigned", 1);
    request.onupgradeneeded = () => ["transfers", "pieces"].forEach((name) => request.result.createObjectStore(name));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function within(mode, use) {
  const database = await open();
  const transaction = database.transaction(["transfers", "pieces"], mode);
  const ended = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  const request = use(transaction);
  await ended;
  database.close();
  return request?.result;
}

export const wipe = () => within("readwrite", (t) => { t.objectStore("transfers").clear(); t.objectStore("pieces").clear(); });
export const keys = (store) => within("readonly", (t) => t.objectStore(store).getAllKeys());
export const values = (store) => within("readonly", (t) => t.objectStore(store).getAll());
/** `change` gets each record and returns what takes its place. */
export const rewrite = async (change) => {
  const [names, all] = [await keys("transfers"), await values("transfers")];
  await within("readwrite", (t) => { all.forEach((value, at) => t.objectStore("transfers").put(change(value), names[at])); });
};
export const put = (store, value, key) => within("readwrite", (t) => { t.objectStore(store).put(value, key); });
export const copies = async (many) => {
  const [one] = await values("transfers");
  await within("readwrite", (t) => {
    for (let n = 0; n < many; n++) {
      const id = `copy-${n}`;
      t.objectStore("transfers").put({ ...one, name: id, savedAt: one.savedAt - 1000 * (n + 1) }, id);
      t.objectStore("pieces").put({ etag: id }, [id, 1]);
    }
  });
};

/** Replaces a property; returns what puts it back. */
function replace(object, name, descriptor) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { configurable: true, ...descriptor });
  return () => before ? Object.defineProperty(object, name, before) : delete object[name];
}

export const break_open = (how) => replace(globalThis, "indexedDB", {
  get() {
    if (how === "throws") throw new DOMException("No storage here.", "SecurityError");
    if (how === "missing") return undefined;
    const request = new EventTarget();
    if (how !== "hangs") setTimeout(() => request.dispatchEvent(new Event(how)));
    return { open: () => request };
  },
});
export const break_put = () => replace(IDBObjectStore.prototype, "put", {
  value() { throw new DOMException("Full.", "QuotaExceededError"); },
});
export const break_locks = (how) => replace(Object.getPrototypeOf(navigator), "locks", {
  get: () => how === "missing" ? undefined : {
    request: () => Promise.reject(new DOMException("No locks here.", "SecurityError")),
    query: () => Promise.reject(new DOMException("No locks here.", "SecurityError")),
  },
});
export const close_connections = () => new Promise((resolve, reject) => {
  const request = indexedDB.deleteDatabase("presigned");
  request.onsuccess = resolve;
  request.onerror = reject;
});
/** What another tab would hold. */
export const hold = (name) => new Promise((held) => {
  navigator.locks.request(name, () => new Promise((release) => held(release)));
});
export const a_handle = async () => {
  const root = await navigator.storage.getDirectory();
  return root.getFileHandle("handle-of-a-test", { create: true });
};
export const is_same_handle = (a, b) => a.isSameEntry(b);
"#)]
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
