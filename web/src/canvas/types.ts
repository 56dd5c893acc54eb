/** The canvas's vocabulary. Coordinates are pixels of the document, origin top left, unless a name says `screen` (CSS pixels). */

/** A point in document pixels. */
export interface Point {
  x: number;
  y: number;
}

/** An axis-parallel rectangle; `width` and `height` are never negative. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Width and height in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** What a layer is for. There is one `picture` at the bottom, one `sketch` and one `mask` on top, any number of `pasted` between. */
export type LayerKind = "picture" | "pasted" | "sketch" | "mask";

/** How a pasted layer lies on the document: scaled and turned about its own center, the center at (x, y). Angle in radians. */
export interface Placement {
  x: number;
  y: number;
  scaleX: number;
  scaleY: number;
  angle: number;
}

/** A layer as others see it; only the engine changes one. A mask's alpha is the mask (255 = redraw), whatever its color. */
export interface Layer {
  readonly id: string;
  readonly kind: LayerKind;
  readonly name: string;
  readonly visible: boolean;
  readonly opacity: number;
  readonly canvas: OffscreenCanvas;
  /** Null for a layer that covers the document pixel by pixel. */
  readonly placement: Placement | null;
}

/** What the pointer does. */
export type ToolName =
  | "brush" | "eraser" | "rectangle" | "ellipse" | "lasso" | "polygon" | "fill" | "move" | "picker" | "region" | "hand";

/** How strokes look. Size in document pixels (1..1000), hardness, opacity 0..1, color `#rrggbb`. */
export interface Brush {
  size: number;
  hardness: number;
  opacity: number;
  color: string;
  pressureSize: boolean;
  pressureOpacity: boolean;
}

/** What the person paints on: the mask, the sketch, or nothing (img2img: the picture is looked at, moved, cropped). */
export type Target = "none" | "sketch" | "mask";

/** One sample of a pointer. Pressure 0..1; 0.5 for a mouse. */
export interface Sample extends Point {
  pressure: number;
  time: number;
  pen: boolean;
  shift: boolean;
  alt: boolean;
  ctrl: boolean;
}

/** What can be heard: `document` its size or its layers; `pixels` a committed change of a layer's pixels (not each move); `history`;
 * `view` pan and zoom; `tool` tool, brush or target; `hover` the pointer (null outside); `region` the crop box;
 * `picked` an eyedropper's color; `busy` a long operation began or ended. */
export interface EngineEvents {
  document: undefined;
  pixels: { layer: string };
  history: undefined;
  view: undefined;
  tool: undefined;
  hover: Point | null;
  region: Rect | null;
  picked: string;
}

/** The mask as the server will use it: where it is drawn, and the close-up around it. Shown, never sent. */
export interface MaskGuide {
  /** Pixels around the mask that the close-up shows. */
  padding: number;
  /** Width over height of the close-up. */
  aspect: number;
  /** Mask blur in pixels: it widens what is redrawn. */
  blur: number;
}

/** What of the document goes into a request. A blob is a PNG of the document's size; null says there is nothing of it. */
export interface Exported {
  size: Size;
  /** Picture and visible pasted layers as one; null while the picture is untouched (then the server's own file is sent). */
  picture: Blob | null;
  /** The sketch alone, with transparency. */
  paint: Blob | null;
  /** Grey, white is redrawn. */
  mask: Blob | null;
}

/** A document as it is stored between visits. */
export interface StoredDocument {
  size: Size;
  layers: { kind: LayerKind; name: string; visible: boolean; opacity: number; placement: Placement | null; blob: Blob | null }[];
}

/** The whole canvas: document, view, tools, history. No framework; one for the page. */
export interface Engine {
  /** Draw into this element and listen to its pointers; the element fills its parent and follows its size. */
  attach(canvas: HTMLCanvasElement): void;
  detach(): void;
  on<K extends keyof EngineEvents>(event: K, listener: (value: EngineEvents[K]) => void): () => void;

