// Storage as the doctor asks it: by fetch, since that shows the most, and what its refusals mean for whoever set it up.

import { text } from "../backends/storage.js";
import { isReached } from "./backend.js";
import { corsRule } from "./rules.js";

/** A clock that is off by more than this is worth a word, in milliseconds. */
const SKEW = 60_000;
/** What storage's rights are called in S3's policies. */
const RIGHTS = { "the upload": "s3:PutObject", "a part": "s3:PutObject", "the download": "s3:GetObject" };

/** The answer with its text; nothing where the page may not read one. */
export async function send({ url, method = "GET", headers = {}, fields, body, signal }) {
  // These a browser sets itself.
  const own = Object.entries(headers).filter(([name]) => !/^(host|content-length|connection)$/i.test(name));
  try {
    const sent = { method, headers: own, body: fields ? form(fields, body) : body, cache: "no-store", signal };
    const response = await fetch(url, sent);
    return { status: response.status, ok: response.ok, headers: response.headers, text: await response.text() };
  } catch (error) {
    if (error?.name !== "TypeError") throw error;
    return undefined;
  }
}

function form(fields, file) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return form;
}

/** Why the page may not read an answer: other requests tell, each of which needs less of the bucket's rules. */
export async function blocked({ url, method = "GET", headers = {}, signal }, what) {
  const { protocol, origin, hostname } = new URL(url);
  const rule = (code, message) => ({ code, level: "error", message: `${message} The bucket's CORS rule decides this.`, fix: corsRule(url) });
  const loopback = hostname === "localhost" || hostname.endsWith(".localhost") || hostname.startsWith("127.");
  if (protocol === "http:" && globalThis.isSecureContext && globalThis.location?.protocol === "https:" && !loopback) {
    return { code: "mixed-content", level: "error", message: `This page came by https, and ${origin} is http: browsers forbid that.`, fix: "Have the backend sign https URLs." };
  }
  if (!(await isReached(url, signal))) {
    return {
      code: "storage-unreachable", level: "error", message: `Nothing answers at ${origin} (${what}).`,
      fix: "Correct the endpoint for which the backend signs; a firewall, a wrong certificate, `connect-src` of the page's Content-Security-Policy or a browser extension look the same from here.",
    };
  }
  // A GET without headers needs no preflight.
  if (!(await send({ url, signal }))) return rule("cors-origin", `Storage answers, but lets no page of ${globalThis.location?.origin} read that (${what}).`);
  if (method === "GET") return { code: "network", level: "error", message: `Storage's answer was cut off on its way (${what}), and not when it was asked again.`, fix: "Try again." };
  const names = Object.keys(headers);
  if (names.length > 0 && (await send({ url, method, signal }))) {
    return rule("cors-headers", `Storage lets this page send ${method}, but not with ${names.join(", ")} (${what}).`);
  }
  return rule("cors-method", `Storage lets this page read, but not send ${method} (${what}): the preflight is refused, or the answer has no CORS headers.`);
}

