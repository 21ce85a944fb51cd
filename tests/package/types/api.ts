// Compiled, never run. Each `@ts-expect-error` is a misuse that the types must refuse.

import { azure, betterUpload, Client, companion, resumable, signer, TransferError, uppyCallbacks } from "presigned";
import type {
  Backend,
  Batch,
  BatchResult,
  ClientOptions,
  Download,
  DownloadResult,
  ErrorCode,
  Finding,
  LogEntry,
  Media,
  PartEvent,
  Progress,
  SavedTransfer,
  SignableRequest,
  StoredFile,
  TraceEntry,
  Transfer,
  TransferEvent,
  Upload,
  UploadResult,
} from "presigned";

type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const holds = <Claim extends true>(): Claim => true as Claim;

const options: ClientOptions = {
  endpoint: new URL("https://app.example/api/"),
  headers: async () => ({ authorization: "Bearer token" }),
  credentials: "include",
  concurrency: 4,
  partSize: "auto",
  retryDelays: [100, 200] as const,
  stallTimeout: 10_000,
  cacheSize: 1e9,
  cacheUser: "ada",
  provider: "r2",
  onLog: (entry) => holds<Same<typeof entry, LogEntry>>(),
};
const client = new Client(options);
// @ts-expect-error no store of that name
new Client({ endpoint: "/api", provider: "azure" });
new Client({ endpoint: "/api", headers: { authorization: "Bearer token" } });
new Client({ backend: companion("https://companion.example", { headers: () => ({ authorization: "Bearer token" }), form: false }), partSize: 1 });
new Client({ backend: betterUpload(new URL("https://app.example/api/upload"), "images") });
// @ts-expect-error one or the other
new Client({ endpoint: "/api", backend: companion("https://companion.example") });
// @ts-expect-error a backend of functions sends its own
new Client({ backend: companion("https://companion.example"), headers: {} });
// @ts-expect-error without an endpoint there is nobody to ask
new Client({});
// @ts-expect-error
new Client({ endpoint: "/api", concurrency: "many" });
// @ts-expect-error a typing mistake in an option
new Client({ endpoint: "/api", partsize: 1 });
// @ts-expect-error
new Client({ endpoint: "/api", retryDelays: 500 });

const own: Backend = {
  async requestUpload({ filename, contentType, contentEncoding, size, key = filename, metadata = {}, partSize, form }, signal) {
    console.log(contentType, metadata["colour"], signal.aborted, form);
    if (size > (partSize ?? 0)) return { key, uploadId: "u", partSize: 5 << 20, parts: [{ partNumber: 1, url: "https://s.example" }] };
    return Math.random() > 0.5 ? { key, stored: true } : { key, url: "https://s.example", fields: { policy: "p" }, contentEncoding, expiresIn: 60 };
  },
  requestParts: async ({ key, uploadId }, numbers) => ({ parts: numbers.map((partNumber) => ({ partNumber, url: `https://s.example/${key}/${uploadId}` })) }),
  listParts: async () => [{ partNumber: 1, etag: "e", size: 5 << 20 }],
  completeUpload: async (_upload, parts) => ({ etag: parts[0]?.etag, location: undefined }),
  abortUpload: async () => {},
  requestDownload: async (key) => ({ url: `https://s.example/${key}`, urls: [`https://t.example/${key}`], size: 7, checksumCrc64nvme: "AAAAAAAAAAA=", parts: [{ size: 7, checksumCrc32c: "AAAAAA==" }] }),
  list: async (prefix) => [{ key: prefix ?? "", size: 0, lastModified: new Date() }],
  remove: async () => {},
};
new Client({ backend: own });
new Client({ backend: { ...companion("/companion"), requestDownload: async (key) => ({ url: `https://cdn.example/${key}` }) } });
// @ts-expect-error without it nothing can be uploaded
const lame: Backend = { requestDownload: async () => ({ url: "" }) };
// @ts-expect-error
const wrong: Backend = { requestUpload: async () => ({ url: "https://s.example" }) };
console.log(lame, wrong);

