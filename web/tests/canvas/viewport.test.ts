// @vitest-environment node
import { describe, expect, test } from "vitest";
import { Viewport, ZOOM } from "../../src/canvas/viewport";

function view(width = 1000, height = 800, document = { width: 500, height: 250 }): Viewport {
  const viewport = new Viewport();
  viewport.setDocument(document);
  viewport.resize({ width, height }, 1);
  return viewport;
}

describe("viewport", () => {
  test("a fitted document lies in the middle with room around it", () => {
    const viewport = view();
    const corner = viewport.toScreen({ x: 0, y: 0 });
    const other = viewport.toScreen({ x: 500, y: 250 });
    expect(corner.x).toBe(24);
    expect(1000 - other.x).toBeCloseTo(24, 6);
    expect(Math.abs(corner.y - (800 - other.y))).toBeLessThanOrEqual(1);
  });

  test("zooming keeps the point under the pointer", () => {
    const viewport = view();
    const about = { x: 333, y: 222 };
    const before = viewport.toDocument(about);
    viewport.setZoom(7.3, about);
    const after = viewport.toDocument(about);
    expect(Math.hypot(after.x - before.x, after.y - before.y)).toBeLessThan(1 / 7);
  });

  test("zoom stays between its limits and ignores what is not a number", () => {
    const viewport = view();
    viewport.setZoom(1e9);
    expect(viewport.zoom).toBe(ZOOM.most);
    viewport.setZoom(0);
    expect(viewport.zoom).toBe(ZOOM.least);
    viewport.setZoom(Number.NaN);
    expect(viewport.zoom).toBe(ZOOM.least);
  });

  test("screen and document points map to each other at any display ratio", () => {
    const viewport = view();
    viewport.resize({ width: 1000, height: 800 }, 1.5);
    viewport.setZoom(3.7, { x: 100, y: 50 });
    viewport.panBy(13.3, -7.9);
    const there = viewport.toScreen({ x: 123.25, y: 77.5 });
    const back = viewport.toDocument(there);
    expect(back.x).toBeCloseTo(123.25, 9);
    expect(back.y).toBeCloseTo(77.5, 9);
    expect((viewport.origin.x * 1.5) % 1).toBeCloseTo(0, 9);
  });

  test("many small pans add up although the origin lies on whole pixels", () => {
    const viewport = view();
    const start = viewport.origin.x;
    for (let step = 0; step < 100; step += 1) viewport.panBy(0.3, 0);
    expect(viewport.origin.x - start).toBeCloseTo(30, 0);
  });

  test("a document cannot be lost outside the view", () => {
    const viewport = view();
    viewport.panBy(1e6, -1e6);
    expect(viewport.toScreen({ x: 0, y: 0 }).x).toBeLessThan(1000);
    expect(viewport.toScreen({ x: 0, y: 250 }).y).toBeGreaterThan(0);
  });

  test("a fitted document is fitted again when the element changes, a zoomed one keeps its middle", () => {
    const viewport = view();
    viewport.resize({ width: 600, height: 800 }, 1);
    expect(viewport.toScreen({ x: 0, y: 0 }).x).toBe(24);
    viewport.setZoom(2);
    const middle = viewport.toDocument({ x: 300, y: 400 });
    viewport.resize({ width: 900, height: 500 }, 1);
    const now = viewport.toDocument({ x: 450, y: 250 });
    expect(Math.hypot(now.x - middle.x, now.y - middle.y)).toBeLessThan(1);
  });

  test("a hidden element changes nothing", () => {
    const viewport = view();
    const { zoom } = viewport;
    viewport.resize({ width: 0, height: 0 }, 1);
    expect(viewport.zoom).toBe(zoom);
    expect(viewport.screen.width).toBe(1000);
  });

  test("a document of one pixel is fitted without growing beyond reason", () => {
    expect(view(1000, 800, { width: 1, height: 1 }).zoom).toBe(4);
  });

  test("cutting the document leaves what is seen at its place", () => {
    const viewport = view();
    viewport.setZoom(2);
    const before = viewport.toScreen({ x: 100, y: 50 });
    viewport.reshape({ width: 300, height: 150 }, { x: 100, y: 50 });
    const after = viewport.toScreen({ x: 0, y: 0 });
    expect(Math.hypot(after.x - before.x, after.y - before.y)).toBeLessThan(1);
  });
});
