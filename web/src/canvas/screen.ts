import type { Size } from "./types";

/** What follows the element that is drawn into. */
export interface ScreenHost {
  resized(size: Size, ratio: number): void;
  /** Colors or the graphics context changed: draw everything anew. */
  refreshed(): void;
}

/** The element that is drawn into, and the overlay that lies over it; both as sharp as the display. */
export class Screen {
  readonly canvas: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
  readonly graphics: CanvasRenderingContext2D;
  readonly overlayGraphics: CanvasRenderingContext2D;
  readonly #host: ScreenHost;
  readonly #stop = new AbortController();
  readonly #sizes: ResizeObserver;
  readonly #theme: MutationObserver;

  constructor(canvas: HTMLCanvasElement, host: ScreenHost) {
    this.canvas = canvas;
    this.#host = host;
    this.overlay = canvas.ownerDocument.createElement("canvas");
    this.graphics = contextOf(canvas);
    this.overlayGraphics = contextOf(this.overlay);
    Object.assign(canvas.style, { display: "block", width: "100%", height: "100%", touchAction: "none", userSelect: "none" });
    Object.assign(this.overlay.style, { position: "absolute", pointerEvents: "none" });
    this.overlay.setAttribute("aria-hidden", "true");
    const parent = canvas.parentElement;
    if (parent && getComputedStyle(parent).position === "static") parent.style.position = "relative";
    canvas.after(this.overlay);
    this.#sizes = new ResizeObserver(() => this.measure());
    this.#sizes.observe(canvas);
    this.#theme = new MutationObserver(() => this.#host.refreshed());
    this.#theme.observe(canvas.ownerDocument.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
    const { signal } = this.#stop;
    window.addEventListener("resize", () => this.measure(), { signal });
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.#host.refreshed(), { signal });
    for (const element of [canvas, this.overlay]) {
      element.addEventListener("contextlost", (event) => event.preventDefault(), { signal });
      element.addEventListener("contextrestored", () => this.#host.refreshed(), { signal });
    }
    this.measure();
  }

  /** Follow the element's size. A hidden element (0x0) keeps what it had. */
  measure(): void {
    const { clientWidth: width, clientHeight: height, offsetLeft, offsetTop } = this.canvas;
    if (width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.overlay.style, { left: `${offsetLeft}px`, top: `${offsetTop}px`, width: `${width}px`, height: `${height}px` });
    const wide = Math.round(width * ratio);
    const high = Math.round(height * ratio);
    for (const element of [this.canvas, this.overlay]) {
      if (element.width !== wide) element.width = wide;
      if (element.height !== high) element.height = high;
    }
    this.#host.resized({ width, height }, ratio);
  }

  /** A color of the page's style sheet. */
  color(name: string, otherwise: string): string {
    return getComputedStyle(this.canvas).getPropertyValue(name).trim() || otherwise;
  }

  close(): void {
    this.#stop.abort();
    this.#sizes.disconnect();
    this.#theme.disconnect();
    this.overlay.remove();
  }
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser cannot draw on a canvas");
  return context;
}
