import { pairBrackets } from "./brackets";
import type { TextEdit } from "./textedit";

interface Span {
  from: number;
  to: number;
}

/**
 * Return the edit that moves the comma-separated item at the caret (or all items that are selected) one place to the left (-1) or
 * right (+1). Inside brackets it moves among the items of these brackets, if they hold several. Null at the ends.
 */
export function moveItem(text: string, start: number, end: number, direction: 1 | -1): TextEdit | null {
  for (const scope of scopes(text, start, end)) {
    const items = split(text, scope);
    if (items.length < 2) continue;
    const first = items.findIndex((item) => item.to >= start);
    const last = Math.max(first, items.findLastIndex((item) => item.from < end));
    const here = { from: items[first]?.from ?? -1, to: items[last]?.to ?? -1 };
    const other = items[direction < 0 ? first - 1 : last + 1];
    if (here.from < 0 || !other) return null;
    return swapped(text, here, other, start, end);
  }
  return null;
}

/** The insides of the brackets around a range, the innermost first, then the whole text. */
function scopes(text: string, start: number, end: number): Span[] {
  return pairBrackets(text)
    .blocks.filter((block) => block.open < start && block.close >= end)
    .sort((a, b) => b.open - a.open)
    .map((block) => ({ from: block.open + 1, to: beforeWeight(text, block.open + 1, block.close) }))
    .concat({ from: 0, to: text.length });
}

function beforeWeight(text: string, from: number, to: number): number {
  const weight = /\s*:\s*-?[\d.]+\s*$/.exec(text.slice(from, to));
  return weight ? from + weight.index : to;
}

/** Items of a scope without the blanks around them; commas and line ends inside inner brackets do not part. */
function split(text: string, scope: Span): Span[] {
  const inner = text.slice(scope.from, scope.to);
  const { blocks } = pairBrackets(inner);
  const items: Span[] = [];
  let from = 0;
  for (let at = 0; at <= inner.length; at += 1) {
    const parts = at === inner.length || inner.charAt(at) === "," || inner.charAt(at) === "\n";
    if (!parts || blocks.some((block) => block.open < at && at < block.close)) continue;
    const piece = inner.slice(from, at);
    const lead = piece.length - piece.trimStart().length;
    if (piece.trim() !== "") items.push({ from: scope.from + from + lead, to: scope.from + from + lead + piece.trim().length });
    from = at + 1;
  }
  return items;
}

function swapped(text: string, here: Span, other: Span, start: number, end: number): TextEdit {
  const [left, right] = here.from < other.from ? [here, other] : [other, here];
  const between = text.slice(left.to, right.from);
  const insert = text.slice(right.from, right.to) + between + text.slice(left.from, left.to);
  const shift = here === left ? right.to - here.to : left.from - here.from;
  const keep = (at: number): number => Math.min(Math.max(at, here.from), here.to) + shift;
  return { from: left.from, to: right.to, insert, start: keep(start), end: keep(end) };
}
