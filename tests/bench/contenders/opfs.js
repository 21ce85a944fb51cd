// A file in the origin private file system.

export const PATH = "bench.bin";

export async function fileAt(name) {
  return (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
}
