import { beforeEach, describe, expect, it } from "vitest";
import type { Engine, ToolName } from "@/canvas";
import { KeyboardPointer } from "@/stage/keyboardPointer";

interface Seen {
  type: string;
  x: number;
  y: number;
  buttons: number;
}

let seen: Seen[] = [];
let panned: [number, number][] = [];
let tool: ToolName = "brush";
let size: { width: number; height: number } | null = { width: 200, height: 100 };
let pointer: KeyboardPointer;

const zoom = 2;
const canvas = document.createElement("canvas");
canvas.getBoundingClientRect = () => new DOMRect(30, 40, 500, 300);

function press(key: string, more: KeyboardEventInit = {}): boolean {
  return pointer.key(new KeyboardEvent("keydown", { key, ...more }));
}

beforeEach(() => {
  seen = [];
  panned = [];
  tool = "brush";
  size = { width: 200, height: 100 };
  const engine = {
    get size() {
      return size;
    },
    get tool() {
      return tool;
    },
    zoom,
    toScreen: ({ x, y }: { x: number; y: number }) => ({ x: x * zoom + 50, y: y * zoom + 50 }),
    panBy: (x: number, y: number) => panned.push([x, y]),
  };
  pointer = new KeyboardPointer(canvas, engine as unknown as Engine);
});

for (const type of ["pointerdown", "pointermove", "pointerup"]) {
  canvas.addEventListener(type, (event) => {
    const { clientX, clientY, buttons } = event as PointerEvent;
    seen.push({ type, x: clientX, y: clientY, buttons });
  });
}

describe("the keyboard's pointer", () => {
  it("appears in the middle of the picture at the first arrow", () => {
    expect(press("ArrowLeft")).toBe(true);
    expect(pointer.cursor).toMatchObject({ shown: true, x: 100, y: 50 });
    expect(seen).toEqual([{ type: "pointermove", x: 30 + 250, y: 40 + 150, buttons: 0 }]);
  });

  it("moves by ten screen pixels, with Shift by sixty, and stays on the picture", () => {
    press("ArrowLeft");
    press("ArrowRight");
    expect(pointer.cursor.x).toBe(105);
    press("ArrowRight", { shiftKey: true });
    expect(pointer.cursor.x).toBe(135);
    for (let times = 0; times < 9; times += 1) press("ArrowRight", { shiftKey: true });
    expect(pointer.cursor.x).toBe(200);
  });

  it("draws a stroke between two presses of Space", () => {
    press("ArrowLeft");
    press(" ");
    press(" ", { repeat: true });
    press("ArrowDown");
    press(" ");
    expect(seen.map(({ type, buttons }) => [type, buttons])).toEqual([
      ["pointermove", 0],
      ["pointerdown", 1],
      ["pointermove", 1],
      ["pointerup", 0],
    ]);
    expect(pointer.cursor.drawing).toBe(false);
  });

  it("makes a dot with Enter, and leaves Enter to a polygon", () => {
    press("ArrowLeft");
    expect(press("Enter")).toBe(true);
    expect(seen.slice(1).map((one) => one.type)).toEqual(["pointerdown", "pointerup"]);
    tool = "polygon";
    expect(press("Enter")).toBe(false);
  });

  it("leaves a stroke to Escape of the canvas, then goes away itself", () => {
    press("ArrowLeft");
    press(" ");
    expect(press("Escape")).toBe(false);
    expect(pointer.cursor).toMatchObject({ shown: true, drawing: false });
    expect(press("Escape")).toBe(true);
    expect(pointer.cursor.shown).toBe(false);
  });

  it("leaves keys alone that are not its own", () => {
    expect(press(" ")).toBe(false);
    expect(press("ArrowLeft", { ctrlKey: true })).toBe(false);
    size = null;
    expect(press("ArrowLeft")).toBe(false);
  });

  it("keeps what was drawn when the focus leaves", () => {
    press("ArrowLeft");
    press(" ");
    pointer.hide();
    expect(seen.at(-1)?.type).toBe("pointerup");
  });

  it("pans so that the cursor stays in sight", () => {
    press("ArrowLeft");
    for (let times = 0; times < 20; times += 1) press("ArrowDown", { shiftKey: true });
    expect(panned.length).toBe(0);
    size = { width: 200, height: 1000 };
    for (let times = 0; times < 20; times += 1) press("ArrowDown", { shiftKey: true });
    expect(panned.some(([, y]) => y < 0)).toBe(true);
  });
});
