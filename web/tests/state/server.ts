/** A server made by hand: routes answer what the test says, and what was sent is kept. */
import { vi } from "vitest";

export interface Sent {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

type Reply = { status?: number; body?: unknown } | "lost";
type Route = (sent: Sent) => Reply | Promise<Reply>;

export class HandmadeServer {
  readonly sent: Sent[] = [];
  private readonly routes = new Map<string, Route>();

  /** Answer a route, like "GET /models", with a body or by a function. */
  on(route: string, reply: Route | object | null): this {
    const made: Route = typeof reply === "function" ? (reply as Route) : () => ({ body: reply });
    this.routes.set(route, made);
    return this;
  }

  /** Requests to a route, in order. */
  to(route: string): Sent[] {
    return this.sent.filter((one) => `${one.method} ${one.path}` === route);
  }

  install(): this {
    vi.stubGlobal("fetch", (request: Request) => this.answer(request));
    return this;
  }

  private async answer(request: Request): Promise<Response> {
    const url = new URL(request.url, "http://localhost");
    const text = await request.text();
    const path = url.pathname.replace("/api/v1", "");
    const sent: Sent = {
      method: request.method,
      path,
      query: url.searchParams,
      headers: request.headers,
      body: text === "" ? null : JSON.parse(text),
    };
    this.sent.push(sent);
    const route = this.routes.get(`${sent.method} ${path}`) ?? this.wild(sent);
    const reply = route ? await route(sent) : { status: 404, body: problem(404, "not here", `no ${sent.method} ${path}`) };
    if (reply === "lost") throw new TypeError("fetch failed");
    const { status = 200, body = null } = reply;
    if (body instanceof Blob) return new Response(body, { status });
    return new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
  }

  /** A route whose path ends in "*" or has "{id}" in it. */
  private wild(sent: Sent): Route | undefined {
    for (const [name, route] of this.routes) {
      const pattern = new RegExp(`^${name.replaceAll("{id}", "[^/]+").replaceAll("*", ".*")}$`);
      if (pattern.test(`${sent.method} ${sent.path}`)) return route;
    }
    return undefined;
  }
}

export function problem(status: number, title: string, detail: string, more: object = {}): object {
  return { type: "about:blank", title, status, detail, ...more };
}
