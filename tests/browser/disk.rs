//! The face's `disk.js` in a worker of the tests' own, and OPFS as other code of the page sees it.

use js_sys::{Array, Promise};
use presigned::web::Disks;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Worker};

#[wasm_bindgen(inline_js = r#"
/** As worker.js does it, but for the checksum, which is a plain one: the WebAssembly module is not for workers here. */
function start(before) {
  const source = `
    import { Disk } from "${new URL("/disk.js", location)}";
    ${before}
    const table = Int32Array.from({ length: 256 }, (_, value) => {
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
      return value;
    });
    const hash = (sum, bytes) => {
      let crc = -1;
      if (sum) crc = ~new DataView(Uint8Array.from(atob(sum.split(" ")[1]), (byte) => byte.charCodeAt(0)).buffer).getInt32(0);
      for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255];
      const own = new DataView(new ArrayBuffer(4));
      own.setInt32(0, ~crc);
      return "crc32c " + btoa(String.fromCharCode(...new Uint8Array(own.buffer)));
    };
    const disk = new Disk(hash);
    const asked = new Set();
    addEventListener("message", async ({ data }) => {
      if (!Array.isArray(data)) return;
      const [number, ...question] = data;
      if (number === 0) return Promise.allSettled(asked).then(close);
      const answer = disk.ask(...question);
      asked.add(answer);
      try {
        postMessage([number, await answer]);
      } catch ({ name, message }) {
        postMessage([number, undefined, name, message]);
      }
    });
  `;
  return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
}

export const start_plain = () => start("");
/** Of a browser that has no such handles. */
export const start_poor = () => start("delete FileSystemFileHandle.prototype.createSyncAccessHandle;");
/** A disk with room for 6 MiB. */
export const start_full = () => start(`
  const { write } = FileSystemSyncAccessHandle.prototype;
  let room = 6 << 20;
  FileSystemSyncAccessHandle.prototype.write = function (bytes, options) {
    if ((room -= bytes.length) < 0) throw new DOMException("Full.", "QuotaExceededError");
    return write.call(this, bytes, options);
  };
`);

async function list(folder, path) {
  const all = [];
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === "directory") all.push(...await list(handle, path + name + "/"));
    else all.push(path + name);
  }
  return all;
}
async function at(path) {
  const names = path.split("/");
  const name = names.pop();
  let folder = await navigator.storage.getDirectory();
  for (const step of names) folder = await folder.getDirectoryHandle(step, { create: true });
  return folder.getFileHandle(name, { create: true });
}
export const opfs_files = async () => list(await navigator.storage.getDirectory(), "");
export const opfs_read = async (path) => (await at(path)).getFile();
export const opfs_handle = at;
export const opfs_write = async (path, text) => {
  const writable = await (await at(path)).createWritable();
  await writable.write(text);
  await writable.close();
};
export const opfs_wipe = async () => {
  const root = await navigator.storage.getDirectory();
  for (;;) {
    try {
      for await (const name of root.keys()) await root.removeEntry(name, { recursive: true });
      return;
    } catch {
      // Its worker is about to let it go.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
};
"#)]
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
