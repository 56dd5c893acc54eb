import { reactive } from "vue";
import type { Engine, Point } from "@/canvas";

/** The cursor that arrow keys move over the canvas. Coordinates are document pixels. */
export interface KeyboardCursor {
  shown: boolean;
  drawing: boolean;
  x: number;
  y: number;
}

/** Screen pixels one press moves the cursor, without and with Shift. Who needs smaller steps zooms in. */
const STEP = 10;
const FAR = 60;

/** What the pointer's events need to look like a mouse's; no real pointer has this number. */
const MOUSE = { pointerId: 9001, pointerType: "mouse", isPrimary: true, bubbles: true, cancelable: true, pressure: 0.5 };

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A pointer made of keys: it sends the canvas the events a mouse would, so that every tool works with it. */
export class KeyboardPointer {
  readonly cursor: KeyboardCursor = reactive({ shown: false, drawing: false, x: 0, y: 0 });
  readonly #canvas: HTMLCanvasElement;
  readonly #engine: Engine;

  constructor(canvas: HTMLCanvasElement, engine: Engine) {
    this.#canvas = canvas;
    this.#engine = engine;
  }

  /**
   * Act on a key; true if it was used. Arrows move, Space begins and ends a stroke, Enter clicks, Escape takes the cursor away.
   * A polygon is clicked together: Space sets a corner, Enter is left to the tool, which closes it.
   */
  key(event: KeyboardEvent): boolean {
    if (!this.#engine.size || event.ctrlKey || event.metaKey || event.altKey) return false;
    const arrow = ARROWS[event.key];
    if (arrow) {
      this.#move(arrow, event.shiftKey ? FAR : STEP);
      return true;
    }
    if (!this.cursor.shown) return false;
    const corners = this.#engine.tool === "polygon";
    if (event.key === " ") {
      if (!event.repeat && corners) this.#click();
      else if (!event.repeat) this.#toggle();
      return true;
    }
    if (event.key === "Enter" && !corners) {
      if (this.cursor.drawing) this.#toggle();
      else this.#click();
      return true;
    }
    return event.key === "Escape" && this.#leave(corners);
  }

  /** Escape: what is being drawn is left to the canvas, which takes it back. */
  #leave(corners: boolean): boolean {
    const drawing = this.cursor.drawing;
    this.cursor.drawing = false;
    this.cursor.shown = drawing;
    return !drawing && !corners;
  }

  /** End a stroke that is being drawn and take the cursor away. */
  hide(): void {
    if (this.cursor.drawing) this.#send("pointerup");
    this.cursor.drawing = false;
    this.cursor.shown = false;
  }

  #move([right, down]: readonly [number, number], distance: number): void {
    const { width, height } = this.#engine.size ?? { width: 0, height: 0 };
    if (!this.cursor.shown) {
      this.cursor.x = Math.round(width / 2);
      this.cursor.y = Math.round(height / 2);
      this.cursor.shown = true;
    } else {
      const step = Math.max(1, Math.round(distance / this.#engine.zoom));
      this.cursor.x = Math.min(width, Math.max(0, this.cursor.x + right * step));
      this.cursor.y = Math.min(height, Math.max(0, this.cursor.y + down * step));
    }
    this.#keepInSight();
    this.#send("pointermove");
  }

  #toggle(): void {
    this.#send(this.cursor.drawing ? "pointerup" : "pointerdown");
    this.cursor.drawing = !this.cursor.drawing;
  }

  #click(): void {
    this.#send("pointerdown");
    this.#send("pointerup");
  }

  /** Pan so far that the cursor stays 24 screen pixels inside the canvas. */
  #keepInSight(): void {
    const { x, y } = this.#engine.toScreen(this.cursor);
    const box = this.#canvas.getBoundingClientRect();
    const by = { x: outside(x, box.width), y: outside(y, box.height) };
    if (by.x !== 0 || by.y !== 0) this.#engine.panBy(-by.x, -by.y);
  }

  #send(type: "pointerdown" | "pointermove" | "pointerup"): void {
    const at = clientPoint(this.#canvas, this.#engine, this.cursor);
    const down = type === "pointerdown" || (type === "pointermove" && this.cursor.drawing);
    this.#canvas.dispatchEvent(
      new PointerEvent(type, {
        ...MOUSE,
        clientX: at.x,
        clientY: at.y,
        button: type === "pointermove" ? -1 : 0,
        buttons: down ? 1 : 0,
      }),
    );
  }
}

function outside(at: number, length: number): number {
  const margin = Math.min(24, length / 4);
  return at < margin ? at - margin : at > length - margin ? at - (length - margin) : 0;
}

/** Where a point of the document is in the window. */
function clientPoint(canvas: HTMLCanvasElement, engine: Engine, point: Point): Point {
  const box = canvas.getBoundingClientRect();
  const at = engine.toScreen(point);
  return { x: box.left + at.x, y: box.top + at.y };
}
