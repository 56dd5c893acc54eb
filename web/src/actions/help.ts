import { CircleHelp, Command, Keyboard, Moon, Settings, SlidersHorizontal } from "@lucide/vue";
import { dialog, closeDialog, openDialog } from "@/state/dialogs";
import { preferences } from "@/state/preferences";
import type { Action } from "./types";

/** Finding one's way, and how the page looks. */
export const helpActions: readonly Action[] = [
  {
    name: "help.palette",
    group: "help",
    shortcut: "Ctrl+K",
    icon: Command,
    enabled: () => true,
    run: () => (dialog.name === "palette" ? closeDialog() : openDialog("palette")),
  },
  { name: "help.shortcuts", group: "help", shortcut: "?", icon: Keyboard, enabled: () => true, run: () => openDialog("shortcuts") },
  { name: "help.tour", group: "help", shortcut: null, icon: CircleHelp, enabled: () => true, run: () => openDialog("tour") },
  { name: "help.settings", group: "help", shortcut: "Ctrl+,", icon: Settings, enabled: () => true, run: () => openDialog("settings") },
  { name: "help.fields", group: "help", shortcut: null, icon: SlidersHorizontal, enabled: () => true, run: () => openDialog("advanced") },
  {
    name: "help.theme",
    group: "help",
    shortcut: null,
    icon: Moon,
    enabled: () => true,
    run: () => {
      preferences.theme = document.documentElement.dataset["theme"] === "light" ? "dark" : "light";
    },
  },
];
