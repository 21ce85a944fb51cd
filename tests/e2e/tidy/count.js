// Counts what the SDK takes from the browser and gives back. Loaded before it, so that nothing is missed.

const held = (window.held = { listeners: 0, timers: 0, urls: 0, workers: 0, requests: 0, databases: 0, memory: () => 0 });

for (const [add, remove] of [["addEventListener", "removeEventListener"]]) {
  const { [add]: adding, [remove]: removing } = EventTarget.prototype;
  const known = new WeakMap();
  const key = (type, listener) => {
    const own = known.get(listener) ?? new Map();
    known.set(listener, own);
    return [own, type];
  };
  EventTarget.prototype[add] = function (type, listener, options) {
    if (listener) {
      const [own, name] = key(type, listener);
      if (!own.get(name)?.has(this)) held.listeners += 1;
      own.set(name, (own.get(name) ?? new Set()).add(this));
    }
    return adding.call(this, type, listener, options);
  };
  EventTarget.prototype[remove] = function (type, listener, options) {
    const [own, name] = listener ? key(type, listener) : [new Map(), type];
    if (own.get(name)?.delete(this)) held.listeners -= 1;
    return removing.call(this, type, listener, options);
  };
}

const timers = new Set();
const { setTimeout: set, clearTimeout: clear } = window;
window.setTimeout = (run, ...rest) => {
  const timer = set(() => {
    timers.delete(timer);
    held.timers = timers.size;
    run();
  }, ...rest);
  timers.add(timer);
  held.timers = timers.size;
  return timer;
};
window.clearTimeout = (timer) => {
  timers.delete(timer);
  held.timers = timers.size;
  clear(timer);
};

const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (blob) => ((held.urls += 1), createObjectURL.call(URL, blob));
URL.revokeObjectURL = (url) => ((held.urls -= 1), revokeObjectURL.call(URL, url));

window.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    held.workers += 1;
  }
  terminate() {
    held.workers -= 1;
    super.terminate();
  }
};

const { send } = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.send = function (...args) {
  held.requests += 1;
  set.call(window, () => {}, 0);
  const done = () => this.readyState === 4 && ((held.requests -= 1), (this.onreadystatechange = null));
  this.onreadystatechange = done;
  return send.apply(this, args);
};

const { instantiateStreaming } = WebAssembly;
WebAssembly.instantiateStreaming = async (...args) => {
  const result = await instantiateStreaming.apply(WebAssembly, args);
  held.memory = () => result.instance.exports.memory.buffer.byteLength;
  window.imports = WebAssembly.Module.imports(result.module).map(({ name }) => name);
  return result;
};
