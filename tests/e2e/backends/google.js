// Signed URLs for the mock server as Google Cloud Storage, and its resumable sessions, as an application's server gives them out.

import { createHash, createHmac, randomUUID } from "node:crypto";

const [BUCKET, ID, SECRET] = ["presigned", "presigned", "presigned-secret"];
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();

/** Google's "V4 signing process with your own program", with an HMAC key. */
function signed(store, method, key, headers = {}, asked = {}) {
  const url = new URL(`${BUCKET}/${key.split("/").map(encodeURIComponent).join("/")}`, store);
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${date.slice(0, 8)}/auto/storage/goog4_request`;
  const all = Object.entries({ ...headers, host: url.host }).sort(([one], [other]) => (one < other ? -1 : 1));
  const names = all.map(([name]) => name).join(";");
  const query = Object.entries({
    ...asked,
    "X-Goog-Algorithm": "GOOG4-HMAC-SHA256", "X-Goog-Credential": `${ID}/${scope}`, "X-Goog-Date": date, "X-Goog-Expires": "900", "X-Goog-SignedHeaders": names,
  }).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).sort().join("&");
  const canonical = [method, url.pathname, query, ...all.map(([name, value]) => `${name}:${value}`), "", names, "UNSIGNED-PAYLOAD"].join("\n");
  const text = ["GOOG4-HMAC-SHA256", date, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const signing = scope.split("/").reduce(hmac, `GOOG4${SECRET}`);
  return `${url}?${query}&X-Goog-Signature=${hmac(signing, text).toString("hex")}`;
}

const METHODS = { put: "PUT", get: "GET", delete: "DELETE", create: "POST", part: "PUT", "list-parts": "GET", complete: "POST", abort: "DELETE" };

/** What an application's one signing route does. */
export function signerOf(store) {
  return async ({ action, key, contentType, metadata = {}, ...query }) => {
    const meta = Object.entries(metadata).map(([name, value]) => [`x-goog-meta-${name}`, value]);
    const headers = { ...(contentType && { "content-type": contentType }), ...Object.fromEntries(meta) };
    const { uploadId, partNumber, partNumberMarker } = query;
    const asked = { ...(action === "create" && { uploads: "" }), uploadId, partNumber, "part-number-marker": partNumberMarker };
    const defined = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
    return { url: signed(store, METHODS[action], key, headers, defined), headers, expiresIn: 900 };
  };
}

/** `known`: the sessions that the server remembers, by its own names for them. */
export function sessionsOf(store) {
  const known = new Map();
  const session = async ({ action, key, id, contentType, metadata = {} }) => {
    if (action === "get") return { url: signed(store, "GET", key), expiresIn: 900 };
    if (action === "find") return known.has(id) ? { url: known.get(id) } : undefined;
    const meta = Object.entries(metadata).map(([name, value]) => [`x-goog-meta-${name}`, value]);
    const headers = { "content-type": contentType, "x-goog-resumable": "start", ...Object.fromEntries(meta) };
    const answer = await fetch(signed(store, "POST", key, headers), { method: "POST", headers });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    const name = randomUUID();
    known.set(name, answer.headers.get("location"));
    return { url: known.get(name), id: name };
  };
  return { known, session };
}
