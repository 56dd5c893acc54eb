/** Choosing several of a grid of things with mouse and keyboard, as file managers do. */

/** Which are chosen, where the focus is, and where a range begins (ids; null at the beginning). */
export interface Selection {
  chosen: readonly string[];
  focus: string | null;
  anchor: string | null;
}

/** Nothing chosen. */
export const NOTHING: Selection = { chosen: [], focus: null, anchor: null };

/** Choose or unchoose one, and begin ranges there. */
export function toggled(selection: Selection, id: string): Selection {
  const chosen = selection.chosen.includes(id) ? selection.chosen.filter((other) => other !== id) : [...selection.chosen, id];
  return { chosen, focus: id, anchor: id };
}

/** Choose all from where the range begins to `id`, in the order of `ids`; nothing else stays chosen. */
export function ranged(selection: Selection, ids: readonly string[], id: string): Selection {
  const anchor = selection.anchor ?? selection.focus ?? id;
  const from = Math.max(ids.indexOf(anchor), 0);
  const to = ids.indexOf(id);
  return { chosen: ids.slice(Math.min(from, to), Math.max(from, to) + 1), focus: id, anchor };
}

/** Keep of a selection only what is still there. */
export function remaining(selection: Selection, ids: readonly string[]): Selection {
  const there = (id: string | null): string | null => (id !== null && ids.includes(id) ? id : null);
  return { chosen: selection.chosen.filter((id) => ids.includes(id)), focus: there(selection.focus), anchor: there(selection.anchor) };
}

/** Return where a key moves the focus in a grid of so many columns, or null if it does not. The ends stop. */
export function movedTo(key: string, at: number, count: number, columns: number): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -4 * columns, PageDown: 4 * columns,
    Home: -count, End: count,
  };
  const step = steps[key];
  if (step === undefined || count === 0) return null;
  if (at < 0) return 0;
  const to = at + step;
  if (key === "ArrowUp" || key === "ArrowDown") return to < 0 || to >= count ? at : to;
  return Math.min(Math.max(to, 0), count - 1);
}
