/** A Blob as gzip (RFC 1952), of the same bytes in each run of one browser. */
export function gzip(blob) {
  return new Response(blob.stream().pipeThrough(new CompressionStream("gzip"))).blob();
}
