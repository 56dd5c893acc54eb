import { Eye, Fullscreen, Layers, Maximize, ZoomIn, ZoomOut } from "@lucide/vue";
import type { Component } from "vue";
import type { Engine } from "@/canvas";
import { canvasFact, fitStage, zoomBy, zoomTo } from "@/stage";
import { layout, rightIsOpen, shownPanel, showPanel } from "@/state/layout";
import { preferences } from "@/state/preferences";
import { engine } from "@/state/source";
import type { Action } from "./types";

const isOpen = (): boolean => canvasFact((canvas) => canvas.size !== null);

function onView(name: string, shortcut: string, icon: Component | null, run: (canvas: Engine) => void): Action {
  return { name, group: "view", shortcut, icon, enabled: isOpen, run: () => run(engine()) };
}

/** How the picture is looked at, and what is around it. */
export const viewActions: readonly Action[] = [
  onView("view.fit", "0", Maximize, fitStage),
  onView("view.whole", "1", null, (canvas) => zoomTo(canvas, 1)),
  onView("view.zoomIn", "+", ZoomIn, (canvas) => zoomBy(canvas, 1.25)),
  onView("view.zoomOut", "-", ZoomOut, (canvas) => zoomBy(canvas, 1 / 1.25)),
  {
    name: "view.layers",
    group: "view",
    shortcut: "Shift+L",
    icon: Layers,
    enabled: () => true,
    active: () => rightIsOpen() && shownPanel() === "layers",
    run: () => showPanel("layers"),
  },
  {
    name: "view.panels",
    group: "view",
    shortcut: "F",
    icon: Fullscreen,
    enabled: () => true,
    active: () => preferences.leftHidden && preferences.rightHidden,
    run: () => {
      const hide = !(preferences.leftHidden && preferences.rightHidden);
      preferences.leftHidden = hide;
      preferences.rightHidden = hide;
      layout.drawer = false;
    },
  },
  {
    name: "view.previews",
    group: "view",
    shortcut: null,
    icon: Eye,
    enabled: () => true,
    active: () => preferences.previews,
    run: () => {
      preferences.previews = !preferences.previews;
    },
  },
];
