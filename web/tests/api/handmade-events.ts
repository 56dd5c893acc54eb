/** An EventSource made by hand: the test says what comes. */
import { vi } from "vitest";

export class HandmadeEvents extends EventTarget {
  static all: HandmadeEvents[] = [];
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    super();
    HandmadeEvents.all.push(this);
  }

  static install(): void {
    HandmadeEvents.all = [];
    vi.stubGlobal("EventSource", HandmadeEvents);
  }

  /** The connection that was made last. */
  static newest(): HandmadeEvents {
    const last = HandmadeEvents.all.at(-1);
    if (!last) throw new Error("nobody listens");
    return last;
  }

  open(): void {
    this.onopen?.();
  }

  fail(): void {
    this.onerror?.();
  }

  tell(id: number, kind: string, data: object): void {
    if (!this.closed) this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId: String(id) }));
  }

  close(): void {
    this.closed = true;
  }
}
