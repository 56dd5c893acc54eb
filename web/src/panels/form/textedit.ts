/** A change of a text field: what is replaced by what, and what is selected afterwards. Offsets count UTF-16 units. */
export interface TextEdit {
  from: number;
  to: number;
  insert: string;
  start: number;
  end: number;
}

/** Return the text after an edit. */
export function edited(text: string, edit: TextEdit): string {
  return text.slice(0, edit.from) + edit.insert + text.slice(edit.to);
}

/** Do an edit in a text field so that the browser's own undo takes it back, and everyone hears of it by `input`. */
export function applyEdit(field: HTMLTextAreaElement, edit: TextEdit): void {
  field.focus();
  field.setSelectionRange(edit.from, edit.to);
  // `execCommand` is the only way in which browsers keep their undo; `setRangeText` is what is left without it.
  const done = edit.insert === "" ? command("delete", "") : command("insertText", edit.insert);
  if (!done) {
    field.setRangeText(edit.insert, edit.from, edit.to, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: edit.insert }));
  }
  field.setSelectionRange(edit.start, edit.end);
}

function command(name: "insertText" | "delete", text: string): boolean {
  const doc: { execCommand?: (name: string, ui: boolean, text: string) => boolean } = document;
  return doc.execCommand ? doc.execCommand(name, false, text) : false;
}
