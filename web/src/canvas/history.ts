/** One step that can be taken back. `undo` and `redo` are called in turns, `undo` first. */
export interface Entry {
  /** An i18n key. */
  readonly label: string;
  /** What it keeps in memory. */
  readonly bytes: number;
  undo(): void;
  redo(): void;
}

/** Steps back and forth with a budget of bytes; the oldest are forgotten first, the newest is always kept. */
export class History {
  readonly #budget: number;
  readonly #changed: () => void;
  #done: Entry[] = [];
  #undone: Entry[] = [];
  #group: { label: string; entries: Entry[] } | null = null;

  constructor(changed: () => void = () => undefined, budget = 256 * 1024 * 1024) {
    this.#changed = changed;
    this.#budget = budget;
  }

  get bytes(): number {
    return [...this.#done, ...this.#undone].reduce((sum, entry) => sum + entry.bytes, 0);
  }

  get undoLabel(): string | null {
    return this.#done.at(-1)?.label ?? null;
  }

  get redoLabel(): string | null {
    return this.#undone.at(-1)?.label ?? null;
  }

  /** Add what was just done. What had been undone is forgotten. */
  push(entry: Entry): void {
    if (this.#group) {
      this.#group.entries.push(entry);
      return;
    }
    this.#undone = [];
    this.#done.push(entry);
    let bytes = this.bytes;
    while (bytes > this.#budget && this.#done.length > 1) bytes -= this.#done.shift()?.bytes ?? 0;
    this.#changed();
  }

  /** Make everything that `work` pushes one step. Groups inside groups join the outer one. */
  group(label: string, work: () => void): void {
    if (this.#group) {
      work();
      return;
    }
    const group = { label, entries: [] as Entry[] };
    this.#group = group;
    try {
      work();
    } finally {
      this.#group = null;
      if (group.entries.length > 0) this.push(groupOf(group.label, group.entries));
    }
  }

  /** The step that `undo` would take back. */
  get newest(): Entry | null {
    return this.#done.at(-1) ?? null;
  }

  undo(): boolean {
    return this.#step(this.#done, this.#undone, (entry) => entry.undo());
  }

  redo(): boolean {
    return this.#step(this.#undone, this.#done, (entry) => entry.redo());
  }

  clear(): void {
    this.#done = [];
    this.#undone = [];
    this.#changed();
  }

  #step(from: Entry[], to: Entry[], act: (entry: Entry) => void): boolean {
    const entry = from.pop();
    if (!entry) return false;
    act(entry);
    to.push(entry);
    this.#changed();
    return true;
  }
}

function groupOf(label: string, entries: readonly Entry[]): Entry {
  return {
    label,
    get bytes() {
      return entries.reduce((sum, entry) => sum + entry.bytes, 0);
    },
    undo: () => [...entries].reverse().forEach((entry) => entry.undo()),
    redo: () => entries.forEach((entry) => entry.redo()),
  };
}
