import { ClipboardCopy, Crop, ImageDown, Redo2, Scissors, SquareDashed, Undo, Undo2 } from "@lucide/vue";
import type { Rect } from "@/canvas";
import { translate } from "@/i18n";
import { saveFile } from "@/shared/files";
import { canvasFact } from "@/stage";
import { notify, report } from "@/state/notices";
import { engine, source } from "@/state/source";
import type { Action } from "./types";

const isOpen = (): boolean => canvasFact((canvas) => canvas.size !== null);
const hasRegion = (): boolean => canvasFact((canvas) => canvas.region !== null);

function onRegion(work: (box: Rect) => void): void {
  const { region } = engine();
  if (region) work(region);
}

function nothingMarked(): boolean {
  return document.getSelection()?.isCollapsed ?? true;
}

/** Copy what is seen; says so, or what to do where the browser does not allow it. */
async function copyCanvas(): Promise<void> {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": engine().flatten() })]);
    notify({ kind: "good", title: translate("canvas.copied") });
  } catch (error) {
    if (error instanceof DOMException || error instanceof TypeError) {
      notify({ kind: "warn", title: translate("canvas.notCopied"), detail: translate("canvas.notCopiedHint") });
    } else report(error);
  }
}

async function saveCanvas(): Promise<void> {
  saveFile(await engine().flatten(), `${(source.name ?? "canvas").replace(/\.[^.]+$/, "")}.png`);
}

const redo = {
  group: "edit" as const,
  icon: Redo2,
  enabled: () => canvasFact((canvas) => canvas.canRedo),
  run: () => engine().redo(),
};

/** Changing the picture as a whole, and taking back. */
export const editActions: readonly Action[] = [
  {
    name: "edit.undo",
    group: "edit",
    shortcut: "Ctrl+Z",
    icon: Undo2,
    enabled: () => canvasFact((canvas) => canvas.canUndo),
    run: () => engine().undo(),
  },
  { ...redo, name: "edit.redo", shortcut: "Ctrl+Shift+Z" },
  { ...redo, name: "edit.redoToo", shortcut: "Ctrl+Y" },
  {
    name: "edit.copy",
    group: "edit",
    shortcut: "Ctrl+C",
    icon: ClipboardCopy,
    enabled: () => isOpen() && nothingMarked(),
    run: copyCanvas,
  },
  { name: "edit.save", group: "edit", shortcut: "Ctrl+Shift+S", icon: ImageDown, enabled: isOpen, run: saveCanvas },
  {
    name: "edit.cropOut",
    group: "edit",
    shortcut: "Shift+C",
    icon: Scissors,
    enabled: hasRegion,
    run: () => onRegion((box) => engine().cropOut(box)),
  },
  {
    name: "edit.putBack",
    group: "edit",
    shortcut: "Shift+V",
    icon: Undo,
    enabled: () => canvasFact((canvas) => canvas.depth > 0),
    run: () => engine().putBack(),
  },
  { name: "edit.crop", group: "edit", shortcut: null, icon: Crop, enabled: hasRegion, run: () => onRegion((box) => engine().crop(box)) },
  {
    name: "edit.deselect",
    group: "edit",
    shortcut: "Ctrl+D",
    icon: SquareDashed,
    enabled: () => hasRegion() || canvasFact((canvas) => canvas.selected !== null),
    run: () => {
      engine().setRegion(null);
      engine().select(null);
    },
  },
];