/** What a refusal means. `moment`: when the URL was had, as `performance.now()`. */
export function refused(answer, { url, headers = {} }, what) {
  const { status, headers: got, text: xml } = answer;
  const [code, said] = [text(xml, "Code"), text(xml, "Message")];
  const quote = `(${what}, HTTP ${[status, code].filter(Boolean).join(" ")}${said ? `: ${said}` : ""})`;
  const finding = (code, message, fix) => ({ code, level: "error", message: `${message} ${quote}`, fix });
  const query = new URL(url).searchParams;
  if (/not yet valid/.test(said) || code === "RequestTimeTooSkewed") return clock(skewOf(answer, url), quote) ?? finding("clock", "The signer's clock and storage's differ.", NTP);
  if (code === "ExpiredToken" || code === "InvalidToken") return finding("credentials", "The backend's temporary credentials have expired.", "Have the backend renew its session token, and give URLs no longer a life than the token has left.");
  // Azure does not always say so, but its URLs tell when they end.
  const over = Date.parse(query.get("se") ?? "") < Date.parse(got.get("date") ?? "");
  if (/expired|date is too old/i.test(said) || over) {
    const life = Number(query.get("X-Amz-Expires") ?? query.get("X-Goog-Expires"));
    return clock(skewOf(answer, url), quote) ?? finding("expired", `Storage says that the URL has expired, which was signed just now${life ? ` for ${life} s` : ""}.`, "Something between keeps URLs too long, a cache of the backend's answers perhaps (`Cache-Control: no-store`); or they are signed for too short a time: 900 s are usual.");
  }
  // Garage tells its region with whatever is wrong.
  const [region, signed] = [text(xml, "Region"), query.get("X-Amz-Credential")?.split("/").at(-3)];
  if (code === "AuthorizationHeaderMalformed" || code === "PermanentRedirect" || code === "TemporaryRedirect" || status === 301 || status === 307 || /region/i.test(said) || (region && region !== signed)) {
    const wanted = region ?? got.get("x-amz-bucket-region") ?? /expecting '([\w-]+)'/.exec(said)?.[1];
    return finding("region", `The bucket is in another region${wanted ? `, ${wanted},` : ""} than the one signed for${signed ? ` (${signed})` : ""}.`, `Set the backend's region${wanted ? ` to ${wanted}` : " to the bucket's"}${text(xml, "Endpoint") ? ` and its endpoint to ${text(xml, "Endpoint")}` : ""}.`);
  }
  if (code === "SignatureDoesNotMatch" || code === "AuthenticationFailed" || /invalid signature/i.test(said)) {
    const names = query.get("X-Amz-SignedHeaders") ?? query.get("X-Goog-SignedHeaders");
    return finding("signature", `Storage does not accept the signature. Signed headers: ${names?.replaceAll(";", ", ") ?? "unknown"}; sent along: ${Object.keys(headers).join(", ") || "none"}.`, "The backend's secret key may be wrong; or it signs for another method, or for a Content-Type that the page does not send: it must sign what it was asked for, and return all signed headers as `headers`. A proxy that rewrites paths or queries also does this.");
  }
  if (code === "InvalidAccessKeyId" || /no such key:/i.test(said)) return finding("credentials", "Storage does not know the backend's access key.", "Correct the backend's access key, and check that it belongs to this endpoint.");
  if (code === "HeadersNotSigned" || /not signed|should be signed/.test(said)) return finding("headers-not-signed", `Headers were sent that the URL is not signed for: ${text(xml, "HeadersNotSigned") ?? Object.keys(headers).join(", ")}.`, "Have the backend return as `headers` only those that it signed.");
  if (code === "NoSuchBucket" || code === "ContainerNotFound") return finding("bucket", "The bucket does not exist.", "Correct the bucket's name in the backend, or its endpoint.");
  if (code === "NoSuchKey") return finding("not-found", "Storage has no such object.", "Where it was stored just now, the backend signs for two different buckets or keys.");
  if (status === 401 || status === 403) return finding("access-denied", "Storage denies access to whom the URL is signed for.", RIGHTS[what] && `Allow the backend's key ${RIGHTS[what]} on this bucket; a bucket policy, or a KMS key that it may not use, can deny it too.`);
  if (status === 429 || status === 503) return finding("storage-busy", "Storage asks for fewer requests.", "Wait, and look again.");
  if (status === 501 || status === 405) return finding("not-supported", "Storage can't do that.", "Have the backend sign something else: R2 and B2 take no presigned POST forms.");
  if (/^\s*<(!doctype )?html/i.test(xml)) return finding("not-storage", `Something else than storage answers at ${new URL(url).origin}: it sends a page.`, "Correct the endpoint for which the backend signs; a proxy or a sign-in page stands before storage.");
  return finding("storage", status >= 500 ? "Storage fails." : "Storage refuses.", undefined);
}

const NTP = "Set the clock of the machine that signs: `timedatectl set-ntp true`, or its host's.";

/** By how many milliseconds the signer's clock is ahead of storage's, as far as both are known. The URL was signed just now. */
function skewOf({ headers, text: xml }, url) {
  const query = new URL(url).searchParams;
  const signed = moment(query.get("X-Amz-Date") ?? query.get("X-Goog-Date"));
  const storage = Date.parse(text(xml, "ServerTime") ?? headers.get("date") ?? "");
  return signed - storage;
}

/** `20261124T101500Z` */
function moment(text) {
  return Date.parse((text ?? "").replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

/** A finding about a clock that is wrong, if it is. */
function clock(skew, quote, level = "error") {
  if (!(Math.abs(skew) > SKEW)) return undefined;
  const seconds = Math.round(Math.abs(skew) / 1000);
  return { code: "clock", level, message: `The clock that signs is ${seconds} s ${skew > 0 ? "ahead of" : "behind"} storage's. ${quote}`.trim(), fix: NTP };
}

/** The same of an answer that was a success: it works yet. */
export function clockOf(answer, url) {
  const skew = skewOf(answer, url);
  if (Number.isNaN(skew)) return undefined;
  return clock(skew, "URLs live shorter, or lapse at once, by as much.", "warning") ?? { code: "clock", level: "ok", message: "The clock that signs agrees with storage's." };
}