new Client({ backend: signer(async (request, signal) => ({ url: await sign(request, signal), headers: {}, expiresIn: 900 })) });
new Client({ backend: azure(async ({ action, key, contentType }, signal) => ({ url: [action, key, contentType, signal.aborted].join("/"), expiresIn: 900 })) });
new Client({ backend: resumable(async (request) => (request.action === "start" ? { url: request.contentType, id: `${request.size}` } : undefined)) });
// @ts-expect-error a blob's one signature is good for all its blocks
azure(async ({ partNumber }) => ({ url: `${partNumber}` }));
new Client({ backend: uppyCallbacks({ getUploadParameters: async (file: { name: string }) => ({ url: file.name }), shouldUseMultipart: false }) });

async function sign(request: SignableRequest, signal: AbortSignal): Promise<string> {
  if (request.action === "part") return `${request.key}/${request.uploadId}/${request.partNumber}`;
  if (request.action === "create") return request.contentType ?? "";
  // @ts-expect-error only a part has a number
  return signal.aborted ? "" : request.partNumber;
}

export async function uploads(file: File, signal: AbortSignal): Promise<void> {
  const upload: Upload = client.upload(file, {
    key: "uploads/me/file",
    contentType: "text/plain",
    metadata: { colour: "blue" },
    accept: { maxSize: 1_000, types: ["image/*", ".csv"] },
    signal,
    onProgress: (progress) => holds<Same<typeof progress, Progress>>(),
    onPart: (part) => holds<Same<typeof part, PartEvent>>(),
  });
  const result = await upload;
  holds<Same<typeof result, UploadResult>>();
  const key: string = result.key;
  const etag: string | undefined = result.etag;
  // @ts-expect-error a store may keep its ETag to itself
  const surely: string = result.etag;
  // @ts-expect-error
  upload.progress = undefined;
  upload.pause();
  upload.resume();
  await upload.abort(new Error("enough"), { keep: true });
  await upload.catch((reason: unknown) => reason).finally(() => {});
  // @ts-expect-error
  client.upload("a path");
  // @ts-expect-error
  client.upload(file, { metadata: { colour: 7 } });
  console.log(key, etag, surely);
}

export async function many(files: FileList | Set<Blob>): Promise<BatchResult> {
  const sources: Iterable<Blob> = files;
  const batch: Batch = client.uploadAll(sources, {
    key: (file) => (file instanceof File ? file.name : undefined),
    onProgress: ({ loaded, files }) => console.log(loaded, files.done, files.failed, files.total),
  });
  const each: readonly Upload[] = batch.uploads;
  console.log(each.length);
  // @ts-expect-error one key cannot be the key of many
  client.uploadAll(sources, { key: "uploads/me/file" });
  // @ts-expect-error parts are told by each of `uploads`
  client.uploadAll(sources, { onPart: () => {} });
  const { done, failed } = await batch;
  for (const { file, error } of failed) {
    // @ts-expect-error it may be what the upload was aborted with
    console.log(file.size, error.code);
    if (TransferError.is(error)) console.log(error.code);
  }
  return { done, failed };
}

export async function downloads(key: string, handle: FileSystemFileHandle): Promise<Blob | undefined> {
  const download: Download = client.download(key, { onProgress: ({ secondsLeft }) => console.log(secondsLeft ?? "?") });
  const result: DownloadResult = await download;
  // @ts-expect-error
  client.download();
  for (const to of ["auto", "blob", handle, { opfs: "films/one.mp4" }] as const) await client.download(key, { to, resume: false, ifMatch: true, cache: "revalidate" });
  await client.clearCache();
  const stream: ReadableStream<Uint8Array> = client.stream(key, { start: 0, end: 100, onProgress: ({ loaded }) => console.log(loaded) });
  console.log(new Response(client.stream(key)), stream);
  client.stream(key, { onIntegrity: (integrity) => console.log(integrity.verified ? integrity.value : integrity.reason) });
  // @ts-expect-error
  client.stream(key, { to: "blob" });
  const zip: ReadableStream<Uint8Array> = client.zip([key, { key, name: "a/b.txt", lastModified: 0 }, ...(await client.list())], {
    signal: AbortSignal.timeout(1_000),
    onProgress: (progress) => holds<Same<typeof progress, Progress>>(),
  });
  const media: Media = await client.media(key, { worker: new URL("https://app.example/media-worker.js"), contentType: "video/webm", to: "blob", onProgress: () => {} });
  document.createElement("video").src = media.url;
  const watched: DownloadResult = await media.download;
  media.close();
  // @ts-expect-error
  media.url = watched.key;
  // @ts-expect-error a ZIP is of objects
  client.zip([new Blob()]);
  console.log(zip.locked);
  // @ts-expect-error
  await client.download(key, { to: "file" });
  // @ts-expect-error
  await client.download(key, { cache: true });
  // @ts-expect-error there is none where `to` names a file
  console.log(result.blob.size);
  return result.blob;
}

