import { Clipboard, FileImage, FolderOpen, Images, ScanText, SquarePlus, X } from "@lucide/vue";
import { chooseFile } from "@/shared/files";
import { openDialog } from "@/state/dialogs";
import { notify, report } from "@/state/notices";
import { translate } from "@/i18n";
import { closePicture, openExample, openFile, pasteFile, source } from "@/state/source";
import type { Action } from "./types";

/** Open a pasted or dropped picture: as the picture if nothing is open, else as a layer, with the other choice at hand. */
export async function receive(file: File | Blob): Promise<void> {
  if (source.name === null) {
    await openFile(file);
    return;
  }
  if (await pasteFile(file)) {
    notify({
      kind: "good",
      title: translate("shell.pastedAsLayer"),
      actions: [{ label: translate("shell.openInstead"), run: () => void openFile(file) }],
    });
  }
}

async function pasteFromClipboard(): Promise<void> {
  try {
    for (const entry of await navigator.clipboard.read()) {
      const type = entry.types.find((one) => one.startsWith("image/"));
      if (type === undefined) continue;
      await receive(await entry.getType(type));
      return;
    }
    notify({ kind: "warn", title: translate("shell.nothingToPaste"), detail: translate("shell.nothingToPasteDetail") });
  } catch (error) {
    if (error instanceof DOMException) {
      notify({ kind: "warn", title: translate("shell.noClipboard"), detail: translate("shell.noClipboardDetail") });
    } else report(error);
  }
}

/** Opening and closing pictures. */
export const fileActions: readonly Action[] = [
  {
    name: "file.open",
    group: "file",
    shortcut: "Ctrl+O",
    icon: FolderOpen,
    enabled: () => true,
    run: async () => {
      const file = await chooseFile();
      if (file) await openFile(file);
    },
  },
  { name: "file.paste", group: "file", shortcut: null, icon: Clipboard, enabled: () => true, run: pasteFromClipboard },
  { name: "file.blank", group: "file", shortcut: "Ctrl+Alt+N", icon: SquarePlus, enabled: () => true, run: () => openDialog("blank") },
  { name: "file.example", group: "file", shortcut: null, icon: FileImage, enabled: () => true, run: () => openExample() },
  { name: "file.parameters", group: "file", shortcut: "Ctrl+Shift+P", icon: ScanText, enabled: () => true, run: () => openDialog("parameters") },
  {
    name: "file.addLayer",
    group: "file",
    shortcut: null,
    icon: Images,
    enabled: () => source.name !== null,
    run: async () => {
      const file = await chooseFile();
      if (file) await pasteFile(file);
    },
  },
  { name: "file.close", group: "file", shortcut: null, icon: X, enabled: () => source.name !== null, run: () => closePicture() },
];
