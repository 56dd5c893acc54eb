/** Beginnings of what programs write parameters under: PNG text chunks, and EXIF comments in two spellings. */
const MARKS = ["parameters\0", "Steps: ", "S\0t\0e\0p\0s\0:\0", "\0S\0t\0e\0p\0s\0:", "prompt\0"];

/** Whether a picture file seems to carry parameters, so that only those are sent to the server to be read. */
export async function mayHaveParameters(file: Blob): Promise<boolean> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return MARKS.some((mark) => contains(bytes, mark));
}

function contains(bytes: Uint8Array, mark: string): boolean {
  const wanted = Uint8Array.from(mark, (letter) => letter.charCodeAt(0));
  const first = wanted[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
