import { ApiError } from "@/api/problem";
import { fetchBlob } from "@/api/client";
import { uploadPicture } from "@/api/upload";
import type { Engine, StoredDocument } from "@/canvas";
import { translate } from "@/i18n";
import { keepCanvas, keptCanvas, type KnownPicture } from "./kept-canvas";
import { notify } from "./notices";
import { decode } from "./picture-file";

/** Milliseconds of rest after a change until the canvas is kept, and the longest that it waits for rest. */
const KEEP_CANVAS_AFTER = 800;
const KEEP_CANVAS_WITHIN = 3000;

/** Bring back the canvas that was kept, if nothing is open; `known` hears of its picture once it is shown. A browser that keeps
 * nothing is no error. */
export async function bringBack(engine: Engine, known: (picture: KnownPicture) => void): Promise<void> {
  try {
    const kept = await keptCanvas();
    if (!kept || engine.size) return;
    const { picture } = kept;
    await engine.restore(kept.document, await bitmapFor(kept.document, picture));
    if (!picture) return;
    known(picture);
    void sendAgain(picture);
  } catch {
    notify({ kind: "warn", title: translate("notice.kept.broken") });
  }
}

/** The picture of a document that does not hold it itself. */
async function bitmapFor(document: StoredDocument, picture: KnownPicture | null): Promise<ImageBitmap | null> {
  const isInside = document.layers.some((layer) => layer.kind === "picture" && layer.blob);
  if (isInside || !picture) return null;
  if (picture.shown) return decode(picture.shown);
  return picture.sha256 === null ? null : decode(await fetchBlob(`/api/v1/pictures/${picture.sha256}/view`));
}

/** See that the server still has the file; one that has not gets the copy that was kept, and names it anew. */
async function sendAgain(picture: KnownPicture): Promise<void> {
  if (picture.sha256 === null || !picture.shown) return;
  try {
    await fetchBlob(`/api/v1/pictures/${picture.sha256}/info`);
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status !== 404) return;
    picture.sha256 = null; // until it is sent; a request made meanwhile sends the copy itself
    try {
      picture.sha256 = (await uploadPicture(picture.shown, picture.name)).sha256;
    } catch {
      // Then it goes along with the next request.
    }
  }
}

/** Keep the canvas in IndexedDB a moment after each change. A browser that does not let us is told of once. */
export function keepAfterChanges(engine: Engine, picture: () => KnownPicture | null): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let since = 0; // when the oldest change that is not kept was made
  let isTold = false;
  const now = async (): Promise<void> => {
    timer = undefined;
    try {
      const known = picture(); // of the document as it is now, not as it is once its pixels are packed
      const stored = await engine.store();
      await keepCanvas(stored && { document: stored, picture: known });
    } catch {
      if (isTold) return;
      isTold = true;
      notify({ kind: "warn", title: translate("notice.kept.title"), detail: translate("notice.kept.detail") });
    }
  };
  const soon = (): void => {
    const time = performance.now();
    if (timer === undefined) since = time;
    clearTimeout(timer);
    timer = setTimeout(() => void now(), Math.max(0, Math.min(KEEP_CANVAS_AFTER, since + KEEP_CANVAS_WITHIN - time)));
  };
  const before = (): void => {
    if (timer === undefined || !document.hidden) return;
    clearTimeout(timer);
    void now();
  };
  document.addEventListener("visibilitychange", before); // the page may go for good: the last stroke is kept at once
  engine.on("document", soon);
  engine.on("pixels", soon);
}
