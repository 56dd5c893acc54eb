import { reactive } from "vue";

/** What is dragged over the stage. */
export interface Dragged {
  /** Something is over the stage right now. */
  over: boolean;
  /** Number of files, 0 if it is text or unknown. */
  files: number;
}

/** What a drop can mean. */
export type DropWish = "open" | "layer" | "mask" | "batch";

/** Follow drags over an element. Enters and leaves of children are counted, and a drag that ends anywhere else is noticed. */
export function followDrags(): { dragged: Dragged; enter: (event: DragEvent) => void; leave: () => void; reset: () => void } {
  const dragged: Dragged = reactive({ over: false, files: 0 });
  let depth = 0;
  const reset = (): void => {
    depth = 0;
    dragged.over = false;
  };
  return {
    dragged,
    enter(event) {
      if (!carriesFiles(event.dataTransfer)) return;
      depth += 1;
      dragged.over = true;
      dragged.files = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === "file").length;
    },
    leave() {
      depth = Math.max(0, depth - 1);
      if (depth === 0) dragged.over = false;
    },
    reset,
  };
}

/** Whether a drag brings files (a picture of another page counts: browsers give it as a file). */
export function carriesFiles(transfer: DataTransfer | null): boolean {
  return transfer !== null && [...transfer.types].includes("Files");
}

/** Whether a file may be a picture. Names decide where the browser knows no type. */
export function maybePicture(file: File): boolean {
  if (file.type !== "") return file.type.startsWith("image/");
  return /\.(png|jpe?g|webp|avif|tiff?|bmp|gif|heic|heif|jxl)$/i.test(file.name);
}
