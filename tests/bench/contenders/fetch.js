// The same as bare XMLHttpRequests, by fetch.

import { completeAll, each, signAll } from "./bare.js";

export const prepare = signAll;

export async function run(task, signed) {
  await each(signed.flatMap(({ requests }) => requests), async (request) => {
    const { url, headers, body } = request;
    const answer = await fetch(url, { method: "PUT", headers, body });
    if (!answer.ok) throw new Error(`PUT: ${answer.status}`);
    request.etag = answer.headers.get("etag");
  });
}

export const finish = (task, signed) => completeAll(signed);
