import type { Component } from "vue";

/** Something a person can do. Toolbar, menus, command palette, shortcut sheet and tests are made from these. */
export interface Action {
  /** Stable name, "area.verb": also the i18n key below `action.`. */
  name: string;
  group: "file" | "edit" | "tools" | "mask" | "view" | "generate" | "results" | "send" | "help";
  /** Like "Ctrl+Enter", "B", "Shift+F"; Ctrl is also Cmd. Single letters act only outside of text fields. */
  shortcut: string | null;
  icon: Component | null;
  /** Whether it can be done now (reactive). */
  enabled: () => boolean;
  /** Whether it is on, for switches (reactive). */
  active?: () => boolean;
  run: () => void | Promise<void>;
}
