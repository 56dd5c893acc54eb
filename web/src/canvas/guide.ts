import { intersect, isEmpty, wholeOf } from "./geometry";
import type { MaskGuide, Rect, Size } from "./types";

/**
 * The part of the document that "only masked" shows the model: `bounds` (of the mask, whole pixels) widened by the mask's blur
 * and by the padding, then grown along its short side to the aspect of the close-up and moved to stay inside the document.
 *
 * The same numbers as the server's. The blur's reach is that of a mask that fills `bounds`: thin or faint marks fade earlier,
 * so their box may come out a few pixels smaller there.
 */
export function guideBox(bounds: Rect, guide: MaskGuide, size: Size): Rect {
  const inside = intersect(bounds, wholeOf(size));
  if (isEmpty(inside)) return wholeOf(size);
  const soft = blurred(inside, guide.blur, size);
  const x = padded(soft.x, guide.padding, size.width);
  const y = padded(soft.y, guide.padding, size.height);
  const wide = x.high - x.low;
  const high = y.high - y.low;
  if (wide / high > guide.aspect) return rect(x, grown(y, Math.trunc(wide / guide.aspect - high), size.height));
  return rect(grown(x, Math.trunc(high * guide.aspect - wide), size.width), y);
}

/** From `low` up to, not with, `high`. */
interface Span {
  readonly low: number;
  readonly high: number;
}

function rect(x: Span, y: Span): Rect {
  return { x: x.low, y: y.low, width: x.high - x.low, height: y.high - y.low };
}

function padded(span: Span, padding: number, limit: number): Span {
  return { low: Math.max(span.low - padding, 0), high: Math.min(span.high + padding, limit) };
}

/** The span longer by `more`, evenly on both sides (the odd pixel at the end), shifted and then cut to stay in 0..limit. */
function grown(span: Span, more: number, limit: number): Span {
  let low = span.low - Math.floor(more / 2);
  let high = span.high + more - Math.floor(more / 2);
  const beyond = Math.max(high - limit, 0);
  low -= beyond;
  high -= beyond;
  const before = Math.max(-low, 0);
  return { low: low + before, high: Math.min(high + before, limit) };
}

/** Where a mask that fills `bounds` is still above 0 after the server's blur: along x, then along y, in 8 bits each. */
function blurred(bounds: Rect, sigma: number, size: Size): { x: Span; y: Span } {
  const x = { low: bounds.x, high: bounds.x + bounds.width };
  const y = { low: bounds.y, high: bounds.y + bounds.height };
  const weights = kernel(sigma);
  const mostX = shaded(255, most(x, size.width, weights));
  const mostY = most(y, size.height, weights);
  if (shaded(mostX, mostY) === 0) return { x, y };
  const reach = weights.length >> 1;
  return {
    x: extent(x, reach, size.width, (at) => shaded(shaded(255, covered(x, at, size.width, weights)), mostY) > 0),
    y: extent(y, reach, size.height, (at) => shaded(mostX, covered(y, at, size.height, weights)) > 0),
  };
}

/** The span with what passes `seen` beside it, up to `reach` pixels away; ends that do not pass are taken off. */
function extent(span: Span, reach: number, limit: number, seen: (at: number) => boolean): Span {
  let low = Math.max(0, span.low - reach);
  while (low < span.high - 1 && !seen(low)) low += 1;
  let high = Math.min(limit, span.high + reach);
  while (high > low + 1 && !seen(high - 1)) high -= 1;
  return { low, high };
}

/** A byte times 256ths, rounded. */
function shaded(value: number, weight: number): number {
  return (value * weight + 128) >> 8;
}

/** The largest share of the kernel that lies on the span, wherever on the line its middle is, in 256ths. */
function most(span: Span, limit: number, weights: readonly number[]): number {
  const reach = weights.length >> 1;
  if (span.high - span.low >= weights.length) return 256;
  let best = 0;
  const high = Math.min(limit, span.high + reach);
  for (let at = Math.max(0, span.low - reach); at < high; at += 1) best = Math.max(best, covered(span, at, limit, weights));
  return best;
}

/** The share of the kernel about one pixel that lies on the span. Past the border the line is mirrored about its last pixel. */
function covered(span: Span, at: number, limit: number, weights: readonly number[]): number {
  const reach = weights.length >> 1;
  let sum = 0;
  for (let k = -reach; k <= reach; k += 1) {
    const from = mirrored(at + k, limit);
    if (from >= span.low && from < span.high) sum += (weights[k + reach] as number);
  }
  return sum;
}

function mirrored(at: number, limit: number): number {
  if (limit === 1) return 0;
  const period = 2 * limit - 2;
  const folded = Math.abs(at) % period;
  return folded < limit ? folded : period - folded;
}

let kept: { sigma: number; weights: readonly number[] } = { sigma: 0, weights: [256] };

/** OpenCV's Gaussian for bytes: 256ths, each rounded with the rest of those before it, as far as A1111 lets it reach. */
function kernel(sigma: number): readonly number[] {
  if (kept.sigma === sigma) return kept.weights;
  const reach = sigma > 0 ? Math.floor(2.5 * sigma + 0.5) : 0;
  const bell = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma || 1)));
  const total = bell.reduce((sum, value) => sum + value, 0);
  const weights = new Array<number>(bell.length).fill(0);
  let rest = 0;
  let sum = 0;
  for (let i = 0; i < reach; i += 1) {
    const exact = ((bell[i] as number) / total) * 256 + rest;
    const whole = Math.round(exact);
    rest = exact - whole;
    weights[i] = whole;
    weights[2 * reach - i] = whole;
    sum += 2 * whole;
  }
  weights[reach] = 256 - sum;
  kept = { sigma, weights };
  return weights;
}
