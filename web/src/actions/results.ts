import {
  ArrowLeft, Blend, ChevronLeft, ChevronRight, ClipboardCopy, Columns2, Copy, Dices, Download, Eye, FileInput, GitFork, Heart, Maximize, Maximize2,
  Repeat, Scan, Sprout, SquareSplitHorizontal, Trash2, ZoomIn, ZoomOut,
} from "@lucide/vue";
import type { Result } from "@/api/types";
import { onStage } from "@/shared/picture/onStage";
import { usesArrows, type Zoom } from "@/shared/picture/zoom";
import { openDialog } from "@/state/dialogs";
import { applyReadback, setValue } from "@/state/form";
import { jobs, rerun } from "@/state/jobs";
import {
  type Compare, copyPicture, copyText, download, readParameters, remove, resultById, results, select, toggleFavorite,
} from "@/state/results";
import { chosen } from "./send";
import type { Action } from "./types";

/** Return the results the stage goes through: the filmstrip, or the history if the one that is shown is only there. */
export function shownList(): readonly Result[] {
  const inStrip = results.session.some((item) => item.id === results.selected);
  return inStrip || results.selected === null ? results.session : results.history.items;
}

/** Show the result that lies so many places further (negative: back) in the filmstrip; the ends stop. */
export function go(places: number): void {
  const list = shownList();
  const at = list.findIndex((item) => item.id === results.selected);
  const to = list[Math.min(Math.max(at + places, 0), list.length - 1)];
  if (to) select(to.id);
}

/** Put a result into the trash; where it was on the stage, the one beside it comes there. */
export async function removeShown(result: Result): Promise<void> {
  const list = shownList();
  const at = list.findIndex((item) => item.id === result.id);
  const beside = list[at + 1] ?? list[at - 1];
  const ofHistory = results.selected === result.id && !results.session.some((item) => item.id === result.id);
  await remove(result);
  if (ofHistory && results.selected !== result.id) select(beside?.id ?? null);
}

/** Mark a result as favorite, or no more. */
export async function favor(result: Result): Promise<void> {
  const before = result.favorite;
  await toggleFavorite(result);
  if (resultById(result.id) === undefined && result.favorite === before) result.favorite = !before;
}

/** Put a result's parameters into the form. */
export async function useParameters(result: Result): Promise<void> {
  const readback = await readParameters(result);
  if (readback) applyReadback(readback);
}

/** Use a result's seed for the next pictures. */
export function useSeed(result: Result): void {
  setValue("seed", result.seed);
}

/** Switch a way of comparing on, or off if it is on. */
function toggleCompare(mode: Compare): void {
  results.compare = results.compare === mode ? "off" : mode;
}

function onChosen(name: string, icon: Action["icon"], shortcut: string | null, run: (result: Result) => unknown): Action {
  return {
    name,
    group: "results",
    shortcut,
    icon,
    enabled: () => chosen() !== undefined,
    run: async () => {
      const result = chosen();
      if (result) await run(result);
    },
  };
}

function comparing(name: string, mode: Compare, icon: Action["icon"], shortcut: string | null): Action {
  return { ...onChosen(name, icon, shortcut, () => toggleCompare(mode)), active: () => results.compare === mode };
}

function stepping(name: string, icon: Action["icon"], shortcut: string, places: number): Action {
  // The arrows of a slider, a list or a row of tabs stay with it.
  const enabled = (): boolean => results.selected !== null && !usesArrows(document.activeElement);
  return { name, group: "results", shortcut, icon, enabled, run: () => go(places) };
}

function zooming(name: string, icon: Action["icon"], shortcut: string, what: Zoom): Action {
  return { name, group: "results", shortcut, icon, enabled: () => results.selected !== null && onStage.zoom !== null, run: () => onStage.zoom?.(what) };
}

/** Everything that can be done with the result that is looked at. */
export const resultActions: readonly Action[] = [
  stepping("results.previous", ChevronLeft, "ArrowLeft", -1),
  stepping("results.next", ChevronRight, "ArrowRight", 1),
  {
    name: "results.newest",
    group: "results",
    shortcut: "N",
    icon: Eye,
    enabled: () => results.session.length > 0,
    run: () => select(results.session[0]?.id ?? null),
  },
  { ...onChosen("results.favorite", Heart, "F", favor), active: () => chosen()?.favorite ?? false },
  onChosen("results.delete", Trash2, "Delete", removeShown),
  onChosen("results.download", Download, "S", download),
  onChosen("results.copyPicture", Copy, "Shift+C", copyPicture),
  onChosen("results.copyInfotext", ClipboardCopy, "Shift+I", (result) => copyText(result.infotext)),
  onChosen("results.useParameters", FileInput, "Shift+P", useParameters),
  onChosen("results.useSeed", Sprout, "Shift+S", useSeed),
  onChosen("results.rerun", Repeat, null, (result) => rerun(result, false)),
  onChosen("results.rerunNewSeed", Dices, null, (result) => rerun(result, true)),
  comparing("results.compareSlider", "slider", SquareSplitHorizontal, "K"),
  comparing("results.compareSide", "side", Columns2, "Shift+K"),
  comparing("results.compareHover", "hover", Eye, null),
  comparing("results.compareDifference", "difference", Blend, "D"),
  onChosen("results.viewer", Maximize2, "Shift+F", () => {
    results.viewer = true;
  }),
  onChosen("results.lineage", GitFork, null, (result) => openDialog("lineage", result.id)),
  zooming("results.zoomIn", ZoomIn, "+", "in"),
  zooming("results.zoomOut", ZoomOut, "-", "out"),
  zooming("results.zoomFit", Scan, "0", "fit"),
  zooming("results.zoomFull", Maximize, "1", "full"),
  {
    name: "results.back",
    group: "results",
    shortcut: "Escape",
    icon: ArrowLeft,
    // While a picture of this page is made, Escape interrupts it.
    enabled: () => results.selected !== null && (jobs.running === null || jobs.running.id !== jobs.mine),
    run: () => select(null),
  },
];
