// The limit: bare XMLHttpRequests. Signing and completion are outside the clock.

import { completeAll, each, signAll } from "./bare.js";

export const prepare = signAll;

export async function run(task, signed) {
  await each(signed.flatMap(({ requests }) => requests), async (request) => {
    request.etag = await put(request);
  });
}

export const finish = (task, signed) => completeAll(signed);

function put({ url, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.onload = () => (xhr.status === 200 ? resolve(xhr.getResponseHeader("etag")) : reject(new Error(`PUT: ${xhr.status}`)));
    xhr.onerror = () => reject(new Error("PUT: broken off"));
    xhr.send(body);
  });
}
