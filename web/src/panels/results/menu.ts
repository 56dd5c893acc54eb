/** The menus of a result: the same everywhere it is seen. */
import {
  ArchiveRestore, Brush, ClipboardCopy, Copy, Dices, Download, FileInput, GitFork, Heart, ImageUp, ImageUpscale, Maximize2, Paintbrush, PenTool,
  Repeat, Sprout, SquareSplitHorizontal, Trash2,
} from "@lucide/vue";
import { favor, removeShown, useParameters, useSeed } from "@/actions/results";
import { enlarge, look, sendTo } from "@/actions/send";
import type { Result } from "@/api/types";
import { translate } from "@/i18n";
import { attempt } from "@/shared/attempt";
import type { MenuItem } from "@/shared/DropMenu.vue";
import { openDialog } from "@/state/dialogs";
import { rerun } from "@/state/jobs";
import { copyPicture, copyText, download, restore, results } from "@/state/results";

/** Return the ways to go on from a result. */
export function sendMenu(result: Result): MenuItem[] {
  return [
    { label: translate("results.do.img2img"), icon: ImageUp, run: () => attempt(() => sendTo(result, "img2img")) },
    { label: translate("results.do.sketch"), icon: Brush, run: () => attempt(() => sendTo(result, "sketch")) },
    { label: translate("results.do.inpaint"), icon: Paintbrush, run: () => attempt(() => sendTo(result, "inpaint")) },
    { label: translate("results.do.inpaintSketch"), icon: PenTool, run: () => attempt(() => sendTo(result, "inpaint-sketch")) },
    { label: translate("results.do.extras"), icon: ImageUpscale, separator: true, run: () => enlarge(result) },
  ];
}

/** Return what re-uses how a result was made. */
export function reuseMenu(result: Result): MenuItem[] {
  return [
    { label: translate("results.do.useParameters"), icon: FileInput, run: () => attempt(() => useParameters(result)) },
    { label: translate("results.do.useSeed"), icon: Sprout, run: () => useSeed(result) },
    { label: translate("results.do.rerun"), icon: Repeat, run: () => attempt(() => rerun(result, false)) },
    { label: translate("results.do.rerunNewSeed"), icon: Dices, run: () => attempt(() => rerun(result, true)) },
    { label: translate("results.do.copyInfotext"), icon: ClipboardCopy, separator: true, run: () => attempt(() => copyText(result.infotext)) },
    { label: translate("results.do.lineage"), icon: GitFork, run: () => openDialog("lineage", result.id) },
  ];
}

/** Return everything that can be done with a result; of one in the trash, that it comes back. */
export function resultMenu(result: Result): MenuItem[] {
  if (result.trashed !== null) {
    return [{ label: translate("results.do.restore"), icon: ArchiveRestore, run: () => attempt(() => restore(result.id)) }];
  }
  const [first, ...reuse] = reuseMenu(result);
  return [
    { label: translate("results.do.viewer"), icon: Maximize2, run: () => openViewer(result) },
    ...comparison(result),
    ...sendMenu(result).map((item, at) => ({ ...item, separator: at === 0 })),
    ...(first ? [{ ...first, separator: true }] : []),
    ...reuse.map((item) => ({ ...item, separator: false })),
    {
      label: result.favorite ? translate("results.do.unfavorite") : translate("results.do.favorite"),
      icon: Heart,
      separator: true,
      run: () => attempt(() => favor(result)),
    },
    { label: translate("results.do.download"), icon: Download, run: () => download(result) },
    { label: translate("results.do.copyPicture"), icon: Copy, run: () => attempt(() => copyPicture(result)) },
    { label: translate("results.do.delete"), icon: Trash2, separator: true, run: () => attempt(() => removeShown(result)) },
  ];
}

function comparison(result: Result): MenuItem[] {
  if (results.selected === null || results.selected === result.id) return [];
  return [{ label: translate("results.do.compareWith"), icon: SquareSplitHorizontal, run: () => compareWith(result) }];
}

function compareWith(result: Result): void {
  results.against = result.id;
  if (results.compare === "off") results.compare = "slider";
}

function openViewer(result: Result): void {
  look(result);
  results.viewer = true;
}
