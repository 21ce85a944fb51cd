// The page's heaps: JavaScript's, and those of the WebAssembly modules that it loads from now on.

const EVERY_MS = 250;

export function watchMemory() {
  const memories = rememberWasm();
  const wasm = () => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  const now = () => ({ heap: performance.memory?.usedJSHeapSize ?? 0, wasm: wasm() });
  let start;
  let peak;
  let timer;
  const sample = () => {
    const { heap, wasm } = now();
    peak = { heap: Math.max(peak.heap, heap), wasm: Math.max(peak.wasm, wasm) };
  };
  return {
    begin() {
      start = peak = now();
      timer = setInterval(sample, EVERY_MS);
    },
    /** How far the heap grew at most; what the modules' memories have come to. */
    end() {
      clearInterval(timer);
      sample();
      return { heapGrowth: peak.heap - start.heap, wasmMemory: peak.wasm };
    },
  };
}

function rememberWasm() {
  const memories = [];
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original(...given);
      const { exports } = made.instance ?? made;
      memories.push(...Object.values(exports).filter((value) => value instanceof WebAssembly.Memory));
      return made;
    };
  }
  return memories;
}
