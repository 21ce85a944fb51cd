// A backend for presigned: it knows who is asking, and signs URLs. The bytes never pass through here.
import { randomBytes } from "node:crypto";
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand,
  GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client, UploadPartCommand, paginateListObjectsV2,
  paginateListParts,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { verify } from "hono/jwt";

// PAGE_ORIGIN: where the page is, if elsewhere. PART_SHA256=1: no part is signed without its own, so the store refuses a spoilt one.
const { SECRET_KEY, S3_BUCKET, PAGE_ORIGIN, PART_SHA256, PORT = "3000" } = process.env;
if (!SECRET_KEY || !S3_BUCKET) throw new Error("set SECRET_KEY and S3_BUCKET");
const MAX_SIZE = 5 * 2 ** 40; // or what your application takes
const [EXPIRES_IN, PART_SIZE, MAX_PARTS] = [900, 8 * 2 ** 20, 10_000]; // S3's limit
// Parts signed with the first answer, for which there are no checksums yet; the page asks for the others when it needs them.
const [SHA256, FIRST_BATCH] = PART_SHA256 === "1" ? ["SHA256", 0] : [undefined, 32];

// Keys, region and, for a store that is not AWS, AWS_ENDPOINT_URL_S3 come from the environment. By itself the SDK would
// sign a checksum into each upload's URL: that of no bytes, since it has none when it signs.
const s3 = new S3Client({ requestChecksumCalculation: "WHEN_REQUIRED" });
const app = new Hono();

if (PAGE_ORIGIN) app.use(cors({ origin: PAGE_ORIGIN.split(","), exposeHeaders: ["Retry-After"], maxAge: 3600 }));
app.use(bodyLimit({ maxSize: 4 * 2 ** 20 }));
// Before every route, so that none can be forgotten.
app.use(async (c, next) => {
  const token = (c.req.header("authorization") ?? "").replace(/^Bearer /, "");
  // HS256 only: a token must not choose its own algorithm.
  const claims = await verify(token, SECRET_KEY, "HS256").catch(() => ({}));
  // The user becomes a folder's name, and must not name another's.
  if (!claims.exp || !/^[A-Za-z0-9_-]+$/.test(claims.user_id ?? "")) {
    return c.json({ message: "Token is missing or invalid" }, 401);
  }
  c.set("folder", `uploads/${claims.user_id}/`);
  await next();
});

const refused = (status, message, code = "invalid-request") => new HTTPException(status, { message, cause: code });

/** A key that the page names must lie in the user's folder. */
function own(c, key) {
  if (!key.startsWith(c.get("folder"))) throw refused(403, "Access denied", "access-denied");
  // URLs give `.` and `..` a meaning that keys do not have: such a key would be signed as another.
  const climbs = key.split("/").some((segment) => segment === "." || segment === "..");
  if (key === c.get("folder") || climbs || Buffer.byteLength(key) > 1024 || /\p{Cc}|\p{Cs}/u.test(key)) {
    throw refused(400, "The key is not one that can be stored");
  }
  return key;
}

async function body(c) {
  const data = await c.req.json().catch(() => null);
  if (data === null || typeof data !== "object") throw refused(400, "The body is no JSON object");
  return data;
}

function field(data, name, type, otherwise) {
  const value = data?.[name] ?? otherwise;
  if ((Array.isArray(value) ? "array" : typeof value) !== type) throw refused(400, `\`${name}\` is missing, or not what it should be`);
  return value;
}

function uploadRef(c, data) {
  const [key, UploadId] = ["file_key", "upload_id"].map((name) => field(data, name, "string"));
  return { Bucket: S3_BUCKET, Key: own(c, key), UploadId };
}

function sign(command, headers = {}) {
  const names = new Set(Object.keys(headers)); // else Content-Type is left unsigned, and others move into the query
  return getSignedUrl(s3, command, { expiresIn: EXPIRES_IN, signableHeaders: names, unhoistableHeaders: names });
}

