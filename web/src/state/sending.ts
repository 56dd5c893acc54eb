import { answer, api, OWN_PAGE, pause as waitFor } from "@/api/client";
import type { Job, Kind, Result } from "@/api/types";
import { uploadPicture } from "@/api/upload";
import { translate } from "@/i18n";
import { form, kindOf, requestFields } from "./form";
import { PICTURES } from "./form-groups";
import { jobs, move, noteSent, overIds } from "./jobs";
import { ApiError, notify, report } from "./notices";
import { checkFile } from "./picture-file";
import { forgetFiles, pictureFields, source } from "./source";

/** A job as it is sent. */
interface Wanted {
  kind: Kind;
  request: Record<string, unknown>;
  parent: string | null;
}

/** How often a job is sent whose answer got lost. */
const TRIES = 3;
const FIRST_WAIT = 400;

/** A name for one press of the button: the same job is never made twice, however often it is sent. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Send a job; a lost answer is asked for again under the same key. Throws `ApiError`. */
async function submit({ kind, request, parent }: Wanted, key = newKey()): Promise<Job> {
  const options = { ...form.options, outputs: [...form.options.outputs] };
  const body = { kind, request, parent, source: "web", options };
  for (let tried = 1; ; tried += 1) {
    try {
      const headers = { ...OWN_PAGE, "Idempotency-Key": key };
      return await answer(api.POST("/api/v1/jobs", { body: body as never, headers, params: { header: { "idempotency-key": key } } }));
    } catch (error) {
      if (!(error instanceof ApiError) || !error.lost || tried === TRIES) throw error;
      await waitFor(FIRST_WAIT * 2 ** (tried - 1));
    }
  }
}

/** Send a job made of form and canvas. What the server has lost meanwhile (a file, the parent) is seen to, once. */
async function submitForm(): Promise<Job> {
  const kind = kindOf(form.mode);
  const wanted = async (): Promise<Wanted> => {
    const [fields, pictures] = [await requestFields(), await pictureFields()];
    return { kind, request: { ...fields, ...pictures }, parent: kind === "img2img" ? source.parent : null };
  };
  const first = await wanted();
  try {
    return await submit(first);
  } catch (error) {
    const { field = "", status = 0, detail = "" } = error instanceof ApiError ? error.problem : {};
    if (status !== 422) throw error;
    if (field === "parent") return submit({ ...first, parent: null });
    if (!PICTURES.has(field ?? "") || !detail.includes("SHA-256")) throw error;
    forgetFiles();
    return submit(await wanted());
  }
}

let sending = 0;

/** Do something that sends jobs; null (reported) if it fails. */
async function whileSending<T>(work: () => Promise<T>): Promise<T | null> {
  jobs.sending = true;
  sending += 1;
  try {
    return await work();
  } catch (error) {
    report(error);
    return null;
  } finally {
    sending -= 1;
    jobs.sending = sending > 0;
  }
}

/** Send a job made of form and canvas; null if it was refused (reported). `front`: it comes before all others. */
export async function generate({ front = false }: { front?: boolean } = {}): Promise<Job | null> {
  const job = await whileSending(submitForm);
  if (!job) {
    jobs.forever = false;
    return null;
  }
  noteSent(job);
  if (jobs.forever && overIds.has(job.id)) void generate();
  if (front && jobs.line.some((one) => one.id !== job.id)) await move(job.id, { to: "front" });
  return job;
}

/** Run the job a result came from again: the same request, with another seed if asked. */
export async function rerun(result: Result, newSeed: boolean): Promise<Job | null> {
  const again = await whileSending(async () => {
    const job = await answer(api.GET("/api/v1/jobs/{id}", { params: { path: { id: result.job } } }));
    const drawn = newSeed ? { seed: -1, variation_seed: -1 } : {};
    return submit({ kind: job.kind === "txt2img" ? "txt2img" : "img2img", request: { ...job.request, ...drawn }, parent: job.parent });
  });
  if (again) noteSent(again);
  return again;
}

/** One file of a batch. */
export interface BatchEntry {
  file: File;
  mask: File | null;
  /** Fields from its own PNG info that go over those of the form. */
  fields: Record<string, unknown>;
}

/** Files of a batch that are sent at once. */
const AT_ONCE = 3;

/** Send one job for each of several files (batch), with masks by stem if given; `told` hears how many are done. Returns how many
 * were accepted; the others are reported together. A full queue, a lost server or a login that ended stops the rest. */
export async function generateBatch(entries: BatchEntry[], told: (done: number) => void): Promise<number> {
  const failed: string[] = [];
  let accepted = 0;
  let done = 0;
  const fields = await whileSending(requestFields);
  if (!fields) return 0;
  const left = [...entries];
  const worker = async (): Promise<void> => {
    for (let entry = left.shift(); entry; entry = left.shift()) {
      try {
        noteSent(await submit(await entryJob(entry, fields)));
        accepted += 1;
      } catch (error) {
        if (!(error instanceof ApiError) || error.lost || [401, 429, 503, 507].includes(error.problem.status)) {
          left.length = 0;
          throw error;
        }
        failed.push(`${entry.file.name}: ${error.problem.detail}`);
      }
      done += 1;
      told(done);
    }
  };
  await whileSending(() => Promise.all(Array.from({ length: AT_ONCE }, worker)));
  if (failed.length > 0) tellFailed(failed);
  return accepted;
}

const TOLD_AT_MOST = 5;

function tellFailed(failed: readonly string[]): void {
  const rest = failed.length > TOLD_AT_MOST ? ["…"] : [];
  const detail = [...failed.slice(0, TOLD_AT_MOST), ...rest].join("\n");
  notify({ kind: "error", title: translate("notice.batch.refused", { count: failed.length }, failed.length), detail });
}

async function entryJob({ file, mask, fields: own }: BatchEntry, shared: Record<string, unknown>): Promise<Wanted> {
  const fields = Object.fromEntries(Object.entries({ ...shared, ...own }).filter(([name]) => !PICTURES.has(name)));
  // Without a mask there is nothing to look at closely, and the server would refuse it; a size and a factor exclude each other.
  if (!mask) delete fields.only_masked;
  if ("width" in own || "height" in own) delete fields.scale;
  if ("scale" in own) ["width", "height"].forEach((name) => Reflect.deleteProperty(fields, name));
  const [image, masking] = await Promise.all([stored(file), mask ? stored(mask) : null]);
  return { kind: "img2img", request: { ...fields, images: [image], ...(masking && { mask: masking }) }, parent: null };
}

async function stored(file: File): Promise<{ sha256: string; name: string }> {
  await checkFile(file, file.name);
  return { sha256: (await uploadPicture(file, file.name)).sha256, name: file.name.slice(0, 200) };
}
