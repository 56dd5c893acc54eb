import { Blocks, Dices, FastForward, Infinity as Forever, Pause, Play, SkipForward, Square } from "@lucide/vue";
import { batch } from "@/state/batch";
import { openDialog } from "@/state/dialogs";
import { form, setValue, value } from "@/state/form";
import { generate, hold, interrupt, jobs, skip } from "@/state/jobs";
import type { Action } from "./types";

const works = (): boolean => jobs.running !== null;

/** Making pictures and steering the queue. */
export const generateActions: readonly Action[] = [
  {
    name: "generate.start",
    group: "generate",
    shortcut: "Ctrl+Enter",
    icon: Play,
    enabled: () => true,
    run: async () => {
      if (form.mode === "batch") await batch.start?.();
      else await generate();
    },
  },
  {
    name: "generate.front",
    group: "generate",
    shortcut: "Ctrl+Shift+Enter",
    icon: FastForward,
    enabled: () => true,
    run: async () => {
      await generate({ front: true });
    },
  },
  {
    name: "generate.forever",
    group: "generate",
    shortcut: null,
    icon: Forever,
    enabled: () => true,
    active: () => jobs.forever,
    run: async () => {
      jobs.forever = !jobs.forever;
      if (jobs.forever && jobs.mine === null) await generate();
    },
  },
  { name: "generate.skip", group: "generate", shortcut: "Alt+Enter", icon: SkipForward, enabled: works, run: () => skip() },
  { name: "generate.interrupt", group: "generate", shortcut: "Escape", icon: Square, enabled: works, run: () => interrupt() },
  {
    name: "generate.hold",
    group: "generate",
    shortcut: null,
    icon: Pause,
    enabled: () => true,
    active: () => jobs.held,
    run: () => hold(!jobs.held),
  },
  {
    name: "generate.randomSeed",
    group: "generate",
    shortcut: null,
    icon: Dices,
    enabled: () => value("seed") !== -1,
    run: () => setValue("seed", -1),
  },
  { name: "generate.networks", group: "generate", shortcut: null, icon: Blocks, enabled: () => true, run: () => openDialog("networks") },
];
