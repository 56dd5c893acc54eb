import { reactive } from "vue";
import { answer, api, API } from "@/api/client";
import type { components } from "@/api/schema";
import { refreshModels } from "./library";

/** A LoRA, embedding or hypernetwork, with what is known about it. */
export type Network = components["schemas"]["NetworkOut"];
/** What kinds of networks prompts can name. */
export type NetworkKind = Network["kind"];

/** The networks the server has; `fits` of each is about `model`, whose family is `family`. */
export const networks: { loaded: boolean; model: string; family: string; list: Network[] } = reactive({ loaded: false, model: "", family: "", list: [] });

let asked = 0;

/** Ask for the networks, judged for a model (null: the server's own); throws `ApiError`. */
export async function loadNetworks(model: string | null): Promise<void> {
  const mine = ++asked;
  const query = model === null ? {} : { model };
  const found = await answer(api.GET("/api/v1/networks", { params: { query } }));
  if (mine === asked) Object.assign(networks, { loaded: true, model: found.model ?? "", family: found.family, list: found.networks });
}

/** Look into the folders again; throws `ApiError`. */
export async function refreshNetworks(model: string | null): Promise<void> {
  await refreshModels();
  await loadNetworks(model);
}

/** Return the address of a network's picture. */
export function previewOf({ kind, name }: Network): string {
  return `${API}/networks/${kind}/${name.split("/").map(encodeURIComponent).join("/")}/preview`;
}

/** Return the network a tag of a prompt means: by its name, the name its trainer gave it, or the last part of its name. */
export function networkOf(kind: NetworkKind, name: string): Network | undefined {
  const wanted = name.trim().toLowerCase();
  const some = networks.list.filter((one) => one.kind === kind);
  const ways: ((one: Network) => string)[] = [(one) => one.name, nameOf, (one) => one.alias, (one) => one.name.slice(one.name.lastIndexOf("/") + 1)];
  for (const way of ways) {
    const found = some.find((one) => way(one).toLowerCase() === wanted);
    if (found) return found;
  }
  return undefined;
}

/** Return the name by which prompts call a network: what stands in its tag, or an embedding's word. */
export function nameOf({ prompt }: Network): string {
  return /^<\w+:(.*):1>$/.exec(prompt)?.[1] ?? prompt;
}
