const SHOWN: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Enter: "↵",
  Delete: "Del",
  Backspace: "⌫",
};

/** Return a shortcut as it stands on keys: "Ctrl+↵" for "Ctrl+Enter"; an empty text for none. */
export function shownShortcut(shortcut: string | null | undefined): string {
  if (!shortcut) return "";
  return shortcut === "+" ? "+" : shortcut.split("+").map((key) => SHOWN[key] ?? key).join("+");
}
