import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fieldOf, library, loadLibrary, removeStyle, saveStyle } from "@/state/library";
import { notices } from "@/state/notices";
import { preferences, startPreferences } from "@/state/preferences";
import { KEY } from "@/state/kept";
import { libraryServer } from "./schema";
import { problem } from "./server";

beforeEach(() => {
  notices.splice(0);
  library.loaded = false;
  localStorage.clear();
});
afterEach(() => {
  vi.useRealTimers();
});

it("loads what the server offers, with its defaults and limits", async () => {
  libraryServer().install();
  await loadLibrary();
  expect(library.loaded).toBe(true);
  expect([library.defaults.img2img.steps, library.limits.pixels, library.styles[0]?.name]).toEqual([12, 64_000_000, "ink"]);
  expect(fieldOf("img2img", "strength")?.default).toBe(0.75);
  expect(fieldOf("txt2img", "strength")).toBeUndefined();
});

it("tries again while the server starts, says so once, and takes the message away", async () => {
  vi.useFakeTimers();
  let calls = 0;
  libraryServer()
    .on("GET /models", () => {
      calls += 1;
      if (calls < 3) return "lost";
      return calls === 3 ? { status: 503, body: problem(503, "not ready", "soon") } : { body: [] };
    })
    .install();
  const loaded = loadLibrary();
  await vi.advanceTimersByTimeAsync(1600);
  expect(notices.map((one) => one.title)).toEqual(["Waiting for the server to start"]);
  await vi.advanceTimersByTimeAsync(5000);
  await loaded;
  expect([library.loaded, calls, notices.length]).toEqual([true, 4, 0]);
});

it("saves and removes styles and shows the server's list", async () => {
  const server = libraryServer().on("PUT /styles/*", {}).on("DELETE /styles/*", () => ({ status: 204 })).install();
  await saveStyle({ name: "a/b", prompt: "x", negative_prompt: "" });
  expect(server.sent[0]?.path).toBe("/styles/a%2Fb");
  await removeStyle("ink");
  expect(server.to("DELETE /styles/ink")).toHaveLength(1);
  expect(notices).toEqual([]);
});

it("takes kept preferences over as far as they are right, and follows theme and language", async () => {
  const kept = { theme: "dark", locale: "ja", shown: [3], tint: "red", tintOpacity: 0.2, rightTab: "moon", previews: false };
  localStorage.setItem(KEY, JSON.stringify({ preferences: kept }));
  startPreferences();
  expect(preferences).toMatchObject({ theme: "dark", locale: "ja", shown: [], tint: "#ff3d7f", tintOpacity: 0.2 });
  expect(preferences).toMatchObject({ rightTab: "results", previews: false });
  expect(document.documentElement.dataset.theme).toBe("dark");
  preferences.theme = "light";
  expect(document.documentElement.dataset.theme).toBe("light");
  await vi.waitFor(() => expect(document.documentElement.lang).toBe("ja"));
  preferences.locale = "en";
});
