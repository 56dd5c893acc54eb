/** An XMLHttpRequest made by hand that keeps what was uploaded. */
import { vi } from "vitest";

type Reply = { status: number; body: object } | "lost";

export class Uploads {
  readonly names: string[] = [];
  readonly texts: string[] = [];
  readonly heads: Record<string, string>[] = [];
  /** What the next uploads are answered with; by default a SHA-256 made of the name. */
  replies: Reply[] = [];

  install(): this {
    const kept = this; // eslint-disable-line @typescript-eslint/no-this-alias -- the class below is another one
    vi.stubGlobal(
      "XMLHttpRequest",
      class {
        status = 0;
        responseText = "";
        upload: { onprogress?: (event: object) => void } = {};
        onload: () => void = () => undefined;
        onerror: () => void = () => undefined;
        onabort: () => void = () => undefined;
        private readonly head: Record<string, string> = {};
        open(): void {
          kept.heads.push(this.head);
        }
        setRequestHeader(name: string, value: string): void {
          this.head[name] = value;
        }
        abort(): void {
          this.onabort();
        }
        send(form: FormData): void {
          void this.answer(form.get("file") as File);
        }
        private async answer(file: File): Promise<void> {
          kept.names.push(file.name);
          kept.texts.push(await file.text());
          this.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 2 });
          const reply = kept.replies.shift() ?? { status: 201, body: received(file.name) };
          if (reply === "lost") {
            this.onerror();
            return;
          }
          this.status = reply.status;
          this.responseText = JSON.stringify(reply.body);
          this.onload();
        }
      },
    );
    return this;
  }
}

function received(name: string): object {
  return { sha256: `sha-${name}`, name, format: "PNG", width: 64, height: 48, size: 9, infotext: `info of ${name}`, parameters: null, recipe: null, notes: [], links: {} };
}

/** A file that begins like a PNG of some size. */
export function pngFile(name: string, width = 64, height = 48): File {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x89504e47);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return new File([bytes], name, { type: "image/png" });
}
