/** Names for the parts of the generated schema that the page speaks of. */
import type { components } from "./schema";

type Schemas = components["schemas"];

/** A job of the queue. */
export type Job = Schemas["JobOut"];
/** A finished picture. */
export type Result = Schemas["ResultOut"];
/** One field of a request, as a form shows it. */
export type Field = Schemas["FieldOut"];
/** An error, RFC 9457 problem data. */
export type Problem = Schemas["ProblemOut"];
/** A checkpoint. */
export type Model = Schemas["ModelOut"];
/** Something with a name; its label goes into requests. */
export type Named = Schemas["NameOut"];
/** What a job does. */
export type Kind = "img2img" | "txt2img";

/** What the server says of a picture it was given. */
export type Received = Schemas["PictureOut"];

/** A saved piece of prompt. */
export interface Style {
  name: string;
  prompt: string;
  negative_prompt: string;
}

/** What a picture or an infotext says, as fields of our request. */
export interface Readback {
  kind: Kind;
  request: Record<string, unknown>;
  unknown: Record<string, unknown>;
  notes: string[];
}

/** How far the job at work is. Fractions 0..1, seconds. */
export interface Progress {
  stage: string;
  image: number;
  images: number;
  step: number;
  steps: number;
  fraction: number;
  elapsed: number;
  remaining: number | null;
}
