import { chooseFile } from "@/shared/files";
import { report } from "@/state/notices";
import { openMask } from "@/state/source";

/** Ask for a picture and load it as the mask. */
export async function loadMaskFrom(): Promise<void> {
  const file = await chooseFile();
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
