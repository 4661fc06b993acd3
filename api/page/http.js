// Requests to the API. Addresses are relative to the page, so that both may lie under any path.

import { anotherKey, presentKey } from "./key.js";
import { noteServerTime } from "./times.js";

const TIMEOUT_MS = 90_000;

/** What the API, or the way to it, had against a request: `code`, `detail`, and `errors` of single fields. */
export class Problem extends Error {
  constructor({ code, detail, errors = [] }, status = 0, retryAfter = 0) {
    super(detail);
    Object.assign(this, { code, detail, errors, status, retryAfter });
  }
}

/** Get a document: `{ body, etag }`, or `null` while it is the one of this entity tag. */
export async function get(path, { etag = null, signal } = {}) {
  const response = await ask("GET", path, { signal, headers: etag ? { "If-None-Match": etag } : {} });
  if (response.status === 304) return null;
  return { body: await response.json(), etag: response.headers.get("ETag") };
}

/** Send a document, or nothing, and return what is answered. */
export async function post(path, body, headers = {}) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await ask("POST", path, { body: body && JSON.stringify(body), headers: { ...json, ...headers } });
  return response.json();
}

async function ask(method, path, { headers, body, signal }) {
  const key = presentKey();
  const response = await reached(`api/v1/${path}`, {
    method,
    body,
    headers: key ? { ...headers, Authorization: `Bearer ${key}` } : headers,
    // What was answered before is held against the entity tag here, not by the browser.
    cache: "no-store",
    credentials: "same-origin",
    redirect: "error",
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])]),
  });
  noteServerTime(response);
  if (response.ok || response.status === 304) return response;
  const problem = await problemOf(response);
  if (response.status !== 401) throw problem;
  if (await anotherKey(key)) return ask(method, path, { headers, body, signal });
  throw new Problem({ code: problem.code, detail: "this server asks for a key" }, response.status);
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "unreachable", detail: "the server does not answer" });
  }
}

async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  try {
    return new Problem(await response.json(), response.status, retryAfter);
  } catch {
    const detail = `the way to the server is disturbed (${response.status} ${response.statusText})`;
    return new Problem({ code: `http.${response.status}`, detail }, response.status, retryAfter);
  }
}
