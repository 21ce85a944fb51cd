// What the document says whatever the figures are.

import { readFileSync } from "node:fs";

const { devDependencies: versions } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const version = (name) => `${name} ${versions[name]}`;
const PEERS = [
  "@uppy/core",
  "@uppy/aws-s3",
  "@uppy/companion",
  "@aws-sdk/lib-storage",
  "@aws-sdk/client-s3",
  "tus-js-client",
  "@tus/server",
  "@tus/file-store",
];

export const METHOD = {
  head: `# Benchmarks

This page is written by \`cargo xtask bench\`; nothing in it is edited by hand. \`cargo xtask bench far --runs 9\` measures one
scenario anew and keeps the others' figures; \`--quick\` runs everything small and writes nothing. The parts are in
[\`tests/bench\`](../tests/bench): each contender is one short file in [\`contenders\`](../tests/bench/contenders), the scenarios
are in [\`scenarios.js\`](../tests/bench/scenarios.js).

The contenders take turns within each round (A B C A B C …), after one run that does not count. Every run has a fresh page in
one Chromium, and what arrived is compared with what was sent (SHA-256); who fails is shown as failed. Figures are medians,
ranges in brackets; bars are medians, dots are runs. The browser is driven over a pipe without any domain of its protocol
enabled, since the Network domain, which most drivers switch on, halves its speed; the page measures itself.`,

  figures: `- **× bare XHR**: the speed against the limit, the median of the ratios of each round. The limit is bare XMLHttpRequests
  with parts of 8 MiB, six at once. Its URLs are signed before the clock starts, and the upload is completed after it stops;
  all others do that within their time. On a line that breaks it sends a part again at once. For downloads, it is the
  bare download that the head of the column names.
- **page blocked**: the sum of all tasks over 50 ms on the page's thread.
- **JS heap**, **page's process**: how far they grew at most while the clock ran. The process holds the page, its workers and
  the WebAssembly memory; the figure is what Linux has of it in memory (RssAnon and RssShmem), without the browser's
  program; in sections of November 2026, with it.
- **sent / size**: bytes that crossed the link, over those of the file; what is above 1 was sent twice, but for some headers.
  On loopback there is no link, so nothing is counted.
- **requests**: those of the page, without preflights, and without what Chromium sends again by itself when a connection that
  had served before breaks.`,

  fairness: `## What was compared, and how

- ${PEERS.map(version).join(", ")}. Each with its defaults, Uppy and lib-storage also with parts of
  8 MiB as this SDK has them. tus-js-client sends a file in one request: its parallel uploads need an extension that
  @tus/server does not have.
- lib-storage holds the keys in the page and signs there, so it asks no backend. Uppy asks Companion, this SDK asks the mock
  server's backend; on a slow link they are as far away as the store.
- All servers are of another origin than the page, so a preflight precedes the first call of each route, and each part.
- Libraries are loaded, and clients made, before the clock starts; what that takes is the start-up time.
- The store is the mock server's own, in Rust, which verifies signatures and computes checksums. It shares the processor with
  the browser, and on loopback it is part of what limits everybody: the ratio is what counts there. tus-js-client has a
  server in Node instead, which verifies nothing.
- The link is a proxy at the level of TCP ([\`tests/bench/link\`](../tests/bench/link)): a round trip before a connection's first
  byte, half of it for each way, bandwidth by connection or for all, resets. The n-th connection of a round has the same luck
  for every contender. Packet loss, congestion windows and TLS are not modelled.
- No other library was found that downloads from S3 in a page by several requests; Azure's client fetches a Blob by one.`,
};
