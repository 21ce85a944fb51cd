// What to paste where a bucket has the wrong rules, in the words of its store.

/** What the engines read of storage's answers; S3 takes no `*` here. */
const EXPOSED = [
  "ETag", "Content-Range", "Accept-Ranges", "Content-Length", "Content-Encoding", "Date", "Retry-After",
  "x-amz-checksum-crc64nvme", "x-amz-checksum-crc32c",
];
const METHODS = ["GET", "PUT", "POST", "HEAD", "DELETE"];
const SECONDS = 3600;

/** The CORS rule that lets pages of this origin do all that the SDK does, for the store that `url` is of. */
export function corsRule(url) {
  const { host } = new URL(url);
  const origin = globalThis.location?.origin ?? "https://your.page";
  if (/(^|\.)storage\.googleapis\.com$/.test(host)) {
    const names = EXPOSED.filter((name) => !name.startsWith("x-amz-"));
    const responseHeader = [...names, "Content-Type", "x-goog-hash", "x-goog-generation", "x-goog-resumable"];
    return `gcloud storage buckets update gs://BUCKET --cors-file=cors.json, where cors.json is\n${json([{ origin: [origin], method: METHODS, responseHeader, maxAgeSeconds: SECONDS }])}`;
  }
  if (host.endsWith(".blob.core.windows.net")) {
    return `az storage cors add --services b --origins ${origin} --methods GET PUT POST HEAD DELETE OPTIONS --allowed-headers '*' --exposed-headers '*' --max-age ${SECONDS} --account-name ${host.split(".")[0]}`;
  }
  return json([{ AllowedOrigins: [origin], AllowedMethods: METHODS, AllowedHeaders: ["*"], ExposeHeaders: EXPOSED, MaxAgeSeconds: SECONDS }]);
}

/** What a backend on another origin has to say. */
export function backendCors() {
  const headers = {
    "Access-Control-Allow-Origin": globalThis.location?.origin,
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "content-type, authorization",
    "Access-Control-Expose-Headers": "Date, Retry-After",
  };
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("\n");
}

/** Has S3 itself remove what nobody finished. */
export function lifecycleRule() {
  return json({
    Rules: [{ ID: "unfinished-uploads", Status: "Enabled", Filter: {}, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }],
  });
}

/** A list of words takes one line, as one would write it. */
function json(value) {
  return JSON.stringify(value, null, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_list, words) => `[${words.replace(/\s+/g, " ")}]`);
}
