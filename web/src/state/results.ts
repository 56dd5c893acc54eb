import { reactive, watch } from "vue";
import { answer, api, fetchBlob } from "@/api/client";
import type { Readback, Result } from "@/api/types";
import { uploadPicture } from "@/api/upload";
import { translate } from "@/i18n";
import { saveFile } from "@/shared/files";
import { dismiss, notify, report } from "./notices";
import { checkFile } from "./picture-file";

/** How a result is compared with another picture. */
export type Compare = "off" | "slider" | "side" | "hover" | "difference";

/** Finished pictures: those of this visit (the filmstrip), and the history. */
export interface Results {
  /** Newest first. */
  session: Result[];
  /** The result that is looked at on the stage, or null: the canvas is shown. */
  selected: string | null;
  compare: Compare;
  /** What the selected one is compared with: another result's id, or "source". */
  against: string;
  history: {
    items: Result[];
    next: string | null;
    loading: boolean;
    text: string;
    favorites: boolean;
    trashed: boolean;
  };
  /** Full-screen viewer is open. */
  viewer: boolean;
}

/** Results as they are now. */
export const results: Results = reactive({
  session: [],
  selected: null,
  compare: "off",
  against: "source",
  history: { items: [], next: null, loading: false, text: "", favorites: false, trashed: false },
  viewer: false,
});

/** Return a result that is known here (filmstrip or history), or undefined. */
export function resultById(id: string): Result | undefined {
  return results.session.find((one) => one.id === id) ?? results.history.items.find((one) => one.id === id);
}

/** Address of the whole picture. */
export function pictureUrl(result: Result): string {
  return `/api/v1/results/${result.id}/picture`;
}

/** Address of a thumbnail. */
export function thumbnailUrl(result: Result): string {
  return `/api/v1/results/${result.id}/thumbnail`;
}

/** Address of what a result was made from, upright; null if it was made from words. */
export function sourceUrl(result: Result): string | null {
  const [first] = result.sources;
  return first === undefined ? null : `/api/v1/pictures/${first}/view`;
}

/** Show a result on the stage; null shows the canvas again. */
export function select(id: string | null): void {
  results.selected = id;
  if (id === null) results.viewer = false;
}

/** Add a finished result to the filmstrip and select it if the person waits for it. */
export function addResult(result: Result, show: boolean): void {
  if (!results.session.some((one) => one.id === result.id)) results.session.unshift(result);
  const { items, text, favorites, trashed } = results.history;
  const isPlain = text === "" && !favorites && !trashed;
  if (isPlain && items.length > 0 && !items.some((one) => one.id === result.id)) items.unshift(result);
  if (show) select(result.id);
}

/** Where this tab keeps the ids of its strip, and how many. */
const STRIP = "redraw.strip";
const KEPT_IN_STRIP = 48;

/** Fill the strip with the results of this visit again after a refresh; those that came meanwhile stay in front. Those that are gone
 * or in the trash are left out. From then on the strip is kept for the tab. */
export async function recallResults(): Promise<void> {
  const ids = (sessionStorage.getItem(STRIP) ?? "").split(" ").filter((id) => id !== "");
  const found = await Promise.allSettled(ids.map((id) => answer(api.GET("/api/v1/results/{id}", { params: { path: { id } } }))));
  const known = new Set(results.session.map((one) => one.id));
  for (const one of found) {
    if (one.status === "fulfilled" && one.value.trashed === null && !known.has(one.value.id)) results.session.push(one.value);
  }
  watch(
    () => results.session.slice(0, KEPT_IN_STRIP).map((one) => one.id).join(" "),
    (kept) => {
      sessionStorage.setItem(STRIP, kept);
    },
    { immediate: true },
  );
}

/** Apply a change to a result wherever it is shown. */
function change(id: string, changes: Partial<Result>): void {
  for (const one of [...results.session, ...results.history.items]) if (one.id === id) Object.assign(one, changes);
}

/** Mark as favorite or not. */
export async function toggleFavorite(result: Result): Promise<void> {
  const { id, favorite } = result;
  change(id, { favorite: !favorite });
  try {
    await answer(api.PATCH("/api/v1/results/{id}", { params: { path: { id } }, body: { favorite: !favorite } }));
  } catch (error) {
    change(id, { favorite });
    report(error);
  }
}

