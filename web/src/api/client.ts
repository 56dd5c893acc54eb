import createClient from "openapi-fetch";
import { lostError, problemOf } from "./problem";
import type { paths } from "./schema";

/** Where everything of the API is. */
export const API = "/api/v1";

/** Header that every request of the page has, so that no foreign page can send one. */
export const OWN_PAGE = { "X-Redraw": "1" } as const;

/** Milliseconds until an unanswered request counts as lost. */
const TIMEOUT = 30_000;

/** Send a request with the page's header; throws `ApiError` with `lost` where no answer came. */
async function send(request: Request): Promise<Response> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT)]);
  try {
    return await exact(await fetch(request, { signal }));
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw lostError(error instanceof Error ? error.message : "no answer");
  }
}

/** The same answer with whole numbers that JavaScript cannot hold (seeds have 64 bits) as texts, so that no digit is lost. */
async function exact(response: Response): Promise<Response> {
  if (!response.headers.get("content-type")?.includes("json")) return response;
  const text = await response.text();
  const { status, statusText, headers } = response;
  const body = /\d{16}/.test(text) ? JSON.stringify(JSON.parse(text, keepDigits)) : text;
  return new Response(body === "" ? null : body, { status, statusText, headers });
}

/** A reviver that takes a long number's own digits, where the browser tells them. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const digits = context?.source;
  return typeof value === "number" && !Number.isSafeInteger(value) && digits !== undefined && /^-?\d+$/.test(digits) ? digits : value;
}

/** The server's API, typed by its schema. Wrap its calls in `answer`, which throws where the server refuses. */
export const api = createClient<paths>({ baseUrl: "", headers: OWN_PAGE, fetch: send });

/** Return what the server answered; throws `ApiError` at anything but a 2xx. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemOf(response.status, error);
  return data as T;
}

/** Return the bytes of a file on the server; throws `ApiError`. */
export async function fetchBlob(path: string): Promise<Blob> {
  const response = await send(new Request(path, { headers: OWN_PAGE }));
  if (!response.ok) throw problemOf(response.status, await readJson(response));
  return response.blob();
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** Wait so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