async function signPart(ref, number, checksums) {
  if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS) throw refused(400, `Part numbers go from 1 to ${MAX_PARTS}`);
  const ChecksumSHA256 = SHA256 && field(checksums, number, "string");
  const headers = SHA256 && { "x-amz-checksum-sha256": ChecksumSHA256 };
  const upload_url = await sign(new UploadPartCommand({ ...ref, PartNumber: number, ChecksumSHA256 }), headers);
  return { part_number: number, upload_url, headers };
}

// The store's own checksums of the whole: the page compares them with what it hashed itself.
const sums = ({ ChecksumCRC64NVME, ChecksumSHA256 }) => ({ checksum_crc64nvme: ChecksumCRC64NVME, checksum_sha256: ChecksumSHA256 });

async function grant(c, data) { // for one file: a URL to put it to, or an upload in parts
  const filename = field(data, "filename", "string");
  const contentType = field(data, "content_type", "string", "application/octet-stream");
  const [size, metadata] = [field(data, "size", "number", 0), field(data, "metadata", "object", {})];
  const gzip = data.content_encoding === "gzip" ? "gzip" : undefined;
  const printable = (text) => typeof text === "string" && /^[!-~]([ -~]*[!-~])?$/.test(text);
  if (![contentType, ...Object.entries(metadata).flat()].every(printable)) {
    throw refused(400, "`content_type` and `metadata` become headers, and must be printable ASCII");
  }
  if (filename === "") throw refused(400, "Filename is required");
  if (size < 0 || size > MAX_SIZE) throw refused(413, `Files may have at most ${MAX_SIZE} bytes`, "too-large");
  // A key that nobody can guess, so that no upload overwrites another.
  const name = filename.replace(/[/\\\p{Cc}]/gu, "_").slice(0, 200);
  const Key = own(c, field(data, "key", "string", `${c.get("folder")}${randomBytes(8).toString("hex")}_${name}`));
  const params = { Bucket: S3_BUCKET, Key, ContentType: contentType, ContentEncoding: gzip, Metadata: metadata };
  // The page's wish if S3 allows it, and as large as it takes to be within 10,000 parts.
  const wish = field(data, "part_size", "number", PART_SIZE);
  const near = wish >= 5 * 2 ** 20 && wish <= 5 * 2 ** 30 ? wish : PART_SIZE;
  const partSize = Math.max(near, Math.ceil(size / MAX_PARTS));
  if (!field(data, "multipart", "boolean", false) || size <= partSize) {
    // The file's own type is signed, and so must be sent: by its name, or by these headers.
    const headers = { "content-type": contentType, ...(gzip && { "content-encoding": gzip }) };
    for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name.toLowerCase()}`] = value;
    const upload_url = await sign(new PutObjectCommand(params), headers);
    return { upload_url, file_key: Key, headers, content_encoding: gzip, expires_in: EXPIRES_IN };
  }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...params, ChecksumAlgorithm: SHA256 }));
  const first = Array.from({ length: Math.min(Math.ceil(size / partSize), FIRST_BATCH) }, (_, index) => index + 1);
  const parts = await Promise.all(first.map((number) => signPart({ Bucket: S3_BUCKET, Key, UploadId }, number)));
  const about = { part_size: partSize, parts, checksum_algorithm: SHA256?.toLowerCase(), content_encoding: gzip, expires_in: EXPIRES_IN };
  return { file_key: Key, upload_id: UploadId, ...about };
}

app.post("/request-upload", async (c) => c.json(await grant(c, await body(c))));

app.post("/request-uploads", async (c) => {
  const files = field(await body(c), "files", "array").slice(0, 1000);
  // One that is refused does not take the others along.
  const one = (file) => grant(c, file).catch((error) => ({ error: error.message, code: error.cause ?? error.name }));
  return c.json({ uploads: await Promise.all(files.map(one)) });
});

app.post("/request-parts", async (c) => {
  const data = await body(c);
  const signed = field(data, "part_numbers", "array").slice(0, 1000).map((number) => signPart(uploadRef(c, data), number, data.checksums));
  return c.json({ parts: await Promise.all(signed), expires_in: EXPIRES_IN });
});

app.post("/list-parts", async (c) => {
  const parts = [];
  for await (const page of paginateListParts({ client: s3 }, uploadRef(c, await body(c)))) {
    parts.push(...(page.Parts ?? []));
    if (!page.IsTruncated) break; // stores name a next marker with their last page too, and the SDK would start anew
  }
  return c.json({ parts: parts.map((part) => ({ part_number: part.PartNumber, etag: part.ETag, size: part.Size })) });
});

app.post("/complete-upload", async (c) => {
  const data = await body(c);
  const ref = uploadRef(c, data);
  const known = (one) => ({ PartNumber: field(one, "part_number", "number"), ETag: field(one, "etag", "string") });
  const part = (one) => ({ ...known(one), ChecksumSHA256: SHA256 && field(one, "checksum", "string") });
  const Parts = field(data, "parts", "array").map(part);
  // An error that S3 sends after its `200 OK` is an exception here: the SDK looks into the body.
  const done = await s3.send(new CompleteMultipartUploadCommand({ ...ref, MultipartUpload: { Parts } }));
  const head = await s3.send(new HeadObjectCommand({ Bucket: ref.Bucket, Key: ref.Key }));
  return c.json({ file_key: ref.Key, etag: done.ETag, size: head.ContentLength, ...sums(done) });
});

app.post("/abort-upload", async (c) => {
  const gone = (error) => error.name === "NoSuchUpload" || Promise.reject(error);
  await s3.send(new AbortMultipartUploadCommand(uploadRef(c, await body(c)))).catch(gone);
  return c.json({});
});

// A key keeps its slashes in the path, whence the pattern.
app.get("/request-download/:key{.+}", async (c) => {
  const ref = { Bucket: S3_BUCKET, Key: own(c, c.req.param("key")) };
  const head = await s3.send(new HeadObjectCommand({ ...ref, ChecksumMode: "ENABLED" }));
  // A download, never a page: an uploaded HTML file must not run under the store's name. Nor stored: it would pile up in Chromium.
  const hex = (mark) => `%${mark.charCodeAt(0).toString(16)}`;
  const name = encodeURIComponent(ref.Key.split("/").pop()).replace(/['()*]/g, hex);
  const response = { ResponseContentDisposition: `attachment; filename*=UTF-8''${name}`, ResponseCacheControl: "no-store" };
  const types = { content_type: head.ContentType, content_encoding: head.ContentEncoding };
  const about = { ...types, size: head.ContentLength, etag: head.ETag, ...sums(head) };
  return c.json({ download_url: await sign(new GetObjectCommand({ ...ref, ...response })), expires_in: EXPIRES_IN, ...about });
});

app.get("/files", async (c) => {
  const Prefix = c.req.query("prefix") ?? c.get("folder");
  if (!Prefix.startsWith(c.get("folder"))) throw refused(403, "Access denied", "access-denied");
  const files = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: S3_BUCKET, Prefix })) files.push(...(page.Contents ?? []));
  return c.json({ files: files.map((one) => ({ key: one.Key, size: one.Size, last_modified: one.LastModified })) });
});

app.delete("/files/:key{.+}", async (c) => {
  await s3.send(new DeleteObjectCommand({ Bucket: S3_BUCKET, Key: own(c, c.req.param("key")) }));
  return c.json({ message: "File deleted successfully" });
});

app.notFound((c) => c.json({ error: "There is no such route" }, 404));
app.onError((error, c) => {
  // S3's own refusals are passed on by their names.
  const statuses = { NotFound: 404, NoSuchUpload: 404, InvalidPart: 409, EntityTooSmall: 409, SlowDown: 503 };
  const status = error instanceof HTTPException ? error.status : (statuses[error.name] ?? 502);
  return c.json({ error: error.message || error.name, code: error.cause ?? error.name }, status);
});

serve({ fetch: app.fetch, port: Number(PORT), hostname: "127.0.0.1" });
