import { ApiError, localError } from "@/api/problem";
import { translate } from "@/i18n";
import { library } from "./library";

/** What the first bytes of a file say: its kind, and width and height in pixels where they are told there. */
export interface Sniffed {
  kind: string;
  size: [number, number] | null;
}

/** Bytes that are looked at. JPEG tells its size after its metadata, which may be long. */
const HEAD = 256 * 1024;

const text = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

/** Say what kind of picture a file begins like; null if of none the server takes. */
function sniff(bytes: Uint8Array): Sniffed | null {
  if (bytes.length < 12) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const has = (length: number): boolean => bytes.length >= length;
  if (view.getUint32(0) === 0x89504e47) {
    return { kind: "PNG", size: has(24) ? [view.getUint32(16), view.getUint32(20)] : null };
  }
  if (view.getUint16(0) === 0xffd8) return { kind: "JPEG", size: jpegSize(view) };
  if (/^GIF8[79]a/.test(text(bytes, 0, 6))) return { kind: "GIF", size: [view.getUint16(6, true), view.getUint16(8, true)] };
  if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP") return { kind: "WEBP", size: webpSize(view) };
  if (text(bytes, 0, 2) === "BM" && has(26)) {
    return { kind: "BMP", size: [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))] };
  }
  if (/^(II\*\0|MM\0\*)/.test(text(bytes, 0, 4))) return { kind: "TIFF", size: null };
  if (text(bytes, 4, 8) !== "ftyp") return null;
  const brands = text(bytes, 8, Math.min(bytes.length, 40));
  if (/avi[fs]/.test(brands)) return { kind: "AVIF", size: null };
  return /hei[cxms]|hev[cx]|mif1|msf1/.test(brands) ? { kind: "HEIC", size: null } : null;
}

function jpegSize(view: DataView): [number, number] | null {
  for (let at = 2; at + 9 < view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

function webpSize(view: DataView): [number, number] | null {
  if (view.byteLength < 30) return null;
  const u24 = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (view.getUint8(15)) {
    case 0x58: // VP8X
      return [u24(24) + 1, u24(27) + 1];
    case 0x4c: {
      const bits = view.getUint32(21, true); // VP8L
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    }
    default:
      return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  }
}

/** Throw `ApiError` for a file the server would refuse: too many bytes, no picture, too many pixels. Nothing is sent for it. */
export async function checkFile(file: Blob, name: string): Promise<void> {
  const { upload, pixels } = library.limits;
  if (file.size > upload) throw tooLarge(translate("notice.large.bytes", { size: Math.ceil(file.size / (1024 * 1024)) }));
  const found = sniff(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()));
  if (!found) throw localError("unsupported type", translate("notice.picture.kind", { name }), null, 415);
  if (found.size && found.size[0] * found.size[1] > pixels) {
    throw tooLarge(translate("notice.large.pixels", { width: found.size[0], height: found.size[1] }));
  }
}

function tooLarge(detail: string): ApiError {
  return localError("too large", detail, null, 413);
}

/** Decode the server's copy of a picture, its numbers as they are; throws `ApiError` if the browser cannot. */
export async function decode(blob: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw localError(translate("notice.picture.title"), translate("notice.picture.unreadable"));
  }
}
