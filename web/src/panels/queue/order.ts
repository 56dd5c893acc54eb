/** Where a dragged job goes. */

/** A place in the queue, in the server's words. */
export type Place = { before: string } | { to: "front" | "back" };

/** Return the place of `id` if it is dropped into gap `gap` (0: before the first, n: after the last) of the line `ids`;
 * null if that is where it is. */
export function placeAt(ids: readonly string[], id: string, gap: number): Place | null {
  const at = ids.indexOf(id);
  if (at < 0 || gap === at || gap === at + 1) return null;
  if (gap <= 0) return { to: "front" };
  const next = ids[gap];
  return next === undefined ? { to: "back" } : { before: next };
}

/** Return the place one step up or down; null at the ends. */
export function stepped(ids: readonly string[], id: string, step: -1 | 1): Place | null {
  const at = ids.indexOf(id);
  const to = at + step;
  if (at < 0 || to < 0 || to >= ids.length) return null;
  return placeAt(ids, id, step < 0 ? to : to + 1);
}

/** Return the gap a pointer is nearest to: `middles` are the middles of the rows from top to bottom. */
export function gapAt(middles: readonly number[], y: number): number {
  const below = middles.findIndex((middle) => y < middle);
  return below < 0 ? middles.length : below;
}
