import { setValue, value } from "./form";
import { putTag, putWord, spelled, tagsIn, takeSpan, weighTag, weighWord, wordIn } from "./network-tags";
import { nameOf, networkOf, networks } from "./networks";
import type { Network } from "./networks";

/** Which of both prompts. */
export type Side = "prompt" | "negative_prompt";

/** A network in a prompt, where it stands and how strong it is. */
export interface Used {
  network: Network;
  side: Side;
  weight: number;
  /** A LoRA's own strength for the UNet, null where it is the same. */
  unet: number | null;
}

/** Return the networks that the prompts call, in the order of the list; LoRAs and hypernetworks count in the prompt only. */
export function usedNetworks(): Used[] {
  return networks.list.flatMap((network) => sidesOf(network).flatMap((side) => usedOn(network, side)));
}

function usedOn(network: Network, side: Side): Used[] {
  const found = network.kind === "embedding" ? wordIn(promptText(side), nameOf(network)) : tagOf(network);
  if (!found) return [];
  return [{ network, side, weight: found.weight, unet: network.kind === "embedding" ? null : (tagOf(network)?.unet ?? null) }];
}

function promptText(side: Side): string {
  const now = value(side);
  return typeof now === "string" ? now : "";
}

function sidesOf(network: Network): Side[] {
  return network.kind === "embedding" ? ["prompt", "negative_prompt"] : ["prompt"];
}

function tagOf(network: Network): ReturnType<typeof tagsIn>[number] | undefined {
  const kinds = { lora: "lora", hypernet: "hypernetwork" } as const;
  return tagsIn(promptText("prompt")).find((tag) => networkOf(kinds[tag.kind], tag.name) === network);
}

/** Put a network into a prompt with the strength its maker recommends, or take it out if it is there. */
export function toggleNetwork(network: Network, side: Side): void {
  const text = promptText(side);
  if (usedOn(network, side).length > 0) setValue(side, takenOut(text, network));
  else if (network.kind === "embedding") setValue(side, putWord(text, network.prompt));
  else setValue(side, putTag(text, network.prompt.replace(/:1>$/, `:${spelled(network.weight === 0 ? 1 : network.weight)}>`)));
}

function takenOut(text: string, network: Network): string {
  const found = network.kind === "embedding" ? wordIn(text, nameOf(network)) : tagOf(network);
  return found ? takeSpan(text, found) : text;
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
