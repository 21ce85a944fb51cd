// What befalls one transfer, out of a seed: how the store is, which faults strike, when the page dies.

import { random } from "./survival/bytes.js";

const MIB = 1 << 20;
/** Small, so that a file has many. */
export const PART_SIZE = MIB;

/** Deaths of the page. */
export const DEATHS = ["reload", "crash", "close"];

export function schedule(seed) {
  const next = random(seed);
  const below = (limit) => Math.floor(next() * limit);
  const one = (list) => list[below(list.length)];
  const some = (most, make) => Array.from({ length: below(most + 1) }, make);

  const kind = seed % 2 === 0 ? "upload" : "download";
  const size = 30_000_000 + below(1_000_000);
  const client = { concurrency: 2 + below(5), retryDelays: [50, 100, 200, 400, 800, 1600, 1600, 1600, 1600, 1600] };
  if (kind === "upload") client.partSize = one([PART_SIZE, PART_SIZE, 2 * PART_SIZE]);
  else if (next() < 0.5) client.partSize = PART_SIZE;

  /** Of a URL, in seconds. */
  const lives = one([5, 900, 900]);
  const store = { "--part-size": PART_SIZE, "--batch": 1 + below(32), "--list-page": one([1, 7, 1000]), "--expires-in": lives };
  const flags = Object.entries(store).flatMap(([flag, value]) => [flag, String(value)]);
  for (const quirk of ["--once-only-complete", "--equal-parts"]) if (next() < 0.5) flags.push(quirk);

  // Slow enough that there is time to interrupt it: two to five seconds for the whole.
  const rate = Math.round(size / client.concurrency / (2 + 3 * next()));
  const rules = [{ on: kind === "upload" ? "part" : "get", do: { bytes_per_second: rate } }];
  rules.push(...(kind === "upload" ? uploadFaults() : downloadFaults()));
  // Silence is noticed soon where it is on the programme, and never where it is not, however slow this machine is.
  const stalls = rules.some(({ do: fault }) => "stall_request" in fault || "stall_response" in fault);
  if (stalls) client.stallTimeout = 1500;

  return { seed, kind, size, client, lives, flags, rules, interruptions: interruptions() };

  function uploadFaults() {
    const parts = Math.ceil(size / client.partSize);
    const strike = (fault) => ({ on: "part", skip: below(parts), times: 1 + below(2), do: fault() });
    const data = [
      () => ({ status: 503, code: "SlowDown" }),
      () => ({ status: 503, retry_after: 1 }),
      () => ({ status: 500 }),
      () => ({ html: 502 }),
      () => ({ no_cors: true }),
      () => ({ lose_answer: true }),
      () => ({ cut_request: below(client.partSize) }),
      () => ({ cut_request: below(client.partSize) }),
      () => ({ cut_response: 0 }),
      () => ({ delay_ms: below(700) }),
      () => ({ stall_request: below(client.partSize) }),
      () => ({ stall_response: 0 }),
    ];
    // One signature for each part may be refused: a second refusal in a row is an error, and rightly so.
    const refused = [...new Set(some(3, () => 1 + below(parts)))];
    const refusals = refused.map((part) => ({ on: "part", part, times: 1, do: refusal() }));
    const ending = [
      { on: "complete-upload", do: { lose_answer: true } },
      { on: "complete", do: { lose_answer: true } },
      { on: "complete", do: { error_in_200: one(["InternalError", "SlowDown"]) } },
      { on: "complete-upload", do: { error_in_200: "InternalError" } },
      { on: "complete-upload", do: { empty_200: true } },
      { on: "complete-upload", do: { cut_request: 0 } },
      { on: "complete-upload", do: { cut_response: 0 } },
      { on: "complete-upload", do: { status: 503, retry_after: 1 } },
    ];
    return [
      ...some(5, () => strike(one(data))),
      ...refusals,
      ...some(2, () => ({ times: 1, ...one(ending) })),
      ...some(3, () => control(["request-upload", "request-parts", "list-parts"])),
    ];
  }

  function downloadFaults() {
    const strike = (fault) => ({ on: "get", skip: below(10), times: 1 + below(2), do: fault() });
    const data = [
      () => ({ status: 503, code: "SlowDown" }),
      () => ({ status: 503, retry_after: 1 }),
      () => ({ status: 500 }),
      () => ({ html: 502 }),
      () => ({ no_cors: true }),
      () => ({ cut_request: 0 }),
      () => ({ cut_response: below(4 * MIB) }),
      () => ({ cut_response: below(4 * MIB) }),
      () => ({ cut_response: below(64 * 1024) }),
      () => ({ short_body: 1 + below(100_000) }),
      () => ({ delay_ms: below(700) }),
      () => ({ stall_response: below(MIB) }),
    ];
    // Far enough apart that they don't befall one range twice in a row.
    const refusals = some(2, (_, index) => ({ on: "get", skip: 2 + 12 * index + below(3), times: 1, do: refusal() }));
    return [...some(5, () => strike(one(data))), ...refusals, ...some(3, () => control(["request-download"]))];
  }

  function refusal() {
    return one([{ expired: true }, { bad_signature: true }, { status: 403 }]);
  }

  function control(routes) {
    // An upload whose grant is lost leaves an orphan at the store, as everywhere: no such loss there.
    const faults = [{ status: 503 }, { status: 500 }, { html: 502 }, { status: 429, retry_after: 1 }, { cut_request: 0 }, { delay_ms: below(700) }];
    return { on: one(routes), skip: below(2), times: 1, do: one(faults) };
  }

  function interruptions() {
    // In bytes moved, so that what strikes when does not depend on how fast this machine is; and not so late that it may be over
    // before it is struck.
    const kinds = [one(DEATHS), ...some(3, () => one([...DEATHS, "offline", "offline", "dead", "pause", "pause and crash"]))];
    const list = kinds.map((what) => ({ what, loaded: Math.round(size * (0.08 + 0.6 * next())), hold: below(600) }));
    list.sort((one, other) => one.loaded - other.loaded);
    // The worst moment of all: between the last part and the answer to the completion.
    if (kind === "upload" && next() < 0.25) {
      list.push({ what: one(DEATHS), state: "completing", hold: 0 });
      // This alone befalls it, and lasts: else it may be over, and well forgotten, before the page dies.
      const others = rules.filter(({ on }) => on !== "complete-upload");
      rules.splice(0, rules.length, ...others, { on: "complete-upload", times: 1, do: one([{ delay_ms: 5000 }, { stall_response: 0 }]) });
    }
    return list;
  }
}
