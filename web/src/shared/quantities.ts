/** Numbers, times and sizes in words of the chosen language. */
import { preferences } from "@/state/preferences";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** Return a number with at most so many decimals. */
export function inNumbers(value: number, decimals = 2): string {
  return new Intl.NumberFormat(preferences.locale, { maximumFractionDigits: decimals }).format(value);
}

/** Return a share 0..1 as whole percent; with `decimals`, finer. */
export function inPercent(share: number, decimals = 0): string {
  return new Intl.NumberFormat(preferences.locale, { style: "percent", maximumFractionDigits: decimals }).format(share);
}

/** Return bytes as kB or MB. */
export function inBytes(bytes: number): string {
  const [value, unit] = bytes >= 1e6 ? [bytes / 1e6, "megabyte"] : bytes >= 1e3 ? [bytes / 1e3, "kilobyte"] : [bytes, "byte"];
  const maximumFractionDigits = unit === "megabyte" && value < 100 ? 1 : 0;
  return new Intl.NumberFormat(preferences.locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits }).format(value);
}

/** Return a length of time: "0.8 sec", "42 sec", "3 min 5 sec", "1 hr 2 min". Seconds below zero count as zero. */
export function inTime(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  if (seconds < 10) return unit(Math.max(Math.round(seconds * 10) / 10, 0), "second");
  if (whole < MINUTE) return unit(whole, "second");
  if (whole < HOUR) return joined([Math.floor(whole / MINUTE), "minute"], [whole % MINUTE, "second"]);
  return joined([Math.floor(whole / HOUR), "hour"], [Math.floor((whole % HOUR) / MINUTE), "minute"]);
}

/** Return how long ago a moment was, or its date if that is more than a week. Seconds since the epoch. */
export function ago(moment: number, now = Date.now() / 1000): string {
  const past = Math.max(now - moment, 0);
  const words = new Intl.RelativeTimeFormat(preferences.locale, { numeric: "auto" });
  if (past < MINUTE) return words.format(0, "second");
  if (past < HOUR) return words.format(-Math.floor(past / MINUTE), "minute");
  if (past < DAY) return words.format(-Math.floor(past / HOUR), "hour");
  if (past < 7 * DAY) return words.format(-Math.floor(past / DAY), "day");
  return new Intl.DateTimeFormat(preferences.locale, { dateStyle: "medium" }).format(moment * 1000);
}

/** Return a moment with date and time. Seconds since the epoch. */
export function when(moment: number): string {
  return new Intl.DateTimeFormat(preferences.locale, { dateStyle: "medium", timeStyle: "short" }).format(moment * 1000);
}

function unit(value: number, name: string): string {
  return new Intl.NumberFormat(preferences.locale, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: 1 }).format(value);
}

function joined(...parts: [number, string][]): string {
  return parts
    .filter(([value], at) => value > 0 || at === 0)
    .map(([value, name]) => unit(value, name))
    .join(" ");
}
