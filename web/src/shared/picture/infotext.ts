/** An infotext taken apart for reading. What goes back into the form is read by the server. */

/** Prompt, negative prompt, and the settings in the order in which they were written. */
export interface Told {
  prompt: string;
  negative: string;
  settings: [name: string, value: string][];
}

const NEGATIVE = "Negative prompt:";

/** Take an infotext apart; a text without a line of settings is all prompt. */
export function takeApart(text: string): Told {
  const lines = text.trim().split("\n");
  const last = lines.at(-1) ?? "";
  const settings = settingsOf(last);
  if (settings.length >= 3) lines.pop();
  const at = lines.findIndex((line) => line.startsWith(NEGATIVE));
  const prompt = (at < 0 ? lines : lines.slice(0, at)).join("\n").trim();
  const negative = at < 0 ? "" : lines.slice(at).join("\n").slice(NEGATIVE.length).trim();
  return { prompt, negative, settings: settings.length >= 3 ? settings : [] };
}

/** Read "Name: value, Name: value"; values with commas are JSON strings. */
function settingsOf(line: string): [string, string][] {
  const found: [string, string][] = [];
  let rest = line;
  while (rest !== "") {
    const name = /^\s*([^:,"]+):\s*/.exec(rest);
    if (name === null) return found;
    rest = rest.slice(name[0].length);
    const value = /^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0] ?? /^[^,]*/.exec(rest)?.[0] ?? "";
    rest = rest.slice(value.length).replace(/^\s*,/, "");
    found.push([(name[1] ?? "").trim(), unquoted(value.trim())]);
  }
  return found;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
