import { describe, expect, test } from "vitest";
import { guideBox, proportionBox } from "@/canvas/guide";

/*
 * Made with the server's own code: a mask of zeros with a rectangle of 255, then
 * bounding_box(blur(mask, b, b)).padded(padding, size).expanded(Size(W, H), size) from redraw.image.mask and redraw.geometry,
 * for rectangles, sizes and settings drawn by random.seed(64).
 * Columns: document width and height; the mask's x, y, width, height; padding; close-up's W and H; blur; box x, y, width, height.
 */
const MADE_BY_THE_SERVER: readonly (readonly number[])[] = [
  [200, 133, 38, 110, 162, 9, 4, 1024, 576, 0, 34, 40, 166, 93], [512, 512, 486, 509, 7, 3, 0, 512, 512, 64, 454, 454, 58, 58],
  [200, 133, 130, 23, 4, 110, 0, 512, 512, 4, 73, 14, 119, 119], [200, 133, 0, 132, 3, 1, 4, 512, 768, 4, 0, 111, 15, 22],
  [97, 301, 47, 19, 20, 228, 4, 512, 512, 0, 0, 15, 97, 236], [512, 512, 402, 22, 2, 257, 256, 640, 480, 0, 0, 0, 512, 512],
  [512, 512, 500, 200, 12, 112, 32, 768, 512, 33, 23, 93, 489, 326], [512, 512, 502, 142, 10, 176, 32, 512, 512, 8, 232, 90, 280, 280],
  [640, 960, 31, 368, 436, 12, 0, 512, 512, 1, 28, 153, 442, 442], [512, 512, 385, 0, 127, 118, 0, 768, 512, 16, 277, 0, 235, 157],
  [768, 512, 6, 508, 3, 4, 0, 1024, 576, 16, 0, 475, 65, 37], [1024, 768, 137, 762, 870, 6, 0, 1024, 576, 4, 127, 268, 890, 500],
  [512, 512, 143, 160, 6, 297, 64, 512, 768, 16, 0, 63, 299, 449], [512, 512, 0, 0, 360, 5, 256, 832, 1216, 4, 0, 0, 512, 512],
  [200, 133, 0, 126, 119, 7, 0, 1024, 576, 33, 0, 28, 187, 105], [1024, 768, 1020, 739, 4, 29, 256, 1024, 576, 8, 486, 465, 538, 303],
  [768, 512, 0, 31, 673, 171, 64, 1024, 576, 8, 0, 0, 757, 425], [768, 512, 160, 141, 507, 332, 64, 832, 1216, 4, 86, 0, 655, 512],
  [640, 960, 17, 591, 623, 2, 64, 832, 1216, 0, 0, 25, 640, 935], [97, 301, 0, 289, 16, 12, 4, 512, 512, 64, 0, 147, 97, 154],
  [1024, 768, 74, 0, 2, 11, 64, 832, 1216, 0, 10, 0, 130, 190], [200, 133, 196, 5, 4, 128, 0, 1024, 576, 0, 0, 5, 200, 128],
  [640, 960, 0, 239, 5, 721, 256, 512, 768, 64, 0, 0, 640, 960], [97, 301, 10, 174, 39, 127, 4, 1024, 576, 8, 0, 150, 97, 151],
  [768, 512, 534, 44, 151, 431, 0, 512, 512, 64, 256, 0, 512, 512], [200, 133, 192, 0, 8, 8, 32, 1024, 576, 0, 129, 0, 71, 40],
  [512, 512, 500, 222, 12, 7, 0, 768, 512, 64, 199, 121, 313, 209], [768, 512, 108, 0, 652, 417, 256, 1024, 576, 8, 0, 0, 768, 512],
  [97, 301, 0, 77, 24, 223, 4, 832, 1216, 4, 0, 63, 97, 238], [512, 512, 21, 367, 464, 145, 32, 640, 480, 0, 0, 128, 512, 384],
  [512, 512, 386, 0, 5, 49, 32, 1024, 576, 1, 314, 0, 149, 84], [97, 301, 89, 45, 8, 7, 64, 512, 512, 4, 0, 0, 97, 126],
  [200, 133, 63, 0, 113, 10, 64, 512, 512, 16, 0, 0, 200, 133], [200, 133, 6, 127, 182, 6, 4, 512, 512, 64, 0, 0, 200, 133],
  [512, 512, 511, 200, 1, 7, 4, 640, 480, 8, 455, 182, 57, 43], [200, 133, 0, 123, 3, 10, 64, 640, 480, 1, 0, 56, 102, 77],
  [1024, 768, 346, 84, 10, 521, 0, 832, 1216, 8, 161, 66, 381, 557], [97, 301, 3, 0, 58, 3, 64, 640, 480, 4, 0, 0, 97, 77],
  [640, 960, 630, 0, 10, 867, 0, 512, 512, 16, 0, 0, 640, 903], [200, 133, 0, 7, 31, 125, 4, 512, 512, 64, 0, 0, 189, 133],
  [200, 133, 25, 95, 11, 23, 0, 512, 512, 64, 0, 0, 181, 133], [640, 960, 631, 151, 9, 793, 32, 1024, 576, 33, 0, 48, 640, 912],
  [200, 133, 45, 0, 28, 7, 256, 1024, 576, 4, 0, 0, 200, 133], [512, 512, 332, 500, 180, 12, 4, 768, 512, 64, 196, 302, 316, 210],
  [640, 960, 530, 38, 5, 879, 0, 1024, 576, 4, 0, 29, 640, 897], [1024, 768, 0, 0, 945, 707, 0, 512, 768, 4, 0, 0, 955, 768],
  [97, 301, 0, 0, 5, 8, 64, 512, 768, 4, 0, 0, 79, 118], [1024, 768, 289, 331, 35, 9, 64, 1024, 576, 4, 167, 257, 279, 157],
  [768, 512, 0, 218, 699, 6, 64, 512, 512, 4, 0, 0, 768, 512], [200, 133, 0, 26, 103, 40, 0, 832, 1216, 4, 0, 0, 113, 133],
  [97, 301, 38, 293, 11, 8, 32, 512, 768, 8, 0, 156, 97, 145], [512, 512, 511, 77, 1, 435, 256, 512, 512, 0, 0, 0, 512, 512],
  [640, 960, 382, 0, 238, 10, 32, 832, 1216, 64, 223, 0, 417, 609], [200, 133, 0, 0, 10, 98, 4, 640, 480, 33, 0, 0, 177, 133],
  [200, 133, 34, 74, 151, 3, 64, 1024, 576, 4, 0, 0, 200, 133], [512, 512, 78, 510, 334, 2, 64, 832, 1216, 4, 5, 0, 480, 512],
  [512, 512, 0, 70, 5, 10, 4, 832, 1216, 8, 0, 48, 36, 54], [1024, 768, 524, 475, 500, 293, 4, 640, 480, 0, 520, 390, 504, 378],
  [200, 133, 150, 44, 4, 85, 64, 640, 480, 33, 6, 0, 194, 133], [1024, 768, 56, 304, 672, 328, 0, 640, 480, 4, 46, 209, 692, 519]
];

