// What the SDK's states and error codes mean to a person, and what that person can do.

import { count, duration } from "./format.js";

const STATES = {
  starting: "Asking for URLs",
  paused: "Paused",
  offline: "Waiting for the network",
  failed: "Stopped",
  aborted: "Cancelled",
};

/** `rest`: it was cut off once, and only what was missing moves. */
export function stateWords(state, kind, rest = false) {
  const upload = kind === "upload";
  if (state === "active") return `${upload ? "Uploading" : "Downloading"}${rest ? " the rest" : ""}`;
  if (state === "completing") return upload ? "Joining the parts" : "Putting it together";
  if (state === "done") return upload ? "Uploaded" : "Downloaded";
  return STATES[state] ?? state;
}

/** Each error code: what happened, and what to do about it. */
const TROUBLES = {
  "invalid-option": ["The page asked for something impossible", "This is a mistake in the page, not in your file."],
  "too-large": ["The file is too large", "Choose a smaller one, or have the server allow more."],
  "wrong-type": ["Files of this type are not accepted", "Choose a file of another type."],
  network: ["The connection kept breaking", "Check your network, then retry. Every request was tried several times."],
  timeout: ["The other side went silent", "The link may be very slow or down. Retry in a moment."],
  offline: ["You are offline", "It goes on when the network is back."],
  expired: ["The signed URL has lapsed", "A fresh one was refused as well, so the clocks of server and storage may differ. Retry, and if it stays, tell whoever runs the server."],
  "invalid-signature": ["Storage does not accept the signature", "The server signs with a wrong key, or something on the way rewrites the request."],
  "access-denied": ["You may not do this", "Reload the page to sign in again. If that does not help, this file is not yours."],
  "rate-limited": ["Too many requests at once", "Wait a little, then retry."],
  "not-found": ["The file is not there", "It may have been deleted meanwhile. Reload the list."],
  gone: ["The upload is no longer known to storage", "It was cleaned up or cancelled elsewhere. Retry to start it afresh."],
  cors: ["The bucket does not let this page read its answers", "Storage took the bytes, but its CORS rule hides what the page must know. Add the rule below to the bucket, then retry."],
  "source-changed": ["The file on your disk is not what it was", "It was edited, moved or deleted, or this page may not read it any more. Choose it once more."],
  "object-changed": ["The stored file was replaced during the download", "Half of one version and half of another is no file, so nothing was saved. Retry to get the new one."],
  "checksum-mismatch": ["The bytes did not arrive as they were sent", "Nothing was saved. Retry; if it happens again, something on the way alters the data."],
  "storage-full": ["There is no room for it", "Free some space, then retry."],
  backend: ["The server gave an answer that makes no sense", "Retry in a moment. If it stays, whoever runs the server should look at it."],
  storage: ["Storage refused", "Retry in a moment. If it stays, the line below says what storage answered."],
  busy: ["This file is being moved elsewhere", "Another tab, or another card on this page, is at it already. Let it finish there, or close it there and retry here."],
  internal: ["Something broke inside the page", "This should not happen. Reload the page, and please report it."],
};

const NOT_REACHED = ["The server cannot be reached", "Is it still running? Start it with “cargo xtask demo”, then try again."];

/** `{ title, advice, detail, rule? }` of an error; `detail` is the technical line, `rule` a setting to paste, where it holds one. */
export function trouble(error) {
  const [title, advice] = TROUBLES[error?.code] ?? (error instanceof TypeError ? NOT_REACHED : TROUBLES.internal);
  const facts = [error?.code, error?.status && `HTTP ${error.status}`, error?.storageCode, error?.part && `part ${error.part}`];
  const technical = facts.filter(Boolean).join(" · ");
  const { said, rule } = takeRule(error?.message ?? "");
  return { title, advice, detail: [technical, said].filter(Boolean).join(": "), rule };
}

/** A message may end with a bucket's rule as JSON; it is easier to read, and to copy, on lines of its own. */
function takeRule(message) {
  const start = message.search(/\[\s*\{/);
  if (start < 0) return { said: message };
  try {
    return { said: message.slice(0, start).trim(), rule: onLines(JSON.parse(message.slice(start))) };
  } catch {
    return { said: message };
  }
}

/** Indented, with lists of plain values on one line. */
function onLines(rule) {
  return JSON.stringify(rule, null, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, values) => `[${values.replace(/\s+/g, " ")}]`);
}

const CAUSES = {
  network: "the connection broke",
  timeout: "the other side went silent",
  "rate-limited": "too many requests",
  expired: "the URL had lapsed",
  storage: "storage had a hiccup",
  backend: "the server had a hiccup",
};

/** "Part 12: the connection broke. Trying again in 2 s." */
export function retryWords({ part, attempt, delayMs, error }) {
  const cause = CAUSES[error?.code] ?? "it did not work";
  const subject = part ? `Part ${part}: ${cause}` : cause[0].toUpperCase() + cause.slice(1);
  const when = delayMs < 950 ? "at once" : `in ${duration(delayMs / 1000)}`;
  const nth = attempt > 1 ? ` (attempt ${attempt + 1})` : "";
  return `${subject}. Trying again ${when}${nth}.`;
}

/** "38 parts: 20 done, 6 active, 1 resting, 11 waiting" */
export function mapWords(counts, noun) {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const listed = ["done", "active", "resting", "waiting"].filter((state) => counts[state] > 0);
  return `${count(total, noun)}: ${listed.map((state) => `${counts[state]} ${state}`).join(", ")}`;
}

/** What is known of the bytes at the other end. */
export function integrityWords(integrity) {
  return integrity?.verified ? ["verified"] : [];
}
