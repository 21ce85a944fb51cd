// `client.doctor()` on the mock server with everything that can be set up wrongly: each fault is found, and nothing but it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { AwsClient } from "aws4fetch";

import { launchChromium } from "../support/chromium.js";
import { call, logIn, startMockServer } from "../support/mock-server.js";

/** A guard against a hang, not a measure of anything. */
const timeout = 120_000;
const folder = fileURLToPath(new URL(".", import.meta.url));
const ALL = ["GET", "PUT", "POST", "HEAD", "DELETE"];
const here = { servers: {} };

before(async () => {
  here.server = await serverWith();
  here.browser = await launchChromium();
  here.page = await visit(here.server);
});
after(async () => {
  await here.browser?.close();
  for (const server of Object.values(here.servers)) await (await server).stop();
});

/** One for each set of arguments. */
function serverWith(...args) {
  return (here.servers[args.join(" ")] ??= startMockServer({ page: folder, args }));
}

async function visit(server) {
  const page = await here.browser.newPage();
  await page.goto(new URL("backends/index.html", server.page).href);
  await page.waitForFunction(() => window.up);
  return page;
}

async function examine(page, server, options = {}, asked = {}) {
  const token = await logIn(server, "doctor");
  const all = { endpoint: server.page, headers: { authorization: `Bearer ${token}` }, stallTimeout: 10_000, ...options };
  return page.evaluate(([options, asked]) => new window.Client(options).doctor(asked), [all, asked]);
}

const bad = (findings) => findings.filter(({ level }) => level !== "ok").map(({ code, level }) => `${level}: ${code}`);

/** Each in words, and with what to do unless only a server's log can tell. */
function inWords(findings) {
  for (const { level, code, message, fix } of findings) {
    assert.match(message, /^\p{Lu}.*[.)]$/su, code);
    assert.doesNotMatch(message + (fix ?? ""), /X-Amz-Signature|undefined|\[object/, `${code}: ${message} ${fix}`);
    if (level === "error") assert.ok(fix || ["storage", "backend-function", "backend-answer"].includes(code), `${code} has no fix`);
  }
}

test("where all is well, nothing is found, and nothing is left", { timeout }, async () => {
  const before = await call(here.server, "GET", "/_stats");
  const findings = await examine(here.page, here.server);
  assert.deepEqual(bad(findings), [], JSON.stringify(findings, null, 1));
  assert.deepEqual(findings.map(({ code }) => code), ["backend", "upload", "clock", "parts", "ranges", "checksum"]);
  const now = await call(here.server, "GET", "/_stats");
  assert.deepEqual([now.objects, now.unfinished_uploads], [before.objects, before.unfinished_uploads]);
});