describe("the close-up of only masked", () => {
  test("it is the server's box, pixel by pixel", () => {
    expect(MADE_BY_THE_SERVER.length).toBe(60);
    for (const row of MADE_BY_THE_SERVER) {
      const [width, height, x, y, wide, high, padding, closeWidth, closeHeight, blur, ...box] = row as [
        number, number, number, number, number, number, number, number, number, number, ...number[],
      ];
      const found = guideBox(
        { x, y, width: wide, height: high }, { padding, aspect: closeWidth / closeHeight, blur }, { width, height },
      );
      expect([found.x, found.y, found.width, found.height], `row ${row.join(" ")}`).toEqual(box);
    }
  });

  test("it never leaves the document", () => {
    const size = { width: 300, height: 200 };
    for (const aspect of [0.1, 1, 10]) {
      const box = guideBox({ x: 290, y: 190, width: 40, height: 40 }, { padding: 500, aspect, blur: 64 }, size);
      expect(box).toEqual({ x: 0, y: 0, width: 300, height: 200 });
    }
  });

  test("a mark so faint that the blur takes it away keeps the box of the mark", () => {
    const size = { width: 512, height: 512 };
    const guide = { padding: 0, aspect: 1, blur: 64 };
    expect(guideBox({ x: 100, y: 100, width: 1, height: 1 }, guide, size)).toEqual({ x: 100, y: 100, width: 1, height: 1 });
  });

  test("without a mask inside the document it is the whole", () => {
    const guide = { padding: 8, aspect: 1, blur: 4 };
    expect(guideBox({ x: 900, y: 0, width: 4, height: 4 }, guide, { width: 64, height: 32 })).toEqual({
      x: 0, y: 0, width: 64, height: 32,
    });
  });
});

describe("the outline of the target", () => {
  test("it touches two sides and lies in the middle", () => {
    expect(proportionBox({ width: 512, height: 512 }, { width: 300, height: 200 })).toEqual({ x: 50, y: 0, width: 200, height: 200 });
    expect(proportionBox({ width: 1024, height: 512 }, { width: 200, height: 200 })).toEqual({ x: 0, y: 50, width: 200, height: 100 });
  });

  test("of the picture's own proportions it is the picture", () => {
    expect(proportionBox({ width: 640, height: 320 }, { width: 64, height: 32 })).toEqual({ x: 0, y: 0, width: 64, height: 32 });
  });
});
