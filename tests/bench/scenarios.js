// What is measured: over which link, with how many bytes, who takes part, how often.

const MIB = 1 << 20;
const MBIT = 1e6 / 8;

/** One row of a table: whose it is, which file of ./contenders runs, with which options. `bare` is no
 * library; `limit` is what the others are compared with. */
const up = {
  xhr: { name: "bare XHR", file: "xhr", bare: true, limit: true },
  fetch: { name: "bare fetch", file: "fetch", bare: true },
  presigned: { name: "presigned", file: "presigned", ours: true },
  uppy: { name: "Uppy 6", file: "uppy" },
  uppyLarge: { name: "Uppy 6, 8 MiB parts", file: "uppy", options: { partSize: 8 * MIB } },
  libStorage: { name: "lib-storage", file: "lib-storage" },
  libStorageLarge: { name: "lib-storage, 8 MiB × 6", file: "lib-storage", options: { partSize: 8 * MIB, queueSize: 6 } },
  tus: { name: "tus-js-client", file: "tus" },
};
const down = {
  oneFetch: { name: "one fetch", file: "one-fetch", bare: true, limit: true },
  sixRanges: { name: "six bare 8 MiB ranges", file: "six-ranges", bare: true, options: { rangeSize: 8 * MIB } },
  presigned: { name: "presigned", file: "presigned-down", ours: true },
};
const disk = {
  oneFetch: { name: "one fetch, piped into a file", file: "one-fetch-to-disk", bare: true },
  presigned: { name: "presigned", file: "presigned-to-disk", ours: true },
};
const everybody = Object.values(up);
const defaults = [up.xhr, up.presigned, up.uppy, up.libStorage, up.tus];

export const SCENARIOS = {
  start: {
    title: "Size and start-up",
    about: "64 KiB on loopback: from the library's import to its first request",
    figure: "startupMs",
    files: { size: 64 * 1024 },
    contenders: [up.presigned, up.uppy, up.libStorage, up.tus],
  },
  loopback: {
    title: "Upload on loopback",
    about: "512 MiB; nothing but the processor limits it",
    files: { size: 512 * MIB },
    contenders: everybody,
  },
  far: {
    title: "Upload over a far link",
    about: "192 MiB; 60 ms round trip, 80 Mbit/s a connection",
    link: { round_trip_ms: 60, bytes_per_second: 80 * MBIT },
    files: { size: 192 * MIB },
    contenders: everybody,
  },
  thin: {
    title: "Upload over a thin link",
    about: "24 MiB; 40 ms round trip, 20 Mbit/s for all connections together",
    link: { round_trip_ms: 40, total_bytes_per_second: 20 * MBIT },
    files: { size: 24 * MIB },
    contenders: defaults,
  },
  flaky: {
    title: "Upload over a flaky link",
    about: "128 MiB; 30 ms round trip, 160 Mbit/s a connection, each cut after 12 to 36 MB",
    link: { round_trip_ms: 30, bytes_per_second: 160 * MBIT, cut_after: [12e6, 36e6] },
    files: { size: 128 * MIB },
    contenders: everybody,
  },
  small: {
    title: "Many small files",
    about: "2,000 files of 50 KB on loopback",
    files: { size: 50_000, count: 2_000 },
    contenders: defaults,
  },
  memory: {
    title: "Memory",
    about: "4 GiB on loopback: how far the memory of the page's process grew",
    figure: "rendererGrowth",
    runs: 2,
    files: { size: 4_096 * MIB },
    contenders: [up.xhr, up.presigned, up.uppy, up.libStorage],
  },
  disk: {
    title: "Memory of a download",
    about: "4 GiB on loopback into a file of the origin private file system: how far the memory of the page's process grew",
    figure: "rendererGrowth",
    runs: 2,
    download: true,
    files: { size: 4_096 * MIB },
    contenders: Object.values(disk),
  },
  down: {
    title: "Download over a far link",
    about: "128 MiB into a Blob; 60 ms round trip, 80 Mbit/s a connection",
    link: { round_trip_ms: 60, bytes_per_second: 80 * MBIT },
    download: true,
    files: { size: 128 * MIB },
    contenders: Object.values(down),
  },
  uneven: {
    title: "Download over uneven connections",
    about: "128 MiB into a Blob; 60 ms round trip, each connection at a speed of its own from 1 to 10 MiB/s",
    link: { round_trip_ms: 60, uneven_bytes_per_second: [1 * MIB, 10 * MIB] },
    download: true,
    files: { size: 128 * MIB },
    // One fetch is one connection: its speed would be the dice's.
    contenders: [{ ...down.sixRanges, limit: true }, down.presigned],
  },
};

/** For whoever works on the benchmark: the same, small. */
export function quick(scenario) {
  const { size, count } = scenario.files;
  return { ...scenario, files: { size: Math.min(size, 24 * MIB), count: count && 50 }, runs: undefined };
}
