/** One finger or the mouse moves, two fingers zoom, a quick stroke to the side is a swipe. */

/** What the gestures on a pane ask for. Positions are CSS pixels from the pane's center. */
export interface Wishes {
  pan: (dx: number, dy: number) => void;
  zoom: (factor: number, x: number, y: number) => void;
  swipe: (direction: "left" | "right") => void;
  hold: (down: boolean) => void;
}

interface Point {
  x: number;
  y: number;
}

const SWIPE = 48;

/** Follows the pointers on one element. */
export class Gestures {
  private readonly points = new Map<number, Point>();
  private start: Point | null = null;
  private many = false;

  constructor(
    private readonly wishes: Wishes,
    private readonly center: () => Point,
  ) {}

  /** Whether a finger or button is down. */
  get active(): boolean {
    return this.points.size > 0;
  }

  down(event: PointerEvent): void {
    if (event.button !== 0 && event.button !== 1) return;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.points.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.many = this.points.size > 1;
    this.start = { x: event.clientX, y: event.clientY };
    this.wishes.hold(!this.many);
  }

  move(event: PointerEvent): void {
    const before = this.points.get(event.pointerId);
    if (before === undefined) return;
    const now = { x: event.clientX, y: event.clientY };
    if (this.points.size === 1) this.wishes.pan(now.x - before.x, now.y - before.y);
    else this.pinch(event.pointerId, before, now);
    this.points.set(event.pointerId, now);
  }

  up(event: PointerEvent): void {
    if (!this.points.delete(event.pointerId)) return;
    if (this.points.size > 0) return;
    this.wishes.hold(false);
    if (event.pointerType !== "mouse" && !this.many && this.start !== null && event.type !== "pointercancel") {
      const across = event.clientX - this.start.x;
      const down = event.clientY - this.start.y;
      if (Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(down)) this.wishes.swipe(across < 0 ? "left" : "right");
    }
    this.start = null;
  }

  private pinch(id: number, before: Point, now: Point): void {
    const other = [...this.points.entries()].find(([name]) => name !== id)?.[1];
    if (other === undefined) return;
    const far = (one: Point): number => Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const center = this.center();
    this.wishes.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.wishes.zoom(far(now) / far(before), middle.x - center.x, middle.y - center.y);
  }
}
