/** What benchmarks/canvas.py measures: the raster engine, and beside it a Konva stage with one line for each stroke. */
import { createEngine } from "/canvas.js";

const SIDE = 2048;
const POINTS = 60;
const BRUSH = 48;

// What canvases draw in animation frames is timed: `drawn` is the time since it was last set to 0.
let drawn = 0;
const realFrame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (work) =>
  realFrame((time) => {
    const begun = performance.now();
    work(time);
    drawn += performance.now() - begun;
  });

/** The next frame is over: all its callbacks have run. */
const frame = () => new Promise((done) => realFrame(() => setTimeout(done, 0)));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Drawing is only noted down until somebody looks: read a pixel of the screen, and it happens. Returns its time. */
function settle(canvas) {
  const begun = performance.now();
  canvas.getContext("2d").getImageData(0, 0, 1, 1);
  return performance.now() - begun;
}

/** The way of stroke `n`: a wave over half the document, each one elsewhere. Document pixels. */
function wayOf(n) {
  const y = 150 + ((n * 137) % (SIDE - 300));
  const x = 30 + ((n * 311) % (SIDE / 2));
  return Array.from({ length: POINTS }, (_, at) => ({ x: x + at * 16, y: y + 70 * Math.sin(at / 6) }));
}

function send(element, kind, at) {
  const box = element.getBoundingClientRect();
  const buttons = kind === "pointerup" ? 0 : 1;
  const button = kind === "pointermove" ? -1 : 0;
  const place = { clientX: box.left + at.x, clientY: box.top + at.y };
  element.dispatchEvent(new PointerEvent(kind, { bubbles: true, cancelable: true, pointerId: 1, pointerType: "mouse", button, buttons, ...place }));
}

/** Paint strokes 1..last; those in `looked` are timed, one move a frame: `event` is the handler alone, `move` with all its drawing. */
async function strokes(element, screen, last, looked, place) {
  const found = {};
  const commits = [];
  for (let n = 1; n <= last; n += 1) {
    const way = wayOf(n).map(place);
    const timed = looked.includes(n);
    const events = [];
    const moves = [];
    send(element, "pointerdown", way[0]);
    for (const at of way.slice(1)) {
      if (!timed) {
        send(element, "pointermove", at);
        continue;
      }
      await frame();
      settle(screen);
      drawn = 0;
      const begun = performance.now();
      send(element, "pointermove", at);
      const handled = performance.now() - begun;
      await frame();
      events.push(handled);
      moves.push(handled + drawn + settle(screen));
    }
    const begun = performance.now();
    send(element, "pointerup", way.at(-1));
    commits.push(performance.now() - begun);
    await frame();
    if (timed) found[n] = { event: median(events), move: median(moves), worst: Math.max(...moves) };
  }
  found.commit = median(commits);
  return found;
}

function fresh() {
  const canvas = document.createElement("canvas");
  const box = document.createElement("div");
  box.id = "box";
  box.append(canvas);
  document.getElementById("box").replaceWith(box);
  return { canvas, box };
}

/** The engine over a document: what a move and the end of a stroke cost, and the memory that undo takes. */
async function ours({ target, last, looked, side = SIDE, hardness = 0.8, size = BRUSH }) {
  const { canvas } = fresh();
  const engine = createEngine();
  engine.attach(canvas);
  engine.blank({ width: side, height: side }, "#808080");
  engine.setTarget(target);
  engine.setTool("brush");
  engine.setBrush({ size, hardness, opacity: 1, color: "#c04020" });
  await frame();
  const found = await strokes(canvas, canvas, last, looked, (at) => engine.toScreen(at));
  const bytes = engine.historyBytes / last;
  const begun = performance.now();
  engine.undo();
  const undo = performance.now() - begun;
  engine.detach();
  return { strokes: found, bytes, undo };
}

/**
 * Konva as its guides show it: a line for each stroke on one layer, points added as the pointer moves. `full`: as many pixels as
 * the document has (what is painted can be exported), else as many as the screen shows.
 */
async function konvas({ last, looked, full }) {
  const { default: Konva } = await import("/konva.js");
  const { box } = fresh();
  box.replaceChildren();
  const width = full ? SIDE : box.clientWidth;
  const height = full ? SIDE : box.clientHeight;
  const stage = new Konva.Stage({ container: box, width, height });
  const zoom = full ? 1 : (Math.min(width, height) - 48) / SIDE;
  const layer = new Konva.Layer({ scaleX: zoom, scaleY: zoom, listening: false });
  stage.add(layer);
  const { content } = stage;
  const pointOf = (event) => {
    const at = content.getBoundingClientRect();
    return [(event.clientX - at.left) / zoom, (event.clientY - at.top) / zoom];
  };
  let line = null;
  content.addEventListener("pointerdown", (event) => {
    const look = { stroke: "rgb(192 64 32 / 0.5)", strokeWidth: BRUSH, lineCap: "round", lineJoin: "round", listening: false };
    line = new Konva.Line({ ...look, points: pointOf(event) });
    layer.add(line);
  });
  content.addEventListener("pointermove", (event) => line?.points([...line.points(), ...pointOf(event)]));
  content.addEventListener("pointerup", () => (line = null));
  const found = await strokes(content, layer.getCanvas()._canvas, last, looked, (at) => ({ x: at.x * zoom, y: at.y * zoom }));
  stage.destroy();
  return { strokes: found };
}

/** A large picture from its bitmap until it is on the screen, and a frame of a pan over it. */
async function large(side) {
  const source = new OffscreenCanvas(side, side);
  const context = source.getContext("2d");
  const paint = context.createLinearGradient(0, 0, side, side);
  paint.addColorStop(0, "#204060");
  paint.addColorStop(1, "#f0c080");
  context.fillStyle = paint;
  context.fillRect(0, 0, side, side);
  const blob = await source.convertToBlob();
  const { canvas } = fresh();
  const engine = createEngine();
  engine.attach(canvas);
  const decoding = performance.now();
  const bitmap = await createImageBitmap(blob);
  const begun = performance.now();
  engine.open(bitmap, "large");
  await frame();
  settle(canvas);
  const load = performance.now() - begun;
  const pans = {};
  for (const [name, zoom] of Object.entries({ fitted: engine.zoom, "1:1": 1, "4:1": 4 })) {
    engine.setZoom(zoom);
    await frame();
    const times = [];
    for (let at = 0; at < 30; at += 1) {
      settle(canvas);
      drawn = 0;
      engine.panBy(at % 2 ? 9 : -9, at % 3 ? 5 : -7);
      await frame();
      times.push(drawn + settle(canvas));
    }
    pans[name] = median(times);
  }
  engine.detach();
  return { decode: begun - decoding, load, pans };
}

window.bench = { ours, konvas, large };
document.title = "ready";
