import type { StoredDocument } from "@/canvas";

/** What the page must know of the picture of a document to go on with it. */
export interface KnownPicture {
  name: string;
  /** SHA-256 of the file the server keeps; null if it has none. */
  sha256: string | null;
  width: number;
  height: number;
  /** Result it came from. */
  parent: string | null;
  infotext: string | null;
  /** The picture as the server shows it; null for one that is only in the document. */
  shown: Blob | null;
}

/** A canvas as it is kept between visits, each window its own. */
export interface KeptCanvas {
  id: string;
  /** When it was kept, milliseconds since the epoch. */
  at: number;
  document: StoredDocument;
  picture: KnownPicture | null;
}

const DATABASE = "redraw";
const STORE = "canvas";
/** Windows whose canvas is kept; the oldest goes first. */
const MOST = 4;

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

async function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return asked(request);
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T>): Promise<T> {
  const database = await opened();
  try {
    const transaction = database.transaction(STORE, mode);
    const ended = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB"));
    });
    ended.catch(() => undefined); // told by the work itself, or below
    const found = await work(transaction.objectStore(STORE));
    await ended;
    return found;
  } finally {
    database.close();
  }
}

/** The name of this window, the same after a refresh. */
function windowId(): string {
  try {
    const known = sessionStorage.getItem("redraw/window");
    if (known !== null) return known;
    const made = Math.random().toString(36).slice(2);
    sessionStorage.setItem("redraw/window", made);
    return made;
  } catch {
    return "window";
  }
}

/** Keep this window's canvas, or forget it with null; rejects where the browser does not keep anything. */
export async function keepCanvas(canvas: Pick<KeptCanvas, "document" | "picture"> | null): Promise<void> {
  const id = windowId();
  await within("readwrite", async (store) => {
    if (canvas === null) {
      await asked(store.delete(id));
      return;
    }
    await asked(store.put({ ...canvas, id, at: Date.now() } satisfies KeptCanvas));
    const all = (await asked(store.getAll())) as KeptCanvas[];
    const old = all.sort((a, b) => b.at - a.at).slice(MOST);
    await Promise.all(old.map((one) => asked(store.delete(one.id))));
  });
}

/** Return this window's canvas, or for a new window the one that was kept last; null if there is none. */
export async function keptCanvas(): Promise<KeptCanvas | null> {
  const id = windowId();
  const all = (await within("readonly", (store) => asked(store.getAll()))) as KeptCanvas[];
  return all.find((one) => one.id === id) ?? all.sort((a, b) => b.at - a.at)[0] ?? null;
}
