import type { Core } from "./core";
import { Context } from "./context";
import type { Tool } from "./tool";
import type { Sample, ToolName } from "./types";

/** The tools and the one that is in use: while a key is held or a pen is turned around, another than the chosen one. */
export class Hands {
  readonly context: Context;
  readonly #core: Core;
  readonly #tools: ReadonlyMap<ToolName, Tool>;
  #busy: Tool | null = null;
  #last: Sample | null = null;
  /** Held keys. */
  space = false;
  alt = false;

  constructor(core: Core, tools: readonly Tool[]) {
    this.#core = core;
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.context = new Context(core);
    core.finishGesture = () => this.#finish();
    core.toolOverlay = (graphics) => this.current?.overlay?.(graphics, this.context);
  }

  /** The tool that a press would use now. */
  get current(): Tool | null {
    if (this.#busy) return this.#busy;
    const { tool } = this.#core;
    if (this.space) return this.#tools.get("hand") ?? null;
    if (this.alt && (tool === "brush" || tool === "eraser" || tool === "fill")) return this.#tools.get("picker") ?? null;
    return this.#tools.get(tool) ?? null;
  }

  get isBusy(): boolean {
    return this.#busy !== null;
  }

  down(sample: Sample, name?: ToolName): void {
    if (!this.#core.artwork) return;
    this.alt = sample.alt;
    const tool = (name && this.#tools.get(name)) ?? this.current;
    this.#busy = tool;
    this.#last = sample;
    tool?.down(sample, this.context);
  }

  move(samples: readonly Sample[]): void {
    this.#last = samples.at(-1) ?? this.#last;
    this.#busy?.move(samples, this.context);
  }

  up(sample: Sample): void {
    const tool = this.#busy;
    this.#busy = null;
    tool?.up(sample, this.context);
  }

  hover(sample: Sample): void {
    this.alt = sample.alt;
    if (this.#core.artwork) this.current?.hover?.(sample, this.context);
  }

  /** Another tool, target or step comes: a stroke that is being painted is kept, shapes that are clicked together are not. */
  leave(): void {
    if (this.#busy) this.#finish();
    else this.cancel();
  }

  /** Lift the pressed tool where it is: what it did is kept, and further moves of its pointer do nothing. */
  #finish(): void {
    if (this.#busy && this.#last) this.up(this.#last);
  }

  /** End what is going on without an effect: the pressed tool, or shapes that are clicked together. */
  cancel(): void {
    const tool = this.#busy ?? this.#tools.get(this.#core.tool);
    this.#busy = null;
    tool?.cancel(this.context);
    this.#core.renderer.invalidateOverlay();
  }

  key(key: string): boolean {
    return this.#core.artwork ? (this.current?.key?.(key, this.context) ?? false) : false;
  }

  /** The cursor for the element; also says whether the brush's ring is shown. */
  cursor(): string {
    const tool = this.current;
    if (!tool || !this.#core.artwork) return "default";
    const cursor = tool.cursor(this.context);
    this.#core.ring = cursor === "none" && (tool.name === "brush" || tool.name === "eraser");
    return cursor;
  }
}
