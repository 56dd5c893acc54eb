import { onScopeDispose, ref, watch } from "vue";
import type { Ref } from "vue";
import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import { ApiError } from "@/state/notices";

/** How many tokens a prompt has; `limit` grows by chunks of 75. */
export interface Tokens {
  used: number;
  limit: number;
  chunks: number;
  /** What was probably meant otherwise, in English sentences. */
  warnings: string[];
}

/** How the prompt is read: fields of the request; what is missing is as usual. */
export type Reading = Partial<Omit<components["schemas"]["Prompt"], "prompt">>;

const USUAL: Omit<components["schemas"]["Prompt"], "prompt"> = {
  comma_backtrack: 20, steps: 20, negative: false, emphasis: "original", prompt_timeline: "new", prompt_comments: true,
};
const PAUSE = 400;
const NEAR = 3;

/** Whether the next words begin another chunk of tokens. */
export function atBorder(tokens: Omit<Tokens, "warnings">): boolean {
  return tokens.limit - tokens.used <= NEAR;
}

/** Count a prompt's tokens some time after the last change; null until the server has said it. */
export function useTokens(prompt: Ref<string>, reading: () => Reading): Ref<Tokens | null> {
  const tokens = ref<Tokens | null>(null);
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  async function ask(text: string): Promise<void> {
    const mine = ++asked;
    const found = text.trim() === "" ? { used: 0, limit: 75, chunks: 1, warnings: [] } : await count(text, reading());
    if (mine === asked) tokens.value = found;
  }
  watch(
    prompt,
    (text, before) => {
      clearTimeout(timer);
      timer = setTimeout(() => void ask(text), before === undefined || text === "" ? 0 : PAUSE);
    },
    { immediate: true },
  );
  onScopeDispose(() => clearTimeout(timer));
  return tokens;
}

async function count(prompt: string, reading: Reading): Promise<Tokens | null> {
  const body = { ...USUAL, prompt, ...Object.fromEntries(Object.entries<unknown>(reading).filter(([, one]) => one !== null && one !== undefined)) };
  try {
    return await answer(api.POST("/api/v1/tokens", { body }));
  } catch (error) {
    // A counter that cannot be had is left out; what is wrong is said when a job is sent.
    if (error instanceof ApiError) return null;
    throw error;
  }
}