/** Rules of the mock server, and what is found. */
const FAULTS = [
  ["the ETag is not exposed", [{ on: "store", do: { hide_etag: true } }], ["error: etag-hidden", "warning: headers-hidden"]],
  ["no CORS rule for this page", [{ on: "store", do: { no_cors: true } }], ["error: cors-origin"]],
  ["the preflight is refused", [{ on: "preflight", do: { no_cors: true } }], ["error: cors-method"]],
  ["a proxy drops the CORS headers of PUT", [{ on: "put", do: { no_cors: true } }], ["error: cors-method"]],
  ["of GET", [{ on: "get", do: { no_cors: true } }], ["error: cors-origin"]],
  ["of parts", [{ on: "part", do: { no_cors: true } }], ["error: cors-method"]],
  ["ranges are ignored", [{ on: "get", do: { ignore_range: true } }], ["warning: ranges-ignored"]],
  ["URLs have lapsed when they arrive", [{ on: "store", do: { expired: true } }], ["error: expired"]],
  ["a wrong secret key", [{ on: "store", do: { bad_signature: true } }], ["error: signature"]],
  ["an unknown access key", [{ on: "store", do: { status: 403, code: "InvalidAccessKeyId" } }], ["error: credentials"]],
  ["a session token that has expired", [{ on: "store", do: { status: 400, code: "ExpiredToken" } }], ["error: credentials"]],
  ["no right to write", [{ on: "put", do: { status: 403, code: "AccessDenied" } }], ["error: access-denied"]],
  ["no right to write parts", [{ on: "part", do: { status: 403, code: "AccessDenied" } }], ["error: access-denied"]],
  ["no right to read", [{ on: "get", do: { status: 403, code: "AccessDenied" } }], ["error: access-denied"]],
  ["a bucket that is not there", [{ on: "store", do: { status: 404, code: "NoSuchBucket" } }], ["error: bucket"]],
  ["a bucket in another region", [{ on: "store", do: { status: 301, code: "PermanentRedirect" } }], ["error: region"]],
  ["a region signed for that is wrong", [{ on: "store", do: { status: 400, code: "AuthorizationHeaderMalformed" } }], ["error: region"]],
  ["clocks too far apart", [{ on: "put", do: { status: 403, code: "RequestTimeTooSkewed" } }], ["error: clock"]],
  ["a header that is not signed", [{ on: "put", do: { status: 403, code: "HeadersNotSigned" } }], ["error: headers-not-signed"]],
  ["no PUT at all", [{ on: "put", do: { status: 501 } }], ["error: not-supported"]],
  ["a proxy's page before storage", [{ on: "put", do: { html: 200 } }], ["error: not-storage"]],
  ["the same with an error", [{ on: "put", do: { html: 502 } }], ["error: not-storage"]],
  ["something swallows what is sent", [{ on: "put", do: { empty_200: true } }], ["error: not-stored"]],
  ["something changes what is read", [{ on: "get", do: { flip_byte: 0 } }], ["error: bytes-changed"]],
  ["nothing answers at storage", [{ on: "store", do: { cut_request: 0 } }], ["error: storage-unreachable"]],
  ["storage is silent", [{ on: "put", do: { stall_request: 0 } }], ["error: timeout"], { stallTimeout: 500 }],
  ["nobody signed in", [{ on: "backend", do: { status: 401 } }], ["error: backend-sign-in"]],
  ["a wrong address", [{ on: "request-upload", do: { html: 200 } }], ["error: backend-not-json"]],
  ["a backend that fails", [{ on: "request-upload", do: { status: 500 } }], ["error: backend-failing"]],
  ["a backend that wants fewer requests", [{ on: "request-upload", do: { status: 429 } }], ["error: backend-busy"]],
  ["an answer without a URL", [{ on: "request-upload", do: { unset: ["upload_url"] } }], ["error: backend-answer"]],
  ["an answer with a relative URL", [{ on: "request-upload", do: { set: { upload_url: "/upload" } } }], ["error: backend-answer"]],
  ["a URL of nowhere", [{ on: "request-upload", do: { set: { upload_url: "http://127.0.0.1:9/b/k" } } }], ["error: storage-unreachable"]],
  ["an answer that is empty", [{ on: "request-download", do: { empty_200: true } }], ["error: backend-answer"]],
  ["downloads that are not allowed", [{ on: "request-download", do: { status: 403 } }], ["error: backend-sign-in"]],
  ["no checksum", [{ on: "request-download", do: { unset: ["checksum_crc64nvme", "checksum_crc32c"] } }], ["warning: no-checksum"]],
  ["no right to remove", [{ on: "delete-file", do: { status: 403 } }], ["warning: left-over"]],
  ["no way to abort", [{ on: "abort-upload", do: { status: 405 } }], ["warning: no-route"]],
  ["no way to list", [{ on: "backend", key: "nothing", do: { status: 500 } }, { on: "list-parts", do: { status: 405 } }], ["warning: no-route"]],
  ["no way to renew", [{ on: "request-parts", do: { status: 405 } }], ["warning: no-route"]],
];

for (const [words, rules, expected, options] of FAULTS) {
  test(`it finds: ${words}`, { timeout }, async () => {
    await call(here.server, "PUT", "/_faults", { seed: 1, rules });
    const findings = await examine(here.page, here.server, options).finally(() => call(here.server, "DELETE", "/_faults"));
    assert.deepEqual(bad(findings), expected, JSON.stringify(findings, null, 1));
    inWords(findings);
  });
}

test("Garage's own words are understood", { timeout }, async () => {
  const server = await serverWith("--provider", "garage");
  const page = await visit(server);
  const odd = ["URLs have lapsed when they arrive", "a wrong secret key", "an unknown access key", "a bucket that is not there", "no right to write"];
  for (const [words, rules, expected] of FAULTS.filter(([words]) => odd.includes(words))) {
    await call(server, "PUT", "/_faults", { seed: 1, rules });
    const findings = await examine(page, server);
    assert.deepEqual(bad(findings), expected, `${words}: ${JSON.stringify(findings, null, 1)}`);
  }
  await page.close();
});

/** The bucket's real rule, as S3 applies it. */
const RULES = [
  ["another origin", { origin: "https://another.page" }, ["error: cors-origin"]],
  ["no PUT", { methods: ["GET", "HEAD"] }, ["error: cors-method"]],
  ["no headers", { headers: [] }, ["error: cors-headers"]],
  ["nothing exposed", { exposed: [] }, ["error: etag-hidden", "warning: headers-hidden"]],
];

for (const [words, rule, expected] of RULES) {
  test(`it finds a CORS rule with ${words}, and what it says to paste helps`, { timeout }, async () => {
    await putCors(rule);
    const found = await examine(here.page, here.server);
    assert.deepEqual(bad(found), expected, JSON.stringify(found, null, 1));
    const [paste] = JSON.parse(found.find(({ level }) => level === "error").fix);
    assert.deepEqual(paste.AllowedOrigins, [new URL(here.server.page).origin]);
    await putCors({ origin: paste.AllowedOrigins[0], methods: paste.AllowedMethods, headers: paste.AllowedHeaders, exposed: paste.ExposeHeaders });
    assert.deepEqual(bad(await examine(here.page, here.server)), []);
  });
}

