// A server that speaks JSON, for the adapters that ask one.

/** An answer that was no success, as whoever asked for it sees it: a `status`, and words. */
export class Refusal extends Error {
  constructor({ status, statusText, headers }, text) {
    const said = parsed(text);
    const error = said?.error ?? said?.message;
    super((typeof error === "string" ? error : error?.message) || statusText || `HTTP ${status}`);
    this.name = "Refusal";
    this.status = status;
    this.retryAfter = headers.get("retry-after") ?? undefined;
    this.said = said;
    this.text = text;
  }
}

/** `headers`: as the client's own option, a function is asked afresh for each request. */
export function server(url, { headers, credentials } = {}) {
  const base = String(url).replace(/\/+$/, "");
  return async (method, path, body, signal) => {
    const own = new Headers(await (typeof headers === "function" ? headers() : headers));
    // No other header of ours: each has to be allowed by the server's CORS rules.
    if (body !== undefined) own.set("content-type", "application/json");
    const response = await fetch(base + path, { method, headers: own, credentials, signal, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Refusal(response, text);
    const answer = parsed(text);
    if (answer === undefined) throw new Error(`The server answered with something else than JSON (HTTP ${response.status}). Is its address right?`);
    return answer;
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
