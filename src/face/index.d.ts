// The public face of the npm package `presigned`.
// Units: sizes and offsets in bytes, times in milliseconds unless the name says otherwise.

export class Client {
  /** Loads the WebAssembly module with the first client of a page. Wrong options reject the transfers, with `invalid-option`. */
  constructor(options: ClientOptions);
  /** Uploads one file or blob. Returns at once; await the transfer, iterate it, or steer it. */
  upload(source: Blob, options?: UploadOptions): Upload;
  /** Uploads many under the client's one connection limit. Resolves when all have ended, however they did; rejects if it is aborted itself. */
  uploadAll(sources: Iterable<Blob>, options?: UploadAllOptions): Batch;
  /** Downloads an object by ranges in parallel; the result has a Blob of it unless `to` names a file. */
  download(key: string, options?: DownloadOptions): Download;
  /**
   * The object's bytes in order, for media, parsers, `new Response(stream)`: fetched ahead by ranges in parallel, up to 32 MiB, from
   * this call on. Cancelling the stream ends its requests. It can't be resumed. A whole object is compared with storage's checksum:
   * see `onIntegrity`.
   */
  stream(key: string, options?: StreamOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * An object to be played or shown while it is downloaded: `url` is for the `src` of a `<video>`, `<audio>` or `<img>`. What the
   * element asks for is fetched first, wherever it seeks, the rest from there on, and nothing twice. Its 5 KB are loaded when it is
   * called. It needs a service worker, which the application serves from its own origin: see `worker`. Where the browser has none
   * (without https, save on localhost, and in some private windows), it resolves once all is there, with a URL of the Blob.
   * A worker that is not served, or gets in another's way, is `invalid-option`.
   */
  media(key: string, options?: MediaOptions): Promise<Media>;
  /**
   * Several objects as one ZIP, made as it is read: stored, not compressed, one after another, Zip64 beyond 4 GiB; at most 65,534.
   * What `list()` tells may be passed as it is. Cancelling the stream ends its requests; its code, 5 KB, is loaded when it is called.
   */
  zip(keys: Iterable<string | ZipEntry>, options?: ZipOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
  list(options?: { prefix?: string; signal?: AbortSignal }): Promise<StoredFile[]>;
  remove(key: string, options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * What a reload, a crash, a closed tab or a failure cut off and nobody drives now, newest first. Give the same file to
   * `upload`, or the same key to `download`, to go on; or `resume()` it, or `discard()` it. Remembered for seven days.
   */
  saved(): Promise<SavedTransfer[]>;
  /**
   * Walks the whole way to storage and back with a few bytes, and says what is wrong in words, with the setting to paste; its code is
   * loaded when it is called. It stores a file of its own and removes it; `key` names an object with which downloads are tried instead.
   * Rejects where not even the client's options or its module are right.
   */
  doctor(options?: { key?: string; signal?: AbortSignal }): Promise<Finding[]>;
  /**
   * Removes what downloads with `cache: "revalidate"` have kept, of all backends and users of this origin: where a user signs out, say.
   * A Blob that was handed out can be read on, for as long as its page lives.
   */
  clearCache(): Promise<void>;
  /** Stops everything, and keeps what can be resumed. Transfers that run end with an AbortError. */
  close(): void;
}

export type ClientOptions = ClientSettings & (EndpointOptions | BackendOptions);
export interface EndpointOptions extends ServerOptions {
  /** Base URL of a backend that speaks this project's protocol. A relative one is resolved against the page. */
  endpoint: string | URL;
  backend?: never;
}
export interface BackendOptions {
  /** Or any other backend: `companion(url)`, `betterUpload(url, route)`, `signer(sign)`, `uppyCallbacks(callbacks)`, or your own functions. */
  backend: Backend;
  endpoint?: never;
  headers?: never;
  credentials?: never;
}
/** How a server is asked. */
export interface ServerOptions {
  /** Sent to the backend, never to storage. A function is asked afresh for each request, so a token can be renewed. */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>);
  /** For requests to the backend. @default "same-origin" */
  credentials?: RequestCredentials;
}
/** S3's kin. */
export type Provider = "aws" | "r2" | "minio" | "b2" | "gcs" | "ceph" | "garage" | "digitalocean" | "wasabi" | "tigris";
export interface ClientSettings {
  /** Requests to storage in flight at once, over all transfers of this client; 1 to 100. @default "auto": 6 a host, as many as HTTP/1.1 allows */
  concurrency?: number | "auto";
  /** Bytes per part or range. Raised where 10,000 parts would not do; one size for the whole upload. @default "auto": parts of 8 MiB; ranges as connections come free */
  partSize?: number | "auto";
  /** Bound of the pause before each retry of one request, to which full jitter is applied. @default [500, 1000, 2000, 4000, 8000] */
  retryDelays?: readonly number[];
  /** Silence after which a request is given up and tried again; four times that while storage owes only its answer. @default 30_000 */
  stallTimeout?: number;
  /**
   * End-to-end integrity: every byte is read a second time, hashed in a worker, and the sum compared with storage's own, where the
   * backend's answers or storage's headers tell it. "auto" is CRC-64/NVME, which S3 computes by itself; CRC-32C is what Google
   * Cloud Storage tells. "sha256" and "md5" are for uploads, part by part; downloads are hashed by "auto" then. The former is compared
   * with S3's composite checksum, where the backend has declared it. The latter is compared with the ETag, which is the MD5 where
   * storage does not encrypt with KMS or a customer's key: it helps where storage computes no other checksum. One ETag that is its
   * part's MD5 proves that all should be; without that, a difference is no error, and the result is unverified. @default "auto"
   */
  checksum?: "auto" | "crc64nvme" | "crc32c" | "sha256" | "md5" | "none";
  /**
   * Whose store it is. "auto" knows those that have hosts of their own by the signed URLs; behind your own domain or a proxy, and of
   * MinIO, Ceph and Garage, only you can tell. It decides whether presigned POST forms are asked for (not of R2 and B2), whether
   * HTTP/2 is counted on where the browser does not tell (GCS, Spaces, Tigris), and whether `saved()` still offers an upload (MinIO
   * drops it after a day); `doctor()` says what to know of the store. Of one that is not known, no more is asked than of any. @default "auto"
   */
  provider?: "auto" | Provider;
  /** Where unfinished transfers are remembered; "memory" lasts as long as the page. No URL is in it. @default "indexeddb" */
  store?: "indexeddb" | "memory";
  /**
   * Bytes that downloads with `cache: "revalidate"` may keep, all together; what was used longest ago goes first. A larger object is not
   * kept. @default 268_435_456 (256 MiB)
   */
  cacheSize?: number;
  /**
   * Whose downloads are kept: of another user's, nothing is found. Without it, a backend's users share what is kept in this browser, but
   * each is handed only what the backend grants: it is asked every time, and knows who asks. @default ""
   */
  cacheUser?: string;
  /** Every request and decision, for monitoring. A presigned URL is cut to its origin and path. */
  onLog?: (entry: LogEntry) => void;
}

export interface UploadOptions {
  /** Where the backend is asked to store it. @default the backend decides */
  key?: string;
  /** @default the file's own type, else application/octet-stream */
  contentType?: string;
  metadata?: Record<string, string>;
  /**
   * gzip on the way. `true`: whatever it is; "auto": files of types that gain from it (text, JSON, XML, CSV, SVG, wasm…), where at least a
   * tenth is saved. The object is stored with `Content-Encoding: gzip`, which browsers decode by themselves; it can then not be downloaded
   * by ranges. The backend has to confirm it (`content_encoding`), else the file is sent as it is, as one of more than 256 MiB is; the log
   * says so. `size` of the result and progress are of what is sent, and a `handle` is not kept. @default false
   */
  compress?: boolean | "auto";
  /** Refused before a byte is sent. `types` are as in `<input accept>`: "image/*", "application/pdf", ".csv". */
  accept?: { maxSize?: number; types?: readonly string[] };
  /**
   * Go on with an upload of the same file that was cut off. The file is recognised by name, size, time, type and samples of
   * its bytes. Where another tab is at it, the upload fails with `busy`. @default true
   */
  resume?: boolean;
  /** The file's handle, from a picker or a drop: it is kept, so that `saved()[i].resume()` needs no new pick. */
  handle?: FileSystemFileHandle;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  onPart?: (part: PartEvent) => void;
}
export interface UploadAllOptions extends Omit<UploadOptions, "key" | "handle" | "onProgress" | "onPart"> {
  key?: (file: Blob) => string | undefined;
  onProgress?: (progress: Progress & { files: { done: number; failed: number; total: number } }) => void;
}
export interface DownloadOptions {
  /**
   * Where it goes. "auto": from 16 MiB on into a file in OPFS, which a reload, a crash or a closed tab can't hurt, ending in a
   * Blob of that file, which takes no memory and lasts as long as the page. "blob": the same, but only above 64 MiB. A handle
   * from `showSaveFilePicker` (ask for it first), or a path in OPFS: the file is put there at the end, whole, and the result has
   * no Blob. Where the browser has no such files, the next best is taken: see the README's table. @default "auto"
   */
  to?: "auto" | "blob" | FileSystemFileHandle | { opfs: string };
  /**
   * Go on with a download of the same object that was cut off; only from 16 MiB on it is worth remembering. `false`, and `to` is
   * a handle: that file is written in place, which takes no room twice, and can't be gone on with. @default true
   */
  resume?: boolean;
  /**
   * Send `If-Match` with every range after the first answer, so that storage itself refuses those of another version; each may cost
   * a preflight, and the bucket's CORS rule must allow the header. Without it, the ETag of each answer is compared with the first's,
   * which is also done for stores that ignore it. @default false
   */
  ifMatch?: boolean;
  /**
   * "revalidate": the finished object is kept in this browser (OPFS), by key and ETag, and a repeat hands it out where it still is the
   * object. That costs one call to the backend, and none to storage where its answer tells the ETag; else one request with
   * `If-None-Match`, which the bucket's CORS rule must allow. Where the object has changed, or anything goes wrong on the way, it is
   * downloaded. `integrity` is what it was when it was fetched. It needs a readable, strong ETag. See `cacheSize`, `clearCache`. @default "none"
   */
  cache?: "none" | "revalidate";
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}
export interface StreamOptions {
  /** The first byte. Beyond the object's end, it is `invalid-option`. @default 0 */
  start?: number;
  /** The first byte that is no longer wanted. @default that behind the object's last */
  end?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /**
   * Called once all bytes were read, before the stream ends: whether they are what storage has, or why that can't be said, as where
   * only a part was asked for. Where they are others, the stream ends with the error `checksum-mismatch` instead of an end: whoever
   * makes something of the bytes as they come must be ready to throw it away.
   */
  onIntegrity?: (integrity: Integrity) => void;
}

export interface MediaOptions extends DownloadOptions {
  /**
   * The package's `media-worker.js`, copied to where the application serves it: beside or above the page, since a service worker
   * answers only for what lies below it. Or the application's own service worker, which brings it in by `importScripts`.
   * @default "media-worker.js", beside the page
   */
  worker?: string | URL;
  /** What the element is told. @default as storage tells it */
  contentType?: string;
}
export interface Media {
  /** Answers requests for ranges until `close()`, for as long as this page lives. */
  readonly url: string;
  /** Await, steer or abort it like any other; what it ends as is the whole object. Its failure is also an error of the element. */
  readonly download: Download;
  /** Nothing is answered at `url` any more. The download goes on. */
  close(): void;
}
export interface ZipEntry {
  key: string;
  /**
   * Its path in the ZIP. What could lead elsewhere, or harms a file system, is taken out of it, and of two that are alike the later
   * becomes "name (2).ext". @default the key, without the folders that all keys without a name share
   */
  name?: string | undefined;
  /** In milliseconds since 1970, where it is a number. @default now */
  lastModified?: Date | number | undefined;
  /** Only for the total that is shown from the beginning. */
  size?: number | undefined;
}
export interface ZipOptions {
  signal?: AbortSignal;
  /** Over all objects; of their bytes, not of the ZIP's. The total is 0 until it is known of all. */
  onProgress?: (progress: Progress) => void;
}

/** A running transfer: await it for the result, iterate it for events, steer it by its methods. */
export interface Transfer<Result> extends PromiseLike<Result>, AsyncIterable<TransferEvent> {
  readonly id: string;
  readonly state: "starting" | "active" | "paused" | "offline" | "completing" | "done" | "failed" | "aborted";
  readonly progress: Progress;
  pause(): void;
  resume(): void;
  /** Ends it with `reason`, else an AbortError, and deletes what storage holds of it; `{ keep: true }` leaves it there. */
  abort(reason?: unknown, options?: { keep?: boolean }): Promise<void>;
  /** The timeline so far as plain data, for a bug report: requests, decisions and their reasons; no secrets. */
  explain(): LogEntry[];
  catch: Promise<Result>["catch"];
  finally: Promise<Result>["finally"];
}
export type Upload = Transfer<UploadResult>;
export type Download = Transfer<DownloadResult>;
export interface Batch extends Transfer<BatchResult> {
  readonly uploads: readonly Upload[];
}

export interface UploadResult {
  key: string;
  size: number;
  etag?: string;
  location?: string;
  contentType?: string;
  integrity: Integrity;
}
export interface DownloadResult {
  key: string;
  size: number;
  etag?: string;
  contentType?: string;
  /**
   * What to save it as: the name in storage's Content-Disposition, where that is exposed, or in the signed URL's
   * `response-content-disposition`, else the last segment of the key; without a path, or anything that harms a file system.
   */
  filename?: string;
  /** Not where `to` names a file. */
  blob?: Blob;
  integrity: Integrity;
}
/**
 * `verified`: our checksum of every byte (base64; MD5 in hexadecimal digits; those of parts' checksums with a dash and the number of
 * parts) equals that which storage computed itself. Else why it could not be compared.
 * A mismatch is never a result: it is a `checksum-mismatch`.
 */
export type Integrity = { verified: true; algorithm: string; value: string } | { verified: false; reason: string };
export interface BatchResult {
  done: UploadResult[];
  /** `error` is a TransferError, or what the upload was aborted with. */
  failed: { file: Blob; error: unknown }[];
}

export interface Progress {
  /** Bytes that storage has confirmed or is receiving now; never falls. */
  loaded: number;
  /** 0 while it is unknown. */
  total: number;
  bytesPerSecond: number;
  secondsLeft: number | undefined;
}
/** A part of an upload; for a download, one of the equal blocks into which the object is divided to be shown. */
export interface PartEvent {
  part: number;
  parts: number;
  state: "waiting" | "active" | "resting" | "done";
  loaded: number;
  size: number;
  attempt: number;
}
export type TransferEvent =
  | ({ type: "progress" } & Progress)
  | ({ type: "part" } & PartEvent)
  | { type: "retry"; part?: number; attempt: number; delayMs: number; error: TransferError }
  | { type: "state"; state: Transfer<unknown>["state"] };

export interface StoredFile {
  key: string;
  size: number;
  lastModified: Date;
}
export interface SavedTransfer {
  readonly id: string;
  readonly kind: "upload" | "download";
  readonly key: string;
  /** Of the file; of a download, what it will be saved as: see `filename` of its result. */
  readonly name: string;
  readonly loaded: number;
  readonly total: number;
  /** When it began. */
  readonly savedAt: Date;
  /** Whether `resume()` needs no new pick: a download, or an upload whose file's handle the browser has kept. */
  readonly resumable: boolean;
  /** The file where a download goes, and where `resume()` puts it, unless that is told another. */
  readonly to?: FileSystemFileHandle | { opfs: string };
  /**
   * Goes on at once, and is awaited and steered like any transfer. The browser may ask the user for leave to read or write the
   * file again, so call it from a click. A file that has changed is `source-changed`, one without a handle `not-found`.
   */
  resume(options?: UploadOptions & DownloadOptions): Transfer<UploadResult | DownloadResult>;
  /** Forgets it, and has the backend remove what storage holds of it. */
  discard(): Promise<void>;
}
export interface LogEntry {
  /** Milliseconds since 1970. */
  time: number;
  transfer?: string;
  level: "debug" | "info" | "warn" | "error";
  message: string;
  /** A request or its answer. */
  detail?: TraceEntry;
}
/** What went over the wire; a request and its answer share a ticket. */
export type TraceEntry =
  | { kind: "request"; ticket: number; what: string; url?: string; start?: number; end?: number }
  | { kind: "head"; ticket: number; status: number; headers: [name: string, value: string][] }
  | {
      kind: "answer";
      ticket: number;
      what: string;
      status?: number;
      code?: ErrorCode;
      storageCode?: string;
      /** What the server asked for, in milliseconds. */
      retryAfter?: number;
      partSize?: number;
      parts?: number[];
      expiresIn?: number;
    }
  | { kind: "cancel"; ticket: number };

/** In the order of the way. `code` is made to branch on: "cors-origin", "etag-hidden", "clock", "region", … */
export interface Finding {
  code: string;
  /** "ok": that works; "warning": it works, but less well than it could. */
  level: "ok" | "warning" | "error";
  message: string;
  /** What to do, or the very setting to paste. */
  fix?: string;
}

export class TransferError extends Error {
  readonly name: "TransferError";
  readonly code: ErrorCode;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** The store's own code, such as SlowDown or SignatureDoesNotMatch. */
  readonly storageCode?: string;
  /** Trying again later may succeed. */
  readonly retryable: boolean;
  readonly part?: number;
  static is(value: unknown): value is TransferError;
}
export type ErrorCode =
  | "invalid-option" | "too-large" | "wrong-type" // refused before anything is sent
  | "network" | "timeout" | "offline"
  | "expired" | "invalid-signature" | "access-denied" | "rate-limited" | "not-found" | "gone"
  | "cors" // names the header or rule that is missing
  | "source-changed" | "object-changed" | "checksum-mismatch"
  | "storage-full" | "backend" | "storage" | "internal"
  | "busy"; // another tab, or another transfer of this page, drives the same upload

/**
 * Any backend as functions. Only the first is needed to upload, `requestDownload` to download; what is missing is a capability
 * that is absent. What they return is checked as a server's JSON is, and errors name its members as the protocol does (`url` is
 * `upload_url`). They may throw a TransferError, which counts as it is; anything with an HTTP `status`, a Response among them;
 * else it is a `backend`, or `network` where a fetch got no answer. `signal` is aborted where the answer is no longer wanted.
 */
export interface Backend {
  /** Tells its saved transfers from those of other backends. */
  id?: string;
  requestUpload(file: UploadRequest, signal: AbortSignal): Promise<UploadGrant>;
  requestParts?(upload: UploadRef, partNumbers: number[], signal: AbortSignal, checksums?: Record<number, string>): Promise<PartGrants>;
  /** All that storage has of it, over all pages. */
  listParts?(upload: UploadRef, signal: AbortSignal): Promise<{ partNumber: number; etag: string; size: number }[]>;
  completeUpload?(
    upload: UploadRef,
    /** `checksum`: the one that was signed with the part. */
    parts: { partNumber: number; etag: string; checksum?: string }[],
    signal: AbortSignal,
  ): Promise<{
    etag?: string | undefined;
    location?: string | undefined;
    checksumCrc64nvme?: string | undefined;
    checksumCrc32c?: string | undefined;
    checksumSha256?: string | undefined;
  }>;
  abortUpload?(upload: UploadRef): Promise<void>;
  requestDownload?(key: string, signal: AbortSignal): Promise<DownloadGrant>;
  list?(prefix: string | undefined, signal: AbortSignal): Promise<StoredFile[]>;
  remove?(key: string, signal: AbortSignal): Promise<void>;
}
export interface UploadRequest {
  filename: string;
  contentType: string;
  size: number;
  key?: string;
  metadata?: Record<string, string>;
  /** What suits this file; up to this size, one request will do. */
  partSize?: number;
  /** Storage has refused a presigned POST form of this file: sign something else. */
  form?: false;
  /** What is sent is compressed: have it stored with this `Content-Encoding`, and return the same, or leave both. */
  contentEncoding?: "gzip";
}
export interface UploadRef {
  key: string;
  uploadId: string;
}
export type UploadGrant =
  | {
      key: string;
      url: string;
      method?: "PUT" | "POST" | undefined;
      headers?: Record<string, string> | undefined;
      /** Those of a presigned POST form: sent first, in this order; the file comes last. */
      fields?: Record<string, string> | undefined;
      /** The object will be stored with it, as was asked for. */
      contentEncoding?: string | undefined;
      expiresIn?: number | undefined;
    }
  | ({
      key: string;
      uploadId: string;
      partSize?: number | undefined;
      /** No part is signed without its checksum by this algorithm: `requestParts` gets them, in base64 by part number. */
      checksumAlgorithm?: "crc64nvme" | "crc32c" | "sha256" | undefined;
      /** The object will be stored with it, as was asked for. */
      contentEncoding?: string | undefined;
    } & Partial<PartGrants>)
  /** Storage has this very file already. */
  | { key: string; stored: true };
export interface DownloadGrant {
  url: string;
  /** The same object at several hosts, with the same headers: they are used side by side. That of `url` may be among them. */
  urls?: string[] | undefined;
  headers?: Record<string, string> | undefined;
  /** In seconds, as everywhere here. */
  expiresIn?: number | undefined;
  size?: number | undefined;
  etag?: string | undefined;
  contentType?: string | undefined;
  /** What it is stored with; "gzip" is asked for as a whole, since a range of it can't be decoded. */
  contentEncoding?: string | undefined;
  checksumCrc64nvme?: string | undefined;
  checksumCrc32c?: string | undefined;
  /** All of the object's parts, in order, each with a checksum: where its bytes are not what storage has, the bad parts are fetched again, once. */
  parts?: { size: number; checksumCrc64nvme?: string | undefined; checksumCrc32c?: string | undefined }[] | undefined;
}
export interface PartGrants {
  parts: { partNumber: number; url: string; headers?: Record<string, string> | undefined }[];
  expiresIn?: number | undefined;
}

/** @uppy/companion 6, unmodified: uploads alone. `form: false` where storage is known to take no POST forms (R2). */
export function companion(url: string | URL, options?: ServerOptions & { form?: boolean }): Backend;
/** A route of a better-upload 3 server, unmodified: uploads alone, which a reload cuts off for good. `url` is that of its handler. */
export function betterUpload(url: string | URL, route: string, options?: ServerOptions): Backend;
/**
 * Google Cloud Storage's resumable uploads: uploads alone, a chunk after another, so several times as slow as parts. For where its
 * XML multipart uploads can't be had. A server begins each session (a POST with `x-goog-resumable: start`) and gives its URL, which is
 * a secret; under `id` it is asked for it again after a reload, and answers with nothing where it knows it no more. The bucket's CORS
 * rule must allow PUT and `Content-Range`, and expose `Range`.
 */
export function resumable(
  session: (request: ResumableRequest, signal: AbortSignal) => Promise<{ url: string; id?: string | undefined; key?: string | undefined } | undefined>,
): Backend;
export type ResumableRequest =
  | { action: "start"; key: string; contentType: string; size: number; metadata?: Record<string, string> }
  | { action: "find"; key: string; id: string };
/**
 * One function that signs any storage request: create, part, list, complete, abort, put, get, delete. The page says the rest to
 * storage itself, so the bucket's CORS rule must allow POST and DELETE as well.
 */
export function signer(
  sign: (
    request: SignableRequest,
    signal: AbortSignal,
  ) => Promise<{ url: string; key?: string | undefined; headers?: Record<string, string> | undefined; expiresIn?: number | undefined }>,
): Backend;
/**
 * Azure Blob Storage: one function that makes shared access signatures. A blob's serves all its blocks, so many parts cost one call.
 * The account's CORS rules must allow GET, PUT and DELETE, and every header.
 */
export function azure(
  sign: (
    request: SignableBlob,
    signal: AbortSignal,
  ) => Promise<{ url: string; key?: string | undefined; headers?: Record<string, string> | undefined; expiresIn?: number | undefined }>,
): Backend;
/** `put` needs the permissions create and write (`cw`), `get` read (`r`), `delete` delete (`d`). `key` is the blob's name. */
export interface SignableBlob {
  action: "put" | "get" | "delete";
  key: string;
  contentType?: string;
}
/** `metadata`: to be signed as `x-amz-meta-*`, and returned with `headers`. */
export type SignableRequest =
  | { action: "put" | "create"; key: string; contentType?: string; metadata?: Record<string, string> }
  | { action: "get" | "delete"; key: string }
  | { action: "part"; key: string; uploadId: string; partNumber: number }
  /** `partNumberMarker`, where there is one, is to be signed as the query's `part-number-marker`. */
  | { action: "list-parts"; key: string; uploadId: string; partNumberMarker?: number }
  | { action: "complete" | "abort"; key: string; uploadId: string };
/** The callbacks that backends written for Uppy 5's AwsS3 already have. They see no bytes: `file.data` and a part's `body` are not there. */
export function uppyCallbacks(callbacks: Record<string, ((...args: any[]) => unknown) | boolean | undefined>): Backend;
