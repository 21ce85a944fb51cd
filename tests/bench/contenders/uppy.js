// Uppy with its S3 plugin, signed for by Companion.

import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";

export function prepare({ servers, options: { partSize } }) {
  const parts = partSize && { getChunkSize: () => partSize };
  return new Uppy().use(AwsS3, { companionEndpoint: servers.companion.replace(/\/$/, ""), ...parts });
}

export async function run({ files }, uppy) {
  uppy.addFiles(files.map((file) => ({ name: file.name, type: file.type, data: file })));
  const { failed } = await uppy.upload();
  if (failed.length > 0) throw new Error(failed[0].error);
}

export const finish = (task, uppy) => uppy.destroy();
