// S3's kin as their documents describe them, for people: what the doctor says of a store, and docs/compatibility.md. What the
// engine decides with is in src/core/provider.rs, whose tests see to it that both tables say the same.
//
// `forms`: takes presigned POST forms. `http`: the newest version that it speaks. `equal`: all parts but the last must have one size.
// `sums`: whose checksums of whole objects can be had. `again`: a repeated Complete succeeds. `life`: days after which an unfinished
// upload is dropped, where nobody has set another rule. What their documents don't say is left out.

export const PROVIDERS = [
  { name: "aws", title: "Amazon S3", hosts: ["amazonaws.com", "amazonaws.com.cn"], forms: true, http: "1.1", equal: false, sums: "CRC-64/NVME, unasked", again: true, pitfall: "Unfinished uploads stay, and are paid for, unless a lifecycle rule removes them.", source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html" },
  { name: "r2", title: "Cloudflare R2", hosts: ["r2.cloudflarestorage.com"], forms: false, http: "1.1", equal: true, sums: "declared ones", again: false, life: 7, pitfall: "It takes no presigned POST forms, and all parts but the last must be equal; presigned URLs work with its S3 endpoint alone, not with a custom domain.", source: "https://developers.cloudflare.com/r2/objects/multipart-objects/" },
  { name: "minio", title: "MinIO", hosts: [], forms: true, http: "1.1", equal: false, sums: "declared ones", again: false, life: 1, pitfall: "It drops unfinished uploads after a day (`stale_uploads_expiry`): resuming ends there.", source: "https://github.com/minio/docs/issues/1216" },
  { name: "b2", title: "Backblaze B2", hosts: ["backblazeb2.com"], forms: false, http: "1.1", equal: false, sums: "none", again: false, pitfall: "It takes no presigned POST forms, and refuses the checksum headers of newer AWS SDKs: set their checksum calculation to WHEN_REQUIRED.", source: "https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api" },
  { name: "gcs", title: "Google Cloud Storage", hosts: ["storage.googleapis.com"], forms: true, http: "2", equal: false, sums: "CRC-32C, always", pitfall: "It tells CRC-32C only: give the client `checksum: \"crc32c\"`, and expose x-goog-hash and x-goog-generation. Objects stored as gzip come decoded, without ranges.", source: "https://cloud.google.com/storage/docs/multipart-uploads" },
  { name: "ceph", title: "Ceph RADOS Gateway", hosts: [], forms: true, http: "1.1", equal: false, sums: "declared ones", again: true, pitfall: "Whether it knows checksums depends on its release.", source: "https://docs.ceph.com/en/latest/radosgw/s3/" },
  { name: "garage", title: "Garage", hosts: [], forms: true, http: "1.1", equal: false, sums: "declared ones", again: false, pitfall: "Unfinished uploads stay unless a lifecycle rule or its `cleanup-incomplete-uploads` removes them.", source: "https://garagehq.deuxfleurs.fr/documentation/reference-manual/s3-compatibility/" },
  { name: "digitalocean", title: "DigitalOcean Spaces", hosts: ["digitaloceanspaces.com"], forms: true, http: "2", equal: false, pitfall: "Its CDN endpoint is another host, for which a presigned URL is not signed.", source: "https://docs.digitalocean.com/products/spaces/reference/s3-compatibility/" },
  { name: "wasabi", title: "Wasabi", hosts: ["wasabisys.com"], forms: true, http: "1.1", equal: false, life: 30, pitfall: "Unfinished uploads are billed for 30 days.", source: "https://docs.wasabi.com/docs/how-does-wasabi-handle-multipart-uploads" },
  { name: "tigris", title: "Tigris", hosts: ["t3.storage.dev", "fly.storage.tigris.dev"], forms: true, http: "2", equal: false, pitfall: "Its region is `auto`, wherever the bucket is.", source: "https://www.tigrisdata.com/docs/llms-full.txt" },
];

/** The store that the application names, else the one that this URL's host is of. */
export function providerOf(url, name = "auto") {
  const { hostname } = new URL(url);
  const isBelow = (host) => hostname === host || hostname.endsWith(`.${host}`);
  return PROVIDERS.find((provider) => (name === "auto" ? provider.hosts.some(isBelow) : provider.name === name));
}
