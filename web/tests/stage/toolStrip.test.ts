import { TooltipProvider } from "reka-ui";
import { createApp, h, nextTick, reactive } from "vue";
import type { App } from "vue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ToolName } from "@/canvas";
import { actions } from "@/actions";
import { i18n } from "@/i18n";
import ToolStrip from "@/stage/ToolStrip.vue";
import { form } from "@/state/form";

const canvas = vi.hoisted(() => ({ view: { tick: 0, zoom: 1, hasMask: false, hasPaint: false }, tool: "brush", size: { width: 8, height: 8 }, target: "mask" }));
vi.mock("@/state/source", async (original) => {
  const view = reactive(canvas.view);
  const engine = {
    get tool() {
      return canvas.tool;
    },
    setTool: (tool: ToolName) => {
      canvas.tool = tool;
      view.tick += 1;
    },
    size: canvas.size,
    target: canvas.target,
  };
  return { ...(await original<object>()), canvasView: view, engine: () => engine };
});

let app: App | null = null;

function mount(): HTMLElement {
  const place = document.createElement("div");
  document.body.replaceChildren(place);
  app = createApp({ render: () => h(TooltipProvider, () => h(ToolStrip)) }).use(i18n);
  app.mount(place);
  return place;
}

function radios(place: HTMLElement): HTMLElement[] {
  return [...place.querySelectorAll<HTMLElement>("[role=radio]")];
}

const checked = (place: HTMLElement): (string | null)[] =>
  radios(place).filter((one) => one.getAttribute("aria-checked") === "true").map((one) => one.getAttribute("aria-label"));

beforeEach(() => {
  canvas.tool = "brush";
  form.mode = "inpaint";
});

afterEach(() => {
  app?.unmount();
  app = null;
});

describe("the strip of tools", () => {
  it("shows the tools of the mode, one of them chosen and reached by Tab", () => {
    const place = mount();
    expect(radios(place)).toHaveLength(10);
    expect(checked(place)).toEqual(["Brush"]);
    expect(radios(place).filter((one) => one.tabIndex === 0)).toHaveLength(1);
  });

  it("turns with the arrow keys, around the ends", async () => {
    const place = mount();
    const press = async (key: string): Promise<void> => {
      radios(place).find((one) => one.tabIndex === 0)?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      await nextTick();
    };
    await press("ArrowDown");
    expect(checked(place)).toEqual(["Eraser"]);
    await press("Home");
    await press("ArrowUp");
    expect(checked(place)).toEqual(["Pan"]);
  });

  it("has an action with a name for each tool, that can be done in the modes that have it", () => {
    const named = (name: string): (typeof actions)[number] | undefined => actions.find((one) => one.name === name);
    expect(named("tools.brush")?.enabled()).toBe(true);
    form.mode = "img2img";
    expect(named("tools.brush")?.enabled()).toBe(false);
    expect(named("tools.hand")?.enabled()).toBe(true);
  });

  it("has a text for every action of the stage", () => {
    const mine = actions.filter((one) => ["edit", "tools", "mask", "view"].includes(one.group));
    expect(mine.length).toBeGreaterThan(30);
    expect(mine.filter((one) => !i18n.global.te(`action.${one.name}`)).map((one) => one.name)).toEqual([]);
  });
});
