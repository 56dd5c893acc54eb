import { reactive } from "vue";
import type { Readback, Result } from "@/api/types";

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
export function resultById(_id: string): Result | undefined {
  throw new Error("being written");
}

/** Address of the whole picture, of a thumbnail, and of what it was made from (null if nothing is kept). */
export function pictureUrl(_result: Result): string {
  throw new Error("being written");
}
export function thumbnailUrl(_result: Result): string {
  throw new Error("being written");
}
export function sourceUrl(_result: Result): string | null {
  throw new Error("being written");
}

/** Show a result on the stage; null shows the canvas again. */
export function select(_id: string | null): void {
  throw new Error("being written");
}

/** Add a finished result to the filmstrip and select it if the person waits for it. */
export function addResult(_result: Result, _show: boolean): void {
  throw new Error("being written");
}

/** Mark as favorite or not. */
export async function toggleFavorite(_result: Result): Promise<void> {
  throw new Error("being written");
}

/** Put into the trash, with a notice that takes it back; `restore` takes it out of the trash. */
export async function remove(_result: Result): Promise<void> {
  throw new Error("being written");
}
export async function restore(_id: string): Promise<void> {
  throw new Error("being written");
}

/** Search the history from its beginning with what `results.history` says; `more` goes on. */
export async function searchHistory(): Promise<void> {
  throw new Error("being written");
}
export async function moreHistory(): Promise<void> {
  throw new Error("being written");
}

/** Return the results a result came from, oldest first, and those made from it. */
export async function lineage(_id: string): Promise<{ ancestors: Result[]; children: Result[] }> {
  throw new Error("being written");
}

/** Read parameters: of a file, a text, or a result. Null if there are none (reported). */
export async function readParameters(_from: File | Blob | string | Result): Promise<Readback | null> {
  throw new Error("being written");
}

/** Copy a result's picture, or a text, to the clipboard; says so. */
export async function copyPicture(_result: Result): Promise<void> {
  throw new Error("being written");
}
export async function copyText(_text: string): Promise<void> {
  throw new Error("being written");
}

/** Save a result's file. */
export function download(_result: Result): void {
  throw new Error("being written");
}
