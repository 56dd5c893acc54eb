/** What file dialogs offer for pictures; names too, for systems that know some formats by name only. */
const PICTURES = "image/*,.png,.jpg,.jpeg,.webp,.avif,.tif,.tiff,.bmp,.gif,.heic,.heif";

/** Milliseconds until the address of a saved file is given up: by then the browser has begun to write it. */
const SAVED = 10_000;

/** Let the person choose files in the browser's own dialog, pictures if nothing else is accepted; an empty list if none were chosen.
 * `folder`: everything inside of one. */
export function chooseFiles(options: { accept?: string; multiple?: boolean; folder?: boolean } = {}): Promise<File[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = options.accept ?? PICTURES;
  input.multiple = options.multiple ?? false;
  if (options.folder) input.webkitdirectory = true;
  return new Promise((resolve) => {
    input.addEventListener("change", () => resolve([...(input.files ?? [])]));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

/** Let the person choose one file; null if they changed their mind. */
export async function chooseFile(accept?: string): Promise<File | null> {
  const [file] = await chooseFiles({ accept });
  return file ?? null;
}

/** Have the browser save a file: its bytes, or its address on our server. */
export function saveFile(content: Blob | string, name: string): void {
  const link = document.createElement("a");
  link.href = typeof content === "string" ? content : URL.createObjectURL(content);
  link.download = name;
  link.click();
  if (typeof content !== "string") setTimeout(() => URL.revokeObjectURL(link.href), SAVED);
}
