import type { Core } from "./core";
import { pinch, wheelWish } from "./gesture";
import type { Hands } from "./hands";
import type { Point, Sample } from "./types";

/** A second finger within this time, or before the first one moved this far, takes back what that began to paint; later it is kept. */
const SECOND_FINGER = { milliseconds: 250, pixels: 12 };

type Doing = { kind: "tool"; pointer: number; since: number; from: Point } | { kind: "pan"; pointer: number } | { kind: "pinch" };

/** Pointers, wheel and keys of the element: strokes for the tools, pan and zoom for the view. */
export class Input {
  readonly #core: Core;
  readonly #hands: Hands;
  readonly #canvas: HTMLCanvasElement;
  readonly #stop = new AbortController();
  readonly #off: () => void;
  readonly #touches = new Map<number, Point>();
  #doing: Doing | null = null;
  /** Once a pen was seen, fingers only move the view: the palm that rests on the screen draws nothing. */
  #penSeen = false;
  #screenPoint: Point | null = null;
  #last: Sample | null = null;

  constructor(canvas: HTMLCanvasElement, core: Core, hands: Hands) {
    this.#canvas = canvas;
    this.#core = core;
    this.#hands = hands;
    const { signal } = this.#stop;
    canvas.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#move(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.#up(event), { signal });
    canvas.addEventListener("pointercancel", (event) => this.#up(event), { signal });
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event), { signal });
    canvas.addEventListener("pointerleave", () => this.#leave(), { signal });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    window.addEventListener("keydown", (event) => this.#key(event, true), { signal });
    window.addEventListener("keyup", (event) => this.#key(event, false), { signal });
    window.addEventListener("blur", () => this.#release(), { signal });
    this.#off = core.events.on("view", () => this.#follow());
    this.refresh();
  }

  close(): void {
    this.#finish();
    this.#stop.abort();
    this.#off();
    this.#hover(null);
  }

  /** Show the cursor of the tool that a press would use. */
  refresh(): void {
    const panning = this.#doing?.kind === "pan" || this.#doing?.kind === "pinch";
    const cursor = panning ? "grabbing" : this.#hands.cursor();
    if (panning) this.#core.ring = false;
    if (this.#canvas.style.cursor !== cursor) this.#canvas.style.cursor = cursor;
    this.#core.renderer.invalidateOverlay();
  }

  #down(event: PointerEvent): void {
    const point = this.#point(event);
    this.#penSeen ||= event.pointerType === "pen";
    // Keys belong to the canvas now, not to the field that was typed in last.
    if (document.activeElement !== document.body && document.activeElement !== this.#canvas) this.#canvas.focus({ preventScroll: true });
    if (event.pointerType === "touch") {
      this.#touches.set(event.pointerId, point);
      if (this.#touches.size === 2) this.#beginPinch(event.timeStamp);
      if (this.#touches.size > 1) return;
    }
    if (this.#doing) return;
    capture(this.#canvas, event.pointerId);
    this.#screenPoint = point;
    const palm = event.pointerType === "touch" && this.#penSeen;
    if (palm || event.button === 1) {
      event.preventDefault();
      this.#doing = { kind: "pan", pointer: event.pointerId };
    } else if (event.button === 0 || event.button === 5) {
      this.#doing = { kind: "tool", pointer: event.pointerId, since: event.timeStamp, from: point };
      const sample = this.#sample(event);
      this.#last = sample;
      // Button 5 is the other end of a pen.
      this.#hands.down(sample, event.button === 5 ? "eraser" : undefined);
      this.#hover(sample);
    }
    this.refresh();
  }

  #move(event: PointerEvent): void {
    const point = this.#point(event);
    const doing = this.#doing;
    if (doing?.kind === "pinch") {
      if (this.#touches.has(event.pointerId)) this.#pinchTo(event.pointerId, point);
      return;
    }
    if (this.#touches.has(event.pointerId)) this.#touches.set(event.pointerId, point);
    if (doing && doing.pointer !== event.pointerId) return;
    const before = this.#screenPoint;
    this.#screenPoint = point;
    if (doing?.kind === "pan") {
      if (before) this.#hands.context.panBy(point.x - before.x, point.y - before.y);
      return;
    }
    const sample = this.#sample(event);
    if (doing) {
      this.#last = sample;
      // Older Safaris do not have it.
      const coalesced = "getCoalescedEvents" in event ? event.getCoalescedEvents() : [];
      this.#hands.move(coalesced.length > 1 ? coalesced.map((one) => this.#sample(one)) : [sample]);
    } else {
      this.#hands.hover(sample);
      this.refresh();
    }
    this.#hover(sample);
  }

  #up(event: PointerEvent): void {
    this.#touches.delete(event.pointerId);
    const doing = this.#doing;
    if (doing?.kind === "pinch") {
      if (this.#touches.size < 2) this.#doing = null;
    } else if (doing?.pointer === event.pointerId) {
      this.#doing = null;
      // A pointer that was taken away has no position of its own: what was painted until then stays.
      if (doing.kind === "tool") this.#hands.up(event.type === "pointerup" || !this.#last ? this.#sample(event) : this.#last);
      this.#last = null;
    }
    if (event.pointerType === "touch") this.#leave();
    this.refresh();
  }

  #beginPinch(time: number): void {
    const doing = this.#doing;
    this.#doing = { kind: "pinch" };
    if (doing?.kind !== "tool") return;
    const { x, y } = this.#screenPoint ?? doing.from;
    const moved = Math.hypot(x - doing.from.x, y - doing.from.y);
    const early = time - doing.since < SECOND_FINGER.milliseconds || moved < SECOND_FINGER.pixels;
    if (early || !this.#last) this.#hands.cancel();
    else this.#hands.up(this.#last);
    this.#last = null;
    this.#hover(null);
    this.refresh();
  }

  #pinchTo(pointer: number, point: Point): void {
    const [a, b] = [...this.#touches.values()];
    this.#touches.set(pointer, point);
    const [c, d] = [...this.#touches.values()];
    if (!a || !b || !c || !d) return;
    const { factor, from, to } = pinch([a, b], [c, d]);
    const { viewport } = this.#core;
    viewport.panBy(to.x - from.x, to.y - from.y);
    viewport.setZoom(viewport.zoom * factor, to);
    this.#core.viewChanged();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const wish = wheelWish(event);
    const { viewport, brush } = this.#core;
    if ("size" in wish) {
      // At least one pixel a notch, or small brushes would not move.
      const size = wish.size > 1 ? Math.max(brush.size + 1, brush.size * wish.size) : Math.min(brush.size - 1, brush.size * wish.size);
      brush.size = Math.round(Math.min(1000, Math.max(1, size)));
      this.#core.events.emit("tool", undefined);
      this.#core.renderer.invalidateOverlay();
      return;
    }
    if ("zoom" in wish) viewport.setZoom(viewport.zoom * wish.zoom, this.#point(event));
    else viewport.panBy(wish.pan.x, wish.pan.y);
    this.#core.viewChanged();
  }

  #key(event: KeyboardEvent, down: boolean): void {
    if (!down || !isWriting(event.target)) this.#held(event, down);
    if (!down || event.defaultPrevented || isWriting(event.target)) return;
    if (event.key === "Escape" && this.#hands.isBusy) {
      event.preventDefault();
      this.#hands.cancel();
      this.#doing = null;
      this.refresh();
    } else if (this.#hands.key(event.key)) {
      event.preventDefault();
      this.refresh();
    }
  }

  #held(event: KeyboardEvent, down: boolean): void {
    if (event.code === "Space" && (!down || this.#screenPoint || event.target === this.#canvas)) {
      // Over the canvas Space is the hand; it neither scrolls nor presses a button that has the focus.
      if (this.#hands.space || down) event.preventDefault();
      this.#hands.space = down;
    } else if (event.key === "Alt") {
      // Else the browser's menu takes the focus on release.
      if (this.#screenPoint) event.preventDefault();
      this.#hands.alt = down;
    } else {
      return;
    }
    this.refresh();
  }

  #release(): void {
    this.#hands.space = false;
    this.#hands.alt = false;
    this.#finish();
    this.refresh();
  }

  /** The window lost the focus or the element goes: keep what is being painted. */
  #finish(): void {
    if (this.#doing?.kind === "tool" && this.#last) this.#hands.up(this.#last);
    this.#doing = null;
    this.#last = null;
    this.#touches.clear();
  }

  #leave(): void {
    if (this.#doing) return;
    this.#screenPoint = null;
    this.#hover(null);
  }

  /** The view moved under a pointer that rests. */
  #follow(): void {
    if (this.#screenPoint && !this.#doing) this.#hover(this.#core.viewport.toDocument(this.#screenPoint));
  }

  #hover(point: Point | null): void {
    if (!point && !this.#core.hover) return;
    this.#core.hover = point && { x: point.x, y: point.y };
    this.#core.renderer.invalidateOverlay();
    this.#core.events.emit("hover", this.#core.hover);
  }

  #point(event: MouseEvent): Point {
    const box = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #sample(event: PointerEvent): Sample {
    const { x, y } = this.#core.viewport.toDocument(this.#point(event));
    const pen = event.pointerType === "pen";
    const { shiftKey: shift, altKey: alt, ctrlKey, metaKey } = event;
    return { x, y, pressure: pen ? event.pressure : 0.5, time: event.timeStamp, pen, shift, alt, ctrl: ctrlKey || metaKey };
  }
}

/** A pointer that is made up (by a test or an assistive tool) or already gone cannot be captured; painting goes on without. */
function capture(canvas: HTMLCanvasElement, pointer: number): void {
  try {
    canvas.setPointerCapture(pointer);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select, [role=slider], [role=dialog] *"));
}
