/** A tag of a network in a prompt: `<lora:name:te:unet>` or `<hypernet:name:weight>`. Offsets count UTF-16 units. */
export interface UsedTag {
  kind: "lora" | "hypernet";
  name: string;
  /** Its strength; for the text encoders where the UNet has one of its own. */
  weight: number;
  /** The UNet's own strength, null where it is the same. */
  unet: number | null;
  from: number;
  to: number;
}

/** What is found in a prompt: offsets count UTF-16 units. */
export interface UsedWord {
  weight: number;
  from: number;
  to: number;
}

const TAG = /<(\w+):([^>]+)>/g;
const KINDS: Record<string, UsedTag["kind"]> = { lora: "lora", lyco: "lora", hypernet: "hypernet" };
const STEP = 0.05;

/** Return the tags of LoRAs and hypernetworks in the order of the text; those in comments are none. */
export function tagsIn(text: string): UsedTag[] {
  const found: UsedTag[] = [];
  for (const match of hidden(text, /#[^\n]*/g).matchAll(TAG)) {
    const kind = KINDS[match[1] ?? ""];
    const { args, te, unet } = places(match[2] ?? "");
    if (kind === undefined) continue;
    const weight = number(args, te, "te") ?? 1;
    const own = number(args, unet, "unet");
    const name = args.find((one) => !isNamed(one)) ?? "";
    found.push({ kind, name, weight, unet: own === weight ? null : own, from: match.index, to: match.index + match[0].length });
  }
  return found;
}

/** Return the prompt with a tag behind it. */
export function putTag(text: string, tag: string): string {
  return put(text, tag, " ");
}

/** Return the prompt without a tag (or any span), and without the comma or blank that only it needed. */
export function takeSpan(text: string, { from, to }: { from: number; to: number }): string {
  let before = text.slice(0, from).replace(/[ \t]+$/, "");
  let after = text.slice(to).replace(/^[ \t]+/, "");
  const begins = before === "" || /[,\n]$/.test(before);
  if (begins) after = after.replace(/^,[ \t]*/, "");
  if (after === "") before = before.replace(/[ \t]*,$/, "");
  const joined = before === "" || after === "" || before.endsWith("\n") || /^[,\n]/.test(after);
  return before + (joined ? "" : " ") + after;
}

/** Return the prompt with another strength in a tag; a UNet's own strength stays as it is. */
export function weighTag(text: string, tag: UsedTag, weight: number): string {
  const inner = text.slice(tag.from + 1, tag.to - 1);
  const [kind = "", ...rest] = inner.split(":");
  const { args, name, te, unet } = places(rest.join(":"));
  if (tag.unet === null && unet >= 0) args[unet] = written(weight, args[unet]);
  if (te >= 0) args[te] = written(weight, args[te]);
  else args.splice(name + 1, 0, spelled(weight));
  return `${text.slice(0, tag.from)}<${[kind, ...args].join(":")}>${text.slice(tag.to)}`;
}

/** Find a word, or several (an embedding's name, a trigger), with the weight it has as `(word:1.2)`; null if it is not there. */
export function wordIn(text: string, word: string): UsedWord | null {
  const name = word.trim();
  if (name === "") return null;
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+");
  const found = new RegExp(`(?<![\\p{L}\\p{N}_-])${pattern}(?![\\p{L}\\p{N}_-])`, "iu").exec(hidden(text, /<\w+:[^>]+>|#[^\n]*/g));
  if (!found) return null;
  const [from, to] = [found.index, found.index + found[0].length];
  const weight = /^\s*:\s*(-?\d*\.?\d+)\s*\)/.exec(text.slice(to));
  const opened = /\(\s*$/.exec(text.slice(0, from));
  if (!weight || !opened) return { weight: 1, from, to };
  return { weight: Number(weight[1]), from: opened.index, to: to + weight[0].length };
}

/** Return the prompt with a word behind it, after a comma. */
export function putWord(text: string, word: string): string {
  return put(text, word.trim(), /,\s*$/.test(text) ? " " : ", ");
}

/** Return the prompt with another weight for a word that `wordIn` found; a weight of 1 needs no brackets. */
export function weighWord(text: string, used: UsedWord, weight: number): string {
  const old = text.slice(used.from, used.to);
  const word = /^\(\s*([^]*?)\s*:[^:]*\)$/.exec(old)?.[1] ?? old;
  const fresh = spelled(weight) === "1" ? word : `(${word}:${spelled(weight)})`;
  return text.slice(0, used.from) + fresh + text.slice(used.to);
}

/** Return a strength as it is written: in steps of 0.05 where it came from a slider, without idle zeros. */
export function spelled(weight: number): string {
  return String(Math.round(weight * 100) / 100);
}

/** Return a strength on the slider's steps of 0.05. */
export function stepped(weight: number): number {
  return Math.round(Math.round(weight / STEP) * STEP * 100) / 100;
}

function put(text: string, addition: string, between: string): string {
  const base = text.trimEnd();
  const last = base.slice(base.lastIndexOf("\n") + 1);
  if (base === "") return addition;
  return base + (last.includes("#") ? "\n" : between) + addition;
}

/** The text with what matches replaced by blanks, so that offsets stay. */
function hidden(text: string, what: RegExp): string {
  return text.replace(what, (found) => " ".repeat(found.length));
}

function isNamed(argument: string): boolean {
  return argument.split("=").length === 2;
}

/** The arguments of a tag, and which of them are its name and its strengths; -1 for none. */
function places(inner: string): { args: string[]; name: number; te: number; unet: number } {
  const args = inner.split(":");
  const [name = -1, te = -1, unet = -1] = [...args.keys()].filter((at) => !isNamed(args[at] ?? ""));
  const named = (key: string): number => args.findIndex((one) => isNamed(one) && one.startsWith(`${key}=`));
  return { args, name, te: named("te") >= 0 ? named("te") : te, unet: named("unet") >= 0 ? named("unet") : unet };
}

function number(args: readonly string[], at: number, key: string): number | null {
  const text = args[at]?.replace(`${key}=`, "").trim();
  return text === undefined || text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
}

function written(weight: number, old: string | undefined): string {
  return (/^\w+=/.exec(old ?? "")?.[0] ?? "") + spelled(weight);
}
