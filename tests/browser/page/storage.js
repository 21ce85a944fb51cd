// IndexedDB and OPFS as other code of the page could touch them: to look at what was written, to spoil it, and to break it.
// One module, since each that is imported is a connection to the tests' own server, which may forget the fifth of those that come at once
// (tiny_http's `TaskPool` counts threads as idle that were woken for another one).

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
