import { setValue, value } from "./form";
import { putTag, putWord, spelled, tagsIn, takeSpan, weighTag, weighWord, wordIn } from "./network-tags";
import { nameOf, networkOf, networks } from "./networks";
import type { Network } from "./networks";

/** Which of both prompts. */
export type Side = "prompt" | "negative_prompt";

const SIDES: readonly Side[] = ["prompt", "negative_prompt"];

/** A network in a prompt, where it stands and how strong it is. */
export interface Used {
  network: Network;
  side: Side;
  weight: number;
  /** A LoRA's own strength for the UNet, null where it is the same. */
  unet: number | null;
}

const KINDS = { lora: "lora", hypernet: "hypernetwork" } as const;

/** Return the networks that the prompts call: those with tags in the order of the text, then embeddings; tags count in the prompt
 * only, and of several for one network the first. */
export function usedNetworks(): Used[] {
  const tagged = new Map<Network, Used>();
  for (const { kind, name, weight, unet } of tagsIn(promptText("prompt"))) {
    const network = networkOf(KINDS[kind], name);
    if (network && !tagged.has(network)) tagged.set(network, { network, side: "prompt", weight, unet });
  }
  const embeddings = networks.list.filter((one) => one.kind === "embedding");
  return [...tagged.values(), ...embeddings.flatMap((network) => SIDES.flatMap((side) => wordOn(network, side)))];
}

function wordOn(network: Network, side: Side): Used[] {
  const found = wordIn(promptText(side), nameOf(network));
  return found ? [{ network, side, weight: found.weight, unet: null }] : [];
}

function promptText(side: Side): string {
  const now = value(side);
  return typeof now === "string" ? now : "";
}

function tagOf(network: Network): ReturnType<typeof tagsIn>[number] | undefined {
  return tagsIn(promptText("prompt")).find((tag) => networkOf(KINDS[tag.kind], tag.name) === network);
}

/** Put a network into a prompt with the strength its maker recommends, or take it out if it is there. */
export function toggleNetwork(network: Network, side: Side): void {
  const text = promptText(side);
  const found = network.kind === "embedding" ? wordIn(text, nameOf(network)) : tagOf(network);
  if (found) setValue(side, takeSpan(text, found));
  else if (network.kind === "embedding") setValue(side, putWord(text, network.prompt));
  else setValue(side, putTag(text, network.prompt.replace(/:1>$/, `:${spelled(network.weight === 0 ? 1 : network.weight)}>`)));
}

/** Give a network in a prompt another strength. */
export function weighNetwork({ network, side }: Pick<Used, "network" | "side">, weight: number): void {
  const text = promptText(side);
  if (network.kind === "embedding") {
    const word = wordIn(text, nameOf(network));
    if (word) setValue(side, weighWord(text, word, weight));
  } else {
    const tag = tagOf(network);
    if (tag) setValue(side, weighTag(text, tag, weight));
  }
}

/** Whether words are in a prompt. */
export function hasWords(words: string, side: Side): boolean {
  return wordIn(promptText(side), words) !== null;
}

/** Put words into a prompt, or take them out if they are there. */
export function toggleWords(words: string, side: Side): void {
  const text = promptText(side);
  const found = wordIn(text, words);
  setValue(side, found ? takeSpan(text, found) : putWord(text, words));
}