  readonly size: Size | null;
  readonly layers: readonly Layer[];
  /** The pasted layer that move works on, or null. */
  readonly selected: string | null;
  /** Whether picture or pasted layers differ from what `open` was given. */
  readonly pictureTouched: boolean;
  readonly hasMask: boolean;
  readonly hasPaint: boolean;

  /** Replace the document; the history begins anew. The bitmap is closed by the engine. */
  open(picture: ImageBitmap | OffscreenCanvas, name: string): void;
  /** Put another picture in, as one step that can be undone. Mask and sketch stay where sizes agree, else they are scaled. */
  replacePicture(picture: ImageBitmap | OffscreenCanvas, name: string): void;
  /** A document of one color (`#rrggbb`, or "transparent"). */
  blank(size: Size, color: string): void;
  close(): void;
  /** Add a pasted layer, fitted inside the document, selected. */
  paste(picture: ImageBitmap | OffscreenCanvas, name: string, at?: Placement): string;
  store(): Promise<StoredDocument | null>;
  restore(stored: StoredDocument, picture: ImageBitmap | null): Promise<void>;

  setLayer(id: string, change: Partial<{ visible: boolean; opacity: number; name: string; placement: Placement }>): void;
  moveLayer(id: string, to: number): void;
  removeLayer(id: string): void;
  select(id: string | null): void;
  /** Draw a pasted layer into the picture. */
  mergeDown(id: string): void;

  readonly tool: ToolName;
  setTool(tool: ToolName): void;
  readonly brush: Readonly<Brush>;
  setBrush(change: Partial<Brush>): void;
  readonly target: Target;
  setTarget(target: Target): void;
  /** Which kinds of layers take part in the mode; others are kept, but neither drawn nor exported. All at first. */
  setShown(kinds: readonly LayerKind[]): void;
  /** Whether shapes and fill take away instead of adding. */
  readonly subtract: boolean;
  setSubtract(subtract: boolean): void;
  /** 0..1: how far colors may differ for fill. */
  setTolerance(tolerance: number): void;

  /** Load a picture as the mask (luminance times alpha), scaled to the document. */
  loadMask(picture: ImageBitmap | OffscreenCanvas): void;
  clear(target: "mask" | "sketch"): void;
  invertMask(): void;
  /** Pixels; also negative numbers shrink. */
  growMask(pixels: number): void;
  featherMask(pixels: number): void;
  /** The mask's bounding box, or null where nothing is masked. */
  maskBounds(): Rect | null;

  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Names (i18n keys) of what undo and redo would do. */
  readonly undoLabel: string | null;
  readonly redoLabel: string | null;
  readonly historyBytes: number;
  undo(): void;
  redo(): void;

  /** Screen pixels per document pixel. */
  readonly zoom: number;
  fit(): void;
  setZoom(zoom: number, about?: Point): void;
  panBy(screenX: number, screenY: number): void;
  toDocument(screen: Point): Point;
  toScreen(point: Point): Point;

  /** Color and opacity of the mask's tint. */
  setTint(color: string, opacity: number): void;
  /** Show the box of "only masked", or null not. */
  setGuide(guide: MaskGuide | null): void;
  /** Show the outline of this width and height over the picture until it is called with null. */
  setOutline(size: Size | null): void;
  /** The crop box of the region tool. */
  readonly region: Rect | null;
  setRegion(region: Rect | null): void;
  /** Go on with a part of the document alone; the whole is kept. Nested to any depth. */
  cropOut(region: Rect): void;
  /** How many documents wait around this one. */
  readonly depth: number;
  /** Put the part back at its place, as one step that can be undone: its pixels replace those of the whole. */
  putBack(): void;
  /** Cut the document to a region for good (undoable). */
  crop(region: Rect): void;

  /** Color under a point, all visible layers as seen, `#rrggbb`. */
  colorAt(point: Point): string | null;
  export(parts: { paint: boolean; mask: boolean }): Promise<Exported>;
  /** What is seen, without mask and guides, as PNG. */
  flatten(): Promise<Blob>;
}
