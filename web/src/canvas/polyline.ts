import type { Point } from "./types";

/**
 * The points of a line that matter: leaving out the others moves the line by at most `tolerance` (Douglas and Peucker). First and
 * last stay.
 */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  if (points.length < 3) return [...points];
  const keep = new Uint8Array(points.length);
  keep[0] = 1;
  keep[points.length - 1] = 1;
  const open: [number, number][] = [[0, points.length - 1]];
  for (let part = open.pop(); part; part = open.pop()) {
    const [first, last] = part;
    let farthest = -1;
    let most = tolerance;
    for (let i = first + 1; i < last; i += 1) {
      const distance = toSegment(points[i] as Point, points[first] as Point, points[last] as Point);
      if (distance > most) {
        most = distance;
        farthest = i;
      }
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    open.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, i) => keep[i] === 1);
}

/** Distance of a point to the line from `from` to `to`. */
function toSegment(point: Point, from: Point, to: Point): number {
  const wide = to.x - from.x;
  const high = to.y - from.y;
  const length = wide * wide + high * high;
  const along = length === 0 ? 0 : ((point.x - from.x) * wide + (point.y - from.y) * high) / length;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - t * wide, point.y - from.y - t * high);
}

/** Draw a line through points, in the coordinates that `place` gives them. */
export function tracePoints(graphics: CanvasPath, points: readonly Point[], place: (point: Point) => Point = (point) => point): void {
  points.forEach((point, i) => {
    const { x, y } = place(point);
    if (i === 0) graphics.moveTo(x, y);
    else graphics.lineTo(x, y);
  });
}
