import type { Size } from "./types";

/** For each pixel of one row the nearest pixel of a shape. */
export interface NearestRow {
  /** Squared distance between the two centers in pixels; Infinity without a shape. */
  readonly squared: Float64Array;
  /** Column of the nearest pixel. */
  readonly column: Int32Array;
  /** Row of the nearest pixel less this row. */
  readonly rows: Int32Array;
}

const FAR = 32000;

/**
 * Exact Euclidean distances to the pixels whose alpha is at least `level`, told row by row from the top (Meijster's two passes: nearest
 * along each column, then the lower envelope of parabolas along each row). What is told is overwritten by the next row. Sides
 * are at most 16384 pixels.
 */
export function nearestRows(alpha: Uint8ClampedArray, size: Size, level: number, tell: (row: NearestRow, y: number) => void): void {
  const { width, height } = size;
  const along = nearestInColumns(alpha, size, level);
  const found = { squared: new Float64Array(width), column: new Int32Array(width), rows: new Int32Array(width) };
  const scratch = { columns: new Int32Array(width), starts: new Int32Array(width), heights: new Float64Array(width) };
  for (let y = 0; y < height; y += 1) {
    envelope(along, y * width, width, scratch, found);
    tell(found, y);
  }
}

/** For each pixel the way along its column to the nearest pixel of the shape, in rows; FAR without one. */
function nearestInColumns(alpha: Uint8ClampedArray, size: Size, level: number): Int16Array {
  const { width, height } = size;
  const along = new Int16Array(width * height);
  for (let i = 0; i < along.length; i += 1) {
    if ((alpha[i] as number) >= level) along[i] = 0;
    else along[i] = i < width || along[i - width] === FAR ? FAR : (along[i - width] as number) - 1;
  }
  for (let i = along.length - width - 1; i >= 0; i -= 1) {
    const below = along[i + width] as number;
    if (below !== FAR && below >= 0 && below + 1 < Math.abs(along[i] as number)) along[i] = below + 1;
  }
  return along;
}

interface Scratch {
  /** Columns whose parabolas make the envelope. */
  readonly columns: Int32Array;
  /** The first column at which each is the lowest. */
  readonly starts: Int32Array;
  /** Squared way along the column, for each column. */
  readonly heights: Float64Array;
}

function envelope(along: Int16Array, row: number, width: number, scratch: Scratch, found: NearestRow): void {
  const { columns, starts, heights } = scratch;
  let top = -1;
  for (let x = 0; x < width; x += 1) {
    const way = along[row + x] as number;
    if (way === FAR) continue;
    const high = way * way;
    heights[x] = high;
    let start = 0;
    while (top >= 0) {
      const other = columns[top] as number;
      // The first whole column at which this parabola is below the other.
      start = Math.floor((x * x - other * other + high - (heights[other] as number)) / (2 * (x - other))) + 1;
      if (start > (starts[top] as number)) break;
      top -= 1;
      start = 0;
    }
    if (start >= width) continue;
    top += 1;
    columns[top] = x;
    starts[top] = start;
  }
  if (top < 0) {
    found.squared.fill(Infinity);
    return;
  }
  for (let x = width - 1; x >= 0; x -= 1) {
    while ((starts[top] as number) > x) top -= 1;
    const column = columns[top] as number;
    found.squared[x] = (x - column) * (x - column) + (heights[column] as number);
    found.column[x] = column;
    found.rows[x] = along[row + column] as number;
  }
}
