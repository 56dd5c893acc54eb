/** Greatest seed: 2^64 - 1. */
export const GREATEST = 2n ** 64n - 1n;

/**
 * Return a typed seed as it is kept and sent: a number where that is exact, else its digits as text, which the server takes
 * for a whole number as well. Null if it is no seed. -1 draws one.
 */
export function parseSeed(text: string): number | string | null {
  const plain = text.trim().replace(/[\s_']/g, "");
  if (plain === "") return -1;
  if (!/^[+-]?\d{1,20}$/.test(plain)) return null;
  const seed = BigInt(plain);
  if (seed < -1n || seed > GREATEST) return null;
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed.toString();
}

/** Return a seed's digits. */
export function seedText(seed: unknown): string {
  if (typeof seed === "bigint" || typeof seed === "string") return String(seed);
  return typeof seed === "number" ? (Number.isSafeInteger(seed) ? String(seed) : BigInt(seed).toString()) : "-1";
}

/** Return the next seed in a direction; it stays between -1 and the greatest. */
export function seedStepped(seed: unknown, by: number): number | string {
  const text = seedText(seed);
  const now = /^-?\d+$/.test(text) ? BigInt(text) : -1n;
  const next = now + BigInt(by);
  const inside = next < -1n ? -1n : next > GREATEST ? GREATEST : next;
  return parseSeed(inside.toString()) ?? -1;
}

/** Return the seeds of a result with all digits: its parameters hold them as text, numbers of JSON lose some above 2^53. */
export function seedsOf(result: { seed: number; infotext: string }): { seed: number | string; variation: number | string | null } {
  const line = result.infotext.slice(result.infotext.lastIndexOf("\n") + 1);
  const said = /(?:^|,)\s*Seed: (\d{1,20})(?=,|\s*$)/.exec(line)?.[1];
  const other = /(?:^|,)\s*Variation seed: (\d{1,20})(?=,|\s*$)/.exec(line)?.[1];
  return {
    seed: (said === undefined ? null : parseSeed(said)) ?? parseSeed(seedText(result.seed)) ?? -1,
    variation: other === undefined ? null : parseSeed(other),
  };
}
