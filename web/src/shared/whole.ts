/** Greatest seed: 2^64 - 1. */
export const GREATEST = 2n ** 64n - 1n;

/**
 * Return a typed whole number as it is kept and sent: a number where that is exact, else its digits as text, which the server
 * takes for a whole number as well. Null if it is none, or outside of the bounds.
 */
export function parseWhole(text: string, least: bigint, most: bigint): number | string | null {
  const plain = text.trim().replace(/[\s_']/g, "");
  if (!/^[+-]?\d{1,20}$/.test(plain)) return null;
  const number = BigInt(plain);
  if (number < least || number > most) return null;
  const safe = BigInt(Number.MAX_SAFE_INTEGER);
  return number <= safe && number >= -safe ? Number(number) : number.toString();
}

/** Return the digits of a whole number; "-1" for what is none. */
export function digits(number: unknown): string {
  if (typeof number === "bigint" || typeof number === "string") return String(number);
  if (typeof number !== "number" || !Number.isInteger(number)) return "-1";
  return BigInt(number).toString();
}

/** Return the number so much further, inside the bounds. */
export function wholeStepped(number: unknown, by: number, least: bigint, most: bigint): number | string {
  const text = digits(number);
  const next = (/^-?\d+$/.test(text) ? BigInt(text) : -1n) + BigInt(by);
  const inside = next < least ? least : next > most ? most : next;
  return parseWhole(inside.toString(), least, most) ?? -1;
}
