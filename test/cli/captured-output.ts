/** What a command prints, caught before it reaches the test run's own output. */
import { vi } from 'vitest';

export interface Captured {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly restore: () => void;
}

/** Catches everything that is written to stdout and stderr until `restore`. */
export function captureOutput(): Captured {
  const texts = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      texts[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    }),
  );
  return {
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    restore: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
}
