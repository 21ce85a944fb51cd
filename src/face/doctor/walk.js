// `client.doctor()`: the whole way to storage and back with a few bytes, and what is wrong with it in words. Loaded when it is called.
//
// It asks the backend as the client does and storage by itself, so that no answer is judged before it is seen. What it stores it
// removes.

import { asker, backendTrouble, badGrant, isAbsent } from "./backend.js";
import { providerOf } from "./providers.js";
import { corsRule, lifecycleRule } from "./rules.js";
import { blocked, clockOf, refused, send } from "./storage.js";

const NAME = "presigned-doctor.bin";
// No type that a form could send: it needs a preflight, as those of most files do.
const TYPE = "application/octet-stream";
const WORDS = "presigned was here";
const PART_SIZE = 5 << 20;
/** After which a request has no answer, where the client says nothing else. */
const SILENCE = 30_000;

/** `options`: the client's. `key`: of an object that downloads are tried with, instead of what was stored for it. */
export async function examine(options, { key, signal } = {}) {
  const findings = [];
  const walk = new Walk(options, signal, findings);
  try {
    const stored = await walk.whole();
    await walk.parts();
    const object = key ?? stored;
    if (object !== undefined) await walk.download(object, key === undefined);
    if (stored !== undefined) await walk.remove(stored);
  } catch (error) {
    signal?.throwIfAborted();
    if (error?.name !== "TimeoutError") throw error;
    findings.push({ code: "timeout", level: "error", message: "An answer did not come in time: everything after it was left out.", fix: "A firewall that drops instead of refusing, or a server that hangs. `stallTimeout` says how long is waited." });
  }
  return findings.map(({ fix, ...finding }) => (fix === undefined ? finding : { ...finding, fix }));
}

class Walk {
  #ask;
  #provider;
  #signal;
  #findings;