async function putCors({ origin = "*", methods = ALL, headers = ["*"], exposed = ["ETag"] }) {
  const of = (name, values) => values.map((value) => `<${name}>${value}</${name}>`).join("");
  const rule = of("AllowedOrigin", [origin]) + of("AllowedMethod", methods) + of("AllowedHeader", headers) + of("ExposeHeader", exposed);
  const aws = new AwsClient({ accessKeyId: "presigned", secretAccessKey: "presigned-secret", region: "us-east-1", service: "s3" });
  const body = `<CORSConfiguration><CORSRule>${rule}</CORSRule></CORSConfiguration>`;
  const answer = await aws.fetch(`${here.server.store}presigned?cors`, { method: "PUT", body });
  assert.equal(answer.status, 200, await answer.text());
}

/** How a server can be started. */
const SETTINGS = [
  ["a clock that is behind", ["--signer-skew", "-3600"], ["error: clock"]],
  ["a clock that is ahead", ["--signer-skew", "3600"], ["error: clock"]],
  ["a clock that is a little off", ["--signer-skew", "-300"], ["warning: clock"]],
  ["types that are not taken", ["--types", "image/*"], ["error: backend-refuses"]],
  ["files that may not be large", ["--max-size", "1000000"], ["warning: no-parts"]],
  ["nothing, as R2 is well too but tells no checksum", ["--provider", "r2"], ["warning: no-checksum"]],
  ["nothing, as Google is well", ["--provider", "gcs"], []],
];

for (const [words, args, expected] of SETTINGS) {
  test(`it finds: ${words}`, { timeout }, async () => {
    const server = await serverWith(...args);
    const page = await visit(server);
    const findings = await examine(page, server);
    await page.close();
    assert.deepEqual(bad(findings), expected, JSON.stringify(findings, null, 1));
    inWords(findings);
  });
}

test("a backend on another origin: not there, without CORS, with its four routes alone", { timeout }, async () => {
  const of = async (options) => bad(await examine(here.page, here.server, options));
  assert.deepEqual(await of({ endpoint: "http://127.0.0.1:9/" }), ["error: backend-unreachable"]);
  const silent = createServer((_request, response) => response.end("{}"));
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  assert.deepEqual(await of({ endpoint: `http://127.0.0.1:${silent.address().port}` }), ["error: backend-cors"]);
  silent.closeAllConnections();
  silent.close();
  assert.deepEqual(await of({ endpoint: new URL("nowhere", here.server.page).href }), ["error: backend-route"]);
});

test("the store is named, with what one should know of it", { timeout }, async () => {
  const named = await here.page.evaluate(async () => {
    const at = (url, provider) => new window.Client({ backend: { requestUpload: async () => ({ key: "k", url }) }, provider, stallTimeout: 5_000 }).doctor();
    const all = await Promise.all([at("http://127.0.0.1:9/k"), at("http://127.0.0.1:9/k", "minio"), at("https://bucket.nowhere.digitaloceanspaces.com/k")]);
    return all.map((findings) => findings.find(({ code }) => code === "provider")?.message);
  });
  assert.equal(named[0], undefined, "nobody can tell");
  assert.match(named[1], /^The store is MinIO, says the client\. .*after a day/);
  assert.match(named[2], /^The store is DigitalOcean Spaces, by its host\./);
});

test("functions of the page are asked as a server is", { timeout }, async () => {
  const findings = await here.page.evaluate(async () => {
    const backend = { requestUpload: async () => ({ key: "k", url: "http://127.0.0.1:9/k" }) };
    const broken = { requestUpload: async () => undefined.nothing };
    return Promise.all([backend, broken].map((backend) => new window.Client({ backend }).doctor()));
  });
  assert.deepEqual(findings.map(bad), [["error: storage-unreachable"], ["error: backend-function"]]);
});

test("an object of the application's is read, and not touched", { timeout }, async () => {
  const token = await logIn(here.server, "doctor");
  const key = "uploads/doctor/own.bin";
  const up = await here.page.evaluate(([token, key]) => window.up({ backend: "endpoint", where: { token }, seed: 1, size: 3, key }), [token, key]);
  assert.equal(up.error, undefined, JSON.stringify(up));
  assert.deepEqual(bad(await examine(here.page, here.server, {}, { key })), []);
  assert.deepEqual(bad(await examine(here.page, here.server, {}, { key: `${key}-not` })), ["error: backend-refuses"]);
  const down = await here.page.evaluate(([token, key]) => window.down({ backend: "endpoint", where: { token }, key }), [token, key]);
  assert.equal(down.size, 3, JSON.stringify(down));
});

test("it can be given up, and wrong options are said at once", { timeout }, async () => {
  const ends = await here.page.evaluate(() => {
    const end = (promise) => promise.then(() => "done", ({ name, code }) => (name === "AbortError" ? name : code));
    return Promise.all([end(new window.Client({ endpoint: "/" }).doctor({ signal: AbortSignal.abort() })), end(new window.Client({}).doctor())]);
  });
  assert.deepEqual(ends, ["AbortError", "invalid-option"]);
});
