import type { Edit, Tool, ToolContext } from "@/canvas/tool";
import type { Layer, Placement, Point, Rect, Sample, Size, Target } from "@/canvas/types";

/** What a fake context may be made of. */
export interface Wishes {
  size?: Size;
  zoom?: number;
  target?: Target;
  subtract?: boolean;
  opacity?: number;
  region?: Rect | null;
  pasted?: Layer[];
  selected?: string | null;
  sample?: (rect: Rect) => ImageData;
}

/** A context that writes down what a tool does with it: calls by name, drawing calls with their arguments. */
export class FakeContext {
  readonly calls: string[] = [];
  readonly drawn: { name: string; values: unknown[]; state: Record<string, unknown> }[] = [];
  readonly touched: Rect[] = [];
  region: Rect | null;
  pasted: Layer[];
  selectedId: string | null;
  readonly context: ToolContext;

  constructor(wishes: Wishes = {}) {
    const zoom = wishes.zoom ?? 1;
    this.region = wishes.region ?? null;
    this.pasted = wishes.pasted ?? [];
    this.selectedId = wishes.selected ?? null;
    const layer = { id: "paint" } as Layer;
    const find = (id: string | null): Layer | null => this.pasted.find((one) => one.id === id) ?? null;
    const at = (): { region: Rect | null; selected: Layer | null } => ({ region: this.region, selected: find(this.selectedId) });
    const target = wishes.target ?? "mask";
    this.context = {
      size: wishes.size ?? { width: 200, height: 100 },
      brush: { size: 20, hardness: 1, opacity: wishes.opacity ?? 1, color: "#112233", pressureSize: false, pressureOpacity: false },
      target,
      subtract: wishes.subtract ?? false,
      tolerance: 0.1,
      zoom,
      paint: "#ff0000",
      paintLayer: () => (target === "none" ? null : layer),
      begin: (label) => this.#edit(label, layer),
      sample: wishes.sample ?? (() => { throw new Error("not sampled in this test"); }),
      get selected() {
        return at().selected;
      },
      get region() {
        return at().region;
      },
      layerAt: (point) => this.pasted.findLast((one) => isOver(one, point)) ?? null,
      select: (id) => {
        this.selectedId = id;
      },
      place: (id, placement, commit) => {
        this.calls.push(commit ? "place" : "lay");
        this.pasted = this.pasted.map((one) => (one.id === id ? { ...one, placement } : one));
      },
      setRegion: (region) => {
        this.calls.push("region");
        this.region = region;
      },
      pick: () => undefined,
      panBy: () => undefined,
      toScreen: ({ x, y }) => ({ x: x * zoom + 7, y: y * zoom - 3 }),
      toDocument: ({ x, y }) => ({ x: (x - 7) / zoom, y: (y + 3) / zoom }),
      redraw: () => undefined,
    };
  }

  /** The committed edits' labels. */
  get commits(): string[] {
    return this.calls.filter((call) => call.startsWith("commit ")).map((call) => call.slice(7));
  }

  placement(id: string): Placement {
    const found = this.pasted.find((one) => one.id === id)?.placement;
    if (!found) throw new Error(`no layer ${id}`);
    return found;
  }

  #edit(label: string, layer: Layer): Edit {
    this.calls.push(`begin ${label}`);
    return {
      layer,
      context: recorder(this.drawn) as unknown as OffscreenCanvasRenderingContext2D,
      touch: (rect) => this.touched.push(rect),
      reset: () => undefined,
      commit: () => this.calls.push(`commit ${label}`),
      cancel: () => this.calls.push(`cancel ${label}`),
    };
  }
}

/** A drawing context that writes its calls down, each with the state it had. */
export function recorder(drawn: { name: string; values: unknown[]; state: Record<string, unknown> }[]): Record<string, unknown> {
  const state: Record<string, unknown> = {};
  return new Proxy(state, {
    get: (_, name) => {
      if (typeof name !== "string") return undefined;
      if (name === "measureText") return () => ({ width: 40 });
      return name in state ? state[name] : (...values: unknown[]) => drawn.push({ name, values, state: { ...state } });
    },
  });
}

/** A pasted layer of this size. */
export function pastedLayer(id: string, size: Size, placement: Placement): Layer {
  return { id, kind: "pasted", name: id, visible: true, opacity: 1, canvas: size as OffscreenCanvas, placement };
}

function isOver({ placement, canvas }: Layer, point: Point): boolean {
  if (!placement) return false;
  const wide = (canvas.width * Math.abs(placement.scaleX)) / 2;
  const high = (canvas.height * Math.abs(placement.scaleY)) / 2;
  return Math.abs(point.x - placement.x) <= wide && Math.abs(point.y - placement.y) <= high;
}

/** A sample of a mouse. */
export function at(x: number, y: number, held: Partial<Sample> = {}): Sample {
  return { x, y, pressure: 0.5, time: 0, pen: false, shift: false, alt: false, ctrl: false, ...held };
}

/** Press at the first point, go through the others, release at the last. */
export function drag(tool: Tool, fake: FakeContext, ...points: Sample[]): void {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return;
  tool.down(first, fake.context);
  for (const point of points.slice(1)) tool.move([point], fake.context);
  tool.up(last, fake.context);
}

/** Draw the overlay and count its calls. */
export function overlayCalls(tool: Tool, fake: FakeContext): number {
  const drawn: { name: string; values: unknown[]; state: Record<string, unknown> }[] = [];
  tool.overlay?.(recorder(drawn) as unknown as CanvasRenderingContext2D, fake.context);
  return drawn.length;
}
