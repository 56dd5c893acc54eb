import { watchEffect } from "vue";
import { actions } from "./actions";
import { receive } from "./actions/file";
import { actionFor, takesText } from "./actions/keys";
import { startLayout } from "./state/layout";
import { startAttention, waitsForResult } from "./state/attention";
import { closeDialog, openDialog } from "./state/dialogs";
import { startForm } from "./state/form";
import { jobs, startJobs } from "./state/jobs";
import { loadLibrary } from "./state/library";
import { report } from "./state/notices";
import { preferences, startPreferences } from "./state/preferences";
import { addResult, recallResults } from "./state/results";
import { engine, openExample, source, startSource } from "./state/source";

/** Begin everything that is not drawn: what was kept, the server's events, keys, paste and drop, the page's title.
 * `window.redraw` is the door for user scripts (and tests): the canvas, and everything that can be done. */
export function start(): void {
  Object.defineProperty(window, "redraw", { value: { engine, actions } });
  startPreferences();
  startLayout();
  startForm();
  startJobs((result, job) => addResult(result, job?.source === "web" && waitsForResult()));
  startAttention();
  listen();
  watchEffect(() => (document.title = title()));
  begin().catch((error: unknown) => report(error));
}

async function begin(): Promise<void> {
  await Promise.all([loadLibrary().then(recallResults), startSource()]);
  if (preferences.tourSeen) return;
  if (source.name === null) await openExample();
  openDialog("tour");
}

function title(): string {
  const { progress } = jobs;
  if (progress === null) return source.name === null ? "Redraw" : `${source.name} – Redraw`;
  const left = progress.remaining === null ? "" : ` ETA: ${Math.ceil(progress.remaining)}s`;
  return `[${Math.floor(progress.fraction * 100)}%${left}] Redraw`;
}

function listen(): void {
  document.addEventListener("keydown", (event) => {
    const found = actionFor(event, actions);
    if (found === undefined) return;
    event.preventDefault();
    if (found.name !== "help.palette") closeDialog();
    Promise.resolve(found.run()).catch((error: unknown) => report(error));
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (file === undefined || event.defaultPrevented) return;
    if (takesText(event.target) && event.clipboardData?.getData("text/plain")) return;
    event.preventDefault();
    receive(file).catch((error: unknown) => report(error));
  });
  for (const kind of ["dragover", "drop"] as const) {
    document.addEventListener(kind, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); // a drop beside a target does not leave the page
    });
  }
}
