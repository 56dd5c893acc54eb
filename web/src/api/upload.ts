import { API, OWN_PAGE } from "./client";
import { lostError, problemOf } from "./problem";
import type { Received } from "./types";

/** Milliseconds without any progress until an upload counts as lost. */
const STALLED = 60_000;

/** Send a picture file; `told` hears the part that was sent, 0..1. Throws `ApiError`, `lost` where the connection broke. */
export function uploadPicture(file: Blob, name: string, told: (fraction: number) => void = () => undefined): Promise<Received> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let alarm: ReturnType<typeof setTimeout> | undefined;
    const watch = (): void => {
      clearTimeout(alarm);
      alarm = setTimeout(() => request.abort(), STALLED);
    };
    const lost = (): void => {
      clearTimeout(alarm);
      reject(lostError("the upload was cut off"));
    };
    request.open("POST", `${API}/pictures`);
    for (const [header, value] of Object.entries(OWN_PAGE)) request.setRequestHeader(header, value);
    request.upload.onprogress = (event) => {
      watch();
      if (event.lengthComputable && event.total > 0) told(event.loaded / event.total);
    };
    request.onerror = lost;
    request.onabort = lost;
    request.onload = () => {
      clearTimeout(alarm);
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(body as Received);
      else reject(problemOf(request.status, body));
    };
    const form = new FormData();
    form.append("file", new File([file], name, { type: file.type }));
    watch();
    request.send(form);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
