// What the bare contenders share: URLs signed ahead of the clock, six requests at once, a part that breaks sent again at once.

export const AT_ONCE = 6;
const ATTEMPTS = 20;

/** Asks the backend to sign each file whole: every part of it, however many. */
export async function signAll({ files, servers, token, keys, partSize }) {
  const ask = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(new URL(path, servers.backend), { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };
  const sign = async (file, index) => {
    const request = { filename: file.name, content_type: "application/octet-stream", size: file.size, key: keys[index] };
    const grant = await ask("/request-upload", { ...request, multipart: true, part_size: partSize });
    if (grant.upload_url) return { file, requests: [{ url: grant.upload_url, headers: grant.headers, body: file }] };
    const { file_key, upload_id } = grant;
    const count = Math.ceil(file.size / grant.part_size);
    const parts = [...grant.parts];
    while (parts.length < count) {
      const rest = Array.from({ length: Math.min(1_000, count - parts.length) }, (_, more) => parts.length + more + 1);
      parts.push(...(await ask("/request-parts", { file_key, upload_id, part_numbers: rest })).parts);
    }
    const requests = parts.map(({ upload_url, part_number }) => ({
      url: upload_url,
      part_number,
      body: file.slice((part_number - 1) * grant.part_size, part_number * grant.part_size),
    }));
    const complete = () =>
      ask("/complete-upload", { file_key, upload_id, parts: requests.map(({ part_number, etag }) => ({ part_number, etag })) });
    return { file, requests, complete };
  };
  const signed = [];
  await each(files.map((file, index) => ({ file, index })), async ({ file, index }) => {
    signed[index] = await sign(file, index);
  });
  return signed;
}

/** Does all of these, six at once, each again until it works. */
export async function each(items, act, attempts = ATTEMPTS) {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      for (let attempt = 1; ; attempt++) {
        try {
          await act(item);
          break;
        } catch (error) {
          if (attempt >= attempts) throw error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** After the clock has stopped. */
export async function completeAll(signed) {
  for (const { complete } of signed) await complete?.();
}

export async function signDownload({ servers, token, keys }) {
  const path = keys[0].split("/").map(encodeURIComponent).join("/");
  const answer = await fetch(new URL(`/request-download/${path}`, servers.backend), { headers: { authorization: `Bearer ${token}` } });
  return (await answer.json()).download_url;
}
