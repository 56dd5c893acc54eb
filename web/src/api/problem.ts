import type { Problem } from "./types";

/** An error of the server: RFC 9457 problem data, or what went wrong on the way (`lost` = it did not answer). */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    readonly lost = false,
  ) {
    super(problem.detail);
    this.name = "ApiError";
  }
}

/** Make an error of the page's own making, in the server's words: status 0 where no server was asked. */
export function localError(title: string, detail: string, field: string | null = null, status = 0): ApiError {
  return new ApiError({ type: `/problems/${title.replaceAll(" ", "-")}`, title, status, detail, field });
}

/** Make the error of a server that did not answer. */
export function lostError(detail: string): ApiError {
  return new ApiError({ type: "/problems/lost", title: "lost", status: 0, detail }, true);
}

/** Read the error out of an answer's body; a body that is no problem data (a proxy's page) is told by its status. */
export function problemOf(status: number, body: unknown): ApiError {
  if (typeof body === "object" && body !== null && "title" in body && "detail" in body) {
    const found = body as Partial<Problem>;
    return new ApiError({
      ...found,
      type: found.type ?? "about:blank",
      title: String(found.title),
      status,
      detail: String(found.detail),
    });
  }
  // A gateway answers for a server that is not there.
  const lost = status === 502 || status === 504;
  return new ApiError({ type: "about:blank", title: "unexpected answer", status, detail: `HTTP ${status}` }, lost);
}
