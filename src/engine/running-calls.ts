/** The calls that run now: for the operator, and for a stop that waits until the last has ended. */
import type { Caller } from './door-interface.ts';

export interface RunningCall {
  readonly request: string;
  readonly caller: Caller;
  readonly tool: string;
  readonly startedAt: Date;
}

export class RunningCalls {
  readonly #calls = new Map<string, RunningCall>();
  readonly #waiting: (() => void)[] = [];

  add(call: RunningCall): void {
    this.#calls.set(call.request, call);
  }

  delete(request: string): void {
    this.#calls.delete(request);
    if (this.#calls.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  list(): readonly RunningCall[] {
    return [...this.#calls.values()];
  }

  /** Resolves once nothing runs: at once where nothing does. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
