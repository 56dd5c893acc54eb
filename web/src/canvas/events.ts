import type { EngineEvents } from "./types";

type Listener<K extends keyof EngineEvents> = (value: EngineEvents[K]) => void;

/** Who listens to what. */
export class Events {
  readonly #listeners: { [K in keyof EngineEvents]?: Set<Listener<K>> } = {};

  on<K extends keyof EngineEvents>(event: K, listener: Listener<K>): () => void {
    const listeners = this.#listeners[event] ?? new Set<Listener<K>>();
    Object.assign(this.#listeners, { [event]: listeners });
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<K extends keyof EngineEvents>(event: K, value: EngineEvents[K]): void {
    const listeners = this.#listeners[event];
    for (const listener of [...(listeners ?? [])]) listener(value);
  }
}
