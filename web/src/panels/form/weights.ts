import { blockAround, pairBrackets, type Block } from "./brackets";
import type { TextEdit } from "./textedit";

/** How much one press of Ctrl+Up changes a weight, and how much inside `<lora:name:1>`. */
const STEP = 0.1;
/** The step inside angle brackets. */
const FINE_STEP = 0.05;

const WORD_END = /[\s,.()[\]{}<>:|]/;
const TRAILING_WEIGHT = /:\s*(-?(?:\d+\.?\d*|\.\d+))\s*$/;
const NETWORK = /^([^:]*:[^:]*)(?::\s*(-?(?:\d+\.?\d*|\.\d+)))?/;

/**
 * Return the edit that raises (+1) or lowers (-1) the weight of what is selected, or of the bracket block or word at the caret.
 *
 * A weight is written as `(text:1.2)`; `((text))` and `[text]` are turned into numbers first; a weight of 1 loses its brackets.
 * Null where there is nothing to weigh or brackets would be torn apart.
 */
export function adjustWeight(text: string, start: number, end: number, direction: 1 | -1): TextEdit | null {
  const [from, to] = start === end ? [start, end] : trimmed(text, start, end);
  const network = blockAround(text, from, to, "<") ?? wholeBlock(text, from, to, "<");
  if (network) return adjustNetwork(text, network, direction, start, end);
  const block = from === to ? emphasisAround(text, from) : selectedBlock(text, from, to);
  if (block) return adjustBlock(text, block, direction, start === end ? start : null);
  const [first, last] = from === to ? wordAt(text, from) : [from, to];
  if (first === last || pairBrackets(text.slice(first, last), "([").lost.length > 0) return null;
  const word = text.slice(first, last);
  const shift = start === end ? start + 1 : null;
  return {
    from: first,
    to: last,
    insert: `(${word}:${shown(1 + direction * STEP)})`,
    start: shift ?? first + 1,
    end: shift ?? last + 1,
  };
}

function trimmed(text: string, start: number, end: number): [number, number] {
  let [from, to] = [start, end];
  while (from < to && /[\s,]/.test(text.charAt(from))) from += 1;
  while (to > from && /[\s,]/.test(text.charAt(to - 1))) to -= 1;
  return [from, to];
}

function wordAt(text: string, at: number): [number, number] {
  let [from, to] = [at, at];
  while (from > 0 && !WORD_END.test(text.charAt(from - 1))) from -= 1;
  while (to < text.length && !WORD_END.test(text.charAt(to))) to += 1;
  return [from, to];
}

function wholeBlock(text: string, from: number, to: number, kinds: string): Block | null {
  return pairBrackets(text, kinds).blocks.find((block) => block.open === from && block.close === to - 1) ?? null;
}

/** Whether a block is emphasis: `[from:to:when]` and `[one|other]` are not. */
function isEmphasis(text: string, block: Block): boolean {
  if (block.kind === "(") return true;
  const inner = text.slice(block.open + 1, block.close);
  const nested = pairBrackets(inner).blocks;
  const marks = [...inner.matchAll(/[:|]/g)].map((mark) => mark.index);
  return marks.every((at) => nested.some((one) => one.open < at && at < one.close));
}

function emphasisAround(text: string, at: number): Block | null {
  const block = blockAround(text, at, at, "([");
  return block && isEmphasis(text, block) ? block : null;
}

/** Return the block that a selection is: all of it, or all that it holds but for the weight. */
function selectedBlock(text: string, from: number, to: number): Block | null {
  const around = blockAround(text, from, to, "([");
  const block = wholeBlock(text, from, to, "([") ?? (around && holds(text, around, from, to) ? around : null);
  return block && isEmphasis(text, block) ? block : null;
}

function holds(text: string, block: Block, from: number, to: number): boolean {
  const rest = text.slice(to, block.close);
  return text.slice(block.open + 1, from).trim() === "" && (rest.trim() === "" || /^\s*:[^:]*$/.test(rest));
}

/** Return the outermost block that adds nothing but its own bracket, and how often each kind of bracket stands. */
function unfold(text: string, block: Block): { outer: Block; inner: Block; power: number } {
  const { blocks } = pairBrackets(text, "([");
  const power = (one: Block): number => (one.kind === "(" ? 1 : -1);
  let [outer, inner, sum] = [block, block, power(block)];
  const weighted = TRAILING_WEIGHT.test(text.slice(block.open + 1, block.close));
  if (weighted && block.kind === "(") return { outer, inner, power: sum };
  for (;;) {
    const next = blocks.find((one) => one.open === outer.open - 1 && one.close === outer.close + 1);
    if (!next) break;
    outer = next;
    sum += power(next);
  }
  for (;;) {
    const next = blocks.find((one) => one.open === inner.open + 1 && one.close === inner.close - 1);
    if (!next || (next.kind === "[" && !isEmphasis(text, next))) break;
    inner = next;
    sum += power(next);
  }
  return { outer, inner, power: sum };
}

function adjustBlock(text: string, block: Block, direction: 1 | -1, caret: number | null): TextEdit {
  const { outer, inner, power } = unfold(text, block);
  const raw = text.slice(inner.open + 1, inner.close);
  const said = inner.kind === "(" ? TRAILING_WEIGHT.exec(raw) : null;
  const words = said ? raw.slice(0, said.index) : raw;
  const layers = said ? power - 1 : power;
  const now = Number(said?.[1] ?? 1) * 1.1 ** layers;
  let next = Math.max(0, round(round(now) + direction * STEP));
  // One bracket is one step: a step back from it is 1, not 1.01.
  if (!said && Math.abs(next - 1) < 0.05) next = 1;
  const insert = next === 1 ? words : `(${words}:${shown(next)})`;
  const begin = outer.open + (next === 1 ? 0 : 1);
  const inside = caret === null ? 0 : Math.min(Math.max(caret - inner.open - 1, 0), words.length);
  return {
    from: outer.open,
    to: outer.close + 1,
    insert,
    start: begin + inside,
    end: caret === null ? begin + words.length : begin + inside,
  };
}

function adjustNetwork(text: string, block: Block, direction: 1 | -1, start: number, end: number): TextEdit | null {
  const parts = NETWORK.exec(text.slice(block.open + 1, block.close));
  if (!parts) return null;
  const [whole, name = "", number] = parts;
  const from = block.open + 1 + name.length;
  const to = block.open + 1 + whole.length;
  const insert = `:${shown(Number(number ?? 1) + direction * FINE_STEP)}`;
  const moved = (at: number): number => (at >= to ? at + insert.length - (to - from) : Math.min(at, from));
  return { from, to, insert, start: moved(start), end: moved(end) };
}

function round(weight: number): number {
  return Math.round(weight * 100) / 100;
}

function shown(weight: number): string {
  return String(round(weight));
}
