import { digits, GREATEST, parseWhole } from "@/shared/whole";

/** Return a typed seed, -1 (draw one) for an empty text; null if it is none. */
export function parseSeed(text: string): number | string | null {
  return text.trim() === "" ? -1 : parseWhole(text, -1n, GREATEST);
}

/** Return the seeds of a result with all digits: its parameters hold them as text, numbers of JSON lose some above 2^53. */
export function seedsOf(result: { seed: number; infotext: string }): { seed: number | string; variation: number | string | null } {
  const line = result.infotext.slice(result.infotext.lastIndexOf("\n") + 1);
  const said = /(?:^|,)\s*Seed: (\d{1,20})(?=,|\s*$)/.exec(line)?.[1];
  const other = /(?:^|,)\s*Variation seed: (\d{1,20})(?=,|\s*$)/.exec(line)?.[1];
  return {
    seed: (said === undefined ? null : parseSeed(said)) ?? parseSeed(digits(result.seed)) ?? -1,
    variation: other === undefined ? null : parseSeed(other),
  };
}