/** Put into the trash, with a notice that takes it back. */
export async function remove(result: Result): Promise<void> {
  const { id } = result;
  const places = [results.session, results.history.items].map((list) => ({ list, at: list.findIndex((one) => one.id === id) }));
  const shown = places.filter(({ at }) => at >= 0).map(({ list, at }) => ({ list, at, kept: list[at] ?? result }));
  for (const { list, at } of shown) list.splice(at, 1);
  const isSelected = results.selected === id;
  if (isSelected) select(results.session[Math.max(0, places[0]?.at ?? 0)]?.id ?? results.session.at(-1)?.id ?? null);
  const putBack = (): void => {
    for (const { list, at, kept } of shown) if (!list.some((one) => one.id === id)) list.splice(Math.min(at, list.length), 0, kept);
    if (isSelected) select(id);
  };
  try {
    await answer(api.DELETE("/api/v1/results/{id}", { params: { path: { id } } }));
  } catch (error) {
    putBack();
    report(error);
    return;
  }
  const notice = notify({
    kind: "good",
    title: translate("notice.result.removed"),
    actions: [{ label: translate("notice.result.undo"), run: () => void undo() }],
  });
  async function undo(): Promise<void> {
    dismiss(notice);
    if (await tookBack(id)) putBack();
  }
}

/** Take a result out of the trash. */
export async function restore(id: string): Promise<void> {
  if (!(await tookBack(id))) return;
  const { history } = results;
  if (history.trashed) history.items = history.items.filter((one) => one.id !== id);
}

async function tookBack(id: string): Promise<boolean> {
  try {
    await answer(api.POST("/api/v1/results/{id}/restore", { params: { path: { id } } }));
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

/** Results of the history that are asked for at once. */
export const PAGE = 60;

let search = 0;

/** Search the history from its beginning with what `results.history` says. */
export async function searchHistory(): Promise<void> {
  await page(true);
}

/** Go on with the search. */
export async function moreHistory(): Promise<void> {
  if (!results.history.loading && results.history.next !== null) await page(false);
}

async function page(fromStart: boolean): Promise<void> {
  const mine = ++search;
  const { history } = results;
  const { text, favorites, trashed, next } = history;
  history.loading = true;
  try {
    const query = { limit: PAGE, trashed, text: text.trim() || undefined, favorite: favorites || undefined };
    const after = fromStart ? undefined : (next ?? undefined);
    const found = await answer(api.GET("/api/v1/results", { params: { query: { ...query, after } } }));
    if (mine !== search) return;
    const known = new Set(fromStart ? [] : history.items.map((one) => one.id));
    history.items = [...(fromStart ? [] : history.items), ...found.items.filter((one) => !known.has(one.id))];
    history.next = found.next ?? null;
  } catch (error) {
    if (mine === search) report(error);
  } finally {
    if (mine === search) history.loading = false;
  }
}

/** Return the results a result came from, oldest first, and those made from it. */
export async function lineage(id: string): Promise<{ ancestors: Result[]; children: Result[] }> {
  try {
    return await answer(api.GET("/api/v1/results/{id}/lineage", { params: { path: { id } } }));
  } catch (error) {
    report(error);
    return { ancestors: [], children: [] };
  }
}

/** Read parameters: of a file, a text, or a result. Null if there are none (reported). */
export async function readParameters(from: Blob | string | Result): Promise<Readback | null> {
  const isText = typeof from === "string";
  try {
    const body = isText ? { text: from } : { sha256: await keptAs(from) };
    const found = await answer(api.POST("/api/v1/parameters", { body }));
    if (Object.keys(found.request).length > 0) return found;
    notify({ kind: "warn", title: translate(isText ? "notice.readback.textNone" : "notice.readback.none") });
  } catch (error) {
    report(error);
  }
  return null;
}

async function keptAs(from: Blob | Result): Promise<string> {
  if (!(from instanceof Blob)) return from.sha256;
  const name = from instanceof File ? from.name : "picture";
  await checkFile(from, name);
  return (await uploadPicture(from, name)).sha256;
}

/** Copy a result's picture to the clipboard, as PNG; says so. */
export async function copyPicture(result: Result): Promise<void> {
  await copied("notice.result.pictureCopied", async () => {
    // Given as a promise, so that the browser still sees the press it answers.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png(result) })]);
  });
}

async function png(result: Result): Promise<Blob> {
  if (result.format === "png") return fetchBlob(pictureUrl(result));
  const bitmap = await createImageBitmap(await fetchBlob(`/api/v1/pictures/${result.sha256}/view`));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}

/** Copy a text to the clipboard; says so. */
export async function copyText(text: string): Promise<void> {
  await copied("notice.result.textCopied", () => navigator.clipboard.writeText(text));
}

async function copied(done: string, copy: () => Promise<void>): Promise<void> {
  try {
    await copy();
    notify({ kind: "good", title: translate(done) });
  } catch {
    const detail = translate("notice.result.noClipboardNext");
    notify({ kind: "warn", title: translate("notice.result.noClipboard"), detail });
  }
}

/** Save a result's file. */
export function download(result: Result): void {
  saveFile(pictureUrl(result), `redraw-${result.seed}-${result.id}.${result.format}`);
}
