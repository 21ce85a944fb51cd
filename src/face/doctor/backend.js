// The backend as the doctor asks it: as the client does, but with every answer kept, whatever it is.

import { speak } from "../functions.js";
import { backendCors } from "./rules.js";

/** `(method, path, body, signal)`; resolves with `{answer}`, `{status, body}`, `{thrown}`, `{type}` of what is no JSON, or `{silent}`. */
export function asker({ endpoint, backend, headers, credentials }) {
  if (backend !== undefined) return speak(backend);
  const base = new URL(endpoint, globalThis.location?.href).href.replace(/\/+$/, "");
  return async (method, path, body, signal) => {
    const own = new Headers(await (typeof headers === "function" ? headers() : headers));
    own.set("accept", "application/json");
    if (body) own.set("content-type", "application/json");
    try {
      const response = await fetch(base + path, { method, headers: own, credentials, body: body && JSON.stringify(body), signal });
      const text = await response.text();
      const said = parsed(text);
      if (!response.ok) return { status: response.status, body: said };
      // Some answer a deletion with nothing.
      return said === undefined && method !== "DELETE" ? { type: response.headers.get("content-type") || "something" } : { answer: said ?? {} };
    } catch (error) {
      if (error?.name !== "TypeError") throw error;
      return { silent: base, reached: await isReached(base, signal) };
    }
  };
}

/** Something answers there, though this page may not read it. */
export async function isReached(url, signal) {
  return fetch(url, { mode: "no-cors", cache: "no-store", signal }).then(() => true, () => false);
}

/** True where the backend has no such route or function. */
export function isAbsent({ status, body }) {
  const said = [body?.error, body?.message].some((words) => typeof words === "string" && words !== "");
  return status === 405 || status === 501 || (status === 404 && !said);
}

/** What an answer means that is none. `asked` names what it was asked for. */
export function backendTrouble(outcome, asked) {
  const { status, body, thrown, type, silent, reached } = outcome;
  const quote = [body?.error, body?.message, thrown?.message].find((words) => typeof words === "string" && words !== "");
  const said = quote ? `: ${quote.replace(/[.\s]*$/, "")}.` : ".";
  const error = (code, message, fix) => ({ code, level: "error", message, fix });
  if (silent && reached) {
    return error("backend-cors", `The backend at ${silent} answers, but this page may not read what (${asked}): it lacks CORS headers for ${globalThis.location?.origin}, in the answer or in that to the preflight (OPTIONS).`, backendCors());
  }
  if (silent) return error("backend-unreachable", `Nothing answers at ${silent} (${asked}).`, "Start the backend, or correct `endpoint`; a firewall, a wrong certificate or a browser extension look the same from here.");
  if (type) return error("backend-not-json", `The backend answered ${asked} with ${type} where JSON was expected.`, "Set `endpoint` to the address under which the backend's routes are: a page or a proxy answers there.");
  if (thrown) return error("backend-function", `A function of the backend failed (${asked})${said}`, undefined);
  if (status === 401 || status === 403) {
    return error("backend-sign-in", `The backend does not let this visitor in (${asked}, HTTP ${status})${said}`, "Give the client `headers` with a valid token, or `credentials: \"include\"` where a cookie says who is asking.");
  }
  if (isAbsent(outcome)) return error("backend-route", `The backend has no ${asked} (HTTP ${status}).`, "Set `endpoint` to the address under which the backend's routes are, or add the route.");
  if (status === 429) return error("backend-busy", `The backend asks for fewer requests (${asked}, HTTP 429)${said}`, "Wait, or raise the backend's limit: an upload in parts asks it several times.");
  if (status >= 500) return error("backend-failing", `The backend fails (${asked}, HTTP ${status})${said}`, "Its own log says why: often missing credentials, or a store that it cannot reach.");
  return error("backend-refuses", `The backend refuses (${asked}, HTTP ${status})${said}`, "If it is the test file that it does not take (a few bytes of application/octet-stream): let it, while you look.");
}

/** What is wrong with an answer that should hold signed URLs. */
export function badGrant(answer, members) {
  const missing = members.filter((name) => typeof answer?.[name] !== "string" || answer[name] === "");
  if (missing.length > 0) return missing.map((name) => `\`${name}\` is missing or no text`).join(", ");
  const url = members.map((name) => answer[name]).find((value) => /^[a-z][a-z\d+.-]*:/i.test(value));
  return members.some((name) => name.endsWith("_url")) && !/^https?:\/\//i.test(url ?? "") ? "its URL is no absolute http or https URL" : undefined;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
