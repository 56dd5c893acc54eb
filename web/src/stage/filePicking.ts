import { report } from "@/state/notices";
import { openMask } from "@/state/source";

/** What file dialogs offer for pictures; names too, for systems that know some formats by name only. */
const PICTURES = "image/*,.png,.jpg,.jpeg,.webp,.avif,.tif,.tiff,.bmp,.gif,.heic,.heif";

/** Let the person choose files; an empty list if none were chosen. `folder`: everything inside of one. */
export function chooseFiles(options: { multiple?: boolean; folder?: boolean } = {}): Promise<File[]> {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = PICTURES;
  input.multiple = options.multiple ?? false;
  if (options.folder) input.webkitdirectory = true;
  return new Promise((resolve) => {
    input.addEventListener("change", () => resolve([...(input.files ?? [])]));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

/** Ask for a picture and load it as the mask. */
export async function loadMaskFrom(): Promise<void> {
  const [file] = await chooseFiles();
  if (file) await useMaskFile(file);
}

/** Load a file as the mask; what goes wrong is reported. */
export async function useMaskFile(file: File): Promise<void> {
  try {
    await openMask(file);
  } catch (error) {
    report(error);
  }
}
