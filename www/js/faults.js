// The faults that a visitor can switch on: each a name, what to expect, and rules of the mock server's `/_faults`.

/** Each fault is one to survive, or one to explain. */
export const GROUPS = [
  {
    title: "It gets through these",
    faults: [
      {
        id: "flaky",
        name: "Flaky connections",
        hint: "One request in four is cut off.",
        rules: [
          { on: "put", chance: 0.25, do: { cut_request: 1_000_000 } },
          { on: "part", chance: 0.25, do: { cut_request: 2_000_000 } },
          { on: "get", chance: 0.25, do: { cut_response: 2_000_000 } },
        ],
      },
      {
        id: "errors",
        name: "Server errors",
        hint: "Now and then a 503 or a 500.",
        rules: [
          { on: "store", chance: 0.2, do: { status: 503, code: "SlowDown", retry_after: 1 } },
          { on: "backend", chance: 0.2, do: { status: 500 } },
        ],
      },
      {
        id: "slow",
        name: "Slow link",
        hint: "1 MB/s for each connection.",
        rules: [{ on: "store", do: { bytes_per_second: 1_000_000 } }],
      },
      {
        id: "latency",
        name: "Far away",
        hint: "600 ms before every answer.",
        rules: [{ on: "any", do: { delay_ms: 600 } }],
      },
      {
        id: "stall",
        name: "Dead air",
        hint: "The next two requests fall silent.",
        rules: [
          { on: "part", times: 2, do: { stall_request: 1_000_000 } },
          { on: "get", times: 2, do: { stall_response: 1_000_000 } },
        ],
      },
      {
        id: "expired",
        name: "Lapsed URLs",
        hint: "The next three are refused.",
        rules: [{ on: "store", times: 3, do: { expired: true } }],
      },
      {
        id: "range",
        name: "Ranges ignored",
        hint: "Downloads come as a single stream.",
        rules: [{ on: "get", do: { ignore_range: true } }],
      },
    ],
  },
  {
    title: "It explains these",
    faults: [
      {
        id: "etag",
        name: "ETag hidden",
        hint: "The bucket’s CORS rule forgets it.",
        rules: [{ on: "store", do: { hide_etag: true } }],
      },
      {
        id: "changed",
        name: "File replaced",
        hint: "Overwritten while you download it.",
        rules: [{ on: "get", skip: 1, times: 1, do: { changed_object: true } }],
      },
      {
        id: "corrupt",
        name: "A byte flipped",
        hint: "Somewhere on its way, once.",
        rules: [
          { on: "put", times: 1, do: { flip_byte: 4321 } },
          { on: "part", times: 1, do: { flip_byte: 4321 } },
          { on: "get", times: 1, do: { flip_byte: 4321 } },
        ],
      },
    ],
  },
];

export const FAULTS = GROUPS.flatMap((group) => group.faults);

/** Which of the server's rules belong to a fault, and which came from elsewhere. `rules` as `GET /_faults` gives them. */
export function sortRules(rules) {
  const left = [...rules];
  const on = new Map();
  for (const fault of FAULTS) {
    const found = fault.rules.map((rule) => left.find((other) => same(rule, other)));
    if (found.includes(undefined)) continue;
    for (const rule of found) left.splice(left.indexOf(rule), 1);
    on.set(fault.id, found.reduce((sum, rule) => sum + (rule.hits ?? 0), 0));
  }
  return { on, foreign: left.map(({ hits, ...rule }) => rule) };
}

/** A rule of ours as the server gives it back: it may add fields of its own, such as `hits`, or defaults. */
function same(rule, other) {
  return ["on", "part", "key", "skip", "times", "chance"].every((name) => (rule[name] ?? 0) === (other[name] ?? 0))
    && Object.entries(rule.do).every(([name, value]) => other.do?.[name] === value);
}
