import { describe, expect, test } from "vitest";
import { mismatches } from "@/panels/form/brackets";
import { parsed, portion, spelled, stepped } from "@/shared/numbers";
import { parseSeed, seedsOf } from "@/panels/form/seeds";
import { GREATEST, digits, wholeStepped } from "@/shared/whole";
import { otherSide, parseSize, reshaped, scaled, shapeOf } from "@/panels/form/sizes";

describe("a bracket without a partner", () => {
  test.each([
    ["(a) [b]", ""],
    ["(a", "(0"],
    ["a)", ")1"],
    ["([a)]", "[1]4"],
    ["\\(a", ""],
    ["a < b, ((c)", "(7"],
  ])("is found in %s", (text, found) => {
    expect(mismatches(text).map((one) => `${one.bracket}${one.at}`).join("")).toBe(found);
  });
});

describe("a number", () => {
  test.each([["7", 7], [" 7,5 ", 7.5], [".5", 0.5], ["-1", -1], ["", null], ["7x", null], ["1e3", null], ["5.", 5]])(
    "typed as %j is %j", (text, value) => {
      expect(parsed(text)).toBe(value);
    },
  );

  test("steps without the dust of floating point and stays inside its bounds", () => {
    expect(stepped(0.1, 2, 0.1, 0, 1)).toBe(0.3);
    expect(stepped(0.75, 1, 0.01, 0, 1)).toBe(0.76);
    expect(stepped(1, 1, 0.01, 0, 1)).toBe(1);
    expect(spelled(0.1 + 0.2, 0.01)).toBe("0.3");
  });

  test("beyond the slider lies at its end", () => {
    expect(portion(500, [1, 150, 1])).toBe(1);
    expect(portion(75.5, [1, 150, 1])).toBe(0.5);
  });
});

describe("a size", () => {
  test.each([
    ["768x512", { width: 768, height: 512 }],
    [" 768 × 512 ", { width: 768, height: 512 }],
    ["768*512", { width: 768, height: 512 }],
    ["768 X 512px", { width: 768, height: 512 }],
    ["768", null],
    ["0x512", null],
    ["99999x1", null],
    ["a768x512", null],
  ])("is read from %j", (text, size) => {
    expect(parseSize(text)).toEqual(size);
  });

  test("keeps its shape, its area and blocks of 8", () => {
    expect(otherSide("width", 768, 1.5)).toBe(512);
    expect(otherSide("height", 500, 1.5)).toBe(752);
    expect(reshaped({ width: 512, height: 512 }, [16, 9])).toEqual({ width: 680, height: 384 });
    expect(scaled({ width: 333, height: 100 }, 0.5)).toEqual({ width: 167, height: 50 });
    expect(shapeOf({ width: 768, height: 512 })).toBe("3:2");
    expect(shapeOf({ width: 1850, height: 1000 })).toBe("1.85:1");
  });
});

describe("a seed", () => {
  test.each([
    ["42", 42],
    ["", -1],
    ["-1", -1],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", "9007199254740993"],
    ["18446744073709551615", "18446744073709551615"],
    ["18446744073709551616", null],
    ["-2", null],
    ["1.5", null],
    ["cat", null],
  ])("typed as %j is %j", (text, seed) => {
    expect(parseSeed(text)).toBe(seed);
  });

  test("steps by one beyond what numbers hold", () => {
    expect(wholeStepped("18446744073709551614", 1, -1n, GREATEST)).toBe("18446744073709551615");
    expect(wholeStepped("18446744073709551615", 1, -1n, GREATEST)).toBe("18446744073709551615");
    expect(wholeStepped(9007199254740991, 1, -1n, GREATEST)).toBe("9007199254740992");
    expect(wholeStepped(-1, -1, -1n, GREATEST)).toBe(-1);
    expect(digits(7)).toBe("7");
  });

  test("of a result keeps all its digits", () => {
    const infotext = "a cat, Seed: 5\nNegative prompt: x\nSteps: 20, Seed: 18446744073709551615, Variation seed: 12, Size: 512x512";
    expect(seedsOf({ seed: 1.8446744073709552e19, infotext })).toEqual({ seed: "18446744073709551615", variation: 12 });
    expect(seedsOf({ seed: 7, infotext: "" })).toEqual({ seed: 7, variation: null });
  });
});
