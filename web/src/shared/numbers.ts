/** Lowest, highest and step of a slider. */
export type Slider = readonly [number, number, number];

/** Return how many decimals a step needs. */
function decimalsOf(step: number): number {
  const text = String(step);
  if (text.includes("e-")) return Number(text.split("e-")[1]);
  return text.split(".")[1]?.length ?? 0;
}

/** Return a number without the dust of floating point, as people write it. */
export function spelled(value: number, step = 0.001): string {
  return String(Number(value.toFixed(Math.max(decimalsOf(step), 4))));
}

/** Return what was typed as a number, a comma being a decimal point; null if it is none. */
export function parsed(text: string): number | null {
  const plain = text.trim().replace(",", ".");
  if (plain === "" || !/^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain)) return null;
  return Number(plain);
}

/** Return a value inside the bounds; null is no bound. */
export function clamped(value: number, minimum: number | null, maximum: number | null): number {
  return Math.min(Math.max(value, minimum ?? -Infinity), maximum ?? Infinity);
}

/** Return the value one step (or several) further on the grid of steps, inside the bounds. */
export function stepped(value: number, steps: number, step: number, minimum: number | null, maximum: number | null): number {
  const next = Number((value + steps * step).toFixed(decimalsOf(step) + 4));
  return clamped(next, minimum, maximum);
}

/** Return where a value lies on a slider, 0..1. */
export function portion(value: number, slider: Slider): number {
  const [low, high] = slider;
  return high > low ? clamped((value - low) / (high - low), 0, 1) : 0;
}
