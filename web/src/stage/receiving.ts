import { notify } from "@/state/notices";
import { form } from "@/state/form";
import { openFile, pasteFile } from "@/state/source";
import { translate } from "@/i18n";
import { addBatchFiles } from "./batchList";
import type { DropWish } from "./dropping";
import { useMaskFile } from "./filePicking";
import { filesOf } from "./folders";

/** Do with a drop what was wished. Several files go to the batch, whatever was wished; text is explained. */
export async function receiveDrop(event: DragEvent, wish: DropWish): Promise<void> {
  const files = await filesOf(event.dataTransfer);
  const [first] = files;
  if (!first) {
    notify({ kind: "info", title: translate("stage.drop.nothing"), detail: translate("stage.drop.nothingHint") });
  } else if (files.length > 1 || wish === "batch") {
    toBatch(files);
  } else if (wish === "mask") {
    await useMaskFile(first);
  } else if (wish === "layer") {
    await pasteFile(first);
  } else {
    await openFile(first);
  }
}

function toBatch(files: readonly File[]): void {
  const count = addBatchFiles(files);
  const before = form.mode;
  form.mode = "batch";
  notify({
    kind: count > 0 ? "good" : "warn",
    title: translate("stage.drop.batched", { count }),
    actions: before === "batch" ? [] : [{ label: translate("stage.drop.backToMode"), run: () => (form.mode = before) }],
  });
}
