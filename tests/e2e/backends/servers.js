// Backends that nobody here wrote, as they come from npm, and a bare signer; all sign for one store, the mock server's or another.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { RejectUpload, route } from "@better-upload/server";
import { toNodeHandler } from "@better-upload/server/adapters/node";
import { custom } from "@better-upload/server/clients";
import { AwsClient } from "aws4fetch";

/** The mock server's. */
const ACCESS = { bucket: "presigned", key: "presigned", secret: "presigned-secret", region: "us-east-1" };
const PART = 5 << 20;
const LARGEST_FORM = 6 << 20;

/** Serves them on one free port; `sign` is the signer itself. */
export async function startServers(store, access = ACCESS) {
  const folder = await mkdtemp(join(tmpdir(), "presigned-companion-"));
  const [companion, better, sign] = [await startCompanion(store, access, folder), betterUpload(store, access), signer(store, access)];
  const article = articleServer(store, access, sign);
  const server = createServer(async (request, response) => {
    if (request.url.startsWith("/companion/")) {
      request.url = request.url.slice("/companion".length);
      return companion(request, response);
    }
    allow(request, response);
    if (request.method === "OPTIONS") return response.end();
    if (request.url === "/api/upload") return better(request, response);
    if (request.url.startsWith("/article/")) return article(request, response);
    const answer = await sign(JSON.parse(await text(request)));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    sign,
    asked: article.asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startCompanion(store, { bucket, key, secret, region, awsClientOptions }, filePath) {
  // Without its clean-up job, which would keep this process alive.
  process.env.NODE_ENV = "test";
  const companion = await import("@uppy/companion");
  const { app } = companion.app({
    server: { host: "127.0.0.1", protocol: "http" },
    filePath,
    secret: "a secret of the tests",
    corsOrigins: true,
    uploadUrls: [store],
    metrics: false,
    s3: {
      key,
      secret,
      bucket,
      region,
      endpoint: store,
      forcePathStyle: true,
      awsClientOptions,
      conditions: [["content-length-range", 0, LARGEST_FORM]],
    },
  });
  return app;
}

function betterUpload(store, { bucket, key, secret, region }) {
  const { host } = new URL(store);
  const client = custom({ host, accessKeyId: key, secretAccessKey: secret, region, secure: false, forcePathStyle: true });
  const onBeforeUpload = ({ req, file, clientMetadata }) => {
    if (req.headers.get("authorization") !== "Bearer page") throw new RejectUpload("You are not signed in.");
    const objectInfo = { key: `better/${crypto.randomUUID()}/${file.name.replaceAll(/[^\w.-]/g, "-")}` };
    if (file.name === "known.bin") return { generateObjectInfo: () => ({ ...objectInfo, skip: "completed" }) };
    if (file.name === "ignored.bin") return { generateObjectInfo: () => ({ ...objectInfo, skip: "ignore" }) };
    return { objectInfo: { ...objectInfo, metadata: { Colour: clientMetadata?.colour ?? "none" }, cacheControl: "max-age=60" } };
  };
  const routes = {
    whole: route({ maxFileSize: 8 << 20, fileTypes: ["application/*"], onBeforeUpload }),
    parts: route({ multipart: true, partSize: PART, maxFileSize: 50_000_000, onBeforeUpload }),
  };
  return toNodeHandler({ client, bucketName: bucket, routes });
}

/** The article's four routes and nothing else. `asked` counts what it was asked for. */
function articleServer(store, access, sign) {
  const asked = {};
  const serve = async (request, response) => {
    const { pathname, searchParams } = new URL(request.url.slice("/article".length), store);
    const [, route, ...rest] = pathname.split("/");
    const [name, key] = [`${request.method} /${route}`, rest.map(decodeURIComponent).join("/")];
    asked[name] = (asked[name] ?? 0) + 1;
    const say = (answer) => response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    if (name === "POST /request-upload") {
      const { filename } = JSON.parse(await text(request));
      const file_key = `article/${crypto.randomUUID()}/${filename}`;
      return say({ upload_url: (await sign({ action: "put", key: file_key })).url, file_key, expires_in: 900 });
    }
    if (name === "GET /request-download") return say({ download_url: (await sign({ action: "get", key })).url, expires_in: 900 });
    if (name === "DELETE /files") {
      await fetch((await sign({ action: "delete", key })).url, { method: "DELETE" });
      return say({ message: "deleted" });
    }
    if (name === "GET /files") return say({ files: await listed(store, access, searchParams.get("prefix") ?? "") });
    response.writeHead(404, { "content-type": "text/html" }).end("<h1>Not Found</h1>");
  };
  return Object.assign(serve, { asked });
}

async function listed(store, access, prefix) {
  const aws = clientOf(access);
  const xml = await (await aws.fetch(`${store}${access.bucket}?list-type=2&prefix=${encodeURIComponent(prefix)}`)).text();
  const of = (text, name) => new RegExp(`<${name}>([^<]*)<`).exec(text)?.[1];
  const file = (text) => ({ key: of(text, "Key"), size: Number(of(text, "Size")), last_modified: of(text, "LastModified") });
  return xml.split("<Contents>").slice(1).map(file);
}

function clientOf({ key, secret, region }) {
  return new AwsClient({ accessKeyId: key, secretAccessKey: secret, region, service: "s3" });
}

/** What an application's one signing route does. */
function signer(store, access) {
  const aws = clientOf(access);
  const methods = { put: "PUT", get: "GET", delete: "DELETE", create: "POST", part: "PUT", "list-parts": "GET", complete: "POST", abort: "DELETE" };
  return async ({ action, key, uploadId, partNumber, partNumberMarker, metadata = {} }) => {
    const url = new URL(`${access.bucket}/${key.split("/").map(encodeURIComponent).join("/")}`, store);
    const query = { uploadId, partNumber, "part-number-marker": partNumberMarker, uploads: action === "create" ? "" : undefined, "X-Amz-Expires": 900 };
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const headers = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]));
    const signed = await aws.sign(url.href, { method: methods[action], headers, aws: { signQuery: true } });
    return { url: signed.url, headers, expiresIn: 900 };
  };
}

function allow({ headers }, response) {
  response.setHeader("access-control-allow-origin", headers.origin ?? "*");
  response.setHeader("access-control-allow-methods", "GET, POST, DELETE");
  response.setHeader("access-control-allow-headers", "authorization, content-type");
}

async function text(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
