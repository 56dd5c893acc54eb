/** Brackets of a prompt. `\` before a bracket makes it a letter. */
export type Bracket = "(" | "[" | "{" | "<";

const CLOSERS: Record<string, Bracket> = { ")": "(", "]": "[", "}": "{", ">": "<" };
const OPENERS = "([{<";

/** A pair of brackets: offsets of the opening and the closing one. */
export interface Block {
  kind: Bracket;
  open: number;
  close: number;
}

/** What does not match: brackets without a partner, by offset. */
export interface Mismatch {
  at: number;
  bracket: string;
}

/** Return all pairs, the inner ones first, and all brackets without a partner in the order of the text. */
export function pairBrackets(text: string, kinds = OPENERS): { blocks: Block[]; lost: Mismatch[] } {
  const blocks: Block[] = [];
  const lost: Mismatch[] = [];
  const waiting: { kind: Bracket; at: number }[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === "\\") {
      at += 1;
    } else if (kinds.includes(letter)) {
      waiting.push({ kind: letter as Bracket, at });
    } else {
      const kind = CLOSERS[letter];
      if (kind === undefined || !kinds.includes(kind)) continue;
      const partner = waiting.findLastIndex((one) => one.kind === kind);
      if (partner < 0) lost.push({ at, bracket: letter });
      else {
        const open = waiting[partner];
        lost.push(...waiting.splice(partner).slice(1).map((one) => ({ at: one.at, bracket: one.kind })));
        if (open) blocks.push({ kind, open: open.at, close: at });
      }
    }
  }
  lost.push(...waiting.map((one) => ({ at: one.at, bracket: one.kind })));
  return { blocks, lost: lost.sort((a, b) => a.at - b.at) };
}

/** Return the brackets that have no partner; only round and square ones mean something alone, so only they are looked at. */
export function mismatches(text: string): Mismatch[] {
  return pairBrackets(text, "([").lost;
}

/** Return the innermost pair around a range, or null. */
export function blockAround(text: string, start: number, end: number, kinds = OPENERS): Block | null {
  const around = pairBrackets(text, kinds).blocks.filter((block) => block.open < start && block.close >= end);
  return around.reduce<Block | null>((inner, block) => (inner === null || block.open > inner.open ? block : inner), null);
}