export async function stored(): Promise<void> {
  const files: StoredFile[] = await client.list({ prefix: "uploads/me/" });
  for (const { key, size, lastModified } of files) console.log(key, size, lastModified.getTime());
  holds<Same<ReturnType<typeof client.remove>, Promise<void>>>();
  const findings: Finding[] = await client.doctor({ key: "uploads/me/file", signal: AbortSignal.timeout(1_000) });
  for (const { code, level, message, fix } of findings) if (level !== "ok") console.log(code, message, fix ?? "");
  await client.remove("uploads/me/file", { signal: AbortSignal.timeout(1_000) });
  client.close();
}

export async function cutOff(handle: FileSystemFileHandle): Promise<UploadResult | DownloadResult | undefined> {
  await client.upload(await handle.getFile(), { handle, resume: false });
  await client.download("uploads/me/file", { resume: true });
  const saved: SavedTransfer[] = await client.saved();
  const [first] = saved;
  if (!first) return undefined;
  console.log(first.kind === "upload" ? first.name : first.key, first.loaded, first.total, first.savedAt.getTime());
  // @ts-expect-error it is what was, and not to be changed
  first.loaded = 0;
  if (!first.resumable) await first.discard();
  const transfer = first.resume({ onProgress: ({ loaded }) => console.log(loaded) });
  transfer.pause();
  if (transfer.state === "offline") transfer.resume();
  for (const entry of transfer.explain()) console.log(entry.time, entry.level, inShort(entry.detail));
  return transfer;
}

function inShort(trace: TraceEntry | undefined): string {
  switch (trace?.kind) {
    case "request":
      return `${trace.ticket} ${trace.what} ${trace.url ?? ""}`;
    case "head":
      return `${trace.ticket} ${trace.status} ${trace.headers.length}`;
    case "answer":
      return `${trace.ticket} ${trace.status ?? trace.code ?? trace.what}`;
    default:
      return trace ? `${trace.ticket} ${trace.kind}` : "";
  }
}

export async function events(transfer: Transfer<unknown>): Promise<void> {
  for await (const event of transfer) console.log(inWords(event));
}

/** Every type of event is known, and each carries its own. */
function inWords(event: TransferEvent): string {
  switch (event.type) {
    case "progress":
      return `${event.loaded} of ${event.total} at ${event.bytesPerSecond}`;
    case "part":
      return `${event.part} of ${event.parts} ${event.state} ${event.loaded} of ${event.size}, attempt ${event.attempt}`;
    case "retry":
      return `${event.part ?? "all"} in ${event.delayMs}, attempt ${event.attempt}: ${event.error.code}`;
    case "state":
      // @ts-expect-error no state of a transfer
      return event.state === "sleeping" ? "" : event.state;
    default:
      return event satisfies never;
  }
}

export function errors(error: unknown): ErrorCode | undefined {
  // @ts-expect-error not before it is known to be one
  console.log(error.code);
  if (!TransferError.is(error)) return undefined;
  const { name, message, status, storageCode, retryable, part } = error;
  holds<Same<typeof name, "TransferError">>();
  holds<Same<typeof status, number | undefined>>();
  console.log(message, storageCode?.length, retryable ? 1 : 0, part);
  // @ts-expect-error no code of an error
  if (error.code === "too-small") return undefined;
  // @ts-expect-error
  error.code = "network";
  const plain: Error = error;
  return plain === error ? error.code : undefined;
}