  constructor(options, signal, findings) {
    const ask = asker(options);
    this.#signal = () => {
      const timeout = AbortSignal.timeout(options.stallTimeout ?? SILENCE);
      return signal ? AbortSignal.any([signal, timeout]) : timeout;
    };
    this.#ask = (method, path, body) => ask(method, path, body, this.#signal());
    this.#provider = options.provider;
    this.#findings = findings;
  }

  /** A small file in one request; its key, if it is stored. */
  async whole() {
    const file = new Blob([WORDS], { type: TYPE });
    const outcome = await this.#ask("POST", "/request-upload", wish(file.size));
    if (!outcome.answer) return this.#found(backendTrouble(outcome, "POST /request-upload"));
    const grant = outcome.answer;
    if (grant.stored === true) return this.#ok("upload", "The backend says that storage has the test file already.");
    const wrong = badGrant(grant, grant.upload_id ? ["file_key", "upload_id"] : ["file_key", "upload_url"]);
    if (wrong) return this.#found({ code: "backend-answer", level: "error", message: `The backend's answer to POST /request-upload is not as it should be: ${wrong}.`, fix: "The README's table of routes says what has to be in it." });
    this.#ok("backend", "The backend answers, and signs.");
    // A store without forms has even small files in parts, which are tried next.
    if (grant.upload_id) return this.#abort(grant);
    this.#names(grant.upload_url);
    const headers = { ...grant.headers };
    const typed = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
    const method = grant.method?.toUpperCase() ?? (grant.fields ? "POST" : "PUT");
    if (method === "PUT" && !typed) headers["content-type"] = TYPE;
    const answer = await this.#store({ url: grant.upload_url, method, headers, fields: grant.fields, body: file }, "the upload");
    if (!answer) return undefined;
    this.#ok("upload", "Storage takes a file from this page.");
    const clock = clockOf(answer, grant.upload_url);
    if (clock) this.#found(clock);
    return grant.file_key;
  }

  /** Whose store it is, and what one should know of that. */
  #names(url) {
    const provider = providerOf(url, this.#provider);
    if (provider) this.#ok("provider", `The store is ${provider.title}${this.#provider === provider.name ? ", says the client" : ", by its host"}. ${provider.pitfall}`);
  }

  /** One tiny part of an upload that is never completed. */
  async parts() {
    if (this.#failed()) return;
    const outcome = await this.#ask("POST", "/request-upload", wish(2 * PART_SIZE + 1));
    if (!outcome.answer?.upload_id) return this.#noParts(outcome);
    const { file_key, upload_id, parts = [], checksum_algorithm: sums } = outcome.answer;
    const named = { file_key, upload_id };
    if (sums) {
      this.#ok("parts", `The backend signs parts with their checksums (${sums}): these are tried by an upload, not here.`);
      return this.#abort(named);
    }
    const signed = await this.#ask("POST", "/request-parts", { ...named, part_numbers: [1] });
    if (!signed.answer) this.#lacks(signed, "/request-parts", "URLs can't be renewed where they lapse.");
    const part = signed.answer?.parts?.[0] ?? parts[0];
    if (part && !badGrant(part, ["upload_url"])) await this.#part(part);
    else this.#found({ code: "backend-answer", level: "error", message: "The backend begins an upload in parts, and signs no part of it." });
    const listed = await this.#ask("POST", "/list-parts", named);
    if (!listed.answer) this.#lacks(listed, "/list-parts", "A resumed upload relies on this browser's notes.");
    await this.#abort(named);
  }

  async #part({ upload_url: url, headers }) {
    // Untyped, as the client sends it, so that the browser adds no header.
    const answer = await this.#store({ url, method: "PUT", headers: { ...headers }, body: new Blob([WORDS]) }, "a part");
    if (!answer) return;
    if (answer.headers.get("etag")) return this.#ok("parts", "Storage takes parts, and their ETags can be read.");
    // Azure names its blocks itself, and has no ETag for them.
    if (new URL(url).searchParams.get("comp") === "block") return this.#ok("parts", "Storage takes blocks.");
    this.#found({
      code: "etag-hidden", level: "error", fix: corsRule(url),
      message: "Storage takes a part, but its ETag can't be read, without which no upload in parts is completed: the bucket's CORS rule does not expose it.",
    });
  }

  #noParts(outcome) {
    const limit = "A file goes up in one request then, of 5 GiB at most, and begins anew where it is cut off.";
    const why = outcome.answer ? "The backend signs single requests only." : `A larger file was not granted: ${backendTrouble(outcome, "POST /request-upload").message}`;
    this.#found({ code: "no-parts", level: "warning", message: `${why} ${limit}`, fix: "Add /request-parts, /list-parts, /complete-upload and /abort-upload to the backend." });
  }

  /** `own`: it is the test file. */
  async download(key, own) {
    const outcome = await this.#ask("GET", `/request-download/${key.split("/").map(encodeURIComponent).join("/")}`);
    if (isAbsent(outcome)) return this.#lacks(outcome, "/request-download", "Nothing can be downloaded.");
    if (own && outcome.status === 404) return this.#found({ code: "not-stored", level: "error", message: "The upload was answered with success, but the backend finds nothing stored.", fix: "Something before storage answers in its stead; or the backend looks in another bucket than it signs for." });
    if (!outcome.answer) return this.#found(backendTrouble(outcome, "GET /request-download"));
    const grant = outcome.answer;
    const wrong = badGrant(grant, ["download_url"]);
    if (wrong) return this.#found({ code: "backend-answer", level: "error", message: `The backend's answer to GET /request-download is not as it should be: ${wrong}.` });
    // Of a stranger's object the first byte, since it may have no more.
    const request = { url: grant.download_url, headers: { ...grant.headers, range: own ? "bytes=2-5" : "bytes=0-0" } };
    const answer = await this.#store(request, "the download");
    if (!answer) return undefined;
    const { headers } = answer;
    const whole = answer.status === 200;
    if (headers.get("content-encoding")) this.#found({ code: "encoded", level: "warning", message: `The object comes compressed (${headers.get("content-encoding")}): it can be had only as one stream.`, fix: "Store it without Content-Encoding, or with `Cache-Control: no-transform` in Google Cloud Storage." });
    else if (whole) this.#found({ code: "ranges-ignored", level: "warning", message: "Storage, or what stands before it, ignores ranges: a download is one stream, and begins anew where it is cut off.", fix: "Sign URLs of storage itself, or have the proxy or CDN pass `Range` on." });
    else this.#ok("ranges", "Downloads come in ranges.");
    if (own && answer.text !== (whole ? WORDS : WORDS.slice(2, 6))) this.#found({ code: "bytes-changed", level: "error", message: "What came back is not what was stored.", fix: "Look for a proxy, a cache or a filter between this page and storage." });
    const hidden = ["ETag", ...(whole ? [] : ["Content-Range"])].filter((name) => !headers.get(name));
    if (hidden.length > 0) this.#found({ code: "headers-hidden", level: "warning", message: `The page can't read ${hidden.join(" and ")} of what it downloads: an object that changes meanwhile may go unnoticed.`, fix: corsRule(grant.download_url) });
    const told = ["checksum_crc64nvme", "checksum_crc32c"].some((name) => grant[name]) || ["x-amz-checksum-crc64nvme", "x-amz-checksum-crc32c", "x-goog-hash"].some((name) => headers.get(name));
    if (told) this.#ok("checksum", "A checksum is told, which every byte is compared with.");
    else this.#found({ code: "no-checksum", level: "warning", message: "Nobody tells a checksum of the object: what is moved can't be verified.", fix: "Have the backend put storage's own into its answers, as `checksum_crc64nvme` or `checksum_crc32c` (HeadObject with ChecksumMode: ENABLED)." });
  }

  async remove(key) {
    const outcome = await this.#ask("DELETE", `/files/${key.split("/").map(encodeURIComponent).join("/")}`);
    if (!outcome.answer) this.#found({ code: "left-over", level: "warning", message: `The test file stays in storage, as ${key}: ${isAbsent(outcome) ? "the backend removes nothing" : backendTrouble(outcome, "DELETE /files").message}` });
  }

  async #abort({ file_key, upload_id }) {
    const outcome = await this.#ask("POST", "/abort-upload", { file_key, upload_id });
    if (!outcome.answer) this.#lacks(outcome, "/abort-upload", "What is never finished stays in storage, and is paid for.", lifecycleRule());
  }

  /** Sends it; nothing where that fails, which is then found. */
  async #store(request, what) {
    const asked = { ...request, signal: this.#signal() };
    const answer = await send(asked);
    if (answer?.ok && !/^\s*<(!doctype )?html/i.test(answer.text)) return answer;
    // Of an answer that may not be read, the same questions would be asked once more.
    this.#found(answer ? refused(answer, asked, what) : await blocked(asked, what));
    return undefined;
  }

  #lacks(outcome, route, means, fix) {
    const trouble = backendTrouble(outcome, route);
    this.#found(isAbsent(outcome) ? { code: "no-route", level: "warning", message: `The backend has no ${route}. ${means}`, fix } : trouble);
  }

  #failed() {
    return this.#findings.some(({ level }) => level === "error");
  }

  #ok(code, message) {
    this.#found({ code, level: "ok", message });
  }

  #found(finding) {
    this.#findings.push(finding);
  }
}

function wish(size) {
  return { filename: NAME, content_type: TYPE, size, multipart: true, part_size: PART_SIZE };
}
